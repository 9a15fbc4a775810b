//! One private key that a root lists twice: the clients of others count its ids, this program counts the key.
#![allow(clippy::unwrap_used)]

mod common;

use ceremony::TufKey;
use common::clients::{Job, run};
use common::tuf::{self, Files, key};
use common::{Run, Server, Trustroot, says};

/// The clients of others, each in its own language.
const OTHERS: [&str; 4] = ["python-tuf", "tuf-js", "go-tuf", "tough"];

const NOW: &str = "2026-08-22T00:00:00Z";

/// A repository whose root 3 asks for two signatures, has keys 1 and `other`, and is signed by the hand of key 1 alone
/// for both of them. What root 2 asks for is all there.
fn repository(other: &TufKey) -> Files {
    let mut files = tuf::repository();
    let own = [(key(1).id, 1), (other.id.clone(), 1)];
    let signers = [&own[..], &[(key(2).id, 2)]].concat();
    let root = tuf::root(3, &[key(1), other.clone()], 2);
    files.insert("3.root.json".into(), tuf::signed_as(&root, &signers));
    let targets = tuf::targets(1, &[("a.txt", b"a")]);
    files.insert("1.targets.json".into(), tuf::signed_as(&targets, &own));
    files
}

/// Serves that repository; returns the root to which each client of others comes, or its reason to refuse, and what
/// `fetch` says, which refuses it.
fn served(other: &TufKey) -> (Vec<Result<u64, String>>, Run) {
    let person = Trustroot::new();
    for (path, bytes) in repository(other) {
        person.write(&format!("repository/{path}"), bytes);
    }
    let server = Server::directory(person.dir().join("repository"));
    let root = person.dir().join("repository/1.root.json");
    let look = |client: &str| {
        let job = Job::new(server.url(), &root, &person.home().join(client), &["a.txt"]);
        run(client, Some(NOW), &[job]).pop().unwrap()
    };
    let others = OTHERS.iter().map(|client| look(client)).collect();
    let url = server.url();
    let fetch = ["fetch", "--root", "repository/1.root.json", "--metadata-url", &url, "--cache", "cache", "--now", NOW];
    let verified = person.exits(1, &["verify", "--repository", &url, "--root", "repository/1.root.json", "--now", NOW]);
    says(&verified, &["root 3 needs 2 of its own keys; 1 signed", "No: clients refuse this repository."]);
    (others, person.exits(1, &fetch))
}

#[track_caller]
fn refuses(answer: &Result<u64, String>, why: &str) {
    assert!(answer.as_ref().is_err_and(|error| error.contains(why)), "no {why:?} in {answer:?}");
}

#[test]
fn one_key_under_two_ids_meets_a_threshold_of_two_in_three_of_four_clients() {
    let (others, fetch) = served(&tuf::key_again(1));
    let [python_tuf, tuf_js, go_tuf, tough] = &others[..] else { unreachable!() };
    assert_eq!([python_tuf, tuf_js, tough], [&Ok(3); 3]);
    refuses(go_tuf, "not enough signatures, got 1, want 2");
    // So does the library of `fetch`, which counts again.
    says(&fetch, &["root_history/3.root.json needs 2 different keys; 1 signed"]);
}

#[test]
fn one_key_in_two_encodings_meets_a_threshold_of_two_where_both_are_read() {
    let (others, fetch) = served(&tuf::key_compressed_pem(1));
    let [python_tuf, tuf_js, go_tuf, tough] = &others[..] else { unreachable!() };
    assert_eq!([python_tuf, tuf_js, tough], [&Ok(3); 3]);
    refuses(go_tuf, "invalid uncompressed public key");
    says(&fetch, &["signature threshold not met for role root: 1/2 valid signatures"]);

    // In hex, which fewer read.
    let (others, fetch) = served(&tuf::key_compressed(1));
    let [python_tuf, tuf_js, go_tuf, tough] = &others[..] else { unreachable!() };
    assert_eq!([tuf_js, tough], [&Ok(3); 2]);
    refuses(python_tuf, "root was signed by 1/2 keys");
    refuses(go_tuf, "PEM decoding failed");
    says(&fetch, &["signature threshold not met for role root: 1/2 valid signatures"]);
}
