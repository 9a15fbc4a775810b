//! `trustroot accept`

use std::fmt;

use ceremony::{Json, Rule, Time};

use crate::context::Context;
use crate::error::Failure;
use crate::policy_file::{PolicyFile, add_accept};
use crate::report::{Outcome, Report, object};
use crate::text::{escaped, wrapped};
use crate::ui::Ui;

/// Accept a finding in the policy, with a reason that all signers read
///
/// A finding stops `stage` until it is mended or accepted. An accept counts for this finding and this subject alone, and
/// until its time. docs/findings.md explains each.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  trustroot accept target-changed rekor.pub --until 2027-01-01T00:00:00Z \\
      --reason 'the log moved to a new key'")]
pub(crate) struct Accept {
    /// The finding, by its name, such as target-changed
    finding: Rule,
    /// Its subject, exactly as it was shown
    subject: String,
    /// Why it is accepted
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Until when, like 2027-01-01T00:00:00Z
    #[arg(long, value_name = "RFC3339")]
    until: Option<Time>,
}

impl Accept {
    pub(crate) fn run(self, context: &Context, ui: &mut Ui) -> Result<Outcome, Failure> {
        let reason = match self.reason {
            Some(reason) => reason,
            None => ui.value("--reason", "Why it is accepted", None)?,
        };
        let until = match self.until {
            Some(until) => until,
            None => {
                let default = context.now.plus(ceremony::Days(92)).map(|until| until.to_string());
                ui.value("--until", "Until when", default.as_deref())?
            }
        };
        if until <= context.now {
            return Err(Failure::could_not(format!("--until {until} is past: it is {} now", context.now)));
        }
        PolicyFile::edit(&context.workdir, |document, _| {
            add_accept(document, self.finding.name(), &self.subject, &reason, &until.to_string())
        })?;
        Ok(Outcome::done(Accepted { finding: self.finding, subject: self.subject, reason, until }))
    }
}

struct Accepted {
    finding: Rule,
    subject: String,
    reason: String,
    until: Time,
}

impl fmt::Display for Accepted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (subject, reason) = (escaped(&self.subject), escaped(&self.reason));
        let text = format!("trustroot.toml accepts {} ({subject}) until {}: {reason}", self.finding, self.until);
        f.write_str(&wrapped(&text, 0))
    }
}

impl Report for Accepted {
    fn json(&self) -> Json {
        object([
            ("ok", Json::Bool(true)),
            ("finding", Json::string(self.finding.name())),
            ("subject", Json::string(&self.subject)),
            ("reason", Json::string(&self.reason)),
            ("until", Json::string(self.until.to_string())),
        ])
    }
}
