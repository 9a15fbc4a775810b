//! X.509 certificates: those of Sigstore and of Yubico, those that openssl makes, and hostile ones.
#![allow(clippy::unwrap_used)]

mod made;

use std::fs;
use std::path::{Path, PathBuf};

use ceremony::certificate::{Anchor, ChainError, IssueError, chain};
use ceremony::{Algorithm, Certificate, CertificateError, Json, Time};
use made::{Draft, Key};

fn data(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data").join(path)
}

fn read(path: impl AsRef<Path>) -> Vec<Certificate> {
    Certificate::from_pem_chain(&fs::read_to_string(path).unwrap()).unwrap()
}

fn time(text: &str) -> Time {
    text.parse().unwrap()
}

/// The certificate chains in a `trusted_root.json`, each from the issuing certificate to its root.
fn chains(trusted_root: &Path) -> Vec<Vec<Certificate>> {
    let json = Json::parse(&fs::read(trusted_root).unwrap()).unwrap();
    let object = json.as_object().unwrap();
    let authorities =
        ["certificateAuthorities", "timestampAuthorities"].into_iter().filter_map(|name| object.get(name));
    let authorities = authorities.flat_map(|list| list.as_array().unwrap());
    let chain = |authority: &Json| {
        let chain = authority.as_object().unwrap().get("certChain").unwrap().as_object().unwrap();
        let certificates = chain.get("certificates").unwrap().as_array().unwrap().iter();
        let pem = certificates.map(|certificate| {
            let base64 = certificate.as_object().unwrap().get("rawBytes").unwrap().as_str().unwrap();
            let lines: Vec<&str> =
                base64.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
            format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
        });
        Certificate::from_pem_chain(&pem.collect::<String>()).unwrap()
    };
    authorities.map(chain).collect()
}

#[test]
fn says_what_stands_in_a_real_certificate() {
    let certificates = read(data("yubico-pki/yubico-attestation-root-1.pem"));
    let root = &certificates[0];
    assert_eq!(root.subject(), "CN=Yubico Attestation Root 1");
    assert_eq!(root.common_names(), ["Yubico Attestation Root 1"]);
    assert_eq!(root.not_before(), time("2024-12-01T00:00:00Z"));
    assert_eq!(root.not_after(), time("9999-12-31T23:59:59Z"));
    assert!(root.is_ca() && root.is_self_issued());
    assert_eq!(root.path_length(), Some(3));
    assert_eq!(root.may_sign_certificates(), Some(true));
    assert_eq!(root.public_key().unwrap().algorithm(), Algorithm::Rsa);
    assert_eq!(root.public_key().unwrap().to_spki_der(), root.spki_der());
    assert_eq!(root.sha256().short(), "62760c6a");
    assert_eq!(root.extension("2.5.29.15").unwrap(), (true, &[0x03, 0x02, 0x01, 0x86][..]));
    assert_eq!(root.extension("2.5.29.17"), None);
    assert_eq!(root.unknown_critical(), [""; 0]);
    assert_eq!(root.verify_issued_by(root), Ok(()));
    assert_eq!(Certificate::from_pem_chain(&root.to_pem()).unwrap(), certificates);
}

