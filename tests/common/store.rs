//! A private store of SoftHSM tokens, for the processes that a test starts.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::Trustroot;

/// The PIN of every token.
pub const PIN: &str = "123456";

/// Where Debian, Fedora and Arch put the module.
const MODULES: [&str; 4] = [
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/lib/pkcs11/libsofthsm2.so",
];

/// Tokens that nothing else on this machine sees.
pub struct Store {
    directory: TempDir,
}

impl Store {
    /// A store with a token of each of these labels.
    pub fn new(tokens: &[&str]) -> Self {
        let store = Self { directory: tempfile::tempdir().unwrap() };
        let path = store.path("tokens");
        std::fs::create_dir(&path).unwrap();
        let configuration = format!("directories.tokendir = {}\nobjectstore.backend = file\n", path.display());
        std::fs::write(store.path("softhsm2.conf"), configuration).unwrap();
        std::fs::write(store.path("pin"), format!("{PIN}\n")).unwrap();
        for token in tokens {
            store.util(&["--init-token", "--free", "--label", token, "--pin", PIN, "--so-pin", "12345678"]);
        }
        store
    }

    /// A machine that sees these tokens: SoftHSM is the module that it configures.
    pub fn on(&self, machine: Trustroot) -> Trustroot {
        let config = format!("pkcs11-modules = [\"{}\"]\n", softhsm().display());
        std::fs::write(machine.home().join("config.toml"), config).unwrap();
        self.seen_by(machine)
    }

    /// A machine that would see these tokens, had it a module.
    pub fn seen_by(&self, machine: Trustroot) -> Trustroot {
        machine.env("SOFTHSM2_CONF", self.path("softhsm2.conf").to_str().unwrap())
    }

    /// A file with the PIN.
    pub fn pin_file(&self) -> String {
        self.path("pin").to_str().unwrap().to_owned()
    }

    /// A machine that sees these tokens through a module with moods, which [`mood`](Self::mood) sets.
    pub fn moody(&self, machine: Trustroot) -> Trustroot {
        let library = self.path("moody.so");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("keyholders/tests/moody.c");
        let mut cc = Command::new("cc");
        cc.args(["-shared", "-fPIC", "-o"]).args([&library, &source]).arg("-ldl");
        assert!(cc.status().expect("a C compiler is missing: apt-get install gcc libc6-dev").success());
        self.mood("");
        let config = format!("pkcs11-modules = [\"{}\"]\n", library.display());
        std::fs::write(machine.home().join("config.toml"), config).unwrap();
        let words = self.path("words");
        let machine = self.seen_by(machine).env("MOODY_WORDS", words.to_str().unwrap());
        machine.env("MOODY_REAL", softhsm().to_str().unwrap())
    }

    /// Puts the moody module into these moods.
    pub fn mood(&self, words: &str) {
        std::fs::write(self.path("words"), words).unwrap();
    }

    /// The logins that reached the moody module since this was asked last.
    pub fn logins(&self) -> usize {
        let path = self.path("words.log");
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let _ = std::fs::remove_file(path);
        text.lines().count()
    }

    /// Runs SoftHSM's own tool on the store.
    pub fn util(&self, arguments: &[&str]) {
        let output = Command::new("softhsm2-util")
            .env("SOFTHSM2_CONF", self.path("softhsm2.conf"))
            .args(arguments)
            .output()
            .expect("SoftHSM is missing: apt-get install softhsm2");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// A place in the directory of the store.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

/// What a record may say behind the URI of a key, and nobody obeys: a module, or where the PIN is.
pub fn evil_queries(evil: &Path) -> [String; 5] {
    [
        format!("module-path={}/evil-module.so", evil.display()),
        format!("pin-source=file:{}/evil-pin", evil.display()),
        format!("pin-source=%7C{}/evil-pin", evil.display()),
        format!("pin-value={PIN}"),
        "module-name=evil-module".to_owned(),
    ]
}

/// The module of SoftHSM.
pub fn softhsm() -> PathBuf {
    let found = MODULES.iter().map(PathBuf::from).find(|path| path.exists());
    found.expect("SoftHSM is missing: apt-get install softhsm2")
}
