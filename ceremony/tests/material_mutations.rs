//! Nothing that changes in trust material is missing from its diff: every member of every real file is changed.
#![allow(clippy::panic, clippy::unwrap_used)]

mod published;

use ceremony::Json;
use ceremony::material::diff::{self, Change, FileDiff};
use ceremony::material::{SigningConfig, TrustedRoot};
use published::{TRUSTED_ROOTS, data, staging, trusted_root};

/// A way from a JSON value to one inside it.
#[derive(Clone, Debug)]
enum Step {
    Name(String),
    Index(usize),
}

type Path = Vec<Step>;

/// The paths of all values, the outermost first.
fn paths(json: &Json, path: &Path, all: &mut Vec<Path>) {
    all.push(path.clone());
    let below = |step: Step| [path.clone(), vec![step]].concat();
    match json {
        Json::Array(elements) => {
            elements.iter().enumerate().for_each(|(i, value)| paths(value, &below(Step::Index(i)), all));
        }
        Json::Object(object) => {
            object.iter().for_each(|(name, value)| paths(value, &below(Step::Name(name.to_owned())), all));
        }
        _ => {}
    }
}

fn at<'a>(json: &'a mut Json, path: &[Step]) -> &'a mut Json {
    path.iter().fold(json, |json, step| match (json, step) {
        (Json::Array(elements), Step::Index(index)) => &mut elements[*index],
        (json, Step::Name(name)) => json.as_object_mut().unwrap().get_mut(name).unwrap(),
        _ => unreachable!("the path is of this value"),
    })
}

/// The file with each of its values changed in every way that its type has, and what was done.
fn mutations(json: &Json) -> Vec<(String, Json)> {
    let mut all = Vec::new();
    paths(json, &Vec::new(), &mut all);
    let mut mutated = Vec::new();
    for path in all {
        let mut change = |what: &str, edit: &dyn Fn(&mut Json)| {
            let mut changed = json.clone();
            edit(at(&mut changed, &path));
            if changed != *json {
                mutated.push((format!("{what} {path:?}"), changed));
            }
        };
        match at(&mut json.clone(), &path) {
            Json::String(text) => {
                let text = text.clone();
                change("append to", &|json| *json = Json::string(format!("{text}x")));
                change("empty", &|json| *json = Json::string(""));
                // Another moment, another key, another URL.
                for (from, to) in [('2', '3'), ('e', 'f')] {
                    change("alter", &|json| *json = Json::string(text.replacen(from, &to.to_string(), 1)));
                }
                change("retype", &|json| *json = Json::Null);
            }
            Json::Number(number) => {
                let number = *number;
                change("add to", &|json| *json = Json::Number(number + 1));
            }
            Json::Array(elements) => {
                let length = elements.len();
                for i in 0..length {
                    let without = |json: &mut Json| {
                        if let Json::Array(elements) = json {
                            elements.remove(i);
                        }
                    };
                    change(&format!("remove {i} of"), &without);
                    let twice = |json: &mut Json| {
                        if let Json::Array(elements) = json {
                            elements.insert(i, elements[i].clone());
                        }
                    };
                    change(&format!("repeat {i} of"), &twice);
                }
                let swap = |json: &mut Json| {
                    if let Json::Array(elements) = json {
                        elements.reverse();
                    }
                };
                change("reverse", &swap);
            }
            Json::Object(object) => {
                for name in object.iter().map(|(name, _)| name.to_owned()).collect::<Vec<_>>() {
                    let remove = |json: &mut Json| _ = json.as_object_mut().unwrap().remove(&name);
                    change(&format!("remove {name} of"), &remove);
                }
                change("add x to", &|json| _ = json.as_object_mut().unwrap().insert("x", Json::from(1)));
                change("add end to", &|json| {
                    json.as_object_mut().unwrap().insert("end", Json::string("2030-01-01T00:00:00Z"));
                });
            }
            _ => {}
        }
    }
    mutated
}

/// Everything that is said, with the details of what is added.
fn all_of(file: &FileDiff) -> String {
    let details = file.changes.iter().flat_map(Change::details).cloned().collect::<Vec<_>>();
    [vec![file.to_string()], details].concat().join("\n")
}

/// Demands that each mutation is told: against the file itself, and in the file as if it were new.
fn demand<T>(bytes: &[u8], parse: impl Fn(&[u8]) -> Option<T>, diff: impl Fn(Option<&T>, &T) -> Option<FileDiff>) {
    let original = parse(bytes).unwrap();
    let whole = all_of(&diff(None, &original).unwrap());
    let json = Json::parse(bytes).unwrap();
    let all = mutations(&json);
    assert!(all.len() > 10);
    let mut read = 0;
    for (what, changed) in all {
        // What is no longer material is told as such by whoever reads it.
        let Some(changed) = parse(changed.pretty().as_bytes()) else { continue };
        read += 1;
        let file = diff(Some(&original), &changed).unwrap_or_else(|| panic!("nothing told: {what}"));
        let real = file.changes.iter().any(|change| !matches!(change, Change::Layout | Change::Rewritten { .. }));
        assert!(real, "{what}: {file}");
        // A list that is empty and one that is not there are the same, and a new file without a media type is a finding.
        let same = ["remove mediaType", "remove timestampAuthorities"].iter().any(|start| what.starts_with(start));
        let new = all_of(&diff(None, &changed).unwrap());
        assert!(new != whole || same, "{what}: {new}");
    }
    assert!(read > 10);
}

#[test]
fn every_mutation_of_a_trusted_root_is_told() {
    let all = (0..TRUSTED_ROOTS.len()).map(trusted_root).chain([staging()]);
    // Thousands of changes, each of a whole file.
    std::thread::scope(|scope| {
        for bytes in all {
            let parse = |bytes: &[u8]| TrustedRoot::parse(bytes).ok();
            scope.spawn(move || demand(&bytes, parse, |old, new| diff::trusted_root(old, Some(new))));
        }
    });
}

#[test]
fn every_mutation_of_a_signing_config_is_told() {
    for name in [
        "0f5f38554e29e770d4d5d6f0e1b51fcbf84f61dc6934530a09b7a901eaad5bee.signing_config_rekor_v2.v0.2.json",
        "9711a6d5375706957a4859af31c5866a4474f81f0544f9f4b76c9c4f4c8a539c.signing_config.v0.2.json",
        "d358c75d032833f4193500f5b01b5760409410558fac962c599439adbb268b0f.signing_config.json",
    ] {
        let bytes = data(&format!("sigstore-prod/targets/{name}"));
        let diff = |old: Option<&SigningConfig>, new: &SigningConfig| {
            diff::signing_config("signing_config.v0.2.json", old, Some(new))
        };
        demand(&bytes, |bytes| SigningConfig::parse(bytes).ok(), diff);
    }
}
