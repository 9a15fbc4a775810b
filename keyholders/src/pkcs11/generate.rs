//! Making a key on a token.

use ceremony::Algorithm;
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::Attribute;

use super::key::TokenKey;
use super::login::Login;
use super::objects;
use super::token::Token;
use crate::ask::Ask;
use crate::device::DeviceError;
use crate::name::Name;
use crate::text::escaped;
use crate::uri::Uri;

/// The key that shall be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// P-256, P-384 or Ed25519.
    pub algorithm: Algorithm,
    /// `CKA_LABEL`, 1 to 64 bytes.
    pub label: String,
    /// `CKA_ID`, 1 to 32 bytes.
    pub id: Vec<u8>,
}

impl Token {
    /// Makes a key pair on the token: its private half can be neither read nor taken away. The token may ask for its
    /// PIN.
    ///
    /// # Errors
    /// If an object of any class has the label or the id already, and nothing is made then; if the token cannot make
    /// such a key; if nobody gives the PIN.
    pub fn generate(
        &self,
        template: &Template,
        owner: Option<&Name>,
        ask: &mut dyn Ask,
    ) -> Result<TokenKey, DeviceError> {
        let (mechanism, kind, curve) = match template.algorithm {
            Algorithm::EcdsaP256 => (Mechanism::EccKeyPairGen, MechanismType::ECC_KEY_PAIR_GEN, objects::P256),
            Algorithm::EcdsaP384 => (Mechanism::EccKeyPairGen, MechanismType::ECC_KEY_PAIR_GEN, objects::P384),
            Algorithm::Ed25519 => {
                let kind = MechanismType::ECC_EDWARDS_KEY_PAIR_GEN;
                (Mechanism::EccEdwardsKeyPairGen, kind, objects::ED25519)
            }
            other => return Err(self.unsupported(format!("is not asked for {other} keys, which are never authored"))),
        };
        if !(1..=64).contains(&template.label.len()) || !(1..=32).contains(&template.id.len()) {
            return Err(self.unsupported("needs a label of 1 to 64 bytes and an id of 1 to 32 bytes"));
        }
        let (_, info) = self.state()?;
        if info.write_protected() {
            return Err(self.unsupported("is write-protected"));
        }
        if !self.mechanisms()?.contains(&kind) {
            return Err(self.unsupported(format!("cannot make {} keys", template.algorithm)));
        }
        let session = self.session(true)?;
        let mut login = Login::default();
        // Objects that are private show after the login only.
        login.ensure(self, &session, owner, ask)?;
        let label = Attribute::Label(template.label.as_bytes().to_vec());
        let id = Attribute::Id(template.id.clone());
        let occupied = |what| DeviceError::Occupied { device: self.label().to_owned(), what };
        if self.call("C_FindObjects", |_| objects::any(&session, label.clone()))? {
            return Err(occupied(format!("the label \"{}\"", escaped(&template.label))));
        }
        if self.call("C_FindObjects", |_| objects::any(&session, id.clone()))? {
            return Err(occupied(format!("the id {}", hex::encode(&template.id))));
        }
        let public = [
            Attribute::Token(true),
            Attribute::Private(false),
            Attribute::Verify(true),
            Attribute::EcParams(curve.to_vec()),
            label.clone(),
            id.clone(),
        ];
        let private = [
            Attribute::Token(true),
            Attribute::Private(true),
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
            Attribute::Sign(true),
            label,
            id,
        ];
        self.call("C_GenerateKeyPair", |_| session.generate_key_pair(&mechanism, &public, &private))?;
        let uri = Uri { object: Some(template.label.clone()), id: Some(template.id.clone()), ..Uri::default() };
        self.key(&uri, owner, ask).map(|key| key.going_on(owner, login, session))
    }
}
