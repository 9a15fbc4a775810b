//! Yubico's ykman takes the virtual card for a YubiKey.
#![allow(clippy::unwrap_used)]

mod desk;

use std::time::Duration;

use desk::{Desk, MANAGEMENT_KEY};
use virtual_yubikey::{Firmware, Touch, Touches};

const FIRMWARES: [Firmware; 3] = [Firmware::V4_4_5, Firmware::V5_4_3, Firmware::V5_7_4];

#[test]
fn describes_it() {
    for (firmware, device, cipher) in [
        (Firmware::V4_4_5, "YubiKey FIPS (4 Series)", "TDES"),
        (Firmware::V5_4_3, "YubiKey 5A", "TDES"),
        (Firmware::V5_7_4, "YubiKey 5A", "AES192"),
    ] {
        let desk = Desk::new(firmware);
        let said = desk.ykman(&["info"]).works(&format!("Device type: {device}")).says("Serial number: 20000000");
        said.says(&format!("Firmware version: {firmware}")).says("Form factor: Keychain (USB-A)");
        let said = desk.ykman(&["piv", "info"]).works(&format!("Management key algorithm: {cipher}"));
        if firmware == Firmware::V4_4_5 {
            // Without metadata nobody knows that PIN, PUK and management key are those of the factory.
            said.says("PIN tries remaining:      3\n");
        } else {
            let said = said.says("PIN tries remaining:      3/3\n").says("PUK tries remaining:      3/3\n");
            said.says("Using default PIN!").says("Using default PUK!").says("Using default Management key!");
        }
    }
}

#[test]
fn generates_a_key_that_is_attested_and_signs() {
    for firmware in FIRMWARES {
        let desk = Desk::new(firmware);
        let (key, algorithm) = (["-m", MANAGEMENT_KEY], ["-a", "ECCP256"]);
        let policies = ["--pin-policy", "ALWAYS", "--touch-policy", "ALWAYS"];
        let generate = [&["piv", "keys", "generate"][..], &key, &algorithm, &policies, &["9c", "key.pem"]].concat();
        desk.ykman(&generate).works("Private key generated in slot 9C");
        let said = desk.ykman(&["piv", "keys", "info", "9c"]);
        if firmware == Firmware::V4_4_5 {
            said.fails("requires YubiKey 5.3.0 or later");
        } else {
            let said = said.works("ECCP256").says("Origin:                 GENERATED");
            said.says("PIN required for use:   ALWAYS").says("Touch required for use: ALWAYS");
        }

        desk.ykman(&["piv", "keys", "attest", "9c", "leaf.pem"]).works("Attestation certificate");
        desk.ykman(&["piv", "certificates", "export", "f9", "device.pem"]).works("exported");
        assert!(desk.attested("leaf.pem", "device.pem"));
        let key_of = ["x509", "-in", "leaf.pem", "-noout", "-pubkey"];
        assert_eq!(desk.openssl(&key_of).text, desk.read("key.pem"));

        // ykman signs and verifies with the card, and would say so if it could not.
        let request = ["piv", "certificates", "request", "-P", "123456", "-s", "CN=alice", "9c", "key.pem", "csr.pem"];
        desk.ykman(&request).works("");
        desk.openssl(&["req", "-in", "csr.pem", "-verify", "-noout"]).works("OK");
        let certificate = ["piv", "certificates", "generate", "-P", "123456", "-s", "CN=alice", "9c", "key.pem"];
        desk.ykman(&[&certificate[..], &key].concat()).works("Certificate generated");
        desk.ykman(&["piv", "certificates", "export", "9c", "alice.pem"]).works("exported");
        assert!(desk.openssl(&["verify", "-CAfile", "alice.pem", "alice.pem"]).ok);
        assert_eq!(desk.card.touches(), Touches { asked: 2, given: 2 });

        desk.card.touch(Touch::Never);
        desk.ykman(&request).fails("Certificate Signing Request generation failed");
        assert_eq!(desk.card.touches(), Touches { asked: 3, given: 2 });
        desk.card.touch(Touch::After(Duration::from_millis(100)));
        desk.ykman(&request).works("");
    }
}

