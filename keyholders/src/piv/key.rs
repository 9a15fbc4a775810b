//! A key in a slot.

use ceremony::device::{PinPolicy, TouchPolicy};
use ceremony::{Algorithm, PublicKey};
use sha2::{Digest as _, Sha256, Sha384};
use yubikey::piv::{self, AlgorithmId};

use super::call::CallError;
use super::card::{Card, slot_id};
use super::login::Verify;
use super::worker::TOUCH;
use crate::ask::{Action, Ask};
use crate::device::{Description, Device, DeviceError, DeviceKind};
use crate::name::Name;
use crate::record::Home;
use crate::slot::Slot;

/// A key in a slot of a YubiKey.
///
/// It is asked for its PIN when it signs first, and for a touch when it signs. The PIN is kept, shared with the other
/// keys of the same card, and wiped when the last of them is dropped.
pub struct SlotKey {
    card: Card,
    slot: Slot,
    public: PublicKey,
    algorithm: AlgorithmId,
    pin_policy: PinPolicy,
    touch_policy: TouchPolicy,
    owner: Option<Name>,
}

impl SlotKey {
    pub(super) fn new(
        card: Card,
        slot: Slot,
        public: PublicKey,
        pin_policy: Option<PinPolicy>,
        touch_policy: Option<TouchPolicy>,
    ) -> Result<Self, DeviceError> {
        let algorithm = match public.algorithm() {
            Algorithm::EcdsaP256 => AlgorithmId::EccP256,
            Algorithm::EcdsaP384 => AlgorithmId::EccP384,
            other => return Err(card.unsupported(format!("signs no metadata with {other} keys"))),
        };
        let pin_policy = pin_policy.unwrap_or(PinPolicy::Always);
        let touch_policy = touch_policy.unwrap_or(TouchPolicy::Always);
        Ok(Self { card, slot, public, algorithm, pin_policy, touch_policy, owner: None })
    }

    /// The same key, with the name of whose it is for questions.
    #[must_use]
    pub fn owned_by(self, owner: Name) -> Self {
        Self { owner: Some(owner), ..self }
    }

    /// The YubiKey that it is in.
    pub fn card(&self) -> &Card {
        &self.card
    }

    /// Where it is.
    pub fn home(&self) -> Home {
        Home::Yubikey { serial: self.card.serial(), slot: self.slot }
    }

    pub(super) fn public(&self) -> &PublicKey {
        &self.public
    }

    /// One try: the PIN if the key wants it, the touch, the signature.
    fn attempt(&self, digest: &[u8], ask: &mut dyn Ask) -> Result<Vec<u8>, Attempt> {
        self.card.reopen().map_err(Attempt::Failed)?;
        let verified = self.card.shared().borrow().login.is_verified();
        let fresh = match self.pin_policy {
            PinPolicy::Never => true,
            PinPolicy::Once if verified => false,
            _ => {
                self.card.verify_pin(self.owner.as_ref(), ask).map_err(|error| match error {
                    Verify::Reset => Attempt::Disturbed,
                    Verify::Refused(error) => Attempt::Failed(error),
                })?;
                true
            }
        };
        if self.touch_policy != TouchPolicy::Never {
            ask.act(Action::Touch { device: self.card.label().to_owned() });
        }
        let (raw, algorithm, id) = (digest.to_vec(), self.algorithm, slot_id(self.slot));
        let answer = self.card.try_call(TOUCH, move |card| piv::sign_data(card, &raw, algorithm, id));
        let answer = answer.map_err(|error| self.card.explained(error));
        if self.pin_policy == PinPolicy::Always {
            self.card.shared().borrow_mut().login.used_up();
        }
        match answer {
            Ok(signature) => Ok(signature.to_vec()),
            Err(error) if error.is_reset() => Err(Attempt::Disturbed),
            Err(CallError::Card(yubikey::Error::AuthenticationError)) => {
                let device = self.card.label().to_owned();
                // The card says the same for a touch that did not come and for a PIN that another program took away.
                if fresh && self.touch_policy != TouchPolicy::Never {
                    self.card.forget_pin();
                    return Err(Attempt::Failed(DeviceError::NotTouched { device }));
                }
                self.card.shared().borrow_mut().login.used_up();
                Err(Attempt::Disturbed)
            }
            Err(error) => Err(Attempt::Failed(error.of(self.card.label(), "GENERAL AUTHENTICATE"))),
        }
    }
}

impl Device for SlotKey {
    fn describe(&self) -> Description {
        let label = format!("slot {} of {}", self.slot, self.card.label());
        Description { label, kind: DeviceKind::Yubikey, device: self.card.label().to_owned(), uri: None }
    }

    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&mut self, message: &[u8], ask: &mut dyn Ask) -> Result<Vec<u8>, DeviceError> {
        let digest = match self.algorithm {
            AlgorithmId::EccP384 => Sha384::digest(message).to_vec(),
            _ => Sha256::digest(message).to_vec(),
        };
        // Another program may reset the card, or take the PIN away, between any two commands. Once that is mended by
        // starting over, without another question to the person.
        let signature = match self.attempt(&digest, ask) {
            Err(Attempt::Disturbed) => self.attempt(&digest, ask),
            other => other,
        };
        let device = self.card.label().to_owned();
        let signature = signature.map_err(|error| match error {
            Attempt::Failed(error) => error,
            Attempt::Disturbed => DeviceError::Disturbed { device: device.clone() },
        })?;
        match self.public.verify(message, &signature) {
            Ok(()) => Ok(signature),
            Err(_) => Err(DeviceError::BadSignature { device }),
        }
    }
}

/// Why there is no signature.
enum Attempt {
    /// Another program came between.
    Disturbed,
    /// For good.
    Failed(DeviceError),
}
