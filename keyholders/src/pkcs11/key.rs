//! A key on a token.

use ceremony::PublicKey;
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::eddsa::{EddsaParams, EddsaSignatureScheme};
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::{Attribute, AttributeType, ObjectHandle};
use cryptoki::session::Session;
use sha2::{Digest as _, Sha256, Sha384};

use super::login::Login;
use super::objects;
use super::token::Token;
use crate::ask::Ask;
use crate::device::{Description, Device, DeviceError, DeviceKind};
use crate::name::Name;
use crate::uri::Uri;

/// A key on a PKCS#11 token.
///
/// The token is asked for its PIN when it is needed first; the PIN is kept, and wiped when this is dropped. One PIN is
/// sent at most once per answer of a person, unless the token accepted it.
pub struct TokenKey {
    token: Token,
    public: PublicKey,
    uri: Uri,
    owner: Option<Name>,
    login: Login,
    session: Option<Session>,
}

impl TokenKey {
    pub(super) fn new(token: Token, public: PublicKey, label: Vec<u8>, id: Vec<u8>) -> Self {
        let object = String::from_utf8(label).ok().filter(|label| !label.is_empty());
        let id = Some(id).filter(|id| !id.is_empty());
        let uri = Uri { object, id, ..token.uri().clone() };
        Self { token, public, uri, owner: None, login: Login::default(), session: None }
    }

    /// The same key, going on with a login that was made to find or to make it.
    pub(super) fn going_on(self, owner: Option<&Name>, login: Login, session: Session) -> Self {
        Self { owner: owner.cloned(), login, session: Some(session), ..self }
    }

    /// The full name of the key.
    pub fn uri(&self) -> &Uri {
        &self.uri
    }

    /// The token that it is on.
    pub fn token(&self) -> &Token {
        &self.token
    }

    /// The same key, with the name of whose it is for questions.
    #[must_use]
    pub fn owned_by(self, owner: Name) -> Self {
        Self { owner: Some(owner), ..self }
    }

    /// Does `work` with the private key in a session that is logged in. After a failure the next session starts anew,
    /// since an operation may be half done in this one.
    pub(super) fn with_private<T>(
        &mut self,
        ask: &mut dyn Ask,
        work: impl FnOnce(&mut Self, &Session, ObjectHandle, &mut dyn Ask) -> Result<T, DeviceError>,
    ) -> Result<T, DeviceError> {
        // The token is looked at for each signature: it may be in another slot by now, or be another one.
        let (slot, _) = self.token.state()?;
        let here = |session: &Session| {
            let info = self.token.call("C_GetSessionInfo", |_| session.get_session_info());
            info.is_ok_and(|info| info.slot_id() == slot)
        };
        let session = match self.session.take().filter(here) {
            Some(session) => session,
            None => self.token.session(false)?,
        };
        self.login.ensure(&self.token, &session, self.owner.as_ref(), ask)?;
        // The two halves of a pair share an id (PKCS#11 2.40, section 4.7); their labels may differ.
        let half = Uri { object: self.uri.object.clone().filter(|_| self.uri.id.is_none()), ..self.uri.clone() };
        let found = self.token.call("C_FindObjects", |_| objects::private_keys(&session, &half))?;
        let (device, uri) = (self.token.label().to_owned(), Box::new(self.uri.clone()));
        let handle = match found[..] {
            [handle] => handle,
            [] => return Err(DeviceError::NoKey { device, uri }),
            _ => return Err(DeviceError::SeveralKeys { device, uri, count: found.len() }),
        };
        let done = work(self, &session, handle, ask)?;
        self.session = Some(session);
        Ok(done)
    }

    fn raw_signature(
        &mut self,
        session: &Session,
        handle: ObjectHandle,
        message: &[u8],
        ask: &mut dyn Ask,
    ) -> Result<Vec<u8>, DeviceError> {
        let (plain, data, hashing) = match &self.public {
            PublicKey::EcdsaP256(_) => {
                let hashing = (Mechanism::EcdsaSha256, MechanismType::ECDSA_SHA256);
                (Mechanism::Ecdsa, Sha256::digest(message).to_vec(), Some(hashing))
            }
            PublicKey::EcdsaP384(_) => {
                let hashing = (Mechanism::EcdsaSha384, MechanismType::ECDSA_SHA384);
                (Mechanism::Ecdsa, Sha384::digest(message).to_vec(), Some(hashing))
            }
            _ => (Mechanism::Eddsa(EddsaParams::new(EddsaSignatureScheme::Pure)), message.to_vec(), None),
        };
        let wanted = [AttributeType::AlwaysAuthenticate];
        let answer = self.token.call("C_GetAttributeValue", |_| objects::attributes(session, handle, &wanted))?;
        if !matches!(answer[..], [Attribute::AlwaysAuthenticate(true)]) {
            return self.token.call("C_Sign", |_| session.sign(&plain, handle, &data));
        }
        // The PIN goes between the start of the operation and its data, and the library leaves that room only where
        // data is given in parts. Tokens that hash by themselves take parts; others may not.
        let known = self.token.mechanisms()?;
        let (mechanism, data) = match hashing {
            Some((mechanism, kind)) if known.contains(&kind) => (mechanism, message),
            _ => (plain, data.as_slice()),
        };
        self.token.call("C_SignInit", |_| session.sign_init(&mechanism, handle))?;
        self.login.again(&self.token, session, self.owner.as_ref(), ask)?;
        let parts = |_: &_| session.sign_update(data).and_then(|()| session.sign_final());
        self.token.module().call("C_SignFinal", parts).map_err(|error| match error {
            Error::Pkcs11(
                RvError::FunctionNotSupported | RvError::KeyTypeInconsistent | RvError::OperationNotInitialized,
                _,
            ) => self.token.unsupported("wants its PIN for each signature and takes no data in parts, as it must then"),
            other => self.token.failed("C_SignFinal", other),
        })
    }
}

impl Device for TokenKey {
    fn describe(&self) -> Description {
        let name = self.uri.object.as_deref().map(|object| format!("\"{}\" on ", crate::text::escaped(object)));
        let label = format!("the key {}{}", name.unwrap_or_default(), self.token.label());
        let device = self.token.label().to_owned();
        Description { label, kind: DeviceKind::Pkcs11, device, uri: Some(self.uri.clone()) }
    }

    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&mut self, message: &[u8], ask: &mut dyn Ask) -> Result<Vec<u8>, DeviceError> {
        let raw =
            self.with_private(ask, |key, session, handle, ask| key.raw_signature(session, handle, message, ask))?;
        let bad = || DeviceError::BadSignature { device: self.token.label().to_owned() };
        // PKCS#11 2.40, section 2.3.1: r and s, side by side.
        let signature = match &self.public {
            PublicKey::EcdsaP256(_) => {
                let signature = p256::ecdsa::Signature::from_slice(&raw).map_err(|_| bad())?;
                signature.to_der().as_bytes().to_vec()
            }
            PublicKey::EcdsaP384(_) => {
                let signature = p384::ecdsa::Signature::from_slice(&raw).map_err(|_| bad())?;
                signature.to_der().as_bytes().to_vec()
            }
            _ => raw,
        };
        self.public.verify(message, &signature).map_err(|_| bad())?;
        Ok(signature)
    }
}
