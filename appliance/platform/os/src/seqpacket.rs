//! Message sockets between our processes: `SOCK_SEQPACKET`, with descriptors by `SCM_RIGHTS`.

use crate::{check, owned, small};
use std::io;
use std::mem::size_of;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::path::Path;

use nix::sys::socket::{self, AddressFamily, Backlog, SockFlag, SockType, UnixAddr};

/// Most descriptors that one message carries.
pub const MAX_FDS: usize = 8;
/// The send buffer we ask for, in bytes: room for the largest message and some to spare.
pub const SEND_BUFFER: usize = 1 << 20;

const FD_BYTES: usize = MAX_FDS * size_of::<RawFd>();
/// `CMSG_SPACE` of eight descriptors: a 16-byte header and 32 bytes.
const CONTROL: usize = 48;

/// Control data has to lie as a `cmsghdr` does.
#[repr(C, align(8))]
struct Control([u8; CONTROL]);

/// One received message.
#[derive(Debug)]
pub struct Received {
    /// Bytes of the buffer that the message fills; 0 means that the peer has closed.
    pub len: usize,
    /// The descriptors that came with it, close-on-exec.
    pub fds: Vec<OwnedFd>,
}

/// Two connected blocking ends, close-on-exec, with the larger send buffer.
///
/// # Errors
/// The kernel's, when descriptors run out.
pub fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut ends: [RawFd; 2] = [-1; 2];
    // SAFETY: `ends` is valid for two numbers.
    check(unsafe {
        libc::socketpair(
            libc::AF_UNIX,
            libc::SOCK_SEQPACKET | libc::SOCK_CLOEXEC,
            0,
            ends.as_mut_ptr(),
        )
    })?;
    // SAFETY: the kernel has just made both.
    let (a, b) = unsafe { (OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1])) };
    enlarge(&a);
    enlarge(&b);
    Ok((a, b))
}

/// Best effort: without the capability, the system's limit (`net.core.wmem_max`) stays.
fn enlarge(fd: &OwnedFd) {
    let size = SEND_BUFFER as libc::c_int;
    for option in [libc::SO_SNDBUFFORCE, libc::SO_SNDBUF] {
        // SAFETY: `size` is a valid int for the call.
        let result = unsafe {
            libc::setsockopt(
                fd.as_raw_fd(),
                libc::SOL_SOCKET,
                option,
                (&raw const size).cast(),
                small(size_of::<libc::c_int>()),
            )
        };
        if result == 0 {
            return;
        }
    }
}

/// Sends one message with its descriptors, whole or not at all. Never raises SIGPIPE.
///
/// # Errors
/// `WouldBlock` on a full non-blocking socket, `BrokenPipe` if the peer has closed, `InvalidInput`
/// for an empty message (the peer would read it as an end) or more than [`MAX_FDS`] descriptors,
/// EMSGSIZE for one above the send buffer.
pub fn send(fd: BorrowedFd<'_>, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<()> {
    send_flagged(fd, bytes, fds, 0)
}

