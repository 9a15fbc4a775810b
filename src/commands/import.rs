//! `trustroot import`

use std::fmt;
use std::path::PathBuf;

use ceremony::{Fingerprint, Json, Kind, Metadata, SignatureFile, Staged, TufKey};

use crate::ceremony_dir::Ceremony;
use crate::context::Context;
use crate::disk::{self, Access, Place};
use crate::error::{Failure, OrFail as _};
use crate::import::report::{Fate, Imported, Row};
use crate::import::{Good, Judged, Left, judge, own, raw, roles_of};
use crate::published::METADATA_LIMIT;
use crate::report::{Outcome, Report, object};
use crate::text::{escaped, wrapped};
use crate::ui::Ui;

/// The most bytes of a signature that are read.
const SIGNATURE_LIMIT: u64 = 64 * 1024;

/// Take in signatures that were made elsewhere
///
/// A FILE is a signature file that `trustroot sign` wrote, under any name; or metadata with signatures, wholly or partly
/// signed, as tuf-on-ci, go-tuf, tuftool and python-tuf write it; or a directory of such files. A single signature comes
/// with --signature and --key. Each is verified over what is staged here; those that verify are kept, one file for each
/// role and key, and for each of the others it says why it was left. Nothing is overwritten.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  trustroot import alice.9cbae65f.0d1b43c2.json bob.5ff1c2ab.0d1b43c2.json
  trustroot import from-alice/         the files of a directory
  trustroot import 15.root.json        signed with another tool
  trustroot import --payload root.bin --role root
  trustroot import --role root --key alice --signature root.sig")]
pub(crate) struct Import {
    /// A signature file, a metadata file with signatures, or a directory of such
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The ceremony; not needed while only one is open
    #[arg(long, value_name = "NAME")]
    ceremony: Option<String>,
    /// The role that was signed; by default the staged one that it can be
    #[arg(long, value_name = "ROLE")]
    role: Option<String>,
    /// One signature: a file with it, or its hex or base64 digits
    #[arg(long, value_name = "FILE|HEX|BASE64", conflicts_with = "files")]
    signature: Option<String>,
    /// The key that signed: its id or fingerprint, or the first eight or more digits, or its holder's name
    #[arg(long, value_name = "KEY", requires = "signature")]
    key: Option<String>,
    /// Write the bytes that signatures of --role cover to a new FILE, for a signer elsewhere, and take in nothing
    #[arg(long, value_name = "FILE", conflicts_with_all = ["files", "signature"])]
    payload: Option<PathBuf>,
}

impl Import {
    pub(crate) fn run(self, context: &Context, ui: &mut Ui) -> Result<Outcome, Failure> {
        let _lock = context.workdir.lock()?;
        let ceremony = Ceremony::choose(context, ui, self.ceremony.as_deref())?;
        ceremony.refuse_closed()?;
        let staged = ceremony.staged()?;
        if let Some(role) = self.role.as_ref().filter(|role| !staged.roles().contains_key(*role)) {
            let roles = staged.roles().keys().cloned().collect::<Vec<_>>().join(", ");
            return Err(Failure::could_not(format!("{role} is not staged"))
                .hint(format!("ceremony {} carries {roles}", ceremony.name)));
        }
        if let Some(file) = &self.payload {
            context.workdir.refuse_output(file)?;
            let roles: Vec<String> = staged.roles().keys().cloned().collect();
            let role = match (self.role, &roles[..]) {
                (Some(role), _) => role,
                (None, [only]) => only.clone(),
                (None, several) => several[ui.select("--role", "The payload of which role?", several)?].clone(),
            };
            let payload = &staged.roles()[&role].payload;
            disk::create_new(&Place::named(file), payload.bytes(), Access::Shared)?;
            let file = file.display().to_string();
            return Ok(Outcome::done(Written { role, file, sha256: payload.digest().to_string() }));
        }
        let judged = match &self.signature {
            Some(signature) => {
                let key = match self.key {
                    Some(key) => key,
                    None => {
                        ui.value("--key", "Whose key signed: its holder's name, its id or its fingerprint", None)?
                    }
                };
                vec![(None, one(&ceremony, &staged, self.role.as_deref(), signature, &key)?)]
            }
            None => {
                let files = match self.files.is_empty() {
                    false => self.files,
                    true => vec![ui.value("FILE or --signature", "File with signatures", None)?],
                };
                let mut places = Vec::new();
                for file in &files {
                    let place = Place::named(file);
                    if file.is_dir() { places.extend(own::files_in(&place)?) } else { places.push(place) }
                }
                if places.is_empty() {
                    return Err(Failure::could_not("no signature file is in what was given")
                        .hint("their names end in .json; they lie in it, or below signatures/ in it"));
                }
                let is_only = files.len() == 1 && places.len() == 1;
                let mut judged = Vec::new();
                for place in &places {
                    let found = match many(&ceremony, &staged, self.role.as_deref(), place) {
                        // One file that is of no use keeps none of the others out.
                        Err(failure) if !is_only => vec![Judged {
                            role: "-".to_owned(),
                            key: "-".to_owned(),
                            verdict: Err(Left::NoSignature(failure.line())),
                        }],
                        found => found?,
                    };
                    judged.extend(found.into_iter().map(|found| (Some(place.to_string()), found)));
                }
                judged
            }
        };
        let mut rows = Vec::new();
        for (file, judged) in judged {
            rows.push(keep(context, &ceremony, &staged, file, judged)?);
        }
        let taken = rows.iter().any(|row| matches!(row.fate, Fate::Kept | Fate::There));
        let tallies = staged.roles().iter().filter(|(role, _)| rows.iter().any(|row| row.role == **role));
        let signatures = Ceremony::load(&context.workdir, &ceremony.name)?.signatures;
        let tallies = tallies.map(|(name, role)| {
            let progress = role.progress(&ceremony.inputs.policy.id, name, &signatures);
            (name.clone(), progress.outgoing, progress.incoming)
        });
        let tallies = tallies.collect();
        Ok(Outcome::answer(taken, Imported { ceremony: ceremony.name, rows, tallies }))
    }
}

