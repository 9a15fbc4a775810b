//! Records, as they are written and as others may have written them.
#![allow(clippy::unwrap_used, clippy::panic)]

use ceremony::Algorithm;

use super::*;
use crate::device::Device as _;
use crate::file::FileKey;

fn possession() -> Possession {
    Possession { nonce: "00112233445566778899aabbccddeeff".parse().unwrap(), signature: vec![1, 2, 3] }
}

fn key(state: State, device: DeviceKind) -> RecordKey {
    let public = FileKey::generate(Algorithm::EcdsaP256, "k").unwrap().public_key().clone();
    let claims = || Claims {
        local: Some(true),
        library: Some("\"Soft\u{1b}[2J\\HSM\" é \u{1f511}\u{202e}".into()),
        ..Claims::default()
    };
    let home = match device {
        DeviceKind::External => Home::External,
        DeviceKind::File => Home::File,
        DeviceKind::Pkcs11 => Home::Pkcs11 {
            uri: "pkcs11:token=a%20b;serial=c0ffee;object=k;id=%01".parse().unwrap(),
            claimed: Some(Box::new(claims())),
        },
        DeviceKind::Yubikey => Home::Yubikey { serial: 12_345_678, slot: "9c".parse().unwrap() },
    };
    RecordKey::new(state, TufKey::author(&public).unwrap(), home, Some(possession())).unwrap()
}

fn alice() -> Record {
    let keys = vec![
        key(State::Active, DeviceKind::Pkcs11),
        key(State::Spare, DeviceKind::File),
        key(State::Retired, DeviceKind::Yubikey),
    ];
    Record::new(Name::new("alice").unwrap(), Kind::Person, keys).unwrap()
}

fn error(text: &str) -> RecordError {
    Record::parse(text).unwrap_err()
}

#[test]
fn a_record_is_written_in_one_way_and_read_back() {
    let record = alice();
    let text = record.to_toml();
    assert_eq!(Record::parse(&text).unwrap(), record);
    assert!(text.starts_with("name = \"alice\"\nkind = \"person\"\n\n[[key]]\nstate = \"active\"\nid = \""), "{text}");
    assert!(text.contains("object = '''\n{\n \"keytype\": \"ecdsa\",\n"), "{text}");
    assert!(text.contains("\nuri = \"pkcs11:token=a%20b;serial=c0ffee;object=k;id=%01\"\n"), "{text}");
    assert!(text.contains("\ndevice = \"yubikey\"\nserial = 12345678\nslot = \"9c\"\n"), "{text}");
    assert!(text.bytes().all(|b| b == b'\n' || (b' '..=b'~').contains(&b)), "{text}");
}

#[test]
fn key_objects_keep_their_meaning_whatever_is_in_them() {
    let mut tuf_key = key(State::Active, DeviceKind::File).tuf_key().clone();
    let owner = Json::string("'''\n[[key]] \u{1b}[2J \u{7f}\u{9b} \\ \" ''' @é\u{202e}\u{2028}");
    tuf_key.object.as_object_mut().unwrap().insert("x-tuf-on-ci-keyowner", owner);
    let tuf_key = TufKey::read(KeyId::new("an id \u{7} of no \"formula\""), tuf_key.object);
    let key = RecordKey::new(State::Active, tuf_key.clone(), Home::External, None).unwrap();
    let record = Record::new(Name::new("a").unwrap(), Kind::Online, vec![key]).unwrap();
    let text = record.to_toml();
    assert!(!text.contains(['\u{1b}', '\u{7}', '\u{7f}', '\u{9b}', '\u{202e}']), "{text}");
    assert_eq!(Record::parse(&text).unwrap().keys()[0].tuf_key(), &tuf_key);
}

