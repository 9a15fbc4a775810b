//! One pcscd, in a mount namespace of its own, so that any number of them have their socket at the same place.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::ports::Ports;
use crate::rig::RigError;

/// A pcscd with so many readers. Dropping it ends the daemon and removes its directory.
pub(crate) struct Pcscd {
    directory: TempDir,
    /// The shell that ends the daemon when its standard input ends: also if this process is killed.
    keeper: Child,
    log: File,
    ports: Ports,
}

/// What pcscd says of one reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReaderState {
    /// As PC/SC programs name it.
    pub(crate) name: String,
    /// A card is in it and has answered to its reset.
    pub(crate) has_card: bool,
    /// No card is in it.
    pub(crate) is_empty: bool,
    /// How often a card came or went, as far as the daemon has noticed.
    pub(crate) events: u32,
}

impl Pcscd {
    /// Starts a daemon and waits until it has all its readers.
    pub(crate) fn start(readers: u16) -> Result<Self, RigError> {
        let driver = DRIVERS.iter().map(Path::new).find(|path| path.exists()).ok_or(RigError::NoDriver)?;
        let directory = tempfile::tempdir().map_err(|source| RigError::Directory { source })?;
        let ports = Ports::take().ok_or(RigError::NoPorts)?;
        configure(directory.path(), driver, &ports, readers).map_err(|source| RigError::Directory { source })?;
        let log = File::options().create_new(true).read(true).append(true).open(directory.path().join("log"));
        let log = log.map_err(|source| RigError::Directory { source })?;
        let keeper = keeper(directory.path(), &log)?;
        let mut pcscd = Self { directory, keeper, log, ports };
        pcscd.wait_for_readers(usize::from(readers))?;
        Ok(pcscd)
    }

    /// Where its clients find it.
    pub(crate) fn socket(&self) -> PathBuf {
        self.directory.path().join("run/pcscd/pcscd.comm")
    }

    /// The port that the card of this reader connects to.
    pub(crate) fn port(&self, reader: u16) -> u16 {
        self.ports.port(reader)
    }

    /// What it says of its readers, in the order of their ports.
    pub(crate) fn readers(&self) -> io::Result<Vec<ReaderState>> {
        let mut stream = UnixStream::connect(self.socket())?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let version = [PROTOCOL.0.to_ne_bytes(), PROTOCOL.1.to_ne_bytes(), [0; 4]].concat();
        request(&mut stream, VERSION, &version)?;
        stream.read_exact(&mut [0; 12])?;
        request(&mut stream, READERS_STATE, &[])?;
        let mut states = [0; MOST_READERS * STATE];
        stream.read_exact(&mut states)?;
        let mut readers: Vec<_> = states.chunks(STATE).filter_map(reader_state).collect();
        // The daemon reads its configuration in any order.
        readers.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(readers)
    }

    fn wait_for_readers(&mut self, count: usize) -> Result<(), RigError> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            // Until it listens there is nothing to read.
            let found = self.readers().map_or(0, |readers| readers.len());
            if found == count {
                return Ok(());
            }
            let ended = self.keeper.try_wait().ok().flatten().is_some();
            if ended || Instant::now() > deadline {
                let mut log = String::new();
                // The file is gone already if the daemon is.
                let _ = self.log.seek(SeekFrom::Start(0)).and_then(|_| self.log.read_to_string(&mut log));
                return Err(RigError::NotStarted { found, count, log: log.trim().to_owned() });
            }
            std::thread::sleep(POLL);
        }
    }
}

