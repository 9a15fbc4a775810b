//! What an enrolment came to, for people and for programs.

use std::fmt;
use std::path::PathBuf;

use ceremony::{Digest, Finding, Json, Policy, Time};
use keyholders::{AttestedKey, DeviceKind, Kind, Record, RecordKey};

use super::super::{attested, shown};
use crate::report::Report;
use crate::text::{escaped, wrapped};

/// What was enrolled.
pub(super) struct Enrolled {
    pub(super) record: Record,
    pub(super) key: RecordKey,
    pub(super) attested: Option<AttestedKey>,
    /// What the coordinator needs: the record, and the evidence if there is any.
    pub(super) files: Vec<PathBuf>,
    /// Anchors of the evidence that the policy does not name.
    pub(super) unnamed: Vec<Digest>,
    pub(super) key_file: Option<PathBuf>,
    pub(super) findings: Vec<Finding>,
    pub(super) policy: Policy,
    pub(super) now: Time,
}

impl fmt::Display for Enrolled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { record, key, .. } = self;
        let kind = if record.kind() == Kind::Online { ", an online key" } else { "" };
        writeln!(f, "Enrolled {}{kind}", record.name())?;
        writeln!(f, "  {}", key.fingerprint())?;
        let place = shown::place(key.home());
        let line = format!("the {} {} key, {place}", key.state().as_str(), key.public_key().algorithm());
        f.write_str(&wrapped(&line, 2))?;
        if let Some(file) = &self.key_file {
            f.write_str(&wrapped(&format!("made in {}", escaped(&file.display().to_string())), 2))?;
        }
        if let Some(claims) = key.claimed() {
            f.write_str(&wrapped(&format!("claimed: {}", shown::claims(claims)), 2))?;
        }
        if key.device() == DeviceKind::Yubikey {
            f.write_str(&wrapped(&attested::sentence(self.attested.as_ref()), 2))?;
        }
        match key.possession() {
            Some(proof) => writeln!(f, "  possession proven for the nonce {}", proof.nonce)?,
            None => f.write_str("  possession not proven\n")?,
        }
        for other in record.keys().iter().filter(|other| other.fingerprint() != key.fingerprint()) {
            writeln!(f, "  beside the {} key {}", other.state().as_str(), other.fingerprint().short())?;
        }
        let roles = shown::roles(&self.policy, record.name().as_str()).join(", ");
        match roles.is_empty() {
            true => f.write_str("The policy gives this name no role yet: `trustroot role` does.\n")?,
            false => f.write_str(&wrapped(&format!("Role: {}", escaped(&roles)), 0))?,
        }
        for finding in &self.findings {
            f.write_str(&wrapped(&shown::finding(finding, &self.policy, self.now), 0))?;
        }
        for digest in &self.unnamed {
            let text = "Whether this anchor is to be trusted is for the policy to say, among devices.anchors:";
            writeln!(f, "{}  {digest}", wrapped(text, 0))?;
        }
        let what = if self.files.len() == 1 { "this file" } else { "these files" };
        writeln!(f, "\nNext: the coordinator needs {what}, and the fingerprint by another channel.")?;
        self.files.iter().try_for_each(|file| writeln!(f, "  {}", escaped(&file.display().to_string())))
    }
}

impl Report for Enrolled {
    fn json(&self) -> Json {
        let findings = self.findings.iter();
        let findings = findings.map(|finding| shown::finding_json(finding, &self.policy, self.now)).collect();
        let mut object = shown::record_json(&self.record, &self.policy);
        object.insert("ok", Json::Bool(true));
        object.insert("enrolled", Json::string(self.key.fingerprint().to_string()));
        let file = |file: Option<&PathBuf>| file.map_or(Json::Null, |file| Json::string(file.display().to_string()));
        object.insert("record", file(self.files.first()));
        object.insert("evidence", file(self.files.get(1)));
        object.insert(
            "attested",
            self.attested.as_ref().map_or(Json::Null, |proven| Json::Object(attested::members(proven))),
        );
        object.insert("findings", findings);
        Json::Object(object)
    }
}