#[test]
fn any_other_text_of_the_same_meaning_is_refused_with_its_line() {
    let text = alice().to_toml();
    let refused = |other: String, wanted: usize| match error(&other) {
        RecordError::NotCanonical { line, .. } => assert_eq!(line, wanted, "{other}"),
        other => panic!("{other:?}"),
    };
    refused(format!("# alice\n{text}"), 1);
    refused(text.replace("kind = \"person\"", "kind =  \"person\""), 2);
    refused(text.replace("kind = \"person\"", "kind = 'person'"), 2);
    refused(text.replace("object = '''\n{\n \"keytype\"", "object = '''\n{\n  \"keytype\""), 10);
    refused(format!("{text}\n"), text.lines().count() + 2);
    refused(text.trim_end().to_owned(), text.lines().count() + 1);
    refused(text.replace('\n', "\r\n"), 1);
    let message = error(&text.replace("kind = \"person\"", "kind = 'person' # \u{fe}\u{202e}")).to_string();
    assert_eq!(message, r#"line 2 is `kind = 'person' # þ\u{202e}`, and must be `kind = "person"`"#);
}

#[test]
fn unknown_fields_are_errors_with_their_place() {
    let text = alice().to_toml();
    let place = |text: &str| match error(text) {
        RecordError::Syntax { line, column, message } => (line, column, message),
        other => panic!("{other:?}"),
    };
    let (line, column, message) = place(&text.replace("kind = ", "role = 1\nkind = "));
    assert_eq!((line, column), (2, 1));
    assert!(message.contains("role"), "{message}");
    let (_, _, message) = place(&text.replace("[key.possession]\n", "[key.possession]\n\"\\u001b[2J\" = 1\n"));
    assert!(!message.contains('\u{1b}'), "{message}");
    let (.., message) = place(&text.replace("local = true\n", "local = true\nverified = true\n"));
    assert!(message.contains("verified"), "{message}");
    let (.., message) = place(&text.replace("name = \"alice\"\n", "name = \"alice\"\nname = \"bob\"\n"));
    assert!(message.contains("duplicate"), "{message}");
}

#[test]
fn evil_uris_are_refused() {
    let text = alice().to_toml();
    let with = |uri: &str| text.replace("pkcs11:token=a%20b;serial=c0ffee;object=k;id=%01", uri);
    for query in ["module-path=/tmp/evil.so", "pin-source=/etc/shadow", "pin-value=1234"] {
        let RecordError::Key { number: 1, cause } = error(&with(&format!("pkcs11:serial=1;object=k?{query}"))) else {
            panic!("{query}");
        };
        assert!(cause.to_string().contains(query.split('=').next().unwrap()), "{cause}");
    }
    for vague in ["pkcs11:", "pkcs11:serial=1", "pkcs11:object=k", "pkcs11:serial=1;object=k;type=private"] {
        let RecordError::Key { cause, .. } = error(&with(vague)) else { panic!("{vague}") };
        assert!(matches!(*cause, RecordError::VagueUri { .. }), "{cause}");
    }
}

#[test]
fn what_a_key_says_must_fit_the_key() {
    let record = alice();
    let text = record.to_toml();
    let cause = |text: &str| match error(text) {
        RecordError::Key { cause, .. } => *cause,
        other => panic!("{other:?}"),
    };
    let [first, second, _] = record.keys() else { panic!() };
    let (a, b) = (first.fingerprint(), second.fingerprint());
    assert_eq!(cause(&text.replace(&a.to_string(), &b.to_string())), RecordError::Fingerprint { stated: b, actual: a });
    let other_id = text.replace(first.tuf_key().id.as_str(), second.tuf_key().id.as_str());
    assert!(matches!(cause(&other_id), RecordError::Id { .. }));
    let unknown = text.replace("\"ecdsa-sha2-nistp256\"", "\"sigstore-oidc\"");
    assert!(matches!(cause(&unknown), RecordError::Unusable(_)));
    assert!(matches!(cause(&text.replace("-----BEGIN", "-----BEGAN")), RecordError::Unusable(_)));
    assert!(matches!(cause(&text.replace("\"keytype\"", "\"keyval\": 1, \"keytype\"")), RecordError::Object { .. }));
    assert!(matches!(cause(&text.replace("\"pkcs11\"", "\"file\"")), RecordError::Misplaced { field: "uri", .. }));
    assert!(matches!(cause(&text.replace("\"pkcs11\"", "\"usb\"")), RecordError::Device { .. }));
    let missing = cause(&text.replace("serial = 12345678\n", ""));
    assert!(matches!(missing, RecordError::Lacks { field: "serial", .. }), "{missing}");
    assert!(matches!(cause(&text.replace("\"9c\"", "\"f9\"")), RecordError::Slot(_)));
    let misplaced = cause(&text.replace("device = \"file\"\n", "device = \"file\"\nslot = \"9c\"\n"));
    assert!(matches!(misplaced, RecordError::Misplaced { field: "slot", .. }), "{misplaced}");
    assert!(matches!(cause(&text.replace("nonce = \"00", "nonce = \"")), RecordError::Nonce(_)));
    assert!(matches!(cause(&text.replace("= \"010203\"", "= \"01020\"")), RecordError::Hex { field: "signature" }));
    let unproven =
        text.replace("\n[key.possession]\nnonce = \"00112233445566778899aabbccddeeff\"\nsignature = \"010203\"\n", "");
    assert!(matches!(cause(&unproven), RecordError::Lacks { field: "key.possession", .. }));
}

#[test]
fn one_key_is_active_and_none_is_there_twice() {
    let text = alice().to_toml();
    assert!(matches!(error(&text.replace("\"spare\"", "\"active\"")), RecordError::TwoActive { .. }));
    let (head, keys) = text.split_at(text.find("\n[[key]]").unwrap());
    assert_eq!(error(head), RecordError::NoKey);
    let spares = keys.replace("\"active\"", "\"spare\"");
    assert!(matches!(error(&format!("{head}{spares}{spares}")), RecordError::KeyTwice { .. }));
    let key = key(State::Retired, DeviceKind::File);
    let twice = vec![key.clone(), key.in_state(State::Active)];
    assert!(Record::new(Name::new("a").unwrap(), Kind::Person, twice).is_err());
}

#[test]
fn hostile_text_is_an_error() {
    let text = alice().to_toml();
    for end in (0..text.len()).step_by(7) {
        assert!(Record::parse(&text[..end]).is_err());
    }
    for at in (0..text.len()).step_by(5) {
        for change in [1, 0x20] {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= change;
            let changed = String::from_utf8(bytes).unwrap();
            // A value that nothing else in the record fixes may be another one.
            match Record::parse(&changed) {
                Ok(record) => assert_eq!(record.to_toml(), changed),
                Err(error) => assert!(!error.to_string().contains(|c: char| c.is_control()), "{error:?}"),
            }
        }
    }
    assert!(matches!(error(&"x".repeat(70_000)), RecordError::TooLong { length: 70_000, .. }));
    assert!(matches!(error(&format!("a = {}", "[".repeat(60_000))), RecordError::Syntax { .. }));
    assert!(matches!(error(&format!("a = {}", "{a=".repeat(20_000))), RecordError::Syntax { .. }));
    assert!(matches!(error(&text.replace("alice", "../alice")), RecordError::Name(_)));
    let nested = text.replacen("{\n \"keytype\"", &format!("{}\n{{\n \"keytype\"", "[".repeat(10_000)), 1);
    assert!(matches!(error(&nested), RecordError::Key { .. }));
    assert!(matches!(error("name = 1"), RecordError::Syntax { line: 1, .. }));
    assert!(matches!(error(""), RecordError::Syntax { .. }));
}
