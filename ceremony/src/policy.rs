//! The policy: the wanted state of a trust root.

mod devices;
mod wire;

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

pub use self::devices::DevicePolicy;
use crate::finding::{Finding, Rule};
use crate::holder::check_name;
use crate::json::Json;
use crate::lint::Reader;
use crate::material::ServiceUrl;
use crate::material::url::UrlError;
use crate::targets::matches_pattern;
use crate::text::escaped;
use crate::time::{Days, Time};

/// The wanted state of a trust root: `trustroot.toml`.
///
/// It is declarative and reviewed like code. Unknown fields are errors.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// Random, from `init` or `adopt`: what proofs, journals and pins are bound to.
    pub id: String,
    /// For people.
    pub name: String,
    /// The clients that must be able to read everything, by name; empty stands for all that are known.
    pub clients: Vec<String>,
    /// What devices are good enough for the keys of people.
    pub devices: DevicePolicy,
    /// Whether changes of the trust material keep single keys and certificates for older clients in step with the
    /// trusted root; none where they do so if there are such targets.
    pub legacy_targets: Option<bool>,
    /// Where clients read what is published; none if the policy does not say.
    pub metadata_url: Option<ServiceUrl>,
    /// `root`, `targets`, `snapshot` and `timestamp`, and the delegated roles.
    pub roles: BTreeMap<String, RolePolicy>,
    /// The delegated roles in the order in which clients ask them.
    pub delegated: Vec<String>,
    /// What is said of single target files, by path.
    pub targets: BTreeMap<String, TargetPolicy>,
    /// Findings that are known and accepted.
    pub accept: Vec<Accept>,
}

/// What the policy wants of one role.
#[derive(Clone, Debug, PartialEq)]
pub struct RolePolicy {
    /// Who signs.
    pub signers: Signers,
    /// How many of them must. Not used where the signers are external.
    pub threshold: u64,
    /// From staging to expiry.
    pub lifetime: Days,
    /// How long before expiry the next version is due.
    pub window: Days,
    /// Where a delegated role hangs; none for the four top-level roles.
    pub delegation: Option<DelegationPolicy>,
}

/// Who signs a role.
#[derive(Clone, Debug, PartialEq)]
pub enum Signers {
    /// People, by the names of their records, at ceremonies.
    Keyholders(Vec<String>),
    /// Online keys, by the names of their records, whenever it is due.
    Online(Vec<String>),
    /// Somebody else makes and signs this role; its keys stay as published.
    External,
}

impl Signers {
    /// The names of the records, none if external.
    pub fn names(&self) -> &[String] {
        match self {
            Self::Keyholders(names) | Self::Online(names) => names,
            Self::External => &[],
        }
    }
}

/// How a delegated role is delegated to.
#[derive(Clone, Debug, PartialEq)]
pub struct DelegationPolicy {
    /// The delegating role.
    pub by: String,
    /// The path patterns it is trusted for.
    pub paths: Vec<String>,
    /// Whether clients ask no later role.
    pub terminating: bool,
}

/// What the policy says of one target file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TargetPolicy {
    /// The role that lists it; by default the first that is trusted for its path.
    pub role: Option<String>,
    /// `custom` of its entry.
    pub custom: Option<Json>,
}

/// An accepted finding.
#[derive(Clone, Debug, PartialEq)]
pub struct Accept {
    /// The rule.
    pub rule: Rule,
    /// The exact subject of the finding.
    pub subject: String,
    /// Why it is accepted.
    pub reason: String,
    /// Until when.
    pub until: Time,
}

impl Policy {
    /// The most delegated roles that a policy may have.
    const MOST_DELEGATED: usize = 1024;

    /// The most roles from the top-level one down to a delegated role: as many as clients look into for one target
    /// (python-tuf, tuf-js and go-tuf, `max_delegations`).
    const MOST_ABOVE: usize = 32;

