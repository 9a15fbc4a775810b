//! `trustroot init`

mod services;
mod template;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use ceremony::material::{FileDiff, Kind, Material, ServiceKind, diff};
use ceremony::{Finding, Json, Object, Policy};
use keyholders::Name;
use keyholders::name::NameError;

use crate::commands::material::change::{answers, stops};
use crate::commands::material::live::Answer;
use crate::context::Context;
use crate::disk::{self, Access, DiskError};
use crate::error::{Failure, OrFail as _};
use crate::examine::meaning;
use crate::material::{self, AsRead, Change};
use crate::report::{Outcome, Report, finding};
use crate::text::{escaped, wrapped};
use crate::ui::Ui;

use services::{Proof, Services};
use template::{Answers, Template};

/// Start a trust root: write a policy that says who signs what
///
/// Asks for what no flag answers. Every line of the policy is explained in it; change it as you like, until the first
/// ceremony is staged nothing follows from it. With `--template sigstore`, also makes the trust material of the services
/// that run already, each of them proven.
#[derive(Debug, clap::Args)]
pub(crate) struct Init {
    /// The name of the trust root, for people
    #[arg(long, value_name = "NAME")]
    name: Option<Title>,
    /// What the policy starts from
    #[arg(long, value_enum, default_value = "plain")]
    template: Template,
    /// Somebody who signs the root and the targets; give it once for each person
    #[arg(long = "keyholder", value_name = "NAME")]
    keyholders: Vec<Name>,
    /// How many of the keyholders must sign
    #[arg(long, value_name = "NUMBER")]
    threshold: Option<u64>,
    /// The name of the online key that signs snapshot and timestamp
    #[arg(long, value_name = "NAME", default_value = "online")]
    online: Name,
    /// Let keyholders sign with keys in files: for rehearsals and for roots with little at stake; by default they may not
    #[arg(long, value_name = "BOOLEAN", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    file_keys: Option<bool>,
    #[command(flatten)]
    services: Services,
}

impl Init {
    /// Asks for what is not given, and writes the policy.
    pub(crate) fn run(self, context: &Context, ui: &mut Ui) -> Result<Outcome, Failure> {
        if self.template != Template::Sigstore && self.services.are_given() {
            return Err(Failure::could_not("services are for the trust material of a Sigstore instance")
                .hint("give --template sigstore with them"));
        }
        let place = context.workdir.policy();
        let taken = || {
            Failure::no(format!("{place} exists already, so there is a trust root here"))
                .hint("edit the policy, or name another directory with -C")
        };
        if disk::exists(&place)? {
            return Err(taken());
        }
        let (answers, services) = self.answers(ui)?;
        let id = random_id()?;
        let text = answers.policy(&id);
        let policy = Policy::parse(&text).or_fail(|| "these answers make no policy")?;
        let instance = match answers.template {
            Template::Plain => None,
            Template::Sigstore => Some(Instance::prove(services, context, &policy, ui)?),
        };
        match disk::create_new(&place, text.as_bytes(), Access::Shared) {
            Err(DiskError::Exists { .. }) => return Err(taken()),
            result => result?,
        }
        if let Some(instance) = &instance {
            instance.write(context).map_err(|failure| {
                let message = format!("{place} is written, and the trust material is not, or not all of it");
                failure
                    .in_context(message)
                    .hint("`trustroot material rotate` adds what `trustroot material show` lacks")
            })?;
        }
        Ok(Outcome::done(Initialised {
            id,
            policy: place.path(),
            keyholders: answers.keyholders,
            online: answers.online,
            instance,
        }))
    }

