//! Yubico's yubico-piv-tool takes the virtual card for a YubiKey.
//!
//! Debian 12 has version 2.2, which knows management keys for Triple DES alone, and signs no certificates and requests
//! with keys on curves. Where a newer one may do better, either is right, and what the card heard says which.
#![allow(clippy::unwrap_used)]

mod desk;

use desk::{Desk, MANAGEMENT_KEY};
use virtual_yubikey::{Firmware, StatusWord};

/// The firmwares whose management key is for Triple DES.
const FIRMWARES: [Firmware; 2] = [Firmware::V4_4_5, Firmware::V5_4_3];
const ALL: [Firmware; 3] = [Firmware::V4_4_5, Firmware::V5_4_3, Firmware::V5_7_4];
const GENERATE: [&str; 8] = [
    "-agenerate",
    "-s9c",
    "-AECCP256",
    "--pin-policy=always",
    "--touch-policy=always",
    "-okey.pem",
    "-k010203040506070801020304050607080102030405060708",
    "--hash=SHA256",
];

#[test]
fn describes_it() {
    for firmware in ALL {
        let desk = Desk::new(firmware);
        desk.piv_tool(&["-aversion"]).works(&format!("Application version {firmware} found"));
        let said = desk.piv_tool(&["-astatus"]).works("PIN tries left:	3");
        said.says(&format!("Version:	{firmware}")).says("Serial Number:	20000000").says("CHUID:	No data available");
    }
}

#[test]
fn generates_a_key_that_is_attested_and_signs() {
    for firmware in FIRMWARES {
        let desk = Desk::new(firmware);
        desk.piv_tool(&GENERATE).works("Successfully generated a new private key");
        desk.piv_tool(&["-aattest", "-s9c", "-oleaf.pem"]).works("");
        desk.piv_tool(&["-aread-certificate", "-sf9", "-odevice.pem"]).works("");
        assert!(desk.attested("leaf.pem", "device.pem"));
        let key = desk.openssl(&["x509", "-in", "leaf.pem", "-noout", "-pubkey"]);
        assert_eq!(key.text, desk.read("key.pem"));

        let test = ["-averify-pin", "-P123456", "-atest-signature", "-s9c", "-ileaf.pem"];
        desk.piv_tool(&test).works("Successful ECDSA verification");
        assert_eq!(desk.card.touches().given, 1);

        desk.card.clear_log();
        let request =
            ["-averify-pin", "-P123456", "-arequest-certificate", "-s9c", "-S/CN=alice/", "-ikey.pem", "-ocsr.pem"];
        if desk.piv_tool(&request).ok {
            desk.openssl(&["req", "-in", "csr.pem", "-verify", "-noout"]).works("OK");
        } else {
            // The fault is the tool's: it gave up before it asked the card.
            assert!(desk.card.log().iter().all(|apdu| apdu.instruction != 0x87));
        }
    }
}

#[test]
fn manages_5_7_or_gives_up_on_aes() {
    let desk = Desk::new(Firmware::V5_7_4);
    let said = desk.piv_tool(&GENERATE);
    if said.ok {
        desk.piv_tool(&["-aattest", "-s9c", "-oleaf.pem"]).works("");
        desk.piv_tool(&["-aread-certificate", "-sf9", "-odevice.pem"]).works("");
        assert!(desk.attested("leaf.pem", "device.pem"));
        return;
    }
    said.says("Failed authentication with the application");
    let log = desk.card.log();
    let tried = log.iter().rfind(|apdu| apdu.instruction == 0x87).unwrap();
    assert_eq!((tried.p1, tried.p2, tried.status), (0x03, 0x9b, Some(StatusWord::DATA)));
}

#[test]
fn imports_keys_and_certificates() {
    for firmware in FIRMWARES {
        let desk = Desk::new(firmware);
        let key = format!("-k{MANAGEMENT_KEY}");
        for (slot, kind) in [("-s9a", "ec"), ("-s9d", "rsa:2048")] {
            let new = ["req", "-x509", "-newkey", kind, "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
            let new = if kind == "ec" { new.to_vec() } else { [&new[..4], &new[6..]].concat() };
            let files = ["-subj", "/CN=soft", "-keyout", "soft.key", "-out", "soft.crt"];
            assert!(desk.openssl(&[&new[..], &files].concat()).ok);
            desk.piv_tool(&["-aimport-key", slot, "-isoft.key", &key]).works("Successfully imported a new private key");
            desk.piv_tool(&["-aimport-certificate", slot, "-isoft.crt", &key]).works("Successfully imported");
            let test = ["-averify-pin", "-P123456", "-atest-signature", slot, "-isoft.crt"];
            desk.piv_tool(&test).works("Successful");
            desk.piv_tool(&["-aread-certificate", slot, "-oback.crt"]).works("");
            assert_eq!(desk.read("back.crt"), desk.read("soft.crt"));
            desk.piv_tool(&["-aattest", slot, "-oleaf.pem"]).fails("Failed to attest data");
            desk.piv_tool(&["-adelete-certificate", slot, &key]).works("");
            desk.piv_tool(&["-aread-certificate", slot, "-oback.crt"]).fails("");
        }
        desk.piv_tool(&["-aset-chuid", &key]).works("Successfully set new CHUID");
        desk.piv_tool(&["-aset-ccc", &key]).works("Successfully set new CCC");
    }
}

#[test]
fn changes_pin_puk_and_management_key() {
    for firmware in ALL {
        let desk = Desk::new(firmware);
        desk.piv_tool(&["-achange-pin", "-P123456", "-N654321"]).works("Successfully changed the pin");
        desk.piv_tool(&["-achange-puk", "-P12345678", "-N87654321"]).works("Successfully changed the puk");
        desk.piv_tool(&["-aunblock-pin", "-P87654321", "-N111111"]).works("Successfully unblocked");
        desk.piv_tool(&["-averify-pin", "-P111111"]).works("Successfully verified PIN");
        if firmware < Firmware::V5_7_4 {
            let other = "a1a2a3a4a5a6a7a8b1b2b3b4b5b6b7b8c1c2c3c4c5c6c7c8";
            let set = |old: &str, new: &str| desk.piv_tool(&["-aset-mgm-key", &format!("-k{old}"), "-n", new]);
            set(MANAGEMENT_KEY, other).works("Successfully set new management key");
            set(MANAGEMENT_KEY, other).fails("Failed authentication");
            set(other, MANAGEMENT_KEY).works("Successfully set new management key");
        }
    }
}

#[test]
fn blocks_and_resets_it() {
    for firmware in ALL {
        let desk = Desk::new(firmware);
        for left in ["2 tries left", "1 tries left", "blocked", "blocked"] {
            desk.piv_tool(&["-averify-pin", "-P000000"]).fails(left);
        }
        desk.piv_tool(&["-averify-pin", "-P123456"]).fails("blocked");
        desk.piv_tool(&["-areset"]).fails("Reset failed");
        for _ in 0..3 {
            desk.piv_tool(&["-aunblock-pin", "-P00000000", "-N123456"]).fails("");
        }
        desk.piv_tool(&["-areset"]).works("Successfully reset");
        desk.piv_tool(&["-averify-pin", "-P123456"]).works("Successfully verified PIN");
    }
}
