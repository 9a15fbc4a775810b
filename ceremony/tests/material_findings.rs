//! The findings on trust material, each with the mistake that taught it: what was published somewhere, or made again from
//! what was published.
#![allow(clippy::unwrap_used)]

mod published;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ceremony::material::{Judgement, LegacyTarget, Material, SigningConfig, Timeline, TrustedRoot, lint};
use ceremony::{Certificate, Json, Rule, Time};
use published::{config, material, production, staging, trusted_root};

/// A trusted root beside production's signing config.
fn of_root(root: &str) -> Material {
    let files = [(TrustedRoot::TARGET, root.as_bytes(), None), (SigningConfig::TARGET, &config()[..], None)];
    Material::of(files)
}

fn judged(material: &Material, now: &str, next: &str, clients: &[String]) -> Vec<(Rule, String)> {
    let time = |text: &str| -> Time { format!("{text}T00:00:00Z").parse().unwrap() };
    let judgement = Judgement { now: time(now), next: time(next), clients };
    lint(material, &judgement).into_iter().map(|finding| (finding.rule, finding.subject)).collect()
}

/// What is found beyond the one thing that is wrong with production itself.
fn found(material: &Material) -> Vec<(Rule, String)> {
    let mut found = judged(material, "2026-06-01", "2026-12-01", &[]);
    found.retain(|(rule, subject)| (*rule, subject.as_str()) != (Rule::CoverageHole, "ctlog 2021-03-07"));
    found
}

fn in_root(from: &str, to: &str) -> Vec<(Rule, String)> {
    let changed = production().replacen(from, to, 1);
    assert_ne!(changed, production(), "{from}");
    found(&of_root(&changed))
}

fn one(rule: Rule, subject: &str) -> Vec<(Rule, String)> {
    vec![(rule, subject.to_owned())]
}

const TILES: &str = "rekor https://log2025-1.rekor.sigstore.dev b54813cb";
const REKOR: &str = "rekor https://rekor.sigstore.dev c0d23d6a";
const CT: &str = "ctlog https://ctfe.sigstore.dev/2022 dd3d306a";
const TSA: &str = "tsa https://timestamp.sigstore.dev/api/v1/timestamp 85f927bc";

#[test]
fn what_is_published_today_is_clean() {
    assert_eq!(found(&of_root(&production())), []);
}

/// securesystemslib's and RHTAS' `tuf-tool` put PEM texts into `rawBytes` (securesign/secure-sign-operator,
/// `tuf_migration_v1.sh`).
#[test]
fn pem_where_der_belongs() {
    let root = TrustedRoot::parse(&trusted_root(4)).unwrap();
    let raw = |text: &str| STANDARD.encode(text);
    let log = root.of_kind(ceremony::material::Kind::Rekor).next().unwrap();
    let key = log.log_key().unwrap();
    let pem = raw(&key.key().to_spki_pem());
    let found = in_root(&STANDARD.encode(key.raw()), &pem);
    assert_eq!(found.iter().map(|(rule, _)| *rule).collect::<Vec<_>>(), [Rule::PemInRawBytes]);
    let authority = root.of_kind(ceremony::material::Kind::Tsa).next().unwrap();
    let der = &authority.certificates().unwrap()[0];
    let pem = raw(&Certificate::from_der(der).unwrap().to_pem());
    let found = in_root(&STANDARD.encode(der), &pem);
    assert_eq!(found.iter().map(|(rule, _)| *rule).collect::<Vec<_>>(), [Rule::PemInRawBytes]);
}

/// sigstore/root-signing-staging 90c6633: the log id of an Ed25519 log as if it were Rekor v1's.
#[test]
fn log_id_of_another_form() {
    let spki_hash = "tUgTy2PYhZhwpeeFAMxq3P31lyPtrpPujSX68kdaBpA=";
    assert_eq!(in_root("zxGZFVvd0FEmjR8WrFwMdcAJ9vtaY/QXf44Y1wUeP6A=", spki_hash), one(Rule::LogIdMismatch, TILES));
    // Where signers use the log as version 1, it is right.
    let root = production().replacen("zxGZFVvd0FEmjR8WrFwMdcAJ9vtaY/QXf44Y1wUeP6A=", spki_hash, 1);
    let config = String::from_utf8(config()).unwrap();
    let v1 = config.replacen("https://rekor.sigstore.dev", "https://log2025-1.rekor.sigstore.dev", 1);
    let files = [(TrustedRoot::TARGET, root.as_bytes(), None), (SigningConfig::TARGET, v1.as_bytes(), None)];
    assert_eq!(found(&Material::of(files)), []);
    // sigstore/root-signing 1565: RHTAS 1.3.0, "tlog missing log ID".
    let without = production().replacen("\"keyId\": \"wNI9atQGlz+VWfO6LRygH4QUfY/8W4RFwiT5i5WRgB0=\"", "", 1);
    assert_eq!(found(&of_root(&without)), one(Rule::LogIdMismatch, REKOR));
}

