//! When what is published must be signed again.

use ceremony::policy::Signers;
use ceremony::{Days, Json, Metadata, Policy, Time};

use crate::published::Published;
use crate::report::object;
use crate::text::{columns, escaped};

/// The deadlines of one published role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Deadline {
    /// The role.
    pub(crate) role: String,
    /// The version that is published.
    pub(crate) version: u64,
    /// The first second at which clients refuse it.
    pub(crate) expires: Time,
    /// From when on the next version may be signed; none if the policy says nothing of the role.
    pub(crate) opens: Option<Time>,
    /// How long before it expires the next version may be signed; none if the policy says nothing of the role.
    window: Option<Days>,
    /// Who makes the next version.
    pub(crate) by: By,
    /// The open ceremony that carries the next version, where somebody looked for one.
    pub(crate) staged_in: Option<String>,
}

/// Who makes the next version of a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// Somebody else.
    External,
    /// Keyholders, at a ceremony.
    Keyholders,
    /// An online key.
    Online,
    /// The policy does not know the role.
    Unknown,
}

impl Deadline {
    /// The deadlines of everything that is published, the first to expire first.
    pub(crate) fn all(policy: &Policy, published: &Published) -> Vec<Self> {
        let file = |role: &str, file: &Metadata| Self::of(policy, role, file);
        let mut all: Vec<Self> = published.roles.iter().map(|(role, at)| file(role, &at.metadata)).collect();
        let top = [("root", published.roots.last()), ("snapshot", published.snapshot.as_ref())];
        let top = top.into_iter().chain([("timestamp", published.timestamp.as_ref())]);
        all.extend(top.filter_map(|(role, at)| Some(file(role, &at?.metadata))));
        all.sort_by_key(|deadline| deadline.expires);
        all
    }

    /// What somebody else makes, and clients refuse at `now`, so that none can start: a sentence for each, with what
    /// helps.
    pub(crate) fn expired_of_others(policy: &Policy, published: &Published, now: Time) -> Vec<String> {
        let all = Self::all(policy, published).into_iter();
        let expired = all.filter(|deadline| deadline.by == By::External && deadline.is_expired(now));
        let top = expired.filter(|deadline| ["snapshot", "timestamp"].contains(&deadline.role.as_str()));
        top.map(|deadline| {
            let Self { role, version, expires, .. } = deadline;
            format!(
                "{role} {version} expired at {expires}, and the policy leaves it to others: copy the newer one of whoever \
                 makes it into repository/, and run this again"
            )
        })
        .collect()
    }

    fn of(policy: &Policy, role: &str, file: &Metadata) -> Self {
        let wanted = policy.role(role);
        Self {
            role: role.to_owned(),
            version: file.version(),
            expires: file.expires(),
            opens: wanted.and_then(|wanted| file.expires().minus(wanted.window)),
            window: wanted.map(|wanted| wanted.window),
            by: match wanted.map(|wanted| &wanted.signers) {
                None => By::Unknown,
                Some(Signers::External) => By::External,
                Some(Signers::Keyholders(_)) => By::Keyholders,
                Some(Signers::Online(_)) => By::Online,
            },
            staged_in: None,
        }
    }

    /// Whether the next version may be signed at `now`.
    pub(crate) fn is_open(&self, now: Time) -> bool {
        self.opens.is_none_or(|opens| opens <= now)
    }

    /// Whether clients refuse it at `now`.
    pub(crate) fn is_expired(&self, now: Time) -> bool {
        self.expires <= now
    }

    /// Whether an online key should have renewed it by `now`: half of its window is over, and a timer runs often.
    pub(crate) fn is_late(&self, now: Time) -> bool {
        let half = self.window.and_then(|window| self.expires.minus(Days(window.0 / 2)));
        self.by == By::Online && self.is_open(now) && half.is_some_and(|half| half <= now)
    }

