//! A robot renews what is published, and says in time what keeps it from that.
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::path::PathBuf;

use common::tree::listing;
use common::{Room, Run, says};
use serde_json::json;

/// The timestamp's signing window is open.
const DUE: &str = "2026-11-26T12:00:00Z";

/// A room in which alice and bob have published once.
fn room() -> Room {
    let room = Room::new(&["alice", "bob", "carol"], 2);
    room.hold(&["alice", "bob"]);
    room
}

/// Runs `renew` with the online key at hand; and if it fails, once more as `--dry-run`, with the same answer.
fn renew(room: &Room, code: i32) -> Run {
    let run = room.run(code, &room.with_keys(&["renew"], &["online"]).each());
    if code != 0 {
        let dry = room.run(code, &room.with_keys(&["renew", "--dry-run"], &["online"]).each());
        assert_eq!(dry.stderr, run.stderr);
    }
    run
}

/// The only published file of the target `name`.
fn target(room: &Room, name: &str) -> PathBuf {
    let files = fs::read_dir(room.path("repository/targets")).unwrap().map(|entry| entry.unwrap().path());
    let mut found = files.filter(|path| path.to_str().unwrap().ends_with(&format!(".{name}")));
    let path = found.next().unwrap();
    assert_eq!(found.next(), None);
    path
}

#[test]
fn a_target_file_that_clients_refuse_is_found_whether_anything_is_due_or_not() {
    let mut room = room();
    let file = target(&room, "a.txt");
    for now in [common::room::NOW, DUE] {
        room.at(now);
        for (content, what) in [(Some("firsT\n"), "its SHA-256 is"), (Some("first\n\n"), "is longer than 6 bytes")] {
            fs::write(&file, content.unwrap()).unwrap();
            let before = listing(&room.path("repository"));
            let run = renew(&room, 1);
            says(&run, &["clients refuse a file that is published: nothing was signed over it", "a.txt: ", what]);
            says(&run, &["put back what was published", "targets/a.txt is a copy if its SHA-256"]);
            assert_eq!(listing(&room.path("repository")), before);
        }
        fs::remove_file(&file).unwrap();
        says(&renew(&room, 1), &["a.txt: it is not there"]);
        fs::copy(room.path("targets/a.txt"), &file).unwrap();
    }
    fs::rename(room.path("repository/targets"), room.path("elsewhere")).unwrap();
    says(&renew(&room, 2), &["the repository cannot be read", "repository/targets", "put back what was published"]);
    fs::rename(room.path("elsewhere"), room.path("repository/targets")).unwrap();
    says(&renew(&room, 0), &["Wrote timestamp.json."]);
    says(&renew(&room, 0), &["Nothing is due."]);
}

#[test]
fn metadata_that_is_gone_or_damaged_is_found_though_the_trusted_root_is_newer() {
    let mut room = room();
    room.enroll("dave");
    room.run(0, &["role", "root", "--add=dave"]);
    let second = room.hold(&["alice", "bob"]);
    says(&renew(&room, 0), &["Nothing is due."]);

    let first = room.coordinator.read("repository/1.root.json");
    room.replace("repository/1.root.json", "\"sig\": \"30", "\"sig\": \"31");
    says(&renew(&room, 1), &["does not follow from", "put back what was published"]);
    room.coordinator.write("repository/1.root.json", first);

    let targets = room.coordinator.read("repository/1.targets.json");
    fs::remove_file(room.path("repository/1.targets.json")).unwrap();
    let copy = format!("ceremonies/{second}/base/targets.json is a copy of targets 1");
    says(&renew(&room, 1), &["1.targets.json: it is not there", &copy]);
    room.coordinator.write("repository/1.targets.json", targets);

    fs::remove_file(room.path("repository/1.snapshot.json")).unwrap();
    says(&renew(&room, 2), &["1.snapshot.json", "put back what was published"]);
}

