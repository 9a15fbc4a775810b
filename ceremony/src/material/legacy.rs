//! The targets that clients read before there was a trusted root.

mod entries;

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use super::instance::{Instance, Kind};
use super::log_key::LogKey;
use super::moment::Moment;
use super::trusted_root::TrustedRoot;
use crate::certificate::Certificate;
use crate::digest::Digest;
use crate::json::{Json, Object};
use crate::key::Algorithm;

pub use entries::{FromLegacy, LegacyError};

/// A target file that is one key or one certificate, with what `custom.sigstore` says of it.
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
    /// The file.
    pub content: Vec<u8>,
}

impl LegacyTarget {
    /// The usages that clients know. `Unknown` is what Sigstore says of the key of its own releases.
    pub const USAGES: &[&str] = &["Fulcio", "Rekor", "CTFE", "TSA", "Unknown"];
    /// The statuses that clients know.
    pub const STATUSES: &[&str] = &["Active", "Expired"];

    /// The legacy target at `path`, if its `custom` has a member `sigstore`.
    pub fn read(path: &str, custom: Option<&Json>, content: &[u8]) -> Option<Self> {
        let sigstore = custom?.get("sigstore")?;
        let text = |name| sigstore.get(name).and_then(Json::as_str).map(ToString::to_string);
        Some(Self {
            path: path.to_string(),
            usage: text("usage"),
            status: text("status"),
            uri: text("uri"),
            content: content.to_vec(),
        })
    }

    /// What it is for, if its usage is that of an entry of a trusted root.
    pub fn kind(&self) -> Option<Kind> {
        Kind::ALL.iter().copied().find(|kind| Some(usage(*kind)) == self.usage.as_deref())
    }

    /// Whether clients use it.
    pub(crate) fn is_active(&self) -> bool {
        self.status.as_deref() == Some("Active")
    }

    /// The digest of the key or certificate in it, as the entry of a trusted root would hold it; none if it is neither.
    pub fn held(&self) -> Option<Digest> {
        if self.kind()?.is_log() {
            return LogKey::parse(&self.content).ok().map(|key| Digest::of(&key.key().to_spki_der()));
        }
        let text = core::str::from_utf8(&self.content).ok()?;
        Certificate::from_pem_chain(text).ok()?.first().map(Certificate::sha256)
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
/// at `now`, and new ones for what is missing. Of the kinds of which there are none, none are made, unless there is no
/// legacy target at all. Nothing is taken away.
pub fn in_step(root: &TrustedRoot, present: &[LegacyTarget], now: &Moment) -> Vec<LegacyTarget> {
    let mut targets = present.to_vec();
    for target in &mut targets {
        let (Some(kind), Some(held)) = (target.kind(), target.held()) else { continue };
        let entries: Vec<Instance<'_>> = root.of_kind(kind).filter(|entry| holds(entry, &held)).collect();
        let Some(entry) = entries.first() else { continue };
        let over = entries.iter().all(|entry| entry.valid_for().is_ok_and(|valid| valid.is_over(now)));
        target.status = Some(if over { "Expired" } else { "Active" }.to_string());
        if entries.iter().all(|entry| entry.url() != target.uri.as_deref()) {
            target.uri = entry.url().map(ToString::to_string);
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
            if targets.iter().any(|target| target.kind() == Some(entry.kind) && target.held() == Some(held)) {
                continue;
            }
            let year = entry.valid_for().ok().and_then(|valid| valid.start);
            let year = year.as_ref().and_then(|start| start.as_str().get(..4)).unwrap_or("new").to_string();
            targets.push(LegacyTarget {
                path: free(&stem, &year, entry.kind, &targets),
                usage: Some(usage(entry.kind).to_string()),
                status: Some("Active".to_string()),
                uri: entry.url().map(ToString::to_string),
                content,
            });
        }
    }
    targets.sort_by(|a, b| a.path.cmp(&b.path));
    targets
}

/// The legacy targets without the copies of what `entry` holds and nothing in `root` does, from which it was removed.
pub fn without(entry: &Instance<'_>, root: &TrustedRoot, present: &[LegacyTarget]) -> Vec<LegacyTarget> {
    let goes = |target: &LegacyTarget| {
        let held = target.held().filter(|held| target.kind() == Some(entry.kind) && holds(entry, held));
        held.is_some_and(|held| !root.of_kind(entry.kind).any(|other| holds(&other, &held)))
    };
    present.iter().filter(|target| !goes(target)).cloned().collect()
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
