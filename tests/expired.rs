//! First aid for what has expired: what clients see, and every command of `docs/expired.md`.
#![allow(clippy::unwrap_used, clippy::panic)]

mod bundles;
mod common;
mod sigstore;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use bundles::{Signed, by_file};
use common::clients::{Job, copy, run};
use common::tuf::{repository, signed};
use common::{BINARY, Room, Run, Server, Trustroot};
use serde_json::{Value, json};
use tempfile::TempDir;

/// When it was published last.
const THEN: &str = "2023-11-20T12:00:00Z";
/// When all of it was valid.
const BEFORE: &str = "2023-11-26T00:00:00Z";
/// Two years after its root expired.
const NOW: &str = "2026-11-20T12:00:00Z";

/// Clients that remember, follow roots, and can be told the time.
const CLIENTS: [&str; 4] = ["python-tuf", "tuf-js", "go-tuf", "sigstore-tuf"];

#[test]
fn clients_name_what_has_expired() {
    for (role, name, signers) in [
        ("root", "3.root.json", &[1, 2][..]),
        ("timestamp", "timestamp.json", &[9]),
        ("snapshot", "2.snapshot.json", &[9]),
        ("targets", "1.targets.json", &[1, 2]),
    ] {
        let mut files = repository();
        let mut file: Value = serde_json::from_slice(&files[name]).unwrap();
        file["signed"]["expires"] = json!("2026-09-05T00:00:00Z");
        files.insert(name.to_owned(), signed(&file["signed"], signers));
        let place = tempfile::tempdir().unwrap();
        for (path, bytes) in files {
            let path = place.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        let server = Server::directory(place.path().to_owned());
        for client in CLIENTS.into_iter().chain(["sigstore-python"]) {
            let job = |cache: &str| {
                let cache = place.path().join(format!("{client}-{cache}"));
                Job::new(server.url(), &place.path().join("1.root.json"), &cache, &[])
            };
            // One that comes for the first time, and one that was there before.
            run(client, Some("2026-09-04T00:00:00Z"), &[job("known")]).remove(0).unwrap();
            for said in run(client, Some("2026-09-10T00:00:00Z"), &[job("new"), job("known")]) {
                let said = said.unwrap_err();
                let named = match (client, role) {
                    ("sigstore-tuf", _) => format!("{role} metadata expired at 2026-09-05T00:00:00Z"),
                    ("tuf-js", "targets") | (_, "root" | "timestamp" | "snapshot") => format!("{role}.json is expired"),
                    _ => "targets is expired".to_owned(),
                };
                assert!(said.contains(&named), "{client}: no {named:?} in {said}");
            }
        }
    }
}

/// The shell block of the page that has this name.
fn block(name: &str) -> String {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/expired.md")).unwrap();
    let (_, rest) = page.split_once(&format!("```sh {name}\n")).unwrap_or_else(|| panic!("no block {name}"));
    rest.split_once("```").unwrap().0.to_owned()
}

/// What was published at [`THEN`], and who made it.
struct Past {
    room: Room,
    /// `old/`, which is served, `anew/`, which takes its place, `bin/`, `keys/`, and what clients remember.
    place: TempDir,
}

impl Past {
    /// Signed by Alice, Bob and these, with this done to the directory first.
    fn of(signers: &[&str], prepare: impl FnOnce(&mut Room)) -> Self {
        let mut room = Room::new(&["alice", "bob", "carol"], 2);
        room.at(THEN);
        prepare(&mut room);
        room.hold(&[&["alice", "bob"], signers].concat());
        let past = Self { room, place: tempfile::tempdir().unwrap() };
        copy(&past.room.path("repository"), &past.path("old"));
        fs::create_dir(past.path("keys")).unwrap();
        for name in ["alice", "bob", "carol", "online"] {
            fs::copy(past.room.key_file(name), past.path("keys").join(format!("{name}.pem"))).unwrap();
        }
        fs::create_dir(past.path("bin")).unwrap();
        let wrapper = format!(
            "#!/bin/sh\ncase \" $* \" in *' --now '*) exec {BINARY} \"$@\" ;; *) exec {BINARY} \"$@\" --now {NOW} ;; esac\n"
        );
        fs::write(past.path("bin/trustroot"), wrapper).unwrap();
        fs::set_permissions(past.path("bin/trustroot"), fs::Permissions::from_mode(0o755)).unwrap();
        past
    }

    fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    /// Somebody's machine, in the directory that takes the place of the old one.
    fn anew(&self, machine: &Trustroot) -> Trustroot {
        fs::create_dir_all(self.path("anew")).unwrap();
        let anew = machine.elsewhere(&self.path("anew"));
        anew.write("1.root.json", fs::read(self.path("old/1.root.json")).unwrap());
        anew
    }

    fn fingerprint(&self, name: &str) -> String {
        let list = self.room.json(0, &["keyholder", "list"]);
        let list = list["keyholders"].as_array().unwrap();
        let keyholder = list.iter().find(|keyholder| keyholder["name"] == name).unwrap();
        keyholder["keys"][0]["fingerprint"].as_str().unwrap().to_owned()
    }

    /// Runs lines as somebody at this machine types them, which must end with this exit code.
    fn types(&self, at: &Trustroot, code: i32, lines: &str, digest: &str) -> Run {
        let mut script = format!("PATH='{}':\"$PATH\"\nset -e\n", self.path("bin").display());
        let variables = [
            ("OLD", self.path("old").display().to_string()),
            ("KEYS", self.path("keys").display().to_string()),
            ("BEFORE", BEFORE.to_owned()),
            ("UNTIL", "2027-02-01T00:00:00Z".to_owned()),
            ("DIGEST", digest.to_owned()),
            ("ALICE", self.fingerprint("alice")),
            ("BOB", self.fingerprint("bob")),
            ("CAROL", self.fingerprint("carol")),
        ];
        variables.iter().for_each(|(name, value)| script += &format!("{name}='{value}'\n"));
        let run: Run = at.program("sh", &["-c", &(script + lines)]).output().unwrap().into();
        assert_eq!(run.code, code, "{lines}{run:#?}");
        run
    }

    /// What each client comes to that remembers the past, as it finds what is in `old/` at this address.
    fn clients(&self, server: &Server, now: &str) -> Vec<Result<u64, String>> {
        let job = |client: &str| {
            let cache = self.path("caches").join(client);
            Job::new(server.url(), &self.path("old/1.root.json"), &cache, &["a.txt"])
        };
        CLIENTS.into_iter().map(|client| run(client, Some(now), &[job(client)]).remove(0)).collect()
    }

    /// Clients that were there in the past fail now, and after `mend`, which returns what is to be served, come to root 2.
    fn recover(&self, mend: impl FnOnce() -> PathBuf) {
        let server = Server::directory(self.path("old"));
        assert!(self.clients(&server, BEFORE).into_iter().all(|came_to| came_to == Ok(1)));
        for said in self.clients(&server, NOW) {
            assert!(said.clone().unwrap_err().contains("expired"), "{said:?}");
        }
        copy(&mend(), &self.path("old"));
        for said in self.clients(&server, NOW) {
            assert_eq!(said, Ok(2));
        }
    }

    /// Alice and Bob sign, each at their machine in this directory; the ceremony is published with this online key.
    fn signed_and_published(&self, at: &Trustroot, online: &str) -> Run {
        let digest = digest(at);
        for name in ["alice", "bob"] {
            let signer = self.room.machine(name).elsewhere(at.dir());
            self.types(&signer, 0, &block("sign").replace("alice", name), &digest);
        }
        let publish = block("publish").replace("online.pem", online);
        let run = self.types(at, 0, &publish, "");
        assert!(run.stdout.contains("Yes: a client that trusts root 1 comes to root 2."), "{}", run.stdout);
        run
    }
}

/// The digest that everybody hears.
fn digest(at: &Trustroot) -> String {
    at.json(0, &["review", "again", "--digest", "--now", NOW])["digest"].as_str().unwrap().to_owned()
}

/// Adopts the past as it was, at the machine of Alice, who signed it; with the keys that these lines enroll.
fn adopted(past: &Past, enroll: &str) -> Trustroot {
    let alice = past.anew(past.room.machine("alice"));
    let late = past.types(&alice, 1, "trustroot adopt \"$OLD\" --root 1.root.json", "");
    assert!(
        late.says("with `--now` at a time before anything of it expired, the timestamp too; docs/expired.md"),
        "{}",
        late.stderr
    );
    past.types(&alice, 0, &block("adopt"), "");
    let policy = alice.read("trustroot.toml").replace("file-keys = false", "file-keys = true");
    alice.write("trustroot.toml", policy);
    past.types(&alice, 0, enroll, "");
    alice
}

#[test]
fn who_has_the_directory_goes_on_in_it() {
    let past = Past::of(&[], |_| ());
    past.recover(|| {
        let at = &past.room.coordinator;
        at.write("1.root.json", fs::read(past.path("old/1.root.json")).unwrap());
        let told = past.types(at, 0, &block("go-on"), "");
        assert!(told.stdout.contains("root 1 has EXPIRED"), "{}", told.stdout);
        let published = past.signed_and_published(at, "online.pem");
        assert!(published.stdout.contains("before this\nnone could start"), "{}", published.stdout);
        past.room.path("repository")
    });
}

#[test]
fn what_was_published_is_adopted_as_it_was_and_goes_on() {
    let past = Past::of(&[], |_| ());
    past.recover(|| {
        let at = adopted(&past, &block("enroll"));
        // She signed for the same trust root under another id.
        past.types(&at, 0, "trustroot stage --name early", "");
        let digest = at.json(0, &["review", "early", "--digest", "--now", NOW])["digest"].as_str().unwrap().to_owned();
        let refused = past.types(&at, 1, &block("sign").replace("again", "early"), &digest);
        assert!(refused.says("of the trust root") && refused.says("now it is asked to sign for"), "{}", refused.stderr);
        let accept = format!("trustroot accept key-used-elsewhere {}", past.fingerprint("alice"));
        assert!(refused.says(&accept), "{}", refused.stderr);
        past.types(&at, 0, "trustroot abandon early --reason 'keys that signed before'", "");
        past.types(&at, 0, &(block("accept") + &block("ceremony")), "");
        past.signed_and_published(&at, "online.pem");
        past.path("anew/repository")
    });
}

#[test]
fn a_lost_online_key_is_replaced_by_the_next_root() {
    let past = Past::of(&[], |_| ());
    past.recover(|| {
        fs::remove_file(past.path("keys/online.pem")).unwrap();
        let enroll = block("enroll");
        let enroll: Vec<&str> = enroll.lines().filter(|line| !line.contains("enroll online")).collect();
        let at = adopted(&past, &(enroll.join("\n") + "\n" + &block("online") + &block("accept")));
        past.types(&at, 0, &block("ceremony"), "");
        let published = past.signed_and_published(&at, "robot.pem");
        assert!(published.stdout.contains(" did not sign: "), "{}", published.stdout);
        past.path("anew/repository")
    });
}

#[test]
fn lost_keys_of_the_targets_are_replaced_by_the_next_root() {
    let past = Past::of(&["dave"], |room| {
        room.enroll("dave");
        let drop = ["--drop=alice", "--drop=bob", "--drop=carol", "--add=dave", "--threshold=1"];
        room.run(0, &[&["role", "targets"], &drop[..]].concat());
        room.run(0, &["accept", "one-meets-threshold", "targets", "--reason=a test", "--until=2099-01-01T00:00:00Z"]);
    });
    past.recover(|| {
        let at = &past.room.coordinator;
        at.write("1.root.json", fs::read(past.path("old/1.root.json")).unwrap());
        past.types(at, 0, &(block("targets") + &block("go-on")), "");
        past.signed_and_published(at, "online.pem");
        past.room.path("repository")
    });
}

/// Whoever verified by the old trust root verifies by the new one, which no client reaches by itself.
#[test]
fn with_too_few_root_keys_the_material_is_carried_over_to_a_new_root() {
    let files = ["trusted_root.json", "signing_config.v0.2.json"];
    let past = Past::of(&[], |room| {
        for name in files {
            room.coordinator.write(&format!("targets/{name}"), sigstore::target(name));
        }
        let stopped = room.json(1, &["stage", "--dry-run"]);
        for cause in stopped["causes"].as_array().unwrap() {
            let (name, rest) = cause.as_str().unwrap().split_once(" (").unwrap();
            let subject = rest.split_once("): ").unwrap().0;
            room.run(0, &["accept", name, subject, "--reason=a test", "--until=2024-01-01T00:00:00Z"]);
        }
    });
    let server = Server::directory(past.path("old"));
    past.clients(&server, BEFORE).into_iter().for_each(|came_to| assert_eq!(came_to, Ok(1)));

    // One of three, where two are needed.
    let at = &past.room.coordinator;
    at.write("1.root.json", fs::read(past.path("old/1.root.json")).unwrap());
    past.types(at, 0, &block("go-on"), "");
    let alice = past.room.machine("alice").elsewhere(at.dir());
    past.types(&alice, 0, &block("sign"), &digest(at));
    let missing = past.types(at, 1, &block("publish"), "");
    assert!(missing.says("root needs 2 of 3 outgoing keys"), "{}", missing.stderr);

    let anew = past.anew(&past.room.fresh());
    let shown = past.types(&anew, 0, &block("carry-over"), "");
    assert!(shown.stdout.contains("rekor.sigstore.dev"), "{}", shown.stdout);
    let enroll = "for name in dave erin frank; do
            trustroot keyholder enroll $name --new-nonce --generate --no-passphrase --file \"$KEYS/$name.pem\"
        done
        trustroot keyholder enroll online --online --new-nonce --generate --no-passphrase --file \"$KEYS/new.pem\"
        trustroot accept coverage-hole --all --reason 'as ever' --until \"$UNTIL\"
        trustroot stage --name again";
    past.types(&anew, 0, enroll, "");
    let digest = digest(&anew);
    for name in ["dave", "erin"] {
        let sign = block("sign").replace("alice", name).replace("--root 1.root.json ", "");
        past.types(&anew, 0, &sign, &digest);
    }
    past.types(&anew, 0, "trustroot publish again --online-key \"$KEYS/new.pem\"", "");

    let new = Server::directory(past.path("anew/repository"));
    let root = past.path("anew/repository/1.root.json");
    for client in CLIENTS {
        let job = |cache: &str, root: &Path| Job::new(new.url(), root, &past.path(cache).join(client), &files);
        assert_eq!(run(client, Some(NOW), &[job("fresh", &root)]).remove(0), Ok(1), "{client}");
        // Who trusts the old root is led nowhere.
        let said = run(client, Some(NOW), &[job("caches", &past.path("old/1.root.json"))]).remove(0).unwrap_err();
        assert!(said.contains("expired"), "{client}: {said}");
    }
    let fetched = past.path("fresh/sigstore-tuf/out/trusted_root.json");
    let fetched = fs::read_to_string(fetched).unwrap();
    assert_eq!(fetched.as_bytes(), sigstore::target("trusted_root.json"));
    for said in by_file("sigstore-verify", &fetched, &[&Signed::real("happy-path-v0.3"), &Signed::stamped()]) {
        said.unwrap();
    }
}
