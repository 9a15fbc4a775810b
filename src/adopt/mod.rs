//! Taking over a TUF repository that another tool made.

pub(crate) mod findings;
pub(crate) mod holding;
pub(crate) mod names;
pub(crate) mod origin;
mod policy;
pub(crate) mod report;
pub(crate) mod state;
mod takeover;
mod terms;

use ceremony::history::History;
use ceremony::policy::Signers;
use ceremony::stage::Reason;
use ceremony::{Finding, Metadata, Root, Source as _, SourceError, Tally, Time, TufKey, tally};

use crate::adopt::findings::Found;
use crate::adopt::holding::{Holding, Wishes};
use crate::adopt::origin::Origin;
use crate::adopt::state::{State, refuse_expired};
use crate::adopt::takeover::Taken;
use crate::client::store::Cache;
use crate::client::{Limits, check};
use crate::disk::{self, Batch, Lock};
use crate::error::{Failure, OrFail as _};
use crate::machine::Machine;
use crate::published::{METADATA_LIMIT, PublishedFile, numbered};
use crate::source::Address;
use crate::workdir::Workdir;

/// What appears in the work directory, the policy last: without it nothing here is a trust root.
const MADE: [&str; 4] = ["repository", "targets", "keyholders", "trustroot.toml"];

/// What is taken over, and how.
pub(crate) struct Request {
    pub(crate) from: Address,
    pub(crate) targets: Option<Address>,
    /// The bytes of the root that the user trusts.
    pub(crate) root: Vec<u8>,
    pub(crate) wishes: Wishes,
    /// The id of the new trust root.
    pub(crate) id: String,
    /// Its name for people.
    pub(crate) title: String,
}

/// A repository that was taken over.
pub(crate) struct Adopted {
    pub(crate) id: String,
    /// Its name for people.
    pub(crate) title: String,
    /// From the root that the user trusts to the latest.
    pub(crate) history: History,
    /// How many roots are older than the one that the user trusts.
    pub(crate) older: usize,
    pub(crate) roles: Vec<AdoptedRole>,
    pub(crate) taken: Taken,
    /// What was found, and whether it is accepted in the policy now.
    pub(crate) findings: Vec<(Finding, bool)>,
    /// What would be staged now, with the reason.
    pub(crate) due: Vec<(String, Reason)>,
}

/// A role and who signs it from now on.
pub(crate) struct AdoptedRole {
    pub(crate) name: String,
    pub(crate) signers: Signers,
    pub(crate) threshold: u64,
    /// With the name of the holder, if the key has a record.
    pub(crate) keys: Vec<(TufKey, Option<String>)>,
    /// None for a delegated role that was never published.
    pub(crate) published: Option<PublishedRole>,
}

/// The file of a role that is in use.
pub(crate) struct PublishedRole {
    pub(crate) version: u64,
    pub(crate) expires: Time,
    /// How many distinct keys signed it.
    pub(crate) signed: usize,
}

impl PublishedRole {
    fn new(file: &Metadata, tally: &Tally) -> Self {
        Self { version: file.version(), expires: file.expires(), signed: tally.signed.len() }
    }
}

