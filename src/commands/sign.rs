//! `trustroot sign`

mod consent;
mod device;
mod keys;
mod report;

use std::path::PathBuf;

use ceremony::stage::StagedRole;
use ceremony::{Days, Fingerprint, Staged, Time};
use keyholders::{Name, Roster};

use self::consent::{agree, consent};
use self::device::sign_all;
use self::report::{Made, Signed};
use crate::ask::Person;
use crate::ceremony_dir::Ceremony;
use crate::context::Context;
use crate::devices::{AtHand, DeviceArgs, KeyAtHand};
use crate::error::{Failure, OrFail as _};
use crate::examine::examine;
use crate::report::Outcome;
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
        for file in at_hand.locked_files() {
            ui.say(format!("The key file {} shows its key only with its passphrase.", file.display()));
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
