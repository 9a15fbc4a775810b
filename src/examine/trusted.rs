//! The root that a keyholder trusts, and the way from it to the latest one.

use std::convert::Infallible;
use std::path::{Path, PathBuf};

use ceremony::history::{History, Step};
use ceremony::{Digest, Metadata};

use crate::ceremony_dir::{Ceremony, Derivation};
use crate::context::Context;
use crate::error::{Failure, OrFail as _};
use crate::machine::MachineError;
use crate::pinned;
use crate::ui::Ui;

/// The root that a keyholder trusts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trusted {
    /// Its version.
    pub(crate) version: u64,
    /// SHA-256 of the file.
    pub(crate) sha256: Digest,
    /// Why it is trusted.
    pub(crate) by: TrustedBy,
}

/// Why a root is trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TrustedBy {
    /// The keyholder gave it.
    Given,
    /// This machine remembers it.
    Remembered,
    /// A key at this machine signed it, after its digest was heard.
    Signed,
}

impl TrustedBy {
    /// The word for it in a report for programs.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Given => "given",
            Self::Remembered => "remembered",
            Self::Signed => "signed",
        }
    }
}

/// The trusted root, and the walk from it to the latest root in base/. Both are empty where nothing is published yet
/// and nothing is trusted: then this proposal is the first. Where nothing is trusted and something is published, the
/// person is asked for the root that they trust.
pub(super) fn walk(
    context: &Context,
    ceremony: &Ceremony,
    given: Option<&Path>,
    ui: &mut Ui,
) -> Result<(Option<Trusted>, Vec<Step>), Failure> {
    let policy = &ceremony.inputs.policy;
    let remembered = match context.machine.trusted(&policy.id) {
        Err(MachineError::Homeless) if given.is_some() => None,
        remembered => remembered?,
    };
    if let Some(bytes) = &remembered {
        let place = context.machine.root(&policy.id)?;
        Metadata::parse_untrusted(bytes)
            .or_fail(|| format!("{place} is no root, which this machine remembered there"))?;
    }
    let given = given.map(pinned::read).transpose()?;
    // Whoever gives a root must not talk this machine out of the one that it knows.
    let known = remembered.as_deref().map(|bytes| lead_on(ceremony, bytes).map(|steps| (bytes, steps)));
    if let (Some(Err(_)), Some(bytes)) = (&known, &remembered) {
        refuse_published(ceremony, bytes)?;
    }
    let known = known.transpose().or_fail(|| "this is not the trust root that this machine knows")?;
    if let Some(bytes) = &given {
        return Ok((Some(Trusted::new(bytes, TrustedBy::Given)?), lead_on(ceremony, bytes)?));
    }
    if let Some((bytes, steps)) = known {
        return Ok((Some(Trusted::new(bytes, TrustedBy::Remembered)?), steps));
    }
    if ceremony.base.roots.is_empty() {
        return Ok((None, Vec::new()));
    }
    if let Some(bytes) = signed_here(context, ceremony)? {
        return Ok((Some(Trusted::new(bytes, TrustedBy::Signed)?), lead_on(ceremony, bytes)?));
    }
    let telephone = "if you have to be sent one, compare its SHA-256 with what you hear by telephone from a keyholder \
                     who did not send it";
    let message = format!("no root of \"{}\" is trusted on this machine, so nothing vouches for base/", policy.name);
    if ui.has_terminal() {
        ui.say_apart(format!("No root of \"{}\" is trusted on this machine: {telephone}.", policy.name));
        if let Some(bytes) = asked(ui)? {
            return Ok((Some(Trusted::new(&bytes, TrustedBy::Given)?), lead_on(ceremony, &bytes)?));
        }
    }
    Err(Failure::could_not(message).hint(format!("give the root that you trust with --root FILE; {telephone}")))
}

