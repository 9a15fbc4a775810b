//! `trustroot sign`

mod keys;
mod report;

use std::path::PathBuf;

use ceremony::stage::StagedRole;
use ceremony::{Days, Finding, Fingerprint, ProposalDigest, Rule, SignatureFile, Staged, Time};
use keyholders::{Device, DeviceError, Name, Roster};

use self::report::{Made, Signed};
use crate::ask::Person;
use crate::ceremony_dir::Ceremony;
use crate::context::Context;
use crate::devices::{AtHand, DeviceArgs, KeyAtHand};
use crate::disk::{self, Access};
use crate::error::{Failure, OrFail as _};
use crate::examine::examine;
use crate::machine::{Entry, Exceptions, JournalError};
use crate::report::Outcome;
use crate::text::escaped;
use crate::ui::Ui;

/// Sign a proposal: every role that the keys at hand may sign
///
/// Shows what the proposal changes against the root that you trust, and then asks for its digest as you heard it from
/// the coordinator by another channel. It never shows the digest itself. Each signature is verified before it is
/// written, one file for each role and key.
///
/// What it shows before the question goes to stderr, where the question is; `trustroot review` writes it to stdout.
#[derive(clap::Args)]
pub(crate) struct Sign {
    /// The ceremony; not needed while only one is open
    ceremony: Option<String>,
    /// The digest of the proposal as you heard it: its twelve words, or at least 32 of its hex digits
    #[arg(long, value_name = "DIGEST")]
    expect: Option<String>,
    /// Trust this root; by default the one that this machine remembers
    #[arg(long, value_name = "FILE")]
    root: Option<PathBuf>,
    /// Use the keys of this keyholder alone, where devices of others are here too; may be given several times
    #[arg(long, value_name = "NAME")]
    keyholder: Vec<Name>,
    #[command(flatten)]
    keys: DeviceArgs,
}

impl Sign {
    pub(crate) fn run(self, context: &Context, ui: &mut Ui) -> Result<Outcome, Failure> {
        // No lock: what is written is new files that nobody changes, and a timer does not wait for a person.
        let ceremony = Ceremony::choose(context, ui, self.ceremony.as_deref())?;
        ceremony.refuse_closed()?;
        let told = examine(context, &ceremony, self.root.as_deref(), ui)?.tell(&ceremony)?;
        ui.show(&told);
        let examined = told.examined;
        examined.fit_to_sign()?;
        let staged = examined.staged();
        plausible(staged, context.now)?;
        if let Some(given) = &self.expect {
            agree(ceremony.digest.is(given).or_fail(|| "--expect is no digest")?)?;
        }

        // Nobody types twelve words to hear then that there is no key.
        let roster = self.roster(&ceremony)?;
        let mut at_hand = self.look(context, &ceremony, &roster, staged, ui)?;
        if let Some(signed) = signed_before(&ceremony, &roster, staged, &at_hand).filter(|_| self.expect.is_none()) {
            return Ok(Outcome::done(Signed { ceremony: ceremony.name, signed }));
        }
        if self.keys.secrets.pin_file.is_some() {
            keys::refuse_several(&ceremony, &roster, staged, &at_hand)?;
        }
        ui.say_apart("The keys at hand:");
        at_hand.keys.iter().for_each(|key| ui.say(keys::told(&ceremony, staged, key)));
        for token in at_hand.closed_tokens(&roster) {
            ui.say(format!("{token} shows its keys only with its PIN."));
        }
        if self.expect.is_none() {
            consent(ui, &ceremony.digest)?;
        }
        let seen: Vec<Fingerprint> = at_hand.keys.iter().map(|key| key.fingerprint).collect();
        let mut person = Person::new(ui, &self.keys.secrets)?;
        at_hand.open(&roster, &mut person)?;
        self.narrow(&mut at_hand, &roster);
        for problem in &at_hand.problems {
            person.ui().say(problem);
        }
        let opened = at_hand.keys.iter().filter(|key| !seen.contains(&key.fingerprint));
        opened.for_each(|key| person.ui().say(keys::told(&ceremony, staged, key)));
        let may_sign = |key: &KeyAtHand| keys::may_sign(staged, &key.fingerprint);
        let (able, other): (Vec<_>, Vec<_>) = at_hand.keys.into_iter().partition(may_sign);
        if able.is_empty() {
            return Err(keys::none(&ceremony, staged, &other));
        }
        let (mut signed, mut failure, mut passed_over) = (Vec::new(), None, None);
        let mut able = able.into_iter().peekable();
        while let Some(mut key) = able.next() {
            let unsigned = sign_all(context, &ceremony, staged, &mut *key.device, &mut person, &mut signed);
            let Some(unsigned) = unsigned.map_err(|failure| kept(failure, &signed))? else { continue };
            // At a terminal one device does not speak for the next.
            let goes_on = person.ui().has_terminal() && able.peek().is_some();
            if goes_on {
                person.ui().say(format!("{}. Going on with the next device.", unsigned.line()));
            }
            // Whoever passes a device over wants nothing of it.
            match person.passed_over() {
                true => passed_over.get_or_insert(unsigned),
                false => failure.get_or_insert(unsigned),
            };
            if !goes_on {
                break;
            }
        }
        if let Some(failure) = failure.or_else(|| passed_over.filter(|_| signed.is_empty())) {
            return Err(kept(failure, &signed));
        }
        examined.remember(context)?;
        Ok(Outcome::done(Signed { ceremony: ceremony.name, signed }))
    }

