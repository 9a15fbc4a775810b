//! Keys, certificates and proofs as files that people and services hand out.

use std::path::{Path, PathBuf};

use ceremony::material::{
    AuthorityChain, Checkpoint, Kind, LogIdForm, LogKey, ServiceUrl, Timestamp, TreeHead, TrustedRoot,
};
use ceremony::{Certificate, Digest, Json, Time};

use crate::deadlines::distance;
use crate::disk::{self, Place};
use crate::error::{Failure, OrFail as _};
use crate::material::LIMIT;
use crate::ui::Ui;

/// A proven log.
pub(super) struct ProvenLog {
    /// Its key.
    pub(super) key: LogKey,
    /// What its id is made of.
    pub(super) form: LogIdForm,
    /// How the proof went, as a sentence.
    pub(super) proof: String,
}

/// Reads the key of a log.
pub(super) fn log_key(path: &Path) -> Result<LogKey, Failure> {
    LogKey::parse(&read(path)?).or_fail(|| format!("{} is not the key of a log", path.display()))
}

/// The log at `url` with this key, proven by a checkpoint that it signed: of Rekor v1 also as the answer of
/// `/api/v1/log`. `version` is the major version of its interface, if it was said.
pub(super) fn rekor(
    url: &ServiceUrl,
    key: LogKey,
    checkpoint: &Path,
    version: Option<u64>,
) -> Result<ProvenLog, Failure> {
    let bytes = read(checkpoint)?;
    let answered = Json::parse(&bytes).ok().and_then(|json| Some(json.get("signedTreeHead")?.as_str()?.to_owned()));
    let note = answered.map_or(bytes, String::into_bytes);
    let form = rekor_form(version, &key);
    let proven = Checkpoint::verify(&note, url.as_str(), &form.id(url, &key), &key).map_err(|error| {
        let message = format!("{} does not prove that this is the key of the log at {url}", checkpoint.display());
        Failure::no(message).caused_by(&error)
    })?;
    let proof = format!("its checkpoint {} of {} entries", proven.origin.escape_debug(), proven.size);
    Ok(ProvenLog { key, form, proof })
}

/// What the id of a Rekor with this key is made of.
pub(super) fn rekor_form(version: Option<u64>, key: &LogKey) -> LogIdForm {
    match version {
        Some(1) => LogIdForm::Key,
        Some(_) => LogIdForm::Note,
        None => LogIdForm::likely(Kind::Rekor, key),
    }
}

/// The CT log with this key, proven by a tree head that it signed.
pub(super) fn ct_log(key: LogKey, tree_head: &Path) -> Result<ProvenLog, Failure> {
    let proven = TreeHead::verify(&read(tree_head)?, &key).map_err(|error| {
        let message = format!("{} does not prove that this is the key of the log", tree_head.display());
        Failure::no(message).caused_by(&error)
    })?;
    let at = proven.at().map_or_else(String::new, |at| format!(", of {at}"));
    let proof = format!("its tree head of {} certificates{at}", proven.size);
    Ok(ProvenLog { key, form: LogIdForm::Key, proof })
}

/// A chain, in order, that `root` does not have yet: PEM, one certificate as DER, or the answer of Fulcio's
/// `/api/v2/trustBundle`. Of several the one is taken whose signing certificate has a SHA-256 that begins with `signer`.
pub(super) fn chain(
    path: &Path,
    kind: Kind,
    root: &TrustedRoot,
    signer: Option<&str>,
    ui: &mut Ui,
) -> Result<AuthorityChain, Failure> {
    let all = chains(path)?;
    if all.is_empty() {
        return Err(Failure::could_not(no_chain(path)));
    }
    let new: Vec<_> = all.into_iter().filter(|chain| !is_listed(chain, kind, root)).collect();
    if new.is_empty() {
        return Err(Failure::no(format!("the trusted root has what is in {} already", path.display())));
    }
    let chain = chosen(path, kind, new, signer, ui)?;
    AuthorityChain::new(kind, chain).map_err(|error| {
        let accept = if error.is_unverified() { "this program can verify" } else { "clients accept" };
        Failure::no(format!("{} holds no chain that {accept}", path.display())).caused_by(&error)
    })
}

/// The chains in a file.
fn chains(path: &Path) -> Result<Vec<Vec<Certificate>>, Failure> {
    let bytes = read(path)?;
    let what = || no_chain(path);
    let Some(text) = core::str::from_utf8(&bytes).ok().map(str::trim_start) else {
        return Ok(vec![vec![Certificate::from_der(&bytes).or_fail(what)?]]);
    };
    if !text.starts_with('{') {
        return Ok(vec![Certificate::from_pem_chain(text).or_fail(what)?]);
    }
    let bundle = Json::parse(&bytes).or_fail(what)?;
    let listed = bundle.get("chains").and_then(Json::as_array).unwrap_or_default();
    let chain = |chain: &Json| {
        let certificates = chain.get("certificates").and_then(Json::as_array).unwrap_or_default();
        let pem: Vec<&str> = certificates.iter().filter_map(Json::as_str).collect();
        Certificate::from_pem_chain(&pem.join("\n")).or_fail(what)
    };
    listed.iter().map(chain).collect()
}

fn no_chain(path: &Path) -> String {
    format!("{} holds no chain of certificates", path.display())
}

