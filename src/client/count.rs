//! Thresholds of what a client trusts, counted by distinct public keys.

use std::collections::BTreeSet;

use ceremony::metadata::MetadataError;
use ceremony::{KeySet, Metadata, Root, Targets, tally};

use crate::client::store::{Cache, encoded};

/// Counts who signed the roots from `first` to version `last`, the other top-level roles and those delegated roles that
/// are in `files` and that the client `trusts`.
///
/// # Errors
/// If a threshold is not met by distinct public keys (TUF specification, section 5.3.4: unique keys), or a file is not
/// strict JSON.
pub(super) fn count(first: &[u8], last: u64, files: &Cache, trusts: impl Fn(&str) -> bool) -> Result<(), CountError> {
    let mut metadata = parse("the trusted root", first)?;
    let mut root = of("the trusted root", Root::of(&metadata))?;
    meets(&metadata, root.own(), "the trusted root")?;
    while root.version < last {
        let name = format!("root_history/{}.root.json", root.version + 1);
        metadata = read(files, &name)?;
        meets(&metadata, root.own(), &name)?;
        root = of(&name, Root::of(&metadata))?;
        meets(&metadata, root.own(), &name)?;
    }
    for role in ["timestamp", "snapshot", "targets"] {
        let name = format!("{role}.json");
        let keys = root.role(role).expect("a root has every top-level role");
        meets(&read(files, &name)?, keys, &name)?;
    }
    delegated(files, trusts)
}

fn delegated(files: &Cache, trusts: impl Fn(&str) -> bool) -> Result<(), CountError> {
    let mut seen = BTreeSet::from(["targets".to_owned()]);
    let mut next = vec!["targets".to_owned()];
    while let Some(delegator) = next.pop() {
        let name = format!("{}.json", encoded(&delegator));
        let metadata = read(files, &name)?;
        for delegation in of(&name, Targets::of(&metadata))?.delegations {
            if trusts(&delegation.name) && seen.insert(delegation.name.clone()) {
                let name = format!("{}.json", encoded(&delegation.name));
                meets(&read(files, &name)?, &delegation.keys, &name)?;
                next.push(delegation.name);
            }
        }
    }
    Ok(())
}

fn meets(metadata: &Metadata, keys: &KeySet, file: &str) -> Result<(), CountError> {
    let tally = tally(&metadata.payload(), &metadata.signatures, keys);
    if tally.met() {
        return Ok(());
    }
    Err(CountError::Unmet { file: file.to_owned(), threshold: tally.threshold, signed: tally.signed.len() })
}

fn read(files: &Cache, name: &str) -> Result<Metadata, CountError> {
    let bytes = files.0.get(name).ok_or_else(|| CountError::Gone { file: name.to_owned() })?;
    parse(name, bytes)
}

fn parse(name: &str, bytes: &[u8]) -> Result<Metadata, CountError> {
    of(name, Metadata::parse_untrusted(bytes))
}

fn of<T>(file: &str, read: Result<T, MetadataError>) -> Result<T, CountError> {
    read.map_err(|source| CountError::Metadata { file: file.to_owned(), source })
}

/// Why what a client library trusts is not enough.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum CountError {
    /// What the library verified is not in its memory.
    #[error("{file} is not remembered")]
    Gone {
        /// Which.
        file: String,
    },
    /// A file that lax parsers read.
    #[error("{file} is refused")]
    Metadata {
        /// Which.
        file: String,
        /// Why.
        source: MetadataError,
    },
    /// Too few people signed.
    #[error("{file} needs {threshold} different keys; {signed} signed")]
    Unmet {
        /// Which.
        file: String,
        /// How many must sign.
        threshold: u64,
        /// How many distinct public keys did.
        signed: usize,
    },
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use ceremony::tuf_key::whole_object_id;
    use ceremony::{Json, MemorySource, PublicKey, Signature, TufKey};
    use p256::ecdsa::signature::Signer;
    use p256::ecdsa::{DerSignature, SigningKey};

    use super::*;
    use crate::client::store::Store;
    use crate::client::{Client, ClientError, Limits, check};

    /// A metadata file whose payload the one key signs under both ids.
    fn signed(key: &SigningKey, ids: [&TufKey; 2], members: &str) -> Vec<u8> {
        let text = format!(r#"{{"expires":"2030-01-01T00:00:00Z","spec_version":"1.0","version":1,{members}}}"#);
        let signed = Json::parse(text.as_bytes()).unwrap();
        let signature: DerSignature = key.sign(&signed.canonical());
        let entry = |id: &TufKey| Signature { keyid: id.id.clone(), sig: signature.as_bytes().to_vec() };
        Metadata::new(signed, ids.map(entry).to_vec()).unwrap().to_file()
    }

    #[test]
    fn one_key_under_two_ids_is_one_keyholder() {
        let key = SigningKey::from_slice(&[7; 32]).unwrap();
        let first = TufKey::author(&PublicKey::EcdsaP256(*key.verifying_key())).unwrap();
        let mut object = first.object.clone();
        object.as_object_mut().unwrap().insert("x-owner", Json::string("somebody else"));
        let second = TufKey::read(whole_object_id(&object), object);
        let ids = [&first, &second];
        let role = format!(r#"{{"keyids":["{}","{}"],"threshold":2}}"#, first.id, second.id);
        let roles = ["root", "snapshot", "targets", "timestamp"].map(|name| format!(r#""{name}":{role}"#)).join(",");
        let keys = ids.map(|key| format!(r#""{}":{}"#, key.id, key.object.pretty())).join(",");
        let root = format!(r#""_type":"root","consistent_snapshot":true,"keys":{{{keys}}},"roles":{{{roles}}}"#);
        let root = signed(&key, ids, &root);
        let mut repository = MemorySource::new();
        for (name, members) in [
            ("timestamp.json", r#""_type":"timestamp","meta":{"snapshot.json":{"version":1}}"#),
            ("1.snapshot.json", r#""_type":"snapshot","meta":{"targets.json":{"version":1}}"#),
            ("1.targets.json", r#""_type":"targets","targets":{}"#),
        ] {
            repository.put_metadata(name, signed(&key, ids, members)).unwrap();
        }

        let now = "2026-08-22T00:00:00Z".parse().unwrap();
        // Every client takes it.
        check(&repository, &root, &Cache::default(), now, &[], Limits::default()).unwrap();
        assert_eq!(crate::client::second::second_opinion(&repository, &root).unwrap(), 1);
        // Not this one.
        let store = Store::in_memory(Cache::default());
        let mut client = Client::new(&repository, &root, store, now, Limits::default()).unwrap();
        client.refresh().unwrap();
        let refused = client.count().unwrap_err();
        assert_eq!(refused.to_string(), "the trusted root needs 2 different keys; 1 signed");
        assert!(refused.is_verdict() && matches!(refused, ClientError::Count(_)));
    }
}
