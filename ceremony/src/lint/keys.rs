//! Keys as a file lists them.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::of_version;
use super::readers::{Obstacle, Reader};
use crate::finding::{Finding, Rule};
use crate::key::{Algorithm, Fingerprint};
use crate::quorum::KeySet;
use crate::root::Root;
use crate::tuf_key::{IdForm, KeyId, TufKey, whole_object_id};

/// Finds what is wrong with the keys of one file, and with the roles of these names that use them.
pub(super) fn keys(
    role: &str,
    version: u64,
    keys: &BTreeMap<KeyId, TufKey>,
    sets: &[(&str, &KeySet)],
    findings: &mut Vec<Finding>,
) {
    let file = of_version(role, version);
    let used: BTreeSet<&KeyId> = sets.iter().flat_map(|(_, set)| &set.ids).collect();
    let mut by_fingerprint: BTreeMap<Fingerprint, Vec<String>> = BTreeMap::new();
    for key in keys.values() {
        if key.id_form() != IdForm::WholeObject {
            let right = whole_object_id(&key.object);
            let what = format!("{file} has it for the key whose id is {}", right.as_str());
            findings.push(Finding::new(Rule::KeyIdMismatch, key.id.as_str(), what));
        }
        match &key.key {
            Ok(public) if used.contains(&key.id) => {
                by_fingerprint.entry(public.fingerprint()).or_default().push(key.id.short())
            }
            Err(error) if used.contains(&key.id) => {
                let what = format!("in {file}: {error}");
                findings.push(Finding::new(Rule::KeyUnreadable, key.id.as_str(), what));
            }
            _ => {}
        }
    }
    for (fingerprint, ids) in by_fingerprint.into_iter().filter(|(_, ids)| ids.len() > 1) {
        let what = format!("{file} lists it as {}", ids.join(" and "));
        findings.push(Finding::new(Rule::SameKeyTwice, fingerprint.to_string(), what));
    }
    for (name, set) in sets {
        let distinct = set.fingerprints().len() as u64;
        if distinct < set.threshold {
            let what = format!("{distinct} usable distinct keys in {file}, the threshold is {}", set.threshold);
            findings.push(Finding::new(Rule::ThresholdUnreachable, name, what));
        }
        let twice = set.ids.iter().enumerate().find(|(i, id)| set.ids[..*i].contains(id));
        if let Some((_, id)) = twice {
            let what = format!("{file} lists key id {} twice", id.short());
            findings.push(Finding::new(Rule::DuplicateKeyId, name, what));
        }
    }
}

/// Finds key ids that two files use for different keys; the files are named in the findings.
pub fn shared_ids(one: (&str, &BTreeMap<KeyId, TufKey>), other: (&str, &BTreeMap<KeyId, TufKey>)) -> Vec<Finding> {
    let print = |key: &TufKey| key.key.as_ref().ok().map(|key| key.fingerprint());
    let same = |a: &TufKey, b: &TufKey| print(a) == print(b) && (print(a).is_some() || a.object == b.object);
    let different = |(id, key): &(&KeyId, &TufKey)| other.1.get(*id).is_some_and(|b| !same(key, b));
    let what = format!("{} and {} have different keys of this id", one.0, other.0);
    let found = one.1.iter().filter(different);
    found.map(|(id, _)| Finding::new(Rule::KeyIdSharedByKeys, id.as_str(), &what)).collect()
}

/// Finds keys that clients of these names cannot read; of all that are known if there are none.
pub fn unsupported<'a>(keys: impl IntoIterator<Item = &'a TufKey>, clients: &[String]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for key in keys {
        if !matches!(&key.key, Ok(public) if public.algorithm() == Algorithm::EcdsaP384) {
            continue;
        }
        let readers = Reader::among(clients).filter(|reader| reader.stops_at(Obstacle::P384));
        let names: Vec<&str> = readers.map(Reader::name).collect();
        if !names.is_empty() {
            let what = format!("{} cannot read {} keys", names.join(", "), Algorithm::EcdsaP384);
            findings.push(Finding::new(Rule::KeyTypeUnsupported, key.id.as_str(), what));
        }
    }
    findings
}

