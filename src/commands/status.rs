//! `trustroot status`

use std::fmt;

use ceremony::{Days, Json, Policy, Time};

use crate::audit::{Audit, Problem};
use crate::ceremony_dir::{Abandoned, Ceremony, Derivation, Outline};
use crate::context::Context;
use crate::deadlines::{By, Deadline, distance, table};
use crate::disk;
use crate::error::Failure;
use crate::examine::and;
use crate::pinned::led_to;
use crate::policy_file::PolicyFile;
use crate::published::Published;
use crate::report::{Outcome, Report, object};
use crate::source::Served;
use crate::standing::{Next, Standing};
use crate::text::{escaped, wrapped};
use crate::ui::Ui;
use crate::workdir::Workdir;

/// Show who has signed, who is missing, and when what expires
///
/// For every open ceremony: the tallies of the outgoing and the incoming keys by name, signatures that are stale or
/// refused and why, what of it is published, and the command for what comes next. For every published role: when its
/// signing window opens and when it expires.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  trustroot status               for people
  trustroot status --check=14    for monitoring, two weeks ahead")]
pub(crate) struct Status {
    /// Show this ceremony alone, be it open, published or closed
    ceremony: Option<String>,
    /// For monitoring: exit with 1 if clients refuse anything that is published; if anything is expired, or expires
    /// within DAYS (0 unless given); if a signing window is open and nobody has staged; if half the window of an online
    /// role is over and no timer has renewed it
    #[arg(long, value_name = "DAYS", num_args = 0..=1, require_equals = true, default_missing_value = "0")]
    #[arg(conflicts_with = "ceremony")]
    check: Option<u32>,
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
        if names.is_empty() || self.check.is_some() || disk::exists(&workdir.policy())? {
            let policy = PolicyFile::read(workdir)?.policy;
            state.deadlines = Some(Deadline::all(&policy, &published));
        }
        for name in names {
            match Ceremony::load(workdir, &name) {
                Ok(ceremony) => state.add(workdir, &ceremony, &published),
                Err(failure) => state.broken.push((name, failure)),
            }
        }
        let mut deadlines = state.deadlines.take();
        for deadline in deadlines.iter_mut().flatten() {
            deadline.staged_in = state.staged_in(&deadline.role, deadline.version);
        }
        state.deadlines = deadlines;
        state.alarms = state.alarms(self.check);
        if self.check.is_some() && !published.roots.is_empty() {
            let policy = PolicyFile::read(workdir)?.policy;
            state.alarms.extend(refused(context, &policy, &published)?);
        }
        let good = state.broken.is_empty() && (self.check.is_none() || state.alarms.is_empty());
        state.ok = good;
        Ok(Outcome::answer(good, state))
    }
}

/// What somebody has to see to.
struct Alarm {
    /// The role that it is about; none where nothing is published.
    role: Option<String>,
    what: String,
}

/// What clients refuse of what is published, whenever that is: from the root that this machine trusts, or else from the
/// first one that is published.
fn refused(context: &Context, policy: &Policy, published: &Published) -> Result<Vec<Alarm>, Failure> {
    let trusted = context.machine.trusted(&policy.id)?;
    let pin = trusted.as_deref().or(published.roots.first().map(|root| &*root.bytes)).unwrap_or_default();
    let root = match led_to(pin, published) {
        Ok(root) => root,
        Err(failure) => return Ok(vec![Alarm { role: Some("root".to_owned()), what: failure.line() }]),
    };
    let directory = Served::in_directory(context.workdir.repository().root().path());
    let problems = Audit::damage(&published.over(&directory)?, &root)?;
    let what = |problem: &Problem| format!("Clients refuse {}: {}", escaped(&problem.subject), escaped(&problem.what));
    Ok(problems.iter().map(|problem| Alarm { role: None, what: what(problem) }).collect())
}

/// Where everything stands.
struct State {
    now: Time,
    /// Whether the answer is yes.
    ok: bool,
    /// What somebody has to see to, one sentence each.
    alarms: Vec<Alarm>,
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
            ok: true,
            alarms: Vec::new(),
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
            Err(failure) => match ceremony.derive() {
                Ok(Derivation::Cannot(_)) if is_published(workdir, &name, published) => self.published.push(name),
                _ => self.broken.push((name, failure)),
            },
        }
    }
}

