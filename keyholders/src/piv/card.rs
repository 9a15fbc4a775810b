//! One YubiKey.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use ceremony::PublicKey;
use ceremony::device::{Firmware, PinPolicy, TouchPolicy};
use pkcs8::der::Encode as _;
use yubikey::YubiKey;
use yubikey::piv::{self, ManagementSlotId, SlotId};

use super::call::CallError;
use super::key::SlotKey;
use super::login::Login;
use super::worker::{ANSWER, Worker, readers};
use crate::ask::Tries;
use crate::device::DeviceError;
use crate::slot::Slot;
use crate::text::escaped;

/// A YubiKey that is, or was, plugged in.
///
/// Clones share one handle and one login: whoever gave the PIN for one key of it need not give it for the next.
#[derive(Clone)]
pub struct Card {
    serial: u32,
    firmware: Firmware,
    label: String,
    shared: Rc<RefCell<Shared>>,
}

/// The handle, while there is one, and what is known of the PIN.
pub(super) struct Shared {
    reader: String,
    pub(super) worker: Option<Worker>,
    pub(super) login: Login,
}

/// What is in a slot.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SlotContent {
    /// The slot.
    pub slot: Slot,
    /// The key, or what is there instead of one that this program signs with. Escaped.
    pub public_key: Result<PublicKey, String>,
    /// When the key wants the PIN, where the card says it.
    pub pin_policy: Option<PinPolicy>,
    /// When the key wants a touch, where the card says it.
    pub touch_policy: Option<TouchPolicy>,
    /// Whether the key was made in the card, on its own word.
    pub generated: Option<bool>,
}

/// Which secrets of a YubiKey are still what every new YubiKey has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Defaults {
    /// The PIN is 123456.
    pub pin: bool,
    /// The PUK, which unblocks a blocked PIN, is 12345678.
    pub puk: bool,
    /// The management key, with which keys are made, is the published one.
    pub management_key: bool,
}

impl Card {
    pub(super) fn new(worker: Worker) -> Self {
        let (serial, firmware) = (worker.identity.serial, worker.identity.firmware);
        let reader = worker.identity.reader.clone();
        let shared = Shared { reader, worker: Some(worker), login: Login::default() };
        let label = format!("the YubiKey {serial}");
        Self { serial, firmware, label, shared: Rc::new(RefCell::new(shared)) }
    }

    /// The serial number, as it is printed on the device.
    pub fn serial(&self) -> u32 {
        self.serial
    }

    /// The version of the firmware.
    pub fn firmware(&self) -> Firmware {
        self.firmware
    }

    /// The YubiKey in words for a person.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// What is in `slot`; none if it is empty. Firmware before 5.3 does not tell of keys that were imported without a
    /// certificate.
    ///
    /// # Errors
    /// If the card is gone or does not answer as a YubiKey does.
    pub fn slot(&self, slot: Slot) -> Result<Option<SlotContent>, DeviceError> {
        match self.tells() {
            true => self.described(slot),
            false => self.attested_or_certified(slot),
        }
    }

    /// What is in all slots that are not empty.
    ///
    /// # Errors
    /// As [`slot`](Self::slot).
    pub fn slots(&self) -> Result<Vec<SlotContent>, DeviceError> {
        Slot::all().filter_map(|slot| self.slot(slot).transpose()).collect()
    }

    /// The key in `slot`, ready to sign. The card is asked what the key wants, where it tells; where it does not, the
    /// key is taken to want the PIN and a touch each time.
    ///
    /// # Errors
    /// If there is no key of a kind that this program signs with; and as [`slot`](Self::slot).
    pub fn key(&self, slot: Slot) -> Result<SlotKey, DeviceError> {
        let content = self.slot(slot)?.ok_or_else(|| self.unsupported(format!("has no key in slot {slot}")))?;
        let public = content.public_key.map_err(|what| self.unsupported(format!("has {what} in slot {slot}")))?;
        SlotKey::new(self.clone(), slot, public, content.pin_policy, content.touch_policy)
    }

    /// The key in `slot`, which is known already, ready to sign: for cards that do not tell what is in a slot.
    ///
    /// # Errors
    /// As [`key`](Self::key), and if another key is there, where the card tells.
    pub fn known_key(&self, slot: Slot, public: &PublicKey) -> Result<SlotKey, DeviceError> {
        if !self.tells() {
            return SlotKey::new(self.clone(), slot, public.clone(), None, None);
        }
        let key = self.key(slot)?;
        match key.public() == public {
            true => Ok(key),
            false => {
                let (found, wanted) = (key.public().fingerprint().short(), public.fingerprint().short());
                Err(self.unsupported(format!("has the key {found} in slot {slot}, not {wanted}")))
            }
        }
    }

