//! What a hostile stick, coordinator or repository tries; each test is named for the mistake that would let it.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Room, Trustroot, says};

/// A copy of files of the room's directory, elsewhere.
fn copy(room: &Room, names: &[&str]) -> Trustroot {
    let other = Trustroot::new();
    let mut command = std::process::Command::new("cp");
    command.arg("-a").args(names).arg(other.dir()).current_dir(room.coordinator.dir());
    assert!(command.status().unwrap().success());
    other
}

const LATER: &str = "--now=2026-11-23T12:00:00Z";

#[test]
fn another_trust_root_id_does_not_hide_what_a_key_has_signed() {
    let mut room = Room::new(&["alice", "bob"], 2);
    room.hold(&["alice", "bob"]);
    room.at("2026-11-23T12:00:00Z");
    room.coordinator.write("targets/b.txt", "good\n");
    let ceremony = room.stage();
    room.sign_all(&["alice"], &ceremony);
    // What is published, under another id: clients know no such id, and take the signature for the same targets 2.
    let evil = copy(&room, &["repository", "keyholders", "trustroot.toml", "targets"]);
    let policy = evil.read("trustroot.toml");
    let id = policy.lines().find_map(|line| line.strip_prefix("id = \"")?.strip_suffix('"')).unwrap();
    evil.write("trustroot.toml", policy.replace(id, "0123456789abcdef0123456789abcdef"));
    evil.write("targets/b.txt", "evil\n");
    for name in ["alice", "bob", "online"] {
        evil.exits(0, &["accept", "possession-unproven", name, "--reason=adopted", "--until=2027-01-01T00:00:00Z"]);
    }
    let sign = |staged: &str, code: i32| {
        evil.exits(0, &["stage", "--name", staged, LATER]);
        let digest = evil.json(0, &["review", staged, "--digest", "--root=repository/1.root.json", LATER]);
        let (directory, root) = (evil.dir().to_str().unwrap(), evil.dir().join("repository/1.root.json"));
        let (key, root) = (room.key_file("alice"), root.to_str().unwrap().to_owned());
        let words = digest["words"].as_str().unwrap();
        let arguments = ["-C", directory, "sign", staged, "--expect", words, "--root", &root, LATER, "--key-file"];
        let run = room.machine("alice").exits(code, &[&arguments[..], &[key.to_str().unwrap()]].concat());
        evil.exits(0, &["abandon", staged, "--reason=again"]);
        run
    };
    let run = sign("first", 1);
    says(&run, &["of the trust root", "now it is asked to sign for 0123456789abcdef0123456789abcdef"]);
    // Somebody may share a key among trust roots, in sight of everybody.
    let command = run.stderr.split("trustroot accept").nth(1).unwrap().split('`').next().unwrap().to_owned();
    let command: Vec<&str> = command.split_whitespace().collect();
    evil.exits(0, &[&["accept"], &command[..], &["--reason=shared", "--until=2027-01-01T00:00:00Z"]].concat());
    says(
        &sign("second", 0),
        &["key-used-elsewhere of ", "until 2027-01-01T00:00:00Z: shared", "alice signed targets version 2"],
    );
}

#[test]
fn a_key_does_not_sign_what_comes_before_what_it_has_signed() {
    let mut room = Room::new(&["alice", "bob", "carol"], 2);
    room.hold(&["alice", "bob"]);
    let before = copy(&room, &["repository", "ceremonies", "trustroot.toml"]);
    for (day, content, people) in [(23, "b", ["bob", "carol"]), (24, "c", ["alice", "bob"])] {
        room.at(&format!("2026-11-{day}T12:00:00Z"));
        room.coordinator.write("targets/b.txt", content);
        if day == 24 {
            room.run(0, &["accept", "target-changed", "--all", "--reason=new", "--until=2027-01-01T00:00:00Z"]);
        }
        room.hold(&people);
    }
    // Alice signed targets 3, and never a targets 2.
    for name in ["repository", "ceremonies"] {
        std::fs::remove_dir_all(room.path(name)).unwrap();
        std::fs::rename(before.dir().join(name), room.path(name)).unwrap();
    }
    room.coordinator.write("targets/b.txt", "evil\n");
    let ceremony = room.stage();
    let (words, key) = (room.words(&ceremony), room.key_file("alice"));
    let arguments = ["sign", &ceremony, "--expect", &words, "--key-file", key.to_str().unwrap()];
    let run = room.run_as(room.machine("alice"), 1, &arguments);
    says(&run, &["this key signed targets version 3 at 2026-11-24T12:00:00Z; now it is asked to sign version 2"]);
}

