//! What a trusted root trusts: certificate authorities and logs.

use alloc::borrow::ToOwned;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::held;
use super::log_key::LogKey;
use super::moment::{MomentError, ValidFor};
use crate::certificate::Certificate;
use crate::digest::Digest;
use crate::json::Json;
use crate::key::KeyError;

/// What an entry of a trusted root is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A certificate authority for code signing: `certificateAuthorities`.
    Fulcio,
    /// A transparency log of signatures: `tlogs`.
    Rekor,
    /// A transparency log of certificates: `ctlogs`.
    CtLog,
    /// A timestamp authority: `timestampAuthorities`.
    Tsa,
}

impl Kind {
    /// All kinds.
    pub const ALL: &[Self] = &[Self::Fulcio, Self::Rekor, Self::CtLog, Self::Tsa];

    /// The list of a trusted root that holds entries of this kind.
    pub fn list(self) -> &'static str {
        match self {
            Self::Fulcio => "certificateAuthorities",
            Self::Rekor => "tlogs",
            Self::CtLog => "ctlogs",
            Self::Tsa => "timestampAuthorities",
        }
    }

    /// The word by which commands know it: `fulcio`, `rekor`, `ctlog`, `tsa`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Fulcio => "fulcio",
            Self::Rekor => "rekor",
            Self::CtLog => "ctlog",
            Self::Tsa => "tsa",
        }
    }

    /// Whether entries of this kind hold a key; the others hold a chain of certificates.
    pub fn is_log(self) -> bool {
        matches!(self, Self::Rekor | Self::CtLog)
    }

    /// The member that holds the URL.
    pub(crate) fn url_member(self) -> &'static str {
        if self.is_log() { "baseUrl" } else { "uri" }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fulcio => "Fulcio",
            Self::Rekor => "Rekor",
            Self::CtLog => "CT log",
            Self::Tsa => "TSA",
        })
    }
}

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        let found = Self::ALL.iter().copied().find(|kind| kind.word() == text);
        found.ok_or_else(|| UnknownKind { text: text.escape_debug().to_string() })
    }
}

/// A word that names no kind of trust material.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is none of fulcio, rekor, ctlog, tsa")]
pub struct UnknownKind {
    text: String,
}

/// One entry of a trusted root: a view of the JSON, which may say anything.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Instance<'a> {
    /// What it is.
    pub kind: Kind,
    /// The place in its list.
    pub index: usize,
    /// The entry as it stands in the file.
    pub entry: &'a Json,
}