    /// Reads a policy.
    ///
    /// # Errors
    /// What is not TOML, unknown or missing fields, names and numbers out of their range, a role whose keyholders are
    /// named twice, a delegation to nowhere or in a circle: each with its line where the file has one.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        let wire: wire::Wire = toml::from_str(text).map_err(|error| PolicyError::Toml(error.to_string()))?;
        let policy = wire.policy()?;
        policy.check()?;
        Ok(policy)
    }

    /// What the policy wants of `role`.
    pub fn role(&self, role: &str) -> Option<&RolePolicy> {
        self.roles.get(role)
    }

    /// The delegated roles that `role` delegates to, in the order in which clients ask them.
    pub(crate) fn delegated_by<'a>(&'a self, role: &'a str) -> impl Iterator<Item = (&'a str, &'a RolePolicy)> {
        let roles = self.delegated.iter().filter_map(|name| Some((name.as_str(), self.roles.get(name)?)));
        roles.filter(move |(_, policy)| policy.delegation.as_ref().is_some_and(|delegation| delegation.by == role))
    }

    /// The role that lists the target file `path`: the one that the policy names for it, else the first delegated role
    /// that is trusted for the path, else `targets`.
    pub fn role_of_target(&self, path: &str) -> &str {
        if let Some(role) = self.targets.get(path).and_then(|target| target.role.as_deref()) {
            return role;
        }
        let covers = |name: &&String| {
            let delegation = self.roles.get(*name).and_then(|role| role.delegation.as_ref());
            delegation.is_some_and(|d| d.paths.iter().any(|pattern| matches_pattern(pattern, path)))
        };
        self.delegated.iter().find(covers).map_or("targets", String::as_str)
    }

    /// Whether clients look into `role` for the target file `path`: it is `targets`, or it and every delegated role on the
    /// way to it are trusted for the path.
    pub(crate) fn is_trusted(&self, role: &str, path: &str) -> bool {
        if role == "targets" {
            return true;
        }
        let delegation = self.roles.get(role).and_then(|role| role.delegation.as_ref());
        delegation.is_some_and(|delegation| {
            delegation.paths.iter().any(|pattern| matches_pattern(pattern, path))
                && self.is_trusted(&delegation.by, path)
        })
    }

    /// The acceptance of `finding` at `now`, if the policy has one.
    pub fn accepts(&self, finding: &Finding, now: Time) -> Option<&Accept> {
        self.accept
            .iter()
            .find(|accept| accept.rule == finding.rule && accept.subject == finding.subject && now < accept.until)
    }

    fn check(&self) -> Result<(), PolicyError> {
        check_id(&self.id)?;
        if self.name.trim().is_empty() || self.name.chars().any(char::is_control) {
            return Err(PolicyError::Name);
        }
        if let Some(name) = self.clients.iter().find(|name| Reader::named(name).is_none()) {
            return Err(PolicyError::Client { name: name.escape_debug().to_string() });
        }
        if let Some(beyond) = self.delegated.get(Self::MOST_DELEGATED) {
            let most = Self::MOST_DELEGATED;
            return Err(PolicyError::role(beyond, &format!("is one too many: {most} delegated roles are the most")));
        }
        for (name, role) in &self.roles {
            let mut seen = BTreeSet::new();
            for holder in role.signers.names() {
                if let Err(rule) = check_name(holder) {
                    let problem = format!("names \"{holder}\", which no record can have: it {rule}");
                    return Err(PolicyError::role(name, &problem));
                }
                if !seen.insert(holder) {
                    return Err(PolicyError::role(name, &format!("names \"{holder}\" twice")));
                }
            }
            let mut at = role;
            let mut above = BTreeSet::from([name.as_str()]);
            while let Some(delegation) = &at.delegation {
                let by = delegation.by.as_str();
                if matches!(by, "root" | "snapshot" | "timestamp") || !above.insert(by) {
                    return Err(PolicyError::role(name, &format!("is delegated by \"{by}\", which does not delegate")));
                }
                if above.len() > Self::MOST_ABOVE + 1 {
                    let problem =
                        format!("has more than {} roles above it, and clients look no further", Self::MOST_ABOVE);
                    return Err(PolicyError::role(name, &problem));
                }
                let next = self.roles.get(by);
                at = next
                    .ok_or_else(|| PolicyError::role(name, &format!("is delegated by \"{by}\", which is no role")))?;
            }
        }
        Ok(())
    }
}