/// Targets 1 is published, then targets 2; then the repository is put back to where it was between.
fn put_back() -> Room {
    let mut room = Room::new(&["alice", "bob"], 2);
    room.hold(&["alice", "bob"]);
    let before = copy(&room, &["repository"]);
    room.at("2026-11-23T12:00:00Z");
    room.coordinator.write("targets/b.txt", "second\n");
    room.hold(&["alice", "bob"]);
    std::fs::remove_dir_all(room.path("repository")).unwrap();
    std::fs::rename(before.dir().join("repository"), room.path("repository")).unwrap();
    // The old timestamp has not expired, and is due.
    room.at("2026-11-26T13:00:00Z");
    room
}

fn online(room: &Room) -> String {
    room.key_file("online").to_str().unwrap().to_owned()
}

#[test]
fn the_online_key_does_not_renew_a_state_that_was_put_back() {
    let room = put_back();
    let renew = ["renew", "--online-key", &online(&room)];
    let run = room.run(1, &renew);
    says(&run, &["the snapshot in repository/ was put back", "this machine has seen snapshot version 2"]);
    // A timestamp alone.
    let mut room = Room::new(&["alice", "bob"], 2);
    room.hold(&["alice", "bob"]);
    let first = std::fs::read(room.path("repository/timestamp.json")).unwrap();
    room.at("2026-11-26T13:00:00Z");
    let renew = ["renew", "--online-key", &online(&room)];
    room.run(0, &renew);
    room.coordinator.write("repository/timestamp.json", first);
    says(
        &room.run(1, &renew),
        &[
            "the timestamp in repository/ was put back",
            "version 2, and repository/ has version 1",
            "seen/",
            "timestamp.json is a copy of timestamp 2",
        ],
    );
}

#[test]
fn nothing_is_published_over_a_snapshot_that_was_put_back() {
    let mut room = Room::new(&["alice", "bob", "carol"], 2);
    room.hold(&["alice", "bob"]);
    let first = copy(&room, &["repository"]);
    room.at("2026-11-23T12:00:00Z");
    room.coordinator.write("targets/b.txt", "second\n");
    room.hold(&["alice", "bob"]);
    let second = copy(&room, &["repository"]);
    room.run(0, &["role", "root", "--drop=carol"]);
    room.run(0, &["accept", "key-lost", "root", "--reason=x", "--until=2027-01-01T00:00:00Z"]);
    let ceremony = room.json(0, &["stage", "--only=root"])["ceremony"].as_str().unwrap().to_owned();
    room.sign_all(&["alice", "bob"], &ceremony);
    room.at("2026-12-01T12:00:00Z");
    room.run(0, &["renew", "--online-key", &online(&room)]);
    let third = copy(&room, &["repository"]);
    let publish = ["publish", &ceremony, "--root=repository/1.root.json", "--online-key", &online(&room)];
    let put = |from: &Trustroot| {
        std::fs::remove_dir_all(room.path("repository")).unwrap();
        let mut command = std::process::Command::new("cp");
        command.arg("-a").arg(from.dir().join("repository")).arg(room.coordinator.dir());
        assert!(command.status().unwrap().success());
    };
    // The machine remembers the renewal; any machine knows what the ceremony started from.
    put(&second);
    says(&room.run(1, &publish), &["this machine has seen snapshot version 3, and repository/ has version 2"]);
    put(&first);
    let started = "the ceremony started from snapshot version 2, and repository/ has";
    says(&room.run_as(&room.fresh(), 1, &publish), &[started, "version 1"]);
    std::fs::remove_file(room.path("repository/timestamp.json")).unwrap();
    says(&room.run_as(&room.fresh(), 1, &publish), &[started, "none"]);
    put(&third);
    room.run(0, &publish);
}

