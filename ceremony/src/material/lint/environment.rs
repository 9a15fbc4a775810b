//! Whether material of two of Sigstore's public environments is mixed.

use alloc::format;
use alloc::vec::Vec;

use super::urls::host;
use crate::certificate::Certificate;
use crate::digest::Digest;
use crate::finding::{Finding, Rule};
use crate::material::instance::Instance;
use crate::material::signing_config::SigningConfig;
use crate::material::trusted_root::TrustedRoot;

/// One of Sigstore's public environments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Environment {
    Production,
    Staging,
}

impl Environment {
    const ALL: [Self; 2] = [Self::Production, Self::Staging];

    fn name(self) -> &'static str {
        match self {
            Self::Production => "Sigstore's production",
            Self::Staging => "Sigstore's staging",
        }
    }

    fn domain(self) -> &'static str {
        match self {
            Self::Production => "sigstore.dev",
            Self::Staging => "sigstage.dev",
        }
    }

    fn of_url(url: &str) -> Option<Self> {
        let url = url.to_ascii_lowercase();
        let host = host(&url);
        let below = |domain: &str| host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
        Self::ALL.into_iter().find(|environment| below(environment.domain()))
    }

    /// Of a key: those of its logs, and of the certificates of its authorities.
    fn of_key(key: &Digest) -> Option<Self> {
        let key = format!("{key}");
        KEYS.iter().find(|(known, _)| *known == key).map(|(_, environment)| *environment)
    }

    fn of_instance(instance: &Instance<'_>) -> Option<Self> {
        if instance.kind.is_log() {
            return Self::of_key(&Digest::of(&instance.log_key().ok()?.key().to_spki_der()));
        }
        let chain = instance.certificates().ok()?;
        let keys = chain.iter().filter_map(|der| Certificate::from_der(der).ok());
        keys.map(|certificate| Digest::of(certificate.spki_der())).find_map(|key| Self::of_key(&key))
    }
}

/// Entries whose key belongs to another environment than their URL, and entries of staging beside production.
pub(super) fn trusted_root(root: &TrustedRoot, findings: &mut Vec<Finding>) {
    let production = root.instances().any(|entry| of_entry(&entry) == Some(Environment::Production));
    for entry in root.instances() {
        let (url, key) = (entry.url().and_then(Environment::of_url), Environment::of_instance(&entry));
        let what = match (url, key) {
            (Some(url), Some(key)) if url != key => format!("the URL is {}, the key {}", url.name(), key.name()),
            (None, Some(key)) if entry.url().is_some() => {
                format!("the key is {}, the URL is not below {}", key.name(), key.domain())
            }
            _ if production && of_entry(&entry) == Some(Environment::Staging) => {
                format!("it is {}, beside {}", Environment::Staging.name(), Environment::Production.name())
            }
            _ => continue,
        };
        findings.push(Finding::new(Rule::EnvironmentMixed, entry.subject(), what));
    }
}

/// Services of another environment than the logs and authorities that are trusted.
pub(super) fn signing_config(root: Option<&TrustedRoot>, config: &SigningConfig, findings: &mut Vec<Finding>) {
    let trusted: Vec<Environment> =
        root.into_iter().flat_map(TrustedRoot::instances).filter_map(|entry| of_entry(&entry)).collect();
    for service in config.services() {
        let Some(environment) = service.url().and_then(Environment::of_url) else { continue };
        if !trusted.is_empty() && !trusted.contains(&environment) {
            let what = format!("it is {}, of which nothing is trusted", environment.name());
            findings.push(Finding::new(Rule::EnvironmentMixed, service.subject(), what));
        }
    }
}

fn of_entry(entry: &Instance<'_>) -> Option<Environment> {
    entry.url().and_then(Environment::of_url).or_else(|| Environment::of_instance(entry))
}

/// SHA-256 of SubjectPublicKeyInfos, from the trusted roots that Sigstore published for its environments.
const KEYS: &[(&str, Environment)] = &[
    ("c0d23d6ad406973f9559f3ba2d1ca01f84147d8ffc5b8445c224f98b9591801d", Environment::Production),
    ("b54813cb63d8859870a5e78500cc6adcfdf59723edae93ee8d25faf2475a0690", Environment::Production),
    ("086092f02852ff6845d1d16b27849c456718ac163dc338d26de6bc2206366f72", Environment::Production),
    ("dd3d306ac6c7113263191e1c99673702a24a5eb8de3cadff878a72802f29ee8e", Environment::Production),
    ("80917b65f03abf988a5e815c625e42b48b041b6d6a2d17851518f25d54517cf3", Environment::Production),
    ("c355ee53d69e68aade04e5c6cc202cfac11fbcaa67e9a2ba7a64ced2aec8ccd0", Environment::Production),
    ("fef4e9beb17faa47735277cca7633ae5e670b8d83dce91508342397148f4e13a", Environment::Production),
    ("2c6f8bfa83ba01e758441c633ff9be1da1ba0c930dbf3d1f222e05a7527709de", Environment::Production),
    ("c0f1eaa45f3920c6ebec22a3a8865a116b04aabb54eb2a2f5c05a626f58ea46b", Environment::Production),
    ("d32f30a3c32d639c2b762205a21c7bb07788e68283a4ae6f42118723a1bea496", Environment::Staging),
    ("47272b9d3ff5d56435e49b6005779854b94560cb5b0246bbf899f151068e5f91", Environment::Staging),
    ("fbe24a38c42ded2277ca75079c27e70e170a3fcff9f09e13b9e32a5ee9371e60", Environment::Staging),
    ("2b30bcdc6888c9e2e1d826295e741f4839319602f29c33cb5e4340feb2ac867a", Environment::Staging),
    ("1b7c142a4e992ba7df1e1fc57424541361157a4cb31c4108a52d4b8dabef2f4d", Environment::Staging),
    ("639a75005a9df13820ec7e67045fe536b571852908ea41e9a5d0c4db78dcd407", Environment::Staging),
    ("f8a06c6002ac94d8837d6b44a19c457e5e82c6780833feb4810290a3ef32e603", Environment::Staging),
    ("ceed877f546fc1ce4c9556b5f42fa4313a586366ba888e71adfb6ed74948a014", Environment::Staging),
    ("a96c96ddaab55095f0315c5621cd7080c74be522ba7fdeea54781aba8a33c05d", Environment::Staging),
];
