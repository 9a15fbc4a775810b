//! Chains of certificates, built from what is at hand up to a trust anchor.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use x509_cert::ext::pkix::NameConstraints;
use x509_cert::ext::pkix::name::GeneralName;

use super::issued::{self, IssueError};
use super::name::Name;
use super::{Certificate, CertificateError};
use crate::digest::Digest;
use crate::key::PublicKey;
use crate::time::Time;

/// The most issuers between a certificate and its anchor.
pub const MOST_ISSUERS: usize = 8;

/// The most signatures that are verified while one chain is looked for.
pub const MOST_SIGNATURES: usize = 64;

/// Who is trusted to issue: a name and a key (RFC 5280, section 6.1.1 (d)), with what constrains them.
#[derive(Clone)]
pub struct Anchor {
    name: Name,
    spki: Vec<u8>,
    sha256: Digest,
    path_length: Option<u8>,
    validity: Option<(Time, Time)>,
    name_constraints: Option<NameConstraints>,
}

impl Anchor {
    /// The anchor that a certificate describes. Its own signature is not looked at: whoever calls this trusts it.
    ///
    /// # Errors
    /// If it is not the certificate of an authority that may sign certificates.
    pub fn of(certificate: &Certificate) -> Result<Self, IssueError> {
        issued::may_issue(certificate, certificate.subject())?;
        Ok(Self {
            name: certificate.subject.clone(),
            spki: certificate.spki.clone(),
            sha256: certificate.sha256(),
            path_length: certificate.path_length(),
            validity: Some((certificate.not_before, certificate.not_after)),
            name_constraints: certificate.name_constraints.clone(),
        })
    }

    /// The anchor whose name is one common name in UTF-8, with `key`; `sha256` is the digest of its certificate. It
    /// may issue for ever, to any depth.
    ///
    /// # Errors
    /// If the name is too long for one.
    pub fn new(common_name: &str, key: &PublicKey, sha256: Digest) -> Result<Self, CertificateError> {
        let name = Name::of_common_name(common_name)?;
        let spki = key.to_spki_der();
        Ok(Self { name, spki, sha256, path_length: None, validity: None, name_constraints: None })
    }

    /// The same anchor, with at most `path_length` authorities between it and a certificate.
    #[must_use]
    pub fn with_path_length(self, path_length: u8) -> Self {
        Self { path_length: Some(path_length), ..self }
    }

    /// The same anchor, valid from `first` to `last`.
    #[must_use]
    pub fn with_validity(self, first: Time, last: Time) -> Self {
        Self { validity: Some((first, last)), ..self }
    }

    /// Its name, as [`Certificate::subject`] has it.
    pub fn subject(&self) -> &str {
        &self.name.text
    }

    /// The DER SubjectPublicKeyInfo of its key.
    pub fn spki_der(&self) -> &[u8] {
        &self.spki
    }

    /// The SHA-256 of its certificate.
    pub fn sha256(&self) -> Digest {
        self.sha256
    }
}

/// A chain that verifies: the certificate, who issued it, who issued those, up to an anchor.
#[derive(Clone)]
pub struct Chain<'a> {
    issuers: Vec<&'a Certificate>,
    anchor: &'a Anchor,
}

impl<'a> Chain<'a> {
    /// The issuers below the anchor, that of the certificate first; empty if the anchor issued it.
    pub fn issuers(&self) -> &[&'a Certificate] {
        &self.issuers
    }

    /// The anchor that the chain ends at.
    pub fn anchor(&self) -> &'a Anchor {
        self.anchor
    }
}

/// Finds a chain from `certificate` through any of `issuers`, in any order, to one of `anchors`, and verifies it.
///
/// For each step: [`Certificate::verify_issued_by`]; path lengths (RFC 5280, section 6.1.4 (l) and (m)); no critical
/// extension that this program does not know; name constraints that concern nothing below, since they are not computed.
/// With `at`, every certificate of the chain is valid at that time, and the anchor too if its dates are known. Without
/// it no date is judged. The certificate itself may be one of an authority or not: whoever calls this knows which it
/// should be.
///
/// # Errors
/// If there is no such chain: the reason of the attempt that went furthest. At most [`MOST_ISSUERS`] issuers and
/// [`MOST_SIGNATURES`] signatures are tried, so that no input keeps this from ending.
pub fn verify<'a>(
    certificate: &'a Certificate,
    issuers: &'a [Certificate],
    anchors: &'a [Anchor],
    at: Option<Time>,
) -> Result<Chain<'a>, ChainError> {
    acceptable(certificate, at)?;
    let mut search = Search { issuers, anchors, at, signatures: 0, furthest: None };
    if let Some(chain) = search.extend(&mut Vec::from([certificate]))? {
        return Ok(chain);
    }
    let nobody =
        ChainError::NoIssuer { subject: certificate.subject().to_string(), issuer: certificate.issuer().to_string() };
    Err(search.furthest.map_or(nobody, |(_, error)| error))
}

