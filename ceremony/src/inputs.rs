//! What a proposal is derived from.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Write as _;

use crate::digest::Digest;
use crate::holder::Holder;
use crate::json::{Json, JsonError, Object};
use crate::metadata::Metadata;
use crate::policy::Policy;
use crate::root::Root;
use crate::source::target_path;
use crate::time::Time;

/// The wanted state: everything that a proposal is derived from beside what is published.
#[derive(Clone, Debug)]
pub struct Inputs {
    /// The policy.
    pub policy: Policy,
    /// Everybody with a record, also those who leave: they still sign.
    pub holders: Vec<Holder>,
    /// The wanted target files.
    pub targets: TargetList,
    /// When and by which rules.
    pub staging: Staging,
}

/// What is published: verified by the caller from a trusted root before anything is derived from it.
#[derive(Clone, Debug, Default)]
pub struct Base {
    /// The roots, versions without a gap, the latest last; none before the first ceremony.
    pub roots: Vec<Metadata>,
    /// `targets` and the delegated roles, by name.
    pub roles: BTreeMap<String, Metadata>,
    /// The snapshot.
    pub snapshot: Option<Metadata>,
    /// The timestamp.
    pub timestamp: Option<Metadata>,
}

impl Base {
    /// The latest root.
    pub fn root(&self) -> Option<&Metadata> {
        self.roots.last()
    }

    /// A view of the latest root, if there is one that can be read.
    pub fn root_view(&self) -> Option<Root> {
        Root::of(self.root()?).ok()
    }
}

/// When a proposal was staged, and by which rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Staging {
    /// The time that expiries count from.
    pub at: Time,
    /// The version of the derivation. A directory of another version is answered with *cannot*, never *differs*.
    pub rules: u64,
    /// The roles that the coordinator asked for; none for whatever is due.
    pub only: BTreeSet<String>,
}

impl Staging {
    /// The version of the derivation in this program.
    pub const RULES: u64 = 1;

    /// Reads `inputs/staging.json`.
    ///
    /// # Errors
    /// If it is not exactly what [`to_file`](Self::to_file) writes.
    pub fn parse(bytes: &[u8]) -> Result<Self, InputError> {
        let json = Json::parse(bytes).map_err(|error| InputError::Json { file: "staging.json", error })?;
        let wrong = || InputError::Malformed { file: "staging.json" };
        let at = json.get("staged-at").and_then(Json::as_str).and_then(|at| at.parse().ok()).ok_or_else(wrong)?;
        let rules = json.get("rules").and_then(Json::as_u64).ok_or_else(wrong)?;
        let only = json.get("only").and_then(Json::as_array).ok_or_else(wrong)?;
        let only = only.iter().map(|role| role.as_str().map(ToString::to_string)).collect::<Option<_>>();
        let staging = Self { at, rules, only: only.ok_or_else(wrong)? };
        if staging.to_file() == bytes { Ok(staging) } else { Err(wrong()) }
    }

    /// The file.
    pub fn to_file(&self) -> Vec<u8> {
        let only = self.only.iter().map(Json::string).collect();
        let object: Object =
            [("only", only), ("rules", self.rules.into()), ("staged-at", Json::string(self.at.to_string()))]
                .into_iter()
                .collect();
        Json::Object(object).pretty().into_bytes()
    }
}

/// The wanted target files by path: length and SHA-256.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TargetList {
    files: Vec<(String, WantedTarget)>,
}

/// One wanted target file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WantedTarget {
    /// The length in bytes.
    pub length: u64,
    /// The digest of its content.
    pub sha256: Digest,
}

impl TargetList {
    /// The files, sorted by path.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &WantedTarget)> {
        self.files.iter().map(|(path, target)| (path.as_str(), target))
    }

    /// The wanted file at `path`.
    pub fn get(&self, path: &str) -> Option<&WantedTarget> {
        self.files.binary_search_by(|(other, _)| other.as_str().cmp(path)).ok().map(|i| &self.files[i].1)
    }

    /// How many files there are.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Reads `inputs/targets.txt`.
    ///
    /// # Errors
    /// If it is not exactly what [`to_file`](Self::to_file) writes, or has a path that is none: see [`target_path`].
    pub fn parse(bytes: &[u8]) -> Result<Self, InputError> {
        Self::read(bytes).ok_or(InputError::Malformed { file: "targets.txt" })
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let text = core::str::from_utf8(bytes).ok()?;
        let mut files: Vec<(String, WantedTarget)> = Vec::new();
        for line in text.split_inclusive('\n') {
            let mut parts = line.strip_suffix('\n')?.splitn(3, "  ");
            let (sha256, length, path) = (parts.next()?.parse().ok()?, parts.next()?, parts.next()?);
            // Neither `+1` nor `01`, which say the same.
            let plain = length == "0" || length.starts_with(|c: char| matches!(c, '1'..='9'));
            let length = length.parse().ok().filter(|_| plain)?;
            let path = target_path(path).ok()?;
            if files.last().is_some_and(|(last, _)| last.as_str() >= path) {
                return None;
            }
            files.push((path.to_string(), WantedTarget { length, sha256 }));
        }
        Some(Self { files })
    }

    /// The file: a line `SHA256  LENGTH  PATH` for each, sorted by path.
    pub fn to_file(&self) -> Vec<u8> {
        let mut out = String::new();
        for (path, target) in self.iter() {
            writeln!(out, "{}  {}  {path}", target.sha256, target.length).expect("a text takes all that is written");
        }
        out.into_bytes()
    }
}

impl FromIterator<(String, WantedTarget)> for TargetList {
    /// Of two files with one path the first stays.
    fn from_iter<I: IntoIterator<Item = (String, WantedTarget)>>(files: I) -> Self {
        let mut files: Vec<_> = files.into_iter().collect();
        files.sort_by(|a, b| a.0.cmp(&b.0));
        files.dedup_by(|b, a| a.0 == b.0);
        Self { files }
    }
}

/// Why a file of `inputs/` is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// Not JSON.
    #[error("inputs/{file}: {error}")]
    Json {
        /// The file.
        file: &'static str,
        /// What is wrong, and where.
        error: JsonError,
    },
    /// It is not in the form in which this program writes it.
    #[error("inputs/{file} is not in the form in which it is written")]
    Malformed {
        /// The file.
        file: &'static str,
    },
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use alloc::format;

    use super::*;

    #[test]
    fn a_list_of_targets_has_one_form() {
        let digest = Digest::of(b"content").to_string();
        let line = |length: &str, path: &str| format!("{digest}  {length}  {path}\n");
        let list = [line("7", "a  b"), line("0", "b/c"), line("18446744073709551615", "d")].concat();
        let read = TargetList::parse(list.as_bytes()).unwrap();
        assert_eq!(read.get("a  b").map(|file| file.length), Some(7));
        assert_eq!(read.to_file(), list.as_bytes());
        assert_eq!(TargetList::parse(b"").unwrap().len(), 0);

        let upper = list.replace(&digest, &digest.to_uppercase());
        for odd in [
            upper,
            line("7", "a\r"),
            line("7", "../a"),
            line("7", "a").trim_end().to_string(),
            line("+7", "a"),
            line("07", "a"),
            line("", "a"),
            line("18446744073709551616", "a"),
            [line("7", "b"), line("7", "a")].concat(),
            [line("7", "a"), line("7", "a")].concat(),
            format!("{digest} 7 a\n"),
            format!("{}\n", line("7", "a")),
        ] {
            assert!(TargetList::parse(odd.as_bytes()).is_err(), "{odd:?}");
        }
    }
}