#[test]
fn another_directory_is_worked_in_and_other_paths_stay_where_they_are() {
    let room = room();
    let elsewhere = room.key_file("online").parent().unwrap().to_owned();
    fs::copy(room.path("repository/1.root.json"), elsewhere.join("trusted.json")).unwrap();
    let directory = room.coordinator.dir().to_str().unwrap();
    let renew =
        ["-C", directory, "renew", "--root=trusted.json", "--online-key=online.pem", "--now", common::room::NOW];
    let run: Run = room.fresh().command(&renew).current_dir(elsewhere).output().unwrap().into();
    assert_eq!(run.code, 0, "{run:?}");
    says(&run, &["Nothing is due."]);
}

#[test]
fn what_a_delegated_role_publishes_is_verified_too_and_may_expire() {
    let mut room = Room::new(&["alice", "bob", "carol"], 2);
    let delegation = "\n[[delegation]]\nname = \"team\"\npaths = [\"team-*\"]\nkeyholders = [\"dave\", \"erin\"]\n\
                      threshold = 2\nlifetime-days = 90\nsigning-window-days = 30\n";
    let policy = room.coordinator.read("trustroot.toml");
    room.coordinator.write("trustroot.toml", policy + delegation);
    ["dave", "erin"].iter().for_each(|name| room.enroll(name));
    room.run(0, &["accept", "key-lost", "team", "--reason=a test", "--until=9000-01-01T00:00:00Z"]);
    room.coordinator.write("targets/team-b.txt", "team\n");
    room.hold(&["alice", "bob", "dave", "erin"]);
    renew(&room, 0);
    let file = target(&room, "team-b.txt");
    fs::write(&file, "maet\n").unwrap();
    says(&renew(&room, 1), &["team-b.txt: ", "its SHA-256 is", "targets/team-b.txt is a copy"]);
    fs::copy(room.path("targets/team-b.txt"), &file).unwrap();
    room.replace("repository/1.team.json", "\"sig\": \"30", "\"sig\": \"31");
    says(&renew(&room, 1), &["1.team.json: ", "nothing was signed over"]);
    room.replace("repository/1.team.json", "\"sig\": \"31", "\"sig\": \"30");
    // That the team is late is no reason to let everybody else fail.
    room.at("2027-03-01T12:00:00Z");
    says(&renew(&room, 0), &["Wrote 2.snapshot.json, then timestamp.json.", "team 1 EXPIRED 2027-02-20"]);
}

#[test]
fn a_timestamp_that_is_gone_or_forged_is_put_back_from_a_copy() {
    let room = room();
    let timestamp = room.path("repository/timestamp.json");
    fs::remove_file(&timestamp).unwrap();
    let run = renew(&room, 1);
    says(&run, &["root 1 is published, and repository/timestamp.json is not there", "is a copy of timestamp 1"]);
    says(&room.run(1, &["status", "--check"]), &["There is a root, and no timestamp: no client can use"]);
    let other = room.fresh();
    let run = room.run_as(&other, 1, &["renew", "--root=repository/1.root.json"]);
    let copies: Vec<_> = fs::read_dir(room.path("ceremonies")).unwrap().map(|entry| entry.unwrap().path()).collect();
    let name = copies[0].file_name().unwrap().to_str().unwrap();
    says(&run, &[&format!("ceremonies/{name}/published/1.timestamp.json is a copy of timestamp 1")]);
    let copy = copies[0].join("published/1.timestamp.json");
    let forged = fs::read_to_string(&copy).unwrap().replace("\"version\": 1", "\"version\": 9");
    fs::write(copies[0].join("published/9.timestamp.json"), forged).unwrap();
    let run = room.run_as(&other, 1, &["renew", "--root=repository/1.root.json"]);
    says(&run, &[&format!("ceremonies/{name}/published/1.timestamp.json is a copy of timestamp 1")]);
    fs::remove_file(copies[0].join("published/9.timestamp.json")).unwrap();
    fs::copy(copy, &timestamp).unwrap();
    renew(&room, 0);

    room.replace("repository/timestamp.json", "\"sig\": \"30", "\"sig\": \"31");
    let run = renew(&room, 1);
    says(&run, &["timestamp.json: it needs 1 of the keys that root names; 0 signed", "is a copy of timestamp 1"]);
    let empty = Room::new(&["alice", "bob"], 2);
    says(&empty.run(1, &["renew"]), &["nothing is published", "`trustroot publish` makes the first"]);
}

