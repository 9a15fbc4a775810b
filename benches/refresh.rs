//! Clients that go from a root of Sigstore's to its newest state.

use std::env;
use std::path::Path;
use std::process::Command;

use futures::FutureExt as _;
use sigstore_tuf::transport::FetchFuture;
use sigstore_tuf::{FileStore, Repository, Updater};

use crate::common::clients::{self, Job};
use crate::common::{BINARY, Server};
use crate::measure::{Table, measure};
use crate::sigstore::{root_file, sigstore};

/// When Sigstore's files are judged: while they were the newest.
const NOW: &str = "2026-08-22T00:00:00Z";

/// The clients, and the earliest of Sigstore's roots that each can start from.
const CLIENTS: [(&str, u64); 6] =
    [("trustroot", 5), ("sigstore-tuf", 5), ("tough", 12), ("go-tuf", 5), ("python-tuf", 5), ("tuf-js", 1)];

/// In `rounds` rounds, an audit of all of Sigstore's history by `verify`, and then every client in turn, without a
/// memory, from a web server on loopback: from root 1, 5 and 12, as far as it can start there.
pub(crate) fn refresh(rounds: usize) -> Table {
    let repository = sigstore(16, 762);
    let server = Server::directory(repository.path());
    let mut table = Table::default();
    for _ in 0..rounds {
        let mut audit = Command::new(BINARY);
        audit.args(["verify", "--now", NOW, "--root", &root_file(1), "--repository"]).arg(repository.path());
        table.add("audit", measure(&mut audit));
        for root in [1, 5, 12] {
            for (client, _) in CLIENTS.iter().filter(|(_, earliest)| *earliest <= root) {
                let cache = tempfile::tempdir().unwrap();
                let run = measure(&mut command(client, &server.url(), root_file(root).as_ref(), cache.path()));
                table.add(&format!("{client}-from-{root}"), run);
            }
        }
    }
    table
}

fn command(client: &str, url: &str, root: &Path, cache: &Path) -> Command {
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients");
    let mut command = Command::new(match client {
        "trustroot" => BINARY.into(),
        // Libraries: this program is the client.
        "sigstore-tuf" | "tough" => env::current_exe().unwrap(),
        _ => scripts.join("run"),
    });
    match client {
        "trustroot" => {
            command.args(["fetch", "--now", NOW, "--metadata-url", url, "--root"]).arg(root).arg("--cache").arg(cache);
        }
        "sigstore-tuf" | "tough" => drop(command.args(["--bench", "client", client, url]).args([root, cache])),
        _ => drop(command.args([client, url]).args([root, cache]).args(["--time", NOW])),
    }
    command
}

/// Refreshes as a client of a library; says which root it came to.
pub(crate) fn client(library: &str, url: &str, root: &str, cache: &str) -> Result<u64, String> {
    match library {
        "tough" => clients::run("tough", None, &[Job::new(url, root.as_ref(), cache.as_ref(), &[])]).remove(0),
        _ => {
            let root = std::fs::read(root).map_err(|error| error.to_string())?;
            let client = Updater::new(Site(url.to_owned()), &root).map_err(|error| error.to_string())?;
            let mut client = client.with_store(FileStore::new(cache));
            let refreshed = client.refresh(NOW.parse().unwrap()).now_or_never().expect("nothing in it waits");
            refreshed.map_err(|error| error.to_string())?;
            Ok(sigstore_tuf::Role::version(client.trusted().root()))
        }
    }
}

/// Plain HTTP for sigstore-tuf.
struct Site(String);

impl Site {
    fn get(&self, path: &str) -> Option<Vec<u8>> {
        clients::get(&format!("{}/{path}", self.0).parse().unwrap()).map(|bytes| bytes.to_vec())
    }
}

impl Repository for Site {
    fn fetch_metadata<'a>(&'a self, name: &'a str, _: u64) -> FetchFuture<'a> {
        Box::pin(async move { Ok(self.get(name)) })
    }

    fn fetch_target<'a>(&'a self, path: &'a str, _: u64) -> FetchFuture<'a> {
        Box::pin(async move { Ok(self.get(&format!("targets/{path}"))) })
    }
}
