//! What the keys of this machine have signed of a ceremony.

use ceremony::SignatureFile;

use crate::ceremony_dir::Ceremony;
use crate::context::Context;
use crate::error::Failure;

/// The files with the signatures that were made at this machine; none unless every key that signed here has signed all
/// that it may.
///
/// # Errors
/// If the proposal is not what its inputs give.
pub(super) fn signed_here(context: &Context, ceremony: &Ceremony) -> Result<Vec<String>, Failure> {
    let (staged, id) = (ceremony.staged()?, &ceremony.inputs.policy.id);
    let mut files = Vec::new();
    for key in ceremony.roster.records().iter().flat_map(|record| record.keys()) {
        let fingerprint = key.fingerprint();
        // A journal that cannot be read keeps nobody from looking: `sign` says so.
        let journal = context.machine.journal(&fingerprint).unwrap_or_default();
        let (mut asked, mut lacking) = (false, false);
        for (role, staged) in staged.roles() {
            if staged.quorum.key(&fingerprint).is_none() {
                continue;
            }
            let (version, payload) = (staged.metadata.version(), staged.payload.digest());
            asked |= journal
                .iter()
                .any(|entry| (&entry.id, &entry.role, entry.version, entry.digest) == (id, role, version, payload));
            let signed = |file: &&SignatureFile| {
                (&file.role, file.fingerprint, file.payload) == (role, fingerprint, payload)
                    && staged.payload.verify(key.public_key(), &file.signature).is_ok()
            };
            match ceremony.signatures.iter().find(signed) {
                Some(file) if asked => {
                    let name = SignatureFile::name(&file.keyholder, &fingerprint, &payload);
                    files.push(ceremony.dir.signatures(role).join(&name).to_string());
                }
                Some(_) => {}
                None => lacking = true,
            }
        }
        if asked && lacking {
            return Ok(Vec::new());
        }
    }
    Ok(files)
}