/// Refuses what cannot be the id of a trust root: it is 16 to 128 letters, digits and hyphens, and so a file name.
pub fn check_id(id: &str) -> Result<(), PolicyError> {
    let good = (16..=128).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if good { Ok(()) } else { Err(PolicyError::Id) }
}

/// Refuses role names that are not plain file names.
pub fn role_name(name: &str) -> Result<(), PolicyError> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'@');
    let good = !name.is_empty()
        && name.len() <= 128
        && name.bytes().all(plain)
        && !name.starts_with(['.', '-'])
        && !name.contains("..")
        && !name.split_once('.').is_some_and(|(first, _)| first.bytes().all(|b| b.is_ascii_digit()));
    if good { Ok(()) } else { Err(PolicyError::role(name, "is not a plain name that starts with a letter")) }
}

/// Why a text is no policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// An `[[accept]]` is not usable.
    #[error("[[accept]] of \"{finding}\": {problem}")]
    Accept {
        /// The finding, escaped.
        finding: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A client is listed of which nothing is known, so nothing would be found for it.
    #[error("[clients] support lists \"{name}\", which is none of {}", Reader::ALL.iter().map(Reader::name).collect::<Vec<_>>().join(", "))]
    Client {
        /// The name, escaped.
        name: String,
    },
    /// `[devices]` asks for something that is none.
    #[error("[devices] {problem}")]
    Devices {
        /// The field, and what is wrong with it. Escaped.
        problem: String,
    },
    /// The id is too short, too long, or has odd characters.
    #[error("trust-root.id must be 16 to 128 letters, digits and hyphens")]
    Id,
    /// The name is empty, or breaks the lines that it is shown in.
    #[error("trust-root.name must be one line of text")]
    Name,
    /// `[publish]` has an address that is none.
    #[error("[publish] metadata-url: {0}")]
    Publish(#[from] UrlError),
    /// A role is not usable.
    #[error("role \"{role}\" {problem}")]
    Role {
        /// The role, escaped.
        role: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A target's settings are not usable.
    #[error("target \"{path}\" {problem}")]
    Target {
        /// The path, escaped.
        path: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Not the TOML that a policy is; the text has line and column.
    #[error("{0}")]
    Toml(String),
}

impl PolicyError {
    fn role(role: &str, problem: &str) -> Self {
        Self::Role { role: escaped(role), problem: escaped(problem) }
    }

    fn target(path: &str, problem: &str) -> Self {
        Self::Target { path: escaped(path), problem: escaped(problem) }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn policy(clients: &str) -> Result<Policy, PolicyError> {
        policy_with(clients, "")
    }

    fn policy_with(clients: &str, more: &str) -> Result<Policy, PolicyError> {
        policy_of("0123456789abcdef", "a", clients, more)
    }

    fn policy_of(id: &str, person: &str, clients: &str, more: &str) -> Result<Policy, PolicyError> {
        let people = format!("keyholders = [\"{person}\"]\nthreshold = 1\nlifetime-days = 99\nsigning-window-days = 9");
        let machine = "online = [\"o\"]\nlifetime-days = 9\nsigning-window-days = 2";
        Policy::parse(&format!(
            "[trust-root]\nid = \"{id}\"\nname = \"n\"\n[clients]\nsupport = [{clients}]\n{more}\n\
             [roles.root]\n{people}\n[roles.targets]\n{people}\n[roles.snapshot]\n{machine}\n[roles.timestamp]\n{machine}\n"
        ))
    }

    #[test]
    fn nobody_is_named_whose_record_could_not_be_written() {
        let named = |person: &str| policy_of("0123456789abcdef", person, "", "");
        assert!(named("joshua.g-2").is_ok() && named("console").is_ok());
        for person in ["con", "nul.x", "a..b", "a.", ".a", "Alice", ""] {
            let error = named(person).unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("role \"root\" names \"{person}\", which no record can have: it ")),
                "{error}"
            );
        }
    }

    #[test]
    fn an_id_is_a_file_name() {
        let with = |id: &str| policy_of(id, "a", "", "");
        assert!(with(&"a".repeat(16)).is_ok() && with(&"A-9z".repeat(32)).is_ok());
        for id in ["a".repeat(15), "a".repeat(129), "a/../../b".repeat(3)] {
            assert_eq!(with(&id).unwrap_err(), PolicyError::Id, "{id}");
        }
    }

    #[test]
    fn clients_are_sent_to_an_address() {
        let publish = |url: &str| {
            policy_with("", &format!("[publish]\nmetadata-url = \"{url}\"")).map(|policy| policy.metadata_url)
        };
        assert_eq!(publish("https://tuf.example").unwrap().unwrap().as_str(), "https://tuf.example");
        let error = publish("https://tuf.example/").unwrap_err().to_string();
        assert!(error.starts_with("[publish] metadata-url: \"https://tuf.example/\" ends with a slash"), "{error}");
        assert_eq!(policy("").unwrap().metadata_url, None);
    }

    #[test]
    fn a_role_is_trusted_for_what_leads_to_it() {
        let role = |name: &str, by: &str, paths: &str| {
            let terms = "keyholders = [\"a\"]\nthreshold = 1\nlifetime-days = 9\nsigning-window-days = 2";
            format!("[[delegation]]\nname = \"{name}\"\nby = \"{by}\"\npaths = [\"{paths}\"]\n{terms}\n")
        };
        let policy = policy_with("", &(role("team", "targets", "t/*") + &role("sub", "team", "*/a"))).unwrap();
        let trusted = |path| ["targets", "team", "sub"].map(|role| policy.is_trusted(role, path));
        assert_eq!(trusted("t/a"), [true, true, true]);
        assert_eq!(trusted("x/a"), [true, false, false]);
        assert_eq!(trusted("t/b"), [true, true, false]);
        assert!(!policy.is_trusted("root", "a") && !policy.is_trusted("nobody", "a"));
    }

    /// Each role is looked at with all that are above it.
    #[test]
    fn delegations_without_end_are_refused() {
        let role = |name: usize, by: &str| {
            format!(
                "[[delegation]]\nname = \"r{name}\"\nby = \"{by}\"\npaths = [\"a\"]\nkeyholders = [\"a\"]\nthreshold = 1\n\
                 lifetime-days = 9\nsigning-window-days = 2\n"
            )
        };
        let below = |i: usize| role(i, &i.checked_sub(1).map_or("targets".to_string(), |above| format!("r{above}")));
        let chain = |length: usize| policy_with("", &(0..length).map(below).collect::<String>());
        assert!(chain(32).is_ok());
        let error = chain(33).unwrap_err().to_string();
        assert_eq!(error, "role \"r32\" has more than 32 roles above it, and clients look no further");
        let wide = |width: usize| policy_with("", &(0..width).map(|i| role(i, "targets")).collect::<String>());
        assert!(wide(1024).is_ok());
        assert_eq!(
            wide(1025).unwrap_err().to_string(),
            "role \"r1024\" is one too many: 1024 delegated roles are the most"
        );
    }

    #[test]
    fn a_client_that_nobody_knows_is_no_client() {
        assert_eq!(policy("\"tough\", \"python-tuf\"").unwrap().clients.len(), 2);
        let error = policy("\"tough\", \"python_tuf\"").unwrap_err();
        assert!(matches!(&error, PolicyError::Client { name } if name == "python_tuf"));
        assert!(error.to_string().contains("python-tuf"), "{error}");
    }
}
