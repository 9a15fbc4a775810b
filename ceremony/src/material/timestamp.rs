//! Time stamps, as proof that an authority is what it says.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use cms::content_info::ContentInfo;
use cms::signed_data::{SignedData, SignerInfo};
use x509_cert::der::asn1::{AnyRef, OctetStringRef, SetOfVec};
use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::der::oid::db::rfc5912;
use x509_cert::der::{self, Decode as _, Encode as _, Reader as _, Tag, Tagged as _};

use super::chain::AuthorityChain;
use crate::certificate::{Hash, Scheme};
use crate::digest::Digest;
use crate::time::Time;

/// A time stamp that an authority signed (RFC 3161).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timestamp {
    /// The time, in whole seconds.
    pub at: Time,
    /// The policy under which it was given, as dotted object identifier.
    pub policy: String,
    imprint: Vec<u8>,
    hash: ObjectIdentifier,
}

/// A request for a time stamp of `message` by SHA-256, with the certificate that signs in the answer (RFC 3161, section
/// 2.4.1). It has no nonce: who wants an answer that nobody can have kept asks about a random message.
pub fn request(message: &[u8]) -> Vec<u8> {
    [REQUEST, Digest::of(message).as_bytes(), WITH_CERTIFICATE].concat()
}

/// `TimeStampReq` of version 1, to the digest of SHA-256 in it.
const REQUEST: &[u8] =
    &[0x30, 0x39, 2, 1, 1, 0x30, 0x31, 0x30, 0x0d, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1, 5, 0, 4, 0x20];

/// `certReq`
const WITH_CERTIFICATE: &[u8] = &[1, 1, 0xff];

impl Timestamp {
    /// Reads the answer of a timestamp authority (section 2.4.2), and checks that the certificate that signs in `chain`
    /// signed it, while all of the chain was valid.
    ///
    /// # Errors
    /// If it is no such answer, a refusal, or of another authority.
    pub fn verify(response: &[u8], chain: &AuthorityChain) -> Result<Self, TimestampError> {
        let token = token(response)?;
        if token.content_type != SIGNED_DATA {
            return Err(TimestampError::Malformed { what: "signed data" });
        }
        let signed: SignedData =
            token.content.decode_as().map_err(|_| TimestampError::Malformed { what: "signed data" })?;
        let content = &signed.encap_content_info;
        let info = content.econtent.as_ref().filter(|_| content.econtent_type == TST_INFO);
        let info = info.and_then(|info| info.decode_as::<&OctetStringRef>().ok().map(OctetStringRef::as_bytes));
        let info = info.ok_or(TimestampError::Malformed { what: "a time" })?;
        let [signer] = signed.signer_infos.0.as_slice() else {
            return Err(TimestampError::Malformed { what: "one signature" });
        };
        let certificate = chain.signer().ok_or(TimestampError::Signature { authority: String::new() })?;
        let authority = || certificate.subject().to_string();
        let attributes = attributes(signer, info)?;
        if let Some(named) = signing_certificate(signer)
            && named != certificate.sha256().as_bytes()
        {
            return Err(TimestampError::OtherSigner { authority: authority() });
        }
        let key = certificate.public_key().map_err(|_| TimestampError::Signature { authority: authority() })?;
        let verified = scheme(signer).and_then(|scheme| scheme.verify(&key, &attributes, signer.signature.as_bytes()));
        match verified {
            Some(Ok(())) => {}
            _ => return Err(TimestampError::Signature { authority: authority() }),
        }
        let stamp = Self::read(info).map_err(|_| TimestampError::Malformed { what: "a time" })?;
        for one in chain.certificates() {
            if stamp.at < one.not_before() || stamp.at > one.not_after() {
                return Err(TimestampError::NotValid { certificate: one.subject().to_string(), at: stamp.at });
            }
        }
        Ok(stamp)
    }

    /// Whether it is the time stamp of `message`.
    pub fn is_of(&self, message: &[u8]) -> bool {
        Hash::named(self.hash).is_some_and(|hash| hash.of(message) == self.imprint)
    }

