//! Logging in to a token.

use cryptoki::error::{Error, RvError};
use cryptoki::session::{Session, SessionState, UserType};
use cryptoki::slot::TokenInfo;
use cryptoki::types::AuthPin;

use super::call::call_for_long;
use super::token::{Token, tries};
use crate::ask::{Action, Ask, PinRequest, Secret, Tries};
use crate::device::DeviceError;
use crate::name::Name;
use crate::pin::Pin;

/// The PIN that a token accepted, for as long as the key is at hand.
///
/// Refused PINs are kept too, so that none of them is ever sent again.
#[derive(Default)]
pub(super) struct Login {
    accepted: Option<Pin>,
    refused: Vec<Pin>,
}

impl Login {
    /// Logs in unless somebody is logged in already, or the token needs no login.
    pub(super) fn ensure(
        &mut self,
        token: &Token,
        session: &Session,
        owner: Option<&Name>,
        ask: &mut dyn Ask,
    ) -> Result<(), DeviceError> {
        let state = token.call("C_GetSessionInfo", |_| session.get_session_info())?.session_state();
        if matches!(state, SessionState::RoUser | SessionState::RwUser) || !token.state()?.1.login_required() {
            return Ok(());
        }
        self.send(token, session, UserType::User, owner, ask)
    }

    /// Gives the PIN once more, for the one operation that was begun (PKCS#11 2.40, section 4.9,
    /// `CKA_ALWAYS_AUTHENTICATE`).
    pub(super) fn again(
        &mut self,
        token: &Token,
        session: &Session,
        owner: Option<&Name>,
        ask: &mut dyn Ask,
    ) -> Result<(), DeviceError> {
        self.send(token, session, UserType::ContextSpecific, owner, ask)
    }

    /// Logs in, for as long as a person gives wrong PINs and wants to go on.
    fn send(
        &mut self,
        token: &Token,
        session: &Session,
        user: UserType,
        owner: Option<&Name>,
        ask: &mut dyn Ask,
    ) -> Result<(), DeviceError> {
        let secret = if matches!(user, UserType::User) { Secret::TokenPin } else { Secret::SignaturePin };
        loop {
            let Err(error) = self.send_once(token, session, user, secret, owner, ask) else { return Ok(()) };
            if !error.refusal(secret).is_some_and(|refusal| ask.again(&refusal)) {
                return Err(error);
            }
        }
    }

    fn send_once(
        &mut self,
        token: &Token,
        session: &Session,
        user: UserType,
        secret: Secret,
        owner: Option<&Name>,
        ask: &mut dyn Ask,
    ) -> Result<(), DeviceError> {
        let device = || token.label().to_owned();
        let (_, info) = token.state()?;
        let left = spendable(token, &info)?;
        let pin = if info.protected_authentication_path() {
            ask.act(Action::EnterPin { device: device() });
            None
        } else if let Some(pin) = self.accepted.take() {
            Some(pin)
        } else {
            let request = PinRequest { secret, device: device(), owner: owner.cloned(), tries: left };
            Some(ask.pin(request).map_err(|source| DeviceError::Ask { device: device(), source })?)
        };
        if let Some(pin) = &pin {
            if self.refused.iter().any(|refused| refused.expose() == pin.expose()) {
                return Err(DeviceError::RefusedBefore { device: device() });
            }
            let (least, most, length) = (info.min_pin_length(), info.max_pin_length(), pin.expose().len());
            // A token that gives no bounds gives zero or nonsense.
            if least <= most && most > 0 && !(least..=most).contains(&length) {
                return Err(DeviceError::PinLength { device: device(), least, most, length });
            }
        }
        // A person takes time to type: the token may be another one by now, or another program may have spent tries.
        spendable(token, &token.state()?.1)?;
        let sent = pin.as_ref().map(|pin| AuthPin::from(pin.expose().to_owned()));
        let login = || session.login(user, sent.as_ref());
        let answer = match sent.is_some() {
            true => token.module().call("C_Login", |_| login()),
            // A person who types on the token's own keys was told so, and takes their time.
            false => call_for_long(login),
        };
        match answer {
            Ok(()) => {
                self.accepted = pin;
                Ok(())
            }
            Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) if matches!(user, UserType::User) => Ok(()),
            Err(Error::Pkcs11(RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange, _)) => {
                self.refused.extend(pin);
                // Whatever the token says next, that it refused the PIN is not lost.
                match token.tries().unwrap_or(Tries::Low) {
                    Tries::Locked => Err(DeviceError::Locked { device: device() }),
                    tries => Err(DeviceError::WrongPin { device: device(), tries }),
                }
            }
            Err(other) => Err(token.failed("C_Login", other)),
        }
    }
}

/// What the token says of its tries, unless none or the last one is left.
fn spendable(token: &Token, info: &TokenInfo) -> Result<Tries, DeviceError> {
    let device = token.label().to_owned();
    match tries(info) {
        Tries::Locked => Err(DeviceError::Locked { device }),
        Tries::Final => Err(DeviceError::FinalTry { device }),
        left => Ok(left),
    }
}
