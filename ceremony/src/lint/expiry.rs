//! When metadata expires.

use alloc::format;
use alloc::vec::Vec;

use super::of_version;
use crate::finding::{Finding, Rule};
use crate::metadata::{Kind, Metadata};
use crate::time::{Days, Time};

/// Finds an `expires` that is not written YYYY-MM-DDTHH:MM:SSZ.
pub(super) fn form(role: &str, metadata: &Metadata, findings: &mut Vec<Finding>) {
    let text = metadata.expires_text();
    if text.parse::<Time>().is_err() {
        let subject = of_version(role, metadata.version());
        findings.push(Finding::new(Rule::ExpiryFractional, subject, format!("expires is \"{text}\"")));
    }
}

/// Finds a time from making to expiry that is not plausible for the kind of metadata.
///
/// People sign root and targets: a ceremony takes weeks (Sigstore's took one to two and more than once began again),
/// so less than 14 days is too short, and more than two years is longer than a stolen quorum should be of use. Machines
/// sign snapshot and timestamp: one day is the shortest that a daily job renews in time. A timestamp beyond 31 days
/// does not keep a mirror from showing old files, and a snapshot beyond a year not one that has the timestamp's key.
pub fn lifetime(role: &str, kind: Kind, made: Time, expires: Time) -> Option<Finding> {
    let (least, most) = match kind {
        Kind::Root | Kind::Targets => (Days(14), Days(731)),
        Kind::Snapshot => (Days(1), Days(366)),
        Kind::Timestamp => (Days(1), Days(31)),
    };
    let seconds = expires.unix() - made.unix();
    let days = Days(u32::try_from(seconds / 86_400).unwrap_or(0));
    let found = |rule, bound| Some(Finding::new(rule, role, format!("{days} from {made} to {expires}; {bound}")));
    if seconds < least.seconds() {
        return found(Rule::ExpiryTooShort, format!("the least that is plausible is {least}"));
    }
    if seconds > most.seconds() {
        return found(Rule::ExpiryTooLong, format!("the most that is plausible is {most}"));
    }
    None
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use alloc::string::ToString;

    use super::super::tests::{metadata, names};
    use super::*;

    fn after(seconds: i64, kind: Kind) -> Option<Rule> {
        let made: Time = "2026-05-07T13:58:18Z".parse().unwrap();
        lifetime("role", kind, made, Time::from_unix(made.unix() + seconds).unwrap()).map(|finding| finding.rule)
    }

    #[test]
    fn an_expiry_with_a_fraction_or_an_offset_is_found() {
        for text in ["2022-05-11T19:09:02.663975009Z", "2021-12-18T13:28:13-06:00", "2030-01-01T00:00:00+00:00"] {
            let signed = format!(r#"{{"_type":"snapshot","version":3,"expires":"{text}","meta":{{}}}}"#);
            let mut findings = Vec::new();
            form("snapshot", &metadata(&signed), &mut findings);
            assert_eq!(names(&findings), [(Rule::ExpiryFractional, "snapshot 3".to_string())]);
        }
    }

    #[test]
    fn an_expiry_before_the_next_ceremony_is_found() {
        assert_eq!(after(14 * 86_400 - 1, Kind::Root), Some(Rule::ExpiryTooShort));
        assert_eq!(after(-1, Kind::Root), Some(Rule::ExpiryTooShort));
        assert_eq!(after(14 * 86_400, Kind::Targets), None);
        assert_eq!(after(86_399, Kind::Timestamp), Some(Rule::ExpiryTooShort));
        assert_eq!(after(86_400, Kind::Timestamp), None);
    }

    #[test]
    fn an_expiry_in_ten_years_is_found() {
        assert_eq!(after(3650 * 86_400, Kind::Targets), Some(Rule::ExpiryTooLong));
        assert_eq!(after(3650 * 86_400, Kind::Snapshot), Some(Rule::ExpiryTooLong));
        assert_eq!(after(197 * 86_400, Kind::Root), None);
        assert_eq!(after(32 * 86_400, Kind::Timestamp), Some(Rule::ExpiryTooLong));
    }
}
