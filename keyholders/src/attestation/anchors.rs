//! Who is trusted to vouch for devices.

use std::collections::BTreeSet;
use std::fmt;

use ceremony::certificate::{Anchor, IssueError};
use ceremony::{Certificate, Digest, PublicKey, Time};

use super::yubico::{FACTS, Fact, PUBLISHED};

/// The anchors that attestations are verified up to.
#[derive(Clone, Default)]
pub struct Anchors {
    trusted: Vec<Trusted>,
    pinned: BTreeSet<Digest>,
}

#[derive(Clone)]
struct Trusted {
    anchor: Anchor,
    /// What it is called: by its root, where its certificate is known to verify up to one.
    named: Named,
}

/// What an anchor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum AnchorKind {
    /// The vendor's, for the devices that it sells.
    Vendor,
    /// The vendor's, for devices that it gave out for trial.
    Preview,
    /// One that was given: of another vendor, of a team that writes its own device certificates, or of a test.
    Given,
}

impl AnchorKind {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Vendor => "vendor",
            Self::Preview => "preview",
            Self::Given => "given",
        }
    }
}

impl fmt::Display for AnchorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// An anchor as an attestation names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) subject: String,
    pub(super) sha256: Digest,
    pub(super) kind: AnchorKind,
    /// Where its certificate is published.
    pub(super) published: Option<String>,
}

impl Anchors {
    /// No anchor at all.
    pub fn none() -> Self {
        Self::default()
    }

    /// Those of Yubico, which this program carries: PIV Root CA 263751, Attestation Root 1 with the authorities for PIV
    /// below it, and those for preview devices.
    pub fn vendor() -> Self {
        Self { trusted: FACTS.iter().map(Trusted::of).collect(), pinned: BTreeSet::new() }
    }

    /// These and the authority with this certificate. Whoever gives it trusts it: its own signature is not looked at.
    ///
    /// # Errors
    /// If it may not sign certificates.
    pub fn with(mut self, certificate: &Certificate) -> Result<Self, IssueError> {
        let anchor = Anchor::of(certificate)?;
        self.trusted.push(Trusted { named: Named::given(&anchor), anchor });
        Ok(self)
    }

    /// These and whatever authority has a certificate with this digest, where an attestation carries it.
    #[must_use]
    pub fn pin(mut self, sha256: Digest) -> Self {
        self.pinned.insert(sha256);
        self
    }

    /// All anchors, with those of the pinned that are among `certificates`.
    pub(super) fn with_pinned(&self, certificates: &[Certificate]) -> Vec<Anchor> {
        let pinned = certificates.iter().filter(|certificate| self.pinned.contains(&certificate.sha256()));
        let pinned = pinned.filter_map(|certificate| Anchor::of(certificate).ok());
        self.trusted.iter().map(|trusted| trusted.anchor.clone()).chain(pinned).collect()
    }

    /// What an anchor of [`with_pinned`](Self::with_pinned) is called.
    pub(super) fn named(&self, anchor: &Anchor) -> Named {
        let same = |trusted: &&Trusted| trusted.anchor.sha256() == anchor.sha256();
        self.trusted.iter().find(same).map_or_else(|| Named::given(anchor), |trusted| trusted.named.clone())
    }
}

impl Named {
    fn given(anchor: &Anchor) -> Self {
        let (subject, sha256) = (anchor.subject().to_owned(), anchor.sha256());
        Self { subject, sha256, kind: AnchorKind::Given, published: None }
    }
}

impl Trusted {
    /// The facts are constants, and a test reads them all.
    fn of(fact: &Fact) -> Self {
        let (anchor, root) = (anchor(fact), fact.root.and_then(|name| FACTS.iter().find(|fact| fact.name == name)));
        let root = root.unwrap_or(fact);
        let named = Named {
            subject: self::anchor(root).subject().to_owned(),
            sha256: self::anchor(root).sha256(),
            kind: root.kind,
            published: Some(format!("{PUBLISHED}{}", root.file)),
        };
        Self { anchor, named }
    }
}

fn anchor(fact: &Fact) -> Anchor {
    let sha256 = fact.sha256.parse().expect("a fact has a digest");
    let key = PublicKey::from_spki_pem(fact.key).expect("a fact has a key");
    let mut anchor = Anchor::new(fact.name, &key, sha256).expect("a fact has a name");
    if let Some(path_length) = fact.path_length {
        anchor = anchor.with_path_length(path_length);
    }
    if let Some((first, last)) = fact.validity {
        let time = |text: &str| text.parse::<Time>().expect("a fact has dates");
        anchor = anchor.with_validity(time(first), time(last));
    }
    anchor
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn published(file: &str) -> Vec<Certificate> {
        let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/yubico-pki");
        Certificate::from_pem_chain(&std::fs::read_to_string(dir.join(file)).unwrap()).unwrap()
    }

    #[test]
    fn facts_are_what_the_vendor_publishes() {
        let mut certificates = published("yubico-piv-root-ca-263751.pem");
        certificates.extend(published("yubico-attestation-root-1.pem"));
        certificates.extend(published("yubico-intermediates.pem"));
        let find = |name: &str| certificates.iter().find(|found| found.common_names() == [name]);
        let mut compared = 0;
        for fact in FACTS.iter().filter(|fact| fact.kind == AnchorKind::Vendor) {
            let certificate = find(fact.name).unwrap();
            assert_eq!(certificate.sha256().to_string(), fact.sha256, "{}", fact.name);
            assert_eq!(certificate.public_key().unwrap().to_spki_pem(), fact.key, "{}", fact.name);
            assert_eq!(certificate.path_length(), fact.path_length, "{}", fact.name);
            let dates = (certificate.not_before().to_string(), certificate.not_after().to_string());
            assert_eq!(fact.validity, Some((dates.0.as_str(), dates.1.as_str())), "{}", fact.name);
            let anchor = anchor(fact);
            assert_eq!(anchor.spki_der(), certificate.spki_der(), "{}", fact.name);
            assert_eq!(anchor.subject(), certificate.subject(), "{}", fact.name);
            let root = [Anchor::of(find(fact.root.unwrap_or(fact.name)).unwrap()).unwrap()];
            let chain = ceremony::certificate::chain::verify(certificate, &certificates, &root, None).unwrap();
            assert_eq!(chain.issuers().len(), usize::from(fact.root.is_some()), "{}", fact.name);
            compared += 1;
        }
        assert_eq!(compared, 5);
        assert_eq!(Anchors::vendor().trusted.len(), FACTS.len());
    }
}
