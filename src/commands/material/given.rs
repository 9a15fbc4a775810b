//! What a repair needs and no file says: by flags, or by questions.

use std::collections::BTreeMap;
use std::str::FromStr;

use ceremony::Time;
use ceremony::material::{Answers, Instance, Kind, Moment, Repair, ServiceUrl, TrustedRoot, repair};

use crate::context::Context;
use crate::error::{Failure, OrFail as _};
use crate::text::escaped;
use crate::ui::Ui;

/// An entry of a trusted root: its kind, and the place in its list.
pub(super) type Place = (Kind, usize);

/// The flags of commands that repair.
#[derive(clap::Args)]
pub(super) struct Given {
    /// Replace a URL that only a cluster knows, as OLD=NEW; give it once for each
    #[arg(long, value_name = "OLD=NEW")]
    url: Vec<Replacement>,
    /// When a log started that has no start, or that of 1970: NAME is its URL or a part of it, or the eight digits at
    /// the end of its name in `material show`. A time alone is that of all others
    #[arg(long, value_name = "[NAME=]RFC3339")]
    log_start: Vec<Named>,
}

/// `OLD=NEW`
#[derive(Clone)]
struct Replacement(String, ServiceUrl);

impl FromStr for Replacement {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (old, new) = text.split_once('=').ok_or("it is no OLD=NEW")?;
        Ok(Self(old.to_owned(), new.parse().map_err(|error: ceremony::material::url::UrlError| error.to_string())?))
    }
}

/// `NAME=TIME`, or a time alone
#[derive(Clone)]
pub(super) struct Named {
    /// Of which entry.
    pub(super) name: Option<String>,
    /// The time.
    pub(super) at: Time,
}

impl FromStr for Named {
    type Err = <Time as FromStr>::Err;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, at) = text.rsplit_once('=').map_or((None, text), |(name, at)| (Some(name.to_owned()), at));
        Ok(Self { name, at: at.parse()? })
    }
}

/// By the times of `flag`: those of single entries by their places, which `find` knows, and that of all others.
///
/// # Errors
/// If a name is of no entry or of several, or a time is given twice.
pub(super) fn by_place<E: Into<Failure>>(
    flag: &str,
    named: &[Named],
    find: impl Fn(&str) -> Result<Place, E>,
) -> Result<(BTreeMap<Place, Moment>, Option<Moment>), Failure> {
    let (mut single, mut others) = (BTreeMap::new(), None);
    for Named { name, at } in named {
        let at = refuse_none(flag, Moment::from(*at))?;
        let before = match name {
            Some(name) => single.insert(find(name).or_fail(|| format!("{flag} {} names no entry", escaped(name)))?, at),
            None => others.replace(at),
        };
        if before.is_some() {
            return Err(Failure::could_not(format!("{flag} is given twice for the same")));
        }
    }
    Ok((single, others))
}

/// Refuses a time that stands for none.
///
/// # Errors
/// If it does.
pub(super) fn refuse_none(flag: &str, at: Moment) -> Result<Moment, Failure> {
    match at.stands_for_none() {
        true => Err(Failure::could_not(format!("{flag} {at} stands for no time")).hint("give the time when it began")),
        false => Ok(at),
    }
}

impl Given {
    /// The URL that was given in place of this.
    pub(super) fn url(&self, old: &str) -> Option<&ServiceUrl> {
        self.url.iter().find(|replacement| replacement.0 == old).map(|replacement| &replacement.1)
    }

    /// What is given beside the starts of logs.
    pub(super) fn urls(&self) -> Answers {
        let urls = self.url.iter().map(|Replacement(old, new)| (old.clone(), new.clone())).collect();
        Answers { urls, ..Answers::default() }
    }

    /// All that repairs `root`, of which the `concerned` entries count: asks when each of its logs started that has no
    /// start. `known` finds entries by other names than their own.
    ///
    /// # Errors
    /// If a start is given for no log, or for one that has a start, or nobody answers.
    pub(super) fn answers(
        &self,
        root: &TrustedRoot,
        concerned: impl Fn(&Instance<'_>) -> bool,
        known: impl Fn(&str) -> Option<Place>,
        context: &Context,
        ui: &mut Ui,
    ) -> Result<Answers, Failure> {
        let mut answers = self.urls();
        let (repaired, _) = repair(root, &answers);
        let now = Moment::from(context.now);
        let find = |name: &str| {
            let found =
                || root.find_among(LOGS, name, Some(&now)).or_else(|_| repaired.find_among(LOGS, name, Some(&now)));
            known(name).map_or_else(|| found().map(|log| (log.kind, log.index)), Ok)
        };
        (answers.log_starts, answers.log_start) = by_place("--log-start", &self.log_start, find)?;
        for (kind, index) in answers.log_starts.keys() {
            let Some(entry) = repaired.of_kind(*kind).nth(*index) else { continue };
            if !kind.is_log() {
                return Err(Failure::no(format!("{} is no log", escaped(&entry.subject())))
                    .hint("an authority starts with the certificate that signs"));
            }
            if let Some(start) = start(&entry).filter(|start| !start.stands_for_none()) {
                return Err(Failure::no(format!("{} has a start: {start}", escaped(&entry.subject()))));
            }
        }
        let logs = LOGS.iter().flat_map(|kind| repaired.of_kind(*kind)).filter(|log| log.valid_for().is_ok());
        let open = |log: &Instance<'_>| {
            let given = answers.log_start.is_some() || answers.log_starts.contains_key(&(log.kind, log.index));
            !given && start(log).is_none_or(|start| start.stands_for_none())
        };
        let asked: Vec<Instance<'_>> = logs.filter(|log| concerned(log)).filter(open).collect();
        for log in asked {
            let subject = log.subject();
            if let Some(start) = start(&log) {
                let digits = subject.rsplit(' ').next().unwrap_or_default();
                ui.say(format!(
                    "{} starts at {start}, which stands for no start: `--log-start {digits}=TIME` gives it its own",
                    escaped(&subject)
                ));
                continue;
            }
            let question = format!("{subject} has no start; when did it start");
            let started = |at: Time| refuse_none("--log-start", Moment::from(at));
            let started = ui.accepted("--log-start", &question, None, started)?;
            answers.log_starts.insert((log.kind, log.index), started);
        }
        Ok(answers)
    }
}

/// Says what was repaired.
pub(super) fn say(repairs: &[Repair], ui: &mut Ui) {
    let sentence = |repair: &Repair| format!("repaired {}: {}", escaped(&repair.subject), escaped(&repair.what));
    repairs.iter().for_each(|repair| ui.say(sentence(repair)));
}

fn start(entry: &Instance<'_>) -> Option<Moment> {
    entry.valid_for().ok().and_then(|valid| valid.start)
}

const LOGS: &[Kind] = &[Kind::Rekor, Kind::CtLog];
