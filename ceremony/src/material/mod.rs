//! Sigstore's trust material: what clients trust and which services signers use, as the files among the targets say it.
//!
//! Like all metadata here, material is an edit of the published file: entries that are not edited keep their bytes, and
//! what no rule knows is kept and reported.

pub mod chain;
pub mod client_trust_config;
pub mod coverage;
pub mod diff;
mod document;
pub mod edit;
pub mod evidence;
pub mod files;
mod held;
pub mod instance;
pub mod legacy;
pub mod lint;
pub mod log_entry;
pub mod log_id;
pub mod log_key;
pub mod moment;
pub mod note;
pub mod repair;
pub mod signing_config;
mod spans;
pub mod timeline;
pub mod timestamp;
pub mod tree_head;
pub mod trusted_root;
pub mod url;

pub use chain::{AuthorityChain, ChainFault};
pub use client_trust_config::ClientTrustConfig;
pub use diff::{FileDiff, diff};
pub use edit::{Correction, EditError, End, LogIdForm, NewEntry, NewService, Times};
pub use evidence::{Ending, Evidence};
pub use files::Material;
pub use instance::{Instance, Kind};
pub use legacy::LegacyTarget;
pub use lint::{Judgement, Publication, lint, step, too_soon};
pub use log_key::LogKey;
pub use moment::{Moment, ValidFor};
pub use note::Checkpoint;
pub use repair::{Answers, Repair, repair, repair_services, without_copies};
pub use signing_config::{Selector, Service, ServiceKind, SigningConfig};
pub use timeline::Timeline;
pub use timestamp::Timestamp;
pub use tree_head::TreeHead;
pub use trusted_root::{MaterialError, TrustedRoot};
pub use url::ServiceUrl;
