//! Attestations that are made up, altered, exchanged or out of place.
#![allow(clippy::unwrap_used)]

#[path = "../../ceremony/tests/made/mod.rs"]
mod made;
#[path = "common/yubikeys.rs"]
mod yubikeys;

use ceremony::certificate::{ChainError, IssueError};
use ceremony::{Certificate, CertificateError, Finding, Firmware, FormFactor, Rule};
use keyholders::attestation::{AnchorKind, AttestationError, EvidenceError, StatementError};
use keyholders::{Anchors, Attestation, AttestedKey, Evidence, attest};
use made::{Draft, Key};
use yubikeys::{Real, now, real, vendor};

const PIV: &str = "1.3.6.1.4.1.41482.3";
const ROOT: &str = "Yubico PIV Root CA Serial 263751";
const DEVICE: &str = "Yubico PIV Attestation";

/// Keys of a made YubiKey: its root's, its device certificate's, and the attested one.
fn keys() -> [Key; 3] {
    [1, 2, 3].map(Key::new)
}

fn certificate(der: &[u8]) -> Certificate {
    Certificate::from_der(der).unwrap()
}

fn root() -> Certificate {
    certificate(&Draft::authority("Test Root", &keys()[0], Some(1)).signed_by("Test Root", &keys()[0]))
}

fn device() -> Draft {
    Draft::authority(DEVICE, &keys()[1], Some(0)).extension(&format!("{PIV}.3"), false, &[5, 7, 4])
}

fn device_certificate() -> Certificate {
    certificate(&device().signed_by("Test Root", &keys()[0]))
}

/// What the made YubiKey answers to ATTEST, with these extensions: the last part of the identifier, and the value.
fn key_with(subject: &str, extensions: &[(u8, &[u8])]) -> Certificate {
    let draft = extensions.iter().fold(Draft::new(subject, &keys()[2]), |draft, (part, value)| {
        draft.extension(&format!("{PIV}.{part}"), false, value)
    });
    certificate(&draft.signed_by(DEVICE, &keys()[1]))
}

const SUBJECT: &str = "YubiKey PIV Attestation 9c";
const EXTENSIONS: [(u8, &[u8]); 4] = [(3, &[5, 7, 4]), (7, &[2, 4, 1, 0x23, 0x45, 0x67]), (8, &[3, 2]), (9, &[0x81])];

fn key_certificate() -> Certificate {
    key_with(SUBJECT, &EXTENSIONS)
}

/// The test root is trusted.
fn given() -> Anchors {
    Anchors::none().with(&root()).unwrap()
}

fn judge(key: &Certificate, device: &Certificate) -> Result<AttestedKey, AttestationError> {
    attest(key, device, &[], &given(), now())
}

#[test]
fn what_a_device_says_is_read_under_any_anchor_that_is_given() {
    let attested = judge(&key_certificate(), &device_certificate()).unwrap();
    assert_eq!(attested.key().to_spki_der(), keys()[2].spki());
    assert_eq!((attested.serial(), attested.firmware()), (0x0123_4567, Firmware(5, 7, 4)));
    assert_eq!((attested.form_factor(), attested.is_fips()), (Some(FormFactor::UsbAKeychain), true));
    assert_eq!((attested.anchor(), attested.anchor_kind()), ("CN=Test Root", AnchorKind::Given));
    assert_eq!(attested.anchor_published(), None);
    assert_eq!(attested.findings("alice"), []);
    let cspn = certificate(&device().extension(&format!("{PIV}.11"), false, &[]).signed_by("Test Root", &keys()[0]));
    assert!(judge(&key_certificate(), &cspn).unwrap().is_cspn());

    let pinned = Anchors::vendor().pin(root().sha256());
    let carried = Attestation { key: key_certificate(), device: device_certificate(), issuers: vec![root()] };
    assert_eq!(carried.attest(&pinned, now()).unwrap().anchor_sha256(), root().sha256());
    let bare = Attestation { issuers: Vec::new(), ..carried.clone() };
    assert!(matches!(bare.attest(&pinned, now()), Err(AttestationError::Chain(ChainError::NoIssuer { .. }))));
    let untrusted = carried.attest(&Anchors::vendor(), now()).unwrap_err();
    assert_eq!(untrusted, AttestationError::Chain(ChainError::SelfMade { subject: "CN=Test Root".to_owned() }));
}

