//! Entries that are the same in two files, side by side.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::item::Item;
use super::{Change, encoding};
use crate::diff::{Change as JsonChange, member};
use crate::json::Json;

/// What changes in the entries.
pub(super) fn entries(before: &[Item], after: &[Item], changes: &mut Vec<Change>) {
    let pairs = pair(before, after);
    for (old, new) in &pairs {
        match (old, new) {
            (None, Some(new)) => changes.push(new.added()),
            (Some(old), None) => changes.push(Change::Removed { name: old.name.clone() }),
            (Some(old), Some(new)) => entry(old, new, changes),
            (None, None) => {}
        }
    }
    rewritten(&pairs, changes);
    order(&pairs, before, changes);
}

/// The kinds of entries that are the same bytes, and in the same order.
pub(super) fn same(before: &[Item], after: &[Item]) -> Vec<String> {
    let mut lists: Vec<&String> = after.iter().map(|item| &item.list).collect();
    lists.dedup();
    let of = |items: &[Item], list: &String| -> Vec<String> {
        items.iter().filter(|item| item.list == *list).map(|item| item.text.clone()).collect()
    };
    lists.into_iter().filter(|list| of(before, list) == of(after, list)).cloned().collect()
}

/// The entries without an end that stay as they are, of kinds that are not the `same`.
pub(super) fn open(before: &[Item], after: &[Item], same: &[String]) -> Vec<String> {
    let stays = pair(before, after).into_iter().filter_map(|(old, new)| {
        let (old, new) = (old?, new?);
        let open = old.entry == new.entry && new.valid_for().is_some_and(|valid| valid.end.is_none());
        (open && !same.contains(&new.list)).then(|| new.name.clone())
    });
    stays.collect()
}

/// Names the members in which two values differ, of an entry or of the file.
pub(super) fn members(
    name: Option<&str>,
    path: &str,
    before: Option<&Json>,
    after: Option<&Json>,
    changes: &mut Vec<Change>,
) {
    let mut found = Vec::new();
    member::values(before, after, path, &mut found);
    for change in found {
        if let JsonChange::Member { path, before, after } = change {
            changes.push(Change::Member { name: name.map(ToString::to_string), path, before, after });
        }
    }
}

/// Entries of one identity together, in the order of the later file; what goes away comes before what is added. Of
/// several with one identity those go together that say the same, then those with the same start, then the first with
/// the first.
fn pair<'a>(before: &'a [Item], after: &'a [Item]) -> Vec<(Option<&'a Item>, Option<&'a Item>)> {
    let mut left: Vec<&Item> = before.iter().collect();
    let mut pairs: Vec<(Option<&Item>, Option<&Item>)> = after.iter().map(|new| (None, Some(new))).collect();
    let alike: [Alike; 3] = [|old, new| old.entry == new.entry, |old, new| start(old) == start(new), |_, _| true];
    for alike in alike {
        for (old, new) in pairs.iter_mut().filter(|(old, _)| old.is_none()) {
            let Some(new) = new else { continue };
            let place = left.iter().position(|other| other.identity == new.identity && alike(other, new));
            *old = place.map(|place| left.remove(place));
        }
    }
    let mut all: Vec<_> = left.into_iter().map(|old| (Some(old), None)).collect();
    all.append(&mut pairs);
    all
}

type Alike = fn(&Item, &Item) -> bool;

fn start(item: &Item) -> Option<i64> {
    item.valid_for()?.start.map(|start| start.unix())
}

/// What changes in one entry, apart from how its times are written.
fn entry(old: &Item, new: &Item, changes: &mut Vec<Change>) {
    if old.entry == new.entry {
        return;
    }
    let name = || new.name.clone();
    let (Some(was), Some(is)) = (old.valid_for(), new.valid_for()) else {
        return members(Some(&new.name), "", Some(&old.entry), Some(&new.entry), changes);
    };
    let differ = |a: &Option<_>, b: &Option<_>| match (a, b) {
        (Some(a), Some(b)) => !super::Moment::same(a, b),
        (a, b) => a != b,
    };
    if differ(&was.start, &is.start) {
        changes.push(Change::Starts { name: name(), before: was.start.clone(), after: is.start.clone() });
    }
    if differ(&was.end, &is.end) {
        changes.push(Change::Ends { name: name(), before: was.end.clone(), after: is.end.clone() });
    }
    let certificates = |item: &Item| item.entry.get("certChain").and_then(|chain| chain.get("certificates")).cloned();
    let (old_chain, new_chain) = (certificates(old), certificates(new));
    let sorted = |chain: &Option<Json>| {
        let mut chain: Vec<Vec<u8>> =
            chain.iter().flat_map(|c| c.as_array().unwrap_or_default()).map(Json::canonical).collect();
        chain.sort();
        chain
    };
    let reordered = old_chain != new_chain && sorted(&old_chain) == sorted(&new_chain);
    let encoded = if reordered { None } else { encoding::encoded(old, new) };
    let turned = match &encoded {
        Some(Change::Encoded { before, after, .. }) if before.as_array().is_some() => {
            !encoding::same_order(before, after)
        }
        _ => reordered,
    };
    if turned {
        changes.push(Change::ChainOrder { name: name(), before: old.chain.clone(), after: new.chain.clone() });
    }
    let path = match &encoded {
        Some(Change::Encoded { path, .. }) => path.clone(),
        _ if reordered => "certChain.certificates".to_string(),
        _ => String::new(),
    };
    changes.extend(encoded);
    let told = |member: &str| {
        let below = member.strip_prefix(path.as_str()).filter(|_| !path.is_empty());
        below.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    let mut found = Vec::new();
    members(Some(&new.name), "", Some(&old.entry), Some(&new.entry), &mut found);
    let times = member::child(new.times, "validFor");
    changes.extend(found.into_iter().filter(|change| match change {
        Change::Member { path, .. } => {
            let time = path.strip_prefix(&times).is_some_and(|rest| matches!(rest, ".start" | ".end"));
            !(time || told(path))
        }
        _ => true,
    }));
}

/// The entries whose times are written otherwise.
fn rewritten(pairs: &[(Option<&Item>, Option<&Item>)], changes: &mut Vec<Change>) {
    let other = |old: &Item, new: &Item| {
        let (Some(was), Some(is)) = (old.valid_for(), new.valid_for()) else { return false };
        [(&was.start, &is.start), (&was.end, &is.end)].into_iter().any(|pair| match pair {
            (Some(a), Some(b)) => a != b && a.same(b),
            _ => false,
        })
    };
    let names = pairs.iter().filter_map(|(old, new)| {
        let (old, new) = ((*old)?, (*new)?);
        other(old, new).then(|| new.name.clone())
    });
    let names: Vec<String> = names.collect();
    if !names.is_empty() {
        changes.push(Change::Rewritten { names });
    }
}

/// Whether the entries that stay are in another order within their list.
fn order(pairs: &[(Option<&Item>, Option<&Item>)], before: &[Item], changes: &mut Vec<Change>) {
    let stay: Vec<(&Item, &Item)> = pairs.iter().filter_map(|(old, new)| Some(((*old)?, (*new)?))).collect();
    let mut lists: Vec<&String> = stay.iter().map(|(_, new)| &new.list).collect();
    lists.dedup();
    for list in lists {
        let of_list = || stay.iter().filter(|(_, new)| new.list == *list);
        let places = of_list().map(|(old, _)| before.iter().position(|item| core::ptr::eq(item, *old)));
        if !places.is_sorted() {
            changes.push(Change::Order { names: of_list().map(|(_, new)| new.name.clone()).collect() });
        }
    }
}
