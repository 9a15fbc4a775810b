//! Who has signed: the only place in this program that counts.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use crate::key::Fingerprint;
use crate::metadata::{Metadata, Signature};
use crate::payload::Payload;
use crate::quorum::{KeySet, Quorum};
use crate::tuf_key::KeyId;

/// How far a payload is signed by one set of keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    /// How many distinct public keys must sign.
    pub threshold: u64,
    /// The distinct public keys that did, sorted.
    pub signed: Vec<Fingerprint>,
    /// The distinct public keys of the set that did not, sorted.
    pub missing: Vec<Fingerprint>,
    /// Signatures that count for nothing, in the order of the file.
    pub rejected: Vec<(KeyId, Rejection)>,
}

impl Tally {
    /// Whether enough distinct keys signed.
    pub fn met(&self) -> bool {
        self.signed.len() as u64 >= self.threshold
    }
}

/// Why a signature counts for nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// The signature is not made by the key over these bytes.
    #[error("the signature does not verify")]
    Bad,
    /// The entry has no signature in it.
    #[error("the signature is empty")]
    Empty,
    /// An earlier entry has this key id.
    #[error("the key id has signed already")]
    Repeated,
    /// The delegator does not name this key id for the role.
    #[error("the role has no key of this id")]
    Unknown,
    /// The delegator names the id, and its key object is absent or not usable.
    #[error("the key of this id cannot be used")]
    Unusable,
}

/// Counts the **distinct decoded public keys** of `keys` that signed `payload`.
///
/// A key that is listed under two ids, or in two encodings, counts once: TUF specification, section 5.3.4 asks for a
/// threshold of *unique* keys. Key ids only say which key to try.
pub fn tally(payload: &Payload, signatures: &[Signature], keys: &KeySet) -> Tally {
    let mut seen = BTreeSet::new();
    let mut signed = Vec::new();
    let mut rejected = Vec::new();
    for signature in signatures {
        let repeated = !seen.insert(&signature.keyid);
        match judge(payload, signature, keys, repeated) {
            Ok(fingerprint) => signed.push(fingerprint),
            Err(rejection) => rejected.push((signature.keyid.clone(), rejection)),
        }
    }
    signed.sort();
    signed.dedup();
    let missing = keys.fingerprints().into_iter().filter(|key| !signed.contains(key)).collect();
    Tally { threshold: keys.threshold, signed, missing, rejected }
}

/// The signatures that count in none of these tallies of them, in the order of the file, each with the reason that says
/// most: that no set names the key id is said only where nothing else is.
pub fn rejected(signatures: &[Signature], tallies: &[&Tally]) -> Vec<(KeyId, Rejection)> {
    let mut seen = BTreeSet::new();
    let mut rejected = Vec::new();
    for id in signatures.iter().map(|signature| &signature.keyid) {
        if !seen.insert(id) {
            rejected.push((id.clone(), Rejection::Repeated));
            continue;
        }
        let why = |tally: &&Tally| {
            let mut reasons = tally.rejected.iter().filter(|(other, why)| other == id && *why != Rejection::Repeated);
            reasons.next().map(|(_, why)| *why)
        };
        let reasons: Option<Vec<Rejection>> = tallies.iter().map(why).collect();
        let Some(reasons) = reasons else { continue };
        let telling = reasons.iter().copied().find(|why| *why != Rejection::Unknown);
        rejected.extend(telling.or(reasons.first().copied()).map(|why| (id.clone(), why)));
    }
    rejected
}

impl KeySet {
    /// Whether enough of these keys signed `file`.
    pub fn met_by(&self, file: &Metadata) -> bool {
        tally(&file.payload(), &file.signatures, self).met()
    }
}

impl Quorum {
    /// Whether enough keys of each set that must sign signed `file`.
    pub fn met_by(&self, file: &Metadata) -> bool {
        self.outgoing.iter().filter(|_| !self.emergency).chain([&self.incoming]).all(|set| set.met_by(file))
    }
}