    fn answers(self, ui: &mut Ui) -> Result<(Answers, Services), Failure> {
        // Who gives all that is needed is asked nothing.
        let asked = self.name.is_none() || self.keyholders.is_empty();
        let name = match self.name {
            Some(name) => name,
            None => ui.value("--name", "Name of the trust root, for people", None)?,
        };
        let online = self.online;
        let people = |names: Names| match names.0.contains(&online) {
            false => Ok(names.0),
            true => {
                let message = format!("{online} cannot be a keyholder and the online key: a person is no robot");
                Err(Failure::could_not(message).hint("give --online NAME"))
            }
        };
        let keyholders = match self.keyholders.is_empty() {
            false => people(Names::new(self.keyholders)?)?,
            true => ui.accepted("--keyholder", "Names of the keyholders, with blanks between them", None, people)?,
        };
        let count = keyholders.len() as u64;
        let can_sign = |threshold: u64| match (1..=count).contains(&threshold) {
            true => Ok(threshold),
            false => {
                let message =
                    format!("{threshold} of {count} keyholders can never sign: the threshold is from 1 to {count}");
                Err(Failure::could_not(message).hint("give --threshold NUMBER"))
            }
        };
        let threshold = match self.threshold {
            Some(threshold) => can_sign(threshold)?,
            None if count == 1 => 1,
            None => {
                let most_of_them = (count / 2 + 1).to_string();
                let number = |text: String| match text.parse() {
                    Ok(threshold) if (1..=count).contains(&threshold) => Ok(threshold),
                    _ => Err(Failure::could_not(format!("it is a number from 1 to {count}"))),
                };
                if count == 2 {
                    ui.say(
                        "Of two, either one alone is enough, or one lost key ends the trust root: staging stops there \
                         until the policy accepts it. Three keyholders, two of whom must sign, are free of both.",
                    );
                }
                ui.accepted("--threshold", &format!("How many of the {count} must sign"), Some(&most_of_them), number)?
            }
        };
        let file_keys = match self.file_keys {
            Some(allowed) => allowed,
            None if asked && ui.has_terminal() => {
                ui.say("A key in a file can be copied unnoticed: files are for rehearsals, and for little at stake.");
                ui.confirm("--file-keys=BOOLEAN", "May keyholders sign with keys in files?", Some(false))?
            }
            None => false,
        };
        let template = self.template;
        Ok((Answers { name: name.0, template, keyholders, threshold, online, file_keys }, self.services))
    }
}

/// The name of a trust root: one line of text.
#[derive(Clone, Debug)]
pub(crate) struct Title(String);

#[derive(Debug, thiserror::Error)]
#[error("the name of a trust root is one line of text")]
pub(crate) struct TitleError;

impl From<Title> for String {
    fn from(title: Title) -> Self {
        title.0
    }
}

impl FromStr for Title {
    type Err = TitleError;

    fn from_str(text: &str) -> Result<Self, TitleError> {
        match text.trim().is_empty() || text.chars().any(char::is_control) {
            true => Err(TitleError),
            false => Ok(Self(text.to_owned())),
        }
    }
}

/// Different names of keyholders, at least one.
#[derive(Clone, Debug)]
struct Names(Vec<Name>);

#[derive(Debug, thiserror::Error)]
enum NamesError {
    #[error("there is no name")]
    None,
    #[error("{0} is named twice")]
    Twice(Name),
    #[error(transparent)]
    Name(#[from] NameError),
}

impl Names {
    fn new(names: Vec<Name>) -> Result<Self, NamesError> {
        let mut seen = BTreeSet::new();
        match names.iter().find(|name| !seen.insert(*name)) {
            Some(twice) => Err(NamesError::Twice(twice.clone())),
            None if names.is_empty() => Err(NamesError::None),
            None => Ok(Self(names)),
        }
    }
}

impl FromStr for Names {
    type Err = NamesError;

    fn from_str(text: &str) -> Result<Self, NamesError> {
        let words = text.split([' ', ',']).filter(|word| !word.is_empty());
        Self::new(words.map(Name::new).collect::<Result<_, _>>()?)
    }
}

/// The trust material of a Sigstore instance.
struct Instance {
    before: Material,
    proof: Proof,
    files: Vec<FileDiff>,
    findings: Vec<Finding>,
}

impl Instance {
    fn prove(services: Services, context: &Context, policy: &Policy, ui: &mut Ui) -> Result<Self, Failure> {
        let before = material::wanted(&context.workdir, policy)?;
        let proof = services.prove(context, policy, before.clone(), ui)?;
        let files = diff(&before, &proof.material);
        let findings = if files.is_empty() {
            Vec::new()
        } else {
            material::judge_step(&Material::default(), &proof.material, &[], policy, context.now)
        };
        Ok(Self { before, proof, files, findings })
    }

