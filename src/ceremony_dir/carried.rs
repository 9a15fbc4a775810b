//! The trust material that a ceremony carries, so that whoever reviews it offline sees what changes in it.

use std::collections::BTreeMap;

use ceremony::material::files::is_material;
use ceremony::material::{Ending, Material, TrustedRoot};
use ceremony::{Base, Digest, Inputs, Json, TargetEntry, Targets};
use sha2::{Digest as _, Sha512};

use crate::error::Failure;
use crate::material::endings;

/// The files of `inputs/material/` and `base/material/` by the paths of the targets, and those of `inputs/evidence/` by
/// their names, as read.
#[derive(Debug, Default)]
pub(crate) struct Carried {
    pub(super) wanted: BTreeMap<String, Vec<u8>>,
    pub(super) published: BTreeMap<String, Vec<u8>>,
    pub(super) evidence: BTreeMap<String, Vec<u8>>,
}

/// The material before and after, as the targets files name it by their digests.
#[derive(Debug, Default)]
pub(crate) struct Step {
    /// What is published.
    pub(crate) before: Material,
    /// What is proposed.
    pub(crate) after: Material,
    /// What ends, with the evidence that it does not end too early.
    pub(crate) endings: Vec<Ending>,
    /// Paths of material whose content the ceremony does not carry, sorted.
    pub(crate) missing: Vec<String>,
}

impl Carried {
    /// The material that `base` and `inputs` name.
    ///
    /// # Errors
    /// If a file that is carried is not the one that they name, or is no evidence of what ends.
    pub(super) fn step(&self, base: &Base, inputs: &Inputs) -> Result<Step, Failure> {
        let mut missing = Vec::new();
        let mut before: Vec<(&str, &[u8], Option<&Json>)> = Vec::new();
        let listed = base.roles.get("targets").map(Targets::of).transpose()?;
        let mut known: Vec<&str> = Vec::new();
        for (path, entry) in listed.iter().flat_map(Targets::entries) {
            if !is_material(path, entry.get("custom")) {
                continue;
            }
            known.push(path);
            match self.published.get(path) {
                Some(bytes) if is_of(bytes, entry, path)? => before.push((path, bytes, entry.get("custom"))),
                Some(_) => return Err(other(&format!("base/material/{path}"), "the published targets")),
                None => missing.push(path.to_owned()),
            }
        }
        stranger(&self.published, &known, "base/material")?;
        let mut after: Vec<(&str, &[u8], Option<&Json>)> = Vec::new();
        let mut known: Vec<&str> = Vec::new();
        for (path, wanted) in inputs.targets.iter() {
            let custom = inputs.policy.targets.get(path).and_then(|target| target.custom.as_ref());
            if inputs.policy.role_of_target(path) != "targets" || !is_material(path, custom) {
                continue;
            }
            known.push(path);
            match self.wanted.get(path) {
                Some(bytes) if Digest::of(bytes) == wanted.sha256 => after.push((path, bytes, custom)),
                Some(_) => return Err(other(&format!("inputs/material/{path}"), "inputs/targets.txt")),
                None => missing.push(path.to_owned()),
            }
        }
        stranger(&self.wanted, &known, "inputs/material")?;
        missing.sort();
        missing.dedup();
        // What is there on one side alone would be told as if it came or went.
        before.retain(|(path, ..)| !missing.iter().any(|other| other == path));
        after.retain(|(path, ..)| !missing.iter().any(|other| other == path));
        let (before, after) = (Material::of(before), Material::of(after));
        // Without both trusted roots nothing can be said of what ends, nor of its evidence.
        let endings = match missing.iter().any(|path| path == TrustedRoot::TARGET) {
            true => Vec::new(),
            false => endings(&before, &after, &self.evidence, "inputs/evidence")?,
        };
        Ok(Step { before, after, endings, missing })
    }
}

/// Whether a file has the digest of its entry: SHA-256, or SHA-512 in the oldest metadata.
fn is_of(bytes: &[u8], entry: &Json, path: &str) -> Result<bool, Failure> {
    let read = TargetEntry::read(entry, path)?;
    if let Some(sha256) = read.sha256 {
        return Ok(Digest::of(bytes) == sha256);
    }
    let sha512 = entry.get("hashes").and_then(|hashes| hashes.get("sha512")).and_then(Json::as_str);
    Ok(sha512 == Some(hex::encode(Sha512::digest(bytes)).as_str()))
}

fn other(file: &str, named: &str) -> Failure {
    Failure::no(format!("{file} is not the file that {named} name"))
}

/// Refuses what nothing names.
fn stranger(carried: &BTreeMap<String, Vec<u8>>, known: &[&str], place: &str) -> Result<(), Failure> {
    match carried.keys().find(|path| !known.contains(&path.as_str())) {
        None => Ok(()),
        Some(path) => Err(Failure::no(format!("{place}/{path} is no trust material of this proposal"))),
    }
}
