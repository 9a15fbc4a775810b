//! The certificates of an authority.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::instance::Kind;
use crate::certificate::{Certificate, IssueError};
use crate::time::Time;

/// The certificates of a Fulcio or timestamp authority in the order in which clients read them: the one that signs
/// first, then whoever issued it, the root last.
#[derive(Clone, Debug, PartialEq)]
pub struct AuthorityChain {
    kind: Kind,
    certificates: Vec<Certificate>,
}

impl AuthorityChain {
    /// Puts certificates in order, and judges them as the chain of a new entry.
    ///
    /// # Errors
    /// If they are no chain, or [`faults`](Self::faults) finds anything.
    pub fn new(kind: Kind, certificates: Vec<Certificate>) -> Result<Self, ChainFault> {
        let chain = Self { kind, certificates: ordered(certificates)? };
        match chain.faults().into_iter().next() {
            Some(fault) => Err(fault),
            None => Ok(chain),
        }
    }

    /// Takes certificates as a file has them, whatever is wrong with them.
    pub fn unchecked(kind: Kind, certificates: Vec<Certificate>) -> Self {
        Self { kind, certificates }
    }

    /// The certificates, the signing one first.
    pub fn certificates(&self) -> &[Certificate] {
        &self.certificates
    }

    /// The certificate that signs: of Fulcio the lowest authority, of a timestamp authority its own.
    pub fn signer(&self) -> Option<&Certificate> {
        self.certificates.first()
    }

    /// The root.
    pub fn root(&self) -> Option<&Certificate> {
        self.certificates.last()
    }

    /// Whether it is a root alone of which nothing says that it issues certificates for signers itself: an authority that
    /// has others below it looks the same where these are left out.
    pub fn is_bare_root(&self) -> bool {
        let [only] = self.certificates.as_slice() else { return false };
        self.kind == Kind::Fulcio && only.extended_key_usages().is_empty() && only.path_length() != Some(0)
    }

    /// The certificate that expires first.
    pub fn first_to_expire(&self) -> Option<&Certificate> {
        self.certificates.iter().min_by_key(|certificate| certificate.not_after())
    }

    /// Whether the chain is right the other way round, and only so.
    pub fn is_reversed(&self) -> bool {
        let mut back = self.certificates.clone();
        back.reverse();
        self.certificates.len() > 1 && linked(&self.certificates).is_err() && linked(&back).is_ok()
    }

    /// Everything that is wrong with a chain in this order: RFC 5280, sections 4.2.1 and 6.1; RFC 3161, section 2.3.
    pub fn faults(&self) -> Vec<ChainFault> {
        let (Some(signer), Some(root)) = (self.signer(), self.root()) else { return [ChainFault::Empty].to_vec() };
        let mut faults: Vec<ChainFault> = self.signer_faults(signer).into_iter().collect();
        for (place, pair) in self.certificates.windows(2).enumerate() {
            let [child, parent] = pair else { continue };
            if let Err(error) = child.verify_issued_by(parent) {
                faults.push(ChainFault::Link(error));
            }
            if child.not_before() < parent.not_before() || child.not_after() > parent.not_after() {
                faults.push(ChainFault::nested(child, parent));
            }
            // The one that signs counts where it issues certificates itself.
            let below = place + usize::from(self.kind == Kind::Fulcio);
            if parent.path_length().is_some_and(|allowed| usize::from(allowed) < below) {
                let allowed = parent.path_length().unwrap_or_default();
                faults.push(ChainFault::PathLength { issuer: parent.subject().to_string(), allowed, found: below });
            }
        }
        if !root.is_self_issued() {
            faults.push(ChainFault::NoRoot { last: root.subject().to_string(), issuer: root.issuer().to_string() });
        } else if (self.kind == Kind::Fulcio || self.certificates.len() > 1)
            && let Err(error) = root.verify_issued_by(root)
        {
            faults.push(ChainFault::Link(error));
        }
        for certificate in &self.certificates {
            let unknown = certificate.unknown_critical().into_iter();
            let subject = certificate.subject().to_string();
            faults.extend(unknown.map(|oid| ChainFault::Critical { subject: subject.clone(), oid }));
        }
        faults
    }

    /// What is wrong with the purpose of the certificate that signs.
    fn signer_faults(&self, signer: &Certificate) -> Option<ChainFault> {
        let (subject, usages) = (signer.subject().to_string(), signer.extended_key_usages());
        let missing = if signer.is_ca() && self.certificates.len() == 1 {
            ": this is a root alone, and the certificate that signs is missing"
        } else {
            ""
        };
        let critical = signer.extension(EXTENDED_KEY_USAGE).is_some_and(|(critical, _)| critical);
        match self.kind {
            Kind::Tsa if usages != [TIME_STAMPING] => {
                Some(ChainFault::Purpose { subject, wanted: "time stamping and nothing else", missing })
            }
            Kind::Tsa if !critical => Some(ChainFault::NotCritical { subject }),
            Kind::Tsa => None,
            _ if !signer.is_ca() => Some(ChainFault::NoAuthority { subject }),
            _ if usages.is_empty() || usages.iter().any(|usage| usage == CODE_SIGNING || usage == ANY_USAGE) => None,
            _ => Some(ChainFault::Purpose { subject, wanted: "code signing", missing }),
        }
    }
}

