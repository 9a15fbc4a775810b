//! Tokens that lock, go away, have a PIN pad, want their PIN each time, or lie.
#![cfg(feature = "pkcs11")]
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use ceremony::Algorithm;
use common::Script;
use common::store::{PIN, Store, in_store};
use keyholders::pkcs11::{Modules, Template, Token};
use keyholders::{Action, Ask, AskError, Device, DeviceError, Pin, PinRequest, Secret, Tries, Uri};

/// A key that exists on the one token of the store, and nobody logged in.
fn key(store: &Store, algorithm: Algorithm) -> (Modules, Uri) {
    store.mood("");
    let modules = store.moody();
    let token = token(&modules);
    let template = Template { algorithm, label: "k".to_owned(), id: vec![1] };
    let uri = token.generate(&template, None, &mut Script::of(&[PIN])).unwrap().uri().clone();
    assert_eq!(store.logins(), ["user 1, PIN"]);
    (modules, uri)
}

fn token(modules: &Modules) -> Token {
    modules.tokens().0.into_iter().next().unwrap()
}

#[test]
fn the_last_try_is_never_spent() {
    in_store("the_last_try_is_never_spent", &["one"], |store| {
        let (modules, uri) = key(store, Algorithm::EcdsaP256);
        let mut key = modules.key(&uri, None, &mut Script::silent()).unwrap();
        let mut script = Script::of(&[PIN]);
        store.mood("low final");
        let error = key.sign(b"m", &mut script).unwrap_err();
        assert!(matches!(error, DeviceError::FinalTry { .. }), "{error:?}");
        assert_eq!(token(&modules).tries().unwrap(), Tries::Final);
        store.mood("low final locked");
        let error = key.sign(b"m", &mut script).unwrap_err();
        assert!(matches!(error, DeviceError::Locked { .. }), "{error:?}");
        let template = Template { algorithm: Algorithm::EcdsaP256, label: "new".to_owned(), id: vec![2] };
        let error = token(&modules).generate(&template, None, &mut script).err().unwrap();
        assert!(matches!(error, DeviceError::Locked { .. }), "{error:?}");
        assert_eq!((script.asked.len(), store.logins().len()), (0, 0), "nothing was asked and nothing sent");
        store.mood("low");
        assert!(key.sign(b"m", &mut script).is_ok());
        assert_eq!(script.asked[0].tries, Tries::Low);
    });
}

#[test]
fn a_refused_pin_is_never_sent_again() {
    in_store("a_refused_pin_is_never_sent_again", &["one"], |store| {
        let (modules, uri) = key(store, Algorithm::EcdsaP256);
        let mut key = modules.key(&uri, None, &mut Script::silent()).unwrap();
        let mut script = Script::of(&["654321", "654321", PIN]);
        assert!(matches!(key.sign(b"m", &mut script).unwrap_err(), DeviceError::WrongPin { .. }));
        assert_eq!(store.logins().len(), 1);
        assert!(matches!(key.sign(b"m", &mut script).unwrap_err(), DeviceError::RefusedBefore { .. }));
        assert_eq!(store.logins().len(), 0);
        assert!(key.sign(b"m", &mut script).is_ok());
        assert!(key.sign(b"m", &mut script).is_ok());
        assert_eq!((store.logins().len(), script.asked.len()), (1, 3));
    });
}

