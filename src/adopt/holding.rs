//! Which adopted roles this trust root makes itself, and who signs them.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use ceremony::policy::Signers;
use ceremony::{Fingerprint, KeySet, Root, TufKey};
use keyholders::{Home, Kind, Name, Record, RecordKey, Roster, State as KeyState};

use crate::adopt::names::{Names, Naming, NamingError};
use crate::adopt::state::{Role, State};
use crate::error::{Failure, OrFail as _};

/// `NAME` or `KEYID=NAME`: an online key that the user holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Held {
    /// The one key of snapshot and timestamp.
    TheOne(Name),
    /// Any key.
    Key(Naming),
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TheOne(name) => name.fmt(f),
            Self::Key(naming) => naming.fmt(f),
        }
    }
}

impl FromStr for Held {
    type Err = NamingError;

    fn from_str(text: &str) -> Result<Self, NamingError> {
        Ok(if text.contains('=') { Self::Key(text.parse()?) } else { Self::TheOne(text.parse()?) })
    }
}

/// What the user says of the keys and roles of the repository.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wishes {
    pub(crate) names: Vec<Naming>,
    pub(crate) held: Vec<Held>,
    pub(crate) external: Vec<String>,
}

/// One role, and who signs it from now on.
#[derive(Clone, Debug)]
pub(crate) struct HeldRole<'a> {
    pub(crate) name: &'a str,
    pub(crate) keys: &'a KeySet,
    pub(crate) signers: Signers,
    /// The role as published; none for the root.
    pub(crate) role: Option<&'a Role>,
}

/// Who signs what, and the records of those who do.
#[derive(Clone, Debug)]
pub(crate) struct Holding<'a> {
    /// The four roles of the root, then the delegated roles that the policy speaks of, in the order in which clients ask
    /// them.
    pub(crate) roles: Vec<HeldRole<'a>>,
    /// The delegated roles below external ones, of which the policy says nothing.
    pub(crate) beyond: Vec<&'a Role>,
    pub(crate) roster: Roster,
    pub(crate) names: Names,
}

impl<'a> Holding<'a> {
    /// Decides for each role whether people here sign it, an online key that the user holds, or somebody else: whoever
    /// holds the other online keys, which are those of snapshot and timestamp, and those that tuf-on-ci marks so.
    ///
    /// # Errors
    /// If the user names keys or roles that are not there, or a role of their own has a key that nobody can use.
    pub(crate) fn new(root: &'a Root, state: &'a State, wishes: &Wishes) -> Result<Self, Failure> {
        let unknown = wishes.external.iter().find(|name| *name == "root" || state.role(name).is_none());
        if let Some(name) = unknown {
            return Err(Failure::could_not(format!("--external {name}: there is no such role below the root")));
        }
        let (given, held) = held(state, wishes)?;
        let (decided, beyond) = decide(root, state, &wishes.external, &held);
        let own: Vec<_> = decided.iter().filter(|decided| !decided.external).collect();
        own.iter().try_for_each(|decided| readable(decided.name, decided.keys))?;
        let names = Names::new(own.iter().flat_map(|decided| &decided.keys.keys), &given)?;
        let roster = roster(&own, &names)?;
        let roles = decided.into_iter().map(|decided| decided.signed(&names)).collect();
        Ok(Self { roles, beyond, roster, names })
    }

    /// The roles that are made and signed here.
    pub(crate) fn own(&self) -> impl Iterator<Item = &HeldRole<'a>> {
        self.roles.iter().filter(|role| role.signers != Signers::External)
    }
}

/// What is decided of a role before anybody has a name.
struct Decided<'a> {
    name: &'a str,
    keys: &'a KeySet,
    role: Option<&'a Role>,
    /// Whether no person signs it.
    online: bool,
    external: bool,
}

impl<'a> Decided<'a> {
    fn signed(self, names: &Names) -> HeldRole<'a> {
        let Self { name, keys, role, online, external } = self;
        let mut list: Vec<String> = Vec::new();
        for key in keys.ids.iter().filter_map(|id| keys.key(id)?.key.as_ref().ok()) {
            let name = names.of(&key.fingerprint()).map(Name::to_string);
            list.extend(name.filter(|name| !list.contains(name)));
        }
        let signers = match (external, online) {
            (true, _) => Signers::External,
            (false, true) => Signers::Online(list),
            (false, false) => Signers::Keyholders(list),
        };
        HeldRole { name, keys, signers, role }
    }
}