/// The signature of a signature file, or those of a metadata file.
fn many(ceremony: &Ceremony, staged: &Staged, role: Option<&str>, place: &Place) -> Result<Vec<Judged>, Failure> {
    let bytes = disk::read(place, METADATA_LIMIT)?;
    if let Some(file) = own::read(&bytes) {
        let file = file.or_fail(|| format!("{place} was changed on its way: ask its signer for it again"))?;
        return Ok(vec![own::judge(&ceremony.inputs.policy.id, staged, &file)]);
    }
    let file = Metadata::parse_untrusted(&bytes);
    let file = file.or_fail(|| format!("{place} is neither a signature file nor metadata with signatures"))?;
    let path = place.path();
    let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    let roles = match role {
        Some(role) => vec![role],
        None => roles_of(staged, &file, &name),
    };
    match roles[..] {
        [] => {
            let carried = staged.roles().keys().cloned().collect::<Vec<_>>().join(", ");
            let kind = if file.kind() == Kind::Targets { "targets or delegated" } else { file.kind().as_str() };
            Err(Failure::no(format!("{place} is {kind} metadata, and none is staged"))
                .hint(format!("staged are {carried}; snapshot and timestamp are signed when all is published")))
        }
        [role] => Ok(judge(role, &staged.roles()[role], &file)),
        _ => Err(Failure::could_not(format!("{place} could be {}", roles.join(" or "))).hint("give --role ROLE")),
    }
}

/// One signature without a file around it.
fn one(
    ceremony: &Ceremony,
    staged: &Staged,
    role: Option<&str>,
    signature: &str,
    key: &str,
) -> Result<Judged, Failure> {
    let place = Place::named(signature);
    let is_file = signature.len() < 4096 && !signature.contains('\0') && disk::exists(&place)?;
    let bytes = if is_file { disk::read(&place, SIGNATURE_LIMIT)? } else { signature.as_bytes().to_vec() };
    let roles = staged.roles().iter().filter(|(name, _)| role.is_none_or(|role| role == *name));
    let mut candidates = Vec::new();
    for (name, role) in roles {
        let mut keys: Vec<&TufKey> = role.quorum.sets().flat_map(|set| &set.keys).collect();
        keys.retain(|listed| is_meant(ceremony, listed, key));
        let mut fingerprints: Vec<Fingerprint> =
            keys.iter().filter_map(|key| Some(key.key.as_ref().ok()?.fingerprint())).collect();
        fingerprints.sort();
        fingerprints.dedup();
        if fingerprints.len() > 1 {
            return Err(Failure::could_not(format!("--key {key} means {} keys of {name}", fingerprints.len()))
                .hint("give more digits"));
        }
        let Some(public) = keys.iter().find_map(|key| key.key.as_ref().ok()) else { continue };
        candidates.push(name);
        if let Some(signature) = raw::read(&bytes, public, role.payload.bytes()) {
            let verdict = Ok(Good { fingerprint: public.fingerprint(), signature, signed_at: None });
            return Ok(Judged { role: name.clone(), key: key.to_owned(), verdict });
        }
    }
    match candidates.first() {
        Some(name) => Ok(Judged { role: (*name).clone(), key: key.to_owned(), verdict: Err(Left::Bad) }),
        None => Err(Failure::no(format!("no key {key} may sign {}", role.unwrap_or("what is staged")))
            .hint(format!("`trustroot status {}` shows who may", ceremony.name))
            .hint("--key is a name on record, or the first eight or more digits of a key id or a fingerprint")),
    }
}

