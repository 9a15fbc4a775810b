//! Trust material is written to `targets/`, and into the policy what clients read beside it.

use ceremony::material::{LegacyTarget, Material, TrustedRoot};
use toml_edit::{InlineTable, Item, Table, Value, value};

use crate::disk::{self, Access};
use crate::error::Failure;
use crate::policy_file::PolicyFile;
use crate::workdir::Workdir;

/// Writes what differs between the material as it was read and as it shall be: legacy targets with the policy's
/// `custom` of them, signing configs, the trusted root last. Returns the paths of the files that were written.
pub(crate) fn write(workdir: &Workdir, before: &Material, after: &Material) -> Result<Vec<String>, Failure> {
    let old = |target: &LegacyTarget| before.legacy.iter().find(|old| old.path == target.path);
    let changed: Vec<&LegacyTarget> = after.legacy.iter().filter(|target| old(target) != Some(*target)).collect();
    let mut files: Vec<(String, &[u8])> = Vec::new();
    for target in &changed {
        if old(target).is_none_or(|old| old.content != target.content) {
            files.push((target.path.clone(), &target.content));
        }
    }
    for (path, config) in &after.signing_configs {
        if before.signing_configs.get(path) != Some(config) {
            files.push((path.clone(), config.as_bytes()));
        }
    }
    if let Some(root) = after.trusted_root.as_ref().filter(|root| before.trusted_root.as_ref() != Some(*root)) {
        files.push((TrustedRoot::TARGET.to_owned(), root.as_bytes()));
    }
    let said = |target: &&&LegacyTarget| old(target).is_none_or(|old| old.custom() != target.custom());
    let said: Vec<&LegacyTarget> = changed.iter().filter(said).copied().collect();
    if !said.is_empty() {
        PolicyFile::edit(workdir, |document, _| {
            let targets = document.entry("targets").or_insert(Item::Table(implicit()));
            let targets = targets.as_table_mut();
            let targets = targets.ok_or_else(|| Failure::could_not("targets in trustroot.toml is no table"))?;
            for target in &said {
                let entry = targets.entry(&target.path).or_insert(Item::Table(Table::new()));
                let entry = entry.as_table_like_mut();
                let wrong = || Failure::could_not(format!("targets.\"{}\" in trustroot.toml is no table", target.path));
                let entry = entry.ok_or_else(wrong)?;
                entry.insert("custom", value(custom_toml(target)));
            }
            Ok(())
        })?;
    }
    let _lock = workdir.lock()?;
    for (path, bytes) in &files {
        disk::replace(&workdir.targets().join(path), bytes, Access::Shared)?;
    }
    Ok(files.into_iter().map(|(path, _)| path).collect())
}

/// Takes files of trust material away, and what the policy says of them; those that are `kept` stay in `targets/`.
pub(crate) fn take_away(workdir: &Workdir, gone: &[&str], kept: &[String]) -> Result<(), Failure> {
    forget(workdir, gone)?;
    let _lock = workdir.lock()?;
    let mut goes = gone.iter().filter(|path| !kept.iter().any(|kept| kept == *path));
    goes.try_for_each(|path| disk::remove(&workdir.targets().join(path)))?;
    Ok(())
}

fn forget(workdir: &Workdir, gone: &[&str]) -> Result<(), Failure> {
    let said = PolicyFile::read(workdir)?.policy.targets;
    if !gone.iter().any(|path| said.contains_key(*path)) {
        return Ok(());
    }
    PolicyFile::edit(workdir, |document, _| {
        let Some(targets) = document.get_mut("targets").and_then(toml_edit::Item::as_table_like_mut) else {
            return Ok(());
        };
        for path in gone {
            let entry = targets.get_mut(path).and_then(toml_edit::Item::as_table_like_mut);
            let empty = entry.is_some_and(|entry| {
                entry.remove("custom");
                entry.is_empty()
            });
            if empty {
                targets.remove(path);
            }
        }
        Ok(())
    })
    .map(|_| ())
}

/// A table that shows only its sub-tables.
fn implicit() -> Table {
    let mut table = Table::new();
    table.set_implicit(true);
    table
}

/// `{ sigstore = { status = "Active", uri = "https://rekor.example", usage = "Rekor" } }`
fn custom_toml(target: &LegacyTarget) -> Value {
    let members = [("status", &target.status), ("uri", &target.uri), ("usage", &target.usage)];
    let members = members.into_iter().filter_map(|(name, text)| Some((name, Value::from(text.as_deref()?))));
    let sigstore: InlineTable = members.collect();
    let custom: InlineTable = [("sigstore", Value::InlineTable(sigstore))].into_iter().collect();
    Value::InlineTable(custom)
}
