//! Real keyholders' evidence, and how it is judged.
#![allow(dead_code, reason = "each test uses a part of it")]

use std::fs;
use std::path::{Path, PathBuf};

use ceremony::{Certificate, PublicKey, Time};
use keyholders::attestation::AttestationError;
use keyholders::{Anchors, AttestedKey, attest};

pub(crate) fn data(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data").join(path)
}

pub(crate) fn read(path: impl AsRef<Path>) -> Vec<Certificate> {
    Certificate::from_pem_chain(&fs::read_to_string(path).unwrap()).unwrap()
}

pub(crate) fn now() -> Time {
    "2026-08-22T00:00:00Z".parse().unwrap()
}

/// One real keyholder: directory, and the certificates of key and device.
pub(crate) struct Real {
    pub(crate) dir: String,
    pub(crate) key: Certificate,
    pub(crate) device: Certificate,
    pub(crate) public: PublicKey,
}

pub(crate) fn real() -> Vec<Real> {
    let dirs = fs::read_dir(data("sigstore-keyholders")).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<Real> = dirs
        .map(|path| {
            let dir = path.file_name().unwrap().to_str().unwrap().to_owned();
            let prefix = if dir == "unit-test-key" { String::new() } else { format!("{dir}_") };
            Real {
                key: read(path.join(format!("{prefix}key_cert.pem"))).remove(0),
                device: read(path.join(format!("{prefix}device_cert.pem"))).remove(0),
                public: PublicKey::from_spki_pem(
                    &fs::read_to_string(path.join(format!("{prefix}pubkey.pem"))).unwrap(),
                )
                .unwrap(),
                dir,
            }
        })
        .collect();
    found.sort_by(|a, b| a.dir.cmp(&b.dir));
    found
}

pub(crate) fn vendor(key: &Certificate, device: &Certificate) -> Result<AttestedKey, AttestationError> {
    attest(key, device, &[], &Anchors::vendor(), now())
}
