//! Whoever made the cards: a root, perhaps intermediates below it, and the key that cards sign attestations with.

use std::sync::Arc;

use p256::ecdsa::signature::{Keypair, Signer};
use rsa::pkcs1v15;
use sha2::{Digest as _, Sha256};
use x509_cert::builder::profile::BuilderProfile;
use x509_cert::builder::{Builder as _, CertificateBuilder};
use x509_cert::certificate::{Certificate, TbsCertificate};
use x509_cert::der::asn1::{ObjectIdentifier, OctetString, UtcTime};
use x509_cert::der::oid::AssociatedOid as _;
use x509_cert::der::pem::LineEnding;
use x509_cert::der::{DateTime, Decode as _, Encode as _, EncodePem as _};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::{BasicConstraints, KeyUsage, KeyUsages};
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::{
    DynSignatureAlgorithmIdentifier, EncodePublicKey, SignatureBitStringEncoding, SubjectPublicKeyInfoOwned,
    SubjectPublicKeyInfoRef,
};
use x509_cert::time::{Time, Validity};

use crate::key::{Algorithm, PrivateKey};
use crate::profile::Profile;

/// An authority for the attestations of cards, made up, with the structure of Yubico's.
///
/// Each card has the attestation key and a certificate for it of its own, unless its authority makes batches.
#[derive(Clone)]
pub struct Authority {
    root: Arc<Issuer>,
    /// From the root downwards.
    intermediates: Vec<Arc<Issuer>>,
    attestation_key: Arc<PrivateKey>,
    batches: bool,
}

struct Issuer {
    subject: Name,
    key: PrivateKey,
    certificate: Vec<u8>,
}

impl Authority {
    /// The authority whose private keys are in this crate: its certificates are the same in every process.
    pub fn test() -> Self {
        let root = Issuer::root(embedded(include_str!("../keys/root.pem")));
        let attestation_key = embedded(include_str!("../keys/attestation.pem"));
        Self {
            root: Arc::new(root),
            intermediates: Vec::new(),
            attestation_key: Arc::new(attestation_key),
            batches: false,
        }
    }

    /// An authority of the same names, with keys that nobody else has: a forger's. Takes seconds.
    pub fn forged() -> Self {
        let root = Issuer::root(PrivateKey::generate(Algorithm::Rsa2048));
        let attestation_key = PrivateKey::generate(Algorithm::Rsa2048);
        Self {
            root: Arc::new(root),
            intermediates: Vec::new(),
            attestation_key: Arc::new(attestation_key),
            batches: false,
        }
    }

    /// The same root with two more levels below it, as YubiKeys have since firmware 5.7.4. Cards do not carry the
    /// certificates of these.
    pub fn with_intermediates(self) -> Self {
        let upper =
            self.root.below("Virtual YubiKey Intermediate CA", embedded(include_str!("../keys/intermediate.pem")), 2);
        let lower = upper.below("Virtual YubiKey PIV CA", embedded(include_str!("../keys/issuing.pem")), 1);
        Self { intermediates: vec![Arc::new(upper), Arc::new(lower)], ..self }
    }

    /// The same, but all cards of one firmware carry one and the same attestation certificate.
    pub fn in_batches(self) -> Self {
        Self { batches: true, ..self }
    }

    /// The certificate of the root, as PEM.
    pub fn root_pem(&self) -> String {
        pem(&self.root.certificate)
    }

    /// The certificates of the intermediates, as PEM, from the root downwards. Nothing if there are none.
    pub fn intermediates_pem(&self) -> String {
        self.intermediates.iter().map(|issuer| pem(&issuer.certificate)).collect()
    }

    /// The attestation key of a card, and its certificate.
    pub(crate) fn attestation(&self, profile: &Profile) -> (PrivateKey, Vec<u8>) {
        let issuer = self.intermediates.last().unwrap_or(&self.root);
        let mut serial = Sha256::new();
        serial.update(profile.firmware.to_bytes());
        if !self.batches {
            serial.update(profile.serial.to_be_bytes());
        }
        let mut extensions = vec![(3, profile.firmware.to_bytes().to_vec())];
        if profile.fips {
            extensions.push((10, profile.firmware.to_bytes().to_vec()));
        }
        let certificate = Signed {
            serial: positive_serial(&serial.finalize()[..8]),
            issuer: issuer.subject.clone(),
            validity: validity(),
            subject: name("Virtual YubiKey PIV Attestation"),
            key: self.attestation_key.public_info(),
            path_length: Some(0),
            extensions,
        };
        let certificate = certificate.by(&issuer.key).expect("an attestation certificate has a DER form");
        (self.attestation_key.as_ref().clone(), certificate)
    }
}

impl Issuer {
    fn root(key: PrivateKey) -> Self {
        let subject = name("Virtual YubiKey PIV Root CA");
        let mut root = Self { subject: subject.clone(), key, certificate: Vec::new() };
        root.certificate = root.issue(&subject, &root.key, 3);
        root
    }

    fn below(&self, common_name: &str, key: PrivateKey, path_length: u8) -> Self {
        let subject = name(common_name);
        let certificate = self.issue(&subject, &key, path_length);
        Self { subject, key, certificate }
    }

