//! `trustroot keyholder devices`

use std::fmt;

use ceremony::{Json, PublicKey};
use keyholders::{Roster, Tries, Uri};

use crate::context::Context;
use crate::devices::{ListedYubikey, Listing, ModuleArgs, Tokens, Yubikeys};
use crate::error::Failure;
use crate::records::Keyholders;
use crate::report::{Outcome, Report, object};
use crate::text::{escaped, wrapped};

/// Show the YubiKeys and PKCS#11 tokens here, and whose keys they hold
///
/// Shows what can be seen without a PIN. Modules come from --module; without it from pkcs11-modules in this machine's
/// config.toml and from p11-kit.
#[derive(clap::Args)]
pub(crate) struct Devices {
    #[command(flatten)]
    modules: ModuleArgs,
}

impl Devices {
    pub(crate) fn run(self, context: &Context) -> Result<Outcome, Failure> {
        let roster = Keyholders::load(&context.workdir.keyholders())?.roster;
        let tokens = Tokens::load(&self.modules, &context.machine.config()?);
        let listing = Listing::of(&tokens, &Yubikeys::open());
        Ok(Outcome::done(Seen { listing, roster }))
    }
}

struct Seen {
    listing: Listing,
    roster: Roster,
}

impl Seen {
    fn owner(&self, key: &PublicKey) -> Option<(&str, &'static str)> {
        let (record, key) = self.roster.find(&key.fingerprint())?;
        Some((record.name().as_str(), key.state().as_str()))
    }

    fn whose(&self, key: &PublicKey) -> String {
        self.owner(key).map_or("nobody's yet".to_owned(), |(name, state)| format!("the {state} key of {name}"))
    }

    fn yubikey(&self, yubikey: &ListedYubikey, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ListedYubikey { serial, firmware, tries, defaults, keys } = yubikey;
        writeln!(f, "YubiKey {serial}, firmware {firmware}")?;
        f.write_str(&wrapped(&format!("PIN: {tries}"), 2))?;
        if !defaults.is_empty() {
            f.write_str(&wrapped(&format!("as every new YubiKey has it: {}", defaults.join(", ")), 2))?;
        }
        for slot in keys {
            let purpose = slot.slot.purpose();
            let policies = match (slot.pin_policy, slot.touch_policy) {
                (Some(pin), Some(touch)) => format!("; PIN {pin}, touch {touch}"),
                _ => String::new(),
            };
            match &slot.key {
                Ok(key) => {
                    let line = format!(
                        "slot {} ({purpose}): {} key, {}{policies}",
                        slot.slot,
                        key.algorithm(),
                        self.whose(key)
                    );
                    f.write_str(&wrapped(&line, 2))?;
                    writeln!(f, "    {}", key.fingerprint())?;
                }
                Err(what) => f.write_str(&wrapped(&format!("slot {} ({purpose}): {what}", slot.slot), 2))?,
            }
        }
        if keys.is_empty() {
            f.write_str("  no key in any slot\n")?;
        }
        Ok(())
    }

    fn yubikey_json(&self, yubikey: &ListedYubikey) -> Json {
        let keys = yubikey.keys.iter().map(|slot| {
            let key = slot.key.as_ref().ok();
            let owner = key.and_then(|key| self.owner(key));
            let text = |text: Option<String>| text.map_or(Json::Null, Json::string);
            object([
                ("slot", Json::string(slot.slot.to_string())),
                ("fingerprint", text(key.map(|key| key.fingerprint().to_string()))),
                ("algorithm", text(key.map(|key| key.algorithm().to_string()))),
                ("pin-policy", text(slot.pin_policy.map(|policy| policy.to_string()))),
                ("touch-policy", text(slot.touch_policy.map(|policy| policy.to_string()))),
                ("keyholder", owner.map_or(Json::Null, |(name, _)| Json::string(name))),
                ("state", owner.map_or(Json::Null, |(_, state)| Json::string(state))),
            ])
        });
        object([
            ("serial", u64::from(yubikey.serial).into()),
            ("firmware", Json::string(yubikey.firmware.to_string())),
            ("tries", Json::string(tries(yubikey.tries))),
            ("unchanged", yubikey.defaults.iter().map(Json::string).collect()),
            ("keys", keys.collect()),
        ])
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.listing.yubikeys.iter().try_for_each(|yubikey| self.yubikey(yubikey, f))?;
        for module in &self.listing.modules {
            writeln!(f, "{}", escaped(&module.path.display().to_string()))?;
            writeln!(f, "  {}", module.library)?;
            for token in self.listing.tokens.iter().filter(|token| token.module == module.path) {
                f.write_str(&wrapped(&token.label, 2))?;
                writeln!(f, "    {}", Uri { model: None, manufacturer: None, ..token.uri.clone() })?;
                if token.tries != Tries::Unknown {
                    f.write_str(&wrapped(&token.tries.to_string(), 4))?;
                }
                for (uri, key) in &token.keys {
                    let name = uri.object.as_deref().map_or("without a name".to_owned(), |name| format!("\"{name}\""));
                    let owner = self.whose(key);
                    f.write_str(&wrapped(&format!("{} key {}, {owner}", key.algorithm(), escaped(&name)), 4))?;
                    writeln!(f, "      {}", key.fingerprint())?;
                }
            }
        }
        if self.listing.tokens.is_empty() && self.listing.yubikeys.is_empty() {
            f.write_str("No YubiKey and no token is here.\n")?;
        }
        for problem in &self.listing.problems {
            f.write_str(&wrapped(&format!("problem: {problem}"), 0))?;
        }
        Ok(())
    }
}

impl Report for Seen {
    fn json(&self) -> Json {
        let modules = self.listing.modules.iter().map(|module| {
            let path = Json::string(module.path.display().to_string());
            object([("path", path), ("library", Json::string(&module.library))])
        });
        let tokens = self.listing.tokens.iter().map(|token| {
            let keys = token.keys.iter().map(|(uri, key)| {
                let owner = self.owner(key);
                object([
                    ("uri", Json::string(uri.to_string())),
                    ("fingerprint", Json::string(key.fingerprint().to_string())),
                    ("algorithm", Json::string(key.algorithm().to_string())),
                    ("keyholder", owner.map_or(Json::Null, |(name, _)| Json::string(name))),
                    ("state", owner.map_or(Json::Null, |(_, state)| Json::string(state))),
                ])
            });
            object([
                ("uri", Json::string(token.uri.to_string())),
                ("module", Json::string(token.module.display().to_string())),
                ("tries", Json::string(tries(token.tries))),
                ("keys", keys.collect()),
            ])
        });
        object([
            ("ok", Json::Bool(true)),
            ("modules", modules.collect()),
            ("tokens", tokens.collect()),
            ("yubikeys", self.listing.yubikeys.iter().map(|yubikey| self.yubikey_json(yubikey)).collect()),
            ("problems", self.listing.problems.iter().map(Json::string).collect()),
        ])
    }
}

fn tries(tries: Tries) -> &'static str {
    match tries {
        Tries::Low => "low",
        Tries::Left { .. } if !tries.untouched() => "low",
        Tries::Final => "final",
        Tries::Locked => "locked",
        _ => "unknown",
    }
}
