//! A private Sigstore, from nothing to signatures: services that a script plays are asked, the first trust root is made of
//! what they answer, and cosign and sigstore-python sign through them and verify each other's bundles, by that trust root
//! alone; then Rekor is rotated from version 1 to version 2.
#![cfg(feature = "net")]
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use ceremony::{Days, Time};
use common::{BINARY, Room, Server, Trustroot};
use serde_json::Value;
use tempfile::TempDir;

/// The services, for as long as this lives.
struct Services {
    child: Child,
    place: TempDir,
    /// The proxy through which all of them are reached.
    proxy: String,
}

impl Services {
    /// Those whose clients find this repository at `http://tuf.example`.
    fn start(repository: &Path) -> Self {
        let place = tempfile::tempdir().unwrap();
        let mut play = script("play_sigstore");
        play.arg(place.path()).arg(repository);
        let mut child = play.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut port = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut port).unwrap();
        Self { child, place, proxy: format!("http://127.0.0.1:{}", port.trim()) }
    }

    /// The file with a key that a log does not hand out.
    fn key(&self, name: &str) -> String {
        self.place.path().join(name).to_str().unwrap().to_owned()
    }

    /// Runs lines of a shell as the clients' user, who has `root.json` and `artifact`; returns stdout.
    fn run(&self, home: &Path, lines: &str) -> Result<String, String> {
        let file = home.join("lines");
        fs::write(&file, lines).unwrap();
        let mut command = script("paste");
        command.arg("sh").arg(file).current_dir(home).env("TRUSTROOT", BINARY).env("TUF_ROOT", home.join("cosign"));
        command
            .env("HTTP_PROXY", &self.proxy)
            .env("http_proxy", &self.proxy)
            .env_remove("NO_PROXY")
            .env_remove("no_proxy");
        let output = command.env("XDG_DATA_HOME", home).env("XDG_CACHE_HOME", home).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
    }
}

