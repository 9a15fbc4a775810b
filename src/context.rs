//! What every command is given.

use ceremony::Time;

use crate::machine::Machine;
use crate::workdir::Workdir;

/// What a command is given besides its own arguments.
pub(crate) struct Context {
    /// The directory of the trust root.
    pub(crate) workdir: Workdir,
    /// The present time.
    pub(crate) now: Time,
    /// Whether the present time came from `--now`: then no key may sign that is not marked as throw-away.
    pub(crate) now_given: bool,
    /// What this machine alone knows, never read from the directory.
    pub(crate) machine: Machine,
}