/// Verifies the repository from the root that the user trusts, and makes it the content of an empty work directory:
/// all of it or nothing.
///
/// # Errors
/// With exit code 1 if a client would refuse the repository; 2 if it cannot be read, or says what no policy can say.
pub(crate) fn adopt(workdir: &Workdir, machine: &Machine, request: &Request, now: Time) -> Result<Adopted, Failure> {
    machine.trusted(&request.id).or_fail(|| "this machine could not remember which root was adopted")?;
    let origin = Origin::open(&request.from, request.targets.as_ref())?;
    let (history, mut roots) = walk(&origin, &request.root)?;
    let latest = history.trusted().expect("a history without a stop has a root that is trusted");
    refuse_expired("root", &latest.metadata, now)?;
    if !latest.root.consistent_snapshot {
        return Err(Failure::could_not("the repository has no consistent snapshots: its root does not ask for them").hint(
            "trustroot publishes in no other way, since clients would meet files that change under them; turn them on \
             with the tool that made the repository, publish, then adopt",
        ));
    }
    let state = State::read(&origin, &latest.root, now)?;
    refuse_unfinished(&origin, &state, latest.root.version)?;
    let trusted = roots.last().expect("the pinned root is among them").bytes.clone();
    as_a_client(&origin, &trusted, now)?;
    let older = older_roots(&origin, roots.first().expect("the pinned root is among them"))?;
    let count = older.len();
    roots.splice(0..0, older);

    let holding = Holding::new(&latest.root, &state, &request.wishes)?;
    let policy = policy::text(&request.id, &request.title, &latest.metadata, &holding, now)?;

    let made = !disk::exists(workdir.root())?;
    disk::create_dir(workdir.root())?;
    let lock = workdir.lock()?;
    let written = write(workdir, &lock, &origin, &roots, &history, &state, &holding, policy, now);
    drop(lock);
    if made && written.is_err() {
        disk::remove_empty_dir(workdir.root());
    }
    let (taken, found) = written?;
    machine.trust(&request.id, &trusted).or_fail(|| "it was adopted, but this machine cannot remember its root")?;
    let name = |key: &TufKey| holding.names.of(&key.key.as_ref().ok()?.fingerprint()).map(ToString::to_string);
    let role = |role: holding::HeldRole<'_>| AdoptedRole {
        name: role.name.to_owned(),
        signers: role.signers,
        threshold: role.keys.threshold,
        keys: role.keys.keys.iter().map(|key| (key.clone(), name(key))).collect(),
        published: match role.role {
            None => Some(PublishedRole::new(&latest.metadata, &latest.incoming)),
            Some(role) => role.file.as_ref().map(|(file, tally)| PublishedRole::new(&file.metadata, tally)),
        },
    };
    let beyond = holding.beyond.iter().map(|role| holding::HeldRole {
        name: &role.name,
        keys: &role.keys,
        signers: Signers::External,
        role: Some(role),
    });
    let roles = holding.roles.iter().cloned().chain(beyond).map(role).collect();
    let (findings, due) = (found.findings, found.due);
    Ok(Adopted {
        id: request.id.clone(),
        title: request.title.clone(),
        older: count,
        roles,
        taken,
        findings,
        due,
        history,
    })
}

/// Writes everything; what is in the batch when something fails is gone.
#[expect(clippy::too_many_arguments, reason = "all of it is written, and nothing else is done with it")]
fn write(
    workdir: &Workdir,
    lock: &Lock,
    origin: &Origin,
    roots: &[PublishedFile],
    history: &History,
    state: &State,
    holding: &Holding<'_>,
    mut policy: String,
    now: Time,
) -> Result<(Taken, Found), Failure> {
    disk::take_back(lock, workdir.root(), &MADE)?;
    for name in MADE.into_iter().chain(["ceremonies"]) {
        let place = workdir.root().join(name);
        if disk::exists(&place)? {
            return Err(Failure::could_not(format!("{place} exists already"))
                .hint("adopt into an empty directory, named by -C DIR"));
        }
    }
    let mut batch = Batch::new(lock, workdir.root())?;
    for directory in &MADE[..3] {
        batch.create_dir(directory)?;
    }
    let taken = takeover::take(origin, roots, state, holding, &mut batch)?;
    let found = Found::new(&policy, roots, history, state, holding, &taken.wanted, now)?;
    policy.push_str(&found.accepts);
    for record in holding.roster.records() {
        batch.create(&format!("keyholders/{}.toml", record.name()), record.to_toml().as_bytes())?;
    }
    batch.create("trustroot.toml", policy.as_bytes())?;
    batch.commit_whole(&MADE)?;
    Ok((taken, found))
}