impl Drop for Pcscd {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

/// Drivers, configuration and the place of the socket. Each driver has two readers, at two ports; readers of one copy
/// of the driver share their cards, so that each pair has a copy of its own.
fn configure(directory: &Path, driver: &Path, ports: &Ports, readers: u16) -> io::Result<()> {
    let configuration = directory.join("conf");
    fs::create_dir_all(directory.join("run/pcscd"))?;
    fs::create_dir(&configuration)?;
    for pair in 0..readers / 2 {
        let copy = directory.join(format!("vpcd-{pair}.so"));
        fs::copy(driver, &copy)?;
        let port = ports.port(2 * pair);
        let reader = format!(
            "FRIENDLYNAME \"{NAME} {pair}\"\nDEVICENAME /dev/null:{port:#x}\nLIBPATH {}\nCHANNELID {port:#x}\n",
            copy.display(),
        );
        fs::write(configuration.join(format!("vpcd-{pair}")), reader)?;
    }
    Ok(())
}

/// Starts the daemon, and what ends it.
fn keeper(directory: &Path, log: &File) -> Result<Child, RigError> {
    let log = log.try_clone().map_err(|source| RigError::Directory { source })?;
    let mut command = Command::new("unshare");
    // Who may not mount may do so in a user namespace of his own.
    if fs::metadata(directory).is_ok_and(|directory| directory.uid() != 0) {
        command.arg("--map-root-user");
    }
    command.args(["--mount", "--propagation", "private", "sh", "-c", SCRIPT, "sh"]).arg(directory);
    // An interrupt from the terminal is for this process alone: the shell has to tidy up after it.
    command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(log);
    command.spawn().map_err(|source| RigError::NoUnshare { source })
}

fn request(stream: &mut UnixStream, command: u32, body: &[u8]) -> io::Result<()> {
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
    stream.write_all(&[&length.to_ne_bytes(), &command.to_ne_bytes(), body].concat())
}

/// What pcscd says of one of its places for readers; nothing if there is none.
fn reader_state(bytes: &[u8]) -> Option<ReaderState> {
    let name = bytes.get(..NAME_LENGTH)?.split(|byte| *byte == 0).next()?;
    let events = bytes.get(NAME_LENGTH..NAME_LENGTH + 4)?;
    let state = bytes.get(NAME_LENGTH + 4..NAME_LENGTH + 8)?;
    let atr = bytes.get(STATE - 8..STATE - 4)?;
    if name.is_empty() {
        return None;
    }
    let word = |bytes: &[u8]| bytes.try_into().map(u32::from_ne_bytes).unwrap_or(0);
    let state = word(state);
    let (has_card, is_empty) = (state & PRESENT != 0 && word(atr) != 0, state & ABSENT != 0);
    Some(ReaderState { name: String::from_utf8_lossy(name).into_owned(), has_card, is_empty, events: word(events) })
}

/// The name that every program of Yubico's looks for in the names of readers. With the number of its pair behind it, or
/// pcscd gives several readers the same.
const NAME: &str = "Yubico YubiKey OTP+FIDO+CCID";
const DRIVERS: [&str; 2] =
    ["/usr/lib/pcsc/drivers/serial/libifdvpcd.so", "/usr/lib64/pcsc/drivers/serial/libifdvpcd.so"];

/// pcscd has the place of its socket compiled in, below /run. When the standard input ends, the daemon does; when the
/// daemon ends, everything does, and the directory goes.
const SCRIPT: &str = r#"
PATH=$PATH:/usr/sbin
mount --bind "$1/run" /run || exit
case $(pcscd --help) in *--disable-polkit*) polkit=--disable-polkit ;; *) polkit= ;; esac
exec 3<&0
pcscd -f -i $polkit -c "$1/conf" >&2 &
daemon=$!
{ read -r end <&3; kill -9 $daemon; } &
wait $daemon
kill -9 $!
wait
rm -rf "$1"
"#;

/// How pcscd's clients speak to it since version 1.8 (its winscard_msg.h): a length, a command, a structure.
const PROTOCOL: (u32, u32) = (4, 4);
const VERSION: u32 = 0x11;
const READERS_STATE: u32 = 0x12;
/// The places for readers that a daemon has.
pub(crate) const MOST_READERS: usize = 16;
/// Name, event counter, state, sharing, answer to reset with padding, its length, protocol.
const STATE: usize = NAME_LENGTH + 4 + 4 + 4 + 36 + 4 + 4;
const NAME_LENGTH: usize = 128;
/// `SCARD_ABSENT` and `SCARD_PRESENT`.
const ABSENT: u32 = 2;
const PRESENT: u32 = 4;

/// How long a daemon may take for anything, on a machine that does much else.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
pub(crate) const POLL: Duration = Duration::from_millis(5);
