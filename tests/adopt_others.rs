//! Taking over small repositories: of python-tuf and tuftool, to carry them on; in other layouts; and bent ones, of which
//! nothing is taken.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::tuf::{self, Files, key, key_again, repository, role, signed};
use common::{Run, Server, Trustroot};
use p256::pkcs8::DecodePrivateKey as _;
use serde_json::{Value, json};
use tempfile::TempDir;

const NOW: &str = "2026-09-01T00:00:00Z";

fn laid_out(files: &Files) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (path, bytes) in files {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    dir
}

/// A person who trusts root 1 of the small repository, and has the repository in a directory.
struct Adopter {
    trustroot: Trustroot,
    repository: TempDir,
}

impl Adopter {
    fn of(files: &Files) -> Self {
        let adopter = Self { trustroot: Trustroot::new(), repository: laid_out(files) };
        fs::write(adopter.trustroot.home().join("root.json"), &repository()["1.root.json"]).unwrap();
        adopter
    }

    fn arguments(&self, more: &[&str]) -> Vec<String> {
        let root = self.trustroot.home().join("root.json");
        let from = self.repository.path().to_str().unwrap();
        let fixed = ["adopt", from, "--root", root.to_str().unwrap(), "--now", NOW];
        fixed.iter().chain(more).map(|text| (*text).to_owned()).collect()
    }

