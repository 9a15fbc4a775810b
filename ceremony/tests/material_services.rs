//! The services that signers use, against what clients trust and against what signers used before.
#![allow(clippy::unwrap_used)]

mod published;

use ceremony::material::{Judgement, Material, Publication, SigningConfig, TrustedRoot, lint, step};
use ceremony::{Days, Finding, Rule};
use published::{config, production};

const REKOR: &str = "signing rekor https://rekor.sigstore.dev";
const TILES: &str = "signing rekor https://log2025-1.rekor.sigstore.dev";

/// The signing config of production, changed.
fn changed(from: &str, to: &str) -> String {
    let config = String::from_utf8(config()).unwrap();
    let changed = config.replacen(from, to, 1);
    assert_ne!(changed, config, "{from}");
    changed
}

fn material(root: &str, config: &str) -> Material {
    Material::of([(TrustedRoot::TARGET, root.as_bytes(), None), (SigningConfig::TARGET, config.as_bytes(), None)])
}

/// What is found of services, by what is wanted alone.
fn found(root: &str, config: &str, now: &str) -> Vec<Finding> {
    let now = format!("{now}T00:00:00Z").parse().unwrap();
    let mut found = lint(&material(root, config), &Judgement { now, next: now, clients: &[] });
    found.retain(|finding| matches!(finding.rule, Rule::ServiceUntrusted | Rule::ApiVersionUnknown));
    found
}

/// The subjects, all of one rule.
fn of(rule: Rule, findings: &[Finding]) -> Vec<&str> {
    assert!(findings.iter().all(|finding| finding.rule == rule), "{findings:?}");
    findings.iter().map(|finding| finding.subject.as_str()).collect()
}

/// A rotation that was done in one of the two files alone: Rekor v1 has ended, and signers are sent there for ever.
#[test]
fn signers_are_sent_to_what_has_ended() {
    let start = "\"start\": \"2021-01-12T11:53:27Z\"";
    let root = production().replacen(start, &format!("{start}, \"end\": \"2026-08-01T00:00:00Z\""), 1);
    let config = String::from_utf8(config()).unwrap();
    for day in ["2026-06-01", "2026-09-01"] {
        let found = found(&root, &config, day);
        assert_eq!(of(Rule::ServiceUntrusted, &found), [format!("{REKOR} 2026-08-01")]);
        let what = "signers use it, and the trusted root has no Rekor at rekor.sigstore.dev from 2026-08-01T00:00:00Z for ever";
        assert_eq!(found[0].what, what);
    }
    // Signers stop when the log does.
    let start = "\"start\": \"2021-01-12T11:53:27.000Z\"";
    let ended = changed(start, &format!("{start}, \"end\": \"2026-08-01T00:00:00Z\""));
    assert_eq!(found(&root, &ended, "2026-06-01"), []);
    assert_eq!(found(&root, &ended, "2026-09-01"), []);
    // A second later is none: one file writes the end as midnight, the other as the last moment before.
    let midnight = root.replacen("2026-08-01T00:00:00Z", "2026-07-31T23:59:59.999Z", 1);
    assert_eq!(found(&midnight, &ended, "2026-06-01"), []);
}

/// log2025-1, which signers use from 2026 on, with a mistyped year in the trusted root.
#[test]
fn signers_are_sent_to_what_is_trusted_later() {
    let mut v2 = changed("https://rekor.sigstore.dev", "https://log2025-1.rekor.sigstore.dev");
    v2 = v2.replacen("2021-01-12T11:53:27.000Z", "2026-01-01T00:00:00Z", 1);
    assert_eq!(found(&production(), &v2, "2026-06-01"), []);
    let late = production().replacen("2025-09-23T00:00:00Z", "2027-06-01T00:00:00Z", 1);
    let untrusted = found(&late, &v2, "2026-06-01");
    assert_eq!(of(Rule::ServiceUntrusted, &untrusted), [format!("{TILES} 2026-01-01")]);
    assert!(untrusted[0].what.ends_with("from 2026-01-01T00:00:00Z to 2027-06-01T00:00:00Z"), "{}", untrusted[0].what);
    // What is past when somebody looks is no mistake that can be mended.
    assert_eq!(found(&late, &v2, "2027-06-02"), []);
    // Times that cannot be read are another matter.
    assert_eq!(found(&production().replacen("2025-09-23T00:00:00Z", "soon", 1), &v2, "2026-06-01"), []);
}

/// Both Fulcios are at one host; an entry without a URL may be that of any service.
#[test]
fn entries_at_one_host_are_trusted_together() {
    let start = "\"start\": \"2022-04-13T20:06:15.000Z\"";
    let since = changed(start, "\"start\": \"2021-03-07T03:20:29Z\"");
    assert_eq!(found(&production(), &since, "2021-06-01"), []);
    let gap = production().replacen("2022-12-31T23:59:59.999Z", "2022-01-31T23:59:59.999Z", 1);
    let hole = found(&gap, &since, "2021-06-01");
    assert_eq!(of(Rule::ServiceUntrusted, &hole), ["signing ca https://fulcio.sigstore.dev 2022-01-31"]);
    assert_eq!(found(&gap, &since, "2026-06-01"), []);
    let anywhere = gap.replacen("\"uri\": \"https://fulcio.sigstore.dev\",", "", 1);
    assert_eq!(of(Rule::ServiceUntrusted, &found(&anywhere, &since, "2021-06-01")).len(), 1);
}