/// Why there is no chain. All names in it are escaped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChainError {
    /// Nothing at hand has the name of the issuer.
    #[error("{subject} was issued by {issuer}, which is neither a trusted anchor nor among the certificates given")]
    NoIssuer {
        /// Where the chain ends.
        subject: String,
        /// Who is missing.
        issuer: String,
    },
    /// The chain ends at a certificate that was issued by itself and is no anchor.
    #[error("{subject} was issued by itself, and is no trusted anchor")]
    SelfMade {
        /// Where the chain ends.
        subject: String,
    },
    /// The certificates that were given issued each other.
    #[error("{subject} was issued by {issuer}, which it issued itself")]
    Circle {
        /// Where the circle closes.
        subject: String,
        /// Who is there already.
        issuer: String,
    },
    /// A certificate was not issued by what bears the name of its issuer.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// Too early.
    #[error("{subject} is valid from {not_before}, and it is judged at {at}")]
    NotYetValid {
        /// Whose certificate.
        subject: String,
        /// When it begins.
        not_before: Time,
        /// The time of the judgement.
        at: Time,
    },
    /// Too late.
    #[error("{subject} was valid until {not_after}, and it is judged at {at}")]
    Expired {
        /// Whose certificate.
        subject: String,
        /// When it ended.
        not_after: Time,
        /// The time of the judgement.
        at: Time,
    },
    /// More authorities stand below an issuer than it allows.
    #[error("{issuer} allows {allowed} authorities below it, and this chain has {found}")]
    PathLength {
        /// The issuer.
        issuer: String,
        /// What it allows.
        allowed: u8,
        /// What there is.
        found: usize,
    },
    /// A certificate has a critical extension of unknown meaning.
    #[error("{subject} has the critical extension {oid}, which this program does not know")]
    Critical {
        /// Whose certificate.
        subject: String,
        /// Which extension.
        oid: String,
    },
    /// An issuer constrains the names below it in a way that is not computed here.
    #[error("{issuer} constrains names that stand in {subject}, which this program cannot judge")]
    NameConstraints {
        /// The issuer.
        issuer: String,
        /// Whose names.
        subject: String,
    },
    /// The chain is longer than any real one.
    #[error("the chain from {subject} has more than {MOST_ISSUERS} issuers")]
    TooLong {
        /// Where it begins.
        subject: String,
    },
    /// There are so many ways that not all are tried.
    #[error("no chain was found from {subject} in {MOST_SIGNATURES} signatures: too many certificates bear one name")]
    TooMany {
        /// Where it begins.
        subject: String,
    },
}

struct Search<'a> {
    issuers: &'a [Certificate],
    anchors: &'a [Anchor],
    at: Option<Time>,
    signatures: usize,
    /// The reason of the attempt that went furthest, and how far that was.
    furthest: Option<(usize, ChainError)>,
}

