//! Points in time, in whole seconds of UTC.

use alloc::string::{String, ToString};
use core::fmt;
use core::str::FromStr;

use chrono::{DateTime, NaiveDateTime, SubsecRound, TimeDelta, Utc};

/// A point in time in whole seconds of UTC, between the years 0000 and 9999.
///
/// It is written `2026-05-07T13:58:18Z`, the form of `expires` in TUF metadata (TUF specification, section 4.2.2), and
/// read in that form alone: reading and writing give the same 20 characters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(DateTime<Utc>);

impl Time {
    /// The time at `seconds` after 1970-01-01T00:00:00Z, if its year has four digits.
    pub fn from_unix(seconds: i64) -> Option<Self> {
        let time = Self(DateTime::from_timestamp(seconds, 0)?);
        (time.to_string().len() == 20).then_some(time)
    }

    /// Seconds after 1970-01-01T00:00:00Z.
    pub fn unix(&self) -> i64 {
        self.0.timestamp()
    }

    /// Reads any RFC 3339 time, rounding a fraction up, as the first published roots need it.
    ///
    /// # Errors
    /// If the text is not RFC 3339.
    pub fn parse_lenient(text: &str) -> Result<Self, TimeError> {
        let refused = || TimeError { text: text.escape_debug().to_string() };
        let time = DateTime::parse_from_rfc3339(text).map_err(|_| refused())?;
        let whole = time.trunc_subsecs(0).timestamp() + i64::from(time.timestamp_subsec_nanos() > 0);
        Self::from_unix(whole).ok_or_else(refused)
    }

    /// The time `days` later, if its year has four digits.
    pub fn plus(self, days: Days) -> Option<Self> {
        Self::from_unix(self.unix().checked_add(days.seconds())?)
    }

    /// The time `days` earlier, if its year has four digits.
    pub fn minus(self, days: Days) -> Option<Self> {
        Self::from_unix(self.unix().checked_sub(days.seconds())?)
    }

    /// Whole days from `self` to `later`, rounded down; negative if `later` is earlier.
    pub fn days_until(self, later: Self) -> i64 {
        TimeDelta::seconds(later.unix() - self.unix()).num_seconds().div_euclid(86_400)
    }
}

impl FromStr for Time {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        let refused = || TimeError { text: text.escape_debug().to_string() };
        let time = NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%SZ").map_err(|_| refused())?;
        // chrono also reads signs, blanks, single digits and second 60.
        Self::from_unix(time.and_utc().timestamp()).filter(|time| time.to_string() == text).ok_or_else(refused)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.format("%Y-%m-%dT%H:%M:%SZ"))
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// A length of time in whole days of 86,400 seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Days(pub u32);

impl Days {
    /// The length in seconds.
    pub fn seconds(self) -> i64 {
        i64::from(self.0) * 86_400
    }
}

impl fmt::Display for Days {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} day{}", self.0, if self.0 == 1 { "" } else { "s" })
    }
}

/// A text that is not a time in the form this program reads.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is not a time like 2026-05-07T13:58:18Z")]
pub struct TimeError {
    text: String,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn reads_one_form_alone() {
        let time: Time = "2026-05-07T13:58:18Z".parse().unwrap();
        assert_eq!(time.to_string(), "2026-05-07T13:58:18Z");
        assert_eq!(time.plus(Days(197)).unwrap().to_string(), "2026-11-20T13:58:18Z");
        for odd in [
            "+2026-05-07T13:58:18Z",
            " 2026-05-07T13:58:18Z",
            "2026-1-1T0:0:0Z",
            "2016-12-31T23:59:60Z",
            "2026-05-07T13:58:18.5Z",
            "2026-05-07T13:58:18+00:00",
            "2026-05-07t13:58:18z",
            "10000-01-01T00:00:00Z",
        ] {
            assert!(odd.parse::<Time>().is_err(), "{odd}");
        }
    }

    #[test]
    fn reads_the_expiry_of_the_first_roots() {
        let time = Time::parse_lenient("2021-12-18T13:28:12.99008-06:00").unwrap();
        assert_eq!(time.to_string(), "2021-12-18T19:28:13Z");
    }

    #[test]
    fn never_leaves_four_digit_years() {
        let last: Time = "9999-12-31T23:59:59Z".parse().unwrap();
        assert_eq!(last.plus(Days(1)), None);
    }
}
