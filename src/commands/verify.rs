//! `trustroot verify`

use std::path::{Path, PathBuf};
use std::time::Duration;

use ceremony::{Kind, Metadata, Root, lint};

use crate::audit::Audit;
use crate::audit::ceremonies::Ceremonies;
use crate::audit::file::{Judgement, Question};
use crate::context::Context;
use crate::disk::{self, Place};
use crate::error::{Failure, OrFail as _};
use crate::pinned;
use crate::published::{METADATA_LIMIT, numbered};
use crate::report::Outcome;
use crate::source::{Address, Served};
use crate::ui::Ui;

/// Audit a repository, a metadata file, or ceremonies
///
/// With --repository every root from the trusted one on is counted by the keys before and by its own, by distinct public
/// keys; then timestamp, snapshot, targets, delegated roles and every target file are read as clients read them.
///
/// With FILE one metadata file is judged, finished or partly signed: a root by the root before it (--root) and by itself,
/// any other file by the root that delegates to it, a delegated role by --role and --delegator too. Clients walk through
/// roots that have expired, and judge the expiry of the last alone: of one root it is said beside the answer.
///
/// With CEREMONY_DIR every such directory is derived again from its inputs, what it says is published is walked to from
/// the trusted root (--root, or the one that this machine remembers), and every signature is verified. Where two of them
/// give one version of a role two contents, both are named. Missing signatures do not make the answer no. Signatures
/// cover what is staged. That the records, the evidence and the policy beside it are those of that day too, the digest
/// of the proposal says (--expect), which everybody who signed has heard.
///
/// Of a repository or a metadata file the answer is yes if clients take it by the rules of TUF, at the present time or
/// that of --now. Findings are what the rules allow and somebody should know; they never change the answer.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  trustroot verify --repository https://tuf.example.com --root 1.root.json
  trustroot verify 15.root.json --root 14.root.json
  trustroot verify 8.team.json --root 15.root.json --role team \\
      --delegator 14.targets.json
  trustroot verify ceremonies/* --root 1.root.json")]
pub(crate) struct Verify {
    /// The metadata file to judge, or the directories of ceremonies
    #[arg(value_name = "FILE | CEREMONY_DIR", conflicts_with = "repository")]
    paths: Vec<PathBuf>,
    /// Audit the repository that is published here: a directory, or an http, https or file URL
    #[arg(long, value_name = "DIR-OR-URL")]
    repository: Option<Address>,
    /// Read the target files here instead of in targets below the metadata
    #[arg(long, value_name = "URL", requires = "repository")]
    targets_url: Option<Address>,
    /// Trust the root in this file; for a root in FILE the one before it; a first root has none
    #[arg(long, value_name = "FILE")]
    root: Option<PathBuf>,
    /// The digest of the proposal in CEREMONY_DIR, as words or hex, as it was written down at the ceremony
    #[arg(long, value_name = "DIGEST", requires = "paths")]
    expect: Option<String>,
    /// Find keys of the root that the root in this file, of another trust root, lists too
    #[arg(long, value_name = "FILE")]
    other_root: Vec<PathBuf>,
    /// FILE is this role
    #[arg(long, requires = "paths")]
    role: Option<String>,
    /// The targets file that delegates to the role; before it those that lead to it, from the top-level one on
    #[arg(long, value_name = "FILE", requires = "role")]
    delegator: Vec<PathBuf>,
    /// Give up on a server that is silent for so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: u64,
}

impl Verify {
    /// Asks for what is not given, and judges.
    pub(crate) fn run(self, context: &Context, ui: &mut Ui) -> Result<Outcome, Failure> {
        match (&self.paths[..], &self.repository) {
            ([], Some(address)) => self.repository(address, context, ui),
            ([], None) => {
                let address: Address =
                    ui.value("--repository", "Directory or URL of the repository to audit", Some("repository"))?;
                self.repository(&address, context, ui)
            }
            (dirs, _) if dirs.iter().all(|path| path.is_dir()) => self.ceremonies(context),
            ([file], _) => self.file(file, context),
            (several, _) => {
                let odd =
                    several.iter().find(|path| !path.is_dir()).map_or_else(String::new, |p| p.display().to_string());
                Err(Failure::could_not(format!("{odd} is no directory of a ceremony"))
                    .hint("give metadata files one by one"))
            }
        }
    }

    fn ceremonies(&self, context: &Context) -> Result<Outcome, Failure> {
        if self.role.is_some() {
            return Err(Failure::could_not("--role is for a metadata file"));
        }
        if self.expect.is_some() && self.paths.len() > 1 {
            return Err(Failure::could_not("--expect is the digest of one ceremony").hint("give them one by one"));
        }
        if let Some(odd) = self.paths.iter().find(|dir| !dir.join("inputs").is_dir()) {
            return Err(Failure::could_not(format!("{} is no ceremony: it has no inputs/", odd.display())).hint(
                "name the directories of ceremonies themselves, such as ceremonies/*; --repository is for repositories",
            ));
        }
        let ceremonies = Ceremonies::of(context, &self.paths, self.root.as_deref(), self.expect.as_deref())?;
        Ok(Outcome::answer(ceremonies.ok(), ceremonies))
    }

    fn repository(&self, address: &Address, context: &Context, ui: &mut Ui) -> Result<Outcome, Failure> {
        let root = match &self.root {
            Some(root) => root.clone(),
            None => ui.value("--root", "File with the root that you trust", None)?,
        };
        let root = pinned::read(&root)?;
        let source = Served::open(address, self.targets_url.as_ref(), Duration::from_secs(self.timeout))?;
        let mut audit = Audit::of(&source, &root, context.now).or_fail(|| format!("{address} was not audited"))?;
        for other in self.others()? {
            audit.compare(&other);
        }
        Ok(Outcome::answer(audit.ok(), audit))
    }

    fn file(&self, file: &Path, context: &Context) -> Result<Outcome, Failure> {
        if self.expect.is_some() {
            return Err(Failure::could_not("--expect is for the directory of a ceremony"));
        }
        let (metadata, bytes) = read(file)?;
        if self.role.is_none() && metadata.kind() == Kind::Targets {
            refuse_delegated(file)?;
        }
        let root = self.root.as_ref().map(|root| read(root)).transpose()?;
        let delegators: Result<Vec<Metadata>, Failure> =
            self.delegator.iter().map(|file| read(file).map(|(metadata, _)| metadata)).collect();
        let judgement = Judgement::of(&Question {
            file: &metadata,
            bytes: &bytes,
            root: root.as_ref().map(|(root, _)| root),
            role: self.role.as_deref(),
            delegators: &delegators?,
            now: context.now,
        });
        let mut judgement = judgement.or_fail(|| format!("{} was not judged", file.display()))?;
        if let Ok(view) = Root::of(&metadata) {
            judgement.findings.extend(self.others()?.iter().flat_map(|other| lint::used_elsewhere(&view, other)));
        }
        Ok(Outcome::answer(judgement.ok(), judgement))
    }
}

impl Verify {
    fn others(&self) -> Result<Vec<Root>, Failure> {
        self.other_root
            .iter()
            .map(|file| Root::of(&read(file)?.0).or_fail(|| format!("{} is no root", file.display())))
            .collect()
    }
}

/// A targets file does not say which role it is, and one that is delegated to is not for the keys of the top-level one.
fn refuse_delegated(file: &Path) -> Result<(), Failure> {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let role = numbered(&name).map(|(_, role)| role).or_else(|| name.strip_suffix(".json"));
    match role.filter(|role| !Root::ROLES.contains(role)) {
        None => Ok(()),
        Some(role) => Err(Failure::could_not(format!("{} is by its name the role {role}", file.display()))
            .and_cause("a targets file does not say which role it is, and by --root alone the top-level one is judged")
            .hint("say who delegates to it: --role ROLE --delegator FILE; or that it is the top-level one: --role targets")),
    }
}

fn read(file: &Path) -> Result<(Metadata, Vec<u8>), Failure> {
    let place = Place::named(file);
    let bytes = disk::read(&place, METADATA_LIMIT)?;
    let metadata = Metadata::parse_untrusted(&bytes).or_fail(|| format!("{place} is not TUF metadata"))?;
    Ok((metadata, bytes))
}
