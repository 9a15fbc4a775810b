//! The DER of certificates.

use alloc::string::ToString;
use alloc::vec::Vec;

use x509_cert::Version;
use x509_cert::der::asn1::{AnyRef, BitStringRef, ContextSpecific, IntRef};
use x509_cert::der::oid::db::rfc5280;
use x509_cert::der::oid::{AssociatedOid, ObjectIdentifier};
use x509_cert::der::{self, Decode, Encode, ErrorKind, Header, Reader as _, SliceReader, TagNumber};
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage, NameConstraints};
use x509_cert::ext::{Extension, Extensions};
use x509_cert::spki::AlgorithmIdentifierRef;
use x509_cert::time::{Time as X509Time, Validity};

use super::name::Name;
use super::{Certificate, CertificateError};
use crate::time::Time;

/// The three parts of a certificate (RFC 5280, section 4.1). A borrowed value is exactly what stands in the input.
struct Envelope<'a> {
    tbs: AnyRef<'a>,
    algorithm: AlgorithmIdentifierRef<'a>,
    signature: BitStringRef<'a>,
}

impl<'a> Envelope<'a> {
    fn read(der: &'a [u8]) -> der::Result<Self> {
        AnyRef::from_der(der)?.sequence(|reader| {
            Ok(Self { tbs: reader.decode()?, algorithm: reader.decode()?, signature: reader.decode()? })
        })
    }
}

/// What is signed. `x509_cert::TbsCertificate` sorts what it decodes; here names and key stay the bytes that were signed.
struct Tbs<'a> {
    version: Version,
    serial: IntRef<'a>,
    algorithm: AlgorithmIdentifierRef<'a>,
    issuer: AnyRef<'a>,
    validity: Validity,
    subject: AnyRef<'a>,
    spki: AnyRef<'a>,
    extensions: Extensions,
}

impl<'a> Tbs<'a> {
    fn read(tbs: AnyRef<'a>) -> der::Result<Self> {
        tbs.sequence(|reader| {
            let version = ContextSpecific::<Version>::decode_explicit(reader, TagNumber(0))?;
            let tbs = Self {
                version: version.map(|version| version.value).unwrap_or_default(),
                serial: reader.decode()?,
                algorithm: reader.decode()?,
                issuer: reader.decode()?,
                validity: reader.decode()?,
                subject: reader.decode()?,
                spki: reader.decode()?,
                extensions: Extensions::new(),
            };
            for number in [1, 2] {
                ContextSpecific::<BitStringRef<'_>>::decode_implicit(reader, TagNumber(number))?;
            }
            let extensions = ContextSpecific::<Extensions>::decode_explicit(reader, TagNumber(3))?;
            Ok(Self { extensions: extensions.map(|extensions| extensions.value).unwrap_or_default(), ..tbs })
        })
    }
}

/// A signature algorithm: its object identifier, and whether it has parameters other than NULL.
#[derive(Clone, Copy)]
pub(super) struct Algorithm {
    pub(super) oid: ObjectIdentifier,
    pub(super) has_parameters: bool,
}

