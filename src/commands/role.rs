//! `trustroot role`

use std::fmt;

use ceremony::policy::{RolePolicy, Signers};
use ceremony::{Fingerprint, Json, KeySet, Policy, Root, Targets};
use keyholders::{Kind, Name};
use toml_edit::{Array, Table};

use crate::context::Context;
use crate::disk;
use crate::error::Failure;
use crate::examine::and;
use crate::policy_file::{self, PolicyFile, names, role_table};
use crate::published::Published;
use crate::records::Keyholders;
use crate::report::{Outcome, Report, object};
use crate::text::{escaped, wrapped};
use crate::ui::Ui;

/// Say who signs a role, how many, and for how long: edit the policy
///
/// Comments in the policy stay. Nothing is published by this: the next ceremony carries it, signed by enough of those who
/// sign today and enough of those who will. It says who they are.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  trustroot role root                  show it
  trustroot role root --drop carol --add dave
  trustroot role targets --threshold 3")]
pub(crate) struct Role {
    /// root, targets, snapshot, timestamp, or a delegated role
    role: Option<String>,
    /// Somebody who joins; give it once for each
    #[arg(long, value_name = "NAME")]
    add: Vec<Name>,
    /// Somebody who leaves; give it once for each
    #[arg(long, value_name = "NAME")]
    drop: Vec<Name>,
    /// How many must sign
    #[arg(long, value_name = "NUMBER")]
    threshold: Option<u32>,
    /// Days from staging to expiry
    #[arg(long, value_name = "DAYS")]
    lifetime_days: Option<u32>,
    /// Days before expiry from which the next version may be signed
    #[arg(long, value_name = "DAYS")]
    signing_window_days: Option<u32>,
}

impl Role {
    pub(crate) fn run(self, context: &Context, ui: &mut Ui) -> Result<Outcome, Failure> {
        let called = match &self.role {
            Some(name) => name.clone(),
            None => {
                let mut names: Vec<String> = PolicyFile::read(&context.workdir)?.policy.roles.into_keys().collect();
                names.swap_remove(ui.select("ROLE", "Which role?", &names)?)
            }
        };
        let unknown = |policy: &ceremony::Policy| {
            let roles = policy.roles.keys().cloned().collect::<Vec<_>>().join(", ");
            Failure::could_not(format!("the policy has no role {called}; it has {roles}"))
        };
        let nothing = self.add.is_empty() && self.drop.is_empty();
        if nothing && self.threshold.is_none() && self.lifetime_days.is_none() && self.signing_window_days.is_none() {
            let policy = PolicyFile::read(&context.workdir)?.policy;
            let role = policy.role(&called).cloned().ok_or_else(|| unknown(&policy))?;
            return Ok(Outcome::done(Shown::new(context, called, role, None)?));
        }
        let enrolled = Keyholders::load(&context.workdir.keyholders())?;
        let edited = PolicyFile::edit(&context.workdir, |document, policy| {
            let table = role_table(document, &called).ok_or_else(|| unknown(policy))?;
            if !nothing {
                self.edit_names(table, &called, &enrolled)?;
            }
            for (key, number) in [
                ("threshold", self.threshold),
                ("lifetime-days", self.lifetime_days),
                ("signing-window-days", self.signing_window_days),
            ] {
                if let Some(number) = number {
                    policy_file::set(table, key, i64::from(number));
                }
            }
            Ok(())
        })?;
        let role = edited.policy.role(&called).cloned().ok_or_else(|| unknown(&edited.policy))?;
        let change = Change::of(context, &edited.policy, &role)?;
        let mut shown = Shown::new(context, called, role, Some(change))?;
        shown.dropped = self.drop.iter().map(|name| Dropped::of(name, &edited.policy)).collect();
        Ok(Outcome::done(shown))
    }
    /// Takes those who leave out of the list of names of the role, which is `called` so, and puts those who join in.
    fn edit_names(&self, table: &mut Table, called: &str, enrolled: &Keyholders) -> Result<(), Failure> {
        let online = table.contains_key("online");
        let key = if online { "online" } else { "keyholders" };
        let external = || Failure::could_not(format!("{called} is external in the policy: it names nobody"));
        let list = names(table, key).ok_or_else(external)?;
        let mut wanted: Vec<String> = list.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect();
        wanted.retain(|name| !self.drop.iter().any(|dropped| dropped.as_str() == name));
        wanted.extend(self.add.iter().map(Name::to_string));
        let place = |list: &Array, name: &Name| list.iter().position(|other| other.as_str() == Some(name.as_str()));
        for name in &self.drop {
            let place =
                place(list, name).ok_or_else(|| Failure::could_not(format!("{name} does not sign {called}")))?;
            policy_file::list::remove(list, place);
        }
        for name in &self.add {
            let record = enrolled.roster.record(name.as_str());
            if record.is_some_and(|record| (record.kind() == Kind::Online) != online) {
                let message = match online {
                    true => format!("{name} is enrolled as a person, and online keys sign {called}"),
                    false => format!("{name} is enrolled as an online key, and people sign {called}"),
                };
                return Err(Failure::no(message).hint("enroll somebody else for it, under another name"));
            }
            if place(list, name).is_some() {
                return Err(Failure::could_not(format!("{name} signs {called} already")));
            }
            policy_file::list::add(list, name.as_str());
        }
        // Comments can stand anywhere in a list: what is written names these people and nobody else.
        if policy_file::list::read_again(list) != Some(wanted) {
            return Err(Failure::could_not(format!(
                "the list of {called} in trustroot.toml is not edited by this program"
            ))
            .hint("change it with an editor: its comments stand where they would be lost"));
        }
        Ok(())
    }
}

