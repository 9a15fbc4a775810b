//! Signed artifacts, and the clients of others that verify them through a trust root that is published here.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sigstore_verify::trust_root::TrustedRoot;
use sigstore_verify::types::Bundle;
use sigstore_verify::{VerificationPolicy, Verifier};

use crate::common::{BINARY, Server};

/// Clients that verify bundles.
pub const CLIENTS: [&str; 4] = ["sigstore-python", "sigstore-js", "cosign", "sigstore-verify"];

/// Those whose clock cannot be set: each is given the trusted root that was fetched at the time, as a file.
pub const BY_FILE: [&str; 2] = ["cosign", "sigstore-verify"];

/// A signed artifact, and by whom it should be.
pub struct Signed {
    pub bundle: PathBuf,
    pub artifact: PathBuf,
    identity: &'static str,
    issuer: &'static str,
    /// What it says of the artifact, where it is an attestation: the type of its predicate.
    predicate: Option<&'static str>,
}

impl Signed {
    /// A real bundle of the conformance tests of Sigstore's clients.
    pub fn real(name: &str) -> Self {
        Self {
            bundle: data(name).join("bundle.sigstore.json"),
            artifact: data("a.txt"),
            identity: "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/\
                       extremely-dangerous-oidc-beacon.yml@refs/heads/main",
            issuer: "https://token.actions.githubusercontent.com",
            predicate: None,
        }
    }

    /// A real attestation of 2025 over a package, made by GitHub Actions: a DSSE envelope.
    pub fn attestation() -> Self {
        Self {
            bundle: of_crate("conda-attestation.sigstore.json"),
            artifact: of_crate("signed-package-2.1.0-hb0f4dca_0.conda"),
            identity: "https://github.com/prefix-dev/sigstore-example/.github/workflows/action.yaml@refs/heads/main",
            issuer: "https://token.actions.githubusercontent.com",
            predicate: Some("https://schemas.conda.org/attestations-publish-1.schema.json"),
        }
    }

    /// What cosign 3 signed in December 2025, with a time stamp of Sigstore's authority beside the entry of its Rekor.
    pub fn stamped() -> Self {
        Self {
            bundle: of_crate("cosign-v3-blob.sigstore.json"),
            artifact: of_crate("cosign-v3-blob.txt"),
            identity: "w.vollprecht@gmail.com",
            issuer: "https://github.com/login/oauth",
            predicate: None,
        }
    }

    /// A bundle under the material of a small Sigstore, which `tests/clients/make_instance` made here.
    pub fn new(instance: &Path, number: usize) -> Self {
        Self {
            bundle: instance.join(format!("bundle-{number}.json")),
            artifact: instance.join("artifact.txt"),
            identity: "dev@example.com",
            issuer: "https://login.example",
            predicate: None,
        }
    }

    /// The same bundle, with another artifact beside it.
    pub fn over(self, artifact: PathBuf) -> Self {
        Self { artifact, ..self }
    }

    fn material(&self) -> Value {
        let bundle: Value = serde_json::from_slice(&fs::read(&self.bundle).unwrap()).unwrap();
        bundle["verificationMaterial"].clone()
    }

    /// The certificate that signed, as DER.
    pub fn certificate(&self) -> Vec<u8> {
        decoded(&self.material()["certificate"]["rawBytes"])
    }

    /// The time stamp.
    pub fn stamp(&self) -> Vec<u8> {
        decoded(&self.material()["timestampVerificationData"]["rfc3161Timestamps"][0]["signedTimestamp"])
    }

    /// The checkpoint of the log.
    pub fn checkpoint(&self) -> String {
        let logged = &self.material()["tlogEntries"][0];
        logged["inclusionProof"]["checkpoint"]["envelope"].as_str().unwrap().to_owned()
    }

    /// The entry of the log, as a Rekor v1 answers it at `/api/v1/log/entries`.
    pub fn entry(&self) -> String {
        let logged = &self.material()["tlogEntries"][0];
        let number = |name: &str| logged[name].as_str().unwrap().parse::<u64>().unwrap();
        let entry = json!({
            "body": logged["canonicalizedBody"],
            "integratedTime": number("integratedTime"),
            "logID": hex::encode(decoded(&logged["logId"]["keyId"])),
            "logIndex": number("logIndex"),
            "verification": { "signedEntryTimestamp": logged["inclusionPromise"]["signedEntryTimestamp"] },
        });
        json!({ "24296fb24b8ad77a": entry }).to_string()
    }
}

/// A file or directory beside the bundles of the conformance tests.
pub fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/bundles").join(name)
}

fn decoded(base64: &Value) -> Vec<u8> {
    STANDARD.decode(base64.as_str().unwrap()).unwrap()
}

/// A real bundle, or what it was signed over: sigstore-verify brings them for its own tests.
fn of_crate(name: &str) -> PathBuf {
    static PLACE: OnceLock<PathBuf> = OnceLock::new();
    let place = PLACE.get_or_init(|| {
        let mut command = Command::new(env!("CARGO"));
        command.args(["metadata", "--format-version=1", "--locked", "--offline", "--manifest-path"]);
        let output = command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).output().unwrap();
        let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
        let mut packages = metadata["packages"].as_array().unwrap().iter();
        let manifest = packages.find(|package| package["name"] == "sigstore-verify").unwrap()["manifest_path"].as_str();
        Path::new(manifest.unwrap()).with_file_name("test_data/bundles")
    });
    place.join(name)
}

