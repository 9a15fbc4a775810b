//! `trustroot rehearse`

mod script;

use std::fmt;
use std::path::PathBuf;

use ceremony::{Json, Object};

use crate::context::Context;
use crate::error::{Failure, OrFail as _};
use crate::report::{Outcome, Report};
use crate::text::{escaped, wrapped};
use crate::ui::Ui;

use script::Rehearsal;

/// Rehearse a whole ceremony with throw-away keys
///
/// Starts a trust root, enrolls people with keys in files, stages, reviews, signs, publishes, renews, replaces a
/// keyholder, and then fetches and audits the result as a client would. It is the same code with the same messages;
/// each step is shown with the command that a person would type.
///
/// The steps go to stderr, and whether it went through to stdout: `trustroot rehearse 2>&1 | less` shows all of it.
#[derive(clap::Args)]
pub(crate) struct Rehearse {
    /// Rehearse with this policy: its people, thresholds and delegated roles, with throw-away keys for all of them
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Keep everything in this directory, which must not exist; by default it is thrown away
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

impl Rehearse {
    pub(crate) fn run(self, context: &Context, ui: &mut Ui) -> Result<Outcome, Failure> {
        let temporary = tempfile::tempdir().or_fail(|| "no temporary directory can be made")?;
        let directory = match &self.keep {
            Some(keep) => {
                if keep.exists() {
                    return Err(Failure::could_not(format!("{} exists already", keep.display()))
                        .hint("name a directory that is not there: --keep DIR"));
                }
                std::fs::create_dir(keep).or_fail(|| format!("{} cannot be made", keep.display()))?;
                keep.canonicalize().or_fail(|| keep.display().to_string())?
            }
            None => temporary.path().to_owned(),
        };
        let mut rehearsal = Rehearsal::new(context, ui, &directory);
        match &self.policy {
            Some(policy) => rehearsal.run_with(policy)?,
            None => rehearsal.run()?,
        }
        let steps = rehearsal.steps;
        Ok(Outcome::done(Rehearsed { steps, kept: self.keep.map(|_| directory) }))
    }
}

/// What was rehearsed.
struct Rehearsed {
    steps: Vec<String>,
    kept: Option<PathBuf>,
}

impl fmt::Display for Rehearsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&wrapped(&format!("The rehearsal went through: {} commands, none failed.", self.steps.len()), 0))?;
        match &self.kept {
            Some(kept) => {
                let kept = escaped(&kept.display().to_string()).to_string();
                writeln!(f, "Everything is in {kept}")?;
                writeln!(f, "  {kept}/room/repository  is what a web server would serve")
            }
            None => writeln!(f, "Everything was thrown away; --keep DIR keeps it."),
        }
    }
}

impl Report for Rehearsed {
    fn json(&self) -> Json {
        let kept = self.kept.as_ref().map_or(Json::Null, |kept| Json::string(kept.display().to_string()));
        let object: Object =
            [("ok", Json::Bool(true)), ("steps", self.steps.iter().map(Json::string).collect()), ("kept", kept)]
                .into_iter()
                .collect();
        Json::Object(object)
    }
}
