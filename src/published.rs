//! What is published: the state that a ceremony starts from.

use std::collections::BTreeMap;
use std::sync::Arc;

use ceremony::source::NameError;
use ceremony::{Base, MemorySource, Meta, Metadata, Root, Source, Targets};

use crate::copies;
use crate::disk;
use crate::error::{Failure, OrFail as _};
use crate::workdir::Repository;

/// The most bytes of one metadata file that are read.
pub(crate) const METADATA_LIMIT: u64 = 1 << 28;

/// How many files a repository's metadata directory may hold.
const FILES: usize = 1_000_000;

/// The metadata of a repository, with the bytes as published.
#[derive(Clone, Debug, Default)]
pub(crate) struct Published {
    /// The roots, versions without a gap.
    pub(crate) roots: Vec<PublishedFile>,
    /// `targets` and the delegated roles, by name.
    pub(crate) roles: BTreeMap<String, PublishedFile>,
    /// The snapshot that the timestamp names.
    pub(crate) snapshot: Option<PublishedFile>,
    /// The timestamp.
    pub(crate) timestamp: Option<PublishedFile>,
    /// Every snapshot version that has a file.
    pub(crate) snapshots_taken: Vec<u64>,
}

/// One published metadata file.
#[derive(Clone, Debug)]
pub(crate) struct PublishedFile {
    /// The content.
    pub(crate) bytes: Arc<[u8]>,
    /// What it says; not trusted by being here.
    pub(crate) metadata: Metadata,
}

impl Published {
    /// Reads a repository with consistent snapshots; what is not there is empty. Nothing is verified.
    ///
    /// Of targets and delegated roles the highest version counts, whether a snapshot names it yet or not: nothing that
    /// was ever published may be followed by another file of its number.
    pub(crate) fn read(repository: &Repository) -> Result<Self, Failure> {
        let mut versions: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        for entry in disk::list(repository.root(), FILES)? {
            if let Some((version, role)) = numbered(&entry.name) {
                versions.entry(role.to_owned()).or_default().push(version);
            }
        }
        let read = |name: &str| PublishedFile::read(repository, name);
        let unusable = |name: &str| format!("{} cannot be used", repository.metadata(name));
        let mut published = Self::default();
        let mut roots = versions.remove("root").unwrap_or_default();
        roots.sort_unstable();
        for (i, version) in roots.iter().enumerate() {
            if i > 0 && roots[i - 1] + 1 != *version {
                let (before, after) = (roots[i - 1], version);
                return Err(
                    Failure::no(format!("repository: root {before} is followed by root {after}")).hint(copies::MEND)
                );
            }
            published.roots.push(read(&format!("{version}.root.json"))?);
        }
        if let (Some(root), Some(version)) = (published.roots.last(), roots.last()) {
            Root::of(&root.metadata).or_fail(|| unusable(&format!("{version}.root.json")))?;
        }
        if disk::exists(&repository.metadata("timestamp.json"))? {
            let timestamp = read("timestamp.json")?;
            let meta = Meta::of(&timestamp.metadata).or_fail(|| unusable("timestamp.json"))?;
            let named = meta.file("snapshot.json").map(|file| file.version);
            if let Some(version) = named {
                let name = format!("{version}.snapshot.json");
                let snapshot = read(&name)?;
                Meta::of(&snapshot.metadata).or_fail(|| unusable(&name))?;
                published.snapshot = Some(snapshot);
            }
            published.timestamp = Some(timestamp);
        }
        published.snapshots_taken = versions.remove("snapshot").unwrap_or_default();
        let mut next = vec!["targets".to_owned()];
        while let Some(role) = next.pop() {
            let Some(version) = versions.get(&role).and_then(|versions| versions.iter().max()) else { continue };
            let name = format!("{version}.{role}.json");
            let file = read(&name)?;
            let targets = Targets::of(&file.metadata).or_fail(|| unusable(&name))?;
            let delegated = targets.delegations.into_iter().map(|delegation| delegation.name);
            next.extend(delegated.filter(|name| !published.roles.contains_key(name)));
            published.roles.insert(role, file);
        }
        Ok(published)
    }

    /// The latest published file of the root, targets or a delegated role.
    pub(crate) fn latest(&self, role: &str) -> Option<&Metadata> {
        let file = if role == "root" { self.roots.last() } else { self.roles.get(role) };
        file.map(|file| &file.metadata)
    }

