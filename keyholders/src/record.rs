//! What is known of one keyholder.

mod home;
mod key;
mod text;

use ceremony::KeyId;
use ceremony::key::{Algorithm, Fingerprint, KeyError};
use serde::Deserialize;

pub use self::home::Home;
pub use self::key::RecordKey;
use crate::device::DeviceKind;
use crate::name::{Name, NameError};
use crate::possession::NonceError;
use crate::slot::SlotError;
use crate::uri::{Uri, UriError};

/// A keyholder: who they are and which keys are theirs. The content of `keyholders/NAME.toml`.
///
/// A record has at least one key and at most one active key, every key decodes, and no key is in it twice. There is
/// one text for each record ([`to_toml`](Self::to_toml)), and [`parse`](Self::parse) takes no other.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    name: Name,
    kind: Kind,
    keys: Vec<RecordKey>,
}

impl Record {
    /// Puts a record together.
    ///
    /// # Errors
    /// If there is no key, a second active key, or one key twice.
    pub fn new(name: Name, kind: Kind, keys: Vec<RecordKey>) -> Result<Self, RecordError> {
        if keys.is_empty() {
            return Err(RecordError::NoKey);
        }
        let mut active = keys.iter().filter(|key| key.state() == State::Active);
        if let (Some(first), Some(second)) = (active.next(), active.next()) {
            return Err(RecordError::TwoActive { first: first.fingerprint(), second: second.fingerprint() });
        }
        for (i, key) in keys.iter().enumerate() {
            if keys.iter().take(i).any(|other| other.fingerprint() == key.fingerprint()) {
                return Err(RecordError::KeyTwice { fingerprint: key.fingerprint() });
            }
        }
        Ok(Self { name, kind, keys })
    }

    /// Who it is about.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// What the keyholder is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// All keys, in the order of the text.
    pub fn keys(&self) -> &[RecordKey] {
        &self.keys
    }

    /// The key that goes into metadata.
    pub fn active(&self) -> Option<&RecordKey> {
        self.keys.iter().find(|key| key.state() == State::Active)
    }

    /// The key with this fingerprint.
    pub fn key(&self, fingerprint: &Fingerprint) -> Option<&RecordKey> {
        self.keys.iter().find(|key| key.fingerprint() == *fingerprint)
    }
}

/// What a keyholder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A robot that signs without a prompt.
    Online,
    /// Somebody who reads before they sign.
    Person,
}

impl Kind {
    /// The word for it in a record.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Online => "online",
            Self::Person => "person",
        }
    }
}

/// What a key of a keyholder is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// In the metadata, or about to be.
    Active,
    /// Enrolled and not in the metadata: clients count keys, not people.
    Spare,
    /// No longer used. It may still sign what replaces it.
    Retired,
}

impl State {
    /// The word for it in a record.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Spare => "spare",
            Self::Retired => "retired",
        }
    }
}

/// Why a text is no record, or a record cannot be. All texts in it are escaped.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// A key in the list is not right.
    #[error("key {number}")]
    Key {
        /// Which, counted from one.
        number: usize,
        /// What is the matter.
        #[source]
        cause: Box<RecordError>,
    },
    /// The text is far too long for a record.
    #[error("the record has {length} bytes, more than the {limit} that a record may have")]
    TooLong {
        /// What it has.
        length: usize,
        /// The most that is taken.
        limit: usize,
    },
    /// Not TOML, or not the fields of a record.
    #[error("line {line}, column {column}: {message}")]
    Syntax {
        /// Counted from one.
        line: usize,
        /// Counted from one, in characters.
        column: usize,
        /// What is the matter.
        message: String,
    },
    /// The text says something in another way than this program writes it.
    #[error("line {line} is {}, and must be {}", quoted(found), quoted(expected))]
    NotCanonical {
        /// Counted from one.
        line: usize,
        /// What stands there; nothing if the text ends before.
        found: Option<String>,
        /// What must stand there; nothing if the text must end before.
        expected: Option<String>,
    },
    /// The name is none.
    #[error(transparent)]
    Name(#[from] NameError),
    /// There is no key in it.
    #[error("the record has no key")]
    NoKey,
    /// There are two active keys.
    #[error("two keys are active, {first} and {second}: clients count keys, not people, so make one of them a spare")]
    TwoActive {
        /// One of them.
        first: Fingerprint,
        /// The other.
        second: Fingerprint,
    },
    /// One key is there twice.
    #[error("the key {fingerprint} is in the record twice")]
    KeyTwice {
        /// The key.
        fingerprint: Fingerprint,
    },
    /// `object` is not JSON.
    #[error("\"object\" is not a key object: {reason}")]
    Object {
        /// What is the matter.
        reason: String,
    },
    /// `object` holds no key that this program can verify with.
    #[error("\"object\" holds no usable key: {0}")]
    Unusable(#[from] KeyError),
    /// `fingerprint` is of another key than `object`.
    #[error("\"fingerprint\" is {stated}, and the key in \"object\" has {actual}")]
    Fingerprint {
        /// What the record states.
        stated: Fingerprint,
        /// What the key has.
        actual: Fingerprint,
    },
    /// The id is not the hash of the object, for a key that was not adopted.
    #[error("the id {id} is not the hash of the key object, as it must be for a key with device \"{device}\"")]
    Id {
        /// The id.
        id: KeyId,
        /// Where the key lives.
        device: DeviceKind,
    },
    /// A value that must be hex.
    #[error("\"{field}\" is not hex of the right length")]
    Hex {
        /// The field.
        field: &'static str,
    },
    /// A nonce that is none.
    #[error(transparent)]
    Nonce(#[from] NonceError),
    /// A device that is not known.
    #[error("the device \"{device}\" is none of external, file, pkcs11, yubikey")]
    Device {
        /// The device.
        device: String,
    },
    /// A URI that is none.
    #[error(transparent)]
    Uri(#[from] UriError),
    /// A slot that is none.
    #[error(transparent)]
    Slot(#[from] SlotError),
    /// A key that a PIV card cannot sign metadata with.
    #[error(
        "{algorithm} keys of a YubiKey cannot sign metadata: all of it would have to fit into the buffer of the card"
    )]
    NotForPiv {
        /// The kind of the key.
        algorithm: Algorithm,
    },
    /// A URI that could mean several keys.
    #[error("{uri} must name a token by its serial number and a key by its object or id, and have no type")]
    VagueUri {
        /// The URI.
        uri: Box<Uri>,
    },
    /// A field that belongs to another device.
    #[error("\"{field}\" does not belong to a key with device \"{device}\"")]
    Misplaced {
        /// The field.
        field: &'static str,
        /// Where the key lives.
        device: DeviceKind,
    },
    /// A field that the device needs.
    #[error("\"{field}\" is missing for a key with device \"{device}\"")]
    Lacks {
        /// The field.
        field: &'static str,
        /// Where the key lives.
        device: DeviceKind,
    },
}

fn quoted(line: &Option<String>) -> String {
    line.as_ref().map_or("the end of the file".to_owned(), |line| format!("`{line}`"))
}
