//! `trustroot ceremony`, and `trustroot` without a command

mod here;
mod state;

use std::ffi::OsString;

use self::state::State;
use crate::cli::{clock, within};
use crate::context::Context;
use crate::error::Failure;
use crate::report::Outcome;
use crate::ui::Ui;

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
            let mut items: Vec<String> = state.next.iter().map(Step::item).collect();
            items.push("nothing more".to_owned());
            let picked = ui.select("a command", "What to do", &items)?;
            let Some(step) = state.next.get(picked) else {
                return Ok(Outcome::done(state));
            };
            let mut arguments = vec![OsString::from("-C"), context.workdir.root().path().into()];
            arguments.extend(step.arguments.iter().map(OsString::from));
            let shown = step.effect != Effect::ShowsTheDigest || ui.confirm("a terminal", READS, Some(false))?;
            // What fails has changed nothing; the person reads why and picks again.
            match shown.then(|| within(context, &context.machine, &arguments, ui)) {
                // What is to be handed over now is the last thing to be read.
                Some(Ok(outcome)) if step.effect == Effect::Enrolls => return Ok(outcome),
                Some(Ok(outcome)) => ui.show(&*outcome.report),
                Some(Err(failure)) => ui.tell(&failure),
                None => ui.say("Then hear it from the coordinator: words on your own screen compare nothing."),
            }
            // What comes next takes most of a screen, and what was asked for may be words to read out.
            ui.pause("Enter goes on, to what comes next")?;
        }
    }
}

/// Why the words of the digest are shown to one person alone.
const READS: &str = "Are you the coordinator, who reads it to the others?";

/// A command that makes sense now.
struct Step {
    /// Who runs it.
    who: String,
    /// Why.
    why: String,
    /// The command, without the program's name.
    arguments: Vec<String>,
    effect: Effect,
}

/// What a step does to the guide.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Effect {
    /// It comes back.
    None,
    /// Somebody enrolls, and has something to hand over: the guide ends.
    Enrolls,
    /// Keyholders must not see it: the digest is compared by hearing it.
    ShowsTheDigest,
}

impl Step {
    fn new(who: &str, arguments: &[&str], why: impl Into<String>) -> Self {
        Self {
            who: who.to_owned(),
            why: why.into(),
            arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(),
            effect: Effect::None,
        }
    }

    fn with(self, effect: Effect) -> Self {
        Self { effect, ..self }
    }

    fn command(&self) -> String {
        format!("trustroot {}", self.arguments.join(" "))
    }

    /// What a menu shows of it.
    fn item(&self) -> String {
        format!("{}  ({})", self.command(), self.who)
    }
}
