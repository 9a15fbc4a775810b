//! The policy as its file has it.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde::Deserialize;

use super::devices::WireDevices;
use super::{Accept, DelegationPolicy, Policy, PolicyError, RolePolicy, Signers, TargetPolicy, role_name};
use crate::json::{Json, Object};
use crate::time::Days;

/// `trustroot.toml`, as TOML.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Wire {
    trust_root: WireTrustRoot,
    #[serde(default)]
    clients: WireClients,
    #[serde(default)]
    devices: WireDevices,
    #[serde(default)]
    material: WireMaterial,
    #[serde(default)]
    publish: WirePublish,
    roles: WireRoles,
    #[serde(default)]
    delegation: Vec<WireDelegation>,
    #[serde(default)]
    targets: BTreeMap<String, WireTarget>,
    #[serde(default)]
    accept: Vec<WireAccept>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireTrustRoot {
    id: String,
    name: String,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireClients {
    support: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct WireMaterial {
    legacy_targets: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct WirePublish {
    metadata_url: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireRoles {
    root: WireRole,
    targets: WireRole,
    snapshot: WireRole,
    timestamp: WireRole,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct WireRole {
    keyholders: Option<Vec<String>>,
    online: Option<WireOnline>,
    threshold: Option<u64>,
    lifetime_days: u32,
    signing_window_days: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct WireDelegation {
    name: String,
    #[serde(default = "by_targets")]
    by: String,
    paths: Vec<String>,
    #[serde(default)]
    terminating: bool,
    keyholders: Option<Vec<String>>,
    online: Option<WireOnline>,
    threshold: Option<u64>,
    lifetime_days: u32,
    signing_window_days: u32,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum WireOnline {
    Word(String),
    Names(Vec<String>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireTarget {
    role: Option<String>,
    custom: Option<toml::Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireAccept {
    finding: String,
    subject: String,
    reason: String,
    until: String,
}

impl Wire {
    /// The policy that the file says, each part of it judged by itself.
    pub(super) fn policy(self) -> Result<Policy, PolicyError> {
        let mut roles = BTreeMap::new();
        for (name, role) in [
            ("root", self.roles.root),
            ("targets", self.roles.targets),
            ("snapshot", self.roles.snapshot),
            ("timestamp", self.roles.timestamp),
        ] {
            roles.insert(name.to_string(), role.policy(name, None)?);
        }
        let mut delegated = Vec::new();
        for role in self.delegation {
            let name = role.name;
            role_name(&name)?;
            delegated.push(name.clone());
            let delegation = DelegationPolicy { by: role.by, paths: role.paths, terminating: role.terminating };
            if delegation.paths.is_empty() {
                return Err(PolicyError::role(&name, "has no paths"));
            }
            let wire = WireRole {
                keyholders: role.keyholders,
                online: role.online,
                threshold: role.threshold,
                lifetime_days: role.lifetime_days,
                signing_window_days: role.signing_window_days,
            };
            let policy = wire.policy(&name, Some(delegation))?;
            if roles.insert(name.clone(), policy).is_some() {
                return Err(PolicyError::role(&name, "is there twice, or is a top-level role"));
            }
        }
        let mut targets = BTreeMap::new();
        for (path, target) in self.targets {
            let custom = target.custom.map(|custom| to_json(&path, custom)).transpose()?;
            let lists = |role: &str| roles.contains_key(role) && !matches!(role, "root" | "snapshot" | "timestamp");
            if let Some(role) = target.role.as_ref().filter(|role| !lists(role)) {
                return Err(PolicyError::target(
                    &path,
                    &format!("is given to \"{role}\", which is no role for targets"),
                ));
            }
            targets.insert(path, TargetPolicy { role: target.role, custom });
        }
        let accept = self.accept.into_iter().map(WireAccept::accept).collect::<Result<_, _>>()?;
        Ok(Policy {
            id: self.trust_root.id,
            name: self.trust_root.name,
            clients: self.clients.support,
            devices: self.devices.policy()?,
            legacy_targets: self.material.legacy_targets,
            metadata_url: self.publish.metadata_url.map(|url| url.parse()).transpose()?,
            roles,
            delegated,
            targets,
            accept,
        })
    }
}

fn by_targets() -> String {
    "targets".to_string()
}

impl WireRole {
    fn policy(self, name: &str, delegation: Option<DelegationPolicy>) -> Result<RolePolicy, PolicyError> {
        let wrong = |problem| Err(PolicyError::role(name, problem));
        let signers = match (self.keyholders, self.online) {
            (Some(names), None) => Signers::Keyholders(names),
            (None, Some(WireOnline::Word(word))) if word == "external" => Signers::External,
            (None, Some(WireOnline::Names(names))) => Signers::Online(names),
            (None, Some(WireOnline::Word(_))) => return wrong("has an online that is neither a list nor \"external\""),
            _ => return wrong("needs either keyholders or online"),
        };
        let offline = matches!(name, "root" | "targets");
        let threshold = match (&signers, self.threshold) {
            (Signers::External, None) => 1,
            (Signers::External, Some(_)) => return wrong("is external, so its threshold stays as published"),
            (Signers::Keyholders(_), _) if matches!(name, "snapshot" | "timestamp") => {
                return wrong("is signed by online keys or \"external\", not by keyholders");
            }
            (Signers::Online(_), _) if offline => return wrong("is signed by keyholders, not by online keys"),
            (Signers::Online(_), threshold) => threshold.unwrap_or(1),
            (Signers::Keyholders(_), Some(threshold)) => threshold,
            (Signers::Keyholders(_), None) => return wrong("has no threshold"),
        };
        let most = signers.names().len() as u64;
        if threshold == 0 || (signers != Signers::External && threshold > most) {
            let problem = format!("has a threshold of {threshold} and {most} signers; it must be from 1 to {most}");
            return Err(PolicyError::role(name, &problem));
        }
        if self.lifetime_days == 0 || self.lifetime_days > 36_500 || self.signing_window_days > self.lifetime_days {
            return wrong("needs a lifetime from 1 to 36500 days, and a signing window that is not longer");
        }
        Ok(RolePolicy {
            signers,
            threshold,
            lifetime: Days(self.lifetime_days),
            window: Days(self.signing_window_days),
            delegation,
        })
    }
}

impl WireAccept {
    fn accept(self) -> Result<Accept, PolicyError> {
        let finding = self.finding.escape_debug().to_string();
        let wrong = |problem: String| PolicyError::Accept { finding: finding.clone(), problem };
        if self.reason.trim().is_empty() {
            return Err(wrong("it has no reason".to_string()));
        }
        Ok(Accept {
            rule: self.finding.parse().map_err(|error: crate::finding::UnknownRule| wrong(error.to_string()))?,
            subject: self.subject,
            reason: self.reason,
            until: self.until.parse().map_err(|error: crate::time::TimeError| wrong(error.to_string()))?,
        })
    }
}

fn to_json(path: &str, value: toml::Value) -> Result<Json, PolicyError> {
    Ok(match value {
        toml::Value::String(text) => Json::string(text),
        toml::Value::Integer(number) => Json::Number(number.into()),
        toml::Value::Boolean(value) => Json::Bool(value),
        toml::Value::Array(values) => {
            Json::Array(values.into_iter().map(|value| to_json(path, value)).collect::<Result<_, _>>()?)
        }
        toml::Value::Table(table) => {
            let mut object = Object::new();
            for (name, value) in table {
                object.insert(&name, to_json(path, value)?);
            }
            Json::Object(object)
        }
        toml::Value::Float(_) | toml::Value::Datetime(_) => {
            return Err(PolicyError::target(path, "has a custom with a fraction or a date, which TUF does not sign"));
        }
    })
}