#[test]
fn a_key_that_is_missing_is_found_before_anything_is_due() {
    let room = room();
    for more in [&[][..], &["--dry-run"]] {
        let run = room.run(2, &[&["renew"], more].concat());
        says(&run, &["snapshot is not due yet, and could not be signed when it is", "of online is not at hand"]);
        says(&run, &["name its file with --online-key"]);
        let run = room.run(2, &room.with_keys(&[&["renew"], more].concat(), &["alice"]).each());
        says(&run, &["of online is not at hand", "alice.pem holds the key"]);
    }
    fs::write(room.key_file("online"), "-----BEGIN PRIVATE KEY-----\n").unwrap();
    says(&renew(&room, 2), &["snapshot is not due yet, and could not be signed when it is", "online.pem"]);
}

#[test]
fn a_timestamp_is_renewed_though_the_key_of_the_snapshot_is_missing() {
    let mut room = Room::new(&["alice", "bob", "carol"], 2);
    room.enroll_online("online2");
    room.run(0, &["role", "snapshot", "--add=online2", "--drop=online"]);
    let ceremony = room.stage();
    room.sign_all(&["alice", "bob"], &ceremony);
    room.run(0, &room.with_keys(&["publish", &ceremony], &["online", "online2"]).each());
    says(
        &renew(&room, 2),
        &["snapshot is not due yet, and could not be signed when it is", "of online2 is not at hand"],
    );
    room.at(DUE);
    let run = room.run(1, &room.with_keys(&["renew"], &["online"]).each());
    says(&run, &["Wrote timestamp.json.", "snapshot is not due yet, and could not be signed when it is"]);
    assert_eq!(room.published("timestamp.json")["version"], 2);
}

#[test]
fn a_clock_that_is_slow_is_found_before_anything_is_due() {
    let mut room = room();
    for slow in ["2025-01-01T00:00:00Z", "2026-11-22T10:59:59Z"] {
        room.at(slow);
        let run = renew(&room, 2);
        let signed = "was signed later, at 2026-11-22T12:00:00Z";
        says(&run, &[&format!("this machine's clock shows {slow}"), signed, "set the clock"]);
    }
    // Clocks of two machines are never quite the same, and a life that was made shorter is no slow clock.
    room.at("2026-11-22T11:30:00Z");
    renew(&room, 0);
    room.run(0, &["role", "timestamp", "--lifetime-days=2", "--signing-window-days=1"]);
    renew(&room, 0);
}

#[test]
fn a_renewal_reports_every_deadline() {
    let mut room = room();
    room.at(DUE);
    let run = renew(&room, 0);
    says(&run, &["Wrote timestamp.json.", "timestamp 2 2026-12-03 in 7 days from 2026-11-29 in 3 days"]);
    says(&run, &["snapshot 1 2026-12-13", "targets 1 2027-11-22", "root 1 2027-11-22"]);
    let answer = room.json(0, &room.with_keys(&["renew"], &["online"]).each());
    let roles: Vec<_> = answer["deadlines"].as_array().unwrap().iter().map(|deadline| &deadline["role"]).collect();
    assert_eq!(roles, ["timestamp", "snapshot", "targets", "root"]);
    assert_eq!(answer["timestamp-expires"], answer["deadlines"][0]["expires"]);
    // What people sign has expired: it is told, and what to do.
    room.at("2028-01-01T12:00:00Z");
    says(
        &renew(&room, 1),
        &["no client could use what would be published", "`trustroot status` shows what has expired"],
    );
}

