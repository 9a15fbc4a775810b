//! `trustroot material discard`

use std::fmt;

use ceremony::material::legacy::in_step;
use ceremony::material::{FileDiff, LegacyTarget, Material, Moment, TrustedRoot, diff};
use ceremony::{Json, Targets};

use crate::context::Context;
use crate::error::Failure;
use crate::examine::{and, meaning};
use crate::material::{self, AsRead, Change};
use crate::published::Published;
use crate::report::{Outcome, Report, object};
use crate::text::{escaped, wrapped};
use crate::ui::Ui;
use crate::workdir::Workdir;

/// Put the wanted material back to what is published
///
/// Undoes what was added, rotated or ended since. Shows what is thrown away, and asks. What nobody published yet goes
/// away altogether, but for a key or a certificate of older clients that may be the only one there is. Nothing that is
/// published changes, and no open ceremony.
#[derive(clap::Args)]
pub(super) struct Discard {
    /// Files of trust material below targets/; by default all that differ
    #[arg(value_name = "PATH")]
    paths: Vec<String>,
    /// Throw it away without a question
    #[arg(long)]
    throw_away: bool,
}

impl Discard {
    pub(super) fn run(mut self, context: &Context, ui: &mut Ui) -> Result<Outcome, Failure> {
        for path in &mut self.paths {
            // As a shell completes it.
            *path = path.strip_prefix("targets/").unwrap_or(path).to_owned();
        }
        let workdir = &context.workdir;
        let (read, wanted) = AsRead::read(workdir)?;
        let published = material::published(workdir)?;
        let after = self.put_back(&wanted, &published);
        let mut gone = wanted.paths();
        gone.retain(|path| !after.paths().contains(path));
        let kept = kept(workdir, &wanted, &after, &gone, &Moment::from(context.now))?;
        // Told as what it was when it was done.
        let mut discarded = Discarded { done: false, files: diff(&after, &wanted), unreadable: Vec::new(), kept };
        let unreadable = wanted.unreadable.iter().filter(|(path, _)| self.means(path));
        discarded.unreadable.extend(unreadable.map(|(path, _)| path.clone()));
        let goes = |path: &String| {
            discarded.files.iter().any(|file| file.path == *path) || discarded.unreadable.contains(path)
        };
        if let Some(path) = self.paths.iter().find(|path| !goes(path)) {
            return Err(Failure::no(format!("there is nothing to discard in {path}"))
                .hint("name files of trust material that differ from what is published; without any, all go back"));
        }
        if discarded.files.is_empty() && discarded.unreadable.is_empty() {
            return Err(Failure::no("there is nothing to discard: the wanted material is what is published"));
        }
        if !self.throw_away {
            ui.show(&discarded);
            if !ui.confirm("--throw-away", "Throw this away?", None)? {
                return Err(Failure::no("nothing was thrown away"));
            }
        }
        let evidence = material::forgotten(&published, &wanted, &after);
        let kept = &discarded.kept;
        Change { before: &wanted, after: &after, kept, evidence: &evidence }.write(workdir, &read)?;
        discarded.done = true;
        Ok(Outcome::done(discarded))
    }

    /// Whether this file goes back.
    fn means(&self, path: &str) -> bool {
        self.paths.is_empty() || self.paths.iter().any(|other| other == path)
    }

    /// What is wanted, with the files that are meant as they are published.
    fn put_back(&self, wanted: &Material, published: &Material) -> Material {
        let mut after = Material::default();
        for (material, back) in [(wanted, false), (published, true)] {
            let taken = |path: &str| self.means(path) == back;
            if taken(TrustedRoot::TARGET) {
                after.trusted_root.clone_from(&material.trusted_root);
            }
            let configs = material.signing_configs.iter().filter(|(path, _)| taken(path));
            after.signing_configs.extend(configs.map(|(path, config)| (path.clone(), config.clone())));
            after.legacy.extend(material.legacy.iter().filter(|target| taken(&target.path)).cloned());
            after.unreadable.extend(material.unreadable.iter().filter(|(path, _)| taken(path)).cloned());
        }
        after.legacy.sort_by(|a, b| a.path.cmp(&b.path));
        after
    }
}

/// Those of the files that go away which stay on the disk. By the word of the policy alone any file is trust material:
/// what is published, and what is no copy of a key or a certificate in the trusted root that stays, may be the only one
/// there is.
fn kept(
    workdir: &Workdir,
    wanted: &Material,
    after: &Material,
    gone: &[&str],
    now: &Moment,
) -> Result<Vec<String>, Failure> {
    let published = Published::read(&workdir.repository())?;
    let targets = published.roles.get("targets").map(|file| Targets::of(&file.metadata)).transpose()?;
    let is_published = |path: &str| targets.iter().flat_map(Targets::entries).any(|(other, _)| other == path);
    let made = after.trusted_root.as_ref().map_or_else(Vec::new, |root| in_step(root, &[], now));
    let is_copy = |target: &LegacyTarget| made.iter().any(|copy| copy.content == target.content);
    let goes = wanted.legacy.iter().filter(|target| gone.contains(&target.path.as_str()));
    let stays = goes.filter(|target| is_published(&target.path) || !is_copy(target));
    Ok(stays.map(|target| target.path.clone()).collect())
}

/// What is thrown away.
struct Discarded {
    /// Whether it is thrown away already.
    done: bool,
    files: Vec<FileDiff>,
    unreadable: Vec<String>,
    /// Files that stay: only what the policy says of them goes.
    kept: Vec<String>,
}

impl fmt::Display for Discarded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = if self.done { "Discarded" } else { "This would be discarded" };
        writeln!(f, "{head}, what was wanted and is not published:")?;
        let mut goes = self.files.iter().filter(|file| !self.kept.contains(&file.path));
        goes.try_for_each(|file| f.write_str(&meaning::file(file, 2)))?;
        for path in &self.kept {
            let text = format!("what the policy says of {}; the file stays in targets/", escaped(path));
            f.write_str(&wrapped(&text, 2))?;
        }
        if !self.kept.is_empty() {
            let text =
                "! `stage` proposes a file that stays, as any other target: remove it where there is another copy.";
            f.write_str(&wrapped(text, 0))?;
        }
        if !self.unreadable.is_empty() {
            let paths: Vec<String> = self.unreadable.iter().map(|path| escaped(path).to_string()).collect();
            f.write_str(&wrapped(&format!("{}, which cannot be read", and(&paths)), 2))?;
        }
        Ok(())
    }
}

impl Report for Discarded {
    fn json(&self) -> Json {
        object([
            ("ok", Json::Bool(true)),
            ("files", self.files.iter().map(FileDiff::json).collect()),
            ("kept", self.kept.iter().map(Json::string).collect()),
            ("unreadable", self.unreadable.iter().map(Json::string).collect()),
        ])
    }
}
