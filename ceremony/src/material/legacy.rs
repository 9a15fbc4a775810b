//! The targets that clients read before there was a trusted root.

mod entries;
mod piece;
mod spelling;

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use super::instance::{Instance, Kind};
use super::moment::Moment;
use super::trusted_root::TrustedRoot;
use crate::certificate::Certificate;
use crate::digest::Digest;
use crate::json::{Json, Object};
use crate::key::Algorithm;

pub use entries::{FromLegacy, LegacyError};
pub(crate) use piece::Piece;
pub use spelling::{is_legacy, is_spelled};

/// A target file that is one key, or one certificate or several, with what `custom.sigstore` says of it.
///
/// cosign before 2.5.1, gitsign and policy-controller look for them by their usage, under any name.
#[derive(Clone, Debug, PartialEq)]
pub struct LegacyTarget {
    /// The path of the target.
    pub path: String,
    /// `usage`
    pub usage: Option<String>,
    /// `status`
    pub status: Option<String>,
    /// `uri`
    pub uri: Option<String>,
    /// Names of members of `custom` that clients take for those above, or for `sigstore`, and that are spelled otherwise.
    pub misspelled: Vec<String>,
    /// The file.
    pub content: Vec<u8>,
}

impl LegacyTarget {
    /// The usages that clients know. `Unknown` is what Sigstore says of the key of its own releases.
    pub const USAGES: &[&str] = &["Fulcio", "Rekor", "CTFE", "TSA", "Unknown"];
    /// The statuses that clients know.
    pub const STATUSES: &[&str] = &["Active", "Expired"];

    /// The legacy target at `path`, if its `custom` has a member that clients take for `sigstore`.
    pub fn read(path: &str, custom: Option<&Json>, content: &[u8]) -> Option<Self> {
        let said = spelling::Said::read(custom?)?;
        Some(Self {
            path: path.to_string(),
            usage: said.text("usage"),
            status: said.text("status"),
            uri: said.text("uri"),
            misspelled: said.misspelled(),
            content: content.to_vec(),
        })
    }

    /// What it is for, if its usage is that of an entry of a trusted root, in whatever letters.
    pub fn kind(&self) -> Option<Kind> {
        let said = self.usage.as_deref()?;
        Kind::ALL.iter().copied().find(|kind| is_spelled(said, usage(*kind)))
    }

    /// Whether clients use it.
    pub(crate) fn is_active(&self) -> bool {
        self.status.as_deref().is_some_and(|status| is_spelled(status, "Active"))
    }

    /// The key in it, or all certificates in it, in the order of the file; none if it does not hold what its usage promises.
    pub(crate) fn pieces(&self) -> Vec<Piece> {
        match self.kind() {
            Some(kind) if kind.is_log() => Piece::key(&self.content),
            Some(_) => Piece::certificates(&self.content),
            None => Vec::new(),
        }
    }

    /// `custom` of the entry.
    pub fn custom(&self) -> Json {
        let members = [("status", &self.status), ("uri", &self.uri), ("usage", &self.usage)];
        let members = members.into_iter().filter_map(|(name, value)| Some((name, Json::string(value.as_ref()?))));
        let sigstore = Json::Object(members.collect::<Object>());
        Json::Object([("sigstore", sigstore)].into_iter().collect())
    }
}

impl fmt::Display for LegacyTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |text: &Option<String>| text.as_deref().unwrap_or("nothing").escape_debug().to_string();
        write!(f, "{}: usage {}, {}", self.path.escape_debug(), text(&self.usage), text(&self.status))
    }
}

/// The legacy targets as they must be beside `root`: status and uri of those that are there, as the trusted root has them
/// at `now`, and new ones for what is missing. A file of several certificates is active while any of them is valid. Of the
/// kinds of which there are none, none are made, unless there is no legacy target at all. Nothing is taken away.
pub fn in_step(root: &TrustedRoot, present: &[LegacyTarget], now: &Moment) -> Vec<LegacyTarget> {
    let mut targets = present.to_vec();
    for target in &mut targets {
        let entries = entries_of(root, target);
        let Some(entry) = entries.first() else { continue };
        let before = target.custom();
        let over = entries.iter().all(|entry| entry.valid_for().is_ok_and(|valid| valid.is_over(now)));
        target.status = Some(if over { "Expired" } else { "Active" }.to_string());
        if entries.iter().all(|entry| entry.url() != target.uri.as_deref()) {
            target.uri = entry.url().map(ToString::to_string);
        }
        // What is written anew is spelled as it is called.
        if target.custom() != before {
            target.misspelled.clear();
        }
    }
    let kinds = Kind::ALL.iter().filter(|kind| {
        let none = present.iter().all(|target| target.kind().is_none());
        none || present.iter().any(|target| target.kind() == Some(**kind))
    });
    for entry in kinds.flat_map(|kind| root.of_kind(*kind)).filter(is_for_old_clients) {
        if entry.valid_for().is_ok_and(|valid| valid.is_over(now)) {
            continue;
        }
        for (stem, content, held) in files(&entry) {
            let has = |target: &LegacyTarget| target.pieces().iter().any(|piece| *piece.sha256() == held);
            if targets.iter().any(|target| target.kind() == Some(entry.kind) && has(target)) {
                continue;
            }
            let year = entry.valid_for().ok().and_then(|valid| valid.start);
            let year = year.as_ref().and_then(|start| start.as_str().get(..4)).unwrap_or("new").to_string();
            targets.push(LegacyTarget {
                path: free(&stem, &year, entry.kind, &targets),
                usage: Some(usage(entry.kind).to_string()),
                status: Some("Active".to_string()),
                uri: entry.url().map(ToString::to_string),
                misspelled: Vec::new(),
                content,
            });
        }
    }
    targets.sort_by(|a, b| a.path.cmp(&b.path));
    targets
}

