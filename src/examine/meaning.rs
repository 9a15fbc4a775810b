//! What a change means, in sentences of at most 80 columns that need no colour.

mod material;

use std::fmt::Write as _;

use ceremony::diff::{Content, DelegationChange, KeyChange, KeysChange, ListedKey, Pattern, Share, TargetChange};
use ceremony::{Change, Json, KeyId, RoleDiff, Time};

use crate::text::{escaped, wrapped};

pub(crate) use material::{endings, file, starts};

/// How many characters of an unknown member are shown; all of it is in the report for programs.
const SHOWN: usize = 300;

/// How many new target files of a role are shown, of those that change or go away every one; all of them are in the report
/// for programs.
const ADDED: usize = 100;

/// What changes in one role, behind two blanks. `at` is when it was staged, if it is a proposal.
pub(crate) fn role(diff: &RoleDiff, at: Option<Time>) -> String {
    let role = escaped(&diff.role);
    let mut out = String::new();
    match diff.before {
        Some(before) => line(&format!("{role}, version {before} -> {}", diff.after), 0, &mut out),
        None => line(&format!("{role}, version {}: there was none before", diff.after), 0, &mut out),
    }
    if diff.changes.is_empty() {
        line("Nothing else changes.", 2, &mut out);
    }
    let mut told: Vec<&KeysChange> = Vec::new();
    let mut added = 0;
    for change in &diff.changes {
        match change {
            Change::Keys(keys) if told.iter().any(|other| alike(other, keys)) => {}
            Change::Keys(keys) => {
                let with = diff.changes.iter().filter_map(|other| match other {
                    Change::Keys(other) if alike(other, keys) => Some(other.role.as_str()),
                    _ => None,
                });
                self::keys(&with.collect::<Vec<_>>(), keys, &mut out);
                told.push(keys);
            }
            Change::Expires { before, after } => expires(before.as_deref(), after, at, &mut out),
            Change::Key(key) => self::key(key, &mut out),
            Change::Delegation(delegation) => self::delegation(delegation, &mut out),
            Change::DelegationOrder { before, after } => {
                let text = format!("Clients ask the roles below in another order: {}", listing(after));
                line(&format!("{text}; before: {}.", listing(before)), 2, &mut out);
            }
            Change::Target(target) => {
                added += usize::from(matches!(target, TargetChange::Added { .. }));
                if added <= ADDED || !matches!(target, TargetChange::Added { .. }) {
                    self::target(target, &mut out);
                }
            }
            Change::Member { path, before, after } => member(path, before.as_ref(), after.as_ref(), 2, &mut out),
            other => line(&format!("{other:?}"), 2, &mut out),
        }
    }
    if added > ADDED {
        let more = added - ADDED;
        line(&format!("+ {more} more new target files; `trustroot review --json` names each."), 2, &mut out);
    }
    out
}

fn expires(before: Option<&str>, after: &str, at: Option<Time>, out: &mut String) {
    let days = |at: Time| Time::parse_lenient(after).ok().map(|after| at.days_until(after));
    let lasts = at.and_then(days).map_or_else(String::new, |days| format!(", {} after staging", days_text(days)));
    let before = before.map_or_else(String::new, |before| format!("; before: {}", escaped(before)));
    line(&format!("Expires {}{lasts}{before}.", escaped(after)), 2, out);
}

/// `1 day`, `12 days`
fn days_text(days: i64) -> String {
    format!("{days} day{}", if days == 1 { "" } else { "s" })
}

/// Whether two roles have the same change, so that it is told once.
fn alike(a: &KeysChange, b: &KeysChange) -> bool {
    let role = a.role.clone();
    *a == KeysChange { role, ..b.clone() }
}

