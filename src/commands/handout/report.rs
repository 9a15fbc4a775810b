//! What is handed out, for people and for programs.

use std::fmt;

use ceremony::Json;

use super::clients::Client;
use super::{File, Sheet};
use crate::report::{Report, in_two_lines, object};
use crate::text::{columns, escaped, wrapped};

impl Sheet {
    /// From which root it was verified, and to where, in words.
    pub(super) fn proof(&self) -> String {
        let pinned = &self.verified.pinned;
        let by = if pinned.given { "which was given" } else { "which this machine remembers" };
        let roles = self.verified.roles;
        let first = [roles.root, roles.timestamp, roles.snapshot, roles.targets].map(|role| role.expires);
        let first = first.into_iter().min().unwrap_or(roles.root.expires);
        format!(
            "Verified at {} as clients do, from root {}, {by}, with the SHA-256 {}: root {}, timestamp {}, snapshot {}, \
             targets {}. Unless it is renewed, clients refuse it from {first} on.",
            self.now,
            pinned.version,
            pinned.sha256,
            roles.root.version,
            roles.timestamp.version,
            roles.snapshot.version,
            roles.targets.version,
        )
    }

    /// The words of the digest of the root, six to a line.
    pub(super) fn words(&self) -> [String; 2] {
        in_two_lines(self.verified.root.sha256)
    }

    /// What the receivers do with the digest.
    pub(super) fn compare(&self) -> String {
        let root = self.verified.root_name();
        format!(
            "Before you use the root, compare it with what a keyholder, or a second person who has it, tells you by another \
             way than the one that it came by. `sha256sum {root}` shows the digest of your file. The twelve words are the \
             same digest, to be read out in a call: `trustroot verify {root}` shows those of your file. What is written \
             here came with the file and proves nothing. Everything else follows from this one file."
        )
    }
}

impl fmt::Display for Sheet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = format!("How clients start from \"{}\" ({})", escaped(&self.name), escaped(&self.id));
        f.write_str(&wrapped(&head, 0))?;
        f.write_str(&wrapped(&self.proof(), 0))?;
        let root = &self.verified.root;
        writeln!(f, "\nThe root: {}, version {}, expires {}", self.verified.root_name(), root.version, root.expires)?;
        writeln!(f, "  SHA-256  {}", root.sha256)?;
        let [first, last] = self.words();
        f.write_str(&columns(&[["words".to_owned(), first], [String::new(), last]], 2))?;
        f.write_str(&wrapped(&self.compare(), 2))?;
        f.write_str("\nThe repository\n")?;
        let addresses = [("metadata", self.place.metadata.as_str()), ("targets", &self.place.targets)];
        f.write_str(&columns(&addresses.map(|(what, url)| [what, url].map(str::to_owned)), 2))?;
        self.clients.iter().try_for_each(|client| section(f, client))?;
        f.write_str("\nFiles\n")?;
        let rows: Vec<[String; 2]> = self.files.iter().map(|file| [file.name.clone(), file.what.to_owned()]).collect();
        f.write_str(&columns(&rows, 2))?;
        match self.written.is_empty() {
            true => f.write_str("  --out DIR writes them, with this text and as a page.\n"),
            false => self.written.iter().try_for_each(|path| {
                f.write_str(&wrapped(&format!("written: {}", escaped(&path.display().to_string())), 2))
            }),
        }
    }
}

fn section(f: &mut fmt::Formatter<'_>, client: &Client) -> fmt::Result {
    writeln!(f, "\n{}", client.name)?;
    client.notes.iter().try_for_each(|note| f.write_str(&wrapped(note, 2)))?;
    for step in &client.steps {
        f.write_str("\n")?;
        step.text.lines().try_for_each(|line| match line.is_empty() {
            true => f.write_str("\n"),
            false => writeln!(f, "    {line}"),
        })?;
    }
    Ok(())
}

impl Report for Sheet {
    fn json(&self) -> Json {
        let text = |text: &str| Json::string(text);
        let (pinned, root) = (&self.verified.pinned, &self.verified.root);
        let by = if pinned.given { "given" } else { "remembered" };
        let roles = self.verified.roles;
        let roles = [
            ("root", roles.root),
            ("timestamp", roles.timestamp),
            ("snapshot", roles.snapshot),
            ("targets", roles.targets),
        ];
        let roles = roles.map(|(role, held)| {
            let expires = Json::string(held.expires.to_string());
            object([("role", text(role)), ("version", held.version.into()), ("expires", expires)])
        });
        let client = |client: &Client| {
            let can = client.starts_here.map_or(Json::Null, Json::Bool);
            let steps = client.steps.iter();
            let steps = steps.map(|step| object([("language", text(step.language)), ("text", text(&step.text))]));
            let notes = client.notes.iter().map(Json::string).collect();
            object([("client", text(client.name)), ("starts-here", can), ("steps", steps.collect()), ("notes", notes)])
        };
        let file = |file: &File| {
            object([
                ("name", text(&file.name)),
                ("what", text(file.what)),
                ("sha256", Json::string(file.sha256().to_string())),
                ("content", Json::string(String::from_utf8_lossy(&file.bytes))),
            ])
        };
        object([
            ("ok", Json::Bool(true)),
            ("trust-root", object([("id", text(&self.id)), ("name", text(&self.name))])),
            (
                "verified-from",
                object([
                    ("version", pinned.version.into()),
                    ("sha256", Json::string(pinned.sha256.to_string())),
                    ("by", text(by)),
                ]),
            ),
            ("roles", roles.into_iter().collect()),
            (
                "root",
                object([
                    ("version", root.version.into()),
                    ("file", Json::string(self.verified.root_name())),
                    ("sha256", Json::string(root.sha256.to_string())),
                    ("words", Json::string(root.sha256.words().join(" "))),
                    ("expires", Json::string(root.expires.to_string())),
                ]),
            ),
            ("metadata-url", text(self.place.metadata.as_str())),
            ("targets-url", text(&self.place.targets)),
            ("clients", self.clients.iter().map(client).collect()),
            ("files", self.files.iter().map(file).collect()),
            ("written", self.written.iter().map(|path| Json::string(path.display().to_string())).collect()),
        ])
    }
}