#[test]
fn knows_every_algorithm_and_where_it_is_missing() {
    for firmware in FIRMWARES {
        let desk = Desk::new(firmware);
        for (algorithm, slot) in [("ECCP384", "9a"), ("RSA2048", "9d"), ("ED25519", "82")] {
            let generate = ["piv", "keys", "generate", "-m", MANAGEMENT_KEY, "-a", algorithm, slot, "key.pem"];
            if algorithm == "ED25519" && firmware < Firmware::V5_7_4 {
                desk.ykman(&generate).fails("ED25519 requires YubiKey 5.7 or later");
                continue;
            }
            desk.ykman(&generate).works("Private key generated");
            let request = ["piv", "certificates", "request", "-P", "123456", "-s", "CN=x", slot, "key.pem", "csr.pem"];
            desk.ykman(&request).works("");
            desk.openssl(&["req", "-in", "csr.pem", "-verify", "-noout"]).works("OK");
            desk.ykman(&["piv", "keys", "attest", slot, "leaf.pem"]).works("");
            desk.ykman(&["piv", "certificates", "export", "f9", "device.pem"]).works("");
            assert!(desk.attested("leaf.pem", "device.pem"), "{firmware} {algorithm}");
        }
    }
}

#[test]
fn imports_a_key_that_is_not_attested() {
    let desk = Desk::new(Firmware::V5_7_4);
    for (slot, kind) in [("9a", "EC"), ("9d", "RSA"), ("82", "ED25519")] {
        let options = match kind {
            "EC" => vec!["-pkeyopt", "ec_paramgen_curve:P-256"],
            "RSA" => vec!["-pkeyopt", "rsa_keygen_bits:2048"],
            _ => vec![],
        };
        let generate = [&["genpkey", "-algorithm", kind, "-out", "soft.pem"][..], &options].concat();
        assert!(desk.openssl(&generate).ok);
        desk.openssl(&["pkey", "-in", "soft.pem", "-pubout", "-out", "public.pem"]).works("");
        desk.ykman(&["piv", "keys", "import", "-m", MANAGEMENT_KEY, slot, "soft.pem"]).works("Private key imported");
        desk.ykman(&["piv", "keys", "info", slot]).works("IMPORTED");
        desk.ykman(&["piv", "keys", "attest", slot, "leaf.pem"]).fails("Attestation failed");
        let request = ["piv", "certificates", "request", "-P", "123456", "-s", "CN=x", slot, "public.pem", "csr.pem"];
        desk.ykman(&request).works("");
        desk.openssl(&["req", "-in", "csr.pem", "-verify", "-noout"]).works("OK");
    }
}

#[test]
fn changes_pin_puk_and_management_key() {
    for firmware in FIRMWARES {
        let desk = Desk::new(firmware);
        let access = |rest: &[&str]| desk.ykman(&[&["piv", "access"][..], rest].concat());
        access(&["change-pin", "-P", "123456", "-n", "654321"]).works("New PIN set");
        access(&["change-pin", "-P", "123456", "-n", "654321"]).fails("2 tries left");
        access(&["change-puk", "-p", "12345678", "-n", "87654321"]).works("New PUK set");
        access(&["unblock-pin", "-p", "87654321", "-n", "111111"]).works("New PIN set");
        assert_eq!(desk.card.tries_left(), 3);

        let change = ["change-management-key", "--generate", "--protect", "--force", "-P", "111111"];
        access(&[&change[..], &["-m", MANAGEMENT_KEY]].concat()).works("New management key set");
        let said = desk.ykman(&["piv", "info"]);
        said.works("Management key is stored on the YubiKey, protected by PIN");
        // The key lies behind the PIN, so that the PIN is all that is asked for.
        let generate = ["piv", "keys", "generate", "-P", "111111", "-a", "ECCP256", "9a", "key.pem"];
        desk.ykman(&generate).works("Private key generated");
        for cipher in ["AES128", "AES256", "TDES"] {
            let said = access(&[&change[..], &["-a", cipher]].concat());
            if firmware < Firmware::V5_4_3 && cipher != "TDES" {
                said.fails("requires YubiKey 5.4.0 or later");
            } else {
                said.works("New management key set");
                desk.ykman(&["piv", "info"]).works(&format!("Management key algorithm: {cipher}"));
            }
        }
        access(&["set-retries", "-P", "111111", "5", "4", "--force"]).works("retries set");
        assert_eq!((desk.card.tries_left(), desk.card.puk_tries_left()), (5, 4));
    }
}

