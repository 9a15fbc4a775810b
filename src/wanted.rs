//! The target files that are wanted: those below `targets/`, but for what other programs leave there.

use std::collections::BTreeSet;

use ceremony::inputs::{TargetList, WantedTarget};
use ceremony::policy::Signers;
use ceremony::{Policy, Targets};

use crate::disk;
use crate::error::{Failure, OrFail as _};
use crate::published::Published;
use crate::workdir::Workdir;

/// The most bytes of one target file that are read.
const TARGET_LIMIT: u64 = 1 << 36;

/// How many target files there may be.
const TARGETS: usize = 1_000_000;

/// Why files are left out, as the end of a sentence.
pub(crate) const LEFT_OUT: &str =
    "hidden files and backups are targets only if [targets] in the policy names them, or they are published";

/// What lies below `targets/`.
pub(crate) struct WantedFiles {
    /// The wanted target files, measured.
    pub(crate) files: TargetList,
    /// The paths of what is no target: hidden files and backups, which file managers, editors and git leave. Of a hidden
    /// directory it is the directory, with `/` at its end.
    pub(crate) left_out: Vec<String>,
}

impl WantedFiles {
    /// Measures the files below `targets/`.
    ///
    /// A hidden file or a backup counts if the policy names it under `[targets]`, or if it is published: nothing that
    /// clients ask for goes away unseen.
    ///
    /// # Errors
    /// If they cannot be read, a path is none that a target can have, or a file belongs to a role that somebody else
    /// signs.
    pub(crate) fn read(workdir: &Workdir, policy: &Policy, published: &Published) -> Result<Self, Failure> {
        let named = named(policy, published)?;
        let mut left_out = Vec::new();
        let measured = disk::measure_some(&workdir.targets(), TARGETS, TARGET_LIMIT, |path| {
            let name = path.trim_end_matches('/').rsplit('/').next().unwrap_or(path);
            let wanted = !is_left_behind(name)
                || match path.ends_with('/') {
                    true => named.range(path.to_owned()..).next().is_some_and(|next| next.starts_with(path)),
                    false => named.contains(path),
                };
            if !wanted {
                left_out.push(path.to_owned());
            }
            wanted
        })?;
        left_out.sort_unstable();
        let mut files = Vec::new();
        for (path, measured) in measured {
            ceremony::source::target_path(&path).or_fail(|| format!("targets/{path} has no name for a target"))?;
            let role = policy.role_of_target(&path);
            if policy.role(role).is_some_and(|role| role.signers == Signers::External) {
                return Err(Failure::no(format!("targets/{path} belongs to {role}, which is external in the policy"))
                    .hint("take the file away, or give it to a role of your own under [targets] in the policy"));
            }
            files.push((path, WantedTarget { length: measured.length, sha256: measured.sha256 }));
        }
        Ok(Self { files: files.into_iter().collect(), left_out })
    }
}

/// Whether anything lies below `targets/` but for what other programs leave there.
pub(crate) fn is_any(workdir: &Workdir) -> Result<bool, Failure> {
    let paths = disk::tree(&workdir.targets(), TARGETS)?;
    Ok(paths.iter().any(|path| !path.split('/').any(is_left_behind)))
}

/// Whether other programs give such a name to what nobody wants to publish.
fn is_left_behind(name: &str) -> bool {
    name.starts_with('.') || name.ends_with('~') || (name.starts_with('#') && name.ends_with('#'))
}

/// The paths that are targets whatever they are called.
fn named(policy: &Policy, published: &Published) -> Result<BTreeSet<String>, Failure> {
    let mut named: BTreeSet<String> = policy.targets.keys().cloned().collect();
    for role in published.roles.values() {
        named.extend(Targets::of(&role.metadata)?.entries().map(|(path, _)| path.to_owned()));
    }
    Ok(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_behind_is_told_by_its_name() {
        for name in [".DS_Store", ".gitkeep", ".git", ".a.swp", "a~", "#a#", ".#a"] {
            assert!(is_left_behind(name), "{name}");
        }
        for name in ["a", "a.b", "a.bak", "#a", "a#", "~a"] {
            assert!(!is_left_behind(name), "{name}");
        }
    }
}
