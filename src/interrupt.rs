//! What happens when a signal ends the program: the terminal is as it was before.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

static BEFORE: OnceLock<Termios> = OnceLock::new();
static PROMPTING: AtomicBool = AtomicBool::new(false);
/// Whether the prompt is that of a library, which sets the modes for each key, and sets them back.
static LIBRARY: AtomicBool = AtomicBool::new(false);
/// Whoever changes the terminal holds this. A program that ends takes it for good, so that nothing changes after that.
static TERMINAL: Mutex<()> = Mutex::new(());

/// Whether the library that has the keyboard is done with it, because the program is ending.
static STEPPED_ASIDE: (Mutex<bool>, Condvar) = (Mutex::new(false), Condvar::new());
/// How long such a library may take for what it does between two keys. One that waits for a key changes nothing.
const BETWEEN_KEYS: Duration = Duration::from_millis(300);

/// From now on, Ctrl-C and its kin end the program with 128 + the number of the signal, and while a prompt is shown,
/// echo and cursor come back first.
pub(crate) fn restore_terminal() {
    if let Ok(termios) = tcgetattr(std::io::stdin()) {
        let _ = BEFORE.set(termios);
    }
    // Without handlers (a process without signals?) the default action ends the program as well.
    if let Ok(mut signals) = Signals::new([SIGINT, SIGTERM, SIGHUP]) {
        std::thread::spawn(move || {
            loop {
                let pending: Vec<i32> = signals.wait().collect();
                // A library that was interrupted by another signal sends this one after it.
                let first = pending.iter().find(|signal| **signal != SIGINT).or(pending.first());
                if let Some(signal) = first {
                    exit(*signal);
                }
            }
        });
    }
}

/// Waits for the end of the program: for what had the keyboard in its hands when a signal came, which ends it elsewhere.
pub(crate) fn step_aside() -> ! {
    let (stepped, told) = &STEPPED_ASIDE;
    *stepped.lock().unwrap_or_else(PoisonError::into_inner) = true;
    told.notify_all();
    loop {
        std::thread::park();
    }
}

/// Sets the modes of the terminal on stdin, unless the program is ending: what was given back stays so.
pub(crate) fn set_modes(when: OptionalActions, modes: &Termios) -> rustix::io::Result<()> {
    let _terminal = TERMINAL.lock();
    tcsetattr(std::io::stdin(), when, modes)
}

/// While this lives, the terminal is in a prompt's hands.
pub(crate) struct Prompting(());

impl Prompting {
    /// With `library`, somebody else's code reads the keys: on a signal it must [`step_aside`].
    pub(crate) fn new(library: bool) -> Self {
        LIBRARY.store(library, Ordering::SeqCst);
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
    if PROMPTING.load(Ordering::SeqCst) && LIBRARY.load(Ordering::SeqCst) {
        let (stepped, told) = &STEPPED_ASIDE;
        let stepped = stepped.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = told.wait_timeout_while(stepped, BETWEEN_KEYS, |stepped| !*stepped);
    }
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
