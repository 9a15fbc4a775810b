//! Services that run, asked for what proves them: some answer what Sigstore's real services answered, some badly.
#![cfg(feature = "net")]
#![allow(clippy::unwrap_used)]

mod common;
mod sigstore;

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ceremony::{Certificate, Digest};
use common::services::{checkpoint, fulcio_chain, log_key, stamp, static_ct_checkpoint, tree_head, tsa_chain};
use common::terminal::{DOWN, ENTER};
use common::{Reply, Server, Trustroot, fits};
use serde_json::{Value, json};

const NOW: &str = "2026-11-22T12:00:00Z";
const START: &str = "2026-12-15T00:00:00Z";

/// A trust root without services.
fn room() -> Trustroot {
    let room = Trustroot::new();
    room.ok(&[
        "init",
        "--template=sigstore",
        "--name=Test",
        "--keyholder=alice",
        "--keyholder=bob",
        "--threshold=2",
        "--file-keys",
        "--now",
        NOW,
    ]);
    room
}

fn rotate<'a>(kind: &'a str, arguments: &[&'a str]) -> Vec<&'a str> {
    let fixed = ["material", "rotate", kind, "--start", START, "--operator=example", "--now", NOW];
    [&fixed[..], arguments].concat()
}

/// A server that answers at each of these paths.
fn service(answers: &[(&str, Vec<u8>)]) -> Server {
    let answers: Vec<(String, Vec<u8>)> =
        answers.iter().map(|(path, bytes)| ((*path).to_owned(), bytes.clone())).collect();
    Server::new(move |path| match answers.iter().find(|(there, _)| there == path) {
        Some((_, bytes)) => Reply::Bytes(bytes.clone()),
        None => Reply::Missing,
    })
}

fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

/// What a real bundle holds of the log that it is in.
fn logged(bundle: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/bundles").join(bundle);
    let bundle = json(&fs::read(path.join("bundle.sigstore.json")).unwrap());
    bundle["verificationMaterial"]["tlogEntries"][0].clone()
}

/// The real key of a log, as DER.
fn key_of(root: &Value, url: &str) -> Vec<u8> {
    let log = root["tlogs"].as_array().unwrap().iter().find(|log| log["baseUrl"] == url).unwrap();
    STANDARD.decode(log["publicKey"]["rawBytes"].as_str().unwrap()).unwrap()
}

fn trust_bundle(chains: &[&str]) -> Vec<u8> {
    let chain = |pem: &&str| {
        let certificates = Certificate::from_pem_chain(pem).unwrap();
        json!({ "certificates": certificates.iter().map(Certificate::to_pem).collect::<Vec<_>>() })
    };
    json!({ "chains": chains.iter().map(chain).collect::<Vec<_>>() }).to_string().into_bytes()
}

/// The one chain of Fulcio that Sigstore uses, as PEM.
fn sigstores_chain() -> String {
    let root = json(&sigstore::target("trusted_root.json"));
    let chain = root["certificateAuthorities"][1]["certChain"]["certificates"].as_array().unwrap();
    let pem = |one: &Value| {
        Certificate::from_der(&STANDARD.decode(one["rawBytes"].as_str().unwrap()).unwrap()).unwrap().to_pem()
    };
    chain.iter().map(pem).collect()
}

/// The files below `answers/`, by their paths there.
fn saved(room: &Trustroot) -> Vec<(String, Vec<u8>)> {
    let below = |path: PathBuf| fs::read_dir(path).into_iter().flatten().map(|entry| entry.unwrap().path());
    let files = below(room.dir().join("answers")).flat_map(below);
    let mut files: Vec<_> =
        files.map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(&path).unwrap())).collect();
    files.sort();
    files
}

