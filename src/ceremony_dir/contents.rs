//! The files of a ceremony, each where it belongs.

use std::collections::BTreeMap;

use ceremony::{Digest, Policy, SignatureFile, Staging, TargetList};

use super::Abandoned;
use super::carried::Carried;
use crate::disk::{self, DiskError};
use crate::error::{Failure, OrFail as _};
use crate::policy_file;
use crate::published::{METADATA_LIMIT, PublishedFile};
use crate::workdir::CeremonyDir;

/// How many files a ceremony may hold.
pub(super) const FILES: usize = 100_000;

/// The most bytes of all files of a ceremony together: the targets before and after, each as long as one may be.
const TOTAL: u64 = 2 * METADATA_LIMIT;

/// The most bytes of a signature file: more than a thousand times what one has.
const SIGNATURE_LIMIT: u64 = 1 << 20;

/// What to do about a file that nobody here wrote.
const AWAY: &str = "look where it came from, and take it away: nothing else lies in a ceremony";

/// What the files of a ceremony say, one by one; whether they go together, nobody has looked.
#[derive(Default)]
pub(super) struct Contents {
    pub(super) policy: Option<Policy>,
    pub(super) staging: Option<Staging>,
    pub(super) targets: Option<TargetList>,
    /// The files of `inputs/keyholders/`, by name.
    pub(super) records: Vec<(String, Vec<u8>)>,
    /// The metadata files of `base/`, by name.
    pub(super) base: BTreeMap<String, PublishedFile>,
    pub(super) carried: Carried,
    pub(super) signatures: Vec<SignatureFile>,
    /// Signature files that cannot be read, by path, with the reason.
    pub(super) unreadable: Vec<(String, String)>,
    pub(super) abandoned: Option<Abandoned>,
    /// The digests of all files as read, by path.
    pub(super) digests: BTreeMap<String, Digest>,
}

impl Contents {
    /// Reads every file of the ceremony in `dir`.
    ///
    /// # Errors
    /// If there is none, there are very many, one has no place in a ceremony, or one other than a signature cannot be
    /// read as what it is for.
    pub(super) fn read(dir: &CeremonyDir) -> Result<Self, Failure> {
        let paths = disk::tree(dir.root(), FILES)?;
        if paths.is_empty() {
            return Err(Failure::could_not("there is no such ceremony").hint("`trustroot status` lists them"));
        }
        let mut contents = Self::default();
        let mut total = 0;
        for path in paths {
            let is_signature = path.starts_with("signatures/");
            let limit = match &*path {
                "inputs/policy.toml" => policy_file::LIMIT,
                _ if is_signature => SIGNATURE_LIMIT,
                _ => METADATA_LIMIT,
            };
            let bytes = match disk::read(&dir.root().join(&path), limit) {
                Err(error @ DiskError::TooLarge { .. }) if is_signature => {
                    contents.unreadable.push((path, error.to_string()));
                    continue;
                }
                read => read?,
            };
            total += bytes.len() as u64;
            if total > TOTAL {
                let message = format!("its files have more than {TOTAL} bytes, those up to {path} alone");
                return Err(Failure::could_not(message));
            }
            contents.digests.insert(path.clone(), Digest::of(&bytes));
            contents.take(&path, bytes)?;
        }
        Ok(contents)
    }

    fn take(&mut self, path: &str, bytes: Vec<u8>) -> Result<(), Failure> {
        match path.split_once('/') {
            Some(("inputs", name)) => return self.input(path, name, bytes),
            Some(("base", name)) => match name.strip_prefix("material/") {
                Some(name) => _ = self.carried.published.insert(name.to_owned(), bytes),
                None => {
                    let file = PublishedFile::parse(bytes).or_fail(|| path.to_owned())?;
                    self.base.insert(name.to_owned(), file);
                }
            },
            Some(("signatures", _)) => self.signature(path, &bytes),
            // The staged files are derived again, and never read; what was published is read where it is needed.
            Some(("staged" | "published" | "witnesses", _)) => {}
            None if path == "abandoned.json" => self.abandoned = Some(Abandoned::parse(&bytes)?),
            _ => return Err(Failure::no(format!("{path} has no place in a ceremony")).hint(AWAY)),
        }
        Ok(())
    }

    fn input(&mut self, path: &str, name: &str, bytes: Vec<u8>) -> Result<(), Failure> {
        match (name.split_once('/'), name) {
            (None, "policy.toml") => {
                let text = String::from_utf8(bytes).or_fail(|| path.to_owned())?;
                self.policy = Some(policy_file::parse(&text).or_fail(|| path.to_owned())?);
            }
            (None, "staging.json") => self.staging = Some(Staging::parse(&bytes)?),
            (None, "targets.txt") => self.targets = Some(TargetList::parse(&bytes)?),
            (Some(("keyholders", name)), _) => self.records.push((name.to_owned(), bytes)),
            (Some(("material", name)), _) => _ = self.carried.wanted.insert(name.to_owned(), bytes),
            (Some(("evidence", name)), _) => _ = self.carried.evidence.insert(name.to_owned(), bytes),
            _ => return Err(Failure::no(format!("{path} is no input of a ceremony")).hint(AWAY)),
        }
        Ok(())
    }

    fn signature(&mut self, path: &str, bytes: &[u8]) {
        let refused = match SignatureFile::parse(bytes) {
            Ok(file) if path == format!("signatures/{}/{}", file.role, file.file_name()) => {
                return self.signatures.push(file);
            }
            Ok(file) => format!(
                "its name is not the one that its content gives: `trustroot import` puts it under signatures/{}/{}",
                file.role,
                file.file_name()
            ),
            Err(error) => error.to_string(),
        };
        self.unreadable.push((path.to_owned(), refused));
    }
}
