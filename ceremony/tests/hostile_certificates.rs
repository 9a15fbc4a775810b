//! Certificates that nobody would issue: no panic, no hang, and never a signature that verifies.
#![allow(clippy::unwrap_used)]

mod made;

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use ceremony::Certificate;
use ceremony::certificate::{Anchor, chain};
use made::{Draft, Key};
use proptest::prelude::*;

fn real() -> Vec<Certificate> {
    let data = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let read = |path: &str| Certificate::from_pem_chain(&fs::read_to_string(data.join(path)).unwrap()).unwrap();
    let mut certificates = read("yubico-pki/yubico-attestation-root-1.pem");
    certificates.extend(read("sigstore-keyholders/10550341/10550341_key_cert.pem"));
    certificates.extend(read(
        "sigstore-prod/targets/f989aa23def87c549404eadba767768d2a3c8d6d30a8b793f9f518a8eafd2cf5.fulcio_v1.crt.pem",
    ));
    certificates
}

/// Everything that a certificate can be asked.
fn ask(certificate: &Certificate) -> usize {
    let answers = [
        certificate.subject().len(),
        certificate.issuer().len(),
        certificate.serial_number().len(),
        certificate.extended_key_usages().len(),
        certificate.may_sign_certificates().map_or(0, usize::from),
        certificate.unknown_critical().len(),
        certificate.name_constraints().len(),
        certificate.to_pem().len(),
        usize::from(certificate.public_key().is_ok()),
    ];
    answers.iter().sum()
}

proptest! {
    #[test]
    fn altered_certificates_verify_nowhere(
        which in 0_usize..3,
        changes in prop::collection::vec((0.0_f64..1.0, any::<u8>(), 0_u8..3), 1..6),
    ) {
        let certificate = &real()[which];
        let mut der = certificate.der().to_vec();
        for (place, byte, how) in changes {
            let place = (place * der.len() as f64) as usize;
            match how {
                0 => der[place] = byte,
                1 => der.insert(place, byte),
                _ => drop(der.remove(place)),
            }
        }
        if let Ok(altered) = Certificate::from_der(&der) {
            prop_assert!(ask(&altered) > 0);
            if der != certificate.der() {
                prop_assert!(altered.verify_issued_by(certificate).is_err());
                if let Ok(anchor) = Anchor::of(certificate) {
                    prop_assert!(chain::verify(&altered, &real(), &[anchor], None).is_err());
                }
            }
        }
    }

    #[test]
    fn noise_is_no_certificate(noise in prop::collection::vec(any::<u8>(), 0..600), text in ".{0,300}") {
        prop_assert!(Certificate::from_der(&noise).is_err());
        prop_assert!(Certificate::from_der(&made::tlv(0x30, &noise)).is_err());
        prop_assert!(Certificate::from_pem_chain(&text).is_err());
        let block = format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n");
        prop_assert!(Certificate::from_pem_chain(&block).is_err());
    }
}

/// An RSA SubjectPublicKeyInfo with these numbers, as they stand.
fn rsa(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    let key = made::sequence(&[made::tlv(2, modulus), made::tlv(2, exponent)]);
    let algorithm = made::sequence(&[made::object("1.2.840.113549.1.1.1"), made::tlv(5, &[])]);
    made::sequence(&[algorithm, made::tlv(3, &[&[0], &key[..]].concat())])
}

#[test]
fn impossible_rsa_keys_verify_nothing() {
    let key = Key::new(1);
    let number = |length: usize, last: u8| [&[0, 0xff][..], &vec![0xff; length - 2], &[last]].concat();
    let moduli =
        [number(256, 0xfe), number(256, 0xff), number(1024, 0xff), number(512, 0), vec![0], vec![1], vec![0xff; 256]];
    let exponents = [&[0][..], &[1], &[2], &[3], &[1, 0, 1], &[1, 0xff, 0xff, 0xff, 0xff], &[0x7f; 200], &[0xff]];
    let rsa_with_sha256 = made::sequence(&[made::object("1.2.840.113549.1.1.11"), made::tlv(5, &[])]);
    let started = Instant::now();
    for modulus in &moduli {
        for exponent in exponents {
            let mut draft = Draft::authority("Root", &key, None);
            draft.spki = rsa(modulus, exponent);
            draft.algorithm.clone_from(&rsa_with_sha256);
            for signature in [vec![0; modulus.len() - 1], vec![1; 256], vec![0xff; modulus.len()], Vec::new()] {
                let tbs = draft.tbs(&made::name("Root"));
                let root = Certificate::from_der(&made::envelope(&tbs, &rsa_with_sha256, &signature)).unwrap();
                assert!(root.verify_issued_by(&root).is_err(), "{}", hex::encode(exponent));
                assert!(ask(&root) > 0);
            }
        }
    }
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
}

#[test]
fn crowded_names_and_extensions_are_read_in_time() {
    let key = Key::new(1);
    let started = Instant::now();
    let attribute =
        |value: u16| made::sequence(&[made::object("2.5.4.3"), made::tlv(12, format!("{value:04}").as_bytes())]);
    // One set in the worst order, and one name of many sets.
    let sets = [
        made::sequence(&[made::tlv(0x31, &(0..1000).rev().flat_map(attribute).collect::<Vec<u8>>())]),
        made::sequence(&(0..1000).map(|value| made::tlv(0x31, &attribute(value))).collect::<Vec<_>>()),
    ];
    for subject in sets {
        let mut draft = Draft::new("Crowd", &key);
        draft.subject = subject;
        if let Ok(certificate) = Certificate::from_der(&draft.signed_by("Crowd", &key)) {
            assert_eq!(certificate.common_names().len(), 1000);
        }
    }
    let crowd = (0..1000)
        .fold(Draft::new("Crowd", &key), |draft, number| draft.extension(&format!("1.2.3.{number}"), false, &[]));
    assert!(Certificate::from_der(&crowd.signed_by("Crowd", &key)).unwrap().extension("1.2.3.999").is_some());
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
}