fn keys(roles: &[&str], change: &KeysChange, out: &mut String) {
    let names: Vec<String> = roles.iter().map(|role| escaped(role).to_string()).collect();
    let share = |share: Share| format!("{} of {}", share.threshold, keys_text(share.keys));
    let text = match (change.before, change.after) {
        (Some(before), Some(after)) if before == after => format!("{} must sign, as before", share(after)),
        (Some(before), Some(after)) => format!("{} must sign; before: {}", share(after), share(before)),
        (None, Some(after)) => format!("{} must sign", share(after)),
        (Some(before), None) => format!("nobody any more; before: {}", share(before)),
        (None, None) => String::new(),
    };
    line(&format!("Who signs {}: {text}.", and(&names)), 2, out);
    let lowered = change.before.zip(change.after).is_some_and(|(before, after)| after.threshold < before.threshold);
    if lowered {
        line("! Fewer people than before are enough.", 4, out);
    }
    for key in &change.joins {
        line(&format!("+ {} joins", self::name(key)), 4, out);
    }
    for key in &change.leaves {
        line(&format!("- {} leaves", self::name(key)), 4, out);
    }
    for (old, new) in &change.replaced {
        let text = match (&old.holder, &new.holder) {
            (Some(was), Some(is)) if was == is => {
                format!("~ {} changes keys: {} -> {}", escaped(is), key_text(old), key_text(new))
            }
            _ => format!("~ {} is replaced by {}", self::name(old), self::name(new)),
        };
        line(&text, 4, out);
    }
    for (before, key) in &change.renamed {
        line(&format!("~ {} is listed under another id: {}", name(key), ids(before, &key.ids)), 4, out);
    }
    if change.reordered {
        line("~ the ids stand in another order, which means nothing to clients", 4, out);
    }
    if change.stays.is_empty() {
        return;
    }
    let stays: Vec<String> = change.stays.iter().map(short_name).collect();
    let verb = if stays.len() == 1 { "stays" } else { "stay" };
    line(&format!("= {} {verb}", and(&stays)), 4, out);
}

fn key(change: &KeyChange, out: &mut String) {
    match change {
        KeyChange::UnusedAdded(key) => line(&format!("A key is listed that signs nothing: {}.", name(key)), 2, out),
        KeyChange::UnusedRemoved(key) => {
            line(&format!("A key that signed nothing is no longer listed: {}.", name(key)), 2, out);
        }
        KeyChange::Object { before, after, members } => {
            let id = after.ids.first().map(KeyId::short).unwrap_or_default();
            let text = match before.key.is_some() && before.key == after.key {
                true => format!("The key {} is described otherwise under the same id {id}:", name(after)),
                false => format!("The id {id} now names {}; before: {}:", name(after), name(before)),
            };
            line(&text, 2, out);
            for change in members {
                if let Change::Member { path, before, after } = change {
                    member(path, before.as_ref(), after.as_ref(), 4, out);
                }
            }
        }
    }
}

fn delegation(change: &DelegationChange, out: &mut String) {
    match change {
        DelegationChange::Added { name, paths, terminating } => {
            let end = if *terminating { "; clients that match ask no later role" } else { "" };
            line(&format!("+ role {} is trusted for {}{end}", escaped(name), patterns(paths)), 2, out);
        }
        DelegationChange::Removed { name, paths } => {
            let text = format!("- role {} is no longer trusted for {}", escaped(name), patterns(paths));
            line(&format!("{text}: its target files are gone for clients"), 2, out);
        }
        DelegationChange::Paths { name, added, removed } => {
            if !added.is_empty() {
                line(&format!("+ role {} is now trusted for {} as well", escaped(name), patterns(added)), 2, out);
            }
            if !removed.is_empty() {
                line(&format!("- role {} is no longer trusted for {}", escaped(name), patterns(removed)), 2, out);
            }
        }
        DelegationChange::Terminating { name, after } => {
            let text = if *after { "ask no later role any more" } else { "now go on to the later roles" };
            line(&format!("~ clients that match role {} {text}", escaped(name)), 2, out);
        }
    }
}

fn target(change: &TargetChange, out: &mut String) {
    match change {
        TargetChange::Added { path, content, custom } => {
            line(&format!("+ {}, a new target file of {}", escaped(path), bytes(content)), 2, out);
            digest("", content, out);
            if let Some(custom) = custom {
                member("custom", None, Some(custom), 6, out);
            }
        }
        TargetChange::Removed { path, content } => {
            line(&format!("- {}, a target file of {}, is taken away", escaped(path), bytes(content)), 2, out);
        }
        TargetChange::Content { path, before, after } => {
            let text = format!("~ {} changes: {}; before: {}", escaped(path), bytes(after), bytes(before));
            line(&text, 2, out);
            digest("", after, out);
            digest("before:\n", before, out);
        }
        TargetChange::Custom { path, before, after } => {
            line(&format!("~ of {} it is said otherwise:", escaped(path)), 2, out);
            member("custom", before.as_ref(), after.as_ref(), 6, out);
        }
    }
}

