//! `trustroot keyholder verify --evidence`: which keys are proven to live in hardware.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use ceremony::policy::Accept;
use ceremony::{Finding, Fingerprint, History, Json, KeyId, KeySet, Object, Policy, Root, Rule, Source as _, Time};
use keyholders::attestation::AnchorKind;
use keyholders::{Attestation, AttestedKey, Evidence, Kind, Name, Record, State};

use super::{attested, shown};
use crate::adopt::names::Names;
use crate::adopt::origin::Origin;
use crate::certificates::{self, Pool, Proof};
use crate::context::Context;
use crate::disk::{self, Place};
use crate::error::{Failure, OrFail as _};
use crate::published::METADATA_LIMIT;
use crate::report::{Outcome, Report, object};
use crate::source::Address;
use crate::text::{columns, escaped, wrapped};

/// Where evidence lies, and which keys it is asked about.
#[derive(clap::Args)]
pub(super) struct Question {
    /// Instead say which keys are proven to be made in hardware, by the certificates of keys and devices in this directory
    #[arg(long, value_name = "DIR", conflicts_with = "nonce")]
    pub(super) evidence: Option<PathBuf>,
    /// With --evidence: trust the authorities with the certificates in this file too
    #[arg(long, value_name = "FILE", requires = "evidence")]
    anchor: Vec<PathBuf>,
    /// With --evidence: ask about the keys of the root that is published here instead of those on record
    #[arg(long, value_name = "DIR-OR-URL", requires_all = ["evidence", "root"], conflicts_with = "names")]
    pub(super) repository: Option<Address>,
    /// With --repository: trust the root in this file, and walk from it to the one that is asked about
    #[arg(long, value_name = "FILE", requires = "repository")]
    root: Option<PathBuf>,
}

/// A key that is asked about.
struct Asked {
    name: String,
    /// Signs without a person, so that no device with a PIN is expected.
    online: bool,
    roles: Vec<String>,
    id: KeyId,
    /// None if the key cannot be decoded: then nothing proves anything of it.
    fingerprint: Option<Fingerprint>,
}

impl Question {
    /// The answer for the keys of `records` that are in use, under `policy`. What lies `beside` records is evidence too.
    pub(super) fn of_records(
        &self,
        evidence: &Path,
        context: &Context,
        records: &[Record],
        beside: &BTreeMap<Name, Evidence>,
        policy: Policy,
    ) -> Result<Outcome, Failure> {
        let mut pool = Pool::read(evidence)?;
        for (name, evidence) in beside {
            let all = evidence.attestations().iter().flat_map(Attestation::certificates).cloned();
            pool.add(&format!("beside the record of {name}"), all);
        }
        let asked = records.iter().flat_map(|record| {
            let roles: Vec<String> =
                shown::roles(&policy, record.name().as_str()).into_iter().map(str::to_owned).collect();
            let used = record.keys().iter().filter(|key| key.state() != State::Retired);
            used.map(move |key| Asked {
                name: record.name().to_string(),
                online: record.kind() == Kind::Online,
                // A spare is in no metadata.
                roles: if key.state() == State::Active { roles.clone() } else { Vec::new() },
                id: key.tuf_key().id.clone(),
                fingerprint: Some(key.fingerprint()),
            })
        });
        self.answer(&pool, context, asked.collect(), None, Some(policy))
    }

    /// The answer for the keys of the root that is published at `address`.
    pub(super) fn of_repository(
        &self,
        evidence: &Path,
        address: &Address,
        context: &Context,
    ) -> Result<Outcome, Failure> {
        let Some(root) = &self.root else { return Err(Failure::could_not("--repository goes with --root")) };
        let pinned = disk::read(&Place::named(root), METADATA_LIMIT)?;
        let origin = Origin::open(address, None)?;
        let history =
            History::walk(&pinned, |version| origin.metadata(&format!("{version}.root.json"), METADATA_LIMIT));
        let history = history.or_fail(|| format!("{address} cannot be read"))?;
        if let Some(stop) = &history.stop {
            return Err(Failure::no(format!("{address} is not to be trusted")).caused_by(stop));
        }
        let Some(last) = history.trusted() else { return Err(Failure::no(format!("{address} is not to be trusted"))) };
        let asked = asked(&last.root)?;
        self.answer(&Pool::read(evidence)?, context, asked, Some(last.root.version), None)
    }

