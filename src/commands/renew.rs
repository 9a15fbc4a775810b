//! `trustroot renew`

use std::fmt;
use std::path::PathBuf;

use ceremony::policy::Signers;
use ceremony::{Json, Online, Order, Quorum, Sealed, SealedFile, Sealing, Source, Time, seal};

use crate::client::store::Cache;
use crate::client::{Limits, check};
use crate::commands::publish::{describe, unsealed};
use crate::context::Context;
use crate::error::Failure;
use crate::online::{OnlineArgs, OnlineKeys};
use crate::pinned::{led_to, pin};
use crate::policy_file::PolicyFile;
use crate::published::{METADATA_LIMIT, Published, PublishedFile};
use crate::publishing;
use crate::records::Keyholders;
use crate::report::{Outcome, Report, object};
use crate::seen;
use crate::simulate::{Simulation, simulate};
use crate::source::disk::Directory;
use crate::text::{escaped, wrapped};
use crate::ui::Ui;

/// Renew snapshot and timestamp by the online key, where they are due
///
/// Made to be run by a timer, unattended and often: while nothing is due it does nothing and succeeds. It verifies what
/// is published from a trusted root before it signs anything over it.
#[derive(clap::Args)]
#[command(after_help = "\
Example, from a timer:
  trustroot -C /srv/trust-root renew --root /etc/trustroot/1.root.json")]
pub(crate) struct Renew {
    /// Trust this root; by default the one that this machine remembers
    #[arg(long, value_name = "FILE")]
    root: Option<PathBuf>,
    /// Say what is due, and write nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    online: OnlineArgs,
}

impl Renew {
    pub(crate) fn run(self, context: &Context, ui: &mut Ui) -> Result<Outcome, Failure> {
        let workdir = &context.workdir;
        let lock = workdir.lock()?;
        let policy = PolicyFile::read(workdir)?.policy;
        let repository = workdir.repository();
        let published = Published::read(&repository)?;
        let (Some(snapshot), Some(timestamp)) = (&published.snapshot, &published.timestamp) else {
            return Err(Failure::no("nothing is published that could be renewed")
                .hint("`trustroot publish` makes the first snapshot and timestamp"));
        };
        let directory = Directory::new(repository.root().path());
        // What is verified is what is signed over, whoever writes there meanwhile.
        let source = published.over(&directory)?;
        let pin = pin(context, self.root.as_deref(), &policy.id)?;
        let view = led_to(&pin, &published)?;
        verified(&source, &pin, last_good(context.now, snapshot, timestamp))?;
        let roster = Keyholders::load(&workdir.keyholders())?.roster;
        let args = self.online.clone().complete(context, ui, &policy, &roster)?;
        let mut keys = OnlineKeys::new(context, &args, &roster)?;
        let quorum = |role, file: &PublishedFile| {
            let incoming = view.role(role).cloned();
            let incoming = incoming.ok_or_else(|| Failure::could_not(format!("the root has no role {role}")))?;
            let keys = Quorum { outgoing: None, incoming, emergency: false };
            let seen = seen::seen(context, &policy.id, role)?;
            let known: Vec<_> = seen.iter().map(|seen| (seen, "this machine has seen")).collect();
            seen::refuse_older(role, Some(&file.metadata), &known, &keys)?;
            Ok::<_, Failure>(keys)
        };
        let present = SealedFile { metadata: snapshot.metadata.clone(), bytes: snapshot.bytes.clone() };
        let online = Online {
            policy: &policy,
            snapshot_keys: quorum("snapshot", snapshot)?,
            timestamp_keys: quorum("timestamp", timestamp)?,
            snapshot: Some(&present),
            timestamp: Some(&timestamp.metadata),
            snapshots_taken: published.snapshots_taken.clone(),
            timestamps_taken: Vec::new(),
            now: context.now,
        };
        let Sealing { seals, absent } = seal(&Default::default(), &online, &mut keys).map_err(unsealed)?;
        let expires = |sealed: &Option<SealedFile>, present: &PublishedFile| {
            sealed.as_ref().map_or_else(|| present.metadata.expires(), |file| file.metadata.expires())
        };
        let mut report = Renewed {
            dry_run: self.dry_run,
            writes: Vec::new(),
            absent: describe(absent),
            by_others: ["snapshot", "timestamp"]
                .iter()
                .all(|role| policy.role(role).is_some_and(|role| role.signers == Signers::External)),
            snapshot: expires(&seals.snapshot, snapshot),
            timestamp: expires(&seals.timestamp, timestamp),
            now: context.now,
        };
        let verified = Sealed::renewal(seals.clone()).verify(Order::RootLast, |writes| {
            report.writes = writes.iter().map(|write| write.name.clone()).collect();
            if writes.is_empty() {
                return Ok(());
            }
            tried(&simulate(&source, &published, writes, context.now)?)
        })?;
        if !self.dry_run {
            report.writes = publishing::publish(&lock, &repository, &workdir.targets(), &verified)?.metadata;
            seen::remember(context, &policy.id, &seals, &published)?;
        }
        Ok(Outcome::done(report))
    }
}

