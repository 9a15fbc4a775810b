//! Trust material that other tools made: taken over, repaired in place, made of the single files of older clients.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod common;
mod sigstore;

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ceremony::material::{Kind, TrustedRoot};
use ceremony::{Certificate, Digest};
use common::Trustroot;
use common::services::{fulcio_chain, log_key};
use common::tuf::{Files, repository, signed, targets};
use serde_json::{Value, json};
use sigstore::names;

const NOW: &str = "2026-09-01T00:00:00Z";
const HISTORY: &str = "../shared/data/sigstore-prod/history-targets";

/// A file of Sigstore's as it was published under this name.
fn real(name: &str) -> Vec<u8> {
    fs::read(Path::new(HISTORY).join(name)).unwrap()
}

/// Sigstore's trusted root of 2026.
fn production() -> String {
    String::from_utf8(real("6494e21ea73fa7ee769f85f57d5a3e6a08725eae1e38c755fc3517c9e6bc0b66.trusted_root.json"))
        .unwrap()
}

/// A directory in which a small repository was adopted that publishes these targets, each with its `custom`.
fn adopted(published: &[(&str, Vec<u8>, Value)]) -> Trustroot {
    let mut files: Files = repository();
    let listed: Vec<(&str, &[u8])> = published.iter().map(|(path, bytes, _)| (*path, bytes.as_slice())).collect();
    let mut list = targets(1, &listed);
    for (path, bytes, custom) in published {
        if !custom.is_null() {
            list["targets"][*path]["custom"] = custom.clone();
        }
        let name = ceremony::targets::consistent_name(path, &Digest::of(bytes).to_string());
        files.insert(format!("targets/{name}"), bytes.clone());
    }
    files.insert("1.targets.json".into(), signed(&list, &[1, 3]));
    let trustroot = Trustroot::new();
    let from = trustroot.home().join("published");
    for (path, bytes) in &files {
        fs::create_dir_all(from.join(path).parent().unwrap()).unwrap();
        fs::write(from.join(path), bytes).unwrap();
    }
    let root = from.join("1.root.json");
    trustroot.ok(&["adopt", from.to_str().unwrap(), "--root", root.to_str().unwrap(), "--now", NOW]);
    trustroot
}

/// Runs `material`; its answer.
fn material(trustroot: &Trustroot, code: i32, arguments: &[&str]) -> Value {
    trustroot.json(code, &[&["material"], arguments, &["--now", NOW]].concat())
}

/// The findings on which `stage` stops.
fn stops(trustroot: &Trustroot) -> Vec<String> {
    let answer = trustroot.json(1, &["stage", "--dry-run", "--now", NOW]);
    answer["causes"].as_array().unwrap().iter().map(|cause| cause.as_str().unwrap().to_owned()).collect()
}

/// A trusted root as RHTAS makes it: PEM texts, one kind of key for all, no start, URLs of its cluster.
fn rhtas() -> String {
    let pem = STANDARD.encode(log_key(5).key().to_spki_pem());
    let id = STANDARD.encode(ceremony::Digest::of(pem.as_bytes()).as_bytes());
    let log = |url: &str| {
        format!(
            r#"{{"baseUrl": "{url}", "hashAlgorithm": "SHA2_256", "publicKey": {{"rawBytes": "{pem}", "keyDetails":
            "PKIX_ED25519"}}, "checkpointKeyId": {{"keyId": "{id}"}}}}"#
        )
    };
    let certificates = Certificate::from_pem_chain(&fulcio_chain()).unwrap();
    let chain: Vec<String> =
        certificates.iter().map(|one| format!(r#"{{"rawBytes": "{}"}}"#, STANDARD.encode(one.to_pem()))).collect();
    format!(
        r#"{{"mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1", "tlogs": [{}], "ctlogs": [{}],
        "certificateAuthorities": [{{"subject": {{"organization": "x", "commonName": "y"}}, "uri":
        "http://fulcio-server.fulcio.svc", "certChain": {{"certificates": [{}]}}}}], "timestampAuthorities": []}}"#,
        log("http://rekor-server.rekor.svc"),
        log("https://ctlog.example/"),
        chain.join(", ")
    )
}

