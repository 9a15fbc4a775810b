//! A repository, or a part of one, on a web server.

use std::cell::OnceCell;
use std::io::{self, Read as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ceremony::source::{metadata_name, target_path};
use ceremony::{Source, SourceError};
use ureq::http::{Response, StatusCode, header};
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::{Agent, Body, Proxy};
use url::Url;

use crate::source::service::Found;
use crate::source::{OpenError, http_child, shown};

/// Redirections that one question may take.
const REDIRECTS: usize = 5;
/// A server that sends its files slower than this, in bytes per second, keeps its clients from news.
const SLOWEST: u64 = 16 * 1024;
/// The bytes of an answer that are taken at once.
const CHUNK: usize = 16 * 1024;

/// Files below an `http` or `https` address.
///
/// Each is asked for once. TLS trusts the certificates of this machine; `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and
/// `NO_PROXY` are obeyed.
pub(crate) struct Site {
    base: Url,
    proxy: Option<Proxy>,
    patience: Duration,
    /// The longest that one answer may take, whatever its length.
    total: Option<Duration>,
    plain: Agent,
    /// Made when it is needed first: to read the certificates of a machine takes longer than a refresh.
    secure: OnceCell<Agent>,
}

impl Site {
    /// The files below `base`, whose path ends in a slash; `patience` is how long the server may be silent.
    ///
    /// # Errors
    /// If the address is `https` and this machine has no certificates.
    pub(crate) fn new(base: Url, patience: Duration) -> Result<Self, OpenError> {
        Self::through(Proxy::try_from_env(), base, patience)
    }

    fn through(proxy: Option<Proxy>, base: Url, patience: Duration) -> Result<Self, OpenError> {
        let plain = agent(proxy.clone(), patience, Vec::new());
        let site = Self { base, proxy, patience, total: None, plain, secure: OnceCell::new() };
        if site.base.scheme() == "https" {
            let found = certificates();
            if found.is_empty() {
                return Err(OpenError::NoCertificates { address: shown(&site.base) });
            }
            site.secure.get_or_init(|| agent(site.proxy.clone(), patience, found));
        }
        Ok(site)
    }

    /// The same, where no answer may take longer than `total`.
    pub(super) fn within(self, total: Duration) -> Self {
        Self { total: Some(total), ..self }
    }

    /// What is at `path` below the address, with the address to which redirections led; none if nothing is there.
    pub(super) fn found(&self, path: &str, limit: u64) -> Result<Option<Found>, SourceError> {
        let url = self.child(path)?;
        let (place, mut bytes) = (shown(&url), Vec::new());
        let (found, at) = match self.follow(url, limit, &mut |part| bytes.extend_from_slice(part)) {
            Ok((found, at)) => (Ok(found), shown(&at)),
            Err(error) => (Err(error), place.clone()),
        };
        let elsewhere = (at != place).then_some(at);
        Ok(answer(place, limit, found)?.map(|_| Found { bytes, elsewhere }))
    }

    fn child(&self, path: &str) -> Result<Url, SourceError> {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(target_path(path)?.split('/'));
        }
        Ok(url)
    }

    fn agent(&self, url: &Url) -> &Agent {
        match url.scheme() {
            // A proxy may be reached by https itself.
            "http" if self.proxy.is_none() => &self.plain,
            _ => self.secure.get_or_init(|| agent(self.proxy.clone(), self.patience, certificates())),
        }
    }

    /// What the site answers to `body`, which is of the media type `kind` and sent to its address without the slash at
    /// the end; none if nothing is there. No redirection is followed.
    pub(super) fn post(&self, kind: &str, body: &[u8], limit: u64) -> Result<Option<Vec<u8>>, SourceError> {
        let mut url = self.base.clone();
        url.set_path(self.base.path().trim_end_matches('/'));
        let request = self.agent(&url).post(url.as_str()).config().timeout_global(Some(self.most(limit))).build();
        let (asked, mut bytes) = (Instant::now(), Vec::new());
        let sent = request.content_type(kind).send(body);
        let reply = self.reply(sent, limit, asked, &mut |part| bytes.extend_from_slice(part));
        Ok(answer(shown(&url), limit, reply.and_then(Reply::here))?.map(|_| bytes))
    }

    fn read(&self, url: Url, limit: u64, each: &mut dyn FnMut(&[u8])) -> Result<Option<u64>, SourceError> {
        answer(shown(&url), limit, self.follow(url, limit, each).map(|(answer, _)| answer))
    }

    fn follow(&self, mut url: Url, limit: u64, each: &mut dyn FnMut(&[u8])) -> Result<(Answer, Url), HttpError> {
        for _ in 0..=REDIRECTS {
            match self.ask(&url, limit, each)? {
                Reply::Answer(answer) => return Ok((answer, url)),
                Reply::Elsewhere(location) => url = redirected(&url, &location)?,
            }
        }
        Err(HttpError::Redirects { limit: REDIRECTS })
    }

    /// The longest that an answer of so many bytes may take.
    fn most(&self, limit: u64) -> Duration {
        let most = self.patience.saturating_mul(2).saturating_add(Duration::from_secs(limit / SLOWEST));
        self.total.map_or(most, |total| total.min(most))
    }

    fn ask(&self, url: &Url, limit: u64, each: &mut dyn FnMut(&[u8])) -> Result<Reply, HttpError> {
        let request = self.agent(url).get(url.as_str()).config().timeout_global(Some(self.most(limit))).build();
        let asked = Instant::now();
        self.reply(request.call(), limit, asked, each)
    }

    fn reply(
        &self,
        response: Result<Response<Body>, ureq::Error>,
        limit: u64,
        asked: Instant,
        each: &mut dyn FnMut(&[u8]),
    ) -> Result<Reply, HttpError> {
        let response = response.map_err(|error| self.explain(error))?;
        let location = response.headers().get(header::LOCATION).map(|value| value.as_bytes().to_vec());
        match (response.status(), location) {
            // A timestamp authority answers that it made something.
            (StatusCode::OK | StatusCode::CREATED, _) => {}
            // Object stores answer 403 for an object that is not there and may not be listed.
            (StatusCode::NOT_FOUND | StatusCode::FORBIDDEN, _) => return Ok(Reply::Answer(Answer::Nothing)),
            (status, Some(location)) if matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) => {
                return Ok(Reply::Elsewhere(String::from_utf8_lossy(&location).into_owned()));
            }
            (status, _) => return Err(HttpError::Status { status: status.as_u16() }),
        }
        let body = response.into_body();
        if body.content_length().is_some_and(|length| length > limit) {
            return Ok(Reply::Answer(Answer::TooLarge));
        }
        let mut body = body.into_reader();
        let mut chunk = [0; CHUNK];
        let mut length: u64 = 0;
        loop {
            let count = match body.read(&mut chunk) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                read => read.map_err(|error| self.explain(error.into()))?,
            };
            let Some(read) = chunk.get(..count).filter(|read| !read.is_empty()) else { break };
            length += read.len() as u64;
            if length > limit {
                return Ok(Reply::Answer(Answer::TooLarge));
            }
            each(read);
            // Measured by what has come, not by the longest that might: a server that drips is left soon.
            if asked.elapsed() > self.most(length) {
                return Err(HttpError::Slow { slowest: SLOWEST });
            }
        }
        Ok(Reply::Answer(Answer::Whole(length)))
    }

    fn explain(&self, error: ureq::Error) -> HttpError {
        let seconds = self.patience.as_secs();
        match error {
            ureq::Error::Timeout(ureq::Timeout::Global) => match self.total {
                Some(total) => HttpError::Late { seconds: total.as_secs() },
                None => HttpError::Slow { slowest: SLOWEST },
            },
            ureq::Error::Timeout(_) => HttpError::Silent { seconds },
            ureq::Error::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => HttpError::Short,
            ureq::Error::Io(error) => HttpError::Connection(error),
            error => HttpError::Exchange(error),
        }
    }
}

