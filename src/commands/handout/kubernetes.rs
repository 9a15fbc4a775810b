//! The same for clusters, as resources to apply.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::verified::Verified;
use super::{Addresses, File};

/// Where sigstore/scaffolding has its TUF repository, and what it calls the resource with the root.
const NAMESPACE: &str = "tuf-system";
const NAME: &str = "tuf-root";

/// The resources, as files: of policy-controller only if there is a trusted root.
pub(super) fn files(name: &str, place: &Addresses, verified: &Verified) -> Vec<File> {
    let root = STANDARD.encode(&verified.root.bytes);
    let mut files = Vec::new();
    if verified.trusted_root.is_some() {
        let trust_root = trust_root(&resource_name(name), place.metadata.as_str(), &root);
        files.push(File::new("trust_root.yaml", "a TrustRoot for policy-controller", trust_root));
    }
    let secret = head("Secret") + &format!("type: Opaque\ndata:\n  root: {root}\n");
    files.push(File::new("secret.yaml", "a Secret as sigstore/scaffolding has it", secret));
    let mut map = head("ConfigMap") + &format!("data:\n  mirror: \"{}\"\nbinaryData:\n", place.metadata);
    for file in verified.files() {
        let _ = writeln!(map, "  {}: {}", file.name, STANDARD.encode(&file.bytes));
    }
    files.push(File::new("config_map.yaml", "a ConfigMap to mount, with the address", map));
    files
}

/// <https://github.com/sigstore/policy-controller>, `policy.sigstore.dev/v1alpha1`: the root in base64, and the mirror,
/// with the targets in `targets` below it.
fn trust_root(name: &str, mirror: &str, root: &str) -> String {
    format!(
        "apiVersion: policy.sigstore.dev/v1alpha1\nkind: TrustRoot\nmetadata:\n  name: {name}\nspec:\n  remote:\n    \
         mirror: \"{mirror}\"\n    root: {root}\n"
    )
}

fn head(kind: &str) -> String {
    format!("apiVersion: v1\nkind: {kind}\nmetadata:\n  name: {NAME}\n  namespace: {NAMESPACE}\n")
}

/// The name of a trust root as Kubernetes takes names (RFC 1123, section 2.1): small letters, digits and hyphens.
fn resource_name(name: &str) -> String {
    let mut out = String::from("trust-root");
    let words = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    for word in words.map(str::to_ascii_lowercase) {
        if out.len() + 1 + word.len() <= 63 {
            out = [&out, "-", &word].concat();
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_name_becomes_one_of_a_resource() {
        assert_eq!(resource_name("Zoë's \"Line\": 2\n- x"), "trust-root-zo-s-line-2-x");
        assert_eq!(resource_name("鍵"), "trust-root");
        assert_eq!(resource_name(&"a".repeat(70)), "trust-root");
    }
}
