//! What those who run clients are handed: it is verified before, and every command of it works in the clients of others.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;
mod sigstore;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ceremony::Digest;
use common::clients::{Job, copy, one};
use common::{BINARY, Room, Server, fits};
use serde_json::Value;

/// Whom the bundle was signed by.
const IDENTITY: &str = "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/\
                        extremely-dangerous-oidc-beacon.yml@refs/heads/main";
const ISSUER: &str = "https://token.actions.githubusercontent.com";

/// The clients that no test can run here; their lines are from source and documentation.
const UNTRIED: [&str; 3] = ["gh", "sigstore-java", "sigstore-rs"];

/// The program of the tests that is written with sigstore-go.
const SIGSTORE_GO: &str = include_str!("clients/sigstorego/main.go");

fn data(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(path)
}

/// A trust root with Sigstore's trust material, published this very moment: not all clients take another time.
fn published() -> Room {
    let mut room = Room::new(&["alice", "bob", "carol"], 2);
    room.at(&chrono::Utc::now().format("%Y-%m-%dT%H:%M:%SZ").to_string());
    room.replace("trustroot.toml", "name = \"Test\"", "name = \"Zo\u{eb} & <b>Sons</b>\"");
    for name in ["trusted_root.json", "signing_config.v0.2.json"] {
        room.coordinator.write(&format!("targets/{name}"), sigstore::target(name));
    }
    let until = ["--reason=it is so", "--until=2099-01-01T00:00:00Z"];
    room.run(0, &[&["accept", "coverage-hole", "ctlog 2021-03-07"], &until[..]].concat());
    room.hold(&["alice", "bob"]);
    room
}

fn handout(room: &Room, code: i32, more: &[&str]) -> Value {
    let fixed = ["handout", "--metadata-url=https://tuf.example", "--root=repository/1.root.json"];
    room.json(code, &[&fixed[..], more].concat())
}

fn file<'a>(answer: &'a Value, name: &str) -> &'a str {
    let files = answer["files"].as_array().unwrap();
    let found = files.iter().find(|file| file["name"] == name);
    found.unwrap_or_else(|| panic!("no {name}"))["content"].as_str().unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// Runs what was handed out as somebody would who pastes it, in `directory`, with an empty home.
