//! `trustroot publish`

mod done;
mod seals;

use std::path::{Path, PathBuf};

use ceremony::policy::Signers;
use ceremony::stage::StagedRole;
use ceremony::{
    Assembled, Finding, MemorySource, Metadata, Order, Rule, Sealed, Source, Staged, Time, Verified, Write,
};

use crate::ceremony_dir::{Ceremony, Outline};
use crate::context::Context;
use crate::deadlines::Deadline;
use crate::disk;
use crate::error::Failure;
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
use seals::{PUT_BACK, seal, store_seals};
pub(crate) use seals::{describe, unsealed};

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
        let (verified, simulation) = prove(&ceremony, &published, sealed, &absent, context)?;
        let targets = if self.dry_run { verified.targets().count() } else { 0 };
        let writes = verified.writes().iter().map(|write| write.name.clone()).collect();
        let name = ceremony.name.clone();
        let policy = &ceremony.inputs.policy;
        let others = ["snapshot", "timestamp"]
            .into_iter()
            .filter(|role| policy.role(role).is_some_and(|role| role.signers == Signers::External));
        let others = others.collect();
        let mut report =
            Done { ceremony: name, dry_run: self.dry_run, targets, writes, absent, simulation, online_keys, others };
        if !self.dry_run {
            store_seals(&lock, &ceremony, verified.seals())?;
            let written = publishing::publish(&lock, &repository, &workdir.targets(), &verified)?;
            (report.targets, report.writes) = (written.targets, written.metadata);
            let newest = verified.writes().iter().find(|write| write.name.ends_with(".root.json"));
            remember(context, &ceremony, newest)?;
            seen::remember(context, &ceremony.inputs.policy.id, verified.seals(), &published)?;
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

/// Tries the writes in the order in which no client breaks; or, if the policy accepts it, in the one in which fewest do.
fn prove(
    ceremony: &Ceremony,
    published: &Published,
    sealed: Sealed,
    absent: &[String],
    context: &Context,
) -> Result<(Verified, Simulation), Failure> {
    let place = context.workdir.repository().root().clone();
    let (present, empty) = (Directory::new(place.path()), MemorySource::new());
    let source: &dyn Source = if disk::exists(&place)? { &present } else { &empty };
    // What is tried is what was read and signed over, whoever writes there meanwhile.
    let held = published.over(source)?;
    let look = |sealed: Sealed, order| sealed.verify(order, |writes| simulate(&held, published, writes, context.now));
    let (mut verified, mut simulation) = look(sealed.clone(), Order::RootLast)?;
    if !simulation.breaks.is_empty() {
        let other = look(sealed, Order::RootBeforeTimestamp)?;
        if other.1.breaks.len() < simulation.breaks.len() {
            (verified, simulation) = other;
        }
    }
    if !simulation.breaks.is_empty() {
        let root = verified
            .writes()
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
            let others = Deadline::expired_of_others(&ceremony.inputs.policy, published, context.now);
            if !others.is_empty() {
                return Err(others.into_iter().fold(failure, Failure::hint));
            }
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
    Ok((verified, simulation))
}

/// The coordinator's machine trusts what it has just proven and published.
fn remember(context: &Context, ceremony: &Ceremony, root: Option<&Write>) -> Result<(), Failure> {
    if let Some(root) = root {
        context.machine.trust(&ceremony.inputs.policy.id, &root.bytes)?;
    }
    Ok(())
}
