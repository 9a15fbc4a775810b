//! How long versions of adopted roles live, and how long before their expiry the next is due.

use ceremony::{Days, Json, Kind, Metadata, Time};

/// The lifetimes that people choose, in days.
const USUAL: [u32; 12] = [1, 7, 14, 30, 60, 90, 182, 365, 730, 1825, 3650, 36_500];

/// Lifetime and signing window of a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Terms {
    pub(crate) lifetime: Days,
    pub(crate) window: Days,
    /// Whether the metadata says so, and not this program.
    pub(crate) stated: bool,
}

impl Terms {
    /// What `said` states in the members that tuf-on-ci writes: of root, targets and delegated roles the signed part,
    /// of snapshot and timestamp their entry in the root. Where it states nothing usable, the shortest usual lifetime
    /// that `file` could have at `now`, and a window that fits it.
    pub(crate) fn of(kind: Kind, said: Option<&Json>, file: Option<&Metadata>, now: Time) -> Self {
        let days = |member| said?.get(member)?.as_u64().and_then(|days| u32::try_from(days).ok());
        if let (Some(lifetime), Some(window)) = (days("x-tuf-on-ci-expiry-period"), days("x-tuf-on-ci-signing-period"))
            && (1..=36_500).contains(&lifetime)
            && window <= lifetime
        {
            return Self { lifetime: Days(lifetime), window: Days(window), stated: true };
        }
        // Rounded up, for the file was made before now.
        let left = file.map_or(365, |file| -file.expires().days_until(now));
        let lifetime = USUAL.into_iter().find(|days| i64::from(*days) >= left).unwrap_or(36_500);
        let window = match kind {
            Kind::Timestamp => lifetime - lifetime / 7,
            Kind::Snapshot => lifetime.div_ceil(3),
            Kind::Root | Kind::Targets => (lifetime / 6).clamp(1, 60),
        };
        Self { lifetime: Days(lifetime), window: Days(window), stated: false }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn file(expires: &str) -> Metadata {
        let signed = format!(r#"{{"_type":"root","version":1,"expires":"{expires}"}}"#);
        Metadata::new(Json::parse(signed.as_bytes()).unwrap(), vec![]).unwrap()
    }

    fn terms(kind: Kind, said: &str, expires: &str) -> (u32, u32) {
        let now = "2026-01-01T00:00:00Z".parse().unwrap();
        let said = Json::parse(said.as_bytes()).unwrap();
        let terms = Terms::of(kind, Some(&said), Some(&file(expires)), now);
        (terms.lifetime.0, terms.window.0)
    }

    #[test]
    fn takes_what_the_metadata_states() {
        let said = r#"{"x-tuf-on-ci-expiry-period":197,"x-tuf-on-ci-signing-period":46}"#;
        assert_eq!(terms(Kind::Root, said, "2026-03-01T00:00:00Z"), (197, 46));
        for odd in ["{}", r#"{"x-tuf-on-ci-expiry-period":7,"x-tuf-on-ci-signing-period":8}"#, "[]"] {
            assert_eq!(terms(Kind::Root, odd, "2026-03-01T00:00:00Z"), (60, 10), "{odd}");
        }
        let zero = r#"{"x-tuf-on-ci-expiry-period":0,"x-tuf-on-ci-signing-period":0}"#;
        assert_eq!(terms(Kind::Timestamp, zero, "2026-01-05T00:00:00Z"), (7, 6));
    }

    #[test]
    fn guesses_from_what_is_left() {
        assert_eq!(terms(Kind::Root, "{}", "2027-01-01T00:00:01Z"), (730, 60));
        assert_eq!(terms(Kind::Root, "{}", "2027-01-01T00:00:00Z"), (365, 60));
        assert_eq!(terms(Kind::Snapshot, "{}", "2026-01-30T00:00:00Z"), (30, 10));
        assert_eq!(terms(Kind::Timestamp, "{}", "2026-01-01T12:00:00Z"), (1, 1));
        assert_eq!(terms(Kind::Targets, "{}", "2025-01-01T00:00:00Z"), (1, 1));
        assert_eq!(terms(Kind::Root, "{}", "9999-01-01T00:00:00Z"), (36_500, 60));
    }
}