    /// The keys at hand, one of which may sign `staged`, or may be found to once a person gives a secret. Asks for the
    /// path of a key file where one may sign, since such keys do not show themselves as those on tokens do.
    fn look(
        &self,
        context: &Context,
        ceremony: &Ceremony,
        roster: &Roster,
        staged: &Staged,
        ui: &mut Ui,
    ) -> Result<AtHand, Failure> {
        let mut at_hand = AtHand::look(context, &self.keys, roster)?;
        self.narrow(&mut at_hand, roster);
        let is_hopeful = |at_hand: &AtHand| {
            !at_hand.is_all(roster) || at_hand.keys.iter().any(|key| keys::may_sign(staged, &key.fingerprint))
        };
        let on_record = ceremony.inputs.holders.iter().filter(|holder| !holder.online).flat_map(|holder| &holder.keys);
        let mut in_files = on_record.filter(|key| key.in_file).filter_map(|key| key.key.key.as_ref().ok());
        let in_file = self.keys.key_files.is_empty()
            && (ceremony.inputs.policy.devices.file_keys
                || in_files.any(|key| keys::may_sign(staged, &key.fingerprint())));
        while in_file && ui.has_terminal() && !is_hopeful(&at_hand) {
            let question = "No device at hand may sign. Path of your key file";
            let file = ui.value("--key-file", question, None)?;
            let args = DeviceArgs { key_files: vec![file], ..DeviceArgs::default() };
            match AtHand::look(context, &args, roster) {
                Ok(found) => {
                    at_hand.extend(found);
                    break;
                }
                Err(failure) => ui.tell(&failure),
            }
        }
        if is_hopeful(&at_hand) {
            return Ok(at_hand);
        }
        at_hand.problems.iter().for_each(|problem| ui.say(problem));
        Err(keys::none(ceremony, staged, &at_hand.keys))
    }

    /// The people whose keys are used: all, or those who were named.
    fn roster(&self, ceremony: &Ceremony) -> Result<Roster, Failure> {
        if self.keyholder.is_empty() {
            return Ok(ceremony.roster.clone());
        }
        let named = self.keyholder.iter().map(|name| {
            let unknown = || Failure::could_not(format!("nobody of the name {name} is on record in this ceremony"));
            ceremony.roster.record(name.as_str()).cloned().ok_or_else(unknown)
        });
        Ok(Roster::new(named.collect::<Result<Vec<_>, _>>()?)?)
    }

