//! X.509 certificates, over the bytes that they came in.

mod asn1;
pub mod chain;
mod issued;
mod kind;
mod name;
mod pem;

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use x509_cert::der::flagset::FlagSet;
use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::{BasicConstraints, KeyUsages, NameConstraints};

pub use self::chain::{Anchor, Chain, ChainError};
pub use self::issued::IssueError;
pub(crate) use self::issued::{Hash, Scheme};
pub(crate) use self::kind::{KeyKind, P224, P256, P384, P521};
use self::name::Name;
use crate::digest::Digest;
use crate::key::{KeyError, PublicKey};
use crate::time::Time;

/// One X.509 certificate, version 1 to 3 (RFC 5280), over its original bytes.
///
/// Whatever is compared, hashed or verified is a part of these bytes; nothing is encoded again. Every extension that
/// says who may issue what is decoded when the certificate is read, so that a certificate with a malformed one does not
/// exist. Two certificates are equal if their bytes are.
#[derive(Clone)]
pub struct Certificate {
    der: Vec<u8>,
    tbs: Vec<u8>,
    algorithm: asn1::Algorithm,
    signature: Vec<u8>,
    serial: Vec<u8>,
    issuer: Name,
    subject: Name,
    spki: Vec<u8>,
    not_before: Time,
    not_after: Time,
    extensions: Vec<Extension>,
    basic: BasicConstraints,
    key_usage: Option<FlagSet<KeyUsages>>,
    extended: Vec<ObjectIdentifier>,
    name_constraints: Option<NameConstraints>,
}

impl Certificate {
    /// The most bytes that a certificate may have.
    pub const LIMIT: usize = 16 * 1024;

    /// The most certificates that one PEM text may have.
    pub const CHAIN_LIMIT: usize = 64;

    /// Reads one certificate from DER. All of `der` is the certificate.
    ///
    /// # Errors
    /// If it is longer than [`LIMIT`](Self::LIMIT), no DER of a certificate, has bytes behind its end, names two
    /// signature algorithms, has an extension twice, or has a malformed extension of those that are decoded.
    pub fn from_der(der: &[u8]) -> Result<Self, CertificateError> {
        asn1::read(der)
    }

    /// Reads all certificates of a PEM text, in its order (RFC 7468, section 5). Text between them is passed over.
    ///
    /// # Errors
    /// If there is none, more than [`CHAIN_LIMIT`](Self::CHAIN_LIMIT), a block of another kind, or one that
    /// [`from_der`](Self::from_der) refuses: with the number of the block, from 1.
    pub fn from_pem_chain(pem: &str) -> Result<Vec<Self>, CertificateError> {
        pem::read(pem)
    }

    /// The certificate as PEM, with a newline at its end.
    pub fn to_pem(&self) -> String {
        pem::write(&self.der)
    }

    /// The bytes of the certificate.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The SHA-256 of the bytes of the certificate.
    pub fn sha256(&self) -> Digest {
        Digest::of(&self.der)
    }

    /// Whom the certificate is for, as text (RFC 4514): one line, without anything that a terminal would act on.
    pub fn subject(&self) -> &str {
        &self.subject.text
    }

    /// The DER of the subject: names are equal if these bytes are.
    pub fn subject_der(&self) -> &[u8] {
        &self.subject.der
    }

    /// The values of the common names of the subject, raw: untrusted text.
    pub fn common_names(&self) -> &[String] {
        &self.subject.common_names
    }

    /// Who issued the certificate, as text like [`subject`](Self::subject). A claim, until it is verified.
    pub fn issuer(&self) -> &str {
        &self.issuer.text
    }

    /// The DER of the issuer.
    pub fn issuer_der(&self) -> &[u8] {
        &self.issuer.der
    }

    /// Whether subject and issuer are one name (RFC 5280, section 3.2, *self-issued*).
    pub fn is_self_issued(&self) -> bool {
        self.subject.der == self.issuer.der
    }

    /// The key of the subject.
    ///
    /// # Errors
    /// If it is a key of a kind that this program does not know.
    pub fn public_key(&self) -> Result<PublicKey, KeyError> {
        PublicKey::from_spki_der(&self.spki)
    }

    /// What kind of key the subject has.
    pub(crate) fn key_kind(&self) -> KeyKind {
        KeyKind::of(&self.spki)
    }

    /// The DER SubjectPublicKeyInfo of the subject, as it stands in the certificate.
    pub fn spki_der(&self) -> &[u8] {
        &self.spki
    }

    /// The serial number: the bytes of a signed integer, in hex.
    pub fn serial_number(&self) -> String {
        hex::encode(&self.serial)
    }

    /// From when the certificate is valid.
    pub fn not_before(&self) -> Time {
        self.not_before
    }

    /// The last second in which the certificate is valid. 9999-12-31T23:59:59Z stands for ever.
    pub fn not_after(&self) -> Time {
        self.not_after
    }

    /// Whether the basic constraints let the subject issue certificates (RFC 5280, section 4.2.1.9).
    pub fn is_ca(&self) -> bool {
        self.basic.ca
    }

