//! YubiKeys, as commands use them.

use ceremony::PublicKey;
use keyholders::piv::{self, Card, Defaults, SlotContent, SlotKey, Template};
use keyholders::{Ask, Device, DeviceError, Home, Name, Pin, Record, RecordKey, Roster, Slot, State};

use super::listing::{ListedSlot, ListedYubikey, Listing};
use super::{InYubikeys, KeyInYubikey, NewKey, is_view};
use crate::error::Failure;

/// The YubiKeys that are plugged in.
pub(crate) struct Yubikeys {
    cards: Vec<Card>,
    /// One sentence for each that is of no use.
    problems: Vec<String>,
    /// Why none could be looked for.
    no_service: Option<String>,
}

impl Yubikeys {
    /// Opens all that are plugged in.
    pub(crate) fn open() -> Self {
        match piv::cards() {
            Ok(found) => Self { cards: found.cards, problems: found.problems, no_service: None },
            Err(error) => Self { cards: Vec::new(), problems: Vec::new(), no_service: Some(error.to_string()) },
        }
    }

    /// Why none could be looked for: what talks to smart cards does not run, which matters only where there are some.
    pub(crate) fn no_service(&self) -> Option<&str> {
        self.no_service.as_deref()
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.cards.len()
    }

    /// Adds all of them to `listing`, with what is in their slots.
    pub(super) fn list(&self, listing: &mut Listing) {
        listing.problems.extend(self.problems.iter().cloned().chain(self.no_service.clone()));
        for card in &self.cards {
            match listed(card) {
                Ok(yubikey) => listing.yubikeys.push(yubikey),
                Err(error) => listing.problems.push(error.to_string()),
            }
        }
    }

    /// The keys in them that are somebody's in `roster`, and what kept others from being found.
    ///
    /// A YubiKey that is on record is asked for no more than the slots on record, unless somebody has a key on record that
    /// a module reaches in one; another YubiKey, for all its slots, since a key that was adopted may be in it.
    pub(crate) fn devices(&self, roster: &Roster) -> InYubikeys {
        let mut found = InYubikeys { problems: self.problems.clone(), ..InYubikeys::default() };
        for card in &self.cards {
            let recorded: Vec<_> = on_record(roster, card.serial()).collect();
            let mut keys: Vec<_> = recorded
                .iter()
                .map(|(record, key, slot)| (record.name(), card.known_key(*slot, key.public_key())))
                .collect();
            if recorded.is_empty() || is_used_through_a_module(roster) {
                let slots = match card.slots() {
                    Ok(slots) => slots,
                    Err(error) => {
                        found.problems.push(error.to_string());
                        continue;
                    }
                };
                let is_new = |slot: Slot| recorded.iter().all(|(_, _, known)| *known != slot);
                let owned = |content: &SlotContent| {
                    let public = content.public_key.as_ref().ok().filter(|_| is_new(content.slot))?;
                    Some((roster.owner(public)?.name(), card.known_key(content.slot, public)))
                };
                keys.extend(slots.iter().filter_map(owned));
                if keys.is_empty() {
                    found.problems.push(format!("{} is plugged in, and holds nobody's key on record", card.label()));
                }
            }
            for (owner, key) in keys {
                match key {
                    Ok(key) => {
                        if !recorded.is_empty() {
                            found.direct.push(key.public_key().fingerprint());
                        }
                        found.devices.push(Box::new(key.owned_by(owner.clone())));
                    }
                    Err(error) => found.problems.push(error.to_string()),
                }
            }
        }
        found
    }

    /// The serial number of the one that is meant: the only one that is plugged in, if none is named.
    pub(crate) fn serial(&self, named: Option<u32>) -> Result<u32, Failure> {
        let failure = match (named, self.cards.as_slice()) {
            (None, [card]) => return Ok(card.serial()),
            (Some(serial), cards) if cards.iter().any(|card| card.serial() == serial) => return Ok(serial),
            (_, []) => Failure::could_not("no YubiKey is plugged in"),
            (None, _) => Failure::could_not(format!("several YubiKeys are plugged in: {}", self.serials()))
                .hint("say which one with --serial, or pull the others"),
            (Some(serial), _) => {
                let present = self.serials();
                Failure::could_not(format!("the YubiKey {serial} is not plugged in; there is {present}"))
            }
        };
        let causes = self.no_service.iter().chain(&self.problems);
        Err(causes.fold(failure, |failure, problem| failure.and_cause(problem)))
    }

