//! What a process costs, measured from outside, and the rows that say it.

use std::fmt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use wait4::Wait4 as _;

/// What one run cost: wall time, and the most memory that the process or one that it waited for ever held.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    pub(crate) time: Duration,
    pub(crate) memory: u64,
}

/// Runs a program to its end.
///
/// The kernel counts the memory of the process that starts another as the first memory of the new one, so that nothing
/// below the size of this program is ever measured: this program stays small, and leaves all work to others.
///
/// # Errors
/// If it fails: with the last line that it said.
pub(crate) fn measure(command: &mut Command) -> Result<Cost, String> {
    let said = tempfile::NamedTempFile::new().expect("a temporary file can be made");
    let output = || Stdio::from(said.reopen().expect("a temporary file can be opened"));
    command.stdin(Stdio::null()).stdout(output()).stderr(output());
    let start = Instant::now();
    let child = command.spawn().map_err(|error| format!("{}: {error}", command.get_program().display()))?;
    let used = child.wait4().map_err(|error| error.to_string())?;
    let time = start.elapsed();
    if used.status.success() {
        return Ok(Cost { time, memory: used.rusage.maxrss });
    }
    let said = std::fs::read(said.path()).unwrap_or_default();
    let said = String::from_utf8_lossy(&said);
    Err(said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it said nothing").trim().to_owned())
}

impl Cost {
    /// One run after the other: times add up, and the largest process counts.
    pub(crate) fn then(self, next: Self) -> Self {
        Self { time: self.time + next.time, memory: self.memory.max(next.memory) }
    }
}

/// The programs that are compared, in the order of their first run, with what each run of theirs cost.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<(String, Vec<Cost>)>,
    failed: Vec<(String, String)>,
}

impl Table {
    /// Adds a run. A program that failed once is out.
    pub(crate) fn add(&mut self, name: &str, run: Result<Cost, String>) {
        let row = self.rows.iter_mut().find(|(other, _)| other == name);
        match (run, row) {
            (Ok(cost), Some((_, costs))) => costs.push(cost),
            (Ok(cost), None) => self.rows.push((name.to_owned(), vec![cost])),
            (Err(error), _) => self.failed.push((name.to_owned(), error)),
        }
    }

    /// Whether a program failed.
    pub(crate) fn lost(&self, name: &str) -> bool {
        self.failed.iter().any(|(other, _)| other == name)
    }

    /// The median time and the median memory of a program; none if it failed or never ran.
    pub(crate) fn cost(&self, name: &str) -> Option<Cost> {
        let (_, costs) = self.rows.iter().find(|(other, _)| other == name && !self.lost(name))?;
        let (mut times, mut memories): (Vec<_>, Vec<_>) = costs.iter().map(|cost| (cost.time, cost.memory)).unzip();
        times.sort();
        memories.sort();
        Some(Cost { time: *times.get(times.len() / 2)?, memory: *memories.get(memories.len() / 2)? })
    }

    /// Leaves of `name` what it takes longer than `other`, median by median.
    pub(crate) fn subtract(&mut self, name: &str, other: &str) {
        let Some(Cost { time, .. }) = self.cost(other) else { return };
        let costs = self.rows.iter_mut().filter(|(row, _)| row == name).flat_map(|(_, costs)| costs);
        costs.for_each(|cost| cost.time = cost.time.saturating_sub(time));
    }

    /// Whether any program failed.
    pub(crate) fn has_failures(&self) -> bool {
        !self.failed.is_empty()
    }
}

impl fmt::Display for Table {
    /// `NAME SECONDS s MEMORY MiB`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, _) in &self.rows {
            if let Some(Cost { time, memory }) = self.cost(name) {
                let memory = memory as f64 / f64::from(1 << 20);
                writeln!(f, "{name:24} {:9.3} s {memory:8.1} MiB", time.as_secs_f64())?;
            }
        }
        self.failed.iter().try_for_each(|(name, error)| writeln!(f, "{name:24} failed: {error}"))
    }
}
