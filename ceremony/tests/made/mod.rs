//! Certificates made for tests, well-formed or not: a writer of DER that checks nothing.
#![allow(dead_code, clippy::unwrap_used, reason = "each test uses a part of it")]

use p256::ecdsa::signature::Signer as _;
use p256::pkcs8::EncodePublicKey as _;

/// A key on P-256 that signs certificates.
#[derive(Clone)]
pub(crate) struct Key(p256::ecdsa::SigningKey);

impl Key {
    pub(crate) fn new(seed: u8) -> Self {
        Self(p256::ecdsa::SigningKey::from_slice(&[seed; 32]).unwrap())
    }

    pub(crate) fn spki(&self) -> Vec<u8> {
        p256::PublicKey::from(self.0.verifying_key()).to_public_key_der().unwrap().into_vec()
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let signature: p256::ecdsa::DerSignature = self.0.sign(message);
        signature.as_bytes().to_vec()
    }
}

/// A certificate to be: valid from 2020 to 2030, of version 3, without extensions.
#[derive(Clone)]
pub(crate) struct Draft {
    pub(crate) subject: Vec<u8>,
    pub(crate) spki: Vec<u8>,
    pub(crate) serial: Vec<u8>,
    pub(crate) not_before: String,
    pub(crate) not_after: String,
    pub(crate) extensions: Vec<Vec<u8>>,
    pub(crate) version: u8,
    pub(crate) algorithm: Vec<u8>,
}

impl Draft {
    pub(crate) fn new(common_name: &str, key: &Key) -> Self {
        Self {
            subject: name(common_name),
            spki: key.spki(),
            serial: vec![0x0a, 0xbc],
            not_before: "20200101000000Z".to_owned(),
            not_after: "20291231235959Z".to_owned(),
            extensions: Vec::new(),
            version: 2,
            algorithm: ecdsa_with_sha256(),
        }
    }

    /// The certificate of an authority.
    pub(crate) fn authority(common_name: &str, key: &Key, path_length: Option<u8>) -> Self {
        let length = path_length.map_or(Vec::new(), |length| tlv(2, &[length]));
        let basic = sequence(&[tlv(1, &[0xff]), length]);
        Self::new(common_name, key).extension("2.5.29.19", true, &basic)
    }

    pub(crate) fn extension(mut self, oid: &str, critical: bool, value: &[u8]) -> Self {
        let critical = if critical { tlv(1, &[0xff]) } else { Vec::new() };
        self.extensions.push(sequence(&[object(oid), critical, tlv(4, value)]));
        self
    }

    pub(crate) fn valid(mut self, not_before: &str, not_after: &str) -> Self {
        (self.not_before, self.not_after) = (not_before.to_owned(), not_after.to_owned());
        self
    }

    /// What is signed, in the name of `issuer`.
    pub(crate) fn tbs(&self, issuer: &[u8]) -> Vec<u8> {
        let extensions = match self.extensions.as_slice() {
            [] => Vec::new(),
            extensions => tlv(0xa3, &sequence(extensions)),
        };
        let dates = sequence(&[tlv(24, self.not_before.as_bytes()), tlv(24, self.not_after.as_bytes())]);
        sequence(&[
            tlv(0xa0, &tlv(2, &[self.version])),
            tlv(2, &self.serial),
            self.algorithm.clone(),
            issuer.to_vec(),
            dates,
            self.subject.clone(),
            self.spki.clone(),
            extensions,
        ])
    }

    /// The certificate, signed by `key` in the name of `issuer`.
    pub(crate) fn signed_by(&self, issuer: &str, key: &Key) -> Vec<u8> {
        let tbs = self.tbs(&name(issuer));
        envelope(&tbs, &self.algorithm, &key.sign(&tbs))
    }
}

pub(crate) fn envelope(tbs: &[u8], algorithm: &[u8], signature: &[u8]) -> Vec<u8> {
    sequence(&[tbs.to_vec(), algorithm.to_vec(), tlv(3, &[&[0], signature].concat())])
}

pub(crate) fn ecdsa_with_sha256() -> Vec<u8> {
    sequence(&[object("1.2.840.10045.4.3.2")])
}

/// A name with one common name, in UTF-8.
pub(crate) fn name(common_name: &str) -> Vec<u8> {
    sequence(&[tlv(0x31, &sequence(&[object("2.5.4.3"), tlv(12, common_name.as_bytes())]))])
}

pub(crate) fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    tlv(0x30, &parts.concat())
}

pub(crate) fn tlv(tag: u8, value: &[u8]) -> Vec<u8> {
    let length = value.len();
    let mut out = vec![tag];
    match length {
        0..0x80 => out.push(u8::try_from(length).unwrap()),
        0x80..0x100 => out.extend([0x81, u8::try_from(length).unwrap()]),
        _ => {
            out.push(0x82);
            out.extend(u16::try_from(length).unwrap().to_be_bytes());
        }
    }
    out.extend(value);
    out
}

pub(crate) fn object(oid: &str) -> Vec<u8> {
    let arcs: Vec<u64> = oid.split('.').map(|arc| arc.parse().unwrap()).collect();
    let mut value = Vec::new();
    for arc in std::iter::once(arcs[0] * 40 + arcs[1]).chain(arcs[2..].iter().copied()) {
        let mut groups = vec![u8::try_from(arc & 0x7f).unwrap()];
        let mut rest = arc >> 7;
        while rest > 0 {
            groups.push(u8::try_from(rest & 0x7f).unwrap() | 0x80);
            rest >>= 7;
        }
        value.extend(groups.iter().rev());
    }
    tlv(6, &value)
}
