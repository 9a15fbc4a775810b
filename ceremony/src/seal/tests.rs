#![allow(clippy::unwrap_used, clippy::indexing_slicing)]
use alloc::string::String;
use alloc::vec;

use p256::ecdsa::DerSignature;
use p256::ecdsa::signature::Signer as _;

use super::*;
use crate::key::tests::signing_key;
use crate::lint::tests::{key, set, targets_of};
use crate::quorum::KeySet;

const POLICY: &str = r#"
    [trust-root]
    id = "0123456789abcdef"
    name = "Test"
    [roles.root]
    keyholders = ["a"]
    threshold = 1
    lifetime-days = 100
    signing-window-days = 10
    [roles.targets]
    keyholders = ["a"]
    threshold = 1
    lifetime-days = 100
    signing-window-days = 10
    [roles.snapshot]
    online = ["o"]
    lifetime-days = 20
    signing-window-days = 10
    [roles.timestamp]
    online = ["o"]
    lifetime-days = 7
    signing-window-days = 4
"#;

/// A machine that has the keys of these numbers, and counts how often it was asked for each.
struct Machine {
    keys: Vec<u8>,
    asked: BTreeMap<Fingerprint, u32>,
}

impl SignOnline for Machine {
    type Error = String;

    fn sign(&mut self, _: &str, wanted: &TufKey, payload: &[u8]) -> Result<Vec<u8>, String> {
        *self.asked.entry(wanted.key.as_ref().unwrap().fingerprint()).or_default() += 1;
        let seed = self.keys.iter().find(|seed| key(**seed).id == wanted.id).ok_or("not at hand")?;
        let signature: DerSignature = signing_key(*seed).sign(payload);
        Ok(signature.as_bytes().to_vec())
    }
}

struct Case {
    policy: Policy,
    quorum: Quorum,
    published: Seals,
    taken: Vec<u64>,
    now: Time,
}

impl Case {
    /// Nothing is published, and these keys sign.
    fn new(incoming: KeySet) -> Self {
        let quorum = Quorum { outgoing: None, incoming, emergency: false };
        let (policy, now) = (Policy::parse(POLICY).unwrap(), "2026-11-22T12:00:00Z".parse().unwrap());
        Self { policy, quorum, published: Seals::default(), taken: vec![], now }
    }

    /// What the first publication left, and `incoming` sign from now on.
    fn after(outgoing: KeySet, keys: &[u8], incoming: KeySet) -> Self {
        let before = Self::new(outgoing.clone());
        let published = before.seal(&targets(1), keys).unwrap().0.seals;
        let quorum = Quorum { outgoing: Some(outgoing), incoming, emergency: false };
        Self { quorum, published, taken: vec![1], ..before }
    }

    fn seal(
        &self,
        files: &BTreeMap<String, SealedFile>,
        keys: &[u8],
    ) -> Result<(Sealing<String>, Machine), SealError<String>> {
        let online = Online {
            policy: &self.policy,
            snapshot_keys: self.quorum.clone(),
            timestamp_keys: self.quorum.clone(),
            snapshot: self.published.snapshot.as_ref(),
            timestamp: self.published.timestamp.as_ref().map(|file| &file.metadata),
            snapshots_taken: self.taken.clone(),
            timestamps_taken: self.taken.clone(),
            now: self.now,
        };
        let mut machine = Machine { keys: keys.to_vec(), asked: BTreeMap::new() };
        seal(files, &online, &mut machine).map(|sealing| (sealing, machine))
    }

    /// Gives the published files another version.
    fn at_version(mut self, version: u64, signer: u8) -> Self {
        for file in [&mut self.published.snapshot, &mut self.published.timestamp].into_iter().flatten() {
            let mut metadata = Draft::of(&file.metadata).finish(version, file.metadata.expires());
            let sig: DerSignature = signing_key(signer).sign(metadata.payload().bytes());
            metadata.signatures = vec![Signature { keyid: key(signer).id, sig: sig.as_bytes().to_vec() }];
            *file = SealedFile { bytes: metadata.to_file().into(), metadata };
        }
        self
    }
}

fn targets(version: u64) -> BTreeMap<String, SealedFile> {
    let metadata = targets_of(version, "", &[], "");
    let file = SealedFile { bytes: metadata.to_file().into(), metadata };
    [("targets".to_string(), file)].into_iter().collect()
}

fn versions(sealing: &Sealing<String>) -> [Option<u64>; 2] {
    let version = |file: &Option<SealedFile>| file.as_ref().map(|file| file.metadata.version());
    [version(&sealing.seals.snapshot), version(&sealing.seals.timestamp)]
}

#[test]
fn what_is_sealed_once_is_not_due_until_something_changes() {
    let case = Case::after(set(&[1], 1), &[1], set(&[1], 1));
    assert_eq!(versions(&case.seal(&targets(1), &[]).unwrap().0), [None, None]);
    assert_eq!(versions(&case.seal(&targets(2), &[1]).unwrap().0), [Some(2), Some(2)]);
    // The timestamp's window is open on the fourth day, the snapshot's on the eleventh.
    let later = |days| Case {
        now: case.now.plus(crate::time::Days(days)).unwrap(),
        ..Case::after(set(&[1], 1), &[1], set(&[1], 1))
    };
    assert_eq!(versions(&later(2).seal(&targets(1), &[1]).unwrap().0), [None, None]);
    assert_eq!(versions(&later(3).seal(&targets(1), &[1]).unwrap().0), [None, Some(2)]);
    assert_eq!(versions(&later(10).seal(&targets(1), &[1]).unwrap().0), [Some(2), Some(2)]);
}

