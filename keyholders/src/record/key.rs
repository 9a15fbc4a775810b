//! One key of a keyholder.

use ceremony::TufKey;
use ceremony::key::{Algorithm, Fingerprint, PublicKey};
use ceremony::tuf_key::IdForm;

use super::{Home, RecordError, State};
use crate::claims::Claims;
use crate::device::DeviceKind;
use crate::possession::Possession;
use crate::uri::Uri;

/// One key of a keyholder. The key decodes, and what is known of it fits where it lives.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordKey {
    state: State,
    tuf_key: TufKey,
    public_key: PublicKey,
    home: Home,
    possession: Option<Possession>,
}

impl RecordKey {
    /// Puts a key together.
    ///
    /// # Errors
    /// If the key object holds no key that this program can verify with; if a key on a token has no URI that names one
    /// token by its serial number and a key on it; if a key in a YubiKey is of a kind that the YubiKey cannot sign
    /// metadata with; if a key that is not external has no proof of possession, or an id that is not the hash of its
    /// object.
    pub fn new(state: State, tuf_key: TufKey, home: Home, possession: Option<Possession>) -> Result<Self, RecordError> {
        let public_key = tuf_key.key.clone()?;
        let device = home.kind();
        let external = device == DeviceKind::External;
        // Ids that match no formula exist in published metadata only, and its keys are adopted as external.
        if !external && tuf_key.id_form() == IdForm::Other {
            return Err(RecordError::Id { id: tuf_key.id, device });
        }
        match &home {
            Home::Pkcs11 { uri, .. } if uri.serial.is_none() || !uri.names_key() || uri.class.is_some() => {
                return Err(RecordError::VagueUri { uri: Box::new(uri.clone()) });
            }
            Home::Yubikey { .. } if !matches!(public_key.algorithm(), Algorithm::EcdsaP256 | Algorithm::EcdsaP384) => {
                return Err(RecordError::NotForPiv { algorithm: public_key.algorithm() });
            }
            _ => {}
        }
        if possession.is_none() && !external {
            return Err(RecordError::Lacks { field: "key.possession", device });
        }
        Ok(Self { state, tuf_key, public_key, home, possession })
    }

    /// This key in another state.
    #[must_use]
    pub fn in_state(self, state: State) -> Self {
        Self { state, ..self }
    }

    /// What the key is for.
    pub fn state(&self) -> State {
        self.state
    }

    /// The key object and id, as metadata has or will have them.
    pub fn tuf_key(&self) -> &TufKey {
        &self.tuf_key
    }

    /// The key.
    pub fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// What identifies the key.
    pub fn fingerprint(&self) -> Fingerprint {
        self.public_key.fingerprint()
    }

    /// Where the key lives.
    pub fn home(&self) -> &Home {
        &self.home
    }

    /// The kind of where the key lives. A key in a file is marked wherever it is shown.
    pub fn device(&self) -> DeviceKind {
        self.home.kind()
    }

    /// The name of the key, where it is on a PKCS#11 token.
    pub fn uri(&self) -> Option<&Uri> {
        self.home.uri()
    }

    /// What a PKCS#11 token claimed when the key was enrolled. Never verified.
    pub fn claimed(&self) -> Option<&Claims> {
        match &self.home {
            Home::Pkcs11 { claimed, .. } => claimed.as_deref(),
            _ => None,
        }
    }

    /// The proof of possession. Only an external key can be without one.
    pub fn possession(&self) -> Option<&Possession> {
        self.possession.as_ref()
    }
}
