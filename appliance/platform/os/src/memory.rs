//! Memory that is given back, and memory that never reaches a disk.

use crate::check;
use std::io;

/// Gives free heap pages back to the kernel (glibc's `malloc_trim`; nothing elsewhere).
pub fn trim() {
    #[cfg(target_env = "gnu")]
    // SAFETY: takes an integer only.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Keeps the pages under `key` in memory and out of core dumps. Whole pages are locked, and never
/// unlocked: other keys may share them. `RLIMIT_MEMLOCK` has to allow it.
///
/// # Errors
/// `OutOfMemory` or EPERM when the limit does not allow it.
pub fn lock_key(key: &mut [u8]) -> io::Result<()> {
    // SAFETY: the range is a valid slice; locking changes no content.
    check(unsafe { libc::mlock(key.as_ptr().cast(), key.len()) })?;
    Ok(())
}

/// Tries to map a page that can be executed. The sandbox tests use it to show that it is refused.
///
/// # Errors
/// What the kernel answers.
pub fn try_executable_page() -> io::Result<()> {
    let protection = libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    // SAFETY: a fresh anonymous mapping, unmapped again untouched.
    unsafe {
        let page = libc::mmap(std::ptr::null_mut(), 4096, protection, flags, -1, 0);
        if page == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        check(libc::munmap(page, 4096))?;
    }
    Ok(())
}
