//! An entry of a Rekor of version 1, with the log's promise to keep it.

use alloc::string::{String, ToString};

use super::instance::{EntryError, raw_bytes};
use super::log_id;
use super::log_key::LogKey;
use crate::json::{Json, Object};
use crate::time::Time;

/// An entry that the log signed: where it is, and since when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// Its number in the log, over all of its shards.
    pub index: u64,
    /// When the log took it.
    pub at: Time,
}

impl LogEntry {
    /// Reads an entry as `/api/v1/log/entries` answers it, under its id or by itself, and checks its signed entry
    /// timestamp: the signature of the log over the canonical JSON of body, time, log id and index.
    ///
    /// # Errors
    /// If it is no such entry, or of another log.
    pub fn verify(json: &Json, key: &LogKey) -> Result<Self, LogEntryError> {
        let only = json.as_object().filter(|object| object.len() == 1).and_then(|object| object.iter().next());
        let entry = only.map_or(json, |(_, entry)| entry);
        let member = |member: &'static str| entry.get(member).ok_or(EntryError::Absent { member });
        let wanted = log_id::of_key(key).to_string();
        let found = member("logID")?.as_str().unwrap_or_default();
        if found != wanted {
            return Err(LogEntryError::OtherLog { found: found.escape_debug().to_string(), wanted });
        }
        let names = ["body", "integratedTime", "logID", "logIndex"];
        let promised = names.into_iter().map(|name| Ok((name, member(name)?.clone())));
        let promised = Json::Object(promised.collect::<Result<Object, EntryError>>()?);
        let promise = entry.get("verification").and_then(|verification| verification.get("signedEntryTimestamp"));
        let promise = raw_bytes(promise, "verification.signedEntryTimestamp")?;
        key.verify(&promised.canonical(), &promise).map_err(|_| LogEntryError::Signature)?;
        let number = |name| member(name)?.as_u64().ok_or(EntryError::Absent { member: name });
        let at = i64::try_from(number("integratedTime")?).ok().and_then(Time::from_unix);
        let at = at.ok_or(EntryError::Absent { member: "integratedTime" })?;
        Ok(Self { index: number("logIndex")?, at })
    }
}

/// Why an entry of a log proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LogEntryError {
    /// A member is missing.
    #[error("it is no entry of a log: {0}")]
    Member(#[from] EntryError),
    /// It names another log.
    #[error("the entry is of the log {found}, not of {wanted}")]
    OtherLog {
        /// The log id that it names, escaped.
        found: String,
        /// The log id of the key.
        wanted: String,
    },
    /// The log did not sign it.
    #[error("the signed entry timestamp is not of this log")]
    Signature,
}
