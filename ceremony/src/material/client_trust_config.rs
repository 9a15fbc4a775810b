//! The file that has all of it: `ClientTrustConfig`

use super::document::Document;
use super::signing_config::SigningConfig;
use super::trusted_root::{MaterialError, TrustedRoot};
use crate::json::{Json, Object};

/// A trusted root and a signing config in one file, for clients that are given files instead of a repository.
#[derive(Clone, Debug, PartialEq)]
pub struct ClientTrustConfig {
    /// `trustedRoot`
    pub trusted_root: TrustedRoot,
    /// `signingConfig`
    pub signing_config: SigningConfig,
}

impl ClientTrustConfig {
    /// The media type.
    pub const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json";

    /// Reads a file. Both parts are laid out anew, each as a file of its own.
    ///
    /// # Errors
    /// If it is not strict JSON, of another media type, or one of its parts is none.
    pub fn parse(bytes: &[u8]) -> Result<Self, MaterialError> {
        let json = Json::parse(bytes)?;
        let media_type = json.get("mediaType").and_then(Json::as_str);
        if media_type != Some(Self::MEDIA_TYPE) {
            return Err(MaterialError::media_type(media_type, "that of a client trust config"));
        }
        let part = |member| {
            let part = json.get(member).ok_or(MaterialError::Shape { member, wanted: "an object" })?;
            Ok::<_, MaterialError>(Document::new(part))
        };
        Ok(Self {
            trusted_root: TrustedRoot::parse(part("trustedRoot")?.text().as_bytes())?,
            signing_config: SigningConfig::parse(part("signingConfig")?.text().as_bytes())?,
        })
    }

    /// The file.
    pub fn to_file(&self) -> alloc::vec::Vec<u8> {
        let members: Object = [
            ("mediaType", Json::string(Self::MEDIA_TYPE)),
            ("trustedRoot", self.trusted_root.json().clone()),
            ("signingConfig", self.signing_config.json().clone()),
        ]
        .into_iter()
        .collect();
        Document::new(&Json::Object(members)).text().as_bytes().to_vec()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn both_parts_come_back() {
        let config = ClientTrustConfig { trusted_root: TrustedRoot::empty(), signing_config: SigningConfig::empty() };
        assert_eq!(ClientTrustConfig::parse(&config.to_file()).unwrap(), config);
        assert!(ClientTrustConfig::parse(TrustedRoot::empty().as_bytes()).is_err());
        let half = alloc::format!(r#"{{"mediaType":"{}","trustedRoot":{{}}}}"#, ClientTrustConfig::MEDIA_TYPE);
        assert!(ClientTrustConfig::parse(half.as_bytes()).is_err());
    }
}