#[test]
fn who_goes_on_is_asked_until_one_try_is_left() {
    in_store("who_goes_on_is_asked_until_one_try_is_left", &["one"], |store| {
        let (modules, uri) = key(store, Algorithm::EcdsaP256);
        // One wrong PIN, and this token has one try left.
        store.mood("strict");
        let mut key = modules.key(&uri, None, &mut Script::silent()).unwrap();
        let mut script = Script::again(&["222222", PIN]);
        let error = key.sign(b"m", &mut script).unwrap_err();
        assert!(matches!(error, DeviceError::WrongPin { tries: Tries::Final, .. }), "{error:?}");
        assert_eq!((script.asked.len(), script.refused.len(), store.logins().len()), (1, 0, 1));
        store.mood("");
        let mut key = modules.key(&uri, None, &mut Script::silent()).unwrap();
        // What was refused is not sent again, also when another one was refused since, and costs no try.
        let mut script = Script::again(&["654321", "111111", "654321", PIN]);
        assert!(key.sign(b"m", &mut script).is_ok());
        let counted: Vec<_> = script.refused.iter().map(|refusal| refusal.counted).collect();
        assert_eq!((counted, store.logins().len()), (vec![true, true, false], 3));
        assert_eq!(script.refused[0].device, script.asked[0].device);
        assert!(script.refused[0].reason.contains("refused the PIN"), "{:?}", script.refused);
        // A PIN for one signature, in the middle of it.
        store.mood("open always");
        let mut key = modules.key(&uri, None, &mut Script::silent()).unwrap();
        let mut script = Script::again(&["654321", PIN]);
        assert!(key.sign(b"m", &mut script).is_ok());
        assert_eq!(script.refused[0].secret, Secret::SignaturePin);
    });
}

#[test]
fn a_pin_is_not_sent_to_a_token_that_was_exchanged_meanwhile() {
    /// Exchanges the token while typing.
    struct Thief<'a>(&'a Store);

    impl Ask for Thief<'_> {
        fn pin(&mut self, _: PinRequest) -> Result<Pin, AskError> {
            self.0.mood("swapped");
            Ok(Pin::new(PIN.to_owned())?)
        }

        fn act(&mut self, _: Action) {}
    }

    in_store("a_pin_is_not_sent_to_a_token_that_was_exchanged_meanwhile", &["one"], |store| {
        let (modules, uri) = key(store, Algorithm::EcdsaP256);
        let mut key = modules.key(&uri, None, &mut Script::silent()).unwrap();
        let error = key.sign(b"m", &mut Thief(store)).unwrap_err();
        assert!(matches!(error, DeviceError::Gone { .. }), "{error:?}");
        assert_eq!(store.logins().len(), 0);
        // The accepted PIN of the one token is not tried on the other either.
        store.mood("");
        assert!(key.sign(b"m", &mut Script::of(&[PIN])).is_ok());
        store.mood("swapped");
        let _ = store.logins();
        assert!(matches!(key.sign(b"m", &mut Script::silent()).unwrap_err(), DeviceError::Gone { .. }));
        assert_eq!(store.logins().len(), 0);
        let absent = modules.key(&uri, None, &mut Script::silent()).err().unwrap();
        assert!(matches!(absent, DeviceError::NoToken { .. }), "{absent:?}");
    });
}

#[test]
fn a_token_that_is_pulled_out_is_gone_and_comes_back() {
    in_store("a_token_that_is_pulled_out_is_gone_and_comes_back", &["one"], |store| {
        let (modules, uri) = key(store, Algorithm::Ed25519);
        let mut key = modules.key(&uri, None, &mut Script::silent()).unwrap();
        assert!(key.sign(b"m", &mut Script::of(&[PIN])).is_ok());
        store.mood("gone");
        assert!(matches!(key.sign(b"m", &mut Script::silent()).unwrap_err(), DeviceError::Gone { .. }));
        let absent = modules.key(&uri, None, &mut Script::silent()).err().unwrap();
        assert!(absent.to_string().ends_with("there is no token at all"), "{absent}");
        store.mood("");
        assert!(key.sign(b"m", &mut Script::silent()).is_ok());
    });
}

#[test]
fn a_pin_pad_is_waited_for() {
    in_store("a_pin_pad_is_waited_for", &["one"], |store| {
        let (modules, uri) = key(store, Algorithm::EcdsaP384);
        store.mood("pad");
        let mut key = modules.key(&uri, None, &mut Script::silent()).unwrap();
        let mut script = Script::silent();
        let signature = key.sign(b"m", &mut script).unwrap();
        assert_eq!(key.public_key().verify(b"m", &signature), Ok(()));
        assert_eq!(store.logins(), ["user 1, pad"]);
        match &script.acts[..] {
            [Action::EnterPin { device }] => assert!(device.contains("\"one\""), "{device}"),
            other => panic!("{other:?}"),
        }
        assert_eq!(script.asked, []);
    });
}

