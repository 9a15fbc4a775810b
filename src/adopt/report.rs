//! What was adopted, for people and for programs.

use std::collections::BTreeMap;
use std::fmt;

use ceremony::policy::Signers;
use ceremony::{Finding, Json, Object, Tally};

use crate::adopt::{Adopted, AdoptedRole};
use crate::report::{Report, object};
use crate::text::{columns, escaped, hanging, wrapped};

/// The answer of `adopt`.
pub(crate) struct Answer {
    /// Where the repository was.
    pub(crate) from: String,
    pub(crate) adopted: Adopted,
}

/// How many files that were not copied are named.
const SHOWN: usize = 8;

const OLDER: &str = "roots before the one that you trust were copied too; they lead to it, and nothing shows that they \
                     are genuine.";
const READ: &str = "Read trustroot.toml: the lifetimes, who signs, what is external, what is accepted.";
const ENROLL: &str = "Each keyholder enrolls the key anew, from the device that holds it: trustroot keyholder enroll \
                      NAME --replace";

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Adopted { id, title, older, roles, taken, .. } = &self.adopted;
        writeln!(f, "Adopted {}", escaped(&self.from))?;
        writeln!(f, "  trust root {id}")?;
        f.write_str(&wrapped(&format!("called {}; `name` in trustroot.toml changes that", escaped(title)), 2))?;
        let (metadata, targets) = (taken.metadata, taken.targets);
        writeln!(f, "  {metadata} metadata files and {targets} target files verified and copied\n")?;
        f.write_str(&columns(&self.roots(), 0))?;
        if *older > 0 {
            f.write_str(&wrapped(&format!("{older} {OLDER}"), 0))?;
        }
        write!(f, "\n{}", columns(&roles_table(roles), 0))?;
        write!(f, "\n{}", columns(&keys_table(roles), 0))?;
        self.findings(f)?;
        if !taken.left.is_empty() {
            let shown = taken.left.iter().take(SHOWN).map(|name| escaped(name).to_string());
            let shown = shown.collect::<Vec<_>>().join(", ");
            let more = taken.left.len().saturating_sub(SHOWN);
            let more = if more == 0 { String::new() } else { format!(", and {more} more") };
            write!(f, "\n{}", wrapped(&format!("Not copied, since nothing uses it: {shown}{more}."), 0))?;
        }
        self.next(f)
    }
}

impl Answer {
    /// How each root was signed, by the keys of the one before it and by its own.
    fn roots(&self) -> Vec<[String; 5]> {
        let mut rows = vec![["root", "expires", "old keys", "own keys", "findings"].map(str::to_owned)];
        for step in &self.adopted.history.steps {
            let outgoing = step.outgoing.as_ref().map_or("trusted".to_owned(), of_needed);
            let found = if step.findings.is_empty() { String::new() } else { step.findings.len().to_string() };
            let expires = escaped(step.metadata.expires_text()).to_string();
            rows.push([step.root.version.to_string(), expires, outgoing, of_needed(&step.incoming), found]);
        }
        rows
    }

    fn findings(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (heading, wanted) in [
            ("Found, and accepted in trustroot.toml for a year", true),
            ("Found in the history alone, and not accepted for what comes", false),
        ] {
            let found = self.adopted.findings.iter().filter(|(_, accepted)| *accepted == wanted);
            let found: String = found.map(|(finding, _)| hanging(&finding.to_string(), 2)).collect();
            if !found.is_empty() {
                write!(f, "\n{heading}:\n{found}")?;
            }
        }
        Ok(())
    }

    fn next(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\nNext:")?;
        let due = self.adopted.due.iter();
        let mut steps: Vec<_> =
            due.map(|(role, reason)| format!("{role} is due ({reason}): trustroot stage")).collect();
        steps.extend([READ.to_owned(), ENROLL.to_owned()]);
        let external = self.adopted.roles.iter().filter(|role| role.signers == Signers::External);
        let external = external.map(|role| role.name.as_str()).collect::<Vec<_>>().join(", ");
        if !external.is_empty() {
            steps.push(format!("Others go on to make {external}: copy what they publish into repository/."));
        }
        steps.iter().try_for_each(|step| f.write_str(&wrapped(step, 2)))
    }
}

