//! The arguments that say what a new entry is.

use std::path::{Path, PathBuf};

use ceremony::material::{Kind, LogIdForm, Moment, NewEntry, ServiceUrl, TrustedRoot};
use ceremony::{Policy, Time};

use super::evidence::{self, ProvenLog};
use crate::context::Context;
use crate::error::{Failure, OrFail as _};
use crate::ui::Ui;

/// What a new entry is, and what proves it.
#[derive(clap::Args)]
pub(in crate::commands) struct Entry {
    /// fulcio, rekor, ctlog or tsa
    kind: Kind,
    /// Where clients reach it, without a slash at the end
    #[arg(long, value_name = "URL")]
    url: Option<ServiceUrl>,
    /// The key of a log: PEM, DER, PKCS#1, JWK, or a C2SP note key
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// What proves a Rekor log: its checkpoint, or the answer of /api/v1/log
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
    /// What proves a CT log: the answer of /ct/v1/get-sth
    #[arg(long, value_name = "FILE")]
    tree_head: Option<PathBuf>,
    /// The certificates of Fulcio or a TSA, in any order: PEM, DER, or the answer of /api/v2/trustBundle
    #[arg(long, value_name = "FILE")]
    chain: Option<PathBuf>,
    /// A time stamp that the TSA gave: the answer to a request (RFC 3161)
    #[arg(long, value_name = "FILE")]
    timestamp: Option<PathBuf>,
    /// The major version of the interface; by default 2 for a Rekor with an Ed25519 or RSA key, else 1
    #[arg(long, value_name = "NUMBER")]
    api_version: Option<u64>,
    /// From when on it is valid
    #[arg(long, value_name = "RFC3339")]
    start: Option<Time>,
}

/// A new entry, proven.
pub(in crate::commands) struct Proven {
    /// For the trusted root.
    pub(in crate::commands) entry: NewEntry,
    /// Where it is.
    pub(in crate::commands) url: ServiceUrl,
    /// The major version of its interface.
    pub(in crate::commands) api_version: u64,
    /// How it was proven.
    pub(in crate::commands) proof: String,
}

impl Entry {
    /// A log, with the files that hold its key and what proves it.
    pub(in crate::commands) fn log(kind: Kind, url: ServiceUrl, key: PathBuf, proof: PathBuf, start: Time) -> Self {
        let (checkpoint, tree_head) = if kind == Kind::Rekor { (Some(proof), None) } else { (None, Some(proof)) };
        Self { key: Some(key), checkpoint, tree_head, ..Self::bare(kind, url, start) }
    }

    /// An authority, with the files that hold its certificates and a time stamp of it.
    pub(in crate::commands) fn authority(
        kind: Kind,
        url: ServiceUrl,
        chain: PathBuf,
        timestamp: Option<PathBuf>,
        start: Time,
    ) -> Self {
        Self { chain: Some(chain), timestamp, ..Self::bare(kind, url, start) }
    }

    fn bare(kind: Kind, url: ServiceUrl, start: Time) -> Self {
        Self {
            kind,
            url: Some(url),
            key: None,
            checkpoint: None,
            tree_head: None,
            chain: None,
            timestamp: None,
            api_version: None,
            start: Some(start),
        }
    }

    /// Reads and proves the entry; asks for what was not said.
    pub(in crate::commands) fn prove(
        self,
        context: &Context,
        policy: &Policy,
        root: &TrustedRoot,
        ui: &mut Ui,
    ) -> Result<Proven, Failure> {
        let kind = self.kind;
        self.refuse_others()?;
        let url = match self.url {
            Some(url) => url,
            None => ui.value("--url", &format!("URL of the {kind}"), None)?,
        };
        if kind.is_log() {
            let key = evidence::log_key(&file(ui, self.key, "--key", "File with its key")?)?;
            let ProvenLog { key, form, proof } = if kind == Kind::Rekor {
                let path = file(ui, self.checkpoint, "--checkpoint", "File with its checkpoint")?;
                evidence::rekor(&url, key, &path, self.api_version)?
            } else {
                evidence::ct_log(key, &file(ui, self.tree_head, "--tree-head", "File with its tree head")?)?
            };
            let start = start(ui, self.start, context, policy)?;
            let api_version = self.api_version.unwrap_or(if form == LogIdForm::Note { 2 } else { 1 });
            let entry = NewEntry::log(kind, &url, &key, form, start);
            return Ok(Proven { entry, url, api_version, proof });
        }
        let path = file(ui, self.chain, "--chain", "File with its certificates")?;
        let chain = evidence::chain(&path, kind, root)?;
        let proof = evidence::authority(&chain, self.timestamp.as_deref(), context.now)?;
        let start = start(ui, self.start, context, policy)?;
        let entry = NewEntry::authority(kind, &url, &chain, start).or_fail(|| "this is no entry")?;
        Ok(Proven { entry, url, api_version: self.api_version.unwrap_or(1), proof })
    }

    /// Refuses arguments that belong to another kind.
    fn refuse_others(&self) -> Result<(), Failure> {
        let given: [(&str, Option<&Path>, &[Kind]); 5] = [
            ("--key", self.key.as_deref(), &[Kind::Rekor, Kind::CtLog]),
            ("--checkpoint", self.checkpoint.as_deref(), &[Kind::Rekor]),
            ("--tree-head", self.tree_head.as_deref(), &[Kind::CtLog]),
            ("--chain", self.chain.as_deref(), &[Kind::Fulcio, Kind::Tsa]),
            ("--timestamp", self.timestamp.as_deref(), &[Kind::Tsa]),
        ];
        match given.iter().find(|(_, path, kinds)| path.is_some() && !kinds.contains(&self.kind)) {
            None => Ok(()),
            Some((flag, _, kinds)) => {
                let kinds: Vec<&str> = kinds.iter().map(|kind| kind.word()).collect();
                Err(Failure::could_not(format!("{flag} is not for {}, but for {}", self.kind.word(), kinds.join(", "))))
            }
        }
    }
}

fn file(ui: &mut Ui, given: Option<PathBuf>, flag: &str, question: &str) -> Result<PathBuf, Failure> {
    match given {
        Some(path) => Ok(path),
        None => ui.value(flag, question, None),
    }
}

/// When the entry starts; proposed is a moment at which every client can know it, with a week for the ceremony.
fn start(ui: &mut Ui, given: Option<Time>, context: &Context, policy: &Policy) -> Result<Moment, Failure> {
    let given = match given {
        Some(start) => start,
        None => {
            let known = policy.role("timestamp").and_then(|role| context.now.plus(role.lifetime));
            let proposed = known
                .and_then(|known| known.plus(ceremony::Days(8)))
                .map(|at| format!("{}T00:00:00Z", &at.to_string()[..10]));
            ui.value("--start", "From when on it is valid", proposed.as_deref())?
        }
    };
    Ok(Moment::from(given))
}
