//! Objects on a token.

use ceremony::PublicKey;
use cryptoki::error::Error;
use cryptoki::object::{Attribute, AttributeInfo, AttributeType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;

use crate::text::escaped;
use crate::uri::{Class, Uri};

/// A public key object.
pub(super) struct PublicObject {
    pub(super) label: Vec<u8>,
    pub(super) id: Vec<u8>,
    /// The key, or what it is instead of one that this program signs with.
    pub(super) public_key: Result<PublicKey, String>,
}

/// The public key objects that `uri` names and that this session can see.
pub(super) fn public_keys(session: &Session, uri: &Uri) -> Result<Vec<PublicObject>, Error> {
    let handles = find(session, ObjectClass::PUBLIC_KEY, uri)?;
    handles.into_iter().map(|handle| public_object(session, handle)).collect()
}

/// The private key objects that `uri` names and that this session can see.
pub(super) fn private_keys(session: &Session, uri: &Uri) -> Result<Vec<ObjectHandle>, Error> {
    find(session, ObjectClass::PRIVATE_KEY, uri)
}

/// Whether an object of any class has this attribute.
pub(super) fn any(session: &Session, attribute: Attribute) -> Result<bool, Error> {
    session.find_objects(&[attribute]).map(|handles| !handles.is_empty())
}

/// What an object says of itself. What it does not have, or does not tell, is left out.
///
/// The library below makes room for as much as the module says, so that a length that cannot be is refused before.
pub(super) fn attributes(
    session: &Session,
    handle: ObjectHandle,
    wanted: &[AttributeType],
) -> Result<Vec<Attribute>, Error> {
    let lengths = session.get_attribute_info(handle, wanted)?;
    let is_long = |info: &AttributeInfo| matches!(info, AttributeInfo::Available(length) if *length > LONGEST);
    if lengths.iter().any(is_long) {
        return Err(Error::InvalidValue);
    }
    session.get_attributes(handle, wanted)
}

fn find(session: &Session, class: ObjectClass, uri: &Uri) -> Result<Vec<ObjectHandle>, Error> {
    // A key pair is meant by either of its halves; what names no half of one names no key.
    if matches!(uri.class, Some(Class::Cert | Class::Data | Class::SecretKey)) {
        return Ok(Vec::new());
    }
    let mut template = vec![Attribute::Class(class)];
    template.extend(uri.object.as_ref().map(|label| Attribute::Label(label.as_bytes().to_vec())));
    template.extend(uri.id.as_ref().map(|id| Attribute::Id(id.clone())));
    session.find_objects(&template)
}

fn public_object(session: &Session, handle: ObjectHandle) -> Result<PublicObject, Error> {
    let wanted = [AttributeType::Label, AttributeType::Id, AttributeType::EcParams, AttributeType::EcPoint];
    let (mut label, mut id, mut parameters, mut point) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    // What an object does not have is left out of the answer, so that places say nothing.
    for attribute in attributes(session, handle, &wanted)? {
        match attribute {
            Attribute::Label(value) => label = value,
            Attribute::Id(value) => id = value,
            Attribute::EcParams(value) => parameters = value,
            Attribute::EcPoint(value) => point = value,
            _ => {}
        }
    }
    Ok(PublicObject { label, id, public_key: decode(&parameters, &point) })
}

/// The key of `CKA_EC_PARAMS` and `CKA_EC_POINT`, or what it is instead.
fn decode(parameters: &[u8], point: &[u8]) -> Result<PublicKey, String> {
    let length = match parameters {
        P256 => 65,
        P384 => 97,
        ED25519 | EDWARDS25519 => 32,
        [] => return Err("a key that is not on an elliptic curve".to_owned()),
        other if other.len() <= 32 => return Err(format!("a key on an unknown curve {}", hex::encode(other))),
        other => return Err(format!("a key on a curve that takes {} bytes to name", other.len())),
    };
    // PKCS#11 2.40, section 2.3.3: the point is in a DER OCTET STRING. Some tokens leave the string out.
    let bare = match point {
        [4, inner, rest @ ..] if rest.len() == length && usize::from(*inner) == length => rest,
        other => other,
    };
    if bare.len() != length {
        return Err(format!("a point of {} bytes instead of {length}", bare.len()));
    }
    let key = if length == 32 { PublicKey::from_ed25519(bare) } else { PublicKey::from_point(bare) };
    key.map_err(|error| escaped(&error.to_string()))
}

/// The most bytes of an attribute that is asked for here.
const LONGEST: usize = 64 * 1024;

/// DER of the named curves (RFC 5480, section 2.1.1.1; RFC 8410, section 3), and the name that PKCS#11 3.0 gives to the
/// last one.
pub(super) const P256: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
pub(super) const P384: &[u8] = &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22];
pub(super) const ED25519: &[u8] = &[0x06, 0x03, 0x2b, 0x65, 0x70];
const EDWARDS25519: &[u8] = b"\x13\x0cedwards25519";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use ceremony::Algorithm;

    use super::*;
    use crate::device::Device as _;
    use crate::file::FileKey;

    #[test]
    fn points_are_read_with_and_without_their_octet_string() {
        for (algorithm, parameters) in [
            (Algorithm::EcdsaP256, P256),
            (Algorithm::EcdsaP384, P384),
            (Algorithm::Ed25519, ED25519),
            (Algorithm::Ed25519, EDWARDS25519),
        ] {
            let key = FileKey::generate(algorithm, "k").unwrap().public_key().clone();
            let length = if algorithm == Algorithm::EcdsaP256 { 65 } else { 97 };
            let length = if algorithm == Algorithm::Ed25519 { 32 } else { length };
            let der = key.to_spki_der();
            let bare = &der[der.len() - length..];
            let wrapped = [&[4, u8::try_from(length).unwrap()], bare].concat();
            assert_eq!(decode(parameters, bare).unwrap(), key);
            assert_eq!(decode(parameters, &wrapped).unwrap(), key);
            for end in 0..wrapped.len() {
                assert!(end == length || decode(parameters, &wrapped[..end]).is_err());
            }
            assert!(decode(parameters, &[wrapped, vec![0]].concat()).is_err());
            assert!(decode(&[], bare).is_err());
            assert!(decode(b"\x06\x05\x2b\x81\x04\x00\x0a", bare).unwrap_err().contains("06052b8104000a"));
        }
        assert!(decode(P384, &[4; 65]).is_err());
        assert!(decode(P256, &[4; 65]).is_err());
    }
}