/// Walks from the root that the user trusts to the latest.
fn walk(origin: &Origin, pinned: &[u8]) -> Result<(History, Vec<PublishedFile>), Failure> {
    let mut files = vec![pinned.to_vec()];
    let history = History::walk(pinned, |version| {
        let bytes = origin.metadata(&format!("{version}.root.json"), METADATA_LIMIT)?;
        files.extend(bytes.clone());
        Ok::<_, SourceError>(bytes)
    })?;
    if let Some(stop) = &history.stop {
        return Err(Failure::no("the roots do not follow from the one that you trust")
            .caused_by(stop)
            .hint("nobody should trust this repository; ask its maintainers what happened"));
    }
    let steps = history.steps.iter().map(|step| step.metadata.clone());
    let mut roots: Vec<_> =
        files.into_iter().zip(steps).map(|(bytes, metadata)| PublishedFile { bytes: bytes.into(), metadata }).collect();
    // The same root may have been published with more signatures since.
    let first = roots.first_mut().expect("the pinned root is among them");
    let version = first.metadata.version();
    if let Some(bytes) = origin.metadata(&format!("{version}.root.json"), METADATA_LIMIT)? {
        let published = PublishedFile::parse(bytes).or_fail(|| format!("{version}.root.json cannot be used"))?;
        if published.metadata.payload() != first.metadata.payload() {
            let message = format!("root {version} of the repository is another than the one that you trust");
            return Err(Failure::no(message).hint("two files of one version: ask its maintainers what happened"));
        }
        *first = published;
    }
    Ok((history, roots))
}

/// The roots before `first`, as far back as each is followed by one that a threshold of its keys signed. That they are
/// genuine does not follow; who starts from one of them comes to the roots that were verified.
fn older_roots(origin: &Origin, first: &PublishedFile) -> Result<Vec<PublishedFile>, Failure> {
    let mut older: Vec<PublishedFile> = Vec::new();
    let mut next = first;
    while let Some(version) = next.metadata.version().checked_sub(1).filter(|version| *version > 0) {
        let Some(bytes) = origin.metadata(&format!("{version}.root.json"), METADATA_LIMIT)? else { break };
        let Ok(metadata) = Metadata::parse_untrusted(&bytes) else { break };
        let Ok(root) = Root::of(&metadata) else { break };
        let follows = tally(&next.metadata.payload(), &next.metadata.signatures, root.own()).met();
        if root.version != version || !follows {
            break;
        }
        older.push(PublishedFile { bytes: bytes.into(), metadata });
        next = older.last().expect("it was just put there");
    }
    older.reverse();
    Ok(older)
}

/// Refuses a repository that holds newer files than clients are told to read: the next version would have the number of
/// one of them.
fn refuse_unfinished(origin: &Origin, state: &State, root: u64) -> Result<(), Failure> {
    for name in origin.metadata_names()? {
        let Some((version, role)) = numbered(&name) else { continue };
        let used = match role {
            "root" => Some(root),
            role => state.role(role).and_then(|role| role.metadata()).map(Metadata::version),
        };
        if let Some(used) = used.filter(|used| version > *used) {
            let finding = ceremony::lint::newer_unused(role, version, used);
            return Err(Failure::no(format!("{name} is there, and {}", finding.what)).hint(
                "finish the publication with the tool that made it; or, if nobody was ever given the file, take it away",
            ));
        }
    }
    Ok(())
}

/// Looks at the repository as a client that follows the specification, by another implementation of the rules.
fn as_a_client(origin: &Origin, root: &[u8], now: Time) -> Result<(), Failure> {
    let mut limits = Limits::default();
    // A size over the clients' limit is a finding of its own.
    (limits.root, limits.snapshot, limits.targets) = (METADATA_LIMIT, METADATA_LIMIT, METADATA_LIMIT);
    check(origin, root, &Cache::default(), now, &[], limits).map(drop).map_err(|error| {
        let failed = if error.is_verdict() { Failure::no } else { Failure::could_not };
        failed("a client that starts from the latest root refuses the repository".to_owned()).caused_by(&error)
    })
}
