//! What a call to a card comes to.

use crate::device::DeviceError;
use crate::text::escaped;

/// Why a call did not give an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CallError {
    /// The card, or what is between, said no.
    Card(yubikey::Error),
    /// The answer was none.
    Malformed,
    /// There is no thread to be had.
    NoThread,
    /// No answer came.
    TimedOut { seconds: u64 },
}

impl CallError {
    /// Whether another program reset the card since it was opened. Then nothing has been sent to it.
    pub(super) fn is_reset(self) -> bool {
        self.pcsc() == Some(pcsc::Error::ResetCard)
    }

    /// Whether the card is not there any more.
    pub(super) fn is_gone(self) -> bool {
        use pcsc::Error::{
            InvalidHandle, NoReadersAvailable, NoSmartcard, NotTransacted, ReaderUnavailable, RemovedCard,
            UnknownReader, UnpoweredCard, UnresponsiveCard,
        };
        matches!(
            self.pcsc(),
            Some(
                InvalidHandle
                    | NoReadersAvailable
                    | NoSmartcard
                    | NotTransacted
                    | ReaderUnavailable
                    | RemovedCard
                    | UnknownReader
                    | UnpoweredCard
                    | UnresponsiveCard
            )
        )
    }

    /// Whether another program keeps the card to itself.
    pub(super) fn is_busy(self) -> bool {
        self.pcsc() == Some(pcsc::Error::SharingViolation)
    }

    /// Whether the PC/SC service does not run.
    pub(super) fn is_without_service(self) -> bool {
        matches!(self.pcsc(), Some(pcsc::Error::NoService | pcsc::Error::ServiceStopped))
    }

    /// What the PC/SC service said, if it was that.
    pub(super) fn pcsc(self) -> Option<pcsc::Error> {
        match self {
            Self::Card(yubikey::Error::PcscError { inner }) => inner,
            _ => None,
        }
    }

    /// Names the device, and what it was asked.
    pub(super) fn of(self, device: &str, command: &'static str) -> DeviceError {
        let device = device.to_owned();
        match self {
            error if error.is_gone() || error.is_reset() => DeviceError::Gone { device },
            error if error.is_busy() => DeviceError::Busy { device },
            error if error.is_without_service() => DeviceError::NoService { device },
            Self::Malformed => DeviceError::Malformed { device, command },
            Self::Card(yubikey::Error::ParseError | yubikey::Error::SizeError | yubikey::Error::InvalidObject) => {
                DeviceError::Malformed { device, command }
            }
            Self::TimedOut { seconds } => DeviceError::TimedOut { device, command, seconds },
            Self::NoThread => {
                let reason = "this machine has no thread left".to_owned();
                DeviceError::Call { device, call: command.to_owned(), reason }
            }
            Self::Card(yubikey::Error::GenericError) => {
                let reason = "the card says no, and not why: pull it, put it back, and try again".to_owned();
                DeviceError::Call { device, call: command.to_owned(), reason }
            }
            Self::Card(error) => {
                let reason = escaped(&error.to_string());
                DeviceError::Call { device, call: command.to_owned(), reason }
            }
        }
    }
}
