//! What commands find where this program was built without PKCS#11: nothing.

use ceremony::{Algorithm, PublicKey};
use keyholders::{Ask, Device, Name, Roster, Tries, Uri};

use super::{ClaimedKey, Listing, ModuleArgs, OnTokens};
use crate::error::Failure;
use crate::machine::Config;

/// No token.
pub(crate) struct Tokens(());

impl Tokens {
    pub(crate) fn load(_: &ModuleArgs, _: &Config) -> Self {
        Self(())
    }

    pub(super) fn list(&self) -> Listing {
        Listing { problems: vec![absent().line()], ..Listing::default() }
    }

    pub(crate) fn devices(&self, _: &Roster) -> OnTokens {
        OnTokens { problems: vec![absent().line()], ..OnTokens::default() }
    }

    pub(crate) fn is_here(&self, _: &Uri) -> bool {
        false
    }

    pub(crate) fn name(&self, _: &Uri) -> Result<Uri, Failure> {
        Err(absent())
    }

    pub(crate) fn keys(&self, _: &Uri) -> Result<Vec<PublicKey>, Failure> {
        Err(absent())
    }

    pub(crate) fn tries(&self, _: &Uri) -> Result<Option<Tries>, Failure> {
        Err(absent())
    }

    pub(crate) fn open(&self, _: &Uri, _: Option<&Name>, _: &mut dyn Ask) -> Result<Box<dyn Device>, Failure> {
        Err(absent())
    }

    pub(crate) fn claimed(&self, _: &Uri, _: &Name, _: &mut dyn Ask) -> Result<ClaimedKey, Failure> {
        Err(absent())
    }

    pub(crate) fn generate(
        &self,
        _: &Uri,
        _: Algorithm,
        _: (String, Vec<u8>),
        _: &Name,
        _: &mut dyn Ask,
    ) -> Result<ClaimedKey, Failure> {
        Err(absent())
    }
}

fn absent() -> Failure {
    Failure::could_not("this program was built without PKCS#11: it reaches no token")
}
