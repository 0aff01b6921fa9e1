//! Sockets: new ones, addresses, and the ways into and out of a connection.

use crate::{check, owned, size};
use nix::sys::socket::{self, AddressFamily, SockFlag, SockType, SockaddrIn, SockaddrLike, UnixAddr};
use std::io::{self, IoSlice};
use std::net::SocketAddrV4;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;

/// Which socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// TCP over IPv4, non-blocking and close-on-exec, as the connector makes them.
    Tcp,
    /// The same over IPv6.
    Tcp6,
    /// UDP over IPv4.
    Udp,
    /// A Unix stream.
    Stream,
    /// A Unix datagram socket.
    Datagram,
    /// rtnetlink, as libc makes it.
    Routes,
    /// nfnetlink.
    Filters,
    /// Raw frames.
    Packet,
}

/// Makes it.
///
/// # Errors
/// What the kernel answers.
pub fn socket(kind: Kind) -> io::Result<OwnedFd> {
    let quick = libc::SOCK_STREAM | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    let raw = libc::SOCK_RAW | libc::SOCK_CLOEXEC;
    let (family, of, protocol) = match kind {
        Kind::Tcp => (libc::AF_INET, quick, 0),
        Kind::Tcp6 => (libc::AF_INET6, quick, 0),
        Kind::Udp => (libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0),
        Kind::Stream => (libc::AF_UNIX, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, 0),
        Kind::Datagram => (libc::AF_UNIX, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0),
        Kind::Routes => (libc::AF_NETLINK, raw, libc::NETLINK_ROUTE),
        Kind::Filters => (libc::AF_NETLINK, raw, libc::NETLINK_NETFILTER),
        Kind::Packet => (libc::AF_PACKET, raw, 0),
    };
    // SAFETY: takes integers only.
    owned(unsafe { libc::socket(family, of, protocol) }.into())
}

/// A pair that, unlike `SOCK_SEQPACKET`, sends to whatever address a message names.
///
/// # Errors
/// What the kernel answers.
pub fn pair_of_datagrams() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(socket::socketpair(AddressFamily::Unix, SockType::Datagram, None, SockFlag::SOCK_CLOEXEC)?)
}

/// Where to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// IPv4.
    Net(SocketAddrV4),
    /// A Unix socket on the disk.
    Path(PathBuf),
    /// A Unix socket without a file.
    Abstract(String),
}

fn with<T>(address: &Address, use_it: impl FnOnce(&dyn SockaddrLike) -> nix::Result<T>) -> io::Result<T> {
    Ok(match address {
        Address::Net(to) => use_it(&SockaddrIn::from(*to))?,
        Address::Path(to) => use_it(&UnixAddr::new(to)?)?,
        Address::Abstract(to) => use_it(&UnixAddr::new_abstract(to.as_bytes())?)?,
    })
}

/// Connects. One that is under way counts as done.
///
/// # Errors
/// What the kernel answers.
pub fn connect(fd: BorrowedFd<'_>, address: &Address) -> io::Result<()> {
    with(address, |to| match socket::connect(fd.as_raw_fd(), to) {
        Err(nix::errno::Errno::EINPROGRESS) => Ok(()),
        other => other,
    })
}

/// Binds.
///
/// # Errors
/// What the kernel answers.
pub fn bind(fd: BorrowedFd<'_>, address: &Address) -> io::Result<()> {
    with(address, |to| socket::bind(fd.as_raw_fd(), to))
}

/// `sendto` with an address. With `fast` it asks TCP to connect by sending (`MSG_FASTOPEN`).
///
/// # Errors
/// What the kernel answers.
pub fn send_to(fd: BorrowedFd<'_>, address: &Address, fast: bool) -> io::Result<()> {
    with(address, |to| {
        let flags = if fast { libc::MSG_FASTOPEN } else { 0 };
        // SAFETY: bytes and address are valid for their lengths.
        let sent = unsafe { libc::sendto(fd.as_raw_fd(), c"x".as_ptr().cast(), 1, flags, to.as_ptr(), to.len()) };
        under_way(nix::errno::Errno::result(sent).map(|_| ()))
    })
}

/// `sendmsg` with an address; `fast` as in [`send_to`].
///
/// # Errors
/// What the kernel answers.
pub fn send_message(fd: BorrowedFd<'_>, address: &Address, fast: bool) -> io::Result<()> {
    with(address, |to| {
        let mut part = IoSlice::new(b"x");
        // SAFETY: all zeros is a valid msghdr.
        let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
        header.msg_name = to.as_ptr().cast_mut().cast();
        header.msg_namelen = to.len();
        header.msg_iov = (&raw mut part).cast();
        header.msg_iovlen = 1;
        let flags = if fast { libc::MSG_FASTOPEN } else { 0 };
        // SAFETY: `header` points at `to` and `part` (an iovec by its contract), which outlive the call.
        let sent = unsafe { libc::sendmsg(fd.as_raw_fd(), &raw const header, flags) };
        under_way(nix::errno::Errno::result(sent).map(|_| ()))
    })
}

