//! PKCS#11 modules that reach YubiKeys: Yubico's and OpenSC's, over the real pcscd, beside the way without a module. The
//! cards are virtual.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::path::{Path, PathBuf};
use std::time::Duration;

use common::{Readers, Run, Trustroot};
use virtual_yubikey::{Algorithm, Card, Failure, Fault, Firmware, PinPolicy, Slot, TouchPolicy};

const NONCE: &str = "00112233445566778899aabbccddeeff";
const SERIAL: u32 = 1001;

/// What the two modules call one YubiKey, and how Debian packages them.
const YKCS11: Module = Module {
    names: ["libykcs11.so.2", "libykcs11.so"],
    package: "ykcs11",
    token: "pkcs11:token=YubiKey%20PIV%20%231001;manufacturer=Yubico%20%28www.yubico.com%29;serial=1001",
};
const OPENSC: Module = Module {
    names: ["opensc-pkcs11.so", "pkcs11/opensc-pkcs11.so"],
    package: "opensc-pkcs11",
    token: "pkcs11:manufacturer=piv_II",
};

struct Module {
    names: [&'static str; 2],
    package: &'static str,
    token: &'static str,
}

impl Module {
    /// Where Debian, Fedora and Arch put it.
    fn path(&self) -> PathBuf {
        let places = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib"];
        let paths = places.iter().flat_map(|place| self.names.map(|name| Path::new(place).join(name)));
        let found = paths.into_iter().find(|path| path.exists());
        found.unwrap_or_else(|| panic!("a PKCS#11 module is missing: apt-get install {}", self.package))
    }
}

/// Alice at her YubiKey, beside others with keys in files. The card has a key in 9a and one in 9c that want the PIN
/// each time, and each its certificate, by which modules find them.
struct Desk {
    readers: Readers,
    card: Card,
    alice: Trustroot,
}

impl Desk {
    fn new(firmware: Firmware) -> Self {
        let readers = Readers::new();
        let card = readers.with(SERIAL, firmware);
        for number in [0x9a, 0x9c] {
            let slot = Slot::numbered(number).unwrap();
            card.generate(slot, Algorithm::EccP256, PinPolicy::Always, TouchPolicy::Never);
            card.certify(slot);
        }
        let alice = readers.on(Trustroot::new());
        alice.ok(&[
            "init",
            "--name=Test",
            "--file-keys",
            "--keyholder=alice",
            "--keyholder=bob",
            "--keyholder=carol",
            "--threshold=2",
        ]);
        readers.trust(&alice);
        alice.write("targets/hello.txt", "hello\n");
        for name in ["bob", "carol", "online"] {
            let file = alice.home().join(name);
            let file = file.to_str().unwrap();
            alice.ok(&["keyholder", "enroll", name, "--file", file, "--generate", "--no-passphrase", "--nonce", NONCE]);
        }
        Self { readers, card, alice }
    }

    /// Enrolls the key with this id as alice's.
    fn enroll(&self, module: &Module, more: &[&str]) -> Run {
        let (path, pin) = (module.path(), self.readers.pin_file(&self.alice));
        let fixed = ["keyholder", "enroll", "alice", "--nonce", NONCE, "--pin-file", &pin];
        self.alice.run(&[&fixed[..], &["--module", path.to_str().unwrap()], more].concat())
    }

    fn enroll_existing(&self, module: &Module) {
        let run = self.enroll(module, &["--pkcs11", &format!("{};id=%02", module.token)]);
        assert_eq!(run.code, 0, "{run:?}");
    }

    /// Replaces alice's key by the one in this slot, without a module.
    fn enroll_directly(&self, slot: &str) {
        let (pin, anchor) = (self.readers.pin_file(&self.alice), self.readers.anchor(&self.alice));
        let fixed = ["keyholder", "enroll", "alice", "--replace", "--yubikey", "--nonce", NONCE, "--keep-pin"];
        self.alice.ok(&[&fixed[..], &["--slot", slot, "--pin-file", &pin, "--anchor", &anchor]].concat());
    }

