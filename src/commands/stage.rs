//! `trustroot stage`

mod proposed;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;

use ceremony::finding::Finding;
use ceremony::stage::StagedRole;
use ceremony::{Diff, Digest, Inputs, Json, Policy, Root, Staged, Staging, Time};

use super::accept;
use crate::ceremony_dir::{Ceremony, Outline};
use crate::context::Context;
use crate::disk::{self, Batch, Place};
use crate::error::{Failure, OrFail as _};
use crate::examine::meaning;
use crate::material;
use crate::policy_file::PolicyFile;
use crate::published::{METADATA_LIMIT, Published, PublishedFile};
use crate::records::{self, Keyholders, RecordFile};
use crate::report::{Outcome, Report, object};
use crate::text::{escaped, wrapped};
use crate::ui::Ui;
use crate::wanted::{LEFT_OUT, WantedFiles};
use crate::workdir::Workdir;

pub(crate) use proposed::found;
use proposed::{Proposed, Seen};

/// What is said where nothing would be proposed.
pub(crate) const NOTHING_IS_DUE: &str =
    "nothing is due: what is published is what the policy wants, and no signing window is open";

/// Propose the next root, targets and delegated roles
///
/// Compares the policy, the records and the target files with what is published, and freezes the next version of
/// every role that is due in a new ceremony directory, with copies of all that it was derived from. A role is due when
/// it changed, when its signing window is open, or when its published signatures no longer meet its keys.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  trustroot stage --dry-run            see what would be proposed
  trustroot stage --name 2026-11       freeze it in ceremonies/2026-11
  trustroot stage --only targets       leave the root for another day")]
pub(crate) struct Stage {
    /// Name the ceremony; by default after the month and the first role, such as 2026-11-root-17, or 2026-11-root-17-2
    /// if there was one of that name
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Stage these roles alone, and what their change makes necessary
    #[arg(long, value_name = "ROLE")]
    only: Vec<String>,
    /// The root of another trust root, none of whose keys should be used here; may be given several times
    #[arg(long, value_name = "FILE")]
    other_root: Vec<PathBuf>,
    /// Say what would be staged, and write nothing
    #[arg(long)]
    dry_run: bool,
}

impl Stage {
    pub(crate) fn run(self, context: &Context, _ui: &mut Ui) -> Result<Outcome, Failure> {
        let workdir = &context.workdir;
        if let Some(name) = self.name.as_ref().filter(|name| !disk::is_plain(name)) {
            return Err(Failure::could_not(format!("\"{name}\" cannot name a ceremony"))
                .hint("use letters, digits, and . _ @ + - but not at the start"));
        }
        let lock = workdir.lock()?;
        let proposed = Proposed::derive(context, self.only.into_iter().collect())?;
        let Proposed { published, wanted, base, staged } = &proposed;
        if staged.roles().is_empty() {
            let nothing = Failure::no(NOTHING_IS_DUE).hint("`trustroot status` shows the next deadline");
            return Err(left_out(&wanted.left_out).into_iter().fold(nothing, Failure::and_cause));
        }
        refuse_conflicts(workdir, staged)?;
        let Seen { files: [old_files, new_files], material: [old, new], endings, mut findings } =
            proposed.look(context)?;
        for path in &self.other_root {
            let other = PublishedFile::parse(disk::read(&Place::named(path), METADATA_LIMIT)?);
            let other = Root::of(&other.or_fail(|| format!("{} is no root", path.display()))?.metadata)?;
            findings.extend(ceremony::lint::used_elsewhere(staged.root_view(), &other));
        }
        let (accepted, open) = split(&wanted.inputs.policy, findings, context.now);
        let name = match self.name {
            Some(name) if disk::exists(workdir.ceremony(&name).root())? => {
                return Err(Failure::no(format!("there is a ceremony {name} already"))
                    .hint("give another name with --name, or leave it out: a free one is found then"));
            }
            Some(name) => name,
            None => free_name(workdir, default_name(staged))?,
        };
        let mut plan = Plan::new(name, staged, accepted, open, self.dry_run);
        plan.left_out.clone_from(&wanted.left_out);
        if !plan.open.is_empty() {
            return Err(plan.refusal(context.now));
        }
        if self.dry_run {
            let diff = Diff::of(base, staged, &wanted.inputs.holders)?;
            plan.meaning = diff.roles.iter().map(|role| meaning::role(role, Some(staged.at()))).collect();
            plan.meaning.extend(ceremony::material::diff(&old, &new).iter().map(|file| meaning::file(file, 2)));
            plan.meaning.extend(meaning::endings(&endings, context.now, 2));
        } else {
            let mut batch = Batch::new(&lock, &workdir.ceremonies())?;
            wanted.write(&mut batch)?;
            for (file, content) in published.base_files() {
                batch.create(&format!("base/{file}"), &content.bytes)?;
            }
            // Whoever signs offline sees what changes in the trust material.
            for (side, files) in [("inputs", &new_files), ("base", &old_files)] {
                for (path, bytes) in files {
                    batch.create(&format!("{side}/material/{path}"), bytes)?;
                }
            }
            for (name, bytes) in material::evidence(workdir, &old, &new, &BTreeMap::new())? {
                batch.create(&format!("inputs/evidence/{name}"), &bytes)?;
            }
            for (role, staged) in staged.roles() {
                batch.create(&format!("staged/{role}.json"), &staged.metadata.to_file())?;
            }
            batch.commit_as(&plan.name).or_fail(|| format!("ceremony {} cannot be written", plan.name))?;
        }
        Ok(Outcome::done(plan))
    }
}