    fn adopts(&self, more: &[&str]) -> Value {
        let arguments = self.arguments(more);
        self.trustroot.json(0, &arguments.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// Adopting fails, says `why`, and leaves nothing behind.
    fn refuses(&self, code: i32, why: &str, more: &[&str]) -> Run {
        let arguments = self.arguments(more);
        let run = self.trustroot.exits(code, &arguments.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(run.said().contains(why), "{}", run.stderr);
        assert!(!run.stderr.contains('\u{1b}'));
        let left: Vec<_> =
            fs::read_dir(self.trustroot.dir()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(left.is_empty(), "{left:?}");
        assert!(!self.trustroot.home().join("roots").exists());
        run
    }
}

/// The small repository with `change` done to the signed part of `name`, signed anew by these keys.
fn bent(name: &str, signers: &[u8], change: impl FnOnce(&mut Value)) -> Files {
    let mut files = repository();
    let mut file: Value = serde_json::from_slice(&files[name]).unwrap();
    change(&mut file["signed"]);
    files.insert(name.to_owned(), signed(&file["signed"], signers));
    files
}

fn signers_of(answer: &Value, role: &str) -> (String, Vec<String>) {
    let roles = answer["roles"].as_array().unwrap();
    let role = roles.iter().find(|other| other["role"] == role).unwrap();
    let keys = role["keys"].as_array().unwrap().iter().filter_map(|key| key["keyholder"].as_str());
    (role["signers"].as_str().unwrap().to_owned(), keys.map(str::to_owned).collect())
}

#[test]
fn keys_without_owners_are_named_by_fingerprint_or_by_the_user() {
    let adopter = Adopter::of(&repository());
    let id = |seed| key(seed).id.as_str()[..8].to_owned();
    let (alice, frank) = (format!("{}=alice", id(1)), format!("{}=frank", key(7).id));
    let answer = adopter.adopts(&["--name", &alice, "--name", &frank, "--online", "robot"]);
    let (kind, people) = signers_of(&answer, "root");
    assert_eq!((kind.as_str(), people[0].as_str()), ("keyholders", "alice"));
    assert!(people[1].starts_with("key-") && people[2].starts_with("key-"), "{people:?}");
    assert_eq!(signers_of(&answer, "team"), ("keyholders".to_owned(), vec!["frank".to_owned()]));
    assert_eq!(signers_of(&answer, "timestamp"), ("online".to_owned(), vec!["robot".to_owned()]));
    let files = |path: &str| {
        let names = fs::read_dir(adopter.trustroot.dir().join(path)).unwrap();
        let mut names: Vec<_> = names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    assert_eq!(files("keyholders").len(), 5);
    assert_eq!(files("targets"), ["a.txt", "team"]);
    assert_eq!(adopter.trustroot.read("targets/team/b.txt"), "b");
    // Every published version came along, the first snapshot too.
    assert!(files("repository").contains(&"1.snapshot.json".to_owned()));
    let robot = adopter.trustroot.read("keyholders/robot.toml");
    assert!(robot.contains("kind = \"online\"") && robot.contains("device = \"external\""), "{robot}");
    adopter.trustroot.exits(1, &["stage", "--now", NOW]);
}

#[test]
fn what_others_make_stays_with_them() {
    let adopter = Adopter::of(&repository());
    let answer = adopter.adopts(&["--external", "team"]);
    for role in ["team", "snapshot", "timestamp"] {
        assert_eq!(signers_of(&answer, role), ("external".to_owned(), vec![]));
    }
    assert!(!adopter.trustroot.dir().join("targets/team").exists());
    assert!(adopter.trustroot.dir().join("repository/1.team.json").exists());
    assert_eq!(fs::read_dir(adopter.trustroot.dir().join("keyholders")).unwrap().count(), 3);
    adopter.trustroot.exits(1, &["stage", "--now", NOW]);
}

#[test]
fn wishes_that_fit_nothing_are_refused() {
    let adopter = Adopter::of(&repository());
    adopter.refuses(2, "--external mirrors: there is no such role", &["--external", "mirrors"]);
    adopter.refuses(2, "no key of the roles that are taken over is meant", &["--name", "00000000=alice"]);
    let online = format!("{}=robot", key(9).id);
    // Nobody here signs with that key unless --online says so.
    adopter.refuses(2, "no key of the roles that are taken over is meant", &["--name", &online]);
    adopter.refuses(2, "", &["--name", "alice"]);
    adopter.refuses(2, "", &["--name", "12345678=../alice"]);
    let twice = format!("{}=alice", key(1).id);
    adopter.refuses(2, "given twice", &["--name", &twice, "--name", &twice]);
}

#[test]
fn git_and_other_layouts_become_consistent_snapshots() {
    let mut git = Files::new();
    for (path, bytes) in repository() {
        let to = match path.as_str() {
            "3.root.json" => "metadata/root.json".to_owned(),
            path if path.ends_with(".root.json") => format!("metadata/root_history/{path}"),
            "1.snapshot.json" => continue,
            "2.snapshot.json" => "metadata/snapshot.json".to_owned(),
            "1.targets.json" => "metadata/targets.json".to_owned(),
            "1.team.json" => "metadata/team.json".to_owned(),
            "timestamp.json" => "metadata/timestamp.json".to_owned(),
            path if path.ends_with("a.txt") => "targets/a.txt".to_owned(),
            _ => "targets/team/b.txt".to_owned(),
        };
        git.insert(to, bytes);
    }
    git.insert("README.md".to_owned(), b"ours".to_vec());
    let (from_git, plain) = (Adopter::of(&git), Adopter::of(&repository()));
    let answer = from_git.adopts(&[]);
    plain.adopts(&[]);
    assert_eq!(answer["left"], json!([]));
    for (path, bytes) in repository() {
        if path != "1.snapshot.json" {
            let copied = fs::read(from_git.trustroot.dir().join("repository").join(&path));
            assert_eq!(copied.unwrap(), bytes, "{path}");
        }
        assert_eq!(fs::read(plain.trustroot.dir().join("repository").join(&path)).unwrap(), bytes, "{path}");
    }
}

#[test]
fn a_repository_on_the_web_is_adopted() {
    let adopter = Adopter::of(&repository());
    let server = Server::directory(adopter.repository.path());
    let root = adopter.trustroot.home().join("root.json");
    let root = root.to_str().unwrap();
    let answer = adopter.trustroot.json(0, &["adopt", &server.url(), "--root", root, "--now", NOW]);
    assert_eq!(answer["metadata-files"], 7, "what nothing points to cannot be found there");
    assert_eq!(answer["target-files"], 2);
    let policy = ceremony::Policy::parse(&adopter.trustroot.read("trustroot.toml")).unwrap();
    assert_eq!(policy.name, "127.0.0.1");

    let broken = Server::new(|_| common::Reply::Status(503));
    let other = Adopter::of(&repository());
    let run = other.trustroot.exits(2, &["adopt", &broken.url(), "--root", root, "--now", NOW]);
    assert!(run.said().contains("status 503"), "{}", run.stderr);
    assert_eq!(fs::read_dir(other.trustroot.dir()).unwrap().count(), 0);
}

#[test]
fn older_roots_than_the_trusted_one_come_along_if_they_lead_to_it() {
    let adopter = Adopter::of(&repository());
    fs::write(adopter.trustroot.home().join("root.json"), &repository()["3.root.json"]).unwrap();
    assert_eq!(adopter.adopts(&[])["older-roots"], 2);
    assert!(adopter.trustroot.dir().join("repository/1.root.json").exists());

    let strangers: Vec<_> = (11..=13).map(key).collect();
    let mut files = repository();
    files.insert("2.root.json".to_owned(), signed(&tuf::root(2, &strangers, 2), &[11, 12]));
    let adopter = Adopter::of(&files);
    fs::write(adopter.trustroot.home().join("root.json"), &repository()["3.root.json"]).unwrap();
    let answer = adopter.adopts(&[]);
    assert_eq!(answer["older-roots"], 0);
    assert_eq!(answer["left"], json!(["1.root.json", "2.root.json"]));
}

#[test]
fn a_key_under_two_ids_is_recorded_once_and_counts_once() {
    let twice = [key(1), key_again(1), key(2)];
    let mut files = repository();
    files.insert("3.root.json".to_owned(), signed(&tuf::root(3, &twice, 2), &[1, 2]));
    files.insert("1.targets.json".to_owned(), bent("1.targets.json", &[1, 2], |_| ())["1.targets.json"].clone());
    let adopter = Adopter::of(&files);
    let answer = adopter.adopts(&[]);
    let findings = answer["findings"].as_array().unwrap();
    assert!(findings.iter().any(|finding| finding["finding"] == "same-key-twice" && finding["accepted"] == true));
    let policy = ceremony::Policy::parse(&adopter.trustroot.read("trustroot.toml")).unwrap();
    assert_eq!(policy.role("root").unwrap().signers.names().len(), 2);
    adopter.trustroot.exits(1, &["stage", "--now", NOW]);

    // Three ids, but two keys cannot meet three.
    files.insert("3.root.json".to_owned(), signed(&tuf::root(3, &twice, 3), &[1, 2]));
    Adopter::of(&files).refuses(1, "root 3 needs 3", &[]);
}

#[test]
fn custom_and_odd_places_of_targets_stay_as_they_are() {
    let custom = json!({ "channel": ["a\"b", 7, true, { "x y": {} }] });
    let files = bent("1.targets.json", &[1, 2], |signed| {
        signed["targets"]["a.txt"]["custom"] = custom.clone();
        signed["targets"]["a.txt"]["x-more"] = json!([null]);
        // A delegated role is trusted for this path too, and clients still ask targets first.
        signed["targets"]["team/c.txt"] = tuf::delegated(1, &[("team/c.txt", b"c")])["targets"]["team/c.txt"].clone();
    });
    let mut files = files;
    let name = ceremony::targets::consistent_name("team/c.txt", &ceremony::Digest::of(b"c").to_string());
    files.insert(format!("targets/{name}"), b"c".to_vec());
    let adopter = Adopter::of(&files);
    let answer = adopter.adopts(&[]);
    let policy = ceremony::Policy::parse(&adopter.trustroot.read("trustroot.toml")).unwrap();
    let read: Value = serde_json::from_str(&policy.targets["a.txt"].custom.as_ref().unwrap().pretty()).unwrap();
    assert_eq!(read, custom);
    assert_eq!(policy.targets["team/c.txt"].role.as_deref(), Some("targets"));
    assert_eq!(answer["due"], json!([]), "the next version would differ from what is published");
}

#[test]
fn what_no_policy_can_say_is_refused_with_the_reason() {
    let prefixes = bent("1.targets.json", &[1, 2], |signed| {
        let role = signed["delegations"]["roles"][0].as_object_mut().unwrap();
        role.remove("paths");
        role.insert("path_hash_prefixes".to_owned(), json!(["00", "f"]));
    });
    Adopter::of(&prefixes).refuses(2, "team is delegated to with hash prefixes", &[]);
    let null = bent("1.targets.json", &[1, 2], |signed| {
        signed["targets"]["a.txt"]["custom"] = json!({ "deep": [null] });
    });
    Adopter::of(&null).refuses(2, "a.txt has null", &[]);
    let mut unreadable = bent("3.root.json", &[1, 2], |signed| {
        let id = key(3).id.as_str().to_owned();
        signed["keys"][&id]["scheme"] = json!("ecdsa-sha2-nistp521");
    });
    unreadable.insert("1.targets.json".to_owned(), bent("1.targets.json", &[1, 2], |_| ())["1.targets.json"].clone());
    Adopter::of(&unreadable).refuses(2, "which cannot be used", &[]);
    let inconsistent = bent("3.root.json", &[1, 2], |signed| signed["consistent_snapshot"] = json!(false));
    Adopter::of(&inconsistent).refuses(2, "no consistent snapshots", &[]);
    let nested = bent("1.targets.json", &[1, 2], |signed| {
        let mut role = role(&[key(7)], 1);
        role["name"] = json!("../../evil\u{1b}[2J");
        role["paths"] = json!(["*"]);
        role["terminating"] = json!(false);
        signed["delegations"]["roles"].as_array_mut().unwrap().push(role);
    });
    Adopter::of(&nested).refuses(2, "is not a plain name", &[]);
    let mut both = bent("1.team.json", &[7], |signed| {
        signed["targets"]["a.txt"] = tuf::delegated(1, &[("a.txt", b"a")])["targets"]["a.txt"].clone();
    });
    both.remove("1.snapshot.json");
    Adopter::of(&both).refuses(2, "two roles list the target a.txt", &[]);
}

#[test]
fn what_clients_would_refuse_is_refused() {
    let mut gap = repository();
    gap.insert("3.root.json".to_owned(), gap["2.root.json"].clone());
    Adopter::of(&gap).refuses(1, "the roots do not follow", &[]);
    let mut stranger = repository();
    stranger.insert("3.root.json".to_owned(), signed(&tuf::root(3, &[key(1), key(11)], 2), &[1, 11]));
    Adopter::of(&stranger).refuses(1, "root 3 needs 2 of the keys of the root before it; 1 signed", &[]);
    let mut another = repository();
    another.insert("1.root.json".to_owned(), signed(&tuf::root(1, &[key(1), key(2), key(4)], 2), &[1, 2]));
    Adopter::of(&another).refuses(1, "is another than the one that you trust", &[]);

    let below = bent("1.targets.json", &[1], |_| ());
    Adopter::of(&below).refuses(1, "targets 1 needs 2 of its keys; 1 signed", &[]);
    let delegated = bent("1.team.json", &[1, 2], |_| ());
    Adopter::of(&delegated).refuses(1, "team 1 needs 1 of its keys; 0 signed", &[]);
    let top = bent("1.targets.json", &[1, 2], |signed| {
        signed["delegations"]["roles"][0]["name"] = json!("root");
    });
    Adopter::of(&top).refuses(1, "under the name of a top-level role, root", &[]);
    let expired = bent("timestamp.json", &[9], |signed| signed["expires"] = json!(NOW));
    let run = Adopter::of(&expired).refuses(1, "timestamp 2 expired at", &[]);
    assert!(run.said().contains("--now"), "{}", run.stderr);
    let pinned = bent("2.snapshot.json", &[9], |signed| signed["meta"]["targets.json"]["length"] = json!(7));
    Adopter::of(&pinned).refuses(1, "1.targets.json is refused", &[]);
    let hashed = bent("2.snapshot.json", &[9], |signed| {
        signed["meta"]["targets.json"]["hashes"] = json!({ "sha256": "00".repeat(32) });
    });
    Adopter::of(&hashed).refuses(1, "1.targets.json has SHA-256", &[]);

    let target = repository().keys().find(|path| path.ends_with("a.txt")).unwrap().clone();
    for (bytes, why) in [(&b"b"[..], "has sha256"), (b"", "has 0 bytes, not 1"), (b"aa", "is longer than 1 bytes")] {
        let mut corrupt = repository();
        corrupt.insert(target.clone(), bytes.to_vec());
        Adopter::of(&corrupt).refuses(1, why, &[]);
    }
    let mut missing = repository();
    missing.remove(&target);
    Adopter::of(&missing).refuses(1, "the target a.txt, which targets lists, is not there", &[]);
    let mut unlisted = repository();
    unlisted.remove("1.team.json");
    Adopter::of(&unlisted).refuses(1, "1.team.json is not there", &[]);
    for text in ["", "{", "[[[[", "{\"signatures\":[],\"signed\":{\"_type\":\"timestamp\"}}", "\u{1b}[2J"] {
        let mut odd = repository();
        odd.insert("timestamp.json".to_owned(), text.into());
        Adopter::of(&odd).refuses(1, "timestamp.json is no usable metadata", &[]);
    }
}

#[test]
fn targets_that_lead_elsewhere_are_refused() {
    for path in ["../evil", "/etc/passwd", "a/../../b", "a\\b", "x/\u{1b}[2J", "", "a/", "."] {
        let files = bent("1.targets.json", &[1, 2], |signed| {
            signed["targets"][path] = tuf::delegated(1, &[(path, b"a")])["targets"][path].clone();
        });
        Adopter::of(&files).refuses(2, "", &[]);
    }
}

#[test]
fn a_publication_that_stopped_half_way_is_finished_first() {
    let mut files = repository();
    files.insert("2.targets.json".to_owned(), signed(&tuf::targets(2, &[]), &[1, 2]));
    Adopter::of(&files).refuses(1, "2.targets.json is there, and clients are told to read version 1", &[]);
}

#[test]
fn a_directory_in_use_is_left_alone() {
    let adopter = Adopter::of(&repository());
    for name in ["trustroot.toml", "repository/x", "targets/x", "keyholders/x", "ceremonies/x"] {
        let (top, _) = name.split_once('/').unwrap_or((name, ""));
        adopter.trustroot.write(name, "mine");
        let arguments = adopter.arguments(&[]);
        let run = adopter.trustroot.exits(2, &arguments.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(run.said().contains(&format!("{top} exists already")), "{}", run.stderr);
        assert_eq!(adopter.trustroot.read(name), "mine");
        let top = adopter.trustroot.dir().join(top);
        if top.is_dir() {
            fs::remove_dir_all(top).unwrap()
        } else {
            fs::remove_file(top).unwrap()
        }
        assert_eq!(fs::read_dir(adopter.trustroot.dir()).unwrap().count(), 0);
    }
    adopter.adopts(&[]);
}

#[test]
fn after_a_kill_between_two_moves_it_starts_again() {
    let adopter = Adopter::of(&repository());
    adopter.adopts(&[]);
    // As it is after the first two of four moves.
    let dir = adopter.trustroot.dir();
    fs::create_dir(dir.join(".trustroot-new")).unwrap();
    for name in ["keyholders", "trustroot.toml"] {
        fs::rename(dir.join(name), dir.join(".trustroot-new").join(name)).unwrap();
    }
    let answer = adopter.adopts(&[]);
    assert_eq!(answer["target-files"], 2);
    let mut names: Vec<_> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["keyholders", "repository", "targets", "trustroot.toml"]);
}

#[test]
fn what_is_not_given_is_asked_for() {
    let adopter = Adopter::of(&repository());
    let run = adopter.trustroot.exits(2, &["adopt"]);
    assert!(run.said().contains("DIR-OR-URL"), "{}", run.stderr);
    let from = adopter.repository.path().to_str().unwrap();
    let run = adopter.trustroot.exits(2, &["adopt", from]);
    assert!(run.said().contains("--root"), "{}", run.stderr);
    let mut terminal = adopter.trustroot.terminal(&["adopt", "--now", NOW]);
    let (address, trusted) = ("Directory or URL of", "root that you trust");
    terminal.expect(address).line("nowhere").expect("nowhere does not exist");
    terminal.expect_times(address, 2).line(".").expect("there is no repository at .: it has no timestamp.json");
    terminal.expect_times(address, 3).line(from);
    let root = adopter.trustroot.home().join("root.json");
    terminal.expect(trusted).line("/nonexistent/root.json").expect("root.json does not exist");
    let timestamp = adopter.repository.path().join("timestamp.json");
    terminal.expect_times(trusted, 2).line(timestamp.to_str().unwrap()).expect("timestamp.json is no root");
    terminal.expect_times(trusted, 3).line(root.to_str().unwrap());
    terminal.expect("Name of the trust root, for people [").line("\u{16}\u{7}").expect("one line of text");
    terminal.expect_times("Name of the trust root, for people [", 2).line("The \"one\"").expect("Next:");
    assert_eq!(terminal.exit_code(), 0);
    assert!(adopter.trustroot.read("trustroot.toml").contains("name = 'The \"one\"'"));
    assert!(terminal.written().contains("called The \"one\"; `name` in trustroot.toml changes that"));
}

#[test]
fn a_trust_root_is_called_as_it_is_given_or_as_its_place() {
    let adopter = Adopter::of(&repository());
    let place = adopter.repository.path().file_name().unwrap().to_str().unwrap().to_owned();
    assert_eq!(adopter.adopts(&[])["name"], place);
    assert!(adopter.trustroot.read("trustroot.toml").contains(&format!("name = \"{place}\"")));
    let adopter = Adopter::of(&repository());
    assert_eq!(adopter.adopts(&["--title", "Another"])["name"], "Another");
    let run = adopter.trustroot.exits(2, &["adopt", "somewhere", "--title", ""]);
    assert!(run.says("one line of text"), "{run:?}");
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(name)
}

fn runs(program: &Path, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "is tests/setup done? {} {arguments:?}: {errors}", program.display());
}

/// The fingerprint of the key in a PKCS#8 file.
fn fingerprint(pem: &str) -> String {
    let key = p256::ecdsa::SigningKey::from_pkcs8_pem(&fs::read_to_string(pem).unwrap()).unwrap();
    ceremony::PublicKey::EcdsaP256(*key.verifying_key()).fingerprint().to_string()
}

/// Adopts what another tool made, enrolls its keys, adds a target, and publishes it for the clients of both tools.
fn carried_on(maker: &str) {
    let (made, keys) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let from = made.path().to_str().unwrap();
    runs(&script(maker), &[from, keys.path().to_str().unwrap()]);
    let first = made.path().join("1.root.json");
    let first = first.to_str().unwrap();
    let pem = |name: &str| keys.path().join(format!("{name}.pem")).to_str().unwrap().to_owned();
    let people = [("alice", pem("root1")), ("bob", pem("root2")), ("carol", pem("root3"))];
    let named = people.iter().map(|(name, pem)| format!("{}={name}", fingerprint(pem))).collect::<Vec<_>>();

    let trustroot = Trustroot::new();
    let mut arguments = vec!["adopt", from, "--root", first, "--online", "robot"];
    arguments.extend(named.iter().flat_map(|naming| ["--name", naming]));
    let answer = trustroot.json(0, &arguments);
    assert_eq!(answer["due"], json!([]));
    trustroot.exits(1, &["stage"]);

    let policy = trustroot.read("trustroot.toml").replace("file-keys = false", "file-keys = true");
    trustroot.write("trustroot.toml", policy);
    let online = pem("online");
    for (name, pem) in people.iter().chain([&("robot", online.clone())]) {
        trustroot.ok(&["keyholder", "enroll", name, "--file", pem, "--new-nonce", "--replace"]);
    }
    // The keys are in the metadata under the ids that the other tool gave them: nothing changed by that.
    trustroot.exits(1, &["stage"]);
    trustroot.write("targets/dir/more.txt", "more");
    trustroot.ok(&["stage", "--name", "next"]);
    let digest = trustroot.json(0, &["review", "next", "--digest"])["digest"].as_str().unwrap().to_owned();
    for (_, pem) in &people[1..] {
        trustroot.ok(&["sign", "next", "--key-file", pem, "--expect", &digest]);
    }
    trustroot.ok(&["publish", "next", "--online-key", &online]);
    let verified = trustroot.json(0, &["verify", "--repository", "repository", "--root", first]);
    assert_eq!(verified["ok"], true);

    let server = Server::directory(trustroot.dir().join("repository"));
    for (client, targets) in [("python-tuf", &["hello.txt", "dir/more.txt"][..]), ("tough", &["hello.txt"])] {
        let cache = tempfile::tempdir().unwrap();
        let fixed = [client, &server.url(), first, cache.path().to_str().unwrap()];
        runs(&script("run"), &[&fixed, targets].concat());
    }
}

#[test]
fn what_python_tuf_made_is_carried_on() {
    carried_on("make_python_tuf");
}

#[test]
fn what_tuftool_made_is_carried_on() {
    carried_on("make_tuftool");
}
