//! `trustroot accept`

use std::fmt;

use ceremony::finding::UnknownRule;
use ceremony::{Days, Finding, Json, Rule, Time};

use super::stage;
use crate::context::Context;
use crate::error::Failure;
use crate::examine::and;
use crate::policy_file::{PolicyFile, set_accept};
use crate::report::{Outcome, Report, object};
use crate::text::{command, escaped, wrapped};
use crate::ui::Ui;

/// How long a finding is accepted if nobody says otherwise.
const USUAL: Days = Days(92);

/// How long it is accepted without a second question: by then nobody remembers the reason.
const LONG: Days = Days(731);

/// How much alike two names are, from 0 to 1, if one may have been meant for the other.
const ALIKE: f64 = 0.8;

/// Accept a finding in the policy, with a reason that all signers read
///
/// A finding stops `stage` until it is mended or accepted. An accept counts for this finding and this subject alone, and
/// until its time; a second one for the same takes the place of the first. docs/findings.md explains each.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  trustroot accept one-meets-threshold team --until 2027-01-01T00:00:00Z \\
      --reason 'the team is one person'
  trustroot accept target-changed --all --until 2027-01-01T00:00:00Z \\
      --reason 'the log moves to a new key'")]
pub(crate) struct Accept {
    /// The finding, by its name, such as target-changed
    #[arg(value_parser = rule)]
    finding: Option<Rule>,
    /// Its subject, exactly as it was shown
    #[arg(conflicts_with = "all")]
    subject: Option<String>,
    /// Accept all of this name that stop the proposal now, each by its subject, and none that comes later
    #[arg(long)]
    all: bool,
    /// Why it is accepted
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Until when, like 2027-01-01T00:00:00Z
    #[arg(long, value_name = "RFC3339")]
    until: Option<Time>,
}

impl Accept {
    pub(crate) fn run(self, context: &Context, ui: &mut Ui) -> Result<Outcome, Failure> {
        let policy = PolicyFile::read(&context.workdir)?.policy;
        let lock = context.workdir.lock()?;
        let found = stage::found(context);
        drop(lock);
        let (rule, subjects) = match (self.finding, &self.subject) {
            (Some(rule), Some(subject)) => (rule, vec![subject.clone()]),
            (finding, _) => {
                let found = found.as_ref().map_err(|failure| unseen(failure).hint("name one subject"))?;
                let open = found.iter().filter(|found| policy.accepts(found, context.now).is_none());
                let open: Vec<&Finding> =
                    open.filter(|found| finding.is_none_or(|finding| finding == found.rule)).collect();
                let what = finding.map_or("finding", Rule::name);
                if open.is_empty() {
                    return Err(Failure::no(format!("no {what} stops the proposal: nothing was accepted"))
                        .hint("`trustroot stage --dry-run` shows what does"));
                }
                match (finding, self.all) {
                    (Some(rule), true) => (rule, open.iter().map(|found| found.subject.clone()).collect()),
                    _ => {
                        let items: Vec<String> =
                            open.iter().map(|found| format!("{} ({})", found.rule, found.subject)).collect();
                        let flag = if finding.is_none() { "FINDING SUBJECT" } else { "SUBJECT or --all" };
                        let picked = open[ui.select(flag, &format!("Which {what} is accepted?"), &items)?];
                        (picked.rule, vec![picked.subject.clone()])
                    }
                }
            }
        };
        let found = found.map(|mut found| {
            found.retain(|finding| finding.rule == rule);
            found
        });
        if ui.has_terminal() {
            for finding in found.iter().flatten().filter(|finding| subjects.contains(&finding.subject)) {
                ui.say(finding);
            }
        }
        let reason = match self.reason {
            Some(reason) => reason,
            None => ui.value("--reason", "Why it is accepted", None)?,
        };
        let until = match self.until {
            Some(until) => until,
            None => ui.value("--until", "Until when", Some(&usual(context.now).to_string()))?,
        };
        if until <= context.now {
            return Err(Failure::could_not(format!("--until {until} is past: it is {} now", context.now)));
        }
        // Who gives the flag where nobody can be asked has said it.
        if ui.has_terminal() && context.now.plus(LONG).is_some_and(|long| until > long) {
            let years = context.now.days_until(until) / 365;
            let question = format!("Whoever signs in the next {years} years reads this reason. Accept it for so long?");
            if !ui.confirm("--until", &question, Some(false))? {
                return Err(Failure::no("nothing was accepted").hint("give a nearer time with --until"));
            }
        }
        let mut entries = Vec::new();
        PolicyFile::edit(&context.workdir, |document, _| {
            for subject in subjects {
                let replaced = set_accept(document, rule.name(), &subject, &reason, &until.to_string())?;
                let is_found = found.as_ref().ok().map(|found| found.iter().any(|f| f.subject == subject));
                entries.push(Entry { subject, replaced, is_found });
            }
            Ok(())
        })?;
        let others = found.map(|found| found.into_iter().map(|finding| finding.subject).collect());
        let others = others.map_err(|failure| unseen(&failure).line());
        Ok(Outcome::done(Accepted { finding: rule, entries, others, reason, until }))
    }
}

