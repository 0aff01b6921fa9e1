//! Memory that runs.

use crate::check;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

const PAGE: usize = 4096;

/// A writable page.
#[derive(Debug)]
pub struct Page(*mut libc::c_void);

impl Page {
    /// Maps it.
    ///
    /// # Errors
    /// What the kernel answers.
    pub fn new() -> io::Result<Self> {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        // SAFETY: a fresh anonymous mapping.
        let page = unsafe { libc::mmap(std::ptr::null_mut(), PAGE, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0) };
        if page == libc::MAP_FAILED { Err(io::Error::last_os_error()) } else { Ok(Self(page)) }
    }

    /// Makes it run.
    ///
    /// # Errors
    /// What the kernel answers.
    pub fn make_executable(&self) -> io::Result<()> {
        // SAFETY: the page is ours.
        check(unsafe { libc::mprotect(self.0, PAGE, libc::PROT_READ | libc::PROT_EXEC) }.into()).map(|_| ())
    }
}

fn map(fd: BorrowedFd<'_>, protection: libc::c_int, flags: libc::c_int) -> io::Result<()> {
    // SAFETY: a fresh mapping, unmapped again untouched.
    unsafe {
        let page = libc::mmap(std::ptr::null_mut(), PAGE, protection, flags, fd.as_raw_fd(), 0);
        if page == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        check(libc::munmap(page, PAGE).into()).map(|_| ())
    }
}

/// Maps the first page of a file as code, as a loader does.
///
/// # Errors
/// What the kernel answers.
pub fn map_code(file: BorrowedFd<'_>) -> io::Result<()> {
    map(file, libc::PROT_READ | libc::PROT_EXEC, libc::MAP_PRIVATE)
}

/// Maps a descriptor, such as a connection, to read it.
///
/// # Errors
/// What the kernel answers.
pub fn map_shared(fd: BorrowedFd<'_>) -> io::Result<()> {
    map(fd, libc::PROT_READ, libc::MAP_SHARED)
}
