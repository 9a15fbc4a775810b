//! Points in time as trust material writes them.

use alloc::borrow::ToOwned;
use alloc::string::{String, ToString};
use core::fmt;
use core::str::FromStr;

use chrono::{DateTime, Datelike as _, Timelike as _, Utc};

use crate::json::Json;
use crate::time::Time;

/// A point in time as a file writes it: RFC 3339, with fractions of a second where the file has them, as in
/// `2022-12-31T23:59:59.999Z`.
///
/// Two are equal if they are written alike; [`same`](Self::same) and the order are about the time itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    text: String,
    at: DateTime<Utc>,
}

impl Moment {
    /// Reads a time as JSON of protocol buffers has it: RFC 3339 with capitals, in the years 1 to 9999, without leap
    /// seconds, with nine digits of a fraction at most. Whoever reads more than that reads what other clients refuse.
    ///
    /// # Errors
    /// If it is not such a time.
    pub fn parse(text: &str) -> Result<Self, MomentError> {
        let refused = || MomentError { text: text.escape_debug().to_string() };
        let plain = text.bytes().all(|byte| byte.is_ascii_digit() || b"-:+.TZ".contains(&byte));
        let fraction = text.split_once('.').map_or(0, |(_, rest)| rest.bytes().take_while(u8::is_ascii_digit).count());
        let at = DateTime::parse_from_rfc3339(text).map_err(|_| refused())?.to_utc();
        if !plain || fraction > 9 || at.nanosecond() >= 1_000_000_000 || !(1..=9999).contains(&at.year()) {
            return Err(refused());
        }
        Ok(Self { text: text.to_owned(), at })
    }

    /// The first of all moments that are compared here, 1970-01-01T00:00:00Z.
    pub(super) fn beginning() -> Self {
        Self { text: "1970-01-01T00:00:00Z".to_owned(), at: DateTime::UNIX_EPOCH }
    }

    /// The text as it stands in the file.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether both are the same time, however they are written.
    pub fn same(&self, other: &Self) -> bool {
        self.at == other.at
    }

    /// Whether this is before `other`.
    pub fn is_before(&self, other: &Self) -> bool {
        self.at < other.at
    }

    /// Whether no service can have started then, since it is what tools write that know no start: the moment at which
    /// Unix counts seconds from, or that of Go.
    pub fn stands_for_none(&self) -> bool {
        self.at <= DateTime::UNIX_EPOCH
    }

    /// Seconds after 1970-01-01T00:00:00Z, rounded down.
    pub fn unix(&self) -> i64 {
        self.at.timestamp()
    }
}

impl From<Time> for Moment {
    fn from(time: Time) -> Self {
        Self::parse(&time.to_string()).expect("a time is RFC 3339")
    }
}

impl FromStr for Moment {
    type Err = MomentError;

    fn from_str(text: &str) -> Result<Self, MomentError> {
        Self::parse(text)
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A text that is no time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is not a time like 2026-05-07T13:58:18Z")]
pub struct MomentError {
    text: String,
}

/// From when until when something may be used; what has no end is open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ValidFor {
    /// The first moment; clients take what has none for valid since ever, or refuse the file.
    pub start: Option<Moment>,
    /// The last moment.
    pub end: Option<Moment>,
}

impl ValidFor {
    /// Reads `{"start", "end"}`; no object is no limits.
    ///
    /// # Errors
    /// If a time is none.
    pub fn read(json: Option<&Json>) -> Result<Self, MomentError> {
        let moment = |name| match json.and_then(|json| json.get(name)) {
            None => Ok(None),
            Some(Json::String(text)) => Moment::parse(text).map(Some),
            Some(other) => Err(MomentError { text: other.pretty().trim_end().escape_debug().to_string() }),
        };
        Ok(Self { start: moment("start")?, end: moment("end")? })
    }

    /// Whether `at` lies in it, both ends included.
    pub fn contains(&self, at: &Moment) -> bool {
        self.start.as_ref().is_none_or(|start| !at.is_before(start))
            && self.end.as_ref().is_none_or(|end| !end.is_before(at))
    }

    /// Whether it ends before `at`.
    pub fn is_over(&self, at: &Moment) -> bool {
        self.end.as_ref().is_some_and(|end| end.is_before(at))
    }
}

#[cfg(test)]
pub(super) mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// From `start` to `end`; without the one that is empty.
    pub(in super::super) fn span(start: &str, end: &str) -> ValidFor {
        let limit = |text: &str| (!text.is_empty()).then(|| moment(text));
        ValidFor { start: limit(start), end: limit(end) }
    }

    fn moment(text: &str) -> Moment {
        Moment::parse(text).unwrap()
    }

    #[test]
    fn the_text_is_kept() {
        let (long, short) = (moment("2021-01-12T11:53:27.000Z"), moment("2021-01-12T11:53:27Z"));
        assert!(long.same(&short) && long != short && !long.is_before(&short));
        assert_eq!(long.as_str(), "2021-01-12T11:53:27.000Z");
        assert!(moment("2022-12-31T23:59:59.999Z").is_before(&moment("2023-01-01T00:00:00Z")));
        for odd in ["2021-01-12", "", "2021-13-12T11:53:27Z", "+262143-01-01T00:00:00Z", "2021-01-12T11:53:27"] {
            assert!(Moment::parse(odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn what_tools_write_for_no_start_is_known() {
        let none = ["1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000Z", "0001-01-01T00:00:00Z"];
        assert!(none.into_iter().all(|text| moment(text).stands_for_none()));
        assert!(!moment("2013-03-25T23:05:10Z").stands_for_none());
    }

    #[test]
    fn both_ends_belong_to_it() {
        let read = |text: &str| ValidFor::read(Some(&Json::parse(text.as_bytes()).unwrap()));
        let valid = read(r#"{"start":"2021-01-01T00:00:00Z","end":"2022-12-31T23:59:59.999Z"}"#).unwrap();
        assert!(valid.contains(&moment("2021-01-01T00:00:00Z")) && valid.contains(&moment("2022-12-31T23:59:59.999Z")));
        assert!(!valid.contains(&moment("2020-12-31T23:59:59Z")) && valid.is_over(&moment("2023-01-01T00:00:00Z")));
        assert!(ValidFor::default().contains(&moment("1970-01-01T00:00:00Z")));
        assert!(read(r#"{"start":1}"#).is_err() && read(r#"{"end":""}"#).is_err());
    }
}
