//! Netlink: links, addresses, routes and filters, as complete messages and the reading of answers.
//!
//! A message is built once and may be sent any number of times: `zones` builds and sends, the guardian builds
//! at its start and later only sends. What is wanted is decided elsewhere: this crate must never decide
//! anything, block, or panic on an answer, whatever bytes it has; [`Socket::ask`] and what reads single
//! answers ([`link::is_up`], [`filter::drops`]) must never allocate. The published netlink crates build on
//! tokio, or allocate on each send. Proof: `tests/kernel.rs` (the kernel, `ip` and `nft` agree),
//! `tests/allocation.rs` (none), `appliance/proof/oracles/src/netlink.rs` (hostile bytes).
#![forbid(unsafe_code)]

pub mod address;
mod answer;
pub mod filter;
pub mod link;
mod message;
pub mod route;

pub use answer::{Part, Question};
use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// A buffer of so many bytes takes the answer to any question about one thing, such as one link.
pub const ANSWER_BYTES: usize = 8 * 1024;
/// A buffer of so many bytes takes a list of some hundreds of things, all in one.
pub const LIST_BYTES: usize = 256 * 1024;
/// Datagrams that are read for one answer, at most.
const DATAGRAMS_MAX: usize = 1024;

/// What a socket speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Links, addresses, routes (rtnetlink(7)).
    Route,
    /// Filters (nf_tables).
    Netfilter,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The kernel refuses, with this error code.
    Os(i32),
    /// Request or answer is not what it has to be, or the answer is longer than the buffer.
    Malformed,
    /// The kernel said nothing.
    NoAnswer,
}

impl Fault {
    /// EEXIST: what was to be added is there.
    pub const EXISTS: Self = Self::Os(17);
    /// ENODEV: there is no such link.
    pub const NO_DEVICE: Self = Self::Os(19);
    /// EINTR: what was listed changed meanwhile; the same question again.
    pub const CHANGED: Self = Self::Os(4);
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Os(code) => write!(out, "{}", io::Error::from_raw_os_error(*code)),
            Self::Malformed => out.write_str("the kernel's answer cannot be read"),
            Self::NoAnswer => out.write_str("the kernel gave no answer"),
        }
    }
}

impl std::error::Error for Fault {}

/// A netlink socket, bound for good to the network namespace in which it was opened.
#[derive(Debug)]
pub struct Socket(OwnedFd);

impl Socket {
    /// A socket of the caller's present network namespace, close-on-exec.
    ///
    /// # Errors
    /// The kernel's: EPROTONOSUPPORT where it has no nf_tables.
    pub fn open(family: Family) -> io::Result<Self> {
        let protocol = match family {
            Family::Route => os::netlink::ROUTE,
            Family::Netfilter => os::netlink::NETFILTER,
        };
        os::netlink::open(protocol).map(Self)
    }

    /// Sends a complete request and reads to the end of its answer: how many bytes of `buffer` it fills, whole
    /// messages; 0 for a mere acknowledgement. The kernel does what is asked inside the sending, so that
    /// nothing is waited for. What lies there of earlier requests is thrown away. Does not allocate.
    ///
    /// # Errors
    /// [`Fault`]: nothing is known then of what was done, unless it is [`Fault::Os`].
    pub fn ask(&self, request: &[u8], buffer: &mut [u8]) -> Result<usize, Fault> {
        let question = Question::of(request).ok_or(Fault::Malformed)?;
        for _ in 0..DATAGRAMS_MAX {
            // Also where some were lost: of an earlier answer that does not matter now.
            if matches!(os::netlink::receive(self.0.as_fd(), buffer), Ok(None)) {
                break;
            }
        }
        os::netlink::send(self.0.as_fd(), request).map_err(Fault::Os)?;
        let mut filled = 0;
        for _ in 0..DATAGRAMS_MAX {
            let free = buffer.get_mut(filled..).unwrap_or_default();
            let Some(datagram) = os::netlink::receive(self.0.as_fd(), free).map_err(Fault::Os)? else { break };
            if !datagram.from_kernel {
                continue;
            }
            let seen = free.get(..datagram.length).ok_or(Fault::Malformed)?;
            let part = question.read(seen)?;
            filled += part.bytes;
            if part.last {
                return Ok(filled);
            }
        }
        Err(Fault::NoAnswer)
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
