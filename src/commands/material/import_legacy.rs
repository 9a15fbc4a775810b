//! `trustroot material import --legacy`: a trusted root of the single keys and certificates of older clients.

use ceremony::material::legacy::FromLegacy;
use ceremony::material::{Kind, Material, Moment, TrustedRoot};

use super::given::{Given, Named, Place, by_place};
use crate::context::Context;
use crate::error::{Failure, OrFail as _};
use crate::examine::and;
use crate::text::escaped;
use crate::ui::Ui;

/// The entries that the single files are worth; none where a file is taken over.
#[derive(Default)]
pub(super) struct Singles(Vec<FromLegacy>);

impl Singles {
    /// Reads those of which the trusted root has nothing yet, and asks for the URLs that they do not say.
    ///
    /// # Errors
    /// If there are none, one holds not what its usage says, or nobody answers.
    pub(super) fn read(material: &Material, given: &Given, ui: &mut Ui) -> Result<Self, Failure> {
        let mut entries = FromLegacy::all(&material.legacy).or_fail(|| "no trusted root was made")?;
        if entries.is_empty() {
            return Err(Failure::no("there is no single key and no single certificate in targets/")
                .hint("they are known by custom.sigstore.usage of the target, which `adopt` takes over with it"));
        }
        entries.retain(|entry| material.trusted_root.as_ref().is_none_or(|root| !entry.is_in(root)));
        if entries.is_empty() {
            return Err(Failure::no("nothing changes: the trusted root has all single keys and certificates already"));
        }
        for entry in &mut entries {
            let named = entry.paths.iter().find_map(|path| given.url(path)).map(ToString::to_string);
            let files = files(entry);
            entry.url = match named.or_else(|| entry.url.take()) {
                Some(url) => Some(url),
                None => {
                    let flag = format!("--url {}=URL", entry.paths.first().map_or("", String::as_str));
                    let question = format!("Where do clients reach the {} of {files}, which says no URL", entry.kind);
                    Some(ui.value::<ceremony::material::ServiceUrl>(&flag, &question, None)?.to_string())
                }
            };
            ui.say(match entry.signer() {
                Some(signer) if entry.paths.len() > 1 => {
                    format!("{files} are one chain of {}: {} signs", entry.kind, signer.subject())
                }
                Some(signer) => format!("{files} is a {} by itself: {} signs", entry.kind, signer.subject()),
                None => format!("{files}: the key of a {}", entry.kind),
            });
        }
        Ok(Self(entries))
    }

    /// A trusted root of them, without starts and ends.
    pub(super) fn trusted_root(&self) -> TrustedRoot {
        FromLegacy::trusted_root(&self.0)
    }

    /// The place of the one that is made of this file, in that trusted root; none if several are.
    pub(super) fn place(&self, path: &str) -> Option<Place> {
        let mut own = self.placed().filter(|(_, entry)| entry.paths.first().is_some_and(|first| first == path));
        own.next().filter(|_| own.next().is_none()).map(|(place, _)| place)
    }

    /// Each with its place in that trusted root, which has them by kind as they are here.
    fn placed(&self) -> impl Iterator<Item = (Place, &FromLegacy)> {
        let before = |at: usize, kind: Kind| self.0.iter().take(at).filter(|entry| entry.kind == kind).count();
        self.0.iter().enumerate().map(move |(at, entry)| ((entry.kind, before(at, entry.kind)), entry))
    }
}

/// `root` with an end of every entry whose files say that it has expired: as given, or asked for.
///
/// # Errors
/// If an end is given for what has not expired, lies before the start or in the future, or nobody answers.
pub(super) fn ended(
    root: TrustedRoot,
    singles: &Singles,
    ends: &[Named],
    context: &Context,
    ui: &mut Ui,
) -> Result<TrustedRoot, Failure> {
    let now = Moment::from(context.now);
    let find = |name: &str| {
        let found = || root.find_among(Kind::ALL, name, Some(&now)).map(|entry| (entry.kind, entry.index));
        singles.place(name).map_or_else(found, Ok)
    };
    let (mut given, others) = by_place("--end", ends, find)?;
    let mut after = root.clone();
    for (place, entry) in singles.placed().filter(|(_, entry)| entry.expired) {
        let path = entry.paths.first().map_or("", String::as_str);
        let over = |at: Moment| match now.is_before(&at) {
            true => Err(Failure::no(format!("{} says Expired, and {at} is still to come", files(entry)))),
            false => Ok(at),
        };
        let at = match given.remove(&place).or_else(|| others.clone()) {
            Some(at) => over(at)?,
            None => {
                let by_certificate = entry.signer().map(ceremony::Certificate::not_after);
                let by_certificate = by_certificate.filter(|at| *at < context.now).map(|at| at.to_string());
                let question = format!("{} says Expired; until when was it valid", files(entry));
                let accept = |at: ceremony::Time| over(Moment::from(at));
                ui.accepted(&format!("--end {path}=TIME"), &question, by_certificate.as_deref(), accept)?
            }
        };
        let Some(instance) = after.of_kind(place.0).nth(place.1) else { continue };
        after = after.end(&instance, &at, None).or_fail(|| format!("{} gets no end", files(entry)))?;
    }
    match given.keys().next().and_then(|place| root.of_kind(place.0).nth(place.1)) {
        None => Ok(after),
        Some(open) => Err(Failure::no(format!("--end: {} has not expired", escaped(&open.subject())))
            .hint("take it over without an end; `trustroot material end` ends it")),
    }
}

fn files(entry: &FromLegacy) -> String {
    and(&entry.paths.iter().map(|path| escaped(path).to_string()).collect::<Vec<_>>())
}