fn is_meant(ceremony: &Ceremony, listed: &TufKey, key: &str) -> bool {
    let Ok(public) = &listed.key else { return false };
    let fingerprint = public.fingerprint();
    let digits = key.len() >= 8 && (listed.id.as_str().starts_with(key) || fingerprint.to_string().starts_with(key));
    digits || ceremony.roster.find(&fingerprint).is_some_and(|(record, _)| record.name().as_str() == key)
}

/// Writes a good signature, unless one of the key over this payload is there.
fn keep(
    context: &Context,
    ceremony: &Ceremony,
    staged: &Staged,
    came_in: Option<String>,
    judged: Judged,
) -> Result<Row, Failure> {
    let Judged { role, key, verdict } = judged;
    let Good { fingerprint, signature, signed_at } = match verdict {
        Ok(good) => good,
        Err(left) => return Ok(Row { file: came_in, role, key, keyholder: None, fate: Fate::Left(left) }),
    };
    let owner = ceremony.roster.find(&fingerprint).map(|(record, _)| record.name().to_string());
    let owner = owner.unwrap_or_else(|| "unknown".to_owned());
    let payload = staged.roles()[&role].payload.clone();
    let public = staged.roles()[&role].quorum.key(&fingerprint).and_then(|key| key.key.as_ref().ok());
    let there = ceremony.signatures.iter().any(|file| {
        file.role == role
            && file.payload == payload.digest()
            && file.fingerprint == fingerprint
            && public.is_some_and(|key| payload.verify(key, &file.signature).is_ok())
    });
    let mut fate = Fate::There;
    if !there {
        let file = SignatureFile {
            trust_root: ceremony.inputs.policy.id.clone(),
            version: staged.roles()[&role].metadata.version(),
            payload: payload.digest(),
            keyholder: owner.clone(),
            role: role.clone(),
            fingerprint,
            signature,
            signed_at: signed_at.unwrap_or(context.now),
        };
        let place = ceremony.dir.signatures(&role).join(&file.file_name());
        match disk::create_new(&place, &file.to_file(), Access::Shared) {
            // One file that somebody put there keeps none of the others out.
            Err(disk::DiskError::Exists { .. }) if !is_good(ceremony, staged, &place) => {
                fate = Fate::Left(Left::Taken { path: place.to_string() });
            }
            // The same key twice in what is imported now.
            Err(disk::DiskError::Exists { .. }) => {}
            result => {
                result?;
                fate = Fate::Kept;
            }
        }
    }
    Ok(Row { file: came_in, role, key, keyholder: Some(owner), fate })
}

/// Whether the file at `place` is a good signature of what is staged.
fn is_good(ceremony: &Ceremony, staged: &Staged, place: &Place) -> bool {
    let file = disk::read(place, SIGNATURE_LIMIT).ok().and_then(|bytes| SignatureFile::parse(&bytes).ok());
    file.is_some_and(|file| own::judge(&ceremony.inputs.policy.id, staged, &file).verdict.is_ok())
}

/// A payload that was written for a signer elsewhere.
struct Written {
    role: String,
    file: String,
    sha256: String,
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Wrote what signatures of {} cover to {}", escaped(&self.role), escaped(&self.file))?;
        writeln!(f, "  SHA-256 {}", self.sha256)?;
        let next = "Review the ceremony before anybody signs it. Then take the signature in: trustroot import --role";
        f.write_str(&wrapped(&format!("{next} {} --key KEY --signature FILE", escaped(&self.role)), 0))
    }
}

impl Report for Written {
    fn json(&self) -> Json {
        object([
            ("ok", Json::Bool(true)),
            ("role", Json::string(&self.role)),
            ("file", Json::string(&self.file)),
            ("sha256", Json::string(&self.sha256)),
        ])
    }
}