/// Asks, and does the same with the saved answers as files: both make the same bytes.
fn asked_and_given(kind: &str, server: &Server, paths: &[&str], live: &[&str], flags: &[(&str, &str)]) -> Value {
    let (asking, given) = (room(), room());
    server.asked();
    let from = server.url();
    let answer = asking.json(0, &rotate(kind, &[&["--from", &from], live].concat()));
    assert_eq!(server.asked(), paths);
    let told = answer["answers"].as_array().unwrap();
    assert_eq!(told.len(), saved(&asking).len(), "{answer}");
    let mut arguments: Vec<String> = live.iter().map(|one| (*one).to_owned()).collect();
    for answer in told {
        let bytes = fs::read(asking.dir().join(answer["file"].as_str().unwrap())).unwrap();
        assert_eq!(answer["sha256"], Digest::of(&bytes).to_string());
        assert_eq!(answer["length"], bytes.len());
        let path = answer["url"].as_str().unwrap().strip_prefix(&from).unwrap();
        let (flag, _) = flags.iter().find(|(_, of)| *of == path).unwrap();
        let file = given.dir().join(flag.trim_start_matches('-'));
        fs::write(&file, bytes).unwrap();
        arguments.extend([(*flag).to_owned(), file.to_str().unwrap().to_owned()]);
    }
    if !live.contains(&"--url") {
        let entries = asking.json(0, &["material", "show"]);
        arguments.extend(["--url".to_owned(), entries["entries"][0]["url"].as_str().unwrap().to_owned()]);
    }
    given.ok(&rotate(kind, &arguments.iter().map(String::as_str).collect::<Vec<_>>()));
    for file in ["targets/trusted_root.json", "targets/signing_config.v0.2.json"] {
        let there = |room: &Trustroot| fs::read(room.dir().join(file)).ok();
        assert_eq!(there(&asking), there(&given));
    }
    answer
}

#[test]
fn a_service_that_is_asked_proves_itself_as_files_do() {
    let root = json(&sigstore::target("trusted_root.json"));

    // What rekor.sigstore.dev answered: its key, and a checkpoint that is in a bundle.
    let envelope = logged("happy-path-v0.3")["inclusionProof"]["checkpoint"]["envelope"].as_str().unwrap().to_owned();
    let pem = log_pem(&key_of(&root, "https://rekor.sigstore.dev"));
    let state = json!({ "treeSize": 1, "signedTreeHead": envelope }).to_string();
    let server = service(&[("/api/v1/log/publicKey", pem), ("/api/v1/log", state.into_bytes())]);
    let answer = asked_and_given(
        "rekor",
        &server,
        &["/api/v1/log/publicKey", "/api/v1/log"],
        &["--url", "https://rekor.sigstore.dev"],
        &[("--key", "/api/v1/log/publicKey"), ("--checkpoint", "/api/v1/log")],
    );
    assert!(
        answer["proof"].as_str().unwrap().starts_with("its checkpoint rekor.sigstore.dev - 2605736670972794746 of ")
    );
    let text = room().ok(&rotate("rekor", &["--from", &server.url(), "--url", "https://rekor.sigstore.dev"]));
    let said =
        format!("Asked {}/api/v1/log/publicKey, without TLS: anybody on the way can have answered.", server.url());
    assert!(text.split_whitespace().collect::<Vec<_>>().join(" ").contains(&said), "{text}");
    fits(&text);

    let server = service(&[("/api/v2/trustBundle", trust_bundle(&[&sigstores_chain()]))]);
    asked_and_given("fulcio", &server, &["/api/v2/trustBundle"], &[], &[("--chain", "/api/v2/trustBundle")]);
}

#[test]
fn logs_that_do_not_hand_out_their_keys_are_asked_for_their_state() {
    // What log2025-alpha1.rekor.sigstage.dev answered: its note key is known otherwise.
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/bundles/rekor2-happy-path");
    let root = json(&fs::read(data.join("trusted_root.json")).unwrap());
    let entry = logged("rekor2-happy-path");
    let envelope = entry["inclusionProof"]["checkpoint"]["envelope"].as_str().unwrap().to_owned().into_bytes();
    let url = format!("https://{}", String::from_utf8_lossy(&envelope).lines().next().unwrap());
    let room = room();
    room.write("note.der", key_of(&root, &url));
    for path in ["/api/v2/checkpoint", "/checkpoint"] {
        let server = service(&[(path, envelope.clone())]);
        let twin = room.twin();
        let answer = twin.json(0, &rotate("rekor", &["--from", &server.url(), "--url", &url, "--key=note.der"]));
        assert_eq!(server.asked().last().unwrap(), path);
        assert_eq!(answer["answers"].as_array().unwrap().len(), 1, "{answer}");
        assert!(twin.read("targets/signing_config.v0.2.json").contains("\"majorApiVersion\": 2"));
    }
    room.write("ct.pem", log_key(6).key().to_spki_pem());
    let tiles = static_ct_checkpoint(6, "ct.example/2027").into_bytes();
    for (path, answer) in [("/2027/ct/v1/get-sth", tree_head(6).into_bytes()), ("/2027/checkpoint", tiles)] {
        let (server, twin) = (service(&[(path, answer)]), room.twin());
        let from = format!("{}/2027", server.url());
        let answer = twin.json(0, &rotate("ctlog", &["--from", &from, "--key=ct.pem"]));
        assert_eq!(answer["proof"], "its tree head of 5 certificates, of 2023-11-14T22:13:20Z");
        assert_eq!(twin.json(0, &["material", "show"])["entries"][0]["url"], from.as_str());
        let file = answer["answers"][0]["file"].as_str().unwrap();
        assert!(file.contains(if path.ends_with("sth") { "/get-sth." } else { "/checkpoint." }), "{file}");
    }
    let from = "http://127.0.0.1:1";
    let asked = room.exits(2, &rotate("ctlog", &["--from", from]));
    assert!(asked.says("answer it with --key"), "{}", asked.stderr);
}

