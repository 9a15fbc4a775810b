//! Corrections: a start, an end or a URL of an entry is what it should have been from the first.

use alloc::string::String;

use super::EditError;
use crate::json::Json;
use crate::material::instance::Instance;
use crate::material::moment::{Moment, ValidFor};
use crate::material::signing_config::{Service, ServiceKind, SigningConfig};
use crate::material::spans::Step;
use crate::material::trusted_root::TrustedRoot;
use crate::material::url::ServiceUrl;

/// Times as they should have been; what is not said stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// From when.
    pub start: Option<Moment>,
    /// Until when.
    pub end: Option<End>,
}

/// An end as it should have been.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The last moment.
    At(Moment),
    /// There is none.
    Never,
}

/// A service of a signing config as it should have been; what is not said stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Correction {
    /// Where it is.
    pub url: Option<ServiceUrl>,
    /// The major version of its interface.
    pub major_api_version: Option<u64>,
    /// When signers use it.
    pub times: Times,
    /// Who runs it.
    pub operator: Option<String>,
}

impl Times {
    /// What `before` becomes. What is the same time stays as it is written.
    fn of(&self, before: &ValidFor, subject: String) -> Result<ValidFor, EditError> {
        let kept = |new: &Moment, old: Option<&Moment>| match old {
            Some(old) if old.same(new) => old.clone(),
            _ => new.clone(),
        };
        let start =
            self.start.as_ref().map(|start| kept(start, before.start.as_ref())).or_else(|| before.start.clone());
        let end = match &self.end {
            Some(End::At(end)) => Some(kept(end, before.end.as_ref())),
            Some(End::Never) => None,
            None => before.end.clone(),
        };
        match (&start, &end) {
            (Some(start), Some(end)) if !start.is_before(end) => {
                Err(EditError::EndBeforeStart { subject, start: start.clone(), end: end.clone() })
            }
            _ => Ok(ValidFor { start, end }),
        }
    }
}

impl TrustedRoot {
    /// With these times and this URL of an entry. Every other byte stays.
    ///
    /// # Errors
    /// If it would end before it starts, or has no end that could be another: an entry is ended by
    /// [`end`](Self::end), by what it signed last.
    pub fn correct(&self, entry: &Instance<'_>, times: &Times, url: Option<&ServiceUrl>) -> Result<Self, EditError> {
        let before = entry.valid_for()?;
        if times.end.is_some() && before.end.is_none() {
            return Err(EditError::NoEnd { subject: entry.subject() });
        }
        let after = times.of(&before, entry.subject())?;
        let mut root = self.clone();
        if after.start != before.start {
            root = root.timed(entry, "start", after.start.as_ref());
        }
        if after.end != before.end {
            root = root.timed(entry, "end", after.end.as_ref());
        }
        Ok(match url {
            Some(url) if entry.url() != Some(url.as_str()) => {
                root.set(entry, &[], entry.kind.url_member(), Some(&Json::string(url.as_str())))
            }
            _ => root,
        })
    }
}

impl SigningConfig {
    /// With a service as it should have been. Every other byte stays.
    ///
    /// # Errors
    /// If the config is of the old form, the service would end before it starts, or there would be two of its kind, URL
    /// and version at once.
    pub fn correct(&self, service: &Service<'_>, correction: &Correction) -> Result<Self, EditError> {
        self.editable()?;
        let before = service.valid_for()?;
        let after = correction.times.of(&before, service.subject())?;
        let (kind, index) = (service.kind, service.index);
        let path = [Step::Name(kind.list(self.form())), Step::Index(index)];
        let mut config = self.clone();
        if let Some(url) = correction.url.as_ref().filter(|url| service.url() != Some(url.as_str())) {
            config = config.set(&path, "url", &Json::string(url.as_str()));
        }
        if let Some(version) = correction.major_api_version.filter(|new| service.major_api_version() != Some(*new)) {
            config = config.set(&path, "majorApiVersion", &version.into());
        }
        if after.start != before.start {
            config = config.timed(kind, index, "start", after.start.as_ref());
        }
        if after.end != before.end {
            config = config.timed(kind, index, "end", after.end.as_ref());
        }
        if let Some(operator) = correction.operator.as_ref().filter(|new| service.operator() != Some(new.as_str())) {
            config = config.set(&path, "operator", &Json::string(operator));
        }
        match config.twin(kind, index).filter(|_| self.twin(kind, index).is_none()) {
            Some(subject) => Err(EditError::There { subject }),
            None => Ok(config),
        }
    }

    /// Another service of this kind at the URL and of the version of that at `index`, in use at the same time.
    fn twin(&self, kind: ServiceKind, index: usize) -> Option<String> {
        let this = self.of_kind(kind).nth(index)?;
        let mine = this.valid_for().ok()?;
        let same = |other: &Service<'_>| {
            other.index != index
                && (other.url(), other.major_api_version()) == (this.url(), this.major_api_version())
                && other.valid_for().is_ok_and(|valid| overlap(&mine, &valid))
        };
        self.of_kind(kind).find(same).map(|other| other.subject())
    }
}

/// Whether some moment lies in both.
fn overlap(a: &ValidFor, b: &ValidFor) -> bool {
    let over = |one: &ValidFor, other: &ValidFor| other.start.as_ref().is_some_and(|start| one.is_over(start));
    !over(a, b) && !over(b, a)
}
