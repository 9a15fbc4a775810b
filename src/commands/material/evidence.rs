//! Keys, certificates and proofs as files that people and services hand out.

use std::path::Path;

use ceremony::material::{
    AuthorityChain, Checkpoint, Kind, LogIdForm, LogKey, ServiceUrl, Timestamp, TreeHead, TrustedRoot,
};
use ceremony::{Certificate, Digest, Json, Time};

use crate::disk::{self, Place};
use crate::error::{Failure, OrFail as _};
use crate::material::LIMIT;

/// A proven log.
pub(super) struct ProvenLog {
    /// Its key.
    pub(super) key: LogKey,
    /// What its id is made of.
    pub(super) form: LogIdForm,
    /// How the proof went, as a sentence.
    pub(super) proof: String,
}

/// Reads the key of a log.
pub(super) fn log_key(path: &Path) -> Result<LogKey, Failure> {
    LogKey::parse(&read(path)?).or_fail(|| format!("{} is not the key of a log", path.display()))
}

/// The log at `url` with this key, proven by a checkpoint that it signed: of Rekor v1 also as the answer of
/// `/api/v1/log`. `version` is the major version of its interface, if it was said.
pub(super) fn rekor(
    url: &ServiceUrl,
    key: LogKey,
    checkpoint: &Path,
    version: Option<u64>,
) -> Result<ProvenLog, Failure> {
    let bytes = read(checkpoint)?;
    let answered = Json::parse(&bytes).ok().and_then(|json| Some(json.get("signedTreeHead")?.as_str()?.to_owned()));
    let note = answered.map_or(bytes, String::into_bytes);
    let form = match version {
        Some(1) => LogIdForm::Key,
        Some(_) => LogIdForm::Note,
        None => LogIdForm::likely(Kind::Rekor, &key),
    };
    let proven = Checkpoint::verify(&note, url.as_str(), &form.id(url, &key), &key).map_err(|error| {
        let message = format!("{} does not prove that this is the key of the log at {url}", checkpoint.display());
        Failure::no(message).caused_by(&error)
    })?;
    let proof = format!("its checkpoint {} of {} entries", proven.origin.escape_debug(), proven.size);
    Ok(ProvenLog { key, form, proof })
}

/// The CT log with this key, proven by a tree head that it signed.
pub(super) fn ct_log(key: LogKey, tree_head: &Path) -> Result<ProvenLog, Failure> {
    let proven = TreeHead::verify(&read(tree_head)?, &key).map_err(|error| {
        let message = format!("{} does not prove that this is the key of the log", tree_head.display());
        Failure::no(message).caused_by(&error)
    })?;
    let proof = format!("its tree head of {} certificates", proven.size);
    Ok(ProvenLog { key, form: LogIdForm::Key, proof })
}

/// A chain, in order, that `root` does not have yet: PEM, one certificate as DER, or the answer of Fulcio's
/// `/api/v2/trustBundle`.
pub(super) fn chain(path: &Path, kind: Kind, root: &TrustedRoot) -> Result<AuthorityChain, Failure> {
    let bytes = read(path)?;
    let what = || format!("{} holds no chain of certificates", path.display());
    let mut chains = Vec::new();
    match core::str::from_utf8(&bytes).ok().map(str::trim_start) {
        Some(text) if text.starts_with('{') => {
            let bundle = Json::parse(&bytes).or_fail(what)?;
            let listed = bundle.get("chains").and_then(Json::as_array).unwrap_or_default();
            for chain in listed {
                let certificates = chain.get("certificates").and_then(Json::as_array).unwrap_or_default();
                let pem: Vec<&str> = certificates.iter().filter_map(Json::as_str).collect();
                chains.push(Certificate::from_pem_chain(&pem.join("\n")).or_fail(what)?);
            }
        }
        Some(text) => chains.push(Certificate::from_pem_chain(text).or_fail(what)?),
        None => chains.push(vec![Certificate::from_der(&bytes).or_fail(what)?]),
    }
    let count = chains.len();
    chains.retain(|chain| !is_listed(chain, kind, root));
    let chain = match (chains.pop(), chains.is_empty()) {
        (Some(chain), true) => chain,
        (None, _) if count > 0 => {
            return Err(Failure::no(format!("the trusted root has what is in {} already", path.display())));
        }
        (None, _) => return Err(Failure::could_not(what())),
        (Some(_), false) => {
            let more = chains.len() + 1;
            return Err(Failure::could_not(format!("{} holds {more} chains that are new", path.display()))
                .hint("save the one that is meant as PEM, and give that"));
        }
    };
    AuthorityChain::new(kind, chain).map_err(|error| {
        Failure::no(format!("{} holds no chain that clients accept", path.display())).caused_by(&error)
    })
}

/// How an authority was proven, as a sentence: by its chain, and by a time stamp if there is one.
pub(super) fn authority(chain: &AuthorityChain, timestamp: Option<&Path>, now: Time) -> Result<String, Failure> {
    let until = chain.first_to_expire().map(Certificate::not_after);
    if let Some(until) = until.filter(|until| *until < now) {
        return Err(Failure::no(format!("a certificate of the chain expired at {until}")));
    }
    let length = chain.certificates().len();
    let mut proof = format!("its chain of {length} verifies to its root");
    let constraints: Vec<String> = chain.certificates().iter().flat_map(Certificate::name_constraints).collect();
    if !constraints.is_empty() {
        proof = format!("{proof}, with the name constraints {}", constraints.join(", "));
    }
    if let Some(path) = timestamp {
        let stamp = Timestamp::verify(&read(path)?, chain).map_err(|error| {
            Failure::no(format!("{} is no time stamp of this authority", path.display())).caused_by(&error)
        })?;
        proof = format!("{proof}; it signed a time stamp at {}", stamp.at);
    }
    Ok(proof)
}

/// Whether an entry has exactly these certificates.
fn is_listed(chain: &[Certificate], kind: Kind, root: &TrustedRoot) -> bool {
    let digests = |ders: &mut dyn Iterator<Item = Digest>| {
        let mut digests: Vec<Digest> = ders.collect();
        digests.sort();
        digests
    };
    let wanted = digests(&mut chain.iter().map(Certificate::sha256));
    root.of_kind(kind).any(|entry| {
        let held = entry.certificates().unwrap_or_default();
        digests(&mut held.iter().map(|der| Digest::of(der))) == wanted
    })
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    Ok(disk::read(&Place::named(path), LIMIT)?)
}
