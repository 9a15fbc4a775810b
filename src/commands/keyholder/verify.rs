//! `trustroot keyholder verify`

use std::fmt;

use ceremony::finding::{Finding, Rule};
use ceremony::tuf_key::{IdForm, whole_object_id};
use ceremony::{Json, Policy, Time, lint};
use keyholders::{AttestedKey, DeviceKind, Name, Nonce, Record, RecordKey, Roster, State};

use super::{attested, hardware, shown};
use crate::context::Context;
use crate::error::Failure;
use crate::policy_file::PolicyFile;
use crate::records::Keyholders;
use crate::report::{Outcome, Report, object};
use crate::text::wrapped;

/// Verify the records of the keyholders from their files alone
///
/// For each key: that its owner proved to have it, under this name and for this trust root; that its id is the hash of
/// the key object; where there is evidence beside the record, that a YubiKey made the key, and which; that its device is
/// what the policy asks for. What a token claims about a key is shown, and verified by nothing. A finding that the policy
/// accepts does not count.
///
/// With --evidence the question is another: which of the keys on record, or in a published root (--repository), are proven
/// to be made in hardware, and which are not. The certificates may lie in any layout; they are put together by what
/// verifies. Yes if every person's key is proven, and the policy, where there is one, accepts what was found on the devices.
#[derive(clap::Args)]
pub(crate) struct Verify {
    /// Whom to verify; by default all
    #[arg(value_name = "NAME")]
    names: Vec<Name>,
    /// The nonce that the active keys must have been enrolled with
    #[arg(long, value_name = "HEX")]
    nonce: Option<Nonce>,
    #[command(flatten)]
    hardware: hardware::Question,
}

impl Verify {
    pub(crate) fn run(self, context: &Context) -> Result<Outcome, Failure> {
        if let (Some(evidence), Some(repository)) = (&self.hardware.evidence, &self.hardware.repository) {
            return self.hardware.of_repository(evidence, repository, context);
        }
        let policy = PolicyFile::read(&context.workdir)?.policy;
        let keyholders = Keyholders::load(&context.workdir.keyholders())?;
        let records = self.records(&keyholders.roster)?;
        if let Some(evidence) = &self.hardware.evidence {
            return self.hardware.of_records(evidence, context, &records, &keyholders.evidence, policy);
        }
        let holders = keyholders.holders(&policy, context.now);
        let records = records.into_iter().map(|record| {
            let findings = holders.iter().find(|holder| holder.name == record.name().as_str());
            let findings = findings.map(|holder| holder.findings.clone()).unwrap_or_default();
            let attested = keyholders.attested(record.name(), &policy, context.now).into_iter().flatten().collect();
            Verified::new(record, findings, attested, &policy, self.nonce.as_ref(), context.now)
        });
        let report = Verification { records: records.collect(), policy, now: context.now };
        Ok(Outcome::answer(report.ok(), report))
    }

    fn records(&self, roster: &Roster) -> Result<Vec<Record>, Failure> {
        if self.names.is_empty() {
            return match roster.records() {
                [] => Err(Failure::could_not("nobody is enrolled").hint("`trustroot keyholder enroll NAME`")),
                records => Ok(records.to_vec()),
            };
        }
        let find = |name: &Name| {
            let record = roster.record(name.as_str()).cloned();
            record.ok_or_else(|| Failure::could_not(format!("there is no record of {name}")))
        };
        self.names.iter().map(find).collect()
    }
}

struct Verification {
    records: Vec<Verified>,
    policy: Policy,
    now: Time,
}

/// One record and what is wrong with it.
struct Verified {
    record: Record,
    /// What the evidence beside the record proves.
    attested: Vec<AttestedKey>,
    findings: Vec<Finding>,
    /// Active keys that were enrolled with another nonce than the one that was asked for.
    other_nonces: Vec<String>,
    ok: bool,
}

impl Verified {
    fn new(
        record: Record,
        mut findings: Vec<Finding>,
        attested: Vec<AttestedKey>,
        policy: &Policy,
        nonce: Option<&Nonce>,
        now: Time,
    ) -> Self {
        let used = || record.keys().iter().filter(|key| key.state() != State::Retired);
        findings.extend(lint::unsupported(used().map(RecordKey::tuf_key), &policy.clients));
        for key in used().map(RecordKey::tuf_key).filter(|key| key.id_form() != IdForm::WholeObject) {
            let what = format!("the hash of the key object is {}", whole_object_id(&key.object));
            findings.push(Finding::new(Rule::KeyIdMismatch, key.id.as_str(), what));
        }
        let mut other_nonces = Vec::new();
        for key in used().filter(|key| nonce.is_some() && key.state() == State::Active) {
            match key.possession().map(|proof| &proof.nonce) {
                found if found == nonce => {}
                Some(found) => other_nonces.push(format!("the active key was enrolled with the nonce {found}")),
                None => other_nonces.push("the active key was enrolled without a nonce".to_owned()),
            }
        }
        let ok = other_nonces.is_empty() && findings.iter().all(|finding| policy.accepts(finding, now).is_some());
        Self { record, attested, findings, other_nonces, ok }
    }
}

impl Verification {
    fn ok(&self) -> bool {
        self.records.iter().all(|record| record.ok)
    }
}

impl fmt::Display for Verification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Verified { record, attested: proven, findings, other_nonces, ok } in &self.records {
            writeln!(f, "{}: {}", record.name(), if *ok { "yes" } else { "NO" })?;
            for key in record.keys() {
                let proof = proven.iter().find(|proven| proven.key() == key.public_key());
                writeln!(f, "  {} {} key", key.state().as_str(), key.public_key().algorithm())?;
                writeln!(f, "    {}", key.fingerprint())?;
                f.write_str(&wrapped(&format!("lies {}", shown::place(key.home())), 4))?;
                if let Some(claims) = key.claimed() {
                    f.write_str(&wrapped(&format!("claimed: {}", shown::claims(claims)), 4))?;
                }
                if key.device() == DeviceKind::Yubikey || proof.is_some() {
                    f.write_str(&wrapped(&attested::sentence(proof), 4))?;
                }
                let proven = key
                    .possession()
                    .filter(|proof| proof.verify(key.public_key(), &self.policy.id, record.name()).is_ok());
                match proven {
                    Some(proof) => writeln!(f, "    possession proven for the nonce {}", proof.nonce)?,
                    None => f.write_str("    possession not proven\n")?,
                }
            }
            for finding in findings {
                f.write_str(&wrapped(&shown::finding(finding, &self.policy, self.now), 2))?;
            }
            for problem in other_nonces {
                f.write_str(&wrapped(problem, 2))?;
            }
        }
        Ok(())
    }
}

impl Report for Verification {
    fn json(&self) -> Json {
        let records = self.records.iter().map(|verified| {
            let findings = verified.findings.iter();
            let findings = findings.map(|finding| shown::finding_json(finding, &self.policy, self.now)).collect();
            let mut object = shown::record_json(&verified.record, &self.policy);
            object.insert("ok", Json::Bool(verified.ok));
            let proven = verified.attested.iter().map(|proven| Json::Object(attested::members(proven)));
            object.insert("attested", proven.collect());
            object.insert("findings", findings);
            object.insert("other-nonces", verified.other_nonces.iter().map(Json::string).collect());
            Json::Object(object)
        });
        object([("ok", Json::Bool(self.ok())), ("keyholders", records.collect())])
    }
}
