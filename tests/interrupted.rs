//! Publishing is killed, raced, put off and run again.
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use common::clients::{Job, run};
use common::room::NOW;
use common::tree::listing;
use common::{BINARY, Room, Server, Trustroot};
use serde_json::Value;

const TOMORROW: &str = "2026-11-23T12:00:00Z";
/// The timestamp's signing window is open.
const IN_FIVE_DAYS: &str = "2026-11-27T12:00:00Z";
/// The timestamp has expired.
const IN_NINE_DAYS: &str = "2026-12-01T12:00:00Z";

/// What is interrupted: a change of the online key, of who signs targets, and of the targets, signed by all.
struct Change {
    room: Room,
    ceremony: String,
}

impl Change {
    fn new() -> Self {
        let mut room = Room::new(&["alice", "bob", "carol"], 2);
        room.hold(&["alice", "bob"]);
        room.enroll("dave");
        room.enroll_online("online2");
        for role in ["snapshot", "timestamp"] {
            room.run(0, &["role", role, "--add=online2", "--drop=online"]);
        }
        room.run(0, &["role", "targets", "--add=dave", "--drop=carol"]);
        room.coordinator.write("targets/b.txt", "new\n");
        let ceremony = room.stage();
        room.sign_all(&["alice", "bob"], &ceremony);
        Self { room, ceremony }
    }

    /// The arguments of a command that has both online keys at hand.
    fn arguments(&self, command: &[&str], now: &str) -> Vec<String> {
        let arguments = self.room.with_keys(&[command, &["--now", now]].concat(), &["online", "online2"]);
        arguments.each().into_iter().map(str::to_owned).collect()
    }

    fn publish(&self, at: &Trustroot, now: &str) -> String {
        at.ok(&texts(&self.arguments(&["publish", &self.ceremony], now)))
    }

    fn renew(&self, at: &Trustroot, now: &str) -> String {
        at.ok(&texts(&self.arguments(&["renew"], now)))
    }

    /// Copies of the room in which publishing was killed at each of these system calls, with what to call them.
    fn killed<'a>(&'a self, calls: &'a [&str]) -> impl Iterator<Item = (String, Trustroot)> + 'a {
        killed(&self.room, self.arguments(&["publish", &self.ceremony], NOW), calls)
    }

    /// Checks that all is published at `at`, nothing is left over, and clients of root 1 get it.
    fn is_complete(&self, at: &Trustroot, now: &str, why: &str) {
        let repository = at.dir().join("repository");
        let names = names(&repository);
        for name in ["1.root.json", "2.root.json", "2.targets.json"] {
            assert!(names.iter().any(|other| other == name), "{why}: {names:?}");
        }
        assert!(names.iter().all(|name| !name.starts_with('.')), "{why}: {names:?}");
        let fetch = ["fetch", "--root=repository/1.root.json", "--metadata-url=repository", "--cache=cache"];
        let found = at.json(0, &[&fetch[..], &["--now", now, "b.txt"]].concat());
        let versions: Vec<_> = found["roles"].as_array().unwrap().iter().map(|role| &role["version"]).collect();
        assert_eq!((versions[0], versions[3]), (&2.into(), &2.into()), "{why}");
        at.ok(&["verify", "--repository=repository", "--root=repository/1.root.json", "--now", now]);
        let status = at.json(0, &["status", "--now", now]);
        assert_eq!(status["ceremonies"], Value::Array(vec![]), "{why}: {status}");
    }
}

/// Copies of the room in which a command was killed at the first, the second, .. of these system calls.
fn killed<'a>(
    room: &'a Room,
    command: Vec<String>,
    calls: &'a [&str],
) -> impl Iterator<Item = (String, Trustroot)> + 'a {
    let at = move |call: &str, number: usize| {
        let twin = room.coordinator.twin();
        let inject = format!("inject={call}:signal=KILL:when={number}");
        let mut strace = strace(&twin, &["-e", &inject], &command);
        let output = strace.output().expect("strace is missing: apt-get install strace");
        // A killed program has no code. One that came to its end was not called so often.
        (!output.status.success()).then(|| {
            assert_eq!(output.status.code(), None, "{}", String::from_utf8_lossy(&output.stderr));
            (format!("killed at {call} {number}"), twin)
        })
    };
    calls.iter().flat_map(move |call| {
        (1..).map_while({
            let at = at.clone();
            move |number| at(call, number)
        })
    })
}

fn texts(arguments: &[String]) -> Vec<&str> {
    arguments.iter().map(String::as_str).collect()
}