/// The wanted state as files.
struct Wanted {
    inputs: Inputs,
    policy: String,
    records: Vec<RecordFile>,
    /// What lies below targets/ and is no target.
    left_out: Vec<String>,
}

impl Wanted {
    fn read(workdir: &Workdir, published: &Published, at: Time, only: BTreeSet<String>) -> Result<Self, Failure> {
        let PolicyFile { policy, text } = PolicyFile::read(workdir)?;
        if let Some(role) = only.iter().find(|role| policy.role(role).is_none()) {
            return Err(Failure::could_not(format!("the policy has no role {role}")));
        }
        let records = records::read(&workdir.keyholders())?;
        let files = records.iter().map(|file| (file.name.as_str(), file.bytes.as_slice()));
        let holders = Keyholders::of_files(&workdir.keyholders(), files)?.holders(&policy, at);
        let WantedFiles { files: targets, left_out } = WantedFiles::read(workdir, &policy, published)?;
        let staging = Staging { at, rules: Staging::RULES, only };
        Ok(Self { inputs: Inputs { policy, holders, targets, staging }, policy: text, records, left_out })
    }

    fn write(&self, batch: &mut Batch) -> Result<(), Failure> {
        batch.create("inputs/policy.toml", self.policy.as_bytes())?;
        batch.create("inputs/staging.json", &self.inputs.staging.to_file())?;
        batch.create("inputs/targets.txt", &self.inputs.targets.to_file())?;
        for file in &self.records {
            batch.create(&format!("inputs/keyholders/{}", file.name), &file.bytes)?;
        }
        Ok(())
    }

    /// The trust material among the wanted target files, by path.
    fn material(&self, workdir: &Workdir) -> Result<BTreeMap<String, Vec<u8>>, Failure> {
        let Inputs { policy, targets, .. } = &self.inputs;
        let files = material::wanted_files(workdir, policy, targets.iter().map(|(path, _)| path))?;
        let same = |(path, bytes): &(&String, &Vec<u8>)| {
            targets.get(path).is_some_and(|wanted| wanted.sha256 == Digest::of(bytes))
        };
        match files.iter().find(|file| !same(file)) {
            Some((path, _)) => Err(Failure::could_not(format!("targets/{path} changed while it was staged"))),
            None => Ok(files),
        }
    }
}

/// That some files below targets/ are no targets, if there are any.
fn left_out(paths: &[String]) -> Option<String> {
    let shown: Vec<String> = paths.iter().take(5).map(|path| format!("targets/{}", escaped(path))).collect();
    let more = paths.len().saturating_sub(shown.len());
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    (!paths.is_empty()).then(|| format!("left out: {}{more}; {LEFT_OUT}", shown.join(", ")))
}

/// Two ceremonies that carry one role would give it one version twice.
fn refuse_conflicts(workdir: &Workdir, staged: &Staged) -> Result<(), Failure> {
    for name in Ceremony::names(workdir)? {
        let other = Outline::read(workdir, &name)?;
        if !other.follows && !other.abandoned {
            return Err(Failure::no(format!("the staged files of ceremony {name} are not what follows its base/"))
                .hint(format!("get an unchanged copy of it; or close it with `trustroot abandon {name}`")));
        }
        let same =
            |(role, staged): &(&String, &StagedRole)| other.staged.get(*role) == Some(&staged.metadata.version());
        let Some((role, staged)) = staged.roles().iter().find(same).filter(|_| !other.abandoned) else { continue };
        let version = staged.metadata.version();
        let signed = Ceremony::load(workdir, &name)?.signatures.len();
        return Err(Failure::no(format!("ceremony {name} is open and carries {role} version {version} already"))
            .and_cause(format!("it holds {signed} signature(s), which a new proposal would make stale"))
            .hint(format!("finish it; or close it with `trustroot abandon {name}`, and stage again")));
    }
    Ok(())
}

