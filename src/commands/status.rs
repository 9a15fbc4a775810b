//! `trustroot status`

use std::fmt;

use ceremony::{Json, Object, Time};

use crate::ceremony_dir::{Abandoned, Ceremony, Outline};
use crate::cli::Context;
use crate::deadlines::{By, Deadline, distance};
use crate::disk;
use crate::error::Failure;
use crate::examine::and;
use crate::policy_file::PolicyFile;
use crate::published::Published;
use crate::report::{Outcome, Report};
use crate::standing::{Next, Reach, RoleStanding, SetStanding, Standing};
use crate::text::{columns, escaped, wrapped};
use crate::ui::Ui;
use crate::workdir::Workdir;

/// Show who has signed and who is missing, what comes next, and which deadline is near
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
        let mut state = State { now: context.now, ..State::default() };
        if let Some(name) = &self.ceremony {
            let ceremony = Ceremony::load(workdir, name)?;
            state.open.push(Standing::of(&ceremony, &published, context.now)?);
            return Ok(Outcome::done(state));
        }
        let names = Ceremony::names(workdir)?;
        // A keyholder's copy may hold a ceremony and nothing else.
        if names.is_empty() || disk::exists(&workdir.policy())? {
            let policy = PolicyFile::read(workdir)?.policy;
            state.deadlines = Some(Deadline::all(&policy, &published, context.now));
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

impl Default for State {
    fn default() -> Self {
        Self {
            now: Time::from_unix(0).expect("1970 has four digits"),
            open: Vec::new(),
            broken: Vec::new(),
            abandoned: Vec::new(),
            published: Vec::new(),
            deadlines: None,
        }
    }
}

impl State {
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
        for standing in &self.open {
            self::standing(f, standing, self.now)?;
        }
        for (name, failure) in &self.broken {
            writeln!(f, "Ceremony {}: it cannot be used", escaped(name))?;
            f.write_str(&wrapped(&failure.to_string(), 2))?;
            writeln!(f)?;
        }
        let Some(deadlines) = &self.deadlines else { return Ok(()) };
        if self.open.is_empty() && self.broken.is_empty() {
            f.write_str("No ceremony is open.\n\n")?;
        }
        if !self.published.is_empty() {
            let names: Vec<String> = self.published.iter().map(|name| escaped(name).to_string()).collect();
            f.write_str(&wrapped(&format!("Published: {}.", and(&names)), 0))?;
        }
        for (name, closed) in &self.abandoned {
            let text = format!("Closed: {}, at {}: {}", escaped(name), closed.at, escaped(&closed.reason));
            f.write_str(&wrapped(&text, 0))?;
        }
        if !self.published.is_empty() || !self.abandoned.is_empty() {
            writeln!(f)?;
        }
        self::deadlines(f, deadlines, self.now)
    }
}

fn standing(f: &mut fmt::Formatter<'_>, standing: &Standing, now: Time) -> fmt::Result {
    let name = escaped(&standing.name);
    let text = match &standing.next {
        Next::Await => "written; clients see it when the snapshot of others names it",
        Next::Closed => "closed",
        Next::Done => "published: clients see all of it",
        Next::Expired { .. } | Next::Overtaken { .. } => "it can no longer be published",
        Next::Publish => "signed completely, not published yet",
        Next::Resume => "published in part",
        Next::Sign(_) => "signatures are missing",
    };
    f.write_str(&wrapped(&format!("Ceremony {name}, staged {}: {text}", distance(now, standing.staged_at)), 0))?;
    for role in &standing.roles {
        self::role(f, role, now)?;
    }
    for (path, why) in &standing.unreadable {
        f.write_str(&wrapped(&format!("{} counts for nothing: {}", escaped(path), escaped(why)), 2))?;
    }
    next(f, standing)?;
    writeln!(f)
}

