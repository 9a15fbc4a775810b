//! The trust material that Sigstore published, version by version of its targets.

#![allow(dead_code, clippy::unwrap_used, reason = "each test uses a part of it")]

use std::fs;
use std::path::PathBuf;

use ceremony::material::Material;
use ceremony::{Json, Metadata, Targets};

/// A file of the real data.
pub(crate) fn data(path: &str) -> Vec<u8> {
    fs::read(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data").join(path)).unwrap()
}

/// The five trusted roots that were ever published, the oldest first, with the versions of targets that had them.
pub(crate) const TRUSTED_ROOTS: [(&str, &[u64]); 5] = [
    ("cec894ad77f79b1cb324150f6363012bcef7492954f3ab9134f932e6aa2e2e20", &[6]),
    ("4364d7724c04cc912ce2a6c45ed2610e8d8d1c4dc857fb500292738d4d9c8d2c", &[7, 8, 9, 10]),
    ("f44a1b88128e55ebfb62189becbc0fa48d4ec9915c65ac54ba0e46a008b12d5b", &[11]),
    ("6a0c056d20e3e5a7c04f55c2d1f296e7e422edbbf73bf93d36fb8fd2bfe3fcce", &[12]),
    ("6494e21ea73fa7ee769f85f57d5a3e6a08725eae1e38c755fc3517c9e6bc0b66", &[13, 14]),
];

/// The bytes of one of [`TRUSTED_ROOTS`].
pub(crate) fn trusted_root(place: usize) -> Vec<u8> {
    data(&format!("sigstore-prod/history-targets/{}.trusted_root.json", TRUSTED_ROOTS[place].0))
}

/// The trusted root of production as it is published today.
pub(crate) fn production() -> String {
    String::from_utf8(trusted_root(4)).unwrap()
}

/// The signing config of production as it is published today.
pub(crate) fn config() -> Vec<u8> {
    data(
        "sigstore-prod/targets/9711a6d5375706957a4859af31c5866a4474f81f0544f9f4b76c9c4f4c8a539c.signing_config.v0.2.json",
    )
}

/// The trusted root of Sigstore's staging of June 2025.
pub(crate) fn staging() -> Vec<u8> {
    data("bundles/rekor2-happy-path/trusted_root.json")
}

/// All trust material of this version of the targets.
pub(crate) fn material(version: u64) -> Material {
    let metadata = Metadata::parse_untrusted(&data(&format!("sigstore-prod/metadata/{version}.targets.json"))).unwrap();
    let files: Vec<(String, Vec<u8>, Option<Json>)> = Targets::of(&metadata)
        .unwrap()
        .entries()
        .map(|(path, entry)| {
            let hashes = entry.get("hashes").unwrap();
            let hash = hashes.get("sha256").or(hashes.get("sha512")).and_then(Json::as_str).unwrap();
            let content = data(&format!("sigstore-prod/history-targets/{hash}.{path}"));
            (path.to_owned(), content, entry.get("custom").cloned())
        })
        .collect();
    Material::of(files.iter().map(|(path, content, custom)| (path.as_str(), content.as_slice(), custom.as_ref())))
}
