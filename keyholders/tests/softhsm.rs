//! Keys on real PKCS#11 tokens: SoftHSM.
#![cfg(feature = "pkcs11")]
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::fs;
use std::path::Path;

use ceremony::{Algorithm, TufKey};
use common::Script;
use common::store::{PIN, in_store, softhsm};
use keyholders::pkcs11::{ModuleError, Modules, Template};
use keyholders::{
    AskError, Device, DeviceError, DeviceKind, FileKey, Home, Kind, Name, Nonce, Possession, Record, RecordKey, Secret,
    State, Tries, Uri,
};

fn template(algorithm: Algorithm, label: &str, id: u8) -> Template {
    Template { algorithm, label: label.to_owned(), id: vec![id] }
}

#[test]
fn keys_are_generated_found_again_and_sign() {
    in_store("keys_are_generated_found_again_and_sign", &["one", "two"], |store| {
        let modules = store.modules();
        let token = store.token("one");
        for (id, algorithm) in [Algorithm::EcdsaP256, Algorithm::EcdsaP384, Algorithm::Ed25519].into_iter().enumerate()
        {
            let id = u8::try_from(id).unwrap();
            let label = format!("key {algorithm}");
            let mut script = Script::of(&[PIN]);
            let mut made = token.generate(&template(algorithm, &label, id), None, &mut script).unwrap();
            assert_eq!(made.public_key().algorithm(), algorithm);
            assert_eq!(script.asked[0].secret, Secret::TokenPin);
            assert!(script.asked[0].device.contains("\"one\""), "{:?}", script.asked);
            // The accepted PIN serves the next two signatures.
            for message in [&b"first"[..], &[7; 5000]] {
                let signature = made.sign(message, &mut Script::silent()).unwrap();
                assert_eq!(made.public_key().verify(message, &signature), Ok(()));
            }
            let uri = made.uri().clone();
            assert_eq!(uri.token.as_deref(), Some("one"));
            assert_eq!((uri.object.as_deref(), uri.id.as_deref()), (Some(&*label), Some(&[id][..])));
            assert_eq!(uri.to_string().parse::<Uri>().unwrap(), uri);
            let description = made.describe();
            assert_eq!((description.kind, description.uri.as_ref()), (DeviceKind::Pkcs11, Some(&uri)));
            assert!(description.label.contains(&label), "{description:?}");
            let expected = made.public_key().clone();
            drop(made);
            let owner = Name::new("alice").unwrap();
            let mut found = modules.key(&uri, Some(&owner), &mut Script::silent()).unwrap();
            assert_eq!(found.public_key(), &expected);
            let mut script = Script::of(&[PIN]);
            let signature = found.sign(b"again", &mut script).unwrap();
            assert_eq!(found.public_key().verify(b"again", &signature), Ok(()));
            assert_eq!(script.asked[0].owner.as_ref(), Some(&owner));
        }
        let (tokens, problems) = modules.tokens();
        assert_eq!((tokens.len(), problems), (2, vec![]));
        let seen: Vec<_> = tokens.iter().map(|token| token.keys().unwrap().len()).collect();
        assert_eq!(seen.iter().sum::<usize>(), 3, "{seen:?}");
    });
}

#[test]
fn a_wrong_pin_is_sent_once() {
    in_store("a_wrong_pin_is_sent_once", &["one"], |store| {
        let token = store.token("one");
        let mut key = token.generate(&template(Algorithm::EcdsaP256, "k", 1), None, &mut Script::of(&[PIN])).unwrap();
        let uri = key.uri().clone();
        assert!(key.sign(b"m", &mut Script::silent()).is_ok());
        drop(key);
        let mut key = store.modules().key(&uri, None, &mut Script::silent()).unwrap();
        assert_eq!(token.tries().unwrap(), Tries::Unknown);
        let mut script = Script::of(&["654321", PIN]);
        let wrong = key.sign(b"m", &mut script).unwrap_err();
        assert!(matches!(wrong, DeviceError::WrongPin { tries: Tries::Low, .. }), "{wrong:?}");
        assert_eq!(script.asked.len(), 1);
        assert_eq!(script.asked[0].tries, Tries::Unknown);
        // The same once more does not reach the token, whose counter cannot tell: what it would answer does.
        let again = key.sign(b"m", &mut Script::of(&["654321"])).unwrap_err();
        assert!(matches!(again, DeviceError::RefusedBefore { .. }), "{again:?}");
        let short = key.sign(b"m", &mut Script::of(&["1"])).unwrap_err();
        assert!(matches!(short, DeviceError::PinLength { length: 1, .. }), "{short:?}");
        let nobody = key.sign(b"m", &mut Script::silent()).unwrap_err();
        assert!(matches!(nobody, DeviceError::Ask { source: AskError::Cancelled, .. }), "{nobody:?}");
        let mut script = Script::of(&[PIN]);
        assert!(key.sign(b"m", &mut script).is_ok());
        assert_eq!(script.asked[0].tries, Tries::Low);
        assert_eq!(token.tries().unwrap(), Tries::Unknown);
    });
}

