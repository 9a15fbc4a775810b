//! Trust material is written to `targets/`, and into the policy what clients read beside it.

use std::collections::{BTreeMap, BTreeSet};

use ceremony::Policy;
use ceremony::material::legacy::is_spelled;
use ceremony::material::{LegacyTarget, Material, TrustedRoot};
use toml_edit::{DocumentMut, InlineTable, Item, RawString, Table, TableLike, Value, value};

use super::{FILES, LIMIT, wanted_files, wanted_of};
use crate::disk::{self, Access};
use crate::error::Failure;
use crate::policy_file::{self, PolicyFile};
use crate::workdir::Workdir;

/// The wanted files as a command read them, before it asked anybody anything.
pub(crate) struct AsRead {
    /// The policy.
    pub(crate) policy: PolicyFile,
    /// Those that are trust material, by path.
    files: BTreeMap<String, Vec<u8>>,
    /// The paths of all that there are.
    paths: BTreeSet<String>,
}

impl AsRead {
    /// Reads them, and what they are.
    pub(crate) fn read(workdir: &Workdir) -> Result<(Self, Material), Failure> {
        let policy = PolicyFile::read(workdir)?;
        let paths: BTreeSet<String> = disk::tree(&workdir.targets(), FILES)?.into_iter().collect();
        let files = wanted_files(workdir, &policy.policy, paths.iter().map(String::as_str))?;
        let material = wanted_of(&files, &policy.policy);
        Ok((Self { policy, files, paths }, material))
    }

    /// Refuses to write over what somebody else wrote since.
    fn refuse_changed(&self, workdir: &Workdir, path: &str) -> Result<(), Failure> {
        let place = workdir.targets().join(path);
        let same = match self.files.get(path) {
            Some(bytes) => disk::read_if_there(&place, LIMIT)?.as_ref() == Some(bytes),
            None => self.paths.contains(path) || !disk::exists(&place)?,
        };
        if same { Ok(()) } else { Err(changed(&format!("targets/{path}"))) }
    }
}

fn changed(file: &str) -> Failure {
    Failure::no(format!("{file} was changed meanwhile: run the command again"))
}

/// A change of the wanted material.
pub(crate) struct Change<'a> {
    /// As it was read.
    pub(crate) before: &'a Material,
    /// As it shall be.
    pub(crate) after: &'a Material,
    /// Files that go away, and stay in `targets/`: only what the policy says of them goes.
    pub(crate) kept: &'a [String],
    /// Files in `evidence/` with what they shall hold; nothing for those that go away.
    pub(crate) evidence: &'a BTreeMap<String, Option<Vec<u8>>>,
}

