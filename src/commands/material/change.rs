//! A change of the wanted material: written, and told in sentences.

use std::collections::BTreeMap;
use std::fmt;

use ceremony::material::legacy::in_step;
use ceremony::material::{FileDiff, Material, Moment, Repair, TrustedRoot, diff};
use ceremony::{Finding, Json, Policy};

use super::entry::Proven;
use super::live::Answer;
use crate::context::Context;
use crate::error::Failure;
use crate::examine::{and, meaning};
use crate::material::{self, AsRead, Change};
use crate::report::{Outcome, Report, finding, object};
use crate::text::{escaped, wrapped};

/// What a change goes by.
#[derive(Default)]
pub(super) struct Grounds {
    /// How it was proven, as a sentence.
    pub(super) proof: Option<String>,
    /// What nothing proves, as a sentence.
    pub(super) word: Option<String>,
    /// What services answered.
    pub(super) answers: Vec<Answer>,
    /// Signing configs that do not know the new service, by path.
    pub(super) behind: Vec<String>,
    /// What was repaired.
    pub(super) repairs: Vec<Repair>,
    /// What else everybody has to know of it, as sentences.
    pub(super) warnings: Vec<String>,
    /// Files in `evidence/` that are written with it: what they hold; nothing for those that go away.
    pub(super) evidence: BTreeMap<String, Option<Vec<u8>>>,
}

impl From<Proven> for Grounds {
    fn from(proven: Proven) -> Self {
        Self { proof: Some(proven.proof), word: proven.word, answers: proven.answers, ..Self::default() }
    }
}

/// The wanted material, to change.
pub(super) struct Wanted {
    /// As it lies in `targets/`.
    pub(super) material: Material,
    read: AsRead,
}

impl Wanted {
    /// Reads it.
    ///
    /// # Errors
    /// If one of the files cannot be read as what it is for: it is mended by hand first.
    pub(super) fn read(context: &Context) -> Result<Self, Failure> {
        let (read, material) = AsRead::read(&context.workdir)?;
        if let Some((path, error)) = material.unreadable.first() {
            return Err(Failure::no(format!("targets/{path} cannot be changed")).and_cause(error.to_string()));
        }
        Ok(Self { material, read })
    }

    /// The policy beside it.
    pub(super) fn policy(&self) -> &Policy {
        &self.read.policy.policy
    }

    /// The trusted root in it.
    ///
    /// # Errors
    /// If there is none.
    pub(super) fn trusted_root(&self) -> Result<TrustedRoot, Failure> {
        let missing = || Failure::no("there is no targets/trusted_root.json");
        self.material.trusted_root.clone().ok_or_else(missing)
    }

    /// Writes `after`, with the legacy targets in step and the evidence, and says what changed and what is wrong with it.
    ///
    /// # Errors
    /// If nothing changes, or a file that would be written is no longer as it was read: then nothing is written.
    pub(super) fn change(self, context: &Context, mut after: Material, grounds: Grounds) -> Result<Outcome, Failure> {
        let keep = self.policy().legacy_targets.unwrap_or(!self.material.legacy.is_empty());
        if let Some(root) = after.trusted_root.as_ref().filter(|_| keep) {
            after.legacy = in_step(root, &after.legacy, &Moment::from(context.now));
        }
        let workdir = &context.workdir;
        let published = material::published(workdir)?;
        material::compromised::refuse(
            workdir,
            published.trusted_root.as_ref(),
            self.material.trusted_root.as_ref(),
            after.trusted_root.as_ref(),
        )?;
        let files = diff(&self.material, &after);
        if files.is_empty() {
            return Err(Failure::no("nothing changes: the wanted material is so already"));
        }
        let evidence = material::evidence(workdir, &published, &after, &grounds.evidence)?;
        let findings = material::judge_with(&evidence, &published, &after, self.policy(), context.now)?.0;
        let change = Change { before: &self.material, after: &after, kept: &[], evidence: &grounds.evidence };
        let written = change.write(workdir, &self.read)?;
        let known = published.paths();
        let replaced = written.iter().filter(|path| known.contains(&path.as_str())).cloned().collect();
        Ok(Outcome::done(Changed { grounds, files, findings, written, replaced }))
    }
}

