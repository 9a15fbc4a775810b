//! Evidence that keys were made in YubiKeys: judged alone, and against the keys of a trust root.
#![allow(clippy::unwrap_used)]

mod common;
mod sigstore;

use std::path::{Path, PathBuf};

use common::made::{Draft, Key};
use common::{Run, Trustroot};
use serde_json::{Value, json};
use sigstore::{adopted, copy_tree, data, root_file};

const NOW: &str = "2026-08-22T00:00:00Z";

fn people() -> PathBuf {
    data().join("../sigstore-keyholders")
}

/// The files with the certificates of key and device of one real keyholder.
fn real(serial: &str) -> [String; 2] {
    ["key", "device"].map(|kind| {
        let file = people().join(serial).join(format!("{serial}_{kind}_cert.pem"));
        file.to_str().unwrap().to_owned()
    })
}

fn at(arguments: &[&str]) -> Vec<String> {
    arguments.iter().chain(&["--now", NOW]).map(|argument| (*argument).to_owned()).collect()
}

fn judged(trustroot: &Trustroot, code: i32, arguments: &[&str]) -> Value {
    let arguments = at(&[&["keyholder", "attest"], arguments].concat());
    trustroot.json(code, &arguments.iter().map(String::as_str).collect::<Vec<_>>())
}

fn said(trustroot: &Trustroot, code: i32, arguments: &[&str]) -> Run {
    let arguments = at(&[&["keyholder"], arguments].concat());
    let run = trustroot.exits(code, &arguments.iter().map(String::as_str).collect::<Vec<_>>());
    run.harmless();
    let narrow = |line: &str| line.chars().count() <= 80 || !line.trim_start().contains(' ');
    assert!(run.stdout.lines().chain(run.stderr.lines()).all(narrow), "{}{}", run.stdout, run.stderr);
    run
}

#[test]
fn a_real_key_is_attested() {
    let trustroot = Trustroot::new();
    let [key, device] = real("18158855");
    let answer = judged(&trustroot, 0, &[&key, &device]);
    let expected = json!({
        "ok": true,
        "serial": 18_158_855,
        "firmware": "5.4.3",
        "form-factor": "usb-a-keychain",
        "fips": false,
        "cspn": false,
        "pin-policy": "always",
        "touch-policy": "always",
        "slot": "9c",
        "algorithm": "P-256",
        "fingerprint": "PRINT",
        "anchor": "CN=Yubico PIV Root CA Serial 263751",
        "anchor-kind": "vendor",
        "anchor_sha256": "63ece914e54dd87915f34033c85af4c0696ba1512f8add66ced738331207b546",
        "anchor-published": "https://developers.yubico.com/PKI/yubico-piv-ca-1.pem",
        "chain": ["CN=Yubico PIV Attestation"],
        "findings": [{
            "finding": "firmware-eucleak",
            "subject": "18158855",
            "what": "the YubiKey 18158855 has firmware 5.4.3, before 5.7.0, and its key is P-256",
            "why": answer["findings"][0]["why"],
            "clients": "",
        }],
    });
    let public = std::fs::read_to_string(people().join("18158855/18158855_pubkey.pem")).unwrap();
    let print = ceremony::PublicKey::from_spki_pem(&public).unwrap().fingerprint().to_string();
    let mut expected = expected;
    expected["fingerprint"] = Value::String(print.clone());
    assert_eq!(answer, expected);

    let run = said(&trustroot, 0, &["attest", &key, &device]);
    assert!(run.stdout.starts_with("Yes: the key was made in this device.\n"), "{}", run.stdout);
    for text in ["YubiKey 18158855 usb-a-keychain, firmware 5.4.3\n", &print, "firmware-eucleak (18158855): "] {
        assert!(run.stdout.contains(text), "{text}: {}", run.stdout);
    }
}

