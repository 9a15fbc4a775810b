//! The PIN of a YubiKey.

use super::call::CallError;
use super::card::Card;
use super::worker::ANSWER;
use crate::ask::{Ask, PinRequest, Secret, Tries};
use crate::device::DeviceError;
use crate::name::Name;
use crate::pin::Pin;

/// What is known of the PIN of one card, for as long as it is in use.
///
/// A PIN is sent once for each answer of a person, unless the card has accepted it; then it may be sent again to the
/// same card. One that the card has not accepted yet is sent only where the card says, right before that, that it is not
/// the last try.
#[derive(Default)]
pub(super) struct Login {
    accepted: Option<Pin>,
    /// What a person typed, and nobody has judged: the card was reset before it was sent.
    unsent: Option<Pin>,
    refused: Vec<Pin>,
    verified: bool,
    left_behind: bool,
}

impl Login {
    /// Whether the card holds a verified PIN, as far as this program knows.
    pub(super) fn is_verified(&self) -> bool {
        self.verified
    }

    /// A signature took the verified PIN with it, as far as the key that signed is concerned. For other keys of the card
    /// it may be as good as before.
    pub(super) fn used_up(&mut self) {
        self.verified = false;
    }

    /// The card does not hold a verified PIN any more.
    pub(super) fn taken_away(&mut self) {
        self.verified = false;
        self.left_behind = false;
    }

    /// Whether the card may hold a PIN that was verified here.
    pub(super) fn is_left_behind(&self) -> bool {
        self.left_behind
    }
}

impl Card {
    /// Has the card verify its PIN now. An accepted PIN is sent again, else a person is asked, for as long as they give
    /// wrong ones and want to go on.
    pub(super) fn verify_pin(&self, owner: Option<&Name>, ask: &mut dyn Ask) -> Result<(), Verify> {
        loop {
            let error = match self.verify_once(owner, ask) {
                Err(Verify::Refused(error)) => error,
                other => return other,
            };
            if !error.refusal(Secret::TokenPin).is_some_and(|refusal| ask.again(&refusal)) {
                return Err(Verify::Refused(error));
            }
        }
    }

    fn verify_once(&self, owner: Option<&Name>, ask: &mut dyn Ask) -> Result<(), Verify> {
        let accepted = self.shared().borrow().login.accepted.clone();
        let pin = match accepted {
            Some(pin) => pin,
            None => self.new_pin(owner, ask)?,
        };
        let bytes = zeroize::Zeroizing::new(pin.expose().as_bytes().to_vec());
        let answer = self.try_call(ANSWER, move |card| card.verify_pin(&bytes)).map_err(|error| self.explained(error));
        let mut shared = self.shared().borrow_mut();
        match answer {
            Ok(()) => {
                shared.login.accepted = Some(pin);
                shared.login.verified = true;
                shared.login.left_behind = true;
                Ok(())
            }
            // The card was reset before anything was sent to it, so the PIN is as good as before.
            Err(error) if error.is_reset() => {
                if shared.login.accepted.is_none() {
                    shared.login.unsent = Some(pin);
                }
                Err(Verify::Reset)
            }
            Err(CallError::Card(yubikey::Error::WrongPin { tries })) => {
                shared.login.accepted = None;
                shared.login.refused.push(pin);
                let device = self.label().to_owned();
                Err(Verify::Refused(match Tries::of_counter(tries, None) {
                    Tries::Locked => DeviceError::Locked { device },
                    tries => DeviceError::WrongPin { device, tries },
                }))
            }
            Err(error) => Err(Verify::Refused(error.of(self.label(), "VERIFY"))),
        }
    }

