//! `trustroot material correct`

use ceremony::material::signing_config::Form;
use ceremony::material::{
    Correction, End, Instance, Kind, LogIdForm, Material, Moment, ServiceKind, ServiceUrl, Times, ValidFor,
};

use super::change::{Grounds, Wanted};
use super::configs::old_forms;
use super::end::is_open_at;
use super::given::refuse_none;
use crate::context::Context;
use crate::error::{Failure, OrFail as _};
use crate::material;
use crate::report::Outcome;
use crate::ui::Ui;

/// Correct a start, an end or a URL that was wrong from the first
///
/// Changes these members of the entry, and no other byte. What has retired is ended with `material end`, by what it
/// signed last; an end that should not have been is taken back here, unless the key is known to be compromised.
#[derive(clap::Args)]
pub(super) struct Correct {
    /// fulcio, rekor, ctlog or tsa
    kind: Kind,
    /// Which: its URL or a part of it, or the eight digits at the end of its name in `material show`
    name: String,
    #[command(flatten)]
    times: Given,
    /// Where it is, without a slash at the end
    #[arg(long, value_name = "URL")]
    url: Option<ServiceUrl>,
    /// Have signers use the new URL too
    #[arg(long, requires = "url", conflicts_with = "keep_service")]
    move_service: bool,
    /// Leave the service of signers where it is
    #[arg(long, requires = "url")]
    keep_service: bool,
}

/// Times that are given.
#[derive(clap::Args)]
pub(super) struct Given {
    /// From when on it is valid
    #[arg(long, value_name = "RFC3339")]
    start: Option<Moment>,
    /// The last moment at which it is valid
    #[arg(long, value_name = "RFC3339", conflicts_with = "no_end")]
    end: Option<Moment>,
    /// It has no end
    #[arg(long)]
    no_end: bool,
}

impl Given {
    /// Whether one is.
    pub(super) fn any(&self) -> bool {
        self.start.is_some() || self.end.is_some() || self.no_end
    }

    /// Them as a correction.
    pub(super) fn times(self) -> Times {
        Times { start: self.start, end: if self.no_end { Some(End::Never) } else { self.end.map(End::At) } }
    }

    /// Asks for the one that `flag` gives; false if it gives another member.
    pub(super) fn ask(&mut self, flag: &str, ui: &mut Ui) -> Result<bool, Failure> {
        match flag {
            "--start" => self.start = Some(ui.value(flag, "From when on it is valid", None)?),
            "--end" => self.end = Some(ui.value(flag, "The last moment at which it is valid", None)?),
            "--no-end" => self.no_end = true,
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// Asks which of the members is wrong: the flag that gives it, what it is, what it says now.
pub(super) fn member<'a>(members: &[(&'a str, &str, Option<String>)], ui: &mut Ui) -> Result<&'a str, Failure> {
    let flags: Vec<&str> = members.iter().map(|(flag, ..)| *flag).collect();
    let item = |(_, what, now): &(&str, &str, Option<String>)| match now {
        Some(now) => format!("{what}: {now}"),
        None => (*what).to_owned(),
    };
    let items: Vec<String> = members.iter().map(item).collect();
    let chosen = ui.select(&flags.join(", "), "What is wrong", &items)?;
    flags.get(chosen).copied().ok_or_else(|| Failure::could_not("no answer"))
}

/// The times among the members, for [`member`].
pub(super) fn time_members(valid: &ValidFor) -> Vec<(&'static str, &'static str, Option<String>)> {
    let text = |at: &Option<Moment>| at.as_ref().map(Moment::to_string);
    vec![
        ("--start", "its start", text(&valid.start)),
        ("--end", "its end", text(&valid.end)),
        ("--no-end", "that it ends at all", None),
    ]
}

impl Correct {
    pub(super) fn run(mut self, context: &Context, ui: &mut Ui) -> Result<Outcome, Failure> {
        let nothing = || "nothing was corrected";
        let wanted = Wanted::read(context)?;
        let root = wanted.trusted_root()?;
        // Of several at one URL none is picked.
        let entry = root.find(self.kind, &self.name, None).or_fail(nothing)?;
        let before = entry.valid_for().or_fail(nothing)?;
        if !self.times.any() && self.url.is_none() {
            let mut members = time_members(&before);
            members.retain(|(flag, ..)| *flag == "--start" || before.end.is_some());
            members.push(("--url", "its URL", entry.url().map(str::to_owned)));
            let flag = member(&members, ui)?;
            if !self.times.ask(flag, ui)? {
                self.url = Some(ui.value(flag, "Where it is", None)?);
            }
        }
        let times = self.times.times();
        if let Some(start) = times.start.clone() {
            refuse_none("--start", start)?;
        }
        if let Some(new) = self.url.as_ref().filter(|new| entry.url() != Some(new.as_str())) {
            refuse_new_name(&entry, new)?;
        }
        let corrected = root.correct(&entry, &times, self.url.as_ref());
        let corrected = corrected.map_err(|error| match &error {
            ceremony::material::EditError::NoEnd { .. } => {
                Failure::could_not(nothing()).caused_by(&error).hint("`trustroot material end` ends it")
            }
            _ => Failure::from(error).in_context(nothing()),
        })?;
        let of_kind = corrected.of_kind(entry.kind).nth(entry.index);
        let after = of_kind.map_or(Ok(before.clone()), |entry| entry.valid_for())?;
        if corrected == root && self.url.is_none() {
            return Err(Failure::no("nothing changes: the entry says so already"));
        }
        let mut material = wanted.material.clone();
        let mut warnings = breaks(&before, &after);
        if let (Some(kind), Some(old)) = (ServiceKind::behind(entry.kind), entry.url()) {
            let moved = self.url.as_ref().filter(|new| new.as_str() != old);
            let moved = moved.filter(|_| !services_at(&material, kind, old).is_empty());
            let at = match moved {
                Some(new) if moves(self.move_service, self.keep_service, old, new, ui)? => {
                    move_services(&mut material, kind, old, new).or_fail(nothing)?;
                    new.as_str()
                }
                _ => old,
            };
            warnings.extend(stays(&material, kind, at, &before, &after));
            if !is_open_at(&corrected, entry.kind, old) {
                warnings.extend(old_forms(&material, kind, old));
            }
        }
        material.trusted_root = Some(corrected);
        let evidence = material::forgotten(&material::published(&context.workdir)?, &wanted.material, &material);
        wanted.change(context, material, Grounds { warnings, evidence, ..Grounds::default() })
    }
}

