//! How each client is told where to start: programs of TUF here, those of Sigstore in `sigstore`.

use super::verified::Verified;
use super::{Addresses, sigstore};
use crate::text::shell_word;

/// The most columns of a line of a command that goes on in the next one.
const WIDTH: usize = 70;

/// How one client is told.
pub(super) struct Client {
    /// Its name, as in the documentation.
    pub(super) name: &'static str,
    /// Whether it comes from the root that is handed out to the newest; none if it does not start from it, or nothing is
    /// known of it.
    pub(super) starts_here: Option<bool>,
    /// What to type, in this order.
    pub(super) steps: Vec<Step>,
    /// What it cannot do, and what else is to be known.
    pub(super) notes: Vec<String>,
}

/// Something to paste.
pub(super) struct Step {
    /// `sh` for a command, else the language of the lines.
    pub(super) language: &'static str,
    /// The text, without a line break at its end. Capitals such as `BUNDLE` are what the reader fills in.
    pub(super) text: String,
}

/// All clients: those of Sigstore if there is a trusted root, then those of TUF.
pub(super) fn all(place: &Addresses, verified: &Verified) -> Vec<Client> {
    let mut clients = Vec::new();
    if verified.trusted_root.is_some() {
        clients.extend(sigstore::clients(place, verified));
    }
    clients.extend([
        trustroot(place, verified),
        python_tuf(place, verified),
        tuf_js(place, verified),
        go_tuf(place, verified),
        tuftool(place, verified),
    ]);
    let (file, root) = (verified.root_name(), verified.root.version);
    for client in &mut clients {
        if client.steps.iter().any(|step| step.text.contains(&file)) {
            client.starts_here = verified.can_start(library(client.name));
        }
        if client.starts_here == Some(false) {
            client.notes.insert(0, format!("It cannot start from root {root}: `trustroot verify` says from which."));
        }
    }
    clients
}

/// What a client reads metadata with, where that is known by another name.
fn library(client: &'static str) -> &'static str {
    match client {
        "gh" => "sigstore-go",
        "trustroot" => "sigstore-tuf",
        other => other,
    }
}

impl Client {
    pub(super) fn new<const N: usize>(name: &'static str, steps: [Step; N], notes: &[&str]) -> Self {
        Self {
            name,
            starts_here: None,
            steps: steps.into(),
            notes: notes.iter().map(|&note| note.to_owned()).collect(),
        }
    }
}

impl Step {
    /// A command of these words, quoted where a shell asks for it.
    pub(super) fn command(words: &[&str]) -> Self {
        let mut parts: Vec<String> = Vec::new();
        for word in words {
            let word = shell_word(word);
            match parts.last_mut() {
                // An option and its value stay together.
                Some(part) if part.starts_with("--") && !part.contains(' ') && fits(part, &word) => join(part, &word),
                _ => parts.push(word),
            }
        }
        let mut lines: Vec<String> = Vec::new();
        for part in parts {
            match lines.last_mut() {
                Some(line) if fits(line, &part) => join(line, &part),
                _ => lines.push(part),
            }
        }
        Self { language: "sh", text: lines.join(" \\\n    ") }
    }

    /// Lines of a program.
    pub(super) fn lines(language: &'static str, text: String) -> Self {
        Self { language, text: text.trim_end().to_owned() }
    }
}

/// Whether there is room for `word` behind `line`.
fn fits(line: &str, word: &str) -> bool {
    line.len() + 1 + word.len() <= WIDTH
}

fn join(line: &mut String, word: &str) {
    line.push(' ');
    line.push_str(word);
}

/// The target that is fetched as an example.
fn target(verified: &Verified) -> &'static str {
    if verified.trusted_root.is_some() { "trusted_root.json" } else { "TARGET" }
}

