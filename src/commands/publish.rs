//! `trustroot publish`

mod done;

use std::path::{Path, PathBuf};

use ceremony::policy::Signers;
use ceremony::stage::StagedRole;
use ceremony::{
    Absent, Assembled, Finding, MemorySource, Metadata, Online, Order, Quorum, Rule, SealError, Sealed, SealedFile,
    Sealing, Seals, Source, Staged, Time, Write,
};

use crate::ceremony_dir::{Ceremony, Outline};
use crate::context::Context;
use crate::disk::{self, Access, Lock};
use crate::error::{Failure, OrFail as _};
use crate::examine::examine;
use crate::online::{OnlineArgs, OnlineKeys};
use crate::pinned::{led_to, pin};
use crate::published::{METADATA_LIMIT, Published, PublishedFile, numbered};
use crate::publishing;
use crate::report::Outcome;
use crate::seen;
use crate::simulate::{Simulation, simulate};
use crate::source::disk::Directory;
use crate::ui::Ui;
use done::Done;

/// Publish a ceremony whose signatures are complete
///
/// Derives the proposal again, verifies every signature, has the online key sign snapshot and timestamp, looks at the
/// result as every client would after every single write, and then writes in that order. Killed anywhere and run
/// again, it ends in the same state.
#[derive(clap::Args)]
pub(crate) struct Publish {
    /// The ceremony; not needed while only one is open
    ceremony: Option<String>,
    /// Trust this root; by default the one that this machine remembers
    #[arg(long, value_name = "FILE")]
    root: Option<PathBuf>,
    /// Print what would be written, in order, and write nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    online: OnlineArgs,
}

impl Publish {
    pub(crate) fn run(self, context: &Context, ui: &mut Ui) -> Result<Outcome, Failure> {
        let workdir = &context.workdir;
        let lock = workdir.lock()?;
        let ceremony = Ceremony::choose(context, ui, self.ceremony.as_deref())?;
        let repository = workdir.repository();
        let published = Published::read(&repository)?;
        ceremony.refuse_closed()?;
        if is_over(context, &ceremony, &published)? {
            vouched_for(context, &ceremony, self.root.as_deref(), &published)?;
            return Ok(Outcome::done(Done { ceremony: ceremony.name, dry_run: self.dry_run, ..Done::default() }));
        }
        let examined = examine(context, &ceremony, self.root.as_deref(), ui)?;
        match is_begun(examined.staged(), &published) {
            true => examined.fit_to_resume()?,
            false => examined.fit_to_sign()?,
        }
        let staged = examined.staged().clone();
        still_next(&staged, &published, context.now)?;
        let assembled = assemble(&ceremony, staged)?.continued(|role| published.latest(role));

        let online_keys = self.online.online_keys.clone();
        let online = self.online.complete(context, ui, &ceremony.inputs.policy, &ceremony.roster)?;
        let mut keys = OnlineKeys::new(context, &online, &ceremony.roster)?;
        let (sealed, absent) = seal(&ceremony, &assembled, &published, &mut keys, context)?;
        let (sealed, order, simulation) = prove(&ceremony, &published, sealed, &absent, context)?;
        let verified = sealed.clone().verify(order, |_| Ok::<(), Failure>(()))?;
        let targets = if self.dry_run { verified.targets().count() } else { 0 };
        let writes = verified.writes().iter().map(|write| write.name.clone()).collect();
        let name = ceremony.name.clone();
        let mut report =
            Done { ceremony: name, dry_run: self.dry_run, targets, writes, absent, simulation, online_keys };
        if !self.dry_run {
            store_seals(&lock, &ceremony, sealed.seals())?;
            let written = publishing::publish(&lock, &repository, &workdir.targets(), &verified)?;
            (report.targets, report.writes) = (written.targets, written.metadata);
            let newest = verified.writes().iter().find(|write| write.name.ends_with(".root.json"));
            remember(context, &ceremony, newest)?;
            seen::remember(context, &ceremony.inputs.policy.id, sealed.seals(), &published)?;
        }
        Ok(Outcome::done(report))
    }
}

