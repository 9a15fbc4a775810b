//! Keys are replaced while the clients of others look on, after every single write.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use ceremony::Digest;
use common::clients::{Job, QUICK, copy, run};
use common::room::NOW;
use common::{Room, Server};
use serde_json::{Value, json};
use tempfile::TempDir;

/// The day after the ceremony.
const LATER: &str = "2026-11-23T12:00:00Z";

/// What a web server serves while something is published: a directory for each moment.
struct Moments {
    directory: TempDir,
    server: Server,
    /// How many there are: `0` is before the first write.
    count: usize,
}

impl Moments {
    /// The moments of a publication that wrote these metadata files, in this order; the targets came first.
    fn new(before: &Path, after: &Path, writes: &[String]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let at = |number: usize| directory.path().join(number.to_string());
        copy(before, &at(0));
        copy(before, &at(1));
        copy(&after.join("targets"), &at(1).join("targets"));
        for (i, write) in writes.iter().enumerate() {
            copy(&at(i + 1), &at(i + 2));
            fs::copy(after.join(write), at(i + 2).join(write)).unwrap();
        }
        let server = Server::directory(directory.path());
        Self { count: writes.len() + 2, directory, server }
    }

    fn url(&self, number: usize) -> String {
        format!("{}/{number}", self.server.url())
    }

    /// The root that everybody starts from.
    fn root(&self) -> PathBuf {
        self.directory.path().join("0/1.root.json")
    }

    /// Where clients remember what they saw.
    fn cache(&self, client: &str, name: &str) -> PathBuf {
        self.directory.path().join(format!("caches/{client}/{name}"))
    }

    /// What each moment is to a client that is new, and to one that has run before the first write.
    fn seen_by(&self, client: &str, target: &str) -> Vec<[Result<u64, String>; 2]> {
        let seed = self.cache(client, "seed");
        let job = |number, cache: &Path| Job::new(self.url(number), &self.root(), cache, &[target]);
        let seeded = run(client, Some(NOW), &[job(0, &seed)]);
        assert_eq!(seeded, [Ok(1)], "{client} before");
        let mut jobs = Vec::new();
        for number in 0..self.count {
            let cached = self.cache(client, &format!("cached-{number}"));
            copy(&seed, &cached);
            jobs.push(job(number, &self.cache(client, &format!("fresh-{number}"))));
            jobs.push(job(number, &cached));
        }
        let answers = run(client, Some(LATER), &jobs);
        answers.chunks(2).map(|pair| [pair[0].clone(), pair[1].clone()]).collect()
    }
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

fn accept(room: &Room, finding: &str, subject: &str) {
    room.run(0, &["accept", finding, subject, "--reason=tested", "--until=2027-01-01T00:00:00Z"]);
}

/// Replaces the online key `online` by `successor`.
fn replace_online_key(room: &Room, successor: &str) {
    room.enroll_online(successor);
    for role in ["snapshot", "timestamp"] {
        room.run(0, &["role", role, &format!("--add={successor}"), "--drop=online"]);
    }
}

/// Publishes with these online keys and returns the moments of it.
fn publish(room: &Room, ceremony: &str, keys: &[&str]) -> (Moments, Value) {
    let before = tempfile::tempdir().unwrap();
    copy(&room.path("repository"), before.path());
    let plan = room.json(0, &room.with_keys(&["publish", ceremony, "--dry-run"], keys).each());
    let writes = texts(&plan["writes"]);
    assert_eq!(contents(before.path()), contents(&room.path("repository")), "--dry-run writes nothing");
    room.run(0, &room.with_keys(&["publish", ceremony], keys).each());
    (Moments::new(before.path(), &room.path("repository"), &writes), plan)
}

/// The text without its line breaks.
fn plain(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn contents(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut next = vec![directory.to_owned()];
    while let Some(directory) = next.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => next.push(path),
                false => drop(found.insert(path.file_name().unwrap().into(), fs::read(path).unwrap())),
            }
        }
    }
    found
}

