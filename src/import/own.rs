//! The signature files of this program, from wherever they were carried: what they hold counts, and not their name.

use ceremony::signature_file::SignatureFileError;
use ceremony::{Json, SignatureFile, Staged};

use super::{Good, Judged, Left, Payload};
use crate::disk::Place;
use crate::error::{Failure, OrFail as _};

/// The most files that are taken in at once.
const FILES: usize = 10_000;

/// The signature file in `bytes`; none if they are something else.
///
/// # Errors
/// If it is one that is damaged.
pub(crate) fn read(bytes: &[u8]) -> Option<Result<SignatureFile, SignatureFileError>> {
    let json = Json::parse(bytes).ok()?;
    let is_own = json.get("trust-root").is_some() && json.get("fingerprint").is_some();
    is_own.then(|| SignatureFile::parse(bytes))
}

/// Judges `file` as a signature of what is staged for the trust root with the id `trust_root`.
pub(crate) fn judge(trust_root: &str, staged: &Staged, file: &SignatureFile) -> Judged {
    let judged = |verdict| Judged { role: file.role.clone(), key: file.fingerprint.short(), verdict };
    if file.trust_root != trust_root {
        return judged(Err(Left::OtherTrustRoot));
    }
    let Some(role) = staged.roles().get(&file.role) else {
        let staged = staged.roles().keys().cloned().collect::<Vec<_>>().join(", ");
        return judged(Err(Left::NotStaged { role: file.role.clone(), staged }));
    };
    if file.payload != role.payload.digest() {
        let found = Payload { version: file.version, digest: file.payload };
        let staged = Payload { version: role.metadata.version(), digest: role.payload.digest() };
        return judged(Err(Left::Stale { found, staged }));
    }
    let Some(key) = role.quorum.key(&file.fingerprint) else { return judged(Err(Left::Unknown)) };
    let Ok(key) = &key.key else { return judged(Err(Left::Unusable)) };
    if role.payload.verify(key, &file.signature).is_err() {
        return judged(Err(Left::Bad));
    }
    let (fingerprint, signature) = (file.fingerprint, file.signature.clone());
    judged(Ok(Good { fingerprint, signature, signed_at: Some(file.signed_at) }))
}

/// The files that may hold signatures in the directory at `place`: its `.json` files, and those below `signatures/`, if
/// it has that or is it. So a whole ceremony can be handed back, too. What a person saved from their mail has any name.
///
/// # Errors
/// If it cannot be listed, or there are very many.
pub(crate) fn files_in(place: &Place) -> Result<Vec<Place>, Failure> {
    let is_signatures = place.path().file_name().is_some_and(|name| name == "signatures");
    let cannot = || format!("cannot list {place}");
    let mut files = Vec::new();
    for entry in std::fs::read_dir(place.path()).or_fail(cannot)? {
        let entry = entry.or_fail(cannot)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        // A symbolic link is neither, and is refused when it is read.
        match entry.file_type().or_fail(cannot)?.is_dir() {
            false if name.ends_with(".json") => files.push(place.join(&name)),
            true if is_signatures || name == "signatures" => files.extend(files_in(&place.join(&name))?),
            _ => {}
        }
        if files.len() > FILES {
            return Err(Failure::could_not(format!("{place} has more than {FILES} files")));
        }
    }
    files.sort();
    Ok(files)
}