/// The roles that the policy speaks of, and those that hang below external ones.
fn decide<'a>(
    root: &'a Root,
    state: &'a State,
    external: &[String],
    held: &BTreeSet<Fingerprint>,
) -> (Vec<Decided<'a>>, Vec<&'a Role>) {
    let own = Decided { name: "root", keys: root.own(), role: None, online: false, external: false };
    let (mut decided, mut beyond) = (vec![own], Vec::new());
    let (targets, delegated) = state.roles.split_at(1);
    for role in targets.iter().chain([&state.snapshot, &state.timestamp]).chain(delegated) {
        let (name, keys) = (role.name.as_str(), &role.keys);
        if let Some((by, _)) = &role.by
            && !decided.iter().any(|above: &Decided<'_>| above.name == by && !above.external)
        {
            beyond.push(role);
            continue;
        }
        let is_held = |key: &TufKey| key.key.as_ref().is_ok_and(|key| held.contains(&key.fingerprint()));
        let all_held = !keys.keys.is_empty() && keys.keys.iter().all(is_held);
        let marked = keys.keys.iter().any(|key| key.object.get("x-tuf-on-ci-online-uri").is_some());
        let online = matches!(name, "snapshot" | "timestamp") || (role.by.is_some() && (marked || all_held));
        let external = external.iter().any(|other| other == name) || (online && !all_held);
        decided.push(Decided { name, keys, role: Some(role), online, external });
    }
    (decided, beyond)
}

/// A record for each key of these roles. Whose key signs anything that people sign is a person.
fn roster(own: &[&Decided<'_>], names: &Names) -> Result<Roster, Failure> {
    let mut roster = Roster::default();
    let people: BTreeSet<_> =
        own.iter().filter(|role| !role.online).flat_map(|role| role.keys.fingerprints()).collect();
    for key in own.iter().flat_map(|role| &role.keys.keys) {
        let Ok(public) = &key.key else { continue };
        let fingerprint = public.fingerprint();
        let Some(name) = names.of(&fingerprint).filter(|_| roster.owner(public).is_none()) else { continue };
        let kind = if people.contains(&fingerprint) { Kind::Person } else { Kind::Online };
        let record = RecordKey::new(KeyState::Active, key.clone(), Home::External, None)
            .and_then(|key| Record::new(name.clone(), kind, vec![key]));
        roster.insert(record.or_fail(|| format!("the key {fingerprint} cannot be recorded"))?)?;
    }
    Ok(roster)
}

/// The namings of all keys that the user names, and the online keys among them that the user holds.
fn held(state: &State, wishes: &Wishes) -> Result<(Vec<Naming>, BTreeSet<Fingerprint>), Failure> {
    let mut given = wishes.names.clone();
    let mut held = BTreeSet::new();
    for wish in &wishes.held {
        let naming = match wish {
            Held::Key(naming) => Some(naming.clone()),
            Held::TheOne(name) => given.iter().find(|naming| naming.name() == name).cloned(),
        };
        let online = [&state.timestamp, &state.snapshot].into_iter().flat_map(|role| &role.keys.keys);
        let all = || state.published().chain(&state.roles).flat_map(|role| &role.keys.keys);
        let found: BTreeSet<Fingerprint> = match &naming {
            Some(naming) => naming.among(all()),
            None => online.filter_map(|key| Some(key.key.as_ref().ok()?.fingerprint())).collect(),
        };
        let (1, Some(fingerprint)) = (found.len(), found.first()) else {
            let count = found.len();
            return Err(Failure::could_not(format!("--online {wish}: that could be {count} keys"))
                .hint("give the key that you hold as --online KEYID=NAME"));
        };
        held.insert(*fingerprint);
        let name = match wish {
            Held::Key(naming) => naming.name(),
            Held::TheOne(name) => name,
        };
        if !given.iter().any(|naming| naming.name() == name) {
            given.push(Naming::of(*fingerprint, name.clone()));
        }
    }
    Ok((given, held))
}

/// Refuses keys of a role of our own that are missing or that this program cannot use: the next version would drop them.
fn readable(role: &str, keys: &KeySet) -> Result<(), Failure> {
    for id in &keys.ids {
        let refused = |why: String| {
            let message = format!("{role} names the key {id}, {why}: its next version could not keep it");
            Err(Failure::could_not(message)
                .hint("take the key out of the role with the tool that made the repository, then adopt it"))
        };
        match keys.key(id).map(|key| &key.key) {
            Some(Ok(_)) => {}
            Some(Err(error)) => return refused(format!("which cannot be used ({error})")),
            None => return refused("which is not there".to_owned()),
        }
    }
    Ok(())
}