/// The same without descriptors, and without waiting on a blocking socket either.
///
/// # Errors
/// As [`send`]; `WouldBlock` on a full socket of either kind.
pub fn offer(fd: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<()> {
    send_flagged(fd, bytes, &[], libc::MSG_DONTWAIT)
}

fn send_flagged(fd: BorrowedFd<'_>, bytes: &[u8], fds: &[BorrowedFd<'_>], flags: libc::c_int) -> io::Result<()> {
    if bytes.is_empty() || fds.len() > MAX_FDS {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "a message has at least one byte and at most eight descriptors",
        ));
    }
    let mut control = Control([0; CONTROL]);
    let mut vector =
        libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    // SAFETY: all zeros is a valid msghdr (no address, no data, no control).
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    header.msg_iov = &raw mut vector;
    header.msg_iovlen = 1;
    if !fds.is_empty() {
        let payload = fds.len() * size_of::<RawFd>();
        header.msg_control = control.0.as_mut_ptr().cast();
        // SAFETY: CMSG_SPACE, CMSG_LEN are arithmetic; CONTROL has room for eight descriptors, so
        // CMSG_FIRSTHDR is within `control`, and CMSG_DATA has room for `payload` bytes.
        unsafe {
            header.msg_controllen = libc::CMSG_SPACE(payload as u32) as _;
            let message = libc::CMSG_FIRSTHDR(&raw const header);
            (*message).cmsg_level = libc::SOL_SOCKET;
            (*message).cmsg_type = libc::SCM_RIGHTS;
            (*message).cmsg_len = libc::CMSG_LEN(payload as u32) as _;
            let data = libc::CMSG_DATA(message).cast::<RawFd>();
            for (index, sent) in fds.iter().enumerate() {
                data.add(index).write_unaligned(sent.as_raw_fd());
            }
        }
    }
    loop {
        // SAFETY: `header` points at `vector`, `bytes` and `control`, which all outlive the call.
        let sent =
            unsafe { libc::sendmsg(fd.as_raw_fd(), &raw const header, libc::MSG_NOSIGNAL | flags) };
        if let Ok(sent) = usize::try_from(sent) {
            assert!(sent == bytes.len(), "a packet is sent whole");
            return Ok(());
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

/// Receives one message into `buf`.
///
/// A peer that ends while messages to it lie unread makes the kernel say "reset" once, ahead of what
/// the peer said last. Its last words still count: they are received, and then the end.
///
/// # Errors
/// `WouldBlock` on an empty non-blocking socket; `InvalidData` if the message was larger than `buf`
/// or carried more than [`MAX_FDS`] descriptors (those that came are closed).
pub fn recv(fd: BorrowedFd<'_>, buf: &mut [u8]) -> io::Result<Received> {
    let mut fds = Vec::new();
    let len = recv_each(fd, buf, |fd| fds.push(fd)).map_err(in_words)?;
    Ok(Received { len, fds })
}

fn in_words(error: io::Error) -> io::Error {
    if error.kind() != io::ErrorKind::InvalidData {
        return error;
    }
    io::Error::new(error.kind(), "the peer sent a message larger than this border allows")
}

/// The same without allocating: the first `N` descriptors go to `fds`, any further ones are closed.
/// Returns the message's length, and how many descriptors came.
///
/// # Errors
/// As [`recv`].
pub fn recv_few<const N: usize>(
    fd: BorrowedFd<'_>,
    buf: &mut [u8],
    fds: &mut [Option<OwnedFd>; N],
) -> io::Result<(usize, usize)> {
    let mut count = 0;
    let len = recv_each(fd, buf, |fd| {
        if let Some(place) = fds.get_mut(count) {
            *place = Some(fd);
        }
        count += 1;
    })?;
    Ok((len, count))
}

fn recv_each(fd: BorrowedFd<'_>, buf: &mut [u8], mut each: impl FnMut(OwnedFd)) -> io::Result<usize> {
    let mut control = Control([0; CONTROL]);
    let mut vector = libc::iovec { iov_base: buf.as_mut_ptr().cast(), iov_len: buf.len() };
    // SAFETY: all zeros is a valid msghdr.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    header.msg_iov = &raw mut vector;
    header.msg_iovlen = 1;
    header.msg_control = control.0.as_mut_ptr().cast();
    header.msg_controllen = CONTROL as _;
    let mut reset = false;
    let len = loop {
        // SAFETY: `header` points at `buf` and `control`, which outlive the call.
        let got =
            unsafe { libc::recvmsg(fd.as_raw_fd(), &raw mut header, libc::MSG_CMSG_CLOEXEC) };
        if let Ok(got) = usize::try_from(got) {
            break got;
        }
        let error = io::Error::last_os_error();
        if error.kind() == io::ErrorKind::ConnectionReset && !reset {
            reset = true;
        } else if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    };
    if header.msg_flags & (libc::MSG_TRUNC | libc::MSG_CTRUNC) != 0 {
        received_fds(&header, drop);
        return Err(io::Error::from(io::ErrorKind::InvalidData));
    }
    received_fds(&header, &mut each);
    Ok(len)
}

/// Owns every descriptor of the control data, also after a truncation.
fn received_fds(header: &libc::msghdr, mut each: impl FnMut(OwnedFd)) {
    // SAFETY: the kernel has filled the control buffer of `header` and set its length; the CMSG
    // functions stay within it. Each number was made for us by this very call.
    unsafe {
        let mut message = libc::CMSG_FIRSTHDR(header);
        while !message.is_null() {
            if (*message).cmsg_level == libc::SOL_SOCKET && (*message).cmsg_type == libc::SCM_RIGHTS
            {
                let bytes = (*message).cmsg_len as usize - libc::CMSG_LEN(0) as usize;
                let data = libc::CMSG_DATA(message).cast::<RawFd>();
                for index in 0..bytes.min(FD_BYTES) / size_of::<RawFd>() {
                    each(OwnedFd::from_raw_fd(data.add(index).read_unaligned()));
                }
            }
            message = libc::CMSG_NXTHDR(header, message);
        }
    }
}

fn fresh() -> io::Result<OwnedFd> {
    let fd = socket::socket(
        AddressFamily::Unix,
        SockType::SeqPacket,
        SockFlag::SOCK_CLOEXEC,
        None,
    )?;
    enlarge(&fd);
    Ok(fd)
}

/// A listening socket at `path`, which must not exist yet.
///
/// # Errors
/// `AddrInUse` if `path` exists; those of the file system.
pub fn listen(path: &Path) -> io::Result<OwnedFd> {
    let fd = fresh()?;
    socket::bind(fd.as_raw_fd(), &UnixAddr::new(path)?)?;
    socket::listen(&fd, Backlog::new(64)?)?;
    Ok(fd)
}

/// One waiting connection, blocking and close-on-exec.
///
/// # Errors
/// `WouldBlock` if the listener is non-blocking and nobody waits.
pub fn accept(listener: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    // SAFETY: no address is asked for.
    let fd = owned(unsafe {
        libc::accept4(
            listener.as_raw_fd(),
            std::ptr::null_mut(),
            std::ptr::null_mut(),
            libc::SOCK_CLOEXEC,
        )
    })?;
    enlarge(&fd);
    Ok(fd)
}

/// Connects to the listener at `path`.
///
/// # Errors
/// `NotFound`, `ConnectionRefused`, `PermissionDenied` as the kernel gives them.
pub fn connect(path: &Path) -> io::Result<OwnedFd> {
    let fd = fresh()?;
    socket::connect(fd.as_raw_fd(), &UnixAddr::new(path)?)?;
    Ok(fd)
}

/// Process, user and group of whoever made the other end, as the kernel noted it then.
///
/// # Errors
/// The kernel's, if `fd` is not a Unix socket.
pub fn peer_credentials(fd: BorrowedFd<'_>) -> io::Result<(i32, u32, u32)> {
    let seen = socket::getsockopt(&fd, socket::sockopt::PeerCredentials)?;
    Ok((seen.pid(), seen.uid(), seen.gid()))
}

/// Sets or clears `O_NONBLOCK` (shared by all copies of the descriptor). Uses `fcntl`, which the
/// sandboxes allow, not `ioctl`.
///
/// # Errors
/// None that a living descriptor gives.
pub fn set_nonblocking(fd: BorrowedFd<'_>, on: bool) -> io::Result<()> {
    // SAFETY: F_GETFL and F_SETFL take integers only.
    let old = check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GETFL) })?;
    let new = if on { old | libc::O_NONBLOCK } else { old & !libc::O_NONBLOCK };
    // SAFETY: as above.
    check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFL, new) }).map(|_| ())
}