    /// `{"role","version","expires","expires-in-days","window-opens","window-open","by","staged-in"}`
    pub(crate) fn json(&self, now: Time) -> Json {
        let opens = self.opens.map_or(Json::Null, |opens| Json::string(opens.to_string()));
        object([
            ("role", Json::string(&self.role)),
            ("version", self.version.into()),
            ("expires", Json::string(self.expires.to_string())),
            ("expires-in-days", Json::Number(now.days_until(self.expires).into())),
            ("window-opens", opens),
            ("window-open", Json::Bool(self.is_open(now))),
            ("by", Json::string(self.by.as_str())),
            ("staged-in", self.staged_in.as_ref().map_or(Json::Null, Json::string)),
        ])
    }
}

impl By {
    /// How a table of deadlines goes on where the next version may be signed now.
    fn command(self) -> &'static str {
        match self {
            Self::External | Self::Unknown => "",
            Self::Keyholders => ": trustroot stage",
            Self::Online => ": trustroot renew",
        }
    }

    /// The word for it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::External => "external",
            Self::Keyholders => "keyholders",
            Self::Online => "online",
            Self::Unknown => "unknown",
        }
    }
}

/// What expires when, and from when on the next version may be signed by which command: a line for each role.
pub(crate) fn table(deadlines: &[Deadline], now: Time) -> String {
    let day = |time: Time| format!("{} {}", &time.to_string()[..10], distance(now, time));
    let row = |deadline: &Deadline| {
        let window = match (&deadline.staged_in, deadline.opens) {
            (Some(ceremony), _) => format!("now: in ceremony {}", escaped(ceremony)),
            (None, Some(opens)) if deadline.by == By::External => {
                let word = if opens > now { "from" } else { "since" };
                format!("by others, {word} {}", &opens.to_string()[..10])
            }
            (None, Some(opens)) if opens > now => format!("from {}", day(opens)),
            (None, Some(_)) => format!("now{}", deadline.by.command()),
            (None, None) => "the policy has no such role".to_owned(),
        };
        let expired = if deadline.is_expired(now) { "EXPIRED " } else { "" };
        let role = format!("{} {}", escaped(&deadline.role), deadline.version);
        [role, format!("{expired}{}", day(deadline.expires)), window]
    };
    let mut rows = vec![["".to_owned(), "expires".to_owned(), "next may be signed".to_owned()]];
    rows.extend(deadlines.iter().map(row));
    format!("What is published, the first to expire first:\n{}", columns(&rows, 2))
}

/// `in 12 days`, `in 5 hours`, `just now`, `3 days ago`
pub(crate) fn distance(now: Time, then: Time) -> String {
    let seconds = then.unix() - now.unix();
    if seconds.unsigned_abs() < 60 {
        return "just now".to_owned();
    }
    let (count, unit) = match seconds.unsigned_abs() {
        seconds if seconds >= 2 * 86_400 => (seconds / 86_400, "day"),
        seconds if seconds >= 3_600 => (seconds / 3_600, "hour"),
        seconds => (seconds / 60, "minute"),
    };
    let plural = if count == 1 { "" } else { "s" };
    if seconds > 0 { format!("in {count} {unit}{plural}") } else { format!("{count} {unit}{plural} ago") }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn distances_are_in_the_unit_that_matters() {
        let now: Time = "2026-01-01T00:00:00Z".parse().unwrap();
        let at = |text: &str| distance(now, text.parse().unwrap());
        assert_eq!(at("2026-01-13T23:00:00Z"), "in 12 days");
        assert_eq!(at("2026-01-02T23:00:00Z"), "in 47 hours");
        assert_eq!(at("2026-01-01T01:30:00Z"), "in 1 hour");
        assert_eq!(at("2026-01-01T00:05:00Z"), "in 5 minutes");
        assert_eq!(at("2025-12-01T00:00:00Z"), "31 days ago");
        assert_eq!(at("2025-12-31T23:59:01Z"), "just now");
    }
}
