//! The arguments that say what a new entry is.

use std::path::{Path, PathBuf};

use ceremony::material::{Kind, LogIdForm, Moment, NewEntry, ServiceUrl, TrustedRoot};
use ceremony::{Policy, Time};

use super::evidence::{self, ProvenLog, Stamp};
use super::live::Question::{self, Chain, Checkpoint, LogKey, LogState, TreeHead, TrustBundle};
use super::live::{Answer, Live};
use crate::context::Context;
use crate::error::{Failure, OrFail as _};
use crate::ui::Ui;

/// What a new entry is, and what proves it.
#[derive(clap::Args)]
pub(in crate::commands) struct Entry {
    /// fulcio, rekor, ctlog or tsa
    kind: Kind,
    /// Where clients reach it, without a slash at the end; by default the URL of --from
    #[arg(long, value_name = "URL")]
    url: Option<ServiceUrl>,
    /// Ask the service that runs here for what no file is given for; its answers are saved in answers/
    #[arg(long, value_name = "URL")]
    from: Option<ServiceUrl>,
    /// The key of a log: PEM, DER, PKCS#1, JWK, or a C2SP note key
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// What proves a Rekor log: its checkpoint, or the answer of /api/v1/log
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
    /// What proves a CT log: the answer of /ct/v1/get-sth, or of a log in tiles its checkpoint
    #[arg(long, value_name = "FILE")]
    tree_head: Option<PathBuf>,
    /// The certificates of Fulcio or a TSA, in any order: PEM, DER, or the answer of /api/v2/trustBundle
    #[arg(long, value_name = "FILE")]
    chain: Option<PathBuf>,
    /// Which chain, where there are several: the first digits of the SHA-256 of the certificate that signs
    #[arg(long, value_name = "DIGITS")]
    signer: Option<String>,
    /// A time stamp that the TSA gave: the answer to a request (RFC 3161)
    #[arg(long, value_name = "FILE")]
    timestamp: Option<PathBuf>,
    /// A certificate that Fulcio issued, where its chain is a root alone: PEM or DER
    #[arg(long, value_name = "FILE")]
    issued: Option<PathBuf>,
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
    /// What nothing proves, as a sentence.
    pub(in crate::commands) word: Option<String>,
    /// What the service itself answered, where it was asked.
    pub(in crate::commands) answers: Vec<Answer>,
}

impl Entry {
    /// A log, with the files that hold its key and what proves it. It is asked for what is not given.
    pub(in crate::commands) fn log(
        kind: Kind,
        url: ServiceUrl,
        key: Option<PathBuf>,
        proof: Option<PathBuf>,
        start: Time,
    ) -> Self {
        let live = key.is_none() || proof.is_none();
        let (checkpoint, tree_head) = if kind == Kind::Rekor { (proof, None) } else { (None, proof) };
        Self { key, checkpoint, tree_head, ..Self::bare(kind, url, live, start) }
    }

    /// An authority, with the files that hold its certificates and a time stamp of it. It is asked for what is not
    /// given, where it has to prove anything.
    pub(in crate::commands) fn authority(
        kind: Kind,
        url: ServiceUrl,
        chain: Option<PathBuf>,
        timestamp: Option<PathBuf>,
        start: Time,
    ) -> Self {
        let live = chain.is_none();
        Self { chain, timestamp, ..Self::bare(kind, url, live, start) }
    }

    fn bare(kind: Kind, url: ServiceUrl, live: bool, start: Time) -> Self {
        let (url, from) = if live { (None, Some(url)) } else { (Some(url), None) };
        Self {
            kind,
            url,
            from,
            key: None,
            checkpoint: None,
            tree_head: None,
            chain: None,
            signer: None,
            timestamp: None,
            issued: None,
            api_version: None,
            start: Some(start),
        }
    }

    /// What it is.
    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    /// Reads and proves the entry; asks for what was not said.
    pub(in crate::commands) fn prove(
        mut self,
        context: &Context,
        policy: &Policy,
        root: &TrustedRoot,
        ui: &mut Ui,
    ) -> Result<Proven, Failure> {
        let kind = self.kind;
        self.refuse_others()?;
        let mut live = self.from.as_ref().map(|from| Live::at(context, kind, from)).transpose()?;
        let url = match (self.url.clone(), &live) {
            (Some(url), _) => url,
            (None, Some(live)) => live.url().clone(),
            (None, None) => ui.value("--url", &format!("URL of the {kind}"), None)?,
        };
        let url = match self.offer(context, kind, &url, live.is_some(), ui)? {
            Some(asked) => live.insert(asked).url().clone(),
            None => url,
        };
        let (form, proof, word);
        let entry = if kind.is_log() {
            let log = self.prove_log(&url, live.as_mut(), ui)?;
            (form, proof, word) = (log.form, log.proof, None);
            NewEntry::log(kind, &url, &log.key, form, start(ui, self.start, context, policy)?)
        } else {
            let asked = live.as_mut().map(|live| (live, if kind == Kind::Tsa { Chain } else { TrustBundle }));
            let path = file(ui, self.chain, asked, "--chain", "File with its certificates")?;
            let chain = evidence::chain(&path, kind, root, self.signer.as_deref(), ui)?;
            let stamp = match (self.timestamp, live.as_mut().filter(|_| kind == Kind::Tsa)) {
                (Some(path), _) => Some(Stamp { path, message: None }),
                (None, Some(live)) => {
                    let (path, message) = live.stamp(ui)?;
                    Some(Stamp { path, message: Some(message) })
                }
                (None, None) => None,
            };
            form = LogIdForm::Key;
            (proof, word) = evidence::authority(&chain, stamp.as_ref(), self.issued.as_deref(), context.now)?;
            let start = start(ui, self.start, context, policy)?;
            NewEntry::authority(kind, &url, &chain, start).or_fail(|| "this is no entry")?
        };
        let api_version = self.api_version.unwrap_or(if form == LogIdForm::Note { 2 } else { 1 });
        let answers = live.map(Live::into_answers).unwrap_or_default();
        Ok(Proven { entry, url, api_version, proof, word, answers })
    }