/// Whether clients see all of it: these very files, or later ones. This machine may trust the new root then, from which
/// nothing leads back to this proposal.
fn is_over(context: &Context, ceremony: &Ceremony, published: &Published) -> Result<bool, Failure> {
    let base = &ceremony.base;
    let same = |file: Option<&PublishedFile>, base: Option<&Metadata>| {
        file.map(|file| file.metadata.version()) == base.map(Metadata::version)
    };
    // The staged files need not be read while nothing was published since the ceremony was staged.
    if same(published.roots.last(), base.root())
        && same(published.snapshot.as_ref(), base.snapshot.as_ref())
        && published.roles.iter().all(|(role, file)| same(Some(file), base.roles.get(role)))
    {
        return Ok(false);
    }
    let outline = Outline::read(&context.workdir, &ceremony.name)?;
    for (role, version) in &outline.staged {
        let same_version = |file: &&PublishedFile| file.metadata.version() == *version;
        let present = match role.as_str() {
            "root" => published.roots.iter().find(same_version),
            role => published.roles.get(role).filter(same_version),
        };
        let Some(present) = present else { continue };
        let file = PublishedFile::parse(disk::read(&ceremony.dir.staged_role(role), METADATA_LIMIT)?)?;
        if present.metadata.payload() != file.metadata.payload() {
            return Ok(false);
        }
    }
    outline.is_published(published)
}

/// Anybody can write files that say that all of it is published: a trusted root must lead to them.
fn vouched_for(
    context: &Context,
    ceremony: &Ceremony,
    root: Option<&Path>,
    published: &Published,
) -> Result<(), Failure> {
    let newest = led_to(&pin(context, root, &ceremony.inputs.policy.id)?, published)?;
    for (role, file) in [("snapshot", &published.snapshot), ("timestamp", &published.timestamp)] {
        if !newest.role(role).zip(file.as_ref()).is_some_and(|(keys, file)| keys.met_by(&file.metadata)) {
            let message = format!("the {role} in repository/ says that {} is published, and", ceremony.name);
            let message = format!("{message} is not signed by those who may sign it: no client believes it");
            return Err(Failure::no(message).hint(PUT_BACK));
        }
    }
    Ok(())
}

/// Whether anything of it is published.
fn is_begun(staged: &Staged, published: &Published) -> bool {
    let same = |role: &str, staged: &StagedRole| {
        let present = published.latest(role).filter(|file| file.version() == staged.metadata.version());
        present.is_some_and(|file| file.payload() == staged.payload)
    };
    staged.roles().iter().any(|(role, staged)| same(role, staged))
}

/// Whether the proposal still follows what is published, or is published in part.
fn still_next(staged: &Staged, published: &Published, now: Time) -> Result<(), Failure> {
    let say = |version: Option<u64>| version.map_or("nothing".to_owned(), |version| format!("version {version}"));
    for (role, staged) in staged.roles() {
        let present = published.latest(role);
        let version = present.map(Metadata::version);
        let done = present.is_some_and(|file| file.payload() == staged.payload);
        if version != staged.replaces && !done {
            let (base, found) = (say(staged.replaces), say(version));
            return Err(Failure::no(format!("{role} was staged to follow {base}, but {found} is published"))
                .hint("close this ceremony with `trustroot abandon`, and stage again"));
        }
        if staged.metadata.expires() <= now {
            let message =
                format!("{role} version {} expired at {}", staged.metadata.version(), staged.metadata.expires());
            return Err(Failure::no(message).hint("close this ceremony with `trustroot abandon`, and stage again"));
        }
    }
    Ok(())
}

/// Verifies every signature again, whatever an earlier command said.
fn assemble(ceremony: &Ceremony, staged: Staged) -> Result<Assembled, Failure> {
    let stale = ceremony
        .signatures
        .iter()
        .filter(|file| staged.roles().get(&file.role).is_none_or(|role| role.payload.digest() != file.payload));
    let stale = stale.count();
    let (id, holders) = (&ceremony.inputs.policy.id, &ceremony.inputs.holders);
    staged.assemble(id, &ceremony.signatures, holders).map_err(|unmet| {
        let mut failure = Failure::no("the ceremony is not signed completely");
        for unmet in unmet {
            failure = failure.and_cause(format!("unmet: {unmet}"));
        }
        if stale > 0 {
            failure = failure.and_cause(format!("{stale} signature(s) are stale: they cover another proposal"));
        }
        failure.hint(format!("`trustroot status {}` shows who is missing", ceremony.name))
    })
}

