//! Readers for cards: a private pcscd, and cards that go in and out.

use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::card::Card;
use crate::pcscd::{MOST_READERS, PATIENCE, POLL, Pcscd, ReaderState};
use crate::vpcd::Plugged;

/// A private pcscd with readers. Dropping it pulls all cards, ends the daemon and removes what it left on disk.
///
/// Programs see it by the variable of [`environment`](Self::environment); any number of rigs stand side by side.
pub struct Rig {
    // Cards go before the daemon does.
    places: Mutex<Vec<Place>>,
    names: Vec<String>,
    pcscd: Pcscd,
}

/// What is in a reader.
#[derive(Default)]
struct Place {
    plugged: Option<Plugged>,
    /// The events of the reader when pcscd had seen the last card in it.
    seen: Option<u32>,
}

/// One reader of a [`Rig`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reader(usize);

impl Rig {
    /// Starts a daemon with four readers.
    ///
    /// # Errors
    /// If pcscd, its driver or the right to mount is missing, and if the daemon does not start in time.
    pub fn start() -> Result<Self, RigError> {
        Self::with_readers(4)
    }

    /// Starts a daemon with so many readers, or one more: they come in pairs. Sixteen at most.
    ///
    /// # Errors
    /// Like [`start`](Self::start); also if there are too many readers.
    pub fn with_readers(count: usize) -> Result<Self, RigError> {
        let paired = count.next_multiple_of(2);
        let number = u16::try_from(paired).ok().filter(|_| paired <= MOST_READERS);
        let pcscd = Pcscd::start(number.ok_or(RigError::TooManyReaders { count })?)?;
        let readers = pcscd.readers().map_err(|source| RigError::Daemon { source })?;
        let places = (0..paired).map(|_| Place::default()).collect();
        Ok(Self { places: Mutex::new(places), names: readers.into_iter().map(|it| it.name).collect(), pcscd })
    }

    /// The variable that makes a program see this daemon, and no other.
    pub fn environment(&self) -> (&'static str, PathBuf) {
        ("PCSCLITE_CSOCK_NAME", self.pcscd.socket())
    }

    /// Puts a card into a free reader, and waits until pcscd sees it.
    ///
    /// # Errors
    /// If no reader is free, the card is in one already, or pcscd does not see it in time.
    pub fn insert(&self, card: &Card) -> Result<Reader, RigError> {
        let mut places = self.places();
        let reader = free(&mut places)?;
        self.plug(&mut places, reader, card)?;
        self.wait_until_seen(&mut places, reader)?;
        Ok(reader)
    }

    /// Puts several cards into free readers at once, which takes no longer than one.
    ///
    /// # Errors
    /// Like [`insert`](Self::insert). Cards that were put in before the one that could not be stay.
    pub fn insert_all(&self, cards: &[Card]) -> Result<Vec<Reader>, RigError> {
        let mut places = self.places();
        let mut readers = Vec::new();
        for card in cards {
            let reader = free(&mut places)?;
            self.plug(&mut places, reader, card)?;
            readers.push(reader);
        }
        for reader in &readers {
            self.wait_until_seen(&mut places, *reader)?;
        }
        Ok(readers)
    }

    /// Pulls the card out of a reader, and waits until pcscd sees it gone.
    ///
    /// # Errors
    /// If there is none, or pcscd does not see it gone in time.
    pub fn remove(&self, reader: Reader) -> Result<(), RigError> {
        self.unplug(&mut self.places(), reader)
    }

    /// Pulls the card out of a reader and puts another one into it.
    ///
    /// # Errors
    /// Like [`remove`](Self::remove) and [`insert`](Self::insert).
    pub fn swap(&self, reader: Reader, card: &Card) -> Result<(), RigError> {
        let mut places = self.places();
        if card.is_plugged() {
            return Err(RigError::Inserted { serial: card.serial() });
        }
        self.unplug(&mut places, reader)?;
        self.plug(&mut places, reader, card)?;
        self.wait_until_seen(&mut places, reader)
    }

    /// The name by which PC/SC programs know a reader.
    pub fn name(&self, reader: Reader) -> &str {
        self.names.get(reader.0).map_or("", String::as_str)
    }