/// sigstore/root-signing 765: production's trusted root of 2023-03.
#[test]
fn chain_the_wrong_way_round() {
    let found = judged(&material(6), "2023-03-02", "2023-08-28", &[]);
    let subject = "fulcio https://fulcio.sigstore.dev 3ba7b6cc".to_owned();
    assert!(found.contains(&(Rule::ChainReversed, subject)));
    assert!(found.iter().all(|(rule, _)| *rule != Rule::ChainInvalid), "it is right once it is turned round");
}

/// GitHub's timestamp authority in production's trusted roots of 2023 and 2024; a chain without its root.
#[test]
fn chain_that_is_none() {
    let subject = "tsa without-url 495bc2bf".to_owned();
    assert!(judged(&material(7), "2023-04-05", "2023-10-04", &[]).contains(&(Rule::ChainInvalid, subject)));
    let root = Json::parse(production().as_bytes()).unwrap();
    let chain = root.get("timestampAuthorities").unwrap().as_array().unwrap()[0].get("certChain").unwrap();
    let last = chain.get("certificates").unwrap().as_array().unwrap()[1].get("rawBytes").unwrap().as_str().unwrap();
    let object = format!("{{\n            \"rawBytes\": \"{last}\"\n          }}");
    let text = production();
    let at = text.find(last).unwrap();
    let start = text[..at].rfind(',').unwrap();
    let end = at + text[at..].find('}').unwrap() + 1;
    let cut = format!("{}{}", &text[..start], &text[end..]);
    assert!(!cut.contains(&object) && found(&of_root(&cut)) == one(Rule::ChainInvalid, TSA));
}

/// RHTAS drops the start, or sets 1970 where it has none (`rhtas.rs`, `tuf_migration_v1.sh`).
#[test]
fn start_missing_or_guessed() {
    let start = "\"start\": \"2022-10-20T00:00:00Z\"";
    assert_eq!(in_root(start, ""), one(Rule::StartMissing, CT));
    let early = in_root("\"start\": \"2025-07-04T00:00:00Z\"", "\"start\": \"1970-01-01T00:00:00Z\"");
    assert_eq!(early, one(Rule::StartBeforeCertificate, TSA));
    for none in ["1970-01-01T00:00:00Z", "0001-01-01T00:00:00Z"] {
        assert_eq!(in_root(start, &format!("\"start\": \"{none}\"")), one(Rule::StartMissing, CT));
    }
}

/// sigstore/root-signing-staging 41e2dad, 652029d, 150718b4: ends of CT logs that were set, taken back and forgotten.
#[test]
fn ends_that_make_holes() {
    let end = "\"start\": \"2022-10-20T00:00:00Z\",\n          \"end\": \"2026-01-01T00:00:00Z\"";
    let changed = production().replacen("\"start\": \"2022-10-20T00:00:00Z\"", end, 1);
    let found = judged(&of_root(&changed), "2026-06-01", "2026-12-01", &[]);
    let hole = |subject: &str| (Rule::CoverageHole, subject.to_owned());
    assert_eq!(found, [hole("ctlog 2021-03-07"), hole("ctlog 2026-01-01")]);
    let reversed = in_root("\"end\": \"2022-10-31T23:59:59.999Z\"", "\"end\": \"2020-10-31T23:59:59.999Z\"");
    assert_eq!(reversed, one(Rule::ValidityReversed, "ctlog https://ctfe.sigstore.dev/test 086092f0"));
    let none = production().replacen("\"ctlogs\"", "\"x-ctlogs\"", 1);
    let found = judged(&of_root(&none), "2026-06-01", "2026-12-01", &[]);
    assert_eq!(found, [(Rule::CoverageHole, "ctlog".to_owned()), (Rule::FieldUnknown, "trusted_root.json".to_owned())]);
}

