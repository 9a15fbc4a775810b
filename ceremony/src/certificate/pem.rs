//! Certificates in PEM (RFC 7468).

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use x509_cert::der::pem::{self, LineEnding};

use super::{Certificate, CertificateError};

const LABEL: &str = "CERTIFICATE";
const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";

pub(super) fn write(der: &[u8]) -> String {
    pem::encode_string(LABEL, LineEnding::LF, der).expect("any DER has a PEM")
}

pub(super) fn read(text: &str) -> Result<Vec<Certificate>, CertificateError> {
    let mut certificates = Vec::new();
    let mut rest = text;
    while let Some(begin) = rest.find(BEGIN) {
        let number = certificates.len() + 1;
        if number > Certificate::CHAIN_LIMIT {
            return Err(CertificateError::TooMany { limit: Certificate::CHAIN_LIMIT });
        }
        let block = rest.get(begin..).unwrap_or_default();
        let length = length(block)
            .ok_or_else(|| CertificateError::Pem { number, reason: String::from("its end is missing") })?;
        let (block, after) = block.split_at(length);
        certificates.push(one(block, number)?);
        rest = after;
    }
    if certificates.is_empty() { Err(CertificateError::Empty) } else { Ok(certificates) }
}

/// How far the block at the beginning of `text` reaches: to the end of its last line.
fn length(text: &str) -> Option<usize> {
    let end = text.find(END)?;
    let line = text.get(end..)?;
    Some(end + line.find('\n').map_or(line.len(), |newline| newline + 1))
}

fn one(block: &str, number: usize) -> Result<Certificate, CertificateError> {
    // Longer than the base64 of any certificate with line breaks.
    if block.len() > 2 * Certificate::LIMIT {
        let source = CertificateError::TooLarge { bytes: block.len(), limit: 2 * Certificate::LIMIT };
        return Err(CertificateError::InChain { number, source: Box::new(source) });
    }
    let refused = |error: pem::Error| CertificateError::Pem { number, reason: error.to_string() };
    let (label, der) = pem::decode_vec(block.as_bytes()).map_err(refused)?;
    if label != LABEL {
        return Err(CertificateError::Label { number, label: label.escape_debug().to_string() });
    }
    let in_chain = |source| CertificateError::InChain { number, source: Box::new(source) };
    Certificate::from_der(&der).map_err(in_chain)
}