#[test]
fn der_is_taken_as_pem_is() {
    let trustroot = Trustroot::new();
    let pem = real("10550341");
    for (file, pem) in ["key.der", "device.der"].iter().zip(&pem) {
        let pem = std::fs::read_to_string(pem).unwrap();
        trustroot.write(file, ceremony::Certificate::from_pem_chain(&pem).unwrap()[0].der());
    }
    let answer = judged(&trustroot, 0, &["key.der", "device.der"]);
    assert_eq!(answer, judged(&trustroot, 0, &[&pem[0], &pem[1]]));
    assert_eq!((&answer["serial"], &answer["form-factor"]), (&json!(10_550_341), &Value::Null));
}

#[test]
fn what_proves_nothing_is_answered_with_the_reason() {
    let trustroot = Trustroot::new();
    let ([key, device], [other, _]) = (real("18158855"), real("10550341"));
    let reason = |code, arguments: &[&str]| {
        let answer = judged(&trustroot, code, arguments);
        assert_eq!(answer["ok"], false, "{answer}");
        answer[if code == 1 { "reason" } else { "error" }].as_str().unwrap().to_owned()
    };
    assert_eq!(
        reason(1, &[&other, &device]),
        "the device did not attest the key: the signature on CN=YubiKey PIV Attestation 9c is not made by the key of \
         CN=Yubico PIV Attestation"
    );
    assert!(reason(1, &[&device, &key]).ends_with("is it the device certificate?"));
    assert!(reason(1, &[&key, &key]).ends_with("is it the certificate of a key?"));
    let late = trustroot.json(1, &["keyholder", "attest", &key, &device, "--now", "2060-01-01T00:00:00Z"]);
    assert!(late["reason"].as_str().unwrap().contains("was valid until 2052-04-17T00:00:00Z"), "{late}");

    let pem = std::fs::read_to_string(&key).unwrap();
    let public = people().join("18158855/18158855_pubkey.pem");
    trustroot.write("cut.pem", pem.replace("-----END", "----"));
    trustroot.write("empty.pem", "");
    trustroot.write("two.pem", pem.repeat(2));
    trustroot.write("giant.pem", pem.repeat(400));
    trustroot.write("cut.der", &ceremony::Certificate::from_pem_chain(&pem).unwrap()[0].der()[..300]);
    trustroot.write("noise", [0xff; 3000]);
    for file in
        ["cut.pem", "empty.pem", "two.pem", "giant.pem", "cut.der", "noise", ".", "absent", public.to_str().unwrap()]
    {
        assert!(!reason(2, &[file, &device]).is_empty(), "{file}");
        said(&trustroot, 2, &["attest", file, &device]);
    }
    assert!(reason(2, &[&key, &device, "--anchor", &key]).contains("is no anchor"));
}

/// A root, a device and a key of a made YubiKey, written below `dir`.
fn made_yubikey(trustroot: &Trustroot, dir: &str, root: &str, subject: &str) {
    let keys = [1, 2, 3].map(Key::new);
    let device = Draft::authority("Yubico PIV Attestation", &keys[1], Some(0)).signed_by(root, &keys[0]);
    let extensions = [(3, &[5, 7, 4][..]), (7, &[2, 1, 42]), (8, &[2, 3]), (9, &[4])];
    let key = extensions.into_iter().fold(Draft::new(subject, &keys[2]), |draft, (part, value)| {
        draft.extension(&format!("1.3.6.1.4.1.41482.3.{part}"), false, value)
    });
    trustroot.write(&format!("{dir}/root.der"), Draft::authority(root, &keys[0], None).signed_by(root, &keys[0]));
    trustroot.write(&format!("{dir}/device.der"), device);
    trustroot.write(&format!("{dir}/key.der"), key.signed_by("Yubico PIV Attestation", &keys[1]));
}

