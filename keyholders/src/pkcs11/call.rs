//! Calls into modules, and what their answers mean.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Barrier, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use cryptoki::error::{Error, RvError};

use crate::device::DeviceError;
use crate::text::escaped;

/// How long a module may take to answer until somebody is told.
pub const PATIENCE: Duration = Duration::from_secs(3);

/// Who is told, from another thread, that the module at this path has not answered this PKCS#11 function for
/// [`PATIENCE`]. The call goes on: nothing can end it but the end of the program.
pub type Unanswered = fn(&Path, &'static str);

/// Whether this thread is in a call into a module. The library below panics on some answers that no module gives; that
/// becomes an error, and a program that does not want to print such a panic asks here.
pub fn is_calling() -> bool {
    CALLING.get()
}

/// Calls `function` of the module at `path`. A panic of the library below is [`Error::InvalidValue`].
pub(super) fn call<T>(
    path: &Path,
    function: &'static str,
    unanswered: Unanswered,
    work: impl FnOnce() -> Result<T, Error>,
) -> Result<T, Error> {
    let (answered, said) = (Mutex::new(false), Condvar::new());
    let started = Barrier::new(2);
    let watch = || {
        started.wait();
        let answered = answered.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = said.wait_timeout_while(answered, PATIENCE, |answered| !*answered);
        if waited.is_ok_and(|(_, waited)| waited.timed_out()) {
            unanswered(path, function);
        }
    };
    thread::scope(|scope| {
        // Where there is no thread to be had, nobody is told. The start of a thread, and the waits of channels, need a lock
        // that a library which is being loaded holds.
        if thread::Builder::new().spawn_scoped(scope, watch).is_ok() {
            started.wait();
        }
        let answer = call_for_long(work);
        *answered.lock().unwrap_or_else(PoisonError::into_inner) = true;
        said.notify_one();
        answer
    })
}

/// Like [`call`], where it is a person who takes their time, and knows that they are waited for: nobody is told.
pub(super) fn call_for_long<T>(work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    CALLING.set(true);
    let answer = catch_unwind(AssertUnwindSafe(work));
    CALLING.set(false);
    answer.unwrap_or(Err(Error::InvalidValue))
}

/// Why a module is of no use, after a call that concerns none of its tokens.
pub(super) fn reason(error: &Error) -> String {
    match error {
        Error::Pkcs11(value, function) => format!("C_{function:?} failed: {value:?}"),
        error if is_malformed(error) => "it answers with something that no module answers".to_owned(),
        other => escaped(&other.to_string()),
    }
}

/// What an error of the module means for the device that `device` names.
pub(super) fn failed(device: &str, function: &'static str, error: Error) -> DeviceError {
    let device = device.to_owned();
    match error {
        Error::Pkcs11(
            RvError::DeviceRemoved
            | RvError::SessionClosed
            | RvError::SessionHandleInvalid
            | RvError::SlotIdInvalid
            | RvError::TokenNotPresent
            | RvError::TokenNotRecognized,
            _,
        ) => DeviceError::Gone { device },
        Error::Pkcs11(RvError::PinExpired, _) => DeviceError::PinNotReady { device, state: "has expired" },
        Error::Pkcs11(RvError::PinLocked, _) => DeviceError::Locked { device },
        Error::Pkcs11(RvError::TokenWriteProtected, _) => {
            DeviceError::Unsupported { device, reason: "is write-protected".into() }
        }
        Error::Pkcs11(RvError::UserPinNotInitialized, _) => DeviceError::PinNotReady { device, state: "is not set" },
        Error::Pkcs11(value, function) => {
            DeviceError::Call { device, call: format!("C_{function:?}"), reason: format!("{value:?}") }
        }
        error if is_malformed(&error) => DeviceError::Malformed { device, command: function },
        other => DeviceError::Call { device, call: function.into(), reason: escaped(&other.to_string()) },
    }
}

/// Whether the module answered, and the answer is none.
fn is_malformed(error: &Error) -> bool {
    matches!(error, Error::InvalidValue | Error::TryFromInt(_) | Error::TryFromSlice(_) | Error::Utf8(_))
}

thread_local! {
    static CALLING: Cell<bool> = const { Cell::new(false) };
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;

    #[test]
    fn a_panic_of_the_library_is_an_answer_that_is_none() {
        let panics = || -> Result<(), Error> {
            assert!(is_calling());
            panic!("what a module says of a length is not so")
        };
        for answer in [call(Path::new("m.so"), "C_Login", |_, _| {}, panics), call_for_long(panics)] {
            assert!(is_malformed(&answer.unwrap_err()) && !is_calling());
        }
    }
}
