//! `trustroot keyholder attest`

use std::fmt;
use std::path::PathBuf;

use ceremony::{Json, Object};
use keyholders::attestation::AttestationError;
use keyholders::{AttestedKey, attest};

use super::attested;
use crate::certificates;
use crate::context::Context;
use crate::error::Failure;
use crate::report::{Outcome, Report, object};
use crate::text::{columns, escaped, wrapped};
use crate::ui::Ui;

/// Judge the evidence that a key was made in a YubiKey
///
/// KEY_CERT is what the YubiKey answers to ATTEST, DEVICE_CERT what it has in slot f9, as `yubico-piv-tool -a attest -s 9c`
/// and `yubico-piv-tool -a read-certificate -s f9`, or `ykman piv keys attest` and `ykman piv certificates export`, write them.
/// Both are PEM or DER; further issuers may follow in DEVICE_CERT. The chain is verified up to the vendor's anchors, which
/// this program carries, or to those of --anchor.
///
/// Yes means that the key was made in that device and cannot leave it, at the present time (or that of --now). It does
/// not mean that somebody has it: that is what enrolling proves. Findings never change the answer.
#[derive(clap::Args)]
pub(crate) struct Attest {
    /// The certificate of the key
    #[arg(value_name = "KEY_CERT")]
    key: Option<PathBuf>,
    /// The certificate of the device
    #[arg(value_name = "DEVICE_CERT")]
    device: Option<PathBuf>,
    /// Trust the authorities with the certificates in this file too
    #[arg(long, value_name = "FILE")]
    anchor: Vec<PathBuf>,
}

impl Attest {
    pub(crate) fn run(self, context: &Context, ui: &mut Ui) -> Result<Outcome, Failure> {
        let anchors = certificates::anchors(&self.anchor)?;
        let key = match self.key {
            Some(key) => key,
            None => ui.value("KEY_CERT", "File with the certificate of the key", None)?,
        };
        let device = match self.device {
            Some(device) => device,
            None => ui.value("DEVICE_CERT", "File with the certificate of the device", None)?,
        };
        let keys = certificates::read(&key)?;
        let [one] = &keys[..] else {
            let message = format!("{} has {} certificates", key.display(), keys.len());
            return Err(Failure::could_not(message).hint("give the certificate of one key, and its device's beside it"));
        };
        let devices = certificates::read(&device)?;
        let Some((of_device, issuers)) = devices.split_first() else {
            return Err(Failure::could_not(format!("{} has no certificate", device.display())));
        };
        let attested = attest(one, of_device, issuers, &anchors, context.now);
        let above = devices.last().map(|last| last.issuer().to_owned());
        let above = above.filter(|_| matches!(attested, Err(AttestationError::Chain(_))));
        Ok(Outcome::answer(attested.is_ok(), Judged { attested, above }))
    }
}

/// The proof, or why there is none.
struct Judged {
    attested: Result<AttestedKey, AttestationError>,
    /// Who would have to be trusted, where nobody is who vouches for the device.
    above: Option<String>,
}

impl fmt::Display for Judged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let attested = match &self.attested {
            Ok(attested) => attested,
            Err(error) => {
                f.write_str(&wrapped(&format!("No: {}.", escaped(&error.to_string())), 0))?;
                let Some(above) = &self.above else { return Ok(()) };
                let hint = format!("hint: if you trust {}, give its certificate with --anchor FILE", escaped(above));
                return f.write_str(&wrapped(&hint, 0));
            }
        };
        f.write_str("Yes: the key was made in this device.\n\n")?;
        let rows = [
            ["device", &attested::device(attested)],
            ["slot", &attested.slot().to_string()],
            ["PIN", attested.pin_policy().as_str()],
            ["touch", attested.touch_policy().as_str()],
            ["key", &attested.key().algorithm().to_string()],
            ["", &attested.key().fingerprint().to_string()],
            ["anchor", &format!("{} ({})", escaped(attested.anchor()), attested.anchor_kind())],
            ["", &attested.anchor_sha256().to_string()],
            ["", attested.anchor_published().unwrap_or_default()],
        ];
        let rows = rows.into_iter().filter(|[_, value]| !value.is_empty()).map(|row| row.map(str::to_owned));
        f.write_str(&columns(&rows.collect::<Vec<_>>(), 2))?;
        for finding in findings(attested) {
            f.write_str("\n")?;
            f.write_str(&wrapped(&format!("{finding}. {}", finding.rule.why()), 0))?;
        }
        Ok(())
    }
}

impl Report for Judged {
    fn json(&self) -> Json {
        match &self.attested {
            Ok(attested) => {
                let mut object: Object = [("ok", Json::Bool(true))].into_iter().collect();
                for (name, value) in attested::members(attested).iter() {
                    object.insert(name, value.clone());
                }
                object.insert("findings", findings(attested).iter().map(crate::report::finding).collect());
                Json::Object(object)
            }
            Err(error) => object([("ok", Json::Bool(false)), ("reason", Json::string(error.to_string()))]),
        }
    }
}

/// Nobody is named here but the device.
fn findings(attested: &AttestedKey) -> Vec<ceremony::Finding> {
    attested.findings(&attested.serial().to_string())
}
