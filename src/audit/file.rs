//! One metadata file, finished or partly signed.

use ceremony::tally::{Rejection, rejected};
use ceremony::{Digest, Finding, KeyId, KeySet, Kind, Metadata, Root, Tally, Targets, Time, lint, tally};

use super::{Problem, unmet};
use crate::error::Failure;

/// What one metadata file is judged by.
pub(crate) struct Question<'a> {
    /// The file.
    pub(crate) file: &'a Metadata,
    /// The file as it was read.
    pub(crate) bytes: &'a [u8],
    /// The root to judge it by: for a root the one before it, which only a first root has not.
    pub(crate) root: Option<&'a Metadata>,
    /// The delegated role that the file is said to be.
    pub(crate) role: Option<&'a str>,
    /// The targets files from the top-level one to the one that delegates to the role.
    pub(crate) delegators: &'a [Metadata],
    /// The present time.
    pub(crate) now: Time,
}

/// The answer.
pub(crate) struct Judgement {
    pub(crate) role: String,
    pub(crate) version: u64,
    pub(crate) expires: Time,
    /// Whether that is over. For a root it is no problem: clients walk through expired ones, and judge the last alone.
    pub(crate) expired: bool,
    /// Of the whole file.
    pub(crate) sha256: Digest,
    pub(crate) outgoing: Option<Tally>,
    pub(crate) incoming: Tally,
    pub(crate) rejected: Vec<(KeyId, Rejection)>,
    pub(crate) problems: Vec<Problem>,
    pub(crate) findings: Vec<Finding>,
}

impl Judgement {
    /// Judges a metadata file by TUF's rules, thresholds counted by distinct public keys.
    ///
    /// # Errors
    /// If what it is to be judged by is absent, or is not what it has to be.
    pub(crate) fn of(question: &Question<'_>) -> Result<Self, Failure> {
        match question.file.kind() {
            Kind::Root => root(question),
            _ => other(question),
        }
    }

    /// Whether clients take the file; a root that has expired they take on the way to a later one.
    pub(crate) fn ok(&self) -> bool {
        self.problems.is_empty()
    }

    fn new(question: &Question<'_>, role: &str, outgoing: Option<&KeySet>, incoming: &KeySet) -> Self {
        let file = question.file;
        let payload = file.payload();
        let count = |keys: &KeySet| tally(&payload, &file.signatures, keys);
        let (outgoing, incoming) = (outgoing.map(count), count(incoming));
        let tallies: Vec<&Tally> = outgoing.iter().chain([&incoming]).collect();
        let rejected = rejected(&file.signatures, &tallies);
        let mut findings: Vec<Finding> = lint::invalid(role, file, &tallies).into_iter().collect();
        findings.extend(lint::size(role, file.kind(), question.bytes.len() as u64));
        let lifetime = lint::lifetime(role, file.kind(), question.now, file.expires());
        findings.extend(lifetime.filter(|finding| finding.rule == ceremony::Rule::ExpiryTooLong));
        let (version, expires) = (file.version(), file.expires());
        let (role, sha256, problems) = (role.to_owned(), Digest::of(question.bytes), Vec::new());
        let expired = question.now >= expires;
        let mut judgement =
            Self { role, version, expires, expired, sha256, outgoing, incoming, rejected, problems, findings };
        let before = judgement.outgoing.as_ref().and_then(|tally| unmet(tally, "the keys of the root before it"));
        before.into_iter().for_each(|what| judgement.problem(what));
        let whose = if judgement.role == "root" { "its own keys" } else { "the keys that its delegator names" };
        unmet(&judgement.incoming, whose).into_iter().for_each(|what| judgement.problem(what));
        if expired && file.kind() != Kind::Root {
            judgement.problem(super::expired(file));
        }
        judgement
    }

    fn problem(&mut self, what: String) {
        self.problems.push(Problem::new(format!("{} {}", self.role, self.version), what));
    }
}

