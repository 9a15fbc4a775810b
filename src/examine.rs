//! What a keyholder looks at before they sign: from the root that they trust, through what is published, to the
//! proposal. `review` and `sign` both come through here.

pub(crate) mod meaning;
mod report;
mod trusted;

use std::collections::BTreeSet;
use std::path::Path;

use ceremony::history::Step;
use ceremony::material::{Ending, FileDiff, Material, Timeline};
use ceremony::policy::Accept;
use ceremony::{
    Base, Days, Diff, Finding, Fingerprint, Kind, Meta, Metadata, RoleDiff, Root, Rule, Staged, Targets, Time, tally,
};

use crate::ceremony_dir::{self, Abandoned, Ceremony, Derivation};
use crate::context::Context;
use crate::error::{Failure, OrFail as _};
use crate::material;
use crate::published::Published;
use crate::standing::{self, RoleStanding};
use crate::ui::Ui;

pub(crate) use meaning::and;
pub(crate) use trusted::{Trusted, TrustedBy, lead_on};

/// A proposal that leads on from a root that the keyholder trusts, and that its inputs give byte for byte.
///
/// Only [`examine`] makes one. Whether it should be signed is another question: [`fit_to_sign`](Self::fit_to_sign).
pub(crate) struct Examined {
    ceremony: String,
    trust_root: (String, String),
    /// None for the first root of all.
    trusted: Option<Trusted>,
    /// The bytes of the latest published root, which the trusted one leads to.
    latest: Option<Vec<u8>>,
    /// The trusted root, and the roots that came after it and are published already.
    chain: Vec<Step>,
    staged: Staged,
    /// What changes in the trust material, file by file.
    material: Vec<FileDiff>,
    /// What of it ends, and what shows that it does not end too early.
    endings: Vec<Ending>,
    /// When what of it is valid, once this is published.
    timeline: Timeline,
    /// When it was examined.
    now: Time,
    /// How long clients may go on with the timestamp that they have, where there is one.
    timestamps: Option<Days>,
    /// Trust material whose content the ceremony does not carry.
    unseen: Vec<String>,
    /// Published files that the latest root does not vouch for: the role, and the older root that does.
    outdated: Vec<(String, u64)>,
    open: Vec<Finding>,
    accepted: Vec<(Finding, Accept)>,
    /// What the policy accepts should it be found, now or when this is published.
    beforehand: Vec<Accept>,
    signers: Vec<RoleStanding>,
    /// Names that nothing but a record gives to a key.
    unproven: BTreeSet<String>,
    abandoned: Option<Abandoned>,
}

