//! What a ceremony is about, without what it is derived from.

use std::collections::BTreeMap;

use super::Abandoned;
use super::contents::FILES;
use crate::disk;
use crate::error::{Failure, OrFail as _};
use crate::published::{METADATA_LIMIT, Published, PublishedFile, numbered};
use crate::workdir::{CeremonyDir, Workdir};

/// What a ceremony is about, by its staged files alone: enough to tell whether it is open.
pub(crate) struct Outline {
    /// The staged roles and their versions.
    pub(crate) staged: BTreeMap<String, u64>,
    /// Whether there are any, each the next version after the one in `base/`. Otherwise somebody changed files.
    pub(crate) follows: bool,
    /// Whether it was closed.
    pub(crate) abandoned: bool,
}

impl Outline {
    /// Looks at the ceremony `name` of a work directory.
    pub(crate) fn read(workdir: &Workdir, name: &str) -> Result<Self, Failure> {
        let dir = workdir.ceremony(name);
        let mut staged = BTreeMap::new();
        for entry in disk::list(&dir.staged(), FILES)? {
            let Some(role) = entry.name.strip_suffix(".json") else { continue };
            let file = PublishedFile::parse(disk::read(&dir.staged_role(role), METADATA_LIMIT)?)
                .or_fail(|| format!("ceremony {name}: staged/{} cannot be used", entry.name))?;
            staged.insert(role.to_owned(), file.metadata.version());
        }
        let mut follows = !staged.is_empty();
        for (role, version) in &staged {
            follows &= *version == base_version(&dir, role)?.saturating_add(1);
        }
        let abandoned = disk::read_if_there(&dir.abandoned(), METADATA_LIMIT)?;
        let abandoned = abandoned.map(|bytes| Abandoned::parse(&bytes)).transpose();
        let abandoned = abandoned.or_fail(|| format!("ceremony {name} cannot be used"))?.is_some();
        Ok(Self { staged, follows, abandoned })
    }

    /// Whether every staged role is published in this version or a later one, and visible to clients: the
    /// snapshot names it. A ceremony whose files somebody changed so that it would look published is not.
    pub(crate) fn is_published(&self, published: &Published) -> Result<bool, Failure> {
        if !self.follows {
            return Ok(false);
        }
        let root = published.roots.last().map_or(0, |file| file.metadata.version());
        let meta = published.snapshot.as_ref().map(|file| ceremony::Meta::of(&file.metadata)).transpose()?;
        let sealed = published.is_sealed();
        Ok(self.staged.iter().all(|(role, version)| {
            let named = meta.as_ref().and_then(|meta| meta.file(&format!("{role}.json"))).map(|entry| entry.version);
            match role.as_str() {
                "root" => root > *version || (root == *version && sealed),
                _ => named.is_some_and(|named| named >= *version),
            }
        }))
    }
}

/// The version of `role` that a ceremony starts from; 0 if there was none.
fn base_version(dir: &CeremonyDir, role: &str) -> Result<u64, Failure> {
    if role == "root" {
        let files = disk::list(&dir.root().join("base"), FILES)?;
        let roots = files.iter().filter_map(|file| numbered(&file.name)).filter(|(_, role)| *role == "root");
        return Ok(roots.map(|(version, _)| version).max().unwrap_or(0));
    }
    let file = disk::read_if_there(&dir.root().join(&format!("base/{role}.json")), METADATA_LIMIT)?;
    let file = file.map(PublishedFile::parse).transpose().or_fail(|| format!("base/{role}.json cannot be used"))?;
    Ok(file.map_or(0, |file| file.metadata.version()))
}
