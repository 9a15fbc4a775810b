//! Names in certificates.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::der::asn1::{Any, SetOfVec};
use x509_cert::der::oid::db::rfc4519;
use x509_cert::der::{Decode, Encode, Tag};
use x509_cert::ext::pkix::NameConstraints;
use x509_cert::ext::pkix::name::{DirectoryString, GeneralName};

use super::CertificateError;
use super::asn1::malformed;

/// A distinguished name (RFC 5280, section 4.1.2.4).
#[derive(Clone)]
pub(super) struct Name {
    pub(super) der: Vec<u8>,
    pub(super) text: String,
    pub(super) common_names: Vec<String>,
}

impl Name {
    pub(super) fn read(der: Vec<u8>) -> Result<Self, CertificateError> {
        let name = x509_cert::name::Name::from_der(&der).map_err(malformed)?;
        let common = name.iter().filter(|attribute| attribute.oid == rfc4519::COMMON_NAME);
        let common = common.filter_map(|attribute| DirectoryString::try_from(&attribute.value).ok());
        let common_names = common.map(|name| name.value().to_string()).collect();
        Ok(Self { text: printable(&name), der, common_names })
    }

    /// The name that has one common name, in UTF-8, and nothing else.
    pub(super) fn of_common_name(common_name: &str) -> Result<Self, CertificateError> {
        let value = Any::new(Tag::Utf8String, common_name.as_bytes()).map_err(malformed)?;
        let attribute = AttributeTypeAndValue { oid: rfc4519::COMMON_NAME, value };
        let names = Vec::from([SetOfVec::try_from(Vec::from([attribute])).map_err(malformed)?]);
        Self::read(names.to_der().map_err(malformed)?)
    }
}

/// Name constraints, one line each.
pub(super) fn constraints(constraints: &NameConstraints) -> Vec<String> {
    let permitted = constraints.permitted_subtrees.iter().flatten().map(|subtree| ("permitted", &subtree.base));
    let excluded = constraints.excluded_subtrees.iter().flatten().map(|subtree| ("excluded", &subtree.base));
    permitted.chain(excluded).map(|(kind, name)| format!("{kind} {}", general(name))).collect()
}

fn general(name: &GeneralName) -> String {
    match name {
        GeneralName::Rfc822Name(name) => format!("email:{}", escaped(name.as_str())),
        GeneralName::DnsName(name) => format!("DNS:{}", escaped(name.as_str())),
        GeneralName::UniformResourceIdentifier(uri) => format!("URI:{}", escaped(uri.as_str())),
        GeneralName::DirectoryName(name) => format!("name:{}", printable(name)),
        GeneralName::IpAddress(bytes) => format!("IP:{}", hex::encode(bytes.as_bytes())),
        GeneralName::RegisteredId(oid) => format!("ID:{oid}"),
        GeneralName::OtherName(other) => format!("other:{}", other.type_id),
        GeneralName::EdiPartyName(_) => "EDI party".to_string(),
    }
}

/// The name as RFC 4514 writes it, and whatever a terminal would act on or not show as the hex pairs of its bytes, which
/// section 2.4 allows for every character.
fn printable(name: &x509_cert::name::Name) -> String {
    escaped(&name.to_string())
}

fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if matches!(c, ' '..='~') || (!c.is_ascii() && c.escape_debug().count() == 1) {
            out.push(c);
        } else {
            let mut bytes = [0; 4];
            out.extend(c.encode_utf8(&mut bytes).bytes().map(|byte| format!("\\{byte:02x}")));
        }
    }
    out
}
