//! Who answers when a device asks for a secret: a person at the terminal, or a file that this machine's user named.
//!
//! Secrets come from prompts and files alone, never from arguments, from the environment, or from the directory of a
//! trust root.

use std::path::{Path, PathBuf};

use keyholders::{Action, Ask, AskError, Pin, PinRequest, Refusal, Secret, Tries};

use crate::disk::{self, Place};
use crate::error::{Failure, OrFail as _};
use crate::ui::Ui;

/// The most bytes of a file with a secret that are read.
const LIMIT: u64 = 2048;

/// How often a secret is asked for whose tries no device counts.
pub(crate) const ATTEMPTS: usize = 3;

const PIN_FLAG: &str = "--pin-file";
const PASSPHRASE_FLAG: &str = "--passphrase-file";

/// The files that answer instead of a person.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct SecretArgs {
    /// Read the PIN of the token from this file instead of asking for it
    #[arg(long, value_name = "FILE")]
    pub(crate) pin_file: Option<PathBuf>,
    /// Read the passphrase of the key file from this file instead of asking for it
    #[arg(long, value_name = "FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,
}

/// A keyholder, at the terminal or through [`SecretArgs`].
///
/// Whoever types a secret wrong is asked again. Where the device counts, that is for them to say, and they see how many
/// tries are left; what a file gave is never asked for again.
pub(crate) struct Person<'a> {
    ui: &'a mut Ui,
    /// Given to the first device that asks, and to no other: a refused PIN is never sent again, and the PIN of one
    /// token would cost a try at the next.
    pin: Option<Pin>,
    pin_given: bool,
    passphrase: Option<Pin>,
    management_key: Option<Pin>,
    /// Whether a file gave the last answer.
    by_file: bool,
    /// Which device asked last, and how often in a row.
    asked: (String, usize),
    /// Whether the last device that asked was passed over.
    passed_over: bool,
}

impl<'a> Person<'a> {
    /// Reads the files of `secrets`.
    pub(crate) fn new(ui: &'a mut Ui, secrets: &SecretArgs) -> Result<Self, Failure> {
        Ok(Self {
            ui,
            pin: secrets.pin_file.as_deref().map(secret_file).transpose()?,
            pin_given: false,
            passphrase: secrets.passphrase_file.as_deref().map(secret_file).transpose()?,
            management_key: None,
            by_file: false,
            asked: (String::new(), 0),
            passed_over: false,
        })
    }

    /// Answers for the management key of a YubiKey with what is in this file.
    pub(crate) fn with_management_key(&mut self, file: &Path) -> Result<(), Failure> {
        self.management_key = Some(secret_file(file)?);
        Ok(())
    }

    /// The person's terminal, for everything that is no secret.
    pub(crate) fn ui(&mut self) -> &mut Ui {
        self.ui
    }

    /// Whether the person gave the last device that asked no PIN, on purpose.
    pub(crate) fn passed_over(&self) -> bool {
        self.passed_over
    }

    /// A passphrase for a key file that is about to be written: typed twice, or from the file.
    pub(crate) fn new_passphrase(&mut self, file: &str) -> Result<Pin, Failure> {
        match &self.passphrase {
            Some(passphrase) => Ok(passphrase.clone()),
            None => self.ui.new_secret(PASSPHRASE_FLAG, &format!("New passphrase for {file}"), |_| Ok(())),
        }
    }

    fn prompt(&mut self, request: &PinRequest) -> Result<Pin, AskError> {
        let owner = request.owner.as_ref().map_or(String::new(), |owner| format!(", for {owner}"));
        let (flag, question) = match request.secret {
            Secret::Passphrase => (PASSPHRASE_FLAG, format!("Passphrase of {}{owner}", request.device)),
            Secret::SignaturePin => (PIN_FLAG, format!("PIN for this signature{owner}")),
            Secret::ManagementKey => ("--management-key-file", format!("Management key of {}, in hex", request.device)),
            _ => (PIN_FLAG, format!("PIN{owner}")),
        };
        if !self.ui.has_terminal() {
            return Err(match flag == PIN_FLAG && self.pin_given {
                true => AskError::Withheld { reason: "--pin-file answers once, and has: one command per token" },
                false => AskError::Unattended { flag },
            });
        }
        let answer = match flag == PIN_FLAG {
            true => {
                self.ui.say(format!(
                    "{} asks for its PIN; {}. Enter alone passes it over.",
                    request.device, request.tries
                ));
                self.ui.secret_if_any(flag, &question)
            }
            false => self.ui.secret(flag, &question).map(Some),
        };
        let answer = answer.map_err(|failure| {
            self.ui.tell(&failure);
            AskError::Cancelled
        })?;
        self.passed_over = answer.is_none();
        answer.ok_or(AskError::Cancelled)
    }
}

