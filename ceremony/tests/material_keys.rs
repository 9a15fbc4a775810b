//! The keys of authorities: those that some clients cannot verify with, and those that this program cannot.
#![allow(clippy::unwrap_used)]

mod made;
mod published;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ceremony::material::{AuthorityChain, Judgement, Kind, Material, SigningConfig, TrustedRoot, lint};
use ceremony::{Certificate, Rule};
use made::{Draft, Key, object, sequence, tlv};
use published::{config, production};

const P224: &str = "1.3.132.0.33";
const P521: &str = "1.3.132.0.35";
const SECP256K1: &str = "1.3.132.0.10";
const BRAINPOOL: &str = "1.3.36.3.3.2.8.1.1.7";

/// A SubjectPublicKeyInfo of this curve, of no point in particular.
fn on(curve: &str) -> Vec<u8> {
    let point = tlv(3, &[&[0, 4][..], &[7; 64]].concat());
    sequence(&[sequence(&[object("1.2.840.10045.2.1"), object(curve)]), point])
}

fn ed25519() -> Vec<u8> {
    let key = p256::ecdsa::SigningKey::from_slice(&[1; 32]).unwrap();
    let point = key.verifying_key().to_sec1_point(false);
    sequence(&[sequence(&[object("1.3.101.112")]), tlv(3, &[&[0], &point.as_bytes()[1..33]].concat())])
}

/// An RSA key of so many bytes, which nobody has the private one of.
fn rsa(bytes: usize) -> Vec<u8> {
    let mut modulus = vec![0xff; bytes];
    modulus.insert(0, 0);
    let key = sequence(&[tlv(2, &modulus), tlv(2, &[1, 0, 1])]);
    sequence(&[sequence(&[object("1.2.840.113549.1.1.1"), tlv(5, &[])]), tlv(3, &[&[0][..], &key].concat())])
}

/// A chain of an authority in which one certificate has another key.
fn chain(place: usize, spki: Vec<u8>) -> Vec<Vec<u8>> {
    let mut drafts = [Draft::authority("int", &Key::new(2), Some(0)), Draft::authority("root", &Key::new(1), None)];
    drafts[place].spki = spki;
    drafts.iter().map(|draft| draft.signed_by("root", &Key::new(1))).collect()
}

/// The clients that are found to be unable, for a Fulcio or a TSA of production with that chain beside it.
fn unable(kind: Kind, chain: &[Vec<u8>], clients: &[&str]) -> Vec<String> {
    let raw: Vec<String> = chain.iter().map(|der| format!("{{\"rawBytes\": \"{}\"}}", STANDARD.encode(der))).collect();
    let entry = format!(
        "{{\"subject\": {{}}, \"uri\": \"https://authority.example\", \"certChain\": {{\"certificates\": [{}]}}, \
         \"validFor\": {{\"start\": \"2022-01-01T00:00:00Z\"}}}},",
        raw.join(", ")
    );
    let list = format!("\"{}\": [", kind.list());
    let root = production().replacen(&list, &[&list[..], &entry].concat(), 1);
    let files = [(TrustedRoot::TARGET, root.as_bytes(), None), (SigningConfig::TARGET, &config()[..], None)];
    let now = "2026-06-01T00:00:00Z".parse().unwrap();
    let clients: Vec<String> = clients.iter().map(|name| (*name).to_owned()).collect();
    let found = lint(&Material::of(files), &Judgement { now, next: now, clients: &clients });
    let unable = found.into_iter().filter(|finding| finding.rule == Rule::AuthorityKeyUnsupported);
    unable.map(|finding| finding.what).collect()
}

#[test]
fn clients_that_cannot_verify_with_the_key_of_an_authority_are_named() {
    let cannot = |client: &str, key: &str| format!("{client} cannot verify with the key of {key}");
    // Go reads no certificate on another curve, wherever it stands.
    for (place, name) in [(0, "CN=int"), (1, "CN=root")] {
        let of_go = |key: &str| ["cosign", "sigstore-go"].map(|client| cannot(client, &format!("{name}: {key}")));
        for (curve, key) in [(SECP256K1, "secp256k1"), (BRAINPOOL, "the curve 1.3.36.3.3.2.8.1.1.7")] {
            assert_eq!(unable(Kind::Tsa, &chain(place, on(curve)), &[]), of_go(key));
            let clients = ["cosign", "sigstore-go", "sigstore-js"];
            assert_eq!(unable(Kind::Fulcio, &chain(place, on(curve)), &clients), of_go(key));
        }
    }
    // sigstore-python takes as the issuer of a signer what browsers take, and looks no further.
    for (key, name) in [
        (ed25519(), "Ed25519"),
        (on(SECP256K1), "secp256k1"),
        (on(P224), "P-224 (secp224r1)"),
        (rsa(128), "RSA with 1024 bits"),
    ] {
        let python = ["sigstore-python"];
        let told = cannot("sigstore-python", &format!("CN=int: {name}"));
        assert_eq!(unable(Kind::Fulcio, &chain(0, key.clone()), &python), [told]);
        assert!(unable(Kind::Fulcio, &chain(1, key.clone()), &python).is_empty(), "{name}");
        assert!(unable(Kind::Tsa, &chain(0, key), &python).is_empty(), "{name}");
    }
    for key in [on(P521), rsa(256), Key::new(2).spki()] {
        assert!(unable(Kind::Fulcio, &chain(0, key), &[]).is_empty());
    }
    assert!(unable(Kind::Fulcio, &chain(0, ed25519()), &["cosign", "sigstore-go", "sigstore-js"]).is_empty());
    // The one that signs is the same when the chain is the wrong way round.
    let mut back = chain(0, ed25519());
    back.reverse();
    assert_eq!(unable(Kind::Fulcio, &back, &[]), [cannot("sigstore-python", "CN=int: Ed25519")]);
}

/// A chain on P-521 was refused as if its root were a stranger's.
#[test]
fn a_chain_that_cannot_be_verified_says_so() {
    let refused = |chain: Vec<Vec<u8>>| {
        let chain = chain.iter().map(|der| Certificate::from_der(der).unwrap()).collect();
        AuthorityChain::new(Kind::Fulcio, chain).unwrap_err().to_string()
    };
    for (curve, key) in
        [(P521, "P-521 (secp521r1)"), (SECP256K1, "secp256k1"), (BRAINPOOL, "the curve 1.3.36.3.3.2.8.1.1.7")]
    {
        let told = format!("the key of CN=root is of a kind that this program cannot verify with: {key}");
        assert_eq!(refused(chain(1, on(curve))), told);
    }
    let malformed = "the key of CN=root is of a kind that this program cannot verify with: P-256, malformed";
    assert_eq!(refused(chain(1, on("1.2.840.10045.3.1.7"))), malformed);
    let short = "the key of CN=root is RSA with 1024 bits, and 2048 are the least";
    assert_eq!(refused(chain(1, rsa(128))), short);
    // What can be verified and does not belong there is a stranger.
    let other = Draft::authority("root", &Key::new(9), None).signed_by("root", &Key::new(9));
    let int = chain(0, Key::new(2).spki()).remove(0);
    assert_eq!(refused(vec![int, other]), "CN=root did not issue CN=int: it does not belong to this chain");
}
