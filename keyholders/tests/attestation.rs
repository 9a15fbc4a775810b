//! Attestations of every real YubiKey on record, and the opinion of openssl.
#![allow(clippy::unwrap_used)]

#[path = "common/yubikeys.rs"]
mod yubikeys;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use ceremony::{Certificate, CertificateError, Firmware, FormFactor, PinPolicy, Rule, TouchPolicy};
use keyholders::attestation::AnchorKind;
use keyholders::{Anchors, attest};
use yubikeys::{Real, data, now, read, real, vendor};

#[test]
fn every_real_key_is_attested() {
    let expected = [
        ("10550341", 10_550_341, Firmware(4, 4, 5), None, true),
        ("13078778", 13_078_778, Firmware(5, 2, 6), Some(FormFactor::UsbCKeychain), false),
        ("14454335", 14_454_335, Firmware(5, 2, 7), Some(FormFactor::UsbCKeychain), false),
        ("14470876", 14_470_876, Firmware(5, 2, 7), Some(FormFactor::UsbCKeychain), false),
        ("15938765", 15_938_765, Firmware(5, 2, 7), Some(FormFactor::UsbCKeychain), false),
        ("15938791", 15_938_791, Firmware(5, 2, 7), Some(FormFactor::UsbCKeychain), false),
        ("18158855", 18_158_855, Firmware(5, 4, 3), Some(FormFactor::UsbAKeychain), false),
        ("unit-test-key", 10_550_341, Firmware(4, 4, 5), None, true),
    ];
    let real = real();
    assert_eq!(real.len(), expected.len());
    for (Real { dir, key, device, public }, (name, serial, firmware, form, fips)) in real.iter().zip(expected) {
        assert_eq!(dir, name);
        let attested = vendor(key, device).unwrap();
        assert_eq!(attested.key(), public);
        assert_eq!(attested.serial(), serial);
        assert_eq!(attested.firmware(), firmware);
        assert_eq!(attested.form_factor(), form);
        assert_eq!((attested.is_fips(), attested.is_cspn()), (fips, false), "{name}");
        assert_eq!((attested.pin_policy(), attested.touch_policy()), (PinPolicy::Always, TouchPolicy::Always));
        assert_eq!(attested.slot().to_string(), "9c");
        assert_eq!(attested.anchor(), "CN=Yubico PIV Root CA Serial 263751");
        assert_eq!(attested.anchor_sha256().short(), "63ece914");
        assert_eq!(attested.anchor_kind(), AnchorKind::Vendor);
        assert_eq!(attested.anchor_published(), Some("https://developers.yubico.com/PKI/yubico-piv-ca-1.pem"));
        assert_eq!(attested.chain(), ["CN=Yubico PIV Attestation"]);
        let findings = attested.findings("alice");
        let rules: Vec<_> = findings.iter().map(|finding| (finding.rule, finding.subject.as_str())).collect();
        assert_eq!(rules, [(Rule::FirmwareEucleak, "alice")]);
    }
    let shared = real.iter().filter(|other| other.device == real[3].device).count();
    assert_eq!(shared, 4, "a device certificate identifies nobody");
}

/// Runs `openssl`, and says whether it said yes.
fn openssl(dir: &Path, arguments: &[&str]) -> bool {
    let output = Command::new("openssl").current_dir(dir).args(arguments).output();
    output.expect("openssl is missing: apt-get install openssl").status.success()
}

fn directory(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&dir).unwrap();
    dir
}

#[test]
fn openssl_says_the_same_of_every_pair() {
    let dir = directory("openssl-attestations");
    let root = data("yubico-pki/yubico-piv-root-ca-263751.pem");
    let real = real();
    let (mut yes, mut no) = (0, 0);
    for key in &real {
        for device in &real {
            fs::write(dir.join("key.pem"), key.key.to_pem()).unwrap();
            fs::write(dir.join("device.pem"), device.device.to_pem()).unwrap();
            let root = root.to_str().unwrap();
            let theirs = openssl(&dir, &["verify", "-CAfile", root, "-untrusted", "device.pem", "key.pem"]);
            let ours = vendor(&key.key, &device.device).is_ok();
            assert_eq!(ours, theirs, "{} with the device of {}", key.dir, device.dir);
            if ours { yes += 1 } else { no += 1 }
        }
    }
    assert_eq!((yes, no), (4 * 4 + 2 + 2 * 2, 42));
}

/// Everything in a certificate is signed but its signature: the algorithm stands twice and must be the same, and the
/// lengths of the envelope have one form. So no altered certificate attests anything.
#[test]
fn no_bit_of_a_real_certificate_can_be_another() {
    let (real, anchors) = (&real()[4], Anchors::vendor());
    let bits =
        |certificate: &Certificate| (0..certificate.der().len()).flat_map(|place| (0..8).map(move |bit| (place, bit)));
    let altered = |certificate: &Certificate, (place, bit): (usize, usize)| {
        let mut der = certificate.der().to_vec();
        der[place] ^= 1 << bit;
        Certificate::from_der(&der)
    };
    for place in bits(&real.key) {
        let Ok(key) = altered(&real.key, place) else { continue };
        assert!(attest(&key, &real.device, &[], &anchors, now()).is_err(), "{place:?} of the key");
    }
    for place in bits(&real.device).filter(|(place, bit)| place % 8 == *bit) {
        let Ok(device) = altered(&real.device, place) else { continue };
        assert!(attest(&real.key, &device, &[], &anchors, now()).is_err(), "{place:?} of the device");
    }
}

#[test]
fn a_cut_or_lengthened_key_certificate_is_none() {
    for Real { key, .. } in real() {
        let der = key.der();
        assert!((0..der.len()).all(|length| Certificate::from_der(&der[..length]).is_err()));
        let error = Certificate::from_der(&[der, b"\n"].concat()).unwrap_err();
        assert_eq!(error, CertificateError::Trailing { bytes: 1 });
    }
}

/// As the vendor does it, with RSA: only the key of the root is another.
#[test]
fn a_root_of_the_same_name_and_kind_is_another_root() {
    let dir = directory("openssl-false-root");
    let made = |arguments: &[&str]| assert!(openssl(&dir, arguments), "{arguments:?}");
    let extension = "basicConstraints=critical,CA:TRUE,pathlen:0";
    let root = "/CN=Yubico PIV Root CA Serial 263751";
    made(&["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "root.key", "-subj", root, "-out", "root.pem"]);
    let subject = "/CN=Yubico PIV Attestation";
    let by_root = ["-CA", "root.pem", "-CAkey", "root.key", "-out", "device.pem", "-addext", extension];
    let new = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "device.key", "-subj", subject];
    made(&[&new[..], &by_root[..]].concat());
    let by_device = ["-CA", "device.pem", "-CAkey", "device.key", "-out", "key.pem"];
    let usual = ["-addext", "basicConstraints=CA:FALSE"];
    let new = [
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-keyout",
        "k.key",
        "-subj",
        "/CN=YubiKey PIV Attestation 9c",
    ];
    made(&[&new[..], &by_device[..], &usual[..]].concat());
    let one = |name: &str| read(dir.join(name)).remove(0);
    assert!(openssl(&dir, &["verify", "-CAfile", "root.pem", "-untrusted", "device.pem", "key.pem"]));
    let key = one("key.pem");
    let error = attest(&key, &one("device.pem"), &[], &Anchors::vendor(), key.not_before()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "nobody who is trusted vouches for the device: the signature on CN=Yubico PIV Attestation is not made by the key of \
         CN=Yubico PIV Root CA Serial 263751"
    );
}