    /// How many tries are left for the PIN.
    ///
    /// # Errors
    /// If the card is gone or does not answer.
    pub fn tries(&self) -> Result<Tries, DeviceError> {
        self.counter().map_err(|error| error.of(&self.label, "GET METADATA"))
    }

    pub(super) fn counter(&self) -> Result<Tries, CallError> {
        if self.tells() {
            let pin = SlotId::Management(ManagementSlotId::Pin);
            let metadata = self.try_call(ANSWER, move |card| piv::metadata(card, pin))?;
            return Ok(metadata.retries.map_or(Tries::Unknown, |retries| {
                Tries::of_counter(retries.remaining_count, Some(retries.retry_count))
            }));
        }
        // This selects the application again, which takes a verified PIN away.
        let left = self.try_call(ANSWER, YubiKey::get_pin_retries)?;
        self.shared.borrow_mut().login.taken_away();
        Ok(Tries::of_counter(left, None))
    }

    /// Which secrets were never changed; none where the firmware does not tell, before 5.3.
    ///
    /// # Errors
    /// If the card is gone or does not answer.
    pub fn defaults(&self) -> Result<Option<Defaults>, DeviceError> {
        let of = |which| self.is_default(which);
        let defaults = (of(ManagementSlotId::Pin)?, of(ManagementSlotId::Puk)?, of(ManagementSlotId::Management)?);
        let (Some(pin), Some(puk), Some(management_key)) = defaults else { return Ok(None) };
        Ok(Some(Defaults { pin, puk, management_key }))
    }

    /// Whether one of the secrets was never changed; none where the firmware does not tell.
    pub(super) fn is_default(&self, which: ManagementSlotId) -> Result<Option<bool>, DeviceError> {
        if !self.tells() {
            return Ok(None);
        }
        let slot = SlotId::Management(which);
        let metadata = self.call("GET METADATA", move |card| piv::metadata(card, slot))?;
        Ok(Some(metadata.default.unwrap_or(false)))
    }

    /// Whether the firmware describes its slots and its secrets.
    pub(super) fn tells(&self) -> bool {
        self.firmware.tells()
    }

    pub(super) fn described(&self, slot: Slot) -> Result<Option<SlotContent>, DeviceError> {
        let id = slot_id(slot);
        let metadata = match self.try_call(ANSWER, move |card| piv::metadata(card, id)) {
            Err(CallError::Card(yubikey::Error::NotFound)) => return Ok(None),
            // What is there is of a kind that the library below does not know.
            Err(CallError::Card(yubikey::Error::AlgorithmError)) => {
                let public_key = Err("a key of an unknown kind".to_owned());
                let unknown = SlotContent { slot, public_key, pin_policy: None, touch_policy: None, generated: None };
                return Ok(Some(unknown));
            }
            answer => answer.map_err(|error| error.of(&self.label, "GET METADATA"))?,
        };
        let public = metadata.public.ok_or_else(|| self.malformed("GET METADATA"))?;
        let public = public.to_der().map_err(|_| self.malformed("GET METADATA"))?;
        let (pin, touch) = metadata.policy.unzip();
        Ok(Some(SlotContent {
            slot,
            public_key: usable(&public),
            pin_policy: pin.and_then(|policy| PinPolicy::from_byte(policy.into())),
            touch_policy: touch.and_then(|policy| TouchPolicy::from_byte(policy.into())),
            generated: metadata.origin.map(|origin| origin == piv::Origin::Generated),
        }))
    }

    fn attested_or_certified(&self, slot: Slot) -> Result<Option<SlotContent>, DeviceError> {
        let content = |public_key, generated| {
            Some(SlotContent { slot, public_key, pin_policy: None, touch_policy: None, generated })
        };
        if let Some(attestation) = self.attest(slot)? {
            return Ok(content(usable(attestation.spki_der()), Some(true)));
        }
        let stored = self.stored_certificate(slot)?;
        Ok(stored.and_then(|stored| match stored {
            Ok(certificate) => content(usable(certificate.spki_der()), None),
            Err(_) => content(Err("a certificate that this program cannot read, and perhaps a key".to_owned()), None),
        }))
    }

    pub(super) fn shared(&self) -> &RefCell<Shared> {
        &self.shared
    }