    /// How many further authorities may stand below this one; none for any number.
    pub fn path_length(&self) -> Option<u8> {
        self.basic.path_len_constraint
    }

    /// Whether the key may sign certificates (RFC 5280, section 4.2.1.3, `keyCertSign`); none if the certificate does
    /// not say what the key may be used for.
    pub fn may_sign_certificates(&self) -> Option<bool> {
        self.key_usage.map(|usage| usage.contains(KeyUsages::KeyCertSign))
    }

    /// The extended key usages as dotted object identifiers (RFC 5280, section 4.2.1.12); empty if there are none.
    pub fn extended_key_usages(&self) -> Vec<String> {
        self.extended.iter().map(ToString::to_string).collect()
    }

    /// The extension with this dotted object identifier: whether it is critical, and the content of its value.
    pub fn extension(&self, oid: &str) -> Option<(bool, &[u8])> {
        let oid = ObjectIdentifier::new(oid).ok()?;
        let found = self.extensions.iter().find(|extension| extension.extn_id == oid)?;
        Some((found.critical, found.extn_value.as_bytes()))
    }

    /// The object identifiers of the critical extensions that this program does not know: whoever relies on the
    /// certificate must know them (RFC 5280, section 4.2).
    pub fn unknown_critical(&self) -> Vec<String> {
        let unknown = self.extensions.iter().filter(|extension| extension.critical && !asn1::is_known(extension));
        unknown.map(|extension| extension.extn_id.to_string()).collect()
    }

    /// The name constraints (RFC 5280, section 4.2.1.10), one line each: `permitted DNS:example.com`.
    pub fn name_constraints(&self) -> Vec<String> {
        self.name_constraints.as_ref().map_or_else(Vec::new, name::constraints)
    }

    /// Verifies that `issuer` issued this certificate: the names are equal as DER, the issuer may sign certificates, and
    /// its key made the signature over the bytes of this certificate.
    ///
    /// Neither dates nor path lengths nor critical extensions are judged: [`chain::verify`] does.
    ///
    /// # Errors
    /// If it did not.
    pub fn verify_issued_by(&self, issuer: &Self) -> Result<(), IssueError> {
        issued::verify(self, issuer)
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.der == other.der
    }
}

impl Eq for Certificate {}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({}, issued by {}, {})", self.subject(), self.issuer(), self.sha256())
    }
}

/// Why bytes are no certificate. All texts in it are escaped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// Longer than any certificate that this program reads.
    #[error("{bytes} bytes are no certificate: {limit} are the most that is read")]
    TooLarge {
        /// How long it is.
        bytes: usize,
        /// How long it may be.
        limit: usize,
    },
    /// No DER, or DER of something else; also if it is cut off.
    #[error("not the DER of an X.509 certificate: {reason}")]
    Malformed {
        /// What the decoder says.
        reason: String,
    },
    /// Bytes follow the certificate.
    #[error("{bytes} bytes follow the certificate")]
    Trailing {
        /// How many.
        bytes: usize,
    },
    /// The signed part and the envelope disagree (RFC 5280, section 4.1.1.2).
    #[error("the certificate says that it is signed with {inside}, and its envelope says {outside}")]
    Algorithms {
        /// What the signed part says.
        inside: String,
        /// What stands beside the signature.
        outside: String,
    },
    /// The signature has a number of bits that is no multiple of eight.
    #[error("the signature ends in the middle of a byte")]
    Signature,
    /// The version does not allow extensions (RFC 5280, section 4.1.2.9).
    #[error("a certificate of version 1 or 2 has extensions")]
    Version,
    /// A date that has no four-digit year.
    #[error("the certificate has a date out of range")]
    Date,
    /// An extension stands twice (RFC 5280, section 4.2).
    #[error("the certificate has the extension {oid} twice")]
    Repeated {
        /// Which.
        oid: String,
    },
    /// An extension that must be understood is malformed.
    #[error("the extension {oid} is malformed: {reason}")]
    Extension {
        /// Which.
        oid: String,
        /// What the decoder says.
        reason: String,
    },
    /// A PEM text without a certificate.
    #[error("there is no certificate in it: it should begin with -----BEGIN CERTIFICATE-----")]
    Empty,
    /// A PEM text with very many certificates.
    #[error("more than {limit} certificates in one text")]
    TooMany {
        /// How many may be in it.
        limit: usize,
    },
    /// A block that is no PEM.
    #[error("block {number} is no PEM: {reason}")]
    Pem {
        /// Which block, from 1.
        number: usize,
        /// What the decoder says.
        reason: String,
    },
    /// A block of another kind.
    #[error("block {number} is a \"{label}\", not a CERTIFICATE")]
    Label {
        /// Which block, from 1.
        number: usize,
        /// What it is.
        label: String,
    },
    /// A block is a PEM of something that is no certificate.
    #[error("certificate {number}: {source}")]
    InChain {
        /// Which block, from 1.
        number: usize,
        /// What is wrong with it.
        source: Box<CertificateError>,
    },
}
