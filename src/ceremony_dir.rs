//! One ceremony as it lies on the disk: read, hashed as read, and derived again.

mod abandoned;
mod carried;
mod choice;
mod contents;
mod outline;
mod seals;

use std::collections::BTreeMap;
use std::path::Path;

use ceremony::stage::StageError;
use ceremony::{Base, Digest, Holder, Inputs, Metadata, ProposalDigest, SignatureFile, Staged, stage};
use keyholders::Roster;

pub(crate) use self::abandoned::Abandoned;
use self::carried::Carried;
pub(crate) use self::carried::Step;
use self::contents::Contents;
pub(crate) use self::outline::Outline;
pub(crate) use self::seals::SealFile;
use crate::error::{Failure, OrFail as _};
use crate::published::{PublishedFile, numbered};
use crate::records::Keyholders;
use crate::workdir::{CeremonyDir, Workdir};

/// A ceremony: everything in its directory, none of it trusted.
#[derive(Debug)]
pub(crate) struct Ceremony {
    /// The name of the directory.
    pub(crate) name: String,
    /// Where it lies.
    pub(crate) dir: CeremonyDir,
    /// What it was derived from.
    pub(crate) inputs: Inputs,
    /// The records of `inputs/keyholders/`.
    pub(crate) roster: Roster,
    /// What was published when it was staged.
    pub(crate) base: Base,
    /// The files of `base/` by name, with the bytes of the roots and online roles.
    pub(crate) base_files: BTreeMap<String, PublishedFile>,
    /// The trust material that it carries.
    carried: Carried,
    /// The digest of everything that a signature stands for.
    pub(crate) digest: ProposalDigest,
    /// Every signature file, verified or not.
    pub(crate) signatures: Vec<SignatureFile>,
    /// Signature files that cannot be read, by path, with the reason.
    pub(crate) unreadable: Vec<(String, String)>,
    /// Why and when it was closed.
    pub(crate) abandoned: Option<Abandoned>,
    /// The digests of all files as read, by path in the directory.
    pub(crate) files: BTreeMap<String, Digest>,
}

/// What deriving a ceremony again showed.
pub(crate) enum Derivation {
    /// The staged files are what their inputs give, byte for byte.
    Same(Box<Staged>),
    /// They are not: these files differ, are missing or are more than there should be.
    Differs(Vec<String>),
    /// This program does not have the rules by which it was staged.
    Cannot(StageError),
}

impl Ceremony {
    /// Reads the ceremony `name` of a work directory.
    pub(crate) fn load(workdir: &Workdir, name: &str) -> Result<Self, Failure> {
        Self::read(name, workdir.ceremony(name)).or_fail(|| format!("ceremony {name} cannot be used"))
    }

