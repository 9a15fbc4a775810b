//! The whole line, on real tokens and real time: from a policy to a published trust root that the clients of others
//! start from.
#![allow(clippy::unwrap_used)]

mod common;
mod sigstore;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::clients::{Job, one, run};
use common::{Server, Store, Trustroot, services};

const NONCE: &str = "00112233445566778899aabbccddeeff";

/// Whom the bundles were signed by.
const IDENTITY: &str = "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/\
                        extremely-dangerous-oidc-beacon.yml@refs/heads/main";
const ISSUER: &str = "https://token.actions.githubusercontent.com";

fn data(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(path)
}

/// One directory, and people who hand it around, each with a machine and a token of their own.
struct Team {
    coordinator: Trustroot,
    _online: Store,
    people: BTreeMap<String, (Trustroot, Store)>,
}

impl Team {
    fn new() -> Self {
        let room = Trustroot::new();
        let people = ["--keyholder=alice", "--keyholder=bob", "--keyholder=carol"];
        room.ok(&[&["init", "--name=Line", "--template=sigstore", "--threshold=2"], &people[..]].concat());
        // The trust root that one of the bundles was made under; that of Sigstore takes its place later.
        room.write("targets/trusted_root.json", fs::read(data("bundles/rekor2-happy-path/trusted_root.json")).unwrap());
        let config = String::from_utf8(sigstore::target("signing_config.v0.2.json")).unwrap();
        room.write("targets/signing_config.v0.2.json", config.replace("sigstore.dev", "sigstage.dev"));
        room.write("targets/notice.txt", "one\n");
        // The online key is on a token in the coordinator's machine, and a file there has its PIN.
        let online = Store::new(&["online"]);
        let coordinator = online.on(room);
        let config = coordinator.home().join("config.toml");
        let pin = format!("\n[[pin]]\nkeyholder = \"online\"\nfile = \"{}\"\n", online.pin_file());
        fs::write(&config, fs::read_to_string(&config).unwrap() + &pin).unwrap();
        enroll(&coordinator, &online, "online");
        let mut team = Self { coordinator, _online: online, people: BTreeMap::new() };
        ["alice", "bob", "carol"].iter().for_each(|name| team.enroll(name));
        team
    }

    /// Somebody makes a key on their token, at their machine.
    fn enroll(&mut self, name: &str) {
        let store = Store::new(&[name]);
        let machine = store.on(self.coordinator.other_machine());
        enroll(&machine, &store, name);
        self.people.insert(name.to_owned(), (machine, store));
    }

    /// Stages, lets these people review and sign, and publishes.
    fn hold(&self, people: &[&str]) {
        let room = &self.coordinator;
        room.ok(&["keyholder", "verify", "--nonce", NONCE]);
        let ceremony = room.json(0, &["stage"])["ceremony"].as_str().unwrap().to_owned();
        let shown = room.json(0, &["review", &ceremony, "--digest"]);
        let words = shown["words"].as_str().unwrap();
        for name in people {
            let (machine, store) = &self.people[*name];
            let mut sign = vec!["sign", &ceremony, "--expect", words];
            let pin = store.pin_file();
            sign.extend(["--pin-file", &pin]);
            // Who was not there before is given the first root, as a client is.
            if room.dir().join("repository").exists() {
                machine.ok(&["review", &ceremony, "--root=repository/1.root.json"]);
                sign.push("--root=repository/1.root.json");
            } else {
                machine.ok(&["review", &ceremony]);
            }
            machine.ok(&sign);
        }
        room.ok(&["publish", &ceremony]);
    }
}

fn enroll(machine: &Trustroot, store: &Store, name: &str) {
    let uri = format!("pkcs11:token={name}");
    let given = ["keyholder", "enroll", name, "--pkcs11", &uri, "--generate", "--nonce", NONCE];
    machine.ok(&[&given[..], &["--pin-file", &store.pin_file()]].concat());
}