/// A private instance with Rekor v2 alone, which had no timestamp authority: cosign says that a timestamp authority must be
/// provided, sigstore-python that a bundle must contain an inclusion promise or signed timestamps.
#[test]
fn a_log_without_times_and_no_timestamp_authority() {
    let hole = |subject: &str| (Rule::CoverageHole, subject.to_owned());
    let of = |root: &str, config: &str| {
        let files = [(TrustedRoot::TARGET, root.as_bytes(), None), (SigningConfig::TARGET, config.as_bytes(), None)];
        Material::of(files)
    };
    let emptied = |text: &str, list: &str| {
        let old = Json::parse(text.as_bytes()).unwrap().get(list).unwrap().as_array().unwrap().to_vec();
        assert!(!old.is_empty());
        let (start, rest) = text.split_once(&format!("\"{list}\": [")).unwrap();
        let end = rest.find("\n  ]").unwrap();
        format!("{start}\"{list}\": [{}", &rest[end..])
    };
    let config = String::from_utf8(config()).unwrap();
    let v2 = config.replacen("https://rekor.sigstore.dev", "https://log2025-1.rekor.sigstore.dev", 1);
    let v2 = v2.replace("\"majorApiVersion\": 1", "\"majorApiVersion\": VERSION");
    let at = v2.find("log2025-1").unwrap();
    let v2 = [&v2[..at], &v2[at..].replacen("VERSION", "2", 1)].concat().replace("VERSION", "1");
    assert_eq!(found(&of(&production(), &v2)), []);
    let none = of(&emptied(&production(), "timestampAuthorities"), &emptied(&v2, "tsaUrls"));
    assert_eq!(found(&none), [hole("signing tsa"), hole("tsa")]);
    let judgement = Judgement {
        now: "2026-06-01T00:00:00Z".parse().unwrap(),
        next: "2026-12-01T00:00:00Z".parse().unwrap(),
        clients: &[],
    };
    let told = lint(&none, &judgement).into_iter().map(|finding| finding.what);
    let why = "; a Rekor of version 2 says no times, and without a time stamp nobody signs or verifies";
    assert_eq!(
        told.skip(1).collect::<Vec<_>>(),
        [format!("signers are sent to no TSA at all{why}"), format!("there is no TSA at all{why}")]
    );
    // Version 1 says its times itself.
    let v1 = production().replacen("https://log2025-1.rekor.sigstore.dev", "https://rekor.sigstore.dev", 1);
    assert_eq!(
        found(&of(&emptied(&v1, "timestampAuthorities"), &emptied(&config, "tsaUrls")))
            .iter()
            .filter(|(rule, _)| *rule == Rule::CoverageHole)
            .count(),
        0
    );
    // One that comes too late.
    let late = production().replacen("\"start\": \"2025-07-04T00:00:00Z\"", "\"start\": \"2026-10-01T00:00:00Z\"", 1);
    let service = "signing tsa https://timestamp.sigstore.dev/api/v1/timestamp 2025-07-04".to_owned();
    assert_eq!(found(&of(&late, &v2)), [hole("tsa 2025-09-23"), (Rule::ServiceUntrusted, service)]);
}

/// The last of a kind ends on a day to come, and nothing follows: the picture has the holes that are found.
#[test]
fn the_last_one_ends() {
    let hole = |subject: &str| (Rule::CoverageHole, subject.to_owned());
    let ends = |start: &str| {
        let start = format!("\"start\": \"{start}\"");
        let changed = production().replacen(&start, &format!("{start}, \"end\": \"2027-01-01T00:00:00Z\""), 1);
        assert_ne!(changed, production(), "{start}");
        of_root(&changed)
    };
    for (start, lane, subject, service) in [
        (
            "2025-07-04T00:00:00Z",
            "TSA",
            "tsa 2027-01-01",
            Some("signing tsa https://timestamp.sigstore.dev/api/v1/timestamp 2027-01-01"),
        ),
        (
            "2022-04-13T20:06:15Z",
            "Fulcio",
            "fulcio 2027-01-01",
            Some("signing ca https://fulcio.sigstore.dev 2027-01-01"),
        ),
        ("2022-10-20T00:00:00Z", "CT log", "ctlog 2027-01-01", None),
    ] {
        let material = ends(start);
        // Signers would go on with the service.
        let untrusted = service.map(|service| (Rule::ServiceUntrusted, service.to_owned()));
        assert_eq!(found(&material), [Some(hole(subject)), untrusted].into_iter().flatten().collect::<Vec<_>>());
        let timeline = Timeline::of(&material);
        let lane = timeline.lanes.iter().find(|other| other.name == lane).unwrap();
        let last = lane.holes.last().unwrap();
        assert_eq!((last.from.as_ref().unwrap().as_str(), &last.to), ("2027-01-01T00:00:00Z", &None));
    }
    let all = judged(&of_root(&production()), "2026-06-01", "2026-12-01", &[]);
    let drawn: usize = Timeline::of(&of_root(&production())).lanes.iter().map(|lane| lane.holes.len()).sum();
    assert_eq!(drawn, all.iter().filter(|(rule, _)| *rule == Rule::CoverageHole).count());
}