#[test]
fn a_timestamp_authority_stamps_something_new() {
    let other = stamp(&ceremony::material::timestamp::request(b"another time"));
    let room = room();
    let answers = |stamped: Option<Vec<u8>>| {
        Server::taking(move |path, body| match path {
            "/api/v1/timestamp/certchain" => Reply::Bytes(tsa_chain().into_bytes()),
            "/api/v1/timestamp" => Reply::Bytes(stamped.clone().unwrap_or_else(|| stamp(body))),
            _ => Reply::Missing,
        })
    };
    let replay = answers(Some(other));
    let refused = room.exits(1, &rotate("tsa", &["--from", &replay.url()]));
    assert!(refused.says("is a time stamp of something else than was sent"), "{}", refused.stderr);
    assert!(!room.dir().join("targets").exists());

    let server = answers(None);
    let answer = room.json(0, &rotate("tsa", &["--from", &server.url()]));
    assert_eq!(server.asked(), ["/api/v1/timestamp/certchain", "/api/v1/timestamp"]);
    assert!(answer["proof"].as_str().unwrap().contains("it signed a time stamp of what it was just given, at "));
    let url = format!("{}/api/v1/timestamp", server.url());
    assert!(room.read("targets/trusted_root.json").contains(&format!("\"uri\": \"{url}\"")), "where requests are sent");
    assert!(room.read("targets/signing_config.v0.2.json").contains(&format!("\"url\": \"{url}\"")));
}

#[test]
fn of_several_chains_one_is_named() {
    let (real, new) = (sigstores_chain(), fulcio_chain());
    let server = service(&[("/api/v2/trustBundle", trust_bundle(&[&real, &new]))]);
    let url = server.url();
    let room = room();
    let several = room.exits(2, &rotate("fulcio", &["--from", &url]));
    assert!(several.says("holds 2 chains that are new") && several.says("CN=new-intermediate, until"), "{several:?}");
    assert!(several.says("CN=sigstore-intermediate,O=sigstore.dev, until"), "{several:?}");
    let signer = Certificate::from_pem_chain(&new).unwrap()[1].sha256().short();
    let none = room.exits(2, &rotate("fulcio", &["--from", &url, "--signer=00000000"]));
    assert!(none.says("has this signer"), "{none:?}");
    let named = ["--from", &url, "--signer", &signer];
    let answer = room.json(0, &rotate("fulcio", &named));
    let change = &answer["files"][0]["changes"][1]["text"];
    assert!(change.as_str().unwrap().contains("(new-intermediate)"), "{answer}");
    // One of them is there now.
    let answer = room.json(0, &rotate("fulcio", &["--from", &url]));
    assert!(answer["files"][0]["changes"][0]["text"].as_str().unwrap().contains("(sigstore-intermediate)"), "{answer}");
    assert_eq!(saved(&room).len(), 1, "the same answer is saved once");
    assert!(room.exits(1, &rotate("fulcio", &["--from", &url])).says("has what is in"));
    let not_here = room.exits(2, &rotate("rekor", &["--from", &url, "--signer=00"]));
    assert!(not_here.says("--signer is not for rekor"), "{not_here:?}");

    let other = self::room();
    let mut terminal = other.terminal(&rotate("fulcio", &["--from", &url]));
    terminal.expect("Which chain of").expect("new-intermediate").send(DOWN).send(ENTER);
    assert_eq!(terminal.exit_code(), 0);
    let shown = other.json(0, &["material", "show"]);
    assert_eq!(shown["entries"][0]["certificates"][0]["subject"], "CN=new-intermediate");
}

