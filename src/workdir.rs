//! The only place that knows where everything lies in the directory of a trust root.
//!
//! ```text
//! trustroot.toml                      the policy
//! keyholders/NAME.toml                one record per keyholder
//! targets/**                          the wanted target files
//! answers/HOST/NAME.DIGEST8.EXT       what services answered when they were asked
//! evidence/KIND-DIGEST8               what an authority or a log that ends signed last
//! repository/                         what is published: metadata, and below it targets/
//! ceremonies/NAME/                    one ceremony, see [`CeremonyDir`]
//! ```

use std::path::{Component, Path, PathBuf};

use crate::disk::{DiskError, Lock, Place};
use crate::error::Failure;

/// The directory of a trust root.
#[derive(Clone, Debug)]
pub(crate) struct Workdir {
    root: Place,
}

impl Workdir {
    /// The directory that the user named.
    pub(crate) fn at(path: impl AsRef<std::path::Path>) -> Self {
        Self { root: Place::named(path) }
    }

    /// The directory itself.
    pub(crate) fn root(&self) -> &Place {
        &self.root
    }

    /// Takes the lock that everything that writes here holds.
    pub(crate) fn lock(&self) -> Result<Lock, DiskError> {
        Lock::take(&self.root)
    }

    /// Refuses a path for something that a person asked for, such as a page, where only what belongs to the trust root
    /// may lie: there it would become a target, or a file that nobody else has.
    pub(crate) fn refuse_output(&self, path: &Path) -> Result<(), Failure> {
        let dirs = [
            self.policy(),
            self.keyholders(),
            self.targets(),
            self.root.join("answers"),
            self.root.join("evidence"),
            self.repository().root,
            self.ceremonies(),
        ];
        // What is not there yet lies where its first parent that is there does.
        let there = path.ancestors().find_map(|dir| dir.canonicalize().ok());
        let inside = |dir: &&Place| {
            let there = there.as_ref().zip(dir.path().canonicalize().ok()).is_some_and(|(a, b)| a.starts_with(b));
            there || in_words(path).zip(in_words(&dir.path())).is_some_and(|(a, b)| a.starts_with(b))
        };
        match dirs.iter().find(inside) {
            Some(dir) => Err(Failure::could_not(format!("{} would lie in the place of {dir}", path.display()))
                .and_cause("nothing lies there but what belongs to the trust root")
                .hint("write it somewhere else")),
            None => Ok(()),
        }
    }

    /// `trustroot.toml`
    pub(crate) fn policy(&self) -> Place {
        self.root.join("trustroot.toml")
    }

    /// `keyholders`
    pub(crate) fn keyholders(&self) -> Place {
        self.root.join("keyholders")
    }

    /// `keyholders/NAME.toml`
    pub(crate) fn keyholder(&self, name: &str) -> Place {
        self.keyholders().join(&format!("{name}.toml"))
    }

    /// `targets`: the wanted target files.
    pub(crate) fn targets(&self) -> Place {
        self.root.join("targets")
    }

    /// `answers/HOST/NAME`: what a service answered.
    pub(crate) fn answer(&self, host: &str, name: &str) -> Place {
        self.root.join("answers").join(host).join(name)
    }

    /// `evidence/NAME`: what an authority or a log that ends signed last, or what is claimed of that.
    pub(crate) fn evidence(&self, name: &str) -> Place {
        self.root.join("evidence").join(name)
    }

    /// `repository`: what is published.
    pub(crate) fn repository(&self) -> Repository {
        Repository { root: self.root.join("repository") }
    }

    /// `keyholders/NAME.attestation.pem`
    pub(crate) fn attestations(&self, name: &str) -> Place {
        self.keyholders().join(&format!("{name}.attestation.pem"))
    }

    /// `ceremonies`
    pub(crate) fn ceremonies(&self) -> Place {
        self.root.join("ceremonies")
    }

    /// `ceremonies/NAME`
    pub(crate) fn ceremony(&self, name: &str) -> CeremonyDir {
        CeremonyDir { root: self.ceremonies().join(name) }
    }
}

/// Where a path leads if nothing on the way is a symbolic link.
fn in_words(path: &Path) -> Option<PathBuf> {
    let mut found = PathBuf::new();
    for component in std::path::absolute(path).ok()?.components() {
        match component {
            Component::ParentDir => _ = found.pop(),
            component => found.push(component),
        }
    }
    Some(found)
}

/// A published repository with consistent snapshots: metadata at its root, target files below `targets`.
#[derive(Clone, Debug)]
pub(crate) struct Repository {
    root: Place,
}

impl Repository {
    /// The directory itself.
    pub(crate) fn root(&self) -> &Place {
        &self.root
    }

    /// A metadata file by its published name, `3.root.json` or `timestamp.json`.
    pub(crate) fn metadata(&self, name: &str) -> Place {
        self.root.join(name)
    }

    /// The directory of the target files.
    pub(crate) fn targets(&self) -> Place {
        self.root.join("targets")
    }
}

/// One ceremony: a frozen proposal, its signatures, what was published, who witnessed it.
///
/// ```text
/// inputs/      policy, keyholder records, hash list of targets, when it was staged; the wanted trust material, and
///              evidence of the last use of what ends in it
/// base/        the published metadata that it changes, and the published trust material
/// staged/      ROLE.json
/// signatures/  ROLE/KEYHOLDER.FP8.DIGEST8.json
/// published/   snapshot.json timestamp.json as signed for this publication
/// witnesses/   NAME.json
/// abandoned.json
/// ```
#[derive(Clone, Debug)]
pub(crate) struct CeremonyDir {
    root: Place,
}

impl CeremonyDir {
    /// A ceremony anywhere.
    pub(crate) fn at(path: impl AsRef<std::path::Path>) -> Self {
        Self { root: Place::named(path) }
    }

    /// The directory itself.
    pub(crate) fn root(&self) -> &Place {
        &self.root
    }

    /// `inputs`
    pub(crate) fn inputs(&self) -> Place {
        self.root.join("inputs")
    }

    /// `staged`
    pub(crate) fn staged(&self) -> Place {
        self.root.join("staged")
    }

    /// `staged/ROLE.json`
    pub(crate) fn staged_role(&self, role: &str) -> Place {
        self.staged().join(&format!("{role}.json"))
    }

    /// `signatures/ROLE`
    pub(crate) fn signatures(&self, role: &str) -> Place {
        self.root.join("signatures").join(role)
    }

    /// `published`
    pub(crate) fn published(&self) -> Place {
        self.root.join("published")
    }

    /// `abandoned.json`
    pub(crate) fn abandoned(&self) -> Place {
        self.root.join("abandoned.json")
    }
}