/// sigstore/root-signing-staging 3655034: production's timestamp certificates in staging; and staging beside production.
#[test]
fn environments_that_are_mixed() {
    let staged = in_root("https://timestamp.sigstore.dev", "https://timestamp.sigstage.dev");
    let subject = TSA.replace("sigstore", "sigstage");
    let service = "signing tsa https://timestamp.sigstore.dev/api/v1/timestamp".to_owned();
    assert_eq!(staged, [(Rule::EnvironmentMixed, subject), (Rule::ServiceUntrusted, service)]);
    let staging = Json::parse(&staging()).unwrap();
    let entry = staging.get("tlogs").unwrap().as_array().unwrap()[0].pretty();
    let both = production().replacen("\"tlogs\": [", &format!("\"tlogs\": [{entry},"), 1);
    assert_eq!(found(&of_root(&both)), one(Rule::EnvironmentMixed, "rekor https://rekor.sigstage.dev d32f30a3"));
    let config = String::from_utf8(config()).unwrap();
    let config = config.replacen("https://oauth2.sigstore.dev", "https://oauth2.sigstage.dev", 1);
    let files = [(TrustedRoot::TARGET, &trusted_root(4)[..], None), (SigningConfig::TARGET, config.as_bytes(), None)];
    assert_eq!(
        found(&Material::of(files)),
        one(Rule::EnvironmentMixed, "signing oidc https://oauth2.sigstage.dev/auth")
    );
    let elsewhere = in_root("https://ctfe.sigstore.dev/2022", "https://ctfe.example/2022");
    assert_eq!(elsewhere, one(Rule::EnvironmentMixed, "ctlog https://ctfe.example/2022 dd3d306a"));
}

/// RHTAS published URLs that only its cluster knows (`tuf_migration_v1.sh`); sigstore/root-signing-staging 05bd62b: a
/// slash at the end.
#[test]
fn urls_that_clients_cannot_use() {
    let with = |url: &str| {
        let config = String::from_utf8(config()).unwrap().replacen("https://rekor.sigstore.dev", url, 1);
        let files =
            [(TrustedRoot::TARGET, &trusted_root(4)[..], None), (SigningConfig::TARGET, config.as_bytes(), None)];
        let found = found(&Material::of(files)).into_iter().map(|(rule, _)| rule);
        // That the trusted root has no such URL is another matter.
        found.filter(|rule| *rule != Rule::ServiceUntrusted).collect::<Vec<_>>()
    };
    assert_eq!(with("https://rekor.sigstore.dev/"), [Rule::UrlTrailingSlash]);
    assert_eq!(with("http://rekor.example"), [Rule::UrlInsecure]);
    assert_eq!(with("http://rekor-server.rekor-system.svc"), [Rule::UrlInCluster, Rule::UrlInsecure]);
    for inside in [
        "https://rekor",
        "https://localhost:3000",
        "https://127.0.0.1",
        "https://[::1]:80",
        "https://r.a.svc.cluster.local",
    ] {
        assert_eq!(with(inside), [Rule::UrlInCluster], "{inside}");
    }
}

/// sigstore/root-signing 1499 and root-signing-staging af6c12b: `operator` and `checkpointKeyId` in the form 0.1.
#[test]
fn members_that_strict_clients_refuse() {
    let at = "\"baseUrl\": \"https://log2025-1.rekor.sigstore.dev\",";
    let operator = in_root(at, &format!("{at} \"operator\": \"sigstore.dev\","));
    assert_eq!(operator, one(Rule::FieldOfLaterForm, TILES));
    let id = in_root(at, &format!("{at} \"checkpointKeyId\": {{\"keyId\": \"\"}},"));
    assert_eq!(id, one(Rule::FieldOfLaterForm, TILES));
    assert_eq!(in_root(at, &format!("{at} \"comment\": \"\",")), one(Rule::FieldUnknown, TILES));
    let deep = in_root("\"keyDetails\": \"PKIX_ED25519\",", "\"keyDetails\": \"PKIX_ED25519\", \"x\": [],");
    assert_eq!(deep, one(Rule::FieldUnknown, TILES));
    let config =
        String::from_utf8(config()).unwrap().replacen("\"selector\": \"ANY\"", "\"selector\": \"ANY\", \"x\": 1", 1);
    let files = [(TrustedRoot::TARGET, &trusted_root(4)[..], None), (SigningConfig::TARGET, config.as_bytes(), None)];
    assert_eq!(found(&Material::of(files)), one(Rule::FieldUnknown, SigningConfig::TARGET));
}

