//! The entries of a trusted root that legacy targets are worth.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::{LegacyTarget, holds};
use crate::certificate::Certificate;
use crate::digest::Digest;
use crate::json::Json;
use crate::material::chain::AuthorityChain;
use crate::material::edit::{authority, log};
use crate::material::instance::Kind;
use crate::material::log_id;
use crate::material::log_key::LogKey;
use crate::material::trusted_root::{MOST_ENTRIES, TrustedRoot};

/// An entry that legacy targets are worth: a log for a key, an authority for a certificate that signs and those that
/// issued it. It has no start: no legacy target says one.
#[derive(Clone, Debug, PartialEq)]
pub struct FromLegacy {
    /// What it is.
    pub kind: Kind,
    /// The targets that it is made of, that of the key or of the certificate that signs first.
    pub paths: Vec<String>,
    /// The first URL that one of them says.
    pub url: Option<String>,
    /// Whether clients no longer use it: every target with the key, or with the certificate that signs, is expired.
    pub expired: bool,
    /// What it holds.
    held: Held,
}

#[derive(Clone, Debug, PartialEq)]
enum Held {
    Key(LogKey),
    Chain(AuthorityChain),
}

/// A certificate, and the targets in which it is.
struct Found<'a> {
    certificate: Certificate,
    targets: Vec<&'a LegacyTarget>,
}

impl FromLegacy {
    /// The entries that these targets are worth, by kind. A target whose usage is of no entry is worth none.
    ///
    /// # Errors
    /// If a target does not hold what its usage promises, or there are more than a trusted root has.
    pub fn all(targets: &[LegacyTarget]) -> Result<Vec<Self>, LegacyError> {
        let mut entries = Vec::new();
        for kind in Kind::ALL {
            let of_kind: Vec<&LegacyTarget> = targets.iter().filter(|target| target.kind() == Some(*kind)).collect();
            entries.extend(if kind.is_log() { logs(*kind, &of_kind)? } else { authorities(*kind, &of_kind)? });
        }
        Ok(entries)
    }

    /// The certificate that signs, if it is an authority.
    pub fn signer(&self) -> Option<&Certificate> {
        match &self.held {
            Held::Chain(chain) => chain.signer(),
            Held::Key(_) => None,
        }
    }

    /// A trusted root of these entries, in their order.
    pub fn trusted_root(entries: &[Self]) -> TrustedRoot {
        entries.iter().fold(TrustedRoot::empty(), |root, entry| {
            let end = root.of_kind(entry.kind).count();
            root.with(entry.kind, end, &entry.json())
        })
    }

    /// Whether a trusted root has an entry with its key, or with the certificate that signs.
    pub fn is_in(&self, root: &TrustedRoot) -> bool {
        let own = match &self.held {
            Held::Key(key) => Some(Digest::of(&key.key().to_spki_der())),
            Held::Chain(chain) => chain.signer().map(Certificate::sha256),
        };
        own.is_some_and(|own| root.of_kind(self.kind).any(|entry| holds(&entry, &own)))
    }

    fn json(&self) -> Json {
        let url = self.url.as_deref().unwrap_or_default();
        match &self.held {
            // What reads legacy targets knows logs by their keys alone.
            Held::Key(key) => log(url, key, *log_id::of_key(key).as_bytes(), None),
            Held::Chain(chain) => authority(url, chain, None),
        }
    }

    /// An entry of the targets that hold what it is known by, and of others.
    fn new(kind: Kind, held: Held, own: &[&LegacyTarget], others: &[&LegacyTarget]) -> Self {
        let all = || own.iter().chain(others);
        let mut paths: Vec<String> = Vec::new();
        for target in all() {
            if !paths.contains(&target.path) {
                paths.push(target.path.clone());
            }
        }
        let url = all().find_map(|target| target.uri.clone().filter(|uri| !uri.is_empty()));
        let expired = own.iter().all(|target| target.status.as_deref() == Some("Expired"));
        Self { kind, paths, url, expired, held }
    }
}

