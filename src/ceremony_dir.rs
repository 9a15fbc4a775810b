//! One ceremony as it lies on the disk: read, hashed as read, and derived again.

mod carried;
mod contents;

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::path::Path;

use ceremony::stage::StageError;
use ceremony::{
    Base, Digest, Holder, Inputs, Json, Metadata, Object, ProposalDigest, SignatureFile, Staged, Staging, Time, stage,
};

use keyholders::Roster;

use self::carried::Carried;
pub(crate) use self::carried::Step;
use self::contents::{Contents, FILES};
use crate::context::Context;
use crate::disk;
use crate::error::{Failure, OrFail as _};
use crate::published::{METADATA_LIMIT, Published, PublishedFile, numbered};
use crate::records::Keyholders;
use crate::standing::Standing;
use crate::ui::Ui;
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

    /// Whether every staged role is published in this version or a later one, and visible to clients. Roles that no
    /// snapshot of ours names, because somebody else makes it, are visible once their file is there. A ceremony whose
    /// files somebody changed so that it would look published is not.
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

/// `abandoned.json`
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Abandoned {
    pub(crate) at: Time,
    pub(crate) reason: String,
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
    /// The names of all ceremonies, sorted.
    pub(crate) fn names(workdir: &Workdir) -> Result<Vec<String>, Failure> {
        let entries = disk::list(&workdir.ceremonies(), FILES)?;
        Ok(entries.into_iter().filter(|entry| entry.is_dir).map(|entry| entry.name).collect())
    }

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

    /// The ceremony that a command is about: the named one, else the only one that is open, else whichever the person
    /// picks.
    pub(crate) fn choose(context: &Context, ui: &mut Ui, name: Option<&str>) -> Result<Self, Failure> {
        if let Some(name) = name {
            // As a shell completes it.
            let plain = name.strip_prefix("ceremonies/").unwrap_or(name).trim_end_matches('/');
            return Self::load(&context.workdir, plain);
        }
        let open = Self::open(&context.workdir)?;
        match &open[..] {
            [] if !disk::exists(&context.workdir.policy())? && !disk::exists(&context.workdir.ceremonies())? => {
                let message = format!("there is neither a trust root nor a ceremony in {}", context.workdir.root());
                Err(Failure::could_not(message).hint("`-C DIR` works in another place: the one that has ceremonies/"))
            }
            [] => {
                let mut failure = Failure::no("no ceremony is open");
                if let Some(name) = Self::newest_published(&context.workdir)? {
                    failure = failure.hint(format!("{name} is published: nothing is left to sign"));
                }
                Err(failure.hint("the coordinator proposes the next one with `trustroot stage`"))
            }
            [only] => Self::load(&context.workdir, only),
            several => {
                let published = Published::read(&context.workdir.repository())?;
                let standing = |name| Standing::of(&Self::load(&context.workdir, name)?, &published, context.now);
                let several = several.iter().map(|name| match standing(name) {
                    Ok(standing) => (Some(standing.staged_at), name, standing.next.text()),
                    Err(_) => (None, name, "it cannot be used"),
                });
                let mut several: Vec<_> = several.collect();
                several.sort_by_key(|(staged_at, ..)| Reverse(*staged_at));
                let items: Vec<String> = several.iter().map(|(_, name, text)| format!("{name}: {text}")).collect();
                let (_, name, _) = several[ui.select("CEREMONY", "Which ceremony?", &items)?];
                Self::load(&context.workdir, name)
            }
        }
    }

    /// The names of the ceremonies that are neither closed nor published wholly.
    pub(crate) fn open(workdir: &Workdir) -> Result<Vec<String>, Failure> {
        let published = Published::read(&workdir.repository())?;
        let mut open = Vec::new();
        for name in Self::names(workdir)? {
            // One that cannot be used is open until somebody has seen to it.
            let over = Outline::read(workdir, &name)
                .and_then(|outline| Ok(outline.abandoned || outline.is_published(&published)?));
            if !over.unwrap_or(false) {
                open.push(name);
            }
        }
        Ok(open)
    }

    /// The ceremony that was staged last of those that are published wholly.
    fn newest_published(workdir: &Workdir) -> Result<Option<String>, Failure> {
        let published = Published::read(&workdir.repository())?;
        let mut newest = None;
        for name in Self::names(workdir)? {
            let outline = Outline::read(workdir, &name).ok().filter(|outline| !outline.abandoned);
            if !outline.is_some_and(|outline| outline.is_published(&published).unwrap_or(false)) {
                continue;
            }
            let staging = disk::read(&workdir.ceremony(&name).inputs().join("staging.json"), METADATA_LIMIT)?;
            newest = newest.max(Some((Staging::parse(&staging)?.at, name)));
        }
        Ok(newest.map(|(_, name)| name))
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

impl Abandoned {
    /// The file.
    pub(crate) fn to_file(&self) -> Vec<u8> {
        let object: Object =
            [("at", Json::string(self.at.to_string())), ("reason", Json::string(&self.reason))].into_iter().collect();
        Json::Object(object).pretty().into_bytes()
    }

    fn parse(bytes: &[u8]) -> Result<Self, Failure> {
        let json = Json::parse(bytes).or_fail(|| "abandoned.json")?;
        let text = |name| json.get(name).and_then(Json::as_str);
        let at = text("at").and_then(|at| at.parse().ok());
        match (at, text("reason")) {
            (Some(at), Some(reason)) => {
                let abandoned = Self { at, reason: reason.to_owned() };
                let written = abandoned.to_file() == bytes;
                let wrong = || Failure::could_not("abandoned.json is not in the form in which it is written");
                if written { Ok(abandoned) } else { Err(wrong()) }
            }
            _ => Err(Failure::could_not("abandoned.json has no time and reason")),
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
