//! What the records and the evidence beside them show to be wrong under a policy.

use std::collections::BTreeMap;

use ceremony::policy::{DevicePolicy, Signers};
use ceremony::{Finding, Policy, Rule, Time};
use keyholders::attestation::AttestationError;
use keyholders::{Anchors, Attestation, AttestedKey, DeviceKind, Evidence, Home, Kind, Name, Record, RecordKey, State};

/// What the evidence beside one record comes to: each attestation is a key, or the reason why it is none.
pub(crate) fn attested(
    evidence: Option<&Evidence>,
    policy: &Policy,
    at: Time,
) -> Vec<Result<AttestedKey, AttestationError>> {
    let anchors = policy.devices.anchors.iter().fold(Anchors::vendor(), |anchors, digest| anchors.pin(*digest));
    evidence.map(|evidence| evidence.attested(&anchors, at)).unwrap_or_default()
}

/// What is wrong with one record, and with the evidence for its keys, judged at `at`.
pub(super) fn of_record(record: &Record, evidence: Option<&Evidence>, policy: &Policy, at: Time) -> Vec<Finding> {
    let name = record.name();
    let attested = attested(evidence, policy, at);
    let mut findings = other_kind(record, policy);
    let signs_as_person = record.kind() == Kind::Person || !findings.is_empty();
    // A key that is no longer used has nothing left to prove.
    for key in record.keys().iter().filter(|key| key.state() != State::Retired) {
        let found = attested.iter().flatten().find(|attested| attested.key() == key.public_key());
        if signs_as_person {
            let below = below(key, found, &policy.devices);
            findings
                .extend(below.map(|what| Finding::new(Rule::DeviceBelowPolicy, name.as_str(), describe(key, &what))));
        }
        if let Some(attested) = found {
            findings.extend(attested.findings(name.as_str()));
            let elsewhere = elsewhere(key, attested).map(|what| describe(key, &what));
            findings.extend(elsewhere.map(|what| Finding::new(Rule::AttestationInvalid, name.as_str(), what)));
        }
        if let Some(what) = unproven(key, policy, name) {
            findings.push(Finding::new(Rule::PossessionUnproven, name.as_str(), describe(key, what)));
        }
    }
    if policy.devices.distinct_devices {
        findings.extend(one_device(record).map(|what| Finding::new(Rule::DeviceBelowPolicy, name.as_str(), what)));
    }
    let attestations = evidence.map(Evidence::attestations).unwrap_or_default();
    for ((attested, attestation), number) in attested.iter().zip(attestations).zip(1..) {
        let what = match attested {
            Err(error @ AttestationError::Chain(_)) => {
                format!("attestation {number} in the evidence: {error}; {}", to_trust(attestation))
            }
            Err(error) => format!("attestation {number} in the evidence: {error}"),
            Ok(key) if record.key(&key.key().fingerprint()).is_none() => {
                let short = key.key().fingerprint().short();
                format!("attestation {number} in the evidence is of the key {short}, which is not on record")
            }
            Ok(_) => continue,
        };
        findings.push(Finding::new(Rule::AttestationInvalid, name.as_str(), what));
    }
    findings
}

/// The roles in which the policy names this record as what it is not.
fn other_kind(record: &Record, policy: &Policy) -> Vec<Finding> {
    let name = record.name().as_str();
    let roles = policy.roles.iter().filter(|(_, role)| role.signers.names().iter().any(|other| other == name));
    let wrong = roles.filter_map(|(role, policy)| {
        let what = match (&policy.signers, record.kind()) {
            (Signers::Keyholders(_), Kind::Online) => "is an online key, and is named in `keyholders`",
            (Signers::Online(_), Kind::Person) => "is a person, and is named in `online`",
            _ => return None,
        };
        Some(Finding::new(Rule::SignerKind, format!("{role} {name}"), format!("{name} {what} of {role}")))
    });
    wrong.collect()
}

/// What whoever trusts the authority at the end of an attestation has to do.
fn to_trust(attestation: &Attestation) -> String {
    let top = attestation.issuers.last().unwrap_or(&attestation.device);
    match attestation.issuers.is_empty() && top.subject_der() != top.issuer_der() {
        true => format!("if {} is to be trusted, enroll again with its certificate: --anchor FILE", top.issuer()),
        false => {
            let (subject, sha256) = (top.subject(), top.sha256());
            format!("if {subject} is to be trusted, name its SHA-256 in devices.anchors of the policy: {sha256}")
        }
    }
}

