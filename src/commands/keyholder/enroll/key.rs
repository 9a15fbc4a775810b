//! The key that is enrolled: where it is, and how it gets there.

use std::cell::OnceCell;
use std::path::{Path, PathBuf};

use ceremony::tuf_key::whole_object_id;
use ceremony::{Algorithm, Certificate, Digest, Json, KeyId, Policy, PublicKey, TufKey};
use keyholders::{Device, FileKey, Home, Kind, Name, Roster, RosterError, Uri};
use zeroize::Zeroizing;

use super::super::shown::THROW_AWAY;
use super::yubikey::{InYubikey, YubikeyArgs};
use crate::ask::Person;
use crate::context::Context;
use crate::devices::{self, ClaimedKey, KeyInYubikey, ListedYubikey, Listing, ModuleArgs, Tokens, Yubikeys};
use crate::disk::{self, Place};
use crate::error::{Failure, OrFail as _};
use crate::text::escaped;
use crate::ui::Ui;

/// The most bytes of a public key that are read.
const PUBLIC_LIMIT: u64 = 64 * 1024;

const REFUSED: &str = "The policy of this trust root takes no key of a person that is in a file: it would be a finding, \
                       which stops the coordinator. If it shall be allowed, the line is `file-keys = true` under [devices] \
                       in trustroot.toml.";

const FLAGS: &str = "--yubikey, --pkcs11 URI, --file PATH or --public FILE";

#[derive(clap::Args)]
pub(super) struct KeyArgs {
    #[command(flatten)]
    pub(super) yubikey: YubikeyArgs,
    /// The key on a token, such as 'pkcs11:token=alice;object=root'; with --generate, the token
    #[arg(long, value_name = "URI", conflicts_with = "yubikey")]
    pkcs11: Option<Uri>,
    /// The key in this file (PKCS#8): for rehearsals and low stakes only
    #[arg(long, value_name = "PATH", conflicts_with_all = ["pkcs11", "yubikey"])]
    file: Option<PathBuf>,
    /// A key that this program does not reach: a public key in PEM, or a TUF key object in JSON, alone or as
    /// {"keyid": .., "object": ..} to keep its id
    #[arg(long, value_name = "FILE", conflicts_with_all = ["pkcs11", "file", "generate", "yubikey"])]
    public: Option<PathBuf>,
    /// Make the key: in the YubiKey or on the token, which then never lets it out, or in the file, behind a passphrase
    #[arg(long, value_name = "ALGORITHM", num_args = 0..=1, require_equals = true, default_missing_value = "p256")]
    generate: Option<Curve>,
    /// Write the key file without a passphrase: whoever reads it can sign
    #[arg(long, requires = "file", requires = "generate")]
    no_passphrase: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Curve {
    /// ECDSA on P-256: every client reads it
    P256,
    /// ECDSA on P-384
    P384,
    /// Ed25519
    Ed25519,
}

impl Curve {
    fn algorithm(self) -> Algorithm {
        match self {
            Self::P256 => Algorithm::EcdsaP256,
            Self::P384 => Algorithm::EcdsaP384,
            Self::Ed25519 => Algorithm::Ed25519,
        }
    }
}

/// What this command reaches: the tokens are looked for once, and only when they are wanted.
pub(super) struct Reach<'a> {
    context: &'a Context,
    modules: &'a ModuleArgs,
    tokens: OnceCell<Tokens>,
    yubikeys: OnceCell<Yubikeys>,
}

impl<'a> Reach<'a> {
    pub(super) fn new(context: &'a Context, modules: &'a ModuleArgs) -> Self {
        Self { context, modules, tokens: OnceCell::new(), yubikeys: OnceCell::new() }
    }

    fn tokens(&self) -> Result<&Tokens, Failure> {
        let config = self.context.machine.config()?;
        Ok(self.tokens.get_or_init(|| Tokens::load(self.modules, &config)))
    }

    pub(super) fn yubikeys(&self) -> &Yubikeys {
        self.yubikeys.get_or_init(Yubikeys::open)
    }
}

/// Where the key is, or shall be made.
pub(super) enum Source {
    Yubikey(InYubikey),
    Token { uri: Uri, generate: Option<Algorithm> },
    File { path: PathBuf, generate: Option<Algorithm>, passphrase: bool },
    Public(PathBuf),
}