#[test]
fn three_tokens_make_a_trust_root_that_every_client_starts_from() {
    let mut team = Team::new();
    team.hold(&["alice", "bob"]);
    let room = &team.coordinator;
    let fetch = ["fetch", "--root=repository/1.root.json", "--metadata-url=repository", "--cache=cache", "--out=out"];
    room.ok(&[&fetch[..], &["notice.txt", "trusted_root.json"]].concat());
    assert_eq!(room.read("out/notice.txt"), "one\n");
    let server = Server::directory(room.dir().join("repository"));
    // The log that this one is in came after sigstore-cli.
    for client in ["sigstore-python", "sigstore-js", "cosign"] {
        verifies(room, &server, client, "rekor2-happy-path", "a.txt").unwrap();
    }

    // Somebody joins, somebody leaves, three must sign from now on, and two targets change.
    team.enroll("dave");
    let room = &team.coordinator;
    for role in ["root", "targets"] {
        room.ok(&["role", role, "--add=dave", "--drop=carol", "--threshold=3"]);
    }
    room.accept_no_spare();
    room.write("targets/notice.txt", "two\n");
    room.write("targets/trusted_root.json", sigstore::target("trusted_root.json"));
    room.write("targets/signing_config.v0.2.json", sigstore::target("signing_config.v0.2.json"));
    // All four services move, long after this: what was signed so far must verify all the same.
    services::rotate_all(room, "2098-01-01T00:00:00Z");
    // From Sigstore's staging to its production: everything that was signed there is lost, which has to be accepted.
    let refused = room.json(1, &["stage"]);
    let found: Vec<&str> = refused["causes"].as_array().unwrap().iter().map(|cause| cause.as_str().unwrap()).collect();
    let count = |rule: &str| found.iter().filter(|cause| cause.starts_with(rule)).count();
    assert_eq!((count("target-changed"), count("entry-removed")), (3, 7), "{found:#?}");
    for cause in &found {
        let (rule, rest) = cause.split_once(" (").unwrap();
        let (subject, _) = rest.split_once("): ").unwrap();
        room.ok(&["accept", rule, subject, "--reason=tested", "--until=2099-01-01T00:00:00Z"]);
    }
    team.hold(&["alice", "bob", "dave"]);
    room.ok(&["renew"]);
    room.ok(&[&fetch[..], &["notice.txt"]].concat());
    assert_eq!(room.read("out/notice.txt"), "two\n");
    room.ok(&["verify", "--repository=repository", "--root=repository/1.root.json"]);

    let caches = tempfile::tempdir().unwrap();
    let targets = ["trusted_root.json", "signing_config.v0.2.json", "notice.txt"];
    for version in [1, 2] {
        let root = room.dir().join(format!("repository/{version}.root.json"));
        for client in ["python-tuf", "sigstore-python", "tuf-js", "sigstore-js", "go-tuf", "sigstore-tuf"] {
            let cache = caches.path().join(format!("{client}-{version}"));
            let came_to = run(client, None, &[Job::new(server.url(), &root, &cache, &targets)]).pop().unwrap();
            // sigstore-js does not say.
            let expected = if client == "sigstore-js" { 0 } else { 2 };
            assert_eq!(came_to, Ok(expected), "{client} from root {version}");
        }
        for client in ["tough", "cosign"] {
            let cache = caches.path().join(format!("{client}-{version}"));
            let targets = if client == "cosign" { &targets[..2] } else { &targets };
            let came_to = one(client, &Job::new(server.url(), &root, &cache, targets), None);
            assert_eq!(came_to, Ok(0), "{client} from root {version}");
        }
    }
    for (bundle, clients) in [("happy-path-v0.1", &VERIFIERS[1..]), ("happy-path-v0.3", &VERIFIERS[..])] {
        for client in clients {
            verifies(room, &server, client, bundle, "a.txt").unwrap();
        }
    }
    let another = verifies(room, &server, "cosign", "happy-path-v0.3", "happy-path-v0.3/README");
    assert!(another.is_err(), "a signature over another file");
}

/// Clients that verify bundles.
const VERIFIERS: [&str; 4] = ["sigstore-python", "sigstore-js", "sigstore-cli", "cosign"];

/// Whether a client that starts from our first root and takes its trust from our targets verifies a real bundle.
fn verifies(room: &Trustroot, server: &Server, client: &str, bundle: &str, artifact: &str) -> Result<(), String> {
    let cache = tempfile::tempdir().unwrap();
    let mut verify = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/verify_bundle"));
    verify.args([client, &server.url()]).arg(room.dir().join("repository/1.root.json")).arg(cache.path());
    verify.arg(data(&format!("bundles/{bundle}/bundle.sigstore.json"))).arg(data(&format!("bundles/{artifact}")));
    let output = verify.args([IDENTITY, ISSUER]).output().unwrap();
    let said = || format!("{client}, {bundle}: {}", String::from_utf8_lossy(&output.stderr));
    if output.status.success() { Ok(()) } else { Err(said()) }
}

#[test]
fn the_demo_shows_what_it_says() {
    let directory = tempfile::tempdir().unwrap();
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/demo");
    let output = Command::new(demo).arg(directory.path().join("kept")).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains(r#"{"client": "python-tuf", "root_version": 2, "ok": true}"#), "{said}");
    assert!(said.lines().any(|line| line == "  200 /2.root.json"), "{said}");
    assert!(directory.path().join("kept/room/repository/2.root.json").exists());
}
