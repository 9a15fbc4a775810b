//! Changes of a signing config.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::{EditError, Subjects, object};
use crate::json::Json;
use crate::material::moment::Moment;
use crate::material::signing_config::{Form, Selector, Service, ServiceKind, SigningConfig};
use crate::material::spans::Step;
use crate::material::url::ServiceUrl;

/// A new service of a signing config.
#[derive(Clone, Debug, PartialEq)]
pub struct NewService {
    /// Where it is.
    pub url: ServiceUrl,
    /// The major version of its interface.
    pub major_api_version: u64,
    /// From when on signers use it.
    pub start: Moment,
    /// Who runs it, as one name for all services of one operator.
    pub operator: String,
}

impl SigningConfig {
    /// With a new service, before all that start no later: signers take the first that is valid.
    ///
    /// # Errors
    /// If the config is of the old form, or has a service of this kind, URL and version that has not ended by the start.
    pub fn add(&self, kind: ServiceKind, new: &NewService) -> Result<Self, EditError> {
        self.editable()?;
        if let Some(there) = self.goes_on(kind, &new.url, new.major_api_version, &new.start) {
            return Err(EditError::There { subject: there.subject() });
        }
        let json = object([
            ("url", Json::string(new.url.as_str())),
            ("majorApiVersion", new.major_api_version.into()),
            ("validFor", object([("start", Json::string(new.start.as_str()))])),
            ("operator", Json::string(&new.operator)),
        ]);
        Ok(self.place(kind, &json, |other| new.start.is_before(other)))
    }

    /// With every service of `other` that is not here, as it stands there: by kind, URL and version. Each goes before all
    /// that start earlier. Returns how many there were. How many of them a signer uses stays as it is.
    ///
    /// # Errors
    /// If one of the two is of the old form.
    pub fn merge(&self, other: &Self) -> Result<(Self, usize), EditError> {
        self.editable()?;
        other.editable()?;
        let (mut merged, mut count) = (self.clone(), 0);
        for new in other.services() {
            let same =
                |old: &Service<'_>| old.place() == new.place() && old.major_api_version() == new.major_api_version();
            if !merged.of_kind(new.kind).any(|old| same(&old)) {
                let start = new.valid_for().ok().and_then(|valid| valid.start).unwrap_or_else(Moment::beginning);
                (merged, count) = (merged.place(new.kind, new.entry, |other| !other.is_before(&start)), count + 1);
            }
        }
        Ok((merged, count))
    }