#[test]
fn a_snapshot_that_names_another_file_of_this_version_is_replaced() {
    let mut case = Case::after(set(&[1], 1), &[1], set(&[1], 1));
    let mut files = targets(1);
    let file = files.get_mut("targets").unwrap();
    file.metadata.signatures.push(Signature { keyid: key(3).id, sig: vec![1] });
    file.bytes = file.metadata.to_file().into();
    let (sealing, _) = case.seal(&files, &[1]).unwrap();
    assert_eq!(versions(&sealing), [Some(2), Some(2)]);
    case.published = sealing.seals;
    assert_eq!(versions(&case.seal(&files, &[]).unwrap().0), [None, None]);
}

#[test]
fn both_keys_sign_a_planned_change() {
    let case = Case::after(set(&[1], 1), &[1], set(&[2], 1));
    let (sealing, _) = case.seal(&targets(1), &[1, 2]).unwrap();
    let snapshot = sealing.seals.snapshot.unwrap().metadata;
    assert!(case.quorum.sets().all(|keys| keys.met_by(&snapshot)) && sealing.absent.is_empty());
}

#[test]
fn an_outgoing_key_that_is_lost_is_said_to_be_and_asked_once() {
    let case = Case::after(set(&[1], 1), &[1], set(&[2], 1));
    let (sealing, machine) = case.seal(&targets(1), &[2]).unwrap();
    assert_eq!(versions(&sealing), [Some(2), Some(2)]);
    let timestamp = sealing.seals.timestamp.unwrap().metadata;
    assert!(case.quorum.incoming.met_by(&timestamp) && !case.quorum.outgoing.as_ref().unwrap().met_by(&timestamp));
    let lost = case.quorum.outgoing.unwrap().fingerprints();
    assert_eq!(sealing.absent.iter().map(|absent| absent.fingerprint).collect::<Vec<_>>(), lost);
    assert_eq!(machine.asked[&lost[0]], 1, "a device may count");
}

#[test]
fn a_threshold_of_incoming_keys_is_enough_and_less_is_not() {
    let case = Case::new(set(&[1, 2, 3], 2));
    assert_eq!(case.seal(&targets(1), &[1, 3]).unwrap().0.absent.len(), 1);
    let refused = case.seal(&targets(1), &[3]).err().unwrap();
    assert_eq!(refused, SealError::Sign { role: "snapshot", error: "not at hand".into() });
    let refused = Case::new(set(&[1], 2)).seal(&targets(1), &[1]).err().unwrap();
    assert_eq!(refused, SealError::Unreachable { role: "snapshot" });
}

#[test]
fn a_signature_of_another_key_is_refused() {
    struct Liar;
    impl SignOnline for Liar {
        type Error = String;
        fn sign(&mut self, _: &str, _: &TufKey, payload: &[u8]) -> Result<Vec<u8>, String> {
            let signature: DerSignature = signing_key(9).sign(payload);
            Ok(signature.as_bytes().to_vec())
        }
    }
    let case = Case::new(set(&[1], 1));
    let online = Online {
        policy: &case.policy,
        snapshot_keys: case.quorum.clone(),
        timestamp_keys: case.quorum.clone(),
        snapshot: None,
        timestamp: None,
        snapshots_taken: vec![],
        timestamps_taken: vec![],
        now: case.now,
    };
    let refused = seal(&targets(1), &online, &mut Liar).err().unwrap();
    assert!(matches!(refused, SealError::BadSignature { role: "snapshot", .. }), "{refused}");
}

#[test]
fn no_version_is_taken_twice() {
    let mut case = Case::after(set(&[1], 1), &[1], set(&[1], 1));
    case.taken = vec![1, 2, 3, 1 << 40, u64::MAX];
    assert_eq!(versions(&case.seal(&targets(2), &[1]).unwrap().0), [Some(4), Some(4)]);
}

#[test]
fn numbers_that_a_thief_used_up_start_again_with_another_key_alone() {
    for used in [FAST_FORWARDED, u64::MAX] {
        let mut case = Case::after(set(&[1], 1), &[1], set(&[2], 1)).at_version(used, 1);
        case.taken = vec![1, 2, used];
        assert_eq!(versions(&case.seal(&targets(1), &[1, 2]).unwrap().0), [Some(3), Some(3)]);
        // A key that stays would have clients keep what the thief signed.
        let beside = Case::after(set(&[1], 1), &[1], set(&[1, 2], 1)).at_version(used, 1);
        match beside.seal(&targets(2), &[1, 2]) {
            Ok((sealing, _)) => assert_eq!(versions(&sealing), [Some(used + 1); 2]),
            Err(error) => assert_eq!((used, error), (u64::MAX, SealError::VersionsExhausted { role: "snapshot" })),
        }
    }
}