#[test]
fn what_other_tools_made_is_taken_over_and_repaired() {
    let trustroot = adopted(&[]);
    trustroot.write("rhtas.json", rhtas());
    let import = ["material", "import", "rhtas.json", "--now", NOW];
    let asked = trustroot.exits(2, &import);
    assert!(asked.says("--log-start"), "{}", asked.stderr);
    let urls = [
        "--url",
        "http://rekor-server.rekor.svc=https://rekor.example",
        "--url",
        "http://fulcio-server.fulcio.svc=https://fulcio.example",
        "--log-start",
        "2020-01-01T00:00:00Z",
    ];
    let run = trustroot.exits(0, &[&import[..], &urls[..]].concat());
    for repair in [
        "its URL was http://rekor-server.rekor.svc",
        "its key was a PEM text",
        "keyDetails was PKIX_ED25519",
        "its log id stood under checkpointKeyId alone",
        "its start was missing, and is 2020-01-01T00:00:00Z",
        "a certificate was a PEM text; its chain began with the root",
        "its start was missing, and is 2020-01-01T00:00:00Z",
        "its URL was https://ctlog.example/",
    ] {
        assert!(run.says(repair), "no {repair:?} in {}", run.stderr);
    }
    assert_eq!(names(&material(&trustroot, 1, &["lint"])), ["material-missing (signing_config.v0.2.json)"]);
    let again = trustroot.exits(1, &[&import[..], &urls[..]].concat());
    assert!(again.says("nothing changes"), "{}", again.stderr);
    trustroot
        .write("old.json", r#"{"mediaType": "application/vnd.dev.sigstore.signingconfig.v0.1+json", "caUrl": "x"}"#);
    assert!(trustroot.exits(1, &["material", "import", "old.json"]).says("of the form v0.1"));
    trustroot.write("none.json", "[]");
    assert!(trustroot.exits(2, &["material", "import", "none.json"]).says("the file is not an object"));
}

/// `json` as the string of JSON that holds it.
fn text(json: &Value) -> String {
    format!("{}\n", serde_json::to_string_pretty(json).unwrap())
}

/// Sigstore's trusted root with everything done to it that other tools did to theirs.
fn broken() -> String {
    let mut root: Value = serde_json::from_str(&production()).unwrap();
    let log = &mut root["tlogs"][0];
    let raw = STANDARD.decode(log["publicKey"]["rawBytes"].as_str().unwrap()).unwrap();
    let pem = ceremony::material::LogKey::parse(&raw).unwrap().key().to_spki_pem();
    log["publicKey"]["rawBytes"] = STANDARD.encode(&pem).into();
    log["logId"]["keyId"] = STANDARD.encode(Digest::of(pem.as_bytes()).as_bytes()).into();
    log["baseUrl"] = "https://rekor.sigstore.dev/".into();
    log["publicKey"]["validFor"] = json!({ "start": "1970-01-01T00:00:00Z" });
    root["ctlogs"][1]["publicKey"]["validFor"] = json!({});
    let chain = root["certificateAuthorities"][1]["certChain"]["certificates"].as_array_mut().unwrap();
    chain.reverse();
    let der = STANDARD.decode(chain[0]["rawBytes"].as_str().unwrap()).unwrap();
    chain[0]["rawBytes"] = STANDARD.encode(Certificate::from_der(&der).unwrap().to_pem()).into();
    text(&root)
}

const STARTS: [&str; 2] =
    ["--log-start=2022-10-20T00:00:00Z", "--log-start=https://rekor.sigstore.dev=2021-01-12T11:53:27Z"];

#[test]
fn a_published_trusted_root_is_repaired_in_place() {
    let trustroot = adopted(&[("trusted_root.json", broken().into_bytes(), Value::Null)]);
    let asked = trustroot.exits(2, &["material", "repair", "--now", NOW]);
    assert!(
        asked.says("ctlog https://ctfe.sigstore.dev/2022 270488a3") || asked.says("has no start"),
        "{}",
        asked.stderr
    );
    let run = trustroot.exits(0, &[&["material", "repair", "--now", NOW], &STARTS[..]].concat());
    for repair in [
        "repaired rekor https://rekor.sigstore.dev c0d23d6a: its URL was https://rekor.sigstore.dev/",
        "repaired rekor https://rekor.sigstore.dev c0d23d6a: its key was a PEM text",
        "repaired rekor https://rekor.sigstore.dev c0d23d6a: its log id was ",
        "its start was 1970-01-01T00:00:00Z, and is 2021-01-12T11:53:27Z",
        "its start was missing, and is 2022-10-20T00:00:00Z",
        "a certificate was a PEM text; its chain began with the root",
    ] {
        assert!(run.says(repair), "no {repair:?} in {}", run.stderr);
    }
    let repaired: Value = serde_json::from_str(&trustroot.read("targets/trusted_root.json")).unwrap();
    let mut whole: Value = serde_json::from_str(&production()).unwrap();
    whole["tlogs"][0]["publicKey"]["validFor"]["start"] = "2021-01-12T11:53:27Z".into();
    assert_eq!(repaired, whole, "what it was before it was broken");
    // It tells the change of each entry, and neither that one goes nor that one comes.
    let said = run.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("writes the key of Rekor rekor.sigstore.dev (P-256) as DER instead of PEM text"), "{said}");
    assert!(said.contains("puts the certificates of Fulcio fulcio.sigstore.dev (sigstore-intermediate)"), "{said}");
    assert!(!said.contains("adds ") && !said.contains("removes "), "{said}");
    let stops = stops(&trustroot);
    assert!(stops[0].starts_with("target-changed (trusted_root.json "), "{stops:#?}");
    assert!(stops[1].starts_with("coverage-hole (ctlog 2021-03-07): "), "{stops:#?}");
    assert_eq!(stops.len(), 2, "nothing is removed, and nothing starts too soon: {stops:#?}");
    let again = trustroot.exits(1, &["material", "repair", "--now", NOW]);
    assert!(again.says("there is nothing to repair"), "{}", again.stderr);
    let set = trustroot.exits(1, &["material", "repair", "--log-start=c0d23d6a=2021-02-01T00:00:00Z", "--now", NOW]);
    assert!(set.says("has a start: 2021-01-12T11:53:27Z"), "{}", set.stderr);
}

