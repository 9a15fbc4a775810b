//! Proof that a key was made in a YubiKey: attestation by its PIV application.

mod anchors;
mod evidence;
mod statement;
mod yubico;

use ceremony::certificate::{ChainError, IssueError, chain};
use ceremony::key::KeyError;
use ceremony::{Certificate, Digest, Finding, Firmware, FormFactor, PinPolicy, PublicKey, Rule, Time, TouchPolicy};

use self::anchors::Named;
pub use self::anchors::{AnchorKind, Anchors};
pub use self::evidence::{Attestation, Evidence, EvidenceError};
use self::statement::Statement;
pub use self::statement::StatementError;
use crate::slot::Slot;

/// A key that was made in a YubiKey, with what the device says of it: only [`attest`] makes one.
///
/// The key was born in that device and cannot leave it. That it is there today, or that somebody has it, is not said: an
/// attestation can be copied. The proof of possession says so.
#[derive(Clone, Debug, PartialEq)]
pub struct AttestedKey {
    key: PublicKey,
    statement: Statement,
    cspn: bool,
    chain: Vec<String>,
    anchor: Named,
}

/// Attests the key that `key` is the certificate of: verifies that the YubiKey with the device certificate `device` made
/// it, up to one of `anchors`, through any of `issuers`.
///
/// `key` is what the device answers to ATTEST, and `device` what it has in slot f9. `issuers` are further authorities,
/// for devices of which the anchors do not have the direct issuer; most need none. All certificates must be valid at
/// `at`, the time for which the answer is given: today, or that of the ceremony. Their dates say nothing of when the key
/// was made, since a YubiKey has no clock and copies those of its device certificate, and vendors have issued device
/// certificates that begin before their issuer does; so dates are not compared with each other.
///
/// Nothing is read out of a certificate before its chain has verified. The device certificate identifies nobody: whole
/// batches share one. Who overwrote slot f9 has another anchor, and is refused.
///
/// Sources: Yubico, *PIV attestation*; RFC 5280, section 6.1.
///
/// # Errors
/// If it was not made so: see [`AttestationError`].
pub fn attest(
    key: &Certificate,
    device: &Certificate,
    issuers: &[Certificate],
    anchors: &Anchors,
    at: Time,
) -> Result<AttestedKey, AttestationError> {
    if key.is_ca() {
        return Err(AttestationError::NotOfAKey { subject: key.subject().to_owned() });
    }
    if !device.is_ca() {
        return Err(AttestationError::NotOfADevice { subject: device.subject().to_owned() });
    }
    key.verify_issued_by(device).map_err(AttestationError::OtherDevice)?;
    let above: Vec<Certificate> = std::iter::once(device).chain(issuers).cloned().collect();
    let trusted = anchors.with_pinned(&above);
    let chain = chain::verify(key, &above, &trusted, Some(at)).map_err(AttestationError::Chain)?;
    let anchor = anchors.named(chain.anchor());
    let through_device = match chain.issuers().first() {
        Some(first) => *first == device,
        None => chain.anchor().sha256() == device.sha256(),
    };
    if !through_device {
        return Err(AttestationError::Aside { anchor: anchor.subject });
    }
    let statement = Statement::of(key, device)?;
    let names = chain.issuers().iter().map(|issuer| issuer.subject().to_owned());
    Ok(AttestedKey {
        key: key.public_key().map_err(AttestationError::Key)?,
        cspn: device.extension(statement::CSPN).is_some(),
        statement,
        chain: names.collect(),
        anchor,
    })
}

impl AttestedKey {
    /// The key, out of the proof.
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    /// The serial number of the YubiKey: what tells devices apart.
    pub fn serial(&self) -> u32 {
        self.statement.serial
    }

    /// The firmware of the YubiKey. It is never updated.
    pub fn firmware(&self) -> Firmware {
        self.statement.firmware
    }

    /// The shape of the YubiKey; none if it does not say, as before firmware 5.
    pub fn form_factor(&self) -> Option<FormFactor> {
        self.statement.form_factor
    }

    /// When the device asks for the PIN before it signs with this key.
    pub fn pin_policy(&self) -> PinPolicy {
        self.statement.pin_policy
    }

    /// When the device wants to be touched before it signs with this key.
    pub fn touch_policy(&self) -> TouchPolicy {
        self.statement.touch_policy
    }

    /// Where the key lies on the device.
    pub fn slot(&self) -> Slot {
        self.statement.slot
    }

    /// Whether the device is one of the FIPS series: it says so itself, or its vendor does.
    pub fn is_fips(&self) -> bool {
        self.statement.fips
    }