fn role(f: &mut fmt::Formatter<'_>, role: &RoleStanding, now: Time) -> fmt::Result {
    let from = role.replaces.map_or_else(String::new, |version| format!("{version} -> "));
    let reach = match role.reach {
        Reach::None => "",
        Reach::Visible if role.published > Some(role.version) => "; a later version is published",
        Reach::Visible => "; published",
        Reach::Written => "; written, not yet visible to clients",
    };
    let expires = format!("expires {} ({})", role.expires, distance(now, role.expires));
    let head = format!("{} {from}{}{reach}; {expires}", escaped(&role.role), role.version);
    f.write_str(&wrapped(&head, 2))?;
    role.sets.iter().try_for_each(|set| f.write_str(&wrapped(&set_text(set), 4)))?;
    for stale in &role.stale {
        let text = format!(
            "stale: {} signed version {} with the digest {}, and {} is staged: sign again",
            escaped(&stale.keyholder),
            stale.version,
            stale.covers,
            stale.staged
        );
        f.write_str(&wrapped(&text, 4))?;
    }
    for (keyholder, why) in &role.refused {
        f.write_str(&wrapped(&format!("refused, said to be {}'s: {}", escaped(keyholder), escaped(why)), 4))?;
    }
    Ok(())
}

/// `2 of 3 outgoing keys must sign; signed: alice; missing: bob, carol`
fn set_text(set: &SetStanding) -> String {
    let list = |names: &[String]| names.iter().map(|name| escaped(name).to_string()).collect::<Vec<_>>().join(", ");
    let keys = set.signed.len() + set.missing.len();
    let which = set.set.map_or_else(String::new, |set| format!("{set} "));
    let mut text = format!("{} of {keys} {which}keys must sign", set.threshold);
    text.push_str(match set.signed.is_empty() {
        true => "; nobody has",
        false => "; signed: ",
    });
    text.push_str(&list(&set.signed));
    if !set.missing.is_empty() {
        let enough = set.signed.len() as u64 >= set.threshold;
        text.push_str(if enough { " (enough); not signed: " } else { "; missing: " });
        text.push_str(&list(&set.missing));
    }
    text
}

fn next(f: &mut fmt::Formatter<'_>, standing: &Standing) -> fmt::Result {
    let say = |text: String| wrapped(&text, 2);
    match &standing.next {
        Next::Await | Next::Done => return Ok(()),
        Next::Closed => {
            let Some(Abandoned { at, reason }) = &standing.abandoned else { return Ok(()) };
            return f.write_str(&say(format!("Closed at {at}: {}", escaped(reason))));
        }
        Next::Sign(names) => {
            let names: Vec<String> = names.iter().map(|name| escaped(name).to_string()).collect();
            f.write_str(&say(format!("Next, each at their own machine: {}", or(&names))))?;
        }
        Next::Publish => f.write_str(&say("Next, the coordinator:".to_owned()))?,
        Next::Resume => f.write_str(&say("It was interrupted. Next, the coordinator runs it again:".to_owned()))?,
        Next::Expired { role } => {
            let text = format!("The staged {} has expired. Next, close it and stage again:", escaped(role));
            f.write_str(&say(text))?;
        }
        Next::Overtaken { role } => {
            let role = standing.roles.iter().find(|standing| standing.role == *role);
            let version = |version: Option<u64>| version.map_or("nothing".to_owned(), |v| format!("version {v}"));
            if let Some(role) = role {
                let (was, is) = (version(role.replaces), version(role.published));
                let text = format!("{} was to follow {was}, and {is} is published now.", escaped(&role.role));
                f.write_str(&say(format!("{text} Next, close it and stage again:")))?;
            }
        }
    }
    standing.commands().iter().try_for_each(|command| writeln!(f, "    {}", escaped(command)))
}

impl Standing {
    /// The commands for what comes next, in order.
    pub(crate) fn commands(&self) -> Vec<String> {
        let name = &self.name;
        match &self.next {
            Next::Await | Next::Closed | Next::Done => Vec::new(),
            Next::Sign(_) => vec![format!("trustroot review {name}"), format!("trustroot sign {name}")],
            Next::Publish | Next::Resume => vec![format!("trustroot publish {name}")],
            Next::Expired { .. } | Next::Overtaken { .. } => {
                vec![format!("trustroot abandon {name}"), "trustroot stage".to_owned()]
            }
        }
    }
}

