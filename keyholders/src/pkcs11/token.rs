//! Tokens, by what they are called.

use std::fmt;

use cryptoki::error::Error;
use cryptoki::mechanism::MechanismType;
use cryptoki::session::Session;
use cryptoki::slot::{Slot, TokenInfo};

use super::call::failed;
use super::key::TokenKey;
use super::login::Login;
use super::modules::Module;
use super::objects;
use crate::ask::{Ask, Tries};
use crate::device::DeviceError;
use crate::name::Name;
use crate::text::escaped;
use crate::uri::Uri;

/// An initialised token, known by label, maker, model and serial number.
///
/// Its slot is looked up again for each thing that is done with it, so that a token that was exchanged for another is
/// gone rather than mistaken.
#[derive(Clone)]
pub struct Token {
    module: Module,
    uri: Uri,
    label: String,
}

impl Token {
    pub(super) fn list(module: &Module) -> Result<Vec<Self>, Error> {
        let slots = module.pkcs11.get_slots_with_token()?;
        let tokens = slots.into_iter().filter_map(|slot| module.pkcs11.get_token_info(slot).ok());
        Ok(tokens.filter(TokenInfo::token_initialized).map(|info| Self::new(module, &info)).collect())
    }

    fn new(module: &Module, info: &TokenInfo) -> Self {
        let uri = identity(info);
        let [name, model, serial] = [info.label(), info.model(), info.serial_number()].map(escaped);
        Self { module: module.clone(), uri, label: format!("the token \"{name}\" ({model}, serial number {serial})") }
    }

    /// What the token is called: label, maker, model and serial number.
    pub fn uri(&self) -> &Uri {
        &self.uri
    }

    /// The token in words for a person, escaped.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The library through which it is reached.
    pub fn module(&self) -> &Module {
        &self.module
    }

    /// What the token says about the tries that are left for its PIN.
    ///
    /// # Errors
    /// If the token is gone.
    pub fn tries(&self) -> Result<Tries, DeviceError> {
        self.state().map(|(_, info)| tries(&info))
    }

    /// The keys on it that can be seen without a PIN and that this program can sign with.
    ///
    /// # Errors
    /// If the token is gone or does not answer.
    pub fn keys(&self) -> Result<Vec<TokenKey>, DeviceError> {
        let session = self.session(false)?;
        let found = objects::public_keys(&session, &Uri::default()).map_err(|error| self.failed(error))?;
        let keys = found.into_iter().filter_map(|object| {
            let key = object.public_key.ok()?;
            Some(TokenKey::new(self.clone(), key, object.label, object.id))
        });
        Ok(keys.collect())
    }

    /// The one key on it that `uri` names. What `uri` says of a token is not looked at.
    ///
    /// # Errors
    /// As [`Modules::key`](super::Modules::key).
    pub fn key(&self, uri: &Uri, owner: Option<&Name>, ask: &mut dyn Ask) -> Result<TokenKey, DeviceError> {
        let session = self.session(false)?;
        let mut login = Login::default();
        let look = || objects::public_keys(&session, uri).map_err(|error| self.failed(error));
        let mut found = look()?;
        if found.is_empty() && self.state()?.1.login_required() {
            login.ensure(self, &session, owner, ask)?;
            found = look()?;
        }
        let private = objects::private_keys(&session, uri).map_err(|error| self.failed(error))?;
        let (device, wanted) = (self.label.clone(), Box::new(uri.clone()));
        match (found.len(), found.pop()) {
            (1, Some(object)) => {
                let key = object.public_key.map_err(|what| self.unsupported(format!("has at {uri} {what}")))?;
                Ok(TokenKey::new(self.clone(), key, object.label, object.id).going_on(owner, login, session))
            }
            (0, _) if private.is_empty() => Err(DeviceError::NoKey { device, uri: wanted }),
            (0, _) => Err(self.unsupported(format!("has the private key {uri} without its public key beside it"))),
            (count, _) => Err(DeviceError::SeveralKeys { device, uri: wanted, count }),
        }
    }

    /// The slot where the token is now, and what it says now.
    pub(super) fn state(&self) -> Result<(Slot, TokenInfo), DeviceError> {
        let gone = || DeviceError::Gone { device: self.label.clone() };
        let slots = self.module.pkcs11.get_slots_with_token().map_err(|error| self.failed(error))?;
        let infos = slots.into_iter().filter_map(|slot| Some((slot, self.module.pkcs11.get_token_info(slot).ok()?)));
        let mut same = infos.filter(|(_, info)| info.token_initialized() && identity(info) == self.uri);
        let first = same.next().ok_or_else(gone)?;
        // Two tokens that say the same of themselves: nobody can tell which one is meant.
        if same.next().is_some() {
            return Err(self.unsupported("is there twice"));
        }
        Ok(first)
    }

    pub(super) fn session(&self, write: bool) -> Result<Session, DeviceError> {
        let (slot, _) = self.state()?;
        let pkcs11 = &self.module.pkcs11;
        let session = if write { pkcs11.open_rw_session(slot) } else { pkcs11.open_ro_session(slot) };
        session.map_err(|error| self.failed(error))
    }

    pub(super) fn mechanisms(&self) -> Result<Vec<MechanismType>, DeviceError> {
        let (slot, _) = self.state()?;
        self.module.pkcs11.get_mechanism_list(slot).map_err(|error| self.failed(error))
    }

    pub(super) fn unsupported(&self, reason: impl Into<String>) -> DeviceError {
        DeviceError::Unsupported { device: self.label.clone(), reason: reason.into() }
    }

    pub(super) fn failed(&self, error: Error) -> DeviceError {
        failed(&self.label, error)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({})", self.uri)
    }
}

fn identity(info: &TokenInfo) -> Uri {
    Uri {
        token: Some(info.label().to_owned()),
        manufacturer: Some(info.manufacturer_id().to_owned()),
        model: Some(info.model().to_owned()),
        serial: Some(info.serial_number().to_owned()),
        ..Uri::default()
    }
}

pub(super) fn tries(info: &TokenInfo) -> Tries {
    if info.user_pin_locked() {
        Tries::Locked
    } else if info.user_pin_final_try() {
        Tries::Final
    } else if info.user_pin_count_low() {
        Tries::Low
    } else {
        Tries::Unknown
    }
}
