//! TCP ports that nobody else takes.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

/// A block of free ports. Who holds it listens at the port below them, which tells all others that the block is taken.
pub(crate) struct Ports {
    first: u16,
    _held: TcpListener,
}

impl Ports {
    /// A block that is free, if there is one.
    pub(crate) fn take() -> Option<Self> {
        // Processes start their search at different blocks, so that few meet.
        static NEXT: AtomicU16 = AtomicU16::new(0);
        let scattered = (std::process::id().wrapping_mul(2_654_435_761) >> 16) as u16;
        (0..BLOCKS).find_map(|_| {
            let block = NEXT.fetch_add(1, Ordering::Relaxed).wrapping_add(scattered) % BLOCKS;
            let held = FIRST + block * SIZE;
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, held)).ok()?;
            let free = |port: u16| TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok();
            (held + 1..held + SIZE).all(free).then_some(Self { first: held + 1, _held: listener })
        })
    }

    /// The port of this number in the block.
    pub(crate) fn port(&self, number: u16) -> u16 {
        self.first + number
    }
}

/// Below the ports that the system gives to connections.
const FIRST: u16 = 20_000;
/// One to hold, and one for each reader that a daemon has at most.
const SIZE: u16 = 17;
const BLOCKS: u16 = (32_000 - FIRST) / SIZE;
