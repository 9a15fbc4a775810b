//! `trustroot material show`

use std::fmt;
use std::path::PathBuf;

use ceremony::material::{Material, Timeline};
use ceremony::{Json, Time};

use super::{listing, picture, timeline};
use crate::context::Context;
use crate::disk::{self, Access, Place};
use crate::error::Failure;
use crate::material;
use crate::policy_file::PolicyFile;
use crate::report::{Outcome, Report};

/// Show what clients trust and what signers use, with a timeline
#[derive(clap::Args)]
pub(super) struct Show {
    /// Show what is published, not what is wanted
    #[arg(long)]
    published: bool,
    /// Also draw the timeline as a picture
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Also write a page with the timeline and all entries
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

impl Show {
    pub(super) fn run(self, context: &Context) -> Result<Outcome, Failure> {
        let mut outputs = [&self.svg, &self.html].into_iter().flatten();
        outputs.try_for_each(|path| context.workdir.refuse_output(path))?;
        let material = if self.published {
            material::published(&context.workdir)?
        } else {
            material::wanted(&context.workdir, &PolicyFile::read(&context.workdir)?.policy)?
        };
        if material.is_empty() {
            let where_ = if self.published { "repository/" } else { "targets/" };
            return Err(Failure::no(format!("there is no trust material in {where_}"))
                .hint("`trustroot material rotate` adds an authority or a log"));
        }
        let shown = Shown {
            trust_root: trust_root(context)?,
            published: self.published,
            material,
            now: context.now,
            written: [&self.svg, &self.html].into_iter().flatten().cloned().collect(),
        };
        if let Some(path) = &self.svg {
            disk::replace(
                &Place::named(path),
                picture::svg(&shown.timeline(), &shown.trust_root.0, context.now).as_bytes(),
                Access::Shared,
            )?;
        }
        if let Some(path) = &self.html {
            let words = listing::text(&shown.material, context.now);
            let page = picture::html(&shown.timeline(), &shown.trust_root.0, &shown.whose(), &words, context.now);
            disk::replace(&Place::named(path), page.as_bytes(), Access::Shared)?;
        }
        Ok(Outcome::done(shown))
    }
}

/// The name and the id of the trust root; of one that is only published nothing says so.
fn trust_root(context: &Context) -> Result<(String, String), Failure> {
    if !disk::exists(&context.workdir.policy())? {
        return Ok(("a published trust root".to_owned(), "not known here".to_owned()));
    }
    let policy = PolicyFile::read(&context.workdir)?.policy;
    Ok((policy.name, policy.id))
}

struct Shown {
    trust_root: (String, String),
    published: bool,
    material: Material,
    now: Time,
    written: Vec<PathBuf>,
}

impl Shown {
    fn timeline(&self) -> Timeline {
        Timeline::of(&self.material)
    }

    /// Of what the page is, as a sentence.
    fn whose(&self) -> String {
        let state = if self.published { "As it is published" } else { "As it is wanted, published or not" };
        format!("{state}, on {}. The id of the trust root is {}.", self.now, self.trust_root.1)
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(listing::text(&self.material, self.now).trim_start_matches('\n'))?;
        f.write_str(&timeline::text(&self.timeline(), self.now))?;
        self.written
            .iter()
            .try_for_each(|path| writeln!(f, "\nwritten: {}", crate::text::escaped(&path.display().to_string())))
    }
}

impl Report for Shown {
    fn json(&self) -> Json {
        let mut object = listing::json(&self.material);
        object.insert("written", self.written.iter().map(|path| Json::string(path.display().to_string())).collect());
        Json::Object(object)
    }
}
