//! What is wrong with an adopted repository, past and present, and the accepts that let it go on.

use std::collections::BTreeSet;

use ceremony::history::History;
use ceremony::stage::Reason;
use ceremony::{Base, Days, Finding, Inputs, Kind, Policy, Rule, Staging, TargetList, Time, lint, stage};

use crate::adopt::holding::Holding;
use crate::adopt::policy;
use crate::adopt::state::State;
use crate::error::{Failure, OrFail as _};
use crate::published::PublishedFile;
use crate::records::Keyholders;

/// How long findings of the past are accepted.
const ACCEPTED: Days = Days(365);

/// What was found.
pub(crate) struct Found {
    /// Sorted, each once, and whether it is accepted.
    pub(crate) findings: Vec<(Finding, bool)>,
    /// The end of the policy: an `[[accept]]` for each that is accepted.
    pub(crate) accepts: String,
    /// What would be staged now.
    pub(crate) due: Vec<(String, Reason)>,
}

impl Found {
    /// Looks at every root, at the files in use, at what would be staged now, and at what would be if everything were
    /// due: so nothing stops the first proposals but what changes until then.
    ///
    /// `text` is the policy so far, `wanted` the target files of our own roles.
    pub(crate) fn new(
        text: &str,
        roots: &[PublishedFile],
        history: &History,
        state: &State,
        holding: &Holding<'_>,
        wanted: &TargetList,
        now: Time,
    ) -> Result<Self, Failure> {
        let policy = Policy::parse(text)?;
        let mut past = BTreeSet::new();
        let older = roots.len() - history.steps.len();
        for file in roots.iter().take(older) {
            past.extend(lint::root(&file.metadata, &policy.clients)?);
        }
        past.extend(history.steps.iter().flat_map(|step| step.findings.iter().cloned()));
        for role in state.published() {
            let Some((file, tally)) = &role.file else { continue };
            let kind = file.metadata.kind();
            past.extend(match kind {
                Kind::Targets => lint::targets(&role.name, &file.metadata)?,
                _ => lint::file(&role.name, &file.metadata),
            });
            past.extend(lint::invalid(&role.name, &file.metadata, &[tally]));
            past.extend(lint::size(&role.name, kind, file.bytes.len() as u64));
        }

        let base = Base {
            roots: roots.iter().map(|file| file.metadata.clone()).collect(),
            roles: state.roles.iter().filter_map(|role| Some((role.name.clone(), role.metadata()?.clone()))).collect(),
            snapshot: state.snapshot.metadata().cloned(),
            timestamp: state.timestamp.metadata().cloned(),
        };
        let keyholders = Keyholders { roster: holding.roster.clone(), ..Keyholders::default() };
        let holders = keyholders.holders(&policy, now);
        let staging = Staging { at: now, rules: Staging::RULES, only: BTreeSet::new() };
        let mut inputs = Inputs { policy, holders, targets: wanted.clone(), staging };
        let staged = stage(&inputs, &base).or_fail(|| "nothing could be staged on what is published")?;
        let due = staged.roles().iter().map(|(name, role)| (name.clone(), role.reason)).collect();
        let mut coming: BTreeSet<Finding> = lint::proposal(&inputs, &base, &staged)?.into_iter().collect();
        for role in inputs.policy.roles.values_mut() {
            role.window = Days(u32::MAX);
        }
        coming.extend(lint::proposal(&inputs, &base, &stage(&inputs, &base)?)?);

        let until = now.plus(ACCEPTED).ok_or_else(|| Failure::could_not(format!("nothing comes after {now}")))?;
        let mut accepts = String::new();
        let mut accepted = BTreeSet::new();
        let past_alone = past.iter().filter(|finding| is_of_the_past(finding.rule)).map(|finding| (finding, PAST));
        for (finding, reason) in past_alone.chain(coming.iter().map(|finding| (finding, PRESENT))) {
            if !accepted.insert((finding.rule, &finding.subject)) {
                continue;
            }
            let reason = if finding.rule == Rule::PossessionUnproven { UNPROVEN } else { reason };
            accepts.push_str(&policy::accept(finding, reason, until));
        }
        if !accepts.is_empty() {
            accepts.insert_str(0, policy::ACCEPTS);
        }
        let policy = Policy::parse(&format!("{text}{accepts}")).or_fail(|| "the findings cannot be accepted")?;
        if let Some(finding) = coming.iter().find(|finding| policy.accepts(finding, now).is_none()) {
            return Err(Failure::could_not(format!("the finding {finding} cannot be accepted in a policy")));
        }
        let is_accepted = |finding: &Finding| policy.accepts(finding, now).is_some();
        let findings = past.union(&coming).map(|finding| (finding.clone(), is_accepted(finding))).collect();
        Ok(Self { findings, accepts, due })
    }
}

const PAST: &str = "published before the adoption";
const PRESENT: &str = "as it was before the adoption";
const UNPROVEN: &str = "in use before the adoption; enroll the key again to prove possession";

/// Whether to accept one such finding in what was published accepts none in what will be: its subject is one version of
/// one file, or one key id.
fn is_of_the_past(rule: Rule) -> bool {
    matches!(rule.subject(), "ROLE VERSION" | "the key id")
}
