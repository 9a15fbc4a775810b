//! Keys are replaced while the clients of others look on, after every single write.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use common::clients::{Job, QUICK, copy, run};
use common::room::NOW;
use common::{Room, Server};
use serde_json::Value;
use tempfile::TempDir;

/// The day after the ceremony.
const LATER: &str = "2026-11-23T12:00:00Z";

/// What a web server serves while something is published: a directory for each moment.
struct Moments {
    directory: TempDir,
    server: Server,
    /// How many there are: `0` is before the first write.
    count: usize,
}

impl Moments {
    /// The moments of a publication that wrote these metadata files, in this order; the targets came first.
    fn new(before: &Path, after: &Path, writes: &[String]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let at = |number: usize| directory.path().join(number.to_string());
        copy(before, &at(0));
        copy(before, &at(1));
        copy(&after.join("targets"), &at(1).join("targets"));
        for (i, write) in writes.iter().enumerate() {
            copy(&at(i + 1), &at(i + 2));
            fs::copy(after.join(write), at(i + 2).join(write)).unwrap();
        }
        let server = Server::directory(directory.path());
        Self { count: writes.len() + 2, directory, server }
    }

    fn url(&self, number: usize) -> String {
        format!("{}/{number}", self.server.url())
    }

    /// The root that everybody starts from.
    fn root(&self) -> PathBuf {
        self.directory.path().join("0/1.root.json")
    }

    /// Where clients remember what they saw.
    fn cache(&self, client: &str, name: &str) -> PathBuf {
        self.directory.path().join(format!("caches/{client}/{name}"))
    }

    /// What each moment is to a client that is new, and to one that has run before the first write.
    fn seen_by(&self, client: &str, target: &str) -> Vec<[Result<u64, String>; 2]> {
        let seed = self.cache(client, "seed");
        let job = |number, cache: &Path| Job::new(self.url(number), &self.root(), cache, &[target]);
        let seeded = run(client, Some(NOW), &[job(0, &seed)]);
        assert_eq!(seeded, [Ok(1)], "{client} before");
        let mut jobs = Vec::new();
        for number in 0..self.count {
            let cached = self.cache(client, &format!("cached-{number}"));
            copy(&seed, &cached);
            jobs.push(job(number, &self.cache(client, &format!("fresh-{number}"))));
            jobs.push(job(number, &cached));
        }
        let answers = run(client, Some(LATER), &jobs);
        answers.chunks(2).map(|pair| [pair[0].clone(), pair[1].clone()]).collect()
    }
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

fn accept(room: &Room, finding: &str, subject: &str) {
    room.run(0, &["accept", finding, subject, "--reason=tested", "--until=2027-01-01T00:00:00Z"]);
}

/// Replaces the online key `online` by `successor`.
fn replace_online_key(room: &Room, successor: &str) {
    room.enroll_online(successor);
    for role in ["snapshot", "timestamp"] {
        room.run(0, &["role", role, &format!("--add={successor}"), "--drop=online"]);
    }
}

/// Publishes with these online keys and returns the moments of it.
fn publish(room: &Room, ceremony: &str, keys: &[&str]) -> (Moments, Value) {
    let before = tempfile::tempdir().unwrap();
    copy(&room.path("repository"), before.path());
    let plan = room.json(0, &room.with_keys(&["publish", ceremony, "--dry-run"], keys).each());
    let writes = texts(&plan["writes"]);
    assert_eq!(contents(before.path()), contents(&room.path("repository")), "--dry-run writes nothing");
    room.run(0, &room.with_keys(&["publish", ceremony], keys).each());
    (Moments::new(before.path(), &room.path("repository"), &writes), plan)
}

fn contents(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut next = vec![directory.to_owned()];
    while let Some(directory) = next.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => next.push(path),
                false => drop(found.insert(path.file_name().unwrap().into(), fs::read(path).unwrap())),
            }
        }
    }
    found
}

#[test]
fn a_planned_rotation_fails_no_client_at_any_moment() {
    let mut room = Room::new(&["alice", "bob", "carol"], 2);
    room.hold(&["alice", "bob"]);
    // The online key, everybody who signs targets, and the targets themselves.
    replace_online_key(&room, "online2");
    let new = ["dave", "erin", "frank"];
    new.iter().for_each(|name| room.enroll(name));
    let mut change = vec!["role".to_owned(), "targets".to_owned()];
    change.extend(new.iter().map(|name| format!("--add={name}")));
    change.extend(["alice", "bob", "carol"].map(|name| format!("--drop={name}")));
    room.run(0, &change.iter().map(String::as_str).collect::<Vec<_>>());
    room.coordinator.write("targets/a.txt", "second\n");
    accept(&room, "key-lost", "targets");
    accept(&room, "target-changed", "a.txt");
    let ceremony = room.stage();
    room.sign_all(&["alice", "bob", "dave", "erin"], &ceremony);

    let (moments, plan) = publish(&room, &ceremony, &["online", "online2"]);
    assert_eq!(plan["breaks"], Value::Array(vec![]));
    assert_eq!(texts(&plan["writes"]), ["2.targets.json", "2.snapshot.json", "timestamp.json", "2.root.json"]);
    let last = moments.count - 1;
    for client in QUICK {
        for (number, seen) in moments.seen_by(client, "a.txt").into_iter().enumerate() {
            let root = if number == last { 2 } else { 1 };
            assert_eq!(seen, [Ok(root), Ok(root)], "{client}, fresh and cached, at moment {number}");
        }
        let newest = room.path("repository/2.root.json");
        let job = Job::new(moments.url(last), &newest, &moments.cache(client, "newest"), &["a.txt"]);
        assert_eq!(run(client, Some(LATER), &[job]), [Ok(2)], "{client} from root 2");
    }
    // The new key alone carries on.
    room.at("2026-11-28T12:00:00Z");
    room.run(0, &room.with_keys(&["renew"], &["online2"]).each());
}
