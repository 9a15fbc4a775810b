//! `signing_config.v0.2.json`, and the form before it

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use super::document::Document;
use super::instance::Kind;
use super::moment::{MomentError, ValidFor};
use super::spans::Step;
use super::trusted_root::{MaterialError, objects};
use crate::json::{Json, Object};

/// Which services a signer uses: a signing config, of which an edit changes nothing but what it is about.
#[derive(Clone, Debug, PartialEq)]
pub struct SigningConfig {
    document: Document,
    form: Form,
}

/// The form of a signing config.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One URL for each kind of service. It is read and shown, and not edited: no client of today reads it.
    V01,
    /// Lists of services with versions and times.
    V02,
}

/// A kind of service that signers use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ServiceKind {
    /// Certificate authorities.
    Ca,
    /// Issuers of identity tokens.
    Oidc,
    /// Transparency logs.
    Rekor,
    /// Timestamp authorities.
    Tsa,
}

/// One service: a view of the JSON.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Service<'a> {
    /// What it is.
    pub kind: ServiceKind,
    /// The place in its list.
    pub index: usize,
    /// The entry as it stands in the file: an object, or in the old form a URL.
    pub entry: &'a Json,
}

/// How many services of a kind a signer uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selector {
    /// All that it knows how to use.
    All,
    /// One of them.
    Any,
    /// So many of them.
    Exact(u64),
}

impl SigningConfig {
    /// The media type of the form that clients read.
    pub const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.signingconfig.v0.2+json";
    /// The name of the target.
    pub const TARGET: &str = "signing_config.v0.2.json";
    /// The media type of the old form.
    pub const MEDIA_TYPE_V01: &str = "application/vnd.dev.sigstore.signingconfig.v0.1+json";
    /// The name of the target in the old form.
    pub const TARGET_V01: &str = "signing_config.json";

    /// Reads a file.
    ///
    /// # Errors
    /// If it is not strict JSON, of neither media type, or one of its lists is none.
    pub fn parse(bytes: &[u8]) -> Result<Self, MaterialError> {
        let document = Document::parse(bytes)?;
        let object = document.json().as_object().ok_or(MaterialError::Shape { member: "", wanted: "an object" })?;
        let form = match object.get("mediaType").and_then(Json::as_str) {
            Some(Self::MEDIA_TYPE) => Form::V02,
            Some(Self::MEDIA_TYPE_V01) => Form::V01,
            other => return Err(MaterialError::media_type(other, "that of a signing config, v0.1 or v0.2")),
        };
        for kind in ServiceKind::ALL {
            let list = kind.list(form);
            match form {
                Form::V02 => _ = objects(object, list)?,
                Form::V01 => {
                    let text = |json: &Json| json.as_str().is_some();
                    let of_texts = |json: &Json| json.as_array().is_some_and(|list| list.iter().all(text));
                    if object.get(list).is_some_and(|value| !text(value) && !of_texts(value)) {
                        return Err(MaterialError::Shape { member: list, wanted: "a URL or an array of URLs" });
                    }
                }
            }
        }
        Ok(Self { document, form })
    }

    /// A signing config without services, in the form that clients read.
    pub fn empty() -> Self {
        let any = || Json::Object([("selector", Json::string("ANY"))].into_iter().collect());
        let lists = ServiceKind::ALL.iter().map(|kind| (kind.list(Form::V02), Json::Array(Vec::new())));
        let rest = [("mediaType", Json::string(Self::MEDIA_TYPE)), ("rekorTlogConfig", any()), ("tsaConfig", any())];
        Self { document: Document::new(&Json::Object(lists.chain(rest).collect::<Object>())), form: Form::V02 }
    }

