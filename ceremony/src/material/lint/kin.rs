//! Entries of two trusted roots, and which of them are the same.

use alloc::vec::Vec;

use crate::certificate::Certificate;
use crate::material::files::Material;
use crate::material::instance::{Identity, Instance};
use crate::material::trusted_root::TrustedRoot;

/// An entry, with what tells whether another is it.
pub(super) struct Held<'a> {
    /// The entry.
    pub(super) entry: Instance<'a>,
    /// The certificates of an authority; none if one of them cannot be read.
    pub(super) chain: Vec<Certificate>,
    /// The key of a log as a SubjectPublicKeyInfo; none if it cannot be read.
    log_key: Option<Vec<u8>>,
    identity: Identity,
}

impl<'a> Held<'a> {
    /// The entries of the trusted root.
    pub(super) fn all(material: &'a Material) -> Vec<Self> {
        let held = |entry: Instance<'a>| {
            let read =
                |raw: Vec<Vec<u8>>| raw.iter().map(|der| Certificate::from_der(der)).collect::<Result<Vec<_>, _>>();
            let chain = entry.certificates().ok().filter(|_| !entry.kind.is_log()).and_then(|raw| read(raw).ok());
            let log_key = entry.log_key().ok().filter(|_| entry.kind.is_log()).map(|key| key.key().to_spki_der());
            Self { identity: entry.identity(), chain: chain.unwrap_or_default(), log_key, entry }
        };
        material.trusted_root.iter().flat_map(TrustedRoot::instances).map(held).collect()
    }

    /// Whether both are of one key, or of the same certificates.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.identity == other.identity
    }

    /// Whether both are authorities that sign with one certificate. A chain that begins with a root above others does not
    /// show which one signs.
    pub(super) fn has_signer_of(&self, other: &Self) -> bool {
        let signers = self.signer().zip(other.signer());
        self.entry.kind == other.entry.kind && signers.is_some_and(|(one, other)| one == other)
    }

    /// Whether both sign with one key, whatever certifies it and however it is written.
    pub(super) fn has_key_of(&self, other: &Self) -> bool {
        self.entry.kind == other.entry.kind && self.key().is_some_and(|key| other.key() == Some(key))
    }

    /// Whether it has the key by which the other signs, or is an authority with that key anywhere in its chain: what it
    /// issued is trusted with the chain.
    pub(super) fn goes_by_key_of(&self, other: &Self) -> bool {
        let mut chain = self.chain.iter().filter(|_| self.entry.kind == other.entry.kind);
        self.has_key_of(other) || chain.any(|one| other.key() == Some(one.spki_der()))
    }

    fn key(&self) -> Option<&[u8]> {
        self.log_key.as_deref().or_else(|| self.signer().map(Certificate::spki_der))
    }

    fn signer(&self) -> Option<&Certificate> {
        self.chain.first().filter(|first| self.chain.len() == 1 || !first.is_self_issued())
    }
}

/// What of `new` is `held`: an entry that `is` it; or else, of those that were not there before, one that goes on with what
/// signs.
pub(super) fn successors<'h, 'a>(
    held: &Held<'a>,
    old: &[Held<'a>],
    new: &'h [Held<'a>],
    goes_on: fn(&Held<'a>, &Held<'a>) -> bool,
) -> Vec<&'h Held<'a>> {
    let same: Vec<&Held<'a>> = new.iter().filter(|other| other.is(held)).collect();
    if !same.is_empty() {
        return same;
    }
    new.iter().filter(|other| goes_on(held, other) && !old.iter().any(|known| known.is(other))).collect()
}