    /// The certificate of an authority below this one, or of itself.
    fn issue(&self, subject: &Name, key: &PrivateKey, path_length: u8) -> Vec<u8> {
        let key = key.public_info();
        let certificate = Signed {
            serial: positive_serial(&Sha256::digest(&key)[..8]),
            issuer: self.subject.clone(),
            validity: validity(),
            subject: subject.clone(),
            key,
            path_length: Some(path_length),
            extensions: Vec::new(),
        };
        certificate.by(&self.key).expect("the certificate of an authority has a DER form")
    }
}

/// A certificate that is about to be signed.
pub(crate) struct Signed {
    pub(crate) serial: SerialNumber,
    pub(crate) issuer: Name,
    pub(crate) validity: Validity,
    pub(crate) subject: Name,
    /// DER SubjectPublicKeyInfo.
    pub(crate) key: Vec<u8>,
    /// How many authorities may stand below this one; nothing for what is none.
    pub(crate) path_length: Option<u8>,
    /// Yubico's extensions, by the last number of their identifiers below [`YUBICO`].
    pub(crate) extensions: Vec<(u32, Vec<u8>)>,
}

impl Signed {
    /// The certificate as DER, signed with SHA-256 and this key. Nothing if the key is of a kind that signs none.
    pub(crate) fn by(self, key: &PrivateKey) -> Option<Vec<u8>> {
        match key {
            PrivateKey::Rsa2048(key) => self.signed(&pkcs1v15::SigningKey::<Sha256>::new(key.as_ref().clone())),
            PrivateKey::EccP256(key) => self.signed::<_, p256::ecdsa::DerSignature>(key),
            PrivateKey::EccP384(_) | PrivateKey::Ed25519(_) => None,
        }
    }

    fn signed<S, Signature>(self, signer: &S) -> Option<Vec<u8>>
    where
        S: Signer<Signature> + Keypair + DynSignatureAlgorithmIdentifier,
        S::VerifyingKey: EncodePublicKey,
        Signature: SignatureBitStringEncoding,
    {
        let key = SubjectPublicKeyInfoOwned::from_der(&self.key).ok()?;
        let (serial, validity) = (self.serial.clone(), self.validity);
        let builder = CertificateBuilder::new(self, serial, validity, key).ok()?;
        builder.build(signer).ok()?.to_der().ok()
    }
}

impl BuilderProfile for Signed {
    fn get_issuer(&self, _subject: &Name) -> Name {
        self.issuer.clone()
    }

    fn get_subject(&self) -> Name {
        self.subject.clone()
    }

    fn build_extensions(
        &self,
        _key: SubjectPublicKeyInfoRef<'_>,
        _issuer_key: SubjectPublicKeyInfoRef<'_>,
        _certificate: &TbsCertificate,
    ) -> x509_cert::builder::Result<Vec<Extension>> {
        let mut extensions = Vec::new();
        for (number, value) in &self.extensions {
            let extn_id = YUBICO.push_arc(*number).map_err(x509_cert::der::Error::from)?;
            extensions.push(Extension { extn_id, critical: false, extn_value: OctetString::new(&value[..])? });
        }
        if let Some(length) = self.path_length {
            let constraints = BasicConstraints { ca: true, path_len_constraint: Some(length) };
            extensions.push(critical(BasicConstraints::OID, &constraints.to_der()?)?);
        }
        // The certificates of real attestation keys do not name their usage.
        if self.extensions.is_empty() {
            let usage = KeyUsage(KeyUsages::KeyCertSign | KeyUsages::CRLSign);
            extensions.push(critical(KeyUsage::OID, &usage.to_der()?)?);
        }
        Ok(extensions)
    }
}

fn critical(extn_id: ObjectIdentifier, value: &[u8]) -> x509_cert::builder::Result<Extension> {
    Ok(Extension { extn_id, critical: true, extn_value: OctetString::new(value)? })
}

/// A serial number of these bytes, changed so that it is positive and not shortened.
pub(crate) fn positive_serial(bytes: &[u8]) -> SerialNumber {
    let mut bytes = bytes.to_vec();
    if let Some(first) = bytes.first_mut() {
        *first = *first & 0x7f | 0x40;
    }
    SerialNumber::new(&bytes).expect("a serial number has at most 20 bytes")
}

fn embedded(pem: &str) -> PrivateKey {
    use rsa::pkcs8::DecodePrivateKey as _;
    let start = pem.find("-----BEGIN").unwrap_or(0);
    let key = rsa::RsaPrivateKey::from_pkcs8_pem(&pem[start..]).expect("the keys of this crate are RSA keys");
    PrivateKey::Rsa2048(Box::new(key))
}

fn name(common_name: &str) -> Name {
    format!("CN={common_name}").parse().expect("the names in this file have nothing to escape")
}

/// As long as Yubico's old root.
fn validity() -> Validity {
    let midnight = |year, month, day| {
        let date = DateTime::new(year, month, day, 0, 0, 0).ok().and_then(|date| UtcTime::from_date_time(date).ok());
        Time::UtcTime(date.expect("UTCTime reaches from 1950 to 2049"))
    };
    Validity::new(midnight(2016, 3, 14), midnight(2049, 12, 31))
}

fn pem(der: &[u8]) -> String {
    let certificate = Certificate::from_der(der).ok().and_then(|it| it.to_pem(LineEnding::LF).ok());
    certificate.expect("what was made as a certificate is one")
}

/// Below this identifier are Yubico's extensions.
const YUBICO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.41482.3");