/// What sigstore-go, sigstore-python and their like have in `RekorAPIVersions`, `REKOR_VERSIONS`.
#[test]
fn versions_that_no_signer_speaks() {
    let of_rekor = |version: &str| {
        let config = String::from_utf8(config()).unwrap();
        let at = config.find("https://rekor.sigstore.dev").unwrap();
        let version = config[at..].replacen("\"majorApiVersion\": 1", &format!("\"majorApiVersion\": {version}"), 1);
        [&config[..at], &version].concat()
    };
    for known in ["1", "2"] {
        assert_eq!(found(&production(), &of_rekor(known), "2026-06-01"), []);
    }
    for unknown in ["0", "3", "7"] {
        let found = found(&production(), &of_rekor(unknown), "2026-06-01");
        assert_eq!(of(Rule::ApiVersionUnknown, &found), [REKOR]);
        assert_eq!(
            found[0].what,
            format!("its majorApiVersion is {unknown}, and signers speak version 1 and 2 of a Rekor")
        );
    }
    let authority = changed("\"majorApiVersion\": 1", "\"majorApiVersion\": 2");
    let authority = found(&production(), &authority, "2026-06-01");
    assert_eq!(of(Rule::ApiVersionUnknown, &authority), ["signing ca https://fulcio.sigstore.dev"]);
    assert_eq!(authority[0].what, "its majorApiVersion is 2, and signers speak version 1 of a CA");
    let start = "\"start\": \"2021-01-12T11:53:27.000Z\"";
    let over = of_rekor("7").replacen(start, &format!("{start}, \"end\": \"2022-01-01T00:00:00Z\""), 1);
    assert_eq!(found(&production(), &over, "2026-06-01"), []);
}

/// A list that was emptied or left out, and a service that was replaced instead of ended.
#[test]
fn services_that_go_away_without_an_end() {
    let published = String::from_utf8(config()).unwrap();
    let removed = |before: &str, after: &str| {
        let publication = Publication { at: "2026-06-01T00:00:00Z".parse().unwrap(), timestamp_lifetime: Days(7) };
        let mut found = step(&material(&production(), before), &material(&production(), after), &[], &publication);
        found.retain(|finding| finding.rule == Rule::ServiceRemoved);
        found
    };
    let start = published.find("\"rekorTlogUrls\"").unwrap();
    let end = start + published[start..].find("],").unwrap();
    let list = &published[start..end];
    for gone in
        [changed(list, "\"rekorTlogUrls\": ["), changed(&format!("{list}],"), ""), changed("rekorTlogUrls", "x")]
    {
        let found = removed(&published, &gone);
        assert_eq!(of(Rule::ServiceRemoved, &found), [REKOR]);
        let what = "it has no end in the published signing_config.v0.2.json, and is not in the wanted one, and no other of \
                    its kind is left for signers";
        assert_eq!(found[0].what, what);
    }
    for (kind, url) in [("ca", "https://fulcio.sigstore.dev"), ("oidc", "https://oauth2.sigstore.dev/auth")] {
        let found = removed(&published, &changed(url, "https://other.example"));
        assert_eq!(of(Rule::ServiceRemoved, &found), [format!("signing {kind} {url}")]);
        assert!(!found[0].what.contains("no other"), "{}", found[0].what);
    }
    let begins = "\"start\": \"2021-01-12T11:53:27.000Z\"";
    let ending = |day: &str| changed(begins, &format!("{begins}, \"end\": \"{day}T00:00:00Z\""));
    assert_eq!(removed(&published, &ending("2026-06-02")), []);
    let none = changed(list, "\"rekorTlogUrls\": [");
    assert_eq!(of(Rule::ServiceRemoved, &removed(&ending("2026-06-02"), &none)), [REKOR], "it has not ended yet");
    assert_eq!(removed(&ending("2026-05-01"), &none), [], "it has ended");
    // A URL that is mended, and a version that nobody could use.
    let slash = published.replacen("https://rekor.sigstore.dev", "https://rekor.sigstore.dev/", 1);
    assert_eq!(removed(&slash, &published), []);
    assert_eq!(removed(&published.replace("\"majorApiVersion\": 1", "\"majorApiVersion\": 7"), &published), []);
    assert_eq!(removed(&none, &published), []);
}

/// The only Rekor, whose start is moved to next year.
#[test]
fn signers_are_left_without_a_service_for_a_time() {
    let published = String::from_utf8(config()).unwrap();
    let holes = |before: &str, after: &str| {
        let publication = Publication { at: "2026-06-01T00:00:00Z".parse().unwrap(), timestamp_lifetime: Days(7) };
        let mut found = step(&material(&production(), before), &material(&production(), after), &[], &publication);
        found.retain(|finding| finding.rule == Rule::CoverageHole);
        found
    };
    let later = changed("2021-01-12T11:53:27.000Z", "2027-06-01T00:00:00Z");
    let found = holes(&published, &later);
    assert_eq!(of(Rule::CoverageHole, &found), ["signing rekor"]);
    assert_eq!(found[0].what, "signers use a Rekor, and find none before 2027-06-01T00:00:00Z");
    // One that nobody used yet may start later; and what is there all the time leaves no hole.
    assert_eq!(holes(&later, &later.replacen("2027-06-01", "2027-07-01", 1)), []);
    assert_eq!(holes(&later, &published), []);
    let begins = "\"start\": \"2021-01-12T11:53:27.000Z\"";
    assert_eq!(holes(&published, &changed(begins, &format!("{begins}, \"end\": \"2026-06-02T00:00:00Z\""))), []);
}
