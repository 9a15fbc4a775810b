//! `trustroot keyholder enroll`

mod enrolled;
mod evidence;
mod key;
mod yubikey;

use std::path::PathBuf;

use ceremony::policy::Signers;
use ceremony::{Certificate, Policy};
use keyholders::{Evidence, Home, Kind, Name, Nonce, Possession, Record, RecordKey, Roster, State};

use self::enrolled::Enrolled;
use self::key::{KeyArgs, Opened, Reach, Source};
use crate::ask::{Person, SecretArgs};
use crate::context::Context;
use crate::devices::{KeyInYubikey, ModuleArgs};
use crate::disk::{self, Access};
use crate::error::{Failure, OrFail as _};
use crate::policy_file::PolicyFile;
use crate::records::Keyholders;
use crate::report::Outcome;
use crate::ui::Ui;

/// Register a key: prove that it can sign, and write its record
///
/// The key is in a YubiKey, on a PKCS#11 token, in a file, or where this program does not reach it; asks for what no
/// flag answers. The proof is a signature over the trust root, the name, the fingerprint and the coordinator's nonce. A
/// YubiKey or a token keeps its key, and a YubiKey says so in certificates that lead to its vendor; a key in a file is
/// for rehearsals and low stakes only, and marked so wherever it is shown.
#[derive(clap::Args)]
pub(super) struct Enroll {
    /// Whose key it is: 1 to 64 of a-z 0-9 . _ -
    name: Option<Name>,
    #[command(flatten)]
    key: KeyArgs,
    /// Enroll an online key, which signs without a person
    #[arg(long)]
    online: bool,
    /// The coordinator's nonce, as `keyholder nonce` made it
    #[arg(long, value_name = "HEX", conflicts_with = "public")]
    nonce: Option<Nonce>,
    /// Make a nonce here: where the coordinator enrolls a key on their own machine
    #[arg(long, conflicts_with_all = ["nonce", "public"])]
    new_nonce: bool,
    /// The name has a record: this key is active from now on, and another one that was is retired
    #[arg(long)]
    replace: bool,
    /// The name has a record: keep this key as a spare, which --replace makes active one day
    #[arg(long, conflicts_with = "replace")]
    spare: bool,
    /// A certificate that the attestation leads to, besides Yubico's: kept with the evidence, and of use only where the
    /// policy names its SHA-256; may be given several times
    #[arg(long = "anchor", value_name = "FILE", requires = "yubikey")]
    anchors: Vec<PathBuf>,
    #[command(flatten)]
    modules: ModuleArgs,
    #[command(flatten)]
    secrets: SecretArgs,
}

/// What a keyholder does who has no trust root: the proof that they can sign is bound to the coordinator's.
const COPY: &str = "a keyholder enrolls in a copy of the coordinator's directory: ask for one, and for the nonce, then run \
                    this in it, or name it with -C DIR";

impl Enroll {
    pub(super) fn run(self, context: &Context, ui: &mut Ui) -> Result<Outcome, Failure> {
        if !disk::exists(&context.workdir.policy())? {
            return Err(PolicyFile::none(&context.workdir).hint(COPY).hint(
                "who starts the trust root and has none yet: `trustroot init`, then the names of everybody in its policy",
            ));
        }
        let policy = PolicyFile::read(&context.workdir)?.policy;
        let keyholders = Keyholders::load(&context.workdir.keyholders())?;
        let roster = &keyholders.roster;
        let kind = |name: &Name| {
            let present = roster.record(name.as_str());
            self.fits(name, present)?;
            self.kind(name, present, &policy)
        };
        let (name, kind) = match &self.name {
            Some(name) => (name.clone(), kind(name)?),
            None => ui.accepted("NAME", "Whose key is it", None, |name| kind(&name).map(|kind| (name, kind)))?,
        };
        let present = roster.record(name.as_str());
        let reach = Reach::new(context, &self.modules);
        let source = self.key.source(&reach, roster, &policy, (&name, kind), ui)?;
        let nonce = match source {
            Source::Public(_) => None,
            _ => Some(self.nonce(ui)?),
        };
        let mut person = Person::new(ui, &self.secrets)?;
        let opened = source.open(&self.key, &reach, &policy, roster, (&name, kind), &mut person)?;
        let opened = self.known(opened, &name, roster)?;
        let enrolled = self.prove(opened, &policy, &name, nonce, &mut person)?;
        let record = self.record(present, &name, kind, enrolled.key.clone())?;
        let evidence = evidence::of_record(&keyholders, &record, &enrolled, &self.anchors)?;
        let others = roster.records().iter().filter(|other| *other.name() != name).cloned();
        // Nobody else has this key, or one on this token.
        Roster::new(others.chain([record.clone()])).map_err(|error| Failure::no(error.to_string()))?;
        enrolled.write(context, &keyholders, &record, evidence.as_ref())?;
        let now = Keyholders::load(&context.workdir.keyholders())?;
        let findings = now.holder(&record, &policy, context.now).findings;
        let attested = now.attested(record.name(), &policy, context.now).into_iter().flatten();
        let attested = attested.into_iter().find(|attested| attested.key() == enrolled.key.public_key());
        Ok(Outcome::done(Enrolled {
            files: enrolled.files(context, &name, evidence.as_ref()),
            unnamed: evidence::unnamed(evidence.as_ref(), &policy),
            key_file: enrolled.new_file.map(|file| file.place.path()),
            key: enrolled.key,
            attested,
            record,
            findings,
            policy,
            now: context.now,
        }))
    }

