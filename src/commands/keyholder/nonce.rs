//! `trustroot keyholder nonce`

use std::fmt;

use ceremony::{Json, Object};

use crate::error::{Failure, OrFail as _};
use crate::report::{Outcome, Report};
use crate::ui::Ui;

/// Make a nonce for others to enroll with
///
/// Nothing is kept of it: give it to `keyholder verify --nonce` when the records are back.
#[derive(clap::Args)]
pub(crate) struct Nonce {}

impl Nonce {
    pub(crate) fn run(self, ui: &mut Ui) -> Result<Outcome, Failure> {
        let nonce = keyholders::Nonce::random().or_fail(|| "this machine has no random numbers")?;
        ui.say("Tell this nonce to everybody who enrolls, and keep it for `keyholder verify --nonce`:");
        Ok(Outcome::done(Made(nonce)))
    }
}

struct Made(keyholders::Nonce);

impl fmt::Display for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.0)
    }
}

impl Report for Made {
    fn json(&self) -> Json {
        let object: Object =
            [("ok", Json::Bool(true)), ("nonce", Json::string(self.0.to_string()))].into_iter().collect();
        Json::Object(object)
    }
}
