//! The thread that holds a YubiKey.

use std::cell::Cell;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use ceremony::device::Firmware;
use yubikey::YubiKey;
use yubikey::reader::Context;

use super::call::CallError;

/// The name of the threads that hold YubiKeys.
///
/// The library below panics on some answers that no YubiKey gives. That ends the thread and becomes an error; a program
/// that does not want to print such a panic tells it by this name.
pub const THREAD: &str = "yubikey";

/// How long an answer may take that needs no person: a YubiKey computes, at the most, an RSA signature.
pub(super) const ANSWER: Duration = Duration::from_secs(10);

/// How long an answer may take that needs a touch. A YubiKey gives up after 15 seconds by itself.
pub(super) const TOUCH: Duration = Duration::from_secs(60);

type Job = Box<dyn FnOnce(&mut YubiKey) + Send>;

/// One open YubiKey. It lives in a thread of its own: the library below waits for as long as the card does.
pub(super) struct Worker {
    jobs: Option<Sender<Job>>,
    ended: Receiver<()>,
    /// A call went unanswered: the thread is still waiting for the card.
    hangs: Cell<bool>,
    pub(super) identity: Identity,
}

/// What a YubiKey said of itself when it was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) reader: String,
    pub(super) serial: u32,
    pub(super) firmware: Firmware,
}

impl Worker {
    /// Opens the YubiKey in this reader: selects its PIV application, and reads its version and serial number.
    pub(super) fn open(reader: &str) -> Result<Self, CallError> {
        let (jobs, queue) = mpsc::channel::<Job>();
        let (say, said) = mpsc::channel();
        let (end, ended) = mpsc::channel();
        let reader = reader.to_owned();
        let hold = move || {
            // Whatever ends the thread, also a panic, drops this and tells that it has ended.
            let _end: Sender<()> = end;
            let mut yubikey = match open(&reader) {
                Ok(yubikey) => yubikey,
                Err(error) => {
                    let _ = say.send(Err(error));
                    return;
                }
            };
            let version = yubikey.version();
            let firmware = Firmware(version.major, version.minor, version.patch);
            let _ = say.send(Ok(Identity { reader, serial: yubikey.serial().into(), firmware }));
            for job in queue {
                job(&mut yubikey);
            }
            // Dropping it would reset the card, and with it the sessions of other programs.
            let _ = yubikey.disconnect(pcsc::Disposition::LeaveCard);
        };
        start(hold)?;
        let identity = answer(&said, ANSWER)?.map_err(CallError::Card)?;
        Ok(Self { jobs: Some(jobs), ended, hangs: Cell::new(false), identity })
    }

    /// Has the thread do something with the YubiKey, and waits for it so long.
    pub(super) fn call<T: Send + 'static>(
        &self,
        limit: Duration,
        job: impl FnOnce(&mut YubiKey) -> Result<T, yubikey::Error> + Send + 'static,
    ) -> Result<T, CallError> {
        let (say, said) = mpsc::channel();
        let job: Job = Box::new(move |yubikey| {
            let _ = say.send(job(yubikey));
        });
        self.jobs.as_ref().and_then(|jobs| jobs.send(job).ok()).ok_or(CallError::Malformed)?;
        let answer = answer(&said, limit);
        self.hangs.set(matches!(answer, Err(CallError::TimedOut { .. })));
        answer?.map_err(CallError::Card)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // The thread lets the card go when there is nothing left to do. A card that hangs is left to the system.
        self.jobs = None;
        if !self.hangs.get() {
            let _ = self.ended.recv_timeout(ANSWER);
        }
    }
}

/// The names of the readers of this machine.
pub(super) fn readers() -> Result<Vec<String>, CallError> {
    let (say, said) = mpsc::channel();
    start(move || {
        let names = Context::open().and_then(|mut context| {
            let names = context.iter()?.map(|reader| reader.name().into_owned()).collect();
            Ok(names)
        });
        let _ = say.send(names);
    })?;
    match answer(&said, ANSWER)? {
        Err(yubikey::Error::PcscError { inner: Some(pcsc::Error::NoReadersAvailable) }) => Ok(Vec::new()),
        names => names.map_err(CallError::Card),
    }
}

fn open(name: &str) -> Result<YubiKey, yubikey::Error> {
    let mut context = Context::open()?;
    let reader = context.iter()?.find(|reader| reader.name() == name);
    reader.ok_or(yubikey::Error::PcscError { inner: Some(pcsc::Error::UnknownReader) })?.open()
}

fn start(work: impl FnOnce() + Send + 'static) -> Result<(), CallError> {
    thread::Builder::new().name(THREAD.to_owned()).spawn(work).map_err(|_| CallError::NoThread)?;
    Ok(())
}

fn answer<T>(said: &Receiver<T>, limit: Duration) -> Result<T, CallError> {
    said.recv_timeout(limit).map_err(|error| match error {
        RecvTimeoutError::Timeout => CallError::TimedOut { seconds: limit.as_secs() },
        // The thread ended in a panic.
        RecvTimeoutError::Disconnected => CallError::Malformed,
    })
}