#[test]
fn every_chain_of_sigstore_and_yubico_verifies() {
    let mut found = 0;
    let targets = fs::read_dir(data("sigstore-prod/targets")).unwrap();
    let history = fs::read_dir(data("sigstore-prod/history-targets")).unwrap();
    for file in targets.chain(history).map(|file| file.unwrap().path()) {
        if !file.to_str().unwrap().ends_with(".trusted_root.json") {
            continue;
        }
        for certificates in chains(&file) {
            let (leaf, issuers) = certificates.split_first().unwrap();
            let root = certificates.iter().find(|certificate| certificate.is_self_issued()).unwrap();
            let anchors = [Anchor::of(root).unwrap()];
            let chain = chain::verify(leaf, issuers, &anchors, Some(leaf.not_before())).unwrap();
            assert_eq!(chain.anchor().sha256(), root.sha256());
            found += 1;
        }
    }
    assert!(found > 20, "{found}");

    let root = read(data("yubico-pki/yubico-attestation-root-1.pem"));
    let issuers = read(data("yubico-pki/yubico-intermediates.pem"));
    let anchors = [Anchor::of(&root[0]).unwrap()];
    for certificate in &issuers {
        let depth = if certificate.subject().contains("Intermediate") { 0 } else { 1 };
        let chain = chain::verify(certificate, &issuers, &anchors, Some(time("2026-01-01T00:00:00Z"))).unwrap();
        assert_eq!(chain.issuers().len(), depth, "{certificate:?}");
    }
    assert_eq!(issuers.len(), 15);
}

#[test]
fn a_cut_or_lengthened_certificate_is_none() {
    for file in ["sigstore-keyholders/15938765/15938765_key_cert.pem", "yubico-pki/yubico-attestation-root-1.pem"] {
        let certificate = read(data(file)).remove(0);
        let der = certificate.der();
        for length in 0..der.len() {
            let error = Certificate::from_der(&der[..length]).unwrap_err();
            assert!(matches!(error, CertificateError::Malformed { .. }), "{length}: {error}");
        }
        let trailing = Certificate::from_der(&[der, &[0, 0]].concat()).unwrap_err();
        assert_eq!(trailing, CertificateError::Trailing { bytes: 2 });
    }
    let large = made::tlv(0x30, &[0; Certificate::LIMIT]);
    assert!(matches!(Certificate::from_der(&large), Err(CertificateError::TooLarge { .. })));
}

#[test]
fn pem_says_which_block_is_wrong() {
    let good = read(data("yubico-pki/yubico-attestation-root-1.pem")).remove(0).to_pem();
    let text = format!("what this is\n{good}\nand again, with\r\n{}", good.replace('\n', "\r\n"));
    assert_eq!(Certificate::from_pem_chain(&text).unwrap().len(), 2);
    assert_eq!(Certificate::from_pem_chain("no PEM").unwrap_err(), CertificateError::Empty);
    let key = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n";
    let error = Certificate::from_pem_chain(&format!("{good}{key}")).unwrap_err();
    assert_eq!(error.to_string(), "block 2 is a \"PUBLIC KEY\", not a CERTIFICATE");
    let error = Certificate::from_pem_chain(&format!("{good}{}", good.replace("END", "end"))).unwrap_err();
    assert!(matches!(error, CertificateError::Pem { number: 2, .. }), "{error}");
    let error = Certificate::from_pem_chain(&format!("{good}{}", good.replace("MII", "M!I"))).unwrap_err();
    assert!(matches!(error, CertificateError::Pem { number: 2, .. }), "{error}");
    let error = Certificate::from_pem_chain(&good.replace("MII", "MIJ")).unwrap_err();
    assert!(matches!(error, CertificateError::InChain { number: 1, .. }), "{error}");
    assert!(matches!(Certificate::from_pem_chain(&good.repeat(65)), Err(CertificateError::TooMany { .. })));
    let long = good.replace("-----END", &format!("{}-----END", "A".repeat(1_000_000)));
    assert!(matches!(Certificate::from_pem_chain(&long), Err(CertificateError::InChain { number: 1, .. })));
}

fn certificate(der: &[u8]) -> Certificate {
    Certificate::from_der(der).unwrap()
}

/// A root, an intermediate and a leaf.
fn three() -> [Certificate; 3] {
    let keys = [1, 2, 3].map(Key::new);
    [
        certificate(&Draft::authority("Root", &keys[0], None).signed_by("Root", &keys[0])),
        certificate(&Draft::authority("Intermediate", &keys[1], Some(0)).signed_by("Root", &keys[0])),
        certificate(&Draft::new("Leaf", &keys[2]).signed_by("Intermediate", &keys[1])),
    ]
}

