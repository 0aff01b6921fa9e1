//! Netlink sockets: talk with the kernel about links, addresses, routes and filters (netlink(7)).
//!
//! A socket speaks of the network namespace in which it was opened, wherever its process goes later.
//! Nothing here allocates; error codes are the kernel's numbers.

use crate::{check, owned, small};
use std::io;
use std::mem::size_of;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

/// Links, addresses, routes.
pub const ROUTE: i32 = libc::NETLINK_ROUTE;
/// Filters.
pub const NETFILTER: i32 = libc::NETLINK_NETFILTER;

/// One datagram that lay there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Datagram {
    /// Its length, bytes: more than the buffer holds if it was cut.
    pub length: usize,
    /// Whether the kernel sent it. Anybody else has nothing to say.
    pub from_kernel: bool,
}

/// A socket of this protocol, close-on-exec, bound to the caller's network namespace. Errors come without
/// the request that they answer.
///
/// # Errors
/// The kernel's: EPROTONOSUPPORT where it lacks the protocol.
pub fn open(protocol: i32) -> io::Result<OwnedFd> {
    // SAFETY: takes integers only.
    let fd = owned(unsafe { libc::socket(libc::AF_NETLINK, libc::SOCK_RAW | libc::SOCK_CLOEXEC, protocol) })?;
    let on: libc::c_int = 1;
    // SAFETY: `on` is a valid int for the call.
    check(unsafe {
        libc::setsockopt(
            fd.as_raw_fd(),
            libc::SOL_NETLINK,
            libc::NETLINK_CAP_ACK,
            (&raw const on).cast(),
            small(size_of::<libc::c_int>()),
        )
    })?;
    Ok(fd)
}

fn code() -> i32 {
    io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO)
}

/// Sends one request to the kernel, whole.
///
/// # Errors
/// The kernel's code.
pub fn send(fd: BorrowedFd<'_>, request: &[u8]) -> Result<(), i32> {
    // SAFETY: `request` is valid for its length; no address is given.
    let sent = unsafe {
        libc::sendto(fd.as_raw_fd(), request.as_ptr().cast(), request.len(), libc::MSG_NOSIGNAL, std::ptr::null(), 0)
    };
    match usize::try_from(sent) {
        Ok(sent) if sent == request.len() => Ok(()),
        Ok(_) => Err(libc::EMSGSIZE),
        Err(_) => Err(code()),
    }
}

/// One datagram that lies there, into `buffer`; none if there is none. Never waits.
///
/// # Errors
/// The kernel's code: ENOBUFS if some were lost.
pub fn receive(fd: BorrowedFd<'_>, buffer: &mut [u8]) -> Result<Option<Datagram>, i32> {
    // SAFETY: all zeros is a valid sockaddr_nl.
    let mut from: libc::sockaddr_nl = unsafe { std::mem::zeroed() };
    let mut length = size_of::<libc::sockaddr_nl>() as libc::socklen_t;
    // SAFETY: `buffer` and `from` are valid for their lengths.
    let got = unsafe {
        libc::recvfrom(
            fd.as_raw_fd(),
            buffer.as_mut_ptr().cast(),
            buffer.len(),
            libc::MSG_DONTWAIT | libc::MSG_TRUNC, // the whole length, also of what was cut
            (&raw mut from).cast(),
            &raw mut length,
        )
    };
    match usize::try_from(got) {
        Ok(length) => Ok(Some(Datagram { length, from_kernel: from.nl_pid == 0 })),
        Err(_) => match code() {
            libc::EAGAIN => Ok(None),
            other => Err(other),
        },
    }
}
