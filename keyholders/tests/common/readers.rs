//! Virtual YubiKeys behind a real pcscd, in the process of the test.
#![allow(dead_code, reason = "each test uses a part of it")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use std::{env, fs};

use ceremony::PublicKey;
use keyholders::piv::{self, SlotKey};
use keyholders::{Action, Ask, AskError, Name, Pin, PinRequest, Slot};
use virtual_yubikey::{Algorithm, Authority, Card, Firmware, PinPolicy, Profile, Reader, Rig, TouchPolicy};

use super::common::Script;

pub(crate) const PIN: &str = "123456";
pub(crate) const MESSAGE: &[u8] = b"what is signed";

/// Runs `body` in a process of its own that finds pcscd at the path that `body` is given, where none is yet.
pub(crate) fn in_process(test: &str, body: impl FnOnce(&Path)) {
    if let Some(socket) = own_process(test) {
        body(&socket);
    }
}

/// Runs `body` in a process of its own that sees four readers and nothing else.
pub(crate) fn in_readers(test: &str, body: impl FnOnce(&Rig)) {
    in_process(test, |socket| {
        let rig = Rig::start().unwrap();
        show(&rig, socket);
        body(&rig);
    });
}

/// Where this process finds pcscd, if it was started for this test alone; else it starts that process and waits for its
/// success.
///
/// The library that talks to pcscd takes its place from the environment, and a running process cannot change its
/// environment safely: so the test starts itself again with it.
fn own_process(test: &str) -> Option<PathBuf> {
    if let Some(socket) = env::var_os("PCSCLITE_CSOCK_NAME").filter(|_| env::var_os(MARK).is_some()) {
        return Some(socket.into());
    }
    let directory = env::temp_dir().join(format!("trustroot-{test}-{}", std::process::id()));
    fs::create_dir_all(&directory).unwrap();
    let output = Command::new(env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env("PCSCLITE_CSOCK_NAME", directory.join("pcscd.comm"))
        .env(MARK, "")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}\n{said}");
    fs::remove_dir_all(&directory).unwrap();
    None
}

/// The variable of a process that was started for one test.
const MARK: &str = "TRUSTROOT_TEST_READERS";

/// Lets this process find the daemon of `rig` at `socket`.
pub(crate) fn show(rig: &Rig, socket: &Path) {
    let _ = fs::remove_file(socket);
    std::os::unix::fs::symlink(rig.environment().1, socket).unwrap();
}

/// A new YubiKey, not plugged in yet. Somebody touches it as soon as it waits for a touch.
pub(crate) fn card(serial: u32, firmware: Firmware) -> Card {
    let profile = Profile::new(firmware).serial(serial).touch_timeout(Duration::from_millis(200));
    Card::new(profile, &Authority::test())
}

/// A new YubiKey that is plugged in, with a P-256 key in slot 9c.
pub(crate) fn plugged(
    rig: &Rig,
    serial: u32,
    firmware: Firmware,
    pin: PinPolicy,
    touch: TouchPolicy,
) -> (Card, Reader) {
    let card = card(serial, firmware);
    card.generate(virtual_yubikey::Slot::SIGNATURE, Algorithm::EccP256, pin, touch);
    let reader = rig.insert(&card).unwrap();
    (card, reader)
}

/// The YubiKey with this serial number, as this program opens it.
pub(crate) fn opened(serial: u32) -> piv::Card {
    let found = piv::cards().unwrap();
    let card = found.cards.iter().find(|card| card.serial() == serial).cloned();
    card.unwrap_or_else(|| panic!("{found:?}"))
}

/// The key in slot 9c of a YubiKey, which is alice's.
pub(crate) fn key(serial: u32) -> SlotKey {
    opened(serial).key(Slot::default()).unwrap().owned_by(Name::new("alice").unwrap())
}

/// A key that was made in a slot, as the rest of the program knows it.
pub(crate) fn public(info: &[u8]) -> PublicKey {
    PublicKey::from_spki_der(info).unwrap()
}

/// The instructions that reached a card, without their parameters.
pub(crate) fn instructions(card: &Card) -> Vec<u8> {
    card.log().iter().map(|apdu| apdu.instruction).collect()
}

/// Somebody who does something when asked for the PIN, before it is given, and when told to touch.
pub(crate) struct Busy<P, T> {
    pub(crate) script: Script,
    pub(crate) before_pin: P,
    pub(crate) at_touch: T,
}

impl<P: FnMut(), T: FnMut()> Ask for Busy<P, T> {
    fn pin(&mut self, request: PinRequest) -> Result<Pin, AskError> {
        (self.before_pin)();
        self.script.pin(request)
    }

    fn act(&mut self, action: Action) {
        (self.at_touch)();
        self.script.act(action);
    }
}
