//! What was valid and is to be so no longer, and what had ended and is to be trusted again.
#![allow(clippy::unwrap_used)]

mod made;
mod published;

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ceremony::material::evidence::{claim, claim_name, file_name};
use ceremony::material::{Ending, Evidence, Kind, Material, Publication, SigningConfig, TrustedRoot, step};
use ceremony::{Certificate, Days};
use made::{Draft, Key};
use published::{config, production};

const NOW: &str = "2026-08-22T00:00:00Z";
const REKOR: &str = "rekor https://rekor.sigstore.dev c0d23d6a";
const CT: &str = "ctlog https://ctfe.sigstore.dev/test 086092f0";
const TSA: &str = "tsa https://timestamp.sigstore.dev/api/v1/timestamp 85f927bc";
const STARTED: &str = "\"start\": \"2021-01-12T11:53:27Z\"";

fn material(root: &str) -> Material {
    Material::of([(TrustedRoot::TARGET, root.as_bytes(), None), (SigningConfig::TARGET, &config()[..], None)])
}

fn ends(root: &str, at: &str) -> String {
    let ended = root.replacen(STARTED, &format!("{STARTED}, \"end\": \"{at}\""), 1);
    assert_ne!(ended, root);
    ended
}

/// What is found in the step from one trusted root to the other, with these files of evidence.
fn found_with(before: &str, after: &str, files: &[(String, String)]) -> Vec<String> {
    let (before, after) = (material(before), material(after));
    let files: BTreeMap<String, Vec<u8>> =
        files.iter().map(|(name, text)| (name.clone(), text.clone().into_bytes())).collect();
    let endings = Ending::all(before.trusted_root.as_ref(), after.trusted_root.as_ref(), &files).unwrap();
    let publication = Publication { at: NOW.parse().unwrap(), timestamp_lifetime: Days(7) };
    let found = step(&before, &after, &endings, &publication);
    found.iter().map(ToString::to_string).collect()
}

fn found(before: &str, after: &str) -> Vec<String> {
    found_with(before, after, &[])
}

/// An end that is written into the file, in the past, with nothing that says when the log was last used.
#[test]
fn an_end_in_the_past_is_told() {
    let end = "2025-01-01T00:00:00Z";
    let told = format!(
        "validity-cut ({REKOR} {end}): it ends at {end}, was valid until {NOW}, and nothing says when it was last used"
    );
    assert_eq!(found(&production(), &ends(&production(), end)), [told]);
    // One that is to come takes nothing away.
    assert!(found(&production(), &ends(&production(), "2026-08-22T00:00:00Z")).is_empty());
    // An earlier end than that which was published takes away what is between them.
    let earlier = production().replacen("2022-10-31T23:59:59.999Z", "2022-06-30T00:00:00Z", 1);
    let told = format!(
        "validity-cut ({CT} 2022-06-30T00:00:00Z): it ends at 2022-06-30T00:00:00Z, was valid until \
         2022-10-31T23:59:59.999Z, and nothing says when it was last used"
    );
    assert_eq!(found(&production(), &earlier), [told]);
    let written = production().replacen("2022-10-31T23:59:59.999Z", "2022-11-01T00:00:00Z", 1);
    assert!(found(&production(), &written).is_empty(), "one moment, written in two ways");
    assert!(found(&written, &production()).is_empty());
}

/// What is said of the last use is held against the end instead.
#[test]
fn an_end_is_judged_by_what_is_said_of_the_last_use() {
    let root = TrustedRoot::parse(production().as_bytes()).unwrap();
    let rekor = root.of_kind(Kind::Rekor).next().unwrap();
    let after = ends(&production(), "2025-01-01T00:00:00Z");
    let with = |name: String, text: String| found_with(&production(), &after, &[(name, text)]);
    assert!(with(claim_name(&rekor), claim("2024-12-31T00:00:00Z".parse().unwrap())).is_empty());
    assert!(with(file_name(&rekor), Evidence::compromised("2025-01-01T00:00:00Z".parse().unwrap())).is_empty());
    // Since later, it is no reason for this end.
    let later = with(file_name(&rekor), Evidence::compromised("2025-06-01T00:00:00Z".parse().unwrap()));
    assert!(later[0].starts_with("validity-cut"), "{later:?}");
    // Too late a use is another finding, and this one beside it would say nothing more.
    assert!(with(claim_name(&rekor), claim("2026-01-01T00:00:00Z".parse().unwrap())).is_empty());
    // Nothing of that says anything of a start.
    let both = after.replacen("2021-01-12T11:53:27Z", "2023-01-01T00:00:00Z", 1);
    let claimed = [(claim_name(&rekor), claim("2024-12-31T00:00:00Z".parse().unwrap()))];
    let told = format!(
        "validity-cut ({REKOR} 2023-01-01T00:00:00Z): it starts at 2023-01-01T00:00:00Z, and was valid from \
         2021-01-12T11:53:27Z on"
    );
    assert_eq!(found_with(&production(), &both, &claimed), [told]);
}

