//! `trustroot renew`

use std::fmt;
use std::path::PathBuf;

use ceremony::policy::Signers;
use ceremony::{Json, Online, Order, Policy, Quorum, Root, Sealed, SealedFile, Sealing, Seals, Source, Time, seal};

use crate::audit::Audit;
use crate::client::store::Cache;
use crate::client::{Limits, check};
use crate::clock;
use crate::commands::publish::{describe, unsealed};
use crate::context::Context;
use crate::copies;
use crate::deadlines::{Deadline, table};
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
use crate::source::Served;
use crate::text::{escaped, wrapped};
use crate::ui::Ui;

/// Renew snapshot and timestamp by the online key, where they are due
///
/// Made to be run by a timer, unattended and often: while nothing is due it writes nothing and succeeds. Every time it
/// verifies all that is published from a trusted root, target files too, and that the online key is at hand and the
/// clock can be right: what would keep it from renewing is found before anything is due.
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
        let mut published = Published::read(&repository)?;
        let (Some(snapshot), Some(timestamp)) = (&published.snapshot, &published.timestamp) else {
            return Err(nothing_there(context, &policy, &published));
        };
        // What is verified is what is signed over, whoever writes there meanwhile.
        let directory = Served::in_directory(repository.root().path());
        let source = published.over(&directory)?;
        let pin = pin(context, self.root.as_deref(), &policy.id)?;
        let view = verify(context, &policy, &published, &source, &pin)?;
        clock::refuse_slow(workdir, &policy, &published, context.now)?;

        let roster = Keyholders::load(&workdir.keyholders())?.roster;
        let args = self.online.clone().complete(context, ui, &policy, &roster)?;
        let mut keys = OnlineKeys::new(context, &args, &roster)?;
        let quorum = |role, file: &PublishedFile| {
            let incoming = view.role(role).cloned();
            let incoming = incoming.ok_or_else(|| Failure::could_not(format!("the root has no role {role}")))?;
            let keys = Quorum { outgoing: None, incoming, emergency: false };
            let seen = seen::seen(context, &policy.id, role)?;
            let known: Vec<_> = seen.iter().map(|seen| (seen, "this machine has seen")).collect();
            seen::refuse_older(role, Some(&file.metadata), &known, &keys).map_err(|failure| {
                copies::of(context, &policy, "timestamp.json").into_iter().fold(failure, Failure::hint)
            })?;
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
        // A key that is gone is found today, and not when the window is about to close.
        let left = [
            ("snapshot", &seals.snapshot, &online.snapshot_keys),
            ("timestamp", &seals.timestamp, &online.timestamp_keys),
        ];
        let left = left.into_iter().filter(|(role, sealed, _)| sealed.is_none() && is_ours(&policy, role));
        let lacks = left.filter_map(|(role, _, quorum)| keys.at_hand(role, &quorum.incoming).err()).next();
        let lacks = match lacks {
            Some(failure) if seals == Seals::default() => return Err(failure),
            // What can be renewed is renewed all the same.
            lacks => lacks.map(|failure| failure.line()),
        };
        let mut report = Renewed {
            dry_run: self.dry_run,
            writes: Vec::new(),
            absent: describe(absent),
            lacks,
            by_others: !["snapshot", "timestamp"].iter().any(|role| is_ours(&policy, role)),
            deadlines: Vec::new(),
            now: context.now,
        };
        let (verified, ()) = Sealed::renewal(seals.clone()).verify(Order::RootLast, |writes| {
            report.writes = writes.iter().map(|write| write.name.clone()).collect();
            if writes.is_empty() {
                return Ok(());
            }
            let others = Deadline::expired_of_others(&policy, &published, context.now);
            tried(&simulate(&source, &published, writes, context.now)?, others)
        })?;
        if !self.dry_run {
            report.writes = publishing::publish(&lock, &repository, &workdir.targets(), &verified)?.metadata;
            seen::remember(context, &policy.id, &seals, &published)?;
            let file = |sealed: SealedFile| PublishedFile { metadata: sealed.metadata, bytes: sealed.bytes };
            published.snapshot = seals.snapshot.map(file).or(published.snapshot);
            published.timestamp = seals.timestamp.map(file).or(published.timestamp);
        }
        report.deadlines = Deadline::all(&policy, &published);
        Ok(Outcome::answer(report.lacks.is_none(), report))
    }
}

/// Whether clients take what would be written; `others` says what somebody else has let expire.
fn tried(simulation: &Simulation, others: Vec<String>) -> Result<(), Failure> {
    if simulation.breaks.is_empty() {
        return Ok(());
    }
    let failure = Failure::no(simulation.headline());
    let failure = simulation.breaks.iter().fold(failure, |failure, broken| failure.and_cause(broken.to_string()));
    let expired = "`trustroot status` shows what has expired: what people sign, a ceremony renews";
    Err(match (simulation.starts.is_empty(), others.is_empty()) {
        (true, true) => failure.hint(expired),
        (true, false) => others.into_iter().fold(failure, Failure::hint),
        (false, _) => failure,
    })
}

