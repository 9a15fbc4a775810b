//! Services that run, asked for what proves them.
//!
//! An answer is saved as it came, and read from where it was saved: it proves as much as a file that somebody handed
//! out, and whoever reviews the change can ask on their own and compare.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use ceremony::material::{Kind, ServiceUrl, timestamp};
use ceremony::{Digest, Json, SourceError};

use crate::context::Context;
use crate::disk::{self, Access};
use crate::error::{Failure, OrFail as _};
use crate::material::LIMIT;
use crate::report::object;
use crate::source::service::{self, Found, Service};
use crate::text::{escaped, wrapped};
use crate::ui::Ui;

/// How long a service may be silent.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long one answer may take, however slowly it comes.
const TOTAL: Duration = Duration::from_secs(120);

/// Where a timestamp authority takes requests: clients know it by this address.
const STAMPS: &str = "/api/v1/timestamp";

/// What a service is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Question {
    /// The certificates of Fulcio.
    TrustBundle,
    /// The key of a Rekor of version 1.
    LogKey,
    /// The state of a Rekor of version 1.
    LogState,
    /// The state of a Rekor of version 2, or of another log in tiles.
    Checkpoint,
    /// The state of a CT log, in tiles or not.
    TreeHead,
    /// The certificates of a timestamp authority.
    Chain,
}

impl Question {
    /// The places below the address of the service, the likeliest first, with the extensions of files with the answer.
    fn places(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::TrustBundle => &[("api/v2/trustBundle", "json")],
            Self::LogKey => &[("api/v1/log/publicKey", "pem")],
            Self::LogState => &[("api/v1/log", "json")],
            Self::Checkpoint => &[("api/v2/checkpoint", "txt"), ("checkpoint", "txt")],
            Self::TreeHead => &[("ct/v1/get-sth", "json"), ("checkpoint", "txt")],
            Self::Chain => &[("certchain", "pem")],
        }
    }
}

/// A service that runs.
pub(super) struct Live<'a> {
    context: &'a Context,
    service: Service,
    url: ServiceUrl,
    answers: Vec<Answer>,
}

/// What a service answered.
#[derive(Clone, Debug)]
pub(in crate::commands) struct Answer {
    /// What was asked.
    url: String,
    /// The file with the answer, below the directory of the trust root.
    file: String,
    length: usize,
    sha256: Digest,
}

impl<'a> Live<'a> {
    /// The service of this kind at `from`. Nothing is asked yet.
    ///
    /// # Errors
    /// If this build or this machine cannot ask it.
    pub(super) fn at(context: &'a Context, kind: Kind, from: &ServiceUrl) -> Result<Self, Failure> {
        let url = match kind {
            Kind::Tsa if !from.as_str().ends_with(STAMPS) => format!("{from}{STAMPS}").parse()?,
            _ => from.clone(),
        };
        let service = Service::open(url.as_str(), PATIENCE, TOTAL).map_err(|error| {
            let (paths, flags) = match kind {
                Kind::Fulcio => ("/api/v2/trustBundle", "--chain"),
                Kind::Rekor => ("/api/v1/log/publicKey and /api/v1/log", "--key and --checkpoint"),
                Kind::CtLog => ("/ct/v1/get-sth", "--tree-head"),
                Kind::Tsa => ("/certchain", "--chain"),
            };
            Failure::from(error)
                .hint(format!("save what it answers to {url}{paths} elsewhere, and give the files with {flags}"))
        })?;
        Ok(Self { context, service, url, answers: Vec::new() })
    }

    /// Its address, as clients have to know it.
    pub(super) fn url(&self) -> &ServiceUrl {
        &self.url
    }

    /// Asks, and returns the file with the answer.
    pub(super) fn ask(&mut self, question: Question, ui: &mut Ui) -> Result<PathBuf, Failure> {
        if let Some(path) = self.ask_if_any(question, ui)? {
            return Ok(path);
        }
        let paths: Vec<&str> = question.places().iter().map(|(path, _)| *path).collect();
        let failure = Failure::could_not(format!("{} has nothing at /{}", self.url, paths.join(" and /")));
        Err(match question {
            Question::LogKey => failure.hint(
                "a Rekor of version 2 does not hand out its key: give it with --key, to `init` as --rekor URL=KEY",
            ),
            _ => failure.hint("look whether such a service runs there, and at this address"),
        })
    }

