//! Keys of which somebody said that they are compromised.

use ceremony::Time;
use ceremony::material::evidence::file_name;
use ceremony::material::{Evidence, Instance, Moment, TrustedRoot};

use super::LIMIT;
use crate::ceremony_dir::{Ceremony, Outline};
use crate::disk::{self, Place};
use crate::error::Failure;
use crate::workdir::Workdir;

/// That the key of an entry is compromised.
pub(crate) struct Stated {
    /// Since when.
    pub(crate) since: Time,
    /// The file that says so: in `evidence/`, or in a ceremony that was not abandoned.
    pub(crate) file: String,
}

/// The statement of the earliest moment that there is of the key of an entry, or of a key that it trusts of one in `roots`,
/// if there is any.
pub(crate) fn stated(
    workdir: &Workdir,
    entry: &Instance<'_>,
    roots: [Option<&TrustedRoot>; 2],
) -> Result<Option<Stated>, Failure> {
    let others = roots.into_iter().flatten().flat_map(TrustedRoot::instances);
    let others = others.filter(|other| other != entry && entry.trusts_key_of(other));
    let mut all = Vec::new();
    for entry in std::iter::once(*entry).chain(others) {
        all.extend(of_entry(workdir, &entry)?);
    }
    Ok(all.into_iter().min_by_key(|stated| stated.since))
}

/// All statements of this entry itself.
fn of_entry(workdir: &Workdir, entry: &Instance<'_>) -> Result<Vec<Stated>, Failure> {
    let name = file_name(entry);
    let mut places: Vec<(String, Place)> = vec![(format!("evidence/{name}"), workdir.evidence(&name))];
    for ceremony in Ceremony::names(workdir)? {
        let place = workdir.ceremony(&ceremony).inputs().join("evidence").join(&name);
        // One that cannot be read any more says what it says all the same.
        if disk::exists(&place)? && !Outline::read(workdir, &ceremony).is_ok_and(|outline| outline.abandoned) {
            places.push((format!("ceremonies/{ceremony}/inputs/evidence/{name}"), place));
        }
    }
    let mut all = Vec::new();
    for (file, place) in places {
        let bytes = disk::read_if_there(&place, LIMIT)?;
        let evidence = bytes.and_then(|bytes| Evidence::verify(&bytes, entry).ok());
        all.extend(evidence.and_then(|evidence| evidence.compromised).map(|since| Stated { since, file }));
    }
    Ok(all)
}

/// Refuses to trust a key, new or again or for longer, after the moment since which it is said to be compromised: of an
/// entry in `published` or `before`, whatever certifies it now.
pub(crate) fn refuse(
    workdir: &Workdir,
    published: Option<&TrustedRoot>,
    before: Option<&TrustedRoot>,
    after: Option<&TrustedRoot>,
) -> Result<(), Failure> {
    let end = |entry: &Instance<'_>| entry.valid_for().ok().and_then(|valid| valid.end);
    for entry in after.into_iter().flat_map(TrustedRoot::instances) {
        let same = |other: &Instance<'_>| other.kind == entry.kind && other.identity() == entry.identity();
        let mut was = before.into_iter().flat_map(TrustedRoot::instances).filter(same);
        let now = end(&entry);
        let no_longer = |was: &Instance<'_>| match (end(was), &now) {
            (None, _) => true,
            (Some(was), Some(now)) => !was.is_before(now),
            (Some(_), None) => false,
        };
        if was.any(|was| no_longer(&was)) {
            continue;
        }
        let Some(Stated { since, file }) = stated(workdir, &entry, [published, before])? else { continue };
        if now.is_none_or(|now| Moment::from(since).is_before(&now)) {
            return Err(Failure::no(format!("{} is not trusted again", entry.subject()))
                .and_cause(format!("its key is compromised since {since}, says {file}"))
                .hint(
                    "rotate to another key; what was said of it and is not published yet, `trustroot material discard` \
                     takes back",
                ));
        }
    }
    Ok(())
}
