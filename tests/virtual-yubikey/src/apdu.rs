//! Commands, answers, and the chains that both come in (ISO/IEC 7816-4, sections 5.1 to 5.3).

use crate::status::StatusWord;

/// One command, short or extended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// More of the same command follows.
    pub chained: bool,
    /// The instruction.
    pub instruction: u8,
    /// The first parameter.
    pub p1: u8,
    /// The second parameter.
    pub p2: u8,
    /// The data, as long as the command says.
    pub data: Vec<u8>,
    /// Lengths are given in the extended form, so that the whole answer fits into one.
    pub extended: bool,
}

impl Command {
    /// Reads a command.
    ///
    /// # Errors
    /// What a card answers: if the lengths do not add up, or the class is not the one of ISO/IEC 7816 without secure
    /// messaging.
    pub fn parse(bytes: &[u8]) -> Result<Self, StatusWord> {
        let [class, instruction, p1, p2, body @ ..] = bytes else { return Err(StatusWord::WRONG_LENGTH) };
        if class & !CHAINED != 0 {
            return Err(StatusWord::CLASS);
        }
        let (data, extended) = body_data(body).ok_or(StatusWord::WRONG_LENGTH)?;
        let chained = class & CHAINED != 0;
        Ok(Self { chained, instruction: *instruction, p1: *p1, p2: *p2, data: data.to_vec(), extended })
    }
}

/// The data of a command and whether its lengths are extended. How long an answer may be is not looked at: the card
/// gives all there is, in pieces if it must.
fn body_data(body: &[u8]) -> Option<(&[u8], bool)> {
    match body {
        [] | [_] => Some((&[], false)),
        [0, _, _] => Some((&[], true)),
        [0, high, low, rest @ ..] => {
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            let answer = rest.len().checked_sub(length)?;
            (length > 0 && (answer == 0 || answer == 2)).then(|| (&rest[..length], true))
        }
        [length, rest @ ..] => {
            let length = usize::from(*length);
            let answer = rest.len().checked_sub(length)?;
            (length > 0 && answer <= 1).then(|| (&rest[..length], false))
        }
    }
}

/// One answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The data.
    pub data: Vec<u8>,
    /// What the card says of the command.
    pub status: StatusWord,
}

impl Answer {
    /// An answer as bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        [&self.data[..], &self.status.0.to_be_bytes()].concat()
    }
}

impl From<Result<Vec<u8>, StatusWord>> for Answer {
    fn from(result: Result<Vec<u8>, StatusWord>) -> Self {
        match result {
            Ok(data) => Self { data, status: StatusWord::OK },
            Err(status) => Self { data: Vec::new(), status },
        }
    }
}

/// Puts chained commands together, and hands out long answers in pieces.
#[derive(Default)]
pub(crate) struct Chain {
    command: Option<Command>,
    answer: Vec<u8>,
}

/// What a command on the wire comes to.
pub(crate) enum Link {
    /// A command is complete.
    Complete(Command),
    /// There is an answer already: to a part of a chain, or to the wish for more.
    Answered(Answer),
}

impl Chain {
    /// Takes the next command from the wire. A command that is no continuation ends the chain before it, unexecuted.
    pub(crate) fn receive(&mut self, next: Command) -> Link {
        let mut command = match self.command.take() {
            Some(begun) if (begun.instruction, begun.p1, begun.p2) == (next.instruction, next.p1, next.p2) => {
                Command { data: [begun.data, next.data].concat(), ..next }
            }
            _ => next,
        };
        if command.data.len() > LONGEST {
            return Link::Answered(Err(StatusWord::WRONG_LENGTH).into());
        }
        if command.chained {
            command.chained = false;
            self.command = Some(command);
            return Link::Answered(Ok(Vec::new()).into());
        }
        if command.instruction != GET_RESPONSE {
            self.answer.clear();
            return Link::Complete(command);
        }
        if self.answer.is_empty() {
            return Link::Answered(Err(StatusWord::CONDITIONS).into());
        }
        let answer = std::mem::take(&mut self.answer);
        Link::Answered(self.send(answer, command.extended))
    }

    /// The first piece of an answer; the rest is kept for those who ask.
    pub(crate) fn send(&mut self, mut data: Vec<u8>, extended: bool) -> Answer {
        let most = if extended { usize::from(u16::MAX) } else { 256 };
        if data.len() <= most {
            return Ok(data).into();
        }
        self.answer = data.split_off(most);
        let status = StatusWord::more(self.answer.len());
        Answer { data, status }
    }

