//! Answers what devices ask: from a file that the user names, from this machine's configuration, or at the terminal.

use keyholders::{Action, Ask, AskError, Pin, PinRequest, Secret, Tries};

use crate::disk::{self, DiskError, Place};
use crate::machine::Config;
use crate::ui::Ui;

/// The flag of every command that may be asked for a PIN or a passphrase.
pub(crate) const FLAG: &str = "--pin-file";

/// The most bytes of a file with a PIN that are read.
const LIMIT: u64 = 4096;

/// Who answers a device.
pub(crate) struct Pins<'a> {
    ui: &'a mut Ui,
    config: &'a Config,
    given: Option<Place>,
}

impl<'a> Pins<'a> {
    /// Answers from `given`, the file of `--pin-file`, or else from the file that `config` names for the keyholder, or
    /// else asks the person.
    pub(crate) fn new(ui: &'a mut Ui, config: &'a Config, given: Option<Place>) -> Self {
        Self { ui, config, given }
    }

    fn file(&self, request: &PinRequest) -> Option<Place> {
        self.given.clone().or_else(|| {
            let owner = request.owner.as_ref()?.as_str();
            let source = self.config.pin.iter().find(|pin| pin.keyholder.as_deref() == Some(owner))?;
            Some(Place::named(&source.file))
        })
    }
}

impl Ask for Pins<'_> {
    fn pin(&mut self, request: PinRequest) -> Result<Pin, AskError> {
        if let Some(file) = self.file(&request) {
            return match disk::read(&file, LIMIT) {
                Ok(bytes) => Ok(Pin::from_file(bytes)?),
                Err(error) => {
                    self.unreadable(&error);
                    Err(AskError::Cancelled)
                }
            };
        }
        if !self.ui.has_terminal() {
            return Err(AskError::Unattended { flag: FLAG });
        }
        if request.tries != Tries::Unknown {
            self.ui.say(format!("{}: {}.", request.device, request.tries));
        }
        let secret = match request.secret {
            Secret::Passphrase => "Passphrase",
            Secret::SignaturePin => "PIN once more, for this signature",
            _ => "PIN",
        };
        let owner = request.owner.map(|owner| format!(" ({owner})")).unwrap_or_default();
        self.ui.secret(FLAG, &format!("{secret} of {}{owner}", request.device)).map_err(|_| AskError::Cancelled)
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::EnterPin { device } => self.ui.say(format!("Enter the PIN on {device}.")),
            _ => self.ui.say("The device waits for you."),
        }
    }
}

impl Pins<'_> {
    fn unreadable(&mut self, error: &DiskError) {
        self.ui.say(format!("The PIN cannot be read: {error}."));
    }
}
