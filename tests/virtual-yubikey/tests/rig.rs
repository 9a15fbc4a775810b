//! Cards in readers of private pcscds.
#![allow(clippy::unwrap_used)]

use virtual_yubikey::{Authority, Card, Firmware, Profile, Rig};

#[test]
fn cards_go_in_and_out() {
    let authority = Authority::test();
    let card = Card::new(Profile::new(Firmware::V5_7_4), &authority);
    let rig = Rig::start().unwrap();
    let reader = rig.insert(&card).unwrap();
    assert!(rig.insert(&card).is_err());
    let other = Card::new(Profile::new(Firmware::V4_4_5).serial(7), &authority);
    rig.swap(reader, &other).unwrap();
    rig.remove(reader).unwrap();
    assert!(rig.remove(reader).is_err());
}