#[test]
fn a_start_that_moves_is_told() {
    let later = production().replacen("2021-01-12T11:53:27Z", "2027-01-12T11:53:27Z", 1);
    assert!(found(&production(), &later)[0].starts_with(&format!("validity-cut ({REKOR} 2027-01-12T11:53:27Z)")));
    assert!(found(&later, &production()).is_empty(), "an earlier start takes nothing away");
    // What has not started yet may start later.
    let soon = production().replacen("2021-01-12T11:53:27Z", "2026-12-12T11:53:27Z", 1);
    assert!(found(&soon, &later).is_empty());
    // A guessed start is mended: before its certificate, the authority signed nothing.
    let guessed = production().replacen("2025-07-04T00:00:00Z", "1970-01-01T00:00:00Z", 1);
    let real = production().replacen("2025-07-04T00:00:00Z", "2025-04-08T06:59:43Z", 1);
    assert!(found(&guessed, &real).is_empty(), "{:?}", found(&guessed, &real));
    assert!(found(&guessed, &production())[0].contains(&format!("({TSA} 2025-07-04T00:00:00Z)")));
    // RHTAS leaves the start out, and repairs it with the beginning of all times.
    let without = production().replacen(STARTED, "", 1);
    let repaired = production().replacen("2021-01-12T11:53:27Z", "1970-01-01T00:00:00Z", 1);
    assert!(found(&without, &repaired).is_empty());
    for none in [&without, &repaired] {
        assert!(found(none, &production()).is_empty(), "a log that had no start gets one");
    }
}

/// sigstore/root-signing-staging 41e2dad, 652029d: the end of a CT log was set, and rolled back.
#[test]
fn an_end_that_is_taken_back_is_told() {
    let text = production();
    let end = text.find("\"end\": \"2022-10-31").unwrap();
    let (comma, close) = (text[..end].rfind(',').unwrap(), end + text[end..].find('}').unwrap());
    let open = [&text[..comma], &text[close..]].concat();
    let told = format!("end-taken-back ({CT} open): it has no end, and the published one is 2022-10-31T23:59:59.999Z");
    assert_eq!(found(&production(), &open), [told]);
    let later = production().replacen("2022-10-31T23:59:59.999Z", "2023-10-31T00:00:00Z", 1);
    let told = format!(
        "end-taken-back ({CT} 2023-10-31T00:00:00Z): it ends at 2023-10-31T00:00:00Z, and the published end is \
         2022-10-31T23:59:59.999Z"
    );
    assert_eq!(found(&production(), &later), [told]);
    // Of entries that stand twice, what they say together counts.
    let root = ceremony::Json::parse(production().as_bytes()).unwrap();
    let entry = root.get("tlogs").unwrap().as_array().unwrap()[0].pretty();
    let twin =
        ends(&production().replacen("\"tlogs\": [", &format!("\"tlogs\": [{entry},"), 1), "2022-01-01T00:00:00Z");
    assert!(found(&twin, &twin).is_empty());
    assert!(found(&twin, &production()).is_empty() && found(&production(), &twin).is_empty());
}

