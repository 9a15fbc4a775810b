//! `trustroot fetch` against Sigstore's real repository, served well and badly.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use common::{Reply, Run, Server, Trustroot, says, tuf};

const NOW: &str = "2026-08-22T00:00:00Z";
const NPM: &str = "registry.npmjs.org/keys.json";

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/sigstore-prod")
}

fn metadata(name: &str) -> Vec<u8> {
    std::fs::read(data().join("metadata").join(name)).unwrap()
}

/// A file of Sigstore's repository as it is published: metadata at the top, targets below `targets`.
fn sigstore(path: &str) -> Reply {
    let path = path.trim_start_matches('/');
    let file = if path.starts_with("targets/") { data().join(path) } else { data().join("metadata").join(path) };
    std::fs::read(file).map_or(Reply::Missing, Reply::Bytes)
}

/// Sigstore's repository with one answer changed.
fn sigstore_but(changed: &'static str, reply: fn() -> Reply) -> Server {
    Server::new(move |path| if path == changed { reply() } else { sigstore(path) })
}

/// A person with a root of Sigstore in `root.json`.
fn client(version: u64) -> Trustroot {
    let person = Trustroot::new();
    person.write("root.json", metadata(&format!("{version}.root.json")));
    person
}

fn arguments<'a>(url: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let fixed = ["fetch", "--root", "root.json", "--metadata-url", url, "--cache", "cache", "--now", NOW];
    [&fixed, more].concat()
}

fn fetch(person: &Trustroot, server: &Server, code: i32, more: &[&str]) -> Run {
    person.exits(code, &arguments(&server.url(), more))
}

/// The files below a directory by their paths.
fn files(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut next = vec![directory.to_owned()];
    while let Some(path) = next.pop() {
        for entry in std::fs::read_dir(&path).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => next.push(path),
                false => {
                    let name = path.strip_prefix(directory).unwrap().to_str().unwrap().to_owned();
                    found.insert(name, std::fs::read(path).unwrap());
                }
            }
        }
    }
    found
}

#[test]
fn from_an_old_root_to_verified_targets() {
    let (person, server) = (client(5), Server::new(sigstore));
    let url = server.url();
    let answer = person.json(0, &arguments(&url, &["--out", "out", "trusted_root.json", NPM]));
    assert_eq!(answer["ok"], true);
    let roles: Vec<_> = answer["roles"].as_array().unwrap().iter().map(|role| role["version"].as_u64()).collect();
    assert_eq!(roles, [16, 762, 165, 14].map(Some));
    assert_eq!(answer["targets"][0]["length"], 6787);
    let keys = "targets/registry.npmjs.org/160677eb6e1c7083c89b166b20f8fe4e837fb71181506aff1991b80b89184f7d.keys.json";
    assert_eq!(person.read("out/registry.npmjs.org/keys.json"), std::fs::read_to_string(data().join(keys)).unwrap());

    let cache = files(&person.dir().join("cache"));
    let mut expected = BTreeMap::from([
        ("root.json".to_owned(), metadata("16.root.json")),
        ("timestamp.json".to_owned(), metadata("timestamp.json")),
        ("snapshot.json".to_owned(), metadata("165.snapshot.json")),
        ("targets.json".to_owned(), metadata("14.targets.json")),
        ("registry.npmjs.org.json".to_owned(), metadata("8.registry.npmjs.org.json")),
    ]);
    for version in 5..=16 {
        let name = format!("root_history/{version}.root.json");
        expected.insert(name, metadata(&format!("{version}.root.json")));
    }
    let verified = cache.iter().filter(|(name, _)| !name.starts_with("targets/"));
    assert!(verified.eq(expected.iter()), "{:?}", cache.keys());

    // The next time only what may be new is asked for.
    server.asked();
    fetch(&person, &server, 0, &["trusted_root.json"]);
    assert_eq!(server.asked(), ["/17.root.json", "/timestamp.json"]);
}

#[test]
fn from_a_directory_and_a_file_url() {
    let person = client(12);
    let metadata = data().join("metadata").to_str().unwrap().to_owned();
    let targets = format!("file://{}", data().join("targets").canonicalize().unwrap().display());
    let out = person.ok(&arguments(&metadata, &["--targets-url", &targets, "trusted_root.json"]));
    assert!(out.starts_with("root       version 16   expires 2027-04-22T19:27:31Z\n"), "{out}");
    assert!(out.contains("\ntrusted_root.json\n  6787 bytes, SHA-256\n  6494e21e"), "{out}");
    assert!(out.lines().all(|line| line.len() <= 80), "{out}");
}