#[test]
fn a_snapshot_that_nobody_signed_does_not_pass_for_a_publication() {
    let mut room = Room::new(&["alice", "bob"], 2);
    room.hold(&["alice", "bob"]);
    room.at("2026-11-23T12:00:00Z");
    room.coordinator.write("targets/b.txt", "second\n");
    let ceremony = room.stage();
    room.sign_all(&["alice", "bob"], &ceremony);
    let honest = copy(&room, &["repository"]);
    for (file, named, forged) in
        [("1.snapshot.json", "targets.json", "7.snapshot.json"), ("timestamp.json", "snapshot.json", "timestamp.json")]
    {
        let mut signed = room.published(file);
        signed["version"] = 7.into();
        signed["meta"][named] = serde_json::json!({ "version": 7 });
        // Whose key it is does not matter, as long as it is not the online key.
        room.coordinator.write(&format!("repository/{forged}"), room.signed_by("alice", &signed));
    }
    let publish = ["publish", &ceremony, "--online-key", &online(&room)];
    says(&room.run(1, &publish), &["the snapshot in repository/ says that", "is not signed by those who may sign it"]);
    // A root of the forger's own, which vouches for all of it.
    let forger = room.forged(&["mallory", "mary"], 2);
    forger.hold(&["mallory", "mary"]);
    room.coordinator.write("repository/2.root.json", {
        let mut signed = forger.published("1.root.json");
        signed["version"] = 2.into();
        forger.signed_by("mallory", &signed)
    });
    for (file, named, forged) in
        [("1.snapshot.json", "targets.json", "7.snapshot.json"), ("timestamp.json", "snapshot.json", "timestamp.json")]
    {
        let mut signed = forger.published(file);
        signed["version"] = 7.into();
        signed["meta"][named] = serde_json::json!({ "version": 7 });
        room.coordinator.write(&format!("repository/{forged}"), forger.signed_by("online", &signed));
    }
    says(&room.run(1, &publish), &["what is published does not follow from the trusted root"]);
    std::fs::remove_dir_all(room.path("repository")).unwrap();
    std::fs::rename(honest.dir().join("repository"), room.path("repository")).unwrap();
    says(&room.run(0, &publish), &["2.targets.json"]);
    says(&room.run(0, &publish), &["is published already: nothing is left to write"]);
}

#[test]
fn an_emergency_whose_time_is_over_is_not_signed() {
    let mut room = Room::new(&["alice", "bob", "carol"], 2);
    room.hold(&["alice", "bob"]);
    room.enroll_online("online2");
    for role in ["snapshot", "timestamp"] {
        room.run(0, &["role", role, "--add=online2", "--drop=online"]);
    }
    room.run(0, &["accept", "clients-break", "root 2", "--reason=stolen", "--until=2026-11-24T00:00:00Z"]);
    let ceremony = room.stage();
    let review = ["review", &ceremony, "--root=repository/1.root.json"];
    let said = "an emergency was declared when this was staged: the outgoing keys need not sign";
    says(&room.run_as(room.machine("alice"), 0, &review), &["accepted in the policy", said, "because: stolen"]);
    // What is no longer accepted is no longer accepted, whenever it is said to have been staged.
    room.at("2026-11-25T12:00:00Z");
    says(&room.run_as(room.machine("alice"), 1, &review), &["do not sign", said]);
    let words = room.json(1, &["review", &ceremony, "--digest"])["words"].as_str().unwrap().to_owned();
    let (key, expect) = (room.key_file("alice"), ["--expect", &words]);
    let sign = [&["sign"], &review[1..], &expect, &["--key-file", key.to_str().unwrap()]].concat();
    says(&room.run_as(room.machine("alice"), 1, &sign), &["the policy does not accept, or no longer, what is found"]);
}

