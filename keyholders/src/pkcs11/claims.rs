//! What a token claims about a key.

use cryptoki::object::{Attribute, AttributeType};

use super::key::TokenKey;
use super::objects;
use crate::ask::Ask;
use crate::claims::Claims;
use crate::device::DeviceError;

impl TokenKey {
    /// Reads what the token says about the private key and about itself. The token may ask for its PIN.
    ///
    /// # Errors
    /// If the token is gone or does not answer; if nobody gives the PIN.
    pub fn claims(&mut self, ask: &mut dyn Ask) -> Result<Claims, DeviceError> {
        let token = self.token().clone();
        let wanted = [AttributeType::Local, AttributeType::NeverExtractable, AttributeType::AlwaysSensitive];
        let answers = self.with_private(ask, |_, session, handle, _| {
            token.call("C_GetAttributeValue", |_| objects::attributes(session, handle, &wanted))
        })?;
        let (_, info) = token.state()?;
        let firmware = info.firmware_version();
        let mut claims = Claims {
            library: Some(token.module().library().to_owned()),
            token: Some(info.label().to_owned()),
            manufacturer: Some(info.manufacturer_id().to_owned()),
            model: Some(info.model().to_owned()),
            serial: Some(info.serial_number().to_owned()),
            firmware: Some(format!("{}.{}", firmware.major(), firmware.minor())),
            ..Claims::default()
        };
        for answer in answers {
            match answer {
                Attribute::Local(value) => claims.local = Some(value),
                Attribute::NeverExtractable(value) => claims.never_extractable = Some(value),
                Attribute::AlwaysSensitive(value) => claims.always_sensitive = Some(value),
                _ => {}
            }
        }
        Ok(claims)
    }
}
