//! `trustroot adopt`

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;

use ceremony::policy::Signers;
use ceremony::{Finding, Json, Object, Tally};

use crate::adopt::holding::{Held, Wishes};
use crate::adopt::names::Naming;
use crate::adopt::{Adopted, AdoptedRole, Request, adopt};
use crate::cli::Context;
use crate::commands::init::random_id;
use crate::disk::{self, Place};
use crate::error::{Failure, OrFail as _};
use crate::published::METADATA_LIMIT;
use crate::report::{Outcome, Report};
use crate::source::Address;
use crate::text::{columns, escaped, wrapped};
use crate::ui::Ui;

/// Take over a TUF repository that another tool made
///
/// Walks from the root in FILE to the latest, verifies everything that clients read, and copies it byte for byte into an
/// empty directory: key ids, key objects, unknown fields and earlier versions stay as they are. Writes a policy that
/// says what the repository says, a record for every keyholder, and an accept for every finding. Whoever holds the
/// online keys of snapshot, timestamp and delegated roles goes on to sign them, unless --online says that you do.
#[derive(clap::Args)]
pub(crate) struct Adopt {
    /// Where the metadata is: a directory, or an http, https or file URL
    #[arg(value_name = "DIR-OR-URL")]
    from: Option<Address>,
    /// Trust the root in this file, such as one that clients carry; best the first there ever was
    #[arg(long, value_name = "FILE")]
    root: Option<PathBuf>,
    /// Read the target files here instead of in targets below or beside the metadata
    #[arg(long, value_name = "DIR-OR-URL")]
    targets: Option<Address>,
    /// Call the holder of a key so, which is given by the first digits of its id or fingerprint; by default as the key
    /// object says
    #[arg(long = "name", value_name = "KEYID=NAME")]
    names: Vec<Naming>,
    /// You hold this online key, and call it NAME: without KEYID the one of snapshot and timestamp
    #[arg(long = "online", value_name = "[KEYID=]NAME")]
    online: Vec<Held>,
    /// Somebody else makes and signs this role
    #[arg(long, value_name = "ROLE")]
    external: Vec<String>,
}

impl Adopt {
    pub(crate) fn run(self, context: &Context, ui: &mut Ui) -> Result<Outcome, Failure> {
        let from = match self.from {
            Some(from) => from,
            None => ui.value("DIR-OR-URL", "Directory or URL of the repository's metadata", None)?,
        };
        let root = match self.root {
            Some(root) => root,
            None => ui.value("--root", "File with the root that you trust", None)?,
        };
        let root = Place::named(root);
        let shown = from.to_string();
        let request = Request {
            root: disk::read(&root, METADATA_LIMIT)?,
            targets: self.targets,
            wishes: Wishes { names: self.names, held: self.online, external: self.external },
            id: random_id()?,
            title: title(&from),
            from,
        };
        let adopted = adopt(&context.workdir, &context.machine, &request, context.now);
        let adopted = adopted.or_fail(|| format!("{shown} was not adopted, and nothing was written"))?;
        Ok(Outcome::done(Answer { from: shown, adopted }))
    }
}

/// The host or the directory, as a name to begin with.
fn title(from: &Address) -> String {
    let name = match from {
        Address::Http(url) => url.host_str().map(str::to_owned),
        Address::Directory(path) => path.file_name().map(|name| name.to_string_lossy().into_owned()),
    };
    name.unwrap_or_else(|| "adopted".to_owned())
}

/// What was adopted.
struct Answer {
    from: String,
    adopted: Adopted,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Adopted { id, history, older, state, taken, findings, due, .. } = &self.adopted;
        writeln!(f, "Adopted {}", escaped(&self.from))?;
        writeln!(f, "  trust root {id}")?;
        let (metadata, targets) = (taken.metadata, taken.targets);
        writeln!(f, "  {metadata} metadata files and {targets} target files verified and copied\n")?;

        let mut rows = vec![["root", "expires", "old keys", "own keys", "findings"].map(str::to_owned)];
        for step in &history.steps {
            let (version, expires) = (step.root.version.to_string(), step.metadata.expires_text().to_owned());
            let outgoing = step.outgoing.as_ref().map_or("trusted".to_owned(), of_needed);
            let rules: BTreeSet<_> = step.findings.iter().map(|finding| finding.rule.name()).collect();
            let rules = rules.into_iter().collect::<Vec<_>>().join(", ");
            rows.push([version, escaped(&expires).to_string(), outgoing, of_needed(&step.incoming), rules]);
        }
        f.write_str(&columns(&rows, 0))?;
        if *older > 0 {
            let what = "roots before the one that you trust were copied too; they lead to it, and nothing shows that \
                        they are genuine";
            f.write_str(&wrapped(&format!("{older} {what}."), 0))?;
        }

        let mut rows = vec![["role", "version", "expires", "signed", "by"].map(str::to_owned)];
        for role in &self.adopted.roles {
            let (version, expires, signed) = match (role.name.as_str(), state.role(&role.name)) {
                ("root", _) => {
                    let last = history.trusted();
                    let text = |text: Option<String>| text.unwrap_or_default();
                    (
                        text(last.map(|step| step.root.version.to_string())),
                        text(last.map(|step| step.metadata.expires().to_string())),
                        text(last.map(|step| of_needed(&step.incoming))),
                    )
                }
                (_, Some(role)) => match &role.file {
                    Some((file, tally)) => {
                        (file.metadata.version().to_string(), file.metadata.expires().to_string(), of_needed(tally))
                    }
                    None => ("none".to_owned(), String::new(), String::new()),
                },
                (_, None) => Default::default(),
            };
            rows.push([role.name.clone(), version, expires, signed, by(role)]);
        }
        writeln!(f, "\n{}", columns(&rows, 0).trim_end())?;