/// Verifies from the trusted root what is published: nothing is signed over anything else.
fn verified(source: &dyn Source, pin: &[u8], then: Time) -> Result<(), Failure> {
    // A size over the clients' limit is a finding of the ceremony that published it.
    let limits = Limits { snapshot: METADATA_LIMIT, targets: METADATA_LIMIT, ..Limits::default() };
    check(source, pin, &Cache::default(), then, &[], limits).map(drop).map_err(|error| {
        let message = "what is published does not verify from the trusted root: nothing was signed over it";
        let failure = if error.is_verdict() { Failure::no(message) } else { Failure::could_not(message) };
        failure.caused_by(&error)
    })
}

/// Whether clients take what would be written.
fn tried(simulation: &Simulation) -> Result<(), Failure> {
    if simulation.breaks.is_empty() {
        return Ok(());
    }
    let failure = Failure::no(simulation.headline());
    let failure = simulation.breaks.iter().fold(failure, |failure, broken| failure.and_cause(broken.to_string()));
    let expired = "`trustroot status` shows what has expired: what people sign, a ceremony renews";
    Err(if simulation.starts.is_empty() { failure.hint(expired) } else { failure })
}

/// Now; or, if the online files have expired, the last second at which they were good: renewing them is the cure.
fn last_good(now: Time, snapshot: &PublishedFile, timestamp: &PublishedFile) -> Time {
    let expires = snapshot.metadata.expires().min(timestamp.metadata.expires());
    let last = Time::from_unix(expires.unix() - 1).unwrap_or(now);
    now.min(last)
}

/// What was renewed, or would be.
struct Renewed {
    dry_run: bool,
    writes: Vec<String>,
    /// The online keys that had no part in it, and why.
    absent: Vec<String>,
    /// Whether the policy leaves both roles to somebody else.
    by_others: bool,
    snapshot: Time,
    timestamp: Time,
    now: Time,
}

impl fmt::Display for Renewed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said = match (self.writes.is_empty(), self.dry_run) {
            (true, _) if self.by_others => {
                "Nothing to do here: the policy leaves snapshot and timestamp to others.".to_owned()
            }
            (true, _) => "Nothing is due.".to_owned(),
            (false, true) => format!("Would write {}.", self.writes.join(", then ")),
            (false, false) => format!("Wrote {}.", self.writes.join(", then ")),
        };
        f.write_str(&wrapped(&said, 0))?;
        for absent in &self.absent {
            f.write_str(&wrapped(&escaped(absent).to_string(), 0))?;
        }
        for (role, expires) in [("timestamp", self.timestamp), ("snapshot ", self.snapshot)] {
            let verb = if expires <= self.now { "EXPIRED" } else { "expires" };
            writeln!(f, "  {role} {verb} {expires}")?;
        }
        Ok(())
    }
}

impl Report for Renewed {
    fn json(&self) -> Json {
        object([
            ("ok", Json::Bool(true)),
            ("dry_run", Json::Bool(self.dry_run)),
            ("writes", self.writes.iter().map(Json::string).collect()),
            ("absent", self.absent.iter().map(Json::string).collect()),
            ("snapshot_expires", Json::string(self.snapshot.to_string())),
            ("timestamp_expires", Json::string(self.timestamp.to_string())),
        ])
    }
}
