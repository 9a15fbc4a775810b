//! The services of a Sigstore instance: proven, they are the first trust material.

use std::path::PathBuf;
use std::str::FromStr;

use ceremony::material::url::UrlError;
use ceremony::material::{Kind, Material, Moment, NewService, ServiceKind, ServiceUrl, SigningConfig, TrustedRoot};
use ceremony::{Policy, Time};

use crate::commands::material::entry::Entry;
use crate::commands::material::live::Answer;
use crate::commands::material::rotate::{operator, take_up};
use crate::context::Context;
use crate::error::{Failure, OrFail as _};
use crate::ui::Ui;

/// What runs already. At a terminal `init` asks for it if none of these is given; each may be left out, and added with
/// `trustroot material rotate` later.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "The services of --template sigstore")]
pub(super) struct Services {
    /// Fulcio, and the file with its certificates, as `material rotate` reads them; without a file it is asked itself
    #[arg(long, value_name = "URL[=CHAIN]")]
    fulcio: Vec<Authority>,
    /// A Rekor log, its key, and its checkpoint or the answer of /api/v1/log; it is asked for what is left out
    #[arg(long, value_name = "URL[=KEY[,CHECKPOINT]]")]
    rekor: Vec<Log>,
    /// A CT log, its key, and the answer of /ct/v1/get-sth; without that it is asked itself
    #[arg(long, value_name = "URL=KEY[,TREE-HEAD]", value_parser = Log::with_key)]
    ctlog: Vec<Log>,
    /// A timestamp authority, its certificates, and a time stamp if there is one; without a file it is asked for both
    #[arg(long, value_name = "URL[=CHAIN[,TIMESTAMP]]")]
    tsa: Vec<Authority>,
    /// An OpenID Connect provider for signers
    #[arg(long, value_name = "URL")]
    oidc: Vec<ServiceUrl>,
    /// Who runs the services, one name for all of them
    #[arg(long, value_name = "NAME")]
    operator: Option<String>,
    /// From when on the services are valid, no later than the first signature; by default now
    #[arg(long, value_name = "RFC3339")]
    start: Option<Time>,
}

impl Services {
    /// Whether any service is given.
    pub(super) fn are_given(&self) -> bool {
        let Self { fulcio, rekor, ctlog, tsa, oidc, .. } = self;
        !(fulcio.is_empty() && rekor.is_empty() && ctlog.is_empty() && tsa.is_empty() && oidc.is_empty())
    }

    /// Proves what is given, or else what somebody at the terminal says, and adds it to `material`.
    ///
    /// # Errors
    /// If something that is given is not proven. Who is asked is asked again.
    pub(super) fn prove(
        self,
        context: &Context,
        policy: &Policy,
        material: Material,
        ui: &mut Ui,
    ) -> Result<Proof, Failure> {
        if let Some((path, error)) = material.unreadable.first().filter(|_| self.are_given()) {
            return Err(Failure::no(format!("targets/{path} cannot be changed")).and_cause(error.to_string()));
        }
        let ask = !self.are_given() && ui.has_terminal() && material.unreadable.is_empty();
        let proof = Proof { material, proofs: Vec::new(), answers: Vec::new() };
        let mut making = Making { context, policy, operator: self.operator, proof };
        if ask {
            making.ask(self.start, ui)?;
            return Ok(making.proof);
        }
        let start = self.start.unwrap_or(context.now);
        let authorities = |kind, all: Vec<Authority>| all.into_iter().map(move |one| one.entry(kind, start));
        let logs = |kind, all: Vec<Log>| all.into_iter().map(move |one| one.entry(kind, start));
        let entries = authorities(Kind::Fulcio, self.fulcio).chain(logs(Kind::Rekor, self.rekor));
        let entries = entries.chain(logs(Kind::CtLog, self.ctlog)).chain(authorities(Kind::Tsa, self.tsa));
        for entry in entries {
            making.add(entry, ui)?;
        }
        for url in self.oidc {
            making.add_oidc(url, start, ui)?;
        }
        Ok(making.proof)
    }
}

/// Trust material, and how each new entry of it was proven.
pub(super) struct Proof {
    pub(super) material: Material,
    pub(super) proofs: Vec<String>,
    /// What services answered.
    pub(super) answers: Vec<Answer>,
}

/// The material on its way.
struct Making<'a> {
    context: &'a Context,
    policy: &'a Policy,
    operator: Option<String>,
    proof: Proof,
}