#[test]
fn the_slot_is_the_one_that_the_device_says() {
    for (slot, known) in [("9a", true), ("9e", true), ("82", true), ("95", true), ("96", false), ("f9", false)] {
        let key = key_with(&format!("YubiKey PIV Attestation {slot}"), &EXTENSIONS);
        match judge(&key, &device_certificate()) {
            Ok(attested) => assert_eq!((attested.slot().to_string().as_str(), known), (slot, true)),
            Err(error) => assert!(!known, "{slot}: {error}"),
        }
    }
}

#[test]
fn devices_that_leak_are_found() {
    let rules = |firmware: [u8; 3], form: u8| {
        let mut extensions = EXTENSIONS;
        (extensions[0].1, extensions[3].1) = (&firmware, std::slice::from_ref(&form));
        let device = Draft::authority(DEVICE, &keys()[1], Some(0)).signed_by("Test Root", &keys()[0]);
        let findings = judge(&key_with(SUBJECT, &extensions), &certificate(&device)).unwrap().findings("alice");
        findings.into_iter().map(|Finding { rule, .. }| rule).collect::<Vec<_>>()
    };
    assert_eq!(rules([5, 6, 9], 1), [Rule::FirmwareEucleak]);
    assert_eq!(rules([5, 7, 0], 1), []);
    assert_eq!(rules([5, 7, 1], 6), [Rule::FirmwareEucleak]);
    assert_eq!(rules([5, 7, 2], 6), []);
}

#[test]
fn a_root_of_the_same_name_is_another_root() {
    let [root, device_key, _] = keys();
    let false_root = certificate(&Draft::authority(ROOT, &root, Some(1)).signed_by(ROOT, &root));
    let false_device = certificate(&device().signed_by(ROOT, &root));
    let error = vendor(&key_certificate(), &false_device).unwrap_err();
    assert!(matches!(error, AttestationError::Chain(ChainError::Issue(IssueError::Mismatch { .. }))), "{error}");
    let carried = attest(&key_certificate(), &false_device, &[false_root], &Anchors::vendor(), now()).unwrap_err();
    assert!(matches!(carried, AttestationError::Chain(ChainError::Issue(IssueError::Mismatch { .. }))), "{carried}");
    let own = certificate(&Draft::authority(DEVICE, &device_key, Some(0)).signed_by(DEVICE, &device_key));
    let replaced = vendor(&key_certificate(), &own).unwrap_err();
    assert_eq!(replaced, AttestationError::Chain(ChainError::SelfMade { subject: format!("CN={DEVICE}") }));
}

#[test]
fn a_chain_made_in_software_leads_nowhere() {
    let [root, device_key, _] = keys();
    let device = certificate(&Draft::authority("Test Device Cert", &device_key, None).signed_by("Test Root", &root));
    let draft = EXTENSIONS.iter().fold(Draft::new(SUBJECT, &keys()[2]), |draft, (part, value)| {
        draft.extension(&format!("{PIV}.{part}"), false, value)
    });
    let key = certificate(&draft.signed_by("Test Device Cert", &device_key));
    let error = vendor(&key, &device).unwrap_err();
    assert_eq!(
        error.to_string(),
        "nobody who is trusted vouches for the device: CN=Test Device Cert was issued by CN=Test Root, which is neither a \
         trusted anchor nor among the certificates given"
    );
}

#[test]
fn the_vendor_signs_for_no_other_key() {
    let real = real();
    let (old, new) = (&real[0], &real[6]);
    let swapped = vendor(&old.key, &new.device).unwrap_err();
    assert!(matches!(swapped, AttestationError::OtherDevice(IssueError::Signature { .. })), "{swapped}");
    let foreign = judge(&new.key, &device_certificate()).unwrap_err();
    assert!(matches!(foreign, AttestationError::OtherDevice(_)), "{foreign}");
    // What a person stores in the slot is a certificate over the same key that the device did not make.
    let stored = certificate(&Draft::new("alice", &keys()[2]).signed_by("alice", &keys()[2]));
    let error = judge(&stored, &device_certificate()).unwrap_err();
    assert!(matches!(error, AttestationError::OtherDevice(IssueError::Name { .. })), "{error}");
}