#[test]
fn an_anchor_is_trusted_only_if_it_is_given() {
    let trustroot = Trustroot::new();
    made_yubikey(&trustroot, "made", "Test Root", "YubiKey PIV Attestation 9a");
    let answer = judged(&trustroot, 1, &["made/key.der", "made/device.der"]);
    assert!(answer["reason"].as_str().unwrap().contains("neither a trusted anchor nor"), "{answer}");
    let run = trustroot.exits(1, &["keyholder", "attest", "made/key.der", "made/device.der"]);
    assert!(
        run.stdout.ends_with("hint: if you trust CN=Test Root, give its certificate with --anchor FILE\n"),
        "{run:?}"
    );
    let answer = judged(&trustroot, 0, &["made/key.der", "made/device.der", "--anchor", "made/root.der"]);
    assert_eq!(
        (&answer["serial"], &answer["slot"], &answer["anchor-kind"]),
        (&json!(42), &json!("9a"), &json!("given"))
    );
    assert_eq!((&answer["pin-policy"], &answer["touch-policy"]), (&json!("once"), &json!("cached")));
    assert_eq!((&answer["anchor"], &answer["findings"]), (&json!("CN=Test Root"), &json!([])));
    let false_root = "Yubico PIV Root CA Serial 263751";
    made_yubikey(&trustroot, "false", false_root, "YubiKey PIV Attestation 9a");
    judged(&trustroot, 1, &["false/key.der", "false/device.der"]);

    let hostile = "YubiKey\u{1b}]0;x\u{7}\u{202e}\n9a";
    made_yubikey(&trustroot, "hostile", "Test\u{1b}[2JRoot", hostile);
    said(&trustroot, 1, &["attest", "hostile/key.der", "hostile/device.der"]);
    said(&trustroot, 1, &["attest", "hostile/key.der", "hostile/device.der", "--anchor", "hostile/root.der"]);
}

/// What is known of today's keys of Sigstore.
fn assert_sigstore(answer: &Value) {
    assert_eq!((&answer["ok"], &answer["attested"], &answer["unattested"]), (&json!(false), &json!(4), &json!(1)));
    let row = |key: &Value| {
        let of = |name: &str| key["attested"].get(name).cloned().unwrap_or_default();
        (
            key["keyholder"].as_str().unwrap().to_owned(),
            of("serial"),
            of("firmware"),
            key["findings"].as_array().unwrap().len(),
        )
    };
    let mut rows: Vec<_> =
        answer["keys"].as_array().unwrap().iter().filter(|key| key["online"] == false).map(row).collect();
    rows.sort_by(|a, b| a.0.cmp(&b.0));
    let expected = [
        ("bobcallaway", json!(15_938_791), json!("5.2.7"), 1),
        ("joshuagl", json!(18_158_855), json!("5.4.3"), 1),
        ("lance", Value::Null, Value::Null, 0),
        ("mnm678", json!(14_470_876), json!("5.2.7"), 1),
        ("santiagotorres", json!(15_938_765), json!("5.2.7"), 1),
    ];
    assert_eq!(rows, expected.map(|(name, serial, firmware, findings)| (name.to_owned(), serial, firmware, findings)));
    let roles: Vec<&Value> = answer["keys"].as_array().unwrap().iter().map(|key| &key["roles"]).collect();
    assert!(roles.contains(&&json!(["root", "targets"])), "{roles:?}");
}

fn ask(evidence: &Path) -> Vec<String> {
    let metadata = data().join("metadata");
    at(&[
        "keyholder",
        "verify",
        "--evidence",
        evidence.to_str().unwrap(),
        "--repository",
        metadata.to_str().unwrap(),
        "--root",
        &root_file(5),
    ])
}

#[test]
fn four_of_the_five_keys_of_sigstore_are_proven() {
    let trustroot = Trustroot::new();
    let arguments = ask(&people());
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let answer = trustroot.json(1, &arguments);
    assert_sigstore(&answer);
    assert_eq!(answer["root"], 16);
    assert_eq!(answer["others"].as_array().unwrap().len(), 4);
    assert_eq!((&answer["refused"], &answer["unreadable"]), (&json!([]), &json!([])));
    let run = said(&trustroot, 1, &arguments[1..arguments.len() - 2]);
    for line in [
        "joshuagl        18158855     5.4.3     9c    always  always  firmware-eucleak\n",
        "lance           NO EVIDENCE  -         -     -       -       -\n",
        "No: 4 of 5 keys of people in root 16 are proven to be made in hardware.\n",
    ] {
        assert!(run.stdout.contains(line), "{}", run.stdout);
    }
}

