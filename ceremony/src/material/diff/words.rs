//! The sentences.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use super::{Change, FileDiff};
use crate::json::{Json, Object};
use crate::material::held;
use crate::material::moment::Moment;

/// How many characters of a value without a sentence are shown; all of it is in the report for programs.
const SHOWN: usize = 300;

impl fmt::Display for FileDiff {
    /// The sentences on what changes, and on what is the same, in one: `adds Rekor v2 log.example (Ed25519) from
    /// 2025-09-23; Fulcio and CT log unchanged (same bytes)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut sentences: Vec<String> = self.changes.iter().map(ToString::to_string).collect();
        sentences.extend(self.unchanged());
        f.write_str(&sentences.join("; "))
    }
}

impl FileDiff {
    /// What stays the same, as a sentence; none if nothing does.
    pub fn unchanged(&self) -> Option<String> {
        (!self.same.is_empty()).then(|| format!("{} unchanged (same bytes)", and(&self.same)))
    }

    /// What stays beside what changes, and goes on without an end, as a sentence; none if nothing does.
    pub fn goes_on(&self) -> Option<String> {
        let stays = if self.open.len() == 1 { "stays" } else { "stay" };
        (!self.open.is_empty()).then(|| format!("{} {stays} as before, without an end", and(&self.open)))
    }

    /// `{"path", "changes": [{"change", "text", ..}], "same", "open"}`
    pub fn json(&self) -> Json {
        let members = [
            ("path", Json::string(&self.path)),
            ("changes", self.changes.iter().map(Change::json).collect()),
            ("same", self.same.iter().map(Json::string).collect()),
            ("open", self.open.iter().map(Json::string).collect()),
        ];
        Json::Object(members.into_iter().collect())
    }
}

impl Change {
    /// `+` for what is added, `-` for what goes away or ends, `~` for what is otherwise.
    pub fn marker(&self) -> char {
        match self {
            Self::FileAdded | Self::Added { .. } => '+',
            Self::FileRemoved | Self::Removed { .. } => '-',
            Self::Ends { before: None, .. } => '-',
            _ => '~',
        }
    }

    /// What else is to be said, one line each.
    pub fn details(&self) -> &[String] {
        match self {
            Self::Added { details, .. } => details,
            _ => &[],
        }
    }

