//! TCP for the two processes that touch a network; descriptors only, never a byte of content.

use crate::{check, small};
use nix::errno::Errno;
use nix::sys::socket::{self, AddressFamily, Backlog, SockFlag, SockType, SockaddrStorage, sockopt};
use std::io;
use std::mem::size_of;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

fn fresh(address: SocketAddr) -> io::Result<OwnedFd> {
    let family = if address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    Ok(socket::socket(family, SockType::Stream, flags, None)?)
}

/// A non-blocking listening socket; an IPv6 one never takes IPv4.
///
/// # Errors
/// `AddrInUse`, `AddrNotAvailable`, `PermissionDenied` as the kernel gives them.
pub fn listen(address: SocketAddr) -> io::Result<OwnedFd> {
    let fd = fresh(address)?;
    socket::setsockopt(&fd, sockopt::ReuseAddr, &true)?;
    if address.is_ipv6() {
        socket::setsockopt(&fd, sockopt::Ipv6V6Only, &true)?;
    }
    socket::bind(fd.as_raw_fd(), &SockaddrStorage::from(address))?;
    socket::listen(&fd, Backlog::new(128)?)?;
    Ok(fd)
}

/// One waiting connection (non-blocking, close-on-exec) and where it comes from, in one call.
///
/// # Errors
/// `WouldBlock` if nobody waits on a non-blocking listener; `ConnectionAborted` if the peer has gone.
pub fn accept_nonblocking(listener: BorrowedFd<'_>) -> io::Result<(OwnedFd, SocketAddr)> {
    // SAFETY: all zeros is a valid sockaddr_storage.
    let mut storage: libc::sockaddr_storage = unsafe { std::mem::zeroed() };
    let mut length = small(size_of::<libc::sockaddr_storage>());
    // SAFETY: `storage` is valid for `length` bytes.
    let number = check(unsafe {
        libc::accept4(
            listener.as_raw_fd(),
            (&raw mut storage).cast(),
            &raw mut length,
            libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK,
        )
    })?;
    // SAFETY: just made.
    let fd = unsafe { OwnedFd::from_raw_fd(number) };
    Ok((fd, address(&storage)?))
}

fn address(storage: &libc::sockaddr_storage) -> io::Result<SocketAddr> {
    match libc::c_int::from(storage.ss_family) {
        libc::AF_INET => {
            // SAFETY: the family says that this is a sockaddr_in, which is smaller.
            let v4 = unsafe { &*(&raw const *storage).cast::<libc::sockaddr_in>() };
            let ip = Ipv4Addr::from(u32::from_be(v4.sin_addr.s_addr));
            Ok(SocketAddrV4::new(ip, u16::from_be(v4.sin_port)).into())
        }
        libc::AF_INET6 => {
            // SAFETY: the family says that this is a sockaddr_in6, which is smaller.
            let v6 = unsafe { &*(&raw const *storage).cast::<libc::sockaddr_in6>() };
            let ip = Ipv6Addr::from(v6.sin6_addr.s6_addr);
            let port = u16::from_be(v6.sin6_port);
            Ok(SocketAddrV6::new(ip, port, v6.sin6_flowinfo, v6.sin6_scope_id).into())
        }
        other => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("the listener is not TCP: it accepted address family {other}"),
        )),
    }
}

/// Starts to connect and returns at once; writable means decided, see [`connect_result`].
///
/// # Errors
/// What the kernel knows at once, such as `NetworkUnreachable`.
pub fn connect_start(address: SocketAddr) -> io::Result<OwnedFd> {
    let fd = fresh(address)?;
    match socket::connect(fd.as_raw_fd(), &SockaddrStorage::from(address)) {
        Ok(()) | Err(Errno::EINPROGRESS) => Ok(fd),
        Err(error) => Err(error.into()),
    }
}

/// How a started connection ended.
///
/// # Errors
/// `WouldBlock` while undecided, otherwise why it failed.
pub fn connect_result(fd: BorrowedFd<'_>) -> io::Result<()> {
    let code = socket::getsockopt(&fd, sockopt::SocketError)?;
    if code != 0 {
        return Err(io::Error::from_raw_os_error(code));
    }
    match socket::getpeername::<SockaddrStorage>(fd.as_raw_fd()) {
        Ok(_) => Ok(()),
        Err(Errno::ENOTCONN) => Err(io::ErrorKind::WouldBlock.into()),
        Err(error) => Err(error.into()),
    }
}

/// The local address of a socket, such as the port that the kernel chose for port 0.
///
/// # Errors
/// `InvalidData` if it is not an IP socket.
pub fn local_address(fd: BorrowedFd<'_>) -> io::Result<SocketAddr> {
    // SAFETY: all zeros is a valid sockaddr_storage.
    let mut storage: libc::sockaddr_storage = unsafe { std::mem::zeroed() };
    let mut length = small(size_of::<libc::sockaddr_storage>());
    // SAFETY: `storage` is valid for `length` bytes.
    check(unsafe {
        libc::getsockname(fd.as_raw_fd(), (&raw mut storage).cast(), &raw mut length)
    })?;
    address(&storage)
}