#[test]
fn a_planned_rotation_fails_no_client_at_any_moment() {
    let mut room = Room::new(&["alice", "bob", "carol"], 2);
    room.hold(&["alice", "bob"]);
    // The online key, everybody who signs targets, and the targets themselves.
    replace_online_key(&room, "online2");
    let new = ["dave", "erin", "frank"];
    new.iter().for_each(|name| room.enroll(name));
    let mut change = vec!["role".to_owned(), "targets".to_owned()];
    change.extend(new.iter().map(|name| format!("--add={name}")));
    change.extend(["alice", "bob", "carol"].map(|name| format!("--drop={name}")));
    room.run(0, &change.iter().map(String::as_str).collect::<Vec<_>>());
    room.coordinator.write("targets/a.txt", "second\n");
    accept(&room, "key-lost", "targets in root 2");
    accept(&room, "target-changed", "--all");
    let ceremony = room.stage();
    room.sign_all(&["alice", "bob", "dave", "erin"], &ceremony);

    let (moments, plan) = publish(&room, &ceremony, &["online", "online2"]);
    assert_eq!(plan["breaks"], Value::Array(vec![]));
    assert_eq!(texts(&plan["writes"]), ["2.targets.json", "2.snapshot.json", "timestamp.json", "2.root.json"]);
    let last = moments.count - 1;
    for client in QUICK {
        for (number, seen) in moments.seen_by(client, "a.txt").into_iter().enumerate() {
            let root = if number == last { 2 } else { 1 };
            assert_eq!(seen, [Ok(root), Ok(root)], "{client}, fresh and cached, at moment {number}");
        }
        let newest = room.path("repository/2.root.json");
        let job = Job::new(moments.url(last), &newest, &moments.cache(client, "newest"), &["a.txt"]);
        assert_eq!(run(client, Some(LATER), &[job]), [Ok(2)], "{client} from root 2");
    }
    // The new key alone carries on.
    room.at("2026-11-28T12:00:00Z");
    room.run(0, &room.with_keys(&["renew"], &["online2"]).each());
}

#[test]
fn where_the_old_online_key_is_lost_publishing_says_what_breaks_and_clients_recover() {
    let room = Room::new(&["alice", "bob", "carol"], 2);
    room.hold(&["alice", "bob"]);
    replace_online_key(&room, "online2");
    let first = room.stage();
    room.sign_all(&["alice", "bob"], &first);
    let before = contents(&room.path("repository"));

    // Nobody said that it is an emergency.
    let run = room.run(1, &room.with_keys(&["publish", &first], &["online2"]).each());
    let said = plain(&run.stderr);
    for text in [
        "clients that work today would fail",
        "did not sign: the online key",
        "of online is not at hand",
        "after timestamp.json, until the next file is written: a client that starts from root 1",
        "after timestamp.json, until the next file is written: a client that remembers what is published now",
        "trustroot accept clients-break 'root 2'",
    ] {
        assert!(said.contains(text), "no {text:?} in {said}");
    }
    assert_eq!(contents(&room.path("repository")), before);
    assert!(!room.path(&format!("ceremonies/{first}/published")).exists());

    // With the old key at hand nothing would break.
    let plan = room.json(0, &room.with_keys(&["publish", &first, "--dry-run"], &["online", "online2"]).each());
    assert_eq!((&plan["breaks"], &plan["absent"]), (&Value::Array(vec![]), &Value::Array(vec![])));

    room.run(0, &["abandon", &first, "--reason=the old online key is lost"]);
    accept(&room, "clients-break", "root 2");
    accept(&room, "equivocation", "root 2");
    let second = room.json(0, &["stage", "--name=emergency"])["ceremony"].as_str().unwrap().to_owned();
    let shown = room.run(0, &["review", &second, "--root=repository/1.root.json"]).stdout;
    let shown = plain(&shown);
    assert!(shown.contains("the outgoing keys of snapshot and timestamp need not sign"), "{shown}");
    room.sign_all(&["alice", "bob"], &second);
    let (moments, plan) = publish(&room, &second, &["online2"]);
    assert_eq!(texts(&plan["breaks"]).len(), 2, "{plan}");
    assert_eq!(texts(&plan["absent"]).len(), 1, "{plan}");
    assert_eq!(texts(&plan["writes"]), ["2.snapshot.json", "timestamp.json", "2.root.json"]);

    let last = moments.count - 1;
    for client in QUICK {
        for (number, seen) in moments.seen_by(client, "a.txt").into_iter().enumerate() {
            match number {
                _ if number == last => assert_eq!(seen, [Ok(2), Ok(2)], "{client} at the end"),
                _ if number == last - 1 => assert!(seen.iter().all(Result::is_err), "{client} in the gap: {seen:?}"),
                _ => assert_eq!(seen, [Ok(1), Ok(1)], "{client} at moment {number}"),
            }
        }
        // Who looked at the wrong moment is not lost either.
        for name in ["fresh", "cached"] {
            let cache = moments.cache(client, &format!("{name}-{}", last - 1));
            let job = Job::new(moments.url(last), &moments.root(), &cache, &["a.txt"]);
            assert_eq!(run_one(client, job), Ok(2), "{client}, {name}");
        }
    }
}

