#![no_std]
//! Keys and bytes.
extern crate alloc;
