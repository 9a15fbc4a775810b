//! What happens when a signal ends the program: the terminal is as it was before.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock};

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

static BEFORE: OnceLock<Termios> = OnceLock::new();
static PROMPTING: AtomicBool = AtomicBool::new(false);
/// Whoever changes the terminal holds this. A program that ends takes it for good, so that nothing changes after that.
static TERMINAL: Mutex<()> = Mutex::new(());

/// From now on, Ctrl-C and its kin end the program with 128 + the number of the signal, and while a prompt is shown,
/// echo and cursor come back first.
pub(crate) fn restore_terminal() {
    if let Ok(termios) = tcgetattr(std::io::stdin()) {
        let _ = BEFORE.set(termios);
    }
    // Without handlers (a process without signals?) the default action ends the program as well.
    if let Ok(mut signals) = Signals::new([SIGINT, SIGTERM, SIGHUP]) {
        std::thread::spawn(move || signals.forever().next().map(|signal| exit(signal)));
    }
}

/// Ends the program as Ctrl-C does: for what reads keys itself and sees the key instead of the signal.
pub(crate) fn exit_interrupted() -> ! {
    exit(SIGINT)
}

/// Sets the modes of the terminal on stdin, unless the program is ending: what was given back stays so.
pub(crate) fn set_modes(when: OptionalActions, modes: &Termios) -> rustix::io::Result<()> {
    let _terminal = TERMINAL.lock();
    tcsetattr(std::io::stdin(), when, modes)
}

/// While this lives, the terminal is in a prompt's hands.
pub(crate) struct Prompting(());

impl Prompting {
    pub(crate) fn new() -> Self {
        PROMPTING.store(true, Ordering::SeqCst);
        Self(())
    }
}

impl Drop for Prompting {
    fn drop(&mut self) {
        PROMPTING.store(false, Ordering::SeqCst);
    }
}

fn exit(signal: i32) -> ! {
    let _terminal = TERMINAL.lock();
    // Only in a prompt: a process in the background that sets a terminal's modes is stopped instead of ended.
    if PROMPTING.load(Ordering::SeqCst) {
        if let Some(before) = BEFORE.get() {
            // What was typed for the prompt is not left to the shell.
            let _ = tcsetattr(std::io::stdin(), OptionalActions::Flush, before);
        }
        let _ = rustix::io::write(std::io::stderr(), b"\x1b[?25h\n");
    }
    // Nothing of a library's own runs at this end: a PKCS#11 module that does not answer may hold what it would wait for.
    signal_hook::low_level::exit(128 + signal)
}