#[test]
fn an_occupied_place_is_never_written_to() {
    in_store("an_occupied_place_is_never_written_to", &["one"], |store| {
        let token = store.token("one");
        let make =
            |label, id| token.generate(&template(Algorithm::EcdsaP256, label, id), None, &mut Script::of(&[PIN]));
        let first = make("k", 1).unwrap().public_key().clone();
        for (label, id, what) in [("k", 2, "the label \"k\""), ("other", 1, "the id 01")] {
            match make(label, id).err().unwrap() {
                DeviceError::Occupied { what: named, .. } => assert_eq!(named, what),
                other => panic!("{other:?}"),
            }
        }
        let keys = token.keys().unwrap();
        assert_eq!(keys.len(), 1);
        assert_eq!(keys[0].public_key(), &first);
        for (label, id) in [("", vec![1]), ("x", vec![]), ("x", vec![1; 33]), (&"x".repeat(65), vec![1])] {
            let template = Template { algorithm: Algorithm::EcdsaP256, label: label.to_owned(), id };
            let error = token.generate(&template, None, &mut Script::silent()).err().unwrap();
            assert!(matches!(error, DeviceError::Unsupported { .. }), "{error:?}");
        }
        let rsa = token.generate(&template(Algorithm::Rsa, "r", 9), None, &mut Script::silent()).err().unwrap();
        assert!(matches!(rsa, DeviceError::Unsupported { .. }), "{rsa:?}");
    });
}

#[test]
fn what_the_token_claims_tells_generated_from_imported() {
    in_store("what_the_token_claims_tells_generated_from_imported", &["one"], |store| {
        let imported = FileKey::generate(Algorithm::EcdsaP256, "import.pem").unwrap();
        let path = store.path.join("import.pem");
        fs::write(&path, imported.to_plain_pem().as_bytes()).unwrap();
        let path = path.to_str().unwrap();
        store.util(&["--import", path, "--token", "one", "--pin", PIN, "--label", "imported", "--id", "0A"]);
        let token = store.token("one");
        for algorithm in [Algorithm::EcdsaP256, Algorithm::Ed25519] {
            let label = algorithm.to_string();
            let template = Template { algorithm, label: label.clone(), id: label.into_bytes() };
            let mut made = token.generate(&template, None, &mut Script::of(&[PIN])).unwrap();
            let claims = made.claims(&mut Script::silent()).unwrap();
            assert!(claims.born_here(), "{claims:?}");
            assert_eq!(claims.token.as_deref(), Some("one"));
            assert_eq!(claims.serial, made.uri().serial);
            assert!(claims.library.as_ref().is_some_and(|library| library.contains("SoftHSM")), "{claims:?}");
        }
        let uri = Uri { object: Some("imported".to_owned()), ..Uri::default() };
        let mut key = token.key(&uri, None, &mut Script::silent()).unwrap();
        assert_eq!(key.public_key(), imported.public_key());
        assert!(key.sign(b"m", &mut Script::of(&[PIN])).is_ok());
        let claims = key.claims(&mut Script::silent()).unwrap();
        assert_eq!((claims.local, claims.never_extractable), (Some(false), Some(false)), "{claims:?}");
        assert!(!claims.born_here());
    });
}

#[test]
fn what_is_not_there_is_named_beside_what_is() {
    in_store("what_is_not_there_is_named_beside_what_is", &["one", "two", "t\u{e9} 3"], |store| {
        let modules = store.modules();
        let find = |uri: &str| modules.key(&uri.parse().unwrap(), None, &mut Script::of(&[PIN]));
        let absent = find("pkcs11:token=three;object=k").err().unwrap();
        assert!(matches!(absent, DeviceError::NoToken { .. }), "{absent:?}");
        let text = absent.to_string();
        assert!(text.contains("pkcs11:token=three;") && text.contains("pkcs11:token=one;"), "{text}");
        assert!(text.contains("pkcs11:token=t%C3%A9%203;"), "{text}");
        let several = find("pkcs11:model=SoftHSM%20v2;object=k").err().unwrap();
        assert!(matches!(several, DeviceError::SeveralTokens { .. }), "{several:?}");
        let no_key = find("pkcs11:token=one;object=k").err().unwrap();
        assert!(matches!(no_key, DeviceError::NoKey { .. }), "{no_key:?}");
        let token = store.token("two");
        for (label, id) in [("a", 1), ("b", 2)] {
            token.generate(&template(Algorithm::EcdsaP256, label, id), None, &mut Script::of(&[PIN])).unwrap();
        }
        let several = find("pkcs11:token=two").err().unwrap();
        assert!(matches!(several, DeviceError::SeveralKeys { count: 2, .. }), "{several:?}");
        assert!(find("pkcs11:token=two;id=%02").is_ok());
        assert!(matches!(find("pkcs11:token=two;object=a;id=%02").err().unwrap(), DeviceError::NoKey { .. }));
        assert!(matches!(find("pkcs11:token=two;object=a;type=cert").err().unwrap(), DeviceError::NoKey { .. }));
        assert!(find("pkcs11:token=two;object=a;type=private").is_ok());
    });
}

