//! Random numbers of the operating system's.

use getrandom::SysRng;
use rsa::rand_core::UnwrapErr;

/// Where keys come from. A test machine without random numbers runs no tests.
pub(crate) fn generator() -> UnwrapErr<SysRng> {
    UnwrapErr(SysRng)
}

/// So many random bytes.
pub(crate) fn bytes<const LENGTH: usize>() -> [u8; LENGTH] {
    let mut bytes = [0; LENGTH];
    getrandom::fill(&mut bytes).expect("the operating system has random numbers");
    bytes
}
