//! Keys in files, for rehearsals and low stakes.

mod private;

use ceremony::{Algorithm, PublicKey};
use ed25519_dalek::Signer as _;
use p256::elliptic_curve::Generate as _;
use pkcs8::der::{Decode as _, pem::PemLabel as _};
use pkcs8::pkcs5::pbes2;
use pkcs8::{EncryptedPrivateKeyInfoRef, LineEnding, PrivateKeyInfoRef, SecretDocument};
use zeroize::Zeroizing;

use self::private::{Private, affordable, private_block};
use crate::ask::{Ask, AskError, PinRequest, Refusal, Secret, Tries};
use crate::device::{Description, Device, DeviceError, DeviceKind};
use crate::name::Name;
use crate::pin::Pin;
use crate::text::escaped;

/// A private key that was read from a file, or is about to be written to one.
///
/// Whoever reads the file once has the key for ever: [`DeviceKind::is_throw_away`].
pub struct FileKey {
    private: Private,
    public: PublicKey,
    label: String,
}

impl FileKey {
    /// Reads what other tools write: PKCS#8 (RFC 5958) in PEM or DER, encrypted (RFC 8018) or not, and
    /// `EC PRIVATE KEY` (RFC 5915). `file` is what a person calls it. The passphrase of an encrypted key is asked for
    /// once, and after a wrong one as often as [`Ask::again`] says.
    ///
    /// # Errors
    /// If the bytes are no private key of P-256, P-384 or Ed25519; if it is locked in a way that this program does not
    /// open; if the passphrase is wrong or nobody gives it.
    pub fn read(bytes: &[u8], file: &str, owner: Option<&Name>, ask: &mut dyn Ask) -> Result<Self, FileKeyError> {
        let file = escaped(file);
        if bytes.len() > LIMIT {
            return Err(FileKeyError::TooLong { file, limit: LIMIT });
        }
        let no_key = || FileKeyError::NoKey { file: file.clone() };
        let (label, der) = match std::str::from_utf8(bytes) {
            Ok(text) if text.contains("-----BEGIN ") => {
                let (label, block) = private_block(text).ok_or_else(no_key)?;
                if !LABELS.contains(&label) {
                    return Err(FileKeyError::Kind { file, kind: escaped(label) });
                }
                // RFC 1421, section 4.6.1.1: how OpenSSL once encrypted keys, with MD5 and DES.
                if block.contains("Proc-Type:") {
                    return Err(FileKeyError::Encryption { file });
                }
                let (_, document) = SecretDocument::from_pem(block).map_err(|_| no_key())?;
                (label, document.to_bytes())
            }
            _ => ("", Zeroizing::new(bytes.to_vec())),
        };
        let private = if label == EC { Private::from_sec1(&der) } else { Private::from_pkcs8(&der) };
        if let Some(private) = private {
            return Ok(Self::new(private, file));
        }
        if label == EC || PrivateKeyInfoRef::try_from(der.as_slice()).is_ok() {
            return Err(FileKeyError::Algorithm { file });
        }
        let encrypted = EncryptedPrivateKeyInfoRef::from_der(&der).map_err(|_| match label {
            EncryptedPrivateKeyInfoRef::PEM_LABEL => FileKeyError::Encryption { file: file.clone() },
            _ => no_key(),
        })?;
        Ok(Self::new(unlock(&encrypted, &file, owner, ask)?, file))
    }

    /// Makes a new key with random numbers of the operating system's.
    ///
    /// # Errors
    /// For RSA, and if the operating system has no random numbers.
    pub fn generate(algorithm: Algorithm, file: &str) -> Result<Self, FileKeyError> {
        let private = match algorithm {
            Algorithm::EcdsaP256 => {
                Private::P256(p256::SecretKey::try_generate_from_rng(&mut getrandom::SysRng)?.into())
            }
            Algorithm::EcdsaP384 => {
                Private::P384(Box::new(p384::SecretKey::try_generate_from_rng(&mut getrandom::SysRng)?.into()))
            }
            Algorithm::Ed25519 => {
                let mut seed = Zeroizing::new([0; 32]);
                getrandom::fill(seed.as_mut())?;
                Private::Ed25519(Box::new(ed25519_dalek::SigningKey::from_bytes(&seed)))
            }
            _ => return Err(FileKeyError::Algorithm { file: escaped(file) }),
        };
        Ok(Self::new(private, escaped(file)))
    }

