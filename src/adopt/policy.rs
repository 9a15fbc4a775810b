//! The policy that says what an adopted repository says.

use std::fmt::Write as _;

use ceremony::policy::Signers;
use ceremony::{Finding, Json, Kind, Metadata, Policy, Targets, Time};
use toml_edit::{Array, InlineTable, Key, Value};

use crate::adopt::holding::{HeldRole, Holding};
use crate::adopt::terms::Terms;
use crate::error::{Failure, OrFail as _};
use crate::policy_file::PREAMBLE;

/// The text of the policy of trust root `id`, called `title`, without accepted findings. It parses.
///
/// # Errors
/// If the repository says what no policy can say.
pub(crate) fn text(
    id: &str,
    title: &str,
    root: &Metadata,
    holding: &Holding<'_>,
    now: Time,
) -> Result<String, Failure> {
    let preamble = PREAMBLE.replace("{file-keys}", "false").replace("{id}", &string(id));
    let mut out = [HEAD, &preamble.replace("{name}", &string(title))].concat();
    for role in &holding.roles {
        write_role(&mut out, root, role, now)?;
    }
    let policy = Policy::parse(&out).or_fail(|| "what is published cannot be said in a policy")?;
    write_targets(&mut out, &policy, holding)?;
    Policy::parse(&out).or_fail(|| "what is published cannot be said in a policy")?;
    Ok(out)
}

/// An `[[accept]]` for `finding`.
pub(crate) fn accept(finding: &Finding, reason: &str, until: Time) -> String {
    let mut out = String::from("\n");
    for line in crate::text::wrapped(&finding.what, 2).lines() {
        let _ = writeln!(out, "#{}", line.get(1..).unwrap_or_default());
    }
    let (name, subject) = (string(finding.rule.name()), string(&finding.subject));
    let _ = writeln!(out, "[[accept]]\nfinding = {name}\nsubject = {subject}");
    let _ = writeln!(out, "reason = {}\nuntil = {}", string(reason), string(&until.to_string()));
    out
}

/// What stands before the accepted findings.
pub(crate) const ACCEPTS: &str = "
# What was found in the repository as it was adopted, its history included.
# `trustroot stage` stops on a finding unless it is accepted here, and shows
# every signer what is. Take an entry away when it has become untrue.
";

fn write_role(out: &mut String, root: &Metadata, held: &HeldRole<'_>, now: Time) -> Result<(), Failure> {
    let HeldRole { name, keys, signers, role } = held;
    let file = role.and_then(|role| role.metadata());
    let (kind, said, file) = match *name {
        "root" => (Kind::Root, Some(root.signed()), Some(root)),
        "snapshot" | "timestamp" => {
            let kind = if *name == "snapshot" { Kind::Snapshot } else { Kind::Timestamp };
            (kind, root.signed().get("roles").and_then(|roles| roles.get(name)), file)
        }
        _ => (Kind::Targets, file.map(Metadata::signed), file),
    };
    let delegation = role.and_then(|role| role.by.as_ref());
    out.push_str(match *name {
        "root" => "\n# Who can change everything, this list included. Clients start from the root.\n",
        "targets" => "\n# Who says which target files are right.\n",
        "snapshot" => "\n# The snapshot says which versions belong together.\n",
        "timestamp" => "\n# The timestamp says that this is still the newest state.\n",
        _ => {
            "\n# A delegated role: its signers say which of these target files are right.\n\
             # Clients ask delegated roles in this order.\n"
        }
    });
    match delegation {
        None => writeln!(out, "[roles.{name}]"),
        Some((by, delegation)) => {
            if delegation.paths.is_empty() {
                let what =
                    if delegation.path_hash_prefixes.is_empty() { "no paths" } else { "hash prefixes for paths" };
                return Err(Failure::could_not(format!("{name} is delegated to with {what}, which no policy can say")));
            }
            let paths = Array::from_iter(&delegation.paths);
            let terminating = delegation.terminating;
            writeln!(out, "[[delegation]]\nname = {}\nby = {}", string(name), string(by)).and_then(|()| {
                writeln!(out, "paths = {paths}\n# Whether a client that comes here asks no later role.")?;
                writeln!(out, "terminating = {terminating}")
            })
        }
    }
    .expect("a String takes every text");
    let (words, names) = match signers {
        Signers::Keyholders(names) => ("# The people who sign, by the names of their records.\nkeyholders", names),
        Signers::Online(names) => ("# The online keys, by the names of their records.\nonline", names),
        Signers::External => {
            out.push_str("# Somebody else signs it; its keys stay as published. The days are reminders.\n");
            out.push_str("online = \"external\"\n");
            ("", &Vec::new())
        }
    };
    if *signers != Signers::External {
        let _ = writeln!(out, "{words} = {}\nthreshold = {}", Array::from_iter(names), keys.threshold);
    }
    let terms = Terms::of(kind, said, file, now);
    out.push_str("# Days from staging to expiry, and before expiry from which the next is due.\n");
    out.push_str(if terms.stated { "" } else { "# Guessed: the metadata does not say.\n" });
    let _ = writeln!(out, "lifetime-days = {}\nsigning-window-days = {}", terms.lifetime.0, terms.window.0);
    Ok(())
}

fn write_targets(out: &mut String, policy: &Policy, holding: &Holding<'_>) -> Result<(), Failure> {
    let mut first = true;
    for held in holding.own() {
        let Some(metadata) = held.role.and_then(|role| role.metadata()).filter(|file| file.kind() == Kind::Targets)
        else {
            continue;
        };
        for (path, entry) in Targets::of(metadata)?.entries() {
            let custom = entry.get("custom").filter(|custom| **custom != Json::Null);
            let elsewhere = policy.role_of_target(path) != held.name;
            if custom.is_none() && !elsewhere {
                continue;
            }
            if std::mem::take(&mut first) {
                out.push_str("\n# What is said of single target files: which role lists one, where that is not\n");
                out.push_str("# the first that is trusted for its path; and what its entry says besides.\n");
            } else {
                out.push('\n');
            }
            let _ = writeln!(out, "[targets.{}]", Key::new(path).display_repr());
            if elsewhere {
                let _ = writeln!(out, "role = {}", string(held.name));
            }
            if let Some(custom) = custom {
                let custom = to_toml(custom).ok_or_else(|| {
                    let what = "has null or a number beyond 64 bits in custom, which no policy can say";
                    Failure::could_not(format!("the target {path} {what}"))
                })?;
                let _ = writeln!(out, "custom = {custom}");
            }
        }
    }
    Ok(())
}

/// `text` as a TOML string.
fn string(text: &str) -> String {
    Value::from(text).to_string()
}

/// `json` on one line of TOML, if TOML has such values.
fn to_toml(json: &Json) -> Option<Value> {
    Some(match json {
        Json::Null => return None,
        Json::Bool(value) => (*value).into(),
        Json::Number(number) => i64::try_from(*number).ok()?.into(),
        Json::String(text) => text.as_ref().into(),
        Json::Array(values) => values.iter().map(to_toml).collect::<Option<Array>>()?.into(),
        Json::Object(object) => {
            let members = object.iter().map(|(name, value)| Some((name, to_toml(value)?)));
            members.collect::<Option<InlineTable>>()?.into()
        }
    })
}

const HEAD: &str = "# The policy of a trust root: the wanted state, reviewed like code. It was
# written by `trustroot adopt` and says what the adopted repository says. Change
# it, then `trustroot stage` proposes the next version of whatever it touches.
";
