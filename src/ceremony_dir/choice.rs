//! Which ceremony a command is about.

use std::cmp::Reverse;

use ceremony::Staging;

use super::contents::FILES;
use super::{Ceremony, Outline};
use crate::context::Context;
use crate::disk;
use crate::error::Failure;
use crate::published::{METADATA_LIMIT, Published};
use crate::standing::Standing;
use crate::ui::Ui;
use crate::workdir::Workdir;

impl Ceremony {
    /// The names of all ceremonies, sorted.
    pub(crate) fn names(workdir: &Workdir) -> Result<Vec<String>, Failure> {
        let entries = disk::list(&workdir.ceremonies(), FILES)?;
        Ok(entries.into_iter().filter(|entry| entry.is_dir).map(|entry| entry.name).collect())
    }

    /// The ceremony that a command is about: the named one, else the only one that is open, else whichever the person
    /// picks.
    pub(crate) fn choose(context: &Context, ui: &mut Ui, name: Option<&str>) -> Result<Self, Failure> {
        if let Some(name) = name {
            // As a shell completes it.
            let plain = name.strip_prefix("ceremonies/").unwrap_or(name).trim_end_matches('/');
            return Self::load(&context.workdir, plain);
        }
        let open = Self::open(&context.workdir)?;
        match &open[..] {
            [] if !disk::exists(&context.workdir.policy())? && !disk::exists(&context.workdir.ceremonies())? => {
                let message = format!("there is neither a trust root nor a ceremony in {}", context.workdir.root());
                Err(Failure::could_not(message).hint("`-C DIR` works in another place: the one that has ceremonies/"))
            }
            [] => {
                let mut failure = Failure::no("no ceremony is open");
                if let Some(name) = Self::newest_published(&context.workdir)? {
                    failure = failure.hint(format!("{name} is published: nothing is left to sign"));
                }
                Err(failure.hint("the coordinator proposes the next one with `trustroot stage`"))
            }
            [only] => Self::load(&context.workdir, only),
            several => {
                let published = Published::read(&context.workdir.repository())?;
                let standing = |name| Standing::of(&Self::load(&context.workdir, name)?, &published, context.now);
                let several = several.iter().map(|name| match standing(name) {
                    Ok(standing) => (Some(standing.staged_at), name, standing.next.text()),
                    Err(_) => (None, name, "it cannot be used"),
                });
                let mut several: Vec<_> = several.collect();
                several.sort_by_key(|(staged_at, ..)| Reverse(*staged_at));
                let items: Vec<String> = several.iter().map(|(_, name, text)| format!("{name}: {text}")).collect();
                let (_, name, _) = several[ui.select("CEREMONY", "Which ceremony?", &items)?];
                Self::load(&context.workdir, name)
            }
        }
    }

    /// The names of the ceremonies that are neither closed nor published wholly.
    pub(crate) fn open(workdir: &Workdir) -> Result<Vec<String>, Failure> {
        let published = Published::read(&workdir.repository())?;
        let mut open = Vec::new();
        for name in Self::names(workdir)? {
            // One that cannot be used is open until somebody has seen to it.
            let over = Outline::read(workdir, &name)
                .and_then(|outline| Ok(outline.abandoned || outline.is_published(&published)?));
            if !over.unwrap_or(false) {
                open.push(name);
            }
        }
        Ok(open)
    }

    /// The ceremony that was staged last of those that are published wholly.
    fn newest_published(workdir: &Workdir) -> Result<Option<String>, Failure> {
        let published = Published::read(&workdir.repository())?;
        let mut newest = None;
        for name in Self::names(workdir)? {
            let outline = Outline::read(workdir, &name).ok().filter(|outline| !outline.abandoned);
            if !outline.is_some_and(|outline| outline.is_published(&published).unwrap_or(false)) {
                continue;
            }
            let staging = disk::read(&workdir.ceremony(&name).inputs().join("staging.json"), METADATA_LIMIT)?;
            newest = newest.max(Some((Staging::parse(&staging)?.at, name)));
        }
        Ok(newest.map(|(_, name)| name))
    }
}