    /// Like [`ask`](Self::ask); nothing if nothing is there.
    pub(super) fn ask_if_any(&mut self, question: Question, ui: &mut Ui) -> Result<Option<PathBuf>, Failure> {
        for (path, extension) in question.places() {
            let url = format!("{}/{path}", self.url);
            asking(&url, ui);
            let Some(Found { bytes, elsewhere }) = self.service.get(path, LIMIT).map_err(explained)? else { continue };
            let saved = self.save(url.clone(), extension, &bytes)?;
            let redirected = elsewhere.map_or_else(String::new, |to| format!(", from {to}, to which it redirects"));
            let text = String::from_utf8_lossy(&bytes).trim_start().to_ascii_lowercase();
            let what = match &*text {
                "" => "nothing: an empty answer",
                text if text.starts_with("<!doctype html") || text.starts_with("<html") => "a page of HTML",
                _ => return Ok(Some(saved)),
            };
            return Err(Failure::could_not(format!("{url} answers {what}{redirected}")).hint(format!(
                "a login, a proxy or another program stands at this address; what came is saved as {}",
                saved.display()
            )));
        }
        Ok(None)
    }

    /// Has a timestamp authority stamp something new; returns the file with the answer, and what was to be stamped.
    pub(super) fn stamp(&mut self, ui: &mut Ui) -> Result<(PathBuf, [u8; 32]), Failure> {
        let mut message = [0; 32];
        getrandom::fill(&mut message)
            .map_err(|error| Failure::could_not(format!("the operating system gives no random numbers: {error}")))?;
        let request = timestamp::request(&message);
        asking(self.url.as_str(), ui);
        let answer = self.service.post("application/timestamp-query", &request, LIMIT).map_err(explained)?;
        let nothing = || Failure::could_not(format!("{} takes no requests for time stamps", self.url));
        let bytes = answer.ok_or_else(nothing)?;
        Ok((self.save(self.url.to_string(), "tsr", &bytes)?, message))
    }

    /// What was answered.
    pub(super) fn into_answers(self) -> Vec<Answer> {
        self.answers
    }

    fn save(&mut self, url: String, extension: &str, bytes: &[u8]) -> Result<PathBuf, Failure> {
        let sha256 = Digest::of(bytes);
        let host = url.split('/').nth(2).unwrap_or_default();
        let host = host.replace(|c: char| !c.is_ascii_alphanumeric() && c != '.', "-");
        let name = url.rsplit('/').next().unwrap_or_default();
        let name = format!("{name}.{}.{extension}", sha256.short());
        let place = self.context.workdir.answer(&host, &name);
        disk::create_dir(self.context.workdir.root())?;
        let _lock = self.context.workdir.lock()?;
        disk::create_or_same(&place, bytes, Access::Shared)
            .or_fail(|| format!("what {url} answered cannot be saved"))?;
        self.answers.push(Answer { url, file: format!("answers/{host}/{name}"), length: bytes.len(), sha256 });
        Ok(place.path())
    }
}

/// Says at a terminal what is waited for.
fn asking(url: &str, ui: &mut Ui) {
    if ui.has_terminal() {
        ui.say(format!("Asking {}", escaped(url)));
    }
}

fn explained(error: SourceError) -> Failure {
    let hint = service::hint(&error);
    let failure = Failure::from(error);
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

impl Answer {
    /// It, for programs.
    pub(in crate::commands) fn json(&self) -> Json {
        object([
            ("url", Json::string(&self.url)),
            ("file", Json::string(&self.file)),
            ("length", (self.length as u64).into()),
            ("sha256", Json::string(self.sha256.to_string())),
        ])
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = match self.url.starts_with("http://") {
            true => ", without TLS: anybody on the way can have answered",
            false => "",
        };
        f.write_str(&wrapped(&format!("Asked {}{plain}.", escaped(&self.url)), 0))?;
        writeln!(f, "  {} bytes, saved as {}", self.length, escaped(&self.file))?;
        writeln!(f, "  SHA-256 {}", self.sha256)
    }
}
