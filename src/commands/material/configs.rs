//! The signing configs that a command changes, and those that it leaves as they are.

use ceremony::Policy;
use ceremony::material::files::is_signing_config;
use ceremony::material::signing_config::Form;
use ceremony::material::{Material, Service, ServiceKind, SigningConfig};

use crate::disk;
use crate::error::Failure;
use crate::examine::and;

/// Which signing configs are changed.
#[derive(clap::Args)]
pub(super) struct Configs {
    /// Change this signing config and no other, such as signing_config_rekor_v2.v0.2.json; may be given several times
    #[arg(long, value_name = "PATH")]
    config: Vec<String>,
}

impl Configs {
    /// Those that are named; none where nobody named any.
    ///
    /// # Errors
    /// If one of them is not there, or of the old form.
    pub(super) fn named(&self, material: &Material) -> Result<Option<&[String]>, Failure> {
        for path in &self.config {
            match material.signing_configs.get(path).map(SigningConfig::form) {
                Some(Form::V02) => {}
                Some(Form::V01) => {
                    return Err(Failure::could_not(format!(
                        "{path} is of the form v0.1, which no command edits: no client of today reads it"
                    )));
                }
                None => return Err(absent(path, material)),
            }
        }
        Ok(if self.config.is_empty() { None } else { Some(&self.config) })
    }

    /// Those that are named, or the one that clients read.
    ///
    /// # Errors
    /// As [`named`](Self::named).
    pub(super) fn meant(&self, material: &Material) -> Result<Vec<String>, Failure> {
        let mut meant =
            self.named(material)?.map_or_else(|| vec![SigningConfig::TARGET.to_owned()], <[String]>::to_vec);
        meant.sort();
        meant.dedup();
        Ok(meant)
    }

    /// Puts a new signing config into `material`, a copy of that at `from`.
    ///
    /// # Errors
    /// If not one new one is named, its name is none of a signing config, or that at `from` is not there.
    pub(super) fn copy(&self, from: &str, material: &mut Material, policy: &Policy) -> Result<(), Failure> {
        let [path] = self.config.as_slice() else {
            return Err(Failure::could_not("--copy-of makes one signing config: name it with one --config"));
        };
        if material.signing_configs.contains_key(path) {
            return Err(Failure::no(format!("targets/{path} is there already")).hint("leave out --copy-of"));
        }
        if !is_signing_config(path) || !disk::is_plain(path) || policy.role_of_target(path) != "targets" {
            return Err(Failure::could_not(format!("{path} is no name of a signing config"))
                .hint("it begins with signing_config and ends with .json, as signing_config_rekor_v2.v0.2.json"));
        }
        let copied = material.signing_configs.get(from).filter(|config| config.form() == Form::V02);
        let copied = copied.cloned().ok_or_else(|| absent(from, material))?;
        material.signing_configs.insert(path.clone(), copied);
        Ok(())
    }
}

fn absent(path: &str, material: &Material) -> Failure {
    let there = material.signing_configs.iter().filter(|(_, config)| config.form() == Form::V02);
    let there: Vec<String> = there.map(|(path, _)| path.clone()).collect();
    let there = if there.is_empty() { "none".to_owned() } else { there.join(", ") };
    Failure::could_not(format!("there is no signing config {path} of the form v0.2; there is: {there}"))
}

/// What is to be said of the signing configs in the old form that still name a service which signers no longer use at
/// `url`: one sentence for each.
pub(super) fn old_forms(material: &Material, kind: ServiceKind, url: &str) -> Vec<String> {
    let names = |config: &SigningConfig| config.of_kind(kind).any(|service| service.url() == Some(url));
    let old = material.signing_configs.iter().filter(|(_, config)| config.form() == Form::V01 && names(config));
    let said = old.map(|(path, _)| {
        format!(
            "{path}, of the form v0.1, still names {url}. No client of today reads it, and no command edits it: delete \
             targets/{path}, or edit it."
        )
    });
    said.collect()
}

/// What is to be said of the signing configs that have a service at `url` as well and are not among the `changed`, where
/// signers use it without an end if it is `open` that counts; none if there are none.
pub(super) fn others(
    material: &Material,
    changed: &[String],
    kind: ServiceKind,
    url: &str,
    open: bool,
) -> Option<String> {
    let is_open = |service: &Service<'_>| service.valid_for().is_ok_and(|valid| valid.end.is_none());
    let counts = |service: &Service<'_>| service.url() == Some(url) && (!open || is_open(service));
    let others = material.signing_configs.iter().filter(|(path, config)| {
        config.form() == Form::V02 && !changed.contains(path) && config.of_kind(kind).any(|service| counts(&service))
    });
    let others: Vec<String> = others.map(|(path, _)| path.clone()).collect();
    let (has, stays) = if others.len() == 1 { ("has", "stays") } else { ("have", "stay") };
    (!others.is_empty()).then(|| format!("{} {has} it too, and {stays} so: --config changes it there.", and(&others)))
}