    fn json(&self) -> Json {
        let moment = |moment: &Option<Moment>| moment.as_ref().map_or(Json::Null, |at| Json::string(at.as_str()));
        let text = |text: &Option<String>| text.as_ref().map_or(Json::Null, Json::string);
        let or_null = |json: &Option<Json>| json.clone().unwrap_or(Json::Null);
        let names = |names: &[String]| names.iter().map(Json::string).collect::<Json>();
        let (change, members): (&str, Vec<(&str, Json)>) = match self {
            Self::FileAdded => ("file-added", Vec::new()),
            Self::FileRemoved => ("file-removed", Vec::new()),
            Self::Added { name, start, end, details } => {
                let members = [("entry", Json::string(name)), ("start", moment(start)), ("end", moment(end))];
                ("added", members.into_iter().chain([("details", names(details))]).collect())
            }
            Self::Removed { name } => ("removed", [("entry", Json::string(name))].to_vec()),
            Self::Ends { name, before, after } => {
                ("ends", [("entry", Json::string(name)), ("before", moment(before)), ("after", moment(after))].to_vec())
            }
            Self::Starts { name, before, after } => (
                "starts",
                [("entry", Json::string(name)), ("before", moment(before)), ("after", moment(after))].to_vec(),
            ),
            Self::Rewritten { names: entries } => ("rewritten", [("entries", names(entries))].to_vec()),
            Self::ChainOrder { name, before, after } => (
                "chain-order",
                [("entry", Json::string(name)), ("before", names(before)), ("after", names(after))].to_vec(),
            ),
            Self::Encoded { name, path, before, after } => {
                let place = [("entry", Json::string(name)), ("path", Json::string(path))];
                ("encoded", place.into_iter().chain([("before", before.clone()), ("after", after.clone())]).collect())
            }
            Self::Order { names: entries } => ("order", [("entries", names(entries))].to_vec()),
            Self::Selects { kind, before, after } => {
                let selector = |selector: &Option<super::Selector>| selector.map_or(Json::Null, super::Selector::json);
                (
                    "selects",
                    [("kind", Json::string(kind.word())), ("before", selector(before)), ("after", selector(after))]
                        .to_vec(),
                )
            }
            Self::Legacy { member, before, after } => (
                "legacy",
                [("member", Json::string(member)), ("before", text(before)), ("after", text(after))].to_vec(),
            ),
            Self::Content { before, after } => {
                ("content", [("before", Json::string(before)), ("after", Json::string(after))].to_vec())
            }
            Self::Member { name, path, before, after } => {
                let place = [("entry", text(name)), ("path", Json::string(path))];
                ("member", place.into_iter().chain([("before", or_null(before)), ("after", or_null(after))]).collect())
            }
            Self::Layout => ("layout", Vec::new()),
        };
        let head = [("change", Json::string(change)), ("text", Json::string(self.to_string()))];
        Json::Object(head.into_iter().chain(members).collect::<Object>())
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FileAdded => f.write_str("is new"),
            Self::FileRemoved => f.write_str("goes away"),
            Self::Added { name, start, end, details } => {
                write!(f, "adds {name}")?;
                match start {
                    Some(start) => write!(f, " from {}", date(start))?,
                    // The old form of a signing config has nothing but URLs.
                    None if details.is_empty() => {}
                    None => f.write_str(" without a start")?,
                }
                end.as_ref().map_or(Ok(()), |end| write!(f, " to {}", date(end)))
            }
            Self::Removed { name } => write!(f, "removes {name}"),
            Self::Ends { name, before: None, after: Some(after) } => write!(f, "ends {name} on {}", date(after)),
            Self::Ends { name, before: Some(before), after: None } => {
                write!(f, "opens {name} again, which was to end on {}", date(before))
            }
            Self::Ends { name, before, after } => {
                write!(f, "ends {name} on {} instead of {}", date_or(after), date_or(before))
            }
            Self::Starts { name, before, after } => {
                write!(f, "starts {name} on {} instead of {}", date_or(after), date_or(before))
            }
            Self::Rewritten { names } => {
                write!(f, "writes the times of {} otherwise, without changing any", and(names))
            }
            Self::ChainOrder { name, before, after } => {
                let (before, after) = (before.join(", "), after.join(", "));
                write!(f, "puts the certificates of {name} in another order: {after}; before: {before}")
            }
            Self::Encoded { name, before, after, .. } => {
                let (what, same) = match before.as_array() {
                    Some(_) => ("certificates", "they are the same"),
                    None => ("key", "it is the same"),
                };
                let (was, is) = (form(before), form(after));
                let how = if was == is { "otherwise".to_owned() } else { format!("as {is} instead of {was}") };
                write!(f, "writes the {what} of {name} {how}: {same}")
            }
            Self::Order { names } => write!(f, "puts entries in another order: {}", names.join(", ")),
            Self::Selects { kind, before, after } => {
                let selector = |selector: &Option<super::Selector>| match selector {
                    None => "nothing that is known".to_owned(),
                    Some(super::Selector::All) => format!("every {kind}"),
                    Some(super::Selector::Any) => format!("any one {kind}"),
                    Some(super::Selector::Exact(count)) => format!("exactly {count} of {kind}"),
                };
                write!(f, "has signers use {}", selector(after))?;
                if before.is_some() { write!(f, "; before: {}", selector(before)) } else { Ok(()) }
            }
            Self::Legacy { member, before, after } => {
                let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "nothing".to_owned());
                match before {
                    None => write!(f, "has {member} {}", text(after)),
                    Some(before) => write!(f, "has {member} {} instead of {before}", text(after)),
                }
            }
            Self::Content { before, after } => write!(f, "holds {after}; before: {before}"),
            Self::Member { name, path, before, after } => {
                if let Some(name) = name {
                    write!(f, "{name}: ")?;
                }
                let path = path.escape_debug();
                match (before, after) {
                    (None, after) => write!(f, "{path} is new: {}", value(after)),
                    (before, None) => write!(f, "{path} is gone: {}", value(before)),
                    (before, after) => write!(f, "{path} changes from {} to {}", value(before), value(after)),
                }
            }
            Self::Layout => f.write_str("says the same, laid out otherwise"),
        }
    }
}

/// A day where a moment is its beginning, else all of it.
fn date(moment: &Moment) -> String {
    let text = moment.as_str();
    match text.split_once('T') {
        Some((date, "00:00:00Z" | "00:00:00.000Z")) => date.to_owned(),
        _ => text.escape_debug().to_string(),
    }
}

/// How a key or certificates are written.
fn form(written: &Json) -> &'static str {
    let mut all = written.as_array().map_or_else(|| [written].to_vec(), |chain| chain.iter().collect()).into_iter();
    if all.any(|one| held::pem(one.get("rawBytes").unwrap_or(one)).is_some()) { "PEM text" } else { "DER" }
}

fn date_or(moment: &Option<Moment>) -> String {
    moment.as_ref().map_or_else(|| "no day".to_owned(), date)
}

fn value(json: &Option<Json>) -> String {
    let Some(json) = json else { return "nothing".to_owned() };
    let text = json.pretty().split_whitespace().collect::<Vec<_>>().join(" ");
    let hidden = text.chars().count().saturating_sub(SHOWN);
    let shown: String = text.chars().take(SHOWN).collect();
    if hidden > 0 { format!("{shown} and {hidden} more characters") } else { shown }
}

/// `a`, `a and b`, `a, b and c`
fn and(texts: &[String]) -> String {
    match texts {
        [] => String::new(),
        [only] => only.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}