/// `a`, `a or b`, `a, b or c`
fn or(names: &[String]) -> String {
    match names {
        [most @ .., last] if !most.is_empty() => format!("{} or {last}", most.join(", ")),
        names => names.concat(),
    }
}

fn deadlines(f: &mut fmt::Formatter<'_>, deadlines: &[Deadline], now: Time) -> fmt::Result {
    if deadlines.is_empty() {
        return f.write_str("Nothing is published. `trustroot stage` proposes the first root.\n");
    }
    f.write_str("Deadlines of what is published, the next one first:\n")?;
    let row = |deadline: &Deadline| {
        let expires = if deadline.expires <= now { "EXPIRED" } else { "expires" };
        let window = match deadline.opens {
            Some(opens) if opens > now => format!("next may be signed {}", distance(now, opens)),
            Some(_) => format!("next may be signed now{}", command(deadline.by)),
            None => "not in the policy".to_owned(),
        };
        let window = if deadline.by == By::External { format!("{window}, by others") } else { window };
        [
            format!("{} {}", escaped(&deadline.role), deadline.version),
            format!("{expires} {}", distance(now, deadline.expires)),
            window,
        ]
    };
    f.write_str(&columns(&deadlines.iter().map(row).collect::<Vec<_>>(), 2))
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

impl Standing {
    fn json(&self) -> Json {
        let abandoned = self.abandoned.as_ref().map(|closed| {
            let (at, reason) = (Json::string(closed.at.to_string()), Json::string(&closed.reason));
            object([("at", at), ("reason", reason)])
        });
        let unreadable = self.unreadable.iter();
        let unreadable =
            unreadable.map(|(path, why)| object([("path", Json::string(path)), ("why", Json::string(why))]));
        object([
            ("ceremony", Json::string(&self.name)),
            ("staged-at", Json::string(self.staged_at.to_string())),
            ("state", Json::string(self.next.as_str())),
            ("roles", self.roles.iter().map(RoleStanding::json).collect()),
            ("unreadable", unreadable.collect()),
            ("abandoned", abandoned.unwrap_or(Json::Null)),
            ("commands", self.commands().iter().map(Json::string).collect()),
        ])
    }
}

impl Next {
    /// The word for it in a report for programs.
    fn as_str(&self) -> &'static str {
        match self {
            Self::Await => "awaiting-snapshot",
            Self::Closed => "closed",
            Self::Done => "published",
            Self::Expired { .. } => "expired",
            Self::Overtaken { .. } => "overtaken",
            Self::Publish => "signed",
            Self::Resume => "partly-published",
            Self::Sign(_) => "signing",
        }
    }
}

impl RoleStanding {
    fn json(&self) -> Json {
        let number = |number: Option<u64>| number.map_or(Json::Null, Json::from);
        let stale = self.stale.iter().map(|stale| {
            object([
                ("keyholder", Json::string(&stale.keyholder)),
                ("version", stale.version.into()),
                ("covers", Json::string(&stale.covers)),
                ("staged", Json::string(&stale.staged)),
            ])
        });
        let refused = self.refused.iter();
        let refused = refused.map(|(who, why)| object([("keyholder", Json::string(who)), ("why", Json::string(why))]));
        let reach = match self.reach {
            Reach::None => "none",
            Reach::Written => "written",
            Reach::Visible => "visible",
        };
        object([
            ("role", Json::string(&self.role)),
            ("version", self.version.into()),
            ("replaces", number(self.replaces)),
            ("published", number(self.published)),
            ("reach", Json::string(reach)),
            ("expires", Json::string(self.expires.to_string())),
            ("met", Json::Bool(self.met())),
            ("sets", self.sets.iter().map(SetStanding::json).collect()),
            ("stale", stale.collect()),
            ("refused", refused.collect()),
        ])
    }
}

fn object<const N: usize>(members: [(&str, Json); N]) -> Json {
    Json::Object(members.into_iter().collect::<Object>())
}