#[test]
fn bad_answers_change_nothing() {
    let room = room();
    let over = |reply: fn(&str) -> Reply| Server::new(reply);
    for (server, code, said) in [
        (over(|_| Reply::Missing), 2, "has nothing at /api/v1/log/publicKey"),
        (over(|_| Reply::Missing), 2, "a Rekor of version 2 does not hand out its key"),
        (over(|_| Reply::Status(503)), 2, "the server answered with status 503"),
        (over(|_| Reply::Endless), 2, "/api/v1/log/publicKey is longer than 4194304 bytes"),
        (over(|_| Reply::Truncated(b"x".to_vec())), 2, "the connection ended before the answer did"),
        (over(|path| Reply::Redirect(path.to_owned())), 2, "the server redirects more than 5 times"),
        (over(|_| Reply::Redirect("file:///etc/passwd".to_owned())), 2, "its scheme is neither http nor https"),
        (over(|_| Reply::Bytes(b"<html>".to_vec())), 2, "/api/v1/log/publicKey answers a page of HTML"),
        (over(|_| Reply::Bytes(b"no key".to_vec())), 2, "is not the key of a log"),
    ] {
        let run = room.exits(code, &rotate("rekor", &["--from", &server.url(), "--url=https://rekor.example"]));
        assert!(run.harmless().says(said), "no {said:?} in {}", run.stderr);
    }
    // It answers with its own key and checkpoint, and is another log than the one that is meant.
    let pem = log_key(5).key().to_spki_pem().into_bytes();
    let state = json!({ "signedTreeHead": checkpoint(5, "rekor.elsewhere") }).to_string().into_bytes();
    let server = service(&[("/api/v1/log/publicKey", pem), ("/api/v1/log", state)]);
    let run = room.exits(1, &rotate("rekor", &["--from", &server.url(), "--url=https://rekor.example"]));
    assert!(run.says("is of the log \"rekor.elsewhere\", not of \"rekor.example\""), "{}", run.stderr);
    assert!(run.says("answers/127.0.0.1-"), "what it answered is kept: {}", run.stderr);
    assert!(!room.dir().join("targets").exists());
    assert_eq!(saved(&room).len(), 4);

    let stopped = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let run = room.exits(2, &rotate("fulcio", &["--from", &format!("http://{stopped}")]));
    assert!(run.says("could not be read caused by: the connection failed"), "{}", run.stderr);
    assert!(room.exits(2, &rotate("fulcio", &["--from", "/etc"])).says("does not begin with https://"));
}

#[test]
fn init_asks_what_runs() {
    let server = Server::taking(|path, body| match path {
        "/api/v2/trustBundle" => Reply::Bytes(trust_bundle(&[&fulcio_chain()])),
        "/ct/v1/get-sth" => Reply::Bytes(tree_head(6).into_bytes()),
        "/api/v1/timestamp/certchain" => Reply::Bytes(tsa_chain().into_bytes()),
        "/api/v1/timestamp" => Reply::Bytes(stamp(body)),
        _ => Reply::Missing,
    });
    let room = Trustroot::new();
    room.write("ct.pem", log_key(6).key().to_spki_pem());
    let url = server.url();
    let services = [format!("--fulcio={url}"), format!("--ctlog={url}=ct.pem"), format!("--tsa={url}")];
    let init = ["init", "--template=sigstore", "--name=Test", "--keyholder=alice", "--operator=example", "--now", NOW];
    let arguments = [&init[..], &services.each_ref().map(String::as_str)].concat();
    let answer = room.json(0, &arguments);
    assert_eq!((answer["proofs"].as_array().unwrap().len(), answer["answers"].as_array().unwrap().len()), (3, 4));
    let shown = room.json(0, &["material", "show"]);
    let urls: Vec<&str> = shown["entries"].as_array().unwrap().iter().map(|one| one["url"].as_str().unwrap()).collect();
    assert_eq!(urls, [&url[..], &url, &format!("{url}/api/v1/timestamp")]);

    // At a terminal, Enter has the service asked.
    let asking = Trustroot::new();
    let mut terminal =
        asking.terminal(&["init", "--template=sigstore", "--name=Test", "--keyholder=alice", "--now", NOW]);
    terminal.expect("URL of the Fulcio").line(&url).expect("From when on is it valid").send(ENTER);
    terminal.expect("File with its certificates, or Enter to ask it").send(ENTER).expect("Who runs it").line("example");
    for kind in ["Rekor", "CT log", "TSA", "OpenID Connect provider"] {
        terminal.expect(&format!("URL of the {kind}")).send(ENTER);
    }
    assert_eq!(terminal.exit_code(), 0);
    assert_eq!((saved(&asking).len(), saved(&asking)[0].1.clone()), (1, trust_bundle(&[&fulcio_chain()])));

    let other = Trustroot::new();
    let rekor = format!("--rekor={url}");
    let refused = other.exits(2, &[&init[..], &[rekor.as_str()]].concat());
    assert!(refused.says("has nothing at /api/v1/log/publicKey"), "{}", refused.stderr);
    assert!(!other.dir().join("trustroot.toml").exists());
}