impl Making<'_> {
    fn add(&mut self, entry: Entry, ui: &mut Ui) -> Result<(), Failure> {
        let root = self.proof.material.trusted_root.clone().unwrap_or_else(TrustedRoot::empty);
        let proven = entry.prove(self.context, self.policy, &root, ui)?;
        self.proof.material = take_up(&self.proof.material, &proven, self.operator.clone(), None, ui)?;
        let word = proven.word.map_or_else(String::new, |word| format!("; {word}"));
        self.proof.proofs.push(format!("{}: {}{word}", proven.url, proven.proof));
        self.proof.answers.extend(proven.answers);
        Ok(())
    }

    fn add_oidc(&mut self, url: ServiceUrl, start: Time, ui: &mut Ui) -> Result<(), Failure> {
        let configs = &mut self.proof.material.signing_configs;
        let config = configs.get(SigningConfig::TARGET).cloned().unwrap_or_else(SigningConfig::empty);
        let operator = operator(ui, self.operator.clone(), &config, ServiceKind::Oidc)?;
        let new = NewService { url, major_api_version: 1, start: Moment::from(start), operator };
        let config = config.add(ServiceKind::Oidc, &new).or_fail(|| "nothing was added")?;
        configs.insert(SigningConfig::TARGET.to_owned(), config);
        Ok(())
    }

    /// Asks for one service of each kind. What is refused is asked for again, and nothing else is lost.
    fn ask(&mut self, mut start: Option<Time>, ui: &mut Ui) -> Result<(), Failure> {
        ui.say("Which services run already? Press Enter for those that do not, or that are added later.");
        for kind in Kind::ALL {
            let flag = format!("--{}", kind.word());
            while let Some(url) = ui.value_if_any::<ServiceUrl>(&flag, &format!("URL of the {kind}"))? {
                let start = asked_start(&mut start, self.context, ui)?;
                let entry = if kind.is_log() {
                    let key = match kind {
                        Kind::Rekor => file_or_service(ui, &flag, "key")?,
                        _ => Some(ui.value(&flag, "File with its key", None)?),
                    };
                    let what = if *kind == Kind::Rekor { "checkpoint" } else { "tree head" };
                    Entry::log(*kind, url, key, file_or_service(ui, &flag, what)?, start)
                } else {
                    Entry::authority(*kind, url, file_or_service(ui, &flag, "certificates")?, None, start)
                };
                match self.add(entry, ui) {
                    Ok(()) => break,
                    Err(failure) => ui.tell(&failure),
                }
            }
        }
        while let Some(url) = ui.value_if_any("--oidc", "URL of the OpenID Connect provider")? {
            let start = asked_start(&mut start, self.context, ui)?;
            match self.add_oidc(url, start, ui) {
                Ok(()) => break,
                Err(failure) => ui.tell(&failure),
            }
        }
        Ok(())
    }
}

/// The file with something of a service; none if the service itself is to be asked.
fn file_or_service(ui: &mut Ui, flag: &str, what: &str) -> Result<Option<PathBuf>, Failure> {
    if cfg!(feature = "net") {
        ui.value_if_any(flag, &format!("File with its {what}, or Enter to ask it"))
    } else {
        ui.value(flag, &format!("File with its {what}"), None).map(Some)
    }
}

/// From when on the services are valid; asked once.
fn asked_start(start: &mut Option<Time>, context: &Context, ui: &mut Ui) -> Result<Time, Failure> {
    match *start {
        Some(start) => Ok(start),
        None => {
            let now = context.now.to_string();
            let answer =
                ui.value("--start", "From when on is it valid, no later than its first signature", Some(&now))?;
            Ok(*start.insert(answer))
        }
    }
}

/// A log as it is given: `URL=KEY,PROOF`, or less.
#[derive(Clone, Debug)]
struct Log {
    url: ServiceUrl,
    key: Option<PathBuf>,
    proof: Option<PathBuf>,
}

impl Log {
    fn with_key(text: &str) -> Result<Self, GivenError> {
        text.parse().and_then(|log: Self| if log.key.is_some() { Ok(log) } else { Err(GivenError::NoKey) })
    }

    fn entry(self, kind: Kind, start: Time) -> Entry {
        Entry::log(kind, self.url, self.key, self.proof, start)
    }
}

impl FromStr for Log {
    type Err = GivenError;

    fn from_str(text: &str) -> Result<Self, GivenError> {
        let (url, [key, proof]) = given(text)?;
        Ok(Self { url, key, proof })
    }
}

/// An authority as it is given: `URL`, `URL=CHAIN` or `URL=CHAIN,TIMESTAMP`.
#[derive(Clone, Debug)]
struct Authority {
    url: ServiceUrl,
    chain: Option<PathBuf>,
    timestamp: Option<PathBuf>,
}

impl Authority {
    fn entry(self, kind: Kind, start: Time) -> Entry {
        Entry::authority(kind, self.url, self.chain, self.timestamp, start)
    }
}

impl FromStr for Authority {
    type Err = GivenError;

    fn from_str(text: &str) -> Result<Self, GivenError> {
        let (url, [chain, timestamp]) = given(text)?;
        Ok(Self { url, chain, timestamp })
    }
}

/// `URL`, `URL=FILE` or `URL=FILE,FILE`
fn given(text: &str) -> Result<(ServiceUrl, [Option<PathBuf>; 2]), GivenError> {
    let file = |text: &str| if text.is_empty() { Err(GivenError::NoFile) } else { Ok(Some(PathBuf::from(text))) };
    let Some((url, files)) = text.split_once('=') else { return Ok((text.parse()?, [None, None])) };
    let files = match files.split_once(',') {
        Some((first, second)) => [file(first)?, file(second)?],
        None => [file(files)?, None],
    };
    Ok((url.parse()?, files))
}

/// Why a service cannot be read as it is given.
#[derive(Debug, thiserror::Error)]
enum GivenError {
    /// A separator with nothing behind it.
    #[error("after `=` and after a comma comes the name of a file; leave both out to have the service asked")]
    NoFile,
    /// The key is nowhere.
    #[error("a CT log does not hand out its key: after the URL and `=` comes the name of a file with it")]
    NoKey,
    /// It is nowhere.
    #[error(transparent)]
    Url(#[from] UrlError),
}