    /// `TSTInfo`
    fn read(info: &[u8]) -> der::Result<Self> {
        AnyRef::from_der(info)?.sequence(|reader| {
            let _version: u8 = reader.decode()?;
            let policy: ObjectIdentifier = reader.decode()?;
            let (hash, imprint) = AnyRef::decode(reader)?.sequence(|reader| {
                let algorithm: x509_cert::spki::AlgorithmIdentifierRef<'_> = reader.decode()?;
                let imprint: &OctetStringRef = reader.decode()?;
                Ok::<_, der::Error>((algorithm.oid, imprint.as_bytes().to_vec()))
            })?;
            let _serial = AnyRef::decode(reader)?;
            let time = AnyRef::decode(reader)?;
            let at = (time.tag() == Tag::GeneralizedTime).then(|| generalized(time.value())).flatten();
            let at = at.ok_or_else(|| der::Error::from(der::ErrorKind::DateTime))?;
            while !reader.is_finished() {
                AnyRef::decode(reader)?;
            }
            Ok(Self { at, policy: policy.to_string(), imprint, hash })
        })
    }
}

/// The token in an answer that grants one.
fn token(response: &[u8]) -> Result<ContentInfo, TimestampError> {
    let malformed = |_: der::Error| TimestampError::Malformed { what: "an answer of a timestamp authority" };
    let (status, token) = AnyRef::from_der(response)
        .and_then(|response| {
            response.sequence(|reader| {
                let status = AnyRef::decode(reader)?.sequence(|reader| {
                    let status: u8 = reader.decode()?;
                    while !reader.is_finished() {
                        AnyRef::decode(reader)?;
                    }
                    Ok::<_, der::Error>(status)
                })?;
                let token = if reader.is_finished() { None } else { Some(ContentInfo::decode(reader)?) };
                Ok::<_, der::Error>((status, token))
            })
        })
        .map_err(malformed)?;
    // Granted, or granted with modifications.
    token.filter(|_| status <= 1).ok_or(TimestampError::Refused { status })
}

/// The bytes that are signed, if the signed attributes name this content (RFC 5652, section 5.4).
fn attributes(signer: &SignerInfo, info: &[u8]) -> Result<Vec<u8>, TimestampError> {
    let attributes = signer.signed_attrs.as_ref().ok_or(TimestampError::Malformed { what: "signed attributes" })?;
    let kind = value::<ObjectIdentifier>(attributes, CONTENT_TYPE);
    let digest = attributes.iter().find(|attribute| attribute.oid == MESSAGE_DIGEST);
    let digest = digest.and_then(|attribute| attribute.values.iter().next()?.decode_as::<&OctetStringRef>().ok());
    let wanted = Hash::named(signer.digest_alg.oid).map(|hash| hash.of(info));
    if kind != Some(TST_INFO) || wanted.is_none() || digest.map(OctetStringRef::as_bytes) != wanted.as_deref() {
        return Err(TimestampError::Content);
    }
    attributes.to_der().map_err(|_| TimestampError::Malformed { what: "signed attributes" })
}

fn value<'a, T: der::Choice<'a> + der::DecodeValue<'a>>(
    attributes: &'a SetOfVec<x509_cert::attr::Attribute>,
    oid: ObjectIdentifier,
) -> Option<T> {
    let attribute = attributes.iter().find(|attribute| attribute.oid == oid)?;
    attribute.values.iter().next()?.decode_as().ok()
}

/// The SHA-256 of the certificate that the signature names (RFC 5035, section 3), if it names one by SHA-256.
fn signing_certificate(signer: &SignerInfo) -> Option<Vec<u8>> {
    let attribute = signer.signed_attrs.as_ref()?.iter().find(|attribute| attribute.oid == SIGNING_CERTIFICATE_V2)?;
    let der = attribute.values.iter().next()?.to_der().ok()?;
    let first = |any: AnyRef<'_>| -> der::Result<Vec<u8>> {
        any.sequence(|reader| {
            let first = AnyRef::decode(reader)?.to_der()?;
            while !reader.is_finished() {
                AnyRef::decode(reader)?;
            }
            Ok(first)
        })
    };
    let ids = first(AnyRef::from_der(&der).ok()?).ok()?;
    let id = first(AnyRef::from_der(&ids).ok()?).ok()?;
    // Without an algorithm the hash is SHA-256.
    let hash = first(AnyRef::from_der(&id).ok()?).ok()?;
    let hash = <&OctetStringRef>::from_der(&hash).ok()?;
    Some(hash.as_bytes().to_vec())
}

