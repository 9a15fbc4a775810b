//! What was examined, for people and for programs.

use std::fmt;

use ceremony::material::{self, Ending, FileDiff};
use ceremony::policy::Accept;
use ceremony::{Finding, Json, Object, RoleDiff, Rule};

use super::meaning::{self, and};
use super::{Examined, Told, TrustedBy};
use crate::report::{self, Report, object};
use crate::standing::{RoleStanding, SetStanding};
use crate::text::{escaped, hanging, wrapped};

/// How to find out that what is added is the service that is meant.
const COMPARE: &str = "Compare what is added with what the service itself answers you: \"Ask the service itself\" in \
                       docs/material.md has the commands.";

/// Where to see more of what is valid.
const DRAWN: &str = "`trustroot review --html FILE` draws when what is valid, once this is published.";

/// A part of what is told.
pub(crate) struct Section {
    /// What it is about; none for what comes before the first heading and after the last part.
    pub(crate) heading: Option<&'static str>,
    /// Lines of at most 80 columns, each ended by a newline; untrusted text in it is escaped.
    pub(crate) text: String,
    /// Whether it speaks against a signature.
    pub(crate) wrong: bool,
}

impl Section {
    fn new(heading: &'static str, text: String) -> Self {
        Self { heading: Some(heading), text, wrong: false }
    }

    fn plain(text: String) -> Self {
        Self { heading: None, text, wrong: false }
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, section) in self.sections().iter().enumerate() {
            match section.heading {
                Some(heading) => writeln!(f, "\n{heading}")?,
                None if i > 0 => f.write_str("\n")?,
                None => {}
            }
            f.write_str(&section.text)?;
        }
        Ok(())
    }
}

impl Told {
    /// All that is told, in the order in which it is read.
    pub(crate) fn sections(&self) -> Vec<Section> {
        let Self { examined, since, diff } = self;
        let (id, name) = &examined.trust_root;
        let mut head = format!("Ceremony {} of the trust root \"{}\"", escaped(&examined.ceremony), escaped(name));
        head.push_str(&format!(" ({id}), staged at {}.", examined.staged.at()));
        let mut sections = vec![Section::plain(wrapped(&head, 0))];
        if let Some(closed) = &examined.abandoned {
            let text = format!("IT WAS CLOSED at {}: {}", closed.at, escaped(&closed.reason));
            sections.push(Section { wrong: true, ..Section::plain(wrapped(&text, 0)) });
        }
        let mut way = wrapped(&examined.way(), 2);
        for (role, root) in &examined.outdated {
            let text = format!(
                "What is published of {} is signed by the keys of root {root} only, so nothing of it is taken as known \
                 below.",
                escaped(role)
            );
            way.push_str(&wrapped(&text, 2));
        }
        sections.push(Section::new("How it leads on from what you trust", way));
        if !since.is_empty() {
            let text = since.iter().map(|diff| meaning::role(diff, None)).collect();
            sections.push(Section::new("What has changed already since the root that you trust", text));
        }
        sections.extend(examined.beforehand());
        let mut text: String = examined.signers.iter().map(signers).collect();
        if !examined.unproven.is_empty() {
            let names: Vec<String> = examined.unproven.iter().map(|name| escaped(name).to_string()).collect();
            let unproven = format!("Only a record says whose key it is, and no proof: {}.", and(&names));
            text.push_str(&wrapped(&unproven, 2));
        }
        sections.push(Section::new("Who must sign", text));
        sections.push(Section::plain("The staged files are what their inputs give, byte for byte.\n".to_owned()));
        // What has to be weighed comes last: the question stands below it.
        let text = diff.roles.iter().map(|diff| meaning::role(diff, Some(examined.staged.at()))).collect();
        sections.push(Section::new("What changes if you sign", text));
        if !examined.material.is_empty() || !examined.unseen.is_empty() {
            sections.push(Section::new("What it means for those who verify and sign with it", examined.meaning()));
        }
        sections.extend(examined.findings());
        sections
    }
}