#[test]
fn monitoring_is_told_by_the_exit_code() {
    let mut room = Room::new(&["alice", "bob", "carol"], 2);
    says(&room.run(1, &["status", "--check"]), &["Nothing is published."]);
    room.hold(&["alice", "bob"]);
    room.run(0, &["status", "--check"]);
    says(&room.run(1, &["status", "--check=8"]), &["timestamp 1 expires in 7 days."]);
    // The window of the timestamp is open for a day: the timer has time.
    room.at(DUE);
    room.run(0, &["status", "--check"]);
    room.at("2026-11-27T12:00:00Z");
    let run = room.run(1, &["status", "--check"]);
    says(&run, &["timestamp 1 expires in 2 days, and no timer has renewed it."]);
    let answer = room.json(1, &["status", "--check"]);
    assert_eq!((&answer["ok"], &answer["alarms"][0]["role"]), (&json!(false), &json!("timestamp")));
    room.run(0, &["status"]);

    room.at("2026-12-14T12:00:00Z");
    let run = room.run(0, &["status"]);
    assert!(run.stdout.starts_with("timestamp 1 has EXPIRED, 15 days ago: clients refuse it.\n"), "{}", run.stdout);
    assert_eq!(room.json(0, &["status"])["alarms"].as_array().unwrap().len(), 2);

    // People are asked for the next root and targets until somebody stages them.
    room.at("2027-10-01T12:00:00Z");
    let run = room.run(1, &["status", "--check"]);
    says(&run, &["root 1 expires in 52 days, and nobody has staged the next version."]);
    let ceremony = room.stage();
    let alarms = room.json(1, &["status", "--check"])["alarms"].clone();
    let about: Vec<_> = alarms.as_array().unwrap().iter().map(|alarm| &alarm["role"]).collect();
    assert_eq!(about, ["timestamp", "snapshot"]);
    room.sign_all(&["alice", "bob"], &ceremony);
    room.publish(&ceremony);
    room.run(0, &["status", "--check=6"]);
    says(&room.run(2, &["status", "--check", &ceremony]), &["cannot be used with"]);
}

#[test]
fn a_ceremony_gets_a_free_name_and_a_taken_one_is_refused() {
    let room = Room::new(&["alice", "bob", "carol"], 2);
    let first = room.stage();
    room.run(0, &["abandon", &first, "--reason=for a test"]);
    let taken = room.run(1, &["stage", "--name", &first]);
    says(&taken, &[&format!("there is a ceremony {first} already"), "give another name with --name"]);
    let plan = room.json(0, &["stage", "--dry-run"]);
    assert_eq!(plan["ceremony"], format!("{first}-2"));
    assert_eq!(room.stage(), format!("{first}-2"));
    room.run(0, &["abandon", &format!("{first}-2"), "--reason=again"]);
    assert_eq!(room.stage(), format!("{first}-3"));
}

#[test]
fn the_guide_closes_a_ceremony_and_stages_the_next() {
    let mut room = Room::new(&["alice", "bob", "carol"], 2);
    let ceremony = room.stage();
    room.at("2028-01-01T12:00:00Z");
    let mut terminal = room.coordinator.terminal(&["--now", "2028-01-01T12:00:00Z"]);
    terminal.expect("it can no longer be published").expect("> trustroot abandon").send(common::terminal::ENTER);
    terminal.expect("Why is it closed").line("too late");
    terminal.expect(&format!("Closed {ceremony}")).expect("Enter goes on").line("");
    terminal.expect("A ceremony is due").expect("> trustroot stage").send(common::terminal::ENTER);
    terminal.expect("Staged ceremonies/2028-01-root-1");
    drop(terminal);
    room.run(0, &["abandon", "2028-01-root-1", "--reason=for a test"]);
    let mut terminal = room.coordinator.terminal(&["--now", "2028-01-01T12:00:00Z"]);
    terminal.expect("A ceremony is due").expect("> trustroot stage").send(common::terminal::ENTER);
    terminal.expect("Staged ceremonies/2028-01-root-1-2");
}

#[test]
fn without_a_record_it_says_how_one_is_made() {
    let room = Room::new(&["alice", "bob"], 2);
    fs::remove_file(room.path("keyholders/alice.toml")).unwrap();
    says(&room.run(2, &["stage"]), &["there is no record of alice", "trustroot keyholder enroll alice"]);
    let room = Room::new(&["alice", "bob"], 2);
    fs::remove_file(room.path("keyholders/online.toml")).unwrap();
    says(&room.run(2, &["stage"]), &["there is no record of online", "trustroot keyholder enroll online --online"]);
}
