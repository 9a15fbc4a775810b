//! `trustroot status`

use std::fmt;

use ceremony::{Json, Time};

use crate::ceremony_dir::{Abandoned, Ceremony, Outline};
use crate::context::Context;
use crate::deadlines::{By, Deadline, distance};
use crate::disk;
use crate::error::Failure;
use crate::examine::and;
use crate::policy_file::PolicyFile;
use crate::published::Published;
use crate::report::object;
use crate::report::{Outcome, Report};
use crate::standing::Standing;
use crate::text::{columns, escaped, wrapped};
use crate::ui::Ui;
use crate::workdir::Workdir;

/// Show who has signed, who is missing, and when what expires
///
/// For every open ceremony: the tallies of the outgoing and the incoming keys by name, signatures that are stale or
/// refused and why, what of it is published, and the command for what comes next. For every published role: when its
/// signing window opens and when it expires.
#[derive(clap::Args)]
pub(crate) struct Status {
    /// Show this ceremony alone, be it open, published or closed
    ceremony: Option<String>,
}

impl Status {
    pub(crate) fn run(self, context: &Context, _ui: &mut Ui) -> Result<Outcome, Failure> {
        let workdir = &context.workdir;
        let published = Published::read(&workdir.repository())?;
        let mut state = State::new(context.now);
        if let Some(name) = &self.ceremony {
            let ceremony = Ceremony::load(workdir, name)?;
            state.open.push(Standing::of(&ceremony, &published, context.now)?);
            return Ok(Outcome::done(state));
        }
        let names = Ceremony::names(workdir)?;
        // A keyholder's copy may hold a ceremony and nothing else.
        if names.is_empty() || disk::exists(&workdir.policy())? {
            let policy = PolicyFile::read(workdir)?.policy;
            state.deadlines = Some(Deadline::all(&policy, &published));
        }
        for name in names {
            match Ceremony::load(workdir, &name) {
                Ok(ceremony) => state.add(workdir, &ceremony, &published),
                Err(failure) => state.broken.push((name, failure)),
            }
        }
        let whole = state.broken.is_empty();
        Ok(Outcome::answer(whole, state))
    }
}

/// Where everything stands.
struct State {
    now: Time,
    /// What is open; or the one ceremony that was asked for.
    open: Vec<Standing>,
    /// Ceremonies that cannot be used, and why.
    broken: Vec<(String, Failure)>,
    abandoned: Vec<(String, Abandoned)>,
    published: Vec<String>,
    /// None where nothing was asked of them.
    deadlines: Option<Vec<Deadline>>,
}

impl State {
    fn new(now: Time) -> Self {
        Self {
            now,
            open: Vec::new(),
            broken: Vec::new(),
            abandoned: Vec::new(),
            published: Vec::new(),
            deadlines: None,
        }
    }

    fn add(&mut self, workdir: &Workdir, ceremony: &Ceremony, published: &Published) {
        let name = ceremony.name.clone();
        if let Some(abandoned) = &ceremony.abandoned {
            return self.abandoned.push((name, abandoned.clone()));
        }
        match Standing::of(ceremony, published, self.now) {
            Ok(standing) if standing.is_over() => self.published.push(name),
            Ok(standing) => self.open.push(standing),
            // An old ceremony was staged by rules that this program may not have: it is over all the same.
            Err(failure) => match is_published(workdir, &name, published) {
                true => self.published.push(name),
                false => self.broken.push((name, failure)),
            },
        }
    }
}

/// Whether clients see the staged versions, by what the files say.
fn is_published(workdir: &Workdir, name: &str, published: &Published) -> bool {
    Outline::read(workdir, name).and_then(|outline| outline.is_published(published)).unwrap_or(false)
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts: Vec<String> = self.open.iter().map(|standing| standing.text(self.now)).collect();
        parts.extend(self.broken.iter().map(|(name, failure)| {
            format!("Ceremony {}: it cannot be used\n{}", escaped(name), wrapped(&failure.to_string(), 2))
        }));
        if let Some(deadlines) = &self.deadlines {
            if parts.is_empty() {
                parts.push("No ceremony is open.\n".to_owned());
            }
            parts.push(self.over());
            match deadlines[..] {
                [] if !self.open.is_empty() => parts.push("Nothing is published yet.\n".to_owned()),
                [] => parts.push("Nothing is published. `trustroot stage` proposes the first root.\n".to_owned()),
                _ => parts.push(self::deadlines(deadlines, self.now)),
            }
        }
        parts.retain(|part| !part.is_empty());
        f.write_str(&parts.join("\n"))
    }
}

impl State {
    /// The ceremonies with which nobody has anything left to do.
    fn over(&self) -> String {
        let mut out = String::new();
        if !self.published.is_empty() {
            let names: Vec<String> = self.published.iter().map(|name| escaped(name).to_string()).collect();
            out.push_str(&wrapped(&format!("Published: {}.", and(&names)), 0));
        }
        for (name, closed) in &self.abandoned {
            let text = format!("Closed: {}, at {}: {}", escaped(name), closed.at, escaped(&closed.reason));
            out.push_str(&wrapped(&text, 0));
        }
        out
    }
}

fn deadlines(deadlines: &[Deadline], now: Time) -> String {
    let day = |time: Time| format!("{} {}", &time.to_string()[..10], distance(now, time));
    let row = |deadline: &Deadline| {
        let window = match deadline.opens {
            Some(opens) if deadline.by == By::External => {
                let word = if opens > now { "from" } else { "since" };
                format!("by others, {word} {}", &opens.to_string()[..10])
            }
            Some(opens) if opens > now => format!("from {}", day(opens)),
            Some(_) => format!("now{}", command(deadline.by)),
            None => "the policy has no such role".to_owned(),
        };
        let expired = if deadline.expires <= now { "EXPIRED " } else { "" };
        let role = format!("{} {}", escaped(&deadline.role), deadline.version);
        [role, format!("{expired}{}", day(deadline.expires)), window]
    };
    let mut rows = vec![["".to_owned(), "expires".to_owned(), "next may be signed".to_owned()]];
    rows.extend(deadlines.iter().map(row));
    format!("What is published, the first to expire first:\n{}", columns(&rows, 2))
}

fn command(by: By) -> &'static str {
    match by {
        By::External | By::Unknown => "",
        By::Keyholders => ": trustroot stage",
        By::Online => ": trustroot renew",
    }
}

impl Report for State {
    fn json(&self) -> Json {
        let text = |text: &str| Json::string(text);
        let abandoned = self.abandoned.iter().map(|(name, closed)| {
            let (at, reason) = (text(&closed.at.to_string()), text(&closed.reason));
            object([("ceremony", text(name)), ("at", at), ("reason", reason)])
        });
        let broken = self.broken.iter().map(|(name, failure)| {
            let mut members = failure.json().as_object().cloned().unwrap_or_default();
            members.insert("ceremony", text(name));
            Json::Object(members)
        });
        let deadlines = self.deadlines.iter().flatten().map(|deadline| deadline.json(self.now));
        object([
            ("ok", Json::Bool(self.broken.is_empty())),
            ("ceremonies", self.open.iter().map(Standing::json).collect()),
            ("broken", broken.collect()),
            ("published", self.published.iter().map(Json::string).collect()),
            ("abandoned", abandoned.collect()),
            ("deadlines", deadlines.collect()),
        ])
    }
}