const NOW: &str = "2026-01-01T00:00:00Z";

fn refused(leaf: &Certificate, issuers: &[Certificate], root: &Certificate) -> ChainError {
    chain::verify(leaf, issuers, &[Anchor::of(root).unwrap()], Some(time(NOW))).err().unwrap()
}

#[test]
fn whatever_names_its_issuer_falsely_is_refused_with_the_reason() {
    let [root, intermediate, leaf] = three();
    assert_eq!(leaf.verify_issued_by(&intermediate), Ok(()));
    assert!(matches!(leaf.verify_issued_by(&root), Err(IssueError::Name { .. })));
    let (other, key) = (Key::new(9), Key::new(2));
    let usurper = certificate(&Draft::authority("Intermediate", &other, None).signed_by("Root", &other));
    assert!(matches!(leaf.verify_issued_by(&usurper), Err(IssueError::Signature { .. })));
    let plain = certificate(&Draft::new("Intermediate", &key).signed_by("Root", &Key::new(1)));
    assert!(matches!(leaf.verify_issued_by(&plain), Err(IssueError::NotAuthority { .. })));
    let draft = Draft::authority("Intermediate", &key, None).extension("2.5.29.15", true, &[3, 2, 7, 0x80]);
    let usage = certificate(&draft.signed_by("Root", &Key::new(1)));
    assert!(matches!(leaf.verify_issued_by(&usage), Err(IssueError::NotForCertificates { .. })));
    assert!(matches!(Anchor::of(&leaf), Err(IssueError::NotAuthority { .. })));
    let mut draft = Draft::new("Leaf", &Key::new(3));
    draft.algorithm = made::sequence(&[made::object("1.2.840.10045.4.3.2"), made::tlv(5, &[])]);
    let null = certificate(&draft.signed_by("Intermediate", &key));
    assert_eq!(null.verify_issued_by(&intermediate), Ok(()), "some write NULL");
    draft.algorithm = made::sequence(&[made::object("1.2.840.10045.4.3.2"), made::tlv(2, &[1])]);
    let parameters = certificate(&draft.signed_by("Intermediate", &key));
    assert!(matches!(parameters.verify_issued_by(&intermediate), Err(IssueError::Algorithm { .. })));
    draft.algorithm = made::sequence(&[made::object("1.2.840.113549.1.1.11"), made::tlv(5, &[])]);
    let rsa = certificate(&draft.signed_by("Intermediate", &key));
    assert!(matches!(rsa.verify_issued_by(&intermediate), Err(IssueError::Mismatch { .. })));
}

#[test]
fn chains_are_built_from_any_order() {
    let [root, intermediate, leaf] = three();
    let anchors = [Anchor::of(&root).unwrap()];
    let twin = certificate(&Draft::authority("Intermediate", &Key::new(8), None).signed_by("Root", &Key::new(1)));
    for issuers in [vec![&root, &twin, &intermediate, &leaf], vec![&intermediate], vec![&leaf, &intermediate, &root]] {
        let issuers: Vec<_> = issuers.into_iter().cloned().collect();
        let chain = chain::verify(&leaf, &issuers, &anchors, None).unwrap();
        assert_eq!(chain.issuers(), [&intermediate]);
        assert_eq!(chain.anchor().subject(), "CN=Root");
    }
    assert!(matches!(
        refused(&leaf, std::slice::from_ref(&twin), &root),
        ChainError::Issue(IssueError::Signature { .. })
    ));
    assert!(matches!(refused(&leaf, std::slice::from_ref(&root), &root), ChainError::NoIssuer { .. }));
}

