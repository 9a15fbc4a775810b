//! Making a key in a YubiKey.

use ceremony::device::{PinPolicy, TouchPolicy};
use ceremony::{Algorithm, PublicKey};
use pkcs8::der::Encode as _;
use yubikey::mgm::MgmAlgorithmId;
use yubikey::piv::{self, AlgorithmId, ManagementSlotId, SlotAlgorithmId, SlotId};
use yubikey::{MgmKey, YubiKey};
use zeroize::Zeroizing;

use super::call::CallError;
use super::card::{Card, slot_id};
use super::key::SlotKey;
use super::login::Verify;
use super::worker::{ANSWER, TOUCH};
use crate::ask::{Ask, PinRequest, Secret, Tries};
use crate::device::DeviceError;
use crate::name::Name;
use crate::slot::Slot;

/// The key that is to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Template {
    /// Where.
    pub slot: Slot,
    /// P-256 or P-384.
    pub algorithm: Algorithm,
    /// When it shall want the PIN. It stays so for the life of the key.
    pub pin_policy: PinPolicy,
    /// When it shall want a touch. It stays so for the life of the key.
    pub touch_policy: TouchPolicy,
    /// A person knows that the slot is empty, for firmware that does not tell: before 5.3 it says nothing of a key that
    /// was imported without a certificate.
    pub known_empty: bool,
}

impl Card {
    /// Makes a key in an empty slot. It never leaves the card.
    ///
    /// The management key is what the card lets somebody make keys with. The published one that every new card has is
    /// tried first where the card says that it was never changed; then the one that the card itself keeps behind its PIN;
    /// then a person is asked for it. A wrong one costs nothing.
    ///
    /// # Errors
    /// If the slot is taken, or may be for all that the card tells and nobody knows better; if the card has no such keys
    /// or policies; if the management key or the PIN is refused; if the card is gone.
    pub fn generate(
        &self,
        template: &Template,
        owner: Option<&Name>,
        ask: &mut dyn Ask,
    ) -> Result<SlotKey, DeviceError> {
        let Template { slot, algorithm, pin_policy, touch_policy, known_empty } = *template;
        let kind = match algorithm {
            Algorithm::EcdsaP256 => AlgorithmId::EccP256,
            Algorithm::EcdsaP384 => AlgorithmId::EccP384,
            other => {
                return Err(self.unsupported(format!(
                    "signs no metadata with {other} keys: all of it would have to fit into the buffer of the card"
                )));
            }
        };
        let pin = yubikey::PinPolicy::try_from(pin_policy.to_byte()).map_err(|_| {
            self.unsupported(format!("cannot be asked for the PIN policy {pin_policy} by this program"))
        })?;
        let touch = yubikey::TouchPolicy::try_from(touch_policy.to_byte())
            .map_err(|_| self.unsupported(format!("has no touch policy {touch_policy}")))?;
        if let Some(what) = self.taken(slot)? {
            return Err(DeviceError::Occupied {
                device: self.label().to_owned(),
                what: format!("{what} in slot {slot}"),
            });
        }
        if !self.tells() && !known_empty {
            return Err(DeviceError::PerhapsOccupied { device: self.label().to_owned(), slot });
        }
        self.authenticate(owner, ask)?;
        let id = slot_id(slot);
        let made = self.try_call(TOUCH, move |card| piv::generate(card, id, kind, pin, touch));
        let made = made.map_err(|error| match error {
            CallError::Card(yubikey::Error::AlgorithmError) => self.unsupported(format!(
                "makes no {algorithm} key with the PIN policy {pin_policy} and the touch policy {touch_policy}"
            )),
            error => error.of(self.label(), GENERATE),
        })?;
        let made = made.to_der().map_err(|_| self.malformed(GENERATE))?;
        let public = PublicKey::from_spki_der(&made).map_err(|_| self.malformed(GENERATE))?;
        let key = SlotKey::new(self.clone(), slot, public, Some(pin_policy), Some(touch_policy))?;
        Ok(match owner {
            Some(owner) => key.owned_by(owner.clone()),
            None => key,
        })
    }

