//! `trustroot material lint`

use std::fmt;

use ceremony::{Finding, Json};

use crate::advice::advice;
use crate::context::Context;
use crate::error::Failure;
use crate::material;
use crate::policy_file::PolicyFile;
use crate::report::{Outcome, Report, finding, object};
use crate::text::wrapped;

/// Say what is wrong with the trust material, by name
///
/// Judges what is wanted, and what goes away or comes too soon against what is published. docs/findings.md explains each
/// finding. `stage` stops on those that are new.
#[derive(clap::Args)]
pub(super) struct Lint {}

impl Lint {
    pub(super) fn run(self, context: &Context) -> Result<Outcome, Failure> {
        let policy = PolicyFile::read(&context.workdir)?.policy;
        let wanted = material::wanted(&context.workdir, &policy)?;
        let published = material::published(&context.workdir)?;
        let mut findings = material::judge(&wanted, &policy, context.now);
        findings.extend(material::judge_wanted(&context.workdir, &published, &wanted, &policy, context.now)?.0);
        findings.extend(material::nulls(&context.workdir, &policy)?);
        findings.sort();
        findings.dedup();
        let (accepted, open): (Vec<_>, Vec<_>) =
            findings.into_iter().partition(|finding| policy.accepts(finding, context.now).is_some());
        Ok(Outcome::answer(open.is_empty(), Linted { accepted, open }))
    }
}

struct Linted {
    accepted: Vec<Finding>,
    open: Vec<Finding>,
}

impl fmt::Display for Linted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.open.is_empty() {
            f.write_str("Nothing speaks against the trust material.\n")?;
        }
        for finding in &self.open {
            f.write_str(&wrapped(&format!("{finding}. {}", finding.rule.because()), 0))?;
            f.write_str(&wrapped(&format!("Do: {}", advice(finding.rule)), 2))?;
        }
        self.accepted.iter().try_for_each(|finding| f.write_str(&wrapped(&format!("accepted: {finding}"), 0)))
    }
}

impl Report for Linted {
    fn json(&self) -> Json {
        let findings = |findings: &[Finding]| findings.iter().map(finding).collect::<Json>();
        object([
            ("ok", Json::Bool(self.open.is_empty())),
            ("findings", findings(&self.open)),
            ("accepted", findings(&self.accepted)),
        ])
    }
}
