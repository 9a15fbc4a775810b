//! The YubiKeys that are plugged in.

use super::call::CallError;
use super::card::Card;
use super::worker::{self, Worker};
use crate::text::escaped;

/// The YubiKeys of this machine, and one sentence for each reader whose card could not be used.
#[derive(Debug, Default)]
pub struct Cards {
    /// Sorted by serial number.
    pub cards: Vec<Card>,
    /// Escaped.
    pub problems: Vec<String>,
}

/// Opens every YubiKey that is plugged in. Other cards are left alone after a look.
///
/// To open one selects its PIV application: another program that has verified a PIN there has to do so again.
///
/// # Errors
/// If this machine has no PC/SC service that answers.
pub fn cards() -> Result<Cards, PivError> {
    let readers = worker::readers().map_err(PivError::of)?;
    let mut found = Cards::default();
    for reader in readers {
        let name = escaped(&reader);
        match Worker::open(&reader) {
            Ok(worker) => found.cards.push(Card::new(worker)),
            Err(error) if error.is_busy() => found.problems.push(format!(
                "another program holds the card in the reader \"{name}\": if it is gpg, `gpgconf --kill scdaemon` makes \
                 it let go; else close the program"
            )),
            Err(error) if error.is_gone() => {}
            // A card of another make is nobody's problem here.
            Err(_) if !reader.to_ascii_lowercase().contains("yubikey") => {}
            Err(error) => found.problems.push(format!("{}", error.of(&format!("the reader \"{name}\""), "SELECT"))),
        }
    }
    found.cards.sort_by_key(Card::serial);
    found.refuse_twins();
    Ok(found)
}

impl Cards {
    /// Leaves out all that say one serial number. No two YubiKeys have the same, so that one of them is made to be taken
    /// for the other, and to be told its PIN.
    fn refuse_twins(&mut self) {
        let serials: Vec<u32> = self.cards.iter().map(Card::serial).collect();
        let mut twins: Vec<u32> =
            serials.iter().zip(serials.iter().skip(1)).filter(|(a, b)| a == b).map(|(a, _)| *a).collect();
        twins.dedup();
        self.cards.retain(|card| !twins.contains(&card.serial()));
        self.problems.extend(twins.into_iter().map(|serial| {
            format!(
                "several devices say that they are the YubiKey {serial}, and one at the most can be: none of them is \
                 used; pull all but the one that is yours"
            )
        }));
    }
}

/// Why no YubiKey can be looked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PivError {
    /// The PC/SC service does not run.
    #[error(
        "pcscd, which talks to smart cards, is not running: `systemctl start pcscd.socket` starts it, and on Debian \
         `apt-get install pcscd` installs it"
    )]
    NoService,
    /// The PC/SC service does not let this user in.
    #[error("pcscd does not let this user talk to smart cards: polkit decides that, or run as a user who may")]
    NotAllowed,
    /// The PC/SC service does not work.
    #[error("pcscd, which talks to smart cards, does not work: {reason}")]
    Service {
        /// What it says.
        reason: String,
    },
}

impl PivError {
    fn of(error: CallError) -> Self {
        match error.pcsc() {
            _ if error.is_without_service() => Self::NoService,
            Some(pcsc::Error::SecurityViolation | pcsc::Error::NoAccess) => Self::NotAllowed,
            _ => Self::Service { reason: error.of("pcscd", "the list of readers").to_string() },
        }
    }
}
