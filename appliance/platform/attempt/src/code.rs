//! Other code: programs and memory that holds one.

use crate::owned;
use std::ffi::{CStr, CString};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// `execve` of `path` with one argument. Returns only if it could not.
#[must_use]
pub fn execute(path: &Path, argument: &CStr) -> io::Error {
    let Ok(path) = CString::new(path.as_os_str().as_bytes()) else { return io::ErrorKind::InvalidInput.into() };
    let arguments = [path.as_ptr(), argument.as_ptr(), std::ptr::null()];
    let environment = [std::ptr::null()];
    // SAFETY: strings and lists end as they must and outlive the call.
    unsafe { libc::execve(path.as_ptr(), arguments.as_ptr(), environment.as_ptr()) };
    io::Error::last_os_error()
}

/// `execveat` of an opened file with one argument. Returns only if it could not.
#[must_use]
pub fn execute_file(file: BorrowedFd<'_>, argument: &CStr) -> io::Error {
    let arguments = [c"taken-over".as_ptr(), argument.as_ptr(), std::ptr::null()];
    let environment: [*const libc::c_char; 1] = [std::ptr::null()];
    // SAFETY: strings and lists end as they must and outlive the call.
    unsafe {
        libc::syscall(
            libc::SYS_execveat,
            file.as_raw_fd(),
            c"".as_ptr(),
            arguments.as_ptr(),
            environment.as_ptr(),
            libc::AT_EMPTY_PATH,
        )
    };
    io::Error::last_os_error()
}

/// A memory file with `bytes` that may be executed.
///
/// # Errors
/// What the kernel answers.
pub fn memory_file(bytes: &[u8]) -> io::Result<OwnedFd> {
    // Not close-on-exec: a script's interpreter opens it by its number.
    let flags = libc::MFD_EXEC;
    // SAFETY: the name is a valid C string.
    let mut file = File::from(owned(unsafe { libc::memfd_create(c"code".as_ptr(), flags) }.into())?);
    file.write_all(bytes)?;
    Ok(file.into())
}
