//! `trustroot ceremony`, and `trustroot` without a command

use std::fmt;

use ceremony::policy::Signers;
use ceremony::{Json, Time};

use crate::ceremony_dir;
use crate::cli::{clock, within};
use crate::commands::stage::NOTHING_IS_DUE;
use crate::context::Context;
use crate::deadlines::{By, Deadline, distance};
use crate::disk;
use crate::error::Failure;
use crate::examine::and;
use crate::policy_file::PolicyFile;
use crate::published::Published;
use crate::records::Keyholders;
use crate::report::{Outcome, Report, object};
use crate::standing::{Next, Standing};
use crate::text::{escaped, wrapped};
use crate::ui::Ui;
use crate::wanted;

/// Be guided: see what comes next and who does it, and do it
///
/// Looks at the directory, and offers the commands that make sense now; whatever they need they ask for. Without a
/// terminal it only says where things stand.
#[derive(clap::Args)]
pub(crate) struct Ceremony {}

impl Ceremony {
    pub(crate) fn run(self, context: &Context, ui: &mut Ui) -> Result<Outcome, Failure> {
        loop {
            // People take their time: each step has the time at which it is taken.
            let now = if context.now_given { context.now } else { clock()? };
            let (workdir, machine) = (context.workdir.clone(), context.machine.clone());
            let context = &Context { workdir, now, now_given: context.now_given, machine };
            let state = State::observe(context)?;
            if !ui.has_terminal() {
                return Ok(Outcome::done(state));
            }
            ui.show(&state);
            let mut items: Vec<String> = state.next.iter().map(|step| step.command()).collect();
            items.push("nothing more".to_owned());
            let picked = ui.select("a command", "What to do", &items)?;
            let Some(step) = state.next.get(picked) else {
                return Ok(Outcome::done(state));
            };
            let mut arguments = vec!["-C".to_owned(), context.workdir.root().path().display().to_string()];
            arguments.extend(step.arguments.iter().cloned());
            // What fails has changed nothing; the person reads why and picks again.
            match within(context, &context.machine, &arguments, ui) {
                Ok(outcome) => ui.show(&*outcome.report),
                Err(failure) => ui.tell(&failure),
            }
            // What comes next takes most of a screen, and what was asked for may be words to read out.
            ui.pause("\nEnter goes on, to what comes next")?;
        }
    }
}

/// Where things stand.
struct State {
    stands: Vec<String>,
    next: Vec<Step>,
}

/// A command that makes sense now.
struct Step {
    /// Who runs it.
    who: String,
    /// Why.
    why: String,
    /// The command, without the program's name.
    arguments: Vec<String>,
}

impl Step {
    fn new(who: &str, arguments: &[&str], why: impl Into<String>) -> Self {
        Self {
            who: who.to_owned(),
            why: why.into(),
            arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(),
        }
    }

    fn command(&self) -> String {
        format!("trustroot {}", self.arguments.join(" "))
    }
}

impl State {
    fn observe(context: &Context) -> Result<Self, Failure> {
        let workdir = &context.workdir;
        let mut state = Self { stands: Vec::new(), next: Vec::new() };
        if !disk::exists(&workdir.policy())? {
            state.stands.push("There is no trust root in this directory.".to_owned());
            state
                .stands
                .push("A keyholder works in a copy of the coordinator's directory: -C DIR names it.".to_owned());
            state.next.push(Step::new("coordinator", &["init"], "start a new trust root"));
            state.next.push(Step::new("coordinator", &["init", "--template", "sigstore"], "start one for Sigstore"));
            state.next.push(Step::new("anybody", &["rehearse"], "see a whole ceremony with throw-away keys"));
            return Ok(state);
        }
        let policy = PolicyFile::read(workdir)?.policy;
        state.stands.push(format!("This is the trust root {}.", policy.name));
        let published = Published::read(&workdir.repository())?;
        if published.roles.is_empty() && !wanted::is_any(workdir)? {
            state.stands.push("No target file yet: what clients shall trust is put below targets/.".to_owned());
        }
        let roster = Keyholders::load(&workdir.keyholders())?.roster;
        let mut missing: Vec<(&String, bool)> = Vec::new();
        for role in policy.roles.values() {
            let online = matches!(role.signers, Signers::Online(_));
            for name in role.signers.names() {
                if roster.record(name).is_none() && !missing.iter().any(|(other, _)| *other == name) {
                    missing.push((name, online));
                }
            }
        }
        for (name, online) in &missing {
            let mut arguments = vec!["keyholder", "enroll", name.as_str()];
            arguments.extend(online.then_some("--online"));
            let who = if *online { "coordinator" } else { name.as_str() };
            state.next.push(Step::new(who, &arguments, "the policy names this key, and no record has it"));
        }
        if !missing.is_empty() {
            let names: Vec<&str> = missing.iter().map(|(name, _)| name.as_str()).collect();
            state.stands.push(format!("Not enrolled yet: {}.", names.join(", ")));
            return Ok(state);
        }
        let open = ceremony_dir::Ceremony::open(workdir)?;
        let deadlines = Deadline::all(&policy, &published);
        for deadline in &deadlines {
            if deadline.expires <= context.now {
                let Deadline { role, expires, .. } = deadline;
                state.stands.push(format!("The {role} that is published expired at {expires}: clients refuse it."));
            }
        }
        for name in &open {
            state.ceremony(context, name, &published)?;
        }
        if open.is_empty() {
            state.between(context, &deadlines)?;
        }
        state.renewals(&deadlines, context.now);
        state.next.push(Step::new("anybody", &["status"], "see every signature and every deadline"));
        Ok(state)
    }

