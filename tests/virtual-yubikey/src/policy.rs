//! When a key wants a PIN and a touch, in Yubico's numbers.

/// When a private key wants its PIN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PinPolicy {
    /// Never.
    Never = 1,
    /// Once since the application was selected.
    Once = 2,
    /// Right before every use.
    Always = 3,
}

impl PinPolicy {
    /// The policy of this number.
    pub(crate) fn numbered(number: u8) -> Option<Self> {
        [Self::Never, Self::Once, Self::Always].into_iter().find(|policy| *policy as u8 == number)
    }
}

/// When a private or management key wants a touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TouchPolicy {
    /// Never.
    Never = 1,
    /// At every use.
    Always = 2,
    /// Unless the last touch is less than 15 seconds ago.
    Cached = 3,
}

impl TouchPolicy {
    /// The policy of this number.
    pub(crate) fn numbered(number: u8) -> Option<Self> {
        [Self::Never, Self::Always, Self::Cached].into_iter().find(|policy| *policy as u8 == number)
    }
}