        for (heading, wanted) in [
            ("Found, and accepted in trustroot.toml for a year", true),
            ("Found in the history alone, and not accepted for what comes", false),
        ] {
            let rows: Vec<_> = findings
                .iter()
                .filter(|(_, accepted)| *accepted == wanted)
                .map(|(finding, _)| [finding.rule.name().to_owned(), format!("{}: {}", finding.subject, finding.what)])
                .collect();
            if !rows.is_empty() {
                write!(f, "\n{heading}:\n{}", columns(&rows, 2))?;
            }
        }
        if !taken.left.is_empty() {
            let shown =
                taken.left.iter().take(SHOWN).map(|name| escaped(name).to_string()).collect::<Vec<_>>().join(", ");
            let more = taken.left.len().saturating_sub(SHOWN);
            let more = if more == 0 { String::new() } else { format!(", and {more} more") };
            write!(f, "\n{}", wrapped(&format!("Not copied, since nothing uses it: {shown}{more}."), 0))?;
        }
        writeln!(f, "\nNext:")?;
        for (role, reason) in due {
            f.write_str(&wrapped(&format!("{role} is due ({reason}): trustroot stage"), 2))?;
        }
        for step in NEXT {
            f.write_str(&wrapped(step, 2))?;
        }
        Ok(())
    }
}

/// How many files that were not copied are named.
const SHOWN: usize = 8;

const NEXT: [&str; 2] = [
    "Read trustroot.toml: the lifetimes, who signs, what is external, what is accepted.",
    "Each keyholder enrolls the key anew, from the device that holds it: trustroot keyholder enroll NAME --help",
];

/// `SIGNED/NEEDED`
fn of_needed(tally: &Tally) -> String {
    format!("{}/{}", tally.signed.len(), tally.threshold)
}

fn by(role: &AdoptedRole) -> String {
    let names = |names: &[String]| names.join(", ");
    match &role.signers {
        Signers::Keyholders(people) => names(people),
        Signers::Online(keys) => format!("{} (online)", names(keys)),
        Signers::External => {
            let ids: Vec<_> = role.keys.iter().map(|(key, _)| format!("key {}", key.id.short())).collect();
            format!("somebody else ({})", ids.join(", "))
        }
    }
}

impl Report for Answer {
    fn json(&self) -> Json {
        let Adopted { id, history, older, state, roles, taken, findings, due, .. } = &self.adopted;
        let roots = history.steps.iter().map(|step| {
            object([
                ("version", step.root.version.into()),
                ("sha256", Json::string(step.sha256.to_string())),
                ("expires", Json::string(step.metadata.expires_text())),
                ("outgoing", step.outgoing.as_ref().map_or(Json::Null, tally)),
                ("incoming", tally(&step.incoming)),
                ("findings", step.findings.iter().map(finding).collect()),
            ])
        });
        let roles = roles.iter().map(|role| {
            let published = match role.name.as_str() {
                "root" => history.trusted().map(|step| (&step.metadata, &step.incoming)),
                name => {
                    state.role(name).and_then(|role| role.file.as_ref()).map(|(file, tally)| (&file.metadata, tally))
                }
            };
            let signers = match role.signers {
                Signers::Keyholders(_) => "keyholders",
                Signers::Online(_) => "online",
                Signers::External => "external",
            };
            let keys = role.keys.iter().map(|(key, name)| {
                let fingerprint = key.key.as_ref().map(|key| key.fingerprint().to_string());
                object([
                    ("keyid", Json::string(key.id.as_str())),
                    ("fingerprint", fingerprint.map_or(Json::Null, Json::string)),
                    ("keyholder", name.as_ref().map_or(Json::Null, Json::string)),
                ])
            });
            object([
                ("role", Json::string(&role.name)),
                ("version", published.map_or(Json::Null, |(file, _)| file.version().into())),
                ("expires", published.map_or(Json::Null, |(file, _)| Json::string(file.expires_text()))),
                ("signed", published.map_or(Json::Null, |(_, signed)| (signed.signed.len() as u64).into())),
                ("threshold", role.threshold.into()),
                ("signers", Json::string(signers)),
                ("keys", keys.collect()),
            ])
        });
        let findings = findings.iter().map(|(found, accepted)| {
            let mut object = finding(found).as_object().cloned().unwrap_or_default();
            object.insert("accepted", Json::Bool(*accepted));
            object
        });
        let due = due
            .iter()
            .map(|(role, reason)| object([("role", Json::string(role)), ("reason", Json::string(reason.to_string()))]));
        object([
            ("ok", Json::Bool(true)),
            ("id", Json::string(id)),
            ("roots", roots.collect()),
            ("older_roots", (*older as u64).into()),
            ("roles", roles.collect()),
            ("findings", findings.map(Json::Object).collect()),
            ("metadata_files", (taken.metadata as u64).into()),
            ("target_files", (taken.targets as u64).into()),
            ("left", taken.left.iter().map(Json::string).collect()),
            ("due", due.collect()),
        ])
    }
}

fn object<const N: usize>(members: [(&str, Json); N]) -> Json {
    Json::Object(members.into_iter().collect::<Object>())
}

fn tally(tally: &Tally) -> Json {
    object([("threshold", tally.threshold.into()), ("signed", (tally.signed.len() as u64).into())])
}

fn finding(finding: &Finding) -> Json {
    object([
        ("finding", Json::string(finding.rule.name())),
        ("subject", Json::string(&finding.subject)),
        ("what", Json::string(&finding.what)),
    ])
}