#[test]
fn offline_from_the_cache_alone() {
    let (person, server) = (client(5), Server::new(sigstore));
    fetch(&person, &server, 0, &[NPM]);
    let before = files(&person.dir().join("cache"));
    server.asked();
    let offline = ["fetch", "--offline", "--root", "root.json", "--cache", "cache"];
    let now = ["--now", NOW, NPM, "--out", "out"];
    let answer = person.json(0, &[&offline[..], &now[..]].concat());
    assert_eq!(answer["roles"][0]["version"], 16);
    assert_eq!(answer["targets"][0]["file"], "out/registry.npmjs.org/keys.json");

    let other = person.exits(2, &[&offline[..], &["--now", NOW, "trusted_root.json"]].concat());
    assert!(other.says("trusted_root.json is not there"), "{}", other.stderr);
    let late = person.exits(1, &[&offline[..], &["--now", "2026-08-28T19:25:56Z"]].concat());
    assert!(late.says("timestamp metadata expired at 2026-08-28T19:25:56Z"), "{}", late.stderr);
    let nothing = person.exits(2, &["fetch", "--offline", "--root", "root.json", "--cache", "nowhere", "--now", NOW]);
    assert!(nothing.stderr.starts_with("error: there is no cache at nowhere\n"), "{}", nothing.stderr);
    assert!(!person.dir().join("nowhere").exists());
    assert_eq!(files(&person.dir().join("cache")), before);
    assert!(server.asked().is_empty());
}

#[test]
fn a_cache_is_never_rolled_back() {
    // As it was before root 15, then as it is, then as it was.
    let before = |path: &str| match path {
        "/15.root.json" | "/16.root.json" => Reply::Missing,
        "/timestamp.json" => Reply::Bytes(std::fs::read(data().join("timestamps/675.timestamp.json")).unwrap()),
        path => sigstore(path),
    };
    let (person, old, new) = (client(12), Server::new(before), Server::new(sigstore));
    let then = "2026-05-15T00:00:00Z";
    let answer = person.json(0, &[&arguments(&old.url(), &[])[..8], &[then]].concat());
    assert_eq!(answer["roles"][1]["version"], 675);
    fetch(&person, &new, 0, &[]);
    let newest = files(&person.dir().join("cache"));
    let refused = person.exits(1, &[&arguments(&old.url(), &[])[..8], &[then]].concat());
    assert!(refused.says("trusted version 762 > new version 675"), "{}", refused.stderr);
    assert_eq!(files(&person.dir().join("cache")), newest);
}

