//! The policy as a file: read, and edited with its comments kept.

mod line;
pub(crate) mod list;

use ceremony::Policy;
use toml_edit::{Array, ArrayOfTables, DocumentMut, Item, Table, TableLike, Value, value};

use crate::disk::{self, Access, DiskError, Lock};
use crate::error::{Failure, OrFail as _};
use crate::workdir::Workdir;

/// The most bytes of a policy that are read.
pub(crate) const LIMIT: u64 = 1 << 20;

/// A policy, and the text that it was read from.
#[derive(Clone, Debug)]
pub(crate) struct PolicyFile {
    /// What it says.
    pub(crate) policy: Policy,
    /// The text, comments and all.
    pub(crate) text: String,
}

impl PolicyFile {
    /// Reads the policy of a work directory.
    pub(crate) fn read(workdir: &Workdir) -> Result<Self, Failure> {
        let place = workdir.policy();
        let text = match disk::read_text(&place, LIMIT) {
            Err(error) if error.is_not_there() => {
                return Err(Self::none(workdir).hint(
                    "`trustroot init` starts one, `trustroot adopt` takes one over, `-C DIR` works in another place",
                ));
            }
            text => text?,
        };
        let policy = parse(&text).or_fail(|| format!("{place} is not a policy"))?;
        Ok(Self { policy, text })
    }

    /// There is no policy in this work directory. What helps depends on who asks for it.
    pub(crate) fn none(workdir: &Workdir) -> Failure {
        Failure::could_not(format!("there is no trust root here: {} does not exist", workdir.policy()))
    }

    /// Changes the policy of a work directory. What `edit` leaves alone stays as it was written, comments too; what it
    /// makes must be a policy, or nothing is written.
    pub(crate) fn edit(
        workdir: &Workdir,
        edit: impl FnOnce(&mut DocumentMut, &Policy) -> Result<(), Failure>,
    ) -> Result<Self, Failure> {
        let lock = workdir.lock()?;
        let edited = Self::read(workdir)?.edited(edit)?;
        edited.write(&lock, workdir)?;
        Ok(edited)
    }

    /// The policy as `edit` makes it, which nothing has written yet.
    ///
    /// # Errors
    /// If `edit` fails, or what it makes is no policy.
    pub(crate) fn edited(
        &self,
        edit: impl FnOnce(&mut DocumentMut, &Policy) -> Result<(), Failure>,
    ) -> Result<Self, Failure> {
        let mut document: DocumentMut = self.text.parse().or_fail(|| "trustroot.toml cannot be edited")?;
        edit(&mut document, &self.policy)?;
        let text = document.to_string();
        let policy = Policy::parse(&text).or_fail(|| "this would be no policy: nothing was written")?;
        Ok(Self { policy, text })
    }

    /// Writes it as the policy of a work directory.
    pub(crate) fn write(&self, _lock: &Lock, workdir: &Workdir) -> Result<(), DiskError> {
        disk::replace(&workdir.policy(), self.text.as_bytes(), Access::Shared)
    }
}

/// Reads the text of a policy.
///
/// # Errors
/// If it is none: with the line, where the text shows which.
pub(crate) fn parse(text: &str) -> Result<Policy, Failure> {
    Policy::parse(text).map_err(|error| match line::line(text, &error) {
        Some(line) => Failure::could_not(format!("at line {line}: {error}")),
        None => error.into(),
    })
}

/// The table of `role`: below `[roles]`, or the `[[delegation]]` of this name.
pub(crate) fn role_table<'a>(document: &'a mut DocumentMut, role: &str) -> Option<&'a mut Table> {
    if ["root", "targets", "snapshot", "timestamp"].contains(&role) {
        return document.get_mut("roles")?.get_mut(role)?.as_table_mut();
    }
    let delegations = document.get_mut("delegation")?.as_array_of_tables_mut()?;
    delegations.iter_mut().find(|table| table.get("name").and_then(Item::as_str) == Some(role))
}

/// The list of names under `key` of a role, if it has one.
pub(crate) fn names<'a>(table: &'a mut Table, key: &str) -> Option<&'a mut Array> {
    table.get_mut(key)?.as_array_mut()
}

/// Writes a value: in place of the one that is there, whose comment at the end of the line stays, or behind the others.
pub(crate) fn set(table: &mut dyn TableLike, key: &str, new: impl Into<Value>) {
    match table.get_mut(key).and_then(Item::as_value_mut) {
        Some(present) => {
            let decor = present.decor().clone();
            *present = new.into();
            *present.decor_mut() = decor;
        }
        None => {
            table.insert(key, value(new));
        }
    }
}