    /// With a service that is not there, behind the last whose start is `ahead`.
    fn place(&self, kind: ServiceKind, json: &Json, ahead: impl Fn(&Moment) -> bool) -> Self {
        let later = |service: &Service<'_>| {
            service.valid_for().ok().and_then(|valid| valid.start).is_some_and(|start| ahead(&start))
        };
        let services: Vec<Service<'_>> = self.of_kind(kind).collect();
        let index = services.iter().rposition(later).map_or(0, |last| last + 1);
        self.with(kind, index, json)
    }

    /// With signers using the service of this kind, URL and version at `start` and from then on, where they know it by
    /// then: one that would end later is opened again. None if it is to be added.
    pub fn go_on(&self, kind: ServiceKind, url: &ServiceUrl, version: u64, start: &Moment) -> Option<Self> {
        let service = self.goes_on(kind, url, version, start)?;
        let path = [Step::Name(kind.list(self.form())), Step::Index(service.index), Step::Name("validFor")];
        let ends = service.entry.get("validFor").is_some_and(|valid| valid.get("end").is_some());
        Some(if ends { self.unset(&path, "end") } else { self.clone() })
    }

    /// The service of this kind, URL and version that has not ended by `start`: one that is open, else the first.
    fn goes_on(&self, kind: ServiceKind, url: &ServiceUrl, version: u64, start: &Moment) -> Option<Service<'_>> {
        let same =
            |service: &Service<'_>| service.url() == Some(url.as_str()) && service.major_api_version() == Some(version);
        let over = |service: &Service<'_>| service.valid_for().is_ok_and(|valid| valid.is_over(start));
        self.of_kind(kind).filter(same).filter(|service| !over(service)).min_by_key(|service| !is_open(service))
    }

    /// The one service of this kind that `url` names: its URL, or a part of it; of several the one that is open.
    /// `started` tells it from others at its URL, open or not, by its start.
    ///
    /// # Errors
    /// If there is none, or more than one.
    pub fn find(&self, kind: ServiceKind, url: &str, started: Option<&Moment>) -> Result<Service<'_>, EditError> {
        let named = |service: &Service<'_>| service.url().is_some_and(|other| other.contains(url));
        let then = |service: &Service<'_>| {
            let start = service.valid_for().ok().and_then(|valid| valid.start);
            started.is_none_or(|started| start.is_some_and(|start| start.same(started)))
        };
        let found: Vec<Service<'_>> = self.of_kind(kind).filter(named).filter(then).collect();
        let open: Vec<Service<'_>> = found.iter().copied().filter(is_open).collect();
        let found = if open.is_empty() { found } else { open };
        let exact: Vec<_> = found.iter().copied().filter(|service| service.url() == Some(url)).collect();
        let name = url.escape_debug().to_string();
        let subjects = |services: &[Service<'_>]| Subjects(services.iter().map(|s| s.subject()).collect());
        match (exact.as_slice(), found.as_slice()) {
            ([one], _) | ([], [one]) => Ok(*one),
            ([], []) => {
                let present = self.of_kind(kind).collect::<Vec<_>>();
                Err(EditError::Absent { name, present: subjects(&present) })
            }
            ([], several) | (several, _) => Err(EditError::Several { name, several: subjects(several) }),
        }
    }

    /// With the service of this kind at `url` valid until `at`; of several at one URL, the one that is open.
    ///
    /// # Errors
    /// If the config is of the old form, has not one such service, or it starts later or has ended.
    pub fn end(&self, kind: ServiceKind, url: &str, at: &Moment) -> Result<Self, EditError> {
        self.editable()?;
        let service = self.find(kind, url, None)?;
        let valid = service.valid_for()?;
        if let Some(end) = valid.end {
            return Err(EditError::Ended { subject: service.subject(), end });
        }
        if let Some(start) = valid.start.filter(|start| !start.is_before(at)) {
            return Err(EditError::EndBeforeStart { subject: service.subject(), start, end: at.clone() });
        }
        Ok(self.timed(kind, service.index, "end", Some(at)))
    }

    /// With another `start` or `end` of a service; without it if there is no moment.
    pub(super) fn timed(&self, kind: ServiceKind, index: usize, name: &str, at: Option<&Moment>) -> Self {
        let path = [Step::Name(kind.list(self.form())), Step::Index(index), Step::Name("validFor")];
        let (service, times) = (&path[..2], &path[..]);
        let time = at.map(|at| Json::string(at.as_str()));
        let there = self.of_kind(kind).nth(index).is_some_and(|service| service.entry.get("validFor").is_some());
        match time {
            Some(time) if !there => self.set(service, "validFor", &object([(name, time)])),
            Some(time) => self.set(times, name, &time),
            None => self.unset(times, name),
        }
    }

    /// With signers using so many of the services of this kind.
    ///
    /// # Errors
    /// If the config is of the old form, or signers always use one service of this kind.
    pub fn select(&self, kind: ServiceKind, selector: Selector) -> Result<Self, EditError> {
        self.editable()?;
        let config = kind.config().ok_or(EditError::NoSelector { kind: kind.word() })?;
        Ok(self.set(&[], config, &selector.json()))
    }

    /// Refuses the old form.
    pub(super) fn editable(&self) -> Result<(), EditError> {
        if self.form() == Form::V02 { Ok(()) } else { Err(EditError::OldForm) }
    }
}

fn is_open(service: &Service<'_>) -> bool {
    service.valid_for().is_ok_and(|valid| valid.end.is_none())
}