    /// One call that needs no person, with its errors named.
    pub(super) fn call<T: Send + 'static>(
        &self,
        command: &'static str,
        job: impl FnOnce(&mut YubiKey) -> Result<T, yubikey::Error> + Send + 'static,
    ) -> Result<T, DeviceError> {
        self.try_call(ANSWER, job).map_err(|error| error.of(&self.label, command))
    }

    /// One call. A handle that is of no use any more is let go: the next call that may look for the card again does.
    pub(super) fn try_call<T: Send + 'static>(
        &self,
        limit: Duration,
        job: impl FnOnce(&mut YubiKey) -> Result<T, yubikey::Error> + Send + 'static,
    ) -> Result<T, CallError> {
        let mut shared = self.shared.borrow_mut();
        let removed = CallError::Card(yubikey::Error::PcscError { inner: Some(pcsc::Error::RemovedCard) });
        let answer = shared.worker.as_ref().ok_or(removed)?.call(limit, job);
        let useless = |error: &CallError| {
            let broken = matches!(error, CallError::Malformed | CallError::TimedOut { .. });
            broken || error.is_gone() || error.is_reset() || error.is_without_service()
        };
        if answer.as_ref().err().is_some_and(useless) {
            shared.worker = None;
            shared.login.taken_away();
        }
        answer
    }

    /// Takes a verified PIN away from the card: before a person is asked something, who may break off there.
    pub(super) fn forget_pin(&self) {
        self.shared.borrow_mut().forget_pin();
    }

    /// What `error` was in truth: the answer of a card that was pulled meanwhile is cut off and says nothing, and only the
    /// next call tells that it is gone.
    pub(super) fn explained(&self, error: CallError) -> CallError {
        if error != CallError::Card(yubikey::Error::GenericError) {
            return error;
        }
        let asked = self.try_call(ANSWER, |card| card.fetch_object(CARDHOLDER));
        asked.err().filter(|now| now.is_gone()).unwrap_or(error)
    }

    /// Opens the card again if its handle was lost, wherever it is plugged in now. Its serial number is read again.
    pub(super) fn reopen(&self) -> Result<(), DeviceError> {
        let mut shared = self.shared.borrow_mut();
        if shared.worker.is_some() {
            return Ok(());
        }
        let mut names = readers().map_err(|error| error.of(&self.label, "the list of readers"))?;
        // Where it was before is the likeliest, and to open another card disturbs whoever uses that one.
        names.sort_by_key(|name| *name != shared.reader);
        let mut present = Vec::new();
        let mut failed = None;
        for name in names {
            match Worker::open(&name) {
                // Firmware is never updated: with another one it is another device, whatever number it says.
                Ok(worker) if (worker.identity.serial, worker.identity.firmware) == (self.serial, self.firmware) => {
                    shared.reader = name;
                    shared.worker = Some(worker);
                    return Ok(());
                }
                Ok(worker) => present.push(worker.identity.serial.to_string()),
                Err(error) if error.is_busy() => failed = Some(DeviceError::Busy { device: self.label.clone() }),
                Err(_) => {}
            }
        }
        let present = match present.is_empty() {
            true => "no YubiKey is".to_owned(),
            false => format!("there is {}", present.join(", ")),
        };
        Err(failed.unwrap_or(DeviceError::NoCard { device: self.label.clone(), present }))
    }

    pub(super) fn unsupported(&self, reason: impl Into<String>) -> DeviceError {
        DeviceError::Unsupported { device: self.label.clone(), reason: reason.into() }
    }

    pub(super) fn malformed(&self, command: &'static str) -> DeviceError {
        DeviceError::Malformed { device: self.label.clone(), command }
    }
}

impl Shared {
    /// Takes a verified PIN away from the card, for whatever program comes next. To select the application again does
    /// that, and disturbs nobody else.
    fn forget_pin(&mut self) {
        if let (true, Some(worker)) = (self.login.is_left_behind(), &self.worker) {
            let _ = worker.call(ANSWER, YubiKey::get_pin_retries);
        }
        self.login.taken_away();
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // A card that is left as it is keeps a verified PIN.
        self.forget_pin();
    }
}

impl fmt::Debug for Card {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Card({}, firmware {})", self.serial, self.firmware)
    }
}

pub(super) fn slot_id(slot: Slot) -> SlotId {
    SlotId::try_from(slot.number()).expect("every slot for a key has an id")
}

/// An object that every card has a place for: the unique identifier of the cardholder.
const CARDHOLDER: u32 = 0x5f_c102;

/// The key of a DER SubjectPublicKeyInfo, or what it is instead of one that a YubiKey signs metadata with.
fn usable(spki: &[u8]) -> Result<PublicKey, String> {
    let key = PublicKey::from_spki_der(spki).map_err(|_| "a key of another kind".to_owned())?;
    match key {
        PublicKey::EcdsaP256(_) | PublicKey::EcdsaP384(_) => Ok(key),
        PublicKey::Ed25519(_) => Err(escaped(
            "an Ed25519 key, which cannot sign metadata: all of it would have to fit into the buffer of the card;",
        )),
        other => Err(format!("an {} key, which signs no metadata here,", other.algorithm())),
    }
}