fn bytes(content: &Content) -> String {
    format!("{} byte{}", content.length, if content.length == 1 { "" } else { "s" })
}

fn digest(label: &str, content: &Content, out: &mut String) {
    let digest = content.sha256.map_or_else(|| "no SHA-256".to_owned(), |digest| format!("SHA-256 {digest}"));
    line(&format!("{label}{digest}"), 6, out);
}

fn member(path: &str, before: Option<&Json>, after: Option<&Json>, indent: usize, out: &mut String) {
    let value = |value: Option<&Json>| match value {
        None => "nothing".to_owned(),
        Some(value) => {
            let text = value.pretty().split_whitespace().collect::<Vec<_>>().join(" ");
            let hidden = text.chars().count().saturating_sub(SHOWN);
            let more = if hidden > 0 { format!(" and {hidden} more characters") } else { String::new() };
            format!("{}{more}", escaped(&text.chars().take(SHOWN).collect::<String>()))
        }
    };
    let text = match (before, after) {
        (None, after) => format!("{} is new: {}", escaped(path), value(after)),
        (before, None) => format!("{} is gone: {}", escaped(path), value(before)),
        (before, after) => format!("{}: {} -> {}", escaped(path), value(before), value(after)),
    };
    line(&text, indent, out);
}

/// `alice (P-256 key 1a2b3c4d)`
fn name(key: &ListedKey) -> String {
    match (&key.holder, key.key) {
        (Some(holder), _) => format!("{} ({})", escaped(holder), key_text(key)),
        (None, Some(_)) => format!("a key without a record ({})", key_text(key)),
        (None, None) => key_text(key),
    }
}

fn short_name(key: &ListedKey) -> String {
    let file = if key.in_file && !key.online { " (key in a file)" } else { "" };
    match (&key.holder, key.key) {
        (Some(holder), _) => format!("{}{file}", escaped(holder)),
        (None, _) => name(key),
    }
}

fn key_text(key: &ListedKey) -> String {
    let Some((fingerprint, algorithm)) = key.key else {
        let id = key.ids.first().map(KeyId::short).unwrap_or_default();
        return format!("the id {id}, behind which is no key that can be used");
    };
    let mut text = format!("{algorithm} key {}", fingerprint.short());
    if key.online {
        text.push_str(", signs unattended");
    }
    if key.in_file {
        text.push_str(", in a file");
    }
    if let Some(device) = &key.made_in {
        let _ = write!(text, ", proven to be made in {device}");
    }
    if let Some(owner) = key.claimed_owner.as_ref().filter(|_| key.holder.is_none()) {
        let _ = write!(text, ", said to be {}'s", escaped(owner));
    }
    if key.ids.len() > 1 {
        let _ = write!(text, ", under {} ids", key.ids.len());
    }
    text
}

fn ids(before: &[KeyId], after: &[KeyId]) -> String {
    let short = |ids: &[KeyId]| ids.iter().map(KeyId::short).collect::<Vec<_>>().join(", ");
    format!("{} -> {}", short(before), short(after))
}

fn patterns(patterns: &[Pattern]) -> String {
    let texts = patterns.iter().map(|pattern| match pattern {
        Pattern::Path(path) => format!("\"{}\"", escaped(path)),
        Pattern::HashPrefix(prefix) => format!("paths whose SHA-256 starts with {}", escaped(prefix)),
    });
    let texts: Vec<String> = texts.collect();
    if texts.is_empty() { "no path".to_owned() } else { and(&texts) }
}

fn listing(names: &[String]) -> String {
    names.iter().map(|name| escaped(name).to_string()).collect::<Vec<_>>().join(", ")
}

fn keys_text(keys: usize) -> String {
    format!("{keys} key{}", if keys == 1 { "" } else { "s" })
}