    /// The file; of a config that was only read, the very bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.document.text().as_bytes()
    }

    /// What the file says.
    pub fn json(&self) -> &Json {
        self.document.json()
    }

    /// Its form.
    pub fn form(&self) -> Form {
        self.form
    }

    /// The services of one kind, in the order of the file.
    pub fn of_kind(&self, kind: ServiceKind) -> impl Iterator<Item = Service<'_>> {
        let list = match self.json().get(kind.list(self.form)) {
            Some(Json::Array(list)) => list.as_slice(),
            Some(one @ Json::String(_)) => core::slice::from_ref(one),
            _ => &[],
        };
        list.iter().enumerate().map(move |(index, entry)| Service { kind, index, entry })
    }

    /// The bytes of a service in the file.
    pub fn text_of(&self, service: &Service<'_>) -> &str {
        let list = service.kind.list(self.form);
        let path = [Step::Name(list), Step::Index(service.index)];
        // In the old form a list may be a single URL.
        let text = self.document.text_at(&path);
        if text.is_empty() { self.document.text_at(&path[..1]) } else { text }
    }

    /// All services.
    pub fn services(&self) -> impl Iterator<Item = Service<'_>> {
        ServiceKind::ALL.iter().flat_map(|kind| self.of_kind(*kind))
    }

    /// How many services of this kind a signer uses; none if the file does not say, or says something else.
    pub fn selector(&self, kind: ServiceKind) -> Option<Selector> {
        let config = self.json().get(kind.config()?)?;
        match (config.get("selector")?.as_str()?, config.get("count")) {
            ("ALL", None) => Some(Selector::All),
            ("ANY", None) => Some(Selector::Any),
            ("EXACT", Some(count)) => count.as_u64().map(Selector::Exact),
            _ => None,
        }
    }

    /// With a new service at `index` of its list.
    pub(super) fn with(&self, kind: ServiceKind, index: usize, entry: &Json) -> Self {
        let list = kind.list(self.form);
        let listed = if self.json().get(list).is_some() {
            self.document.clone()
        } else {
            self.document.set(&[], list, &Json::Array(Vec::new()))
        };
        Self { document: listed.insert(&[Step::Name(list)], index, entry), form: self.form }
    }

    /// With another URL of a service in the form that clients read.
    pub(super) fn with_url(&self, service: &Service<'_>, url: &str) -> Self {
        self.set(&[Step::Name(service.kind.list(self.form)), Step::Index(service.index)], "url", &Json::string(url))
    }

    /// With another value under `name` in the object at `path`.
    pub(super) fn set(&self, path: &[Step<'_>], name: &str, value: &Json) -> Self {
        Self { document: self.document.set(path, name, value), form: self.form }
    }

    /// Without the value under `name` in the object at `path`.
    pub(super) fn unset(&self, path: &[Step<'_>], name: &str) -> Self {
        Self { document: self.document.unset(path, name), form: self.form }
    }
}

impl ServiceKind {
    /// All kinds.
    pub const ALL: &[Self] = &[Self::Ca, Self::Oidc, Self::Rekor, Self::Tsa];

    /// The list that holds services of this kind.
    pub fn list(self, form: Form) -> &'static str {
        match (self, form) {
            (Self::Ca, Form::V01) => "caUrl",
            (Self::Ca, Form::V02) => "caUrls",
            (Self::Oidc, Form::V01) => "oidcUrl",
            (Self::Oidc, Form::V02) => "oidcUrls",
            (Self::Rekor, Form::V01) => "tlogUrls",
            (Self::Rekor, Form::V02) => "rekorTlogUrls",
            (Self::Tsa, _) => "tsaUrls",
        }
    }

    /// The member that says how many of the services a signer uses; none where it always uses one.
    pub fn config(self) -> Option<&'static str> {
        match self {
            Self::Ca | Self::Oidc => None,
            Self::Rekor => Some("rekorTlogConfig"),
            Self::Tsa => Some("tsaConfig"),
        }
    }

    /// The kind of entry by which clients trust such a service. None of an issuer of identity tokens, which clients trust
    /// by what they verify.
    pub fn trusted(self) -> Option<Kind> {
        match self {
            Self::Ca => Some(Kind::Fulcio),
            Self::Oidc => None,
            Self::Rekor => Some(Kind::Rekor),
            Self::Tsa => Some(Kind::Tsa),
        }
    }

    /// The service that signers use of what clients trust by an entry of this kind. None of a CT log, which Fulcio asks.
    pub fn behind(kind: Kind) -> Option<Self> {
        Self::ALL.iter().copied().find(|service| service.trusted() == Some(kind))
    }

    /// The major versions of its interface that signers of today speak, from their sources: sigstore-go's
    /// `RekorAPIVersions` and its like, sigstore-python's `REKOR_VERSIONS` and its like.
    pub fn versions(self) -> &'static [u64] {
        if self == Self::Rekor { &[1, 2] } else { &[1] }
    }

    /// The word by which commands know it: `ca`, `oidc`, `rekor`, `tsa`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ca => "ca",
            Self::Oidc => "oidc",
            Self::Rekor => "rekor",
            Self::Tsa => "tsa",
        }
    }
}