#[test]
fn what_no_client_could_use_is_not_published() {
    let mut room = Room::new(&["alice", "bob"], 2);
    room.hold(&["alice", "bob"]);
    // All that is published has expired, the root too, and only targets are staged.
    room.at("2028-01-01T12:00:00Z");
    room.coordinator.write("targets/b.txt", "second\n");
    let ceremony = room.json(0, &["stage", "--only=targets"])["ceremony"].as_str().unwrap().to_owned();
    room.sign_all(&["alice", "bob"], &ceremony);
    let said = ["no client could use what would be published", "a client that starts from root 1", "trustroot status"];
    says(&room.run(1, &["renew", "--online-key", &online(&room)]), &said);
    says(&room.run(1, &["publish", &ceremony, "--online-key", &online(&room)]), &said);
    room.run(0, &["abandon", &ceremony, "--reason=the root comes first"]);
    room.run(0, &["accept", "equivocation", "targets 2", "--reason=abandoned", "--until=2029-01-01T00:00:00Z"]);
    room.hold(&["alice", "bob"]);
}

#[test]
fn what_lies_in_the_place_of_a_signature_is_named_before_a_device_is_troubled() {
    let room = Room::new(&["alice", "bob"], 2);
    let ceremony = room.stage();
    room.sign_all(&["alice"], &ceremony);
    let directory = room.path(&format!("ceremonies/{ceremony}/signatures/root"));
    let file = std::fs::read_dir(&directory).unwrap().next().unwrap().unwrap().path();
    std::fs::write(&file, "{}").unwrap();
    let alice = room.fresh();
    let (words, key) = (room.words(&ceremony), room.key_file("alice"));
    let sign = ["sign", &ceremony, "--expect", &words, "--key-file", key.to_str().unwrap()];
    says(&room.run_as(&alice, 1, &sign), &["is in the way, and is no good signature", "take it away, and sign again"]);
    assert!(!alice.home().join("journal").exists(), "nothing was signed");
    std::fs::remove_file(&file).unwrap();
    room.run_as(&alice, 0, &sign);
    // A bad one beside a good one hides nothing.
    let good: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let bad = std::fs::read_to_string(&file).unwrap().replace("\"keyholder\": \"alice\"", "\"keyholder\": \"aa\"");
    let bad = bad.replace(good["signature"].as_str().unwrap(), "00");
    let name = file.file_name().unwrap().to_str().unwrap().replace("alice.", "aa.");
    std::fs::write(directory.join(name), bad).unwrap();
    says(&room.run_as(&alice, 0, &sign), &["alice signed root version 1 before"]);
}

/// Whoever changes one staged file of a ceremony does not make it look published.
#[test]
fn a_ceremony_whose_files_were_changed_is_not_over() {
    let room = Room::new(&["alice", "bob"], 2);
    room.hold(&["alice", "bob"]);
    room.coordinator.write("targets/b.txt", "new\n");
    let second = room.stage();
    let staged = room.path(&format!("ceremonies/{second}/staged/targets.json"));
    for change in ["an older one", "none"] {
        match change {
            "none" => std::fs::remove_file(&staged).unwrap(),
            _ => _ = std::fs::copy(room.path("repository/1.targets.json"), &staged).unwrap(),
        }
        let named = format!("Ceremony {second}: it cannot be used");
        says(&room.run(1, &["status"]), &[&named, "staged/targets.json"]);
        says(&room.run(1, &["sign", "--key-file=none", "--expect=00"]), &["is not what its inputs give"]);
        says(&room.run(0, &["ceremony"]), &[&format!("Ceremony {second} cannot be used")]);
        says(
            &room.run(1, &["stage", "--name=third"]),
            &[&format!("the staged files of ceremony {second} are not what follows")],
        );
    }
}