/// The form that the specification of Sigstore's bundles names, and no client of today reads.
#[test]
fn media_types_that_clients_refuse() {
    let later = "application/vnd.dev.sigstore.trustedroot.v0.2+json";
    assert_eq!(in_root(TrustedRoot::MEDIA_TYPE, later), one(Rule::MediaTypeRefused, TrustedRoot::TARGET));
    let config = String::from_utf8(config()).unwrap().replacen("v0.2+json", "v0.3+json", 1);
    let files = [(TrustedRoot::TARGET, &trusted_root(4)[..], None), (SigningConfig::TARGET, config.as_bytes(), None)];
    assert_eq!(found(&Material::of(files)), one(Rule::MediaTypeRefused, SigningConfig::TARGET));
}

/// sigstore/cosign 4100 and others: repositories of before the trusted root. GitHub's has no signing config.
#[test]
fn names_that_clients_look_for() {
    let missing = |name: &str| (Rule::MaterialMissing, name.to_owned());
    let found = judged(&material(5), "2022-10-21", "2023-04-18", &[]);
    assert_eq!(found, [missing(SigningConfig::TARGET), missing(TrustedRoot::TARGET)]);
    let alone = Material::of([(TrustedRoot::TARGET, &trusted_root(4)[..], None)]);
    assert_eq!(self::found(&alone), [missing(SigningConfig::TARGET)]);
    assert_eq!(
        lint(
            &Material::of([("release.txt", &b"x"[..], None)]),
            &Judgement {
                now: "2026-06-01T00:00:00Z".parse().unwrap(),
                next: "2026-06-01T00:00:00Z".parse().unwrap(),
                clients: &[],
            }
        ),
        []
    );
}

#[test]
fn files_and_entries_that_cannot_be_read() {
    let broken = Material::of([(TrustedRoot::TARGET, &b"{"[..], None), (SigningConfig::TARGET, &config()[..], None)]);
    assert_eq!(found(&broken), one(Rule::MaterialUnreadable, TrustedRoot::TARGET));
    let time = in_root("2025-09-23T00:00:00Z", "yesterday");
    assert_eq!(time, one(Rule::MaterialUnreadable, TILES));
    let selector = String::from_utf8(config()).unwrap().replacen("\"ANY\"", "\"SOME\"", 1);
    let files = [(TrustedRoot::TARGET, &trusted_root(4)[..], None), (SigningConfig::TARGET, selector.as_bytes(), None)];
    assert_eq!(found(&Material::of(files)), one(Rule::MaterialUnreadable, SigningConfig::TARGET));
    let version = String::from_utf8(config()).unwrap().replacen("\"majorApiVersion\": 1,", "", 1);
    let files = [(TrustedRoot::TARGET, &trusted_root(4)[..], None), (SigningConfig::TARGET, version.as_bytes(), None)];
    assert_eq!(found(&Material::of(files)), one(Rule::MaterialUnreadable, "signing ca https://fulcio.sigstore.dev"));
}