    /// Refuses a second record, and a second key for nobody.
    fn fits(&self, name: &Name, present: Option<&Record>) -> Result<(), Failure> {
        match present {
            Some(_) if self.replace || self.spare => Ok(()),
            None if !(self.replace || self.spare) => Ok(()),
            Some(_) => Err(Failure::no(format!("{name} is enrolled already"))
                .hint("--replace retires the present key for this one, --spare keeps this one beside it")),
            None => Err(Failure::no(format!("{name} is not enrolled, so there is no key to replace or to spare"))
                .hint("leave --replace and --spare out")),
        }
    }

    fn kind(&self, name: &Name, present: Option<&Record>, policy: &Policy) -> Result<Kind, Failure> {
        let named = |wanted: fn(&Signers) -> bool| {
            let mut roles = policy.roles.values().filter(|role| wanted(&role.signers));
            roles.any(|role| role.signers.names().iter().any(|other| other == name.as_str()))
        };
        let as_person = named(|signers| matches!(signers, Signers::Keyholders(_)));
        let as_online = named(|signers| matches!(signers, Signers::Online(_)));
        let kind = match present {
            Some(record) => record.kind(),
            None if self.online || (as_online && !as_person) => Kind::Online,
            None => Kind::Person,
        };
        if kind == Kind::Person && self.online {
            return Err(Failure::no(format!("{name} is enrolled as a person")).hint("leave --online out"));
        }
        if kind == Kind::Online && as_person {
            let message = format!("the policy has {name} among the keyholders of a role, who are people");
            return Err(Failure::no(message).hint("leave --online out, or enroll the online key under another name"));
        }
        Ok(kind)
    }

    fn nonce(&self, ui: &mut Ui) -> Result<Nonce, Failure> {
        match &self.nonce {
            Some(nonce) => Ok(nonce.clone()),
            None if self.new_nonce => Nonce::random().or_fail(|| "this machine has no random numbers"),
            None => {
                ui.say_apart(
                    "The proof that you can sign covers a nonce, which the coordinator makes with `trustroot \
                     keyholder nonce` and tells everybody: it shows that the proof is new.",
                );
                let flags = "--nonce HEX or --new-nonce";
                if ui.confirm(flags, "Are you the coordinator, so that one is made here?", None)? {
                    return Nonce::random().or_fail(|| "this machine has no random numbers");
                }
                ui.value(flags, "The coordinator's nonce", None)
            }
        }
    }

    /// Refuses a key that somebody has. A keyholder may enroll a key of their own again, with a new proof or from where
    /// it really is; it keeps the object and the id that metadata lists it under.
    fn known(&self, opened: Opened, name: &Name, roster: &Roster) -> Result<Opened, Failure> {
        let public = opened.tuf_key.key.as_ref().map_err(Clone::clone)?;
        let Some((owner, key)) = roster.find(&public.fingerprint()) else { return Ok(opened) };
        if owner.name() == name && self.replace {
            let tuf_key = if opened.device.is_some() { key.tuf_key().clone() } else { opened.tuf_key };
            return Ok(Opened { tuf_key, ..opened });
        }
        let (state, short) = (key.state().as_str(), public.fingerprint().short());
        let message = format!("the key {short} is on record already: it is the {state} key of {}", owner.name());
        Err(match owner.name() == name {
            true => Failure::no(message).hint("--replace enrolls it again, as the active key"),
            false => Failure::no(message),
        })
    }

