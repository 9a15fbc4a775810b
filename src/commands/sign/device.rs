//! What one device signs, as far as this machine's journal allows it.

use ceremony::{Finding, Fingerprint, Rule, SignatureFile, Staged, Time};
use keyholders::{Device, DeviceError};

use super::before;
use super::report::Made;
use crate::ask::Person;
use crate::ceremony_dir::Ceremony;
use crate::context::Context;
use crate::disk::{self, Access};
use crate::error::{Failure, OrFail as _};
use crate::machine::{Entry, Exceptions, JournalError};
use crate::text::escaped;

/// Signs every role that the key of `device` may sign, but for those that it has signed already, and adds them to `made`.
/// Answers with what kept the device from signing, if something did.
///
/// # Errors
/// If something speaks against these signatures, whichever device makes them.
pub(super) fn sign_all(
    context: &Context,
    ceremony: &Ceremony,
    staged: &Staged,
    device: &mut dyn Device,
    person: &mut Person<'_>,
    made: &mut Vec<Made>,
) -> Result<Option<Failure>, Failure> {
    let key = device.public_key().clone();
    let fingerprint = key.fingerprint();
    let label = device.describe().label;
    if context.now_given && !device.describe().kind.is_throw_away() {
        return Err(Failure::could_not(format!("--now was given, and {label} is no throw-away key"))
            .hint("leave --now out: a real key signs at the real time"));
    }
    let owner = ceremony.roster.find(&fingerprint).map(|(record, _)| record.name().to_string());
    let owner = owner.unwrap_or_else(|| "unknown".to_owned());
    let id = &ceremony.inputs.policy.id;
    for (role, staged) in staged.roles() {
        if staged.quorum.key(&fingerprint).is_none() {
            continue;
        }
        let (version, payload) = (staged.metadata.version(), staged.payload.digest());
        if let Some(before) = before(ceremony, role, staged, &fingerprint) {
            made.push(before);
            continue;
        }
        let name = SignatureFile::name(&owner, &fingerprint, &payload);
        let place = ceremony.dir.signatures(role).join(&name);
        // Before the device is troubled: whoever handed the directory over can have put anything there.
        if ceremony.files.contains_key(&format!("signatures/{role}/{name}")) {
            return Err(Failure::no(format!("{place} is in the way, and is no good signature of {label}"))
                .hint("look where it came from, take it away, and sign again"));
        }
        let entry = Entry { id: id.clone(), role: role.clone(), version, digest: payload, at: context.now };
        let accepted = exceptions(ceremony, &fingerprint, role, version, context.now, person);
        let message = format!("{label} does not sign {role} version {version}");
        let refused = |error| refused(&error, &message, role, version, &fingerprint);
        context.machine.may_sign(&fingerprint, &entry, accepted).map_err(refused)?;
        person.ui().say(format!("{role} version {version}: {label} signs, for {owner}"));
        let signature = match patient(device, staged.payload.bytes(), person) {
            Ok(signature) => signature,
            Err(error) => {
                return Ok(Some(Failure::from(error).in_context(format!("{role} was not signed with {label}"))));
            }
        };
        // The library below has its own idea of a good signature; what counts is what every client will compute.
        staged
            .payload
            .verify(&key, &signature)
            .or_fail(|| format!("{label} answered with something else than its signature over {role}"))?;
        context.machine.record(&fingerprint, &entry, accepted).map_err(refused)?;
        let file = SignatureFile {
            trust_root: id.clone(),
            role: role.clone(),
            version,
            payload,
            keyholder: owner.clone(),
            fingerprint,
            signature,
            signed_at: context.now,
        };
        disk::create_new(&place, &file.to_file(), Access::Shared)?;
        made.push(Made { role: role.clone(), version, keyholder: owner.clone(), file: place.path(), is_new: true });
    }
    Ok(None)
}

/// Signs, as often as a person goes on: a device that was pulled can be put back, and a touch can be given after all.
/// Both cost no try, and what was signed before stays.
fn patient(device: &mut dyn Device, message: &[u8], person: &mut Person<'_>) -> Result<Vec<u8>, DeviceError> {
    loop {
        let error = match device.sign(message, person) {
            Err(
                error @ (DeviceError::Gone { .. }
                | DeviceError::NoCard { .. }
                | DeviceError::NoService { .. }
                | DeviceError::NotTouched { .. }
                | DeviceError::Busy { .. }),
            ) => error,
            other => return other,
        };
        let ui = person.ui();
        if !ui.has_terminal() {
            return Err(error);
        }
        ui.say(&error);
        // No flag answers this: without a terminal nobody could put anything back.
        match ui.confirm("a terminal", "Is the device in place now, to try once more?", Some(true)) {
            Ok(true) => {}
            _ => return Err(error),
        }
    }
}

fn refused(error: &JournalError, message: &str, role: &str, version: u64, key: &Fingerprint) -> Failure {
    match error {
        JournalError::Equivocation { .. } => Failure::no(message).caused_by(error).hint(format!(
            "two different files of one version mislead clients; if the first was abandoned before anybody published \
             it, the coordinator says so to everybody with `trustroot accept equivocation '{role} {version}'`"
        )),
        JournalError::Older { .. } => Failure::no(message)
            .caused_by(error)
            .hint("what this directory shows as published is older than what this key has signed: ask the coordinator"),
        JournalError::Elsewhere { .. } => Failure::no(message).caused_by(error).hint(format!(
            "a signature made for one trust root can be used in another: enroll a key of its own for each; or the \
             coordinator says to everybody that this one is shared, with `trustroot accept key-used-elsewhere {key}`"
        )),
        _ => Failure::could_not(message).caused_by(error),
    }
}

/// What the policy accepts of this key: another payload for this version, as after an abandoned ceremony; that it signs
/// for another trust root.
fn exceptions(
    ceremony: &Ceremony,
    key: &Fingerprint,
    role: &str,
    version: u64,
    now: Time,
    person: &mut Person<'_>,
) -> Exceptions {
    let mut accepts = |rule, subject: String, what: &str| {
        let accept = ceremony.inputs.policy.accepts(&Finding::new(rule, subject, ""), now);
        if let Some(accept) = accept {
            person.ui().say(format!("The policy accepts {what}; reason: {}", escaped(&accept.reason)));
        }
        accept.is_some()
    };
    Exceptions {
        second: accepts(Rule::Equivocation, format!("{role} {version}"), &format!("a second {role} version {version}")),
        elsewhere: accepts(Rule::KeyUsedElsewhere, key.to_string(), "that this key signs for another trust root"),
    }
}
