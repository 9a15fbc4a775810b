//! The PKCS#11 libraries that are loaded.

use std::fmt;
use std::path::{Path, PathBuf};
use std::{fs, io};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};

use super::call::{self, Unanswered};
use super::config::{Configured, configured};
use super::key::TokenKey;
use super::token::Token;
use crate::ask::Ask;
use crate::device::{DeviceError, Present};
use crate::name::Name;
use crate::text::escaped;
use crate::uri::Uri;

/// The modules that could be loaded, and what is the matter with the others.
///
/// A module is a library that runs in this process, so that only the machine may name one: by a flag, an environment
/// variable, the user's or the system's configuration, and never by a file that came with a ceremony.
#[derive(Debug)]
pub struct Modules {
    modules: Vec<Module>,
    problems: Vec<ModuleError>,
}

impl Modules {
    /// Loads these libraries, each once, whatever its names. A library that cannot be loaded is a problem, and the
    /// others are loaded all the same. `unanswered` is told of each call to one of them that takes long.
    pub fn load(paths: &[PathBuf], unanswered: Unanswered) -> Self {
        let mut loaded = Self { modules: Vec::new(), problems: Vec::new() };
        for path in paths {
            let Ok(real) = fs::canonicalize(path) else {
                loaded.problems.push(ModuleError::NotFound { path: path.clone() });
                continue;
            };
            if loaded.modules.iter().any(|module| module.path == real) {
                continue;
            }
            match Module::load(real, unanswered) {
                Ok(module) => loaded.modules.push(module),
                Err(problem) => loaded.problems.push(problem),
            }
        }
        loaded
    }

    /// Loads these libraries as [`load`](Self::load) does, and what the system configures for all its programs
    /// (p11-kit).
    pub fn with_system(paths: &[PathBuf], unanswered: Unanswered) -> Self {
        let multiarch = format!("/usr/lib/{}-linux-gnu/pkcs11", std::env::consts::ARCH);
        let libraries = [&multiarch, "/usr/lib64/pkcs11", "/usr/lib/pkcs11", "/usr/local/lib/pkcs11"];
        let Configured { libraries, problems } = configured(
            &["/usr/share/p11-kit/modules", "/etc/pkcs11/modules"].map(Path::new),
            &libraries.map(Path::new),
        );
        let mut loaded = Self::load(&[paths, &libraries].concat(), unanswered);
        loaded.problems.splice(0..0, problems);
        loaded
    }

    /// The modules that are loaded.
    pub fn modules(&self) -> &[Module] {
        &self.modules
    }

    /// What is the matter with those that are not.
    pub fn problems(&self) -> &[ModuleError] {
        &self.problems
    }

    /// All tokens that are there now and ready for use, and the modules that did not answer. A token that two modules
    /// reach is listed by the first of them.
    pub fn tokens(&self) -> (Vec<Token>, Vec<ModuleError>) {
        let (mut tokens, mut problems) = (Vec::<Token>::new(), Vec::new());
        for module in &self.modules {
            match Token::list(module) {
                Ok(found) => {
                    let seen: Vec<_> = tokens.iter().map(|token| token.uri().clone()).collect();
                    tokens.extend(found.into_iter().filter(|token| !seen.contains(token.uri())));
                }
                Err(error) => {
                    let path = module.path.clone();
                    problems.push(ModuleError::NoAnswer { path, reason: call::reason(&error) });
                }
            }
        }
        (tokens, problems)
    }

    /// The one token that `uri` names.
    ///
    /// # Errors
    /// If there is none, or more than one.
    pub fn token(&self, uri: &Uri) -> Result<Token, DeviceError> {
        let (tokens, _) = self.tokens();
        let mut wanted = tokens.iter().filter(|token| uri.matches_token(token.uri()));
        let (first, second) = (wanted.next(), wanted.next());
        let present = || Present(tokens.iter().map(|token| token.uri().clone()).collect());
        match (first, second) {
            (None, _) => Err(DeviceError::NoToken { uri: Box::new(uri.token_only()), present: present() }),
            (Some(token), None) => Ok(token.clone()),
            _ => Err(DeviceError::SeveralTokens { uri: Box::new(uri.token_only()), present: present() }),
        }
    }