    /// Whether the vendor says that the device is CSPN certified.
    pub fn is_cspn(&self) -> bool {
        self.cspn
    }

    /// Who vouches for it: the subject of the root that the chain ends at. Escaped.
    pub fn anchor(&self) -> &str {
        &self.anchor.subject
    }

    /// The SHA-256 of the certificate of [`anchor`](Self::anchor).
    pub fn anchor_sha256(&self) -> Digest {
        self.anchor.sha256
    }

    /// What the anchor is.
    pub fn anchor_kind(&self) -> AnchorKind {
        self.anchor.kind
    }

    /// Where the certificate of [`anchor`](Self::anchor) is published; none if the anchor was given.
    pub fn anchor_published(&self) -> Option<&str> {
        self.anchor.published.as_deref()
    }

    /// The subjects of the certificates between key and anchor, the device's first. Escaped.
    pub fn chain(&self) -> &[String] {
        &self.chain
    }

    /// What is wrong with the device, by itself, whatever a policy asks for. `subject` is the subject of the findings:
    /// the keyholder.
    pub fn findings(&self, subject: &str) -> Vec<Finding> {
        let mut findings = Vec::new();
        let serial = self.serial();
        if self.anchor.kind == AnchorKind::Preview {
            let what = format!("the YubiKey {serial} is signed by {}", self.anchor.subject);
            findings.push(Finding::new(Rule::AttestationPreview, subject, what));
        }
        let mended = match self.form_factor() {
            Some(form) if form.is_bio() => Firmware(5, 7, 2),
            _ => Firmware(5, 7, 0),
        };
        let ecdsa = matches!(self.key, PublicKey::EcdsaP256(_) | PublicKey::EcdsaP384(_));
        if ecdsa && self.firmware() < mended {
            let (firmware, key) = (self.firmware(), self.key.algorithm());
            let what = format!("the YubiKey {serial} has firmware {firmware}, before {mended}, and its key is {key}");
            findings.push(Finding::new(Rule::FirmwareEucleak, subject, what));
        }
        findings
    }
}

/// Why a key is not attested. All texts in it are escaped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AttestationError {
    /// What should be the certificate of a key is one of an authority, such as that of slot f9.
    #[error("{subject} is the certificate of an authority, and not of a key: is it the device certificate?")]
    NotOfAKey {
        /// Its subject.
        subject: String,
    },
    /// What should be the certificate of a device is one that may not issue any.
    #[error("{subject} is not the certificate of a device, since it may issue none: is it the certificate of a key?")]
    NotOfADevice {
        /// Its subject.
        subject: String,
    },
    /// The device with this certificate did not sign for the key.
    #[error("the device did not attest the key: {0}")]
    OtherDevice(#[source] IssueError),
    /// The chain does not lead to an anchor.
    #[error("nobody who is trusted vouches for the device: {0}")]
    Chain(#[source] ChainError),
    /// An anchor signed for the key, but not for the device certificate.
    #[error("{anchor} vouches for the key past the device certificate")]
    Aside {
        /// The anchor.
        anchor: String,
    },
    /// The certificate of the key does not say what an attestation says.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// The attested key is of a kind that this program does not know.
    #[error("the attested key cannot be used: {0}")]
    Key(#[source] KeyError),
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use ceremony::Algorithm;

    use super::*;
    use crate::{Device as _, FileKey};

    /// No device that was given out for trial is on record, so that its chain cannot be.
    #[test]
    fn a_preview_device_is_a_finding() {
        let key = FileKey::generate(Algorithm::Ed25519, "k").unwrap();
        let anchors = Anchors::vendor();
        let preview = anchors.with_pinned(&[]).into_iter().find(|anchor| anchor.subject().contains("2023")).unwrap();
        let attested = AttestedKey {
            key: key.public_key().clone(),
            statement: Statement {
                serial: 1,
                firmware: Firmware(5, 4, 3),
                form_factor: None,
                pin_policy: PinPolicy::Once,
                touch_policy: TouchPolicy::Cached,
                slot: Slot::SIGNATURE,
                fips: false,
            },
            cspn: false,
            chain: Vec::new(),
            anchor: anchors.named(&preview),
        };
        assert_eq!(attested.anchor_kind(), AnchorKind::Preview);
        let expected = "the YubiKey 1 is signed by CN=Yubico 2023 PIV Preview CA";
        assert_eq!(attested.findings("alice"), [Finding::new(Rule::AttestationPreview, "alice", expected)]);
    }
}