/// Somebody who is named in a role no more.
struct Dropped {
    name: String,
    /// The roles that still name them.
    roles: Vec<String>,
}

impl Dropped {
    fn of(name: &Name, policy: &Policy) -> Self {
        let names = |role: &RolePolicy| role.signers.names().iter().any(|other| other == name.as_str());
        let roles = policy.roles.iter().filter(|(_, role)| names(role)).map(|(role, _)| role.to_string()).collect();
        Self { name: name.to_string(), roles }
    }

    /// What is left to do about them.
    fn text(&self) -> String {
        let name = escaped(&self.name);
        match self.roles.is_empty() {
            true => wrapped(
                &format!(
                    "{name} is named in no role now. Leave keyholders/{name}.toml until this is published, so that the old \
                     key keeps its name; then set state = \"retired\" in it."
                ),
                0,
            ),
            false => {
                let roles = self.roles.iter().map(|role| format!("  trustroot role {} --drop {name}\n", escaped(role)));
                let text = format!("{name} is still named in {}. If nobody has that key any more:", and(&self.roles));
                wrapped(&escaped(&text).to_string(), 0) + &roles.collect::<String>()
            }
        }
    }
}

/// Who must sign so that clients see the change.
struct Change {
    /// The role whose next version says it.
    carrier: String,
    /// Who signs that today, as published; none before anything is.
    outgoing: Option<Needed>,
    /// Who signs it as the policy wants it now; none if somebody else does.
    incoming: Option<Needed>,
}

/// So many of these.
#[derive(PartialEq)]
struct Needed {
    threshold: u64,
    names: Vec<String>,
}

impl Change {
    /// A change of `role`, which its delegator says, or the root.
    fn of(context: &Context, policy: &Policy, role: &RolePolicy) -> Result<Self, Failure> {
        let carrier = role.delegation.as_ref().map_or("root", |delegation| delegation.by.as_str()).to_owned();
        let published = Published::read(&context.workdir.repository())?;
        let roster = Keyholders::load(&context.workdir.keyholders())?.roster;
        let keys = match published.roots.last().map(|root| Root::of(&root.metadata)).transpose()? {
            Some(mut root) if root.roles.contains_key(&carrier) => root.roles.remove(&carrier),
            _ => delegated(&published, &carrier)?,
        };
        let name = |key: &Fingerprint| {
            let owner = roster.find(key).map(|(record, _)| record.name().to_string());
            owner.unwrap_or_else(|| format!("the key {}", key.short()))
        };
        let outgoing = keys.map(|keys| {
            let mut names: Vec<String> = keys.fingerprints().iter().map(name).collect();
            names.sort();
            Needed { threshold: keys.threshold, names }
        });
        let wanted = policy.role(&carrier).filter(|role| role.signers != Signers::External);
        let incoming = wanted.map(|role| {
            let mut names = role.signers.names().to_vec();
            names.sort();
            Needed { threshold: role.threshold, names }
        });
        Ok(Self { carrier, outgoing, incoming })
    }

