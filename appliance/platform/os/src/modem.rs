//! The control lines of a serial port, and the BREAKs that it has seen; nothing of what it reads.

use crate::check;
use std::ffi::c_int;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// A line that a wired contact can close.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    /// Clear to send.
    Cts,
    /// Data set ready.
    Dsr,
}

/// Whether the line is closed (TIOCMGET).
///
/// # Errors
/// The kernel's; EIO once the port is gone.
pub fn is_closed(port: BorrowedFd<'_>, line: Line) -> io::Result<bool> {
    let mut bits: c_int = 0;
    // SAFETY: the call fills one int.
    check(unsafe { libc::ioctl(port.as_raw_fd(), libc::TIOCMGET, &raw mut bits) })?;
    let bit = match line {
        Line::Cts => libc::TIOCM_CTS,
        Line::Dsr => libc::TIOCM_DSR,
    };
    Ok(bits & bit != 0)
}

/// `struct serial_icounter_struct` (linux/serial.h).
#[repr(C)]
#[derive(Default)]
struct Counters {
    cts: c_int,
    dsr: c_int,
    rng: c_int,
    dcd: c_int,
    rx: c_int,
    tx: c_int,
    frame: c_int,
    overrun: c_int,
    parity: c_int,
    brk: c_int,
    buf_overrun: c_int,
    reserved: [c_int; 9],
}

/// How many BREAKs the port has seen (TIOCGICOUNT): whoever reads the port reads on undisturbed.
///
/// # Errors
/// The kernel's; ENOTTY where the port does not count.
pub fn breaks(port: BorrowedFd<'_>) -> io::Result<u32> {
    let mut counters = Counters::default();
    // SAFETY: the call fills one `serial_icounter_struct`.
    check(unsafe { libc::ioctl(port.as_raw_fd(), libc::TIOCGICOUNT, &raw mut counters) })?;
    Ok(counters.brk.cast_unsigned())
}
