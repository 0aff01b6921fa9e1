//! A terminal on a descriptor that we were given: raw mode, size, and that nobody switches screens.

use crate::check;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd};

/// `KDGETMODE` of linux/kd.h: only a virtual console answers it.
const KDGETMODE: libc::Ioctl = 0x4B3B;
/// `VT_LOCKSWITCH` of linux/vt.h.
const VT_LOCKSWITCH: libc::Ioctl = 0x560B;

/// How a terminal was set.
#[derive(Clone, Copy)]
pub struct Settings(libc::termios);

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Settings")
    }
}

/// How it is set.
///
/// # Errors
/// `ENOTTY` where it is no terminal.
pub fn settings(tty: BorrowedFd<'_>) -> io::Result<Settings> {
    let mut settings = MaybeUninit::uninit();
    // SAFETY: `settings` is valid for writing one structure.
    check(unsafe { libc::tcgetattr(tty.as_raw_fd(), settings.as_mut_ptr()) })?;
    // SAFETY: the call has filled it in.
    Ok(Settings(unsafe { settings.assume_init() }))
}

/// Sets it at once; what was typed and not read stays.
///
/// # Errors
/// `ENOTTY` where it is no terminal.
pub fn set(tty: BorrowedFd<'_>, settings: &Settings) -> io::Result<()> {
    // SAFETY: the structure is valid for reading.
    check(unsafe { libc::tcsetattr(tty.as_raw_fd(), libc::TCSANOW, &raw const settings.0) }).map(|_| ())
}

/// Each byte comes as it is typed; no key is a signal, nothing is echoed, nothing stops the output.
///
/// # Errors
/// `ENOTTY` where it is no terminal. Returns how it was set before.
pub fn raw(tty: BorrowedFd<'_>) -> io::Result<Settings> {
    let before = settings(tty)?;
    let mut raw = before;
    // SAFETY: the structure is valid for reading and writing.
    unsafe { libc::cfmakeraw(&raw mut raw.0) };
    // Not even by another end of the line.
    raw.0.c_iflag &= !(libc::IXON | libc::IXOFF | libc::IXANY | libc::BRKINT);
    raw.0.c_iflag |= libc::IGNBRK;
    set(tty, &raw)?;
    Ok(before)
}

/// Columns and rows.
///
/// # Errors
/// `ENOTTY` where it is no terminal.
pub fn size(tty: BorrowedFd<'_>) -> io::Result<(u16, u16)> {
    let mut size = MaybeUninit::<libc::winsize>::uninit();
    // SAFETY: `size` is valid for writing one structure.
    check(unsafe { libc::ioctl(tty.as_raw_fd(), libc::TIOCGWINSZ, size.as_mut_ptr()) })?;
    // SAFETY: the call has filled it in.
    let size = unsafe { size.assume_init() };
    Ok((size.ws_col, size.ws_row))
}

/// Whether it is a virtual console: a screen and a keyboard of this machine.
pub fn is_virtual(tty: BorrowedFd<'_>) -> bool {
    let mut mode: libc::c_int = 0;
    // SAFETY: `mode` is valid for writing one integer.
    check(unsafe { libc::ioctl(tty.as_raw_fd(), KDGETMODE, &raw mut mode) }).is_ok()
}

/// Nobody switches to another virtual console any more, until the next boot or `VT_UNLOCKSWITCH`.
///
/// # Errors
/// `PermissionDenied` without `CAP_SYS_TTY_CONFIG`.
pub fn lock_switching(tty: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: takes integers only.
    check(unsafe { libc::ioctl(tty.as_raw_fd(), VT_LOCKSWITCH, 1) }).map(|_| ())
}

/// Sets or clears that reads and writes wait. It holds for everybody who shares the terminal's description.
///
/// # Errors
/// None that a living descriptor gives.
pub fn set_nonblocking(tty: BorrowedFd<'_>, on: bool) -> io::Result<()> {
    // SAFETY: takes integers only.
    let flags = check(unsafe { libc::fcntl(tty.as_raw_fd(), libc::F_GETFL) })?;
    let flags = if on { flags | libc::O_NONBLOCK } else { flags & !libc::O_NONBLOCK };
    // SAFETY: takes integers only.
    check(unsafe { libc::fcntl(tty.as_raw_fd(), libc::F_SETFL, flags) }).map(|_| ())
}