    /// The key as PEM `ENCRYPTED PRIVATE KEY`: scrypt and AES-256-CBC (RFC 8018, RFC 7914), which OpenSSL reads.
    ///
    /// # Errors
    /// If the operating system has no random numbers for the salt.
    pub fn to_encrypted_pem(&self, passphrase: &Pin) -> Result<Zeroizing<String>, FileKeyError> {
        let (mut salt, mut iv) = ([0; 16], [0; 16]);
        getrandom::fill(&mut salt)?;
        getrandom::fill(&mut iv)?;
        let scrypt = pbes2::ScryptParams {
            salt: salt.as_slice().try_into().expect("16 bytes are a salt"),
            // The most memory that OpenSSL allows by default (16 of 32 MiB); OWASP asks for p = 5 beside it.
            cost_parameter: 1 << 14,
            block_size: 8,
            parallelization: 5,
            key_length: None,
        };
        let parameters =
            pbes2::Parameters { kdf: scrypt.into(), encryption: pbes2::EncryptionScheme::Aes256Cbc { iv } };
        let plain = self.private.to_pkcs8();
        let plain = PrivateKeyInfoRef::try_from(plain.as_bytes()).expect("the encoding of a key decodes");
        let locked = plain.encrypt_with_params(parameters, passphrase.expose()).expect("these parameters can encrypt");
        Ok(pem(&locked, EncryptedPrivateKeyInfoRef::PEM_LABEL))
    }

    /// The key as PEM `PRIVATE KEY`, for anybody to read.
    pub fn to_plain_pem(&self) -> Zeroizing<String> {
        pem(&self.private.to_pkcs8(), PrivateKeyInfoRef::PEM_LABEL)
    }

    fn new(private: Private, file: String) -> Self {
        let public = match &private {
            Private::P256(key) => PublicKey::EcdsaP256(*key.verifying_key()),
            Private::P384(key) => PublicKey::EcdsaP384(Box::new(*key.verifying_key())),
            Private::Ed25519(key) => PublicKey::Ed25519(Box::new(key.verifying_key())),
        };
        Self { private, public, label: format!("the key file {file}") }
    }
}

impl Device for FileKey {
    fn describe(&self) -> Description {
        Description { label: self.label.clone(), kind: DeviceKind::File, device: self.label.clone(), uri: None }
    }

    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&mut self, message: &[u8], _: &mut dyn Ask) -> Result<Vec<u8>, DeviceError> {
        let signature = match &self.private {
            Private::P256(key) => {
                let signature: p256::ecdsa::Signature = key.sign(message);
                signature.to_der().as_bytes().to_vec()
            }
            Private::P384(key) => {
                let signature: p384::ecdsa::Signature = key.sign(message);
                signature.to_der().as_bytes().to_vec()
            }
            Private::Ed25519(key) => key.sign(message).to_bytes().to_vec(),
        };
        match self.public.verify(message, &signature) {
            Ok(()) => Ok(signature),
            Err(_) => Err(DeviceError::BadSignature { device: self.label.clone() }),
        }
    }
}

/// Opens an encrypted key. The passphrase is asked for once, and after a wrong one as often as [`Ask::again`] says.
fn unlock(
    encrypted: &EncryptedPrivateKeyInfoRef<'_>,
    file: &str,
    owner: Option<&Name>,
    ask: &mut dyn Ask,
) -> Result<Private, FileKeyError> {
    let affordable = encrypted.encryption_algorithm.pbes2().is_some_and(|parameters| affordable(&parameters.kdf));
    if !affordable {
        return Err(FileKeyError::Encryption { file: file.to_owned() });
    }
    let device = format!("the key file {file}");
    let secret = Secret::Passphrase;
    let wrong = FileKeyError::WrongPassphrase { file: file.to_owned() };
    let refusal = Refusal { secret, device: device.clone(), reason: wrong.to_string(), counted: false };
    let request = PinRequest { secret, device, owner: owner.cloned(), tries: Tries::Unknown };
    let plain = loop {
        let passphrase = ask.pin(request.clone());
        let passphrase = passphrase.map_err(|source| FileKeyError::Ask { file: file.to_owned(), source })?;
        // One in 256 wrong passphrases gives a padding that looks right, around something that is no key.
        let plain = encrypted.decrypt(passphrase.expose()).ok();
        match plain.filter(|plain| PrivateKeyInfoRef::try_from(plain.as_bytes()).is_ok()) {
            Some(plain) => break plain,
            None if ask.again(&refusal) => {}
            None => return Err(wrong),
        }
    };
    Private::from_pkcs8(plain.as_bytes()).ok_or_else(|| FileKeyError::Algorithm { file: file.to_owned() })
}