/// The CT log of 2021, which is active for older clients to this day; hand-edited `custom` that was lost
/// (root-signing-staging 7d8de15, 7092e22).
#[test]
fn legacy_targets_that_say_something_else() {
    let differs = |path: &str| (Rule::LegacyDiffers, path.to_owned());
    assert!(judged(&material(14), "2026-06-01", "2026-12-01", &[]).contains(&differs("ctfe.pub")));
    let with = |change: &dyn Fn(&mut Vec<LegacyTarget>)| {
        let mut material = material(14);
        material.legacy.retain(|target| target.path != "ctfe.pub");
        change(&mut material.legacy);
        found(&material)
    };
    let target = |targets: &mut Vec<LegacyTarget>, path: &str, change: &dyn Fn(&mut LegacyTarget)| {
        change(targets.iter_mut().find(|target| target.path == path).unwrap());
    };
    assert_eq!(with(&|_| {}), []);
    let expired = |t: &mut Vec<LegacyTarget>| target(t, "rekor.pub", &|t| t.status = Some("Expired".to_owned()));
    assert_eq!(with(&expired), [differs("rekor.pub")]);
    let moved =
        |t: &mut Vec<LegacyTarget>| target(t, "rekor.pub", &|t| t.uri = Some("https://rekor.example".to_owned()));
    assert_eq!(with(&moved), [differs("rekor.pub")]);
    let other = |t: &mut Vec<LegacyTarget>| target(t, "rekor.pub", &|t| t.content = b"x".to_vec());
    assert_eq!(with(&other), [differs(REKOR), differs("rekor.pub")]);
    let lost = |t: &mut Vec<LegacyTarget>| {
        t.retain(|target| target.path != "fulcio_intermediate_v1.crt.pem" && target.path != "fulcio_v1.crt.pem")
    };
    assert_eq!(with(&lost), [differs("fulcio https://fulcio.sigstore.dev 15d79534")]);
    for (usage, status) in
        [(Some("CT"), Some("Active")), (None, Some("Active")), (Some("Rekor"), Some("active")), (Some("Rekor"), None)]
    {
        let words = |t: &mut Vec<LegacyTarget>| {
            target(t, "artifact.pub", &|t| {
                t.usage = usage.map(ToOwned::to_owned);
                t.status = status.map(ToOwned::to_owned);
            });
        };
        let unknown = (Rule::UsageUnknown, "artifact.pub".to_owned());
        assert!(with(&words).contains(&unknown), "{usage:?} {status:?}");
    }
}

/// Staging's CT log with an RSA key in PKCS#1 (root-signing-staging 29dc26ef); sigstore-js reads every RSA key so.
#[test]
fn key_kinds_that_clients_cannot_use() {
    let root = String::from_utf8(staging()).unwrap();
    let of = |root: &str, clients: &[&str]| {
        let config = String::from_utf8(config()).unwrap().replace("sigstore.dev", "sigstage.dev");
        let files = [(TrustedRoot::TARGET, root.as_bytes(), None), (SigningConfig::TARGET, config.as_bytes(), None)];
        let clients: Vec<String> = clients.iter().map(|name| (*name).to_owned()).collect();
        judged(&Material::of(files), "2025-06-12", "2025-12-01", &clients)
    };
    let of_keys = |found: Vec<(Rule, String)>| {
        found.into_iter().filter(|(rule, _)| matches!(rule, Rule::LogKeyUnsupported | Rule::LogIdMismatch)).count()
    };
    assert_eq!(of_keys(of(&root, &[])), 0);
    let pss = root.replacen("PKCS1_RSA_PKCS1V5", "PKCS1_RSA_PSS", 1);
    assert_eq!(of_keys(of(&pss, &[])), 1);
    assert_eq!(of_keys(of(&pss, &["tough"])), 0);
    let pkix = root.replacen("PKCS1_RSA_PKCS1V5", "PKIX_RSA_PKCS1V15_4096_SHA256", 1);
    assert_eq!(of_keys(of(&pkix, &["sigstore-js"])), 1);
    assert_eq!(of_keys(of(&pkix, &["sigstore-go", "sigstore-python"])), 0);
}

/// GitHub's timestamp authority, which stayed in production's trusted root for months after its certificate expired.
#[test]
fn certificates_that_expire() {
    let expires = (Rule::CertificateExpires, "tsa without-url 495bc2bf".to_owned());
    assert!(!judged(&material(7), "2023-04-05", "2023-10-04", &[]).contains(&expires));
    assert!(
        judged(&material(9), "2024-03-13", "2024-09-12", &[]).contains(&expires),
        "expires before the next ceremony"
    );
    assert!(judged(&material(10), "2024-08-28", "2024-08-28", &[]).contains(&expires), "has expired");
    // What has ended needs no certificate.
    let ended = String::from_utf8(trusted_root(1)).unwrap();
    let ended = ended.replacen(
        "\"start\": \"2023-04-14T00:00:00.000Z\"",
        "\"start\": \"2023-04-14T00:00:00.000Z\", \"end\": \"2024-04-01T00:00:00Z\"",
        1,
    );
    assert!(!judged(&of_root(&ended), "2024-08-28", "2024-08-28", &[]).iter().any(|(rule, _)| *rule == expires.0));
}