    /// What there is to know of one before it is used. Its slots are left out.
    pub(crate) fn about(&self, serial: u32) -> Result<ListedYubikey, Failure> {
        Ok(about(self.card(serial)?, Vec::new())?)
    }

    /// The keys in all slots of one.
    pub(crate) fn keys(&self, serial: u32) -> Result<Vec<PublicKey>, Failure> {
        let slots = self.card(serial)?.slots()?;
        Ok(slots.into_iter().filter_map(|content| content.public_key.ok()).collect())
    }

    /// Opens the key that `home` names, which must be `public`.
    pub(crate) fn key(
        &self,
        (serial, slot): (u32, Slot),
        public: &PublicKey,
        owner: &Name,
    ) -> Result<Box<dyn Device>, Failure> {
        Ok(Box::new(self.card(serial)?.known_key(slot, public)?.owned_by(owner.clone())))
    }

    /// Opens the key that is in a slot.
    pub(crate) fn existing(&self, serial: u32, slot: Slot, owner: &Name) -> Result<KeyInYubikey, Failure> {
        attested(self.card(serial)?.key(slot)?.owned_by(owner.clone()), slot)
    }

    /// Makes a key.
    pub(crate) fn generate(
        &self,
        serial: u32,
        new: &NewKey,
        owner: &Name,
        ask: &mut dyn Ask,
    ) -> Result<KeyInYubikey, Failure> {
        let NewKey { slot, algorithm, pin_policy, touch_policy, known_empty } = *new;
        let template = Template { slot, algorithm, pin_policy, touch_policy, known_empty };
        let key = self.card(serial)?.generate(&template, Some(owner), ask)?;
        attested(key, slot).map_err(|failure| failure.hint(KeyInYubikey::hint(serial, slot)))
    }

    /// Changes the PIN.
    pub(crate) fn change_pin(&self, serial: u32, present: &Pin, new: &Pin) -> Result<(), Failure> {
        Ok(self.card(serial)?.change_pin(present, new)?)
    }

    fn card(&self, serial: u32) -> Result<&Card, Failure> {
        let serial = self.serial(Some(serial))?;
        let card = self.cards.iter().find(|card| card.serial() == serial);
        card.ok_or_else(|| Failure::could_not(format!("the YubiKey {serial} is not plugged in")))
    }

    fn serials(&self) -> String {
        self.cards.iter().map(|card| card.serial().to_string()).collect::<Vec<_>>().join(", ")
    }
}

fn attested(key: SlotKey, slot: Slot) -> Result<KeyInYubikey, Failure> {
    let attestation = key.card().attestation(slot)?;
    Ok(KeyInYubikey { home: key.home(), attestation, device: Box::new(key) })
}

fn listed(card: &Card) -> Result<ListedYubikey, DeviceError> {
    let slots = card.slots()?.into_iter().map(|content| ListedSlot {
        slot: content.slot,
        key: content.public_key,
        pin_policy: content.pin_policy,
        touch_policy: content.touch_policy,
    });
    about(card, slots.collect())
}

fn about(card: &Card, keys: Vec<ListedSlot>) -> Result<ListedYubikey, DeviceError> {
    let defaults = card.defaults()?.map(unchanged).unwrap_or_default();
    Ok(ListedYubikey { serial: card.serial(), firmware: card.firmware(), tries: card.tries()?, defaults, keys })
}

/// The names of the secrets that are still what every new YubiKey has.
fn unchanged(defaults: Defaults) -> Vec<&'static str> {
    let all = [(defaults.pin, "PIN"), (defaults.puk, "PUK"), (defaults.management_key, "management key")];
    all.into_iter().filter_map(|(unchanged, name)| unchanged.then_some(name)).collect()
}

/// Whether somebody has a key on record that a module reaches in what may be a YubiKey.
fn is_used_through_a_module(roster: &Roster) -> bool {
    roster.records().iter().flat_map(Record::keys).filter_map(RecordKey::uri).any(is_view)
}

/// The keys on record in the YubiKey with this serial number that are not retired.
fn on_record(roster: &Roster, serial: u32) -> impl Iterator<Item = (&Record, &RecordKey, Slot)> {
    let keys = roster.records().iter().flat_map(|record| record.keys().iter().map(move |key| (record, key)));
    keys.filter_map(move |(record, key)| match key.home() {
        Home::Yubikey { serial: there, slot } if *there == serial && key.state() != State::Retired => {
            Some((record, key, *slot))
        }
        _ => None,
    })
}
