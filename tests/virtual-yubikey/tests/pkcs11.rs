//! PKCS#11 and PKCS#15: Yubico's ykcs11 and OpenSC's own modules take the virtual card for a PIV card.
#![allow(clippy::unwrap_used)]

mod desk;
mod host;

use desk::{Desk, MANAGEMENT_KEY, module};
use host::{Host, tlv};
use virtual_yubikey::{Algorithm, Firmware, PinPolicy, Slot, StatusWord, Touch, TouchPolicy};

const ALL: [Firmware; 3] = [Firmware::V4_4_5, Firmware::V5_4_3, Firmware::V5_7_4];

/// Keys in 9a, 9c and 9d, and their attestations in the places of their certificates: both modules find keys by those.
fn prepared(firmware: Firmware) -> Desk {
    let keys = [
        (0x9a, Algorithm::EccP256, PinPolicy::Once, TouchPolicy::Never, 0x05),
        (0x9c, Algorithm::EccP256, PinPolicy::Always, TouchPolicy::Always, 0x0a),
        (0x9d, Algorithm::Rsa2048, PinPolicy::Once, TouchPolicy::Never, 0x0b),
    ];
    let desk = Desk::prepared(firmware, |card| {
        let host = Host::new(card);
        host.manage();
        for (number, algorithm, pin, touch, object) in keys {
            let slot = Slot::numbered(number).unwrap();
            card.generate(slot, algorithm, pin, touch);
            let (certificate, _) = card.attestation(slot).unwrap();
            let content = [tlv(0x70, &certificate), tlv(0x71, &[0]), tlv(0xfe, &[])].concat();
            assert_eq!(host.put(&[0x5f, 0xc1, object], &content), StatusWord::OK);
        }
    });
    for (number, ..) in keys {
        let (certificate, _) = desk.card.attestation(Slot::numbered(number).unwrap()).unwrap();
        desk.write_certificate(&format!("{number:x}.pem"), &certificate);
    }
    desk.write("message", "message");
    desk
}

fn ykcs11() -> String {
    module(&["libykcs11.so.2", "libykcs11.so"], "apt-get install ykcs11")
}

fn opensc() -> String {
    module(&["opensc-pkcs11.so", "pkcs11/opensc-pkcs11.so"], "apt-get install opensc")
}

#[test]
fn ykcs11_lists_and_signs() {
    for firmware in ALL {
        let (desk, ykcs11) = (prepared(firmware), ykcs11());
        desk.pkcs11(&ykcs11, &["-L"]).works("YubiKey PIV #20000000").says("serial num         : 20000000");
        let objects = desk.pkcs11(&ykcs11, &["--login", "--pin=123456", "-O"]);
        objects.works("Private key for PIV Authentication").says("Private key for Digital Signature");
        signs_with_curves(&desk, &ykcs11);
        let sign = ["--login", "--pin=123456", "-s", "-mSHA256-RSA-PKCS", "--id=03", "-imessage", "-osignature"];
        desk.pkcs11(&ykcs11, &sign).works("");
        assert!(desk.signed("message", "signature", "9d.pem"));
    }
}

#[test]
fn ykcs11_generates_where_it_knows_the_management_key() {
    for firmware in ALL {
        let (desk, ykcs11) = (Desk::new(firmware), ykcs11());
        let pin = format!("--so-pin={MANAGEMENT_KEY}");
        let said =
            desk.pkcs11(&ykcs11, &["--login", "--login-type=so", &pin, "-k", "--key-type=EC:prime256v1", "--id=02"]);
        if said.ok {
            desk.ykman(&["piv", "keys", "attest", "9c", "leaf.pem"]).works("");
            desk.ykman(&["piv", "certificates", "export", "f9", "device.pem"]).works("");
            assert!(desk.attested("leaf.pem", "device.pem"));
        } else {
            // Debian 12's knows no AES.
            assert_eq!(firmware, Firmware::V5_7_4, "{}", said.text);
            assert!(desk.card.log().iter().any(|apdu| (apdu.instruction, apdu.p1, apdu.p2) == (0x87, 0x03, 0x9b)));
        }
    }
}

#[test]
fn ykcs11_changes_pins_and_counts_tries() {
    for firmware in ALL {
        let (desk, ykcs11) = (Desk::new(firmware), ykcs11());
        desk.pkcs11(&ykcs11, &["--login", "--pin=123456", "--change-pin", "--new-pin=654321"]).works("");
        desk.pkcs11(&ykcs11, &["--login", "--pin=123456", "-O"]).fails("CKR_PIN_INCORRECT");
        assert_eq!(desk.card.tries_left(), 2);
        desk.pkcs11(&ykcs11, &["--login", "--pin=654321", "-O"]).works("");
        for _ in 0..3 {
            desk.pkcs11(&ykcs11, &["--login", "--pin=000000", "-O"]).fails("CKR_PIN_");
        }
        desk.pkcs11(&ykcs11, &["--login", "--pin=654321", "-O"]).fails("CKR_PIN_LOCKED");
    }
}

#[test]
fn opensc_lists_and_signs() {
    for firmware in ALL {
        let (desk, opensc) = (prepared(firmware), opensc());
        desk.pkcs11(&opensc, &["-L"]).works("token manufacturer : piv_II");
        desk.pkcs11(&opensc, &["--login", "--pin=123456", "-O"]).works("SIGN key").says("PIV AUTH key");
        signs_with_curves(&desk, &opensc);
        desk.pkcs15(&["-D"]).works("Private EC Key [SIGN key]").says("Private EC Key [PIV AUTH key]");
        let certificate = desk.pkcs15(&["--read-certificate", "02"]).works("BEGIN CERTIFICATE");
        desk.write("read.pem", &certificate.text);
        assert!(desk.signed("message", "signature", "read.pem"));
    }
}

#[test]
fn opensc_changes_and_unblocks_pins() {
    for firmware in ALL {
        let desk = prepared(firmware);
        let change = ["--change-pin", "--auth-id", "01", "--pin=123456", "--new-pin=654321"];
        desk.pkcs15(&change).works("");
        desk.pkcs15(&change).fails("");
        assert_eq!(desk.card.tries_left(), 2);
        desk.pkcs15(&["--unblock-pin", "--auth-id", "01", "--puk=12345678", "--new-pin=123456"]).works("");
        assert_eq!(desk.card.tries_left(), 3);
        assert!(desk.pkcs11(&opensc(), &["--login", "--pin=123456", "-O"]).ok);
    }
}

/// Signs with 9a and 9c, and sees that a touch that is missing is no signature.
fn signs_with_curves(desk: &Desk, module: &str) {
    let sign = |id: &str| {
        let sign = ["--login", "--pin=123456", "-s", "-mECDSA-SHA256", "-imessage", "-osignature"];
        desk.pkcs11(module, &[&sign[..], &["--signature-format=openssl", &format!("--id={id}")]].concat())
    };
    let before = desk.card.touches().given;
    sign("01").works("");
    assert!(desk.signed("message", "signature", "9a.pem"));
    sign("02").works("");
    assert!(desk.signed("message", "signature", "9c.pem"));
    assert_eq!(desk.card.touches().given, before + 1);
    desk.card.touch(Touch::Never);
    sign("02").fails("");
    desk.card.touch(Touch::After(std::time::Duration::ZERO));
}
