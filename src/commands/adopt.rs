//! `trustroot adopt`

use std::path::PathBuf;

use crate::adopt::holding::{Held, Wishes};
use crate::adopt::names::Naming;
use crate::adopt::report::Answer;
use crate::adopt::{Request, adopt};
use crate::commands::init::random_id;
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
}

impl Adopt {
    pub(crate) fn run(self, context: &Context, ui: &mut Ui) -> Result<Outcome, Failure> {
        let from = match self.from {
            Some(from) => from,
            None => ui.value("DIR-OR-URL", "Directory or URL of the repository's metadata", None)?,
        };
        let root = match self.root {
            Some(root) => root,
            None => ui.value("--root", "File with the root that you trust", None)?,
        };
        let root = Place::named(root);
        let shown = from.to_string();
        let request = Request {
            root: disk::read(&root, METADATA_LIMIT)?,
            targets: self.targets,
            wishes: Wishes { names: self.names, held: self.online, external: self.external },
            id: random_id()?,
            title: title(&from),
            from,
        };
        let adopted = adopt(&context.workdir, &context.machine, &request, context.now);
        let adopted = adopted.or_fail(|| format!("{shown} was not adopted, and nothing was written"))?;
        Ok(Outcome::done(Answer { from: shown, adopted }))
    }
}

/// The host or the directory, as a name to begin with.
fn title(from: &Address) -> String {
    let name = match from {
        Address::Http(url) => url.host_str().map(str::to_owned),
        Address::Directory(path) => path.file_name().map(|name| name.to_string_lossy().into_owned()),
    };
    name.unwrap_or_else(|| "adopted".to_owned())
}