/// One key in two entries, the first until 2024 and the other from then on.
#[test]
fn entries_that_stand_twice_are_one() {
    let root = ceremony::Json::parse(production().as_bytes()).unwrap();
    let entry = root.get("tlogs").unwrap().as_array().unwrap()[0].pretty();
    let next = entry.replacen("2021-01-12T11:53:27Z", "2024-01-01T00:00:00Z", 1);
    assert_ne!(next, entry);
    let open = production().replacen("\"tlogs\": [", &format!("\"tlogs\": [{next},"), 1);
    let (twice, cut) = (ends(&open, "2024-01-01T00:00:00Z"), ends(&open, "2022-01-01T00:00:00Z"));
    let endings = |before: &str, after: &str| -> Vec<String> {
        let (before, after) = (material(before), material(after));
        let found = Ending::all(before.trusted_root.as_ref(), after.trusted_root.as_ref(), &BTreeMap::new()).unwrap();
        found.into_iter().map(|ending| ending.end.to_string()).collect()
    };
    // Nothing ends where the other stays open, nor where nothing changes.
    assert!(endings(&twice, &twice).is_empty() && endings(&twice, &cut).is_empty());
    assert!(endings(&production(), &twice).is_empty());
    assert!(found(&production(), &twice).is_empty() && found(&twice, &twice).is_empty());
    let told = format!(
        "validity-cut ({REKOR} 2022-01-01T00:00:00Z): it is not valid from 2022-01-01T00:00:00Z to \
         2024-01-01T00:00:00Z, and was"
    );
    assert_eq!(found(&twice, &cut), core::slice::from_ref(&told));
    assert_eq!(found(&production(), &cut), [told]);
    assert!(found(&cut, &cut).is_empty() && found(&cut, &twice).is_empty());
    // Both end: that is one end, the later of them.
    let start = "\"start\": \"2024-01-01T00:00:00Z\"";
    let over = twice.replacen(start, &format!("{start}, \"end\": \"2025-01-01T00:00:00Z\""), 1);
    assert_eq!(endings(&twice, &over), ["2025-01-01T00:00:00Z"]);
    assert!(endings(&over, &over).is_empty());
}

/// What has ended, in another certificate of its key.
#[test]
fn a_key_that_has_ended_is_not_trusted_in_another_entry() {
    let key = Key::new(1);
    let certificate = |serial: u8| {
        let mut draft = Draft::authority("ca", &key, None);
        draft.serial = vec![serial];
        draft.signed_by("ca", &key)
    };
    let end = "2026-01-01T00:00:00Z";
    let entry = |der: &[u8], start: &str, end: &str| {
        format!(
            "{{\"subject\": {{}}, \"uri\": \"https://fulcio.example\", \"certChain\": {{\"certificates\": \
             [{{\"rawBytes\": \"{}\"}}]}}, \"validFor\": {{\"start\": \"{start}\"{end}}}}},",
            STANDARD.encode(der)
        )
    };
    let of = |entries: &[String]| {
        let list = "\"certificateAuthorities\": [";
        production().replacen(list, &[list, &entries.concat()].concat(), 1)
    };
    let (one, other) = (certificate(1), certificate(2));
    let name =
        |der: &[u8]| format!("fulcio https://fulcio.example {}", Certificate::from_der(der).unwrap().sha256().short());
    let ended = entry(&one, "2022-01-01T00:00:00Z", &format!(", \"end\": \"{end}\""));
    let published = of(std::slice::from_ref(&ended));
    let with = |end: &str| of(&[ended.clone(), entry(&other, "2027-01-01T00:00:00Z", end)]);
    let (was, is) = (name(&one), name(&other));
    let told = format!(
        "end-taken-back ({is} open): it has no end, and the published one of {was}, which has its key, is {end}"
    );
    assert_eq!(found(&published, &with("")), core::slice::from_ref(&told));
    let later = found(&published, &with(", \"end\": \"2028-01-01T00:00:00Z\""));
    assert_eq!(later.len(), 1, "{later:?}");
    assert!(later[0].starts_with(&format!("end-taken-back ({is} 2028-01-01T00:00:00Z)")), "{later:?}");
    // Another root behind it does not hide which one signs.
    let root = Draft::authority("root", &Key::new(2), None).signed_by("root", &Key::new(2));
    let open = entry(&one, "2027-01-01T00:00:00Z", "");
    let two = open.replacen("\"}]", &format!("\"}}, {{\"rawBytes\": \"{}\"}}]", STANDARD.encode(root)), 1);
    assert_ne!(two, open);
    let behind = found(&published, &of(&[ended.clone(), two]));
    assert_eq!(behind, [told.replace(&format!("({is} open)"), &format!("({was} open)"))]);
    // Nor does another authority before it, which it issued: what it issued is trusted with the chain.
    let below = Draft::authority("below", &Key::new(3), None).signed_by("ca", &key);
    let open = entry(&below, "2027-01-01T00:00:00Z", "");
    let chain = open.replacen("\"}]", &format!("\"}}, {{\"rawBytes\": \"{}\"}}]", STANDARD.encode(&one)), 1);
    let above = found(&published, &of(&[ended.clone(), chain]));
    assert_eq!(above, [told.replace(&format!("({is} open)"), &format!("({} open)", name(&below)))]);
    // A key that leaked is not ended in one entry and trusted in another by the same step.
    let (valid, leak) = (of(&[entry(&one, "2022-01-01T00:00:00Z", "")]), "2026-08-20T00:00:00Z");
    let moved = of(&[
        entry(&one, "2022-01-01T00:00:00Z", &format!(", \"end\": \"{leak}\"")),
        entry(&other, "2027-01-01T00:00:00Z", ""),
    ]);
    let root = TrustedRoot::parse(valid.as_bytes()).unwrap();
    let leaked = root.find(Kind::Fulcio, &was, None).unwrap();
    let statement = [(file_name(&leaked), Evidence::compromised(leak.parse().unwrap()))];
    let taken = |files: &[(String, String)]| {
        let found = found_with(&valid, &moved, files);
        found.into_iter().filter(|one| one.starts_with(&format!("end-taken-back ({is} open)"))).count()
    };
    assert_eq!((taken(&statement), taken(&[])), (1, 0));
    // It is told once; and nothing is taken back where the key has no end, or where it ends no later.
    assert!(found(&with(""), &with("")).is_empty());
    let open = of(&[entry(&one, "2022-01-01T00:00:00Z", "")]);
    let taken_back = |before: &str, after: &str| {
        found(before, after).into_iter().filter(|one| one.starts_with("end-taken-back")).count()
    };
    assert_eq!(taken_back(&published, &with("")), 1);
    assert_eq!(taken_back(&open, &with("")), 0);
    let before = of(&[ended.clone(), entry(&other, "2022-01-01T00:00:00Z", &format!(", \"end\": \"{end}\""))]);
    assert_eq!(taken_back(&published, &before), 0);
}