/// From the one that issued no other up to the one that no other issued.
fn ordered(mut certificates: Vec<Certificate>) -> Result<Vec<Certificate>, ChainFault> {
    if certificates.is_empty() {
        return Err(ChainFault::Empty);
    }
    let issued_other = |one: &Certificate, all: &[Certificate]| {
        all.iter().any(|other| other != one && other.issuer_der() == one.subject_der())
    };
    let start = certificates.iter().position(|one| !issued_other(one, &certificates));
    let mut chain = [certificates.remove(start.ok_or(ChainFault::Circle)?)].to_vec();
    while let Some(last) = chain.last().filter(|_| !certificates.is_empty()) {
        let parent = certificates.iter().position(|one| last.verify_issued_by(one).is_ok());
        let Some(parent) = parent else {
            // Whether it is a stranger cannot be said of one whose signatures cannot be verified.
            let unverified =
                certificates.iter().find_map(|one| last.verify_issued_by(one).err().filter(IssueError::is_of_kind));
            if let Some(error) = unverified {
                return Err(ChainFault::Link(error));
            }
            let stranger = certificates.first().map(|one| one.subject().to_string()).unwrap_or_default();
            return Err(ChainFault::Stranger { stranger, last: last.subject().to_string() });
        };
        chain.push(certificates.remove(parent));
    }
    Ok(chain)
}

fn linked(certificates: &[Certificate]) -> Result<(), IssueError> {
    certificates.windows(2).try_for_each(|pair| match pair {
        [child, parent] => child.verify_issued_by(parent),
        _ => Ok(()),
    })
}

const EXTENDED_KEY_USAGE: &str = "2.5.29.37";
const ANY_USAGE: &str = "2.5.29.37.0";
const CODE_SIGNING: &str = "1.3.6.1.5.5.7.3.3";
const TIME_STAMPING: &str = "1.3.6.1.5.5.7.3.8";

/// What is wrong with the chain of an authority. All names in it are escaped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChainFault {
    /// Each certificate issued another.
    #[error("the certificates issued each other in a circle")]
    Circle,
    /// A critical extension of unknown meaning.
    #[error("{subject} has the critical extension {oid}, which clients refuse")]
    Critical {
        /// Whose certificate.
        subject: String,
        /// Which extension.
        oid: String,
    },
    /// There is no certificate.
    #[error("there is no certificate")]
    Empty,
    /// One did not issue the one before it.
    #[error(transparent)]
    Link(#[from] IssueError),
    /// A Fulcio that may not issue.
    #[error("{subject} may not issue certificates: it is no certificate authority")]
    NoAuthority {
        /// Whose certificate.
        subject: String,
    },
    /// The last one was issued by another.
    #[error("the chain ends with {last}, which {issuer} issued; it must end with a root that issued itself")]
    NoRoot {
        /// The last certificate.
        last: String,
        /// Who issued it.
        issuer: String,
    },
    /// RFC 3161, section 2.3 wants the purpose critical.
    #[error("the purpose of {subject} is not critical, which RFC 3161 wants and strict clients insist on")]
    NotCritical {
        /// Whose certificate.
        subject: String,
    },
    /// More authorities below one than it allows.
    #[error("{issuer} allows {allowed} authorities below it, and this chain has {found}")]
    PathLength {
        /// The issuer.
        issuer: String,
        /// What it allows.
        allowed: u8,
        /// What there is.
        found: usize,
    },
    /// The extended key usage is another.
    #[error("{subject} is not for {wanted}{missing}")]
    Purpose {
        /// Whose certificate.
        subject: String,
        /// What for it should be.
        wanted: &'static str,
        /// What seems to be left out, as the rest of the sentence.
        missing: &'static str,
    },
    /// A certificate that belongs to no other.
    #[error("{stranger} did not issue {last}: it does not belong to this chain")]
    Stranger {
        /// The certificate that is left over.
        stranger: String,
        /// How far the chain goes.
        last: String,
    },
    /// A certificate that is valid when its issuer is not.
    #[error("{subject} is valid from {from} to {to}, outside of its issuer: from {issuer_from} to {issuer_to}")]
    Validity {
        /// Whose certificate.
        subject: String,
        /// Its first second.
        from: Time,
        /// Its last second.
        to: Time,
        /// The issuer's first second.
        issuer_from: Time,
        /// The issuer's last second.
        issuer_to: Time,
    },
}

impl ChainFault {
    /// Whether this program cannot verify the chain, for an algorithm or a kind of key, and clients may.
    pub fn is_unverified(&self) -> bool {
        matches!(self, Self::Link(IssueError::Algorithm { .. } | IssueError::Key { .. }))
    }

    fn nested(child: &Certificate, parent: &Certificate) -> Self {
        Self::Validity {
            subject: child.subject().to_string(),
            from: child.not_before(),
            to: child.not_after(),
            issuer_from: parent.not_before(),
            issuer_to: parent.not_after(),
        }
    }
}