/// Checks that `ceremony` leads on from the root in the file `root`, or else from the one that this machine trusts, or
/// that the person names; and that it is what its inputs give.
///
/// # Errors
/// If it is not; or if that could not be checked, because no root is trusted here, or by the rules of the proposal.
pub(crate) fn examine(
    context: &Context,
    ceremony: &Ceremony,
    root: Option<&Path>,
    ui: &mut Ui,
) -> Result<Examined, Failure> {
    let policy = &ceremony.inputs.policy;
    let (trusted, chain) = trusted::walk(context, ceremony, root, ui)?;
    let outdated = vouch(&ceremony.base, &chain)?;
    let staged = match ceremony.derive()? {
        Derivation::Same(staged) => *staged,
        Derivation::Differs(files) => {
            let message = format!("the proposal is not what its inputs give; different: {}", files.join(", "));
            return Err(Failure::no(message)
                .hint("do not sign: files were changed after staging; ask the coordinator to stage again"));
        }
        Derivation::Cannot(error) => {
            return Err(Failure::from(error)
                .in_context("whether the proposal is what its inputs give cannot be found out")
                .hint("use the version of this program that staged it"));
        }
    };
    let step = ceremony.material(&staged)?;
    // What only an older root vouches for hides nothing: the proposal is told as if nothing had been there.
    let hidden = outdated.iter().any(|(role, _)| role == "targets");
    let known = if hidden { Material::default() } else { step.before.clone() };
    let (mut open, mut accepted) = (Vec::new(), Vec::new());
    let mut found = findings(ceremony, &staged, &step)?;
    // What was far enough away when this was staged may have come too near: it is judged for today.
    found.retain(|finding| finding.rule != Rule::StartTooSoon);
    found.extend(material::too_soon(&step.before, &step.after, policy, context.now.max(staged.at())));
    for finding in found {
        match policy.accepts(&finding, context.now) {
            Some(accept) => accepted.push((finding, accept.clone())),
            None => open.push(finding),
        }
    }
    let used = |accept: &Accept| accepted.iter().any(|(_, other)| other == accept);
    let beforehand = policy.accept.iter().filter(|accept| context.now < accept.until && !used(accept)).cloned();
    Ok(Examined {
        beforehand: beforehand.collect(),
        ceremony: ceremony.name.clone(),
        trust_root: (policy.id.clone(), policy.name.clone()),
        trusted,
        latest: chain.last().and_then(|step| trusted::base_root(ceremony, step.root.version)).map(<[u8]>::to_vec),
        chain,
        material: ceremony::material::diff(&known, &step.after),
        timeline: Timeline::of(&step.after),
        endings: step.endings,
        now: context.now.max(staged.at()),
        timestamps: policy.role("timestamp").filter(|_| ceremony.base.timestamp.is_some()).map(|role| role.lifetime),
        unseen: step.missing,
        outdated,
        open,
        accepted,
        signers: standing::roles(ceremony, &staged, &Published::default())?,
        unproven: unproven(ceremony, &staged),
        staged,
        abandoned: ceremony.abandoned.clone(),
    })
}

/// Everything that is found on a proposal by its inputs, accepted or not. `step` is the material that it carries.
///
/// # Errors
/// If the metadata is not what it has to be.
pub(crate) fn findings(
    ceremony: &Ceremony,
    staged: &Staged,
    step: &ceremony_dir::Step,
) -> Result<Vec<Finding>, Failure> {
    let mut findings = ceremony::lint::proposal(&ceremony.inputs, &ceremony.base, staged)?;
    // Whether outgoing keys must sign was settled when this was staged; whether that is still accepted is not.
    if staged.emergency() && staged.outgoing_root().is_some() {
        let detail = "an emergency was declared when this was staged: the outgoing keys need not sign";
        findings.push(Finding::new(Rule::ClientsBreak, format!("root {}", staged.root().version()), detail));
    }
    let policy = &ceremony.inputs.policy;
    findings.extend(material::judge_step(&step.before, &step.after, &step.endings, policy, staged.at()));
    Ok(findings)
}

/// A proposal with the meaning of what it changes, for a person to read.
pub(crate) struct Told {
    pub(crate) examined: Examined,
    /// What the roots changed that came after the trusted one and are published already.
    since: Vec<RoleDiff>,
    diff: Diff,
}