/// Refuses another URL for a log that is called by its URL: a new name would be no correction, but another log.
fn refuse_new_name(entry: &Instance<'_>, new: &ServiceUrl) -> Result<(), Failure> {
    let (Some(old), Ok(key), Ok(id)) = (entry.url(), entry.log_key(), entry.log_id()) else { return Ok(()) };
    let Ok(url) = old.parse::<ServiceUrl>() else { return Ok(()) };
    let named = |form: LogIdForm| id == form.id(&url, &key);
    if entry.kind != Kind::Rekor || !named(LogIdForm::Note) || named(LogIdForm::Key) {
        return Ok(());
    }
    Err(Failure::no(format!("the URL of {} is not changed to {}", entry.subject(), new.as_str()))
        .and_cause("the log id of a Rekor v2 is made of its URL, and clients look the log up by it")
        .hint("where the URL was wrong from the first, remove the entry, and add it again, proven by a checkpoint"))
}

/// What a correction of times may break, one sentence for each.
fn breaks(before: &ValidFor, after: &ValidFor) -> Vec<String> {
    let mut said = Vec::new();
    let since = |at: &Option<Moment>| at.as_ref().map_or_else(|| "the beginning".to_owned(), Moment::to_string);
    if let Some(start) = after.start.as_ref().filter(|start| before.start.as_ref().is_none_or(|was| !was.same(start))) {
        let verifies = match &before.start {
            Some(was) if start.is_before(was) => "verifies from now on, whoever signed it",
            _ => "no longer verifies",
        };
        let was = since(&before.start);
        said.push(format!("Its start moves from {was} to {start}: what was signed with it in between {verifies}."));
    }
    match (&before.end, &after.end) {
        (Some(was), Some(end)) if end.is_before(was) => said.push(format!(
            "Its end moves from {was} to {end}: what was signed with it in between no longer verifies."
        )),
        (Some(was), Some(end)) if was.is_before(end) => said.push(format!(
            "Its end moves from {was} to {end}: its key is trusted again for what is signed in between, so it must not \
             have leaked."
        )),
        (Some(was), None) => said.push(format!(
            "Its end at {was} is taken away: its key is trusted again for what is signed after that, so it must not have \
             leaked."
        )),
        _ => {}
    }
    said
}

/// The signing configs of today that have a service of this kind at `url`, with its place.
fn services_at(material: &Material, kind: ServiceKind, url: &str) -> Vec<(String, usize)> {
    let today = material.signing_configs.iter().filter(|(_, config)| config.form() == Form::V02);
    let at = today.flat_map(|(path, config)| {
        let services = config.of_kind(kind).filter(|service| service.url() == Some(url));
        services.map(|service| (path.clone(), service.index))
    });
    at.collect()
}

/// Whether the service of signers moves along.
fn moves(moves: bool, keeps: bool, old: &str, new: &ServiceUrl, ui: &mut Ui) -> Result<bool, Failure> {
    if moves || keeps {
        return Ok(moves);
    }
    let question = format!("Signers use {old}. Have them use {new} instead?");
    ui.confirm("--move-service or --keep-service", &question, None)
}

/// Has signers use `new` where they use `old`.
fn move_services(
    material: &mut Material,
    kind: ServiceKind,
    old: &str,
    new: &ServiceUrl,
) -> Result<(), ceremony::material::EditError> {
    for (path, index) in services_at(material, kind, old) {
        if let Some(config) = material.signing_configs.get_mut(&path) {
            let Some(service) = config.of_kind(kind).nth(index) else { continue };
            let moved = config.correct(&service, &Correction { url: Some(new.clone()), ..Correction::default() })?;
            *config = moved;
        }
    }
    Ok(())
}

/// What is to be said of the services of signers at `url` that have the time which is no longer that of the entry.
fn stays(material: &Material, kind: ServiceKind, url: &str, before: &ValidFor, after: &ValidFor) -> Vec<String> {
    let mut said = Vec::new();
    for (path, index) in services_at(material, kind, url) {
        let service = material.signing_configs.get(&path).and_then(|config| config.of_kind(kind).nth(index));
        let Some(valid) = service.and_then(|service| service.valid_for().ok()) else { continue };
        let same = |was: &Option<Moment>, is: &Option<Moment>, own: &Option<Moment>| {
            was != is && was.as_ref().zip(own.as_ref()).is_some_and(|(was, own)| was.same(own))
        };
        let times =
            [("start", &before.start, &after.start, &valid.start), ("end", &before.end, &after.end, &valid.end)];
        for (member, ..) in times.iter().filter(|(_, was, is, own)| same(was, is, own)) {
            said.push(format!(
                "For signers {url} keeps its {member}, by {path}: `trustroot material service correct` changes that."
            ));
        }
    }
    said
}
