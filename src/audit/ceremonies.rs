//! Ceremony directories: whether they are what they say, one by one, and whether two of them contradict each other.

use std::path::{Path, PathBuf};

use ceremony::assemble::name_of;
use ceremony::policy::Accept;
use ceremony::{Digest, Finding, Fingerprint, Holder, Metadata, Progress, Rule, Staged, Time};

use super::{Problem, seals};
use crate::ceremony_dir::{Ceremony, Derivation};
use crate::context::Context;
use crate::error::{Failure, OrFail as _};
use crate::examine::{self, lead_on, vouch};
use crate::pinned;
use crate::text::escaped;

/// What an audit of ceremony directories showed.
pub(crate) struct Ceremonies {
    pub(crate) all: Vec<Audited>,
    /// What two of them say differently.
    pub(crate) problems: Vec<Problem>,
    pub(crate) findings: Vec<Finding>,
}

/// One ceremony directory.
pub(crate) struct Audited {
    pub(crate) name: String,
    pub(crate) staged_at: Time,
    pub(crate) abandoned: bool,
    pub(crate) roles: Vec<AuditedRole>,
    pub(crate) problems: Vec<Problem>,
    /// What nobody accepted when it was staged.
    pub(crate) findings: Vec<Finding>,
    /// What the policy accepted then.
    pub(crate) accepted: Vec<(Finding, Accept)>,
    trust_root: String,
    holders: Vec<Holder>,
}

/// One staged role.
pub(crate) struct AuditedRole {
    pub(crate) role: String,
    pub(crate) version: u64,
    pub(crate) payload: Digest,
    pub(crate) progress: Progress,
}

impl Ceremonies {
    /// Audits the ceremonies in these directories, each from the root in the file `root` or the one that this machine
    /// remembers for it; `heard` is the digest of the proposal as somebody knows it.
    ///
    /// # Errors
    /// If one cannot be read, or by the rules that this program has cannot be derived, or no root is trusted.
    pub(crate) fn of(
        context: &Context,
        dirs: &[PathBuf],
        root: Option<&Path>,
        heard: Option<&str>,
    ) -> Result<Self, Failure> {
        let all = dirs.iter().map(|dir| Audited::of(context, dir, root, heard)).collect::<Result<Vec<_>, _>>()?;
        let mut ceremonies = Self { all, problems: Vec::new(), findings: Vec::new() };
        for (i, one) in ceremonies.all.iter().enumerate() {
            for other in &ceremonies.all[..i] {
                for (finding, problem) in contradictions(other, one) {
                    ceremonies.findings.push(finding);
                    ceremonies.problems.extend(problem);
                }
            }
        }
        Ok(ceremonies)
    }

    /// Whether every directory is what it says. That signatures are missing is no fault of a ceremony.
    pub(crate) fn ok(&self) -> bool {
        self.problems.is_empty() && self.all.iter().all(|ceremony| ceremony.problems.is_empty())
    }
}

impl Audited {
    fn of(context: &Context, dir: &Path, root: Option<&Path>, heard: Option<&str>) -> Result<Self, Failure> {
        let ceremony = Ceremony::at(dir)?;
        let mut audited = Self {
            name: ceremony.name.clone(),
            staged_at: ceremony.inputs.staging.at,
            abandoned: ceremony.abandoned.is_some(),
            roles: Vec::new(),
            problems: Vec::new(),
            findings: Vec::new(),
            accepted: Vec::new(),
            trust_root: ceremony.inputs.policy.id.clone(),
            holders: ceremony.inputs.holders.clone(),
        };
        let derivation = ceremony.derive()?;
        let chain = match trusted(context, &ceremony, root)? {
            // The trusted root is the very one that this ceremony made: nothing came before it.
            Some(bytes) if makes(&ceremony, &derivation, &bytes)? => Vec::new(),
            Some(bytes) => audited.check("base", lead_on(&ceremony, &bytes))?.unwrap_or_default(),
            None => Vec::new(),
        };
        if audited.problems.is_empty() {
            audited.check("base", vouch(&ceremony.base, &chain))?;
        }
        for (path, reason) in &ceremony.unreadable {
            audited.problem(path, reason.clone());
        }
        if let Some(heard) = heard
            && !ceremony.digest.is(heard).or_fail(|| "--expect is no digest")?
        {
            let what = "the digest of inputs, base and staged files is not the one that was heard";
            audited.problem(&ceremony.name, what.to_owned());
        }
        let staged = match derivation {
            Derivation::Same(staged) => staged,
            Derivation::Differs(files) => {
                files.iter().for_each(|file| audited.problem(file, "it is not what inputs and base give".to_owned()));
                return Ok(audited);
            }
            Derivation::Cannot(error) => return Err(error.into()),
        };
        audited.look(&ceremony, &staged)?;
        audited.problems.extend(seals::judge(&ceremony, &staged)?);
        for (role, staged) in staged.roles() {
            let progress = staged.progress(&audited.trust_root, role, &ceremony.signatures);
            for (file, why) in &progress.refused {
                audited.problem(&format!("signatures/{role}/{}", file.file_name()), why.to_string());
            }
            audited.roles.push(AuditedRole {
                role: role.clone(),
                version: staged.metadata.version(),
                payload: staged.payload.digest(),
                progress,
            });
        }
        for file in ceremony.signatures.iter().filter(|file| !staged.roles().contains_key(&file.role)) {
            audited
                .problem(&format!("signatures/{}/{}", file.role, file.file_name()), "nothing of it is staged".into());
        }
        Ok(audited)
    }