impl Examined {
    /// Finds out what it means. `ceremony` is what was examined.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub(crate) fn tell(self, ceremony: &Ceremony) -> Result<Told, Failure> {
        let holders = &ceremony.inputs.holders;
        // What only an older root vouches for hides nothing: the proposal is told as if nothing had been there.
        let mut base: Base = ceremony.base.clone();
        base.roles.retain(|role, _| self.outdated.iter().all(|(other, _)| other != role));
        let diff = Diff::of(&base, &self.staged, holders)?;
        let steps = self.chain.windows(2);
        let since = steps.map(|pair| RoleDiff::of("root", Some(&pair[0].metadata), &pair[1].metadata, holders));
        Ok(Told { since: since.collect::<Result<_, _>>()?, diff, examined: self })
    }

    /// The proposal.
    pub(crate) fn staged(&self) -> &Staged {
        &self.staged
    }

    /// Whether anything speaks against a signature: the ceremony was closed, or has findings that nobody accepted.
    ///
    /// # Errors
    /// If so, with what.
    pub(crate) fn fit_to_sign(&self) -> Result<(), Failure> {
        self.fit(self.open.iter().collect())
    }

    /// Whether anything speaks against going on with a publication that was interrupted: what starts too soon by now
    /// did not when it began, and half of it helps nobody.
    ///
    /// # Errors
    /// If so, with what.
    pub(crate) fn fit_to_resume(&self) -> Result<(), Failure> {
        self.fit(self.open.iter().filter(|finding| finding.rule != Rule::StartTooSoon).collect())
    }

    fn fit(&self, open: Vec<&Finding>) -> Result<(), Failure> {
        if let Some(abandoned) = &self.abandoned {
            return Err(abandoned.refusal(&self.ceremony));
        }
        if open.is_empty() {
            return Ok(());
        }
        let message = format!("the policy does not accept, or no longer, what is found: {}", count(&open));
        let failure = open.iter().fold(Failure::no(message), |f, finding| f.and_cause(finding.to_string()));
        let failure =
            failure.hint("do not sign; the coordinator stages again, with it mended or accepted for all to see");
        Err(match open.iter().any(|finding| finding.rule == Rule::StartTooSoon) {
            true => failure.hint(later(&self.ceremony)),
            false => failure,
        })
    }

    /// Whether this machine remembers any root of this trust root.
    ///
    /// # Errors
    /// If what it remembers cannot be read.
    pub(crate) fn remembers(&self, context: &Context) -> Result<bool, Failure> {
        Ok(context.machine.trusted(&self.trust_root.0)?.is_some())
    }

    /// Remembers the latest published root as trusted on this machine, unless it remembers a later one.
    ///
    /// # Errors
    /// If this machine can remember nothing.
    pub(crate) fn remember(&self, context: &Context) -> Result<(), Failure> {
        let Some(latest) = &self.latest else { return Ok(()) };
        let (id, _) = &self.trust_root;
        let version = |bytes: &[u8]| Metadata::parse_untrusted(bytes).map(|root| root.version());
        if let Some(remembered) = context.machine.trusted(id)?
            && version(&remembered)? >= version(latest)?
        {
            return Ok(());
        }
        Ok(context.machine.trust(id, latest)?)
    }

    /// The root that it was examined from; none for the first root of all.
    pub(crate) fn trusted(&self) -> Option<&Trusted> {
        self.trusted.as_ref()
    }

    /// The name of the trust root. Untrusted text.
    pub(crate) fn trust_root(&self) -> &str {
        &self.trust_root.1
    }

    /// The name of the ceremony. Untrusted text.
    pub(crate) fn ceremony(&self) -> &str {
        &self.ceremony
    }

    /// When what of the trust material is valid, once this is published.
    pub(crate) fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    /// The version of the root that is published.
    fn latest_version(&self) -> Option<u64> {
        self.staged.outgoing_root().map(|root| root.version)
    }
}

