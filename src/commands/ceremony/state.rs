//! Where things stand, and which commands make sense now.

use std::cmp::Reverse;
use std::fmt;

use ceremony::policy::Signers;
use ceremony::{Json, Policy, Time};
use keyholders::Roster;

use super::here::signed_here;
use super::{Effect, Step};
use crate::ceremony_dir;
use crate::cli::within;
use crate::commands::stage::NOTHING_IS_DUE;
use crate::context::Context;
use crate::deadlines::{By, Deadline, distance};
use crate::disk;
use crate::error::Failure;
use crate::examine::and;
use crate::policy_file::PolicyFile;
use crate::published::Published;
use crate::records::Keyholders;
use crate::report::{Report, object};
use crate::standing::{Next, Standing};
use crate::text::{escaped, wrapped};
use crate::ui::Ui;
use crate::wanted;

/// Where things stand.
pub(super) struct State {
    stands: Vec<String>,
    pub(super) next: Vec<Step>,
}

impl State {
    pub(super) fn observe(context: &Context) -> Result<Self, Failure> {
        let workdir = &context.workdir;
        let mut state = Self { stands: Vec::new(), next: Vec::new() };
        let open = ceremony_dir::Ceremony::open(workdir)?;
        if !disk::exists(&workdir.policy())? {
            if open.is_empty() {
                state.nothing();
                return Ok(state);
            }
            state.stands.push("There is no policy here, but a ceremony is: a keyholder needs no more.".to_owned());
            state.ceremonies(context, &open)?;
            return Ok(state);
        }
        let policy = PolicyFile::read(workdir)?.policy;
        state.stands.push(format!("This is the trust root {}.", policy.name));
        let published = Published::read(&workdir.repository())?;
        if published.roles.is_empty() && !wanted::is_any(workdir)? {
            state.stands.push("No target file yet: what clients shall trust is put below targets/.".to_owned());
        }
        let deadlines = Deadline::all(&policy, &published);
        for deadline in &deadlines {
            if deadline.expires <= context.now {
                let Deadline { role, expires, .. } = deadline;
                state.stands.push(format!("The {role} that is published expired at {expires}: clients refuse it."));
            }
        }
        if !open.is_empty() {
            state.ceremonies(context, &open)?;
        }
        if state.enrolments(&policy, &Keyholders::load(&workdir.keyholders())?.roster) {
            return Ok(state);
        }
        if open.is_empty() {
            state.between(context, &deadlines)?;
        }
        state.renewals(&deadlines, context.now);
        if open.is_empty() {
            state.next.push(status());
        }
        Ok(state)
    }

    /// There is nothing in the directory.
    fn nothing(&mut self) {
        self.stands.push("There is no trust root in this directory.".to_owned());
        self.stands.push("A keyholder works in a copy of the coordinator's directory: -C DIR names it.".to_owned());
        self.next.push(Step::new("coordinator", &["init"], "start a new trust root"));
        self.next.push(Step::new("coordinator", &["init", "--template", "sigstore"], "start one for Sigstore"));
        self.next.push(Step::new("anybody", &["rehearse"], "see a whole ceremony with throw-away keys"));
    }

    /// Who is to enroll, if anybody is. Nobody is led to the enrolment of somebody else: once there is a record, what
    /// comes first is to compare it.
    fn enrolments(&mut self, policy: &Policy, roster: &Roster) -> bool {
        let mut missing: Vec<(&String, bool)> = Vec::new();
        for role in policy.roles.values() {
            let online = matches!(role.signers, Signers::Online(_));
            for name in role.signers.names() {
                if roster.record(name).is_none() && !missing.iter().any(|(other, _)| *other == name) {
                    missing.push((name, online));
                }
            }
        }
        if missing.is_empty() {
            return false;
        }
        let nonce = "a number that you tell everybody who enrolls: it shows that their proofs are new";
        let nonce = Step::new("coordinator", &["keyholder", "nonce"], nonce);
        let list = "the fingerprints of those who are enrolled: each reads theirs to the coordinator, in a call";
        let list = Step::new("everybody", &["keyholder", "list"], list);
        let (first, last) = if roster.records().is_empty() { (nonce, None) } else { (list, Some(nonce)) };
        self.next.push(first);
        for (name, online) in &missing {
            let mut arguments = vec!["keyholder", "enroll", name.as_str()];
            arguments.extend(online.then_some("--online"));
            let (who, effect) = if *online { ("coordinator", Effect::None) } else { (name.as_str(), Effect::Enrolls) };
            let why = "the policy names this key, and no record has it";
            self.next.push(Step::new(who, &arguments, why).with(effect));
        }
        self.next.extend(last);
        let names: Vec<&str> = missing.iter().map(|(name, _)| name.as_str()).collect();
        self.stands.push(format!("Not enrolled yet: {}.", names.join(", ")));
        true
    }