fn strace(at: &Trustroot, options: &[&str], arguments: &[String]) -> Command {
    let traced = ["-f", "-qqq", "-o", "/dev/null"].into_iter().chain(options.iter().copied()).chain([BINARY]);
    at.program("strace", &traced.chain(texts(arguments)).collect::<Vec<_>>())
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).map(|entries| entries.map(|entry| entry.unwrap().file_name()));
    let mut names: Vec<String> = entries.into_iter().flatten().map(|name| name.to_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

/// The system calls by which new files appear, and by which they replace others.
const RENAMES: [&str; 2] = ["renameat2", "renameat"];

#[test]
fn killed_anywhere_and_run_again_the_next_day_it_ends_the_same() {
    let change = Change::new();
    let (mut count, mut kept) = (0, 0);
    for (why, room) in change.killed(&["renameat2", "renameat", "fsync"]) {
        let seals = room.dir().join("ceremonies").join(&change.ceremony).join("published");
        let before: Vec<_> = names(&seals).into_iter().filter(|name| !name.starts_with('.')).collect();
        change.publish(&room, TOMORROW);
        change.is_complete(&room, TOMORROW, &why);
        // What was signed before it was killed is what is published, and nothing was signed twice.
        assert_eq!(names(&seals), ["2.snapshot.json", "2.timestamp.json"], "{why}");
        for (sealed, name) in [("2.snapshot.json", "2.snapshot.json"), ("2.timestamp.json", "timestamp.json")] {
            let published = fs::read(room.dir().join("repository").join(name)).unwrap();
            assert_eq!(fs::read(seals.join(sealed)).unwrap(), published, "{why}");
        }
        count += 1;
        kept += usize::from(before.len() == 2);
    }
    assert!(count > 20 && kept > 10, "{count} places to be killed at, {kept} of them after signing");
}

#[test]
fn put_off_after_a_kill_until_a_renewal_or_until_everything_online_expired() {
    let change = Change::new();
    let mut count = 0;
    for (why, room) in change.killed(&RENAMES) {
        let twin = room.twin();
        let renewed = change.renew(&room, IN_FIVE_DAYS);
        assert!(renewed.contains("timestamp.json"), "{why}: {renewed}");
        change.publish(&room, IN_FIVE_DAYS);
        change.is_complete(&room, IN_FIVE_DAYS, &why);

        change.publish(&twin, IN_NINE_DAYS);
        // Where only this machine's memory of the new root was missing, nothing was left to publish.
        change.renew(&twin, IN_NINE_DAYS);
        change.is_complete(&twin, IN_NINE_DAYS, &format!("{why}, and expired"));
        count += 1;
    }
    assert!(count > 7, "{count}");
}

#[test]
fn a_signature_that_comes_after_a_kill_changes_nothing_that_is_written() {
    let change = Change::new();
    let (words, key) = (change.room.words(&change.ceremony), change.room.key_file("carol"));
    let sign = ["sign", &change.ceremony, "--expect", &words, "--root=repository/1.root.json", "--now", NOW];
    let sign = [&sign[..], &["--key-file", key.to_str().unwrap()]].concat();
    let mut count = 0;
    for (why, room) in change.killed(&RENAMES) {
        let repository = room.dir().join("repository");
        let mut before = listing(&repository);
        before.retain(|name, _| !name.contains("/.") && !name.starts_with('.') && name != "timestamp.json");
        room.other_machine().ok(&sign);
        change.publish(&room, TOMORROW);
        change.is_complete(&room, TOMORROW, &why);
        let after = listing(&repository);
        for (name, what) in before {
            assert_eq!(after.get(&name), Some(&what), "{why}: {name}");
        }
        count += 1;
    }
    assert!(count > 7, "{count}");
}

#[test]
fn an_emergency_that_is_killed_is_finished_too() {
    let room = Room::new(&["alice", "bob", "carol"], 2);
    room.hold(&["alice", "bob"]);
    room.enroll_online("online2");
    for role in ["snapshot", "timestamp"] {
        room.run(0, &["role", role, "--add=online2", "--drop=online"]);
    }
    room.run(0, &["accept", "clients-break", "root 2", "--reason=lost", "--until=2027-01-01T00:00:00Z"]);
    let ceremony = room.stage();
    room.sign_all(&["alice", "bob"], &ceremony);
    let publish = |now| room.with_keys(&["publish", &ceremony, "--now", now], &["online2"]);
    let command = publish(NOW).each().into_iter().map(str::to_owned).collect();
    let mut count = 0;
    for (why, twin) in killed(&room, command, &RENAMES) {
        count += 1;
        twin.ok(&publish(TOMORROW).each());
        let seals = names(&twin.dir().join("ceremonies").join(&ceremony).join("published"));
        assert_eq!(seals, ["2.snapshot.json", "2.timestamp.json"], "{why}");
        let fetch = ["fetch", "--root=repository/1.root.json", "--metadata-url=repository", "--cache=cache"];
        twin.ok(&[&fetch[..], &["--now", TOMORROW]].concat());
        assert_eq!(twin.json(0, &["status", "--now", TOMORROW])["ceremonies"], Value::Array(vec![]), "{why}");
    }
    assert!(count > 5, "{count}");
}

#[test]
fn ten_days_of_daily_renewals_leave_an_open_ceremony_as_good_as_new() {
    let mut room = Room::new(&["alice", "bob", "carol"], 2);
    room.hold(&["alice", "bob"]);
    room.coordinator.write("targets/b.txt", "new\n");
    let ceremony = room.stage();
    let words = room.words(&ceremony);
    room.sign("alice", &ceremony, &words);
    let cache = tempfile::tempdir().unwrap();
    let mut written = Vec::new();
    for day in 1..=10 {
        room.at(&format!("2026-12-{day:02}T12:00:00Z"));
        written.push(room.run(0, &room.with_keys(&["renew"], &["online"]).each()).stdout);
        let fetch = ["fetch", "--root=repository/1.root.json", "--metadata-url=repository", "--cache"];
        room.run(0, &[&fetch[..], &[cache.path().to_str().unwrap()]].concat());
    }
    let wrote = |name: &str| written.iter().filter(|said| said.contains(name)).count();
    assert!(wrote("timestamp.json") >= 3 && wrote("snapshot.json") >= 1 && wrote("Nothing is due") >= 3, "{written:?}");
    let status = room.json(0, &["status", &ceremony]);
    assert_eq!(status["ceremonies"][0]["roles"][0]["stale"], Value::Array(vec![]), "{status}");
    assert_eq!(room.words(&ceremony), words, "the digest is the one that alice heard");
    room.sign("bob", &ceremony, &words);
    room.publish(&ceremony);
    let fetch = ["fetch", "--root=repository/1.root.json", "--metadata-url=repository", "b.txt", "--cache"];
    let found = room.json(0, &[&fetch[..], &[cache.path().to_str().unwrap()]].concat());
    assert_eq!(found["roles"][3]["version"], 2, "{found}");
}

/// Starts a program that waits before each file appears, and waits until it is in the middle.
fn slow(at: &Trustroot, arguments: &[String]) -> std::process::Child {
    let inject = format!("inject={}:delay_enter=200000", RENAMES.join(","));
    let mut command = strace(at, &["-e", &inject], arguments);
    let child = command.stdout(Stdio::null()).spawn().expect("strace is missing: apt-get install strace");
    let until = Instant::now() + Duration::from_secs(20);
    while !at.dir().join(".trustroot.lock").exists() {
        assert!(Instant::now() < until, "it never took the lock");
        sleep(Duration::from_millis(5));
    }
    child
}

#[test]
fn of_publish_and_renew_at_once_one_wins_and_the_other_says_so() {
    let change = Change::new();
    let publish = change.arguments(&["publish", &change.ceremony], IN_FIVE_DAYS);
    let renew = change.arguments(&["renew"], IN_FIVE_DAYS);
    for (winner, loser) in [(&publish, &renew), (&renew, &publish)] {
        let room = change.room.coordinator.twin();
        let mut child = slow(&room, winner);
        let run = room.exits(2, &texts(loser));
        assert!(run.stderr.contains(&format!("process {}", pid_of_lock(&room))), "{run:?}");
        assert!(child.wait().unwrap().success());
        change.renew(&room, IN_FIVE_DAYS);
        change.publish(&room, IN_FIVE_DAYS);
        change.is_complete(&room, IN_FIVE_DAYS, "raced");
    }
    // As it happens on a machine with a timer.
    for _ in 0..5 {
        let room = change.room.coordinator.twin();
        let start = |arguments: &[String]| room.command(&texts(arguments)).output();
        let runs = std::thread::scope(|scope| {
            let both = [scope.spawn(|| start(&publish)), scope.spawn(|| start(&renew))];
            both.map(|thread| thread.join().unwrap().unwrap())
        });
        assert!(runs.iter().any(|run| run.status.success()), "{runs:?}");
        for run in runs.iter().filter(|run| !run.status.success()) {
            assert!(String::from_utf8_lossy(&run.stderr).contains("process"), "{run:?}");
        }
        change.publish(&room, IN_FIVE_DAYS);
        change.is_complete(&room, IN_FIVE_DAYS, "raced freely");
    }
}

fn pid_of_lock(at: &Trustroot) -> String {
    fs::read_to_string(at.dir().join(".trustroot.lock")).unwrap().trim().to_owned()
}

#[test]
fn a_delegated_role_that_is_taken_away_stays_in_the_snapshot() {
    let mut room = Room::new(&["alice", "bob", "carol"], 2);
    let delegation = "\n[[delegation]]\nname = \"team\"\npaths = [\"team-*\"]\nterminating = true\n\
                      keyholders = [\"dave\", \"erin\"]\nthreshold = 2\nlifetime-days = 90\nsigning-window-days = 30\n";
    let policy = room.coordinator.read("trustroot.toml");
    room.coordinator.write("trustroot.toml", policy.clone() + delegation);
    ["dave", "erin"].iter().for_each(|name| room.enroll(name));
    room.coordinator.write("targets/team-b.txt", "team\n");
    room.hold(&["alice", "bob", "dave", "erin"]);
    let server = Server::directory(room.path("repository"));
    let caches = tempfile::tempdir().unwrap();
    let look = |client: &str, target: &str| {
        let root = room.path("repository/1.root.json");
        let job = Job::new(server.url(), &root, &caches.path().join(client), &[target]);
        run(client, Some(TOMORROW), &[job]).pop().unwrap()
    };
    for client in common::clients::QUICK {
        assert_eq!(look(client, "team-b.txt"), Ok(1), "{client}");
    }

    room.coordinator.write("trustroot.toml", policy);
    fs::remove_file(room.path("targets/team-b.txt")).unwrap();
    room.run(
        0,
        &["accept", "role-removed", "team in targets 2", "--reason=the team is gone", "--until=2027-01-01T00:00:00Z"],
    );
    room.hold(&["alice", "bob"]);
    let named = room.published("2.snapshot.json")["meta"].clone();
    assert_eq!(named["team.json"], room.published("1.snapshot.json")["meta"]["team.json"], "{named}");
    assert_eq!(named["targets.json"]["version"], 2);
    // Clients that remember the first snapshot refuse one that lacks it.
    for client in common::clients::QUICK {
        assert_eq!(look(client, "a.txt"), Ok(1), "{client}");
        assert!(look(client, "team-b.txt").is_err(), "{client}");
    }
}

/// Puts one more entry into a snapshot, and leaves its signatures as they are.
fn tamper(at: &Trustroot, file: &str) {
    let text = at.read(file);
    let tampered = text.replacen("\"targets.json\"", "\"evil.json\": {\"version\": 1}, \"targets.json\"", 1);
    assert_ne!(text, tampered);
    at.write(file, tampered);
}

#[test]
fn the_online_key_signs_nothing_over_a_snapshot_that_somebody_tampered_with() {
    let change = Change::new();
    let room = change.room.coordinator.twin();
    tamper(&room, "repository/1.snapshot.json");
    let run = room.exits(1, &texts(&change.arguments(&["publish", &change.ceremony], TOMORROW)));
    assert!(run.stderr.contains("snapshot version 1 in repository/ is not signed by those who may"), "{run:?}");
    assert!(!room.dir().join("repository/2.targets.json").exists());

    // What was kept of an interrupted publication is taken for nothing if its signature is not good.
    let (_, room) = change.killed(&["renameat"]).next().unwrap();
    let kept = format!("ceremonies/{}/published/2.snapshot.json", change.ceremony);
    fs::remove_file(room.dir().join("repository/2.snapshot.json")).unwrap();
    tamper(&room, &kept);
    change.publish(&room, TOMORROW);
    change.is_complete(&room, TOMORROW, "tampered");
    assert!(!room.read("repository/3.snapshot.json").contains("evil"));
}

/// A file of `published/` under the name of another is the right file at the wrong place: nothing is taken from it.
#[test]
fn a_file_of_an_interrupted_publication_under_another_name_stops_the_next() {
    let change = Change::new();
    let (_, room) = change.killed(&["renameat"]).next().unwrap();
    let published = room.dir().join(format!("ceremonies/{}/published", change.ceremony));
    fs::rename(published.join("2.snapshot.json"), published.join("3.timestamp.json")).unwrap();
    let run = room.exits(1, &texts(&change.arguments(&["publish", &change.ceremony], TOMORROW)));
    assert!(run.says("published/3.timestamp.json cannot be used") && run.says("it is snapshot version 2"), "{run:?}");
}