    fn narrow(&self, at_hand: &mut AtHand, roster: &Roster) {
        if !self.keyholder.is_empty() {
            at_hand.only(roster);
        }
    }
}

/// The signatures of the keys at hand, if they have signed all that they may, and no key is hidden yet.
fn signed_before(ceremony: &Ceremony, roster: &Roster, staged: &Staged, at_hand: &AtHand) -> Option<Vec<Made>> {
    if !at_hand.is_all(roster) {
        return None;
    }
    let mut signed = Vec::new();
    for key in &at_hand.keys {
        for (role, staged) in staged.roles().iter().filter(|(_, staged)| staged.quorum.key(&key.fingerprint).is_some())
        {
            signed.push(before(ceremony, role, staged, &key.fingerprint)?);
        }
    }
    Some(signed)
}

/// The signature over what is staged that the key has made before.
fn before(ceremony: &Ceremony, role: &str, staged: &StagedRole, key: &Fingerprint) -> Option<Made> {
    let public = staged.quorum.key(key)?.key.as_ref().ok()?;
    let mut present = ceremony
        .signatures
        .iter()
        .filter(|file| file.role == role && file.fingerprint == *key && file.payload == staged.payload.digest());
    let file = present.find(|file| staged.payload.verify(public, &file.signature).is_ok())?;
    let place = ceremony.dir.signatures(role).join(&file.file_name());
    let (version, keyholder) = (staged.metadata.version(), file.keyholder.clone());
    Some(Made { role: role.to_owned(), version, keyholder, file: place.path(), is_new: false })
}

/// Asks for the digest as it was heard. What is no digest at all is asked for again; a wrong one ends the command: it
/// is no password to try.
fn consent(ui: &mut Ui, digest: &ProposalDigest) -> Result<(), Failure> {
    ui.say_apart(
        "The coordinator's screen shows the digest of this proposal, and you hear it by another channel. If this is not \
         what you want to sign, press Ctrl-C: nothing is signed without the digest.",
    );
    loop {
        let heard: String =
            ui.value("--expect", "Digest as you heard it (twelve words, or hex; Ctrl-C signs nothing)", None)?;
        match digest.is(&heard) {
            Ok(same) => return agree(same),
            Err(error) => ui.say(error),
        }
    }
}

fn agree(same: bool) -> Result<(), Failure> {
    if same {
        return Ok(());
    }
    Err(Failure::no("what you heard is not the digest of this proposal: nothing was signed")
        .hint("hear it again, word by word; if it still differs, this copy is not what the others see"))
}

/// Whether the proposal can be meant for today, by this machine's clock.
fn plausible(staged: &Staged, now: Time) -> Result<(), Failure> {
    let tomorrow = now.plus(Days(1)).unwrap_or(now);
    if staged.at() > tomorrow {
        return Err(Failure::no(format!("the proposal was staged at {}, and it is {now} here", staged.at()))
            .hint("set this machine's clock, or ask the coordinator"));
    }
    for (role, staged) in staged.roles() {
        let expires = staged.metadata.expires();
        if expires <= now {
            return Err(Failure::no(format!("{role} would expire at {expires}, and it is {now} here"))
                .hint("set this machine's clock; if it is right, the proposal must be staged again"));
        }
    }
    Ok(())
}

/// Says what was signed before `failure`.
fn kept(failure: Failure, signed: &[Made]) -> Failure {
    let files = signed.iter().filter(|made| made.is_new);
    let files: Vec<_> = files.map(|made| made.file.display().to_string()).collect();
    match files.is_empty() {
        true => failure,
        false => {
            failure.hint(format!("what was signed is kept, and the next run goes on after it: {}", files.join(", ")))
        }
    }
}

/// Signs every role that the key of `device` may sign, but for those that it has signed already, and adds them to `made`.
/// Answers with what kept the device from signing, if something did.
///
/// # Errors
/// If something speaks against these signatures, whichever device makes them.
fn sign_all(
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