/// A key that can be enrolled.
pub(super) struct Opened {
    pub(super) tuf_key: TufKey,
    /// What signs the proof of possession; none where this program does not reach it.
    pub(super) device: Option<Box<dyn Device>>,
    pub(super) home: Home,
    /// The certificates that a YubiKey gave for the key.
    pub(super) attestation: Option<(Certificate, Certificate)>,
    pub(super) new_file: Option<NewFile>,
    /// Whether it was made on its token just now.
    pub(super) made: bool,
}

/// A key file that is not written yet.
pub(super) struct NewFile {
    pub(super) place: Place,
    pub(super) pem: Zeroizing<String>,
}

impl KeyArgs {
    /// Where the key of `who` is, from the flags or from the person at the terminal.
    pub(super) fn source(
        &self,
        reach: &Reach<'_>,
        roster: &Roster,
        policy: &Policy,
        who: (&Name, Kind),
        ui: &mut Ui,
    ) -> Result<Source, Failure> {
        let refused = who.1 == Kind::Person && !policy.devices.file_keys;
        let generate = self.generate.map(Curve::algorithm);
        if self.yubikey.yubikey {
            return Ok(Source::Yubikey(self.yubikey.source(generate)));
        }
        if let Some(uri) = &self.pkcs11 {
            return Ok(Source::Token { uri: uri.clone(), generate });
        }
        if let Some(path) = &self.file {
            if refused && ui.has_terminal() {
                ui.say(REFUSED);
                // No flag answers this: without a terminal it is a finding, which stops whoever stages.
                if !ui.confirm("a terminal", "Enroll a key in a file all the same?", Some(false))? {
                    return Err(Failure::no("the policy takes no key in a file, and none was enrolled")
                        .hint("use a YubiKey or a token: --yubikey, --pkcs11 URI"));
                }
            }
            return self.in_file(path.clone(), ui);
        }
        if let Some(path) = &self.public {
            return Ok(Source::Public(path.clone()));
        }
        if !ui.has_terminal() {
            let message = format!("there is no terminal to ask on: where is the key of {}?", who.0);
            return Err(Failure::could_not(message).hint(format!("answer it with {FLAGS}")));
        }
        let (mut items, mut sources) = (Vec::new(), Vec::new());
        let listing = Listing::of(reach.tokens()?, reach.yubikeys());
        listing.problems.iter().for_each(|problem| ui.say(problem));
        let algorithm = generate.unwrap_or(Algorithm::EcdsaP256);
        for ListedYubikey { serial, keys, .. } in &listing.yubikeys {
            let may_use = |slot| roster.may_use(&Home::Yubikey { serial: *serial, slot }, who.0, who.1).is_ok();
            let usable = keys.iter().filter(|there| generate.is_none() && may_use(there.slot));
            for (slot, key) in usable.filter_map(|there| Some((there.slot, there.key.as_ref().ok()?))) {
                if roster.owner(key).is_none_or(|owner| owner.name() == who.0) {
                    items.push(format!("the {} key in slot {slot} of the YubiKey {serial}", key.algorithm()));
                    sources.push(Source::Yubikey(InYubikey::picked(*serial, slot, None)));
                }
            }
            let slot = self.yubikey.slot();
            if may_use(slot) && keys.iter().all(|there| there.slot != slot) {
                items.push(format!("a new {algorithm} key in slot {slot} of the YubiKey {serial}"));
                sources.push(Source::Yubikey(InYubikey::picked(*serial, slot, Some(algorithm))));
            }
        }
        for token in listing.tokens.iter().filter(|token| roster.may_use(&on_token(&token.uri), who.0, who.1).is_ok()) {
            let existing = token.keys.iter().filter(|_| generate.is_none());
            let existing = existing.filter(|(_, key)| !listing.is_in_yubikey(key));
            for (uri, key) in existing.filter(|(_, key)| roster.owner(key).is_none_or(|owner| owner.name() == who.0)) {
                let name = uri.object.as_deref().unwrap_or("without a name");
                items.push(format!("the {} key {} on {}", key.algorithm(), escaped(name), token.label));
                sources.push(Source::Token { uri: uri.clone(), generate: None });
            }
            // OpenSC shows cards of others as tokens, and makes no keys on them.
            let is_here_already = !listing.yubikeys.is_empty() && devices::is_view(&token.uri);
            if token.uri.model.as_deref() != Some("PKCS#15 emulated") && !is_here_already {
                items.push(format!("a new {algorithm} key on {}", token.label));
                sources.push(Source::Token { uri: token.uri.clone(), generate: Some(algorithm) });
            }
        }
        let in_tokens = items.len();
        match refused {
            false => items.push(format!("a key in a file: {THROW_AWAY}")),
            true if items.is_empty() => ui.say(format!("There is no YubiKey and no token to use here. {REFUSED}")),
            true => {}
        }
        items.push("a public key in a file: this program does not reach the private key".to_owned());
        let picked = ui.select(FLAGS, &format!("Where is the key of {}?", who.0), &items)?;
        match picked.checked_sub(in_tokens) {
            None => Ok(sources.swap_remove(picked)),
            Some(0) if !refused => self.asked_file(reach.context, ui),
            Some(_) => ui.accepted("--public", "Path of the file", None, |path: PathBuf| {
                read_public_key(&path).map(|_| Source::Public(path))
            }),
        }
    }