fn pem(document: &SecretDocument, label: &'static str) -> Zeroizing<String> {
    document.to_pem(label, LineEnding::LF).expect("any DER has a PEM")
}

/// RFC 5915, section 4.
const EC: &str = "EC PRIVATE KEY";
const LABELS: [&str; 3] = [EC, PrivateKeyInfoRef::PEM_LABEL, EncryptedPrivateKeyInfoRef::PEM_LABEL];
const LIMIT: usize = 64 * 1024;

/// Why a file gives no key. All texts in it are escaped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FileKeyError {
    /// The file is far too long.
    #[error("{file} is longer than the {limit} bytes that a private key may have")]
    TooLong {
        /// The file.
        file: String,
        /// The most that is taken.
        limit: usize,
    },
    /// No private key is in it.
    #[error("{file} holds no private key in PEM or DER")]
    NoKey {
        /// The file.
        file: String,
    },
    /// A private key in a form that is not read.
    #[error("{file} holds a \"{kind}\", which is not read: convert it with `openssl pkcs8 -topk8`")]
    Kind {
        /// The file.
        file: String,
        /// The label of the PEM.
        kind: String,
    },
    /// A private key of another algorithm.
    #[error("{file} holds no private key of P-256, P-384 or Ed25519")]
    Algorithm {
        /// The file.
        file: String,
    },
    /// An encryption that is not opened: outdated, or with a cost that no honest file has.
    #[error("{file} is encrypted in a way that is not opened: encrypt it anew with `openssl pkcs8 -topk8 -scrypt`")]
    Encryption {
        /// The file.
        file: String,
    },
    /// The passphrase does not open it.
    #[error("the passphrase does not open {file}")]
    WrongPassphrase {
        /// The file.
        file: String,
    },
    /// Nobody gave the passphrase.
    #[error("no passphrase for {file}")]
    Ask {
        /// The file.
        file: String,
        /// Why not.
        #[source]
        source: AskError,
    },
    /// The operating system has no random numbers.
    #[error("no random numbers from the operating system: {0}")]
    Random(getrandom::Error),
}