#[test]
fn a_chain_that_ends_nowhere_says_where() {
    let [root, intermediate, leaf] = three();
    let other = certificate(&Draft::authority("Other", &Key::new(7), None).signed_by("Other", &Key::new(7)));
    let issuers = [intermediate.clone(), root.clone()];
    assert_eq!(refused(&leaf, &issuers, &other), ChainError::SelfMade { subject: "CN=Root".to_owned() });
    let missing = ChainError::NoIssuer { subject: "CN=Intermediate".to_owned(), issuer: "CN=Root".to_owned() };
    assert_eq!(refused(&leaf, &issuers[..1], &other), missing);
    let usurper = certificate(&Draft::authority("Root", &Key::new(7), None).signed_by("Root", &Key::new(7)));
    let error = refused(&leaf, &issuers, &usurper);
    assert!(matches!(error, ChainError::Issue(IssueError::Signature { .. })), "{error}");
}

#[test]
fn dates_path_lengths_and_critical_extensions_are_judged() {
    let keys = [1, 2, 3, 4].map(Key::new);
    let [root, intermediate, leaf] = three();
    let judge = |draft: Draft| refused(&leaf, &[certificate(&draft.signed_by("Root", &keys[0]))], &root);
    let authority = |length| Draft::authority("Intermediate", &keys[1], length);
    let expired = judge(authority(None).valid("20200101000000Z", "20251231235959Z"));
    assert!(matches!(expired, ChainError::Expired { .. }), "{expired}");
    let early = judge(authority(None).valid("20270101000000Z", "20291231235959Z"));
    assert!(matches!(early, ChainError::NotYetValid { .. }), "{early}");
    let critical = judge(authority(None).extension("1.2.3.4", true, &[5, 0]));
    assert_eq!(critical, ChainError::Critical { subject: "CN=Intermediate".to_owned(), oid: "1.2.3.4".to_owned() });
    let old = Draft::new("Leaf", &keys[2]).valid("20200101000000Z", "20251231235959Z");
    let old = certificate(&old.signed_by("Intermediate", &keys[1]));
    let issuers = [intermediate];
    assert!(matches!(refused(&old, &issuers, &root), ChainError::Expired { .. }));
    let anchors = [Anchor::of(&root).unwrap()];
    assert!(chain::verify(&old, &issuers, &anchors, None).is_ok(), "no date is judged without a time");
    let last = Some(time("2025-12-31T23:59:59Z"));
    assert!(chain::verify(&old, &issuers, &anchors, last).is_ok(), "the last second is valid");

    let deep = certificate(&Draft::new("Deep", &keys[3]).signed_by("Leaf", &keys[2]));
    let leaf_authority = Draft::authority("Leaf", &keys[2], None).signed_by("Intermediate", &keys[1]);
    let issuers = [certificate(&leaf_authority), issuers[0].clone()];
    let expected = ChainError::PathLength { issuer: "CN=Intermediate".to_owned(), allowed: 0, found: 1 };
    assert_eq!(refused(&deep, &issuers, &root), expected);
    let anchors = [Anchor::new("Intermediate", &issuers[1].public_key().unwrap(), root.sha256()).unwrap()];
    assert!(chain::verify(&deep, &issuers[..1], &anchors, None).is_ok());
    let shallow = [anchors[0].clone().with_path_length(0)];
    assert_eq!(chain::verify(&deep, &issuers[..1], &shallow, None).err().unwrap(), expected);
    let short = [anchors[0].clone().with_validity(time("2020-01-01T00:00:00Z"), time("2021-01-01T00:00:00Z"))];
    let expired = chain::verify(&deep, &issuers[..1], &short, Some(time(NOW))).err().unwrap();
    assert!(matches!(expired, ChainError::Expired { .. }), "{expired}");
}

