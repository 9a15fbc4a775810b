//! Names of keyholders.

use std::fmt;
use std::str::FromStr;

use ceremony::holder::check_name;

use crate::text::escaped;

/// The name of a keyholder, as [`check_name`] takes it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(String);

impl Name {
    /// Takes `text` as a name.
    ///
    /// # Errors
    /// If it breaks one of the rules.
    pub fn new(text: impl Into<String>) -> Result<Self, NameError> {
        let text = text.into();
        if let Err(rule) = check_name(&text) {
            return Err(NameError { name: escaped(&text.chars().take(80).collect::<String>()), rule });
        }
        Ok(Self(text))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::new(text)
    }
}

/// A text that cannot name a keyholder.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the name \"{name}\" {rule}")]
pub struct NameError {
    /// What was given, escaped, at most 80 characters of it.
    pub name: String,
    /// The rule that it breaks.
    pub rule: &'static str,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn names_are_file_names_on_every_system() {
        for good in ["alice", "root", "a", "0", "joshua.g-2", "com10", "console", "a_b", &"x".repeat(64)] {
            assert_eq!(Name::new(good).unwrap().as_str(), good);
        }
        for bad in [
            "",
            ".",
            "..",
            "a..b",
            "a.",
            "-a",
            "_a",
            ".a",
            "a/b",
            "a\\b",
            "Alice",
            "a b",
            "é",
            "a\n",
            "a\0",
            "con",
            "nul.x",
            "com1",
            "lpt9.toml",
            "\u{1b}[2J",
        ] {
            assert!(Name::new(bad).is_err(), "{bad:?}");
        }
        let error = Name::new("\u{1b}]0;x\u{7}".repeat(1000)).unwrap_err();
        assert!(!error.to_string().contains('\u{1b}'));
        assert!(error.to_string().len() < 1000);
    }
}