impl State {
    /// What is gone or expired; and, if it is asked for, what will be within these days, and what should be under way by now.
    fn alarms(&self, check: Option<u32>) -> Vec<Alarm> {
        let Some(deadlines) = &self.deadlines else { return Vec::new() };
        if deadlines.is_empty() && check.is_some() {
            return vec![Alarm { role: None, what: "Nothing is published.".to_owned() }];
        }
        let is_there = |role: &str| deadlines.iter().any(|deadline| deadline.role == role);
        // Only the timestamp says which snapshot is in use.
        let gone = ["timestamp", "snapshot"].into_iter().find(|role| is_there("root") && !is_there(role));
        let gone = gone.map(|role| Alarm {
            role: Some(role.to_owned()),
            what: format!("There is a root, and no {role}: no client can use what is published."),
        });
        let soon = check.and_then(|days| self.now.plus(Days(days)));
        let alarm = |deadline: &Deadline| {
            let Deadline { role, version, expires, by, .. } = deadline;
            let (name, when) = (format!("{} {version}", escaped(role)), distance(self.now, *expires));
            let what = if deadline.is_expired(self.now) {
                format!("{name} has EXPIRED, {when}: clients refuse it.")
            } else if soon.is_some_and(|soon| *expires <= soon) {
                format!("{name} expires {when}.")
            } else if check.is_none() {
                return None;
            } else if deadline.is_late(self.now) {
                format!("{name} expires {when}, and no timer has renewed it.")
            } else if *by == By::Keyholders && deadline.is_open(self.now) && deadline.staged_in.is_none() {
                format!("{name} expires {when}, and nobody has staged the next version.")
            } else {
                return None;
            };
            Some(Alarm { role: Some(role.clone()), what })
        };
        gone.into_iter().chain(deadlines.iter().filter_map(alarm)).collect()
    }

    /// The open ceremony, which can still be published, that carries the next version of the role.
    fn staged_in(&self, role: &str, published: u64) -> Option<String> {
        let usable = |standing: &&Standing| !matches!(standing.next, Next::Expired { .. } | Next::Overtaken { .. });
        let carries = |standing: &&Standing| {
            standing.roles.iter().any(|staged| staged.role == role && staged.version > published)
        };
        self.open.iter().filter(usable).find(carries).map(|standing| standing.name.clone())
    }
}

/// Whether clients see the staged versions, by what the files say.
fn is_published(workdir: &Workdir, name: &str, published: &Published) -> bool {
    Outline::read(workdir, name).and_then(|outline| outline.is_published(published)).unwrap_or(false)
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = vec![self.alarms.iter().map(|alarm| wrapped(&alarm.what, 0)).collect::<String>()];
        if self.open.is_empty() && self.broken.is_empty() && self.deadlines.is_some() {
            parts.push("No ceremony is open.\n".to_owned());
        }
        parts.extend(self.open.iter().map(|standing| standing.text(self.now)));
        parts.extend(self.broken.iter().map(|(name, failure)| {
            format!("Ceremony {}: it cannot be used\n{}", escaped(name), wrapped(&failure.to_string(), 2))
        }));
        if let Some(deadlines) = &self.deadlines {
            parts.push(self.over());
            match deadlines[..] {
                [] if !self.open.is_empty() => parts.push("Nothing is published yet.\n".to_owned()),
                [] => parts.push("Nothing is published. `trustroot stage` proposes the first root.\n".to_owned()),
                _ => parts.push(table(deadlines, self.now)),
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
        let alarms = self.alarms.iter().map(|alarm| {
            let role = alarm.role.as_ref().map_or(Json::Null, Json::string);
            object([("role", role), ("what", text(&alarm.what))])
        });
        let deadlines = self.deadlines.iter().flatten().map(|deadline| deadline.json(self.now));
        object([
            ("ok", Json::Bool(self.ok)),
            ("alarms", alarms.collect()),
            ("ceremonies", self.open.iter().map(Standing::json).collect()),
            ("broken", broken.collect()),
            ("published", self.published.iter().map(Json::string).collect()),
            ("abandoned", abandoned.collect()),
            ("deadlines", deadlines.collect()),
        ])
    }
}