impl Ask for Person<'_> {
    fn pin(&mut self, request: PinRequest) -> Result<Pin, AskError> {
        let answer = match request.secret {
            Secret::Passphrase => self.passphrase.clone(),
            Secret::ManagementKey => self.management_key.clone(),
            _ => {
                let pin = self.pin.take();
                self.pin_given |= pin.is_some();
                pin
            }
        };
        self.by_file = answer.is_some();
        self.passed_over = false;
        if self.asked.0 != request.device {
            self.asked = (request.device.clone(), 0);
        }
        self.asked.1 += 1;
        answer.map_or_else(|| self.prompt(&request), Ok)
    }

    fn again(&mut self, refusal: &Refusal) -> bool {
        if self.by_file || !self.ui.has_terminal() {
            return false;
        }
        let is_pin = matches!(refusal.secret, Secret::TokenPin | Secret::SignaturePin);
        if !is_pin && self.asked.1 >= ATTEMPTS {
            return false;
        }
        self.ui.say(&refusal.reason);
        if !(is_pin && refusal.counted) {
            return true;
        }
        // No flag answers this: what a file gave is not asked for again.
        let question = format!("Do you want to type another PIN for {}?", refusal.device);
        matches!(self.ui.confirm("a terminal", &question, None), Ok(true))
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::EnterPin { device } => self.ui.say(format!("Type the PIN on the keys of {device}.")),
            Action::Touch { device } => self.ui.say(format!("Touch {device} now.")),
            _ => self.ui.say("the device waits for you"),
        }
    }
}

/// A robot: it gives the secret that it was given, once, and never when a wrong one was given before. Somebody has to
/// come and look then, or a robot that starts every minute would lock the device.
pub(crate) struct Robot {
    secret: Option<Pin>,
}

impl Robot {
    /// A robot with a secret, or with none.
    pub(crate) fn new(secret: Option<Pin>) -> Self {
        Self { secret }
    }

    /// Whether it would give its secret to a device that has these `tries` left.
    ///
    /// # Errors
    /// Why it would not.
    pub(crate) fn ready(&self, tries: Tries) -> Result<(), AskError> {
        if !tries.untouched() {
            let reason = "a wrong PIN was given before, and a file is not tried then: log in by hand once, with its vendor's tool";
            return Err(AskError::Withheld { reason });
        }
        self.secret.as_ref().map(drop).ok_or_else(Self::unanswered)
    }

    fn unanswered() -> AskError {
        AskError::Unattended { flag: "--online-pin-file, or [[pin]] in config.toml" }
    }
}

impl Ask for Robot {
    fn pin(&mut self, request: PinRequest) -> Result<Pin, AskError> {
        self.ready(request.tries)?;
        self.secret.take().ok_or_else(Self::unanswered)
    }

    fn act(&mut self, _: Action) {}
}

/// The one line of the file at `path`.
pub(crate) fn secret_file(path: &Path) -> Result<Pin, Failure> {
    let bytes = disk::read_secret(&Place::named(path), LIMIT)?;
    Pin::from_file(bytes).or_fail(|| format!("{} holds no PIN or passphrase", path.display()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn request(secret: Secret, tries: Tries) -> PinRequest {
        PinRequest { secret, device: "the token \"a\"".into(), owner: None, tries }
    }

    #[test]
    fn a_pin_from_a_file_is_given_once_and_a_passphrase_as_often_as_it_is_needed() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("pin");
        std::fs::write(&file, "123456\n").unwrap();
        let secrets = SecretArgs { pin_file: Some(file.clone()), passphrase_file: Some(file) };
        let mut ui = Ui::new(true);
        let mut person = Person::new(&mut ui, &secrets).unwrap();
        for _ in 0..2 {
            assert_eq!(person.pin(request(Secret::Passphrase, Tries::Unknown)).unwrap().expose(), "123456");
        }
        assert_eq!(person.new_passphrase("k").unwrap().expose(), "123456");
        assert_eq!(person.pin(request(Secret::TokenPin, Tries::Low)).unwrap().expose(), "123456");
        if !person.ui().has_terminal() {
            let again = person.pin(request(Secret::SignaturePin, Tries::Unknown));
            assert!(matches!(again, Err(AskError::Withheld { .. })));
        }
    }

    #[test]
    fn a_robot_never_spends_a_second_try() {
        let robot = || Robot::new(Some(Pin::new("123456".into()).unwrap()));
        for tried in [Tries::Low, Tries::Left { left: 2, of: Some(3) }] {
            assert!(matches!(robot().pin(request(Secret::TokenPin, tried)), Err(AskError::Withheld { .. })));
        }
        let mut robot = robot();
        assert!(robot.pin(request(Secret::TokenPin, Tries::Left { left: 3, of: Some(3) })).is_ok());
        assert!(matches!(robot.pin(request(Secret::TokenPin, Tries::Unknown)), Err(AskError::Unattended { .. })));
    }

    #[test]
    fn a_file_of_several_lines_is_no_secret() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("pin");
        std::fs::write(&file, "123456\n# note\n").unwrap();
        let failure = secret_file(&file).err().unwrap().to_string();
        assert!(failure.contains("second line") && !failure.contains("123456"), "{failure}");
    }
}