    /// Looks at what those who signed were shown: the trust material that is carried, and what was found, and accepted,
    /// when it was staged.
    fn look(&mut self, ceremony: &Ceremony, staged: &Staged) -> Result<(), Failure> {
        let policy = &ceremony.inputs.policy;
        let step = self.check("material", ceremony.material(staged))?.unwrap_or_default();
        for path in &step.missing {
            let what = "what was shown of it to those who signed is not here".to_owned();
            self.problem(&format!("material/{path}"), what);
        }
        for finding in examine::findings(ceremony, staged, &step)? {
            match policy.accepts(&finding, staged.at()) {
                Some(accept) => self.accepted.push((finding, accept.clone())),
                None => self.findings.push(finding),
            }
        }
        Ok(())
    }

    /// Who has signed any of it, each key once: the name on record, the key, and the device that is proven to have made
    /// it.
    pub(crate) fn signers(&self) -> Vec<(String, Fingerprint, Option<&str>)> {
        let mut keys: Vec<Fingerprint> = self.roles.iter().flat_map(signers).collect();
        keys.sort();
        keys.dedup();
        let signer = |key: Fingerprint| {
            let held = ceremony::holder::holder_of(&self.holders, &key).and_then(|holder| holder.key(&key));
            (name_of(&key, &self.holders), key, held.and_then(|held| held.made_in.as_deref()))
        };
        let mut signers: Vec<_> = keys.into_iter().map(signer).collect();
        signers.sort_by(|a, b| a.0.cmp(&b.0));
        signers
    }

    /// Whether enough keys have signed every role.
    pub(crate) fn signed(&self) -> bool {
        !self.roles.is_empty() && self.roles.iter().all(|role| role.progress.met())
    }

    /// Keeps a verdict as a problem; that something could not be checked stays an error.
    fn check<T>(&mut self, subject: &str, result: Result<T, Failure>) -> Result<Option<T>, Failure> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(failure) if failure.code() == 1 => {
                self.problem(subject, failure.line());
                Ok(None)
            }
            Err(failure) => Err(failure),
        }
    }

    fn problem(&mut self, subject: &str, what: String) {
        self.problems.push(Problem::new(escaped(subject).to_string(), what));
    }
}

/// The bytes of the root to start from; none where nothing is published and nothing is trusted yet.
fn trusted(context: &Context, ceremony: &Ceremony, given: Option<&Path>) -> Result<Option<Vec<u8>>, Failure> {
    if let Some(given) = given {
        return pinned::read(given).map(Some);
    }
    let latest = ceremony.base.root().map_or(0, Metadata::version);
    let remembered = context.machine.trusted(&ceremony.inputs.policy.id)?;
    // Of a ceremony of long ago what is trusted today says nothing.
    let remembered = match remembered {
        Some(bytes) if Metadata::parse_untrusted(&bytes)?.version() <= latest => Some(bytes),
        _ => None,
    };
    if remembered.is_none() && latest > 0 {
        let message = format!("no root up to {latest} of \"{}\" is trusted here", ceremony.inputs.policy.name);
        return Err(Failure::could_not(message).hint("give the root to start from: --root FILE"));
    }
    Ok(remembered)
}

/// Whether a ceremony with nothing before it made this root.
fn makes(ceremony: &Ceremony, derivation: &Derivation, root: &[u8]) -> Result<bool, Failure> {
    let Derivation::Same(staged) = derivation else { return Ok(false) };
    if ceremony.base.root().is_some() {
        return Ok(false);
    }
    let root = Metadata::parse_untrusted(root).or_fail(|| "the trusted root cannot be used")?.payload();
    Ok(staged.roles().get("root").is_some_and(|staged| staged.payload == root))
}

/// Roles of one trust root that two ceremonies stage in one version and not with one payload. It is a problem where
/// both are open, or somebody has signed both.
fn contradictions(one: &Audited, other: &Audited) -> Vec<(Finding, Option<Problem>)> {
    let mut found = Vec::new();
    for a in &one.roles {
        let same = |b: &&AuditedRole| {
            one.trust_root == other.trust_root && (&a.role, a.version) == (&b.role, b.version) && a.payload != b.payload
        };
        for b in other.roles.iter().filter(same) {
            let theirs = signers(b);
            let both = signers(a).into_iter().filter(|key| theirs.contains(key));
            let both: Vec<String> = both.map(|key| name_of(&key, &other.holders)).collect();
            let signed = if both.is_empty() { String::new() } else { format!("; signed both: {}", both.join(", ")) };
            let what = format!("{} and {} stage different payloads of it{signed}", one.name, other.name);
            let subject = format!("{} {}", a.role, a.version);
            let open = !one.abandoned && !other.abandoned;
            let problem = (open || !both.is_empty()).then(|| Problem::new(&subject, &what));
            found.push((Finding::new(Rule::Equivocation, &subject, &what), problem));
        }
    }
    found
}

fn signers(role: &AuditedRole) -> Vec<Fingerprint> {
    let tallies = role.progress.outgoing.iter().chain([&role.progress.incoming]);
    let mut signed: Vec<Fingerprint> = tallies.flat_map(|tally| tally.signed.iter().copied()).collect();
    signed.sort();
    signed.dedup();
    signed
}
