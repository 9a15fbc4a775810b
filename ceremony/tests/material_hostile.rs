//! Trust material that somebody wrote to be read in two ways, or not to be read at all: what one client refuses and
//! another takes is found, and nothing takes for ever.
#![allow(clippy::unwrap_used, clippy::panic)]

mod published;

use ceremony::Rule;
use ceremony::material::{Judgement, Material, Moment, SigningConfig, TrustedRoot, lint};
use published::{data, trusted_root};

const CONFIG: &str =
    "sigstore-prod/targets/9711a6d5375706957a4859af31c5866a4474f81f0544f9f4b76c9c4f4c8a539c.signing_config.v0.2.json";
const VARIANT: &str = "signing_config_rekor_v2.v0.2.json";

fn production() -> String {
    String::from_utf8(trusted_root(4)).unwrap()
}

fn config() -> String {
    String::from_utf8(data(CONFIG)).unwrap()
}

/// What is found beyond the one thing that is wrong with production itself.
fn found(root: &str, config: &str, variant: &str) -> Vec<(Rule, String)> {
    let time = |text: &str| text.parse().unwrap();
    let judgement = Judgement { now: time("2026-06-01T00:00:00Z"), next: time("2026-12-01T00:00:00Z"), clients: &[] };
    let files = [(TrustedRoot::TARGET, root), (SigningConfig::TARGET, config), (VARIANT, variant)];
    let material = Material::of(files.map(|(path, text)| (path, text.as_bytes(), None)));
    let found = lint(&material, &judgement).into_iter().map(|finding| (finding.rule, finding.subject));
    found.filter(|(_, subject)| subject != "ctlog 2021-03-07").collect()
}

fn in_root(from: &str, to: &str) -> Vec<Rule> {
    let changed = production().replacen(from, to, 1);
    assert_ne!(changed, production(), "{from}");
    found(&changed, &config(), &config()).into_iter().map(|(rule, _)| rule).collect()
}

fn in_config(from: &str, to: &str) -> Vec<(Rule, String)> {
    let changed = config().replacen(from, to, 1);
    assert_ne!(changed, config(), "{from}");
    found(&production(), &changed, &config())
}

/// sigstore-go takes SHA2_256 alone, by its name or its number; sigstore-models takes no number, no null, and misses
/// what is not there.
#[test]
fn members_of_another_type_or_value() {
    assert_eq!(found(&production(), &config(), &config()), []);
    let hash = "\"hashAlgorithm\": \"SHA2_256\",";
    for other in ["\"SHA2_512\"", "\"sha2_256\"", "\"HASH_ALGORITHM_UNSPECIFIED\"", "\"\"", "1", "null", "[]"] {
        assert_eq!(in_root(hash, &format!("\"hashAlgorithm\": {other},")), [Rule::MaterialUnreadable], "{other}");
    }
    assert_eq!(in_root(hash, ""), [Rule::MaterialUnreadable]);
    let url = "\"baseUrl\": \"https://rekor.sigstore.dev\",";
    for other in ["", "\"baseUrl\": null,", "\"baseUrl\": 5,"] {
        assert_eq!(in_root(url, other), [Rule::MaterialUnreadable], "{other}");
    }
    let organization = "\"organization\": \"sigstore.dev\"";
    assert_eq!(in_root(organization, "\"organization\": 1"), [Rule::MaterialUnreadable]);
    let subject = "\"subject\": {";
    assert_eq!(in_root(subject, "\"subject\": null, \"x\": {"), [Rule::FieldUnknown, Rule::MaterialUnreadable]);
}

/// `protojson` of Go reads no small letters, no blank for the T, no leap second, no tenth digit and no year 0.
#[test]
fn times_that_one_client_reads_and_another_does_not() {
    for time in [
        "2021-01-12t11:53:27z",
        "2021-01-12 11:53:27Z",
        "2021-01-12T11:53:60Z",
        "2021-01-12T11:53:27.1234567890Z",
        "0000-01-12T11:53:27Z",
        "9999-12-31T23:59:59-23:59",
        "2021-01-12T11:53:27",
        "2021-01-12T24:00:00Z",
        "\u{ff12}021-01-12T11:53:27Z",
        "",
    ] {
        assert!(Moment::parse(time).is_err(), "{time}");
    }
    for time in ["2021-01-12T11:53:27.123456789Z", "2021-01-12T11:53:27+00:00", "0001-01-01T00:00:00Z"] {
        assert!(Moment::parse(time).is_ok(), "{time}");
    }
    assert_eq!(in_root("2025-09-23T00:00:00Z", "2025-09-23t00:00:00z"), [Rule::MaterialUnreadable]);
}

#[test]
fn urls_that_clients_take_apart_differently() {
    for url in [
        "https://user:pw@rekor.sigstore.dev",
        "https://rekor.sigstore.dev?x=",
        "https://rekor.sigstore.dev#",
        "https:// rekor.sigstore.dev",
        "HTTPS://rekor.sigstore.dev",
        "https://rekor.sigstore.dev\\u202e",
    ] {
        let found = in_root("https://rekor.sigstore.dev", url);
        assert!(found.contains(&Rule::MaterialUnreadable), "{url}: {found:?}");
    }
    // Another letter o.
    assert!(in_root("rekor.sigstore.dev", "rekor.sigst\u{43e}re.dev").contains(&Rule::MaterialUnreadable));
}

