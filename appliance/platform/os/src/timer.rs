//! A timer that is a descriptor, on the clock that counts sleep.

use crate::{check, owned};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::Duration;

/// One-shot timer on `CLOCK_BOOTTIME`; readable once it has fired.
#[derive(Debug)]
pub struct Timer(OwnedFd);

impl Timer {
    /// A disarmed, non-blocking timer.
    ///
    /// # Errors
    /// The kernel's, when descriptors run out.
    pub fn new() -> io::Result<Self> {
        // SAFETY: takes two integers only.
        let made = unsafe {
            libc::timerfd_create(libc::CLOCK_BOOTTIME, libc::TFD_CLOEXEC | libc::TFD_NONBLOCK)
        };
        owned(made).map(Self)
    }

    /// Fires once boot time reaches `at` (see [`crate::clock::boottime`]); at once if it has.
    ///
    /// # Errors
    /// `InvalidInput` if `at` lies beyond what the kernel can express.
    pub fn arm(&self, at: Duration) -> io::Result<()> {
        // All zeros would disarm: time zero has long passed, so one nanosecond is the same.
        let at = at.max(Duration::from_nanos(1));
        let seconds = libc::time_t::try_from(at.as_secs())
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "timer beyond the clock"))?;
        self.set(libc::timespec { tv_sec: seconds, tv_nsec: at.subsec_nanos().into() })
    }

    /// Stops the timer; a firing that nobody has read is forgotten too.
    ///
    /// # Errors
    /// None that a living timer gives.
    pub fn disarm(&self) -> io::Result<()> {
        self.set(libc::timespec { tv_sec: 0, tv_nsec: 0 })
    }

    fn set(&self, value: libc::timespec) -> io::Result<()> {
        let zero = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        let spec = libc::itimerspec { it_interval: zero, it_value: value };
        // SAFETY: `spec` is valid for reading; no old value is asked for.
        let result = unsafe {
            libc::timerfd_settime(
                self.0.as_raw_fd(),
                libc::TFD_TIMER_ABSTIME,
                &raw const spec,
                std::ptr::null_mut(),
            )
        };
        check(result).map(|_| ())
    }

    /// Whether it has fired since the last call; makes it unreadable again.
    ///
    /// # Errors
    /// None that a living timer gives.
    pub fn acknowledge(&self) -> io::Result<bool> {
        let mut count = [0_u8; 8];
        // SAFETY: `count` is valid for eight bytes.
        let got = unsafe { libc::read(self.0.as_raw_fd(), count.as_mut_ptr().cast(), 8) };
        if got == 8 {
            return Ok(true);
        }
        let error = io::Error::last_os_error();
        if error.kind() == io::ErrorKind::WouldBlock { Ok(false) } else { Err(error) }
    }
}

impl AsFd for Timer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
