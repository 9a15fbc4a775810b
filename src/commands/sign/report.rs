//! What was signed, for people and programs.

use std::fmt;
use std::path::PathBuf;

use ceremony::Json;

use crate::report::{Report, object};
use crate::text::{escaped, wrapped};

/// One signature.
pub(super) struct Made {
    pub(super) role: String,
    pub(super) version: u64,
    pub(super) keyholder: String,
    /// Its file.
    pub(super) file: PathBuf,
    /// Whether it was made now, and not before.
    pub(super) is_new: bool,
}

/// What was signed.
pub(super) struct Signed {
    pub(super) ceremony: String,
    pub(super) signed: Vec<Made>,
}

impl fmt::Display for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for made in &self.signed {
            let (name, when) = (escaped(&made.keyholder), if made.is_new { "" } else { " before" });
            writeln!(f, "{name} signed {} version {}{when}", escaped(&made.role), made.version)?;
            writeln!(f, "  {}", escaped(&made.file.display().to_string()))?;
        }
        let next = match self.signed.iter().any(|made| made.is_new) {
            true => "Next: give the new files to the coordinator; they add to the directory and change nothing in it.",
            false => "Nothing is left to sign here. Next: give these files to the coordinator, if not done yet.",
        };
        f.write_str(&wrapped(&format!("\n{next}"), 0))?;
        writeln!(f, "  trustroot status {}", escaped(&self.ceremony))
    }
}

impl Report for Signed {
    fn json(&self) -> Json {
        let signed = self.signed.iter().map(|made| {
            object([
                ("role", Json::string(&made.role)),
                ("version", made.version.into()),
                ("keyholder", Json::string(&made.keyholder)),
                ("file", Json::string(made.file.display().to_string())),
                ("new", Json::Bool(made.is_new)),
            ])
        });
        object([("ok", Json::Bool(true)), ("ceremony", Json::string(&self.ceremony)), ("signed", signed.collect())])
    }
}
