//! Every client, after every single write: the proof that a publication breaks none.

use std::fmt;

use ceremony::{MemorySource, Source, Time, Write};

use crate::client::second::second_opinion;
use crate::client::store::Cache;
use crate::client::{Limits, check};
use crate::error::Failure;
use crate::published::{Published, PublishedFile};
use crate::text::escaped;

/// What the clients said.
#[derive(Debug, Default)]
pub(crate) struct Simulation {
    /// The root versions from which a client that follows the specification can start, before the first write.
    pub(crate) starts: Vec<u64>,
    /// The root versions from which `tough` can start, before the first write.
    pub(crate) strict_starts: Vec<u64>,
    /// Whether a client started from the newest root after the last write.
    pub(crate) newest: bool,
    /// Clients that fail, in the order of the writes.
    pub(crate) breaks: Vec<Break>,
}

impl Simulation {
    /// What breaks mean, in one line.
    pub(crate) fn headline(&self) -> &'static str {
        match self.starts.is_empty() {
            true => "no client could use what would be published",
            false => "clients that work today would fail",
        }
    }
}

/// A client that fails after a write, though it works before the publication or has to when all is written.
#[derive(Debug)]
pub(crate) struct Break {
    /// The name of the write after which it fails.
    pub(crate) after: String,
    /// Whether that is the last write, so that it fails for good.
    pub(crate) last: bool,
    /// Which client.
    pub(crate) client: String,
    /// What it says.
    pub(crate) reason: String,
}

impl fmt::Display for Break {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let until = if self.last { "from then on" } else { "until the next file is written" };
        write!(f, "after {}, {until}: {}: {}", self.after, self.client, escaped(&self.reason))
    }
}

/// Looks at `source` as clients do after every prefix of `writes`: fresh ones from every root from which they can start
/// on what is published now, one that remembers what is published now, and at the end one that starts from the root
/// that then is the latest, and `tough` from every root from which it can start now. So something is tried even where
/// nobody can start now, because what is published has expired; but for roles below a timestamp of somebody else.
///
/// Target files are no steps of their own: no client asks for one before the metadata names it.
pub(crate) fn simulate(
    source: &dyn Source,
    published: &Published,
    writes: &[Write],
    now: Time,
) -> Result<Simulation, Failure> {
    let mut limits = Limits::default();
    let largest = writes.iter().map(|write| write.bytes.len() as u64);
    let largest = largest.chain(published.roles.values().map(|file| file.bytes.len() as u64)).max().unwrap_or(0);
    // A size over the clients' limit is a finding of its own.
    limits.targets = limits.targets.max(largest);
    limits.snapshot = limits.snapshot.max(largest);
    let fresh = |source: &dyn Source, root: &[u8]| check(source, root, &Cache::default(), now, &[], limits);

    let mut simulation = Simulation::default();
    let mut starts: Vec<&PublishedFile> = Vec::new();
    let mut memory = None;
    for root in &published.roots {
        if let Ok(outcome) = fresh(source, &root.bytes) {
            simulation.starts.push(root.metadata.version());
            starts.push(root);
            memory = Some(outcome.cache);
        }
    }
    let strict: Vec<&PublishedFile> =
        published.roots.iter().filter(|root| second_opinion(source, &root.bytes).is_ok()).collect();
    simulation.strict_starts = strict.iter().map(|root| root.metadata.version()).collect();

    let staged = writes.iter().rev().find(|write| write.name.ends_with(".root.json"));
    let staged = staged.map(|write| (write.name.clone(), &write.bytes));
    let resealed = writes.iter().any(|write| write.name == "timestamp.json");
    let present = published.roots.last().filter(|_| resealed && starts.is_empty());
    let present = present.map(|root| (format!("root {}", root.metadata.version()), &root.bytes));
    let newest = staged.or(present);
    let mut prefix = MemorySource::over(source);
    for (i, write) in writes.iter().enumerate() {
        prefix.put_metadata(&write.name, write.bytes.clone())?;
        let last = i + 1 == writes.len();
        let mut broken = |client: String, reason: String| {
            simulation.breaks.push(Break { after: write.name.clone(), last, client, reason });
        };
        for root in &starts {
            if let Err(error) = fresh(&prefix, &root.bytes) {
                broken(format!("a client that starts from root {}", root.metadata.version()), error.to_string());
            }
        }
        if let (Some(cache), Some(root)) = (&memory, starts.last())
            && let Err(error) = check(&prefix, &root.bytes, cache, now, &[], limits)
        {
            broken("a client that remembers what is published now".to_owned(), error.to_string());
        }
        if !last {
            continue;
        }
        let complete = prefix.metadata("timestamp.json", limits.timestamp)?.is_some();
        if let Some((name, bytes)) = newest.as_ref().filter(|_| complete) {
            match fresh(&prefix, bytes) {
                Ok(_) => simulation.newest = true,
                Err(error) => broken(format!("a client that starts from {name}"), error.to_string()),
            }
        }
        for root in &strict {
            if let Err(error) = second_opinion(&prefix, &root.bytes) {
                broken(format!("tough, from root {}", root.metadata.version()), error.to_string());
            }
        }
    }
    Ok(simulation)
}