    /// Asks for the path of a key file until a key is there, or can be made there.
    fn asked_file(&self, context: &Context, ui: &mut Ui) -> Result<Source, Failure> {
        loop {
            let fits = |path: PathBuf| match disk::exists(&Place::named(&path))? {
                true => devices::is_locked(&path).map(|_| path),
                false => outside(context, &path).map(|_| path),
            };
            let path = ui.accepted("--file", "Path of the key file", None, fits)?;
            match self.in_file(path, ui) {
                Ok(source) => return Ok(source),
                Err(failure) => ui.tell(&failure),
            }
        }
    }

    fn in_file(&self, path: PathBuf, ui: &mut Ui) -> Result<Source, Failure> {
        let mut generate = self.generate.map(Curve::algorithm);
        let there = disk::exists(&Place::named(&path))?;
        if there && generate.is_some() {
            let message = format!("{} exists already, and no key is written over another", path.display());
            return Err(Failure::no(message).hint("leave --generate out to enroll the key that is in it"));
        }
        if !there && generate.is_none() {
            let question = format!("There is no file {}. Make a new P-256 key there?", path.display());
            if !ui.confirm("--generate", &question, Some(true))? {
                return Err(Failure::could_not("there is no key to enroll"));
            }
            generate = Some(Algorithm::EcdsaP256);
        }
        Ok(Source::File { path, generate, passphrase: !self.no_passphrase })
    }
}

impl Source {
    /// Opens the key, or makes it. A new key file is not written yet.
    pub(super) fn open(
        self,
        args: &KeyArgs,
        reach: &Reach<'_>,
        policy: &Policy,
        roster: &Roster,
        (name, kind): (&Name, Kind),
        person: &mut Person<'_>,
    ) -> Result<Opened, Failure> {
        match self {
            Self::Yubikey(key) => args.yubikey.open(&key, reach, &policy.devices, roster, (name, kind), person),
            Self::Token { uri, generate } => {
                let tokens = reach.tokens()?;
                let token = tokens.name(&uri)?;
                let home = on_token(&token);
                let refused = |error: RosterError| Failure::no(error.to_string());
                roster.may_use(&home, name, kind).map_err(refused)?;
                roster.may_join(&tokens.keys(&uri)?, &home, name, kind).map_err(refused)?;
                let key = match generate {
                    None if !uri.names_key() => {
                        let message = format!("{uri} names a token, and no key on it");
                        let hint = "add ;object=LABEL or ;id=%ID (`trustroot keyholder devices` shows them), \
                                    or --generate to make a key";
                        return Err(Failure::could_not(message).hint(hint));
                    }
                    None => tokens.claimed(&uri, name, person)?,
                    Some(algorithm) => {
                        let label = uri.object.clone().unwrap_or_else(|| format!("trustroot-{name}"));
                        let id = uri.id.clone();
                        let id = id.unwrap_or_else(|| Digest::of(label.as_bytes()).as_bytes()[..8].to_vec());
                        tokens.generate(&uri, algorithm, (label, id), name, person)?
                    }
                };
                Opened::on_token(key, generate.is_some())
            }
            Self::File { path, generate: None, .. } => {
                Opened::in_file(devices::key_file(&path, Some(name), person)?, None)
            }
            Self::File { path, generate: Some(algorithm), passphrase } => {
                let shown = path.display().to_string();
                let place = outside(reach.context, &path)?;
                let key = FileKey::generate(algorithm, &shown)?;
                let pem = match passphrase {
                    true => key.to_encrypted_pem(&person.new_passphrase(&shown)?)?,
                    false => key.to_plain_pem(),
                };
                Opened::in_file(key, Some(NewFile { place, pem }))
            }
            Self::Public(path) => Ok(Opened {
                tuf_key: read_public_key(&path)?,
                device: None,
                home: Home::External,
                attestation: None,
                new_file: None,
                made: false,
            }),
        }
    }
}

