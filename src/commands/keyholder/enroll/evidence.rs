//! The evidence that goes beside a record.

use std::path::PathBuf;

use ceremony::{Certificate, Digest, Policy};
use keyholders::{Attestation, Evidence, Record};

use super::Proven;
use crate::certificates;
use crate::error::{Failure, OrFail as _};
use crate::records::Keyholders;

/// The evidence for the keys of `record`: what is there already for keys that stay, and what the YubiKey gave now, with
/// its issuers among the certificates in the files `anchors`.
///
/// # Errors
/// If a file cannot be read, or the YubiKey gave no certificates of the kind.
pub(super) fn of_record(
    keyholders: &Keyholders,
    record: &Record,
    enrolled: &Proven,
    anchors: &[PathBuf],
) -> Result<Option<Evidence>, Failure> {
    let present = keyholders.evidence.get(record.name()).map(Evidence::attestations).unwrap_or_default();
    let of_key = |attestation: &Attestation| attestation.key.public_key().ok().map(|key| key.fingerprint());
    let stays = |attestation: &&Attestation| {
        let of = of_key(attestation);
        of != Some(enrolled.key.fingerprint()) && of.is_some_and(|of| record.key(&of).is_some())
    };
    let mut attestations: Vec<Attestation> = present.iter().filter(stays).cloned().collect();
    if let Some((key, device)) = &enrolled.attestation {
        let given: Vec<_> = anchors.iter().map(|file| certificates::read(file)).collect::<Result<_, _>>()?;
        let issuers = above(device, &given.concat());
        attestations.push(Attestation { key: key.clone(), device: device.clone(), issuers });
    }
    if attestations.is_empty() {
        return Ok(None);
    }
    Ok(Some(Evidence::new(attestations).or_fail(|| "what the YubiKey says to prove its key is no attestation")?))
}

/// The anchors in `evidence` that the policy does not name: the last issuer of each attestation that has any.
pub(super) fn unnamed(evidence: Option<&Evidence>, policy: &Policy) -> Vec<Digest> {
    let attestations = evidence.map(Evidence::attestations).unwrap_or_default().iter();
    let last = attestations.filter_map(|attestation| attestation.issuers.last()).map(Certificate::sha256);
    let mut unnamed: Vec<_> = last.filter(|digest| !policy.devices.anchors.contains(digest)).collect();
    unnamed.dedup();
    unnamed
}

/// The issuers of `device` among `given`, each after the one that it issued.
fn above(device: &Certificate, given: &[Certificate]) -> Vec<Certificate> {
    let mut issuers: Vec<Certificate> = Vec::new();
    loop {
        let below = issuers.last().unwrap_or(device);
        let next = given.iter().find(|next| next.subject_der() == below.issuer_der() && !issuers.contains(next));
        match next {
            Some(next) => issuers.push(next.clone()),
            None => return issuers,
        }
    }
}