#[test]
fn a_token_that_was_initialised_anew_is_another_token() {
    in_store("a_token_that_was_initialised_anew_is_another_token", &["one"], |store| {
        // The key was enrolled from a token that has been wiped since.
        let token = store.token("one");
        let mut enrolled = token.uri().clone();
        enrolled.object = Some("k".to_owned());
        enrolled.serial = Some("0000000000000000".to_owned());
        let error = store.modules().key(&enrolled, None, &mut Script::silent()).err().unwrap();
        assert!(matches!(error, DeviceError::NoToken { .. }), "{error:?}");
        let serial = token.uri().serial.clone().unwrap();
        assert!(error.to_string().contains(&serial), "{error}");
    });
}

#[test]
fn what_is_no_module_is_reported_and_the_others_go_on() {
    in_store("what_is_no_module_is_reported_and_the_others_go_on", &["one"], |store| {
        let text = store.path.join("text.so");
        fs::write(&text, "not a library").unwrap();
        let gone = store.path.join("gone.so");
        let link = store.path.join("link.so");
        std::os::unix::fs::symlink(softhsm(), &link).unwrap();
        let other = ["/lib/x86_64-linux-gnu/libm.so.6", "/lib64/libm.so.6", "/usr/lib/libm.so.6"];
        let other = other.map(Path::new).into_iter().find(|path| path.exists()).unwrap().to_path_buf();
        let modules = Modules::load(&[text, gone, other, link, softhsm()], |_, _| {});
        assert_eq!(modules.modules().len(), 1, "one library under two names is loaded once");
        assert_eq!(modules.tokens().0.len(), 1);
        match modules.problems() {
            [
                ModuleError::NotLoaded { path: text, .. },
                ModuleError::NotFound { path: gone },
                ModuleError::NotPkcs11 { symbol: "C_GetFunctionList", .. },
            ] => {
                assert!(text.ends_with("text.so"));
                assert!(gone.ends_with("gone.so"));
            }
            other => panic!("{other:?}"),
        }
        // Loading once more in the same process finds the module started.
        assert_eq!(store.modules().tokens().0.len(), 1);
    });
}

/// Debian's and Fedora's package of SoftHSM tells p11-kit where its module is.
#[test]
fn what_the_system_configures_is_found() {
    in_store("what_the_system_configures_is_found", &["one"], |_| {
        let modules = Modules::with_system(&[], |_, _| {});
        let real = fs::canonicalize(softhsm()).unwrap();
        assert!(modules.modules().iter().any(|module| module.path() == real), "{modules:?}");
        let (tokens, _) = modules.tokens();
        assert!(tokens.iter().any(|token| token.uri().token.as_deref() == Some("one")), "{tokens:?}");
    });
}

#[test]
fn a_store_that_does_not_exist_is_a_module_that_does_not_start() {
    in_store("a_store_that_does_not_exist_is_a_module_that_does_not_start", &[], |store| {
        fs::remove_dir_all(store.path.join("tokens")).unwrap();
        let modules = Modules::load(&[softhsm()], |_, _| {});
        assert!(matches!(modules.problems(), [ModuleError::NotInitialized { .. }]), "{modules:?}");
    });
}

#[test]
fn a_key_is_enrolled_from_its_token() {
    in_store("a_key_is_enrolled_from_its_token", &["alice's token"], |store| {
        let token = store.token("alice's token");
        let name = Name::new("alice").unwrap();
        let mut script = Script::of(&[PIN]);
        let mut key = token.generate(&template(Algorithm::EcdsaP256, "root", 1), Some(&name), &mut script).unwrap();
        let nonce = Nonce::random().unwrap();
        let possession = Possession::prove(&mut key, "root id", &name, nonce, &mut script).unwrap();
        let claims = key.claims(&mut script).unwrap();
        let tuf_key = TufKey::author(key.public_key()).unwrap();
        let home = Home::Pkcs11 { uri: key.uri().clone(), claimed: Some(Box::new(claims)) };
        let record_key = RecordKey::new(State::Active, tuf_key, home, Some(possession)).unwrap();
        let record = Record::new(name.clone(), Kind::Person, vec![record_key]).unwrap();
        assert_eq!(script.asked.len(), 1, "one PIN for all of it");
        drop(key);
        let read = Record::parse(&record.to_toml()).unwrap();
        assert_eq!(read, record);
        let enrolled = read.active().unwrap();
        let proof = enrolled.possession().unwrap();
        assert_eq!(proof.verify(enrolled.public_key(), "root id", &name), Ok(()));
        let again = store.modules().key(enrolled.uri().unwrap(), None, &mut Script::silent()).unwrap();
        assert_eq!(again.public_key(), enrolled.public_key());
    });
}
