//! The text of a record.

use std::fmt::Write as _;

use ceremony::{Json, KeyId, TufKey};
use serde::Deserialize;

use super::{Home, Kind, Record, RecordError, RecordKey, State};
use crate::claims::Claims;
use crate::device::DeviceKind;
use crate::name::Name;
use crate::possession::{Nonce, Possession};
use crate::text::{escaped, toml_string};

impl Record {
    /// Reads the text of a record.
    ///
    /// # Errors
    /// If the text is longer than 64 KiB, is not TOML, has a field that is not known or lacks one that is needed, holds
    /// a value that does not fit another, or differs in a single byte from [`to_toml`](Self::to_toml) of what it says.
    pub fn parse(text: &str) -> Result<Self, RecordError> {
        if text.len() > LIMIT {
            return Err(RecordError::TooLong { length: text.len(), limit: LIMIT });
        }
        let raw: RawRecord = toml::from_str(text).map_err(|error| syntax(text, &error))?;
        let keys =
            raw.key.into_iter().enumerate().map(|(i, key)| {
                key.check().map_err(|cause| RecordError::Key { number: i + 1, cause: Box::new(cause) })
            });
        let record = Self::new(Name::new(raw.name)?, raw.kind, keys.collect::<Result<_, _>>()?)?;
        let wanted = record.to_toml();
        if text == wanted {
            return Ok(record);
        }
        let (mut found, mut expected) = (text.split('\n'), wanted.split('\n'));
        let mut line = 0;
        loop {
            line += 1;
            let (found, expected) = (found.next(), expected.next());
            if found != expected || found.is_none() {
                let shown = |line: Option<&str>| line.map(|line| escaped(&line.chars().take(120).collect::<String>()));
                return Err(RecordError::NotCanonical { line, found: shown(found), expected: shown(expected) });
            }
        }
    }

    /// The one text of this record.
    pub fn to_toml(&self) -> String {
        let mut out = format!("name = \"{}\"\nkind = \"{}\"\n", self.name, self.kind.as_str());
        for key in &self.keys {
            key.write(&mut out);
        }
        out
    }
}

