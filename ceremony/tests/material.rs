//! Sigstore's own trust material, as it was published from 2022 to 2026.
#![allow(clippy::unwrap_used)]

mod published;

use ceremony::Finding;
use ceremony::material::diff::{self, FileDiff};
use ceremony::material::{Judgement, Material, Publication, SigningConfig, TrustedRoot, lint, step};
use published::{TRUSTED_ROOTS, data, material, staging, trusted_root};

/// The findings of a version of the targets, judged on the day on which it landed.
fn findings(version: u64, day: &str) -> Vec<String> {
    let now = format!("{day}T12:00:00Z").parse().unwrap();
    let judgement = Judgement { now, next: now, clients: &[] };
    lint(&material(version), &judgement).iter().map(|f| format!("{} ({})", f.rule, f.subject)).collect()
}

/// All sentences on a file from one version of the targets to another.
fn told(before: &Material, after: &Material, path: &str) -> String {
    let files = diff::diff(before, after);
    files.iter().find(|file| file.path == path).map_or_else(|| "nothing".to_owned(), FileDiff::to_string)
}

#[test]
fn every_published_file_is_the_same_bytes_again() {
    for place in 0..TRUSTED_ROOTS.len() {
        assert_eq!(TrustedRoot::parse(&trusted_root(place)).unwrap().as_bytes(), trusted_root(place));
    }
    assert_eq!(TrustedRoot::parse(&staging()).unwrap().as_bytes(), staging());
    for name in [
        "0f5f38554e29e770d4d5d6f0e1b51fcbf84f61dc6934530a09b7a901eaad5bee.signing_config_rekor_v2.v0.2.json",
        "9711a6d5375706957a4859af31c5866a4474f81f0544f9f4b76c9c4f4c8a539c.signing_config.v0.2.json",
        "d358c75d032833f4193500f5b01b5760409410558fac962c599439adbb268b0f.signing_config.json",
    ] {
        let bytes = data(&format!("sigstore-prod/targets/{name}"));
        assert_eq!(SigningConfig::parse(&bytes).unwrap().as_bytes(), bytes);
    }
}

#[test]
fn the_findings_of_each_version_are_what_history_says() {
    let no_config = "material-missing (signing_config.v0.2.json)";
    // The CT log `test` was ended, and stayed active for older clients to this day; its start was guessed, a week after
    // Fulcio's: sigstore/root-signing 584.
    let (hole, ctfe) = ("coverage-hole (ctlog 2021-03-07)", "legacy-differs (ctfe.pub)");
    let no_root = "material-missing (trusted_root.json)";
    let none: [&str; 0] = [];
    for version in 1..=3 {
        assert_eq!(findings(version, "2022-05-10"), none, "{version}");
    }
    assert_eq!(findings(4, "2022-07-13"), [no_config, no_root]);
    assert_eq!(findings(5, "2022-10-21"), [no_config, no_root]);
    // The chain of Fulcio was published the wrong way round, and mended by the next version: 765.
    let reversed = "chain-reversed (fulcio https://fulcio.sigstore.dev 3ba7b6cc)";
    assert_eq!(findings(6, "2023-03-01"), [reversed, hole, ctfe, no_config]);
    // GitHub's timestamp authority: a purpose that is not critical; a certificate that expired while it was published.
    let purpose = "chain-invalid (tsa without-url 495bc2bf)";
    for (version, day) in [(7, "2023-04-05"), (8, "2023-09-26"), (9, "2024-03-13")] {
        assert_eq!(findings(version, day), [purpose, hole, ctfe, no_config], "{version}");
    }
    let expired = "certificate-expires (tsa without-url 495bc2bf)";
    assert_eq!(findings(10, "2024-08-28"), [expired, purpose, hole, ctfe, no_config]);
    assert_eq!(findings(11, "2025-01-30"), [hole, ctfe, no_config]);
    for (version, day) in [(12, "2025-07-11"), (13, "2025-10-07"), (14, "2026-05-16")] {
        assert_eq!(findings(version, day), [hole, ctfe], "{version}");
    }
}

#[test]
fn the_findings_of_each_step_are_what_history_says() {
    let steps = |from: u64, to: u64, day: &str| -> Vec<String> {
        let publication =
            Publication { at: format!("{day}T12:00:00Z").parse().unwrap(), timestamp_lifetime: ceremony::Days(7) };
        let found: Vec<Finding> = step(&material(from), &material(to), &[], &publication);
        found.iter().map(|f| format!("{} ({})", f.rule, f.subject)).collect()
    };
    let none: [&str; 0] = [];
    assert_eq!(steps(5, 6, "2023-03-01"), none);
    // A chain that is put in order is the same entry; and the new authority started nine days later.
    assert_eq!(steps(6, 7, "2023-04-05"), none);
    assert_eq!(steps(10, 11, "2025-01-30"), ["entry-removed (tsa without-url 495bc2bf)"]);
    let tsa = "start-too-soon (tsa https://timestamp.sigstore.dev/api/v1/timestamp 85f927bc 2025-07-04T00:00:00Z)";
    assert_eq!(steps(11, 12, "2025-07-11"), [tsa]);
    let rekor = "start-too-soon (rekor https://log2025-1.rekor.sigstore.dev b54813cb 2025-09-23T00:00:00Z)";
    assert_eq!(steps(12, 13, "2025-10-07"), [rekor]);
    assert_eq!(steps(13, 14, "2026-05-16"), none);
}