#[test]
fn monitoring_sees_that_clients_refuse_what_is_published() {
    let room = Room::new(&["alice", "bob"], 2);
    room.hold(&["alice", "bob"]);
    room.run(0, &["status", "--check"]);
    room.replace("repository/timestamp.json", "\"expires\": \"2026", "\"expires\": \"2099");
    says(&room.run(1, &["status", "--check"]), &["Clients refuse timestamp.json"]);
    let alarms = room.json(1, &["status", "--check"]);
    assert_eq!(alarms["alarms"].as_array().unwrap().len(), 1, "{alarms}");
}

/// Files that anybody can put among the signatures say nothing in the words of this program, and keep nobody out.
#[test]
fn what_lies_among_the_signatures_makes_no_sentences() {
    let room = Room::new(&["alice", "bob"], 2);
    let first = room.stage();
    room.sign_all(&["alice", "bob"], &first);
    let signatures = format!("ceremonies/{first}/signatures");
    let name = format!("{signatures}/a{} Next, the coordinator:/z.json", "x".repeat(63));
    room.coordinator.write(&name, "{}");
    room.coordinator.write(&format!("{signatures}/root/zz.json"), "[1]");
    room.coordinator.write(&format!("{signatures}/root/large.json"), "");
    std::fs::File::create(room.path(&format!("{signatures}/root/large.json"))).unwrap().set_len(1 << 40).unwrap();
    for command in [&["status", &first][..], &["ceremony"]] {
        let run = room.run(0, command);
        says(
            &run,
            &[
                "Next,\\u{20}the\\u{20}coordinator:/z.json",
                "root/zz.json counts",
                "root/large.json has 1099511627776 bytes",
            ],
        );
    }

    // One file in the place of a good one leaves the others.
    let mail = room.path("mail");
    std::fs::rename(room.path(&signatures), &mail).unwrap();
    let alice = std::fs::read_dir(mail.join("root")).unwrap().map(|file| file.unwrap().file_name());
    let alice = alice.filter_map(|name| name.into_string().ok()).find(|name| name.starts_with("alice")).unwrap();
    room.coordinator.write(&format!("{signatures}/root/{alice}"), "{}");
    let answer = room.json(0, &["import", "mail/root", "mail/targets"]);
    let rows: Vec<_> = answer["signatures"].as_array().unwrap().iter().collect();
    assert_eq!(rows.iter().filter(|row| row["fate"] == "kept").count(), 3, "{answer}");
    let left = rows.iter().find(|row| row["file"].as_str().unwrap().ends_with(&alice) && row["fate"] == "left");
    assert!(left.unwrap()["reason"].as_str().unwrap().contains("is no good signature"), "{answer}");
}

/// What a record says of its kind is covered by no signature: the policy and the kind must agree.
#[test]
fn an_online_key_signs_nowhere_where_people_must() {
    let room = Room::new(&["alice", "bob"], 2);
    room.hold(&["alice", "bob"]);
    let refused = room.run(1, &["role", "root", "--add=online"]);
    says(&refused, &["online is enrolled as an online key, and people sign root"]);
    let refused = room.run(1, &["role", "timestamp", "--add=alice"]);
    says(&refused, &["alice is enrolled as a person, and online keys sign timestamp"]);
    room.coordinator.write("targets/b.txt", "something is due\n");
    room.replace("keyholders/alice.toml", "kind = \"person\"", "kind = \"online\"");
    let stopped = room.run(1, &["stage", "--dry-run"]);
    let what = "alice is an online key, and is named in `keyholders` of root";
    says(&stopped, &["signer-kind (root alice): ", what, "signer-kind (targets alice)"]);
    room.replace("keyholders/alice.toml", "kind = \"online\"", "kind = \"person\"");
    room.replace("keyholders/online.toml", "kind = \"online\"", "kind = \"person\"");
    says(&room.run(1, &["stage", "--dry-run"]), &["signer-kind (timestamp online): online is a person"]);
}
