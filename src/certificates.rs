//! Certificates from others: single files, and directories of evidence in any layout.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use ceremony::{Certificate, CertificateError, Digest, Time};
use keyholders::{Anchors, AttestedKey, attest};

use crate::disk::{self, DiskError, Place};
use crate::error::{Failure, OrFail as _};

/// The most bytes of a file with certificates.
const LIMIT: u64 = 256 * 1024;
/// The most files below a directory of evidence.
const FILES: usize = 100_000;
/// The most pairs of a key and a device that are tried.
const PAIRS: usize = 20_000;

/// The certificates of a file, PEM or DER, in its order; at least one.
///
/// # Errors
/// If the file cannot be read or has no certificate.
pub(crate) fn read(path: &Path) -> Result<Vec<Certificate>, Failure> {
    let place = Place::named(path);
    let bytes = disk::read(&place, LIMIT)?;
    parse(&bytes).or_fail(|| format!("{place} is no certificate"))
}

/// The vendor's anchors and those of `files`, each of which may have several.
///
/// # Errors
/// As [`read`], and if one is no authority's.
pub(crate) fn anchors(files: &[PathBuf]) -> Result<Anchors, Failure> {
    files.iter().try_fold(Anchors::vendor(), |anchors, file| {
        let certificates = read(file)?;
        let all = certificates.iter().try_fold(anchors, Anchors::with);
        all.or_fail(|| format!("{} is no anchor", file.display()))
    })
}

/// What lies in a directory of evidence: every certificate once, with the file that it was found in first.
#[derive(Default)]
pub(crate) struct Pool {
    seen: BTreeSet<Digest>,
    keys: Vec<Found>,
    authorities: Vec<Found>,
    /// Files that should have certificates and cannot be read, with the reason.
    pub(crate) unreadable: Vec<(String, CertificateError)>,
}

struct Found {
    file: String,
    certificate: Certificate,
}

/// What the certificate of one key proves.
pub(crate) struct Proof {
    /// The file with the certificate, below the directory.
    pub(crate) file: String,
    /// Its subject. Escaped.
    pub(crate) subject: String,
    /// What it proves, or why nothing. Escaped.
    pub(crate) attested: Result<AttestedKey, String>,
}

impl Pool {
    /// Reads whatever certificates lie below the directory at `path`. All other files are passed over.
    ///
    /// # Errors
    /// If the directory cannot be read, or has no certificate of a key.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let place = Place::named(path);
        if !disk::exists(&place)? {
            return Err(DiskError::NotThere { path: place.path() }.into());
        }
        let mut pool = Self::default();
        for file in disk::foreign(&place, FILES, true)? {
            let bytes = match disk::read(&place.join(&file), LIMIT) {
                Err(DiskError::TooLarge { .. }) => continue,
                read => read?,
            };
            if !has(&bytes, PEM_CERTIFICATE) && !is_der(&file) {
                continue;
            }
            match parse(&bytes) {
                Ok(certificates) => pool.add(&file, certificates),
                Err(error) => pool.unreadable.push((file, error)),
            }
        }
        if pool.keys.is_empty() {
            let failure = Failure::could_not(format!("there is no certificate of a key below {place}"));
            let first = pool.unreadable.first().map(|(file, error)| format!("{file}: {error}"));
            let failure = first.into_iter().fold(failure, Failure::and_cause);
            return Err(failure.hint("the certificates of keys and devices may lie in any files, PEM or .der"));
        }
        Ok(pool)
    }

    /// Adds the certificates of `file`.
    pub(crate) fn add(&mut self, file: &str, certificates: impl IntoIterator<Item = Certificate>) {
        for certificate in certificates {
            if self.seen.insert(certificate.sha256()) {
                let kind = if certificate.is_ca() { &mut self.authorities } else { &mut self.keys };
                kind.push(Found { file: file.to_owned(), certificate });
            }
        }
    }

    /// What the certificate of each key proves, with whichever device certificate goes with it, sorted by file.
    ///
    /// # Errors
    /// If there are so many that they are not tried.
    pub(crate) fn prove(&self, anchors: &Anchors, at: Time) -> Result<Vec<Proof>, Failure> {
        if self.keys.len().saturating_mul(self.authorities.len()) > PAIRS {
            let (keys, authorities) = (self.keys.len(), self.authorities.len());
            let message = format!("{keys} keys with {authorities} authorities are more than are tried");
            return Err(Failure::could_not(message).hint("give a directory with the evidence of one trust root"));
        }
        Ok(self.keys.iter().map(|key| self.prove_one(key, anchors, at)).collect())
    }

    fn prove_one(&self, key: &Found, anchors: &Anchors, at: Time) -> Proof {
        let names_it = |found: &&Found| found.certificate.subject_der() == key.certificate.issuer_der();
        let (devices, issuers): (Vec<_>, Vec<_>) = self.authorities.iter().partition(names_it);
        // Devices bear one name by thousands: all but one would only stand in the way.
        let issuers: Vec<Certificate> = issuers.into_iter().map(|found| found.certificate.clone()).collect();
        let signed = devices.iter().map(|found| &found.certificate);
        let signed = signed.filter(|device| key.certificate.verify_issued_by(device).is_ok());
        let judged = signed.map(|device| attest(&key.certificate, device, &issuers, anchors, at));
        // One device may have several certificates: any that leads to an anchor will do.
        let best = judged.reduce(|best, next| if best.is_ok() { best } else { next });
        let attested = match best {
            Some(judged) => judged.map_err(|error| error.to_string()),
            None => {
                let issuer = key.certificate.issuer();
                Err(format!("no certificate in the directory is that of the {issuer} that signed it"))
            }
        };
        Proof { file: key.file.clone(), subject: key.certificate.subject().to_owned(), attested }
    }
}

fn parse(bytes: &[u8]) -> Result<Vec<Certificate>, CertificateError> {
    match bytes.first() {
        _ if has(bytes, PEM) => Certificate::from_pem_chain(&String::from_utf8_lossy(bytes)),
        // What every DER certificate begins with.
        Some(0x30) => Ok(vec![Certificate::from_der(bytes)?]),
        _ => Err(CertificateError::Empty),
    }
}

const PEM: &[u8] = b"-----BEGIN ";
const PEM_CERTIFICATE: &[u8] = b"-----BEGIN CERTIFICATE-----";

fn has(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|window| window == text)
}

fn is_der(file: &str) -> bool {
    let extension = Path::new(file).extension().and_then(|extension| extension.to_str());
    matches!(extension, Some("der" | "cer" | "crt"))
}