fn trustroot(place: &Addresses, verified: &Verified) -> Client {
    let root = verified.root_name();
    let mut words =
        vec!["trustroot", "fetch", "--root", &root, "--metadata-url", place.metadata.as_str(), "--cache", "cache"];
    if !place.usual {
        words.extend(["--targets-url", &place.targets]);
    }
    words.extend(["--out", ".", target(verified)]);
    Client::new("trustroot", [Step::command(&words)], &["It counts distinct public keys, where others count key ids."])
}

fn python_tuf(place: &Addresses, verified: &Verified) -> Client {
    let (root, target) = (verified.root_name(), target(verified));
    let Addresses { metadata, targets, .. } = place;
    let lines = format!(
        r#"import os
from tuf.ngclient import Updater

os.makedirs("cache/targets", exist_ok=True)
client = Updater(
    metadata_dir="cache",
    metadata_base_url="{metadata}",
    target_dir="cache/targets",
    target_base_url="{targets}",
    bootstrap=open("{root}", "rb").read(),
)
client.refresh()
print(client.download_target(client.get_targetinfo("{target}")))
"#
    );
    Client::new("python-tuf", [Step::lines("python", lines)], &[])
}

fn tuf_js(place: &Addresses, verified: &Verified) -> Client {
    let (root, target) = (verified.root_name(), target(verified));
    let Addresses { metadata, targets, .. } = place;
    let lines = format!(
        r#"const fs = require("node:fs");
const {{ Updater }} = require("tuf-js");

fs.mkdirSync("cache/targets", {{ recursive: true }});
if (!fs.existsSync("cache/root.json"))
  fs.copyFileSync("{root}", "cache/root.json");
const client = new Updater({{
  metadataDir: "cache",
  metadataBaseUrl: "{metadata}",
  targetDir: "cache/targets",
  targetBaseUrl: "{targets}",
}});
client.refresh()
  .then(() => client.getTargetInfo("{target}"))
  .then((target) => client.downloadTarget(target))
  .then(console.log);
"#
    );
    let slow = "It takes minutes where a role lists ten thousand targets or more.";
    Client::new("tuf-js", [Step::lines("js", lines)], &[slow])
}

fn go_tuf(place: &Addresses, verified: &Verified) -> Client {
    let (root, target) = (verified.root_name(), target(verified));
    let Addresses { metadata, targets, .. } = place;
    let lines = format!(
        r#"root, err := os.ReadFile("{root}")
cfg, err := config.New("{metadata}", root)
cfg.RemoteTargetsURL = "{targets}"
cfg.LocalMetadataDir = "cache"
cfg.LocalTargetsDir = "cache/targets"
client, err := updater.New(cfg)
err = client.Refresh()
info, err := client.GetTargetInfo("{target}")
path, bytes, err := client.DownloadTarget(info, "", "")
"#
    );
    let start = "Once it has run, give it cache/root.json: it starts over from the root that it is given.";
    Client::new("go-tuf", [Step::lines("go", lines)], &[start])
}

fn tuftool(place: &Addresses, verified: &Verified) -> Client {
    let root = verified.root_name();
    let words = [
        "tuftool",
        "download",
        "--root",
        &root,
        "--metadata-url",
        place.metadata.as_str(),
        "--targets-url",
        &place.targets,
        "--target-name",
        target(verified),
        "download",
    ];
    Client::new(
        "tuftool",
        [Step::command(&words)],
        &[
            "It remembers nothing: it starts from this root every time. The directory download must not exist yet.",
            "It does not find targets in subdirectories.",
        ],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_shell_would_act_on_is_quoted() {
        let step = Step::command(&["fetch", "--url", "https://a.example/$(id);'x'", "--out", "."]);
        assert_eq!(step.text, r"fetch --url 'https://a.example/$(id);'\''x'\''' --out .");
    }

    #[test]
    fn long_commands_go_on_in_the_next_line() {
        let checksum = "0".repeat(64);
        let step = Step::command(&["cosign", "initialize", "--root", "1.root.json", "--root-checksum", &checksum]);
        let expected = format!("cosign initialize --root 1.root.json --root-checksum \\\n    {checksum}");
        assert_eq!(step.text, expected);
    }
}
