//! Attestations, judged by OpenSSL and beside real ones.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::Command;

use virtual_yubikey::{Algorithm, Authority, Card, Firmware, PinPolicy, Profile, Slot, TouchPolicy};
use x509_cert::Certificate;
use x509_cert::der::pem::LineEnding;
use x509_cert::der::{Decode as _, DecodePem as _, Encode as _, EncodePem as _};

/// Real keyholders' certificates: serial number, firmware, form factor.
const REAL: [(u32, Firmware, u8); 3] =
    [(10_550_341, Firmware(4, 4, 5), 1), (15_938_765, Firmware(5, 2, 7), 3), (18_158_855, Firmware(5, 4, 3), 1)];

fn attested(card: &Card) -> (Certificate, Certificate) {
    card.generate(Slot::SIGNATURE, Algorithm::EccP256, PinPolicy::Always, TouchPolicy::Always);
    let (leaf, device) = card.attestation(Slot::SIGNATURE).unwrap();
    (Certificate::from_der(&leaf).unwrap(), Certificate::from_der(&device).unwrap())
}

fn pem(certificate: &Certificate) -> String {
    certificate.to_pem(LineEnding::LF).unwrap()
}

/// Whether OpenSSL builds a chain from the leaf to the root.
fn verifies(leaf: &Certificate, others: &[String], root: &str) -> bool {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, content: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    };
    let mut openssl = Command::new("openssl");
    openssl.args(["verify", "-no-CAfile", "-no-CApath", "-trusted"]).arg(write("root", root));
    openssl.arg("-untrusted").arg(write("others", &others.concat())).arg(write("leaf", &pem(leaf)));
    openssl.output().expect("OpenSSL is missing: apt-get install openssl").status.success()
}

#[test]
fn chains_lead_to_their_root_and_to_no_other() {
    let forged = Authority::forged();
    for authority in [Authority::test(), Authority::test().with_intermediates(), forged.clone()] {
        let (leaf, device) = attested(&Card::new(Profile::new(Firmware::V5_7_4), &authority));
        let others = [pem(&device), authority.intermediates_pem()];
        assert!(verifies(&leaf, &others, &authority.root_pem()));
        let other = if authority.root_pem() == forged.root_pem() { Authority::test() } else { forged.clone() };
        assert!(!verifies(&leaf, &others, &other.root_pem()), "the name of a root is not its key");
    }
    let authority = Authority::test().with_intermediates();
    let (leaf, device) = attested(&Card::new(Profile::new(Firmware::V5_7_4), &authority));
    assert!(!verifies(&leaf, &[pem(&device)], &authority.root_pem()), "the intermediates are not on the card");
}

#[test]
fn a_batch_shares_what_other_cards_do_not() {
    let device = |authority: &Authority, firmware, serial| {
        attested(&Card::new(Profile::new(firmware).serial(serial), authority)).1
    };
    let single = Authority::test();
    assert_ne!(device(&single, Firmware::V5_4_3, 1), device(&single, Firmware::V5_4_3, 2));
    let batch = Authority::test().in_batches();
    assert_eq!(device(&batch, Firmware::V5_4_3, 1), device(&batch, Firmware::V5_4_3, 2));
    assert_ne!(device(&batch, Firmware::V5_4_3, 1), device(&batch, Firmware::V5_7_4, 1));
    assert_eq!(single.root_pem(), Authority::test().root_pem(), "the same in every process");
}

#[test]
fn an_attestation_is_laid_out_as_real_ones_are() {
    for (serial, firmware, form_factor) in REAL {
        let read = |kind| {
            let name = format!("../../../shared/data/sigstore-keyholders/{serial}/{serial}_{kind}_cert.pem");
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
            Certificate::from_pem(std::fs::read(path).unwrap()).unwrap()
        };
        let (real_leaf, real_device) = (read("key"), read("device"));
        let fips = firmware == Firmware::V4_4_5;
        let mut profile = Profile::new(firmware).serial(serial).form_factor(form_factor);
        if fips {
            profile = profile.fips();
        }
        let (leaf, device) = attested(&Card::new(profile, &Authority::test()));

        assert_eq!(leaf.tbs_certificate().extensions(), real_leaf.tbs_certificate().extensions(), "{serial}");
        for (ours, real, issuer) in [(&leaf, &real_leaf, Some(&device)), (&device, &real_device, None)] {
            assert_eq!(ours.signature_algorithm(), real.signature_algorithm());
            let (ours, real) = (ours.tbs_certificate(), real.tbs_certificate());
            assert_eq!(ours.version(), real.version());
            assert_eq!(ours.subject_public_key_info().algorithm, real.subject_public_key_info().algorithm);
            assert_eq!(ours.serial_number().as_bytes().len(), issuer.map_or(8, |_| 16));
            if let Some(issuer) = issuer {
                assert_eq!(ours.subject(), real.subject());
                assert_eq!(ours.issuer(), issuer.tbs_certificate().subject());
                assert_eq!(ours.validity(), issuer.tbs_certificate().validity());
            } else {
                let names = |certificate: &x509_cert::TbsCertificate| -> Vec<_> {
                    let extensions = certificate.extensions().unwrap().iter();
                    extensions.map(|it| (it.extn_id, it.critical, it.extn_value.as_bytes().len())).collect()
                };
                assert_eq!(names(ours), names(real), "{serial}");
            }
        }
    }
}

#[test]
fn whoever_overwrites_the_attestation_key_attests_with_his_own() {
    let card = Card::new(Profile::new(Firmware::V5_7_4), &Authority::test());
    let (before, device) = attested(&card);
    card.generate(Slot::ATTESTATION, Algorithm::EccP256, PinPolicy::Never, TouchPolicy::Never);
    let (after, _) = attested(&card);
    assert_eq!(before.tbs_certificate().issuer(), after.tbs_certificate().issuer());
    assert!(verifies(&before, &[pem(&device)], &Authority::test().root_pem()));
    assert!(!verifies(&after, &[pem(&device)], &Authority::test().root_pem()));
    assert!(after.signature_algorithm().oid.to_string().starts_with("1.2.840.10045.4.3.2"));
    assert!(after.to_der().unwrap().len() < 1024);
}