    fn answer(
        &self,
        pool: &Pool,
        context: &Context,
        asked: Vec<Asked>,
        root: Option<u64>,
        policy: Option<Policy>,
    ) -> Result<Outcome, Failure> {
        let anchors = certificates::anchors(&self.anchor)?;
        let pinned = policy.iter().flat_map(|policy| &policy.devices.anchors);
        let anchors = pinned.fold(anchors, |anchors, sha256| anchors.pin(*sha256));
        let mut proofs = pool.prove(&anchors, context.now)?;
        let mut rows = Vec::new();
        for asked in asked {
            let is_it = |proof: &Proof| {
                let key = proof.attested.as_ref().ok().map(|attested| attested.key().fingerprint());
                key.is_some() && key == asked.fingerprint
            };
            let proof = proofs.iter().position(is_it).map(|at| proofs.remove(at));
            // A device attests a key as often as it is asked to.
            proofs.retain(|proof| !is_it(proof));
            let proof = proof.and_then(|proof| Some((proof.file, proof.attested.ok()?)));
            let findings = proof.as_ref().map_or_else(Vec::new, |(_, attested)| attested.findings(&asked.name));
            rows.push(Row { asked, proof, findings });
        }
        let report = Hardware { root, policy, now: context.now, rows, others: proofs, unreadable: unreadable(pool) };
        Ok(Outcome::answer(report.ok(), report))
    }
}

/// The keys of the roles of `root`, in the order in which its own role lists them, then the others.
fn asked(root: &Root) -> Result<Vec<Asked>, Failure> {
    let roles =
        || ["root", "targets", "snapshot", "timestamp"].into_iter().filter_map(|name| Some((name, root.role(name)?)));
    let listed = || roles().flat_map(|(_, keys)| keys.ids.iter().filter_map(|id| keys.key(id)));
    let names = Names::new(listed(), &[])?;
    let mut asked: Vec<Asked> = Vec::new();
    for key in listed() {
        let fingerprint = key.key.as_ref().ok().map(|key| key.fingerprint());
        if asked.iter().any(|other| other.id == key.id || (fingerprint.is_some() && other.fingerprint == fingerprint)) {
            continue;
        }
        let lists = |keys: &KeySet| match &fingerprint {
            Some(fingerprint) => keys.fingerprints().contains(fingerprint),
            None => keys.ids.contains(&key.id),
        };
        let roles: Vec<String> = roles().filter(|(_, keys)| lists(keys)).map(|(name, _)| name.to_owned()).collect();
        let name = fingerprint.as_ref().and_then(|fingerprint| names.of(fingerprint));
        asked.push(Asked {
            name: name.map_or_else(|| key.id.short(), ToString::to_string),
            online: roles.iter().all(|role| matches!(role.as_str(), "snapshot" | "timestamp")),
            roles,
            id: key.id.clone(),
            fingerprint,
        });
    }
    Ok(asked)
}

fn unreadable(pool: &Pool) -> Vec<(String, String)> {
    pool.unreadable.iter().map(|(file, error)| (file.clone(), error.to_string())).collect()
}

/// Which keys are proven to be made in hardware.
struct Hardware {
    /// The root that lists the keys, if they are not those on record.
    root: Option<u64>,
    policy: Option<Policy>,
    now: Time,
    rows: Vec<Row>,
    /// What else is in the directory: proofs for other keys, and certificates that prove nothing.
    others: Vec<Proof>,
    /// Files and why they cannot be read.
    unreadable: Vec<(String, String)>,
}

struct Row {
    asked: Asked,
    /// The file with the certificate of the key, and what it proves.
    proof: Option<(String, AttestedKey)>,
    findings: Vec<Finding>,
}