fn under_way(result: nix::Result<()>) -> nix::Result<()> {
    match result {
        Err(nix::errno::Errno::EINPROGRESS) => Ok(()),
        other => other,
    }
}

/// When this socket is closed, its peer is reset. For the setting of a scene.
///
/// # Errors
/// What the kernel answers.
pub fn reset_on_close(fd: BorrowedFd<'_>) -> io::Result<()> {
    let linger = libc::linger { l_onoff: 1, l_linger: 0 };
    socket::setsockopt(&fd, socket::sockopt::Linger, &linger)?;
    Ok(())
}

/// `recvmmsg`.
///
/// # Errors
/// What the kernel answers.
pub fn receive_many(fd: BorrowedFd<'_>) -> io::Result<()> {
    let mut bytes = [0_u8; 16];
    let mut part = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() };
    // SAFETY: all zeros is a valid mmsghdr.
    let mut message: libc::mmsghdr = unsafe { std::mem::zeroed() };
    message.msg_hdr.msg_iov = &raw mut part;
    message.msg_hdr.msg_iovlen = 1;
    // SAFETY: one message, whose parts outlive the call; no timeout.
    check(unsafe { libc::recvmmsg(fd.as_raw_fd(), &raw mut message, 1, 0, std::ptr::null_mut()) }.into()).map(|_| ())
}

/// `splice` from it into `pipe`.
///
/// # Errors
/// What the kernel answers.
pub fn splice_out(from: BorrowedFd<'_>, pipe: BorrowedFd<'_>) -> io::Result<()> {
    let (from, pipe) = (from.as_raw_fd(), pipe.as_raw_fd());
    // SAFETY: no offsets are given; the rest are integers.
    let moved = unsafe { libc::splice(from, std::ptr::null_mut(), pipe, std::ptr::null_mut(), 16, 0) };
    check(moved as libc::c_long).map(|_| ())
}

/// `sendfile` of `file` into it.
///
/// # Errors
/// What the kernel answers.
pub fn send_file(to: BorrowedFd<'_>, file: BorrowedFd<'_>) -> io::Result<()> {
    let mut offset: libc::off_t = 0;
    // SAFETY: `offset` is valid for the call.
    let sent = unsafe { libc::sendfile(to.as_raw_fd(), file.as_raw_fd(), &raw mut offset, 1) };
    check(sent as libc::c_long).map(|_| ())
}

/// `dup`.
///
/// # Errors
/// What the kernel answers.
pub fn copy(fd: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    // SAFETY: takes an integer only; the copy has its own owner.
    owned(unsafe { libc::dup(fd.as_raw_fd()) }.into())
}

/// How many bytes wait in it (`ioctl` `FIONREAD`).
///
/// # Errors
/// What the kernel answers.
pub fn ready_bytes(fd: BorrowedFd<'_>) -> io::Result<()> {
    let mut count: libc::c_int = 0;
    // SAFETY: `count` is valid for the call.
    check(unsafe { libc::ioctl(fd.as_raw_fd(), libc::FIONREAD, &raw mut count) }.into()).map(|_| ())
}

/// `getsockopt` `TCP_ZEROCOPY_RECEIVE`, which hands received bytes over by mapping them.
///
/// # Errors
/// What the kernel answers.
pub fn zero_copy(fd: BorrowedFd<'_>) -> io::Result<()> {
    // struct tcp_zerocopy_receive of Linux 4.18: address, length, recv_skip_hint. Length 0 maps nothing.
    let mut wanted = [0_u64; 2];
    let mut length = size::<[u64; 2]>();
    let option = 35; // TCP_ZEROCOPY_RECEIVE
    // SAFETY: `wanted` is valid for `length` bytes.
    let got = unsafe {
        libc::getsockopt(fd.as_raw_fd(), libc::IPPROTO_TCP, option, wanted.as_mut_ptr().cast(), &raw mut length)
    };
    check(got.into()).map(|_| ())
}

/// Closes a number, whoever owns it: the process must end right after.
///
/// # Errors
/// What the kernel answers.
pub fn close_number(number: i32) -> io::Result<()> {
    // SAFETY: the caller ends at once, so that no owner uses the number again.
    check(unsafe { libc::close(number) }.into()).map(|_| ())
}
