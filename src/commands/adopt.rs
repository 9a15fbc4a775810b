//! `trustroot adopt`

use std::path::PathBuf;

use ceremony::{Metadata, Root, Source as _};

use crate::adopt::holding::{Held, Wishes};
use crate::adopt::names::Naming;
use crate::adopt::origin::Origin;
use crate::adopt::report::Answer;
use crate::adopt::{Request, adopt};
use crate::commands::init::{Title, random_id};
use crate::context::Context;
use crate::disk::{self, Place};
use crate::error::{Failure, OrFail as _};
use crate::published::METADATA_LIMIT;
use crate::report::Outcome;
use crate::source::Address;
use crate::ui::Ui;

/// Take over a TUF repository that another tool made
///
/// Walks from the root in FILE to the latest, verifies everything that clients read, and copies it byte for byte into an
/// empty directory: key ids, key objects, unknown fields and earlier versions stay as they are. Writes a policy that
/// says what the repository says, a record for every keyholder, and an accept for every finding. Whoever holds the
/// online keys of snapshot, timestamp and delegated roles goes on to sign them, unless --online says that you do.
#[derive(clap::Args)]
pub(crate) struct Adopt {
    /// Where the metadata is: a directory, or an http, https or file URL
    #[arg(value_name = "DIR-OR-URL")]
    from: Option<Address>,
    /// Trust the root in this file, such as one that clients carry; best the first there ever was
    #[arg(long, value_name = "FILE")]
    root: Option<PathBuf>,
    /// Read the target files here instead of in targets below or beside the metadata
    #[arg(long, value_name = "DIR-OR-URL")]
    targets: Option<Address>,
    /// Call the holder of a key so, which is given by the first digits of its id or fingerprint; by default as the key
    /// object says
    #[arg(long = "name", value_name = "KEYID=NAME")]
    names: Vec<Naming>,
    /// You hold this online key, and call it NAME: without KEYID the one of snapshot and timestamp
    #[arg(long = "online", value_name = "[KEYID=]NAME")]
    online: Vec<Held>,
    /// Somebody else makes and signs this role
    #[arg(long, value_name = "ROLE")]
    external: Vec<String>,
    /// The name of the trust root, for people; by default the host or the directory that it comes from
    #[arg(long, value_name = "NAME")]
    title: Option<Title>,
}

impl Adopt {
    pub(crate) fn run(self, context: &Context, ui: &mut Ui) -> Result<Outcome, Failure> {
        let asked = self.from.is_none() || self.root.is_none();
        let targets = self.targets.as_ref();
        let from = match self.from {
            Some(from) => from,
            None => {
                let question = "Directory or URL of the repository's metadata";
                ui.accepted("DIR-OR-URL", question, None, |from| is_there(&from, targets).map(|()| from))?
            }
        };
        let root = match self.root {
            Some(root) => disk::read(&Place::named(root), METADATA_LIMIT)?,
            None => ui.accepted("--root", "File with the root that you trust", None, root)?,
        };
        let shown = from.to_string();
        let title = match self.title {
            Some(title) => title,
            None if asked => ui.value("--title", "Name of the trust root, for people", Some(&title(&from)))?,
            None => title(&from).parse()?,
        };
        let request = Request {
            root,
            targets: self.targets,
            wishes: Wishes { names: self.names, held: self.online, external: self.external },
            id: random_id()?,
            title: title.into(),
            from,
        };
        let adopted = adopt(&context.workdir, &context.machine, &request, context.now);
        let adopted = adopted.or_fail(|| format!("{shown} was not adopted, and nothing was written"))?;
        Ok(Outcome::done(Answer { from: shown, adopted }))
    }
}

/// Refuses an address that no repository is at.
fn is_there(from: &Address, targets: Option<&Address>) -> Result<(), Failure> {
    match Origin::open(from, targets)?.metadata("timestamp.json", METADATA_LIMIT)? {
        Some(_) => Ok(()),
        None => Err(Failure::could_not(format!("there is no repository at {from}: it has no timestamp.json"))),
    }
}

/// Reads a root.
fn root(path: PathBuf) -> Result<Vec<u8>, Failure> {
    let bytes = disk::read(&Place::named(&path), METADATA_LIMIT)?;
    let root = Metadata::parse_untrusted(&bytes).map(|file| Root::of(&file));
    root.map_err(Failure::from).and_then(|root| Ok(root?)).or_fail(|| format!("{} is no root", path.display()))?;
    Ok(bytes)
}

/// The host or the directory, as a name to begin with.
fn title(from: &Address) -> String {
    let name = match from {
        Address::Http(url) => url.host_str().map(str::to_owned),
        Address::Directory(path) => path.file_name().map(|name| name.to_string_lossy().into_owned()),
    };
    name.filter(|name| name.parse::<Title>().is_ok()).unwrap_or_else(|| "adopted".to_owned())
}