/// A trust root as clients find it at a moment: its `repository/`, of which they have the first root.
pub struct Published<'a> {
    pub repository: &'a Path,
    pub now: &'a str,
}

impl Published<'_> {
    /// What a client says of each of these, which starts from the first root and takes its trust from the targets.
    pub fn judged_by(&self, client: &str, signed: &[&Signed]) -> Vec<Result<(), String>> {
        if BY_FILE.contains(&client) { by_file(client, &self.fetched(), signed) } else { self.batch(client, signed) }
    }

    /// The published `trusted_root.json`, as a client gets it.
    pub fn fetched(&self) -> String {
        let place = tempfile::tempdir().unwrap();
        let (cache, out) = (place.path().join("cache"), place.path().join("out"));
        let mut fetch = Command::new(BINARY);
        fetch.args(["fetch", "--now", self.now, "--metadata-url"]).arg(self.repository);
        fetch.arg("--root").arg(self.repository.join("1.root.json")).arg("--cache").arg(cache);
        answer(&fetch.arg("--out").arg(&out).arg("trusted_root.json").output().unwrap()).unwrap();
        fs::read_to_string(out.join("trusted_root.json")).unwrap()
    }

    fn batch(&self, client: &str, signed: &[&Signed]) -> Vec<Result<(), String>> {
        let (server, cache) = (Server::directory(self.repository.to_owned()), tempfile::tempdir().unwrap());
        let mut verify = script("verify_bundle");
        verify.args([client, &server.url()]).arg(self.repository.join("1.root.json")).arg(cache.path());
        verify.args(["--time", self.now, "--batch"]);
        let mut child = verify.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let jobs = signed.iter().map(|signed| {
            let paths = [&signed.bundle, &signed.artifact].map(|path| path.to_str().unwrap());
            format!("{}\t{}\t{}\n", paths.join("\t"), signed.identity, signed.issuer)
        });
        child.stdin.take().unwrap().write_all(jobs.collect::<String>().as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8(output.stdout.clone()).unwrap();
        let answers: Vec<_> = text
            .lines()
            .map(|line| line.strip_prefix("no ").map_or(Ok(()), |why| Err(format!("{client}: {why}"))))
            .collect();
        assert_eq!(answers.len(), signed.len(), "{client}: {output:?}");
        answers
    }
}

/// What a client says of each of these, which is given the trusted root as a file.
pub fn by_file(client: &str, trusted_root: &str, signed: &[&Signed]) -> Vec<Result<(), String>> {
    let judge = match client {
        "cosign" => cosign,
        "sigstore-verify" => sigstore_verify,
        _ => panic!("{client} is given a repository"),
    };
    signed.iter().map(|signed| judge(trusted_root, signed).map_err(|why| format!("{client}: {why}"))).collect()
}

fn cosign(trusted_root: &str, signed: &Signed) -> Result<(), String> {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("trusted_root.json"), trusted_root).unwrap();
    let command = match signed.predicate {
        Some(predicate) => format!("verify-blob-attestation --type '{predicate}'"),
        None => "verify-blob".to_owned(),
    };
    let line = format!(
        "cosign {command} --trusted-root trusted_root.json --bundle '{}' --certificate-identity '{}' \
         --certificate-oidc-issuer '{}' '{}'",
        signed.bundle.display(),
        signed.identity,
        signed.issuer,
        signed.artifact.display()
    );
    let file = place.path().join("line");
    fs::write(&file, line).unwrap();
    answer(&script("paste").arg("sh").arg(file).current_dir(place.path()).output().unwrap())
}

/// In this process; it reads the clock of this machine.
fn sigstore_verify(trusted_root: &str, signed: &Signed) -> Result<(), String> {
    let said = |error: &dyn std::error::Error| error.to_string();
    let root = TrustedRoot::from_json(trusted_root).map_err(|error| said(&error))?;
    let verifier = Verifier::new(&root).map_err(|error| said(&error))?;
    let bundle = Bundle::from_json(&fs::read_to_string(&signed.bundle).unwrap()).map_err(|error| said(&error))?;
    let artifact = fs::read(&signed.artifact).unwrap();
    let policy = VerificationPolicy::new(signed.identity, signed.issuer);
    let result = verifier.verify(artifact.as_slice(), &bundle, &policy).map_err(|error| said(&error))?;
    assert!(result.certificate_verified() && result.sct_verified() && result.tlog_verified(), "{result:?}");
    assert!(result.identity_policy_checked(), "{result:?}");
    Ok(())
}

/// A script that runs clients.
pub fn script(name: &str) -> Command {
    Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(name))
}

/// That it went well, or what was said.
pub fn answer(output: &Output) -> Result<(), String> {
    let said = || String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { Ok(()) } else { Err(said()) }
}
