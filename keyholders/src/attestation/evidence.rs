//! The evidence beside a keyholder's record: certificates, and nothing else.

use ceremony::{Certificate, CertificateError, Time};

use super::{Anchors, AttestationError, AttestedKey, attest};

/// The certificates that attest one key. What they are worth, [`attest`](Self::attest) says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attestation {
    /// What the device answers to ATTEST: the certificate of the key.
    pub key: Certificate,
    /// What the device has in slot f9.
    pub device: Certificate,
    /// Who issued the device certificate, who issued those, and so on, as far as the anchors do not have them.
    pub issuers: Vec<Certificate>,
}

impl Attestation {
    /// Attests the key: see [`attest`](super::attest).
    ///
    /// # Errors
    /// As there.
    pub fn attest(&self, anchors: &Anchors, at: Time) -> Result<AttestedKey, AttestationError> {
        attest(&self.key, &self.device, &self.issuers, anchors, at)
    }

    /// Every certificate, the key's first.
    pub fn certificates(&self) -> impl Iterator<Item = &Certificate> {
        [&self.key, &self.device].into_iter().chain(&self.issuers)
    }
}

/// Attestations of the keys of one keyholder: the content of `keyholders/NAME.attestation.pem`.
///
/// For each key its certificate, the device certificate, and further issuers, each issued by the next, by its name. The
/// certificate of a key is the only one that is none of an authority, so that it begins the next attestation. There is
/// one text for each evidence ([`to_pem`](Self::to_pem)), and [`parse`](Self::parse) takes no other. Whether any of it
/// is true, [`attested`](Self::attested) says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    attestations: Vec<Attestation>,
}

impl Evidence {
    /// The most bytes that the text may have.
    pub const LIMIT: usize = 256 * 1024;

    /// Puts evidence together.
    ///
    /// # Errors
    /// If there is none, a certificate has the wrong place, or one key's stands twice.
    pub fn new(attestations: Vec<Attestation>) -> Result<Self, EvidenceError> {
        let certificates = attestations.iter().flat_map(Attestation::certificates).cloned();
        let read = Self::group(certificates.collect())?;
        if read.attestations != attestations {
            return Err(EvidenceError::Mixed);
        }
        Ok(read)
    }

    /// Reads evidence.
    ///
    /// # Errors
    /// If the text is longer than [`LIMIT`](Self::LIMIT), is no PEM of certificates, or not the one text that this
    /// evidence has; and as [`new`](Self::new).
    pub fn parse(text: &str) -> Result<Self, EvidenceError> {
        if text.len() > Self::LIMIT {
            return Err(EvidenceError::TooLarge { bytes: text.len() });
        }
        let read = Self::group(Certificate::from_pem_chain(text)?)?;
        let canonical = read.to_pem();
        if canonical == text {
            return Ok(read);
        }
        let same = canonical.split('\n').zip(text.split('\n')).take_while(|(own, given)| own == given).count();
        Err(EvidenceError::NotCanonical { line: same + 1 })
    }

    /// The text: PEM certificates and nothing else.
    pub fn to_pem(&self) -> String {
        self.attestations.iter().flat_map(Attestation::certificates).map(Certificate::to_pem).collect()
    }

    /// The attestations, in the order of the text.
    pub fn attestations(&self) -> &[Attestation] {
        &self.attestations
    }

    /// What each attestation proves, in the order of the text. The keys come out of here alone.
    pub fn attested(&self, anchors: &Anchors, at: Time) -> Vec<Result<AttestedKey, AttestationError>> {
        self.attestations.iter().map(|attestation| attestation.attest(anchors, at)).collect()
    }

    fn group(certificates: Vec<Certificate>) -> Result<Self, EvidenceError> {
        let mut attestations: Vec<Attestation> = Vec::new();
        let mut rest = certificates.into_iter().zip(1..).peekable();
        while let Some((key, number)) = rest.next() {
            if key.is_ca() {
                return Err(EvidenceError::NotOfAKey { number, subject: key.subject().to_owned() });
            }
            if attestations.iter().any(|attestation| attestation.key == key) {
                return Err(EvidenceError::Twice { number, subject: key.subject().to_owned() });
            }
            let mut issuers = Vec::new();
            while let Some((issuer, number)) = rest.next_if(|(next, _)| next.is_ca()) {
                let below = issuers.last().unwrap_or(&key);
                if below.issuer_der() != issuer.subject_der() {
                    let (expected, found) = (below.issuer().to_owned(), issuer.subject().to_owned());
                    return Err(EvidenceError::OutOfPlace { number, expected, found });
                }
                issuers.push(issuer);
            }
            if issuers.is_empty() {
                return Err(EvidenceError::NoDevice { number, subject: key.subject().to_owned() });
            }
            let device = issuers.remove(0);
            attestations.push(Attestation { key, device, issuers });
        }
        if attestations.is_empty() { Err(EvidenceError::Empty) } else { Ok(Self { attestations }) }
    }
}

/// Why a text is no evidence. All texts in it are escaped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EvidenceError {
    /// Longer than any evidence.
    #[error("{bytes} bytes are no evidence: {} are the most that is read", Evidence::LIMIT)]
    TooLarge {
        /// How long it is.
        bytes: usize,
    },
    /// No PEM of certificates.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// No attestation at all.
    #[error("there is no attestation in it")]
    Empty,
    /// Where a key's certificate should be, there is one of an authority.
    #[error("certificate {number} ({subject}) is one of an authority, where the certificate of a key should be")]
    NotOfAKey {
        /// Which, from 1.
        number: usize,
        /// Its subject.
        subject: String,
    },
    /// No device certificate follows the certificate of a key.
    #[error("certificate {number} ({subject}) is one of a key, and no device certificate follows it")]
    NoDevice {
        /// Which, from 1.
        number: usize,
        /// Its subject.
        subject: String,
    },
    /// A certificate does not follow the one that names it as its issuer.
    #[error("certificate {number} is one of {found}, where that of {expected} should be")]
    OutOfPlace {
        /// Which, from 1.
        number: usize,
        /// The issuer of the certificate before.
        expected: String,
        /// Its subject.
        found: String,
    },
    /// The certificate of a key stands twice.
    #[error("certificate {number} ({subject}) stands twice")]
    Twice {
        /// Which, from 1.
        number: usize,
        /// Its subject.
        subject: String,
    },
    /// Attestations that were put together would be read as others.
    #[error("a device certificate or an issuer is not one of an authority")]
    Mixed,
    /// Not the text that this evidence has: blank lines, words between the certificates, other line ends.
    #[error("line {line} is not as this program writes it: there are the certificates and nothing else")]
    NotCanonical {
        /// The first line that differs, from 1.
        line: usize,
    },
}
