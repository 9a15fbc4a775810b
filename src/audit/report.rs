//! What audits show, for people and for programs.

use std::collections::BTreeMap;
use std::fmt;

use ceremony::policy::Accept;
use ceremony::{Finding, Json, Object, Tally};

use super::ceremonies::{Audited, Ceremonies};
use super::file::Judgement;
use super::{Audit, Problem};
use crate::report::{self, Report, finding, in_two_lines, object};
use crate::text::{columns, escaped, wrapped};

/// Problems that a person is shown. A program is given all.
const SHOWN: usize = 40;

impl fmt::Display for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let heads = ["root", "sha256", "expires", "by the root before", "by its own keys"].map(str::to_owned);
        let roots = self.history.steps.iter().map(|step| {
            [
                format!("{:>4}", step.root.version),
                step.sha256.short(),
                step.metadata.expires().to_string(),
                step.outgoing.as_ref().map_or_else(|| "pinned".to_owned(), signed),
                signed(&step.incoming),
            ]
        });
        f.write_str(&columns(&[heads].into_iter().chain(roots).collect::<Vec<_>>(), 0))?;
        if !self.roles.is_empty() {
            let heads = ["version", "expires", "signed", "role"].map(str::to_owned);
            let roles = self.roles.iter().map(|role| {
                let by = if role.delegator == "root" { String::new() } else { format!(", by {}", role.delegator) };
                [
                    format!("{:>7}", role.version),
                    role.expires.to_string(),
                    signed(&role.tally),
                    escaped(&[role.name.as_str(), &by].concat()).to_string(),
                ]
            });
            f.write_str("\n")?;
            f.write_str(&columns(&[heads].into_iter().chain(roles).collect::<Vec<_>>(), 0))?;
            match self.files {
                1 => f.write_str("\n1 target file is as signed.\n")?,
                many => writeln!(f, "\n{many} target files are as signed.")?,
            }
        }
        self.write_starts(f)?;
        write_findings(f, &self.all_findings())?;
        write_problems(f, &self.problems)?;
        f.write_str("\n")?;
        match (self.ok(), self.trusted(), self.history.steps.first()) {
            (true, Some(last), Some(first)) => f.write_str(&wrapped(
                &format!("Yes: a client that trusts root {} comes to root {}.", first.root.version, last.root.version),
                0,
            )),
            _ => f.write_str("No: clients refuse this repository.\n"),
        }
    }
}

impl Audit {
    fn write_starts(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut by_root: BTreeMap<Option<u64>, Vec<&str>> = BTreeMap::new();
        for (reader, from) in &self.starts {
            by_root.entry(*from).or_default().push(reader.name());
        }
        f.write_str("\nThe first root from which each client comes to the last:\n")?;
        let nowhere = by_root.remove(&None);
        let rows =
            by_root.into_iter().map(|(from, clients)| [format!("root {}", from.unwrap_or(0)), clients.join(", ")]);
        let rows = rows.chain(nowhere.map(|clients| ["none".to_owned(), clients.join(", ")]));
        f.write_str(&columns(&rows.collect::<Vec<_>>(), 2))
    }
}

impl Report for Audit {
    fn json(&self) -> Json {
        let roots = self.history.steps.iter().map(|step| {
            object([
                ("version", number(step.root.version)),
                ("sha256", Json::string(step.sha256.to_string())),
                ("expires", Json::string(step.metadata.expires().to_string())),
                ("outgoing", step.outgoing.as_ref().map_or(Json::Null, tally)),
                ("incoming", tally(&step.incoming)),
                ("findings", step.findings.iter().map(finding).collect()),
            ])
        });
        let roles = self.roles.iter().map(|role| {
            object([
                ("role", Json::string(&role.name)),
                ("delegator", Json::string(&role.delegator)),
                ("version", number(role.version)),
                ("sha256", Json::string(role.sha256.to_string())),
                ("expires", Json::string(role.expires.to_string())),
                ("incoming", tally(&role.tally)),
                ("findings", role.findings.iter().map(finding).collect()),
            ])
        });
        let starts: Object =
            self.starts.iter().map(|(reader, from)| (reader.name(), from.map_or(Json::Null, number))).collect();
        object([
            ("ok", Json::Bool(self.ok())),
            ("roots", roots.collect()),
            ("roles", roles.collect()),
            ("targets", number(self.files)),
            ("starts", Json::Object(starts)),
            ("problems", self.problems.iter().map(problem).collect()),
            ("findings", self.all_findings().into_iter().map(finding).collect()),
        ])
    }
}

