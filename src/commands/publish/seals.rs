//! What the online keys sign for a publication: taken as it was signed before where it still serves.

use ceremony::policy::Signers;
use ceremony::{Absent, Assembled, Kind, Online, Quorum, SealError, Sealed, SealedFile, Sealing, Seals};

use crate::ceremony_dir::{Ceremony, SealFile};
use crate::context::Context;
use crate::disk::{self, Access, Lock};
use crate::error::Failure;
use crate::online::OnlineKeys;
use crate::published::{Published, PublishedFile};
use crate::seen;

/// The online roles as they were signed for this publication before, highest versions; and all versions of snapshots and
/// of timestamps, for no version is signed twice.
fn load_seals(ceremony: &Ceremony) -> Result<(Seals, Vec<u64>, Vec<u64>), Failure> {
    let mut seals = Seals::default();
    let (mut snapshots, mut timestamps) = (Vec::new(), Vec::new());
    for SealFile { path, file } in ceremony.seals()? {
        let file = file.map_err(|what| Failure::no(format!("{path} cannot be used")).and_cause(what))?;
        let file = SealedFile { metadata: file.metadata, bytes: file.bytes };
        let (slot, taken) = match file.metadata.kind() {
            Kind::Snapshot => (&mut seals.snapshot, &mut snapshots),
            _ => (&mut seals.timestamp, &mut timestamps),
        };
        taken.push(file.metadata.version());
        let newer = |held: &SealedFile| held.metadata.version() < file.metadata.version();
        if slot.as_ref().is_none_or(newer) {
            *slot = Some(file);
        }
    }
    Ok((seals, snapshots, timestamps))
}

/// Keeps what the online keys signed before the first write outside: a second signature would be another file.
pub(super) fn store_seals(lock: &Lock, ceremony: &Ceremony, seals: &Seals) -> Result<(), Failure> {
    disk::sweep(lock, &ceremony.dir.published())?;
    for (role, file) in [("snapshot", &seals.snapshot), ("timestamp", &seals.timestamp)] {
        if let Some(file) = file {
            let place = ceremony.dir.published().join(&format!("{}.{role}.json", file.metadata.version()));
            disk::create_or_same(&place, &file.bytes, Access::Shared)?;
        }
    }
    Ok(())
}

/// Takes what was signed before where it still serves, and has the rest signed. Returns also who had no part in it.
pub(super) fn seal(
    ceremony: &Ceremony,
    assembled: &Assembled,
    published: &Published,
    keys: &mut OnlineKeys<'_>,
    context: &Context,
) -> Result<(Sealed, Vec<String>), Failure> {
    let (staged, now) = (assembled.staged(), context.now);
    let quorum = |role| staged.quorum(role).ok_or_else(|| Failure::could_not(format!("the root has no role {role}")));
    let (snapshot_keys, timestamp_keys) = (quorum("snapshot")?, quorum("timestamp")?);
    fit_to_edit(context, ceremony, "snapshot", published.snapshot.as_ref(), &snapshot_keys)?;
    fit_to_edit(context, ceremony, "timestamp", published.timestamp.as_ref(), &timestamp_keys)?;

    let (before, snapshots, timestamps) = load_seals(ceremony)?;
    let sealed = |file: &PublishedFile| SealedFile { metadata: file.metadata.clone(), bytes: file.bytes.clone() };
    let serves = |file: &SealedFile, published: &Option<PublishedFile>, keys: &Quorum| {
        let version = published.as_ref().map_or(0, |file| file.metadata.version());
        file.metadata.version() > version && now < file.metadata.expires() && keys.incoming.met_by(&file.metadata)
    };
    let snapshot = before.snapshot.filter(|file| serves(file, &published.snapshot, &snapshot_keys));
    let present = snapshot.clone().or_else(|| published.snapshot.as_ref().map(sealed));
    let kept_timestamp = before.timestamp.filter(|file| {
        let names = ceremony::Meta::of(&file.metadata).ok().and_then(|meta| meta.file("snapshot.json").cloned());
        let names_present = names.map(|entry| entry.version) == present.as_ref().map(|file| file.metadata.version());
        names_present && serves(file, &published.timestamp, &timestamp_keys)
    });
    let published_timestamp = published.timestamp.as_ref().map(|file| &file.metadata);
    let online = Online {
        policy: &ceremony.inputs.policy,
        snapshot_keys,
        timestamp_keys,
        snapshot: present.as_ref(),
        timestamp: kept_timestamp.as_ref().map(|file| &file.metadata).or(published_timestamp),
        snapshots_taken: [&published.snapshots_taken[..], &snapshots].concat(),
        timestamps_taken: timestamps,
        now,
    };
    let Sealing { seals, absent } = assembled.seal(&online, keys).map_err(unsealed)?;
    // A new snapshot makes every kept timestamp name the wrong one, and then a new timestamp was made as well.
    let snapshot = seals.snapshot.or(snapshot);
    let timestamp = seals.timestamp.or(kept_timestamp);
    Ok((assembled.with(Seals { snapshot, timestamp }), describe(absent)))
}

/// What to do about a file that nobody who may signed.
pub(super) const PUT_BACK: &str = "nothing was signed over it; find out who put it there, and put the right one back";

/// What the online keys sign is an edit of what is published: it must not have been put there by somebody else, nor put
/// back.
fn fit_to_edit(
    context: &Context,
    ceremony: &Ceremony,
    role: &str,
    published: Option<&PublishedFile>,
    keys: &Quorum,
) -> Result<(), Failure> {
    let policy = &ceremony.inputs.policy;
    if policy.role(role).is_some_and(|role| role.signers == Signers::External) {
        return Ok(());
    }
    // What lies in base/ was vouched for by the roots before, and everybody was told.
    let base = if role == "snapshot" { &ceremony.base.snapshot } else { &ceremony.base.timestamp };
    let seen = seen::seen(context, &policy.id, role)?;
    let known = base.iter().map(|base| (base, "the ceremony started from"));
    let known: Vec<_> = known.chain(seen.iter().map(|seen| (seen, "this machine has seen"))).collect();
    seen::refuse_older(role, published.map(|file| &file.metadata), &known, keys)?;
    let Some(PublishedFile { metadata, .. }) = published else { return Ok(()) };
    let reviewed = base.as_ref().is_some_and(|base| base.payload() == metadata.payload());
    if reviewed || keys.sets().any(|set| set.met_by(metadata)) {
        return Ok(());
    }
    let message =
        format!("{role} version {} in repository/ is not signed by those who may sign it", metadata.version());
    Err(Failure::no(message).hint(PUT_BACK))
}

/// One sentence for each key that had no part in what was sealed.
pub(crate) fn describe(absent: Vec<Absent<Failure>>) -> Vec<String> {
    let line = |absent: Absent<Failure>| {
        format!("the online key {} did not sign: {}", absent.fingerprint.short(), absent.error.line())
    };
    absent.into_iter().map(line).collect()
}

/// The failure of a key is more telling than that there was one.
pub(crate) fn unsealed(error: SealError<Failure>) -> Failure {
    match error {
        SealError::Sign { role, error } => error.in_context(format!("{role} could not be signed")),
        error => Failure::could_not(error.to_string()),
    }
}
