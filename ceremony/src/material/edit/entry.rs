//! New entries as a trusted root writes them.

use alloc::string::{String, ToString};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use x509_cert::der::Decode as _;
use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::der::oid::db::rfc4519;
use x509_cert::ext::pkix::name::DirectoryString;

use crate::certificate::Certificate;
use crate::json::{Json, Object};
use crate::material::chain::AuthorityChain;
use crate::material::log_key::LogKey;
use crate::material::moment::Moment;

/// The entry of a log.
pub(in crate::material) fn log(url: &str, key: &LogKey, id: [u8; 32], start: Option<&Moment>) -> Json {
    let public_key = [
        ("rawBytes", Json::string(STANDARD.encode(key.raw()))),
        ("keyDetails", Json::string(key.details())),
        ("validFor", valid_from(start)),
    ];
    object([
        ("baseUrl", Json::string(url)),
        ("hashAlgorithm", Json::string("SHA2_256")),
        ("publicKey", object(public_key)),
        ("logId", object([("keyId", Json::string(STANDARD.encode(id)))])),
    ])
}

/// The entry of an authority.
pub(in crate::material) fn authority(url: &str, chain: &AuthorityChain, start: Option<&Moment>) -> Json {
    let certificates = chain.certificates().iter();
    let certificates = certificates.map(|one| object([("rawBytes", Json::string(STANDARD.encode(one.der())))]));
    object([
        ("subject", chain.root().map_or_else(|| object([]), subject)),
        ("uri", Json::string(url)),
        ("certChain", object([("certificates", certificates.collect())])),
        ("validFor", valid_from(start)),
    ])
}

fn valid_from(start: Option<&Moment>) -> Json {
    Json::Object(start.into_iter().map(|start| ("start", Json::string(start.as_str()))).collect::<Object>())
}

/// `subject` of an authority: what the certificate of its root says.
fn subject(root: &Certificate) -> Json {
    let name = x509_cert::name::Name::from_der(root.subject_der()).ok();
    let value = |oid: ObjectIdentifier| {
        let mut attributes = name.iter().flat_map(x509_cert::name::Name::iter).filter(|attribute| attribute.oid == oid);
        let text = attributes.find_map(|attribute| DirectoryString::try_from(&attribute.value).ok());
        Json::string(text.map_or_else(String::new, |text| text.value().to_string()))
    };
    object([("organization", value(rfc4519::ORGANIZATION_NAME)), ("commonName", value(rfc4519::COMMON_NAME))])
}

/// An object of these members.
pub(super) fn object<const N: usize>(members: [(&str, Json); N]) -> Json {
    Json::Object(members.into_iter().collect::<Object>())
}