impl Examined {
    /// How the latest published root is reached.
    fn way(&self) -> String {
        let Some(trusted) = &self.trusted else {
            return "This is the first root of a new trust root. Nothing published vouches for it: it is good if \
                    everybody who signs it hears the same digest, and knows everybody else below."
                .to_owned();
        };
        let by = match trusted.by {
            TrustedBy::Given => "which you gave",
            TrustedBy::Remembered => "which this machine remembers",
            TrustedBy::Signed => "which was signed at this machine",
        };
        let start = format!("You trust root {}, {by}.\nSHA-256 {}\n", trusted.version, trusted.sha256);
        match self.latest_version() {
            Some(latest) if latest > trusted.version => {
                let steps = format!("It leads to root {latest}, which is published");
                format!("{start}{steps}: each root on the way is signed by enough keys of the one before it.")
            }
            _ => format!("{start}It is the one that is published."),
        }
    }

    /// What the trust material means, file by file.
    fn meaning(&self) -> String {
        let mut text: String = self.material.iter().map(|file| meaning::file(file, 2)).collect();
        if !self.unseen.is_empty() {
            let names: Vec<String> = self.unseen.iter().map(|path| escaped(path).to_string()).collect();
            let unseen =
                format!("! The content of {} is not in this ceremony: nothing can be said of it.", and(&names));
            text.push_str(&wrapped(&unseen, 2));
        }
        let starts = self.timestamps.and_then(|days| meaning::starts(&self.material, self.now, days, 2));
        text.extend(starts);
        text.extend(meaning::endings(&self.endings, self.now, 2));
        let adds =
            |file: &FileDiff| file.changes.iter().any(|change| matches!(change, material::diff::Change::Added { .. }));
        if self.material.iter().any(adds) {
            text.push_str(&wrapped(COMPARE, 2));
        }
        if !self.timeline.lanes.is_empty() {
            text.push_str(&wrapped(DRAWN, 2));
        }
        text
    }

    fn findings(&self) -> Vec<Section> {
        let mut sections = Vec::new();
        if self.open.is_empty() && self.accepted.is_empty() {
            sections.push(Section::new("What was found", "  Nothing speaks against it.\n".to_owned()));
        }
        if !self.open.is_empty() {
            let mut text = String::new();
            for group in groups(&self.open, |a, b| a.rule == b.rule) {
                text.push_str(&rule(group[0].rule));
                text.extend(group.iter().map(|finding| what(finding)));
            }
            sections.push(Section { wrong: true, ..Section::new("What is wrong with it: do not sign", text) });
        }
        if !self.accepted.is_empty() {
            let mut text = String::new();
            for group in groups(&self.accepted, |(_, a), (_, b)| alike(a, b)) {
                let (_, accept) = group[0];
                text.push_str(&rule(accept.rule));
                text.extend(group.iter().map(|(finding, _)| what(finding)));
                text.push_str(&because(accept));
            }
            sections.push(Section::new("What was found, and accepted in the policy", text));
        }
        sections
    }

    /// What the policy accepts besides what is found, a line for each rule and reason.
    fn beforehand(&self) -> Option<Section> {
        let line = |group: &Vec<&Accept>| {
            let Accept { rule, until, reason, .. } = group[0];
            let subjects: Vec<String> = group.iter().map(|accept| escaped(&accept.subject).to_string()).collect();
            hanging(&format!("{rule} of {}, until {until}: {}", and(&subjects), escaped(reason)), 2)
        };
        let text: String = groups(&self.beforehand, alike).iter().map(line).collect();
        (!text.is_empty()).then(|| Section::new("What the policy accepts besides, should it be found", text))
    }
}

