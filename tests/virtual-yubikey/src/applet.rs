//! The applications of a YubiKey that matter here: what they remember, and which command goes where.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::apdu::Command;
use crate::authority::Authority;
use crate::management::{Challenge, ManagementKey};
use crate::object::ATTESTATION_CERTIFICATE;
use crate::pin::Reference;
use crate::policy::{PinPolicy, TouchPolicy};
use crate::profile::Profile;
use crate::slot::{Origin, Slot, SlotKey};
use crate::status::StatusWord;
use crate::tlv::tlv;

/// What a YubiKey remembers.
pub(crate) struct Applet {
    pub(crate) profile: Profile,
    pub(crate) pin: Reference,
    pub(crate) puk: Reference,
    pub(crate) management: ManagementKey,
    pub(crate) keys: BTreeMap<Slot, SlotKey>,
    pub(crate) objects: BTreeMap<u32, Vec<u8>>,
    pub(crate) session: Session,
    /// Somebody touches the card while the command at hand is carried out.
    touch: bool,
    last_touch: Option<Instant>,
}

/// What a YubiKey forgets when an application is selected, and without power.
#[derive(Default)]
pub(crate) struct Session {
    application: Option<Application>,
    /// The PIN was verified.
    pub(crate) pin: bool,
    /// The command before this one verified the PIN.
    pub(crate) fresh: bool,
    /// The management key was proven.
    pub(crate) management: bool,
    pub(crate) challenge: Option<Challenge>,
}

/// What comes of a command: data, or why not.
pub(crate) type Outcome = Result<Vec<u8>, Refusal>;

/// Why a command is not carried out.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// For good.
    Status(StatusWord),
    /// Until somebody touches the card. Nothing has changed so far.
    Touch,
}

