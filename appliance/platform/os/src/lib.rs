//! Safe wrappers around the Linux calls that `std` does not offer.
//!
//! The only crate with `unsafe` and raw system calls. It must never decide anything: no policy, no
//! message formats, no retries. Descriptors are made close-on-exec in the call that makes them.
//! Proof: `tests/sockets.rs`; what a spawned child is left with: `entry/tests/order.rs`.
#![allow(unsafe_code)] // this crate exists so that no other needs it

pub mod clock;
pub mod disk;
pub mod fds;
pub mod keyboard;
pub mod mark;
pub mod memfd;
pub mod memory;
pub mod modem;
pub mod net;
pub mod netlink;
pub mod netns;
pub mod poll;
pub mod process;
mod random;
pub mod seqpacket;
pub mod signal;
pub mod tcp;
pub mod timer;
pub mod tty;
pub mod watchdog;

pub use random::random;

use std::io;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};

/// Turns the C convention (-1 and errno) into a result.
fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// Takes a descriptor that a system call has just made.
fn owned(result: libc::c_int) -> io::Result<OwnedFd> {
    let number: RawFd = check(result)?;
    // SAFETY: the call has just returned this number, so nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// A length as the C interface wants it; our buffers are far below 2 GiB.
fn small(length: usize) -> libc::socklen_t {
    libc::socklen_t::try_from(length).expect("a structure is smaller than 4 GiB")
}
