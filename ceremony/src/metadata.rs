//! The envelope that every TUF metadata file is.

use alloc::borrow::ToOwned;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use crate::json::{Json, JsonError, Object};
use crate::payload::Payload;
use crate::time::Time;
use crate::tuf_key::KeyId;

/// A TUF metadata file (TUF specification, section 4.2): read, not yet trusted.
///
/// The signed part is kept as it was read, unknown members included; what this program writes next is an edit of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Metadata {
    /// The entries of `signatures`, in the order of the file. Empty ones are kept, with an empty `sig`.
    pub signatures: Vec<Signature>,
    /// Shared: a copy of a file with 100,000 targets costs nothing.
    signed: Arc<Json>,
    kind: Kind,
    version: u64,
    expires: String,
}

/// One entry of `signatures`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The key that is said to have signed.
    pub keyid: KeyId,
    /// The bytes that the file has in hex.
    pub sig: Vec<u8>,
}

/// What `_type` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// `root`
    Root,
    /// `targets`: the top-level role and every delegated one.
    Targets,
    /// `snapshot`
    Snapshot,
    /// `timestamp`
    Timestamp,
}

impl Kind {
    /// The text of `_type`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Targets => "targets",
            Self::Snapshot => "snapshot",
            Self::Timestamp => "timestamp",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Metadata {
    /// The most signatures of one file that are read.
    pub const SIGNATURES: usize = 4096;

    /// Reads a metadata file and trusts nothing of it.
    ///
    /// # Errors
    /// If it is not strict JSON, lacks what every metadata file has, or has more than [`SIGNATURES`](Self::SIGNATURES).
    pub fn parse_untrusted(bytes: &[u8]) -> Result<Self, MetadataError> {
        let mut file = Json::parse(bytes)?;
        let file = file.as_object_mut().ok_or_else(|| MetadataError::member("the file", "", "an object"))?;
        let entries = file.remove("signatures");
        let entries = entries.as_ref().and_then(Json::as_array);
        let entries = entries.ok_or_else(|| MetadataError::member("the file", "signatures", "an array"))?;
        if entries.len() > Self::SIGNATURES {
            return Err(MetadataError::too_many("the file", "signatures", Self::SIGNATURES));
        }
        let signatures = entries.iter().map(signature).collect::<Result<_, _>>()?;
        let signed = file.remove("signed");
        let signed = signed.ok_or_else(|| MetadataError::member("the file", "signed", "an object"))?;
        Self::new(signed, signatures)
    }

    /// A metadata file of a signed part and signatures.
    ///
    /// # Errors
    /// If the signed part lacks what every role has.
    pub fn new(signed: Json, signatures: Vec<Signature>) -> Result<Self, MetadataError> {
        let wrong = |member, wanted| MetadataError::member("signed", member, wanted);
        let kind = match signed.get("_type").and_then(Json::as_str) {
            Some("root") => Kind::Root,
            Some("targets") => Kind::Targets,
            Some("snapshot") => Kind::Snapshot,
            Some("timestamp") => Kind::Timestamp,
            _ => return Err(wrong("_type", "\"root\", \"targets\", \"snapshot\" or \"timestamp\"")),
        };
        let version = signed.get("version").and_then(Json::as_u64).filter(|version| *version > 0);
        let version = version.ok_or_else(|| wrong("version", "a number from 1 to 2^64 - 1"))?;
        let expires = signed.get("expires").and_then(Json::as_str);
        let expires = expires.ok_or_else(|| wrong("expires", "a text"))?.to_owned();
        Time::parse_lenient(&expires).map_err(|_| wrong("expires", "a time"))?;
        Ok(Self { signatures, kind, version, expires, signed: Arc::new(signed) })
    }

    /// What `_type` says.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The version, at least 1.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The first second at which the file is expired (TUF specification, section 5.3.10).
    pub fn expires(&self) -> Time {
        Time::parse_lenient(&self.expires).expect("the constructor read this time")
    }

    /// The text of `expires`, which early files have in other forms than this program writes.
    pub fn expires_text(&self) -> &str {
        &self.expires
    }

    /// The signed part as it was read.
    pub fn signed(&self) -> &Json {
        &self.signed
    }

    /// The bytes that signatures cover.
    pub fn payload(&self) -> Payload {
        Payload::of(&self.signed)
    }

    /// The file as this program writes it: sorted, indented by one space, a newline at the end.
    pub fn to_file(&self) -> Vec<u8> {
        let entries = self.signatures.iter().map(|signature| {
            let entry: Object =
                [("keyid", Json::string(signature.keyid.as_str())), ("sig", Json::string(hex::encode(&signature.sig)))]
                    .into_iter()
                    .collect();
            Json::Object(entry)
        });
        let mut file = String::from("{\n \"signatures\": ");
        Json::Array(entries.collect()).write_pretty(&mut file, 1);
        file.push_str(",\n \"signed\": ");
        self.signed.write_pretty(&mut file, 1);
        file.push_str("\n}\n");
        file.into_bytes()
    }
}

fn signature(entry: &Json) -> Result<Signature, MetadataError> {
    let wrong = |member, wanted| MetadataError::member("signatures", member, wanted);
    let keyid = entry.get("keyid").and_then(Json::as_str).ok_or_else(|| wrong("keyid", "a text"))?;
    let sig = entry.get("sig").and_then(Json::as_str).ok_or_else(|| wrong("sig", "a text"))?;
    let sig = hex::decode(sig).map_err(|_| wrong("sig", "hex digits"))?;
    Ok(Signature { keyid: KeyId::new(keyid), sig })
}

/// Why bytes are not a TUF metadata file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MetadataError {
    /// Not the JSON that this program reads.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// Another role than was asked for.
    #[error("this is {found} metadata, not {wanted}")]
    Kind {
        /// What the file is.
        found: Kind,
        /// What was asked for.
        wanted: Kind,
    },
    /// A member is absent or of another type.
    #[error("{place} has no \"{member}\" that is {wanted}")]
    Member {
        /// Where, escaped.
        place: String,
        /// Which member.
        member: &'static str,
        /// What it must be.
        wanted: &'static str,
    },
    /// More than anybody needs, and enough to keep a reader busy for hours.
    #[error("{place} has more than {most} {member}")]
    TooMany {
        /// Where, escaped.
        place: String,
        /// Of what.
        member: &'static str,
        /// How many there may be.
        most: usize,
    },
}

impl MetadataError {
    /// The error that `member` of `place` is not what is `wanted`.
    pub fn member(place: &str, member: &'static str, wanted: &'static str) -> Self {
        Self::Member { place: place.escape_debug().to_string(), member, wanted }
    }

    /// The error that `place` has more than `most` of `member`.
    pub(crate) fn too_many(place: &str, member: &'static str, most: usize) -> Self {
        Self::TooMany { place: place.escape_debug().to_string(), member, most }
    }
}
