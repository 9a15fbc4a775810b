//! One card: what a reader does with it, and what a test does with it.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::apdu::{Answer, Chain, Command, Link};
use crate::applet::{Applet, Refusal};
use crate::authority::Authority;
use crate::fault::{Failure, Fault};
use crate::key::{Algorithm, PrivateKey};
use crate::log::LoggedApdu;
use crate::policy::{PinPolicy, TouchPolicy};
use crate::profile::Profile;
use crate::slot::{Origin, Slot, SlotKey};
use crate::status::StatusWord;
use crate::touch::{Touch, Touches};

/// A YubiKey in software. Clones are the same card.
#[derive(Clone)]
pub struct Card {
    profile: Profile,
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    /// Something happened that a waiting command wants to hear of.
    changed: Condvar,
}

struct State {
    applet: Applet,
    chain: Chain,
    touch: Touch,
    touches: Touches,
    pressed: bool,
    /// It is in a reader.
    plugged: bool,
    /// How often the card was pulled so far.
    pulls: usize,
    faults: Vec<Fault>,
    log: Vec<LoggedApdu>,
    pins: Vec<Vec<u8>>,
    /// Everything that was said to the card.
    heard: Vec<Vec<u8>>,
}

impl Card {
    /// A card from the factory, whose attestations this authority stands behind. Somebody touches it as soon as it
    /// waits for that.
    pub fn new(profile: Profile, authority: &Authority) -> Self {
        let state = State {
            applet: Applet::new(profile, authority),
            chain: Chain::default(),
            touch: Touch::After(Duration::ZERO),
            touches: Touches::default(),
            pressed: false,
            plugged: false,
            pulls: 0,
            faults: Vec::new(),
            log: Vec::new(),
            pins: Vec::new(),
            heard: Vec::new(),
        };
        Self { profile, shared: Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() }) }
    }

    /// The serial number.
    pub fn serial(&self) -> u32 {
        self.profile.serial
    }

    /// Puts the card into a reader, if it is in none. The number is how often it was pulled before.
    pub(crate) fn plug(&self) -> Option<usize> {
        let mut state = self.state();
        let free = !std::mem::replace(&mut state.plugged, true);
        free.then_some(state.pulls)
    }

    /// Whether the card is still where it was plugged in then.
    pub(crate) fn is_still(&self, plugged: usize) -> bool {
        let state = self.state();
        state.plugged && state.pulls == plugged
    }

    /// Pulls the card out of where it was plugged in then, unless it is elsewhere.
    pub(crate) fn unplug(&self, plugged: usize) {
        if self.is_still(plugged) {
            self.pull();
        }
    }

    /// Whether the card is in a reader.
    pub fn is_plugged(&self) -> bool {
        self.state().plugged
    }

    /// Sets what the person before the card does.
    pub fn touch(&self, touch: Touch) {
        self.state().touch = touch;
        self.shared.changed.notify_all();
    }

    /// Touches the card now. Nothing happens unless it waits for that.
    pub fn press(&self) {
        self.state().pressed = true;
        self.shared.changed.notify_all();
    }

    /// How often the card waited for a touch, and how often it got one.
    pub fn touches(&self) -> Touches {
        self.state().touches
    }

    /// Lets this go wrong once. Several faults are independent of each other, and each counts the commands by itself.
    pub fn fail(&self, fault: Fault) {
        self.state().faults.push(fault);
    }

    /// What was said to the card and what it answered, in order.
    pub fn log(&self) -> Vec<LoggedApdu> {
        self.state().log.clone()
    }

    /// Forgets what was said so far.
    pub fn clear_log(&self) {
        let mut state = self.state();
        state.log.clear();
        state.pins.clear();
        state.heard.clear();
    }

    /// Every PIN and PUK that reached the card, right or wrong, in order and without padding. Those too that a fault
    /// kept the card from looking at.
    pub fn pins_received(&self) -> Vec<Vec<u8>> {
        self.state().pins.clone()
    }

    /// Whether these bytes were in anything that was said to the card, wherever.
    pub fn heard(&self, bytes: &[u8]) -> bool {
        self.state().heard.iter().any(|apdu| apdu.windows(bytes.len().max(1)).any(|window| window == bytes))
    }

    /// How many tries the PIN has left.
    pub fn tries_left(&self) -> u8 {
        self.state().applet.pin.left()
    }

    /// How many tries the PUK has left.
    pub fn puk_tries_left(&self) -> u8 {
        self.state().applet.puk.left()
    }

    /// Puts a new key into a slot, in the place of any, as if it had been generated on the card long ago. Answers with
    /// its DER SubjectPublicKeyInfo.
    pub fn generate(&self, slot: Slot, algorithm: Algorithm, pin: PinPolicy, touch: TouchPolicy) -> Vec<u8> {
        let private = PrivateKey::generate(algorithm);
        let public = private.public_info();
        let key = SlotKey { private, pin, touch, origin: Origin::Generated };
        self.state().applet.keys.insert(slot, key);
        public
    }

    /// The attestation of the key in a slot and the certificate of the attestation key, both as DER, as the card would
    /// give them to a host. Nothing if the key was not made on the card.
    pub fn attestation(&self, slot: Slot) -> Option<(Vec<u8>, Vec<u8>)> {
        self.state().applet.attestation(slot).ok()
    }

    /// Carries out a command as if the management key had been shown: IMPORT, PUT DATA, SET MANAGEMENT KEY. Whoever uses
    /// the card meanwhile does not notice.
    pub fn administer(&self, instruction: u8, p1: u8, p2: u8, data: &[u8]) -> StatusWord {
        let command = Command { chained: false, instruction, p1, p2, data: data.to_vec(), extended: true };
        match self.state().applet.administer(&command) {
            Err(Refusal::Status(status)) => status,
            Err(Refusal::Touch) => StatusWord::SECURITY_STATUS,
            Ok(_) => StatusWord::OK,
        }
    }

    /// Whether a PIN that was verified is good for the next program, as VERIFY without data says it.
    pub fn is_verified(&self) -> bool {
        self.state().applet.session.pin
    }

    /// Keeps the attestation of the key in a slot as the certificate of that slot, where the card made the key. PKCS#11
    /// modules find keys by their certificates.
    pub fn certify(&self, slot: Slot) {
        if let Some((certificate, _)) = self.attestation(slot) {
            self.state().applet.put_certificate(slot, &certificate);
        }
    }

    /// What the reader is told first.
    pub fn answer_to_reset(&self) -> &'static [u8] {
        self.profile.answer_to_reset()
    }

    /// The reader resets the card, or takes its power away.
    pub fn reset(&self) {
        let mut state = self.state();
        state.applet.power_off();
        state.chain.reset();
    }

    /// The card is pulled out of its reader. A command that waits for something ends.
    pub fn pull(&self) {
        let mut state = self.state();
        state.applet.power_off();
        state.chain.reset();
        state.plugged = false;
        state.pulls += 1;
        drop(state);
        self.shared.changed.notify_all();
    }

    /// Carries out the bytes of one command. Nothing comes back if the card was pulled.
    pub fn transmit(&self, apdu: &[u8]) -> Option<Vec<u8>> {
        let command = Command::parse(apdu);
        let mut state = self.state();
        let pulls = state.pulls;
        state.hear(apdu, &command);
        let failures = state.failures(command.as_ref().ok().map(|command| command.instruction));
        let (state, answer) = self.answer(state, &command, pulls, failures);
        let mut state = state;
        state.record(&command, answer.as_deref());
        if answer.is_none() && state.pulls == pulls {
            drop(state);
            self.pull();
        }
        answer
    }

    fn answer<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        command: &Result<Command, StatusWord>,
        pulls: usize,
        failures: Vec<Failure>,
    ) -> (MutexGuard<'a, State>, Option<Vec<u8>>) {
        for failure in &failures {
            match failure {
                Failure::Remove => return (state, None),
                Failure::Delay(delay) => {
                    let until = later(Instant::now(), *delay);
                    state = self.wait(state, until, |state| state.pulls != pulls);
                    if state.pulls != pulls {
                        return (state, None);
                    }
                }
                Failure::Answer(bytes) => return (state, Some(bytes.clone())),
                Failure::Status(status) => return (state, Some(Answer::from(Err(*status)).to_bytes())),
                Failure::Lengthen(_) | Failure::RemoveAfter | Failure::Shorten(_) => {}
            }
        }
        let answer = match command {
            Err(status) => Some(Err(*status).into()),
            Ok(command) => {
                let answer;
                (state, answer) = self.carry_out(state, command.clone(), pulls);
                answer
            }
        };
        let Some(mut answer) = answer else { return (state, None) };
        for failure in failures {
            match failure {
                Failure::Lengthen(more) => answer.data.resize(answer.data.len() + more, 0),
                Failure::RemoveAfter => return (state, None),
                Failure::Shorten(length) => answer.data.truncate(length),
                _ => {}
            }
        }
        (state, Some(answer.to_bytes()))
    }

    /// Nothing comes back if the card is pulled while it waits for a touch.
    fn carry_out<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        command: Command,
        pulls: usize,
    ) -> (MutexGuard<'a, State>, Option<Answer>) {
        let command = match state.chain.receive(command) {
            Link::Complete(command) => command,
            Link::Answered(answer) => return (state, Some(answer)),
        };
        let mut outcome = state.applet.run(&command, false);
        if outcome == Err(Refusal::Touch) {
            let touched;
            (state, touched) = self.wait_for_touch(state, pulls);
            outcome = match touched {
                None => return (state, None),
                Some(true) => state.applet.run(&command, true),
                Some(false) => Err(state.applet.missed_touch().into()),
            };
        }
        let answer = match outcome {
            Ok(data) => state.chain.send(data, command.extended),
            Err(Refusal::Status(status)) => Err(status).into(),
            Err(Refusal::Touch) => Err(StatusWord::SECURITY_STATUS).into(),
        };
        (state, Some(answer))
    }

    /// Whether somebody touched the card in time. Nothing if it was pulled meanwhile.
    fn wait_for_touch<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        pulls: usize,
    ) -> (MutexGuard<'a, State>, Option<bool>) {
        let begun = Instant::now();
        state.touches.asked += 1;
        state.pressed = false;
        let timeout = later(begun, self.profile.touch_timeout);
        loop {
            let (until, touched) = match state.touch {
                Touch::After(delay) if delay <= self.profile.touch_timeout => (later(begun, delay), true),
                _ => (timeout, false),
            };
            let touch = state.touch;
            state = self.wait(state, until, |state| state.pulls != pulls || state.pressed || state.touch != touch);
            if state.pulls != pulls {
                return (state, None);
            }
            if state.touch != touch && !state.pressed {
                continue;
            }
            let touched = touched || state.pressed;
            state.touches.given += usize::from(touched);
            return (state, Some(touched));
        }
    }

    fn wait<'a>(
        &self,
        state: MutexGuard<'a, State>,
        until: Instant,
        enough: impl Fn(&State) -> bool,
    ) -> MutexGuard<'a, State> {
        let timeout = until.saturating_duration_since(Instant::now());
        let waited = self.shared.changed.wait_timeout_while(state, timeout, |state| !enough(state));
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// What goes wrong with a command of this instruction.
    fn failures(&mut self, instruction: Option<u8>) -> Vec<Failure> {
        let mut failures = Vec::new();
        let mut waiting = Vec::new();
        for mut fault in self.faults.drain(..) {
            if fault.strikes(instruction) {
                failures.push(fault.what());
            } else {
                waiting.push(fault);
            }
        }
        self.faults = waiting;
        failures
    }

    fn record(&mut self, command: &Result<Command, StatusWord>, answer: Option<&[u8]>) {
        let Ok(command) = command else { return };
        let (data, status) = match answer {
            Some([data @ .., high, low]) => (data, Some(StatusWord(u16::from_be_bytes([*high, *low])))),
            _ => (&[][..], None),
        };
        self.log.push(LoggedApdu {
            instruction: command.instruction,
            p1: command.p1,
            p2: command.p2,
            length: command.data.len(),
            status,
            answered: data.len(),
        });
    }

    fn hear(&mut self, apdu: &[u8], command: &Result<Command, StatusWord>) {
        self.heard.push(apdu.to_vec());
        let Ok(command) = command else { return };
        self.applet.hear(command.instruction);
        if PIN_CARRIERS.contains(&command.instruction) {
            for pin in command.data.chunks(8) {
                let end = pin.iter().rposition(|byte| *byte != 0xff).map_or(0, |last| last + 1);
                self.pins.push(pin[..end].to_vec());
            }
        }
    }
}

/// A moment so much later. What is too late to be told is a year from now.
fn later(moment: Instant, delay: Duration) -> Instant {
    moment.checked_add(delay).unwrap_or_else(|| moment + Duration::from_secs(365 * 24 * 60 * 60))
}

/// VERIFY, CHANGE REFERENCE DATA, RESET RETRY COUNTER.
const PIN_CARRIERS: [u8; 3] = [0x20, 0x24, 0x2c];