/// The bytes of the root in the file that the person names; none if they have no root.
fn asked(ui: &mut Ui) -> Result<Option<Vec<u8>>, Failure> {
    loop {
        let path: Option<PathBuf> =
            ui.value_if_any("--root", "File of the root that you trust (Enter if you have none)")?;
        match path.map(|path| pinned::read(&path)).transpose() {
            Ok(bytes) => return Ok(bytes),
            Err(failure) => ui.tell(&failure),
        }
    }
}

/// Refuses a ceremony that proposed the very root that this machine knows: it is published, and nothing of it is open.
fn refuse_published(ceremony: &Ceremony, known: &[u8]) -> Result<(), Failure> {
    let Derivation::Same(staged) = ceremony.derive()? else { return Ok(()) };
    let known = Metadata::parse_untrusted(known)?;
    match staged.roles().get("root").is_some_and(|root| root.payload == known.payload()) {
        true => {
            let (name, version) = (&ceremony.name, known.version());
            Err(Failure::no(format!(
                "ceremony {name} is over: it proposed root {version}, which this machine trusts now"
            ))
            .hint(format!("`trustroot verify ceremonies/{name}` audits it")))
        }
        false => Ok(()),
    }
}

/// The bytes of root `version` in base/.
pub(super) fn base_root(ceremony: &Ceremony, version: u64) -> Option<&[u8]> {
    ceremony.base_files.get(&format!("{version}.root.json")).map(|file| &*file.bytes)
}

impl Trusted {
    fn new(bytes: &[u8], by: TrustedBy) -> Result<Self, Failure> {
        Ok(Self { version: Metadata::parse_untrusted(bytes)?.version(), sha256: Digest::of(bytes), by })
    }
}

/// Walks from a trusted root to the latest in base/.
pub(crate) fn lead_on(ceremony: &Ceremony, trusted: &[u8]) -> Result<Vec<Step>, Failure> {
    let refused = |cause: String| {
        Failure::no("base/ does not lead on from the root that you trust").and_cause(cause).hint(
            "do not sign: those whom you trust did not make what this directory says is published; ask the coordinator \
             and another keyholder",
        )
    };
    let fetch = |version| Ok::<_, Infallible>(base_root(ceremony, version).map(<[u8]>::to_vec));
    let history = History::walk(trusted, fetch).or_fail(|| "the trusted root cannot be used")?;
    if let Some(stop) = &history.stop {
        return Err(refused(stop.to_string()));
    }
    let (first, last) = (&history.steps[0], &history.steps[history.steps.len() - 1]);
    let version = first.root.version;
    let Some(latest) = ceremony.base.root() else {
        return Err(refused(format!("you trust root {version}, and the proposal is for a first root")));
    };
    if latest.version() != last.root.version {
        let message = format!(
            "base/ ends with root {}, and the root that you trust leads to root {}",
            latest.version(),
            last.root.version
        );
        return Err(refused(message));
    }
    let same = base_root(ceremony, version).map(Metadata::parse_untrusted).transpose()?;
    if same.is_some_and(|same| same.payload() != first.metadata.payload()) {
        return Err(refused(format!("base/ has another root {version} than you trust")));
    }
    Ok(history.steps)
}

/// The latest root in base/ that a key of the records signed at this machine: whoever signs has heard its digest.
fn signed_here<'a>(context: &Context, ceremony: &'a Ceremony) -> Result<Option<&'a [u8]>, Failure> {
    let keys = ceremony.roster.records().iter().flat_map(|record| record.keys());
    let mut signed = Vec::new();
    for key in keys {
        let journal = context.machine.journal(&key.fingerprint())?;
        signed
            .extend(journal.into_iter().filter(|entry| entry.id == ceremony.inputs.policy.id && entry.role == "root"));
    }
    let is = |root: &&Metadata| {
        let digest = root.payload().digest();
        signed.iter().any(|entry| entry.version == root.version() && entry.digest == digest)
    };
    let latest = ceremony.base.roots.iter().rev().find(is);
    Ok(latest.and_then(|root| base_root(ceremony, root.version())))
}