    /// Stages; returns the digest that everybody hears.
    fn stage(&self) -> String {
        self.alice.ok(&["stage"]);
        self.alice.json(0, &["review", "--digest"])["digest"].as_str().unwrap().to_owned()
    }

    fn sign(&self, modules: &[&Module], digest: &str, pin: &str) -> Run {
        let file = self.alice.home().join("typed");
        std::fs::write(&file, pin).unwrap();
        let mut arguments = vec!["sign".to_owned(), "--expect".to_owned(), digest.to_owned()];
        arguments.extend(["--pin-file".to_owned(), file.to_str().unwrap().to_owned()]);
        for module in modules {
            arguments.extend(["--module".to_owned(), module.path().to_str().unwrap().to_owned()]);
        }
        self.card.clear_log();
        self.alice.run(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// The PINs that reached the card.
    fn pins(&self) -> Vec<String> {
        self.card.pins_received().into_iter().map(|pin| String::from_utf8(pin).unwrap()).collect()
    }
}

#[test]
fn a_key_is_used_through_either_module() {
    for (module, firmware) in [(YKCS11, Firmware::V5_7_4), (OPENSC, Firmware::V4_4_5)] {
        let desk = Desk::new(firmware);
        let path = module.path();
        let listed = desk.alice.json(0, &["keyholder", "devices", "--module", path.to_str().unwrap()]);
        assert_eq!(listed["tokens"][0]["keys"].as_array().unwrap().len(), 2, "{listed}");
        assert_eq!(listed["yubikeys"][0]["keys"].as_array().unwrap().len(), 2, "{listed}");
        desk.enroll_existing(&module);
        let digest = desk.stage();
        let run = desk.sign(&[&module], &digest, "123456");
        assert_eq!(run.code, 0, "{run:?}");
        // Its record says that it is on a token, so it is used there although the card is reached directly, too.
        assert!(run.says("on the token") && !run.says("slot 9c of the YubiKey"), "{run:?}");
        assert!(run.stdout.contains("alice signed root") && run.stdout.contains("alice signed targets"), "{run:?}");
        // Once for the token, and once for each signature, as the key wants it; nothing else is ever sent.
        assert!(desk.pins().iter().all(|pin| pin == "123456") && desk.pins().len() <= 3, "{:?}", desk.pins());
        assert_eq!(desk.card.tries_left(), 3);
    }
}

#[test]
fn the_last_try_is_not_spent_through_a_module() {
    for module in [YKCS11, OPENSC] {
        let desk = Desk::new(Firmware::V5_4_3);
        desk.enroll_existing(&module);
        let digest = desk.stage();
        for (left, said) in [(2, "refused the PIN"), (1, "one try is left"), (1, "has one try left for its PIN")] {
            let run = desk.sign(&[&module], &digest, "654321");
            assert_eq!((run.code, desk.card.tries_left()), (2, left), "{run:?}");
            assert!(run.says(said) && run.says("on the token"), "{run:?}");
            assert_eq!(desk.pins().len(), usize::from(said != "has one try left for its PIN"), "{run:?}");
        }
        // Not even the right one is tried then: nobody knows that it is right.
        let run = desk.sign(&[&module], &digest, "123456");
        assert_eq!((run.code, desk.pins().len()), (2, 0), "{run:?}");
        // Somebody else spends it.
        desk.card.transmit(&[0, 0xa4, 4, 0, 5, 0xa0, 0, 0, 3, 8]);
        desk.card.transmit(&[&[0, 0x20, 0, 0x80, 8][..], b"999999\xff\xff"].concat());
        assert_eq!(desk.card.tries_left(), 0);
        let run = desk.sign(&[&module], &digest, "123456");
        assert!(run.code == 2 && run.says("is locked") && desk.pins().is_empty(), "{run:?}");
        assert!(!desk.alice.dir().join("ceremonies/2026-11-root-1/signatures/root").exists());
    }
}

#[test]
fn one_yubikey_belongs_to_one_person_whichever_way_it_is_reached() {
    // OpenSC names another token than the YubiKey that it reaches; its keys are the same.
    for module in [YKCS11, OPENSC] {
        let desk = Desk::new(Firmware::V5_7_4);
        desk.enroll_existing(&module);
        let pin = desk.readers.pin_file(&desk.alice);
        let bob = ["keyholder", "enroll", "bob", "--replace", "--nonce", NONCE, "--pin-file", &pin];
        desk.card.clear_log();
        let run = desk.alice.exits(1, &[&bob[..], &["--yubikey", "--slot=9a"]].concat());
        assert!(run.says("alice has one on that device") && desk.pins().is_empty(), "{run:?}");
        // The same key, enrolled again from where it is reached directly, is used directly from then on.
        desk.enroll_directly("9c");
        desk.card.clear_log();
        let (path, uri) = (module.path(), format!("{};id=%01", module.token));
        let through = ["--module", path.to_str().unwrap(), "--pkcs11", &uri];
        let run = desk.alice.exits(1, &[&bob[..], &through].concat());
        assert!(run.says("alice has one on that device") && desk.pins().is_empty(), "{run:?}");
        let digest = desk.stage();
        let run = desk.sign(&[&YKCS11, &OPENSC], &digest, "123456");
        assert!(run.code == 0 && run.says("slot 9c of the YubiKey 1001 signs"), "{run:?}");
        assert_eq!((desk.pins().len(), desk.card.tries_left()), (2, 3));
    }
}

/// A key that leaves, in one slot, once reached through a module, and the one that takes its place, in another slot of
/// the same card, reached directly: both sign the next root in one run, after one PIN.
#[test]
fn one_card_asks_for_its_pin_in_one_way() {
    for module in [YKCS11, OPENSC] {
        let desk = Desk::new(Firmware::V5_7_4);
        desk.enroll_existing(&module);
        let digest = desk.stage();
        let (bob, online) = (desk.alice.home().join("bob"), desk.alice.home().join("online"));
        let (bob, online) = (bob.to_str().unwrap(), online.to_str().unwrap());
        assert_eq!(desk.sign(&[&module], &digest, "123456").code, 0);
        desk.alice.ok(&["sign", "--expect", &digest, "--key-file", bob]);
        desk.alice.ok(&["publish", "--online-key", online]);
        desk.enroll_directly("9a");
        let digest = desk.stage();
        let path = module.path();
        let sign = ["sign", "--expect", &digest, "--module", path.to_str().unwrap()];
        desk.card.clear_log();
        let mut terminal = desk.alice.terminal(&sign);
        // Through the module it would ask once more.
        terminal.expect("the YubiKey 1001 asks for its PIN").type_secret("123456");
        assert_eq!(terminal.exit_code(), 0, "{}", terminal.screen());
        assert_eq!(terminal.written().matches("PIN, for alice: ").count(), 1);
        assert!(desk.pins().iter().all(|pin| pin == "123456"), "{:?}", desk.pins());
        assert_eq!(desk.card.tries_left(), 3);
        let signed = desk.alice.dir().join("ceremonies/2026-11-root-2/signatures/root");
        assert_eq!(std::fs::read_dir(signed).unwrap().count(), 2, "{}", terminal.screen());
    }
}

#[test]
fn who_waits_for_a_device_behind_a_module_is_told() {
    let desk = Desk::new(Firmware::V5_7_4);
    desk.enroll_existing(&YKCS11);
    let digest = desk.stage();
    desk.card.fail(Fault::nth_of(0x87, 1, Failure::Delay(Duration::from_millis(3500))));
    let run = desk.sign(&[&YKCS11], &digest, "123456");
    assert!(run.code == 0 && run.says("has not answered C_SignFinal for 3 seconds"), "{run:?}");
    assert!(run.says("If the device has a button or a contact, touch it."), "{run:?}");
}
