//! `trustroot ceremony`, and `trustroot` without a command

use std::fmt;

use ceremony::policy::Signers;
use ceremony::{Json, Object, Policy};

use crate::ceremony_dir;
use crate::cli::{clock, within};
use crate::context::Context;
use crate::deadlines::Deadline;
use crate::disk;
use crate::error::Failure;
use crate::policy_file::PolicyFile;
use crate::published::Published;
use crate::records::Keyholders;
use crate::report::{Outcome, Report};
use crate::standing::{Next, Standing};
use crate::text::{escaped, wrapped};
use crate::ui::Ui;

/// Be guided: see where things stand, what comes next and who does it, and do it
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
        let published = Published::read(&workdir.repository())?;
        for deadline in Deadline::all(&policy, &published, context.now) {
            if deadline.expires <= context.now {
                let Deadline { role, expires, .. } = deadline;
                state.stands.push(format!("The {role} that is published expired at {expires}: clients refuse it."));
            }
        }
        for name in &open {
            state.ceremony(context, name, &published)?;
        }
        if open.is_empty() {
            state.between(context, &policy)?;
        }
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
        }
        Ok(())
    }

    /// No ceremony is open: perhaps one is due.
    fn between(&mut self, context: &Context, policy: &Policy) -> Result<(), Failure> {
        let directory = context.workdir.root().path().display().to_string();
        let dry = ["-C", &directory, "stage", "--dry-run"].map(str::to_owned);
        match within(context, &context.machine, &dry, &mut Ui::new(false)) {
            Ok(_) => {
                self.stands.push("Something is due for a ceremony.".to_owned());
                self.next.push(Step::new("coordinator", &["stage"], "freeze the proposal that people sign"));
            }
            Err(failure) => {
                self.stands.push(format!("No ceremony is open: {}.", failure.message()));
                let ours = policy.role("timestamp").is_some_and(|role| role.signers != Signers::External);
                if !ours {
                    self.stands.push("Somebody else makes snapshot and timestamp.".to_owned());
                } else if disk::exists(&context.workdir.repository().metadata("timestamp.json"))? {
                    self.next.push(Step::new("a timer", &["renew"], "snapshot and timestamp, where they are due"));
                } else {
                    self.next.push(Step::new("coordinator", &["stage"], "hear why, and what to do about it"));
                }
            }
        }
        Ok(())
    }
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
            let object: Object = [
                ("who", Json::string(&step.who)),
                ("why", Json::string(&step.why)),
                ("command", step.arguments.iter().map(Json::string).collect()),
            ]
            .into_iter()
            .collect();
            Json::Object(object)
        });
        let object: Object = [
            ("ok", Json::Bool(true)),
            ("state", self.stands.iter().map(Json::string).collect()),
            ("next", next.collect()),
        ]
        .into_iter()
        .collect();
        Json::Object(object)
    }
}