/// An authority whose chain is written otherwise, under the certificate that signs.
#[test]
fn an_authority_goes_on_with_its_certificate() {
    let (root, middle) = (Key::new(1), Key::new(2));
    let signer = Draft::authority("middle", &middle, None).signed_by("root", &root);
    let renewed = Draft::authority("middle", &middle, None).valid("20210101000000Z", "20291231235959Z");
    let renewed = renewed.signed_by("root", &root);
    let over = |serial: u8| {
        let mut draft = Draft::authority("root", &root, None);
        draft.serial = vec![serial];
        draft.signed_by("root", &root)
    };
    let of = |chain: &[&[u8]], more: &str| {
        let raw: Vec<String> =
            chain.iter().map(|der| format!("{{\"rawBytes\": \"{}\"}}", STANDARD.encode(der))).collect();
        let entry = format!(
            "{{\"subject\": {{}}, \"uri\": \"https://fulcio.example\", \"certChain\": {{\"certificates\": [{}]}}, \
             \"validFor\": {{\"start\": \"2022-01-01T00:00:00Z\"{more}}}}},",
            raw.join(", ")
        );
        let list = "\"certificateAuthorities\": [";
        production().replacen(list, &[list, &entry].concat(), 1)
    };
    let before = of(&[&signer, &over(1)], "");
    assert!(found(&before, &of(&[&signer, &over(2)], "")).is_empty(), "another root with the same key");
    let name = format!("fulcio https://fulcio.example {}", Certificate::from_der(&signer).unwrap().sha256().short());
    let ended = found(&before, &of(&[&signer, &over(2)], ", \"end\": \"2023-01-01T00:00:00Z\""));
    assert!(ended[0].starts_with(&format!("validity-cut ({name} 2023-01-01T00:00:00Z)")), "{ended:?}");
    // With another certificate of its key it is known, and what was signed under the old one may not verify.
    let removed = found(&before, &of(&[&renewed, &over(1)], ""));
    assert!(removed.len() == 1 && removed[0].starts_with(&format!("entry-removed ({name})")), "{removed:?}");
    // Another authority below the same root is another, also where the root stands first.
    let other = Draft::authority("other", &Key::new(3), None).signed_by("root", &root);
    for (old, new) in [([&signer, &over(1)], [&other, &over(1)]), ([&over(1), &signer], [&over(1), &other])] {
        let found = found(&of(&[old[0], old[1]], ""), &of(&[new[0], new[1]], ""));
        assert!(found.iter().any(|one| one.starts_with("entry-removed")), "{found:?}");
        assert!(found.iter().any(|one| one.starts_with("start-too-soon")), "{found:?}");
    }
}
