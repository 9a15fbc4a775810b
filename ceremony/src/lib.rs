//! Keys and bytes of a TUF signing ceremony.
//!
//! Nothing in here opens a file, reads a clock, talks to a person, a device or a network: bytes and times are
//! arguments, and `no_std` holds the crate to it.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod assemble;
pub mod certificate;
pub mod device;
pub mod diff;
pub mod digest;
mod draft;
pub mod finding;
pub mod history;
pub mod holder;
pub mod inputs;
pub mod json;
pub mod key;
pub mod lint;
pub mod material;
pub mod meta;
pub mod metadata;
pub mod payload;
pub mod policy;
pub mod proposal;
pub mod publication;
pub mod quorum;
pub mod root;
pub mod seal;
pub mod signature_file;
pub mod source;
pub mod stage;
pub mod tally;
pub mod targets;
pub mod text;
pub mod time;
pub mod tuf_key;

pub use assemble::{Assembled, Progress};
pub use certificate::{Certificate, CertificateError};
pub use device::{Firmware, FormFactor, PinPolicy, TouchPolicy};
pub use diff::{Change, Diff, RoleDiff};
pub use digest::Digest;
pub use finding::{Finding, Rule};
pub use history::History;
pub use holder::{Holder, HolderKey};
pub use inputs::{Base, Inputs, Staging, TargetList, WantedTarget};
pub use json::{Json, Object};
pub use key::{Algorithm, Fingerprint, PublicKey};
pub use meta::Meta;
pub use metadata::{Kind, Metadata, Signature};
pub use payload::Payload;
pub use policy::Policy;
pub use proposal::ProposalDigest;
pub use publication::{Order, Sealed, TargetWrite, Verified, Write};
pub use quorum::{KeySet, Quorum};
pub use root::Root;
pub use seal::{Absent, Online, SealError, SealedFile, Sealing, Seals, SignOnline, seal};
pub use signature_file::SignatureFile;
pub use source::{MemorySource, Source, SourceError};
pub use stage::{Staged, stage};
pub use tally::{Tally, tally};
pub use targets::{TargetEntry, Targets};
pub use time::{Days, Time};
pub use tuf_key::{KeyId, TufKey};
