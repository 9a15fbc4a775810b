//! File keys that OpenSSL wrote, and file keys that OpenSSL reads.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::io::Write as _;
use std::process::{Command, Stdio};

use ceremony::{Algorithm, PublicKey};
use common::Script;
use keyholders::{Device as _, FileKey, FileKeyError, Pin, Secret};

/// Runs `openssl` with these words and this input.
fn openssl(words: &str, input: &[u8]) -> Vec<u8> {
    let mut child = Command::new("openssl")
        .args(words.split(' '))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("OpenSSL is missing: apt-get install openssl");
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{words}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn public(private: &[u8]) -> PublicKey {
    let pem = openssl("pkey -pubout -passin pass:correct", private);
    PublicKey::from_spki_pem(&String::from_utf8(pem).unwrap()).unwrap()
}

const KINDS: [(&str, Algorithm); 3] = [
    ("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256", Algorithm::EcdsaP256),
    ("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384", Algorithm::EcdsaP384),
    ("genpkey -algorithm ED25519", Algorithm::Ed25519),
];

#[test]
fn what_openssl_writes_is_read() {
    for (generate, algorithm) in KINDS {
        let pem = openssl(generate, b"");
        let wanted = public(&pem);
        assert_eq!(wanted.algorithm(), algorithm);
        let mut forms = vec![pem.clone(), openssl("pkcs8 -topk8 -nocrypt -outform DER", &pem)];
        if algorithm != Algorithm::Ed25519 {
            forms.push(openssl("pkey -traditional", &pem));
        }
        for form in forms {
            let mut script = Script::silent();
            let key = FileKey::read(&form, "k", None, &mut script).unwrap();
            assert_eq!(key.public_key(), &wanted);
            assert_eq!(script.asked, []);
        }
        for lock in ["-scrypt", "-v2 aes256", "-v2 aes-128-cbc -v2prf hmacWithSHA512", "-scrypt -outform DER"] {
            let locked = openssl(&format!("pkcs8 -topk8 -passout pass:correct {lock}"), &pem);
            let mut script = Script::of(&["correct"]);
            let key = FileKey::read(&locked, "k", None, &mut script).unwrap();
            assert_eq!(key.public_key(), &wanted, "{lock}");
            assert_eq!(script.asked[0].secret, Secret::Passphrase);
        }
    }
}

#[test]
fn openssl_reads_what_is_written() {
    for (_, algorithm) in KINDS {
        let key = FileKey::generate(algorithm, "k").unwrap();
        assert_eq!(&public(key.to_plain_pem().as_bytes()), key.public_key());
        let locked = key.to_encrypted_pem(&Pin::new("correct".into()).unwrap()).unwrap();
        assert_eq!(&public(locked.as_bytes()), key.public_key());
    }
}

#[test]
fn keys_of_other_kinds_and_outdated_encryptions_are_named() {
    let read = |bytes: &[u8]| FileKey::read(bytes, "k", None, &mut Script::silent()).err().unwrap();
    let other = openssl("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:secp256k1", b"");
    assert!(matches!(read(&other), FileKeyError::Algorithm { .. }));
    assert!(matches!(read(&openssl("pkey -traditional", &other)), FileKeyError::Algorithm { .. }));
    let rsa = openssl("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048", b"");
    assert!(matches!(read(&rsa), FileKeyError::Algorithm { .. }));
    assert!(matches!(read(&openssl("pkey -traditional", &rsa)), FileKeyError::Kind { .. }));
    let pem = openssl(KINDS[0].0, b"");
    let old = openssl("pkey -traditional -aes128 -passout pass:correct", &pem);
    assert!(matches!(read(&old), FileKeyError::Encryption { .. }));
    let triple = openssl("pkcs8 -topk8 -v2 des3 -passout pass:correct", &pem);
    assert!(matches!(read(&triple), FileKeyError::Encryption { .. }));
}
