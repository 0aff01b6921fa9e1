//! The table of open descriptors of this process.

use crate::check;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Mutex;

/// All open numbers, in order (the one that reads the list is left out).
///
/// # Errors
/// If /proc is not there.
pub fn open_numbers() -> io::Result<Vec<i32>> {
    let mut numbers = Vec::new();
    for entry in std::fs::read_dir("/proc/self/fd")? {
        if let Some(number) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) {
            numbers.push(number);
        }
    }
    // The directory handle that did the listing is closed by now: only what is still open stays.
    // SAFETY: F_GETFD takes a number only.
    numbers.retain(|number: &i32| unsafe { libc::fcntl(*number, libc::F_GETFD) } != -1);
    numbers.sort_unstable();
    Ok(numbers)
}

/// Closes every descriptor that is not in `keep`. For the very start of a process only: whoever
/// owns one of the closed ones would later close a stranger.
///
/// # Errors
/// If the kernel has no `close_range`.
pub fn close_except(keep: &[i32]) -> io::Result<()> {
    let mut keep: Vec<u32> = keep.iter().filter_map(|number| u32::try_from(*number).ok()).collect();
    keep.sort_unstable();
    keep.dedup();
    let mut first = 0;
    for number in keep {
        if number > first {
            close_range(first, number - 1)?;
        }
        first = number + 1;
    }
    close_range(first, u32::MAX)
}

fn close_range(first: u32, last: u32) -> io::Result<()> {
    // SAFETY: closes numbers; the contract about owners is the caller's, stated above.
    let result = unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) };
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

static TAKEN: Mutex<Vec<RawFd>> = Mutex::new(Vec::new());

/// Takes ownership of an inherited descriptor and makes it close-on-exec.
///
/// # Panics
/// If the number is taken a second time, or is not open: both are bugs of the caller, since the
/// start-up checks have run.
#[must_use]
pub fn from_raw(number: i32) -> OwnedFd {
    let mut taken = TAKEN.lock().expect("nobody panics while holding this lock");
    let fresh = !taken.contains(&number);
    if fresh {
        taken.push(number);
    }
    drop(taken);
    assert!(fresh, "descriptor {number} is taken twice");
    // SAFETY: takes integers only.
    let set = check(unsafe { libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC) });
    assert!(set.is_ok(), "descriptor {number} was not inherited");
    // SAFETY: open, and handed out once in this process.
    unsafe { OwnedFd::from_raw_fd(number) }
}

/// Reads what is there into `buffer`; 0 is the end. Does not allocate.
///
/// # Errors
/// `WouldBlock` if nothing is there and the descriptor does not wait; the kernel's.
pub fn read(fd: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize> {
    // SAFETY: the buffer is valid for its length.
    let got = unsafe { libc::read(fd.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len()) };
    usize::try_from(got).map_err(|_| io::Error::last_os_error())
}

/// Opens a device for its calls: it does not become the process's terminal, and nothing waits for it.
///
/// # Errors
/// The kernel's.
pub fn open_device(path: &Path, write: bool) -> io::Result<OwnedFd> {
    let flags = libc::O_NOCTTY | libc::O_NONBLOCK;
    Ok(std::fs::File::options().read(true).write(write).custom_flags(flags).open(path)?.into())
}
