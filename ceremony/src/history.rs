//! The history of a root: every version from a pinned one on, as a client walks it.

use alloc::vec::Vec;

use crate::digest::Digest;
use crate::finding::Finding;
use crate::lint::{self, Obstacle, Reader};
use crate::metadata::{Metadata, MetadataError};
use crate::root::Root;
use crate::tally::{Tally, tally};

/// The roots from a pinned one to the last.
///
/// It is our own walk, since no library reads Sigstore's roots 1 to 4: keys in hex, and expiries with fractions and
/// offsets, count here.
#[derive(Clone, Debug)]
pub struct History {
    /// The pinned root and those that follow it, each one version later. The last may be one that clients refuse.
    pub steps: Vec<Step>,
    /// Why clients refuse what comes after [`trusted`](Self::trusted), if they do.
    pub stop: Option<Stop>,
}

/// One root, and who signed it.
#[derive(Clone, Debug)]
pub struct Step {
    /// The file.
    pub metadata: Metadata,
    /// What it says.
    pub root: Root,
    /// SHA-256 of the file.
    pub sha256: Digest,
    /// By the keys of the root before it; none for the pinned root.
    pub outgoing: Option<Tally>,
    /// By its own keys.
    pub incoming: Tally,
    /// What is wrong with the file, and with the step to it.
    pub findings: Vec<Finding>,
}

/// Why clients refuse a root, and all that come after it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Stop {
    /// Too few keys of the new root signed it.
    #[error("root {version} needs {threshold} of its own keys; {signed} signed")]
    Incoming {
        /// The refused version.
        version: u64,
        /// How many keys must sign.
        threshold: u64,
        /// How many distinct keys did.
        signed: usize,
    },
    /// Too few keys of the root before it signed it.
    #[error("root {version} needs {threshold} of the keys of the root before it; {signed} signed")]
    Outgoing {
        /// The refused version.
        version: u64,
        /// How many keys must sign.
        threshold: u64,
        /// How many distinct keys did.
        signed: usize,
    },
    /// The file is no root.
    #[error("root {version} cannot be read: {error}")]
    Unreadable {
        /// The version that was asked for.
        version: u64,
        /// What is wrong with it.
        error: MetadataError,
    },
    /// The file has another version than its name.
    #[error("the file of root {wanted} says that it is version {found}")]
    Version {
        /// The version that was asked for.
        wanted: u64,
        /// The version that the file has.
        found: u64,
    },
}

/// Why there is no history.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WalkError<E> {
    /// A root could not be fetched.
    #[error("root {version} could not be fetched")]
    Fetch {
        /// Which.
        version: u64,
        /// Why.
        #[source]
        source: E,
    },
    /// The pinned file is no root.
    #[error("the pinned root cannot be read")]
    Pinned(#[source] MetadataError),
}

impl History {
    /// Walks from the bytes of the pinned root through what `fetch` answers for N+1, N+2, .. to the first version for
    /// which it answers none (TUF specification, section 5.3).
    ///
    /// That the pinned root is signed by its own keys is checked as well. Expiry is not looked at: only that of the
    /// last root matters, and that is the caller's question of the time.
    ///
    /// # Errors
    /// If the pinned root cannot be read, or `fetch` fails. A root that clients refuse is no error but a
    /// [`stop`](Self::stop).
    pub fn walk<E>(
        pinned: &[u8],
        mut fetch: impl FnMut(u64) -> Result<Option<Vec<u8>>, E>,
    ) -> Result<Self, WalkError<E>> {
        let first = Step::new(pinned, None).map_err(WalkError::Pinned)?;
        let mut stop = first.stop(first.root.version);
        let mut steps = Vec::from([first]);
        while stop.is_none() {
            let before = &steps[steps.len() - 1];
            let Some(version) = before.root.version.checked_add(1) else { break };
            let bytes = fetch(version).map_err(|source| WalkError::Fetch { version, source })?;
            let Some(bytes) = bytes else { break };
            match Step::new(&bytes, Some(&before.root)) {
                Ok(step) => {
                    stop = step.stop(version);
                    steps.push(step);
                }
                Err(error) => stop = Some(Stop::Unreadable { version, error }),
            }
        }
        Ok(Self { steps, stop })
    }