    /// Forgets everything: the card was reset.
    pub(crate) fn reset(&mut self) {
        *self = Self::default();
    }
}

const CHAINED: u8 = 0x10;
/// GET RESPONSE.
pub(crate) const GET_RESPONSE: u8 = 0xc0;
/// The most data that a command has, in one piece or in many: what the buffer of a YubiKey 4.3 or newer holds.
const LONGEST: usize = 3072;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;

    fn parse(text: &str) -> Result<Command, StatusWord> {
        let bytes: Vec<u8> = text.split(' ').map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect();
        Command::parse(&bytes)
    }

    #[test]
    fn lengths_are_short_or_extended() {
        for (text, data, extended) in [
            ("00 fd 00 00", vec![], false),
            ("00 fd 00 00 00", vec![], false),
            ("00 20 00 80 02 31 32", vec![0x31, 0x32], false),
            ("00 20 00 80 02 31 32 00", vec![0x31, 0x32], false),
            ("00 20 00 80 00 00 00", vec![], true),
            ("00 20 00 80 00 00 02 31 32", vec![0x31, 0x32], true),
            ("00 20 00 80 00 00 02 31 32 00 00", vec![0x31, 0x32], true),
        ] {
            let command = parse(text).unwrap();
            assert_eq!((command.data, command.extended, command.chained), (data, extended, false), "{text}");
        }
    }

    #[test]
    fn lengths_that_do_not_add_up_are_refused() {
        for text in [
            "00",
            "00 fd 00",
            "00 20 00 80 00 00",
            "00 20 00 80 03 31 32",
            "00 20 00 80 01 31 32 33",
            "00 20 00 80 00 00 03 31 32",
            "00 20 00 80 00 00 01 31 00",
            "00 20 00 80 00 00 00 00 00",
        ] {
            assert_eq!(parse(text), Err(StatusWord::WRONG_LENGTH), "{text}");
        }
        assert_eq!(parse("80 fd 00 00"), Err(StatusWord::CLASS));
    }

    #[test]
    fn chains_are_put_together_and_broken_by_anything_else() {
        let part = |chained, instruction, data: &[u8]| Command {
            chained,
            instruction,
            p1: 1,
            p2: 2,
            data: data.to_vec(),
            extended: false,
        };
        let mut chain = Chain::default();
        assert!(
            matches!(chain.receive(part(true, 0xdb, b"one ")), Link::Answered(answer) if answer.status == StatusWord::OK)
        );
        let Link::Complete(command) = chain.receive(part(false, 0xdb, b"two")) else { panic!() };
        assert_eq!(command.data, b"one two");

        chain.receive(part(true, 0xdb, b"one "));
        let Link::Complete(command) = chain.receive(part(false, 0x20, b"pin")) else { panic!() };
        assert_eq!(command.data, b"pin");
        let Link::Complete(command) = chain.receive(part(false, 0xdb, b"two")) else { panic!() };
        assert_eq!(command.data, b"two");
    }

    #[test]
    fn a_chain_without_an_end_is_refused() {
        let part = Command { chained: true, instruction: 0xdb, p1: 0, p2: 0, data: vec![0; 255], extended: false };
        let mut chain = Chain::default();
        let refused =
            (0..20).find(|_| matches!(chain.receive(part.clone()), Link::Answered(a) if a.status != StatusWord::OK));
        assert_eq!(refused, Some(LONGEST / 255));
    }

    #[test]
    fn long_answers_come_in_pieces() {
        let mut chain = Chain::default();
        let whole: Vec<u8> = (0..600).map(|i| i as u8).collect();
        let first = chain.send(whole.clone(), false);
        assert_eq!((first.data.len(), first.status), (256, StatusWord(0x6100)));
        let more = Command { chained: false, instruction: GET_RESPONSE, p1: 0, p2: 0, data: vec![], extended: false };
        let Link::Answered(second) = chain.receive(more.clone()) else { panic!() };
        assert_eq!((second.data.len(), second.status), (256, StatusWord(0x6158)));
        let Link::Answered(third) = chain.receive(more.clone()) else { panic!() };
        assert_eq!((third.data.len(), third.status), (88, StatusWord::OK));
        assert_eq!([first.data, second.data, third.data].concat(), whole);
        assert!(matches!(chain.receive(more), Link::Answered(answer) if answer.status == StatusWord::CONDITIONS));
        assert_eq!(chain.send(whole.clone(), true).data, whole);
    }
}