    /// At a terminal, asks for the first file of an entry where none is given; the service to be asked itself, if there is
    /// none.
    fn offer<'a>(
        &mut self,
        context: &'a Context,
        kind: Kind,
        url: &ServiceUrl,
        live: bool,
        ui: &mut Ui,
    ) -> Result<Option<Live<'a>>, Failure> {
        let (slot, flag, what) = match kind {
            Kind::Fulcio | Kind::Tsa => (&mut self.chain, "--chain", "its certificates"),
            Kind::Rekor => (&mut self.checkpoint, "--checkpoint", "its checkpoint"),
            Kind::CtLog => (&mut self.tree_head, "--tree-head", "its tree head"),
        };
        if live || slot.is_some() || !ui.has_terminal() || !cfg!(feature = "net") {
            return Ok(None);
        }
        *slot = ui.value_if_any(flag, &format!("File with {what}, or Enter to ask it"))?;
        if slot.is_some() { Ok(None) } else { Live::at(context, kind, url).map(Some) }
    }

    /// Reads the key of a log, and what proves it.
    fn prove_log(&self, url: &ServiceUrl, mut live: Option<&mut Live<'_>>, ui: &mut Ui) -> Result<ProvenLog, Failure> {
        // The others do not hand out their keys.
        let hands_out = self.kind == Kind::Rekor && self.api_version.is_none_or(|version| version == 1);
        let asked = live.as_deref_mut().filter(|_| hands_out).map(|live| (live, LogKey));
        let key = evidence::log_key(&file(ui, self.key.clone(), asked, "--key", "File with its key")?)?;
        if self.kind == Kind::CtLog {
            let asked = live.map(|live| (live, TreeHead));
            return evidence::ct_log(
                key,
                &file(ui, self.tree_head.clone(), asked, "--tree-head", "File with its tree head")?,
            );
        }
        let mut version = self.api_version;
        if let (None, None, Some(live), LogIdForm::Key) =
            (&self.checkpoint, version, live.as_deref_mut(), evidence::rekor_form(version, &key))
        {
            // An ECDSA key may be that of either version: where the interface of the first is not, it is the second.
            if let Some(path) = live.ask_if_any(LogState, ui)? {
                return evidence::rekor(url, key, &path, version);
            }
            version = Some(2);
        }
        let state = if evidence::rekor_form(version, &key) == LogIdForm::Note { Checkpoint } else { LogState };
        let asked = live.map(|live| (live, state));
        let path = file(ui, self.checkpoint.clone(), asked, "--checkpoint", "File with its checkpoint")?;
        evidence::rekor(url, key, &path, version)
    }

    /// Refuses arguments that belong to another kind.
    fn refuse_others(&self) -> Result<(), Failure> {
        let signer = self.signer.as_ref().map(Path::new);
        let given: [(&str, Option<&Path>, &[Kind]); 7] = [
            ("--key", self.key.as_deref(), &[Kind::Rekor, Kind::CtLog]),
            ("--checkpoint", self.checkpoint.as_deref(), &[Kind::Rekor]),
            ("--tree-head", self.tree_head.as_deref(), &[Kind::CtLog]),
            ("--chain", self.chain.as_deref(), &[Kind::Fulcio, Kind::Tsa]),
            ("--signer", signer, &[Kind::Fulcio, Kind::Tsa]),
            ("--issued", self.issued.as_deref(), &[Kind::Fulcio]),
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

/// The file that is given, or the saved answer of the service, or what somebody says.
fn file(
    ui: &mut Ui,
    given: Option<PathBuf>,
    asked: Option<(&mut Live<'_>, Question)>,
    flag: &str,
    question: &str,
) -> Result<PathBuf, Failure> {
    match (given, asked) {
        (Some(path), _) => Ok(path),
        (None, Some((live, question))) => live.ask(question, ui),
        (None, None) => ui.value(flag, question, None),
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