impl From<getrandom::Error> for FileKeyError {
    fn from(error: getrandom::Error) -> Self {
        Self::Random(error)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::ask::Action;

    /// Answers with one passphrase and counts how often it was asked.
    struct Script(&'static str, usize);

    impl Ask for Script {
        fn pin(&mut self, request: PinRequest) -> Result<Pin, AskError> {
            assert_eq!(request.secret, Secret::Passphrase);
            self.1 += 1;
            Ok(Pin::new(self.0.to_owned())?)
        }

        fn act(&mut self, _: Action) {}
    }

    const ALGORITHMS: [Algorithm; 3] = [Algorithm::EcdsaP256, Algorithm::EcdsaP384, Algorithm::Ed25519];

    fn read(bytes: &[u8], passphrase: &'static str) -> (Result<FileKey, FileKeyError>, usize) {
        let mut script = Script(passphrase, 0);
        (FileKey::read(bytes, "k.pem", None, &mut script), script.1)
    }

    fn failure(bytes: &[u8]) -> FileKeyError {
        let (result, asked) = read(bytes, "x");
        assert_eq!(asked, 0);
        result.err().unwrap()
    }

    #[test]
    fn keys_are_written_read_back_and_sign() {
        for algorithm in ALGORITHMS {
            let key = FileKey::generate(algorithm, "k.pem").unwrap();
            assert_eq!(key.public_key().algorithm(), algorithm);
            let passphrase = Pin::new("correct horse".into()).unwrap();
            let locked = key.to_encrypted_pem(&passphrase).unwrap();
            assert!(locked.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"));
            let (opened, asked) = read(locked.as_bytes(), "correct horse");
            let mut opened = opened.unwrap();
            assert_eq!((opened.public_key(), asked), (key.public_key(), 1));
            let (wrong, asked) = read(locked.as_bytes(), "battery staple");
            assert_eq!(wrong.err().unwrap(), FileKeyError::WrongPassphrase { file: "k.pem".into() });
            assert_eq!(asked, 1);
            let (plain, asked) = read(key.to_plain_pem().as_bytes(), "");
            assert_eq!((plain.unwrap().public_key(), asked), (key.public_key(), 0));
            let signature = opened.sign(b"message", &mut Script("", 0)).unwrap();
            assert_eq!(key.public_key().verify(b"message", &signature), Ok(()));
            assert!(key.public_key().verify(b"massage", &signature).is_err());
        }
        assert!(FileKey::generate(Algorithm::Rsa, "k").is_err());
    }

    #[test]
    fn der_crlf_and_text_around_are_read() {
        let key = FileKey::generate(Algorithm::EcdsaP256, "k").unwrap();
        let pem = key.to_plain_pem();
        let der = key.private.to_pkcs8();
        for bytes in [
            der.as_bytes().to_vec(),
            pem.replace('\n', "\r\n").into_bytes(),
            format!("a key\n-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n{}", *pem)
                .into_bytes(),
        ] {
            assert_eq!(read(&bytes, "").0.unwrap().public_key(), key.public_key());
        }
    }

    #[test]
    fn what_is_no_private_key_is_named() {
        let file = || "k.pem".to_owned();
        assert_eq!(failure(b""), FileKeyError::NoKey { file: file() });
        assert_eq!(failure(b"hello"), FileKeyError::NoKey { file: file() });
        assert_eq!(failure(&[0x30; 70_000]), FileKeyError::TooLong { file: file(), limit: LIMIT });
        let public = FileKey::generate(Algorithm::EcdsaP256, "k").unwrap().public_key().to_spki_pem();
        assert_eq!(failure(public.as_bytes()), FileKeyError::NoKey { file: file() });
        let rsa = b"-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n";
        assert!(matches!(failure(rsa), FileKeyError::Kind { kind, .. } if kind == "RSA PRIVATE KEY"));
        assert!(matches!(failure(b"-----BEGIN PRIVATE KEY-----\n"), FileKeyError::NoKey { .. }));
        let escape = "-----BEGIN \u{1b}[2J PRIVATE KEY-----\nAAAA\n-----END \u{1b}[2J PRIVATE KEY-----\n";
        assert!(!failure(escape.as_bytes()).to_string().contains('\u{1b}'));
        let pem = FileKey::generate(Algorithm::Ed25519, "k").unwrap().to_plain_pem();
        for end in 0..pem.len() - 2 {
            assert!(read(&pem.as_bytes()[..end], "").0.is_err(), "{end}");
        }
    }

    #[test]
    fn damaged_files_are_an_error_or_another_key() {
        for algorithm in [Algorithm::EcdsaP256, Algorithm::Ed25519] {
            let key = FileKey::generate(algorithm, "k").unwrap();
            let der = key.private.to_pkcs8();
            for at in 0..der.as_bytes().len() {
                let mut bytes = der.as_bytes().to_vec();
                bytes[at] ^= 0x81;
                let read = read(&bytes, "x").0;
                assert!(read.is_err() || read.is_ok_and(|read| read.public_key() != key.public_key()), "{at}");
            }
        }
    }

    #[test]
    fn a_file_cannot_ask_for_any_amount_of_work() {
        let key = FileKey::generate(Algorithm::EcdsaP256, "k").unwrap().private.to_pkcs8();
        let plain = PrivateKeyInfoRef::try_from(key.as_bytes()).unwrap();
        let cheap = |cost, parallel| pbes2::ScryptParams {
            salt: [7; 16].as_slice().try_into().unwrap(),
            cost_parameter: cost,
            block_size: 8,
            parallelization: parallel,
            key_length: None,
        };
        let encryption = pbes2::EncryptionScheme::Aes256Cbc { iv: [0; 16] };
        let honest = pbes2::Parameters { kdf: cheap(16, 1).into(), encryption };
        let honest = plain.encrypt_with_params(honest, "x").unwrap();
        assert!(read(honest.as_bytes(), "x").0.is_ok());
        // The same file with other parameters in its head.
        for kdf in [
            cheap(1 << 24, 1).into(),
            cheap(1 << 14, 65).into(),
            cheap(1 << 14, 0).into(),
            pbes2::Pbkdf2Params::hmac_sha256(10_000_001, &[7; 16]).unwrap().into(),
        ] {
            let mut document = EncryptedPrivateKeyInfoRef::from_der(honest.as_bytes()).unwrap();
            document.encryption_algorithm = pbes2::Parameters { kdf, encryption }.into();
            let costly = SecretDocument::encode_msg(&document).unwrap();
            assert_eq!(failure(costly.as_bytes()), FileKeyError::Encryption { file: "k.pem".into() });
        }
    }
}
