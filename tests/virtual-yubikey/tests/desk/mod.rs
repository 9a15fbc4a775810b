//! A card on a desk, and the programs of others that use it there.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use virtual_yubikey::{Authority, Card, Firmware, Profile, Rig};
use x509_cert::Certificate;
use x509_cert::der::pem::LineEnding;
use x509_cert::der::{Decode as _, EncodePem as _};

/// The management key that every card leaves the factory with.
pub const MANAGEMENT_KEY: &str = "010203040506070801020304050607080102030405060708";

/// What becomes of a program that runs longer is its failure.
const PATIENCE: &str = "180";

/// One card in a reader of its own, and an empty directory.
pub struct Desk {
    pub card: Card,
    pub authority: Authority,
    directory: TempDir,
    reader: String,
    rig: Rig,
}

/// What a program said.
#[derive(Debug)]
pub struct Said {
    pub ok: bool,
    pub text: String,
}

impl Desk {
    pub fn new(firmware: Firmware) -> Self {
        Self::prepared(firmware, |_| {})
    }

    /// A card to which something is done before it goes into the reader.
    pub fn prepared(firmware: Firmware, prepare: impl FnOnce(&Card)) -> Self {
        let authority = Authority::test().with_intermediates();
        let profile = Profile::new(firmware).serial(20_000_000).touch_timeout(Duration::from_millis(300));
        let card = Card::new(profile, &authority);
        prepare(&card);
        let rig = Rig::with_readers(2).unwrap();
        let reader = rig.insert(&card).unwrap();
        let reader = rig.name(reader).to_owned();
        Self { card, authority, directory: tempfile::tempdir().unwrap(), reader, rig }
    }

    /// Runs ykman.
    pub fn ykman(&self, arguments: &[&str]) -> Said {
        let ykman = Path::new(env!("CARGO_MANIFEST_DIR")).join("../clients/ykman");
        self.run(ykman.to_str().unwrap(), &[&["-r", &self.reader], arguments].concat(), "tests/setup")
    }

    /// Runs yubico-piv-tool.
    pub fn piv_tool(&self, arguments: &[&str]) -> Said {
        let arguments = [&["-r", &self.reader], arguments].concat();
        self.run("yubico-piv-tool", &arguments, "apt-get install yubico-piv-tool")
    }

    /// Runs pkcs11-tool on a module.
    pub fn pkcs11(&self, module: &str, arguments: &[&str]) -> Said {
        let arguments = [&["--module", module], arguments].concat();
        self.run("pkcs11-tool", &arguments, "apt-get install opensc ykcs11")
    }

    /// Runs OpenSC's own view of the card.
    pub fn pkcs15(&self, arguments: &[&str]) -> Said {
        self.run("pkcs15-tool", arguments, "apt-get install opensc")
    }

    /// Runs OpenSSL.
    pub fn openssl(&self, arguments: &[&str]) -> Said {
        self.run("openssl", arguments, "apt-get install openssl")
    }

    /// Whether the attestation in these files leads to the root.
    pub fn attested(&self, leaf: &str, device: &str) -> bool {
        self.write("root.pem", &self.authority.root_pem());
        self.write("others.pem", &(self.read(device) + &self.authority.intermediates_pem()));
        let said = self.openssl(&[
            "verify",
            "-no-CAfile",
            "-no-CApath",
            "-trusted",
            "root.pem",
            "-untrusted",
            "others.pem",
            leaf,
        ]);
        said.ok
    }

    /// Whether the signature over a file is this certificate's or public key's.
    pub fn signed(&self, file: &str, signature: &str, key: &str) -> bool {
        if self.read(key).contains("BEGIN CERTIFICATE") {
            assert!(self.openssl(&["x509", "-in", key, "-noout", "-pubkey", "-out", "key.pem"]).ok);
            return self.signed(file, signature, "key.pem");
        }
        self.openssl(&["dgst", "-sha256", "-verify", key, "-signature", signature, file]).ok
    }

    /// Writes a certificate as PEM.
    pub fn write_certificate(&self, name: &str, der: &[u8]) {
        self.write(name, &Certificate::from_der(der).unwrap().to_pem(LineEnding::LF).unwrap());
    }

    pub fn write(&self, name: &str, content: &str) {
        std::fs::write(self.directory.path().join(name), content).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.directory.path().join(name)).unwrap()
    }

    fn run(&self, program: &str, arguments: &[&str], install: &str) -> Said {
        let (name, socket) = self.rig.environment();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut command = Command::new("timeout");
        command.arg(PATIENCE).arg(program).args(arguments).current_dir(self.directory.path()).env_clear();
        command.env("PATH", path).env("HOME", self.directory.path()).env(name, socket).stdin(Stdio::null());
        // Where tests/setup put the programs that are not the system's.
        for kept in ["CARGO_TARGET_DIR", "CARGO_HOME"] {
            command.envs(std::env::var_os(kept).map(|value| (kept, value)));
        }
        let output = command.output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text).into_owned();
        assert_ne!(output.status.code(), Some(124), "{program} {arguments:?} hangs: {text}");
        assert_ne!(output.status.code(), Some(127), "{program} is missing: {install}");
        Said { ok: output.status.success(), text }
    }
}

impl Said {
    /// It worked, and said this.
    #[track_caller]
    pub fn works(self, words: &str) -> Self {
        assert!(self.ok, "{}", self.text);
        self.says(words)
    }

    /// It did not work, and said this.
    #[track_caller]
    pub fn fails(self, words: &str) -> Self {
        assert!(!self.ok, "{}", self.text);
        self.says(words)
    }

    #[track_caller]
    pub fn says(self, words: &str) -> Self {
        assert!(self.text.contains(words), "{}", self.text);
        self
    }
}

/// The module of this name, where Debian, Fedora or Arch put it.
pub fn module(names: &[&str], install: &str) -> String {
    let places = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib"];
    let mut paths = places.iter().flat_map(|place| names.iter().map(move |name| PathBuf::from(place).join(name)));
    let found = paths.find(|path| path.exists());
    found.unwrap_or_else(|| unreachable!("{names:?} is missing: {install}")).to_str().unwrap().to_owned()
}