impl Source for Site {
    fn metadata(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, SourceError> {
        let (url, mut bytes) = (http_child(&self.base, metadata_name(name)?), Vec::new());
        Ok(self.read(url, limit, &mut |part| bytes.extend_from_slice(part))?.map(|_| bytes))
    }

    fn stream(&self, path: &str, limit: u64, each: &mut dyn FnMut(&[u8])) -> Result<Option<u64>, SourceError> {
        self.read(self.child(path)?, limit, each)
    }
}

enum Reply {
    Answer(Answer),
    Elsewhere(String),
}

impl Reply {
    /// The answer, if it is here.
    fn here(self) -> Result<Answer, HttpError> {
        match self {
            Self::Answer(answer) => Ok(answer),
            Self::Elsewhere(to) => {
                let reason = "what is sent here is for nobody else";
                Err(HttpError::Redirect { to: to.escape_debug().to_string(), reason })
            }
        }
    }
}

enum Answer {
    /// Of so many bytes.
    Whole(u64),
    Nothing,
    TooLarge,
}

/// What a question to `place` came to: the length of the answer; none if nothing is there.
fn answer(place: String, limit: u64, answer: Result<Answer, HttpError>) -> Result<Option<u64>, SourceError> {
    match answer {
        Ok(Answer::Whole(length)) => Ok(Some(length)),
        Ok(Answer::Nothing) => Ok(None),
        Ok(Answer::TooLarge) => Err(SourceError::TooLarge { place, limit }),
        Err(error) => Err(SourceError::Unreachable { place, source: Box::new(error) }),
    }
}

/// The certificates that this machine trusts.
fn certificates() -> Vec<Certificate<'static>> {
    rustls_native_certs::load_native_certs().certs.iter().map(|der| Certificate::from_der(der).to_owned()).collect()
}

