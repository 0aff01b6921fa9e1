//! Waiting for several descriptors at once (epoll, level-triggered).

use crate::{check, owned};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::Duration;

/// A set of watched descriptors.
#[derive(Debug)]
pub struct Poll(OwnedFd);

/// What one descriptor is ready for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ready {
    /// The caller's own name for the descriptor.
    pub token: u64,
    /// Reading will not block (also at end of stream).
    pub readable: bool,
    /// Writing will not block.
    pub writable: bool,
    /// The peer has closed, or the descriptor failed.
    pub hangup: bool,
}

/// How many events one wait reports at most; the rest come with the next.
const BATCH: usize = 64;

impl Poll {
    /// An empty set.
    ///
    /// # Errors
    /// The kernel's, when descriptors run out.
    pub fn new() -> io::Result<Self> {
        // SAFETY: takes an integer only.
        owned(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) }).map(Self)
    }

    fn control(&self, operation: i32, fd: BorrowedFd<'_>, events: i32, token: u64) -> io::Result<()> {
        let mut event = libc::epoll_event { events: events.cast_unsigned(), u64: token };
        // SAFETY: `event` is valid for the call.
        let result = unsafe {
            libc::epoll_ctl(self.0.as_raw_fd(), operation, fd.as_raw_fd(), &raw mut event)
        };
        check(result).map(|_| ())
    }

    /// Watches `fd` under `token`. Hang-up is always watched.
    ///
    /// # Errors
    /// `AlreadyExists` if it is watched; `PermissionDenied` for plain files.
    pub fn add(&self, fd: impl AsFd, token: u64, readable: bool, writable: bool) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_ADD, fd.as_fd(), mask(readable, writable), token)
    }

    /// Changes what is watched.
    ///
    /// # Errors
    /// `NotFound` if it is not watched.
    pub fn modify(&self, fd: impl AsFd, token: u64, readable: bool, writable: bool) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_MOD, fd.as_fd(), mask(readable, writable), token)
    }

    /// Stops watching. Do it before handing a descriptor on: its copy elsewhere keeps the watch alive.
    ///
    /// # Errors
    /// `NotFound` if it is not watched.
    pub fn remove(&self, fd: impl AsFd) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_DEL, fd.as_fd(), 0, 0)
    }

    /// Replaces the contents of `ready` with what is ready now, waiting up to `timeout` (rounded up
    /// to a millisecond; `None` waits for ever). Empty means that the time is up or a signal came.
    ///
    /// # Errors
    /// None that a living set gives.
    pub fn wait(&self, ready: &mut Vec<Ready>, timeout: Option<Duration>) -> io::Result<()> {
        ready.clear();
        let millis = match timeout {
            None => -1,
            Some(time) => i32::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(i32::MAX),
        };
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; BATCH];
        // SAFETY: `events` is valid for BATCH entries.
        let got = unsafe {
            libc::epoll_wait(self.0.as_raw_fd(), events.as_mut_ptr(), BATCH as i32, millis)
        };
        let got = match check(got) {
            Ok(got) => usize::try_from(got).expect("a count is not negative"),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
            Err(error) => return Err(error),
        };
        ready.extend(events[..got].iter().map(|event| {
            let bits = event.events.cast_signed();
            Ready {
                token: event.u64,
                readable: bits & libc::EPOLLIN != 0,
                writable: bits & libc::EPOLLOUT != 0,
                hangup: bits & (libc::EPOLLHUP | libc::EPOLLRDHUP | libc::EPOLLERR) != 0,
            }
        }));
        Ok(())
    }
}

impl AsFd for Poll {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

fn mask(readable: bool, writable: bool) -> i32 {
    let mut mask = libc::EPOLLRDHUP;
    if readable {
        mask |= libc::EPOLLIN;
    }
    if writable {
        mask |= libc::EPOLLOUT;
    }
    mask
}