/// YubiKeys that are attested to several people, by serial number, with what is to be said of it. Whoever has such a
/// YubiKey could meet a threshold for all of them.
pub(super) fn shared<'a>(people: impl Iterator<Item = (&'a Name, Vec<u32>)>) -> BTreeMap<Name, Finding> {
    let mut owners: BTreeMap<u32, Vec<&Name>> = BTreeMap::new();
    for (name, serials) in people {
        for serial in serials {
            let names = owners.entry(serial).or_default();
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    let mut findings = BTreeMap::new();
    for (serial, names) in owners.into_iter().filter(|(_, names)| names.len() > 1) {
        let all = names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(" and ");
        let what = format!("keys of {all} are attested to be in this one YubiKey");
        // It is one thing that is wrong, so it is said once.
        if let Some(first) = names.first() {
            findings.insert((*first).clone(), Finding::new(Rule::DeviceShared, serial.to_string(), what));
        }
    }
    findings
}

fn describe(key: &RecordKey, what: &str) -> String {
    format!("the {} key {} {what}", key.state().as_str(), key.fingerprint())
}

/// In what the device of a key is weaker than the policy asks.
fn below<'a>(
    key: &RecordKey,
    attested: Option<&'a AttestedKey>,
    policy: &'a DevicePolicy,
) -> impl Iterator<Item = String> + 'a {
    let in_file = key.device() == DeviceKind::File;
    // Where keys in files are good enough, nothing can be asked of them that only a device has.
    let measured = policy.wants_evidence() && !(in_file && policy.file_keys);
    let file = (in_file && !policy.file_keys).then(|| "lies in a file".to_owned());
    let missing = (measured && !in_file && attested.is_none())
        .then(|| "is not proven to be made in hardware: the evidence has no good attestation of it".to_owned());
    let weaker = attested.filter(|_| measured).map(|attested| weaker(attested, policy)).unwrap_or_default();
    file.into_iter().chain(missing).chain(weaker)
}

fn weaker(attested: &AttestedKey, policy: &DevicePolicy) -> Vec<String> {
    let mut weaker = Vec::new();
    let (firmware, pin, touch) = (attested.firmware(), attested.pin_policy(), attested.touch_policy());
    if let Some(least) = policy.firmware_at_least.filter(|least| firmware < *least) {
        weaker.push(format!("is in a YubiKey with firmware {firmware}, and the policy wants {least} at least"));
    }
    if let Some(least) = policy.pin_policy.filter(|least| pin < *least) {
        weaker.push(format!("has the PIN policy {pin}, and the policy wants {least} at least"));
    }
    if let Some(least) = policy.touch_policy.filter(|least| touch < *least) {
        weaker.push(format!("has the touch policy {touch}, and the policy wants {least} at least"));
    }
    let form = attested.form_factor();
    if !policy.form_factors.is_empty() && !form.is_some_and(|form| policy.form_factors.contains(&form)) {
        let form = form.map_or("of an unknown form".to_owned(), |form| format!("a {form}"));
        let wanted = policy.form_factors.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ");
        weaker.push(format!("is in a YubiKey that is {form}, and the policy wants {wanted}"));
    }
    weaker
}

/// Where the attestation and the record name two places.
fn elsewhere(key: &RecordKey, attested: &AttestedKey) -> Option<String> {
    let Home::Yubikey { serial, slot } = key.home() else { return None };
    let there = (attested.serial(), attested.slot());
    (there != (*serial, *slot)).then(|| {
        let (serial, slot) = there;
        format!("is on record in {}, and its attestation is of slot {slot} of the YubiKey {serial}", key.home())
    })
}

fn unproven(key: &RecordKey, policy: &Policy, name: &Name) -> Option<&'static str> {
    match key.possession() {
        None => Some("has no proof of possession"),
        Some(proof) if proof.verify(key.public_key(), &policy.id, name).is_err() => {
            Some("has a proof of possession that does not verify for this name and this trust root")
        }
        Some(_) => None,
    }
}

/// Two keys of one person in one device.
fn one_device(record: &Record) -> Option<String> {
    let live: Vec<_> = record.keys().iter().filter(|key| key.state() != State::Retired).collect();
    let pairs = live.iter().enumerate().flat_map(|(i, one)| live.iter().skip(i + 1).map(move |other| (one, other)));
    let (one, other) = pairs.into_iter().find(|(one, other)| one.home().same_device(other.home()))?;
    let (one_state, other_state) = (one.state().as_str(), other.state().as_str());
    Some(format!(
        "the {one_state} key and the {other_state} key are in one device ({}): to lose it is to lose both",
        one.home()
    ))
}
