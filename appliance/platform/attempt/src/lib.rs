//! What code that has taken a process over would try: one call to the kernel a function.
//!
//! For the break-out tests alone: nothing of the box may depend on it (`cargo xtask tidy` holds that).
//! A crate of its own, not a feature of `os`: a feature would be on for everybody in a build of the whole
//! workspace. Each function makes its call and says what the kernel answered. Proof that each can succeed:
//! `proof/breakout/tests/outside.rs`.
#![allow(unsafe_code)] // what these calls are is the point; no other crate outside platform may make them

mod code;
mod kernel;
mod memory;
mod others;
mod sockets;
mod spaces;

pub use code::{execute, execute_file, memory_file};
pub use kernel::{bpf_map, io_uring, keyring, perf_event, personality, shared_segment, userfault};
#[cfg(target_arch = "x86_64")]
pub use kernel::other_numbers;
pub use memory::{Page, map_code, map_shared};
pub use others::{abort, kill, open_process, ptrace, read_memory, take_descriptor};
pub use sockets::{
    Address, Kind, bind, close_number, connect, copy, pair_of_datagrams, ready_bytes, receive_many, reset_on_close,
    send_file, send_message, send_to, socket, splice_out, zero_copy,
};
pub use spaces::{
    Space, become_user, change_root, enter, fork, fork_by_clone3, fork_unreaped, leave, mount, own_mounts, own_network,
    unmount,
};

use std::io;
use std::os::fd::{FromRawFd, OwnedFd};

/// The answers that a sandbox gives.
pub const EPERM: i32 = libc::EPERM;
/// See [`EPERM`].
pub const EACCES: i32 = libc::EACCES;
/// See [`EPERM`].
pub const ENOSYS: i32 = libc::ENOSYS;
/// There is no network to send to.
pub const ENETUNREACH: i32 = libc::ENETUNREACH;
/// Cgroup limits answer so.
pub const EAGAIN: i32 = libc::EAGAIN;

/// Turns the C convention (-1 and errno) into a result.
fn check(result: libc::c_long) -> io::Result<i32> {
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(i32::try_from(result).unwrap_or(i32::MAX)) }
}

/// Takes a descriptor that a call has just made.
fn owned(result: libc::c_long) -> io::Result<OwnedFd> {
    let number = check(result)?;
    // SAFETY: the call has just returned this number, so nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// The size of a structure, as calls take it.
fn size<T>() -> libc::socklen_t {
    libc::socklen_t::try_from(size_of::<T>()).expect("a structure is small")
}
