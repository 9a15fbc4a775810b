//! Edits of trust material, on files of any layout and any content: what is not edited keeps its bytes, and nothing panics.
#![allow(clippy::unwrap_used)]

mod published;

use ceremony::material::{
    Answers, Judgement, Kind, LogIdForm, LogKey, Material, Moment, NewEntry, TrustedRoot, diff, lint, repair,
};
use proptest::prelude::*;
use published::{staging, trusted_root};

fn moment(text: &str) -> Moment {
    Moment::parse(text).unwrap()
}

fn key(seed: u8) -> LogKey {
    let key = p256::ecdsa::SigningKey::from_slice(&[seed; 32]).unwrap();
    LogKey::author(ceremony::PublicKey::EcdsaP256(*key.verifying_key())).unwrap()
}

/// The same file with other white space between its parts; none within strings.
fn laid_out(text: &str, blanks: &[&str]) -> String {
    let (mut out, mut inside, mut turn) = (String::new(), false, 0);
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        match c {
            '\\' if inside => out.extend([Some(c), characters.next()].into_iter().flatten()),
            '"' => {
                inside = !inside;
                out.push(c);
            }
            c if inside => out.push(c),
            c if c.is_whitespace() => {}
            '{' | '[' | ',' | ':' => {
                out.push(c);
                out.push_str(blanks[turn % blanks.len()]);
                turn += 1;
            }
            c => out.push(c),
        }
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn edits_keep_what_they_do_not_edit(
        blanks in proptest::collection::vec(prop_oneof![Just(""), Just(" "), Just("\n"), Just("\t\t"), Just("\r\n  "), Just("\n    ")], 1..6),
        year in 2020_u32..2030,
        place in 0_usize..5,
    ) {
        let text = laid_out(std::str::from_utf8(&trusted_root(place)).unwrap(), &blanks);
        let root = TrustedRoot::parse(text.as_bytes()).unwrap();
        prop_assert_eq!(root.as_bytes(), text.as_bytes());
        let url = "https://log.example".parse().unwrap();
        let start = moment(&format!("{year}-01-01T00:00:00Z"));
        let entry = NewEntry::log(Kind::CtLog, &url, &key(7), LogIdForm::Key, start.clone());
        let added = root.add(&entry).unwrap();
        for old in root.instances() {
            let new = added.instances().find(|new| new.identity() == old.identity()).unwrap();
            prop_assert_eq!(root.text_of(&old), added.text_of(&new));
        }
        let told = diff::trusted_root(Some(&root), Some(&added)).unwrap();
        prop_assert_eq!(told.changes.len(), 1);
        // In the order of the starts, as all published files are.
        let starts: Vec<i64> =
            added.of_kind(Kind::CtLog).map(|log| log.valid_for().unwrap().start.unwrap().unix()).collect();
        prop_assert!(starts.is_sorted(), "{:?}", starts);
        let new = added.find(Kind::CtLog, "https://log.example", Some(&start)).unwrap();
        let ended = added.end(&new, &moment("2031-01-01T00:00:00Z"), None).unwrap();
        prop_assert_eq!(ended.instances().count(), root.instances().count() + 1);
        let told = diff::trusted_root(Some(&added), Some(&ended)).unwrap().to_string();
        prop_assert!(told.starts_with("ends CT log log.example (P-256) on 2031-01-01"), "{}", told);
    }

    #[test]
    fn damaged_files_are_refused_or_judged(place in 0_usize..6, at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>()) {
        let mut bytes = if place == 5 { staging() } else { trusted_root(place) };
        let at = at.index(bytes.len());
        if cut { bytes.truncate(at) } else { bytes[at] = byte }
        let material = Material::of([(TrustedRoot::TARGET, bytes.as_slice(), None)]);
        let now = "2026-06-01T00:00:00Z".parse().unwrap();
        let findings = lint(&material, &Judgement { now, next: now, clients: &[] });
        prop_assert!(!findings.is_empty());
        if let Some(root) = &material.trusted_root {
            prop_assert_eq!(root.as_bytes(), bytes.as_slice());
            let _ = repair(root, &Answers::default());
            let _ = diff::trusted_root(None, Some(root));
        }
    }
}