fn paste(directory: &Path, language: &str, lines: &str, artifact: &str) -> Result<(), String> {
    let bundle = data("bundles/happy-path-v0.3/bundle.sigstore.json");
    let filled = lines
        .replace("BUNDLE", bundle.to_str().unwrap())
        .replace("ARTIFACT", data(&format!("bundles/{artifact}")).to_str().unwrap())
        .replace("IDENTITY", IDENTITY)
        .replace("ISSUER", ISSUER);
    let home = directory.join("home");
    fs::create_dir_all(&home).unwrap();
    let file = home.join("pasted");
    fs::write(&file, filled).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/paste");
    // The clients are where this home has them, and remember in the other one.
    let cargo = std::env::var("CARGO_HOME").unwrap_or_else(|_| format!("{}/.cargo", std::env::var("HOME").unwrap()));
    let mut command = Command::new(script);
    command.arg(language).arg(file).current_dir(directory);
    command.env("HOME", &home).env("CARGO_HOME", cargo).env("TRUSTROOT", BINARY);
    for name in ["XDG_DATA_HOME", "XDG_CACHE_HOME", "TUF_ROOT"] {
        command.env_remove(name);
    }
    let output = command.output().unwrap();
    let said =
        || format!("{lines}\n{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if output.status.success() { Ok(()) } else { Err(said()) }
}

/// What sigstore-go says, with the root that is in `directory`.
fn sigstore_go(url: &str, directory: &Path, artifact: &str) -> Result<(), String> {
    let mut verify = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/verify_bundle"));
    verify.args(["sigstore-go", url]).arg(directory.join("1.root.json")).arg(directory.join("cache"));
    verify.arg(data("bundles/happy-path-v0.3/bundle.sigstore.json")).arg(data(&format!("bundles/{artifact}")));
    let output = verify.args([IDENTITY, ISSUER]).output().unwrap();
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

#[test]
fn every_command_works_in_the_client_that_it_is_for() {
    let room = published();
    let server = Server::directory(room.path("repository"));
    let out = tempfile::tempdir().unwrap();
    let given = ["handout", "--metadata-url", &server.url(), "--served", "--root=repository/1.root.json", "--out"];
    let answer = room.json(0, &[&given[..], &[out.path().to_str().unwrap()]].concat());
    let mut tried = Vec::new();
    for client in answer["clients"].as_array().unwrap() {
        let name = text(&client["client"]);
        if UNTRIED.contains(&name) {
            continue;
        }
        assert_eq!(client["starts-here"], true, "{name}");
        // Everybody has the files, and no more.
        let place = tempfile::tempdir().unwrap();
        copy(out.path(), place.path());
        if name == "go-tuf" {
            // It is a library; the program of the tests says the same to it.
            let root = place.path().join("1.root.json");
            let job =
                Job::new(text(&answer["metadata-url"]), &root, &place.path().join("cache"), &["trusted_root.json"]);
            assert_eq!(one(name, &job, None), Ok(1));
            assert!(client["steps"][0]["text"].to_string().contains("updater.New(cfg)"));
            continue;
        }
        fs::remove_file(place.path().join("trusted_root.json")).unwrap();
        if name == "sigstore-go" {
            // A library too: the program of the tests has each of these lines.
            let lines = text(&client["steps"][0]["text"]).replace("\"1.root.json\"", "file");
            let lines = lines.replace(&format!("\"{}\"", text(&answer["metadata-url"])), "url");
            assert!(lines.lines().count() > 5 && lines.contains("(file)") && lines.contains("= url"), "{lines}");
            for line in lines.lines() {
                assert!(SIGSTORE_GO.contains(&format!("\n\t{line}\n")), "no {line:?} in tests/clients/sigstorego");
            }
            let said = |artifact| sigstore_go(&server.url(), place.path(), artifact);
            said("a.txt").unwrap();
            assert!(said("happy-path-v0.3/README").is_err(), "{name}: a signature over another file");
            tried.push(name);
            continue;
        }
        for step in client["steps"].as_array().unwrap() {
            paste(place.path(), text(&step["language"]), text(&step["text"]), "a.txt").unwrap();
        }
        let fetched = match name {
            "trustroot" => Some("trusted_root.json"),
            "tuftool" => Some("download/trusted_root.json"),
            "python-tuf" | "tuf-js" => Some("cache/targets/trusted_root.json"),
            _ => None,
        };
        if let Some(fetched) = fetched {
            assert_eq!(fs::read(place.path().join(fetched)).unwrap(), sigstore::target("trusted_root.json"), "{name}");
        } else {
            let verify = client["steps"].as_array().unwrap().last().unwrap();
            let another =
                paste(place.path(), text(&verify["language"]), text(&verify["text"]), "happy-path-v0.3/README");
            assert!(another.is_err(), "{name}: a signature over another file");
        }
        if name == "cosign" {
            let start = text(&client["steps"][0]["text"]).replace(text(&answer["root"]["sha256"]), &"0".repeat(64));
            assert!(paste(place.path(), "sh", &start, "a.txt").is_err(), "a root with another digest");
        }
        tried.push(name);
    }
    assert_eq!(
        tried,
        ["cosign", "sigstore-python", "sigstore-js", "sigstore-go", "trustroot", "python-tuf", "tuf-js", "tuftool"]
    );
}

#[test]
fn the_files_are_what_is_published() {
    let room = published();
    let answer = handout(&room, 0, &["--html=page.html"]);
    let root = fs::read(room.path("repository/1.root.json")).unwrap();
    assert_eq!(file(&answer, "1.root.json").as_bytes(), root);
    assert_eq!(answer["root"]["sha256"], Digest::of(&root).to_string());
    assert_eq!(answer["root"]["words"], Digest::of(&root).words().join(" "));
    let published = ["trusted_root.json", "signing_config.v0.2.json"];
    published.iter().for_each(|name| assert_eq!(file(&answer, name).as_bytes(), sigstore::target(name), "{name}"));
    let config: Value = serde_json::from_str(file(&answer, "trust_config.json")).unwrap();
    let value = |name| serde_json::from_slice::<Value>(&sigstore::target(name)).unwrap();
    assert_eq!(config["trustedRoot"], value("trusted_root.json"));
    assert_eq!(config["signingConfig"], value("signing_config.v0.2.json"));

    let yaml = |name: &str| serde_yaml_ng::from_str::<Value>(file(&answer, name)).unwrap();
    let decoded = |value: &Value| STANDARD.decode(text(value)).unwrap();
    let trust_root = yaml("trust_root.yaml");
    assert_eq!(trust_root["apiVersion"], "policy.sigstore.dev/v1alpha1");
    assert_eq!(
        (&trust_root["kind"], &trust_root["metadata"]["name"]),
        (&"TrustRoot".into(), &"trust-root-zo-b-sons-b".into())
    );
    assert_eq!(trust_root["spec"]["remote"]["mirror"], "https://tuf.example");
    assert_eq!(decoded(&trust_root["spec"]["remote"]["root"]), root);
    let secret = yaml("secret.yaml");
    assert_eq!((&secret["kind"], &secret["metadata"]["name"]), (&"Secret".into(), &"tuf-root".into()));
    assert_eq!(
        (&secret["metadata"]["namespace"], decoded(&secret["data"]["root"])),
        (&"tuf-system".into(), root.clone())
    );
    let map = yaml("config_map.yaml");
    assert_eq!((&map["kind"], &map["data"]["mirror"]), (&"ConfigMap".into(), &"https://tuf.example".into()));
    for name in ["1.root.json", "trusted_root.json", "signing_config.v0.2.json", "trust_config.json"] {
        assert_eq!(decoded(&map["binaryData"][name]), file(&answer, name).as_bytes(), "{name}");
    }

    // The page has all of it, and asks for nothing from elsewhere.
    let page = room.coordinator.read("page.html");
    assert!(page.contains("How clients start from Zo\u{eb} &amp; &lt;b&gt;Sons&lt;/b&gt;</h1>"), "{page}");
    assert!(!page.contains("<script") && !page.contains("src=") && !page.contains("url("));
    let links: Vec<&str> = page.split("href=\"").skip(1).map(|link| link.split('"').next().unwrap()).collect();
    let files = answer["files"].as_array().unwrap();
    assert_eq!(links.len(), files.len());
    for (link, file) in links.iter().zip(files) {
        let held = link.strip_prefix("data:application/octet-stream;base64,").unwrap();
        assert_eq!(STANDARD.decode(held).unwrap(), text(&file["content"]).as_bytes());
    }
}

#[test]
fn it_fits_a_terminal_and_the_policy_knows_the_address() {
    let room = published();
    let asked = room.run(2, &["handout", "--root=repository/1.root.json"]);
    assert!(asked.says("--metadata-url"), "{}", asked.stderr);
    room.replace(
        "trustroot.toml",
        "# metadata-url = \"https://tuf.example.com\"",
        "metadata-url = \"https://tuf.example.org\"",
    );
    let shown = room.run(0, &["handout", "--root=repository/1.root.json"]).stdout;
    fits(&shown);
    for line in [
        "How clients start from \"Zo\u{eb} & <b>Sons</b>\"",
        "as clients do, from root 1, which was given,\nwith the SHA-256\n",
        "  metadata  https://tuf.example.org\n  targets   https://tuf.example.org/targets\n",
        "    cosign initialize --mirror https://tuf.example.org --root 1.root.json \\\n        --root-checksum \\\n",
        "    sigstore --instance https://tuf.example.org trust-instance 1.root.json\n",
        "  Before version 2.5.1 it cannot use this: it reads single keys among the\n",
    ] {
        assert!(shown.contains(line), "no {line:?} in {shown}");
    }
    // Targets that are elsewhere are out of reach for those who cannot be told.
    let answer = handout(&room, 0, &["--targets-url=https://files.example"]);
    for client in answer["clients"].as_array().unwrap() {
        let said = client.to_string();
        let sigstore = ["cosign", "sigstore-python", "sigstore-js", "sigstore-go", "gh", "sigstore-java"];
        let told = said.contains("It looks for targets at https://tuf.example/targets alone");
        assert_eq!(told, sigstore.contains(&text(&client["client"])), "{said}");
        assert!(told || said.contains("https://files.example") || client["client"] == "sigstore-rs", "{said}");
    }
    // What a shell would act on is quoted.
    let quoted = room.run(0, &["handout", "--root=repository/1.root.json", "--metadata-url=https://a.example/$(id)"]);
    assert!(quoted.stdout.contains("--mirror 'https://a.example/$(id)' \\\n"), "{}", quoted.stdout);
}

#[test]
fn what_clients_refuse_is_handed_to_nobody() {
    let mut room = published();
    // The machine that published remembers what it trusts.
    assert_eq!(room.json(0, &["handout", "--metadata-url=https://tuf.example"])["verified-from"]["by"], "remembered");
    let nobody = room.run_as(&room.fresh(), 2, &["handout", "--metadata-url=https://tuf.example"]);
    assert!(nobody.says("this machine remembers no trusted root"), "{}", nobody.stderr);
    let absent = handout(&room, 2, &["--root-version=2"]);
    assert_eq!(absent["error"], "there is no root 2: the newest is root 1");

    let before = tempfile::tempdir().unwrap();
    copy(&room.path("repository"), before.path());

    // A second root; whoever trusts it has nothing that vouches for the first.
    room.enroll("dave");
    room.run(0, &["role", "root", "--add=dave"]);
    room.coordinator.write("targets/b.txt", "new\n");
    room.hold(&["alice", "bob"]);
    let second = ["handout", "--metadata-url=https://tuf.example", "--root=repository/2.root.json"];
    let older = room.json(1, &[&second[..], &["--root-version=1"]].concat());
    assert_eq!(older["error"], "root 1 is older than root 2, which is trusted here");
    assert_eq!(room.json(0, &second)["root"]["version"], 2);
    let both = handout(&room, 0, &["--root-version=1"]);
    assert_eq!((&both["root"]["version"], &both["roles"][0]["version"]), (&1.into(), &2.into()));

    // The address is behind, or has nothing.
    let server = Server::directory(before.path());
    let served = ["handout", "--served", "--root=repository/1.root.json", "--metadata-url"];
    let behind = room.json(1, &[&served[..], &[&server.url()]].concat());
    let differs = "serves root 2, timestamp 1, snapshot 1, targets 1, and repository/ has root 2, timestamp 2, snapshot 2, targets 2";
    assert!(text(&behind["error"]).contains(differs), "{behind}");
    let nothing = Server::new(|_| common::Reply::Missing);
    let nothing = room.json(2, &[&served[..], &[&nothing.url()]].concat());
    assert!(nothing["error"].as_str().unwrap().ends_with("could not be read"), "{nothing}");

    // Another root of that version, which the trusted one would lead on from.
    let directory = tempfile::tempdir().unwrap();
    copy(&room.path("repository"), directory.path());
    let other = room.forged(&["alice", "bob", "carol"], 2);
    other.hold(&["alice", "bob"]);
    copy(&other.path("repository"), &room.path("repository"));
    for arguments in [&[][..], &["--root-version=1"]] {
        let trusted = directory.path().join("1.root.json");
        let root = ["handout", "--metadata-url=https://tuf.example", "--root", trusted.to_str().unwrap()];
        let run = room.run(1, &[&root[..], arguments].concat());
        assert!(run.says("clients refuse what is published: nothing is handed out"), "{}", run.stderr);
    }
    fs::remove_dir_all(room.path("repository")).unwrap();
    copy(directory.path(), &room.path("repository"));
    handout(&room, 0, &[]);

    let mut targets = fs::read_dir(room.path("repository/targets")).unwrap().map(|entry| entry.unwrap().path());
    let target = targets.find(|path| path.to_str().unwrap().ends_with(".trusted_root.json")).unwrap();
    let bytes = fs::read(&target).unwrap();
    fs::write(&target, "{}").unwrap();
    let refused = handout(&room, 1, &["--out=out"]);
    assert!(refused["causes"][0].as_str().unwrap().contains("trusted_root.json"), "{refused}");
    assert!(!room.path("out").exists());
    fs::write(&target, bytes).unwrap();
    room.at("2098-01-01T00:00:00Z");
    let expired = handout(&room, 1, &["--out=out"]);
    assert!(expired["causes"].to_string().contains("it expired at"), "{expired}");
    assert!(!room.path("out").exists());
}

#[test]
fn without_trust_material_there_are_the_clients_of_tuf_alone() {
    let room = Room::new(&["alice", "bob", "carol"], 2);
    let run = room.run(2, &["handout", "--metadata-url=https://tuf.example"]);
    assert!(run.says("nothing is published yet"), "{}", run.stderr);
    room.hold(&["alice", "bob"]);
    let answer = handout(&room, 0, &[]);
    let names: Vec<&str> = answer["clients"].as_array().unwrap().iter().map(|client| text(&client["client"])).collect();
    assert_eq!(names, ["trustroot", "python-tuf", "tuf-js", "go-tuf", "tuftool"]);
    let files: Vec<&str> = answer["files"].as_array().unwrap().iter().map(|file| text(&file["name"])).collect();
    assert_eq!(files, ["1.root.json", "secret.yaml", "config_map.yaml"]);
    assert!(text(&answer["clients"][0]["steps"][0]["text"]).ends_with(" TARGET"));
}