fn root(question: &Question<'_>) -> Result<Judgement, Failure> {
    if question.role.is_some_and(|role| role != "root") || !question.delegators.is_empty() {
        return Err(
            Failure::could_not("this is a root, which nobody delegates to").hint("leave out --role and --delegator")
        );
    }
    let view = Root::of(question.file)?;
    let before = question.root.map(Root::of).transpose()?;
    let mut judgement = Judgement::new(question, "root", before.as_ref().map(Root::own), view.own());
    judgement.findings.extend(lint::root(question.file, &[])?);
    for role in ["root", "targets"] {
        judgement.findings.extend(view.role(role).and_then(|keys| lint::alone(role, keys, &[])));
    }
    if let (Some(before), Some(file)) = (&before, question.root) {
        judgement.findings.extend(lint::root_step(before, &view));
        judgement.findings.extend(lint::one_version_two_files("root", file, question.file));
        if before.version.checked_add(1) != Some(view.version) {
            let wanted = before.version.saturating_add(1);
            judgement.problem(format!("after root {} comes root {wanted} and no other", before.version));
        }
    }
    Ok(judgement)
}

fn other(question: &Question<'_>) -> Result<Judgement, Failure> {
    let Some(root) = question.root else {
        let kind = question.file.kind();
        return Err(Failure::could_not(format!("{kind} metadata is judged by the root that delegates to it"))
            .hint("give that root: --root FILE"));
    };
    let root = Root::of(root)?;
    let kind = question.file.kind();
    let delegated = question.role.filter(|role| !Root::ROLES.contains(role));
    let mut judgement = match delegated {
        Some(role) => delegated_role(question, &root, role)?,
        None => {
            let role = kind.as_str();
            if question.role.is_some_and(|wanted| wanted != role) {
                return Err(Failure::could_not(format!("this is {kind} metadata")).hint("leave out --role"));
            }
            if !question.delegators.is_empty() {
                return Err(Failure::could_not("the root delegates to this role").hint("leave out --delegator"));
            }
            let keys = root.role(role).expect("a root has every top-level role");
            Judgement::new(question, role, None, keys)
        }
    };
    let role = judgement.role.clone();
    judgement.findings.extend(match kind {
        Kind::Targets => lint::targets(&role, question.file)?,
        _ => lint::file(&role, question.file),
    });
    Ok(judgement)
}

/// A delegated role: its delegators are verified from the root on, each by the one before it.
fn delegated_role(question: &Question<'_>, root: &Root, role: &str) -> Result<Judgement, Failure> {
    if question.file.kind() != Kind::Targets {
        return Err(Failure::could_not(format!(
            "this is {} metadata, not that of a delegated role",
            question.file.kind()
        )));
    }
    let mut keys = vec![root.role("targets").expect("a root has every top-level role").clone()];
    let mut unsigned = None;
    let mut last = None;
    for (i, delegator) in question.delegators.iter().enumerate() {
        let view = Targets::of(delegator)?;
        // A targets file does not say which role it is: it is one that its keys may sign.
        let payload = delegator.payload();
        let met = keys.iter().any(|keys| tally(&payload, &delegator.signatures, keys).met());
        if !met && unsigned.is_none() {
            unsigned = Some(i + 1);
        }
        keys = view.delegations.iter().map(|delegation| delegation.keys.clone()).collect();
        last = Some(view);
    }
    let Some(last) = last else {
        return Err(Failure::could_not(format!("{role} is judged by the targets file that delegates to it"))
            .hint("give that file: --delegator FILE; before it those that lead to it, from the top-level one on"));
    };
    let delegation = last.delegation(role);
    let delegation = delegation.ok_or_else(|| Failure::no(format!("the delegator does not delegate to {role}")))?;
    let mut judgement = Judgement::new(question, role, None, &delegation.keys);
    judgement.findings.extend(lint::alone(role, &delegation.keys, &[]));
    if let Some(number) = unsigned {
        judgement.problem(format!("delegator {number} is not signed by the keys that may"));
    }
    Ok(judgement)
}