    /// The root that a client arrives at: the last that it does not refuse; none if it refuses the pinned one.
    pub fn trusted(&self) -> Option<&Step> {
        let refused = match self.stop {
            None | Some(Stop::Unreadable { .. }) => 0,
            Some(Stop::Incoming { .. } | Stop::Outgoing { .. } | Stop::Version { .. }) => 1,
        };
        self.steps.iter().rev().nth(refused)
    }

    /// For each known client the earliest root in this history from which it comes to the last one, if there is any.
    ///
    /// `rest` is what stands in the way in the other metadata that the client must read then.
    pub fn starts(&self, rest: &[Obstacle]) -> Vec<(&'static Reader, Option<u64>)> {
        let obstacles: Vec<(u64, Vec<Obstacle>)> = self
            .steps
            .iter()
            .map(|step| (step.root.version, lint::obstacles(&step.metadata).unwrap_or_default()))
            .collect();
        let start = |reader: &Reader| {
            let stops = |obstacles: &[Obstacle]| obstacles.iter().any(|obstacle| reader.stops_at(*obstacle));
            if self.stop.is_some() || stops(rest) {
                return None;
            }
            let readable = obstacles.iter().rev().take_while(|(_, obstacles)| !stops(obstacles));
            readable.last().map(|(version, _)| *version)
        };
        Reader::ALL.iter().map(|reader| (reader, start(reader))).collect()
    }
}

impl Step {
    fn new(bytes: &[u8], before: Option<&Root>) -> Result<Self, MetadataError> {
        let metadata = Metadata::parse_untrusted(bytes)?;
        let root = Root::of(&metadata)?;
        let payload = metadata.payload();
        let count = |root: &Root| tally(&payload, &metadata.signatures, root.own());
        let (outgoing, incoming) = (before.map(count), count(&root));
        let mut findings = lint::root(&metadata, &[])?;
        let tallies: Vec<&Tally> = outgoing.iter().chain([&incoming]).collect();
        findings.extend(lint::invalid("root", &metadata, &tallies));
        findings.extend(lint::size("root", metadata.kind(), bytes.len() as u64));
        findings.extend(before.into_iter().flat_map(|before| lint::root_step(before, &root)));
        Ok(Self { sha256: Digest::of(bytes), metadata, root, outgoing, incoming, findings })
    }