impl From<StatusWord> for Refusal {
    fn from(status: StatusWord) -> Self {
        Self::Status(status)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Application {
    Management,
    Otp,
    Piv,
}

impl Applet {
    /// A YubiKey from the factory.
    pub(crate) fn new(profile: Profile, authority: &Authority) -> Self {
        let (private, certificate) = authority.attestation(&profile);
        let attestation =
            SlotKey { private, pin: PinPolicy::Never, touch: TouchPolicy::Never, origin: Origin::Imported };
        let object = [tlv(0x70, &certificate), tlv(0x71, &[0]), tlv(0xfe, &[])].concat();
        Self {
            profile,
            pin: Reference::pin(),
            puk: Reference::puk(),
            management: ManagementKey::factory(profile.firmware),
            keys: BTreeMap::from([(Slot::ATTESTATION, attestation)]),
            objects: BTreeMap::from([(ATTESTATION_CERTIFICATE, object)]),
            session: Session::default(),
            touch: false,
            last_touch: None,
        }
    }

    /// Notes that a command came, or a part of one: only the use of a key leaves the PIN fresh.
    pub(crate) fn hear(&mut self, instruction: u8) {
        self.session.fresh &= instruction == GENERAL_AUTHENTICATE;
    }

    /// Carries out a command; `touch` says that somebody touches the card meanwhile.
    ///
    /// A key whose policy says *always* wants the PIN right before it is used: every command takes the freshness away.
    /// Yubico's own host software is written for that ("any command performed after that de-authenticates").
    pub(crate) fn run(&mut self, command: &Command, touch: bool) -> Outcome {
        self.touch = touch;
        if touch {
            self.last_touch = Some(Instant::now());
        }
        let fresh = std::mem::take(&mut self.session.fresh);
        let outcome = self.dispatch(command, fresh);
        if outcome == Err(Refusal::Touch) {
            self.session.fresh = fresh;
        }
        outcome
    }

    /// Carries out a command of the PIV application in a session of its own, in which the management key was proven.
    pub(crate) fn administer(&mut self, command: &Command) -> Outcome {
        let administrator = Session { application: Some(Application::Piv), management: true, ..Session::default() };
        let session = std::mem::replace(&mut self.session, administrator);
        let outcome = self.piv(command, false);
        self.session = session;
        outcome
    }

    /// Nobody touched the card.
    pub(crate) fn missed_touch(&mut self) -> StatusWord {
        self.session.fresh = false;
        StatusWord::SECURITY_STATUS
    }

    /// The card loses power.
    pub(crate) fn power_off(&mut self) {
        self.session = Session::default();
        self.last_touch = None;
    }

    /// That the management key was proven.
    pub(crate) fn managed(&self) -> Result<(), StatusWord> {
        if self.session.management { Ok(()) } else { Err(StatusWord::SECURITY_STATUS) }
    }

    /// That the card is touched if this policy wants it.
    pub(crate) fn touched(&self, policy: TouchPolicy) -> Result<(), Refusal> {
        let recent = || self.last_touch.is_some_and(|touch| touch.elapsed() < CACHED);
        match policy {
            TouchPolicy::Never => Ok(()),
            TouchPolicy::Cached if recent() => Ok(()),
            _ if self.touch => Ok(()),
            _ => Err(Refusal::Touch),
        }
    }

    fn dispatch(&mut self, command: &Command, fresh: bool) -> Outcome {
        if (command.instruction, command.p1) == (SELECT, 4) {
            return self.select(&command.data);
        }
        match self.session.application {
            Some(Application::Piv) => self.piv(command, fresh),
            Some(Application::Management) if command.instruction == READ_CONFIG => Ok(self.config(command.p1)),
            Some(Application::Otp) if (command.instruction, command.p1) == (OTP_REQUEST, OTP_SERIAL) => {
                Ok(self.profile.serial.to_be_bytes().to_vec())
            }
            _ => Err(StatusWord::INSTRUCTION)?,
        }
    }

    fn piv(&mut self, command: &Command, fresh: bool) -> Outcome {
        match command.instruction {
            0x20 => self.verify(command),
            0x24 => self.change_reference(command),
            0x2c => self.reset_retry(command),
            0x47 => self.generate(command),
            GENERAL_AUTHENTICATE if command.p2 == 0x9b => self.authenticate_management(command),
            GENERAL_AUTHENTICATE => self.use_key(command, fresh),
            0xcb => self.get_data(command),
            0xdb => self.put_data(command),
            0xf6 => self.move_key(command),
            0xf7 => self.metadata(command),
            0xf8 if self.profile.firmware.has_serial() => Ok(self.profile.serial.to_be_bytes().to_vec()),
            0xf9 => self.attest(command),
            0xfa => self.set_retries(command),
            0xfb => self.reset(),
            0xfd => Ok(self.profile.firmware.to_bytes().to_vec()),
            0xfe => self.import(command),
            0xff => self.set_management_key(command),
            _ => Err(StatusWord::INSTRUCTION)?,
        }
    }

    /// SELECT. Whatever was verified is so no longer, also if the application is the same.
    fn select(&mut self, name: &[u8]) -> Outcome {
        let known = [(PIV, Application::Piv), (MANAGEMENT, Application::Management), (OTP, Application::Otp)];
        let named = |(full, _): &(&[u8], Application)| name.len() >= 5 && full.starts_with(name);
        let (_, application) = known.into_iter().find(named).ok_or(StatusWord::NOT_FOUND)?;
        self.session = Session { application: Some(application), ..Session::default() };
        let firmware = self.profile.firmware;
        Ok(match application {
            Application::Piv => {
                let authority = tlv(0x79, &tlv(0x4f, &PIV[..5]));
                tlv(0x61, &[tlv(0x4f, &PIV[5..]), authority].concat())
            }
            Application::Management => format!("Virtual mgr - FW version {firmware}").into_bytes(),
            Application::Otp => [&firmware.to_bytes()[..], &[0; 7]].concat(),
        })
    }

    /// RESET: all but the attestation key and its certificate is as it was in the factory. Only once neither PIN nor
    /// PUK has a try left.
    fn reset(&mut self) -> Outcome {
        if self.pin.left() > 0 || self.puk.left() > 0 {
            return Err(StatusWord::CONDITIONS)?;
        }
        self.pin = Reference::pin();
        self.puk = Reference::puk();
        self.management = ManagementKey::factory(self.profile.firmware);
        self.keys.retain(|slot, _| *slot == Slot::ATTESTATION);
        self.objects.retain(|object, _| *object == ATTESTATION_CERTIFICATE);
        self.session = Session { application: self.session.application, ..Session::default() };
        Ok(Vec::new())
    }

    /// What the management application says of the device: PIV is all it has, over USB.
    fn config(&self, page: u8) -> Vec<u8> {
        if page > 0 {
            return vec![0];
        }
        let piv = [0, 0x10];
        let serial = self.profile.serial.to_be_bytes();
        let tlvs = [
            tlv(0x01, &piv),
            tlv(0x02, &serial),
            tlv(0x03, &piv),
            tlv(0x04, &[self.profile.form_factor_byte()]),
            tlv(0x05, &self.profile.firmware.to_bytes()),
            tlv(0x08, &[0]),
            tlv(0x0a, &[0]),
        ]
        .concat();
        let length = u8::try_from(tlvs.len()).expect("these values have less than 256 bytes");
        [&[length], &tlvs[..]].concat()
    }
}

const SELECT: u8 = 0xa4;
const GENERAL_AUTHENTICATE: u8 = 0x87;
/// READ CONFIG of the management application.
const READ_CONFIG: u8 = 0x1d;
const OTP_REQUEST: u8 = 0x01;
const OTP_SERIAL: u8 = 0x10;

/// The names of the applications, with their versions where they have one.
const PIV: &[u8] = &[0xa0, 0, 0, 0x03, 0x08, 0, 0, 0x10, 0, 0x01, 0];
const MANAGEMENT: &[u8] = &[0xa0, 0, 0, 0x05, 0x27, 0x47, 0x11, 0x17];
const OTP: &[u8] = &[0xa0, 0, 0, 0x05, 0x27, 0x20, 0x01, 0x01];

/// How long a touch lasts where the policy says so.
const CACHED: Duration = Duration::from_secs(15);
