//! What is wrong with the chain of an authority.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use rsa::traits::PublicKeyParts as _;

use super::Judgement;
use crate::certificate::{Certificate, KeyKind, P224, P256, P384, P521};
use crate::finding::{Finding, Rule};
use crate::key::PublicKey;
use crate::material::chain::AuthorityChain;
use crate::material::held::is_pem;
use crate::material::instance::{Instance, Kind};
use crate::material::moment::Moment;

/// The certificates of Fulcio or of a timestamp authority.
pub(super) fn authority(instance: &Instance<'_>, judgement: &Judgement<'_>, findings: &mut Vec<Finding>) {
    let subject = instance.subject();
    let mut found = |rule, what: String| findings.push(Finding::new(rule, &subject, what));
    let raw = match instance.certificates() {
        Ok(raw) => raw,
        Err(error) => return found(Rule::MaterialUnreadable, error.to_string()),
    };
    if raw.iter().any(|raw| is_pem(raw)) {
        return found(
            Rule::PemInRawBytes,
            "rawBytes of a certificate is a PEM text; clients want the DER in it".to_string(),
        );
    }
    let certificates = match raw.iter().map(|raw| Certificate::from_der(raw)).collect::<Result<Vec<_>, _>>() {
        Ok(certificates) => certificates,
        Err(error) => return found(Rule::MaterialUnreadable, error.to_string()),
    };
    let mut chain = AuthorityChain::unchecked(instance.kind, certificates);
    if chain.is_reversed() {
        let root = chain.signer().map(|first| first.subject().to_string()).unwrap_or_default();
        found(Rule::ChainReversed, format!("it begins with the root {root}"));
        let mut certificates = chain.certificates().to_vec();
        certificates.reverse();
        // What else is wrong with it is told as if it were in order.
        chain = AuthorityChain::unchecked(instance.kind, certificates);
    }
    for (client, key) in refusing(instance.kind, chain.certificates(), judgement.clients) {
        found(Rule::AuthorityKeyUnsupported, format!("{client} cannot verify with {key}"));
    }
    for fault in chain.faults() {
        found(Rule::ChainInvalid, fault.to_string());
    }
    let Ok(valid) = instance.valid_for() else { return };
    if let (Some(start), Some(signer)) = (&valid.start, chain.signer())
        && start.is_before(&Moment::from(signer.not_before()))
    {
        let what = format!("it starts at {start}, and {} at {}", signer.subject(), signer.not_before());
        found(Rule::StartBeforeCertificate, what);
    }
    if let Some(first) = chain.first_to_expire()
        && first.not_after() < judgement.next
        && !valid.is_over(&Moment::from(judgement.now))
    {
        let tense = if first.not_after() < judgement.now { "expired" } else { "expires" };
        found(Rule::CertificateExpires, format!("{} {tense} at {}", first.subject(), first.not_after()));
    }
}

/// The clients that cannot verify with a key in this chain, of these, of all that are known if there are none; with the
/// first such key.
fn refusing(kind: Kind, chain: &[Certificate], clients: &[String]) -> Vec<(&'static str, String)> {
    let all = CLIENTS.iter().filter(|(name, _)| clients.is_empty() || clients.iter().any(|client| client == name));
    let refused = |(name, reads): &(&'static str, Reads)| {
        let refused = chain.iter().enumerate().find(|(place, one)| !reads(kind, *place, one))?.1;
        Some((*name, format!("the key of {}: {}", refused.subject(), told(refused))))
    };
    all.filter_map(refused).collect()
}

/// The kind of a key, with the length of RSA.
fn told(certificate: &Certificate) -> String {
    match rsa_bits(certificate) {
        Some(bits) => format!("{} with {bits} bits", certificate.key_kind()),
        None => certificate.key_kind().to_string(),
    }
}

fn rsa_bits(certificate: &Certificate) -> Option<u32> {
    match certificate.public_key() {
        Ok(PublicKey::Rsa(key)) => Some(key.n().bits_vartime()),
        _ => None,
    }
}

/// Whether a client verifies with the key of the certificate at this place of the chain of an authority.
type Reads = fn(Kind, usize, &Certificate) -> bool;

/// What the clients verify with, as they were run with Fulcios of each kind: sigstore-go 1.2.1 reads certificates by Go's
/// `crypto/x509`, and none on another curve; sigstore-python 4.5.1 verifies the certificate of a signer by the policy of
/// `cryptography.x509.verification`, under the certificate of its issuer. sigstore-js 5.0.1 takes all that OpenSSL does.
const CLIENTS: &[(&str, Reads)] =
    &[("cosign", sigstore_go), ("sigstore-go", sigstore_go), ("sigstore-python", sigstore_python)];

/// Refuses the whole file for one certificate that it cannot read.
fn sigstore_go(_: Kind, _: usize, certificate: &Certificate) -> bool {
    let kind = certificate.key_kind();
    !matches!(kind, KeyKind::Curve(_)) || kind.is_on(&[P224, P256, P384, P521])
}

/// Refuses what such an authority issues.
fn sigstore_python(kind: Kind, place: usize, certificate: &Certificate) -> bool {
    let of_issuer = kind == Kind::Fulcio && place == 0;
    let long = rsa_bits(certificate).is_some_and(|bits| bits >= 2048);
    !of_issuer || long || certificate.key_kind().is_on(&[P256, P384, P521])
}