    fn plug(&self, places: &mut [Place], reader: Reader, card: &Card) -> Result<(), RigError> {
        let place = places.get_mut(reader.0).ok_or(RigError::Empty)?;
        self.wait_until_empty(place, reader)?;
        let port = self.pcscd.port(u16::try_from(reader.0).unwrap_or(u16::MAX));
        let plugged = Plugged::new(card, port).map_err(|source| RigError::Connection { port, source })?;
        place.plugged = Some(plugged.ok_or(RigError::Inserted { serial: card.serial() })?);
        Ok(())
    }

    fn wait_until_seen(&self, places: &mut [Place], reader: Reader) -> Result<(), RigError> {
        let state = self.wait(reader, true, |state| state.has_card)?;
        places.get_mut(reader.0).ok_or(RigError::Empty)?.seen = Some(state.events);
        Ok(())
    }

    fn unplug(&self, places: &mut [Place], reader: Reader) -> Result<(), RigError> {
        let place = places.get_mut(reader.0).ok_or(RigError::Empty)?;
        drop(place.plugged.take().ok_or(RigError::Empty)?);
        self.wait_until_empty(place, reader)
    }

    /// Waits until pcscd has noticed that the last card is gone. It may say so before, if a program reset the card after
    /// it was pulled, and would not notice that another one has come.
    fn wait_until_empty(&self, place: &Place, reader: Reader) -> Result<(), RigError> {
        self.wait(reader, false, |state| state.is_empty && Some(state.events) != place.seen)?;
        Ok(())
    }

    fn wait(&self, reader: Reader, card: bool, enough: impl Fn(&ReaderState) -> bool) -> Result<ReaderState, RigError> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let mut readers = self.pcscd.readers().map_err(|source| RigError::Daemon { source })?;
            if readers.get(reader.0).is_some_and(&enough) {
                return Ok(readers.swap_remove(reader.0));
            }
            if Instant::now() > deadline {
                return Err(RigError::Unseen { reader: self.name(reader).to_owned(), card });
            }
            std::thread::sleep(POLL);
        }
    }

    fn places(&self) -> MutexGuard<'_, Vec<Place>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The first reader without a card. A card that was pulled by a fault leaves its place.
fn free(places: &mut [Place]) -> Result<Reader, RigError> {
    for place in places.iter_mut() {
        place.plugged.take_if(|plugged| !plugged.is_in());
    }
    places.iter().position(|place| place.plugged.is_none()).map(Reader).ok_or(RigError::NoFreeReader)
}

/// Why there are no readers, or a card is not in one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RigError {
    /// The driver that virtual cards connect to is not installed, and pcscd perhaps neither.
    #[error("pcscd's driver for virtual cards is missing: apt-get install pcscd vsmartcard-vpcd")]
    NoDriver,
    /// There is no unshare.
    #[error("unshare cannot be run: apt-get install util-linux")]
    NoUnshare {
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The daemon did not come up with all its readers.
    #[error(
        "pcscd did not start ({found} of {count} readers): apt-get install pcscd vsmartcard-vpcd mount, and let this user \
         mount in a namespace; it says: {log}"
    )]
    NotStarted {
        /// The readers that it had at last.
        found: usize,
        /// The readers that it was told to have.
        count: usize,
        /// What it and the shell around it said.
        log: String,
    },
    /// All the ports for readers are taken.
    #[error("no ports between 20000 and 32000 are free for readers")]
    NoPorts,
    /// A daemon has sixteen readers at most.
    #[error("{count} readers are more than the 16 that a pcscd has")]
    TooManyReaders {
        /// How many were wanted.
        count: usize,
    },
    /// A directory for the daemon cannot be written.
    #[error("the daemon's directory cannot be written")]
    Directory {
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The daemon does not answer.
    #[error("pcscd does not answer")]
    Daemon {
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// A reader does not listen.
    #[error("the reader at port {port} does not listen")]
    Connection {
        /// Where it should.
        port: u16,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// Every reader has a card.
    #[error("every reader has a card in it")]
    NoFreeReader,
    /// The reader has no card.
    #[error("the reader has no card in it")]
    Empty,
    /// The card is in a reader already.
    #[error("the card {serial} is in a reader already")]
    Inserted {
        /// Its serial number.
        serial: u32,
    },
    /// pcscd does not see what was done.
    #[error("pcscd does not see that a card {} {reader}", if *.card { "is in" } else { "is gone from" })]
    Unseen {
        /// The name of the reader.
        reader: String,
        /// Whether a card should be there.
        card: bool,
    },
}