impl Hardware {
    /// Whether every person's key is proven, and every finding accepted where there is a policy.
    fn ok(&self) -> bool {
        let accepted = |finding: &Finding| self.policy.is_none() || self.accepted(finding).is_some();
        self.rows.iter().all(|row| (row.proof.is_some() || row.asked.online) && row.findings.iter().all(accepted))
    }

    /// How many keys of people are proven, and how many there are.
    fn count(&self) -> (usize, usize) {
        let people = || self.rows.iter().filter(|row| !row.asked.online);
        (people().filter(|row| row.proof.is_some()).count(), people().count())
    }

    /// What lies in the directory and proves nothing.
    fn refused(&self) -> impl Iterator<Item = (&Proof, &String)> {
        self.others.iter().filter_map(|proof| Some((proof, proof.attested.as_ref().err()?)))
    }

    /// Proven keys that nobody asked about.
    fn elsewhere(&self) -> impl Iterator<Item = (&Proof, &AttestedKey)> {
        self.others.iter().filter_map(|proof| Some((proof, proof.attested.as_ref().ok()?)))
    }

    fn accepted(&self, finding: &Finding) -> Option<&Accept> {
        self.policy.as_ref()?.accepts(finding, self.now)
    }

    fn finding(&self, finding: &Finding) -> String {
        let found = format!("{}: {}", finding.subject, finding.what);
        match self.accepted(finding) {
            Some(accept) => format!("{found}; accepted: {}", escaped(&accept.reason)),
            None => found,
        }
    }

    /// The answer in one sentence.
    fn verdict(&self) -> String {
        let (proven, all) = self.count();
        let whose = self.root.map_or_else(|| "on record".to_owned(), |version| format!("in root {version}"));
        let answer = if self.ok() { "Yes" } else { "No" };
        let but =
            if proven == all && !self.ok() { ", and the policy does not accept what was found on them" } else { "" };
        let given = match self.given().count() {
            0 => String::new(),
            given => format!(", {given} of them not on the word of the vendor"),
        };
        format!("{answer}: {proven} of {all} keys of people {whose} are proven to be made in hardware{given}{but}.")
    }

    /// Keys that are proven up to an authority which the policy or a flag names: it may be anybody's.
    fn given(&self) -> impl Iterator<Item = (&Row, &AttestedKey)> {
        let proven = self.rows.iter().filter_map(|row| Some((row, &row.proof.as_ref()?.1)));
        proven.filter(|(row, attested)| !row.asked.online && attested.anchor_kind() == AnchorKind::Given)
    }
}

impl fmt::Display for Hardware {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let heads = ["keyholder", "YubiKey", "firmware", "slot", "PIN", "touch", "findings"].map(str::to_owned);
        let rows = self.rows.iter().map(|row| {
            let name = escaped(&row.asked.name).to_string();
            let Some((_, attested)) = &row.proof else {
                let without = if row.asked.online { "online" } else { "NO EVIDENCE" }.to_owned();
                let none = || "-".to_owned();
                return [name, without, none(), none(), none(), none(), none()];
            };
            let rules: Vec<&str> = row.findings.iter().map(|finding| finding.rule.name()).collect();
            [
                name,
                attested.serial().to_string(),
                attested.firmware().to_string(),
                attested.slot().to_string(),
                attested.pin_policy().to_string(),
                attested.touch_policy().to_string(),
                if rules.is_empty() { "-".to_owned() } else { rules.join(", ") },
            ]
        });
        f.write_str(&columns(&[heads].into_iter().chain(rows).collect::<Vec<_>>(), 0))?;
        let mut by_rule: BTreeMap<Rule, Vec<&Finding>> = BTreeMap::new();
        for finding in self.rows.iter().flat_map(|row| &row.findings) {
            by_rule.entry(finding.rule).or_default().push(finding);
        }
        for (rule, findings) in by_rule {
            f.write_str("\n")?;
            f.write_str(&wrapped(&format!("{rule}: {}", rule.why()), 0))?;
            for finding in findings {
                f.write_str(&wrapped(&self.finding(finding), 2))?;
            }
        }
        if self.given().next().is_some() {
            f.write_str("\nOn the word of an authority that is not the vendor's, and was named:\n")?;
        }
        for (row, attested) in self.given() {
            let line = format!("{}: {}, SHA-256 {}", row.asked.name, attested.anchor(), attested.anchor_sha256());
            f.write_str(&wrapped(&escaped(&line).to_string(), 2))?;
        }
        let mut left: Vec<String> = Vec::new();
        left.extend(self.unreadable.iter().map(|(file, reason)| format!("{file} cannot be read: {reason}")));
        left.extend(self.refused().map(|(proof, reason)| format!("{} proves nothing: {reason}", proof.file)));
        left.extend(self.elsewhere().map(|(proof, attested)| {
            format!("{} is of a key that was not asked about, in the {}", proof.file, attested::device(attested))
        }));
        if !left.is_empty() {
            f.write_str("\nThe directory also has:\n")?;
        }
        for line in left {
            f.write_str(&wrapped(&escaped(&line).to_string(), 2))?;
        }
        f.write_str("\n")?;
        f.write_str(&wrapped(&self.verdict(), 0))
    }
}