#[test]
fn an_import_leaves_what_is_there_and_says_that_it_is_broken() {
    let trustroot = adopted(&[("trusted_root.json", broken().into_bytes(), Value::Null)]);
    let before = trustroot.read("targets/trusted_root.json");
    trustroot.write("whole.json", production());
    trustroot.write("broken.json", broken());
    for file in ["whole.json", "broken.json"] {
        let run = trustroot.exits(1, &["material", "import", file, "--now", NOW]);
        assert!(
            run.says("targets/ has it already, broken") && run.says("`trustroot material repair`"),
            "{}",
            run.stderr
        );
        assert!(!run.says("repaired "), "{}", run.stderr);
        assert_eq!(trustroot.read("targets/trusted_root.json"), before);
    }
    // Of a file with a new entry, only that one goes in, and only its repairs are said.
    let mut more: Value = serde_json::from_str(&broken()).unwrap();
    let mut log = more["tlogs"][0].clone();
    log["publicKey"]["rawBytes"] = STANDARD.encode(log_key(5).key().to_spki_pem()).into();
    log["baseUrl"] = "https://rekor.example/".into();
    more["tlogs"].as_array_mut().unwrap().push(log);
    trustroot.write("more.json", text(&more));
    let import = ["material", "import", "more.json", "--now", NOW];
    let run = trustroot.exits(0, &[&import[..], &["--log-start=rekor.example=2026-01-01T00:00:00Z"]].concat());
    let repairs: Vec<_> = run.stderr.split("repaired ").skip(1).collect();
    assert!(repairs.len() == 4 && repairs.iter().all(|repair| repair.starts_with("rekor https://rekor.example")));
    assert!(run.says("targets/ has rekor https://rekor.sigstore.dev/ c0d23d6a already, broken"), "{}", run.stderr);
    let root = TrustedRoot::parse(trustroot.read("targets/trusted_root.json").as_bytes()).unwrap();
    assert_eq!((root.of_kind(Kind::Rekor).count(), root.instances().count()), (3, 8));
}

