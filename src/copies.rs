//! Where a copy lies of a published file that is gone or damaged.
//!
//! A copy is only pointed at: whether it is the right one shows when what is published is verified again. What the keys
//! of the newest published root do not vouch for is no copy.

use ceremony::{Policy, Root, tally};

use crate::ceremony_dir::Ceremony;
use crate::context::Context;
use crate::disk::{self, Place};
use crate::published::{METADATA_LIMIT, Published, PublishedFile, numbered};
use crate::text::escaped;

/// What helps against every file that is gone or damaged.
pub(crate) const MEND: &str = "find out what happened to it, and put back what was published, such as from what your \
                               server serves; then run the command again";

/// A sentence that says where a copy is of the published file `name`: `timestamp.json`, `N.ROLE.json`, or the path of a
/// target. None where no copy is known.
pub(crate) fn of(context: &Context, policy: &Policy, name: &str) -> Option<String> {
    let workdir = &context.workdir;
    let (version, role) = match numbered(name) {
        Some((version, role)) => (Some(version), role),
        None if name == "timestamp.json" => (None, "timestamp"),
        None => {
            let place = workdir.targets().join(name);
            let there = disk::exists(&place).is_ok_and(|there| there);
            return there.then(|| {
                format!("targets/{name} is a copy if its SHA-256 is the one that the name of the published file has")
            });
        }
    };
    let mut places: Vec<(String, Place)> = Vec::new();
    if let Ok(seen) = context.machine.seen_at(&policy.id, role) {
        places.push((seen.to_string(), seen));
    }
    for ceremony in Ceremony::names(workdir).ok()? {
        let root = workdir.ceremony(&ceremony).root().clone();
        let files = disk::list(&root.join("published"), FILES).unwrap_or_default();
        let mut paths: Vec<String> = files.iter().map(|file| format!("published/{}", file.name)).collect();
        paths.extend([format!("base/{name}"), format!("base/{role}.json")]);
        places.extend(paths.into_iter().map(|path| (format!("ceremonies/{ceremony}/{path}"), root.join(&path))));
    }
    let roots = Published::read(&workdir.repository()).map_or_else(|_| Vec::new(), |published| published.roots);
    let root = roots.last().and_then(|root| Root::of(&root.metadata).ok());
    // A root vouches for no root that is older, and not for the keys of a delegated role.
    let keys = root.as_ref().filter(|_| role != "root").and_then(|root| root.role(role));
    let copy = |(shown, place): (String, Place)| {
        let file = PublishedFile::parse(disk::read(&place, METADATA_LIMIT).ok()?).ok()?;
        let found = file.metadata.version();
        let signed = keys.is_none_or(|keys| tally(&file.metadata.payload(), &file.metadata.signatures, keys).met());
        let same = signed && place_role(&shown, role) && version.is_none_or(|version| version == found);
        same.then_some((found, shown))
    };
    let (version, shown) = places.into_iter().filter_map(copy).max()?;
    Some(format!("{} is a copy of {role} {version}", escaped(&shown)))
}

/// How many files of one directory are looked at.
const FILES: usize = 10_000;

/// Whether a file of this name is of `role`: `PATH/ROLE.json` or `PATH/N.ROLE.json`.
fn place_role(path: &str, role: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    numbered(name).map_or(name.strip_suffix(".json"), |(_, role)| Some(role)) == Some(role)
}