    /// The one key that `uri` names. A token that hides its public keys asks for its PIN.
    ///
    /// # Errors
    /// If there is no such token or key, or more than one; if the key is of an algorithm that this program does not
    /// sign with.
    pub fn key(&self, uri: &Uri, owner: Option<&Name>, ask: &mut dyn Ask) -> Result<TokenKey, DeviceError> {
        self.token(uri)?.key(uri, owner, ask)
    }
}

/// One library.
#[derive(Clone)]
pub struct Module {
    path: PathBuf,
    library: String,
    pkcs11: Pkcs11,
    unanswered: Unanswered,
}

impl Module {
    fn load(path: PathBuf, unanswered: Unanswered) -> Result<Self, ModuleError> {
        let pkcs11 =
            call::call(&path, "C_GetFunctionList", unanswered, || Pkcs11::new(&path)).map_err(|error| match error {
                Error::MissingSymbol(symbol) => ModuleError::NotPkcs11 { path: path.clone(), symbol },
                other => ModuleError::NotLoaded { path: path.clone(), reason: escaped(&other.to_string()) },
            })?;
        let arguments = CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK);
        match call::call(&path, "C_Initialize", unanswered, || pkcs11.initialize(arguments)) {
            Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
            Err(error) => return Err(ModuleError::NotInitialized { path, reason: call::reason(&error) }),
        }
        let information = call::call(&path, "C_GetInfo", unanswered, || pkcs11.get_library_info());
        let library = information.map_or_else(
            |_| "unknown".to_owned(),
            |info| {
                let version = info.library_version();
                format!(
                    "{} {}.{} by {}",
                    info.library_description(),
                    version.major(),
                    version.minor(),
                    info.manufacturer_id()
                )
            },
        );
        Ok(Self { path, library, pkcs11, unanswered })
    }

    /// Calls one of its functions. A panic of the library below, which believes what a module says of lengths, is an
    /// error as well.
    pub(super) fn call<T>(
        &self,
        function: &'static str,
        work: impl FnOnce(&Pkcs11) -> Result<T, Error>,
    ) -> Result<T, Error> {
        call::call(&self.path, function, self.unanswered, || work(&self.pkcs11))
    }

    /// Where the library is, links resolved.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the library says it is. Escape it before it meets a terminal.
    pub fn library(&self) -> &str {
        &self.library
    }
}

impl fmt::Debug for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Module").field("path", &self.path).field("library", &self.library).finish_non_exhaustive()
    }
}

/// Why a module is not loaded. Paths are as they were configured; the texts are escaped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ModuleError {
    /// There is no such library.
    #[error("there is no PKCS#11 module {}", shown(path))]
    NotFound {
        /// The library.
        path: PathBuf,
    },
    /// It cannot be loaded.
    #[error("the PKCS#11 module {} cannot be loaded: {reason}", shown(path))]
    NotLoaded {
        /// The library.
        path: PathBuf,
        /// What the loader says.
        reason: String,
    },
    /// It is a library of another kind.
    #[error("{} is not a PKCS#11 module: it has no {symbol}", shown(path))]
    NotPkcs11 {
        /// The library.
        path: PathBuf,
        /// What it lacks.
        symbol: &'static str,
    },
    /// It does not start.
    #[error("the PKCS#11 module {} does not start: {reason}", shown(path))]
    NotInitialized {
        /// The library.
        path: PathBuf,
        /// What it says.
        reason: String,
    },
    /// It does not list its tokens.
    #[error("the PKCS#11 module {} does not list its tokens: {reason}", shown(path))]
    NoAnswer {
        /// The library.
        path: PathBuf,
        /// What it says.
        reason: String,
    },
    /// p11-kit would run a program for it.
    #[error("{} names a program instead of a library, and this program runs none", shown(path))]
    Remote {
        /// The file that configures it.
        path: PathBuf,
    },
    /// A file or directory of the configuration cannot be read.
    #[error("{} cannot be read: {kind}", shown(path))]
    Unreadable {
        /// The file or directory.
        path: PathBuf,
        /// Why not.
        kind: io::ErrorKind,
    },
}

fn shown(path: &Path) -> String {
    escaped(&path.display().to_string())
}
