//! How far a ceremony is: who has signed, what clients see of it, what comes next.

mod report;

use ceremony::assemble::{Refusal, names_of};
use ceremony::policy::Signers;
use ceremony::{Finding, Fingerprint, Holder, Meta, Progress, Staged, Tally, Time};

use crate::ceremony_dir::{Abandoned, Ceremony};
use crate::error::Failure;
use crate::material;
use crate::published::Published;

/// How far one ceremony is.
#[derive(Debug)]
pub(crate) struct Standing {
    /// The name of the ceremony.
    pub(crate) name: String,
    /// When it was staged.
    pub(crate) staged_at: Time,
    /// Whether and why it was closed.
    pub(crate) abandoned: Option<Abandoned>,
    /// The staged roles, the root first.
    pub(crate) roles: Vec<RoleStanding>,
    /// Signature files that cannot be read, by path, with the reason.
    pub(crate) unreadable: Vec<(String, String)>,
    /// What comes next.
    pub(crate) next: Next,
}

/// How far one staged role is.
#[derive(Debug)]
pub(crate) struct RoleStanding {
    /// The role.
    pub(crate) role: String,
    /// Its staged version.
    pub(crate) version: u64,
    /// The version that it follows.
    pub(crate) replaces: Option<u64>,
    /// The version that is published now.
    pub(crate) published: Option<u64>,
    /// When it will expire.
    pub(crate) expires: Time,
    /// How far its publication is.
    pub(crate) reach: Reach,
    /// Who must sign and who has: the outgoing keys first where they differ from the incoming ones.
    pub(crate) sets: Vec<SetStanding>,
    /// Signatures over something else than what is staged.
    pub(crate) stale: Vec<Stale>,
    /// Signatures that count for nothing.
    pub(crate) refused: Vec<Refused>,
}

/// How far the keys of one set have signed, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SetStanding {
    /// Which keys: `outgoing` or `incoming`; none where both are the same.
    pub(crate) set: Option<&'static str>,
    /// How many must sign.
    pub(crate) threshold: u64,
    /// Who has.
    pub(crate) signed: Vec<String>,
    /// Who has not.
    pub(crate) missing: Vec<String>,
}

/// A signature over another payload than the staged one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stale {
    /// Whose it is said to be.
    pub(crate) keyholder: String,
    /// The version that it says it covers.
    pub(crate) version: u64,
    /// The start of the digest of what it covers.
    pub(crate) covers: String,
    /// The start of the digest of what is staged.
    pub(crate) staged: String,
}

/// A signature over what is staged that counts for nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// Where it lies in the ceremony.
    pub(crate) file: String,
    /// Whose it is said to be.
    pub(crate) keyholder: String,
    /// Why.
    pub(crate) why: Refusal,
}

/// What the repository has of a staged file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Nothing.
    None,
    /// It is written, and no snapshot that clients see names it yet.
    Written,
    /// Clients see it, or a later version.
    Visible,
}

/// What comes next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Everything is written, and somebody else makes the snapshot that shows it to clients.
    Await,
    /// The repository at hand is older than what it follows, or lacks it: a new copy shows more. These people may sign
    /// all the same, since a ceremony carries what it follows.
    Behind {
        /// The role.
        role: String,
        /// The version that it is to follow.
        follows: u64,
        /// The version that is at hand.
        present: Option<u64>,
        /// Who has not signed; nobody if all thresholds are met.
        missing: Vec<String>,
    },
    /// Nothing: it was closed.
    Closed,
    /// Nothing: clients see all of it.
    Done,
    /// It cannot be published any more: a role is no longer at the version that it was staged to follow.
    Overtaken {
        /// The role.
        role: String,
        /// The version that it was to follow.
        staged_on: Option<u64>,
        /// The version that is published.
        published: Option<u64>,
    },
    /// It cannot be published any more: the staged file of a role has expired.
    Expired {
        /// The role.
        role: String,
    },
    /// These people may sign, and some of them must.
    Sign(Vec<String>),
    /// All thresholds are met.
    Publish,
    /// It was published in part.
    Resume,
    /// Nobody signs or publishes it any more: this of the trust material would be used before every client can know it.
    TooSoon(Vec<Finding>),
}

impl Standing {
    /// Finds out how far `ceremony` is, from what is signed and `published` alone.
    ///
    /// # Errors
    /// If the proposal is not what its inputs give, or cannot be derived here.
    pub(crate) fn of(ceremony: &Ceremony, published: &Published, now: Time) -> Result<Self, Failure> {
        let staged = ceremony.staged()?;
        let roles = roles(ceremony, &staged, published)?;
        let mut next = next(ceremony, &roles, now);
        if matches!(next, Next::Publish | Next::Sign(_)) {
            let (step, policy) = (ceremony.material(&staged)?, &ceremony.inputs.policy);
            let mut found = material::too_soon(&step.before, &step.after, policy, now);
            found.retain(|finding| policy.accepts(finding, now).is_none());
            if !found.is_empty() {
                next = Next::TooSoon(found);
            }
        }
        Ok(Self {
            name: ceremony.name.clone(),
            staged_at: staged.at(),
            abandoned: ceremony.abandoned.clone(),
            next,
            roles,
            unreadable: ceremony.unreadable.clone(),
        })
    }

