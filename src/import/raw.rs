//! Signatures without a file around them: what a key service or another program answers.

use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use ceremony::PublicKey;

/// The signature by `key` over `message` that `bytes` are in some form: raw, hex or base64 of either alphabet; DER or,
/// for ECDSA, both numbers side by side.
pub(crate) fn read(bytes: &[u8], key: &PublicKey, message: &[u8]) -> Option<Vec<u8>> {
    let text: String = std::str::from_utf8(bytes).unwrap_or_default().split_ascii_whitespace().collect();
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let base64 = |alphabet| GeneralPurpose::new(alphabet, config).decode(&text).ok();
    let decoded = [Some(bytes.to_vec()), hex::decode(&text).ok(), base64(&STANDARD), base64(&URL_SAFE)];
    let mut forms = decoded.into_iter().flatten().flat_map(|bytes| {
        let side_by_side = key.from_p1363(&bytes);
        [Some(bytes), side_by_side].into_iter().flatten()
    });
    forms.find(|signature| key.verify(message, signature).is_ok())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use ceremony::Algorithm;
    use keyholders::{Device as _, FileKey, Nobody};

    use super::*;

    #[test]
    fn reads_what_key_services_answer() {
        for algorithm in [Algorithm::EcdsaP256, Algorithm::EcdsaP384, Algorithm::Ed25519] {
            let mut key = FileKey::generate(algorithm, "k").unwrap();
            let signature = key.sign(b"payload", &mut Nobody).unwrap();
            let public = key.public_key().clone();
            let base64 = |alphabet| GeneralPurpose::new(alphabet, GeneralPurposeConfig::new()).encode(&signature);
            let hex = hex::encode(&signature);
            let forms = [
                signature.clone(),
                hex.clone().into_bytes(),
                format!("{}\n", hex.to_uppercase()).into_bytes(),
                base64(&STANDARD).into_bytes(),
                format!(" {}\r\n", base64(&URL_SAFE).trim_end_matches('=')).into_bytes(),
            ];
            for form in &forms {
                assert_eq!(read(form, &public, b"payload").unwrap(), signature, "{algorithm}");
                assert_eq!(read(form, &public, b"another"), None);
            }
            for hostile in [&b""[..], b"=", b"\xff\xfe", &[0x30; 300], &[0; 64], &[0; 96]] {
                assert_eq!(read(hostile, &public, b"payload"), None);
            }
        }
    }

    #[test]
    fn reads_both_numbers_side_by_side() {
        let mut key = FileKey::generate(Algorithm::EcdsaP256, "k").unwrap();
        let signature = key.sign(b"payload", &mut Nobody).unwrap();
        let raw = fixed(&signature);
        assert_eq!(read(&raw, key.public_key(), b"payload").unwrap(), signature);
        assert_eq!(read(hex::encode(&raw).as_bytes(), key.public_key(), b"payload").unwrap(), signature);
    }

    /// Both numbers of a DER signature in 32 bytes each.
    fn fixed(der: &[u8]) -> Vec<u8> {
        let length = usize::from(der[3]);
        let (r, s) = (&der[4..4 + length], &der[6 + length..]);
        let pad = |number: &[u8]| {
            let number: Vec<u8> = number.iter().copied().skip_while(|byte| *byte == 0).collect();
            [vec![0; 32 - number.len()], number].concat()
        };
        [pad(r), pad(s)].concat()
    }
}
