//! Chains of authorities that clients refuse, made for the purpose.
#![allow(clippy::unwrap_used)]

mod made;

use ceremony::Certificate;
use ceremony::material::{AuthorityChain, ChainFault, Kind};
use made::{Draft, Key, object, sequence};

const CODE_SIGNING: &str = "1.3.6.1.5.5.7.3.3";
const TIME_STAMPING: &str = "1.3.6.1.5.5.7.3.8";

fn usage(draft: Draft, critical: bool, oids: &[&str]) -> Draft {
    draft.extension("2.5.29.37", critical, &sequence(&oids.iter().map(|oid| object(oid)).collect::<Vec<_>>()))
}

fn read(der: &[u8]) -> Certificate {
    Certificate::from_der(der).unwrap()
}

fn root(path_length: Option<u8>) -> Certificate {
    read(&Draft::authority("root", &Key::new(1), path_length).signed_by("root", &Key::new(1)))
}

/// Signed by the root.
fn below(draft: Draft) -> Certificate {
    read(&draft.signed_by("root", &Key::new(1)))
}

fn intermediate() -> Draft {
    Draft::authority("middle", &Key::new(2), Some(0))
}

fn fulcio(certificates: Vec<Certificate>) -> Result<AuthorityChain, ChainFault> {
    AuthorityChain::new(Kind::Fulcio, certificates)
}

#[test]
fn order_is_found() {
    let (root, middle) = (root(None), below(usage(intermediate(), false, &[CODE_SIGNING])));
    let chain = fulcio(vec![root.clone(), middle.clone()]).unwrap();
    assert_eq!(chain.certificates(), [middle.clone(), root.clone()]);
    assert_eq!(fulcio(vec![middle.clone(), root.clone()]).unwrap(), chain);
    assert!(AuthorityChain::unchecked(Kind::Fulcio, vec![root.clone(), middle]).is_reversed());
    assert!(!chain.is_reversed());
    assert_eq!(fulcio(vec![root.clone()]).unwrap().signer(), Some(&root));
}

#[test]
fn what_is_no_chain_is_refused() {
    let stranger = read(&Draft::authority("other", &Key::new(9), None).signed_by("other", &Key::new(9)));
    let middle = || below(intermediate());
    assert!(matches!(fulcio(vec![]), Err(ChainFault::Empty)));
    assert!(matches!(fulcio(vec![middle(), root(None), stranger]), Err(ChainFault::Stranger { .. })));
    assert!(matches!(fulcio(vec![middle()]), Err(ChainFault::NoRoot { .. })));
    // The name is right, and the key is not.
    let forged = read(&Draft::authority("middle", &Key::new(2), None).signed_by("root", &Key::new(3)));
    assert!(matches!(fulcio(vec![forged, root(None)]), Err(ChainFault::Stranger { .. })));
    let [a, b] = [("a", "b", 4, 5), ("b", "a", 5, 4)].map(|(name, issuer, key, signer)| {
        read(&Draft::authority(name, &Key::new(key), None).signed_by(issuer, &Key::new(signer)))
    });
    assert!(matches!(fulcio(vec![a, b]), Err(ChainFault::Circle)));
}

#[test]
fn rights_and_purposes_are_judged() {
    let with = |root: Certificate, draft: Draft| fulcio(vec![below(draft), root]);
    assert!(with(root(Some(1)), intermediate()).is_ok());
    assert!(matches!(with(root(Some(0)), intermediate()), Err(ChainFault::PathLength { allowed: 0, found: 1, .. })));
    assert!(matches!(with(root(None), Draft::new("leaf", &Key::new(2))), Err(ChainFault::NoAuthority { .. })));
    let purpose = with(root(None), usage(intermediate(), false, &[TIME_STAMPING]));
    assert!(matches!(purpose, Err(ChainFault::Purpose { wanted: "code signing", .. })));
    let long = with(root(None), intermediate().valid("20200101000000Z", "20400101000000Z"));
    assert!(matches!(long, Err(ChainFault::Validity { .. })));
    let unknown = with(root(None), intermediate().extension("1.2.3.4", true, &[5, 0]));
    assert!(matches!(unknown, Err(ChainFault::Critical { .. })));
}

#[test]
fn a_timestamp_authority_is_for_time_stamps_alone() {
    let with = |critical: bool, oids: &[&str]| {
        let leaf = below(usage(Draft::new("tsa", &Key::new(2)), critical, oids));
        AuthorityChain::new(Kind::Tsa, vec![root(Some(0)), leaf])
    };
    assert!(with(true, &[TIME_STAMPING]).is_ok());
    assert!(matches!(with(false, &[TIME_STAMPING]), Err(ChainFault::NotCritical { .. })));
    assert!(matches!(with(true, &[TIME_STAMPING, CODE_SIGNING]), Err(ChainFault::Purpose { .. })));
    assert!(matches!(with(true, &[CODE_SIGNING]), Err(ChainFault::Purpose { .. })));
}
