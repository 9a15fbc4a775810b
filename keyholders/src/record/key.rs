//! One key of a keyholder.

use ceremony::TufKey;
use ceremony::key::{Fingerprint, PublicKey};
use ceremony::tuf_key::IdForm;

use super::{RecordError, State};
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
    device: DeviceKind,
    uri: Option<Uri>,
    claimed: Option<Claims>,
    possession: Option<Possession>,
}

impl RecordKey {
    /// Puts a key together.
    ///
    /// # Errors
    /// If the key object holds no key that this program can verify with; if a key on a token has no URI that names one
    /// token by its serial number and a key on it, or another key has a URI or claims; if a key that is not external
    /// has no proof of possession, or an id that is not the hash of its object.
    pub fn new(
        state: State,
        tuf_key: TufKey,
        device: DeviceKind,
        uri: Option<Uri>,
        claimed: Option<Claims>,
        possession: Option<Possession>,
    ) -> Result<Self, RecordError> {
        let public_key = tuf_key.key.clone()?;
        let external = device == DeviceKind::External;
        // Ids that match no formula exist in published metadata only, and its keys are adopted as external.
        if !external && tuf_key.id_form() == IdForm::Other {
            return Err(RecordError::Id { id: tuf_key.id, device });
        }
        let on_token = device == DeviceKind::Pkcs11;
        match &uri {
            None if on_token => return Err(RecordError::Lacks { field: "uri", device }),
            Some(_) if !on_token => return Err(RecordError::Misplaced { field: "uri", device }),
            Some(uri) if uri.serial.is_none() || !uri.names_key() || uri.class.is_some() => {
                return Err(RecordError::VagueUri { uri: Box::new(uri.clone()) });
            }
            _ => {}
        }
        if claimed.is_some() && !on_token {
            return Err(RecordError::Misplaced { field: "key.claimed", device });
        }
        if possession.is_none() && !external {
            return Err(RecordError::Lacks { field: "key.possession", device });
        }
        Ok(Self { state, tuf_key, public_key, device, uri, claimed, possession })
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

    /// Where the key lives. A key in a file is marked wherever it is shown.
    pub fn device(&self) -> DeviceKind {
        self.device
    }

    /// The name of the key on its token.
    pub fn uri(&self) -> Option<&Uri> {
        self.uri.as_ref()
    }

    /// What the token claimed when the key was enrolled. Never verified.
    pub fn claimed(&self) -> Option<&Claims> {
        self.claimed.as_ref()
    }

    /// The proof of possession. Only an external key can be without one.
    pub fn possession(&self) -> Option<&Possession> {
        self.possession.as_ref()
    }
}