fn judge(payload: &Payload, signature: &Signature, keys: &KeySet, repeated: bool) -> Result<Fingerprint, Rejection> {
    if repeated {
        return Err(Rejection::Repeated);
    }
    if !keys.ids.contains(&signature.keyid) {
        return Err(Rejection::Unknown);
    }
    if signature.sig.is_empty() {
        return Err(Rejection::Empty);
    }
    let key = keys.key(&signature.keyid).and_then(|key| key.key.as_ref().ok()).ok_or(Rejection::Unusable)?;
    payload.verify(key, &signature.sig).map_err(|_| Rejection::Bad)?;
    Ok(key.fingerprint())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use alloc::vec;

    use p256::ecdsa::signature::Signer;
    use p256::ecdsa::{DerSignature, SigningKey};

    use super::*;
    use crate::json::Json;
    use crate::key::PublicKey;
    use crate::key::tests::signing_key;
    use crate::tuf_key::{TufKey, whole_object_id};

    fn payload() -> Payload {
        Payload::of(&Json::string("payload"))
    }

    fn sign(key: &SigningKey, id: &KeyId) -> Signature {
        let signature: DerSignature = key.sign(payload().bytes());
        Signature { keyid: id.clone(), sig: signature.as_bytes().to_vec() }
    }

    fn listed(key: &SigningKey) -> TufKey {
        TufKey::author(&PublicKey::EcdsaP256(*key.verifying_key())).unwrap()
    }

    fn set(keys: Vec<TufKey>, threshold: u64) -> KeySet {
        KeySet { ids: keys.iter().map(|key| key.id.clone()).collect(), threshold, keys }
    }

    #[test]
    fn one_key_under_two_ids_counts_once() {
        let key = signing_key(1);
        let first = listed(&key);
        let mut object = first.object.clone();
        object.as_object_mut().unwrap().insert("x-owner", Json::string("somebody else"));
        let second = TufKey::read(whole_object_id(&object), object);
        let signatures = vec![sign(&key, &first.id), sign(&key, &second.id)];
        let tally = tally(&payload(), &signatures, &set(vec![first, second], 2));
        assert_eq!(tally.signed.len(), 1);
        assert!(!tally.met());
    }

    #[test]
    fn one_key_in_two_encodings_counts_once() {
        let key = signing_key(1);
        let first = listed(&key);
        let mut object = first.object.clone();
        let compressed = hex::encode(key.verifying_key().to_sec1_point(true).as_bytes());
        let keyval = object.as_object_mut().unwrap().get_mut("keyval").unwrap();
        keyval.as_object_mut().unwrap().insert("public", Json::string(compressed));
        let second = TufKey::read(whole_object_id(&object), object);
        assert!(second.key.is_ok());
        let signatures = vec![sign(&key, &first.id), sign(&key, &second.id)];
        let tally = tally(&payload(), &signatures, &set(vec![first, second], 2));
        assert_eq!(tally.signed.len(), 1);
        assert!(!tally.met());
    }

    #[test]
    fn a_signature_that_counts_somewhere_is_not_rejected() {
        let (alice, bob, eve) = (signing_key(1), signing_key(2), signing_key(3));
        let (a, b, e) = (listed(&alice).id, listed(&bob).id, listed(&eve).id);
        let signatures = [sign(&alice, &a), sign(&alice, &b), sign(&eve, &e), sign(&alice, &a)];
        let outgoing = super::tally(&payload(), &signatures, &set(vec![listed(&alice)], 1));
        let incoming = super::tally(&payload(), &signatures, &set(vec![listed(&bob)], 1));
        let expected = vec![(b, Rejection::Bad), (e, Rejection::Unknown), (a, Rejection::Repeated)];
        assert_eq!(rejected(&signatures, &[&outgoing, &incoming]), expected);
    }

    #[test]
    fn says_why_a_signature_counts_for_nothing() {
        let (alice, bob, eve) = (signing_key(1), signing_key(2), signing_key(3));
        let keys = set(vec![listed(&alice), listed(&bob)], 1);
        let (a, b, e) = (listed(&alice).id, listed(&bob).id, listed(&eve).id);
        let empty = Signature { keyid: b.clone(), sig: vec![] };
        let signatures = vec![sign(&bob, &a), sign(&alice, &a), empty, sign(&eve, &e)];
        let tally = tally(&payload(), &signatures, &keys);
        let why =
            vec![(a.clone(), Rejection::Bad), (a, Rejection::Repeated), (b, Rejection::Empty), (e, Rejection::Unknown)];
        assert_eq!(tally.rejected, why);
        assert!(tally.signed.is_empty() && tally.missing.len() == 2);
    }
}
