//! A key in a YubiKey, on its way into a record.

use std::path::PathBuf;

use ceremony::policy::DevicePolicy;
use ceremony::{Algorithm, Firmware, PinPolicy, TouchPolicy};
use keyholders::{Home, Kind, Name, Pin, Roster, RosterError, Slot};

use super::key::{Opened, Reach};
use crate::ask::{Person, secret_file};
use crate::devices::{ListedYubikey, NewKey, Yubikeys};
use crate::error::Failure;
use crate::ui::Ui;

/// The PIN that every new YubiKey has, as its vendor publishes it.
const FACTORY_PIN: &str = "123456";

/// The shortest and the longest PIN.
const LEAST: usize = *Pin::PIV_LENGTH.start();
const MOST: usize = *Pin::PIV_LENGTH.end();

#[derive(clap::Args)]
pub(super) struct YubikeyArgs {
    /// The key in a YubiKey; with --generate, made there
    #[arg(long)]
    pub(super) yubikey: bool,
    /// Which YubiKey, by the number that is printed on it; not needed while only one is plugged in
    #[arg(long, value_name = "NUMBER", requires = "yubikey")]
    serial: Option<u32>,
    /// The slot of the key: 9a, 9c, 9d, 9e, or one of 82 to 95; by default 9c, for signatures
    #[arg(long, value_name = "SLOT", requires = "yubikey")]
    slot: Option<Slot>,
    /// When a new key wants the PIN: never, once (for a session) or always (for each signature)
    #[arg(long, value_name = "POLICY", requires = "yubikey")]
    pin_policy: Option<PinPolicy>,
    /// When a new key wants a touch: never, cached (one is good for 15 seconds) or always
    #[arg(long, value_name = "POLICY", requires = "yubikey")]
    touch_policy: Option<TouchPolicy>,
    /// Read the management key, in hex, from this file instead of asking for it: what a new key is made with, where it is
    /// neither the one of every new YubiKey nor kept behind the PIN
    #[arg(long, value_name = "FILE", requires = "yubikey")]
    management_key_file: Option<PathBuf>,
    /// The slot is known to be empty, where the firmware does not tell: before 5.3
    #[arg(long, requires = "yubikey")]
    slot_is_empty: bool,
    /// Change the PIN that every new YubiKey has to the one in this file
    #[arg(long, value_name = "FILE", requires = "yubikey")]
    new_pin_file: Option<PathBuf>,
    /// Leave the PIN as it is, also where every new YubiKey has it
    #[arg(long, requires = "yubikey", conflicts_with = "new_pin_file")]
    keep_pin: bool,
}

/// The key in a YubiKey that is to be enrolled.
pub(super) struct InYubikey {
    serial: Option<u32>,
    slot: Slot,
    generate: Option<Algorithm>,
}

impl InYubikey {
    /// One that a person picked from a list.
    pub(super) fn picked(serial: u32, slot: Slot, generate: Option<Algorithm>) -> Self {
        Self { serial: Some(serial), slot, generate }
    }
}

impl YubikeyArgs {
    /// Where the key is, as the flags say it.
    pub(super) fn source(&self, generate: Option<Algorithm>) -> InYubikey {
        InYubikey { serial: self.serial, slot: self.slot(), generate }
    }

    /// The slot that a new key goes to.
    pub(super) fn slot(&self) -> Slot {
        self.slot.unwrap_or_default()
    }

    /// Opens the key, or makes it.
    pub(super) fn open(
        &self,
        source: &InYubikey,
        reach: &Reach<'_>,
        policy: &DevicePolicy,
        roster: &Roster,
        (name, kind): (&Name, Kind),
        person: &mut Person<'_>,
    ) -> Result<Opened, Failure> {
        if let Some(file) = &self.management_key_file {
            person.with_management_key(file)?;
        }
        let yubikeys = reach.yubikeys();
        let serial = yubikeys.serial(source.serial)?;
        let slot = source.slot;
        let home = Home::Yubikey { serial, slot };
        let refused = |error: RosterError| Failure::no(error.to_string());
        roster.may_use(&home, name, kind).map_err(refused)?;
        if roster.others_anywhere(name) {
            roster.may_join(&yubikeys.keys(serial)?, &home, name, kind).map_err(refused)?;
        }
        let about = yubikeys.about(serial)?;
        person.ui().say(format!("{home}, {}; firmware {}; PIN: {}", slot.purpose(), about.firmware, about.tries));
        self.factory_secrets(yubikeys, &about, person)?;
        let key = match source.generate {
            None => yubikeys.existing(serial, slot, name)?,
            Some(algorithm) => {
                let (pin_policy, touch_policy) = self.policies(policy, person.ui())?;
                let known_empty = self.known_empty(slot, about.firmware, person.ui())?;
                let new = NewKey { slot, algorithm, pin_policy, touch_policy, known_empty };
                yubikeys.generate(serial, &new, name, person)?
            }
        };
        Opened::in_yubikey(key, source.generate.is_some())
    }

    /// Whether the person knows that the slot is empty, where the YubiKey does not tell.
    fn known_empty(&self, slot: Slot, firmware: Firmware, ui: &mut Ui) -> Result<bool, Failure> {
        if self.slot_is_empty || firmware.tells() || !ui.has_terminal() {
            return Ok(self.slot_is_empty);
        }
        ui.say(format!(
            "Firmware {firmware} does not tell of a key that was put into a slot without a certificate. A new key would \
             destroy it."
        ));
        ui.confirm("--slot-is-empty", &format!("Do you know that slot {slot} is empty?"), Some(false))
    }