impl Opened {
    pub(super) fn in_yubikey(key: KeyInYubikey, made: bool) -> Result<Self, Failure> {
        let KeyInYubikey { device, home, attestation } = key;
        let tuf_key = TufKey::author(device.public_key())?;
        Ok(Self { tuf_key, device: Some(device), home, attestation, new_file: None, made })
    }

    fn on_token(ClaimedKey { device, uri, claims }: ClaimedKey, made: bool) -> Result<Self, Failure> {
        let tuf_key = TufKey::author(device.public_key())?;
        let home = Home::Pkcs11 { uri, claimed: Some(Box::new(claims)) };
        Ok(Self { tuf_key, device: Some(device), home, attestation: None, new_file: None, made })
    }

    fn in_file(key: FileKey, new_file: Option<NewFile>) -> Result<Self, Failure> {
        let tuf_key = TufKey::author(key.public_key())?;
        let device: Option<Box<dyn Device>> = Some(Box::new(key));
        Ok(Self { tuf_key, device, home: Home::File, attestation: None, new_file, made: false })
    }
}

fn on_token(uri: &Uri) -> Home {
    Home::Pkcs11 { uri: uri.clone(), claimed: None }
}

/// The place for a new private key: not in the directory of the trust root, which is handed to others.
fn outside(context: &Context, path: &Path) -> Result<Place, Failure> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let real = |path: &Path| path.canonicalize().or_fail(|| format!("{} is no directory", path.display()));
    if real(directory)?.starts_with(real(&context.workdir.root().path())?) {
        let message = format!("{} lies in the directory of the trust root, which is handed to others", path.display());
        return Err(Failure::no(message).hint("keep the private key elsewhere, such as in your home directory"));
    }
    Ok(Place::named(path))
}

fn read_public_key(path: &Path) -> Result<TufKey, Failure> {
    let bytes = disk::read(&Place::named(path), PUBLIC_LIMIT)?;
    public_key(&bytes).or_fail(|| format!("{} holds no public key", path.display()))
}

/// Reads a public key in PEM, or a key object as TUF metadata has it.
fn public_key(bytes: &[u8]) -> Result<TufKey, Failure> {
    if bytes.trim_ascii_start().starts_with(b"-----BEGIN") {
        let text = std::str::from_utf8(bytes)?;
        return Ok(TufKey::author(&PublicKey::from_spki_pem(text)?)?);
    }
    let json = Json::parse(bytes)?;
    let (id, object) = match (json.get("keyid").and_then(Json::as_str), json.get("object")) {
        (Some(id), Some(object)) => (KeyId::new(id), object.clone()),
        (None, None) => (whole_object_id(&json), json),
        _ => {
            return Err(Failure::could_not(
                "it has one of \"keyid\" and \"object\", which belong together, the first of them a text",
            ));
        }
    };
    let key = TufKey::read(id, object);
    key.key.as_ref().map_err(Clone::clone)?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_public_key_is_taken_as_pem_or_as_a_key_object_with_or_without_its_id() {
        let public = FileKey::generate(Algorithm::EcdsaP256, "k").unwrap().public_key().clone();
        let authored = TufKey::author(&public).unwrap();
        assert_eq!(public_key(public.to_spki_pem().as_bytes()).unwrap(), authored);
        assert_eq!(public_key(authored.object.pretty().as_bytes()).unwrap(), authored);
        let object = authored.object.pretty();
        let adopted = public_key(format!("{{\"keyid\":\"of no formula\",\"object\":{object}}}").as_bytes()).unwrap();
        assert_eq!((adopted.id.as_str(), adopted.object), ("of no formula", authored.object));
        for bad in ["", "{}", "[]", "-----BEGIN PUBLIC KEY-----", "{\"keyid\":\"a\"}", "{\"keyid\":1,\"object\":{}}"] {
            assert!(public_key(bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(public_key(b"-----BEGIN \xff").is_err());
    }
}