#[test]
fn name_constraints_are_shown_and_never_guessed() {
    let keys = [1, 2, 3].map(Key::new);
    let [root, _, leaf] = three();
    let domain = made::sequence(&[made::tlv(0x82, b"example.com")]);
    let constraints = made::sequence(&[made::tlv(0xa0, &domain)]);
    let draft = Draft::authority("Intermediate", &keys[1], None).extension("2.5.29.30", true, &constraints);
    let issuers = [certificate(&draft.signed_by("Root", &keys[0]))];
    assert_eq!(issuers[0].name_constraints(), ["permitted DNS:example.com"]);
    let anchors = [Anchor::of(&root).unwrap()];
    assert!(chain::verify(&leaf, &issuers, &anchors, None).is_ok(), "the leaf has no DNS name");
    let alternative = made::sequence(&[made::tlv(0x82, b"example.org")]);
    let named = Draft::new("Leaf", &keys[2]).extension("2.5.29.17", false, &alternative);
    let named = certificate(&named.signed_by("Intermediate", &keys[1]));
    assert!(matches!(refused(&named, &issuers, &root), ChainError::NameConstraints { .. }));
}

#[test]
fn loops_and_floods_end() {
    let key = Key::new(1);
    let [root, ..] = three();
    let authority = |subject: &str, issuer: &str, serial: u8| {
        let mut draft = Draft::authority(subject, &key, None);
        draft.serial = vec![serial];
        certificate(&draft.signed_by(issuer, &key))
    };
    let leaf = certificate(&Draft::new("Leaf", &key).signed_by("A", &key));
    let circle = [authority("A", "B", 1), authority("B", "A", 1)];
    assert!(matches!(refused(&leaf, &circle, &root), ChainError::Circle { .. }));
    let flood: Vec<_> = (1..60).flat_map(|serial| [authority("A", "B", serial), authority("B", "A", serial)]).collect();
    assert!(matches!(refused(&leaf, &flood, &root), ChainError::TooMany { .. }));
    let stairs: Vec<_> = (0..20).map(|step| authority(&format!("{step}"), &format!("{}", step + 1), 1)).collect();
    let bottom = certificate(&Draft::new("Leaf", &key).signed_by("0", &key));
    assert!(matches!(refused(&bottom, &stairs, &root), ChainError::TooLong { .. }));
}

#[test]
fn hostile_names_are_shown_harmless() {
    let key = Key::new(1);
    let hostile = "a\u{1b}[2J\n,b\u{202e}c\"é";
    let made = certificate(&Draft::new(hostile, &key).signed_by(hostile, &key));
    assert_eq!(made.subject(), "CN=a\\1b[2J\\0a\\,b\\e2\\80\\aec\\\"é");
    assert_eq!(made.issuer(), made.subject());
    assert_eq!(made.common_names(), [hostile]);
    let error = made.verify_issued_by(&three()[0]).unwrap_err().to_string();
    assert!(error.chars().all(|c| !c.is_control() && c != '\u{202e}'), "{error}");
}

#[test]
fn what_contradicts_itself_is_no_certificate() {
    let key = Key::new(1);
    let read = |draft: &Draft| Certificate::from_der(&draft.signed_by("Issuer", &key));
    let twice = Draft::authority("A", &key, None).extension("2.5.29.19", true, &made::sequence(&[]));
    assert!(matches!(read(&twice), Err(CertificateError::Repeated { .. })));
    let malformed = Draft::new("A", &key).extension("2.5.29.19", true, &[0x30, 1]);
    assert!(matches!(read(&malformed), Err(CertificateError::Extension { .. })));
    let mut old = Draft::authority("A", &key, None);
    old.version = 0;
    assert!(matches!(read(&old), Err(CertificateError::Version)));
    let mut unknown = Draft::new("A", &key);
    unknown.version = 7;
    assert!(matches!(read(&unknown), Err(CertificateError::Malformed { .. })));
    let tbs = Draft::new("A", &key).tbs(&made::name("A"));
    let outside = made::sequence(&[made::object("1.2.840.10045.4.3.3")]);
    let two = Certificate::from_der(&made::envelope(&tbs, &outside, &[]));
    assert!(matches!(two, Err(CertificateError::Algorithms { .. })));
    let draft = Draft::new("A", &key).valid("20200230000000Z", "20201231235959Z");
    assert!(matches!(read(&draft), Err(CertificateError::Malformed { .. })));
}