#[test]
fn a_verdict_is_1_and_no_answer_is_2() {
    type Answer = fn() -> Reply;
    let cases: [(&'static str, Answer, i32, &str); 10] = [
        ("/timestamp.json", || Reply::Bytes(b"<html>".to_vec()), 1, "timestamp.json is refused: failed to parse JSON"),
        ("/timestamp.json", || Reply::Endless, 1, "/timestamp.json is longer than 16384 bytes"),
        ("/165.snapshot.json", || Reply::Bytes(metadata("164.snapshot.json")), 1, "165.snapshot.json is refused"),
        ("/17.root.json", || Reply::Bytes(metadata("16.root.json")), 1, "17.root.json is refused"),
        ("/14.targets.json", || Reply::Missing, 2, "14.targets.json is not there"),
        ("/timestamp.json", || Reply::Status(503), 2, "the server answered with status 503"),
        ("/14.targets.json", || Reply::Truncated(b"{".to_vec()), 2, "the connection ended before the answer did"),
        ("/13.root.json", || Reply::Silence(Duration::from_secs(3)), 2, "the server was silent for 1 s"),
        ("/13.root.json", || Reply::Redirect("13.root.json".into()), 2, "the server redirects more than 5 times"),
        ("/13.root.json", || Reply::Redirect("gopher://x/".into()), 2, "its scheme is neither http nor https"),
    ];
    for (path, reply, code, why) in cases {
        let (person, server) = (client(12), sigstore_but(path, reply));
        let run = fetch(&person, &server, code, &["--timeout", "1"]);
        assert!(run.says(why), "{path}: {}", run.stderr);
        assert!(run.stderr.starts_with("error: http://127.0.0.1:") && !run.stderr.contains('\x1b'), "{}", run.stderr);
        assert!(run.stdout.is_empty());
    }
}

#[test]
fn what_was_verified_before_a_failure_is_kept() {
    let (person, server) = (client(12), sigstore_but("/165.snapshot.json", || Reply::Status(500)));
    let run = fetch(&person, &server, 2, &[]);
    assert!(run.says("the same command goes on from there"), "{}", run.stderr);
    let server = Server::new(sigstore);
    fetch(&person, &server, 0, &[]);
    assert_eq!(server.asked(), ["/17.root.json", "/timestamp.json", "/165.snapshot.json", "/14.targets.json"]);
}

#[test]
fn redirections_are_followed() {
    let server = Server::new(|path| match path.strip_prefix("/mirror") {
        Some(path) => sigstore(path),
        None => Reply::Redirect(format!("/mirror{path}")),
    });
    fetch(&client(12), &server, 0, &["trusted_root.json"]);
}

#[test]
fn a_target_of_other_bytes_is_refused() {
    let path = "/targets/6494e21ea73fa7ee769f85f57d5a3e6a08725eae1e38c755fc3517c9e6bc0b66.trusted_root.json";
    let (person, server) = (client(12), sigstore_but(path, || Reply::Bytes(vec![b'x'; 6787])));
    let run = fetch(&person, &server, 1, &["--out", "out", "ctfe.pub", "trusted_root.json"]);
    assert!(run.says("trusted_root.json: sha256 mismatch"), "{}", run.stderr);
    assert!(!person.dir().join("out").exists());
    let server = sigstore_but(path, || Reply::Bytes(vec![b'x'; 6788]));
    let run = fetch(&person, &server, 1, &["trusted_root.json"]);
    assert!(run.says("is longer than 6787 bytes") && run.says("its length is signed"), "{}", run.stderr);
    assert!(!run.says("--limit"), "{}", run.stderr);
    let run = fetch(&person, &server, 1, &["no/such/target"]);
    assert_eq!(run.stderr, "error: no role that may lists the target \"no/such/target\"\n");
}

#[test]
fn a_root_may_be_as_long_as_the_person_says() {
    let (person, server) = (client(12), Server::new(sigstore));
    let root = [metadata("12.root.json"), vec![b' '; 600_000]].concat();
    person.write("root.json", &root);
    let run = fetch(&person, &server, 2, &[]);
    assert!(run.says("root.json has") && run.says("--limit ROLE=BYTES takes more here"), "{}", run.stderr);
    let run = fetch(&person, &server, 0, &["--limit", "root=1000000"]);
    assert!(run.stdout.contains("version 16"), "{run:?}");
}

#[test]
fn targets_stay_below_out() {
    let (person, server) = (client(12), Server::new(sigstore));
    for path in ["../etc/passwd", "/etc/passwd", "a/../../b", "a\\..\\b", "\x1b[2J", ""] {
        let run = fetch(&person, &server, 2, &["--out", "out", path]);
        assert!(!run.stderr.contains('\x1b'), "{}", run.stderr);
    }
    assert!(server.asked().is_empty() && !person.dir().join("cache").exists());

    // A symbolic link below `out` is not followed, a file in the way is replaced.
    std::fs::create_dir_all(person.dir().join("out")).unwrap();
    std::os::unix::fs::symlink(person.home(), person.dir().join("out/registry.npmjs.org")).unwrap();
    let run = fetch(&person, &server, 2, &["--out", "out", NPM]);
    assert!(run.says("symbolic link"), "{}", run.stderr);
    assert_eq!(std::fs::read_dir(person.home()).unwrap().count(), 0);
    person.write("out/trusted_root.json", "an old one");
    fetch(&person, &server, 0, &["--out", "out", "trusted_root.json"]);
    assert_eq!(person.read("out/trusted_root.json").len(), 6787);
}

#[test]
fn a_cache_that_cannot_be_kept_is_no_success() {
    let server = Server::new(sigstore);
    let person = client(12);
    person.write("cache", "in the way");
    let run = fetch(&person, &server, 2, &[]);
    assert!(run.says("cache"), "{}", run.stderr);

    // A directory where a file should be: it can be neither read nor written.
    let person = client(12);
    std::fs::create_dir_all(person.dir().join("cache/timestamp.json")).unwrap();
    let run = fetch(&person, &server, 2, &[]);
    assert!(run.stderr.starts_with("error: the cache cannot be relied on\n"), "{}", run.stderr);
    assert!(!person.dir().join("cache/snapshot.json").exists());

    // A full disk.
    let person = client(12);
    let small = person.dir().join("cache");
    std::fs::create_dir(&small).unwrap();
    let limited = format!("ulimit -f 4; exec \"$0\" {}", arguments(&server.url(), &[]).join(" "));
    let mut command = person.command(&[]);
    let environment: Vec<_> = command.get_envs().map(|(k, v)| (k.to_owned(), v.unwrap().to_owned())).collect();
    command = Command::new("bash");
    command.args(["-c", &format!("trap '' XFSZ; {limited}"), common::BINARY]);
    let run: Run = command.current_dir(person.dir()).env_clear().envs(environment).output().unwrap().into();
    assert_eq!(run.code, 2, "{}", run.stderr);
    assert!(run.stderr.starts_with("error: the cache cannot be relied on\n"), "{}", run.stderr);
    assert!(run.says("too large"), "{}", run.stderr);
    assert!(files(&small).keys().all(|name| !name.starts_with(".trustroot")), "{:?}", files(&small).keys());
}

#[test]
fn a_broken_cache_heals_itself() {
    let (person, server) = (client(12), Server::new(sigstore));
    fetch(&person, &server, 0, &[]);
    let whole = files(&person.dir().join("cache"));
    for name in ["timestamp.json", "snapshot.json", "targets.json", "root.json", "root_history/14.root.json"] {
        for bytes in [&b""[..], b"\xff{", &metadata("13.root.json")] {
            std::fs::write(person.dir().join("cache").join(name), bytes).unwrap();
            fetch(&person, &server, 0, &[]);
            assert_eq!(files(&person.dir().join("cache")), whole, "{name}");
        }
    }
}

#[test]
fn a_repository_is_no_cache() {
    let (person, server) = (client(12), Server::new(sigstore));
    for name in ["12.root.json", "timestamp.json"] {
        person.write(&format!("cache/{name}"), metadata("12.root.json"));
    }
    let before = files(&person.dir().join("cache"));
    for more in [&[][..], &["--offline"]] {
        let run = fetch(&person, &server, 2, more);
        assert!(run.says("cache holds a repository") && run.says("--cache"), "{run:?}");
    }
    assert_eq!(files(&person.dir().join("cache")), before);
}

#[test]
fn one_client_at_a_time_uses_a_cache() {
    let server = Server::new(|path| {
        if path == "/13.root.json" {
            thread::sleep(Duration::from_secs(1));
        }
        sigstore(path)
    });
    let person = client(12);
    let url = server.url();
    let mut first = person.command(&arguments(&url, &[])).stdout(Stdio::null()).spawn().unwrap();
    let start = Instant::now();
    while !person.dir().join("cache/root.json").exists() {
        assert!(start.elapsed() < Duration::from_secs(20));
        thread::sleep(Duration::from_millis(5));
    }
    let second = fetch(&person, &server, 2, &[]);
    assert!(second.says(&format!("is in use by process {}", first.id())), "{}", second.stderr);
    assert!(first.wait().unwrap().success());
    fetch(&person, &server, 0, &[]);
    assert!(!person.dir().join("cache/.trustroot.lock").exists());
}

#[test]
fn a_root_that_is_none_is_said_to_be_none() {
    let (person, server) = (client(5), Server::new(sigstore));
    let mut unsigned: serde_json::Value = serde_json::from_str(&person.read("root.json")).unwrap();
    unsigned["signatures"].as_array_mut().unwrap().truncate(2);
    person.write("root.json", unsigned.to_string());
    let run = fetch(&person, &server, 1, &[]);
    let said = "error: clients cannot start from the trusted root: signature threshold not met";
    assert!(run.stderr.starts_with(said), "{}", run.stderr);
    for bytes in [&b""[..], b"{\"signed\":", b"{\"a\":1,\"a\":2}", b"\xff", &[b'['; 100_000], &[b' '; 600_000]] {
        person.write("root.json", bytes);
        let run = fetch(&person, &server, 2, &[]);
        assert!(run.says("root.json"), "{}", run.stderr);
    }
    assert!(server.asked().is_empty());
}

#[test]
fn from_a_root_whose_keys_are_in_hex_it_says_so_and_names_the_first_that_it_reads() {
    let fifth = ceremony::Digest::of(&metadata("5.root.json")).to_string();
    for (version, signed) in [(1, 5), (2, 5), (3, 3), (4, 5)] {
        let (person, server) = (client(version), Server::new(sigstore));
        let run = fetch(&person, &server, 2, &[]);
        let said = "error: clients cannot start from the trusted root: its keys are not PEM";
        assert!(run.stderr.starts_with(said), "{}", run.stderr);
        let count =
            format!("root {version} is signed by {signed} of its own keys and needs 3; but they are points in hex");
        says(&run, &[&count, "root 5 is the first that it reads", "5.root.json", &fifth]);
        // Nothing of it is trusted, so that nothing is remembered of it.
        let offline = ["fetch", "--offline", "--root", "root.json", "--cache", "cache", "--now", NOW];
        says(&person.exits(2, &offline), &[&count, "start from a later root", "trustroot verify --repository"]);
    }
    // Too few signatures are a verdict, whatever the keys look like.
    let (person, server) = (client(4), Server::new(sigstore));
    let mut unsigned: serde_json::Value = serde_json::from_str(&person.read("root.json")).unwrap();
    unsigned["signatures"].as_array_mut().unwrap().truncate(2);
    person.write("root.json", unsigned.to_string());
    let run = fetch(&person, &server, 1, &[]);
    assert!(run.says("signature threshold not met") && !run.says("5.root.json"), "{}", run.stderr);
    // And a repository in which no later root follows has none to name.
    let (person, alone) = (client(4), Server::new(|_| Reply::Missing));
    says(&fetch(&person, &alone, 2, &[]), &["root 4 is signed by 5 of its own keys", "start from a later root"]);
}

#[test]
fn a_thousand_new_roots_are_walked_through_in_two_runs() {
    const LAST: u64 = 1030;
    let person = Trustroot::new();
    for (path, bytes) in tuf::repository() {
        person.write(&format!("repository/{path}"), bytes);
    }
    let only = [tuf::key(1)];
    for version in 1..=LAST {
        person.write(&format!("repository/{version}.root.json"), tuf::signed(&tuf::root(version, &only, 1), &[1]));
    }
    let fetch = ["fetch", "--root", "repository/1.root.json", "--metadata-url", "repository", "--cache", "cache"];
    let fetch = [&fetch[..], &["--now", NOW, "a.txt"]].concat();
    let run = person.exits(2, &fetch);
    says(&run, &["the newest was not reached", "1024 new roots were verified", "the same command goes on from there"]);
    let cached = files(&person.dir().join("cache"));
    assert_eq!(cached["root.json"], cached["root_history/1025.root.json"]);
    let answer = person.json(0, &fetch);
    assert_eq!((&answer["roles"][0]["version"], &answer["targets"][0]["path"]), (&LAST.into(), &"a.txt".into()));
}

#[test]
fn what_is_missing_is_named_by_its_flag() {
    let person = client(12);
    for (given, flag) in [
        (&["fetch"][..], "--root"),
        (&["fetch", "--root", "root.json"], "--cache"),
        (&["fetch", "--root", "root.json", "--cache", "cache"], "--metadata-url"),
    ] {
        let run = person.exits(2, given);
        assert!(run.says(flag), "{}", run.stderr);
    }
    let server = Server::new(sigstore);
    let mut terminal = person.terminal(&["fetch", "--now", NOW]);
    terminal.expect("root that you trust").line("root.json").expect("Directory to remember metadata in").line("cache");
    terminal.expect("URL or directory").line("ftp://x").expect("none of http, https and file");
    terminal.expect("URL or directory").line(&server.url()).expect("version 762");
    assert_eq!(terminal.exit_code(), 0);
}

#[test]
fn python_tuf_and_fetch_share_a_cache() {
    let server = Server::new(sigstore);
    let python = |person: &Trustroot| {
        let run = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/run");
        let (root, cache) = (person.dir().join("root.json"), person.dir().join("cache"));
        let arguments = ["python-tuf", &server.url(), root.to_str().unwrap(), cache.to_str().unwrap()];
        let output = Command::new(run).args(arguments).args(["--time", NOW, NPM]).output().unwrap();
        assert!(output.status.success(), "is tests/setup done? {}", String::from_utf8_lossy(&output.stderr));
    };
    // From ours to theirs, and back.
    let person = client(12);
    fetch(&person, &server, 0, &[NPM]);
    server.asked();
    python(&person);
    let target =
        "/targets/registry.npmjs.org/160677eb6e1c7083c89b166b20f8fe4e837fb71181506aff1991b80b89184f7d.keys.json";
    assert_eq!(server.asked(), ["/17.root.json", "/timestamp.json", target]);
    fetch(&person, &server, 0, &[NPM]);
    assert_eq!(server.asked(), ["/17.root.json", "/timestamp.json", "/8.registry.npmjs.org.json"]);

    // From theirs to ours.
    let person = client(12);
    python(&person);
    server.asked();
    fetch(&person, &server, 0, &[NPM]);
    assert_eq!(server.asked(), ["/17.root.json", "/timestamp.json", "/8.registry.npmjs.org.json"]);
}