#[test]
fn each_step_is_the_sentence_that_a_person_would_write() {
    let root = |before: u64, after: u64| told(&material(before), &material(after), TrustedRoot::TARGET);
    assert_eq!(
        root(5, 6),
        "is new; adds Fulcio fulcio.sigstore.dev (sigstore) from 2021-03-07T03:20:29.000Z to \
         2022-12-31T23:59:59.999Z; adds Fulcio fulcio.sigstore.dev (sigstore) from 2022-04-13T20:06:15.000Z; adds Rekor \
         rekor.sigstore.dev (P-256) from 2021-01-12T11:53:27.000Z; adds CT log ctfe.sigstore.dev/test (P-256) from \
         2021-03-14 to 2022-10-31T23:59:59.999Z; adds CT log ctfe.sigstore.dev/2022 (P-256) from 2022-10-20"
    );
    assert_eq!(
        root(6, 7),
        "puts the certificates of Fulcio fulcio.sigstore.dev (sigstore-intermediate) in another order: \
         sigstore-intermediate, sigstore; before: sigstore, sigstore-intermediate; adds TSA without URL (TSA \
         Timestamping) from 2023-04-14; Rekor and CT log unchanged (same bytes)"
    );
    for version in 7..10 {
        assert_eq!(root(version, version + 1), "nothing");
    }
    assert_eq!(
        root(10, 11),
        "removes TSA without URL (TSA Timestamping); Fulcio, Rekor and CT log unchanged (same bytes)"
    );
    assert_eq!(
        root(11, 12),
        "adds TSA timestamp.sigstore.dev/api/v1/timestamp (sigstore-tsa) from 2025-07-04; writes the times of Fulcio \
         fulcio.sigstore.dev (sigstore), Fulcio fulcio.sigstore.dev (sigstore-intermediate), Rekor rekor.sigstore.dev \
         (P-256), CT log ctfe.sigstore.dev/test (P-256) and CT log ctfe.sigstore.dev/2022 (P-256) otherwise, without \
         changing any"
    );
    assert_eq!(
        root(12, 13),
        "adds Rekor v2 log2025-1.rekor.sigstore.dev (Ed25519) from 2025-09-23; Fulcio, CT log and TSA unchanged (same \
         bytes)"
    );
    assert_eq!(root(13, 14), "nothing");
    let variant = told(&material(13), &material(14), "signing_config_rekor_v2.v0.2.json");
    assert!(variant.starts_with("is new; adds the CA v1 fulcio.sigstore.dev for signing from "), "{variant}");
    assert!(
        variant.contains("; adds the Rekor v2 log2025-1.rekor.sigstore.dev for signing from 2026-01-01; "),
        "{variant}"
    );
}

/// A member whose name begins like that of a chain which is put in another order.
#[test]
fn no_member_hides_behind_what_is_told() {
    let (before, reversed) = (material(7), material(6));
    let chain = "\"certificates\"";
    let root = std::str::from_utf8(reversed.trusted_root.as_ref().unwrap().as_bytes()).unwrap();
    let place = root.rfind(chain).unwrap();
    let other = [&root[..place], "\"certificatesX\": [{\"rawBytes\": \"AAAA\"}], ", &root[place..]].concat();
    let mut after = before.clone();
    after.trusted_root = Some(TrustedRoot::parse(other.as_bytes()).unwrap());
    let told = told(&before, &after, TrustedRoot::TARGET);
    assert!(told.contains("in another order") && told.contains("certChain.certificatesX"), "{told}");
}

#[test]
fn what_each_step_does_to_the_other_files_is_told() {
    let old_form = told(&material(10), &material(11), SigningConfig::TARGET_V01);
    assert_eq!(
        old_form,
        "is new; adds the CA fulcio.sigstore.dev for signing; adds the OIDC issuer oauth2.sigstore.dev/auth for \
         signing; adds the Rekor rekor.sigstore.dev for signing"
    );
    let config = told(&material(11), &material(12), SigningConfig::TARGET);
    assert!(config.ends_with("has signers use any one Rekor; has signers use any one TSA"), "{config}");
    let legacy = told(&material(4), &material(5), "ctfe_2022.pub");
    assert_eq!(legacy, "is new; has usage CTFE; has status Active; has uri https://ctfe.sigstore.dev/2022");
    assert_eq!(told(&material(4), &material(5), "ctfe.pub"), "has uri https://ctfe.sigstore.dev/test");
    assert_eq!(diff::diff(&material(8), &material(9)), []);
}