/// Writes an `[[accept]]`: in place of what was accepted of this finding and subject, else behind the others. Returns
/// the reason and the time that it replaces.
pub(crate) fn set_accept(
    document: &mut DocumentMut,
    finding: &str,
    subject: &str,
    reason: &str,
    until: &str,
) -> Result<Option<(String, String)>, Failure> {
    let unusual = || Failure::could_not("accept in trustroot.toml is no list of tables");
    let text = |table: &Table, name: &str| table.get(name).and_then(Item::as_str).unwrap_or_default().to_owned();
    if let Some(accepts) = document.get_mut("accept") {
        let accepts = accepts.as_array_of_tables_mut().ok_or_else(unusual)?;
        let same = |table: &Table| text(table, "finding") == finding && text(table, "subject") == subject;
        let first = accepts.iter().position(same);
        if let Some(first) = first {
            // Of several only the first that is not over ever counted.
            for later in (first + 1..accepts.len()).rev() {
                if accepts.get(later).is_some_and(same) {
                    accepts.remove(later);
                }
            }
            let table = accepts.get_mut(first).ok_or_else(unusual)?;
            let before = (text(table, "reason"), text(table, "until"));
            set(table, "reason", reason);
            set(table, "until", until);
            return Ok(Some(before));
        }
    }
    let mut table = Table::new();
    for (name, text) in [("finding", finding), ("subject", subject), ("reason", reason), ("until", until)] {
        table.insert(name, value(text));
    }
    // What stands at the end of the file says what an accepted finding is: it stays before the new one. Behind other tables
    // it is about those.
    let behind_others =
        document.contains_key("accept") && document.iter().last().is_some_and(|(key, _)| key != "accept");
    let trailing = document.trailing().as_str().unwrap_or_default().trim_end().to_owned();
    if !trailing.is_empty() && !behind_others {
        table.decor_mut().set_prefix(format!("{trailing}\n\n"));
        document.set_trailing("\n");
    }
    let accepts = document.entry("accept").or_insert(Item::ArrayOfTables(ArrayOfTables::new()));
    accepts.as_array_of_tables_mut().ok_or_else(unusual)?.push(table);
    Ok(None)
}

/// What every policy that is written here begins with, below a line that says where it comes from. `{id}`, `{name}` and
/// `{file-keys}` are to be filled.
pub(crate) const PREAMBLE: &str = r#"
[trust-root]
# Random, made once, and never changed: proofs, journals and trusted roots are
# bound to it.
id = {id}
# For people.
name = {name}

[clients]
# The clients that must be able to read everything; what breaks one of them is
# a finding. Empty: all clients that trustroot knows.
support = []

[publish]
# Where clients read what is published, without a slash at the end.
# `trustroot handout` sends them there.
# metadata-url = "https://tuf.example.com"

[devices]
# Whether keyholders may sign with keys in files, which anybody can copy.
# Only for rehearsals, and for roots with little at stake.
file-keys = {file-keys}
# What the key of a person must be proven to be, by an attestation: a YubiKey's
# word that it made the key. Before firmware 5.7.0, who has the device for hours
# can copy its ECDSA keys (YSA-2024-03).
# attested = true
# firmware-at-least = "5.7.0"
# pin-policy = "once"            # never, once, or always
# touch-policy = "cached"        # never, cached (15 seconds), or always
# form-factors = ["usb-a-keychain", "usb-c-keychain"]
# distinct-devices = true        # a spare key is of no use in the same device
# Where attestations may lead, besides Yubico: SHA-256 of certificates, which
# lie beside the records.
# anchors = []
"#;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_second_accept_replaces_the_first() {
        let mut document: DocumentMut = "# mine\na = 1\n".parse().unwrap();
        let mut set = |subject: &str, reason: &str| {
            set_accept(&mut document, "target-changed", subject, reason, "2027-01-01T00:00:00Z").unwrap()
        };
        assert_eq!((set("a 1", "one"), set("a 2", "two")), (None, None));
        assert_eq!(set("a 1", "three"), Some(("one".to_owned(), "2027-01-01T00:00:00Z".to_owned())));
        let commented = document.to_string().replace("reason = \"three\"", "reason = \"three\" # he said");
        let mut document: DocumentMut = commented.parse().unwrap();
        set_accept(&mut document, "target-changed", "a 1", "3", "2027-01-01T00:00:00Z").unwrap();
        assert!(document.to_string().contains("reason = \"3\" # he said\n"), "{document}");
        let other = format!("{document}\n[other]\nb = 1\n\n# about b\n");
        let mut other: DocumentMut = other.parse().unwrap();
        set_accept(&mut other, "target-changed", "a 3", "four", "2027-01-01T00:00:00Z").unwrap();
        assert!(other.to_string().ends_with("[other]\nb = 1\n\n# about b\n"), "{other}");
        let twice = document.to_string().replace("a 2", "a 1").replace(" # he said", "");
        let mut document: DocumentMut = twice.parse().unwrap();
        set_accept(&mut document, "target-changed", "a 1", "four", "2027-02-01T00:00:00Z").unwrap();
        let text = document.to_string();
        let entry = "[[accept]]\nfinding = \"target-changed\"\nsubject = \"a 1\"\nreason = \"four\"\n";
        assert_eq!(text, format!("# mine\na = 1\n\n{entry}until = \"2027-02-01T00:00:00Z\"\n"));
    }
}