#[test]
fn moves_and_deletes_keys() {
    let desk = Desk::new(Firmware::V5_7_4);
    let keys = |rest: &[&str]| desk.ykman(&[&["piv", "keys"][..], rest, &["-m", MANAGEMENT_KEY]].concat());
    keys(&["generate", "-a", "ECCP256", "9a", "key.pem"]).works("");
    keys(&["generate", "-a", "ECCP256", "9d", "other.pem"]).works("");
    keys(&["move", "9a", "9d"]).fails("DEST slot is not empty");
    keys(&["move", "9a", "82"]).works("moved");
    keys(&["move", "9a", "83"]).fails("No key in SOURCE slot");
    desk.ykman(&["piv", "keys", "export", "82", "moved.pem"]).works("");
    assert_eq!(desk.read("moved.pem"), desk.read("key.pem"));
    keys(&["delete", "82"]).works("deleted");
    keys(&["delete", "82"]).fails("No key stored in slot");
    desk.ykman(&["piv", "keys", "info", "82"]).fails("No key stored in slot");

    let desk = Desk::new(Firmware::V5_4_3);
    let delete = ["piv", "keys", "delete", "-m", MANAGEMENT_KEY, "9a"];
    desk.ykman(&delete).fails("requires YubiKey 5.7.0 or later");
}

#[test]
fn keeps_certificates_and_objects() {
    for firmware in FIRMWARES {
        let desk = Desk::new(firmware);
        let new =
            ["req", "-x509", "-newkey", "rsa:4096", "-nodes", "-keyout", "k.pem", "-subj", "/CN=long", "-out", "c.pem"];
        assert!(desk.openssl(&new).ok);
        let import = ["piv", "certificates", "import", "-m", MANAGEMENT_KEY, "9a", "c.pem"];
        desk.ykman(&import).works("imported");
        desk.ykman(&["piv", "certificates", "export", "9a", "back.pem"]).works("exported");
        assert_eq!(desk.read("back.pem"), desk.read("c.pem"));
        desk.ykman(&["piv", "certificates", "delete", "-m", MANAGEMENT_KEY, "9a"]).works("deleted");
        desk.ykman(&["piv", "certificates", "export", "9a", "gone.pem"]).fails("No certificate found");
        desk.write("object", &"words ".repeat(400));
        desk.ykman(&["piv", "objects", "import", "-m", MANAGEMENT_KEY, "5fff10", "object"]).works("");
        desk.ykman(&["piv", "objects", "export", "5fff10", "same"]).works("");
        assert_eq!(desk.read("same"), desk.read("object"));
        desk.ykman(&["piv", "objects", "generate", "-m", MANAGEMENT_KEY, "chuid"]).works("");
    }
}

#[test]
fn resets_it() {
    for firmware in FIRMWARES {
        let desk = Desk::new(firmware);
        desk.ykman(&["piv", "access", "change-pin", "-P", "123456", "-n", "654321"]).works("");
        desk.ykman(&["piv", "keys", "generate", "-m", MANAGEMENT_KEY, "-a", "ECCP256", "9c", "key.pem"]).works("");
        desk.ykman(&["piv", "reset", "--force"]).works("Reset complete");
        assert_eq!((desk.card.tries_left(), desk.card.puk_tries_left()), (3, 3));
        desk.ykman(&["piv", "keys", "attest", "9c", "leaf.pem"]).fails("Attestation failed");
        desk.ykman(&["piv", "access", "change-pin", "-P", "123456", "-n", "654321"]).works("");
        // What the card was made with is still there.
        desk.ykman(&["piv", "keys", "generate", "-m", MANAGEMENT_KEY, "-a", "ECCP256", "9c", "key.pem"]).works("");
        desk.ykman(&["piv", "keys", "attest", "9c", "leaf.pem"]).works("");
        desk.ykman(&["piv", "certificates", "export", "f9", "device.pem"]).works("");
        assert!(desk.attested("leaf.pem", "device.pem"));
    }
}