#[test]
fn each_certificate_has_its_place() {
    let real = &real()[4];
    let exchanged = vendor(&real.device, &real.key).unwrap_err();
    assert!(matches!(exchanged, AttestationError::NotOfAKey { .. }), "{exchanged}");
    let same = vendor(&real.key, &real.key).unwrap_err();
    assert!(matches!(same, AttestationError::NotOfADevice { .. }), "{same}");
    let authority = Draft::authority(SUBJECT, &keys()[2], None);
    let authority = EXTENSIONS
        .iter()
        .fold(authority, |draft, (part, value)| draft.extension(&format!("{PIV}.{part}"), false, value));
    let error = judge(&certificate(&authority.signed_by(DEVICE, &keys()[1])), &device_certificate()).unwrap_err();
    assert!(matches!(error, AttestationError::NotOfAKey { .. }), "{error}");
}

#[test]
fn issuers_may_issue_in_their_time_and_depth_alone() {
    let [root_key, device_key, _] = keys();
    let by_root = |draft: &Draft| certificate(&draft.signed_by("Test Root", &root_key));
    let plain = by_root(&Draft::new(DEVICE, &device_key));
    assert!(matches!(judge(&key_certificate(), &plain), Err(AttestationError::NotOfADevice { .. })));
    let expired = by_root(&device().valid("20160314000000Z", "20260101000000Z"));
    let error = judge(&key_certificate(), &expired).unwrap_err();
    assert!(matches!(error, AttestationError::Chain(ChainError::Expired { .. })), "{error}");
    let later = "2027-01-01T00:00:00Z".parse().unwrap();
    assert!(attest(&key_certificate(), &device_certificate(), &[], &given(), later).is_ok());
    let much_later = "2053-01-01T00:00:00Z".parse().unwrap();
    let real = &real()[4];
    let error = attest(&real.key, &real.device, &[], &Anchors::vendor(), much_later).unwrap_err();
    assert!(matches!(error, AttestationError::Chain(ChainError::Expired { .. })), "{error}");

    // An attested key signs as if it were a device: the device certificate above allows nothing below it.
    let between = certificate(&Draft::authority("Between", &device_key, None).signed_by(DEVICE, &device_key));
    let low = certificate(&Draft::new(SUBJECT, &keys()[2]).signed_by("Between", &device_key));
    let error = attest(&low, &between, &[device_certificate()], &given(), now()).unwrap_err();
    let expected = ChainError::PathLength { issuer: format!("CN={DEVICE}"), allowed: 0, found: 1 };
    assert_eq!(error, AttestationError::Chain(expected));
    let unknown = by_root(&device().extension("1.2.3", true, &[]));
    let error = judge(&key_certificate(), &unknown).unwrap_err();
    assert!(matches!(error, AttestationError::Chain(ChainError::Critical { .. })), "{error}");
    // The same name and key as the device, but another certificate.
    let aside = attest(&key_certificate(), &expired, &[device_certificate()], &given(), now()).unwrap_err();
    assert!(matches!(aside, AttestationError::Aside { .. }), "{aside}");
    assert!(matches!(Anchors::none().with(&plain), Err(IssueError::NotAuthority { .. })));
}