    /// Why clients refuse this root where they asked for version `wanted`.
    fn stop(&self, wanted: u64) -> Option<Stop> {
        let version = self.root.version;
        let unmet = |tally: &Tally| (!tally.met()).then_some((tally.threshold, tally.signed.len()));
        // "The version number of the latest root metadata file must be exactly the next version" (section 5.3.5).
        if version != wanted {
            return Some(Stop::Version { wanted, found: version });
        }
        // "signed by: (1) a threshold of keys specified in the trusted root metadata file (version N), and (2) a
        // threshold of keys specified in the new root metadata file being validated (version N+1)" (section 5.3.4).
        if let Some((threshold, signed)) = self.outgoing.as_ref().and_then(unmet) {
            return Some(Stop::Outgoing { version, threshold, signed });
        }
        unmet(&self.incoming).map(|(threshold, signed)| Stop::Incoming { version, threshold, signed })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use core::convert::Infallible;

    use p256::ecdsa::DerSignature;
    use p256::ecdsa::signature::Signer as _;

    use super::*;
    use crate::key::tests::signing_key;
    use crate::lint::tests::{key, root_of};
    use crate::metadata::Signature;

    /// A root of these keys and this threshold, signed by those.
    fn root(version: u64, keys: &[u8], threshold: u64, signers: &[u8]) -> Vec<u8> {
        let keys: Vec<_> = keys.iter().map(|seed| key(*seed)).collect();
        let mut root = root_of(version, &keys, threshold);
        let payload = root.payload();
        root.signatures.extend(signers.iter().map(|seed| {
            let sig: DerSignature = signing_key(*seed).sign(payload.bytes());
            Signature { keyid: key(*seed).id, sig: sig.as_bytes().to_vec() }
        }));
        root.to_file()
    }

    fn walk(roots: &[Vec<u8>]) -> History {
        let fetch = |version: u64| Ok::<_, Infallible>(roots.get(usize::try_from(version).unwrap() - 1).cloned());
        History::walk(&roots[0], fetch).unwrap()
    }

    #[test]
    fn walks_to_the_last_root_that_both_sets_signed() {
        let history =
            walk(&[root(1, &[1, 2, 3], 2, &[1, 2]), root(2, &[2, 3, 4], 2, &[2, 3]), root(3, &[4], 1, &[2, 4, 3])]);
        assert_eq!(history.stop, None);
        assert_eq!(history.trusted().unwrap().root.version, 3);
        let tallies: Vec<_> = history
            .steps
            .iter()
            .map(|s| (s.outgoing.as_ref().map(|t| t.signed.len()), s.incoming.signed.len()))
            .collect();
        assert_eq!(tallies, [(None, 2), (Some(2), 2), (Some(3), 1)]);
    }

    #[test]
    fn stops_where_the_outgoing_keys_did_not_sign() {
        let history = walk(&[root(1, &[1, 2], 2, &[1, 2]), root(2, &[1, 3], 2, &[1, 3]), root(3, &[1], 1, &[1])]);
        assert_eq!(history.stop, Some(Stop::Outgoing { version: 2, threshold: 2, signed: 1 }));
        assert_eq!(history.trusted().unwrap().root.version, 1);
        assert_eq!(history.steps.len(), 2);
        assert!(history.starts(&[]).iter().all(|(_, from)| from.is_none()));
    }

    #[test]
    fn stops_where_the_incoming_keys_did_not_sign() {
        let history = walk(&[root(1, &[1, 2], 2, &[1, 2]), root(2, &[1, 2, 3], 3, &[1, 2])]);
        assert_eq!(history.stop, Some(Stop::Incoming { version: 2, threshold: 3, signed: 2 }));
        let refused = walk(&[root(1, &[1, 2], 2, &[1])]);
        assert_eq!(refused.stop, Some(Stop::Incoming { version: 1, threshold: 2, signed: 1 }));
        assert!(refused.trusted().is_none());
    }

    #[test]
    fn stops_where_a_version_is_left_out() {
        let history = walk(&[root(1, &[1], 1, &[1]), root(3, &[1], 1, &[1])]);
        assert_eq!(history.stop, Some(Stop::Version { wanted: 2, found: 3 }));
        assert_eq!(history.trusted().unwrap().root.version, 1);
    }

    #[test]
    fn stops_at_a_file_that_is_no_root() {
        let history = walk(&[root(1, &[1], 1, &[1]), b"not json".to_vec()]);
        assert!(matches!(history.stop, Some(Stop::Unreadable { version: 2, .. })));
        assert_eq!(history.trusted().unwrap().root.version, 1);
        let none = History::walk(b"{}", |_| Ok::<_, Infallible>(None));
        assert!(matches!(none, Err(WalkError::Pinned(_))));
    }

    #[test]
    fn a_root_that_cannot_be_fetched_is_an_error_not_the_end() {
        let failed = History::walk(&root(1, &[1], 1, &[1]), |_| Err("no network"));
        assert!(matches!(failed, Err(WalkError::Fetch { version: 2, source: "no network" })));
    }

    #[test]
    fn the_rest_of_the_metadata_stands_in_the_way_too() {
        let history = walk(&[root(1, &[1], 1, &[1])]);
        for (reader, from) in history.starts(&[Obstacle::KeyIdMismatch]) {
            assert_eq!(from.is_none(), reader.stops_at(Obstacle::KeyIdMismatch), "{}", reader.name());
        }
    }
}