#[test]
fn each_log_gets_its_own_start() {
    let trustroot = adopted(&[]);
    let mut root: Value = serde_json::from_str(&production()).unwrap();
    for (list, at) in [("tlogs", 0), ("ctlogs", 0), ("ctlogs", 1)] {
        root[list][at]["publicKey"]["validFor"].as_object_mut().unwrap().remove("start");
    }
    root["tlogs"][1]["publicKey"]["validFor"]["start"] = "1970-01-01T00:00:00Z".into();
    trustroot.write("root.json", text(&root));
    let import = ["material", "import", "root.json", "--now", NOW];
    let with = |more: &[&'static str]| [&import[..], more].concat();
    for (wrong, why) in [
        ("--log-start=log.example=2021-01-01T00:00:00Z", "there is no \"log.example\""),
        ("--log-start=sigstore.dev=2021-01-01T00:00:00Z", "is more than one"),
        ("--log-start=now", "invalid value 'now' for '--log-start"),
    ] {
        let run = trustroot.exits(2, &with(&[wrong]));
        assert!(run.says(why), "{}", run.stderr);
    }
    let starts = [
        "--log-start=ctfe.sigstore.dev/2022=2022-10-20T00:00:00Z",
        "--log-start=c0d23d6a=2021-01-12T11:53:27Z",
        "--log-start=2021-03-14T00:00:00Z",
    ];
    let twice = trustroot.exits(2, &with(&[&starts[..], &["--log-start=2021-03-15T00:00:00Z"]].concat()));
    assert!(twice.says("--log-start is given twice"), "{}", twice.stderr);
    trustroot.exits(0, &with(&starts));
    let root = TrustedRoot::parse(trustroot.read("targets/trusted_root.json").as_bytes()).unwrap();
    let starts = root.instances().filter(|entry| entry.kind.is_log());
    let starts: Vec<String> = starts.map(|log| log.valid_for().unwrap().start.unwrap().to_string()).collect();
    let expected = ["2021-01-12", "2021-03-14", "2021-03-14", "2022-10-20"].map(|day| day.to_owned());
    assert!(starts.iter().zip(&expected).all(|(start, day)| start.starts_with(day)), "{starts:?}");
}

/// A signing config of these services.
fn config(services: &Value) -> Value {
    let mut config = json!({
        "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
        "rekorTlogConfig": { "selector": "ANY" }, "tsaConfig": { "selector": "ANY" },
    });
    config.as_object_mut().unwrap().extend(services.as_object().unwrap().clone());
    config
}

fn service(url: &str, start: &str) -> Value {
    json!({ "url": url, "majorApiVersion": 1, "validFor": { "start": start }, "operator": "example" })
}

#[test]
fn services_are_repaired_and_merged() {
    let trustroot = adopted(&[]);
    let inside = "http://rekor-server.rekor.svc";
    let given = json!({
        "caUrls": [service("https://fulcio.example/", "2026-01-01T00:00:00Z")],
        "rekorTlogUrls": [service(inside, "2026-01-01T00:00:00Z")],
    });
    let both = json!({
        "mediaType": "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json",
        "trustedRoot": serde_json::from_str::<Value>(&production()).unwrap(), "signingConfig": config(&given),
    });
    trustroot.write("both.json", text(&both));
    let url = format!("--url={inside}=https://rekor.example");
    let import = ["material", "import", "both.json", "--now", NOW, &url];
    let run = trustroot.exits(0, &import);
    assert!(
        run.says("repaired signing ca https://fulcio.example: its URL was https://fulcio.example/"),
        "{}",
        run.stderr
    );
    assert!(run.says(&format!("repaired signing rekor https://rekor.example: its URL was {inside}")), "{}", run.stderr);
    let written: Value = serde_json::from_str(&trustroot.read("targets/signing_config.v0.2.json")).unwrap();
    assert_eq!(written["rekorTlogUrls"][0]["url"], "https://rekor.example");
    assert_eq!(written["caUrls"][0]["url"], "https://fulcio.example");

    // Beside a signing config and without a trusted root: the root is taken over, and what services are missing.
    let other = adopted(&[]);
    let there = config(&json!({ "caUrls": [service("https://fulcio.example", "2025-01-01T00:00:00Z")] }));
    other.write("targets/signing_config.v0.2.json", text(&there));
    other.write("both.json", text(&both));
    let run = other.exits(0, &import);
    assert!(run.says("gets the services that it lacks"), "{}", run.stderr);
    assert!(run.says("repaired signing rekor") && !run.says("repaired signing ca"), "{}", run.stderr);
    assert_eq!(
        other.read("targets/trusted_root.json").matches("rawBytes").count(),
        production().matches("rawBytes").count()
    );
    let merged: Value = serde_json::from_str(&other.read("targets/signing_config.v0.2.json")).unwrap();
    assert_eq!(merged["caUrls"], there["caUrls"]);
    assert_eq!(merged["rekorTlogUrls"][0]["url"], "https://rekor.example");
    assert!(other.exits(1, &import).says("it has all services already"));
}

#[test]
fn published_services_are_repaired_in_place() {
    let inside = "http://rekor-server.rekor.svc";
    let services = json!({
        "caUrls": [service("https://fulcio.example/", "2026-01-01T00:00:00Z")],
        "rekorTlogUrls": [service(inside, "2026-01-01T00:00:00Z")],
    });
    let name = "signing_config.v0.2.json";
    let trustroot = adopted(&[(name, text(&config(&services)).into_bytes(), Value::Null)]);
    let given = config(&services);
    trustroot.write("config.json", text(&given));
    let import = trustroot.exits(1, &["material", "import", "config.json", "--now", NOW]);
    assert!(import.says("URLs in targets/signing_config.v0.2.json are broken: `trustroot material repair`"));
    assert!(!import.says("repaired "), "{}", import.stderr);
    let answer = material(&trustroot, 0, &["repair", &format!("--url={inside}=https://rekor.example")]);
    let repairs: Vec<_> = answer["repairs"].as_array().unwrap().iter().map(|repair| &repair["what"]).collect();
    assert_eq!(repairs, ["its URL was https://fulcio.example/", &format!("its URL was {inside}")]);
    assert_eq!(answer["written"], json!([name]));
    let stops = stops(&trustroot);
    assert!(stops.len() == 1 && stops[0].starts_with(&format!("target-changed ({name} ")), "{stops:#?}");
}

/// A legacy target of Sigstore's: its name, the file, and what is said of it.
fn single(name: &str, hash: &str, usage: &str, status: &str, uri: &str) -> (String, Vec<u8>, Value) {
    let mut sigstore = json!({ "usage": usage, "status": status });
    if !uri.is_empty() {
        sigstore["uri"] = uri.into();
    }
    (name.to_owned(), real(&format!("{hash}.{name}")), json!({ "sigstore": sigstore }))
}

/// Sigstore's legacy targets, of which one says no URL, and one has a slash behind it.
fn singles() -> Vec<(String, Vec<u8>, Value)> {
    let (ctfe, fulcio) = ("https://ctfe.sigstore.dev", "https://fulcio.sigstore.dev");
    let (test, of_2022) = (format!("{ctfe}/test"), format!("{ctfe}/2022/"));
    [
        single(
            "artifact.pub",
            "59ebf97a9850aecec4bc39c1f5c1dc46e6490a6b5fd2a6cacdcac0c3a6fc4cbf",
            "Unknown",
            "Active",
            "",
        ),
        single("rekor.pub", "dce5ef715502ec9f3cdfd11f8cc384b31a6141023d3e7595e9908a81cb6241bd", "Rekor", "Active", ""),
        single(
            "ctfe.pub",
            "7fcb94a5d0ed541260473b990b99a6c39864c1fb16f3f3e594a5a3cebbfe138a",
            "CTFE",
            "Expired",
            &test,
        ),
        single(
            "ctfe_2022.pub",
            "270488a309d22e804eeb245493e87c667658d749006b9fee9cc614572d4fbbdc",
            "CTFE",
            "Active",
            &of_2022,
        ),
        single(
            "fulcio.crt.pem",
            "f360c53b2e13495a628b9b8096455badcb6d375b185c4816d95a5d746ff29908",
            "Fulcio",
            "Expired",
            fulcio,
        ),
        single(
            "fulcio_intermediate_v1.crt.pem",
            "f8cbecf186db7714624a5f4e99da31a917cbef70a94dd6921f5c3ca969dfe30a",
            "Fulcio",
            "Active",
            fulcio,
        ),
        single(
            "fulcio_v1.crt.pem",
            "f989aa23def87c549404eadba767768d2a3c8d6d30a8b793f9f518a8eafd2cf5",
            "Fulcio",
            "Active",
            fulcio,
        ),
    ]
    .into()
}

#[test]
fn a_trusted_root_is_made_of_the_files_of_older_clients() {
    let singles = singles();
    let published: Vec<_> =
        singles.iter().map(|(path, bytes, of)| (path.as_str(), bytes.clone(), of.clone())).collect();
    let trustroot = adopted(&published);
    let import = ["material", "import", "--legacy", "--now", NOW];
    let mut given: Vec<&str> = import.to_vec();
    for (asks, flag) in [
        ("--url rekor.pub=URL", "--url=rekor.pub=https://rekor.sigstore.dev"),
        ("--log-start", "--log-start=rekor.pub=2021-01-12T11:53:27Z"),
        ("--log-start", "--log-start=ctfe_2022.pub=2022-10-20T00:00:00Z"),
        ("--log-start", "--log-start=2021-03-07T00:00:00Z"),
        ("--end fulcio.crt.pem=TIME", "--end=fulcio.crt.pem=2022-12-31T23:59:59Z"),
    ] {
        let asked = trustroot.exits(2, &given);
        assert!(asked.says(asks), "no {asks:?} in {}", asked.stderr);
        assert!(!trustroot.dir().join("targets/trusted_root.json").exists());
        given.push(flag);
    }
    assert!(trustroot.exits(2, &given).says("--end ctfe.pub=TIME"));
    let active = trustroot
        .exits(1, &[&given[..], &["--end=2022-10-31T23:59:59Z", "--end=rekor.pub=2022-10-31T23:59:59Z"]].concat());
    assert!(active.says("has not expired"), "{}", active.stderr);
    given.push("--end=2022-10-31T23:59:59Z");
    let run = trustroot.exits(0, &given);
    for guess in [
        "fulcio_intermediate_v1.crt.pem and fulcio_v1.crt.pem are one chain of Fulcio: \
         CN=sigstore-intermediate,O=sigstore.dev signs",
        "fulcio.crt.pem is a Fulcio by itself: CN=sigstore,O=sigstore.dev signs",
        "its URL was https://ctfe.sigstore.dev/2022/",
        "its start was missing, and is 2022-04-13T20:06:15Z",
    ] {
        assert!(run.says(guess), "no {guess:?} in {}", run.stderr);
    }
    let made = TrustedRoot::parse(trustroot.read("targets/trusted_root.json").as_bytes()).unwrap();
    let whole = TrustedRoot::parse(production().as_bytes()).unwrap();
    // Beside the entries that older clients cannot read, it is Sigstore's own.
    for entry in made.instances() {
        let real = whole.instances().find(|other| other.identity() == entry.identity()).unwrap();
        assert_eq!((entry.url(), entry.log_id().ok()), (real.url(), real.log_id().ok()), "{}", entry.subject());
        let (valid, wanted) = (entry.valid_for().unwrap(), real.valid_for().unwrap());
        assert_eq!(valid.end.is_some(), wanted.end.is_some(), "{}", entry.subject());
    }
    assert_eq!(made.instances().count(), 5);
    let staged = trustroot.json(0, &["stage", "--now", NOW]);
    assert_eq!(staged["roles"][0]["role"], "targets", "nothing speaks against it: {staged:#}");
    let again = trustroot.exits(1, &given);
    assert!(again.says("the trusted root has all single keys and certificates already"), "{}", again.stderr);
}

#[test]
fn a_person_is_asked_for_what_the_files_do_not_say() {
    let singles = singles();
    let published: Vec<_> =
        singles.iter().map(|(path, bytes, of)| (path.as_str(), bytes.clone(), of.clone())).collect();
    let trustroot = adopted(&published);
    let mut terminal = trustroot.terminal(&["material", "import", "--legacy", "--now", NOW]);
    terminal.expect("Where do clients reach the Rekor of rekor.pub").line("https://rekor.sigstore.dev/");
    terminal.expect("ends with a slash").line("https://rekor.sigstore.dev");
    for start in ["2021-01-12T11:53:27Z", "2021-03-07T00:00:00Z", "2022-10-20T00:00:00Z"] {
        terminal.expect("has no start; when did it start").line(start);
    }
    terminal.expect("fulcio.crt.pem says Expired; until when was it valid:").line("2031-02-23T03:20:29Z");
    terminal.expect("is still to come").line("2022-12-31T23:59:59Z");
    terminal.expect("ctfe.pub says Expired").line("2022-10-31T23:59:59Z");
    assert_eq!(terminal.exit_code(), 0, "{}", terminal.screen());
    let made = TrustedRoot::parse(trustroot.read("targets/trusted_root.json").as_bytes()).unwrap();
    let ends = made.instances().filter_map(|entry| entry.valid_for().unwrap().end).map(|end| end.to_string());
    assert_eq!(ends.collect::<Vec<_>>(), ["2022-12-31T23:59:59Z", "2022-10-31T23:59:59Z"]);
}

#[test]
fn single_files_that_hold_nothing_are_refused() {
    let none = adopted(&[]);
    let run = none.exits(1, &["material", "import", "--legacy", "--now", NOW]);
    assert!(run.says("there is no single key and no single certificate in targets/"), "{}", run.stderr);
    let custom = json!({ "sigstore": { "usage": "Rekor", "status": "Active", "uri": "https://rekor.example" } });
    let odd = adopted(&[("rekor.pub", b"no key".to_vec(), custom)]);
    let run = odd.exits(2, &["material", "import", "--legacy", "--now", NOW]);
    assert!(run.says("rekor.pub holds no key of a Rekor"), "{}", run.stderr);
    let neither = odd.exits(2, &["material", "import", "--now", NOW]);
    assert!(neither.says("<FILE>"), "{}", neither.stderr);
}

/// What is published knows when an entry started that lost its start since; where it says two times, it does not.
#[test]
fn a_start_that_was_lost_is_the_published_one() {
    let whole = production();
    let (ct, tsa) = ("\"start\": \"2022-10-20T00:00:00Z\"", "\"start\": \"2025-07-04T00:00:00Z\"");
    let (ended, lost) = ("\"start\": \"2021-03-14T00:00:00Z\"", "\"start\": \"1970-01-01T00:00:00Z\"");
    let broken = whole.replacen(ct, lost, 1).replacen(tsa, "", 1).replacen(ended, lost, 1);
    let trustroot = adopted(&[("trusted_root.json", whole.clone().into_bytes(), Value::Null)]);
    trustroot.write("targets/trusted_root.json", &broken);
    let run = trustroot.exits(0, &["material", "repair", "--now", NOW]);
    assert!(run.says("its start was missing, and is the published one, 2025-07-04T00:00:00Z"), "{}", run.stderr);
    assert!(run.says("its start was 1970-01-01T00:00:00Z, and is the published one, 2022-10-20"), "{}", run.stderr);
    let read = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    assert_eq!(read(&trustroot.read("targets/trusted_root.json")), read(&whole));

    let mut twice = read(&whole);
    let mut again = twice["ctlogs"][1].clone();
    again["publicKey"]["validFor"] = json!({ "start": "2024-01-01T00:00:00Z" });
    twice["ctlogs"][1]["publicKey"]["validFor"]["end"] = "2023-01-01T00:00:00Z".into();
    twice["ctlogs"].as_array_mut().unwrap().push(again);
    let published = serde_json::to_vec_pretty(&twice).unwrap();
    let trustroot = adopted(&[("trusted_root.json", published, Value::Null)]);
    twice["ctlogs"][2]["publicKey"]["validFor"] = json!({});
    trustroot.write("targets/trusted_root.json", twice.to_string());
    let asked = trustroot.exits(2, &["material", "repair", "--now", NOW]);
    assert!(asked.says("has no start; when did it start"), "{asked:?}");
}