/// Accepted findings with the reason, and the others.
pub(crate) fn split(policy: &Policy, findings: Vec<Finding>, now: Time) -> (Vec<(Finding, String)>, Vec<Finding>) {
    let (mut accepted, mut open) = (Vec::new(), Vec::new());
    for finding in findings {
        match policy.accepts(&finding, now) {
            Some(accept) => accepted.push((finding, accept.reason.clone())),
            None => open.push(finding),
        }
    }
    (accepted, open)
}

fn default_name(staged: &Staged) -> String {
    let at = staged.at().to_string();
    let first = ["root", "targets"].into_iter().find(|role| staged.roles().contains_key(*role));
    let first = first.or_else(|| staged.roles().keys().next().map(String::as_str)).unwrap_or("nothing");
    let version = staged.roles().get(first).map_or(0, |role| role.metadata.version());
    format!("{}-{first}-{version}", &at[..7])
}

/// `name`, or else the first of `name-2`, `name-3`, .. that no ceremony has.
fn free_name(workdir: &Workdir, name: String) -> Result<String, Failure> {
    let names = Ceremony::names(workdir)?;
    let all = [name.clone()].into_iter().chain((2_u64..).map(|number| format!("{name}-{number}")));
    Ok(all.into_iter().find(|free| !names.contains(free)).unwrap_or(name))
}

/// What is staged, or would be.
struct Plan {
    name: String,
    roles: Vec<PlannedRole>,
    accepted: Vec<(Finding, String)>,
    open: Vec<Finding>,
    dry_run: bool,
    /// What lies below targets/ and is no target.
    left_out: Vec<String>,
    /// What changes, role by role; told for a dry run, since `review` tells it of what is staged.
    meaning: Vec<String>,
}

struct PlannedRole {
    role: String,
    version: u64,
    replaces: Option<u64>,
    expires: Time,
    reason: String,
    payload: String,
}

impl Plan {
    fn new(name: String, staged: &Staged, accepted: Vec<(Finding, String)>, open: Vec<Finding>, dry_run: bool) -> Self {
        let roles = staged.roles().iter().map(|(role, staged)| PlannedRole {
            role: role.clone(),
            version: staged.metadata.version(),
            replaces: staged.replaces,
            expires: staged.metadata.expires(),
            reason: staged.reason.to_string(),
            payload: staged.payload.digest().to_string(),
        });
        Self { name, roles: roles.collect(), accepted, open, dry_run, left_out: Vec::new(), meaning: Vec::new() }
    }

    fn refusal(&self, now: Time) -> Failure {
        let mut failure = Failure::no(match self.open.len() {
            1 => "a finding stops this proposal".to_owned(),
            several => format!("{several} findings stop this proposal"),
        });
        for finding in &self.open {
            failure = failure.and_cause(format!("{finding}. {}", finding.rule.because()));
        }
        failure.hint(accept::offer(&self.open, now))
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = if self.dry_run { "Would stage" } else { "Staged" };
        writeln!(f, "{verb} ceremonies/{}", escaped(&self.name))?;
        for role in &self.roles {
            let from = role.replaces.map_or_else(String::new, |version| format!("{version} -> "));
            writeln!(f, "  {} version {from}{}: {}", role.role, role.version, role.reason)?;
            writeln!(f, "    expires {}", role.expires)?;
        }
        left_out(&self.left_out).iter().try_for_each(|text| f.write_str(&wrapped(text, 2)))?;
        for role in &self.meaning {
            write!(f, "\n{role}")?;
        }
        for (finding, reason) in &self.accepted {
            f.write_str(&wrapped(&format!("accepted {finding}; reason: {}", escaped(reason)), 2))?;
        }
        if !self.dry_run {
            f.write_str("\nNext: look at it with everybody, then sign.\n")?;
            writeln!(f, "  trustroot review {} --digest", escaped(&self.name))?;
        }
        Ok(())
    }
}

impl Report for Plan {
    fn json(&self) -> Json {
        let roles = self.roles.iter().map(|role| {
            object([
                ("role", Json::string(&role.role)),
                ("version", role.version.into()),
                ("replaces", role.replaces.map_or(Json::Null, Json::from)),
                ("expires", Json::string(role.expires.to_string())),
                ("reason", Json::string(&role.reason)),
                ("payload", Json::string(&role.payload)),
            ])
        });
        let accepted = self.accepted.iter().map(|(finding, reason)| {
            object([
                ("finding", Json::string(finding.rule.name())),
                ("subject", Json::string(&finding.subject)),
                ("what", Json::string(&finding.what)),
                ("reason", Json::string(reason)),
            ])
        });
        object([
            ("ok", Json::Bool(true)),
            ("ceremony", Json::string(&self.name)),
            ("dry-run", Json::Bool(self.dry_run)),
            ("roles", roles.collect()),
            ("accepted", accepted.collect()),
            ("left-out", self.left_out.iter().map(Json::string).collect()),
        ])
    }
}
