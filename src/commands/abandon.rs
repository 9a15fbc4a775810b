//! `trustroot abandon`

use std::fmt;

use ceremony::Json;

use crate::ceremony_dir::{Abandoned, Ceremony, Outline};
use crate::context::Context;
use crate::disk::{self, Access};
use crate::error::{Failure, OrFail as _};
use crate::published::Published;
use crate::report::{Outcome, Report, object};
use crate::standing::{RoleStanding, Standing};
use crate::text::{escaped, wrapped};
use crate::ui::Ui;
use crate::workdir::Workdir;

/// Close a ceremony for good, with the reason
///
/// Nothing is deleted: the directory stays as the record of what was proposed, and the reason is shown for ever.
#[derive(clap::Args)]
pub(crate) struct Abandon {
    /// The ceremony
    ceremony: Option<String>,
    /// Why, for everybody who looks at it later
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

impl Abandon {
    pub(crate) fn run(self, context: &Context, ui: &mut Ui) -> Result<Outcome, Failure> {
        let workdir = &context.workdir;
        let name = match self.ceremony {
            Some(name) => name,
            None => pick(workdir, ui)?,
        };
        let lock = workdir.lock()?;
        let ceremony = Ceremony::choose(context, ui, Some(&name))?;
        let name = &ceremony.name;
        fit(context, &ceremony)?;
        // A timer does not wait for a person.
        drop(lock);
        let reason = match self.reason {
            Some(reason) => reason,
            None => ui.value("--reason", "Why is it closed", None)?,
        };
        if reason.trim().is_empty() {
            return Err(Failure::could_not("the reason is empty").hint("say why, with --reason"));
        }
        // Somebody may have published it while a person thought of the reason.
        let _lock = workdir.lock()?;
        let standing = fit(context, &Ceremony::load(workdir, name)?)?;
        let file = Abandoned { at: context.now, reason: reason.trim().to_owned() };
        disk::create_new(&ceremony.dir.abandoned(), &file.to_file(), Access::Shared)
            .or_fail(|| format!("ceremony {name} cannot be closed"))?;
        let signed = standing.iter().flat_map(|standing| &standing.roles).filter_map(Signed::of).collect();
        Ok(Outcome::done(Closed { name: ceremony.name, reason: file.reason, signed }))
    }
}

/// How far the ceremony is, if that can be told.
///
/// # Errors
/// If it was closed, or is published or was begun to be.
fn fit(context: &Context, ceremony: &Ceremony) -> Result<Option<Standing>, Failure> {
    let (workdir, name) = (&context.workdir, &ceremony.name);
    ceremony.refuse_closed()?;
    let published = Published::read(&workdir.repository())?;
    // What cannot be derived again can be closed all the same: there is nothing else to do with it.
    let standing = Standing::of(ceremony, &published, context.now).ok();
    let begun = match &standing {
        Some(standing) => standing.is_begun() || standing.is_over(),
        None => Outline::read(workdir, name).and_then(|outline| outline.is_published(&published)).unwrap_or(false),
    };
    if begun {
        return Err(Failure::no(format!("ceremony {name} is published, or was begun to be"))
            .hint(format!("`trustroot publish {name}` finishes it; then change what is wrong by the next one")));
    }
    Ok(standing)
}

/// Asks which one, even where only one is open: it is for good.
fn pick(workdir: &Workdir, ui: &mut Ui) -> Result<String, Failure> {
    let mut open = Ceremony::open(workdir)?;
    if open.is_empty() {
        return Err(Failure::no("no ceremony is open, so there is none to close"));
    }
    let picked = ui.select("CEREMONY", "Which ceremony is closed for good?", &open)?;
    Ok(open.swap_remove(picked))
}

/// Signatures that a closed ceremony leaves behind.
struct Signed {
    role: String,
    version: u64,
    by: Vec<String>,
    /// Whether they suffice: whoever has them could publish it.
    met: bool,
}

impl Signed {
    fn of(role: &RoleStanding) -> Option<Self> {
        let mut by: Vec<String> = role.sets.iter().flat_map(|set| &set.signed).cloned().collect();
        by.sort();
        by.dedup();
        let signed = Self { role: role.role.clone(), version: role.version, by, met: role.met() };
        (!signed.by.is_empty()).then_some(signed)
    }
}

/// What was closed.
struct Closed {
    name: String,
    reason: String,
    signed: Vec<Signed>,
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&wrapped(&format!("Closed {}: {}", escaped(&self.name), escaped(&self.reason)), 0))?;
        for Signed { role, version, by, met } in &self.signed {
            let names: Vec<String> = by.iter().map(|name| escaped(name).to_string()).collect();
            let names = names.join(", ");
            let enough = if *met { " Whoever has the signatures could still publish it." } else { "" };
            let text = format!("{} version {version} was signed by {names}.{enough}", escaped(role));
            f.write_str(&wrapped(&text, 2))?;
            let text = format!(
                "Their machines refuse to sign another version {version}, unless the policy accepts that with \
                 `trustroot accept equivocation '{} {version}'`.",
                escaped(role)
            );
            f.write_str(&wrapped(&text, 4))?;
        }
        f.write_str("\nNext: trustroot stage\n")
    }
}

impl Report for Closed {
    fn json(&self) -> Json {
        let signed = self.signed.iter().map(|signed| {
            object([
                ("role", Json::string(&signed.role)),
                ("version", signed.version.into()),
                ("by", signed.by.iter().map(Json::string).collect()),
                ("enough", Json::Bool(signed.met)),
            ])
        });
        object([
            ("ok", Json::Bool(true)),
            ("ceremony", Json::string(&self.name)),
            ("reason", Json::string(&self.reason)),
            ("signed", signed.collect()),
        ])
    }
}