impl fmt::Display for Judgement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} {}, expires {}", escaped(&self.role), self.version, self.expires)?;
        writeln!(f, "  SHA-256  {}", self.sha256)?;
        if self.role == "root" {
            let [first, last] = in_two_lines(self.sha256);
            f.write_str(&columns(&[["words".to_owned(), first], [String::new(), last]], 2))?;
        }
        let mut rows = Vec::new();
        if let Some(outgoing) = &self.outgoing {
            rows.push(["by the root before".to_owned(), signed(outgoing)]);
        }
        let whose = if self.role == "root" { "by its own keys" } else { "by its keys" };
        rows.push([whose.to_owned(), signed(&self.incoming)]);
        f.write_str(&columns(&rows, 2))?;
        if !self.rejected.is_empty() {
            f.write_str("\nSignatures that count for nothing:\n")?;
            let rows = self.rejected.iter().map(|(id, why)| [id.short(), why.to_string()]);
            f.write_str(&columns(&rows.collect::<Vec<_>>(), 2))?;
        }
        write_findings(f, &self.findings.iter().collect::<Vec<_>>())?;
        write_problems(f, &self.problems)?;
        f.write_str(match (self.ok(), self.expired) {
            (false, _) => "\nNo: clients refuse it.\n",
            (true, false) => "\nYes: clients take it.\n",
            // Of what is no root that is a problem.
            (true, true) => {
                "\nYes, but it has expired: it is signed well, and clients take it on the way to a\nlater root only.\n"
            }
        })
    }
}

impl Report for Judgement {
    fn json(&self) -> Json {
        let rejected = self
            .rejected
            .iter()
            .map(|(id, why)| object([("keyid", Json::string(id.as_str())), ("reason", Json::string(why.to_string()))]));
        object([
            ("ok", Json::Bool(self.ok())),
            ("role", Json::string(&self.role)),
            ("version", number(self.version)),
            ("expires", Json::string(self.expires.to_string())),
            ("expired", Json::Bool(self.expired)),
            ("sha256", Json::string(self.sha256.to_string())),
            ("words", if self.role == "root" { Json::string(self.sha256.words().join(" ")) } else { Json::Null }),
            ("outgoing", self.outgoing.as_ref().map_or(Json::Null, tally)),
            ("incoming", tally(&self.incoming)),
            ("rejected", rejected.collect()),
            ("problems", self.problems.iter().map(problem).collect()),
            ("findings", self.findings.iter().map(finding).collect()),
        ])
    }
}

impl fmt::Display for Ceremonies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for ceremony in &self.all {
            let closed = if ceremony.abandoned { ", closed" } else { "" };
            writeln!(f, "Ceremony {}, staged at {}{closed}", escaped(&ceremony.name), ceremony.staged_at)?;
            let rows = ceremony.roles.iter().map(|role| {
                let progress = &role.progress;
                let outgoing = progress.outgoing.as_ref().map(|tally| format!("by the keys before: {}", signed(tally)));
                let stale = match progress.stale.len() {
                    0 => String::new(),
                    stale => format!("; {stale} over something else than what is staged"),
                };
                let own = format!("by its keys: {}{stale}", signed(&progress.incoming));
                let text = outgoing.into_iter().chain([own]).collect::<Vec<_>>().join("; ");
                [format!("{} {}", escaped(&role.role), role.version), text]
            });
            f.write_str(&columns(&rows.collect::<Vec<_>>(), 2))?;
            write_signers(f, ceremony)?;
            write_findings(f, &ceremony.findings.iter().collect::<Vec<_>>())?;
            write_accepted(f, &ceremony.accepted)?;
            write_problems(f, &ceremony.problems)?;
            f.write_str("\n")?;
        }
        write_findings(f, &self.findings.iter().collect::<Vec<_>>())?;
        write_problems(f, &self.problems)?;
        f.write_str(match self.ok() {
            true => "Yes: what is staged is what its inputs give, and every signature verifies.\n",
            false => "No: do not rely on it.\n",
        })
    }
}