fn is_ours(policy: &Policy, role: &str) -> bool {
    policy.role(role).is_none_or(|role| role.signers != Signers::External)
}

/// Verifies every file that clients read, from the trusted root and from the first one that is published, and returns
/// the newest root.
fn verify(
    context: &Context,
    policy: &Policy,
    published: &Published,
    source: &dyn Source,
    pin: &[u8],
) -> Result<Root, Failure> {
    let mend = |failure: Failure| failure.hint(copies::MEND);
    let view = led_to(pin, published).map_err(mend)?;
    if let Some(first) = published.roots.first() {
        led_to(&first.bytes, published).map_err(mend)?;
    }
    let problems = Audit::damage(source, &view).map_err(mend)?;
    if !problems.is_empty() {
        let message = match problems.len() {
            1 => "clients refuse a file that is published: nothing was signed over it".to_owned(),
            several => {
                format!("clients refuse files that are published, {several} of them: nothing was signed over them")
            }
        };
        let shown = problems.iter().take(SHOWN).map(|problem| format!("{}: {}", problem.subject, problem.what));
        let failure = shown.fold(Failure::no(message), Failure::and_cause);
        let copies = problems.iter().take(SHOWN).filter_map(|problem| copies::of(context, policy, &problem.subject));
        return Err(copies.fold(mend(failure), Failure::hint));
    }
    // A size over the clients' limit is a finding of the ceremony that published it.
    let limits = Limits { snapshot: METADATA_LIMIT, targets: METADATA_LIMIT, ..Limits::default() };
    let (snapshot, timestamp) = (published.snapshot.as_ref(), published.timestamp.as_ref());
    let then = last_good(context.now, snapshot.into_iter().chain(timestamp));
    check(source, pin, &Cache::default(), then, &[], limits).map_err(|error| {
        let message = "what is published does not verify from the trusted root: nothing was signed over it";
        let failure = if error.is_verdict() { Failure::no(message) } else { Failure::could_not(message) };
        failure.caused_by(&error).hint("`trustroot status` shows what has expired: what people sign, a ceremony renews")
    })?;
    Ok(view)
}

/// How many problems are told, of which one would be enough.
const SHOWN: usize = 5;

/// Why nothing can be renewed: nothing was ever published, or what was is not there any more.
fn nothing_there(context: &Context, policy: &Policy, published: &Published) -> Failure {
    let Some(root) = published.roots.last().map(|root| root.metadata.version()) else {
        return Failure::no("nothing is published that could be renewed")
            .hint("`trustroot publish` makes the first snapshot and timestamp");
    };
    let lacks = if published.timestamp.is_some() { "names no snapshot" } else { "is not there" };
    let failure = Failure::no(format!("root {root} is published, and repository/timestamp.json {lacks}"));
    let failure = failure.hint(copies::MEND);
    copies::of(context, policy, "timestamp.json").into_iter().fold(failure, Failure::hint)
}

/// Now; or, if the online files have expired, the last second at which they were good: renewing them is the cure.
fn last_good<'a>(now: Time, online: impl Iterator<Item = &'a PublishedFile>) -> Time {
    let last = |file: &PublishedFile| Time::from_unix(file.metadata.expires().unix() - 1);
    online.filter_map(last).fold(now, Time::min)
}

/// What was renewed, or would be.
struct Renewed {
    dry_run: bool,
    writes: Vec<String>,
    /// The online keys that had no part in it, and why.
    absent: Vec<String>,
    /// The role that could not be renewed when it is due, and why.
    lacks: Option<String>,
    /// Whether the policy leaves both roles to somebody else.
    by_others: bool,
    /// Of all that is published then.
    deadlines: Vec<Deadline>,
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
        for absent in self.absent.iter().chain(&self.lacks) {
            f.write_str(&wrapped(&escaped(absent).to_string(), 0))?;
        }
        f.write_str(&table(&self.deadlines, self.now))
    }
}

impl Report for Renewed {
    fn json(&self) -> Json {
        let expires = |role: &str| {
            let deadline = self.deadlines.iter().find(|deadline| deadline.role == role);
            deadline.map_or(Json::Null, |deadline| Json::string(deadline.expires.to_string()))
        };
        object([
            ("ok", Json::Bool(self.lacks.is_none())),
            ("dry-run", Json::Bool(self.dry_run)),
            ("writes", self.writes.iter().map(Json::string).collect()),
            ("lacks", self.lacks.as_ref().map_or(Json::Null, Json::string)),
            ("absent", self.absent.iter().map(Json::string).collect()),
            ("snapshot-expires", expires("snapshot")),
            ("timestamp-expires", expires("timestamp")),
            ("deadlines", self.deadlines.iter().map(|deadline| deadline.json(self.now)).collect()),
        ])
    }
}