fn run_one(client: &str, job: Job) -> Result<u64, String> {
    run(client, Some(LATER), &[job]).pop().unwrap()
}

#[test]
fn the_root_goes_first_where_that_breaks_nobody() {
    let room = Room::new(&["alice", "bob", "carol"], 2);
    room.hold(&["alice", "bob"]);
    // A second online key joins, and the first one breaks before it has signed.
    room.enroll_online("online2");
    for role in ["snapshot", "timestamp"] {
        room.run(0, &["role", role, "--add=online2"]);
        accept(&room, "online-key-added", &format!("{role} in root 2"));
    }
    room.coordinator.write("targets/b.txt", "new\n");
    let ceremony = room.stage();
    room.sign_all(&["alice", "bob"], &ceremony);
    let (moments, plan) = publish(&room, &ceremony, &["online2"]);
    assert_eq!((&plan["breaks"], texts(&plan["absent"]).len()), (&Value::Array(vec![]), 1));
    assert_eq!(texts(&plan["writes"]), ["2.targets.json", "2.snapshot.json", "2.root.json", "timestamp.json"]);
    for client in QUICK {
        for (number, seen) in moments.seen_by(client, "a.txt").into_iter().enumerate() {
            let root = if number >= moments.count - 2 { 2 } else { 1 };
            assert_eq!(seen, [Ok(root), Ok(root)], "{client} at moment {number}");
        }
    }
}

#[test]
fn targets_keys_that_are_all_lost_are_replaced_in_an_emergency() {
    let mut room = Room::new(&["alice", "bob", "carol"], 2);
    ["dave", "erin", "frank", "gina"].iter().for_each(|name| room.enroll(name));
    room.run(0, &["role", "targets", "--add=dave", "--add=erin", "--drop=alice", "--drop=bob", "--drop=carol"]);
    accept(&room, "key-lost", "targets in root 2");
    room.hold(&["alice", "bob", "dave", "erin"]);
    room.run(0, &["role", "targets", "--add=frank", "--add=gina", "--drop=dave", "--drop=erin"]);
    let first = room.stage();
    room.sign_all(&["alice", "bob", "frank", "gina"], &first);
    let run = room.run(1, &room.with_keys(&["publish", &first], &["online"]).each());
    assert!(run.stderr.contains("targets needs 2 of 2 outgoing keys; none has signed"), "{run:?}");

    room.run(0, &["abandon", &first, "--reason=both are lost"]);
    accept(&room, "clients-break", "root 2");
    ["root 2", "targets 2"].iter().for_each(|subject| accept(&room, "equivocation", subject));
    let second = room.json(0, &["stage", "--name=emergency"])["ceremony"].as_str().unwrap().to_owned();
    room.sign_all(&["alice", "bob", "frank", "gina"], &second);
    let (moments, plan) = publish(&room, &second, &["online"]);
    let gap = "after timestamp.json, until the next file is written";
    assert!(texts(&plan["breaks"]).iter().all(|broken| broken.starts_with(gap)), "{plan}");
    let last = moments.count - 1;
    for (number, seen) in moments.seen_by("sigstore-tuf", "a.txt").into_iter().enumerate() {
        match number {
            _ if number == last => assert_eq!(seen, [Ok(2), Ok(2)]),
            _ => assert_eq!(seen.map(|seen| seen.ok()), [(number < last - 1).then_some(1); 2], "at moment {number}"),
        }
    }
}

/// The snapshot and the timestamp that a thief of the online key signs: they use the numbers up.
fn fast_forward(room: &Room, version: u64) -> [(String, Vec<u8>); 2] {
    let mut snapshot = room.published("1.snapshot.json");
    snapshot["version"] = version.into();
    let snapshot = room.signed_by("online", &snapshot);
    let mut timestamp = room.published("timestamp.json");
    timestamp["version"] = version.into();
    timestamp["meta"]["snapshot.json"] = json!({
        "version": version,
        "length": snapshot.len(),
        "hashes": { "sha256": Digest::of(&snapshot).to_string() },
    });
    let timestamp = room.signed_by("online", &timestamp);
    [(format!("{version}.snapshot.json"), snapshot), ("timestamp.json".to_owned(), timestamp)]
}

/// Clients that look at the thief's files, which lie in the first directory of a server, and then at ours, which lie in
/// the second.
fn recover(server: &Server, root: &Path, caches: &Path, deceived: &[&str]) {
    for client in QUICK {
        let cache = caches.join(client);
        let look = |place: &str, time| {
            let job = Job::new(format!("{}/{place}", server.url()), root, &cache, &["a.txt"]);
            run(client, Some(time), &[job]).pop().unwrap()
        };
        let taken = look("theirs", NOW);
        assert_eq!(taken.is_ok(), deceived.contains(&client), "{client}: {taken:?}");
        assert_eq!(look("ours", LATER), Ok(2), "{client}");
        assert_eq!(look("ours", LATER), Ok(2), "{client}, once more");
    }
}

