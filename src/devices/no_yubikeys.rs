//! What commands find where this program was built without YubiKeys: nothing.

use ceremony::PublicKey;
use keyholders::{Ask, Device, Name, Pin, Roster, Slot};

use super::{InYubikeys, KeyInYubikey, ListedYubikey, Listing, NewKey};
use crate::error::Failure;

/// No YubiKey.
pub(crate) struct Yubikeys(());

impl Yubikeys {
    pub(crate) fn open() -> Self {
        Self(())
    }

    pub(crate) fn no_service(&self) -> Option<&str> {
        None
    }

    pub(crate) fn count(&self) -> usize {
        0
    }

    pub(super) fn list(&self, _: &mut Listing) {}

    pub(crate) fn devices(&self, _: &Roster) -> InYubikeys {
        InYubikeys::default()
    }

    pub(crate) fn serial(&self, _: Option<u32>) -> Result<u32, Failure> {
        Err(absent())
    }

    pub(crate) fn about(&self, _: u32) -> Result<ListedYubikey, Failure> {
        Err(absent())
    }

    pub(crate) fn keys(&self, _: u32) -> Result<Vec<PublicKey>, Failure> {
        Err(absent())
    }

    pub(crate) fn existing(&self, _: u32, _: Slot, _: &Name) -> Result<KeyInYubikey, Failure> {
        Err(absent())
    }

    pub(crate) fn generate(&self, _: u32, _: &NewKey, _: &Name, _: &mut dyn Ask) -> Result<KeyInYubikey, Failure> {
        Err(absent())
    }

    pub(crate) fn change_pin(&self, _: u32, _: &Pin, _: &Pin) -> Result<(), Failure> {
        Err(absent())
    }

    pub(crate) fn key(&self, _: (u32, Slot), _: &PublicKey, _: &Name) -> Result<Box<dyn Device>, Failure> {
        Err(absent())
    }
}

fn absent() -> Failure {
    Failure::could_not("this program was built without YubiKeys: it reaches none")
}