/// The online roles as they were signed for this publication before, highest versions; and all versions of snapshots and
/// of timestamps, for no version is signed twice.
fn load_seals(ceremony: &Ceremony) -> Result<(Seals, Vec<u64>, Vec<u64>), Failure> {
    let mut seals = Seals::default();
    let (mut snapshots, mut timestamps) = (Vec::new(), Vec::new());
    let place = ceremony.dir.published();
    for entry in disk::list(&place, 10_000)? {
        let file = PublishedFile::parse(disk::read(&place.join(&entry.name), METADATA_LIMIT)?)
            .or_fail(|| format!("published/{} cannot be used", entry.name))?;
        let file = SealedFile { metadata: file.metadata, bytes: file.bytes };
        let (slot, taken) = match numbered(&entry.name) {
            Some((_, "snapshot")) => (&mut seals.snapshot, &mut snapshots),
            Some((_, "timestamp")) => (&mut seals.timestamp, &mut timestamps),
            _ => return Err(Failure::no(format!("published/{} has no place in a ceremony", entry.name))),
        };
        taken.push(file.metadata.version());
        let newer = |held: &SealedFile| held.metadata.version() < file.metadata.version();
        if slot.as_ref().is_none_or(newer) {
            *slot = Some(file);
        }
    }
    Ok((seals, snapshots, timestamps))
}

/// Keeps what the online keys signed before the first write outside: a second signature would be another file.
fn store_seals(lock: &Lock, ceremony: &Ceremony, seals: &Seals) -> Result<(), Failure> {
    disk::sweep(lock, &ceremony.dir.published())?;
    for (role, file) in [("snapshot", &seals.snapshot), ("timestamp", &seals.timestamp)] {
        if let Some(file) = file {
            let place = ceremony.dir.published().join(&format!("{}.{role}.json", file.metadata.version()));
            disk::create_or_same(&place, &file.bytes, Access::Shared)?;
        }
    }
    Ok(())
}

/// Takes what was signed before where it still serves, and has the rest signed. Returns also who had no part in it.
fn seal(
    ceremony: &Ceremony,
    assembled: &Assembled,
    published: &Published,
    keys: &mut OnlineKeys<'_>,
    context: &Context,
) -> Result<(Sealed, Vec<String>), Failure> {
    let (staged, now) = (assembled.staged(), context.now);
    let quorum = |role| staged.quorum(role).ok_or_else(|| Failure::could_not(format!("the root has no role {role}")));
    let (snapshot_keys, timestamp_keys) = (quorum("snapshot")?, quorum("timestamp")?);
    fit_to_edit(context, ceremony, "snapshot", published.snapshot.as_ref(), &snapshot_keys)?;
    fit_to_edit(context, ceremony, "timestamp", published.timestamp.as_ref(), &timestamp_keys)?;

    let (before, snapshots, timestamps) = load_seals(ceremony)?;
    let sealed = |file: &PublishedFile| SealedFile { metadata: file.metadata.clone(), bytes: file.bytes.clone() };
    let serves = |file: &SealedFile, published: &Option<PublishedFile>, keys: &Quorum| {
        let version = published.as_ref().map_or(0, |file| file.metadata.version());
        file.metadata.version() > version && now < file.metadata.expires() && keys.incoming.met_by(&file.metadata)
    };
    let snapshot = before.snapshot.filter(|file| serves(file, &published.snapshot, &snapshot_keys));
    let present = snapshot.clone().or_else(|| published.snapshot.as_ref().map(sealed));
    let kept_timestamp = before.timestamp.filter(|file| {
        let names = ceremony::Meta::of(&file.metadata).ok().and_then(|meta| meta.file("snapshot.json").cloned());
        let names_present = names.map(|entry| entry.version) == present.as_ref().map(|file| file.metadata.version());
        names_present && serves(file, &published.timestamp, &timestamp_keys)
    });
    let published_timestamp = published.timestamp.as_ref().map(|file| &file.metadata);
    let online = Online {
        policy: &ceremony.inputs.policy,
        snapshot_keys,
        timestamp_keys,
        snapshot: present.as_ref(),
        timestamp: kept_timestamp.as_ref().map(|file| &file.metadata).or(published_timestamp),
        snapshots_taken: [&published.snapshots_taken[..], &snapshots].concat(),
        timestamps_taken: timestamps,
        now,
    };
    let Sealing { seals, absent } = assembled.seal(&online, keys).map_err(unsealed)?;
    // A new snapshot makes every kept timestamp name the wrong one, and then a new timestamp was made as well.
    let snapshot = seals.snapshot.or(snapshot);
    let timestamp = seals.timestamp.or(kept_timestamp);
    Ok((assembled.with(Seals { snapshot, timestamp }), describe(absent)))
}

const PUT_BACK: &str = "nothing was signed over it; find out who put it there, and put the right one back";