fn log_pem(der: &[u8]) -> Vec<u8> {
    ceremony::material::LogKey::parse(der).unwrap().key().to_spki_pem().into_bytes()
}

/// What a release manager met instead of services: the key of another log, a login, a page, nothing.
#[test]
fn whoever_answers_otherwise_is_named() {
    let room = room();
    room.write("key.pem", log_key(5).key().to_spki_pem());
    // A Rekor of version 2, and an ECDSA key of another.
    let server = service(&[("/api/v2/checkpoint", checkpoint(6, "log.example").into_bytes())]);
    let rekor = |from: &str| rotate("rekor", &["--from", from, "--url=https://log.example", "--key=key.pem"]).join(" ");
    let run = |line: &str, code: i32| room.exits(code, &line.split(' ').collect::<Vec<_>>());
    let other = run(&rekor(&server.url()), 1);
    assert!(other.says("does not prove that this is the key of the log at https://log.example"), "{}", other.stderr);
    let own = service(&[("/api/v2/checkpoint", checkpoint(5, "log.example").into_bytes())]);
    run(&rekor(&own.url()), 0);
    assert!(room.read("targets/signing_config.v0.2.json").contains("\"majorApiVersion\": 2"));

    let fulcio = |from: &str| rotate("fulcio", &["--from", from]).join(" ");
    let page = |body: &'static str| service(&[("/api/v2/trustBundle", body.as_bytes().to_vec())]);
    let html = page("\n<!DOCTYPE html><title>Log in</title>");
    let run_html = run(&fulcio(&html.url()), 2);
    assert!(run_html.says("/api/v2/trustBundle answers a page of HTML"), "{}", run_html.stderr);
    let (elsewhere, login) = (html.url(), html.url());
    let redirects = Server::new(move |_| Reply::Redirect(format!("{elsewhere}/api/v2/trustBundle")));
    let told = format!("answers a page of HTML, from {login}/api/v2/trustBundle, to which it redirects");
    let redirected = run(&fulcio(&redirects.url()), 2);
    assert!(redirected.says(&told), "{}", redirected.stderr);
    assert!(run(&fulcio(&page(" ").url()), 2).says("answers nothing: an empty answer"));
    for (status, hint) in [(401, "it wants a login"), (503, "ask again later")] {
        let server = Server::new(move |_| Reply::Status(status));
        let failed = run(&fulcio(&server.url()), 2);
        assert!(failed.says(&format!("status {status}")) && failed.says(hint), "{}", failed.stderr);
    }
    let refused = run(&fulcio("http://127.0.0.1:1"), 2);
    assert!(refused.says("nothing listens there: look at the address"), "{}", refused.stderr);
}

/// Who has no file presses Enter.
#[test]
fn a_terminal_offers_to_ask_the_service() {
    let (room, server) = (room(), service(&[("/api/v2/trustBundle", trust_bundle(&[&fulcio_chain()]))]));
    let url = server.url();
    let mut terminal = room.terminal(&rotate("fulcio", &["--url", &url]));
    terminal.expect("File with its certificates, or Enter to ask it").send(ENTER);
    terminal.expect("propose it to those who sign");
    assert_eq!(terminal.exit_code(), 0);
    let written = terminal.written();
    assert!(written.contains("Asking http://127.0.0.1:") && written.contains("its chain of 2 verifies"), "{written}");
}