/// How the signature was made: RSA may be named alone, and then goes with the digest.
fn scheme(signer: &SignerInfo) -> Option<Scheme> {
    match signer.signature_algorithm.oid {
        rfc5912::RSA_ENCRYPTION => Hash::named(signer.digest_alg.oid).map(Scheme::Rsa),
        oid => Scheme::named(oid),
    }
}

/// `GeneralizedTime`, in which time stamps may have fractions of a second (section 2.4.2).
fn generalized(value: &[u8]) -> Option<Time> {
    let text = core::str::from_utf8(value).ok()?.strip_suffix('Z')?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if whole.len() != 14 || !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let part = |from: usize, to: usize| whole.get(from..to).unwrap_or_default();
    let date = [part(0, 4), "-", part(4, 6), "-", part(6, 8), "T"].concat();
    [&date, part(8, 10), ":", part(10, 12), ":", part(12, 14), "Z"].concat().parse().ok()
}

const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
const CONTENT_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.3");
const MESSAGE_DIGEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4");
const TST_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");
const SIGNING_CERTIFICATE_V2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.47");

/// Why a time stamp proves nothing. All names in it are escaped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TimestampError {
    /// The attributes are of another content.
    #[error("what is signed is not the time in the time stamp")]
    Content,
    /// It is no time stamp.
    #[error("the time stamp has not {what}")]
    Malformed {
        /// What it lacks.
        what: &'static str,
    },
    /// A certificate was not valid then.
    #[error("the certificate of {certificate} was not valid at the time of the time stamp, {at}")]
    NotValid {
        /// Whose certificate.
        certificate: String,
        /// The time.
        at: Time,
    },
    /// Another certificate is named as the one that signed.
    #[error("the time stamp names another certificate than that of {authority}")]
    OtherSigner {
        /// Whose certificate is first in the chain.
        authority: String,
    },
    /// The authority refused to give one.
    #[error("the answer is a refusal, with status {status}")]
    Refused {
        /// `PKIStatus`.
        status: u8,
    },
    /// The key did not sign it.
    #[error("the signature of the time stamp is not made by the key of {authority}")]
    Signature {
        /// Whose key.
        authority: String,
    },
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_request_is_strict_der() {
        let der = request(b"message");
        let (version, hash, imprint, certificate) = AnyRef::from_der(&der)
            .and_then(|request| {
                request.sequence(|reader| {
                    let version: u8 = reader.decode()?;
                    let (hash, imprint) = AnyRef::decode(reader)?.sequence(|reader| {
                        let algorithm: x509_cert::spki::AlgorithmIdentifierRef<'_> = reader.decode()?;
                        let imprint: &OctetStringRef = reader.decode()?;
                        Ok::<_, der::Error>((algorithm.oid, imprint.as_bytes().to_vec()))
                    })?;
                    Ok::<_, der::Error>((version, hash, imprint, bool::decode(reader)?))
                })
            })
            .unwrap();
        assert_eq!((version, certificate), (1, true));
        assert_eq!(Hash::named(hash).map(|hash| hash.of(b"message")), Some(imprint));
    }

    #[test]
    fn times_may_have_fractions() {
        let read = |text: &str| generalized(text.as_bytes()).map(|time| time.to_string());
        assert_eq!(read("20250612120220Z").as_deref(), Some("2025-06-12T12:02:20Z"));
        assert_eq!(read("20250612120220.123Z").as_deref(), Some("2025-06-12T12:02:20Z"));
        for odd in
            ["", "Z", "20250612120220", "2025061212022Z", "20251312120220Z", "2025061212é20Z", "20250612120220.xZ"]
        {
            assert_eq!(read(odd), None, "{odd}");
        }
    }
}