impl Report for Hardware {
    fn json(&self) -> Json {
        let keys = self.rows.iter().map(|row| {
            let proof = row.proof.as_ref();
            let findings = row.findings.iter().map(|finding| match &self.policy {
                Some(policy) => shown::finding_json(finding, policy, self.now),
                None => crate::report::finding(finding),
            });
            object([
                ("keyholder", Json::string(&row.asked.name)),
                ("online", Json::Bool(row.asked.online)),
                ("roles", row.asked.roles.iter().map(Json::string).collect()),
                ("keyid", Json::string(row.asked.id.as_str())),
                ("fingerprint", row.asked.fingerprint.map_or(Json::Null, |print| Json::string(print.to_string()))),
                ("attested", proof.map_or(Json::Null, |(_, attested)| Json::Object(attested::members(attested)))),
                ("file", proof.map_or(Json::Null, |(file, _)| Json::string(file))),
                ("findings", findings.collect()),
            ])
        });
        let elsewhere = self.elsewhere().map(|(proof, attested)| {
            let mut object = attested::members(attested);
            object.insert("file", Json::string(&proof.file));
            Json::Object(object)
        });
        let file_and = |file: &str, reason: &str| -> Object {
            [("file", Json::string(file)), ("reason", Json::string(reason))].into_iter().collect()
        };
        let refused = self.refused().map(|(proof, reason)| {
            let mut object = file_and(&proof.file, reason);
            object.insert("subject", Json::string(&proof.subject));
            Json::Object(object)
        });
        let unreadable = self.unreadable.iter().map(|(file, reason)| Json::Object(file_and(file, reason)));
        let (proven, all) = self.count();
        let number = |count: usize| Json::Number((count as u64).into());
        object([
            ("ok", Json::Bool(self.ok())),
            ("root", self.root.map_or(Json::Null, |version| Json::Number(version.into()))),
            ("attested", number(proven)),
            ("unattested", number(all - proven)),
            ("keys", keys.collect()),
            ("others", elsewhere.collect()),
            ("refused", refused.collect()),
            ("unreadable", unreadable.collect()),
        ])
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use ceremony::Metadata;

    use super::*;

    #[test]
    fn a_key_that_cannot_be_decoded_is_asked_about_too() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/sigstore-prod/metadata/16.root.json");
        let text = std::fs::read_to_string(file).unwrap();
        let names = |text: &str| -> Vec<(String, bool)> {
            let root = Root::of(&Metadata::parse_untrusted(text.as_bytes()).unwrap()).unwrap();
            asked(&root).unwrap().into_iter().map(|asked| (asked.name, asked.fingerprint.is_some())).collect()
        };
        let all = names(&text);
        assert!(all.len() == 6 && all.iter().all(|(_, decoded)| *decoded), "{all:?}");
        let odd = names(&text.replacen("\"scheme\": \"ecdsa-sha2-nistp256\"", "\"scheme\": \"none\"", 1));
        assert_eq!((odd.len(), odd.iter().filter(|(_, decoded)| !decoded).count()), (6, 1), "{odd:?}");
    }
}