    fn prove(
        &self,
        opened: Opened,
        policy: &Policy,
        name: &Name,
        nonce: Option<Nonce>,
        person: &mut Person<'_>,
    ) -> Result<Proven, Failure> {
        let Opened { tuf_key, device, home, attestation, new_file, made } = opened;
        let possession = match (device, nonce) {
            (Some(mut device), Some(nonce)) => {
                let proof = Possession::prove(&mut *device, &policy.id, name, nonce, person);
                Some(proof.map_err(Failure::from).map_err(|failure| match (&home, made) {
                    (Home::Pkcs11 { uri, .. }, true) => failure.hint(format!(
                        "the key is on the token now: enroll it with --pkcs11 '{uri}' and without --generate"
                    )),
                    (Home::Yubikey { serial, slot }, true) => failure.hint(KeyInYubikey::hint(*serial, *slot)),
                    _ => failure,
                })?)
            }
            _ => None,
        };
        let state = if self.spare { State::Spare } else { State::Active };
        let key = RecordKey::new(state, tuf_key, home, possession)?;
        Ok(Proven { key, attestation, new_file })
    }

    fn record(&self, present: Option<&Record>, name: &Name, kind: Kind, key: RecordKey) -> Result<Record, Failure> {
        let fingerprint = key.fingerprint();
        let others = present.map(Record::keys).unwrap_or_default().iter().cloned();
        let others = others.filter(|other| other.fingerprint() != fingerprint);
        let others = others.map(|other| match other.state() {
            State::Active if self.replace => other.in_state(State::Retired),
            _ => other,
        });
        let keys = if self.spare { others.chain([key]).collect() } else { [key].into_iter().chain(others).collect() };
        Ok(Record::new(name.clone(), kind, keys)?)
    }
}

/// A key that is ready for the record.
struct Proven {
    key: RecordKey,
    attestation: Option<(Certificate, Certificate)>,
    new_file: Option<key::NewFile>,
}

impl Proven {
    /// The files that the coordinator needs.
    fn files(&self, context: &Context, name: &Name, evidence: Option<&Evidence>) -> Vec<PathBuf> {
        let record = context.workdir.keyholder(name.as_str()).path();
        let evidence = evidence.map(|_| context.workdir.attestations(name.as_str()).path());
        [record].into_iter().chain(evidence).collect()
    }

    /// Writes the key file, then the record, and then the evidence: a record without its evidence proves less, and
    /// evidence without a record is an error.
    fn write(
        &self,
        context: &Context,
        seen: &Keyholders,
        record: &Record,
        evidence: Option<&Evidence>,
    ) -> Result<(), Failure> {
        let _lock = context.workdir.lock()?;
        if Keyholders::load(&context.workdir.keyholders())? != *seen {
            return Err(
                Failure::could_not("the records changed meanwhile, nothing was written").hint("run the command again")
            );
        }
        if let Some(file) = &self.new_file {
            disk::create_new(&file.place, file.pem.as_bytes(), Access::Private)?;
        }
        let place = context.workdir.keyholder(record.name().as_str());
        let text = record.to_toml();
        let written = match seen.roster.record(record.name().as_str()) {
            Some(_) => disk::replace(&place, text.as_bytes(), Access::Shared),
            None => disk::create_new(&place, text.as_bytes(), Access::Shared),
        };
        let written = written.and_then(|()| match evidence {
            Some(evidence) => {
                let place = context.workdir.attestations(record.name().as_str());
                disk::replace(&place, evidence.to_pem().as_bytes(), Access::Shared)
            }
            None => Ok(()),
        });
        written.map_err(|error| match &self.new_file {
            Some(file) => {
                Failure::from(error).hint(format!("the key is in {} now: enroll it without --generate", file.place))
            }
            None => error.into(),
        })
    }
}