impl<'a> Instance<'a> {
    /// Where the service is, if the entry says so.
    pub fn url(&self) -> Option<&'a str> {
        self.entry.get(self.kind.url_member()).and_then(Json::as_str)
    }

    /// When it may be used.
    ///
    /// # Errors
    /// If a time is none.
    pub fn valid_for(&self) -> Result<ValidFor, MomentError> {
        let holder = if self.kind.is_log() { self.entry.get("publicKey") } else { Some(self.entry) };
        ValidFor::read(holder.and_then(|holder| holder.get("validFor")))
    }

    /// The key of a log.
    ///
    /// # Errors
    /// If it has none that can be used.
    pub fn log_key(&self) -> Result<LogKey, EntryError> {
        let key = self.entry.get("publicKey");
        let details = key.and_then(|key| key.get("keyDetails")).and_then(Json::as_str);
        let raw = raw_bytes(key.and_then(|key| key.get("rawBytes")), "publicKey.rawBytes")?;
        let details = details.ok_or(EntryError::Absent { member: "publicKey.keyDetails" })?;
        Ok(LogKey::read(details, &raw)?)
    }

    /// The log id that the entry claims.
    ///
    /// # Errors
    /// If it claims none, or no bytes.
    pub fn log_id(&self) -> Result<Vec<u8>, EntryError> {
        raw_bytes(self.entry.get("logId").and_then(|id| id.get("keyId")), "logId.keyId")
    }

    /// The certificates of an authority as they stand in the file, DER or whatever else is there.
    ///
    /// # Errors
    /// If there is no chain, one that is longer than any, or one of it is no bytes.
    pub fn certificates(&self) -> Result<Vec<Vec<u8>>, EntryError> {
        let member = "certChain.certificates";
        let chain = self.entry.get("certChain").and_then(|chain| chain.get("certificates")).and_then(Json::as_array);
        let chain = chain.filter(|chain| !chain.is_empty()).ok_or(EntryError::Absent { member })?;
        if chain.len() > Certificate::CHAIN_LIMIT {
            return Err(EntryError::TooMany { found: chain.len() });
        }
        chain.iter().map(|one| raw_bytes(one.get("rawBytes"), "certChain.certificates.rawBytes")).collect()
    }

    /// The certificates of an authority, each as DER also where the file has a PEM text; what is neither, as it stands.
    /// None if there is no chain, one that is longer than any, or one of it is no bytes.
    pub(super) fn held_certificates(&self) -> Option<Vec<Vec<u8>>> {
        let chain = self.entry.get("certChain")?.get("certificates")?.as_array()?;
        let readable = !chain.is_empty() && chain.len() <= Certificate::CHAIN_LIMIT;
        let each = chain.iter().filter(|_| readable).map(|one| held::certificates(one.get("rawBytes")?));
        each.collect::<Option<Vec<_>>>().map(|all| all.concat()).filter(|all| !all.is_empty())
    }

    /// What tells it from all others: the key of a log, the certificates of an authority in whatever order. They are
    /// decoded where they can be, so that an entry stays the same when it is repaired.
    pub fn identity(&self) -> Identity {
        let held = if self.kind.is_log() {
            let key = self.entry.get("publicKey").and_then(|key| key.get("rawBytes"));
            let bytes = key.and_then(held::key).or_else(|| raw_bytes(key, "publicKey.rawBytes").ok());
            bytes.map(|bytes| [Digest::of(&bytes)].to_vec())
        } else {
            self.held_certificates().map(|chain| chain.iter().map(|one| Digest::of(one)).collect())
        };
        let mut held = held.unwrap_or_else(|| [Digest::of(&self.entry.canonical())].to_vec());
        held.sort();
        Identity { kind: self.kind, held }
    }

    /// Whether it trusts the key by which `other` signs, whatever certifies it: that of a log, or of an authority that of any
    /// of its certificates, since what the key of one above another signed verifies too. A chain that begins with a root
    /// above others is taken the other way round.
    pub fn trusts_key_of(&self, other: &Self) -> bool {
        let first = other.held_certificates().filter(|chain| chain.len() > 1);
        let first = first.and_then(|chain| Certificate::from_der(chain.first()?).ok());
        let mut keys = other.keys();
        let signs =
            if first.is_some_and(|first| first.is_self_issued()) { keys.pop() } else { keys.into_iter().next() };
        self.identity() == other.identity() || signs.is_some_and(|key| self.keys().contains(&key))
    }

    /// The keys that can be read, as a SubjectPublicKeyInfo each: of a log its own, of an authority that of each
    /// certificate, in the order of the file.
    fn keys(&self) -> Vec<Vec<u8>> {
        if self.kind.is_log() {
            return self.log_key().into_iter().map(|key| key.key().to_spki_der()).collect();
        }
        let chain = self.held_certificates().unwrap_or_default();
        let read = chain.iter().filter_map(|der| Certificate::from_der(der).ok());
        read.map(|certificate| certificate.spki_der().to_vec()).collect()
    }

    /// How findings name it, and commands: `ctlog https://ctfe.example/2026 1a2b3c4d`, with the first digits of the
    /// SHA-256 of its key or of its first certificate; of a PEM text, of what is in it.
    pub fn subject(&self) -> String {
        let first = if self.kind.is_log() {
            let key = self.entry.get("publicKey").and_then(|key| key.get("rawBytes"));
            let of_pem = key.filter(|key| held::pem(key).is_some()).and_then(held::key);
            of_pem.or_else(|| raw_bytes(key, "").ok())
        } else {
            self.held_certificates().and_then(|chain| chain.into_iter().next())
        };
        let short = first.map_or_else(|| "unreadable".to_owned(), |first| Digest::of(&first).short());
        [self.kind.word(), self.url().unwrap_or("without-url"), &short].join(" ")
    }
}

/// What tells one entry from another, whatever is said of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Identity {
    kind: Kind,
    held: Vec<Digest>,
}

/// The bytes of a base64 text (RFC 4648, section 4).
pub(super) fn raw_bytes(json: Option<&Json>, member: &'static str) -> Result<Vec<u8>, EntryError> {
    let text = json.and_then(Json::as_str).ok_or(EntryError::Absent { member })?;
    STANDARD.decode(text).map_err(|_| EntryError::Base64 { member })
}

/// Why an entry of trust material cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EntryError {
    /// A member that is needed is not there, or of another type.
    #[error("there is no \"{member}\"")]
    Absent {
        /// The member.
        member: &'static str,
    },
    /// A member is not base64.
    #[error("\"{member}\" is not base64")]
    Base64 {
        /// The member.
        member: &'static str,
    },
    /// A chain has more certificates than any.
    #[error("the chain has {found} certificates, and {} are the most that are read", Certificate::CHAIN_LIMIT)]
    TooMany {
        /// How many it has.
        found: usize,
    },
    /// The key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
}
