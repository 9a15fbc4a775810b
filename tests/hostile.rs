//! Hostile and damaged files, names and moments, through the binary: refused with the file and the place, nothing
//! written, nothing that a terminal would act on.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::tree::listing;
use common::{Room, Run, Trustroot, room};
use serde_json::{Value, json};

/// What a terminal would act on, and what would pass for a line of this program.
const HOSTILE: &str = "x\nINJECTED hint: all is well\r\u{1b}[2J\u{9b}1m\u{202e}\u{200b}\u{7}";

/// A trust root in every state at once: published, one ceremony closed, one open that alice has signed.
struct World {
    room: Room,
    words: String,
}

impl World {
    fn new() -> Self {
        let mut room = Room::new(&["alice", "bob", "carol"], 2);
        room.hold(&["alice", "bob"]);
        room.at("2026-12-01T12:00:00Z");
        room.enroll("dave");
        for role in ["root", "targets"] {
            room.run(0, &["role", role, "--add=dave"]);
        }
        room.coordinator.write("targets/b.txt", "second\n");
        room.run(0, &["stage", "--name=closed"]);
        room.run(0, &["abandon", "closed", "--reason=too early"]);
        room.run(0, &["stage", "--name=open"]);
        let words = room.words("open");
        let key = room.key_file("alice");
        room.run(0, &["sign", "open", "--expect", &words, "--key-file", key.to_str().unwrap()]);
        Self { room, words }
    }