/// The legacy targets without the copies of what `entry` holds and nothing in `root` does, from which it was removed. Of a
/// file of several certificates the others stay.
pub fn without(entry: &Instance<'_>, root: &TrustedRoot, present: &[LegacyTarget]) -> Vec<LegacyTarget> {
    let goes = |held: &Digest| holds(entry, held) && !root.of_kind(entry.kind).any(|other| holds(&other, held));
    let left = |target: &LegacyTarget| {
        let same = target.kind() != Some(entry.kind) || !target.pieces().iter().any(|piece| goes(piece.sha256()));
        if same {
            return Some(target.clone());
        }
        let content = piece::without(&target.content, goes)?;
        Some(LegacyTarget { content, ..target.clone() })
    };
    present.iter().filter_map(left).collect()
}

/// The entries of the trusted root that hold anything of what a legacy target holds.
pub(super) fn entries_of<'a>(root: &'a TrustedRoot, target: &LegacyTarget) -> Vec<Instance<'a>> {
    let pieces = target.pieces();
    let entries = target.kind().into_iter().flat_map(|kind| root.of_kind(kind));
    entries.filter(|entry| pieces.iter().any(|piece| holds(entry, piece.sha256()))).collect()
}

/// The files of an entry: the beginning of the name, the content, what it holds.
fn files(entry: &Instance<'_>) -> Vec<(String, Vec<u8>, Digest)> {
    if entry.kind.is_log() {
        let Ok(key) = entry.log_key() else { return Vec::new() };
        let stem = if entry.kind == Kind::Rekor { "rekor" } else { "ctfe" };
        let held = Digest::of(&key.key().to_spki_der());
        return [(stem.to_string(), key.key().to_spki_pem().into_bytes(), held)].to_vec();
    }
    let chain = entry.certificates().unwrap_or_default();
    let last = chain.len().saturating_sub(1);
    let named = chain.iter().enumerate().filter_map(|(place, der)| {
        let certificate = Certificate::from_der(der).ok()?;
        let stem = match (entry.kind, place) {
            (Kind::Tsa, 0) => "tsa_leaf".to_string(),
            (Kind::Tsa, place) if place == last => "tsa_root".to_string(),
            (Kind::Tsa, place) => format!("tsa_intermediate_{}", place - 1),
            (_, place) if place == last => "fulcio".to_string(),
            _ => "fulcio_intermediate".to_string(),
        };
        Some((stem, certificate.to_pem().into_bytes(), certificate.sha256()))
    });
    named.collect()
}

/// A path that no target has: `rekor.pub`, `rekor_2026.pub`, `rekor_2026_2.pub`.
fn free(stem: &str, year: &str, kind: Kind, targets: &[LegacyTarget]) -> String {
    let end = if kind.is_log() { "pub" } else { "crt.pem" };
    let plain = core::iter::once(format!("{stem}.{end}"));
    let numbered = (2_u32..).map(|number| format!("{stem}_{year}_{number}.{end}"));
    let mut names = plain.chain([format!("{stem}_{year}.{end}")]).chain(numbered);
    let found = names.find(|name| targets.iter().all(|target| target.path != *name));
    found.expect("there are more numbers than targets")
}

/// Whether the entry has this key, or this certificate in its chain.
pub(super) fn holds(entry: &Instance<'_>, held: &Digest) -> bool {
    if entry.kind.is_log() {
        return entry.log_key().is_ok_and(|key| Digest::of(&key.key().to_spki_der()) == *held);
    }
    entry.certificates().is_ok_and(|chain| chain.iter().any(|der| Digest::of(der) == *held))
}

/// Whether clients that read legacy targets can use it: they know no Rekor v2.
pub(super) fn is_for_old_clients(entry: &Instance<'_>) -> bool {
    entry.kind != Kind::Rekor || entry.log_key().is_ok_and(|key| key.key().algorithm() == Algorithm::EcdsaP256)
}

/// `usage` of what a trusted root has under this kind.
pub fn usage(kind: Kind) -> &'static str {
    match kind {
        Kind::Fulcio => "Fulcio",
        Kind::Rekor => "Rekor",
        Kind::CtLog => "CTFE",
        Kind::Tsa => "TSA",
    }
}