impl Told {
    /// The members of the report for programs.
    pub(crate) fn members(&self) -> Object {
        let Self { examined, since, diff } = self;
        let (id, name) = &examined.trust_root;
        let text = |text: &str| Json::string(text);
        let trusted = examined.trusted.as_ref().map_or(Json::Null, |trusted| {
            object([
                ("version", trusted.version.into()),
                ("sha256", Json::string(trusted.sha256.to_string())),
                ("by", text(trusted.by.as_str())),
            ])
        });
        let outdated = examined.outdated.iter();
        let outdated = outdated.map(|(role, root)| object([("role", text(role)), ("root", (*root).into())]));
        let accepted = examined.accepted.iter().map(|(found, accept)| report::accepted(found, accept));
        let beforehand = examined.beforehand.iter().map(|accept| {
            object([
                ("finding", text(accept.rule.name())),
                ("subject", text(&accept.subject)),
                ("reason", text(&accept.reason)),
                ("until", Json::string(accept.until.to_string())),
            ])
        });
        let roles = examined.signers.iter().map(|role| {
            let set = |set: &SetStanding| set.json();
            object([
                ("role", text(&role.role)),
                ("version", role.version.into()),
                ("sets", role.sets.iter().map(set).collect()),
            ])
        });
        let abandoned = examined.abandoned.as_ref().map_or(Json::Null, |closed| {
            object([("at", Json::string(closed.at.to_string())), ("reason", text(&closed.reason))])
        });
        let members = [
            ("ok", Json::Bool(examined.fit_to_sign().is_ok())),
            ("ceremony", text(&examined.ceremony)),
            ("trust-root", object([("id", text(id)), ("name", text(name))])),
            ("staged-at", Json::string(examined.staged.at().to_string())),
            ("trusted", trusted),
            ("published-root", examined.latest_version().map_or(Json::Null, Json::from)),
            ("outdated", outdated.collect()),
            ("since", since.iter().map(RoleDiff::json).collect()),
            ("changes", diff.json()),
            ("material", examined.material.iter().map(FileDiff::json).collect()),
            ("endings", examined.endings.iter().map(ending).collect()),
            ("material-unseen", examined.unseen.iter().map(Json::string).collect()),
            ("findings", examined.open.iter().map(report::finding).collect()),
            ("accepted", accepted.collect()),
            ("accepted-beforehand", beforehand.collect()),
            ("signers", roles.collect()),
            ("unproven", examined.unproven.iter().map(Json::string).collect()),
            ("derived", text("same")),
            ("abandoned", abandoned),
        ];
        members.into_iter().collect()
    }
}

impl Report for Told {
    fn json(&self) -> Json {
        Json::Object(self.members())
    }
}

/// Puts together what is alike, in the order of the first of each.
fn groups<T>(all: &[T], alike: impl Fn(&T, &T) -> bool) -> Vec<Vec<&T>> {
    let mut groups: Vec<Vec<&T>> = Vec::new();
    for one in all {
        match groups.iter_mut().find(|group| alike(group[0], one)) {
            Some(group) => group.push(one),
            None => groups.push(vec![one]),
        }
    }
    groups
}

fn alike(a: &Accept, b: &Accept) -> bool {
    (a.rule, &a.reason, a.until) == (b.rule, &b.reason, b.until)
}

fn rule(rule: Rule) -> String {
    wrapped(&format!("{rule}: {}", rule.because()), 2)
}

fn what(finding: &Finding) -> String {
    wrapped(&format!("{}: {}", finding.subject, finding.what), 4)
}

fn because(accept: &Accept) -> String {
    wrapped(&format!("accepted until {} because: {}", accept.until, escaped(&accept.reason)), 6)
}

fn ending(ending: &Ending) -> Json {
    let evidence = ending.evidence.as_ref().map_or(Json::Null, |evidence| {
        object([
            ("what", Json::string(&evidence.what)),
            ("until", evidence.until.map_or(Json::Null, |until| Json::string(until.to_string()))),
            ("compromised", evidence.compromised.map_or(Json::Null, |since| Json::string(since.to_string()))),
            ("sha256", Json::string(evidence.sha256.to_string())),
        ])
    });
    let end = Json::string(ending.end.as_str());
    let claimed = ending.claimed.map_or(Json::Null, |claimed| Json::string(claimed.to_string()));
    object([("entry", Json::string(&ending.subject)), ("end", end), ("evidence", evidence), ("claimed", claimed)])
}

/// `root version 16: 3 of 5 keys: alice, bob, carol, dave and erin`
fn signers(role: &RoleStanding) -> String {
    let mut out = String::new();
    for set in &role.sets {
        let which = set.set.map_or_else(String::new, |set| format!(" {set}"));
        let mut names: Vec<String> = set.missing.iter().map(|name| escaped(name).to_string()).collect();
        names.extend(set.signed.iter().map(|name| format!("{} (has signed)", escaped(name))));
        let (threshold, keys) = (set.threshold, names.len());
        let needed = match threshold {
            0 => format!("none of {keys}{which} keys, as the policy accepts"),
            threshold => format!("{threshold} of {keys}{which} keys"),
        };
        let text = format!("{} version {}: {needed}", escaped(&role.role), role.version);
        out.push_str(&wrapped(&format!("{text}: {}", and(&names)), 2));
    }
    out
}
