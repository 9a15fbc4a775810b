//! What the wanted state proposes, and what is found on it: what `stage` stops on and `accept` accepts.

use std::collections::{BTreeMap, BTreeSet};

use ceremony::finding::{Finding, Rule};
use ceremony::material::{Ending, Material};
use ceremony::{Base, SignatureFile, Staged, stage};

use super::Wanted;
use crate::ceremony_dir::{Ceremony, Outline};
use crate::context::Context;
use crate::error::Failure;
use crate::material;
use crate::published::Published;
use crate::workdir::Workdir;

/// A proposal that is not frozen yet.
pub(super) struct Proposed {
    pub(super) published: Published,
    pub(super) wanted: Wanted,
    pub(super) base: Base,
    pub(super) staged: Staged,
}

/// What was looked at in a proposal.
pub(super) struct Seen {
    /// The trust material that is published, and that is wanted, by the paths of its files; empty where the proposal
    /// has no targets.
    pub(super) files: [BTreeMap<String, Vec<u8>>; 2],
    /// The same, read.
    pub(super) material: [Material; 2],
    /// What of it ends.
    pub(super) endings: Vec<Ending>,
    /// All that was found, accepted or not.
    pub(super) findings: Vec<Finding>,
}

/// Everything that is found now on what would be staged, accepted or not; nothing where nothing is due.
///
/// # Errors
/// If what is wanted or published cannot be read, or nothing can be staged.
pub(crate) fn found(context: &Context) -> Result<Vec<Finding>, Failure> {
    let proposed = Proposed::derive(context, BTreeSet::new())?;
    if proposed.staged.roles().is_empty() {
        return Ok(Vec::new());
    }
    Ok(proposed.look(context)?.findings)
}

impl Proposed {
    /// Derives the proposal of the roles `only`, of all that are due where it is empty.
    pub(super) fn derive(context: &Context, only: BTreeSet<String>) -> Result<Self, Failure> {
        let published = Published::read(&context.workdir.repository())?;
        let wanted = Wanted::read(&context.workdir, &published, context.now, only)?;
        let base = published.base();
        let staged = stage(&wanted.inputs, &base)?;
        Ok(Self { published, wanted, base, staged })
    }

    /// Looks for what is wrong with it.
    pub(super) fn look(&self, context: &Context) -> Result<Seen, Failure> {
        let Self { published, wanted, base, staged } = self;
        let (workdir, policy) = (&context.workdir, &wanted.inputs.policy);
        let mut findings = ceremony::lint::proposal(&wanted.inputs, base, staged)?;
        findings.extend(signed_before(workdir, staged)?);
        let (old_files, new_files) = match staged.roles().contains_key("targets") {
            true => (material::published_files(workdir, published)?, wanted.material(workdir)?),
            false => Default::default(),
        };
        let old = material::published_of(&old_files, published)?;
        let new = material::wanted_of(&new_files, policy);
        let (wrong, endings) = material::judge_wanted(workdir, &old, &new, policy, context.now)?;
        findings.extend(wrong);
        Ok(Seen { files: [old_files, new_files], material: [old, new], endings, findings })
    }
}

/// Finds versions that an abandoned ceremony carried, with signatures that may still turn up: whoever signed there is
/// asked to sign a second file of that version.
fn signed_before(workdir: &Workdir, staged: &Staged) -> Result<Vec<Finding>, Failure> {
    let mut findings = Vec::new();
    for name in Ceremony::names(workdir)? {
        let other = Outline::read(workdir, &name)?;
        for (role, staged) in staged.roles() {
            let version = staged.metadata.version();
            if !other.abandoned || other.staged.get(role) != Some(&version) {
                continue;
            }
            let ceremony = Ceremony::load(workdir, &name)?;
            let another = |file: &&SignatureFile| {
                (&file.role, file.version) == (role, version) && file.payload != staged.payload.digest()
            };
            let signed = ceremony.signatures.iter().filter(another);
            let names: Vec<&str> = signed.map(|file| file.keyholder.as_str()).collect();
            if !names.is_empty() {
                let what = format!("{} signed another in the abandoned ceremony {name}", names.join(", "));
                findings.push(Finding::new(Rule::Equivocation, format!("{role} {version}"), what));
            }
        }
    }
    Ok(findings)
}