    /// What a proposal is derived from.
    pub(crate) fn base(&self) -> Base {
        Base {
            roots: self.roots.iter().map(|file| file.metadata.clone()).collect(),
            roles: self.roles.iter().map(|(role, file)| (role.clone(), file.metadata.clone())).collect(),
            snapshot: self.snapshot.as_ref().map(|file| file.metadata.clone()),
            timestamp: self.timestamp.as_ref().map(|file| file.metadata.clone()),
        }
    }

    /// The repository with exactly the files that were read: what is verified through it is what is held here, whatever
    /// becomes of the files in `source`.
    ///
    /// # Errors
    /// If a role has a name that no client asks for.
    pub(crate) fn over<'a>(&self, source: &'a dyn Source) -> Result<MemorySource<'a>, NameError> {
        let mut held = MemorySource::over(source);
        let roots = self.roots.iter().map(|file| ("root", file));
        let roles = self.roles.iter().map(|(role, file)| (role.as_str(), file));
        let snapshot = self.snapshot.iter().map(|file| ("snapshot", file));
        for (role, file) in roots.chain(roles).chain(snapshot) {
            held.put_metadata(&format!("{}.{role}.json", file.metadata.version()), file.bytes.clone())?;
        }
        if let Some(timestamp) = &self.timestamp {
            held.put_metadata("timestamp.json", timestamp.bytes.clone())?;
        }
        Ok(held)
    }

    /// Whether the latest root's own keys signed the snapshot and the timestamp: if not, the publication of that root
    /// stopped half-way, or somebody else has yet to sign them.
    pub(crate) fn is_sealed(&self) -> bool {
        let root = self.roots.last().and_then(|root| Root::of(&root.metadata).ok());
        let met = |role, file: &Option<PublishedFile>| {
            let keys = root.as_ref().and_then(|root| root.role(role));
            keys.zip(file.as_ref()).is_some_and(|(keys, file)| keys.met_by(&file.metadata))
        };
        met("snapshot", &self.snapshot) && met("timestamp", &self.timestamp)
    }

    /// The files with the names that they have in the `base/` of a ceremony: `N.root.json` and `ROLE.json`.
    pub(crate) fn base_files(&self) -> impl Iterator<Item = (String, &PublishedFile)> {
        let roots = self.roots.iter().map(|file| (format!("{}.root.json", file.metadata.version()), file));
        let roles = self.roles.iter().map(|(role, file)| (format!("{role}.json"), file));
        let online = [("snapshot.json", &self.snapshot), ("timestamp.json", &self.timestamp)];
        let online = online.into_iter().filter_map(|(name, file)| Some((name.to_owned(), file.as_ref()?)));
        roots.chain(roles).chain(online)
    }
}

impl PublishedFile {
    /// Reads a metadata file of a repository by its published name.
    pub(crate) fn read(repository: &Repository, name: &str) -> Result<Self, Failure> {
        let place = repository.metadata(name);
        let bytes = disk::read(&place, METADATA_LIMIT).map_err(|error| match error.is_not_there() {
            true => Failure::from(error).hint(copies::MEND),
            false => error.into(),
        })?;
        let file = Self::parse(bytes).or_fail(|| format!("{place} cannot be used"));
        file.map_err(|failure| failure.hint(copies::MEND))
    }

    /// Reads a metadata file.
    pub(crate) fn parse(bytes: Vec<u8>) -> Result<Self, Failure> {
        Ok(Self { metadata: Metadata::parse_untrusted(&bytes)?, bytes: bytes.into() })
    }
}

/// Version and role of `N.ROLE.json`.
pub(crate) fn numbered(name: &str) -> Option<(u64, &str)> {
    let (version, role) = name.strip_suffix(".json")?.split_once('.')?;
    let plain = !version.starts_with('0') && version.bytes().all(|b| b.is_ascii_digit());
    Some((version.parse().ok().filter(|_| plain)?, role))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_was_read_is_verified_whoever_writes_meanwhile() {
        let file = |version: u64| {
            let text = format!(
                "{{\"signatures\": [], \"signed\": {{\"_type\": \"timestamp\", \"version\": {version}, \"expires\": \
                 \"2027-01-01T00:00:00Z\", \"meta\": {{}}}}}}"
            );
            PublishedFile::parse(text.into_bytes()).unwrap()
        };
        let published = Published { timestamp: Some(file(1)), ..Published::default() };
        let mut now = MemorySource::new();
        now.put_metadata("timestamp.json", file(2).bytes).unwrap();
        now.put_metadata("3.root.json", *b"new").unwrap();
        let held = published.over(&now).unwrap();
        assert_eq!(held.metadata("timestamp.json", 1000).unwrap().unwrap(), &*file(1).bytes);
        assert_eq!(held.metadata("3.root.json", 1000).unwrap().unwrap(), b"new");
    }
}