    /// What takes `slot`, as far as the card tells.
    fn taken(&self, slot: Slot) -> Result<Option<&'static str>, DeviceError> {
        match self.slot(slot)? {
            Some(content) if self.tells() || content.generated.is_some() => Ok(Some("a key")),
            Some(_) => Ok(Some("a certificate")),
            // Firmware that does not tell was asked for its certificate already.
            None if !self.tells() => Ok(None),
            None => Ok(self.stored_certificate(slot)?.map(|_| "a certificate")),
        }
    }

    /// Shows the card the management key. Wrong ones are not counted, so that a person may go on.
    fn authenticate(&self, owner: Option<&Name>, ask: &mut dyn Ask) -> Result<(), DeviceError> {
        // Where the card does not tell, a try with the published key is harmless: wrong ones are not counted.
        if self.is_default(ManagementSlotId::Management)?.unwrap_or(true) {
            match self.try_call(ANSWER, |card| MgmKey::get_default(card).and_then(|key| card.authenticate(&key))) {
                Ok(()) => return Ok(()),
                Err(CallError::Card(yubikey::Error::AuthenticationError)) => {}
                Err(error) => return Err(error.of(self.label(), AUTHENTICATE)),
            }
        }
        if let Some(key) = self.protected_management_key(owner, ask)? {
            return self.authenticate_with(key);
        }
        let algorithm = self.management_algorithm()?;
        self.forget_pin();
        loop {
            let Err(error) = self.authenticate_by_hand(algorithm, owner, ask) else { return Ok(()) };
            if !error.refusal(Secret::ManagementKey).is_some_and(|refusal| ask.again(&refusal)) {
                return Err(error);
            }
        }
    }

    fn authenticate_by_hand(
        &self,
        algorithm: MgmAlgorithmId,
        owner: Option<&Name>,
        ask: &mut dyn Ask,
    ) -> Result<(), DeviceError> {
        let device = || self.label().to_owned();
        let request = PinRequest {
            secret: Secret::ManagementKey,
            device: device(),
            owner: owner.cloned(),
            tries: Tries::Unknown,
        };
        let answer = ask.pin(request).map_err(|source| DeviceError::NoManagementKey { device: device(), source })?;
        let length = match algorithm {
            MgmAlgorithmId::Aes128 => 16,
            MgmAlgorithmId::Aes256 => 32,
            MgmAlgorithmId::ThreeDes | MgmAlgorithmId::Aes192 => 24,
        };
        let bytes = Zeroizing::new(hex::decode(answer.expose()).unwrap_or_default());
        match MgmKey::from_bytes(&*bytes, Some(algorithm)) {
            Ok(key) => self.authenticate_with(key),
            Err(_) => Err(DeviceError::ManagementKeyForm { device: device(), length }),
        }
    }

    /// The management key that the card keeps behind its PIN; none if it keeps none there.
    fn protected_management_key(&self, owner: Option<&Name>, ask: &mut dyn Ask) -> Result<Option<MgmKey>, DeviceError> {
        let verified = match self.verify_pin(owner, ask) {
            // Another program reset the card: once more, with the same PIN.
            Err(Verify::Reset) => {
                self.reopen()?;
                self.verify_pin(owner, ask)
            }
            other => other,
        };
        verified.map_err(|error| match error {
            Verify::Reset => DeviceError::Disturbed { device: self.label().to_owned() },
            Verify::Refused(error) => error,
        })?;
        // What it answers where there is none differs from firmware to firmware. The key itself decides.
        match self.try_call(ANSWER, MgmKey::get_protected) {
            Ok(key) => Ok(Some(key)),
            Err(CallError::Card(yubikey::Error::PcscError { inner })) => {
                Err(CallError::Card(yubikey::Error::PcscError { inner }).of(self.label(), "GET DATA"))
            }
            Err(CallError::Card(_)) => Ok(None),
            Err(error) => Err(error.of(self.label(), "GET DATA")),
        }
    }

    fn authenticate_with(&self, key: MgmKey) -> Result<(), DeviceError> {
        match self.try_call(ANSWER, move |card: &mut YubiKey| card.authenticate(&key)) {
            Err(CallError::Card(yubikey::Error::AuthenticationError)) => {
                Err(DeviceError::WrongManagementKey { device: self.label().to_owned() })
            }
            answer => answer.map_err(|error| error.of(self.label(), AUTHENTICATE)),
        }
    }

    fn management_algorithm(&self) -> Result<MgmAlgorithmId, DeviceError> {
        if !self.tells() {
            return Ok(MgmAlgorithmId::ThreeDes);
        }
        let slot = SlotId::Management(ManagementSlotId::Management);
        match self.call("GET METADATA", move |card| piv::metadata(card, slot))?.algorithm {
            SlotAlgorithmId::Management(algorithm) => Ok(algorithm),
            _ => Err(self.malformed("GET METADATA")),
        }
    }
}

const AUTHENTICATE: &str = "GENERAL AUTHENTICATE";
const GENERATE: &str = "GENERATE ASYMMETRIC KEY PAIR";