impl<'a> Search<'a> {
    /// The chain that begins with `path`, if there is one; an error only if the search must end.
    fn extend(&mut self, path: &mut Vec<&'a Certificate>) -> Result<Option<Chain<'a>>, ChainError> {
        let (Some(&first), Some(&last)) = (path.first(), path.last()) else { return Ok(None) };
        let (mut named, mut again) = (false, false);
        for anchor in self.anchors.iter().filter(|anchor| anchor.name.der == last.issuer.der) {
            named = true;
            self.count(first)?;
            match fits_anchor(path, last, anchor, self.at) {
                Ok(()) => {
                    let issuers = path.iter().skip(1).copied().collect();
                    return Ok(Some(Chain { issuers, anchor }));
                }
                Err(error) => self.failed(path.len(), error),
            }
        }
        for issuer in self.issuers.iter().filter(|issuer| issuer.subject.der == last.issuer.der) {
            if path.contains(&issuer) {
                again = true;
                continue;
            }
            named = true;
            if path.len() > MOST_ISSUERS {
                self.failed(path.len(), ChainError::TooLong { subject: first.subject().to_string() });
                break;
            }
            self.count(first)?;
            if let Err(error) = fits(path, last, issuer, self.at) {
                self.failed(path.len(), error);
                continue;
            }
            path.push(issuer);
            let found = self.extend(path)?;
            path.pop();
            if found.is_some() {
                return Ok(found);
            }
        }
        if !named {
            let (subject, issuer) = (last.subject().to_string(), last.issuer().to_string());
            let error = match (last.is_self_issued(), again) {
                (true, _) => ChainError::SelfMade { subject },
                (false, true) => ChainError::Circle { subject, issuer },
                (false, false) => ChainError::NoIssuer { subject, issuer },
            };
            self.failed(path.len(), error);
        }
        Ok(None)
    }

    fn count(&mut self, first: &Certificate) -> Result<(), ChainError> {
        self.signatures += 1;
        if self.signatures > MOST_SIGNATURES {
            return Err(ChainError::TooMany { subject: first.subject().to_string() });
        }
        Ok(())
    }

    fn failed(&mut self, length: usize, error: ChainError) {
        if self.furthest.as_ref().is_none_or(|(furthest, _)| length > *furthest) {
            self.furthest = Some((length, error));
        }
    }
}

fn fits(path: &[&Certificate], last: &Certificate, issuer: &Certificate, at: Option<Time>) -> Result<(), ChainError> {
    last.verify_issued_by(issuer)?;
    acceptable(issuer, at)?;
    depth(path, issuer.subject(), issuer.path_length())?;
    constrained(path, issuer.subject(), issuer.name_constraints.as_ref())
}

fn fits_anchor(path: &[&Certificate], last: &Certificate, anchor: &Anchor, at: Option<Time>) -> Result<(), ChainError> {
    issued::verify_signature(last, anchor.subject(), &anchor.spki)?;
    valid(anchor.subject(), anchor.validity, at)?;
    depth(path, anchor.subject(), anchor.path_length)?;
    constrained(path, anchor.subject(), anchor.name_constraints.as_ref())
}

/// What concerns one certificate alone.
fn acceptable(certificate: &Certificate, at: Option<Time>) -> Result<(), ChainError> {
    valid(certificate.subject(), Some((certificate.not_before, certificate.not_after)), at)?;
    match certificate.unknown_critical().into_iter().next() {
        Some(oid) => Err(ChainError::Critical { subject: certificate.subject().to_string(), oid }),
        None => Ok(()),
    }
}

fn valid(subject: &str, validity: Option<(Time, Time)>, at: Option<Time>) -> Result<(), ChainError> {
    let (Some((not_before, not_after)), Some(at)) = (validity, at) else { return Ok(()) };
    if at < not_before {
        return Err(ChainError::NotYetValid { subject: subject.to_string(), not_before, at });
    }
    if at > not_after {
        return Err(ChainError::Expired { subject: subject.to_string(), not_after, at });
    }
    Ok(())
}

/// Self-issued certificates do not count, nor does the one at the beginning.
fn depth(path: &[&Certificate], issuer: &str, allowed: Option<u8>) -> Result<(), ChainError> {
    let found = path.iter().skip(1).filter(|certificate| !certificate.is_self_issued()).count();
    match allowed {
        Some(allowed) if found > usize::from(allowed) => {
            Err(ChainError::PathLength { issuer: issuer.to_string(), allowed, found })
        }
        _ => Ok(()),
    }
}

/// Refuses where a constraint could concern a name below: any directory name, since every certificate has one, and any
/// alternative name.
fn constrained(path: &[&Certificate], issuer: &str, constraints: Option<&NameConstraints>) -> Result<(), ChainError> {
    let Some(constraints) = constraints else { return Ok(()) };
    let mut subtrees =
        constraints.permitted_subtrees.iter().chain(&constraints.excluded_subtrees).flatten().map(|tree| &tree.base);
    let of_subjects = subtrees.any(|name| matches!(name, GeneralName::DirectoryName(_)));
    let concerned = path.iter().find(|below| of_subjects || below.extension(SUBJECT_ALT_NAME).is_some());
    match concerned {
        Some(below) => {
            Err(ChainError::NameConstraints { issuer: issuer.to_string(), subject: below.subject().to_string() })
        }
        None => Ok(()),
    }
}

const SUBJECT_ALT_NAME: &str = "2.5.29.17";