    /// `{"carrier","outgoing":{"threshold","names"},"incoming":{..}}`
    fn json(&self) -> Json {
        let needed = |needed: &Option<Needed>| match needed {
            None => Json::Null,
            Some(needed) => object([
                ("threshold", needed.threshold.into()),
                ("names", needed.names.iter().map(Json::string).collect()),
            ]),
        };
        object([
            ("carrier", Json::string(&self.carrier)),
            ("outgoing", needed(&self.outgoing)),
            ("incoming", needed(&self.incoming)),
        ])
    }

    /// `The next root carries it: 2 of alice, bob and carol, who sign it today, and 2 of alice, bob and dave must sign it.`
    fn text(&self) -> String {
        let of = |needed: &Needed| match needed.names.len() as u64 == needed.threshold {
            true => and(&needed.names),
            false => format!("{} of {}", needed.threshold, and(&needed.names)),
        };
        let signers = match (&self.outgoing, &self.incoming) {
            (None, None) => "somebody else signs it".to_owned(),
            (Some(one), Some(other)) if one == other => format!("{} must sign it", of(one)),
            (Some(one), Some(other)) => format!("{}, who sign it today, and {} must sign it", of(one), of(other)),
            (Some(one), None) | (None, Some(one)) => format!("{} must sign it", of(one)),
        };
        let text = format!("Nothing is published by this. The next {} carries it: {signers}.", self.carrier);
        wrapped(&escaped(&text).to_string(), 0)
    }
}

/// The published keys of a delegated role.
fn delegated(published: &Published, role: &str) -> Result<Option<KeySet>, Failure> {
    for file in published.roles.values() {
        if let Some(delegation) = Targets::of(&file.metadata)?.delegation(role) {
            return Ok(Some(delegation.keys.clone()));
        }
    }
    Ok(None)
}

/// The role as the policy has it now.
struct Shown {
    name: String,
    role: RolePolicy,
    /// Who is named and has no record yet.
    unknown: Vec<String>,
    /// None if nothing was changed.
    change: Option<Change>,
    /// Who was taken out.
    dropped: Vec<Dropped>,
}

impl Shown {
    fn new(context: &Context, name: String, role: RolePolicy, change: Option<Change>) -> Result<Self, Failure> {
        let mut unknown = Vec::new();
        for signer in role.signers.names() {
            if !disk::exists(&context.workdir.keyholder(signer))? {
                unknown.push(signer.clone());
            }
        }
        Ok(Self { name, role, unknown, change, dropped: Vec::new() })
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let who = match &self.role.signers {
            Signers::External => "somebody else".to_owned(),
            Signers::Keyholders(names) | Signers::Online(names) => {
                format!("{} of {}: {}", self.role.threshold, names.len(), names.join(", "))
            }
        };
        f.write_str(&wrapped(&format!("{} is signed by {who}", escaped(&self.name)), 0))?;
        writeln!(f, "  lives for {}, signed again in its last {}", self.role.lifetime, self.role.window)?;
        if let Some(change) = &self.change {
            write!(f, "\n{}", change.text())?;
        }
        self.dropped.iter().try_for_each(|dropped| write!(f, "\n{}", dropped.text()))?;
        if self.unknown.is_empty() {
            return Ok(());
        }
        writeln!(f, "\nNext: a key has to be enrolled for each of these.")?;
        let online = if matches!(self.role.signers, Signers::Online(_)) { " --online" } else { "" };
        self.unknown.iter().try_for_each(|name| writeln!(f, "  trustroot keyholder enroll {}{online}", escaped(name)))
    }
}

impl Report for Shown {
    fn json(&self) -> Json {
        let names = self.role.signers.names().iter().map(Json::string).collect();
        object([
            ("ok", Json::Bool(true)),
            ("role", Json::string(&self.name)),
            ("signers", names),
            ("external", Json::Bool(self.role.signers == Signers::External)),
            ("unknown", self.unknown.iter().map(Json::string).collect()),
            ("threshold", self.role.threshold.into()),
            ("change", self.change.as_ref().map_or(Json::Null, Change::json)),
            ("lifetime-days", u64::from(self.role.lifetime.0).into()),
            ("signing-window-days", u64::from(self.role.window.0).into()),
        ])
    }
}
