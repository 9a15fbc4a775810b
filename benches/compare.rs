//! A signed repository of many small targets: made by this program, by others, and by nobody.

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::common::Room;
use crate::common::room::NOW;
use crate::measure::{Cost, Table, measure};

/// Programs by others that make repositories: `tests/clients/make_*`.
pub(crate) const PEERS: [&str; 2] = ["python-tuf", "tuftool"];

/// Makes the repository in `rounds` rounds. In each, every program has its turn.
///
/// Two of three people sign root and targets, one online key the rest. Each program finds the keys and the target files
/// on one file system, and leaves the metadata and a copy of every target file there.
///
/// For this program that is `stage`, `sign` with the keys of both people, and `publish`, each a process of its own. It is
/// done twice: while the policy leaves snapshot and timestamp to somebody else, so that no client sees anything of it
/// yet and there is nothing to try out; and with the online key at hand. What `publish` takes longer then is the row of
/// the client checks.
///
/// The policy accepts the finding that so many targets in one file are more than clients read by default. The peers
/// write one file too.
pub(crate) fn compare(targets: usize, rounds: usize, peers: &[&str]) -> Table {
    let wanted = Wanted::write(targets);
    let mut table = Table::default();
    for _ in 0..rounds {
        table.add("floor", wanted.floor());
        wanted.trustroot(&mut table);
        for peer in peers {
            if !table.lost(peer) {
                table.add(peer, wanted.peer(peer));
            }
        }
    }
    table.subtract("client-checks", "trustroot-publish");
    table
}

/// The target files, and keys for those who need them as files.
struct Wanted {
    targets: usize,
    files: TempDir,
    keys: TempDir,
}

impl Wanted {
    fn write(targets: usize) -> Self {
        let (files, keys) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for number in 0..targets {
            // 61 bytes, none of them like those of another.
            let content = format!("{number:060}\n");
            fs::write(files.path().join(format!("target-{number:06}.txt")), content).unwrap();
        }
        Self { targets, files, keys }
    }

    fn floor(&self) -> Result<Cost, String> {
        let out = tempfile::tempdir().unwrap();
        let to = out.path().join("targets");
        let mut floor = Command::new(env::current_exe().unwrap());
        let cost = measure(floor.args(["--bench", "floor"]).args([self.files.path(), &to]))?;
        self.all_in(&to, cost)
    }

    fn peer(&self, name: &str) -> Result<Cost, String> {
        let script = format!("make_{}", name.replace('-', "_"));
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(script);
        let out = tempfile::tempdir().unwrap();
        // Keys that are there are kept: they are made once, for nothing.
        if !self.keys.path().join("online.pem").exists() {
            measure(Command::new(&script).args([&out.path().join("nothing"), self.keys.path()]))?;
        }
        let made = out.path().join("made");
        let cost = measure(Command::new(&script).args([&made, self.keys.path(), self.files.path()]))?;
        self.all_in(&made.join("targets"), cost)
    }

    fn trustroot(&self, table: &mut Table) {
        let (offline, whole) = (self.steps(false), self.steps(true));
        table.add("trustroot", offline.clone().map(|steps| steps.stage.then(steps.sign).then(steps.publish)));
        table.add("trustroot-stage", offline.clone().map(|steps| steps.stage));
        table.add("trustroot-sign", offline.clone().map(|steps| steps.sign));
        table.add("trustroot-publish", offline.map(|steps| steps.publish));
        table.add("client-checks", whole.map(|steps| steps.publish));
    }

    /// The way from wanted to published, in a trust root that has published no target yet; with the online key, or
    /// without one.
    fn steps(&self, online: bool) -> Result<Steps, String> {
        let room = Room::new(&["alice", "bob", "carol"], 2);
        let targets = room.path("targets");
        fs::remove_file(targets.join("a.txt")).unwrap();
        room.hold(&["alice", "bob"]);
        for entry in fs::read_dir(self.files.path()).unwrap().map(Result::unwrap) {
            fs::copy(entry.path(), targets.join(entry.file_name())).unwrap();
        }
        let accept = ["accept", "metadata-too-large", "targets", "--reason=benchmark", "--until=2026-12-31T00:00:00Z"];
        room.run(0, &accept);
        if !online {
            room.replace("trustroot.toml", "online = [\"online\"]", "online = \"external\"");
        }
        let step = |arguments: &[&str]| {
            let arguments = [arguments, &["--now", NOW]].concat();
            measure(&mut room.coordinator.command(&arguments))
        };
        let stage = step(&["stage", "--name=next"])?;
        let screen = room.run(0, &["review", "next", "--digest"]).stdout;
        let digest = screen.lines().last().unwrap();
        let keys = ["alice", "bob"].map(|name| format!("--key-file={}", room.key_file(name).display()));
        let sign = step(&["sign", "next", "--expect", digest, &keys[0], &keys[1]])?;
        let keys: &[&str] = if online { &["online"] } else { &[] };
        let publish = step(&room.with_keys(&["publish", "next"], keys).each())?;
        let publish = self.all_in(&room.path("repository/targets"), publish)?;
        Ok(Steps { stage, sign, publish })
    }

    /// `cost`, if a directory has all targets.
    fn all_in(&self, made: &Path, cost: Cost) -> Result<Cost, String> {
        match fs::read_dir(made).map_or(0, Iterator::count) {
            count if count == self.targets => Ok(cost),
            count => Err(format!("{count} of {} target files were written", self.targets)),
        }
    }
}

/// What the steps cost.
#[derive(Clone)]
struct Steps {
    stage: Cost,
    sign: Cost,
    publish: Cost,
}
