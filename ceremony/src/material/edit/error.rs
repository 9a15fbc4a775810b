//! Why material is not changed.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::material::moment::{Moment, MomentError};

/// Entries by their subjects, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subjects(pub Vec<String>);

impl core::fmt::Display for Subjects {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        if self.0.is_empty() {
            return f.write_str("none");
        }
        let escaped: Vec<String> = self.0.iter().map(|subject| subject.escape_debug().to_string()).collect();
        f.write_str(&escaped.join(", "))
    }
}

/// Why material is not changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EditError {
    /// Nothing has this name.
    #[error("there is no \"{name}\"; there is: {present}")]
    Absent {
        /// What was looked for, escaped.
        name: String,
        /// What there is.
        present: Subjects,
    },
    /// The end lies before the start.
    #[error("{} starts at {start}, so it cannot end at {end}", subject.escape_debug())]
    EndBeforeStart {
        /// The entry.
        subject: String,
        /// Its start.
        start: Moment,
        /// The end that was wanted.
        end: Moment,
    },
    /// Something is signed with it after its end.
    #[error("{} was used at {used}, so it cannot end at {end}", subject.escape_debug())]
    EndBeforeUse {
        /// The entry.
        subject: String,
        /// The end that was wanted.
        end: Moment,
        /// The last use that is known.
        used: Moment,
    },
    /// It has no end that could be another.
    #[error("{} has no end", subject.escape_debug())]
    NoEnd {
        /// The entry.
        subject: String,
    },
    /// It has an end that is no later.
    #[error("{} has ended already, at {end}", subject.escape_debug())]
    Ended {
        /// The entry.
        subject: String,
        /// Its end.
        end: Moment,
    },
    /// A time in the file is none.
    #[error(transparent)]
    Moment(#[from] MomentError),
    /// Signers always use one.
    #[error("signers always use one {kind}; only for rekor and tsa can it be more")]
    NoSelector {
        /// The kind of service.
        kind: &'static str,
    },
    /// A signing config of version 0.1.
    #[error("a signing config of the form v0.1 is not edited: no client of today reads it")]
    OldForm,
    /// Several have this name.
    #[error("\"{name}\" is more than one: {several}")]
    Several {
        /// What was looked for, escaped.
        name: String,
        /// Those that are so named.
        several: Subjects,
    },
    /// An authority cannot sign before its certificate is valid.
    #[error("it would start at {start}, before the certificate of {certificate} at {not_before}")]
    StartBeforeCertificate {
        /// The start that was wanted.
        start: Moment,
        /// Whose certificate.
        certificate: String,
        /// From when it is valid.
        not_before: crate::time::Time,
    },
    /// An authority signs nothing once its certificate has expired.
    #[error("it would start at {start}, when the certificate of {certificate} has expired, at {not_after}")]
    StartBehindCertificate {
        /// The start that was wanted.
        start: Moment,
        /// Whose certificate.
        certificate: String,
        /// Until when it is valid.
        not_after: crate::time::Time,
    },
    /// The same key or certificates are there.
    #[error("it is there already: {}", subject.escape_debug())]
    There {
        /// The entry.
        subject: String,
    },
}
