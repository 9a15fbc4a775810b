//! What lies in a directory: to see that nothing in it changed.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use ceremony::Digest;

/// What is longer is told by its length alone.
const LARGE: u64 = 1 << 24;

/// Everything below a directory: what it is, by path.
pub fn listing(directory: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut ahead = vec![directory.to_owned()];
    while let Some(next) = ahead.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            let metadata = path.symlink_metadata().unwrap();
            let what = match metadata.file_type() {
                kind if kind.is_dir() => "directory".to_owned(),
                kind if kind.is_symlink() => format!("link to {}", fs::read_link(&path).unwrap().display()),
                kind if kind.is_file() && metadata.len() > LARGE => format!("{} bytes", metadata.len()),
                kind if kind.is_file() => Digest::of(&fs::read(&path).unwrap()).to_string(),
                kind => format!("{kind:?}"),
            };
            if metadata.is_dir() {
                ahead.push(path.clone());
            }
            found.insert(path.strip_prefix(directory).unwrap().to_string_lossy().into_owned(), what);
        }
    }
    found
}