/// What the online keys sign is an edit of what is published: it must not have been put there by somebody else, nor put
/// back.
fn fit_to_edit(
    context: &Context,
    ceremony: &Ceremony,
    role: &str,
    published: Option<&PublishedFile>,
    keys: &Quorum,
) -> Result<(), Failure> {
    let policy = &ceremony.inputs.policy;
    if policy.role(role).is_some_and(|role| role.signers == Signers::External) {
        return Ok(());
    }
    // What lies in base/ was vouched for by the roots before, and everybody was told.
    let base = if role == "snapshot" { &ceremony.base.snapshot } else { &ceremony.base.timestamp };
    let seen = seen::seen(context, &policy.id, role)?;
    let known = base.iter().map(|base| (base, "the ceremony started from"));
    let known: Vec<_> = known.chain(seen.iter().map(|seen| (seen, "this machine has seen"))).collect();
    seen::refuse_older(role, published.map(|file| &file.metadata), &known, keys)?;
    let Some(PublishedFile { metadata, .. }) = published else { return Ok(()) };
    let reviewed = base.as_ref().is_some_and(|base| base.payload() == metadata.payload());
    if reviewed || keys.sets().any(|set| set.met_by(metadata)) {
        return Ok(());
    }
    let message =
        format!("{role} version {} in repository/ is not signed by those who may sign it", metadata.version());
    Err(Failure::no(message).hint(PUT_BACK))
}

/// One sentence for each key that had no part in what was sealed.
pub(crate) fn describe(absent: Vec<Absent<Failure>>) -> Vec<String> {
    let line = |absent: Absent<Failure>| {
        format!("the online key {} did not sign: {}", absent.fingerprint.short(), absent.error.line())
    };
    absent.into_iter().map(line).collect()
}

/// The failure of a key is more telling than that there was one.
pub(crate) fn unsealed(error: SealError<Failure>) -> Failure {
    match error {
        SealError::Sign { role, error } => error.in_context(format!("{role} could not be signed")),
        error => Failure::could_not(error.to_string()),
    }
}

/// Finds the order in which no client breaks; or, if the policy accepts it, the one in which fewest do.
fn prove(
    ceremony: &Ceremony,
    published: &Published,
    sealed: Sealed,
    absent: &[String],
    context: &Context,
) -> Result<(Sealed, Order, Simulation), Failure> {
    let place = context.workdir.repository().root().clone();
    let (present, empty) = (Directory::new(place.path()), MemorySource::new());
    let source: &dyn Source = if disk::exists(&place)? { &present } else { &empty };
    // What is tried is what was read and signed over, whoever writes there meanwhile.
    let held = published.over(source)?;
    let look = |order| simulate(&held, published, &sealed.writes(order), context.now);
    let mut best = (Order::RootLast, look(Order::RootLast)?);
    if !best.1.breaks.is_empty() {
        let other = look(Order::RootBeforeTimestamp)?;
        if other.breaks.len() < best.1.breaks.len() {
            best = (Order::RootBeforeTimestamp, other);
        }
    }
    let (order, simulation) = best;
    if !simulation.breaks.is_empty() {
        let root = sealed
            .writes(order)
            .iter()
            .filter_map(|write| numbered(&write.name))
            .find(|(_, role)| *role == "root")
            .map(|(version, _)| version);
        let root = root.or_else(|| published.roots.last().map(|file| file.metadata.version())).unwrap_or(0);
        let what = simulation.breaks.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        let finding = Finding::new(Rule::ClientsBreak, format!("root {root}"), what);
        if ceremony.inputs.policy.accepts(&finding, context.now).is_none() {
            let causes = absent.iter().cloned().chain(simulation.breaks.iter().map(ToString::to_string));
            let failure = causes.fold(Failure::no(simulation.headline()), Failure::and_cause);
            let mend = match (simulation.starts.is_empty(), absent.is_empty()) {
                (true, _) => "`trustroot status` shows what has expired: stage that too",
                (false, true) => "stage a change that the outgoing keys sign too",
                (false, false) => "publish where the outgoing online key is at hand, so that it signs too",
            };
            return Err(failure.hint(mend).hint(format!(
                "or, in an emergency, close this ceremony with `trustroot abandon`, say that it is one with `trustroot \
                 accept {} '{}'`, and stage again",
                finding.rule, finding.subject
            )));
        }
    }
    Ok((sealed, order, simulation))
}

/// The coordinator's machine trusts what it has just proven and published.
fn remember(context: &Context, ceremony: &Ceremony, root: Option<&Write>) -> Result<(), Failure> {
    if let Some(root) = root {
        context.machine.trust(&ceremony.inputs.policy.id, &root.bytes)?;
    }
    Ok(())
}