/// Who takes a timestamp of this version for what it is. Go has no integers beyond 2^63 - 1, JavaScript none beyond
/// 2^53 that it would write again as they were.
fn deceived(version: u64) -> Vec<&'static str> {
    let cannot = |client: &&&str| match **client {
        "tuf-js" => version > 1 << 53,
        "go-tuf" => version > i64::MAX as u64,
        _ => false,
    };
    QUICK.iter().filter(|client| !cannot(client)).copied().collect()
}

const FAST: [u64; 3] = [1 << 31, i64::MAX as u64, u64::MAX];

#[test]
fn clients_that_a_thief_of_the_online_key_fast_forwarded_recover() {
    let room = Room::new(&["alice", "bob", "carol"], 2);
    room.hold(&["alice", "bob"]);
    let directory = tempfile::tempdir().unwrap();
    let at = |name: String| directory.path().join(name);
    for version in FAST {
        let theirs = at(format!("{version}/theirs"));
        copy(&room.path("repository"), &theirs);
        fast_forward(&room, version).into_iter().for_each(|(name, bytes)| fs::write(theirs.join(name), bytes).unwrap());
    }
    replace_online_key(&room, "online2");
    let ceremony = room.stage();
    room.sign_all(&["alice", "bob"], &ceremony);
    room.run(0, &room.with_keys(&["publish", &ceremony], &["online", "online2"]).each());
    for version in FAST {
        copy(&room.path("repository"), &at(format!("{version}/ours")));
        let server = Server::directory(at(version.to_string()));
        let root = room.path("repository/1.root.json");
        recover(&server, &root, &at(format!("caches/{version}")), &deceived(version));
    }
}

#[test]
fn a_repository_that_a_thief_of_the_online_key_wrote_to_recovers_with_its_clients() {
    for version in [1 << 31, u64::MAX] {
        let mut room = Room::new(&["alice", "bob", "carol"], 2);
        room.hold(&["alice", "bob"]);
        for (name, bytes) in fast_forward(&room, version) {
            room.coordinator.write(&format!("repository/{name}"), bytes);
        }
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        copy(&room.path("repository"), &at("theirs"));
        replace_online_key(&room, "online2");
        accept(&room, "clients-break", "root 2");
        let ceremony = room.stage();
        room.sign_all(&["alice", "bob"], &ceremony);
        let done = room.json(0, &room.with_keys(&["publish", &ceremony], &["online", "online2"]).each());
        // Both keys signed: only who saw the thief's timestamp has to wait for the root.
        let breaks = texts(&done["breaks"]);
        assert!(breaks.iter().all(|broken| broken.contains("a client that remembers")) && breaks.len() == 1, "{done}");
        assert_eq!(room.published("2.snapshot.json")["version"], 2);
        assert_eq!(room.published("timestamp.json")["version"], 1);
        copy(&room.path("repository"), &at("ours"));
        let server = Server::directory(directory.path());
        recover(&server, &room.path("repository/1.root.json"), &at("caches"), &deceived(version));

        // The thief's files stay where they are, and are in nobody's way.
        room.at("2026-12-12T12:00:00Z");
        let done = room.json(0, &room.with_keys(&["renew"], &["online2"]).each());
        assert_eq!(texts(&done["writes"]), ["3.snapshot.json", "timestamp.json"]);
        copy(&room.path("repository"), &at("ours"));
        for client in QUICK {
            let root = room.path("repository/1.root.json");
            let job = Job::new(format!("{}/ours", server.url()), &root, &at("caches").join(client), &["a.txt"]);
            assert_eq!(run(client, Some("2026-12-12T13:00:00Z"), &[job]), [Ok(2)], "{client}");
        }
    }
}

#[test]
fn numbers_that_are_used_up_are_said_to_need_another_key() {
    let mut room = Room::new(&["alice", "bob", "carol"], 2);
    room.hold(&["alice", "bob"]);
    for (name, bytes) in fast_forward(&room, u64::MAX) {
        room.coordinator.write(&format!("repository/{name}"), bytes);
    }
    room.at("2026-11-28T12:00:00Z");
    let run = room.run(2, &room.with_keys(&["renew"], &["online"]).each());
    assert!(plain(&run.stderr).contains("replace the online key"), "{run:?}");
}
