//! What goes wrong with a card, when a test wants it to.

use std::time::Duration;

use crate::status::StatusWord;

/// One thing that goes wrong once, at a command that is counted from when the fault is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    what: Failure,
    instruction: Option<u8>,
    /// How many commands it lets pass.
    passes: usize,
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The card gives this answer, all its bytes, instead of carrying out the command. A reader takes no more than 65535
    /// of them, and without any it waits for them until the card is pulled.
    Answer(Vec<u8>),
    /// The card carries out the command after so long.
    Delay(Duration),
    /// The card carries out the command and puts so many zeros behind the data of its answer.
    Lengthen(usize),
    /// The card is pulled before it carries out the command.
    Remove,
    /// The card is pulled after it has carried out the command: nobody hears of it.
    RemoveAfter,
    /// The card carries out the command and gives only so many bytes of the data of its answer.
    Shorten(usize),
    /// The card gives this status word instead of carrying out the command.
    Status(StatusWord),
}

impl Fault {
    /// At the command of this number, whichever it is. The next one is the first.
    pub fn nth(number: usize, what: Failure) -> Self {
        Self { what, instruction: None, passes: number.saturating_sub(1) }
    }

    /// At the command of this number among those with this instruction. The next one is the first.
    pub fn nth_of(instruction: u8, number: usize, what: Failure) -> Self {
        Self { instruction: Some(instruction), ..Self::nth(number, what) }
    }

    /// Whether this is the command that it waits for. Counts the command if it is not.
    pub(crate) fn strikes(&mut self, instruction: Option<u8>) -> bool {
        if self.instruction.is_some() && self.instruction != instruction {
            return false;
        }
        let strikes = self.passes == 0;
        self.passes = self.passes.saturating_sub(1);
        strikes
    }

    /// What goes wrong.
    pub(crate) fn what(self) -> Failure {
        self.what
    }
}