#[test]
fn the_layout_of_the_evidence_does_not_matter() {
    let trustroot = Trustroot::new();
    let mut all = String::from("what the team handed in\n");
    for serial in ["18158855", "14470876", "15938765"] {
        for file in real(serial).iter().rev() {
            all.push_str(&std::fs::read_to_string(file).unwrap());
        }
    }
    trustroot.write("evidence/all.txt", all);
    let [key, device] = real("15938791");
    let pem = std::fs::read_to_string(key).unwrap();
    trustroot.write("evidence/deep/er/k.crt", ceremony::Certificate::from_pem_chain(&pem).unwrap()[0].der());
    trustroot.write("evidence/deep/device.pem", std::fs::read(device).unwrap());
    trustroot.write("evidence/deep/again.pem", &pem);
    trustroot.write("evidence/README.md", "notes");
    trustroot.write("evidence/big.pem", vec![b'-'; 300 * 1024]);
    trustroot.write("evidence/broken.pem", pem.replace("MII", "MIJ"));
    trustroot.write("evidence/cut.der", [0x30, 0x82, 1]);
    made_yubikey(&trustroot, "evidence/76651934", "O = Test Device Cert", "YubiKey PIV Attestation 9c");
    std::os::unix::fs::symlink("/", trustroot.dir().join("evidence/link")).unwrap();

    let arguments = ask(Path::new("evidence"));
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let answer = trustroot.json(1, &arguments);
    assert_sigstore(&answer);
    let files = |name: &str| -> Vec<_> {
        answer[name].as_array().unwrap().iter().map(|entry| entry["file"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(files("refused"), ["76651934/key.der"]);
    assert!(answer["refused"][0]["reason"].as_str().unwrap().contains("issued by itself"), "{}", answer["refused"]);
    assert_eq!(files("unreadable"), ["broken.pem", "cut.der"]);
    assert_eq!(files("others"), [""; 0]);
    said(&trustroot, 1, &arguments[1..arguments.len() - 2]);
    let trusted = [&arguments[..], &["--anchor", "evidence/76651934/root.der"]].concat();
    let answer = trustroot.json(1, &trusted);
    assert_eq!((&answer["others"][0]["serial"], &answer["refused"]), (&json!(42), &json!([])));
}

#[test]
fn an_adopted_trust_root_is_asked_about_its_records() {
    let (trustroot, _) = adopted(16, 762, NOW);
    copy_tree(&people(), &trustroot.dir().join("evidence"));
    let question = ["keyholder", "verify", "--evidence", "evidence", "--now", NOW];
    let answer = trustroot.json(1, &question);
    assert_sigstore(&answer);
    assert_eq!(answer["root"], Value::Null);
    let run = said(&trustroot, 1, &["verify", "--evidence", "evidence"]);
    assert!(run.stdout.ends_with("No: 4 of 5 keys of people on record are proven to be made in hardware.\n"));

    // What lies beside a record is evidence as well.
    let evidence: String = real("18158855").iter().map(|file| std::fs::read_to_string(file).unwrap()).collect();
    trustroot.write("keyholders/joshuagl.attestation.pem", evidence);
    std::fs::remove_dir_all(trustroot.dir().join("evidence/18158855")).unwrap();
    let answer = trustroot.json(1, &question);
    assert_sigstore(&answer);
    let files: Vec<_> = answer["keys"].as_array().unwrap().iter().filter_map(|key| key["file"].as_str()).collect();
    assert!(files.contains(&"beside the record of joshuagl"), "{files:?}");

    // The policy names an anchor by its digest, and the directory carries its certificate.
    made_yubikey(&trustroot, "evidence/made", "Test Root", "YubiKey PIV Attestation 9a");
    assert_eq!(trustroot.json(1, &question)["refused"].as_array().unwrap().len(), 1);
    let root = std::fs::read(trustroot.dir().join("evidence/made/root.der")).unwrap();
    let (policy, digest) = (trustroot.read("trustroot.toml"), ceremony::Digest::of(&root));
    let anchors = format!("[devices]\nanchors = [\"{digest}\"]\n");
    trustroot.write("trustroot.toml", policy.replacen("[devices]\n", &anchors, 1));
    let answer = trustroot.json(1, &question);
    assert_eq!(answer["refused"], json!([]));
    assert!(answer["others"].as_array().unwrap().iter().any(|other| other["serial"] == 42), "{answer}");

    let joshua = [&question[..], &["joshuagl"]].concat();
    let answer = trustroot.json(1, &joshua);
    assert_eq!((&answer["attested"], &answer["unattested"]), (&json!(1), &json!(0)));
    assert_eq!(answer["keys"][0]["findings"][0]["accepted"], Value::Null);
    let run = said(&trustroot, 1, &["verify", "--evidence", "evidence", "joshuagl"]);
    let words = run.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.ends_with("in hardware, and the policy does not accept what was found on them."), "{words}");
    let accept = ["accept", "firmware-eucleak", "joshuagl", "--reason", "in a safe", "--until", "2027-01-01T00:00:00Z"];
    trustroot.ok(&[&accept[..], &["--now", NOW]].concat());
    assert_eq!(trustroot.json(0, &joshua)["keys"][0]["findings"][0]["accepted"], "in a safe");
    trustroot.json(1, &question);
}

#[test]
fn a_question_that_cannot_be_answered_is_no_answer() {
    let (trustroot, evidence) = (Trustroot::new(), people());
    let evidence = evidence.to_str().unwrap();
    let metadata = data().join("metadata");
    let metadata = metadata.to_str().unwrap();
    let verify = |rest: &[&str]| said(&trustroot, 2, &[&["verify"], rest].concat());
    assert!(
        verify(&["--evidence", "absent", "--repository", metadata, "--root", &root_file(5)]).says("does not exist")
    );
    trustroot.write("nothing/README.md", "notes");
    let run = verify(&["--evidence", "nothing", "--repository", metadata, "--root", &root_file(5)]);
    assert!(run.says("there is no certificate of a key below nothing"), "{}", run.stderr);
    trustroot.exits(2, &["keyholder", "verify", "--evidence", evidence, "--repository", metadata]);
    trustroot.exits(2, &["keyholder", "verify", "--repository", metadata, "--root", &root_file(5)]);
    trustroot.exits(2, &["keyholder", "verify", "--anchor", "x"]);
    assert!(verify(&["--evidence", evidence, "--repository", metadata, "--root", metadata]).says("a directory"));
    let key = Key::new(9);
    for number in 0..150 {
        let name = number.to_string();
        trustroot.write(&format!("crowd/{number}.der"), Draft::authority(&name, &key, None).signed_by(&name, &key));
        trustroot.write(&format!("crowd/{number}.crt"), Draft::new(&name, &key).signed_by(&name, &key));
    }
    let run = verify(&["--evidence", "crowd", "--repository", metadata, "--root", &root_file(5)]);
    assert!(run.says("150 keys with 150 authorities are more than are tried"), "{}", run.stderr);
    // A root that its predecessor did not sign leads nowhere.
    let copy = trustroot.dir().join("repository");
    std::fs::create_dir(&copy).unwrap();
    let other = std::fs::read(data().join("metadata/14.root.json")).unwrap();
    std::fs::write(copy.join("6.root.json"), other).unwrap();
    let run =
        said(&trustroot, 1, &["verify", "--evidence", evidence, "--repository", "repository", "--root", &root_file(5)]);
    assert!(run.says("repository is not to be trusted"), "{}", run.stderr);
}