/// The chain that is meant.
fn chosen(
    path: &Path,
    kind: Kind,
    mut chains: Vec<Vec<Certificate>>,
    signer: Option<&str>,
    ui: &mut Ui,
) -> Result<Vec<Certificate>, Failure> {
    // The one that signs is known once they are in order; of a chain that is none the first stands for it.
    let signs = |chain: &Vec<Certificate>| {
        let ordered = AuthorityChain::new(kind, chain.clone()).ok();
        ordered.and_then(|chain| chain.signer().cloned()).or_else(|| chain.first().cloned())
    };
    let name = |chain: &Vec<Certificate>| {
        let signer = signs(chain);
        signer.map_or_else(String::new, |signer| {
            format!("{}  {}, until {}", signer.sha256().short(), signer.subject(), signer.not_after())
        })
    };
    let names: Vec<String> = chains.iter().map(name).collect();
    if let Some(digits) = signer {
        let meant =
            |chain: &Vec<Certificate>| signs(chain).is_some_and(|one| one.sha256().to_string().starts_with(digits));
        chains.retain(|chain| meant(chain));
    }
    let several = |message: String| {
        let failure = names.iter().fold(Failure::could_not(message), |failure, name| failure.and_cause(name));
        failure.hint("name one with --signer DIGITS, or save it as PEM and give that")
    };
    match chains.len() {
        0 => Err(several(format!("no new chain in {} has this signer", path.display()))),
        1 => Ok(chains.swap_remove(0)),
        _ if signer.is_none() && ui.has_terminal() => {
            let meant = ui.select("--signer", &format!("Which chain of {}", path.display()), &names)?;
            Ok(chains.swap_remove(meant))
        }
        count => Err(several(format!("{} holds {count} chains that are new", path.display()))),
    }
}

/// A time stamp as proof.
pub(super) struct Stamp {
    /// The file with the answer.
    pub(super) path: PathBuf,
    /// What it has to be of, if this program asked for it.
    pub(super) message: Option<[u8; 32]>,
}

/// How an authority was proven, as a sentence: by its chain, and by a time stamp or a certificate that it issued if there
/// is one; and what is not proven by that.
pub(super) fn authority(
    chain: &AuthorityChain,
    stamp: Option<&Stamp>,
    issued: Option<&Path>,
    now: Time,
) -> Result<(String, Option<String>), Failure> {
    if let Some(first) = chain.first_to_expire().filter(|first| first.not_after() < now) {
        let (subject, until) = (first.subject(), first.not_after());
        let message = format!("the certificate of {subject} in the chain expired at {until}: {}", distance(now, until));
        return Err(Failure::no(message).hint(
            "an authority that still signs has a later certificate: ask whoever runs it for the chain of today, or the \
             service itself, with --from URL",
        ));
    }
    let length = chain.certificates().len();
    let mut proof = match length {
        1 => "its only certificate, a root, signed itself".to_owned(),
        length => format!("its chain of {length} verifies to its root"),
    };
    let mut word = None;
    if let Some(path) = issued {
        let signer = chain.signer().ok_or_else(|| Failure::could_not("there is no certificate"))?;
        let leaf = chains(path)?.into_iter().flatten().next().ok_or_else(|| Failure::could_not(no_chain(path)))?;
        leaf.verify_issued_by(signer).map_err(|error| {
            Failure::no(format!("{} does not show that {} issues certificates", path.display(), signer.subject()))
                .caused_by(&error)
        })?;
        proof = format!("{proof}; it issued a certificate, valid from {} to {}", leaf.not_before(), leaf.not_after());
    } else if chain.is_bare_root() {
        word = Some(
            "that this root issues certificates for signers itself, and no intermediate is left out, is your word; give \
             the intermediate with --chain, or with --issued a certificate that it issued"
                .to_owned(),
        );
    }
    let constraints: Vec<String> = chain.certificates().iter().flat_map(Certificate::name_constraints).collect();
    if !constraints.is_empty() {
        proof = format!("{proof}, with the name constraints {}", constraints.join(", "));
    }
    if let Some(Stamp { path, message }) = stamp {
        let stamp = Timestamp::verify(&read(path)?, chain).map_err(|error| {
            Failure::no(format!("{} is no time stamp of this authority", path.display())).caused_by(&error)
        })?;
        let what = match message {
            Some(message) if stamp.is_of(message) => "a time stamp of what it was just given",
            Some(_) => {
                return Err(Failure::no(format!("{} is a time stamp of something else than was sent", path.display())));
            }
            None => "a time stamp",
        };
        proof = format!("{proof}; it signed {what}, at {}", stamp.at);
    }
    Ok((proof, word))
}

/// Whether an entry has exactly these certificates.
fn is_listed(chain: &[Certificate], kind: Kind, root: &TrustedRoot) -> bool {
    let digests = |ders: &mut dyn Iterator<Item = Digest>| {
        let mut digests: Vec<Digest> = ders.collect();
        digests.sort();
        digests
    };
    let wanted = digests(&mut chain.iter().map(Certificate::sha256));
    root.of_kind(kind).any(|entry| {
        let held = entry.certificates().unwrap_or_default();
        digests(&mut held.iter().map(|der| Digest::of(der))) == wanted
    })
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    Ok(disk::read(&Place::named(path), LIMIT)?)
}
