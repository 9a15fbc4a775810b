//! A private SoftHSM store for each test.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use keyholders::Uri;
use keyholders::pkcs11::{Modules, Token};

pub(crate) const PIN: &str = "123456";

/// Where Debian, Fedora and Arch put the module.
const MODULES: [&str; 4] = [
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/lib/pkcs11/libsofthsm2.so",
];

pub(crate) fn softhsm() -> PathBuf {
    let found = MODULES.iter().map(PathBuf::from).find(|path| path.exists());
    found.expect("SoftHSM is missing: apt-get install softhsm2")
}

/// Runs `body` in a process of its own, in which SoftHSM has a store with these tokens and nothing else.
///
/// SoftHSM takes its store from the environment when it starts, and a running process cannot change its environment
/// safely: so the test starts itself again with it.
pub(crate) fn in_store(test: &str, tokens: &[&str], body: fn(&Store)) {
    if let Some(path) = env::var_os("TRUSTROOT_TEST_STORE") {
        return body(&Store { path: path.into() });
    }
    let path = env::temp_dir().join(format!("trustroot-{test}-{}", std::process::id()));
    fs::create_dir_all(path.join("tokens")).unwrap();
    let store = Store { path };
    let conf = store.path.join("softhsm2.conf");
    let tokens_path = store.path.join("tokens");
    fs::write(&conf, format!("directories.tokendir = {}\nobjectstore.backend = file\n", tokens_path.display()))
        .unwrap();
    for token in tokens {
        store.util(&["--init-token", "--free", "--label", token, "--pin", PIN, "--so-pin", "12345678"]);
    }
    let output = Command::new(env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env("SOFTHSM2_CONF", &conf)
        .env("TRUSTROOT_TEST_STORE", &store.path)
        .env("MOODY_REAL", softhsm())
        .env("MOODY_WORDS", store.path.join("words"))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    fs::remove_dir_all(&store.path).unwrap();
}

pub(crate) struct Store {
    pub(crate) path: PathBuf,
}

impl Store {
    /// Runs SoftHSM's own tool on the store.
    pub(crate) fn util(&self, arguments: &[&str]) {
        let output = Command::new("softhsm2-util")
            .env("SOFTHSM2_CONF", self.path.join("softhsm2.conf"))
            .args(arguments)
            .output()
            .expect("SoftHSM is missing: apt-get install softhsm2");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    pub(crate) fn modules(&self) -> Modules {
        self.load(&softhsm())
    }

    pub(crate) fn load(&self, module: &Path) -> Modules {
        let modules = Modules::load(&[module.to_path_buf()], |_, _| {});
        assert_eq!(modules.problems(), []);
        modules
    }

    /// A module that is SoftHSM except for its moods.
    pub(crate) fn moody(&self) -> Modules {
        let library = self.path.join("moody.so");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/moody.c");
        let built = Command::new("cc")
            .args(["-shared", "-fPIC", "-Wall", "-Werror", "-o"])
            .args([&library, &source])
            .arg("-ldl")
            .status()
            .expect("a C compiler is missing: apt-get install gcc libc6-dev");
        assert!(built.success());
        self.load(&library)
    }

    /// Puts the moody module into these moods.
    pub(crate) fn mood(&self, words: &str) {
        fs::write(self.path.join("words"), words).unwrap();
    }

    /// The logins that reached the moody module since this was asked last.
    pub(crate) fn logins(&self) -> Vec<String> {
        let path = self.path.join("words.log");
        let text = fs::read_to_string(&path).unwrap_or_default();
        let _ = fs::remove_file(path);
        text.lines().map(str::to_owned).collect()
    }

    pub(crate) fn token(&self, label: &str) -> Token {
        self.modules().token(&Uri { token: Some(label.to_owned()), ..Uri::default() }).unwrap()
    }
}
