//! All trust material of a repository.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::legacy::{LegacyTarget, is_legacy};
use super::signing_config::SigningConfig;
use super::trusted_root::{MaterialError, TrustedRoot};
use crate::json::Json;

/// The trust material among the targets of a repository.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Material {
    /// `trusted_root.json`
    pub trusted_root: Option<TrustedRoot>,
    /// The signing configs by their paths: the one that clients read, the old form, and variants to opt in.
    pub signing_configs: BTreeMap<String, SigningConfig>,
    /// The legacy targets, sorted by path.
    pub legacy: Vec<LegacyTarget>,
    /// Files that should be material by their names, and cannot be read as such, with the reason.
    pub unreadable: Vec<(String, MaterialError)>,
}

impl Material {
    /// Takes what is trust material of these targets: path, content, `custom`. By name `trusted_root.json` and
    /// `signing_config*.json`, by `custom.sigstore` the legacy targets.
    pub fn of<'a>(targets: impl IntoIterator<Item = (&'a str, &'a [u8], Option<&'a Json>)>) -> Self {
        let mut material = Self::default();
        for (path, content, custom) in targets {
            if path == TrustedRoot::TARGET {
                match TrustedRoot::parse(content) {
                    Ok(root) => material.trusted_root = Some(root),
                    Err(error) => material.unreadable.push((path.to_string(), error)),
                }
            } else if is_signing_config(path) {
                match SigningConfig::parse(content) {
                    Ok(config) => _ = material.signing_configs.insert(path.to_string(), config),
                    Err(error) => material.unreadable.push((path.to_string(), error)),
                }
            } else {
                material.legacy.extend(LegacyTarget::read(path, custom, content));
            }
        }
        material.legacy.sort_by(|a, b| a.path.cmp(&b.path));
        material
    }

    /// The signing config that clients read.
    pub fn signing_config(&self) -> Option<&SigningConfig> {
        self.signing_configs.get(SigningConfig::TARGET)
    }

    /// The paths of its files.
    pub fn paths(&self) -> Vec<&str> {
        let root = self.trusted_root.iter().map(|_| TrustedRoot::TARGET);
        let configs = self.signing_configs.keys().map(String::as_str);
        let legacy = self.legacy.iter().map(|target| target.path.as_str());
        let unreadable = self.unreadable.iter().map(|(path, _)| path.as_str());
        root.chain(configs).chain(legacy).chain(unreadable).collect()
    }

    /// Whether there is none at all.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Whether a target is trust material, by its name or by what is said of it.
pub fn is_material(path: &str, custom: Option<&Json>) -> bool {
    path == TrustedRoot::TARGET || is_signing_config(path) || custom.is_some_and(is_legacy)
}

/// Whether clients, of today or before, look under this name for a signing config.
pub fn is_signing_config(path: &str) -> bool {
    path.starts_with("signing_config") && path.ends_with(".json")
}