fn agent(proxy: Option<Proxy>, patience: Duration, trusted: Vec<Certificate<'static>>) -> Agent {
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::Specific(Arc::new(trusted)))
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .build();
    Agent::config_builder()
        .accept_encoding("identity")
        .http_status_as_error(false)
        // Redirections are followed by the site, where each is judged.
        .max_redirects(0)
        .max_redirects_will_error(false)
        .proxy(proxy)
        .timeout_connect(Some(patience))
        .timeout_per_read(Some(patience))
        .timeout_recv_response(Some(patience))
        .timeout_resolve(Some(patience))
        .tls_config(tls)
        .user_agent(concat!("trustroot/", env!("CARGO_PKG_VERSION")))
        .build()
        .new_agent()
}

/// Where `location`, an answer of `from`, leads: never out of TLS, and to the web alone.
fn redirected(from: &Url, location: &str) -> Result<Url, HttpError> {
    let refused = |reason| HttpError::Redirect { to: location.escape_debug().to_string(), reason };
    let to = from.join(location).map_err(|_| refused("it is no URL"))?;
    match (from.scheme(), to.scheme()) {
        ("https", "http") => Err(refused("it leaves TLS")),
        (_, "http" | "https") => Ok(to),
        _ => Err(refused("its scheme is neither http nor https")),
    }
}

impl HttpError {
    /// What to do about it, where that can be told.
    pub(super) fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Status { status: 401 | 407 } => {
                "it wants a login, which is not given here: save the answer elsewhere"
            }
            Self::Status { status: 500.. } => "it is there, and does not work at this moment: ask again later",
            Self::Connection(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                "nothing listens there: look at the address and its port, and whether the service runs"
            }
            Self::Late { .. } | Self::Silent { .. } => {
                "look whether it runs, and whether a proxy is needed (HTTPS_PROXY)"
            }
            _ => return None,
        })
    }
}

/// Why a web server's answer did not arrive.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum HttpError {
    #[error("the connection failed")]
    Connection(#[source] io::Error),
    #[error("the server could not be asked")]
    Exchange(#[source] ureq::Error),
    #[error("the answer was not complete after {seconds} s")]
    Late {
        /// How long one answer may take.
        seconds: u64,
    },
    #[error("the redirection to \"{to}\" is refused: {reason}")]
    Redirect {
        /// Where to, escaped.
        to: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    #[error("the server redirects more than {limit} times")]
    Redirects {
        /// How many redirections one question may take.
        limit: usize,
    },
    #[error("the connection ended before the answer did")]
    Short,
    #[error("the server was silent for {seconds} s")]
    Silent {
        /// How long the server may be silent.
        seconds: u64,
    },
    #[error("the server sends less than {slowest} bytes per second")]
    Slow {
        /// The slowest rate that is waited for.
        slowest: u64,
    },
    #[error("the server answered with status {status}")]
    Status {
        /// The status code (RFC 9110, section 15).
        status: u16,
    },
}

#[cfg(test)]
mod tests;
