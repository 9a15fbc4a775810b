//! When what is valid: bars side by side, and what is between them.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::coverage::{self, Hole};
use super::files::Material;
use super::instance::{Instance, Kind};
use super::moment::{Moment, ValidFor};
use super::signing_config::{Form, ServiceKind, SigningConfig};

/// The bars of a trusted root and of signing configs, in the order of the files.
#[derive(Clone, Debug, PartialEq)]
pub struct Timeline {
    /// One lane for each kind that has entries, or should have.
    pub lanes: Vec<Lane>,
}

/// What is of one kind.
#[derive(Clone, Debug, PartialEq)]
pub struct Lane {
    /// What for: `Fulcio`, `CT log`, `signing with Rekor`; of a signing config that few read with its path. Untrusted
    /// text.
    pub name: String,
    /// Its entries.
    pub bars: Vec<Bar>,
    /// When none of them is valid, and one is needed.
    pub holes: Vec<Hole>,
    /// When more than one is.
    pub overlaps: Vec<Overlap>,
}

/// One entry.
#[derive(Clone, Debug, PartialEq)]
pub struct Bar {
    /// How it is called: its URL, with the digits at the end of its subject where another of its kind has the same URL.
    /// Untrusted text.
    pub label: String,
    /// When it is valid.
    pub valid_for: ValidFor,
}

/// A time in which two entries are valid.
#[derive(Clone, Debug, PartialEq)]
pub struct Overlap {
    /// The first moment.
    pub from: Moment,
    /// The last; none if it is open.
    pub to: Option<Moment>,
}

impl Timeline {
    /// The lanes of this material. An entry whose times cannot be read has no bar; the old form of signing configs has
    /// no times. Of a signing config beside the one that clients read there is what differs from that one.
    pub fn of(material: &Material) -> Self {
        let mut lanes = Vec::new();
        for kind in Kind::ALL {
            let entries = material.trusted_root.iter().flat_map(|root| root.of_kind(*kind));
            let bars = entries.filter_map(|entry| Some((label(material, &entry)?, entry.valid_for().ok()?)));
            lanes.push(Lane::of(kind.to_string(), bars, coverage::of_kind(material, *kind)));
        }
        let signing = |config: &SigningConfig, kind: ServiceKind, path: Option<&str>| {
            let bars = config.of_kind(kind);
            let bars = bars.filter_map(|service| Some((service.url()?.to_string(), service.valid_for().ok()?)));
            let path = path.map_or_else(String::new, |path| [" by ", path].concat());
            Lane::of(["signing with ", &kind.to_string(), &path].concat(), bars, coverage::of_service(config, kind))
        };
        let read = material.signing_config().filter(|config| config.form() == Form::V02);
        for kind in ServiceKind::ALL {
            lanes.extend(read.map(|config| signing(config, *kind, None)));
        }
        let others = material.signing_configs.iter().filter(|(path, _)| path.as_str() != SigningConfig::TARGET);
        for (path, config) in others.filter(|(_, config)| config.form() == Form::V02) {
            let same = |kind: &ServiceKind| read.is_some_and(|read| same_services(read, config, *kind));
            lanes.extend(
                ServiceKind::ALL.iter().filter(|kind| !same(kind)).map(|kind| signing(config, *kind, Some(path))),
            );
        }
        lanes.retain(|lane| !lane.bars.is_empty() || !lane.holes.is_empty());
        Self { lanes }
    }

    /// From the first start to the last end or start, in seconds after 1970-01-01T00:00:00Z; none without any time.
    pub fn span(&self) -> Option<(i64, i64)> {
        let bars = self.lanes.iter().flat_map(|lane| &lane.bars);
        let times = bars.flat_map(|bar| [&bar.valid_for.start, &bar.valid_for.end]).flatten().map(Moment::unix);
        let (first, last) = (times.clone().min()?, times.max()?);
        Some((first, last))
    }
}

impl Lane {
    fn of(name: String, bars: impl Iterator<Item = (String, ValidFor)>, holes: Vec<Hole>) -> Self {
        let bars: Vec<Bar> = bars.map(|(label, valid_for)| Bar { label, valid_for }).collect();
        let spans: Vec<ValidFor> = bars.iter().map(|bar| bar.valid_for.clone()).collect();
        Self { name, holes, overlaps: overlaps(&spans), bars }
    }
}

/// How an entry is called.
fn label(material: &Material, entry: &Instance<'_>) -> Option<String> {
    let url = entry.url()?;
    let alike = material.trusted_root.iter().flat_map(|root| root.of_kind(entry.kind));
    if alike.filter(|other| other.url() == Some(url)).count() < 2 {
        return Some(url.to_string());
    }
    let subject = entry.subject();
    Some([url, subject.rsplit(' ').next().unwrap_or_default()].join(" "))
}

/// Whether both say the same of the services of a kind.
fn same_services(one: &SigningConfig, other: &SigningConfig, kind: ServiceKind) -> bool {
    one.of_kind(kind).map(|service| service.entry).eq(other.of_kind(kind).map(|service| service.entry))
}

/// When two or more are valid, entry by entry in the order of their starts.
fn overlaps(spans: &[ValidFor]) -> Vec<Overlap> {
    let mut sorted: Vec<(&Moment, Option<&Moment>)> =
        spans.iter().filter_map(|span| Some((span.start.as_ref()?, span.end.as_ref()))).collect();
    sorted.sort_by_key(|(start, _)| start.unix());
    let mut overlaps = Vec::new();
    let mut sorted = sorted.into_iter();
    let Some((_, mut latest)) = sorted.next() else { return overlaps };
    for (start, end) in sorted {
        if latest.is_none_or(|latest| !latest.is_before(start)) {
            let to = match (latest, end) {
                (Some(a), Some(b)) => Some(if b.is_before(a) { b } else { a }),
                (a, b) => a.or(b),
            };
            overlaps.push(Overlap { from: start.clone(), to: to.cloned() });
        }
        latest = match (latest, end) {
            (Some(a), Some(b)) => Some(if b.is_before(a) { a } else { b }),
            _ => None,
        };
    }
    overlaps
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::moment::tests::span;
    use super::*;

    #[test]
    fn overlaps_are_where_two_are_valid() {
        let spans = [span("2021-03-14T00:00:00Z", "2022-10-31T23:59:59.999Z"), span("2022-10-20T00:00:00Z", "")];
        let overlap = overlaps(&spans);
        assert_eq!(overlap.len(), 1);
        assert_eq!(overlap[0].from.as_str(), "2022-10-20T00:00:00Z");
        assert_eq!(overlap[0].to.as_ref().unwrap().as_str(), "2022-10-31T23:59:59.999Z");
        assert!(
            overlaps(&[span("2021-01-01T00:00:00Z", "2021-02-01T00:00:00Z"), span("2022-01-01T00:00:00Z", "")])
                .is_empty()
        );
    }
}