/// What `stage` will stop on, for people; nothing if there is nothing.
pub(in crate::commands) fn stops(findings: &[Finding]) -> String {
    let mut text = String::new();
    if !findings.is_empty() {
        text.push_str("\n`stage` will stop on what is wrong with it:\n");
    }
    text.extend(findings.iter().map(|finding| wrapped(&format!("{finding}. {}", finding.rule.because()), 2)));
    text
}

/// What services answered, for people; nothing if none was asked.
pub(in crate::commands) fn answers(answers: &[Answer], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    answers.iter().try_for_each(|answer| write!(f, "{answer}"))?;
    if answers.is_empty() {
        return Ok(());
    }
    let text = "Who answers at an address today is no proof for anybody else: whoever reviews this asks on their own, \
                and compares.";
    f.write_str(&wrapped(text, 0))
}

/// What was changed.
struct Changed {
    grounds: Grounds,
    files: Vec<FileDiff>,
    findings: Vec<Finding>,
    written: Vec<String>,
    /// Those of them that are published under their names.
    replaced: Vec<String>,
}

impl fmt::Display for Changed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        answers(&self.grounds.answers, f)?;
        if let Some(proof) = &self.grounds.proof {
            f.write_str(&wrapped(&format!("Proof: {proof}."), 0))?;
        }
        if let Some(word) = &self.grounds.word {
            f.write_str(&wrapped(&format!("Without proof: {word}."), 0))?;
        }
        self.files.iter().try_for_each(|file| f.write_str(&meaning::file(file, 0)))?;
        let named = |paths: &[String]| and(&paths.iter().map(|path| escaped(path).to_string()).collect::<Vec<_>>());
        if !self.grounds.behind.is_empty() {
            let behind = named(&self.grounds.behind);
            f.write_str(&wrapped(&format!("! It is not in {behind}: who signs by that goes on without it."), 0))?;
        }
        for warning in &self.grounds.warnings {
            f.write_str(&wrapped(&format!("! {}", escaped(warning)), 0))?;
        }
        f.write_str(&stops(&self.findings))?;
        if !self.replaced.is_empty() {
            let replaced = named(&self.replaced);
            let text = format!(
                "`stage` stops on target-changed of {replaced}, whose names are published, until it is accepted."
            );
            f.write_str(&format!("\n{}", wrapped(&text, 0)))?;
        }
        let first = match self.findings.is_empty() {
            true => "Next:",
            false => "Next: mend that or accept it, as this says.\n  trustroot material lint\nThen",
        };
        writeln!(f, "\n{first} propose it to those who sign.\n  trustroot stage")
    }
}

impl Report for Changed {
    fn json(&self) -> Json {
        object([
            ("ok", Json::Bool(true)),
            ("proof", self.grounds.proof.as_ref().map_or(Json::Null, Json::string)),
            ("word", self.grounds.word.as_ref().map_or(Json::Null, Json::string)),
            ("answers", self.grounds.answers.iter().map(Answer::json).collect()),
            ("files", self.files.iter().map(FileDiff::json).collect()),
            ("findings", self.findings.iter().map(finding).collect()),
            ("written", self.written.iter().map(Json::string).collect()),
            ("replaced", self.replaced.iter().map(Json::string).collect()),
            ("repairs", self.grounds.repairs.iter().map(repair).collect()),
            ("behind", self.grounds.behind.iter().map(Json::string).collect()),
            ("warnings", self.grounds.warnings.iter().map(Json::string).collect()),
        ])
    }
}

fn repair(repair: &Repair) -> Json {
    object([("entry", Json::string(&repair.subject)), ("what", Json::string(&repair.what))])
}