fn roles_table(roles: &[AdoptedRole]) -> Vec<[String; 5]> {
    let mut rows = vec![["role", "version", "expires", "signed", "by"].map(str::to_owned)];
    for role in roles {
        let by = match &role.signers {
            Signers::Keyholders(_) => "keyholders",
            Signers::Online(_) => "online key",
            Signers::External => "somebody else",
        };
        let [version, expires, signed] = match &role.published {
            Some(file) => {
                let signed = format!("{}/{}", file.signed, role.threshold);
                [file.version.to_string(), file.expires.to_string(), signed]
            }
            None => ["none", "", ""].map(str::to_owned),
        };
        rows.push([role.name.clone(), version, expires, signed, by.to_owned()]);
    }
    rows
}

/// Whose every key is, and for which roles.
fn keys_table(roles: &[AdoptedRole]) -> Vec<[String; 4]> {
    let mut rows = vec![["key id", "fingerprint", "holder", "signs"].map(str::to_owned)];
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    for role in roles {
        for (key, holder) in &role.keys {
            if let Some(row) = places.get(key.id.as_str()).and_then(|place| rows.get_mut(*place)) {
                row[3] = format!("{}, {}", row[3], role.name);
                continue;
            }
            places.insert(key.id.as_str(), rows.len());
            let fingerprint = key.key.as_ref().map_or("unreadable".to_owned(), |key| key.fingerprint().short());
            let holder = holder.clone().unwrap_or_else(|| "somebody else".to_owned());
            rows.push([key.id.short(), fingerprint, holder, role.name.clone()]);
        }
    }
    rows
}

/// `SIGNED/NEEDED`
fn of_needed(tally: &Tally) -> String {
    format!("{}/{}", tally.signed.len(), tally.threshold)
}

impl Report for Answer {
    fn json(&self) -> Json {
        let Adopted { id, title, history, older, roles, taken, findings, due } = &self.adopted;
        let roots = history.steps.iter().map(|step| {
            object([
                ("version", step.root.version.into()),
                ("sha256", Json::string(step.sha256.to_string())),
                ("expires", Json::string(step.metadata.expires_text())),
                ("outgoing", step.outgoing.as_ref().map_or(Json::Null, tally)),
                ("incoming", tally(&step.incoming)),
                ("findings", step.findings.iter().map(|finding| Json::Object(found(finding))).collect()),
            ])
        });
        let findings = findings.iter().map(|(finding, accepted)| {
            let mut object = found(finding);
            object.insert("accepted", Json::Bool(*accepted));
            Json::Object(object)
        });
        let due = due
            .iter()
            .map(|(role, reason)| object([("role", Json::string(role)), ("reason", Json::string(reason.to_string()))]));
        object([
            ("ok", Json::Bool(true)),
            ("id", Json::string(id)),
            ("name", Json::string(title)),
            ("roots", roots.collect()),
            ("older-roots", (*older as u64).into()),
            ("roles", roles.iter().map(adopted_role).collect()),
            ("findings", findings.collect()),
            ("metadata-files", (taken.metadata as u64).into()),
            ("target-files", (taken.targets as u64).into()),
            ("left", taken.left.iter().map(Json::string).collect()),
            ("due", due.collect()),
        ])
    }
}

fn adopted_role(role: &AdoptedRole) -> Json {
    let signers = match role.signers {
        Signers::Keyholders(_) => "keyholders",
        Signers::Online(_) => "online",
        Signers::External => "external",
    };
    let keys = role.keys.iter().map(|(key, holder)| {
        let fingerprint = key.key.as_ref().map(|key| Json::string(key.fingerprint().to_string()));
        object([
            ("keyid", Json::string(key.id.as_str())),
            ("fingerprint", fingerprint.unwrap_or(Json::Null)),
            ("keyholder", holder.as_ref().map_or(Json::Null, Json::string)),
        ])
    });
    let published = role.published.as_ref();
    object([
        ("role", Json::string(&role.name)),
        ("version", published.map_or(Json::Null, |file| file.version.into())),
        ("expires", published.map_or(Json::Null, |file| Json::string(file.expires.to_string()))),
        ("signed", published.map_or(Json::Null, |file| (file.signed as u64).into())),
        ("threshold", role.threshold.into()),
        ("signers", Json::string(signers)),
        ("keys", keys.collect()),
    ])
}

fn tally(tally: &Tally) -> Json {
    object([("threshold", tally.threshold.into()), ("signed", (tally.signed.len() as u64).into())])
}

fn found(finding: &Finding) -> Object {
    [
        ("finding", Json::string(finding.rule.name())),
        ("subject", Json::string(&finding.subject)),
        ("what", Json::string(&finding.what)),
    ]
    .into_iter()
    .collect()
}
