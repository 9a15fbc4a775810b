//! PKCS#11 tokens, as commands use them.

use std::path::Path;

use ceremony::{Algorithm, PublicKey};
use keyholders::pkcs11::{self, Modules, Template, TokenKey};
use keyholders::{Ask, Device, Name, Roster, Tries, Uri};

use super::listing::{ListedModule, ListedToken, Listing};
use super::{ClaimedKey, ModuleArgs, OnTokens, is_view};
use crate::error::Failure;
use crate::machine::Config;
use crate::text::escaped;
use crate::ui;

/// The tokens that the modules of this machine reach.
pub(crate) struct Tokens(Modules);

impl Tokens {
    /// Loads the modules of `args`, and without them those that this machine configures.
    pub(crate) fn load(args: &ModuleArgs, config: &Config) -> Self {
        match args.modules.is_empty() {
            true => Self(Modules::with_system(&config.pkcs11_modules, unanswered)),
            false => Self(Modules::load(&args.modules, unanswered)),
        }
    }

    /// All that is there, but for YubiKeys.
    pub(super) fn list(&self) -> Listing {
        let (tokens, silent) = self.0.tokens();
        let mut listing = Listing {
            problems: self.0.problems().iter().chain(&silent).map(ToString::to_string).collect(),
            ..Listing::default()
        };
        for module in self.0.modules() {
            let library = escaped(module.library()).to_string();
            listing.modules.push(ListedModule { path: module.path().to_owned(), library });
        }
        for token in tokens {
            let (keys, tries) = match (token.keys(), token.tries()) {
                (Ok(keys), Ok(tries)) => (keys, tries),
                (Err(error), _) | (_, Err(error)) => {
                    let problems = if is_view(token.uri()) { &mut listing.views } else { &mut listing.problems };
                    problems.push(error.to_string());
                    continue;
                }
            };
            listing.tokens.push(ListedToken {
                label: token.label().to_owned(),
                uri: token.uri().clone(),
                module: token.module().path().to_owned(),
                tries,
                keys: keys.iter().map(|key| (key.uri().clone(), key.public_key().clone())).collect(),
            });
        }
        listing
    }

    /// All keys that show themselves without a PIN, and what kept others from being found.
    pub(crate) fn devices(&self, roster: &Roster) -> OnTokens {
        let (tokens, silent) = self.0.tokens();
        let problems = self.0.problems().iter().chain(&silent).map(ToString::to_string).collect();
        let mut found = OnTokens { problems, ..OnTokens::default() };
        for token in tokens {
            match token.keys() {
                Err(error) if is_view(token.uri()) => found.views.push(error.to_string()),
                Err(error) => found.problems.push(error.to_string()),
                Ok(keys) => found.devices.extend(keys.into_iter().map(|key| match roster.owner(key.public_key()) {
                    Some(owner) => Box::new(key.owned_by(owner.name().clone())) as Box<dyn Device>,
                    None => Box::new(key),
                })),
            }
        }
        found
    }

    /// Whether the token that `uri` names is there.
    pub(crate) fn is_here(&self, uri: &Uri) -> bool {
        self.0.token(uri).is_ok()
    }

    /// The full name of the one token that `uri` names.
    pub(crate) fn name(&self, uri: &Uri) -> Result<Uri, Failure> {
        Ok(self.0.token(uri).map_err(|error| self.explained(error.into()))?.uri().clone())
    }

    /// The keys on the token that `uri` names that show themselves without a PIN.
    pub(crate) fn keys(&self, uri: &Uri) -> Result<Vec<PublicKey>, Failure> {
        let token = self.0.token(uri).map_err(|error| self.explained(error.into()))?;
        Ok(token.keys()?.iter().map(|key| key.public_key().clone()).collect())
    }

    /// What the token that `uri` names says of the tries for its PIN; none where its keys want no PIN.
    pub(crate) fn tries(&self, uri: &Uri) -> Result<Option<Tries>, Failure> {
        let token = self.0.token(uri).map_err(|error| self.explained(error.into()))?;
        Ok(if token.wants_pin()? { Some(token.tries()?) } else { None })
    }

    /// Opens the key that `uri` names.
    pub(crate) fn open(&self, uri: &Uri, owner: Option<&Name>, ask: &mut dyn Ask) -> Result<Box<dyn Device>, Failure> {
        Ok(Box::new(self.0.key(uri, owner, ask).map_err(|error| self.explained(error.into()))?))
    }

    /// Opens the key that `uri` names, and reads what its token claims about it.
    pub(crate) fn claimed(&self, uri: &Uri, owner: &Name, ask: &mut dyn Ask) -> Result<ClaimedKey, Failure> {
        let key = self.0.key(uri, Some(owner), ask).map_err(|error| self.explained(error.into()))?;
        claimed(key, ask)
    }

    /// Makes a key on the token that `uri` names.
    pub(crate) fn generate(
        &self,
        uri: &Uri,
        algorithm: Algorithm,
        (label, id): (String, Vec<u8>),
        owner: &Name,
        ask: &mut dyn Ask,
    ) -> Result<ClaimedKey, Failure> {
        let token = self.0.token(uri).map_err(|error| self.explained(error.into()))?;
        claimed(token.generate(&Template { algorithm, label, id }, Some(owner), ask)?, ask)
    }

    /// Where a token is not found, a module that was not loaded may be why.
    fn explained(&self, failure: Failure) -> Failure {
        let problems = self.0.problems().iter().map(ToString::to_string);
        let failure = problems.fold(failure, Failure::and_cause);
        match self.0.modules().is_empty() {
            true => failure.hint("no PKCS#11 module is loaded: name one with --module, or in config.toml"),
            false => failure,
        }
    }
}

/// Says which module a person waits for: it runs in this process, and nothing but the end of the process ends its call.
fn unanswered(module: &Path, function: &'static str) {
    let touch = match function {
        "C_Sign" | "C_SignFinal" | "C_GenerateKeyPair" => "If the device has a button or a contact, touch it. ",
        _ => "",
    };
    let (module, seconds) = (module.display(), pkcs11::PATIENCE.as_secs());
    ui::aside(format!(
        "The PKCS#11 module {module} has not answered {function} for {seconds} seconds. {touch}Ctrl-C ends this program."
    ));
}

fn claimed(mut key: TokenKey, ask: &mut dyn Ask) -> Result<ClaimedKey, Failure> {
    let claims = key.claims(ask)?;
    Ok(ClaimedKey { uri: key.uri().clone(), device: Box::new(key), claims })
}
