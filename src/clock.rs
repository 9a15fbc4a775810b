//! Whether this machine's clock can be right.
//!
//! By a clock that is slow nothing is ever due, and what is published expires unseen.

use ceremony::policy::Signers;
use ceremony::{Days, Policy, Time};

use crate::ceremony_dir::Ceremony;
use crate::disk;
use crate::error::Failure;
use crate::policy_file;
use crate::published::Published;
use crate::workdir::Workdir;

/// How far the clocks of two machines may be apart, in seconds.
const APART: i64 = 3600;

/// Refuses a time before the root, the snapshot or the timestamp of `published` was signed: its expiry, less the longest
/// life that the policy, or that of any ceremony, gives the role. What others sign is not looked at.
///
/// # Errors
/// With both times.
pub(crate) fn refuse_slow(workdir: &Workdir, policy: &Policy, published: &Published, now: Time) -> Result<(), Failure> {
    let mut policies = vec![policy.clone()];
    for name in Ceremony::names(workdir)? {
        let place = workdir.ceremony(&name).inputs().join("policy.toml");
        // A ceremony that cannot be read is no reason to let the timestamp expire.
        let text = disk::read_text(&place, policy_file::LIMIT).ok();
        policies.extend(text.and_then(|text| Policy::parse(&text).ok()));
    }
    let life = |role: &str| -> Option<Days> {
        policy.role(role).filter(|role| role.signers != Signers::External)?;
        policies.iter().filter_map(|policy| Some(policy.role(role)?.lifetime)).max()
    };
    let (snapshot, timestamp) = (published.snapshot.as_ref(), published.timestamp.as_ref());
    for (role, file) in [("root", published.roots.last()), ("snapshot", snapshot), ("timestamp", timestamp)] {
        let Some(file) = file else { continue };
        let Some(signed) = life(role).and_then(|life| file.metadata.expires().minus(life)) else { continue };
        if now.unix() + APART < signed.unix() {
            let version = file.metadata.version();
            return Err(Failure::could_not(format!(
                "this machine's clock shows {now}, and {role} {version} was signed later, at {signed}"
            ))
            .hint("set the clock, and have it kept: by a slow clock nothing is due until it is too late")
            .hint(format!(
                "if the clock is right, {role} was signed for longer than the policy says: hold a ceremony for that \
                 change"
            )));
        }
    }
    Ok(())
}