/// Finds keys of `root` that `other`, the root of another trust root, lists too.
pub fn used_elsewhere(root: &Root, other: &Root) -> Vec<Finding> {
    let prints = |root: &Root| {
        let keys = root.keys.values().filter_map(|key| Some((key.key.as_ref().ok()?.fingerprint(), key.id.short())));
        keys.collect::<BTreeMap<_, _>>()
    };
    let theirs = prints(other);
    let shared = prints(root).into_iter().filter_map(|(print, id)| Some((print, id, theirs.get(&print)?)));
    shared
        .map(|(print, id, elsewhere)| {
            let what = format!("here {id}, there {elsewhere} in root {}", other.version);
            Finding::new(Rule::KeyUsedElsewhere, print.to_string(), what)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use alloc::vec;

    use super::super::tests::{key, names, root_of};
    use super::*;
    use crate::json::Json;
    use crate::key::PublicKey;
    use crate::lint;

    fn with_owner(seed: u8, owner: &str) -> TufKey {
        let mut object = key(seed).object;
        object.as_object_mut().unwrap().insert("x-owner", Json::string(owner));
        TufKey::read(whole_object_id(&object), object)
    }

    fn print(seed: u8) -> String {
        key(seed).key.unwrap().fingerprint().to_string()
    }

    #[test]
    fn a_key_id_that_was_not_recomputed_is_found() {
        // As Sigstore's root 11: the object was edited, the id stayed.
        let stale = TufKey::read(key(1).id, with_owner(1, "somebody").object);
        let findings = lint::root(&root_of(11, &[stale, key(2)], 1), &["python-tuf".to_string()]).unwrap();
        assert_eq!(names(&findings), [(Rule::KeyIdMismatch, key(1).id.as_str().to_string())]);
        assert!(findings[0].what.contains("root 11"));
    }

    #[test]
    fn one_key_under_two_ids_is_found() {
        let keys = [key(1), with_owner(1, "somebody else"), key(2)];
        let findings = lint::root(&root_of(1, &keys, 1), &[]).unwrap();
        assert_eq!(names(&findings), [(Rule::SameKeyTwice, print(1))]);
    }

    #[test]
    fn one_key_in_two_encodings_is_found() {
        let mut object = key(1).object;
        let PublicKey::EcdsaP256(point) = key(1).key.unwrap() else { unreachable!() };
        let keyval = object.as_object_mut().unwrap().get_mut("keyval").unwrap().as_object_mut().unwrap();
        keyval.insert("public", Json::string(hex::encode(point.to_sec1_point(true).as_bytes())));
        let again = TufKey::read(whole_object_id(&object), object);
        let findings = lint::root(&root_of(1, &[key(1), again], 2), &["tough".to_string()]).unwrap();
        let expected = [(Rule::SameKeyTwice, print(1)), (Rule::ThresholdUnreachable, "root".to_string())];
        assert_eq!(names(&findings)[..2], expected);
    }

    #[test]
    fn a_threshold_above_the_number_of_keys_is_found() {
        let findings = lint::root(&root_of(1, &[key(1), key(2)], 3), &[]).unwrap();
        let expected = ["root", "targets"].map(|role| (Rule::ThresholdUnreachable, role.to_string()));
        assert_eq!(names(&findings), expected);
    }

    #[test]
    fn a_key_id_listed_twice_for_a_role_is_found() {
        let findings = lint::root(&root_of(1, &[key(1), key(1)], 1), &["tough".to_string()]).unwrap();
        let expected = ["root", "targets"].map(|role| (Rule::DuplicateKeyId, role.to_string()));
        assert_eq!(names(&findings), expected);
    }

    #[test]
    fn a_key_that_nobody_can_decode_is_found() {
        let mut object = key(1).object;
        object.as_object_mut().unwrap().insert("scheme", Json::string("ml-dsa-44"));
        let unknown = TufKey::read(whole_object_id(&object), object);
        let findings = lint::root(&root_of(1, &[unknown.clone(), key(2)], 1), &[]).unwrap();
        assert_eq!(names(&findings), [(Rule::KeyUnreadable, unknown.id.as_str().to_string())]);
    }

    #[test]
    fn one_id_for_two_keys_is_found() {
        let map = |key: TufKey| BTreeMap::from([(KeyId::new("id"), key)]);
        let (one, two) = (map(key(1)), map(key(2)));
        let findings = shared_ids(("root 1", &one), ("root 2", &two));
        assert_eq!(names(&findings), [(Rule::KeyIdSharedByKeys, "id".to_string())]);
        assert_eq!(shared_ids(("root 1", &one), ("root 2", &map(with_owner(1, "x")))), []);
    }

    #[test]
    fn a_key_type_that_a_listed_client_cannot_read_is_found() {
        let secret = p384::ecdsa::SigningKey::from_slice(&[1; 48]).unwrap();
        let p384 = TufKey::author(&PublicKey::EcdsaP384(alloc::boxed::Box::new(*secret.verifying_key()))).unwrap();
        let keys = [key(1), p384.clone()];
        let listed = |clients: &[&str]| {
            let clients: Vec<String> = clients.iter().map(ToString::to_string).collect();
            names(&unsupported(&keys, &clients))
        };
        let found = vec![(Rule::KeyTypeUnsupported, p384.id.as_str().to_string())];
        assert_eq!(listed(&["tough"]), found);
        assert_eq!(listed(&[]), found);
        assert_eq!(listed(&["python-tuf"]), []);
    }

    #[test]
    fn a_key_of_another_trust_root_is_found() {
        let root = |metadata| Root::of(&metadata).unwrap();
        let findings = used_elsewhere(&root(root_of(1, &[key(1), key(2)], 2)), &root(root_of(7, &[key(2), key(3)], 2)));
        let mut expected = vec![print(2), print(200)];
        expected.sort();
        assert_eq!(findings.iter().map(|finding| finding.subject.clone()).collect::<Vec<_>>(), expected);
    }
}