/// What to do about findings that stop a proposal: a sentence, and below it the command for each kind.
pub(crate) fn offer(open: &[Finding], now: Time) -> String {
    let mut text =
        "mend what was found; or accept it in the policy, with a reason that all who sign will read".to_owned();
    text.push_str(if open.len() > 1 { ", also one by one by its subject:" } else { ":" });
    let mut rules: Vec<Rule> = open.iter().map(|finding| finding.rule).collect();
    rules.sort();
    rules.dedup();
    for rule in rules {
        let mut alike = open.iter().filter(|finding| finding.rule == rule);
        let which = match (alike.next(), alike.next()) {
            (Some(only), None) => &only.subject,
            _ => "--all",
        };
        let until = usual(now).to_string();
        let words = ["trustroot", "accept", rule.name(), which, "--reason", "TEXT", "--until", &until];
        text.push('\n');
        text.push_str(&command(&words));
    }
    text
}

/// Until when a finding is accepted if nobody says otherwise.
fn usual(now: Time) -> Time {
    now.plus(USUAL).unwrap_or(now)
}

fn unseen(failure: &Failure) -> Failure {
    Failure::could_not("what is found now could not be looked up").and_cause(failure.line())
}

/// A rule by its name; of another name, which one may have been meant.
fn rule(name: &str) -> Result<Rule, String> {
    name.parse().map_err(|error: UnknownRule| {
        let likeness = |rule: &&Rule| strsim::jaro_winkler(rule.name(), name);
        let nearest = Rule::ALL.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
        match nearest.filter(|rule| likeness(rule) >= ALIKE) {
            Some(nearest) => format!("{error}; perhaps {nearest}"),
            None => format!("{error}; docs/findings.md has all of them"),
        }
    })
}

/// What was accepted.
struct Accepted {
    finding: Rule,
    entries: Vec<Entry>,
    /// The subjects of all findings of this name that there are now; or why that is not known.
    others: Result<Vec<String>, String>,
    reason: String,
    until: Time,
}

/// One `[[accept]]` of the policy.
struct Entry {
    subject: String,
    /// The reason and the time that stood there before.
    replaced: Option<(String, String)>,
    /// Whether it is found now; none if that is not known.
    is_found: Option<bool>,
}

impl fmt::Display for Accepted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { finding, until, .. } = self;
        let reason = escaped(&self.reason);
        for Entry { subject, replaced, is_found } in &self.entries {
            let subject = escaped(subject);
            f.write_str(&wrapped(&format!("trustroot.toml accepts {finding} ({subject}) until {until}: {reason}"), 0))?;
            if let Some((reason, until)) = replaced {
                let text = format!("It replaces what was accepted until {}: {}", escaped(until), escaped(reason));
                f.write_str(&wrapped(&text, 2))?;
            }
            if *is_found == Some(false) {
                let text = format!("No {finding} of this subject is found now: it counts if there is one later.");
                f.write_str(&wrapped(&text, 2))?;
                self.found(f)?;
            }
        }
        match &self.others {
            Ok(_) => Ok(()),
            Err(why) => f.write_str(&wrapped(&escaped(why).to_string(), 2)),
        }
    }
}

impl Accepted {
    /// What else is found of this name: perhaps that was meant.
    fn found(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let others: Vec<String> = self.others.iter().flatten().map(|subject| format!("\"{subject}\"")).collect();
        let text = match others.is_empty() {
            true => format!("Its subject is {}.", self.finding.subject()),
            false => format!("It is found of {}.", and(&others)),
        };
        f.write_str(&wrapped(&text, 2))
    }
}

impl Report for Accepted {
    fn json(&self) -> Json {
        let entries = self.entries.iter().map(|entry| {
            let replaced = entry.replaced.as_ref().map_or(Json::Null, |(reason, until)| {
                object([("reason", Json::string(reason)), ("until", Json::string(until))])
            });
            let found = entry.is_found.map_or(Json::Null, Json::Bool);
            object([("subject", Json::string(&entry.subject)), ("replaced", replaced), ("found", found)])
        });
        object([
            ("ok", Json::Bool(true)),
            ("finding", Json::string(self.finding.name())),
            ("accepted", entries.collect()),
            ("reason", Json::string(&self.reason)),
            ("until", Json::string(self.until.to_string())),
        ])
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_nearest_name_is_proposed() {
        assert_eq!(rule("target-changed"), Ok(Rule::TargetChanged));
        let meant = |name: &str| rule(name).unwrap_err();
        assert_eq!(meant("target-change"), "there is no finding named \"target-change\"; perhaps target-changed");
        assert!(meant("targets-removed").ends_with("; perhaps target-removed"));
        assert!(meant("xyz").ends_with("; docs/findings.md has all of them"));
    }

    #[test]
    fn each_kind_is_accepted_by_one_command() {
        let now = "2026-12-01T12:00:00Z".parse().unwrap();
        let changed = |path: &str| Finding::new(Rule::TargetChanged, path, "");
        let lost = Finding::new(Rule::KeyLost, "root", "");
        let one = offer(std::slice::from_ref(&lost), now);
        assert!(one.ends_with(":\ntrustroot accept key-lost root --reason TEXT --until 2027-03-03T12:00:00Z"), "{one}");
        let many = offer(&[lost, changed("a 1"), changed("b 2")], now);
        let commands: Vec<&str> = many.lines().filter(|line| line.starts_with("trustroot")).collect();
        assert_eq!(commands.len(), 2, "{many}");
        assert!(commands[1].starts_with("trustroot accept target-changed --all --reason TEXT "), "{many}");
        assert!(many.lines().skip(1).all(|line| line.len() <= 78), "{many}");
    }
}
