//! What stands in `rawBytes`: DER, or the PEM text that some tools put there.

use alloc::string::String;
use alloc::vec::Vec;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::log_key::LogKey;
use crate::certificate::Certificate;
use crate::json::Json;

/// How every key and certificate begins as DER.
const SEQUENCE: &[u8] = &[0x30];

/// Whether somebody put a PEM text where its DER belongs.
pub(super) fn is_pem(bytes: &[u8]) -> bool {
    bytes.trim_ascii_start().starts_with(b"-----BEGIN ")
}

/// The PEM text that a member holds, as it is or in base64.
pub(super) fn pem(json: &Json) -> Option<String> {
    let text = json.as_str()?;
    let decoded = STANDARD.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let text = decoded.unwrap_or_else(|| text.into());
    is_pem(text.as_bytes()).then_some(text)
}

/// The key that a member holds in whichever of the two forms, as a SubjectPublicKeyInfo; none if it cannot be decoded.
pub(super) fn key(json: &Json) -> Option<Vec<u8>> {
    let der = |bytes: &Vec<u8>| bytes.starts_with(SEQUENCE);
    let bytes = match pem(json) {
        Some(pem) => pem.into_bytes(),
        None => STANDARD.decode(json.as_str()?).ok().filter(der)?,
    };
    LogKey::parse(&bytes).ok().map(|key| key.key().to_spki_der())
}

/// The certificates that a member holds as DER: all that are in a PEM text, else the bytes, whatever they are. None if
/// there are no bytes.
pub(super) fn certificates(json: &Json) -> Option<Vec<Vec<u8>>> {
    let of_pem = pem(json).and_then(|pem| Certificate::from_pem_chain(&pem).ok());
    match of_pem {
        Some(chain) => Some(chain.iter().map(|certificate| certificate.der().to_vec()).collect()),
        None => STANDARD.decode(json.as_str()?).ok().map(|bytes| [bytes].to_vec()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_pem_text_holds_what_its_der_holds() {
        let der = "MCowBQYDK2VwAyEAt8rlp1knGwjfbcXAYPYAkn0XiLz1x8O4t0YkEhie244=";
        let raw = STANDARD.decode(der).unwrap();
        let text = LogKey::parse(&raw).unwrap().key().to_spki_pem();
        let all = [Json::string(der), Json::string(&text), Json::string(STANDARD.encode(&text))];
        assert!(all.iter().all(|json| key(json) == Some(raw.clone())));
        assert_eq!(all.map(|json| pem(&json)), [None, Some(text.clone()), Some(text)]);
        for none in [Json::Null, Json::string("?"), Json::string("-----BEGIN PUBLIC KEY-----"), Json::string("AAAA")] {
            assert_eq!(key(&none), None, "{none:?}");
        }
        assert_eq!(certificates(&Json::string("AAAA")), Some([[0, 0, 0].to_vec()].to_vec()));
        assert_eq!(certificates(&Json::string("-----BEGIN CERTIFICATE-----")), None);
    }
}