    /// The open ceremonies. First comes the newest in which somebody can do something who has not done it here.
    fn ceremonies(&mut self, context: &Context, names: &[String]) -> Result<(), Failure> {
        let published = Published::read(&context.workdir.repository())?;
        let mut open = Vec::new();
        for name in names {
            let standing = ceremony_dir::Ceremony::load(&context.workdir, name).and_then(|ceremony| {
                let standing = Standing::of(&ceremony, &published, context.now)?;
                Ok((signed_here(context, &ceremony)?, standing))
            });
            match standing {
                Ok(standing) => open.push(standing),
                // One that is broken keeps nobody from the others.
                Err(failure) => self.stands.push(format!("Ceremony {name} cannot be used: {}.", failure.line())),
            }
        }
        open.sort_by_key(|(signed, standing)| {
            let Standing { next, staged_at, .. } = standing;
            let goes_on = matches!(next, Next::Behind { .. } | Next::Publish | Next::Resume | Next::Sign(_));
            (!goes_on, !signed.is_empty(), Reverse(*staged_at))
        });
        let mut later = Vec::new();
        for (signed, standing) in &open {
            self.ceremony(context, signed, standing, &mut later);
        }
        self.next.push(status());
        self.next.extend(later);
        Ok(())
    }

    /// An open ceremony: it wants signatures, or to be published, or cannot be any more. What is done here already goes
    /// to `later`.
    fn ceremony(&mut self, context: &Context, signed: &[String], standing: &Standing, later: &mut Vec<Step>) {
        let (name, text) = (standing.name.as_str(), standing.so_far(context.now));
        self.stands.extend(text.lines().map(str::to_owned));
        if !signed.is_empty() {
            self.stands.push("  You have signed. Give these files to the coordinator:".to_owned());
            self.stands.extend(signed.iter().map(|file| format!("    {file}")));
        }
        match &standing.next {
            Next::Await | Next::Closed | Next::Done => {}
            Next::Publish => {
                self.next.push(Step::new("coordinator", &["publish", name], "clients get it by this"));
            }
            Next::Resume => {
                self.next.push(Step::new("coordinator", &["publish", name], "it was interrupted: go on"));
            }
            Next::Behind { missing: people, .. } | Next::Sign(people) => {
                let steps = if signed.is_empty() { &mut self.next } else { &mut *later };
                steps.push(Step::new("everybody", &["review", name], "see what changes, before anybody signs"));
                if !people.is_empty() {
                    steps.push(Step::new(&people.join(", "), &["sign", name], "these have not signed"));
                    let read = "read the digest to everybody who signs; they must not see it";
                    let read = Step::new("coordinator alone", &["review", name, "--digest"], read);
                    later.push(read.with(Effect::ShowsTheDigest));
                }
            }
            Next::Expired { .. } | Next::Overtaken { .. } => {
                self.next.push(Step::new("coordinator", &["abandon", name], "it can no longer be published"));
            }
            Next::TooSoon(_) => {
                self.next.push(Step::new("coordinator", &["abandon", name], "its material would start too soon"));
            }
        }
    }

    /// No ceremony is open: perhaps one is due.
    fn between(&mut self, context: &Context, deadlines: &[Deadline]) -> Result<(), Failure> {
        let directory = context.workdir.root().path();
        let dry = ["-C".into(), directory.into(), "stage".into(), "--dry-run".into()];
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

fn status() -> Step {
    Step::new("anybody", &["status"], "see every signature and every deadline")
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