pub(super) fn read(der: &[u8]) -> Result<Certificate, CertificateError> {
    if der.len() > Certificate::LIMIT {
        return Err(CertificateError::TooLarge { bytes: der.len(), limit: Certificate::LIMIT });
    }
    whole(der)?;
    let envelope = Envelope::read(der).map_err(malformed)?;
    let tbs = Tbs::read(envelope.tbs).map_err(malformed)?;
    if tbs.algorithm != envelope.algorithm {
        let (inside, outside) = (tbs.algorithm.oid.to_string(), envelope.algorithm.oid.to_string());
        return Err(CertificateError::Algorithms { inside, outside });
    }
    let has_parameters = tbs.algorithm.parameters.is_some_and(|parameters| !parameters.is_null());
    let extensions = tbs.extensions;
    if !extensions.is_empty() && tbs.version != Version::V3 {
        return Err(CertificateError::Version);
    }
    distinct(&extensions)?;
    Ok(Certificate {
        der: der.to_vec(),
        tbs: bytes(&envelope.tbs)?,
        algorithm: Algorithm { oid: tbs.algorithm.oid, has_parameters },
        signature: envelope.signature.as_bytes().ok_or(CertificateError::Signature)?.to_vec(),
        serial: tbs.serial.as_bytes().to_vec(),
        issuer: Name::read(bytes(&tbs.issuer)?)?,
        subject: Name::read(bytes(&tbs.subject)?)?,
        spki: bytes(&tbs.spki)?,
        not_before: time(tbs.validity.not_before)?,
        not_after: time(tbs.validity.not_after)?,
        basic: decode(&extensions)?.unwrap_or(BasicConstraints { ca: false, path_len_constraint: None }),
        key_usage: decode::<KeyUsage>(&extensions)?.map(|usage| usage.0),
        extended: decode::<ExtendedKeyUsage>(&extensions)?.map_or_else(Vec::new, |usage| usage.0),
        name_constraints: decode::<NameConstraints>(&extensions)?,
        extensions,
    })
}

/// Whether this program knows what the extension means. Subject alternative names and policies stand in no way of a
/// chain; name constraints are judged by `chain`.
pub(super) fn is_known(extension: &Extension) -> bool {
    let known = [
        rfc5280::ID_CE_BASIC_CONSTRAINTS,
        rfc5280::ID_CE_KEY_USAGE,
        rfc5280::ID_CE_EXT_KEY_USAGE,
        rfc5280::ID_CE_NAME_CONSTRAINTS,
        rfc5280::ID_CE_SUBJECT_ALT_NAME,
        rfc5280::ID_CE_CERTIFICATE_POLICIES,
    ];
    known.contains(&extension.extn_id)
}

pub(super) fn malformed(error: der::Error) -> CertificateError {
    CertificateError::Malformed { reason: error.to_string() }
}

/// Whether the outermost value ends where `der` does.
fn whole(der: &[u8]) -> Result<(), CertificateError> {
    let mut reader = SliceReader::new(der).map_err(malformed)?;
    let header = Header::decode(&mut reader).map_err(malformed)?;
    let rest = usize::try_from(reader.remaining_len()).unwrap_or_default();
    let length = usize::try_from(header.length()).unwrap_or(usize::MAX);
    match rest.checked_sub(length) {
        Some(0) => Ok(()),
        Some(bytes) => Err(CertificateError::Trailing { bytes }),
        None => Err(malformed(
            ErrorKind::Incomplete { expected_len: header.length(), actual_len: reader.remaining_len() }.into(),
        )),
    }
}

/// The bytes of a value: DER has one form for each tag and length, and the content is borrowed.
fn bytes(any: &AnyRef<'_>) -> Result<Vec<u8>, CertificateError> {
    any.to_der().map_err(malformed)
}

fn time(time: X509Time) -> Result<Time, CertificateError> {
    let seconds = i64::try_from(time.to_unix_duration().as_secs()).ok();
    seconds.and_then(Time::from_unix).ok_or(CertificateError::Date)
}

fn distinct(extensions: &[Extension]) -> Result<(), CertificateError> {
    let mut seen: Vec<ObjectIdentifier> = extensions.iter().map(|extension| extension.extn_id).collect();
    seen.sort();
    match seen.windows(2).find(|pair| pair.first() == pair.last()).and_then(<[_]>::first) {
        Some(oid) => Err(CertificateError::Repeated { oid: oid.to_string() }),
        None => Ok(()),
    }
}

fn decode<'a, T: Decode<'a, Error = der::Error> + AssociatedOid>(
    extensions: &'a [Extension],
) -> Result<Option<T>, CertificateError> {
    let Some(extension) = extensions.iter().find(|extension| extension.extn_id == T::OID) else { return Ok(None) };
    let decoded = T::from_der(extension.extn_value.as_bytes());
    let refused = |error: der::Error| -> CertificateError {
        CertificateError::Extension { oid: T::OID.to_string(), reason: error.to_string() }
    };
    decoded.map(Some).map_err(refused)
}