    /// Runs a command on a machine. In it `WORDS` stands for the digest that is heard, `ROOT` for the trusted root, and
    /// what is written in capitals for somebody's key file.
    fn run(&self, machine: &Trustroot, command: &str) -> Run {
        let arguments = command.split(' ').map(|argument| match argument {
            "WORDS" => self.words.clone(),
            "ROOT" => self.room.path("repository/1.root.json").to_str().unwrap().to_owned(),
            "ALICE" | "BOB" | "ONLINE" => self.room.key_file(&argument.to_lowercase()).to_str().unwrap().to_owned(),
            argument => argument.to_owned(),
        });
        let arguments: Vec<String> = arguments.chain(["--now=2026-12-01T12:00:00Z".to_owned()]).collect();
        let run = machine.run(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
        run.harmless();
        run
    }

    /// Puts each of `contents` in the place of a file, in a copy of everything. Each of these commands must end with its
    /// code, name the file, and write nothing.
    fn refuses(&self, file: &str, contents: Vec<Vec<u8>>, commands: &[(i32, &str)]) {
        let machine = self.room.coordinator.twin();
        let name = file.rsplit('/').next().unwrap();
        for content in contents {
            fs::write(place(&machine, file), &content).unwrap();
            let how = String::from_utf8_lossy(&content[..content.len().min(200)]);
            let before = everything(&machine);
            for (code, command) in commands {
                let run = self.run(&machine, command);
                let said = format!("{}{}", run.stdout, run.stderr).replace("\n  ", " ").replace("\n  ", " ");
                assert_eq!(run.code, *code, "{command}, {file}: {how}\n{said}");
                assert!(said.contains(name), "{command} does not name {file}: {how}\n{said}");
                assert!(!said.lines().any(|line| line.starts_with("INJECTED")), "{command}, {file}: {how}\n{said}");
            }
            assert_eq!(everything(&machine), before, "{file}: {how}");
        }
    }
}

/// A file below the directory or, behind `~/`, of the machine.
fn place(machine: &Trustroot, file: &str) -> PathBuf {
    match file.strip_prefix("~/") {
        Some(file) => machine.home().join(file),
        None => machine.dir().join(file),
    }
}

fn everything(machine: &Trustroot) -> [BTreeMap<String, String>; 2] {
    [listing(machine.dir()), listing(machine.home())]
}

fn read(world: &World, file: &str) -> Vec<u8> {
    fs::read(place(&world.room.coordinator, file)).unwrap()
}

/// All but the last byte: for files of ours, which have one form.
fn cut(good: &[u8]) -> Vec<u8> {
    good[..good.len() - 1].to_vec()
}

/// What no parser of anything takes.
fn garbage(good: &[u8]) -> Vec<Vec<u8>> {
    let middle = good.len() / 2;
    let (first, second) = good.split_at(middle);
    vec![
        Vec::new(),
        first.to_vec(),
        [first, b"\xff", second].concat(),
        [first, b"\0", second].concat(),
        HOSTILE.as_bytes().to_vec(),
        vec![b'['; 200_000],
        vec![b'9'; 100_000],
    ]
}

/// What no parser of JSON takes, or no parser of a file of ours, for JSON of another type.
fn bad_json(good: &[u8]) -> Vec<Vec<u8>> {
    let hostile = Value::from(HOSTILE).to_string();
    let mut bad = garbage(good);
    bad.extend([
        [b"\xef\xbb\xbf", good].concat(),
        [good, b"{}"].concat(),
        b"{\"a\":".repeat(100_000),
        String::from_utf8(good.to_vec()).unwrap().replacen('{', "{\"x\": 1, \"x\": 2, ", 1).into_bytes(),
        format!("{{{hostile}: 1, {hostile}: 2}}").into_bytes(),
        format!("{{{hostile}: {hostile}}}").into_bytes(),
        hostile.into_bytes(),
        b"null".to_vec(),
        b"[null]".to_vec(),
        b"{}".to_vec(),
    ]);
    bad
}

/// What no parser of TOML takes, or no file of ours can say in it.
fn bad_toml(good: &[u8]) -> Vec<Vec<u8>> {
    let mut bad = garbage(good);
    let first = good.split(|byte| *byte == b'\n').find(|line| line.contains(&b'=')).unwrap();
    bad.extend([
        [first, b"\n", first].concat(),
        format!("a = {}1{}", "[".repeat(50_000), "]".repeat(50_000)).into_bytes(),
        format!("a{} = 1", ".a".repeat(50_000)).into_bytes(),
        format!("[a{}]", ".a".repeat(50_000)).into_bytes(),
        format!("a = {}", "{ a = ".repeat(50_000)).into_bytes(),
        b"\"x\\nINJECTED\\u001b[2J\\u202e\" = 1".to_vec(),
        b"name = \"x\\nINJECTED\\u001b[2J\\u202e\"".to_vec(),
        b"name = 1\ntrust-root = 1\npkcs11-modules = 1".to_vec(),
    ]);
    bad
}

const REVIEW: (i32, &str) = (2, "review open");
const STATUS: (i32, &str) = (1, "status");
const STAGE: (i32, &str) = (2, "stage --name again");

#[test]
fn a_bad_policy_is_refused() {
    let world = World::new();
    let bad = bad_toml(&read(&world, "trustroot.toml"));
    let commands = [STAGE, (2, "status"), (2, "ceremony"), (2, "role root --threshold=3"), (2, "keyholder list")];
    world.refuses("trustroot.toml", bad.clone(), &commands);
    world.refuses("ceremonies/open/inputs/policy.toml", bad, &[REVIEW, STATUS]);
}

#[test]
fn a_bad_record_is_refused() {
    let world = World::new();
    let good = read(&world, "keyholders/alice.toml");
    let bad = [bad_toml(&good), vec![cut(&good)]].concat();
    world.refuses("keyholders/alice.toml", bad.clone(), &[STAGE, (2, "keyholder verify")]);
    world.refuses("ceremonies/open/inputs/keyholders/alice.toml", bad, &[REVIEW, STATUS]);
}

#[test]
fn bad_inputs_of_a_ceremony_are_refused() {
    let world = World::new();
    let (staging, targets) = ("ceremonies/open/inputs/staging.json", "ceremonies/open/inputs/targets.txt");
    let good = read(&world, staging);
    let sign = (2, "sign open --expect WORDS --key-file BOB");
    world.refuses(staging, [bad_json(&good), vec![cut(&good)]].concat(), &[REVIEW, sign, STATUS]);
    let text = String::from_utf8(read(&world, targets)).unwrap();
    let swapped: String = text.lines().rev().flat_map(|line| [line, "\n"]).collect();
    let longer = text.replacen("  ", "  0", 1);
    let bad = [&text[..text.len() - 1], &text[..text.len() - 9], &text.repeat(2), &longer, &swapped, HOSTILE, "\0"];
    world.refuses(targets, bad.iter().map(|bad| bad.as_bytes().to_vec()).collect(), &[REVIEW, STATUS]);
    // A list of other files, well written, is not what was staged.
    let machine = world.room.coordinator.twin();
    machine.write(targets, format!("{text}{}  1  z\u{202e}\n", "0".repeat(64)));
    let run = world.run(&machine, "review open");
    assert!(run.code == 1 && run.stderr.contains("is not what its inputs give"), "{run:?}");
    for stray in ["inputs/other.json", "inputs/keyholders/alice.txt", "odd.json", "base/other", "base/9.root.json"] {
        let machine = world.room.coordinator.twin();
        machine.write(&format!("ceremonies/open/{stray}"), "{}");
        let run = world.run(&machine, "review open");
        assert!(run.code > 0 && run.stderr.contains(stray), "{stray}: {run:?}");
    }
}

#[test]
fn bad_metadata_in_a_ceremony_is_refused() {
    let world = World::new();
    for file in ["base/1.root.json", "base/targets.json", "base/snapshot.json", "base/timestamp.json"] {
        let file = format!("ceremonies/open/{file}");
        world.refuses(&file, bad_json(&read(&world, &file)), &[REVIEW]);
    }
    let staged = "ceremonies/open/staged/root.json";
    let sign = (1, "sign open --expect WORDS --key-file BOB");
    world.refuses(staged, bad_json(&read(&world, staged)), &[(1, "review open"), sign, STAGE]);
    let closed = "ceremonies/closed/abandoned.json";
    let good = read(&world, closed);
    world.refuses(closed, [bad_json(&good), vec![cut(&good)]].concat(), &[(2, "review closed"), STAGE]);
}

#[test]
fn bad_signature_files_count_for_nothing() {
    let world = World::new();
    let folder = "ceremonies/open/signatures/targets";
    let name = fs::read_dir(world.room.path(folder)).unwrap().next().unwrap().unwrap().file_name();
    let file = format!("{folder}/{}", name.to_str().unwrap());
    let good = read(&world, &file);
    world.refuses(&file, [bad_json(&good), vec![cut(&good)]].concat(), &[(0, "status open")]);
    let machine = world.room.coordinator.twin();
    for member in ["keyholder", "role", "payload", "fingerprint", "signature", "signed-at", "trust-root", "version"] {
        for other in [json!(null), json!(-1), json!([]), json!(HOSTILE), json!("../../x"), json!("")] {
            let mut bad: Value = serde_json::from_slice(&good).unwrap();
            bad[member] = other;
            machine.write(&file, format!("{bad:#}\n"));
            let run = world.run(&machine, "publish open --online-key ONLINE");
            assert!(
                run.code == 1 && run.stderr.contains("unmet: targets needs 2 of 3 outgoing keys; none has"),
                "{run:?}"
            );
        }
    }
}

#[test]
fn bad_metadata_in_the_repository_is_refused() {
    let world = World::new();
    let (stage, status) = ((2, "stage --name again"), (2, "status"));
    let (renew, verify) = ((2, "renew --online-key ONLINE"), (1, "verify --repository repository --root ROOT"));
    for (name, commands) in [
        ("1.root.json", [stage, renew]),
        ("1.targets.json", [stage, status]),
        ("1.snapshot.json", [renew, verify]),
        ("timestamp.json", [renew, verify]),
    ] {
        let file = format!("repository/{name}");
        world.refuses(&file, bad_json(&read(&world, &file)), &commands);
    }
}

/// `value` with one of its members in the form of something else: for each member once, of each type in turn.
fn mutants(value: &Value) -> Vec<Value> {
    let others = [json!(null), json!(-1), json!([]), json!({}), json!(HOSTILE), json!("../../x"), json!(1_u64 << 40)];
    let mut paths = Vec::new();
    let mut ahead = vec![(String::new(), value)];
    while let Some((path, value)) = ahead.pop() {
        match value {
            Value::Object(members) => {
                let escaped = |name: &str| name.replace('~', "~0").replace('/', "~1");
                ahead.extend(members.iter().map(|(name, value)| (format!("{path}/{}", escaped(name)), value)));
            }
            Value::Array(values) => ahead.extend(values.iter().enumerate().map(|(i, v)| (format!("{path}/{i}"), v))),
            _ => {}
        }
        paths.push(path);
    }
    let mutant = |(i, path): (usize, &String)| {
        let mut mutant = value.clone();
        let there = mutant.pointer_mut(path).unwrap();
        *there = others.iter().cycle().skip(i).find(|other| *other != there).unwrap().clone();
        mutant
    };
    paths.iter().enumerate().map(mutant).collect()
}

#[test]
fn members_of_another_type_are_never_trusted() {
    let world = World::new();
    let each = |file: &str, command: &str, refused: bool| {
        let machine = world.room.coordinator.twin();
        for mutant in mutants(&serde_json::from_slice(&read(&world, file)).unwrap()) {
            machine.write(file, format!("{mutant:#}\n"));
            let before = everything(&machine);
            let run = world.run(&machine, command);
            assert!(!refused || run.code > 0, "{file}: {mutant}");
            assert_eq!(everything(&machine), before, "{file}: {mutant}");
        }
    };
    each("ceremonies/open/base/1.root.json", "review open", true);
    each("ceremonies/open/base/targets.json", "review open", true);
    each("ceremonies/open/inputs/staging.json", "review open", true);
    each("ceremonies/closed/abandoned.json", "review closed", true);
    each("repository/1.root.json", "stage --dry-run", false);
    each("repository/1.targets.json", "status", false);
    each("repository/timestamp.json", "verify --repository repository --root ROOT", true);
}

#[test]
fn what_this_machine_keeps_is_read_as_strictly() {
    let world = World::new();
    let bad = bad_toml(b"pkcs11-modules = []\n").into_iter().filter(|bad| !bad.is_empty()).collect();
    world.refuses("~/config.toml", bad, &[(2, "keyholder devices"), (2, "renew --online-key ONLINE")]);
    let only = |folder: &str| {
        let file = fs::read_dir(world.room.coordinator.home().join(folder)).unwrap().next().unwrap().unwrap();
        format!("~/{folder}/{}", file.file_name().to_str().unwrap())
    };
    let journal = only("journal");
    // What is signed already is not signed again, and needs no journal.
    let signatures = world.room.path("ceremonies/open/signatures");
    fs::remove_dir_all(&signatures).unwrap();
    let sign = [(2, "sign open --expect WORDS --key-file ALICE")];
    world.refuses(&journal, bad_json(&read(&world, &journal)), &sign);
    let root = only("roots");
    world.refuses(&root, bad_json(&read(&world, &root)), &[REVIEW]);
}

#[test]
fn what_is_far_too_long_is_not_read() {
    let world = World::new();
    for (file, command) in [
        ("trustroot.toml", "stage --name again"),
        ("keyholders/alice.toml", "keyholder list"),
        ("keyholders/zoe.toml", "keyholder list"),
        ("targets/b.txt", "stage --name again"),
        ("repository/1.root.json", "status"),
        ("repository/timestamp.json", "renew --online-key ONLINE"),
        ("repository/1.snapshot.json", "stage --name again"),
        ("ceremonies/open/inputs/policy.toml", "review open"),
        ("ceremonies/open/base/1.root.json", "review open"),
        ("ceremonies/open/staged/root.json", "sign open"),
        ("ceremonies/open/witnesses/zoe.json", "review open"),
        ("ceremonies/closed/abandoned.json", "status closed"),
        ("~/config.toml", "keyholder devices"),
        ("root.json", "verify --repository repository --root root.json"),
        ("root.json", "review open --root root.json"),
        ("root.json", "fetch --root root.json --cache cache --metadata-url repository"),
        ("file.json", "verify file.json"),
        ("file.json", "import file.json --ceremony open"),
        ("key.pem", "sign open --expect WORDS --key-file key.pem"),
        ("key.pem", "keyholder enroll zoe --file key.pem --new-nonce"),
        ("pin", "renew --online-key ONLINE --online-pin-file pin"),
        ("policy.toml", "rehearse --policy policy.toml"),
    ] {
        let machine = world.room.coordinator.twin();
        let path = place(&machine, file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::File::create(path).unwrap().set_len(1 << 40).unwrap();
        let before = everything(&machine);
        let run = world.run(&machine, command);
        let said = run.said();
        let wanted = format!("{} has 1099511627776 bytes; at most", file.trim_start_matches("~/"));
        assert!(run.code == 2 && said.contains(&wanted), "{file}: {command}: {run:?}");
        assert_eq!(everything(&machine), before, "{file}: {command}");
    }
}

#[test]
fn no_symbolic_link_is_followed_and_no_pipe_is_waited_for() {
    let world = World::new();
    let sign = "sign open --expect WORDS --key-file BOB";
    for (file, commands) in [
        ("trustroot.toml", ["stage", "role root --threshold=3"]),
        ("keyholders", ["stage", "keyholder enroll zoe --file zoe.pem --generate --no-passphrase --new-nonce"]),
        ("keyholders/alice.toml", ["stage", "keyholder list"]),
        ("targets", ["stage", "stage --dry-run"]),
        ("targets/b.txt", ["stage", "stage --dry-run"]),
        ("repository", ["stage", "renew --online-key ONLINE"]),
        ("repository/1.root.json", ["stage", "renew --online-key ONLINE"]),
        ("repository/1.targets.json", ["stage", "renew --online-key ONLINE"]),
        ("repository/timestamp.json", ["stage", "renew --online-key ONLINE"]),
        ("ceremonies", ["stage", sign]),
        ("ceremonies/open", ["stage", sign]),
        ("ceremonies/open/inputs", ["review open", sign]),
        ("ceremonies/open/inputs/policy.toml", ["review open", sign]),
        ("ceremonies/open/inputs/keyholders", ["review open", sign]),
        ("ceremonies/open/inputs/keyholders/alice.toml", ["review open", sign]),
        ("ceremonies/open/inputs/zoe", ["review open", sign]),
        ("ceremonies/open/base", ["review open", sign]),
        ("ceremonies/open/base/1.root.json", ["review open", sign]),
        ("ceremonies/open/staged", ["review open", sign]),
        ("ceremonies/open/staged/root.json", ["review open", sign]),
        ("ceremonies/open/signatures", ["publish open --online-key ONLINE", sign]),
        ("ceremonies/open/signatures/root", ["publish open --online-key ONLINE", sign]),
        ("ceremonies/open/published", ["publish open --online-key ONLINE", sign]),
        ("ceremonies/open/witnesses", ["review open", sign]),
        ("ceremonies/open/abandoned.json", ["review open", "abandon open --reason x"]),
        (".trustroot.lock", ["stage", "abandon open --reason x"]),
        ("~/config.toml", ["keyholder devices", "renew --online-key ONLINE"]),
        ("~/journal", [sign, sign]),
        ("~/roots", ["review open", sign]),
    ] {
        for link in [true, false] {
            let machine = world.room.coordinator.twin();
            let path = place(&machine, file);
            // What is there lies elsewhere now, whole and good.
            let elsewhere = machine.dir().join("elsewhere");
            match path.exists() {
                true => fs::rename(&path, &elsewhere).unwrap(),
                false => fs::write(&elsewhere, "").unwrap(),
            }
            match link {
                true => symlink(&elsewhere, &path).unwrap(),
                false => assert!(Command::new("mkfifo").arg(&path).status().unwrap().success()),
            }
            let before = everything(&machine);
            for command in commands {
                let run = world.run(&machine, command);
                assert_eq!(run.code, 2, "{file}: {command}: {run:?}");
                let wanted =
                    format!("{}{}", file.trim_start_matches("~/"), if link { " is a symbolic link" } else { "" });
                assert!(run.stderr.contains(&wanted), "{file}: {command}: {run:?}");
            }
            assert_eq!(everything(&machine), before, "{file}");
        }
    }
}

#[test]
fn no_name_leads_out_of_the_directory() {
    let world = World::new();
    let machine = world.room.coordinator.twin();
    let before = everything(&machine);
    for name in ["../open", "../../x", "..", ".", "", "/etc", "open/..", "a/b", "a\\b", "-x", ".x", "a b", "x\u{1b}[2J"]
    {
        for command in [["review", name], ["sign", name], ["abandon", name], ["publish", name], ["status", name]] {
            let run = machine.run(&[command[0], "--", name]);
            assert!(run.harmless().code > 0 && run.stderr.starts_with("error: "), "{command:?}: {run:?}");
        }
        for option in ["--name", "--only"] {
            let run = machine.run(&["stage", &format!("{option}={name}"), "--now=2026-12-02T12:00:00Z"]);
            assert!(run.harmless().code == 2 && run.stderr.starts_with("error: "), "{option}={name}: {run:?}");
        }
        let run = machine.run(&[
            "keyholder",
            "enroll",
            "--file=k.pem",
            "--generate",
            "--no-passphrase",
            "--new-nonce",
            "--",
            name,
        ]);
        assert!(run.harmless().code == 2, "{name}: {run:?}");
        let run = machine.run(&["role", "root", &format!("--add={name}")]);
        assert!(run.harmless().code == 2, "{name}: {run:?}");
    }
    assert_eq!(everything(&machine), before);
    let policy = machine.read("trustroot.toml");
    let delegation = |name: &str| {
        let role = "keyholders = [\"alice\"]\nthreshold = 1\nlifetime-days = 9\nsigning-window-days = 2";
        format!("{policy}\n[[delegation]]\nname = {}\npaths = [\"t/*\"]\n{role}\n", json!(name))
    };
    for name in ["../x", "..", "a/b", "/x", "", "-x", ".x", "1.root", "a\\b", "a b", "x\u{1b}[2J", "root", "timestamp"]
    {
        machine.write("trustroot.toml", delegation(name));
        let before = everything(&machine);
        let run = world.run(&machine, "stage --name again");
        assert!(run.code == 2 && run.stderr.contains("trustroot.toml is not a policy"), "{name}: {run:?}");
        assert_eq!(everything(&machine), before);
    }
    // Names of people become file names and arguments.
    for name in ["../x", "a/b", "--module=/x.so", "-h", "x\nINJECTED", "con", "a..b", ""] {
        machine.write("trustroot.toml", policy.replace("\"dave\"", &json!(name).to_string()));
        for command in ["stage --name again", "ceremony", "rehearse --policy trustroot.toml"] {
            let run = world.run(&machine, command);
            assert!(run.code == 2 && run.says("which no record can have"), "{name}: {run:?}");
        }
    }
}

#[test]
fn odd_names_of_target_files_are_refused_or_shown_escaped() {
    let world = World::new();
    let machine = world.room.coordinator.twin();
    machine.run(&["abandon", "open", "--reason=x"]);
    for name in ["a\nb", "a\u{1b}[2Jb", "a\\b", "\u{7f}"] {
        let path = machine.dir().join("targets").join(name);
        fs::write(&path, "x").unwrap();
        let before = everything(&machine);
        let run = world.run(&machine, "stage --name again");
        assert!(run.code == 2 && run.stderr.contains("targets: \""), "{name:?}: {run:?}");
        assert_eq!(everything(&machine), before);
        fs::remove_file(&path).unwrap();
    }
    let path = machine.dir().join("targets").join(OsStr::from_bytes(b"a\xff"));
    fs::write(&path, "x").unwrap();
    assert_eq!(world.run(&machine, "stage --name again").code, 2);
    fs::remove_file(&path).unwrap();
    // A name that only deceives the eye can be a target, which everybody sees as it is.
    machine.write("targets/txt.\u{202e}exe", "x");
    machine.run(&["accept", "equivocation", "root 2", "--reason=x", "--until=2027-01-01T00:00:00Z"]);
    machine.run(&["accept", "equivocation", "targets 2", "--reason=x", "--until=2027-01-01T00:00:00Z"]);
    let run = world.run(&machine, "stage --name again");
    assert_eq!(run.code, 0, "{run:?}");
    let run = world.run(&machine, "review again");
    assert!(run.code == 0 && run.stdout.contains(r"txt.\u{202e}exe"), "{run:?}");
}

#[test]
fn texts_of_others_are_never_lines_of_ours() {
    let world = World::new();
    let hostile = json!(HOSTILE).to_string().replace("\\b", "\\u0008");
    let mut tried = 0;
    for (file, commands) in [
        ("trustroot.toml", &["status", "ceremony", "role root", "keyholder list", "stage --dry-run"][..]),
        ("ceremonies/open/inputs/policy.toml", &["review open --digest", "status open"]),
        ("ceremonies/closed/abandoned.json", &["status", "status closed", "review closed", "sign closed"]),
    ] {
        let good = String::from_utf8(read(&world, file)).unwrap();
        let machine = world.room.coordinator.twin();
        let quoted: Vec<&str> = good.lines().filter(|line| !line.starts_with('#')).flat_map(strings).collect();
        for text in quoted {
            let start = text.as_ptr() as usize - good.as_ptr() as usize;
            machine.write(file, [&good[..start], &hostile, &good[start + text.len()..]].concat());
            for command in commands {
                let run = world.run(&machine, command);
                let said = [&*run.stdout, &*run.stderr].concat();
                assert!(!said.lines().any(|line| line.starts_with("INJECTED")), "{file}: {text}: {run:#?}");
                tried += 1;
            }
        }
    }
    assert!(tried > 50);
}

/// The strings of a line, with their quotes.
fn strings(line: &str) -> Vec<&str> {
    let quotes: Vec<usize> = line.match_indices('"').map(|(at, _)| at).collect();
    quotes.chunks_exact(2).map(|pair| &line[pair[0]..=pair[1]]).collect()
}

/// Starts a command that reads a target file of half a gigabyte, and waits until it does.
fn busy(machine: &Trustroot, arguments: &[&str]) -> Child {
    let large = machine.dir().join("targets/large");
    fs::File::create(&large).unwrap().set_len(1 << 29).unwrap();
    let child = machine.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let open = format!("/proc/{}/fd", child.id());
    let reads =
        || fs::read_dir(&open).unwrap().flatten().any(|fd| fs::read_link(fd.path()).is_ok_and(|at| at == large));
    let until = Instant::now() + Duration::from_secs(30);
    while !reads() {
        assert!(Instant::now() < until, "the large file was never opened");
        std::thread::sleep(Duration::from_millis(1));
    }
    child
}

#[test]
fn many_long_files_are_not_all_read() {
    let room = Room::new(&["alice", "bob"], 2);
    room.run(0, &["stage", "--name=open"]);
    for name in ["a", "b", "c"] {
        room.coordinator.write(&format!("ceremonies/open/witnesses/{name}.json"), "");
        let file =
            fs::OpenOptions::new().write(true).open(room.path(&format!("ceremonies/open/witnesses/{name}.json")));
        file.unwrap().set_len(200 << 20).unwrap();
    }
    let run = room.run(2, &["review", "open"]);
    assert!(run.says("its files have more than 536870912 bytes, those up to witnesses/c.json alone"), "{run:?}");
}

#[test]
fn more_keys_or_signatures_than_anybody_has_are_refused_at_once() {
    let machine = Trustroot::new();
    // Counted one against the other these would take hours.
    let ids: Vec<String> = (0..100_000).map(|number| format!("{number:064x}")).collect();
    let root = |ids: &[String], signatures: &[String]| {
        let key =
            |id: &String| (id.clone(), json!({"keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": id}}));
        let keys: serde_json::Map<String, Value> = ids.iter().map(key).collect();
        let role = json!({"keyids": ids, "threshold": 1});
        let roles = json!({"root": role, "targets": role, "snapshot": role, "timestamp": role});
        let signatures: Vec<Value> = signatures.iter().map(|id| json!({"keyid": id, "sig": "00"})).collect();
        json!({"signatures": signatures, "signed": {"_type": "root", "spec_version": "1.0.31", "version": 1,
            "expires": "2030-01-01T00:00:00Z", "consistent_snapshot": true, "keys": keys, "roles": roles}})
    };
    for (file, said) in [
        (root(&ids, &ids[..1]), "root has more than 1024 keyids"),
        (root(&ids[..1], &ids), "the file has more than 4096 signatures"),
    ] {
        machine.write("root.json", file.to_string());
        let run = machine.exits(2, &["verify", "root.json"]);
        assert!(run.harmless().says(said), "{run:?}");
    }
    machine.write("root.json", root(&ids[..1024], &ids[..4096]).to_string());
    machine.exits(1, &["verify", "root.json"]);
}

#[test]
fn a_file_that_changes_while_it_is_read_is_refused() {
    let room = Room::new(&["alice", "bob"], 2);
    let machine = &room.coordinator;
    let child = busy(machine, &["stage", "--name=first"]);
    fs::OpenOptions::new().append(true).open(machine.dir().join("targets/large")).unwrap().write_all(b"x").unwrap();
    let run = Run::from(child.wait_with_output().unwrap());
    assert!(run.code == 2 && run.stderr.contains("targets/large changed while it was read"), "{run:?}");
    assert!(!machine.dir().join("ceremonies").exists());
}

#[test]
fn one_process_works_and_the_others_say_so() {
    let room = Room::new(&["alice", "bob"], 2);
    let machine = &room.coordinator;
    let child = busy(machine, &["stage", "--name=first"]);
    let before = listing(machine.dir());
    let zoe = machine.home().join("zoe.pem");
    for command in [
        &["stage", "--name=second"][..],
        &["role", "root", "--threshold=1"],
        &["accept", "target-changed", "x", "--reason=x", "--until=2099-01-01T00:00:00Z"],
        &[
            "keyholder",
            "enroll",
            "zoe",
            "--file",
            zoe.to_str().unwrap(),
            "--generate",
            "--no-passphrase",
            "--new-nonce",
        ],
        &["import", "x.json"],
        &["publish"],
        &["renew"],
        &["abandon", "first", "--reason=x"],
    ] {
        let run = machine.exits(2, command);
        assert!(run.stderr.contains(&format!("is in use by process {}", child.id())), "{command:?}: {run:?}");
    }
    assert_eq!(listing(machine.dir()), before);
    let run = Run::from(child.wait_with_output().unwrap());
    assert_eq!(run.code, 0, "{run:?}");
    machine.ok(&["review", "first"]);
}

#[test]
fn of_many_who_stage_at_once_one_wins_and_nothing_is_lost() {
    let room = Room::new(&["alice", "bob"], 2);
    let start = |name: &str| {
        let mut command = room.coordinator.command(&["stage", name]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let children: Vec<Child> = ["--name=a", "--name=b", "--name=c", "--name=d"].map(start).into();
    let runs: Vec<Run> = children.into_iter().map(|child| child.wait_with_output().unwrap().into()).collect();
    assert_eq!(runs.iter().filter(|run| run.code == 0).count(), 1, "{runs:#?}");
    for run in runs.iter().filter(|run| run.code != 0) {
        let late = run.code == 1 && run.stderr.contains("is open and carries root version 1 already");
        assert!(late || (run.code == 2 && run.stderr.contains("is in use by ")), "{run:?}");
    }
    let names: Vec<_> =
        fs::read_dir(room.path("ceremonies")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    let [name] = &names[..] else { panic!("{names:?}") };
    room.run(0, &["review", name.to_str().unwrap()]);
}

#[test]
fn of_two_who_sign_at_once_none_loses_a_signature() {
    let room = Room::new(&["alice", "bob", "carol", "dave"], 4);
    let ceremony = room.stage();
    let words = room.words(&ceremony);
    let people = ["alice", "bob", "carol", "dave"];
    let sign = |name: &str| {
        let key = room.key_file(name);
        let sign = ["sign", &ceremony, "--expect", &words, "--key-file", key.to_str().unwrap(), "--now", room::NOW];
        loop {
            let run = room.machine(name).run(&sign);
            if run.code == 0 {
                break;
            }
            assert!(run.code == 2 && run.stderr.contains("is in use by "), "{run:?}");
        }
    };
    std::thread::scope(|scope| people.iter().for_each(|name| drop(scope.spawn(|| sign(name)))));
    room.publish(&ceremony);
}
