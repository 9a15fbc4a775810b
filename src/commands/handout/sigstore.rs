//! How the clients of Sigstore are told where to start.

use super::Addresses;
use super::clients::{Client, Step};
use super::verified::{TRUST_CONFIG, Verified};

/// All of them.
pub(super) fn clients(place: &Addresses, verified: &Verified) -> Vec<Client> {
    let mut clients = vec![
        cosign(place, verified),
        python(place, verified),
        js(place, verified),
        go(place, verified),
        gh(place, verified),
        java(place, verified),
        rust(),
    ];
    if !place.usual {
        // All but the last, which reads a file.
        for client in clients.iter_mut().rev().skip(1) {
            let note = format!("It looks for targets at {}/targets alone: have them there too.", place.metadata);
            client.notes.insert(0, note);
        }
    }
    clients
}

fn cosign(place: &Addresses, verified: &Verified) -> Client {
    let (root, sha256) = (verified.root_name(), verified.root.sha256.to_string());
    let mirror = place.metadata.as_str();
    let start = ["cosign", "initialize", "--mirror", mirror, "--root", &root, "--root-checksum", &sha256];
    let verify = [
        "cosign",
        "verify-blob",
        "--bundle",
        "BUNDLE",
        "--certificate-identity",
        "IDENTITY",
        "--certificate-oidc-issuer",
        "ISSUER",
        "ARTIFACT",
    ];
    let mut client = Client::new(
        "cosign",
        [Step::command(&start), Step::command(&verify)],
        &["The first command is needed once for each user: it is remembered in ~/.sigstore, or where TUF_ROOT says."],
    );
    let old = match verified.legacy {
        true => "Before version 2.5.1 it reads single keys and certificates among the targets, which are there.",
        false => {
            "Before version 2.5.1 it cannot use this: it reads single keys among the targets, which are not there."
        }
    };
    client.notes.push(old.to_owned());
    if verified.signing_config.is_none() {
        client.notes.push("Version 3 cannot sign: there is no signing_config.v0.2.json.".to_owned());
    }
    client
}

fn python(place: &Addresses, verified: &Verified) -> Client {
    let (root, url) = (verified.root_name(), place.metadata.as_str());
    let trust = ["sigstore", "--instance", url, "trust-instance", &root];
    let rest = [
        "verify",
        "identity",
        "--bundle",
        "BUNDLE",
        "--cert-identity",
        "IDENTITY",
        "--cert-oidc-issuer",
        "ISSUER",
        "ARTIFACT",
    ];
    let verify = [&["sigstore", "--instance", url][..], &rest].concat();
    if verified.signing_config.is_none() {
        let steps = [Step::command(&trust), Step::command(&verify)];
        return Client::new("sigstore-python", steps, &["It refuses this: there is no signing_config.v0.2.json."]);
    }
    let by_file = [&["sigstore", "--trust-config", TRUST_CONFIG][..], &rest].concat();
    Client::new(
        "sigstore-python",
        [Step::command(&trust), Step::command(&verify), Step::command(&by_file)],
        &[
            "The first command is needed once for each user, the address in every command.",
            "The last command takes a file in place of the first two, asks no server, and learns of no change.",
        ],
    )
}

fn js(place: &Addresses, verified: &Verified) -> Client {
    let (root, url) = (verified.root_name(), place.metadata.as_str());
    let verify = [
        "npx",
        "@sigstore/cli",
        "verify",
        "BUNDLE",
        "--blob-file",
        "ARTIFACT",
        "--certificate-identity-uri",
        "IDENTITY",
        "--certificate-issuer",
        "ISSUER",
        "--tuf-mirror-url",
        url,
        "--tuf-root-path",
        &root,
    ];
    let lines = format!(
        r#"const fs = require("node:fs");
const {{ verify }} = require("sigstore");

verify(JSON.parse(fs.readFileSync("BUNDLE")), fs.readFileSync("ARTIFACT"), {{
  certificateIdentityURI: "IDENTITY",
  certificateIssuer: "ISSUER",
  tufMirrorURL: "{url}",
  tufRootPath: "{root}",
}}).then(() => console.log("verified"));
"#
    );
    Client::new(
        "sigstore-js",
        [Step::command(&verify), Step::lines("js", lines)],
        &[
            "Both the address and the root are needed every time.",
            "@sigstore/cli 0.8.1 does not verify what is in a Rekor v2 log; the library sigstore 5.0.1 does.",
        ],
    )
}

fn go(place: &Addresses, verified: &Verified) -> Client {
    let (file, url) = (verified.root_name(), place.metadata.as_str());
    let lines = format!(
        r#"trusted, err := os.ReadFile("{file}")
opts := tuf.DefaultOptions()
opts.Root = trusted
opts.RepositoryBaseURL = "{url}"
client, err := tuf.New(opts)
trustedRoot, err := root.GetTrustedRoot(client)
"#
    );
    let note = "It refuses members of trusted_root.json that it does not know.";
    Client::new("sigstore-go", [Step::lines("go", lines)], &[note])
}

fn gh(place: &Addresses, verified: &Verified) -> Client {
    let root = verified.root_name();
    let url = place.metadata.as_str();
    let mut save = Step::command(&["gh", "attestation", "trusted-root", "--tuf-url", url, "--tuf-root", &root]);
    save.text.push_str(" \\\n    > trusted_root.jsonl");
    let verify = [
        "gh",
        "attestation",
        "verify",
        "ARTIFACT",
        "--bundle",
        "BUNDLE",
        "--custom-trusted-root",
        "trusted_root.jsonl",
        "--owner",
        "OWNER",
    ];
    let read = "From its documentation; it was not tried. It verifies attestations alone, and the file is to be made \
                anew with each change.";
    Client::new("gh", [save, Step::command(&verify)], &[read])
}

fn java(place: &Addresses, verified: &Verified) -> Client {
    let (root, url) = (verified.root_name(), place.metadata.as_str());
    let lines = format!(
        r#"var client = SigstoreTufClient.builder()
    .tufMirror(
        URI.create("{url}").toURL(),
        RootProvider.fromFile(Path.of("{root}")))
    .tufCacheLocation(Path.of("cache"))
    .build();
client.update();
var trustedRoot = client.getSigstoreTrustedRoot();
"#
    );
    Client::new("sigstore-java", [Step::lines("java", lines)], &["From its source; it was not tried."])
}

fn rust() -> Client {
    let lines = r#"let file = std::fs::read("trusted_root.json")?;
let trust = SigstoreTrustRoot::from_trusted_root_json_unchecked(&file)?;
"#;
    let fixed = "From its source; it was not tried. Sigstore's own address is built in, so that it takes a file, and \
                 learns of no change. `trustroot fetch` gets the file, verified.";
    Client::new("sigstore-rs", [Step::lines("rust", lines.to_owned())], &[fixed])
}
