//! Virtual YubiKeys behind a real pcscd, for the processes that a test starts.

use std::time::Duration;

use ceremony::Certificate;
use virtual_yubikey::{Authority, Card, Firmware, Profile, Reader, Rig, RigError, Touch};

use super::Trustroot;

/// The PIN of every card, which is the one of every new YubiKey.
pub const PIN: &str = "123456";

/// Readers that nothing else on this machine sees.
pub struct Readers {
    rig: Rig,
    authority: Authority,
}

impl Readers {
    /// Four empty readers.
    pub fn new() -> Self {
        Self { rig: Rig::start().unwrap(), authority: Authority::test() }
    }

    /// A new YubiKey, not plugged in yet. Somebody touches it as soon as it waits for a touch.
    pub fn card(&self, serial: u32, firmware: Firmware) -> Card {
        let profile = Profile::new(firmware).serial(serial).touch_timeout(Duration::from_millis(300));
        let card = Card::new(profile, &self.authority);
        card.touch(Touch::After(Duration::ZERO));
        card
    }

    /// A new YubiKey that is plugged in.
    pub fn with(&self, serial: u32, firmware: Firmware) -> Card {
        let card = self.card(serial, firmware);
        self.insert(&card);
        card
    }

    /// Plugs a YubiKey in.
    pub fn insert(&self, card: &Card) -> Reader {
        self.rig.insert(card).unwrap()
    }

    /// Plugs a YubiKey in that was pulled by a fault, as soon as its reader has noticed that.
    pub fn put_back(&self, card: &Card) -> Reader {
        loop {
            match self.rig.insert(card) {
                Err(RigError::Inserted { .. }) => std::thread::sleep(Duration::from_millis(1)),
                reader => return reader.unwrap(),
            }
        }
    }

    /// The readers themselves.
    pub fn rig(&self) -> &Rig {
        &self.rig
    }

    /// A machine with these readers.
    pub fn on(&self, machine: Trustroot) -> Trustroot {
        let (name, socket) = self.rig.environment();
        machine.env(name, socket.to_str().unwrap())
    }

    /// The root certificate of all these YubiKeys, in a file on the machine.
    pub fn anchor(&self, machine: &Trustroot) -> String {
        let file = machine.home().join("test-anchor.pem");
        std::fs::write(&file, self.authority.root_pem()).unwrap();
        file.to_str().unwrap().to_owned()
    }

    /// Lets the policy of a trust root trust the root certificate of these YubiKeys.
    pub fn trust(&self, room: &Trustroot) {
        let certificate = Certificate::from_pem_chain(&self.authority.root_pem()).unwrap();
        let digest = certificate.last().unwrap().sha256();
        let policy = room.read("trustroot.toml").replace("# anchors = []", &format!("anchors = [\"{digest}\"]"));
        assert!(policy.contains(&digest.to_string()), "{policy}");
        room.write("trustroot.toml", policy);
    }

    /// A file on the machine with the PIN.
    pub fn pin_file(&self, machine: &Trustroot) -> String {
        let file = machine.home().join("yubikey-pin");
        std::fs::write(&file, PIN).unwrap();
        file.to_str().unwrap().to_owned()
    }
}
