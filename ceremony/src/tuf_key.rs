//! A key as one metadata file lists it.

use alloc::string::{String, ToString};
use core::fmt;

use crate::digest::Digest;
use crate::json::{Json, Object};
use crate::key::{Algorithm, KeyError, PublicKey};

/// What one metadata file calls a key (TUF specification, section 4.2.3). A label, never an identity.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(String);

impl KeyId {
    /// Takes any text: published metadata has ids that match no formula.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text as it stands in the file. Escape it before it meets a terminal.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first eight characters, escaped.
    pub fn short(&self) -> String {
        self.0.chars().take(8).flat_map(char::escape_debug).collect()
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.escape_debug())
    }
}

/// A key object and its id, both as they stand in the file, and the key that they decode to.
#[derive(Clone, Debug, PartialEq)]
pub struct TufKey {
    /// What the file calls the key.
    pub id: KeyId,
    /// The object, unknown members included, since ids are computed over them.
    pub object: Json,
    /// The decoded key. An object that this program cannot use is kept and counts for nothing.
    pub key: Result<PublicKey, KeyError>,
}

impl TufKey {
    /// The object and id under which this program lists `key` in metadata of its own: no member that is not needed,
    /// PEM with its newline, and the id that the specification asks for.
    ///
    /// # Errors
    /// For RSA keys, which this program does not author.
    pub fn author(key: &PublicKey) -> Result<Self, KeyError> {
        let (keytype, scheme, public) = match key {
            PublicKey::EcdsaP256(_) => ("ecdsa", "ecdsa-sha2-nistp256", key.to_spki_pem()),
            PublicKey::EcdsaP384(_) => ("ecdsa", "ecdsa-sha2-nistp384", key.to_spki_pem()),
            PublicKey::Ed25519(key) => ("ed25519", "ed25519", hex::encode(key.as_bytes())),
            PublicKey::Rsa(_) => {
                return Err(KeyError::Mismatch {
                    scheme: "ecdsa-sha2-nistp256".to_string(),
                    algorithm: Algorithm::Rsa,
                });
            }
        };
        let keyval: Object = [("public", Json::string(public))].into_iter().collect();
        let object: Object =
            [("keytype", Json::string(keytype)), ("keyval", Json::Object(keyval)), ("scheme", Json::string(scheme))]
                .into_iter()
                .collect();
        let object = Json::Object(object);
        Ok(Self { id: whole_object_id(&object), object, key: Ok(key.clone()) })
    }

    /// Reads a key object as it stands in a file under `id`. What cannot be decoded is kept.
    pub fn read(id: KeyId, object: Json) -> Self {
        let key = decode(&object);
        Self { id, object, key }
    }

    /// Which formula gives this id, if any does.
    pub fn id_form(&self) -> IdForm {
        if self.id == whole_object_id(&self.object) {
            return IdForm::WholeObject;
        }
        let bare: Option<Object> = self.object.as_object().map(|members| {
            let known = |name: &str| matches!(name, "keytype" | "keyval" | "scheme");
            members.iter().filter(|(name, _)| known(name)).map(|(name, value)| (name, value.clone())).collect()
        });
        let bare = bare.map(|bare| whole_object_id(&Json::Object(bare)));
        if bare.as_ref() == Some(&self.id) { IdForm::WithoutExtensions } else { IdForm::Other }
    }

    /// Who the object says owns the key: the member that tuf-on-ci writes.
    pub fn owner(&self) -> Option<&str> {
        self.object.get("x-tuf-on-ci-keyowner")?.as_str()
    }
}

/// How a key id came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdForm {
    /// SHA-256 of the canonical whole object: what the specification asks for, and what strict clients check.
    WholeObject,
    /// SHA-256 of the object without members that the specification does not know.
    WithoutExtensions,
    /// Neither.
    Other,
}

/// The id of a key object (TUF specification, section 4.2.3): hex SHA-256 of its canonical form, unknown members
/// included.
pub fn whole_object_id(object: &Json) -> KeyId {
    KeyId(Digest::of(&object.canonical()).to_string())
}

fn decode(object: &Json) -> Result<PublicKey, KeyError> {
    let text = |value: Option<&Json>, name| {
        value.and_then(Json::as_str).map(ToString::to_string).ok_or(KeyError::Missing { name })
    };
    let keytype = text(object.get("keytype"), "keytype")?;
    let scheme = text(object.get("scheme"), "scheme")?;
    let public = text(object.get("keyval").and_then(|keyval| keyval.get("public")), "keyval.public")?;
    let (key, wanted) = match (&*keytype, &*scheme) {
        ("ecdsa" | "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256") => (pem_or_point(&public)?, Algorithm::EcdsaP256),
        ("ecdsa" | "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp384") => (pem_or_point(&public)?, Algorithm::EcdsaP384),
        ("ed25519", "ed25519") => {
            let undecodable = KeyError::Undecodable { encoding: "hex of an Ed25519 key" };
            (PublicKey::from_ed25519(&hex::decode(&public).map_err(|_| undecodable)?)?, Algorithm::Ed25519)
        }
        ("rsa", "rsassa-pss-sha256") => (PublicKey::from_spki_pem(&public)?, Algorithm::Rsa),
        _ => return Err(KeyError::unknown(&keytype, &scheme)),
    };
    let algorithm = key.algorithm();
    if algorithm == wanted { Ok(key) } else { Err(KeyError::Mismatch { scheme, algorithm }) }
}

/// Sigstore's roots 1 to 4 have the point in hex; all later ones have PEM.
fn pem_or_point(public: &str) -> Result<PublicKey, KeyError> {
    match hex::decode(public) {
        Ok(point) => PublicKey::from_point(&point),
        Err(_) => PublicKey::from_spki_pem(public),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::key::tests::signing_key;

    #[test]
    fn authored_keys_have_the_id_of_the_specification() {
        let key = PublicKey::EcdsaP256(*signing_key(1).verifying_key());
        let authored = TufKey::author(&key).unwrap();
        assert_eq!(authored.id_form(), IdForm::WholeObject);
        assert_eq!(TufKey::read(authored.id.clone(), authored.object.clone()), authored);
    }

    #[test]
    fn a_scheme_that_does_not_fit_the_key_is_no_key() {
        let authored = TufKey::author(&PublicKey::EcdsaP256(*signing_key(1).verifying_key())).unwrap();
        let mut object = authored.object.clone();
        object.as_object_mut().unwrap().insert("scheme", Json::string("ecdsa-sha2-nistp384"));
        let read = TufKey::read(authored.id, object);
        assert!(matches!(read.key, Err(KeyError::Mismatch { algorithm: Algorithm::EcdsaP256, .. })));
        assert_eq!(read.id_form(), IdForm::Other);
    }
}
