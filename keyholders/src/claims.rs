//! What a token says of a key, on its own word.

/// What a PKCS#11 token says about itself and one of its keys.
///
/// A program that stands in for a token can say all of this: it is recorded as claimed and never shown as verified.
/// What the token does not answer is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claims {
    /// `CKA_LOCAL`: the key was generated on the token.
    pub local: Option<bool>,
    /// `CKA_NEVER_EXTRACTABLE`: the key could never leave the token.
    pub never_extractable: Option<bool>,
    /// `CKA_ALWAYS_SENSITIVE`: the key could never be read from the token.
    pub always_sensitive: Option<bool>,
    /// Description, version and maker of the module, as `SoftHSM 2.6 by SoftHSM`.
    pub library: Option<String>,
    /// Label of the token when the key was enrolled.
    pub token: Option<String>,
    /// Maker of the token.
    pub manufacturer: Option<String>,
    /// Model of the token.
    pub model: Option<String>,
    /// Serial number of the token.
    pub serial: Option<String>,
    /// Firmware version of the token.
    pub firmware: Option<String>,
}

impl Claims {
    /// Whether the token says that the key was made on it and could never leave it.
    pub fn born_here(&self) -> bool {
        self.local == Some(true) && self.never_extractable == Some(true) && self.always_sensitive == Some(true)
    }

    /// The claims that are texts, by the names under which a record has them.
    pub(crate) fn texts(&self) -> [(&'static str, &Option<String>); 6] {
        [
            ("library", &self.library),
            ("token", &self.token),
            ("manufacturer", &self.manufacturer),
            ("model", &self.model),
            ("serial", &self.serial),
            ("firmware", &self.firmware),
        ]
    }

    /// The claims that are truths, by the names under which a record has them.
    pub(crate) fn truths(&self) -> [(&'static str, Option<bool>); 3] {
        [
            ("local", self.local),
            ("never_extractable", self.never_extractable),
            ("always_sensitive", self.always_sensitive),
        ]
    }
}