/// One for each key, whichever targets hold it.
fn logs(kind: Kind, targets: &[&LegacyTarget]) -> Result<Vec<FromLegacy>, LegacyError> {
    let mut found: Vec<(LogKey, Vec<&LegacyTarget>)> = Vec::new();
    for target in targets {
        let refused = |why: String| LegacyError::Unreadable { path: target.path.clone(), kind, why };
        let key = LogKey::parse(&target.content).map_err(|error| refused(error.to_string()))?;
        match found.iter_mut().find(|(other, _)| *other == key) {
            Some((_, targets)) => targets.push(target),
            None => found.push((key, [*target].to_vec())),
        }
        few(kind, found.len())?;
    }
    let log = |(key, own): (LogKey, Vec<&LegacyTarget>)| FromLegacy::new(kind, Held::Key(key), &own, &[]);
    Ok(found.into_iter().map(log).collect())
}

/// One for each certificate that issued no other of them, with those that issued it up to its root.
fn authorities(kind: Kind, targets: &[&LegacyTarget]) -> Result<Vec<FromLegacy>, LegacyError> {
    let mut found: Vec<Found<'_>> = Vec::new();
    for target in targets {
        let refused = |why: String| LegacyError::Unreadable { path: target.path.clone(), kind, why };
        let text = core::str::from_utf8(&target.content).map_err(|error| refused(error.to_string()))?;
        let certificates = Certificate::from_pem_chain(text).map_err(|error| refused(error.to_string()))?;
        for certificate in certificates {
            match found.iter_mut().find(|other| other.certificate == certificate) {
                Some(other) => other.targets.push(target),
                None => found.push(Found { certificate, targets: [*target].to_vec() }),
            }
        }
        few(kind, found.len())?;
    }
    // One that issued itself is a root, also where another with the same name and key did too.
    let issued = |child: &Found<'_>, parent: &Found<'_>| {
        !child.certificate.is_self_issued()
            && child.certificate != parent.certificate
            && child.certificate.verify_issued_by(&parent.certificate).is_ok()
    };
    let signers = found.iter().filter(|one| !found.iter().any(|other| issued(other, one)));
    let entry = |signer: &Found<'_>| {
        let mut chain: Vec<&Found<'_>> = [signer].to_vec();
        let seen = |chain: &[&Found<'_>], one: &Found<'_>| chain.iter().any(|other| core::ptr::eq(*other, one));
        while let Some(last) = chain.last()
            && let Some(parent) = found.iter().find(|one| issued(last, one) && !seen(&chain, one))
        {
            chain.push(parent);
        }
        let certificates = chain.iter().map(|one| one.certificate.clone()).collect();
        let others: Vec<&LegacyTarget> = chain.iter().skip(1).flat_map(|one| one.targets.iter().copied()).collect();
        let held = Held::Chain(AuthorityChain::unchecked(kind, certificates));
        FromLegacy::new(kind, held, &signer.targets, &others)
    };
    Ok(signers.map(entry).collect())
}

/// Refuses more than a list of a trusted root has.
fn few(kind: Kind, found: usize) -> Result<(), LegacyError> {
    if found > MOST_ENTRIES { Err(LegacyError::TooMany { kind, found }) } else { Ok(()) }
}

/// Why legacy targets are worth no entries.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LegacyError {
    /// More of a kind than any trusted root has.
    #[error("there are more than {MOST_ENTRIES} of {kind}: {found}")]
    TooMany {
        /// The kind.
        kind: Kind,
        /// How many there are.
        found: usize,
    },
    /// A target is not what its usage says.
    #[error("{} holds no {} of a {kind}: {why}", path.escape_debug(), if kind.is_log() { "key" } else { "certificate" })]
    Unreadable {
        /// The path of the target.
        path: String,
        /// What its usage says.
        kind: Kind,
        /// What is wrong with it. Escaped.
        why: String,
    },
}
