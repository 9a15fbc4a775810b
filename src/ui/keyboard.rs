//! What a person types.
//!
//! Lines are read here, in the modes that the terminal has for a line: it lets the person correct them, and no copy of a
//! secret stays in a library's buffer. Keys are read by `dialoguer`.

use std::io;

use rustix::io::Errno;
use rustix::process::getpgrp;
use rustix::termios::{InputModes, LocalModes, OptionalActions, QueueSelector, Termios, tcflush, tcgetattr, tcgetpgrp};
use zeroize::{Zeroize as _, Zeroizing};

use crate::interrupt::{self, Prompting};

/// The most bytes of a line that are taken: as many as terminals let anybody type.
const LINE_LIMIT: usize = 4096;

/// The keyboard in the hands of one question, until this is dropped.
///
/// Ctrl-C ends the program, and the terminal is as it was before (see [`interrupt`]).
pub(super) struct Keyboard {
    before: Termios,
    keys: Keys,
    /// Last: the modes are given back before.
    _prompting: Prompting,
}

/// What becomes of keys.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keys {
    /// The terminal shows them.
    Shown,
    /// Nobody does.
    Hidden,
    /// A library does, or does not.
    OfLibrary,
}

impl Keyboard {
    /// Whole lines, shown while they are typed; the terminal lets the person correct them.
    pub(super) fn lines() -> io::Result<Self> {
        Self::new(Keys::Shown, |modes| modes.local_modes |= LocalModes::ICANON | LocalModes::ECHO)
    }

    /// Whole lines that are not shown. What was typed before the question, and what is typed after the answer, is thrown
    /// away: it might be a secret, and the shell would be the next to read it.
    pub(super) fn secret_lines() -> io::Result<Self> {
        Self::new(Keys::Hidden, |modes| {
            modes.local_modes |= LocalModes::ICANON;
            modes.local_modes -= LocalModes::ECHO | LocalModes::ECHONL;
        })
    }

    /// Single keys, for `dialoguer` to read and to show. What was typed before the question is thrown away: it answers
    /// another one.
    ///
    /// Ctrl-C is a key too, with which `dialoguer` ends. As a signal between two keys it would end the program while the
    /// modes are changed for the next.
    pub(super) fn keys() -> io::Result<Self> {
        Self::new(Keys::OfLibrary, |modes| {
            modes.local_modes -= LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG
        })
    }

    fn new(keys: Keys, set: impl FnOnce(&mut Termios)) -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut modes = before.clone();
        modes.local_modes |= LocalModes::ISIG;
        modes.input_modes |= InputModes::ICRNL;
        set(&mut modes);
        let keyboard = Self { before, keys, _prompting: Prompting::new(keys == Keys::OfLibrary) };
        interrupt::set_modes(keyboard.when(), &modes)?;
        Ok(keyboard)
    }

    /// What is typed and not read is thrown away at both ends of a question that does not show it.
    fn when(&self) -> OptionalActions {
        if self.keys == Keys::Shown { OptionalActions::Now } else { OptionalActions::Flush }
    }

    /// One line without its end, byte by byte, so that no buffer keeps a copy; none at the end of input.
    pub(super) fn line(&self) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
        let mut line = Zeroizing::new(Vec::with_capacity(LINE_LIMIT));
        loop {
            match byte()? {
                None => return Ok(None),
                Some(b'\n') => return Ok(Some(line)),
                Some(byte) if line.len() < LINE_LIMIT => line.push(byte),
                Some(_) => {}
            }
        }
    }
}

impl Drop for Keyboard {
    fn drop(&mut self) {
        let _ = interrupt::set_modes(self.when(), &self.before);
    }
}

/// Throws away what was typed and not read, unless this program is in the background: it would be stopped there.
pub(super) fn forget() {
    if tcgetpgrp(io::stdin()).is_ok_and(|foreground| foreground == getpgrp()) {
        let _ = tcflush(io::stdin(), QueueSelector::IFlush);
    }
}

fn byte() -> io::Result<Option<u8>> {
    let mut byte = [0];
    loop {
        match rustix::io::read(io::stdin(), &mut byte) {
            Ok(0) => return Ok(None),
            Ok(_) => {
                let typed = byte[0];
                byte.zeroize();
                return Ok(Some(typed));
            }
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}
