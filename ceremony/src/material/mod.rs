//! Sigstore's trust material: what clients trust and which services signers use, as the files among the targets say it.
//!
//! Like all metadata here, material is an edit of the published file: entries that are not edited keep their bytes, and
//! what no rule knows is kept and reported.

mod document;
pub mod instance;
pub mod log_id;
pub mod log_key;
pub mod moment;
pub mod note;
pub mod signing_config;
mod spans;
pub mod tree_head;
pub mod trusted_root;

pub use instance::{Instance, Kind};
pub use log_key::LogKey;
pub use moment::{Moment, ValidFor};
pub use note::Checkpoint;
pub use signing_config::{Selector, Service, ServiceKind, SigningConfig};
pub use tree_head::TreeHead;
pub use trusted_root::{MaterialError, TrustedRoot};
