//! A small note that a folder carries: an extended attribute. On a cgroup folder it lives as long as the
//! boot does.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// Writes it.
///
/// # Errors
/// `Unsupported` where the file system has none; the kernel's for missing rights.
pub fn set(fd: BorrowedFd<'_>, name: &CStr, value: &[u8]) -> io::Result<()> {
    // SAFETY: name and value are valid for the lengths given.
    crate::check(unsafe { libc::fsetxattr(fd.as_raw_fd(), name.as_ptr(), value.as_ptr().cast(), value.len(), 0) })
        .map(|_| ())
}

/// Reads it, at most 64 bytes; nothing where there is none.
///
/// # Errors
/// As [`set`]; ERANGE for a longer one.
pub fn get(fd: BorrowedFd<'_>, name: &CStr) -> io::Result<Option<Vec<u8>>> {
    let mut value = vec![0; 64];
    // SAFETY: name is a C string; value is valid for its length.
    let got = unsafe { libc::fgetxattr(fd.as_raw_fd(), name.as_ptr(), value.as_mut_ptr().cast(), value.len()) };
    if let Ok(length) = usize::try_from(got) {
        value.truncate(length);
        return Ok(Some(value));
    }
    let error = io::Error::last_os_error();
    if error.raw_os_error() == Some(libc::ENODATA) { Ok(None) } else { Err(error) }
}