impl RecordKey {
    fn write(&self, out: &mut String) {
        // A TOML literal string cannot hold its own end; JSON can write the same text without it.
        let mut object = self.tuf_key().object.pretty();
        if object.contains("'''") {
            object = object.replace('\'', "\\u0027");
        }
        let written = (|| {
            write!(out, "\n[[key]]\nstate = \"{}\"\n", self.state().as_str())?;
            writeln!(out, "id = {}", toml_string(self.tuf_key().id.as_str()))?;
            writeln!(out, "fingerprint = \"{}\"", self.fingerprint())?;
            write!(out, "object = '''\n{object}'''\ndevice = \"{}\"\n", self.device())?;
            match self.home() {
                Home::Pkcs11 { uri, .. } => writeln!(out, "uri = \"{uri}\"")?,
                Home::Yubikey { serial, slot } => writeln!(out, "serial = {serial}\nslot = \"{slot}\"")?,
                Home::External | Home::File => {}
            }
            if let Some(claims) = self.claimed() {
                out.push_str("\n[key.claimed]\n");
                for (name, claim) in claims.truths() {
                    claim.map_or(Ok(()), |claim| writeln!(out, "{name} = {claim}"))?;
                }
                for (name, claim) in claims.texts() {
                    claim.as_ref().map_or(Ok(()), |claim| writeln!(out, "{name} = {}", toml_string(claim)))?;
                }
            }
            if let Some(Possession { nonce, signature }) = self.possession() {
                write!(out, "\n[key.possession]\nnonce = \"{nonce}\"\nsignature = \"{}\"\n", hex::encode(signature))?;
            }
            Ok::<(), std::fmt::Error>(())
        })();
        written.expect("a String takes all that is written to it");
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRecord {
    name: String,
    kind: Kind,
    #[serde(default)]
    key: Vec<RawKey>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawKey {
    state: State,
    id: String,
    fingerprint: String,
    object: String,
    device: String,
    uri: Option<String>,
    serial: Option<u32>,
    slot: Option<String>,
    claimed: Option<RawClaims>,
    possession: Option<RawPossession>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawClaims {
    local: Option<bool>,
    never_extractable: Option<bool>,
    always_sensitive: Option<bool>,
    library: Option<String>,
    token: Option<String>,
    manufacturer: Option<String>,
    model: Option<String>,
    serial: Option<String>,
    firmware: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPossession {
    nonce: String,
    signature: String,
}

impl RawKey {
    fn check(self) -> Result<RecordKey, RecordError> {
        let object = Json::parse(self.object.as_bytes())
            .map_err(|error| RecordError::Object { reason: escaped(&error.to_string()) })?;
        let tuf_key = TufKey::read(KeyId::new(self.id), object);
        let home = RawHome { uri: self.uri, claimed: self.claimed, serial: self.serial, slot: self.slot }
            .check(&self.device)?;
        let possession = self.possession.map(RawPossession::check).transpose()?;
        let key = RecordKey::new(self.state, tuf_key, home, possession)?;
        let stated = self.fingerprint.parse().map_err(|_| RecordError::Hex { field: "fingerprint" })?;
        let actual = key.fingerprint();
        if stated == actual { Ok(key) } else { Err(RecordError::Fingerprint { stated, actual }) }
    }
}

/// What a record says of where a key lives: which fields there are depends on the device.
struct RawHome {
    uri: Option<String>,
    claimed: Option<RawClaims>,
    serial: Option<u32>,
    slot: Option<String>,
}

impl RawHome {
    fn check(self, device: &str) -> Result<Home, RecordError> {
        let device: DeviceKind = device.parse().map_err(|()| RecordError::Device { device: escaped(device) })?;
        let lacks = |field| RecordError::Lacks { field, device };
        let (on_token, in_slot) = (device == DeviceKind::Pkcs11, device == DeviceKind::Yubikey);
        for (field, there, belongs) in [
            ("uri", self.uri.is_some(), on_token),
            ("key.claimed", self.claimed.is_some(), on_token),
            ("serial", self.serial.is_some(), in_slot),
            ("slot", self.slot.is_some(), in_slot),
        ] {
            if there && !belongs {
                return Err(RecordError::Misplaced { field, device });
            }
        }
        Ok(match device {
            DeviceKind::External => Home::External,
            DeviceKind::File => Home::File,
            DeviceKind::Pkcs11 => Home::Pkcs11 {
                uri: self.uri.ok_or_else(|| lacks("uri"))?.parse()?,
                claimed: self.claimed.map(|raw| Box::new(raw.claims())),
            },
            DeviceKind::Yubikey => Home::Yubikey {
                serial: self.serial.ok_or_else(|| lacks("serial"))?,
                slot: self.slot.ok_or_else(|| lacks("slot"))?.parse()?,
            },
        })
    }
}

impl RawClaims {
    fn claims(self) -> Claims {
        Claims {
            local: self.local,
            never_extractable: self.never_extractable,
            always_sensitive: self.always_sensitive,
            library: self.library,
            token: self.token,
            manufacturer: self.manufacturer,
            model: self.model,
            serial: self.serial,
            firmware: self.firmware,
        }
    }
}

impl RawPossession {
    fn check(self) -> Result<Possession, RecordError> {
        let nonce: Nonce = self.nonce.parse()?;
        let signature = hex::decode(self.signature).map_err(|_| RecordError::Hex { field: "signature" })?;
        Ok(Possession { nonce, signature })
    }
}

/// Where in `text` an error of the TOML parser is, and what it says, escaped.
fn syntax(text: &str, error: &toml::de::Error) -> RecordError {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
    let message = error.message().lines().map(escaped).collect::<Vec<_>>().join(", ");
    RecordError::Syntax { line, column, message }
}

const LIMIT: usize = 64 * 1024;

#[cfg(test)]
mod tests;
