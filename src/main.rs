//! trustroot
fn main() {}
