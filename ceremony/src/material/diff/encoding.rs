//! Keys and certificates that are the same, and written otherwise.

use alloc::string::ToString;
use alloc::vec::Vec;

use super::Change;
use super::item::Item;
use crate::certificate::Certificate;
use crate::json::Json;
use crate::material::held;

/// That the key of an entry, or its certificates in whatever order, are the same and not written alike; none if they are
/// not the same.
pub(super) fn encoded(old: &Item, new: &Item) -> Option<Change> {
    let member = |outer: &str, inner: &str| {
        let of = |item: &Item| item.entry.get(outer).and_then(|outer| outer.get(inner)).cloned();
        of(old).zip(of(new)).filter(|(before, after)| before != after)
    };
    let name = new.name.clone();
    if let Some((before, after)) = member("publicKey", "rawBytes") {
        let same = held::key(&before).is_some_and(|held| held::key(&after) == Some(held));
        return same.then(|| Change::Encoded { name, path: "publicKey.rawBytes".to_string(), before, after });
    }
    let (before, after) = member("certChain", "certificates")?;
    let sorted = |chain| {
        let mut chain = certificates(chain)?;
        chain.sort();
        Some(chain)
    };
    let same = sorted(&before).is_some_and(|held| sorted(&after) == Some(held));
    same.then(|| Change::Encoded { name, path: "certChain.certificates".to_string(), before, after })
}

/// Whether two chains have the same certificates in the same order.
pub(super) fn same_order(before: &Json, after: &Json) -> bool {
    certificates(before).is_some_and(|before| certificates(after) == Some(before))
}

/// All certificates of a chain that says nothing beside them; none if anything is no certificate.
fn certificates(chain: &Json) -> Option<Vec<Vec<u8>>> {
    let one = |json: &Json| {
        let object = json.as_object().filter(|object| object.iter().count() == 1)?;
        held::certificates(object.get("rawBytes")?)
    };
    let all = chain.as_array()?.iter().map(one).collect::<Option<Vec<_>>>()?.concat();
    all.iter().all(|der| Certificate::from_der(der).is_ok()).then_some(all)
}