    /// An open ceremony: it wants signatures, or to be published, or cannot be any more.
    fn ceremony(&mut self, context: &Context, name: &str, published: &Published) -> Result<(), Failure> {
        let ceremony = ceremony_dir::Ceremony::load(&context.workdir, name)?;
        let standing = Standing::of(&ceremony, published, context.now)?;
        self.stands.extend(
            standing.text(context.now).lines().take_while(|line| !line.starts_with("  Next")).map(str::to_owned),
        );
        match &standing.next {
            Next::Await | Next::Closed | Next::Done => {}
            Next::Publish => {
                self.next.push(Step::new("coordinator", &["publish", name], "clients get it by this"));
            }
            Next::Resume => {
                self.next.push(Step::new("coordinator", &["publish", name], "it was interrupted: go on"));
            }
            Next::Sign(people) => {
                let people = people.join(", ");
                self.next.push(Step::new("coordinator", &["review", name, "--digest"], "read the digest to everybody"));
                self.next.push(Step::new("everybody", &["review", name], "see what changes, before anybody signs"));
                self.next.push(Step::new(&people, &["sign", name], "these have not signed"));
            }
            Next::Expired { .. } | Next::Overtaken { .. } => {
                self.next.push(Step::new("coordinator", &["abandon", name], "it can no longer be published"));
            }
            Next::TooSoon(_) => {
                self.next.push(Step::new("coordinator", &["abandon", name], "its material would start too soon"));
            }
        }
        Ok(())
    }

    /// No ceremony is open: perhaps one is due.
    fn between(&mut self, context: &Context, deadlines: &[Deadline]) -> Result<(), Failure> {
        let directory = context.workdir.root().path().display().to_string();
        let dry = ["-C", &directory, "stage", "--dry-run"].map(str::to_owned);
        match within(context, &context.machine, &dry, &mut Ui::new(false)) {
            Ok(plan) => {
                self.stands.push(format!("A ceremony is due: {}.", proposed(&plan.report.json())));
                self.next.push(Step::new("coordinator", &["stage"], "freeze the proposal that people sign"));
            }
            Err(failure) if failure.message() == NOTHING_IS_DUE => {
                self.stands.push("No ceremony is open, and none is due.".to_owned());
                let opens = opening(deadlines, By::Keyholders, context.now);
                self.stands.extend(opens.map(|opens| format!("Next to sign at a ceremony: {opens}.")));
            }
            Err(failure) => {
                self.stands.push(format!("No ceremony is open: {}.", failure.message()));
                self.next.push(Step::new("coordinator", &["stage"], "hear why, and what to do about it"));
            }
        }
        Ok(())
    }

    /// What is renewed next of what is published, and by whom.
    fn renewals(&mut self, deadlines: &[Deadline], now: Time) {
        let of = |by: By| deadlines.iter().filter(move |deadline| deadline.by == by);
        if of(By::Online).any(|deadline| deadline.is_open(now)) {
            let due = names(of(By::Online).filter(|deadline| deadline.is_open(now)));
            self.next.push(Step::new("a timer", &["renew"], format!("it is time to follow {due}")));
        } else if let Some(opens) = opening(deadlines, By::Online, now) {
            self.stands.push(format!("Next to renew: {opens}."));
        }
        if of(By::External).next().is_some() {
            self.stands.push(format!("Others renew {}.", names(of(By::External))));
        }
    }
}

/// The window that opens next of those who are `by`: `targets 1 and root 1, from 2027-09-27 (in 304 days)`
fn opening(deadlines: &[Deadline], by: By, now: Time) -> Option<String> {
    let of = || deadlines.iter().filter(|deadline| deadline.by == by);
    let opens = of().filter_map(|deadline| deadline.opens).filter(|opens| *opens > now).min()?;
    let those = names(of().filter(|deadline| deadline.opens == Some(opens)));
    Some(format!("{those}, from {} ({})", &opens.to_string()[..10], distance(now, opens)))
}

/// The roles, by name and version.
fn names<'a>(deadlines: impl Iterator<Item = &'a Deadline>) -> String {
    and(&deadlines.map(|deadline| format!("{} {}", deadline.role, deadline.version)).collect::<Vec<_>>())
}

/// What `stage --dry-run` would stage, in words.
fn proposed(plan: &Json) -> String {
    let roles = plan.get("roles").and_then(Json::as_array).unwrap_or_default();
    let text = |role: &Json, name: &str| role.get(name).and_then(Json::as_str).unwrap_or_default().to_owned();
    let role = |role: &Json| {
        let version = role.get("version").and_then(Json::as_u64).unwrap_or_default();
        format!("{} {version} ({})", text(role, "role"), text(role, "reason"))
    };
    and(&roles.iter().map(role).collect::<Vec<_>>())
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.stands {
            let indent = line.len() - line.trim_start().len();
            f.write_str(&wrapped(&escaped(line).to_string(), indent))?;
        }
        if !self.next.is_empty() {
            f.write_str("\nNext:\n")?;
        }
        for step in &self.next {
            writeln!(f, "  {}", escaped(&step.command()))?;
            f.write_str(&wrapped(&escaped(&format!("{}: {}", step.who, step.why)).to_string(), 6))?;
        }
        Ok(())
    }
}

impl Report for State {
    fn json(&self) -> Json {
        let next = self.next.iter().map(|step| {
            object([
                ("who", Json::string(&step.who)),
                ("why", Json::string(&step.why)),
                ("command", step.arguments.iter().map(Json::string).collect()),
            ])
        });
        object([
            ("ok", Json::Bool(true)),
            ("state", self.stands.iter().map(Json::string).collect()),
            ("next", next.collect()),
        ])
    }
}