    /// A PIN that the card has not accepted yet, and may be sent one. A person takes time to type, and another program may
    /// spend tries meanwhile: so the card is asked once more.
    fn new_pin(&self, owner: Option<&Name>, ask: &mut dyn Ask) -> Result<Pin, Verify> {
        let unsent = self.shared().borrow_mut().login.unsent.take();
        let pin = match unsent {
            Some(pin) => pin,
            None => self.ask_pin(owner, ask)?,
        };
        match self.spendable_now() {
            Ok(_) => Ok(pin),
            Err(Verify::Reset) => {
                self.shared().borrow_mut().login.unsent = Some(pin);
                Err(Verify::Reset)
            }
            Err(refused) => Err(refused),
        }
    }

    /// Asks a person, after the card has said how many tries are left.
    fn ask_pin(&self, owner: Option<&Name>, ask: &mut dyn Ask) -> Result<Pin, Verify> {
        let device = || self.label().to_owned();
        let tries = self.spendable_now()?;
        let request = PinRequest { secret: Secret::TokenPin, device: device(), owner: owner.cloned(), tries };
        let pin = ask.pin(request).map_err(|source| DeviceError::Ask { device: device(), source })?;
        self.fits(&pin)?;
        let refused = &self.shared().borrow().login.refused;
        if refused.iter().any(|refused| refused.expose() == pin.expose()) {
            return Err(DeviceError::RefusedBefore { device: device() }.into());
        }
        Ok(pin)
    }

    /// Refuses a PIN of a length that the card would count as a wrong one.
    fn fits(&self, pin: &Pin) -> Result<(), DeviceError> {
        let (fit, length) = (Pin::PIV_LENGTH, pin.expose().len());
        match fit.contains(&length) {
            true => Ok(()),
            false => {
                let device = self.label().to_owned();
                Err(DeviceError::PinLength { device, least: *fit.start(), most: *fit.end(), length })
            }
        }
    }

    /// How many tries are left, as the card says it now, unless it is the last one or none.
    fn spendable_now(&self) -> Result<Tries, Verify> {
        match self.counter() {
            Err(error) if error.is_reset() => Err(Verify::Reset),
            tries => Ok(self.spendable(tries.map_err(|error| error.of(self.label(), "GET METADATA"))?)?),
        }
    }

    /// Refuses to spend the last try.
    fn spendable(&self, tries: Tries) -> Result<Tries, DeviceError> {
        let device = self.label().to_owned();
        match tries {
            Tries::Locked => Err(DeviceError::Locked { device }),
            Tries::Final => Err(DeviceError::FinalTry { device }),
            tries => Ok(tries),
        }
    }

    /// Changes the PIN.
    ///
    /// # Errors
    /// If the present PIN is refused, which costs a try; if one try is left; if the new PIN has not 6 to 8 bytes; if the
    /// card is gone.
    pub fn change_pin(&self, present: &Pin, new: &Pin) -> Result<(), DeviceError> {
        let device = || self.label().to_owned();
        self.fits(present)?;
        self.fits(new)?;
        self.spendable(self.tries()?)?;
        let [old, fresh] = [present, new].map(|pin| zeroize::Zeroizing::new(pin.expose().as_bytes().to_vec()));
        match self.try_call(ANSWER, move |card| card.change_pin(&old, &fresh)) {
            Ok(()) => {
                self.shared().borrow_mut().login = Login { accepted: Some(new.clone()), ..Login::default() };
                Ok(())
            }
            Err(CallError::Card(yubikey::Error::WrongPin { tries })) => {
                Err(DeviceError::WrongPin { device: device(), tries: Tries::of_counter(tries, None) })
            }
            Err(CallError::Card(yubikey::Error::PinLocked)) => Err(DeviceError::Locked { device: device() }),
            Err(error) => Err(error.of(self.label(), "CHANGE REFERENCE DATA")),
        }
    }
}

/// Why a PIN is not verified.
pub(super) enum Verify {
    /// Another program reset the card. The card may be opened again.
    Reset,
    /// For good.
    Refused(DeviceError),
}

impl From<DeviceError> for Verify {
    fn from(error: DeviceError) -> Self {
        Self::Refused(error)
    }
}