impl Report for Ceremonies {
    fn json(&self) -> Json {
        let ceremonies = self.all.iter().map(|ceremony| {
            let roles = ceremony.roles.iter().map(|role| {
                let progress = &role.progress;
                let refused = progress.refused.iter().map(|(file, why)| {
                    object([("keyholder", Json::string(&file.keyholder)), ("reason", Json::string(why.to_string()))])
                });
                object([
                    ("role", Json::string(&role.role)),
                    ("version", number(role.version)),
                    ("payload", Json::string(role.payload.to_string())),
                    ("outgoing", progress.outgoing.as_ref().map_or(Json::Null, tally)),
                    ("incoming", tally(&progress.incoming)),
                    ("stale", number(progress.stale.len() as u64)),
                    ("refused", refused.collect()),
                ])
            });
            let signers = ceremony.signers().into_iter().map(|(name, key, made_in)| {
                object([
                    ("keyholder", Json::string(name)),
                    ("fingerprint", Json::string(key.to_string())),
                    ("made-in", made_in.map_or(Json::Null, Json::string)),
                ])
            });
            let accepted = ceremony.accepted.iter().map(|(found, accept)| report::accepted(found, accept));
            object([
                ("name", Json::string(&ceremony.name)),
                ("ok", Json::Bool(ceremony.problems.is_empty())),
                ("staged-at", Json::string(ceremony.staged_at.to_string())),
                ("abandoned", Json::Bool(ceremony.abandoned)),
                ("signed", Json::Bool(ceremony.signed())),
                ("roles", roles.collect()),
                ("signers", signers.collect()),
                ("problems", ceremony.problems.iter().map(problem).collect()),
                ("findings", ceremony.findings.iter().map(finding).collect()),
                ("accepted", accepted.collect()),
            ])
        });
        object([
            ("ok", Json::Bool(self.ok())),
            ("ceremonies", ceremonies.collect()),
            ("problems", self.problems.iter().map(problem).collect()),
            ("findings", self.findings.iter().map(finding).collect()),
        ])
    }
}

fn write_signers(f: &mut fmt::Formatter<'_>, ceremony: &Audited) -> fmt::Result {
    let rows = ceremony.signers().into_iter().map(|(name, key, made_in)| {
        let made = made_in.map_or_else(|| "no proof of a device".to_owned(), |device| format!("made in {device}"));
        [escaped(&name).to_string(), key.short(), escaped(&made).to_string()]
    });
    let rows: Vec<_> = rows.collect();
    if rows.is_empty() {
        return Ok(());
    }
    f.write_str("\nSigned with these keys:\n")?;
    f.write_str(&columns(&rows, 2))
}

fn write_accepted(f: &mut fmt::Formatter<'_>, accepted: &[(Finding, Accept)]) -> fmt::Result {
    if !accepted.is_empty() {
        f.write_str("\nFound, and accepted in the policy when it was staged:\n")?;
    }
    for (finding, accept) in accepted {
        f.write_str(&wrapped(&finding.to_string(), 2))?;
        let because = format!("accepted until {} because: {}", accept.until, escaped(&accept.reason));
        f.write_str(&wrapped(&because, 4))?;
    }
    Ok(())
}

/// Each rule once, with why it matters and what it was found on.
fn write_findings(f: &mut fmt::Formatter<'_>, findings: &[&Finding]) -> fmt::Result {
    let mut by_rule: BTreeMap<_, Vec<&Finding>> = BTreeMap::new();
    for finding in findings {
        by_rule.entry(finding.rule).or_default().push(finding);
    }
    if !by_rule.is_empty() {
        f.write_str("\nFindings:\n")?;
    }
    for (rule, found) in by_rule {
        f.write_str(&wrapped(&format!("{rule}: {}", rule.because()), 2))?;
        for finding in found {
            f.write_str(&wrapped(&format!("{}: {}", finding.subject, finding.what), 4))?;
        }
    }
    Ok(())
}

fn write_problems(f: &mut fmt::Formatter<'_>, problems: &[Problem]) -> fmt::Result {
    if !problems.is_empty() {
        f.write_str("\nProblems:\n")?;
    }
    for problem in problems.iter().take(SHOWN) {
        f.write_str(&wrapped(&format!("{}: {}", escaped(&problem.subject), escaped(&problem.what)), 2))?;
    }
    match problems.len().saturating_sub(SHOWN) {
        0 => Ok(()),
        more => writeln!(f, "  and {more} more; --json lists all"),
    }
}

fn signed(tally: &Tally) -> String {
    format!("{} signed, needs {}", tally.signed.len(), tally.threshold)
}

fn tally(tally: &Tally) -> Json {
    object([("threshold", number(tally.threshold)), ("signed", number(tally.signed.len() as u64))])
}

fn problem(problem: &Problem) -> Json {
    object([("subject", Json::string(&problem.subject)), ("what", Json::string(&problem.what))])
}

fn number(number: u64) -> Json {
    Json::Number(number.into())
}