/// Checks that everything in base/ was signed by whom the walked roots name. Returns the roles for which that is not
/// the latest root, with the version of the one that it is: their signatures fell due with a newer root.
pub(crate) fn vouch(base: &Base, chain: &[Step]) -> Result<Vec<(String, u64)>, Failure> {
    let unsigned = |role: &str, detail: String| {
        Failure::no(format!("base/{role}.json is not signed by those who may sign it: {detail}"))
            .hint("do not sign: this was never published; ask the coordinator and another keyholder")
    };
    let Some(latest) = chain.last() else {
        let files = base.roles.keys().map(String::as_str);
        let files = files.chain(base.snapshot.iter().map(|_| "snapshot"));
        return match files.chain(base.timestamp.iter().map(|_| "timestamp")).next() {
            Some(role) => Err(unsigned(role, "there is no root".to_owned())),
            None => Ok(Vec::new()),
        };
    };
    let mut outdated = Vec::new();
    let targets = base.roles.get("targets").map(|file| ("targets", Kind::Targets, file));
    let snapshot = base.snapshot.as_ref().map(|file| ("snapshot", Kind::Snapshot, file));
    let timestamp = base.timestamp.as_ref().map(|file| ("timestamp", Kind::Timestamp, file));
    for (role, kind, file) in targets.into_iter().chain(snapshot).chain(timestamp) {
        if file.kind() != kind {
            return Err(unsigned(role, format!("it is {} metadata", file.kind())));
        }
        let payload = file.payload();
        let meets = |root: &Root| root.role(role).is_some_and(|keys| tally(&payload, &file.signatures, keys).met());
        match chain.iter().rev().find(|step| meets(&step.root)) {
            Some(step) if step.root.version == latest.root.version => {}
            Some(step) => outdated.push((role.to_owned(), step.root.version)),
            None => {
                let (first, last) = (chain[0].root.version, latest.root.version);
                let roots = if first == last { format!("root {last}") } else { format!("roots {first} to {last}") };
                return Err(unsigned(role, format!("its signatures do not meet the keys of {roots}")));
            }
        }
    }
    delegated(base, &unsigned)?;
    if let Some(snapshot) = &base.snapshot {
        for (name, named) in Meta::of(snapshot)?.files {
            let role = name.strip_suffix(".json").unwrap_or(&name);
            let held = base.roles.get(role).map(Metadata::version);
            if held.is_some_and(|held| held < named.version) {
                let detail = format!("it is version {}, and the snapshot names {}", held.unwrap_or(0), named.version);
                return Err(Failure::no(format!("base/{role}.json was put back to an older version: {detail}"))
                    .hint("do not sign: this is not what is published; ask the coordinator to stage again"));
            }
        }
    }
    Ok(outdated)
}

/// Checks every delegated role under its delegator, from targets down.
fn delegated(base: &Base, unsigned: &dyn Fn(&str, String) -> Failure) -> Result<(), Failure> {
    let mut checked: BTreeSet<String> = BTreeSet::new();
    let mut next = vec!["targets".to_owned()];
    while let Some(role) = next.pop() {
        let Some(file) = base.roles.get(&role).filter(|_| checked.insert(role.clone())) else { continue };
        for delegation in Targets::of(file).or_fail(|| format!("base/{role}.json"))?.delegations {
            let Some(file) = base.roles.get(&delegation.name) else { continue };
            let tally = tally(&file.payload(), &file.signatures, &delegation.keys);
            if !tally.met() {
                let (signed, threshold) = (tally.signed.len(), tally.threshold);
                let detail = format!("{signed} of {threshold} keys that {role} names for it signed");
                return Err(unsigned(&delegation.name, detail));
            }
            next.push(delegation.name);
        }
    }
    match base.roles.keys().find(|role| !checked.contains(*role)) {
        Some(role) => Err(unsigned(role, "no published role delegates to it".to_owned())),
        None => Ok(()),
    }
}

/// The names of those who sign or are replaced, and of whom only a record says that the key is theirs.
fn unproven(ceremony: &Ceremony, staged: &Staged) -> BTreeSet<String> {
    let mut keys: BTreeSet<Fingerprint> = staged.roles().values().flat_map(|role| role.quorum.fingerprints()).collect();
    let roots = [Some(staged.root_view()), staged.outgoing_root()].into_iter().flatten();
    keys.extend(roots.flat_map(|root| root.roles.values()).flat_map(|keys| keys.fingerprints()));
    let holders = keys.iter().filter_map(|key| ceremony::holder::holder_of(&ceremony.inputs.holders, key));
    let holders = holders.filter(|holder| holder.findings.iter().any(|f| f.rule == Rule::PossessionUnproven));
    holders.map(|holder| holder.name.clone()).collect()
}

/// What to do where something starts too soon.
pub(crate) fn later(ceremony: &str) -> String {
    format!(
        "a start comes too near while signatures are awaited: close this with `trustroot abandon {ceremony}`, give a \
         later start (`trustroot material discard`, and rotate again) or accept it, and stage again"
    )
}

fn count(findings: &[&Finding]) -> String {
    match findings.len() {
        1 => "1 finding".to_owned(),
        many => format!("{many} findings"),
    }
}