impl Drop for Services {
    fn drop(&mut self) {
        // They end with their input.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

fn script(name: &str) -> Command {
    Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(name))
}

fn now() -> Time {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    Time::from_unix(i64::try_from(seconds).unwrap()).unwrap()
}

/// The kind and the version of the entry of a bundle in its log.
fn entry(home: &Path, bundle: &str) -> (Value, usize) {
    let bundle: Value = serde_json::from_slice(&fs::read(home.join(bundle)).unwrap()).unwrap();
    let material = &bundle["verificationMaterial"];
    let stamps = material["timestampVerificationData"]["rfc3161Timestamps"].as_array().map_or(0, Vec::len);
    (material["tlogEntries"][0]["kindVersion"].clone(), stamps)
}

const SIGN: &str = "
token=$(curl -s http://login.example/token)
cosign initialize --mirror http://tuf.example --root root.json
cosign sign-blob --yes --identity-token \"$token\" --bundle cosign-N.json artifact
sigstore --instance http://tuf.example trust-instance root.json
sigstore --instance http://tuf.example sign --identity-token \"$token\" --bundle python-N.json artifact
";

const VERIFY: &str = "
cosign initialize --mirror http://tuf.example --root root.json
sigstore --instance http://tuf.example trust-instance root.json
for bundle in BUNDLES; do
    cosign verify-blob --bundle $bundle --certificate-identity dev@example.com \
        --certificate-oidc-issuer https://login.example artifact
    sigstore --instance http://tuf.example verify identity --bundle $bundle --cert-identity dev@example.com \
        --cert-oidc-issuer https://login.example artifact
done
";

/// Accepts these findings, which stop `stage`; then stages, signs and publishes.
fn hold(room: &Room, findings: &[&str]) {
    let stopped = room.json(1, &["stage", "--dry-run"]);
    let causes = stopped["causes"].as_array().unwrap().iter().map(|cause| cause.as_str().unwrap());
    let found: Vec<(&str, &str)> = causes
        .map(|cause| {
            let (name, rest) = cause.split_once(" (").unwrap();
            (name, rest.split_once("): ").unwrap().0)
        })
        .collect();
    assert_eq!(found.iter().map(|(name, _)| *name).collect::<Vec<_>>(), findings, "{stopped:#}");
    for (name, subject) in found {
        room.run(0, &["accept", name, subject, "--reason=a test", "--until=2099-01-01T00:00:00Z"]);
    }
    room.hold(&["alice", "bob"]);
}

#[test]
fn clients_sign_through_services_that_were_asked_themselves() {
    let mut room = Room::new(&["alice", "bob"], 2);
    let services = Services::start(&room.path("repository"));
    let own = std::mem::replace(&mut room.coordinator, Trustroot::new());
    room.coordinator = own.env("HTTP_PROXY", &services.proxy);
    let now = now();
    room.at(&now.to_string());
    let start = now.minus(Days(30)).unwrap().to_string();
    let add = |kind: &str, url: &str, more: &[&str]| {
        let fixed = ["material", "rotate", kind, "--from", url, "--start", &start, "--operator=example"];
        room.json(0, &[&fixed[..], more].concat())
    };
    add("fulcio", "http://fulcio.example", &[]);
    add("rekor", "http://rekor.example", &[]);
    add("ctlog", "http://ct.example/2026", &["--key", &services.key("ct.pem")]);
    let tsa = add("tsa", "http://timestamp.example", &[]);
    assert!(tsa["proof"].as_str().unwrap().contains("a time stamp of what it was just given"), "{tsa}");
    let oidc = ["material", "service", "add", "oidc", "https://login.example", "--start", &start];
    room.run(0, &oidc);
    hold(&room, &["url-insecure"; 7]);

    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    fs::write(home.join("artifact"), "signed by a test\n").unwrap();
    fs::copy(room.path("repository/1.root.json"), home.join("root.json")).unwrap();
    let sign = |number: &str| services.run(home, &SIGN.replace('N', number)).unwrap();
    let verify = |bundles: &str| services.run(home, &VERIFY.replace("BUNDLES", bundles));
    let logged = |bundle: &str| {
        let (kind, stamps) = entry(home, bundle);
        assert_eq!((&kind["kind"], stamps), (&"hashedrekord".into(), 1), "{bundle}");
        kind["version"].as_str().unwrap().to_owned()
    };
    sign("1");
    assert_eq!(["cosign-1.json", "python-1.json"].map(logged), ["0.0.1", "0.0.1"]);
    verify("cosign-1.json python-1.json").unwrap();

    // The next Rekor is of another version, and does not hand out its key.
    add("rekor", "http://log2.rekor.example", &["--key", &services.key("log2.pem")]);
    hold(
        &room,
        &["target-changed", "target-changed", "url-insecure", "url-insecure", "start-too-soon", "start-too-soon"],
    );
    sign("2");
    assert_eq!(["cosign-2.json", "python-2.json"].map(logged), ["0.0.2", "0.0.2"]);

    // The last entry of the old one is evidence of its last use.
    let last = services.run(home, "curl -s 'http://rekor.example/api/v1/log/entries?logIndex=2'").unwrap();
    room.coordinator.write("last.json", last);
    let at = self::now().to_string();
    let end = ["material", "end", "rekor", "http://rekor.example", "--evidence=last.json", "--at", &at];
    let ended = room.json(0, &end);
    assert!(ended["proof"].as_str().unwrap().starts_with("there is its entry 2, of "), "{ended}");
    hold(&room, &["target-changed", "target-changed"]);
    sign("3");
    verify("cosign-1.json python-1.json cosign-2.json python-2.json cosign-3.json python-3.json").unwrap();
    for bundle in ["cosign-1.json", "python-1.json", "cosign-3.json", "python-3.json"] {
        verifies_in_js(&room, home, bundle);
    }

    // And what was not signed is refused.
    fs::write(home.join("artifact"), "another\n").unwrap();
    assert!(verify("cosign-3.json").is_err());
}

/// What sigstore-js says, which is given no proxy.
fn verifies_in_js(room: &Room, home: &Path, bundle: &str) {
    let (server, cache) = (Server::directory(room.path("repository")), tempfile::tempdir().unwrap());
    let mut verify = script("verify_bundle");
    verify.args(["sigstore-js", &server.url()]).arg(home.join("root.json")).arg(cache.path());
    verify.arg(home.join(bundle)).arg(home.join("artifact")).args(["dev@example.com", "https://login.example"]);
    let output = verify.output().unwrap();
    assert!(output.status.success(), "{bundle}: {output:?}");
}
