//! Calls into modules, and what their answers mean.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
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

/// Calls `function` of the module at `path`.
pub(super) fn call<T>(
    path: &Path,
    function: &'static str,
    unanswered: Unanswered,
    work: impl FnOnce() -> Result<T, Error>,
) -> Result<T, Error> {
    thread::scope(|scope| {
        let (answered, wait) = mpsc::channel::<()>();
        let (watches, ready) = mpsc::channel::<()>();
        let watch = move || {
            // A library that is being loaded holds a lock that the first wait of a thread needs. So that wait is over
            // before the library is called.
            let _ = wait.recv_timeout(Duration::ZERO);
            drop(watches);
            if wait.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                unanswered(path, function);
            }
        };
        // Where there is no thread to be had, nobody is told.
        let _ = thread::Builder::new().spawn_scoped(scope, watch);
        let _ = ready.recv();
        CALLING.set(true);
        let answer = catch_unwind(AssertUnwindSafe(work));
        CALLING.set(false);
        drop(answered);
        answer.unwrap_or(Err(Error::InvalidValue))
    })
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
            DeviceError::Call { device, call: format!("C_{function}"), reason: format!("{value:?}") }
        }
        Error::InvalidValue | Error::TryFromInt(_) | Error::TryFromSlice(_) | Error::Utf8(_) => {
            DeviceError::Malformed { device, command: function }
        }
        other => DeviceError::Call { device, call: function.into(), reason: escaped(&other.to_string()) },
    }
}

thread_local! {
    static CALLING: Cell<bool> = const { Cell::new(false) };
}
