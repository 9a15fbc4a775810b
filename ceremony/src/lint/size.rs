//! Metadata that is longer than clients read.

use alloc::format;

use crate::finding::{Finding, Rule};
use crate::metadata::Kind;

/// Finds a file of `bytes` bytes that is longer than python-tuf, tuf-js, go-tuf and sigstore-tuf read by default.
pub fn size(role: &str, kind: Kind, bytes: u64) -> Option<Finding> {
    let most = match kind {
        Kind::Root => 512_000,
        Kind::Snapshot => 2_000_000,
        Kind::Targets => 5_000_000,
        Kind::Timestamp => 16_384,
    };
    let what = || format!("the file has {bytes} bytes, clients read {most}");
    (bytes > most).then(|| Finding::new(Rule::MetadataTooLarge, role, what()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn targets_beyond_the_default_limit_are_found() {
        assert_eq!(size("targets", Kind::Targets, 5_000_000), None);
        assert_eq!(size("targets", Kind::Targets, 5_000_001).unwrap().rule, Rule::MetadataTooLarge);
        assert!(size("timestamp", Kind::Timestamp, 16_385).is_some());
    }
}