    /// Writes the material, beside the policy that is there by now.
    fn write(&self, context: &Context) -> Result<(), Failure> {
        let read = AsRead::read(&context.workdir)?.0;
        let change =
            Change { evidence: &BTreeMap::new(), kept: &[], before: &self.before, after: &self.proof.material };
        change.write(&context.workdir, &read).map(drop)
    }

    /// The commands that add what there is nothing of yet.
    fn next(&self) -> Vec<&'static str> {
        let root = self.proof.material.trusted_root.as_ref();
        let lacks = |kind: Kind| root.is_none_or(|root| root.of_kind(kind).next().is_none());
        let config = self.proof.material.signing_config();
        let oidc = config.is_some_and(|config| config.of_kind(ServiceKind::Oidc).next().is_some());
        let of_kind = Kind::ALL.iter().filter(|kind| lacks(**kind)).map(|kind| match (kind, cfg!(feature = "net")) {
            (Kind::Fulcio, true) => "trustroot material rotate fulcio --from URL",
            (Kind::Fulcio, false) => "trustroot material rotate fulcio --url URL --chain FILE",
            (Kind::Rekor, true) => "trustroot material rotate rekor --from URL",
            (Kind::Rekor, false) => "trustroot material rotate rekor --url URL --key FILE --checkpoint FILE",
            (Kind::CtLog, true) => "trustroot material rotate ctlog --from URL --key FILE",
            (Kind::CtLog, false) => "trustroot material rotate ctlog --url URL --key FILE --tree-head FILE",
            (Kind::Tsa, true) => "trustroot material rotate tsa --from URL",
            (Kind::Tsa, false) => "trustroot material rotate tsa --url URL --chain FILE",
        });
        of_kind.chain((!oidc).then_some("trustroot material service add oidc URL")).collect()
    }
}

/// What `init` did.
struct Initialised {
    id: String,
    policy: PathBuf,
    keyholders: Vec<Name>,
    online: Name,
    instance: Option<Instance>,
}

impl fmt::Display for Initialised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let policy = self.policy.to_string_lossy();
        f.write_str(&wrapped(&format!("Wrote {}: trust root {}", escaped(&policy), self.id), 0))?;
        if let Some(instance) = &self.instance {
            answers(&instance.proof.answers, f)?;
            for proof in &instance.proof.proofs {
                f.write_str(&wrapped(&format!("Proof of {proof}."), 0))?;
            }
            instance.files.iter().try_for_each(|file| f.write_str(&meaning::file(file, 0)))?;
            f.write_str(&stops(&instance.findings))?;
            let next = instance.next();
            if !next.is_empty() {
                f.write_str("\nNext: name the services that are not in the trust material yet.\n")?;
                next.iter().try_for_each(|command| writeln!(f, "  {command}"))?;
            }
            f.write_str("\n")?;
        }
        let who = self.keyholders.iter().map(Name::as_str).collect::<Vec<_>>().join(", ");
        let files = if self.instance.is_some() { "other target files" } else { "target files" };
        let next = format!(
            "Next: read the policy, put {files} below targets/, and enroll a key for each of {who} and for {} \
             (trustroot keyholder enroll).",
            self.online
        );
        f.write_str(&wrapped(&next, 0))
    }
}

impl Report for Initialised {
    fn json(&self) -> Json {
        let mut object = Object::new();
        object.insert("ok", Json::Bool(true));
        object.insert("id", Json::string(&self.id));
        object.insert("policy", Json::string(self.policy.to_string_lossy()));
        if let Some(instance) = &self.instance {
            object.insert("answers", instance.proof.answers.iter().map(Answer::json).collect());
            object.insert("proofs", instance.proof.proofs.iter().map(Json::string).collect());
            object.insert("files", instance.files.iter().map(FileDiff::json).collect());
            object.insert("findings", instance.findings.iter().map(finding).collect());
            object.insert("next", instance.next().into_iter().map(Json::string).collect());
        }
        Json::Object(object)
    }
}

/// 128 bits that no other trust root has.
pub(crate) fn random_id() -> Result<String, Failure> {
    let mut bytes = [0; 16];
    match getrandom::fill(&mut bytes) {
        Ok(()) => Ok(hex::encode(bytes)),
        Err(error) => Err(Failure::could_not(format!("the operating system gives no random numbers: {error}"))),
    }
}
