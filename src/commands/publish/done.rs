//! What `publish` reports.

use std::fmt;
use std::path::PathBuf;

use ceremony::Json;

use crate::report::{Report, object};
use crate::simulate::Simulation;
use crate::text::{command, escaped, escaped_lines, wrapped};

/// What was published, or would be.
#[derive(Default)]
pub(super) struct Done {
    pub(super) ceremony: String,
    pub(super) dry_run: bool,
    pub(super) targets: usize,
    pub(super) writes: Vec<String>,
    /// The online keys that had no part in it, and why.
    pub(super) absent: Vec<String>,
    pub(super) simulation: Simulation,
    /// The files of online keys that were named.
    pub(super) online_keys: Vec<PathBuf>,
    /// Those of snapshot and timestamp that the policy leaves to somebody else.
    pub(super) others: Vec<&'static str>,
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.targets == 0 && self.writes.is_empty() {
            let over = format!("{} is published already: nothing is left to write.", escaped(&self.ceremony));
            return f.write_str(&wrapped(&over, 0));
        }
        match self.dry_run {
            true => writeln!(f, "Would publish {} in this order:", escaped(&self.ceremony))?,
            false => writeln!(f, "Published {}", escaped(&self.ceremony))?,
        }
        if self.targets > 0 {
            let there = if self.dry_run { ", but for those that are there already" } else { "" };
            let plural = if self.targets == 1 { "" } else { "s" };
            writeln!(f, "  {} target file{plural}{there}", self.targets)?;
        }
        for name in &self.writes {
            writeln!(f, "  {}", escaped(name))?;
        }
        for absent in &self.absent {
            f.write_str(&wrapped(&escaped(absent).to_string(), 0))?;
        }
        let starts = |versions: &[u64]| match (versions.first(), versions.last()) {
            (Some(first), Some(last)) if first != last => format!("from roots {first} to {last}"),
            (Some(only), _) => format!("from root {only}"),
            _ => "from no root".to_owned(),
        };
        let (all, strict) = (starts(&self.simulation.starts), starts(&self.simulation.strict_starts));
        let Simulation { breaks, starts, newest, .. } = &self.simulation;
        let proof = match (breaks.is_empty(), starts.is_empty(), newest) {
            (true, true, true) => {
                "A client that starts from the newest root was tried, and succeeds; before this none could start."
                    .into()
            }
            (true, true, false) => {
                "No client can start until somebody else makes the timestamp, so none was tried.".into()
            }
            (true, false, _) => {
                format!("Clients that start {all} were tried after every write, and tough {strict}: none failed.")
            }
            (false, ..) => "Clients fail, as the policy accepts:".to_owned(),
        };
        f.write_str(&wrapped(&proof, 0))?;
        for broken in &self.simulation.breaks {
            f.write_str(&wrapped(&broken.to_string(), 2))?;
        }
        if !self.dry_run {
            self.write_next(f)?;
        }
        Ok(())
    }
}

impl Done {
    fn write_next(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let copy = "\nNext: copy repository/ to where clients fetch it: new files first, then timestamp.json, and new roots \
                    last.";
        if !self.others.is_empty() {
            let others = self.others.join(" and ");
            let made = format!(
                "Others make {others}: clients see new target files once theirs name them. Whenever they have made newer \
                 ones, copy those into repository/, which the next ceremony goes on from."
            );
            f.write_str(&wrapped(&format!("{copy} {made}"), 0))?;
        }
        if self.others.len() == 2 {
            return Ok(());
        }
        let timer = "Let a timer run this; while nothing is due it writes nothing:";
        match self.others.is_empty() {
            true => f.write_str(&wrapped(&format!("{copy} {timer}"), 0))?,
            false => f.write_str(&wrapped(timer, 0))?,
        }
        let flag = |key: &PathBuf| ["--online-key".to_owned(), key.display().to_string()];
        let flags: Vec<String> = self.online_keys.iter().flat_map(flag).collect();
        let words: Vec<&str> = ["trustroot", "renew"].into_iter().chain(flags.iter().map(String::as_str)).collect();
        writeln!(f, "  {}", escaped_lines(&command(&words)))
    }
}

impl Report for Done {
    fn json(&self) -> Json {
        let texts = |list: &[String]| -> Json { list.iter().map(Json::string).collect() };
        let numbers = |list: &[u64]| -> Json { list.iter().map(|version| Json::from(*version)).collect() };
        let breaks: Vec<String> = self.simulation.breaks.iter().map(ToString::to_string).collect();
        object([
            ("ok", Json::Bool(true)),
            ("ceremony", Json::string(&self.ceremony)),
            ("dry-run", Json::Bool(self.dry_run)),
            ("targets", (self.targets as u64).into()),
            ("writes", texts(&self.writes)),
            ("starts", numbers(&self.simulation.starts)),
            ("strict-starts", numbers(&self.simulation.strict_starts)),
            ("breaks", texts(&breaks)),
            ("absent", texts(&self.absent)),
        ])
    }
}