/// sigstore-go stops at a selector that asks for none or for more than there are, and crashes where there is none.
#[test]
fn selections_that_nobody_can_make() {
    let unreadable = [(Rule::MaterialUnreadable, SigningConfig::TARGET.to_owned())];
    for other in ["\"EXACT\", \"count\": 0", "\"EXACT\", \"count\": 2", "1", "null"] {
        assert_eq!(in_config("\"ANY\"", other), unreadable, "{other}");
    }
    assert_eq!(in_config("\"ANY\"", "\"EXACT\", \"count\": 1"), []);
    // Two of three: from the end of the second on nobody finds two.
    let of_three = |one: &str, other: &str| {
        let list = "\"rekorTlogUrls\": [";
        let service = |end: &str| {
            format!(
                "{{\"url\": \"https://rekor.sigstore.dev\", \"majorApiVersion\": 1, \"operator\": \"x\", \
                 \"validFor\": {{\"start\": \"2022-01-01T00:00:00Z\"{end}}}}},"
            )
        };
        let three = config().replacen(list, &[list, &service(one), &service(other)].concat(), 1);
        let two = three.replacen("\"ANY\"", "\"EXACT\", \"count\": 2", 1);
        found(&production(), &two, &config())
    };
    let (past, soon) = (", \"end\": \"2026-01-01T00:00:00Z\"", ", \"end\": \"2027-01-01T00:00:00Z\"");
    assert_eq!(of_three("", ""), []);
    assert_eq!(of_three(past, ""), []);
    for other in [past, soon] {
        assert_eq!(of_three(past, other), unreadable, "{other}");
    }
    let absent = [(Rule::FieldUnknown, SigningConfig::TARGET.to_owned()), unreadable[0].clone()];
    assert_eq!(in_config("\"rekorTlogConfig\"", "\"x\""), absent);
    let service = [(Rule::MaterialUnreadable, "signing ca https://fulcio.sigstore.dev".to_owned())];
    assert_eq!(in_config("\"majorApiVersion\": 1", "\"majorApiVersion\": 4294967297"), service);
    assert_eq!(in_config("\"operator\": \"sigstore.dev\"", "\"operator\": 5"), service);
}

#[test]
fn nobody_can_sign_any_more() {
    let hole = [(Rule::CoverageHole, "signing ca".to_owned())];
    let version = (Rule::ApiVersionUnknown, "signing ca https://fulcio.sigstore.dev".to_owned());
    assert_eq!(in_config("\"majorApiVersion\": 1", "\"majorApiVersion\": 3"), [version, hole[0].clone()]);
    let open = "\"start\": \"2022-04-13T20:06:15.000Z\"";
    assert_eq!(in_config(open, &format!("{open}, \"end\": \"2026-05-31T00:00:00Z\"")), hole);
    let later = [(Rule::CoverageHole, "signing ca 2026-06-02".to_owned())];
    assert_eq!(in_config(open, &format!("{open}, \"end\": \"2026-06-02T00:00:00Z\"")), later);
}

/// Signers opt in to the variants, which nobody looked at.
#[test]
fn a_variant_of_the_signing_config_is_judged_too() {
    let variant = config().replacen("\"ANY\"", "\"SOME\"", 1).replacen("\"url\"", "\"x\": 1, \"url\"", 1);
    let found = found(&production(), &config(), &variant);
    assert_eq!(found, [(Rule::FieldUnknown, VARIANT.to_owned()), (Rule::MaterialUnreadable, VARIANT.to_owned())]);
}

/// sigstore-go keeps logs by their ids, so that of two entries the last alone is in use.
#[test]
fn an_entry_that_stands_twice() {
    let entry = ceremony::Json::parse(production().as_bytes()).unwrap();
    let entry = entry.get("tlogs").unwrap().as_array().unwrap()[0].pretty();
    let ended =
        entry.replacen("\"2021-01-12T11:53:27Z\"", "\"2021-01-12T11:53:27Z\", \"end\": \"2021-02-01T00:00:00Z\"", 1);
    assert_ne!(ended, entry);
    for twin in [entry, ended] {
        assert_eq!(in_root("\"tlogs\": [", &format!("\"tlogs\": [{twin},")), [Rule::EntryRepeated]);
    }
}

#[test]
fn signers_are_sent_where_nobody_is_trusted() {
    for (from, kind) in [("fulcio", "ca"), ("rekor", "rekor"), ("timestamp", "tsa")] {
        let url = format!("\"https://{from}.sigstore.dev");
        let found = in_config(&url, &format!("\"https://{from}.attacker.example"));
        let [(rule, subject)] = &found[..] else { panic!("{found:?}") };
        assert_eq!(*rule, Rule::ServiceUntrusted);
        assert!(subject.starts_with(&format!("signing {kind} https://{from}.attacker.example")), "{subject}");
    }
}

/// Four megabytes of empty objects are more than a million entries, which would be compared in pairs.
#[test]
fn a_list_or_a_chain_without_end_is_not_read() {
    let root = |entries: usize| format!("{{\"tlogs\":[{}]}}", vec!["{}"; entries].join(","));
    assert!(TrustedRoot::parse(root(256).as_bytes()).is_ok());
    let error = TrustedRoot::parse(root(257).as_bytes()).unwrap_err();
    assert_eq!(error.to_string(), "tlogs has 257 entries, and 256 are the most that are read");
    let certificate = production();
    let at = certificate.rfind("{\n            \"rawBytes\"").unwrap();
    let certificate = &certificate[at..];
    let certificate = &certificate[..=certificate.find('}').unwrap()];
    let many = vec![certificate; 64].join(", ");
    assert!(in_root(certificate, &format!("{certificate}, {many}")).contains(&Rule::MaterialUnreadable));
}
