//! `trustroot keyholder list`

use std::collections::BTreeSet;
use std::fmt;

use ceremony::{Json, Policy};
use keyholders::Roster;

use super::shown;
use crate::context::Context;
use crate::error::Failure;
use crate::policy_file::PolicyFile;
use crate::records::Keyholders;
use crate::report::{Outcome, Report, object};
use crate::text::{escaped, wrapped};

/// List the keyholders with their keys and roles
#[derive(clap::Args)]
pub(crate) struct List {}

impl List {
    pub(crate) fn run(self, context: &Context) -> Result<Outcome, Failure> {
        let policy = PolicyFile::read(&context.workdir)?.policy;
        let roster = Keyholders::load(&context.workdir.keyholders())?.roster;
        Ok(Outcome::done(Listed { policy, roster }))
    }
}

struct Listed {
    policy: Policy,
    roster: Roster,
}

impl Listed {
    /// The names in the policy that no record has.
    fn missing(&self) -> BTreeSet<&str> {
        let named = self.policy.roles.values().flat_map(|role| role.signers.names());
        named.map(String::as_str).filter(|name| self.roster.record(name).is_none()).collect()
    }
}

impl fmt::Display for Listed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for record in self.roster.records() {
            let roles = shown::roles(&self.policy, record.name().as_str()).join(", ");
            let roles = if roles.is_empty() { "no role".to_owned() } else { escaped(&roles).to_string() };
            f.write_str(&wrapped(&format!("{} ({}): {roles}", record.name(), record.kind().as_str()), 0))?;
            for key in record.keys() {
                let (state, algorithm) = (key.state().as_str(), key.public_key().algorithm());
                let place = shown::place(key.home());
                f.write_str(&wrapped(&format!("{state} {algorithm} key, {place}"), 2))?;
                writeln!(f, "    {}", key.fingerprint())?;
            }
        }
        let missing: Vec<_> = self.missing().into_iter().map(|name| escaped(name).to_string()).collect();
        if !missing.is_empty() {
            f.write_str(&wrapped(&format!("Not enrolled yet: {}.", missing.join(", ")), 0))?;
        }
        Ok(())
    }
}

impl Report for Listed {
    fn json(&self) -> Json {
        let records = self.roster.records().iter();
        object([
            ("ok", Json::Bool(true)),
            ("keyholders", records.map(|record| Json::Object(shown::record_json(record, &self.policy))).collect()),
            ("missing", self.missing().into_iter().map(Json::string).collect()),
        ])
    }
}