    /// Whether neither people nor the coordinator have anything left to do.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.next, Next::Closed | Next::Done)
    }

    /// Whether anything of it was written to the repository.
    pub(crate) fn is_begun(&self) -> bool {
        self.roles.iter().any(|role| role.reach != Reach::None && role.published == Some(role.version))
    }
}

impl RoleStanding {
    /// Whether enough keys of every set have signed.
    pub(crate) fn met(&self) -> bool {
        self.sets.iter().all(|set| set.signed.len() as u64 >= set.threshold)
    }
}

/// How far each staged role is, the root first.
pub(crate) fn roles(ceremony: &Ceremony, staged: &Staged, published: &Published) -> Result<Vec<RoleStanding>, Failure> {
    let snapshot = published.snapshot.as_ref().map(|file| Meta::of(&file.metadata)).transpose()?;
    let (id, holders) = (&ceremony.inputs.policy.id, &ceremony.inputs.holders);
    let mut roles = Vec::new();
    let (sealed, among) = (published.is_sealed(), staged.fingerprints());
    for (name, role) in staged.roles() {
        let version = role.metadata.version();
        let present = if name == "root" { published.roots.last() } else { published.roles.get(name) };
        let present = present.map(|file| &file.metadata);
        let mut roots = published.roots.iter().filter(|root| name == "root" && root.metadata.version() == version);
        let another = roots.any(|root| root.metadata.payload() != role.payload);
        let named = snapshot.as_ref().and_then(|meta| meta.file(&format!("{name}.json"))).map(|file| file.version);
        let reach = match present {
            _ if another => Reach::None,
            Some(file) if file.version() > version => Reach::Visible,
            Some(file) if file.payload() != role.payload => Reach::None,
            Some(_) if (name == "root" && sealed) || named.is_some_and(|named| named >= version) => Reach::Visible,
            Some(_) => Reach::Written,
            None => Reach::None,
        };
        let progress = role.progress(id, name, &ceremony.signatures);
        let stale = progress.stale.iter().map(|file| Stale {
            keyholder: file.keyholder.clone(),
            version: file.version,
            covers: file.payload.short(),
            staged: role.payload.digest().short(),
        });
        let refused = progress.refused.iter().map(|(file, why)| Refused {
            file: format!("signatures/{name}/{}", file.file_name()),
            keyholder: file.keyholder.clone(),
            why: *why,
        });
        roles.push(RoleStanding {
            role: name.clone(),
            version,
            replaces: role.replaces,
            published: present.map(ceremony::Metadata::version),
            expires: role.metadata.expires(),
            reach,
            stale: stale.collect(),
            refused: refused.collect(),
            sets: sets(&progress, &among, holders),
        });
    }
    roles.sort_by_key(|role| role.role != "root");
    Ok(roles)
}

fn sets(progress: &Progress, among: &[Fingerprint], holders: &[Holder]) -> Vec<SetStanding> {
    let names = |keys: &[Fingerprint]| names_of(keys, among, holders);
    let set = |set, tally: &Tally| SetStanding {
        set,
        threshold: if set == Some("outgoing") && progress.emergency { 0 } else { tally.threshold },
        signed: names(&tally.signed),
        missing: names(&tally.missing),
    };
    let incoming = &progress.incoming;
    let alike = |tally: &Tally| {
        (tally.threshold, &tally.signed, &tally.missing) == (incoming.threshold, &incoming.signed, &incoming.missing)
    };
    match &progress.outgoing {
        Some(outgoing) if !alike(outgoing) => vec![set(Some("outgoing"), outgoing), set(Some("incoming"), incoming)],
        _ => vec![set(None, incoming)],
    }
}

fn next(ceremony: &Ceremony, roles: &[RoleStanding], now: Time) -> Next {
    if ceremony.abandoned.is_some() {
        return Next::Closed;
    }
    if roles.iter().all(|role| role.reach == Reach::Visible) {
        return Next::Done;
    }
    let open = || roles.iter().filter(|role| role.reach == Reach::None);
    if let Some(role) = open().find(|role| role.published < role.replaces)
        && let Some(follows) = role.replaces
    {
        return Next::Behind { role: role.role.clone(), follows, present: role.published, missing: missing(roles) };
    }
    if let Some(role) = open().find(|role| role.published != role.replaces) {
        let (role, staged_on, published) = (role.role.clone(), role.replaces, role.published);
        return Next::Overtaken { role, staged_on, published };
    }
    if let Some(role) = roles.iter().find(|role| role.reach != Reach::Visible && role.expires <= now) {
        return Next::Expired { role: role.role.clone() };
    }
    let external = ceremony.inputs.policy.role("snapshot").is_some_and(|role| role.signers == Signers::External);
    if external && open().next().is_none() {
        return Next::Await;
    }
    if roles.iter().any(|role| role.reach != Reach::None) {
        return Next::Resume;
    }
    match roles.iter().all(RoleStanding::met) {
        true => Next::Publish,
        false => Next::Sign(missing(roles)),
    }
}

/// Who is in a set that too few have signed, and has not.
fn missing(roles: &[RoleStanding]) -> Vec<String> {
    let unmet = roles.iter().flat_map(|role| &role.sets).filter(|set| (set.signed.len() as u64) < set.threshold);
    let mut missing: Vec<String> = unmet.flat_map(|set| &set.missing).cloned().collect();
    missing.sort();
    missing.dedup();
    missing
}