#[test]
fn a_key_that_wants_its_pin_each_time_gets_it() {
    in_store("a_key_that_wants_its_pin_each_time_gets_it", &["one"], |store| {
        let (modules, uri) = key(store, Algorithm::EcdsaP256);
        store.mood("always");
        let mut key = modules.key(&uri, None, &mut Script::silent()).unwrap();
        let mut script = Script::of(&[PIN]);
        for message in [&b"first"[..], b"second"] {
            let signature = key.sign(message, &mut script).unwrap();
            assert_eq!(key.public_key().verify(message, &signature), Ok(()));
        }
        // Once for the token, then once for each signature; the person is asked once.
        assert_eq!(store.logins(), ["user 1, PIN", "user 2, PIN", "user 2, PIN"]);
        assert_eq!(script.asked.len(), 1);
        drop(key);
        // The same where the token is logged in already by another key of this process.
        let mut other = modules.key(&uri, None, &mut Script::silent()).unwrap();
        assert!(other.sign(b"m", &mut Script::of(&[PIN])).is_ok());
        let mut key = modules.key(&uri, None, &mut Script::silent()).unwrap();
        let _ = store.logins();
        let mut script = Script::of(&["654321", PIN]);
        assert!(matches!(key.sign(b"m", &mut script).unwrap_err(), DeviceError::WrongPin { .. }));
        assert!(key.sign(b"m", &mut script).is_ok());
        assert_eq!(script.asked[0].secret, Secret::SignaturePin);
        assert_eq!(store.logins(), ["user 2, PIN", "user 2, PIN"]);
        store.mood("always single");
        let error = key.sign(b"m", &mut script).unwrap_err();
        assert!(matches!(error, DeviceError::Unsupported { .. }), "{error:?}");
    });
}

#[test]
fn what_is_no_signature_of_the_key_is_never_returned() {
    in_store("what_is_no_signature_of_the_key_is_never_returned", &["one"], |store| {
        for (id, algorithm) in [(1, Algorithm::EcdsaP256), (2, Algorithm::EcdsaP384), (3, Algorithm::Ed25519)] {
            store.mood("");
            let template = Template { algorithm, label: algorithm.to_string(), id: vec![id] };
            let token = token(&store.moody());
            let mut key = token.generate(&template, None, &mut Script::of(&[PIN])).unwrap();
            for mood in ["lying", "short"] {
                store.mood(mood);
                let error = key.sign(b"m", &mut Script::of(&[PIN])).unwrap_err();
                assert!(matches!(error, DeviceError::BadSignature { .. }), "{algorithm} {mood} {error:?}");
            }
        }
    });
}

#[test]
fn a_token_that_hides_its_keys_is_logged_in_to_first() {
    in_store("a_token_that_hides_its_keys_is_logged_in_to_first", &["one"], |store| {
        let (modules, uri) = key(store, Algorithm::EcdsaP256);
        store.mood("hidden");
        assert_eq!(token(&modules).keys().unwrap().len(), 0);
        let mut script = Script::of(&[PIN]);
        let mut key = modules.key(&uri, None, &mut script).unwrap();
        assert_eq!(script.asked.len(), 1);
        assert!(key.sign(b"m", &mut script).is_ok());
        assert_eq!((script.asked.len(), store.logins().len()), (1, 1));
        drop(key);
        store.mood("alone");
        let error = modules.key(&uri, None, &mut Script::of(&[PIN])).err().unwrap();
        assert!(error.to_string().contains("without its public key"), "{error}");
    });
}

#[test]
fn a_write_protected_token_is_asked_nothing() {
    in_store("a_write_protected_token_is_asked_nothing", &["one"], |store| {
        let (modules, _) = key(store, Algorithm::EcdsaP256);
        store.mood("write-protected");
        let template = Template { algorithm: Algorithm::EcdsaP256, label: "new".to_owned(), id: vec![2] };
        let mut script = Script::of(&[PIN]);
        let error = token(&modules).generate(&template, None, &mut script).err().unwrap();
        assert!(error.to_string().ends_with("is write-protected"), "{error}");
        assert_eq!((script.asked.len(), store.logins().len()), (0, 0));
    });
}
