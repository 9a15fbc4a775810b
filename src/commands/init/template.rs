//! The policies that `init` starts from.

use keyholders::Name;
use toml_edit::Value;

use crate::policy_file::PREAMBLE;

/// What a policy starts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Template {
    /// Any files as targets
    Plain,
    /// The trust material of a Sigstore instance
    Sigstore,
}

/// What fills a template.
#[derive(Debug)]
pub(super) struct Answers {
    pub(super) name: String,
    pub(super) template: Template,
    pub(super) keyholders: Vec<Name>,
    pub(super) threshold: u64,
    pub(super) online: Name,
    pub(super) file_keys: bool,
}

impl Answers {
    /// The policy of the trust root `id`, as text.
    pub(super) fn policy(&self, id: &str) -> String {
        let text = [HEAD, PREAMBLE, ROLES, self.template.tail(), TAIL].concat();
        let names = self.keyholders.iter().map(|name| string(name.as_str())).collect::<Vec<_>>().join(", ");
        let (root, targets) = match self.template {
            Template::Plain => ("365", "365"),
            Template::Sigstore => ("182", "182"),
        };
        // The name comes last: it may have braces.
        text.replace("{id}", &string(id))
            .replace("{keyholders}", &names)
            .replace("{threshold}", &self.threshold.to_string())
            .replace("{online}", &string(self.online.as_str()))
            .replace("{file-keys}", if self.file_keys { "true" } else { "false" })
            .replace("{root-days}", root)
            .replace("{targets-days}", targets)
            .replace("{name}", &string(&self.name))
    }
}

impl Template {
    fn tail(self) -> &'static str {
        match self {
            Self::Plain => PLAIN,
            Self::Sigstore => SIGSTORE,
        }
    }
}

/// `text` as a TOML string.
fn string(text: &str) -> String {
    Value::from(text).to_string()
}

const HEAD: &str = "# The policy of a trust root: the wanted state, reviewed like code. Change it,
# then `trustroot stage` proposes the next version of what the change touches.
";

const ROLES: &str = r#"
# Who can change everything, this list included. Clients start from the root.
[roles.root]
# The people who sign, by the names of their records in keyholders/.
keyholders = [{keyholders}]
# How many of them must sign. One person alone should never be enough, and one
# lost key should never be too many.
threshold = {threshold}
# Days from staging to expiry. Clients that are kept from updates trust a root
# for that long.
lifetime-days = {root-days}
# Days before expiry from which the next version is due: the time to hold a
# ceremony.
signing-window-days = 60

# Who says which target files are right.
[roles.targets]
keyholders = [{keyholders}]
threshold = {threshold}
lifetime-days = {targets-days}
signing-window-days = 60

# The snapshot says which versions belong together. An online key signs it with
# every publication.
[roles.snapshot]
# The online key, by the name of its record in keyholders/; or instead of the
# list the word "external", if somebody else makes this role.
online = [{online}]
lifetime-days = 21
signing-window-days = 14

# The timestamp says that this is still the newest state. `trustroot renew`
# signs it unattended, when it is due.
[roles.timestamp]
online = [{online}]
# Short: this is how long a client can be held at an old state.
lifetime-days = 7
signing-window-days = 4
"#;

const PLAIN: &str = r#"
# A delegated role: other people sign some of the targets. Clients ask delegated
# roles in the order of this file.
# [[delegation]]
# name = "team"                  # a plain file name
# by = "targets"                 # who delegates: targets, or a delegated role
# paths = ["team/*"]             # which targets; `*` is anything but a slash
# terminating = true             # clients ask no later role for these
# keyholders = ["dave", "erin"]  # or online = ["robot"]
# threshold = 2
# lifetime-days = 90
# signing-window-days = 30

# What is said of one target file, by its path below targets/.
# [targets."team/manifest.json"]
# role = "team"                  # by default the first that is trusted for it
# custom = { channel = "stable" } # goes into the metadata as it is
"#;

const SIGSTORE: &str = r#"
# The targets of a Sigstore instance: these files below targets/, under exactly
# these names. Clients take their whole trust from them.
#   trusted_root.json          certificate authorities, transparency logs and
#                              timestamp authorities, with the times from and
#                              until when each is trusted: entries end, they
#                              never vanish
#   signing_config.v0.2.json   which services clients that sign use now
# What an old client looks for besides is said in `custom`, for example:
# [targets."rekor.pub"]
# custom = { sigstore = { status = "Active", uri = "https://rekor.example.com", usage = "Rekor" } }

# A delegated role: a registry's attestation keys, signed by the registry's own
# people.
# [[delegation]]
# name = "registry.example.com"
# paths = ["registry.example.com/*"]
# terminating = true
# keyholders = ["frank"]
# threshold = 1
# lifetime-days = 365
# signing-window-days = 60
"#;

const TAIL: &str = r#"
# A finding that is known and accepted, instead of a way around it. Every signer
# is shown it.
# [[accept]]
# finding = "target-changed"     # its name, as `trustroot stage` shows it
# subject = "rekor.pub 6c80d8d3ffdb1f2e"    # exactly what it is about, as shown
# reason = "the log moved to a new key; the old one is in trusted_root.json"
# until = "2027-01-01T00:00:00Z"
"#;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use ceremony::Policy;

    use super::*;
    use crate::text::COLUMNS;

    fn answers(template: Template) -> Answers {
        Answers {
            name: "a \"name\"\\ {threshold} '''".to_owned(),
            template,
            keyholders: ["alice", "bob", "carol"].map(|name| Name::new(name).unwrap()).to_vec(),
            threshold: 2,
            online: Name::new("robot").unwrap(),
            file_keys: false,
        }
    }

    #[test]
    fn templates_are_policies() {
        for template in [Template::Plain, Template::Sigstore] {
            let policy = Policy::parse(&answers(template).policy("0123456789abcdef")).unwrap();
            assert_eq!(policy.name, answers(template).name);
            assert_eq!(policy.role("root").unwrap().threshold, 2);
            assert_eq!(policy.role("targets").unwrap().signers.names(), ["alice", "bob", "carol"]);
            assert_eq!(policy.role("timestamp").unwrap().signers.names(), ["robot"]);
        }
    }

    #[test]
    fn what_is_commented_out_works_when_it_is_not() {
        for template in [Template::Plain, Template::Sigstore] {
            let text = answers(template).policy("0123456789abcdef");
            let is_toml =
                |line: &str| line.starts_with('[') || line.split_once(" = ").is_some_and(|(key, _)| !key.contains(' '));
            let mut in_example = false;
            let lines = text.lines().map(|line| {
                let bare = line.strip_prefix("# ").unwrap_or(line);
                in_example = (in_example || bare.starts_with('[')) && !line.is_empty();
                if line.starts_with("# ") && in_example && is_toml(bare) { bare } else { line }
            });
            let policy = Policy::parse(&lines.collect::<Vec<_>>().join("\n")).unwrap();
            assert_eq!((policy.accept.len(), policy.targets.len(), policy.roles.len()), (1, 1, 5));
        }
    }

    #[test]
    fn what_a_person_reads_fits_a_terminal() {
        for template in [Template::Plain, Template::Sigstore] {
            let text = answers(template).policy("0123456789abcdef");
            let said = |line: &&str| line.starts_with('#') && !line.contains(" = {");
            let long: Vec<&str> = text.lines().filter(said).filter(|line| line.len() > COLUMNS).collect();
            assert!(long.is_empty(), "{long:#?}");
        }
    }
}
