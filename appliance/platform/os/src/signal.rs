//! The system's request to end, as a descriptor: a loop hears it between two messages.

use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

/// Readable once the process was asked to end (SIGTERM).
#[derive(Debug)]
pub struct Terminated(SignalFd);

impl Terminated {
    /// From now on SIGTERM no longer ends this thread, nor those that it starts later.
    ///
    /// # Errors
    /// The kernel's, when descriptors run out.
    pub fn new() -> io::Result<Self> {
        let mut signals = SigSet::empty();
        signals.add(Signal::SIGTERM);
        signals.thread_block()?;
        Ok(Self(SignalFd::with_flags(&signals, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?))
    }
}

impl AsFd for Terminated {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