impl Change<'_> {
    /// Writes what differs, under one lock: the evidence, the policy's `custom` of the legacy targets, these, the signing
    /// configs, and the trusted root; what is no longer there is taken away last. Returns the paths of the files in
    /// `targets/` that were written.
    ///
    /// # Errors
    /// If what would be written over is no longer what was read, or the policy cannot be edited: then nothing is written.
    pub(crate) fn write(&self, workdir: &Workdir, read: &AsRead) -> Result<Vec<String>, Failure> {
        let files = self.files();
        let gone = self.gone();
        let lock = workdir.lock()?;
        let away = || gone.iter().copied().filter(|path| !self.kept.iter().any(|kept| kept == path));
        for path in files.iter().map(|(path, _)| *path).chain(away()) {
            read.refuse_changed(workdir, path)?;
        }
        let policy = read.policy.edited(|document, policy| {
            self.say(document)?;
            forget(document, policy, &gone);
            Ok(())
        })?;
        if policy.text != read.policy.text {
            if PolicyFile::read(workdir)?.text != read.policy.text {
                return Err(changed("trustroot.toml"));
            }
            policy.write(&lock, workdir)?;
        }
        for (name, bytes) in self.evidence {
            let place = workdir.evidence(name);
            match bytes {
                Some(bytes) => disk::replace(&place, bytes, Access::Shared)?,
                None if disk::exists(&place)? => disk::remove(&place)?,
                None => {}
            }
        }
        for (path, bytes) in &files {
            disk::replace(&workdir.targets().join(path), bytes, Access::Shared)?;
        }
        away().try_for_each(|path| disk::remove(&workdir.targets().join(path)))?;
        Ok(files.into_iter().map(|(path, _)| path.to_owned()).collect())
    }

    /// The files whose content differs.
    fn files(&self) -> Vec<(&str, &[u8])> {
        let content = |target: &LegacyTarget| self.old(target).is_none_or(|old| old.content != target.content);
        let legacy = self.after.legacy.iter().filter(|target| content(target));
        let mut files: Vec<(&str, &[u8])> = legacy.map(|target| (&*target.path, &*target.content)).collect();
        let configs = self.after.signing_configs.iter();
        let configs = configs.filter(|(path, config)| self.before.signing_configs.get(*path) != Some(*config));
        files.extend(configs.map(|(path, config)| (path.as_str(), config.as_bytes())));
        let root = self.after.trusted_root.as_ref();
        let root = root.filter(|root| self.before.trusted_root.as_ref() != Some(*root));
        files.extend(root.map(|root| (TrustedRoot::TARGET, root.as_bytes())));
        files
    }

    /// The files that are no longer there.
    fn gone(&self) -> Vec<&str> {
        let stays = self.after.paths();
        self.before.paths().into_iter().filter(|path| !stays.contains(path)).collect()
    }

    fn old(&self, target: &LegacyTarget) -> Option<&LegacyTarget> {
        self.before.legacy.iter().find(|old| old.path == target.path)
    }

    /// Puts into the policy what it says of the legacy targets.
    fn say(&self, document: &mut DocumentMut) -> Result<(), Failure> {
        let other = |target: &&LegacyTarget| self.old(target).is_none_or(|old| old.custom() != target.custom());
        let mut said = self.after.legacy.iter().filter(other).peekable();
        if said.peek().is_none() {
            return Ok(());
        }
        let targets = document.entry("targets").or_insert(Item::Table(implicit()));
        let targets = targets.as_table_mut();
        let targets = targets.ok_or_else(|| Failure::could_not("targets in trustroot.toml is no table"))?;
        for target in said {
            let entry = targets.entry(&target.path).or_insert(Item::Table(Table::new()));
            let entry = entry.as_table_like_mut();
            let wrong = || Failure::could_not(format!("targets.\"{}\" in trustroot.toml is no table", target.path));
            let entry = entry.ok_or_else(wrong)?;
            let custom = member(entry, "custom").ok_or_else(wrong)?;
            let sigstore = member(custom, "sigstore").ok_or_else(wrong)?;
            for (name, text) in [("status", &target.status), ("uri", &target.uri), ("usage", &target.usage)] {
                set(sigstore, name, text.as_deref());
            }
        }
        Ok(())
    }
}

/// Takes out of the policy what it says of files of trust material.
fn forget(document: &mut DocumentMut, policy: &Policy, gone: &[&str]) {
    let Some(targets) = document.get_mut("targets").and_then(Item::as_table_like_mut) else { return };
    for path in gone.iter().filter(|path| policy.targets.contains_key(**path)) {
        let empty = targets.get_mut(path).and_then(Item::as_table_like_mut).is_some_and(|entry| {
            entry.remove("custom");
            entry.is_empty()
        });
        if empty {
            targets.remove(path);
        }
    }
}

/// A table that shows only its sub-tables.
fn implicit() -> Table {
    let mut table = Table::new();
    table.set_implicit(true);
    table
}

/// The table in a table under this name, whose other spellings go; a new one if there is none. None if there is
/// something else.
fn member<'a>(table: &'a mut dyn TableLike, name: &str) -> Option<&'a mut dyn TableLike> {
    spell(table, name);
    if !table.contains_key(name) {
        table.insert(name, value(InlineTable::new()));
    }
    table.get_mut(name)?.as_table_like_mut()
}

/// Writes a text in place of the one that is there, with what stands around it, or behind the others; takes it away if
/// there is none.
fn set(table: &mut dyn TableLike, name: &str, text: Option<&str>) {
    spell(table, name);
    let Some(text) = text else {
        table.remove(name);
        return;
    };
    match table.get_mut(name).and_then(Item::as_value_mut) {
        Some(present) if present.as_str() == Some(text) => {}
        Some(_) => policy_file::set(table, name, text),
        None => {
            let mut new = Value::from(text);
            let last = table.iter_mut().last().and_then(|(_, item)| item.as_value_mut());
            let blank = |last: &&mut Value| last.decor().suffix().and_then(RawString::as_str) == Some(" ");
            // What is before the bracket of a table in one line stays there.
            if let Some(last) = last.filter(blank) {
                last.decor_mut().set_suffix("");
                new.decor_mut().set_suffix(" ");
            }
            table.insert(name, value(new));
        }
    }
}

/// Leaves one member of those that clients take for `name`, under that name.
fn spell(table: &mut dyn TableLike, name: &str) {
    let others = table.iter().map(|(other, _)| other.to_owned());
    let others: Vec<String> = others.filter(|other| other != name && is_spelled(other, name)).collect();
    for other in others {
        if let Some(item) = table.remove(&other).filter(|_| !table.contains_key(name)) {
            table.insert(name, item);
        }
    }
}