    /// Says which secrets everybody knows, and changes the PIN if the person wants it.
    fn factory_secrets(
        &self,
        yubikeys: &Yubikeys,
        about: &ListedYubikey,
        person: &mut Person<'_>,
    ) -> Result<(), Failure> {
        if !about.defaults.is_empty() {
            let names = about.defaults.join(", ");
            person.ui().say(format!(
                "Warning: this YubiKey still has what every new one has, and everybody can look up: {names}. Whoever has it \
                 in hand can sign with it, block it, or make keys in it. `ykman piv access` changes all three."
            ));
        }
        if !about.defaults.contains(&"PIN") {
            return self.another_pin(about, person.ui());
        }
        if self.keep_pin {
            return Ok(());
        }
        let new = match &self.new_pin_file {
            Some(file) => secret_file(file)?,
            None if !person.ui().has_terminal() => return Ok(()),
            None => {
                if !person.ui().confirm("--new-pin-file FILE or --keep-pin", "Change the PIN now?", Some(true))? {
                    return Ok(());
                }
                let question = format!("New PIN, {LEAST} to {MOST} characters");
                person.ui().new_secret("--new-pin-file", &question, fits)?
            }
        };
        yubikeys.change_pin(about.serial, &Pin::new(FACTORY_PIN.to_owned())?, &new)?;
        person.ui().say("The PIN is changed.");
        Ok(())
    }

    /// Where the PIN is not the one of every new YubiKey, as far as the YubiKey tells, it is not changed: to find out would
    /// cost a try.
    fn another_pin(&self, about: &ListedYubikey, ui: &mut Ui) -> Result<(), Failure> {
        let Some(file) = &self.new_pin_file else { return Ok(()) };
        let (serial, firmware) = (about.serial, about.firmware);
        if !firmware.tells() {
            let message =
                format!("firmware {firmware} does not tell whether the YubiKey {serial} has its first PIN still");
            let hint = "leave --new-pin-file out, and change the PIN with `ykman piv access change-pin`";
            return Err(Failure::could_not(message).hint(hint));
        }
        ui.say(format!("The PIN was changed before: the one in {} is not used.", file.display()));
        Ok(())
    }

    /// When the new key wants PIN and touch: at least what the policy of the trust root asks for.
    fn policies(&self, policy: &DevicePolicy, ui: &mut Ui) -> Result<(PinPolicy, TouchPolicy), Failure> {
        let weaker = |what: &str, chosen: String, least: String| {
            let message =
                format!("the policy of this trust root wants the {what} policy {least} at least, not {chosen}");
            Failure::no(message).hint("it is fixed for the life of the key")
        };
        let least = policy.pin_policy.unwrap_or(PinPolicy::Never);
        let pin_policy = match self.pin_policy {
            Some(chosen) if chosen < least => return Err(weaker("PIN", chosen.to_string(), least.to_string())),
            Some(chosen) => chosen,
            None => {
                let all = [
                    (PinPolicy::Always, "always: the PIN for each signature"),
                    (PinPolicy::Once, "once: the PIN once, then signatures until the YubiKey is pulled"),
                    (PinPolicy::Never, "never: whoever has the YubiKey can sign"),
                ];
                pick("--pin-policy", "When shall the key want the PIN?", &all, least, ui)?
            }
        };
        let least = policy.touch_policy.unwrap_or(TouchPolicy::Never);
        let touch_policy = match self.touch_policy {
            Some(chosen) if chosen < least => return Err(weaker("touch", chosen.to_string(), least.to_string())),
            Some(chosen) => chosen,
            None => {
                let all = [
                    (TouchPolicy::Always, "always: a touch for each signature"),
                    (TouchPolicy::Cached, "cached: a touch is good for the next 15 seconds"),
                    (TouchPolicy::Never, "never: a program with the PIN can sign when nobody looks"),
                ];
                pick("--touch-policy", "When shall the key want a touch?", &all, least, ui)?
            }
        };
        Ok((pin_policy, touch_policy))
    }
}

/// Whether a new PIN is of use, before it is typed once more.
fn fits(pin: &Pin) -> Result<(), String> {
    match pin.expose() {
        FACTORY_PIN => Err("That is the PIN that every new YubiKey has.".to_owned()),
        text if Pin::PIV_LENGTH.contains(&text.len()) => Ok(()),
        text => Err(format!("The PIN of a YubiKey has {LEAST} to {MOST} bytes, and this one has {}.", text.len())),
    }
}

fn pick<T: Copy + PartialOrd>(
    flag: &str,
    question: &str,
    all: &[(T, &str)],
    least: T,
    ui: &mut Ui,
) -> Result<T, Failure> {
    let allowed: Vec<_> = all.iter().filter(|(value, _)| *value >= least).collect();
    let items: Vec<_> = allowed.iter().map(|(_, text)| (*text).to_owned()).collect();
    let index = ui.select(flag, question, &items)?;
    let picked = allowed.get(index).map(|(value, _)| *value);
    picked.ok_or_else(|| Failure::could_not("no answer").hint(format!("answer it with {flag}")))
}
