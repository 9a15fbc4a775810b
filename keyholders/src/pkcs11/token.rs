//! Tokens, by what they are called.

use std::fmt;

use cryptoki::context::Pkcs11;
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
        let tokens = present(module)?.into_iter().filter(|(_, info)| info.token_initialized());
        Ok(tokens.map(|(_, info)| Self::new(module, &info)).collect())
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

    /// Whether its private keys want a PIN.
    ///
    /// # Errors
    /// If the token is gone.
    pub fn wants_pin(&self) -> Result<bool, DeviceError> {
        self.state().map(|(_, info)| info.login_required())
    }

    /// The keys on it that can be seen without a PIN and that this program can sign with.
    ///
    /// # Errors
    /// If the token is gone or does not answer.
    pub fn keys(&self) -> Result<Vec<TokenKey>, DeviceError> {
        let session = self.session(false)?;
        let found = self.call("C_FindObjects", |_| objects::public_keys(&session, &Uri::default()))?;
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
        let look = || self.call("C_FindObjects", |_| objects::public_keys(&session, uri));
        let mut found = look()?;
        if found.is_empty() && self.state()?.1.login_required() {
            login.ensure(self, &session, owner, ask)?;
            found = look()?;
        }
        let private = self.call("C_FindObjects", |_| objects::private_keys(&session, uri))?;
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
        let infos = present(&self.module).map_err(|error| self.failed("C_GetSlotList", error))?;
        let mut same = infos.into_iter().filter(|(_, info)| info.token_initialized() && identity(info) == self.uri);
        let first = same.next().ok_or_else(gone)?;
        // Two tokens that say the same of themselves: nobody can tell which one is meant.
        if same.next().is_some() {
            return Err(self.unsupported("is there twice"));
        }
        Ok(first)
    }

    pub(super) fn session(&self, write: bool) -> Result<Session, DeviceError> {
        let (slot, _) = self.state()?;
        self.call("C_OpenSession", |pkcs11| match write {
            true => pkcs11.open_rw_session(slot),
            false => pkcs11.open_ro_session(slot),
        })
    }

    pub(super) fn mechanisms(&self) -> Result<Vec<MechanismType>, DeviceError> {
        let (slot, _) = self.state()?;
        self.call("C_GetMechanismList", |pkcs11| pkcs11.get_mechanism_list(slot))
    }

    pub(super) fn unsupported(&self, reason: impl Into<String>) -> DeviceError {
        DeviceError::Unsupported { device: self.label.clone(), reason: reason.into() }
    }

    /// Calls a function of its module, with its errors named.
    pub(super) fn call<T>(
        &self,
        function: &'static str,
        work: impl FnOnce(&Pkcs11) -> Result<T, Error>,
    ) -> Result<T, DeviceError> {
        self.module.call(function, work).map_err(|error| self.failed(function, error))
    }

    pub(super) fn failed(&self, function: &'static str, error: Error) -> DeviceError {
        failed(&self.label, function, error)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({})", self.uri)
    }
}

/// The slots with tokens in them, and what those tokens say. One that says nothing is left out.
fn present(module: &Module) -> Result<Vec<(Slot, TokenInfo)>, Error> {
    let slots = module.call("C_GetSlotList", Pkcs11::get_slots_with_token)?;
    let info = |slot| module.call("C_GetTokenInfo", |pkcs11| pkcs11.get_token_info(slot)).ok();
    Ok(slots.into_iter().filter_map(|slot| Some((slot, info(slot)?))).collect())
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