impl fmt::Display for ServiceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ca => "CA",
            Self::Oidc => "OIDC issuer",
            Self::Rekor => "Rekor",
            Self::Tsa => "TSA",
        })
    }
}

impl FromStr for ServiceKind {
    type Err = UnknownService;

    fn from_str(text: &str) -> Result<Self, UnknownService> {
        let found = Self::ALL.iter().copied().find(|kind| kind.word() == text);
        found.ok_or_else(|| UnknownService { text: text.escape_debug().to_string() })
    }
}

/// A word that names no kind of service.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is none of ca, oidc, rekor, tsa")]
pub struct UnknownService {
    text: String,
}

impl<'a> Service<'a> {
    /// Where it is, if the entry says so.
    pub fn url(&self) -> Option<&'a str> {
        self.entry.get("url").unwrap_or(self.entry).as_str()
    }

    /// Where it is, with or without a slash at the end: what makes it the same service in two files.
    pub(super) fn place(&self) -> Option<&'a str> {
        self.url().map(|url| url.trim_end_matches('/'))
    }

    /// The major version of its interface, if the entry says so.
    pub fn major_api_version(&self) -> Option<u64> {
        self.entry.get("majorApiVersion").and_then(Json::as_u64)
    }

    /// Who runs it, if the entry says so.
    pub fn operator(&self) -> Option<&'a str> {
        self.entry.get("operator").and_then(Json::as_str)
    }

    /// When signers use it.
    ///
    /// # Errors
    /// If a time is none.
    pub fn valid_for(&self) -> Result<ValidFor, MomentError> {
        ValidFor::read(self.entry.get("validFor"))
    }

    /// How findings name it: `signing rekor https://rekor.example`.
    pub fn subject(&self) -> String {
        ["signing", self.kind.word(), self.url().unwrap_or("without-url")].join(" ")
    }
}

impl Selector {
    /// The object that says it.
    pub fn json(self) -> Json {
        let selector = |word| ("selector", Json::string(word));
        Json::Object(match self {
            Self::All => [selector("ALL")].into_iter().collect(),
            Self::Any => [selector("ANY")].into_iter().collect(),
            Self::Exact(count) => [selector("EXACT"), ("count", count.into())].into_iter().collect(),
        })
    }
}

impl FromStr for Selector {
    type Err = UnknownSelector;

    /// Reads `all`, `any`, or a number.
    fn from_str(text: &str) -> Result<Self, UnknownSelector> {
        match text.to_ascii_lowercase().as_str() {
            "all" => Ok(Self::All),
            "any" => Ok(Self::Any),
            number => match number.parse() {
                Ok(count) if count > 0 => Ok(Self::Exact(count)),
                _ => Err(UnknownSelector { text: text.escape_debug().to_string() }),
            },
        }
    }
}

/// A text that is no selector.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is none of all, any, or a number from 1 on")]
pub struct UnknownSelector {
    text: String,
}