    /// Reads the ceremony in a directory anywhere.
    pub(crate) fn at(path: &Path) -> Result<Self, Failure> {
        let name = path.canonicalize().ok().and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned()));
        let name = name.unwrap_or_else(|| path.display().to_string());
        Self::read(&name, CeremonyDir::at(path)).or_fail(|| format!("{} cannot be used", path.display()))
    }

    fn read(name: &str, dir: CeremonyDir) -> Result<Self, Failure> {
        let Contents { policy, staging, targets, records, base, carried, signatures, unreadable, abandoned, digests } =
            Contents::read(&dir)?;
        let missing = |file: &str| Failure::could_not(format!("inputs/{file} is missing"));
        let policy = policy.ok_or_else(|| missing("policy.toml"))?;
        let staging = staging.ok_or_else(|| missing("staging.json"))?;
        let targets = targets.ok_or_else(|| missing("targets.txt"))?;
        let held = records.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice()));
        let keyholders = Keyholders::of_files(&dir.inputs().join("keyholders"), held)?;
        let holders: Vec<Holder> = keyholders.holders(&policy, staging.at);
        Ok(Self {
            name: name.to_owned(),
            dir,
            digest: ProposalDigest::of(&policy.id, &digests),
            inputs: Inputs { policy, holders, targets, staging },
            roster: keyholders.roster,
            base: self::base(&base)?,
            base_files: base,
            carried,
            signatures,
            unreadable,
            abandoned,
            files: digests,
        })
    }

    /// # Errors
    /// If it was closed.
    pub(crate) fn refuse_closed(&self) -> Result<(), Failure> {
        self.abandoned.as_ref().map_or(Ok(()), |abandoned| Err(abandoned.refusal(&self.name)))
    }

    /// Derives the proposal again and compares it with the staged files, byte for byte.
    ///
    /// What is reviewed, signed and published is what comes from here, never what the staged files say.
    pub(crate) fn derive(&self) -> Result<Derivation, Failure> {
        let staged = match stage(&self.inputs, &self.base) {
            Ok(staged) => staged,
            Err(error @ StageError::Rules { .. }) => return Ok(Derivation::Cannot(error)),
            Err(error) => return Err(Failure::from(error).in_context("the proposal cannot be derived again")),
        };
        let wanted = staged.roles().iter().map(|(role, staged)| (format!("staged/{role}.json"), staged.sha256));
        let wanted: BTreeMap<String, Digest> = wanted.collect();
        let found = self.files.iter().filter(|(path, _)| path.starts_with("staged/"));
        let found: BTreeMap<String, Digest> = found.map(|(path, digest)| (path.clone(), *digest)).collect();
        let all = wanted.keys().chain(found.keys());
        let mut differs: Vec<String> = all.filter(|path| wanted.get(*path) != found.get(*path)).cloned().collect();
        differs.sort();
        differs.dedup();
        Ok(if differs.is_empty() { Derivation::Same(Box::new(staged)) } else { Derivation::Differs(differs) })
    }

    /// The trust material before and after, if the proposal carries targets.
    ///
    /// # Errors
    /// If what is carried is not what the targets name.
    pub(crate) fn material(&self, staged: &Staged) -> Result<Step, Failure> {
        if staged.roles().contains_key("targets") {
            self.carried.step(&self.base, &self.inputs)
        } else {
            Ok(Step::default())
        }
    }

    /// The proposal, if the staged files are what their inputs give.
    pub(crate) fn staged(&self) -> Result<Staged, Failure> {
        match self.derive()? {
            Derivation::Same(staged) => Ok(*staged),
            Derivation::Differs(files) => {
                let files = files.join(", ");
                Err(Failure::no(format!("ceremony {} is not what its inputs give: {files} differ", self.name))
                    .hint("somebody changed files after staging: do not sign; ask the coordinator to stage again"))
            }
            Derivation::Cannot(error) => Err(error.into()),
        }
    }
}

fn base(files: &BTreeMap<String, PublishedFile>) -> Result<Base, Failure> {
    let mut base = Base::default();
    let mut roots: BTreeMap<u64, Metadata> = BTreeMap::new();
    for (name, file) in files {
        let metadata = file.metadata.clone();
        match (numbered(name), name.strip_suffix(".json")) {
            (Some((version, "root")), _) if version == metadata.version() => {
                roots.insert(version, metadata);
            }
            (_, Some("snapshot")) => base.snapshot = Some(metadata),
            (_, Some("timestamp")) => base.timestamp = Some(metadata),
            (None, Some(role)) => {
                base.roles.insert(role.to_owned(), metadata);
            }
            _ => return Err(Failure::no(format!("base/{name} has no place in a ceremony"))),
        }
    }
    let versions: Vec<u64> = roots.keys().copied().collect();
    if let Some(pair) = versions.windows(2).find(|pair| pair[0] + 1 != pair[1]) {
        return Err(Failure::no(format!("base/: root {} is followed by root {}", pair[0], pair[1])));
    }
    base.roots = roots.into_values().collect();
    Ok(base)
}