#[test]
fn odd_extensions_are_refused_by_name() {
    let refused = |part: u8, value: &[u8]| {
        let extensions = EXTENSIONS.map(|(other, usual)| (other, if other == part { value } else { usual }));
        match judge(&key_with(SUBJECT, &extensions), &device_certificate()).unwrap_err() {
            AttestationError::Statement(error) => error.to_string(),
            error => format!("another error: {error}"),
        }
    };
    let serial = "extension 1.3.6.1.4.1.41482.3.7, which should say the serial number, is malformed: ";
    for (value, shown) in [
        (&[2, 1, 0xff][..], "0201ff"),
        (&[2, 4, 0xff, 0, 0, 1], "0204ff000001"),
        (&[2, 5, 1, 0, 0, 0, 0], "02050100000000"),
        (&[2, 2, 0, 1], "02020001"),
        (&[4, 1, 1], "040101"),
        (&[2, 1, 1, 0], "02010100"),
        (&[], ""),
        (&[0x41; 17], "41414141414141414141414141414141..."),
    ] {
        assert_eq!(refused(7, value), format!("{serial}{shown}"));
    }
    assert_eq!(
        refused(3, &[5, 7]),
        "extension 1.3.6.1.4.1.41482.3.3, which should say the firmware, is malformed: 0507"
    );
    assert_eq!(refused(3, &[5, 4, 3]), "the certificate of the key says firmware 5.4.3, and that of the device 5.7.4");
    assert_eq!(refused(8, &[3]), "extension 1.3.6.1.4.1.41482.3.8, which should say the policies, is malformed: 03");
    assert_eq!(refused(8, &[0, 2]), "the PIN policy 0x00 is unknown");
    assert_eq!(refused(8, &[3, 9]), "the touch policy 0x09 is unknown");
    assert_eq!(refused(9, &[0x88]), "the form factor 0x88 is unknown");
    assert_eq!(
        refused(9, &[1, 1]),
        "extension 1.3.6.1.4.1.41482.3.9, which should say the form factor, is malformed: 0101"
    );
    for missing in [3, 7, 8] {
        let left: Vec<_> = EXTENSIONS.into_iter().filter(|(part, _)| *part != missing).collect();
        let error = judge(&key_with(SUBJECT, &left), &device_certificate()).unwrap_err();
        assert!(matches!(error, AttestationError::Statement(StatementError::Missing { .. })), "{error}");
    }
    let nowhere = judge(&key_with(SUBJECT, &EXTENSIONS[..3]), &device_certificate()).unwrap();
    assert_eq!(nowhere.form_factor(), None);
}

#[test]
fn hostile_subjects_are_shown_harmless() {
    let hostile = "YubiKey PIV Attestation 9c\u{1b}[2J\n\u{202e}";
    let error = judge(&key_with(hostile, &EXTENSIONS), &device_certificate()).unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, AttestationError::Statement(StatementError::Subject { .. })), "{text}");
    assert!(text.chars().all(|c| matches!(c, ' '..='~')), "{text}");
}

#[test]
fn evidence_has_one_text() {
    let real = real();
    let of = |real: &Real| Attestation { key: real.key.clone(), device: real.device.clone(), issuers: Vec::new() };
    let made = Attestation { key: key_certificate(), device: device_certificate(), issuers: vec![root()] };
    let evidence = Evidence::new(vec![of(&real[4]), made.clone(), of(&real[5])]).unwrap();
    let text = evidence.to_pem();
    assert_eq!(Evidence::parse(&text).unwrap(), evidence);
    let anchors = Anchors::vendor().pin(root().sha256());
    let serials: Vec<_> = evidence.attested(&anchors, now()).into_iter().map(|key| key.unwrap().serial()).collect();
    assert_eq!(serials, [15_938_765, 0x0123_4567, 15_938_791]);
    let one_fails = evidence.attested(&Anchors::vendor(), now());
    assert_eq!(one_fails.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);

    let refused = |text: &str| Evidence::parse(text).unwrap_err();
    assert_eq!(refused(&format!("\n{text}")), EvidenceError::NotCanonical { line: 1 });
    assert_eq!(refused(&text.replace('\n', "\r\n")), EvidenceError::NotCanonical { line: 1 });
    assert!(matches!(refused(&format!("{text}note\n")), EvidenceError::NotCanonical { .. }));
    assert!(matches!(refused(text.trim_end()), EvidenceError::NotCanonical { .. }));
    assert_eq!(refused(""), EvidenceError::Certificate(CertificateError::Empty));
    assert!(matches!(refused(&"-".repeat(Evidence::LIMIT + 1)), EvidenceError::TooLarge { .. }));
    let (key, device) = (made.key.to_pem(), made.device.to_pem());
    assert!(matches!(refused(&key), EvidenceError::NoDevice { number: 1, .. }));
    assert!(matches!(refused(&format!("{key}{key}{device}")), EvidenceError::NoDevice { number: 1, .. }));
    assert!(matches!(refused(&device), EvidenceError::NotOfAKey { number: 1, .. }));
    assert!(matches!(refused(&format!("{key}{device}{key}{device}")), EvidenceError::Twice { number: 3, .. }));
    let astray = format!("{key}{device}{}", real[0].device.to_pem());
    assert!(matches!(refused(&astray), EvidenceError::OutOfPlace { number: 3, .. }));
    assert!(matches!(Evidence::new(Vec::new()), Err(EvidenceError::Empty)));
    let leaf = Attestation { issuers: vec![made.key.clone()], ..made };
    assert!(Evidence::new(vec![leaf]).is_err());
}
