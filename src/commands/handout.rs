//! `trustroot handout`

mod clients;
mod kubernetes;
mod page;
mod report;
mod sigstore;
mod verified;

use std::path::PathBuf;

use ceremony::material::ServiceUrl;
use ceremony::{Digest, Time};

use self::clients::Client;
use self::verified::Verified;
use crate::context::Context;
use crate::disk::{self, Access, Place};
use crate::error::Failure;
use crate::policy_file::PolicyFile;
use crate::report::Outcome;
use crate::ui::Ui;

/// Make what clients start from: a digest, commands and files
///
/// Before anything is handed out, the repository is read as clients read it, from the root in --root or the one that this
/// machine remembers, and never on the word of the directory. What is expired or not signed as it must be is not handed
/// out. The digest of the root is what the receivers compare, with a source other than the one that sent the files.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  trustroot handout --metadata-url https://tuf.example.com --out handout")]
pub(crate) struct Handout {
    /// Where clients read the metadata; by default what the policy says as publish.metadata-url
    #[arg(long, value_name = "URL")]
    metadata_url: Option<ServiceUrl>,
    /// Where clients read the target files, if not in targets below the metadata
    #[arg(long, value_name = "URL")]
    targets_url: Option<ServiceUrl>,
    /// Trust the root in this file; by default the one that this machine remembers
    #[arg(long, value_name = "FILE")]
    root: Option<PathBuf>,
    /// Hand out this version of the root to start from; by default the newest
    #[arg(long, value_name = "NUMBER")]
    root_version: Option<u64>,
    /// Also read what is served at the address, and hand out nothing if a client does not come to the same there
    #[arg(long)]
    served: bool,
    /// Also write all files below this directory, in the place of older ones
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Also write one page that has everything, the files too
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

impl Handout {
    /// Asks for the address if nobody says it, verifies, and writes what was asked for.
    pub(crate) fn run(self, context: &Context, ui: &mut Ui) -> Result<Outcome, Failure> {
        let written = [&self.out, &self.html];
        written.into_iter().flatten().try_for_each(|path| context.workdir.refuse_output(path))?;
        let policy = PolicyFile::read(&context.workdir)?.policy;
        let metadata = match self.metadata_url.or_else(|| policy.metadata_url.clone()) {
            Some(url) => url,
            None => ui.value("--metadata-url", "URL at which clients read the metadata", None)?,
        };
        let verified = Verified::of(context, &policy, self.root.as_deref(), self.root_version)?;
        let place = Addresses::new(metadata, self.targets_url);
        if self.served {
            verified.is_served(context, &place)?;
        }
        let (name, id) = (policy.name, policy.id);
        let mut files = verified.files();
        files.extend(kubernetes::files(&name, &place, &verified));
        let clients = clients::all(&place, &verified);
        let mut sheet = Sheet { name, id, now: context.now, verified, place, clients, files, written: Vec::new() };
        let page = page::html(&sheet);
        if let Some(out) = &self.out {
            let text = sheet.to_string();
            let out = Place::named(out);
            let whole = [("handout.txt", text.as_bytes()), ("handout.html", page.as_bytes())];
            let parts = sheet.files.iter().map(|file| (file.name.as_str(), file.bytes.as_slice()));
            for (name, bytes) in parts.chain(whole) {
                let place = out.join(name);
                disk::replace(&place, bytes, Access::Shared)?;
                sheet.written.push(place.path());
            }
        }
        if let Some(path) = self.html {
            disk::replace(&Place::named(&path), page.as_bytes(), Access::Shared)?;
            sheet.written.push(path);
        }
        Ok(Outcome::done(sheet))
    }
}

/// What is handed out.
struct Sheet {
    /// The name of the trust root, for people.
    name: String,
    /// Its id.
    id: String,
    now: Time,
    verified: Verified,
    place: Addresses,
    clients: Vec<Client>,
    files: Vec<File>,
    /// Where it was written to.
    written: Vec<PathBuf>,
}

/// Where clients find what is published.
struct Addresses {
    metadata: ServiceUrl,
    targets: String,
    /// Whether the targets are where every client looks unless told otherwise.
    usual: bool,
}

impl Addresses {
    fn new(metadata: ServiceUrl, targets: Option<ServiceUrl>) -> Self {
        let usual = format!("{metadata}/targets");
        let targets = targets.map_or_else(|| usual.clone(), |url| url.to_string());
        Self { usual: usual == targets, metadata, targets }
    }
}

/// A file that is handed out.
struct File {
    /// A plain file name.
    name: String,
    /// What it is for, as a phrase.
    what: &'static str,
    bytes: Vec<u8>,
}

impl File {
    fn new(name: impl Into<String>, what: &'static str, bytes: impl Into<Vec<u8>>) -> Self {
        Self { name: name.into(), what, bytes: bytes.into() }
    }

    fn sha256(&self) -> Digest {
        Digest::of(&self.bytes)
    }
}
