//! That a ceremony was closed.

use ceremony::{Json, Object, Time};

use crate::error::{Failure, OrFail as _};
use crate::text::escaped;

/// `abandoned.json`
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Abandoned {
    pub(crate) at: Time,
    pub(crate) reason: String,
}

impl Abandoned {
    /// Why nothing more is done in ceremony `name`.
    pub(crate) fn refusal(&self, name: &str) -> Failure {
        // Its own line breaks would be laid out as those of this program.
        Failure::no(format!("ceremony {name} was closed at {}: {}", self.at, escaped(&self.reason)))
    }

    /// The file.
    pub(crate) fn to_file(&self) -> Vec<u8> {
        let object: Object =
            [("at", Json::string(self.at.to_string())), ("reason", Json::string(&self.reason))].into_iter().collect();
        Json::Object(object).pretty().into_bytes()
    }

    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Failure> {
        let json = Json::parse(bytes).or_fail(|| "abandoned.json")?;
        let text = |name| json.get(name).and_then(Json::as_str);
        let at = text("at").and_then(|at| at.parse().ok());
        match (at, text("reason")) {
            (Some(at), Some(reason)) => {
                let abandoned = Self { at, reason: reason.to_owned() };
                let written = abandoned.to_file() == bytes;
                let wrong = || Failure::could_not("abandoned.json is not in the form in which it is written");
                if written { Ok(abandoned) } else { Err(wrong()) }
            }
            _ => Err(Failure::could_not("abandoned.json has no time and reason")),
        }
    }
}