/// `a`, `a and b`, `a, b and c`
pub(crate) fn and(texts: &[String]) -> String {
    match texts {
        [] => String::new(),
        [only] => only.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

/// Puts a sentence on lines of its own; those after the first stand under its text.
fn line(text: &str, indent: usize, out: &mut String) {
    let marked = text.starts_with(['+', '-', '~', '=', '!']) && text[1..].starts_with(' ');
    let indent = indent + 2;
    let hanging = indent + if marked { 2 } else { 0 };
    let text = wrapped(text, hanging);
    let first = if marked { indent } else { hanging };
    out.push_str(&" ".repeat(first));
    out.push_str(text.trim_start_matches(' '));
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use ceremony::Metadata;

    use super::*;

    fn targets(version: u64, rest: &str) -> Metadata {
        let head = format!(r#""_type": "targets", "version": {version}, "expires": "2026-01-01T00:00:00Z""#);
        Metadata::new(Json::parse(format!("{{{head}, {rest}}}").as_bytes()).unwrap(), Vec::new()).unwrap()
    }

    fn delegating(version: u64, roles: &[(&str, &str)]) -> Metadata {
        let role = |(name, rest): &(&str, &str)| {
            format!(r#"{{"name": "{name}", "keyids": ["gone"], "threshold": 1, {rest}}}"#)
        };
        let roles = roles.iter().map(role).collect::<Vec<_>>().join(", ");
        targets(version, &format!(r#""targets": {{}}, "delegations": {{"keys": {{}}, "roles": [{roles}]}}"#))
    }

    fn told(before: Option<&Metadata>, after: &Metadata) -> String {
        let text = role(&RoleDiff::of("targets", before, after, &[]).unwrap(), None);
        let long: Vec<&str> = text.lines().filter(|line| line.chars().count() > 80).collect();
        assert!(long.is_empty(), "{long:#?}");
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn delegations_are_sentences() {
        let a = r#""paths": ["a/*", "b/*"], "terminating": true"#;
        let before = delegating(1, &[("one", a), ("two", a), ("gone", a)]);
        let after = delegating(2, &[("two", r#""paths": ["a/*", "c"]"#), ("one", a), ("new", r#""paths": []"#)]);
        let text = told(Some(&before), &after);
        for sentence in [
            "targets, version 1 -> 2",
            "- role gone is no longer trusted for \"a/*\" and \"b/*\": its target files are gone for clients",
            "Who signs gone: nobody any more; before: 1 of 0 keys.",
            "+ role new is trusted for no path",
            "+ the id gone, behind which is no key that can be used joins",
            "+ role two is now trusted for \"c\" as well",
            "- role two is no longer trusted for \"b/*\"",
            "~ clients that match role two now go on to the later roles",
            "Clients ask the roles below in another order: two, one; before: one, two.",
        ] {
            assert!(text.contains(sentence), "no {sentence:?} in {text}");
        }
    }

    #[test]
    fn hostile_names_stay_on_their_line() {
        let after = targets(1, r#""targets": {"a\u001b[2J\nroot, version 9": {"length": 1, "hashes": {}}}, "x\ny": 1"#);
        let text = role(&RoleDiff::of("targets", None, &after, &[]).unwrap(), None);
        assert!(text.contains(r"a\u{1b}[2J\u{a}root, version 9, a new target file of 1 byte"), "{text}");
        assert!(text.contains(r#"["x\ny"] is new: 1"#), "{text}");
        assert!(!text.contains('\u{1b}') && text.lines().skip(1).all(|line| line.starts_with("    ")));
    }

    #[test]
    fn what_has_no_sentence_is_named_by_its_path() {
        let long = "x".repeat(1000);
        let before = targets(1, r#""targets": {}, "x-period": 31, "x-gone": {"a": [1, 2]}"#);
        let after = targets(2, &format!(r#""targets": {{}}, "x-period": 46, "x-note": "{long}""#));
        let text = role(&RoleDiff::of("targets", Some(&before), &after, &[]).unwrap(), None);
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains("x-period: 31 -> 46"), "{text}");
        assert!(text.contains(r#"x-gone is gone: { "a": [ 1, 2 ] }"#), "{text}");
        assert!(text.contains("and 702 more characters") && !text.contains(&long), "{text}");
    }
}
