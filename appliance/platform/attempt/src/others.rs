//! Other processes: their memory, their descriptors, their lives.

use crate::{check, owned};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

/// `process_vm_readv` of `buffer.len()` bytes at `address` of `pid`.
///
/// # Errors
/// What the kernel answers.
pub fn read_memory(pid: i32, address: usize, buffer: &mut [u8]) -> io::Result<()> {
    let here = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    let there = libc::iovec { iov_base: std::ptr::without_provenance_mut(address), iov_len: buffer.len() };
    // SAFETY: `here` is our buffer; `there` is in the other process and never used in this one.
    let read = unsafe { libc::process_vm_readv(pid, &raw const here, 1, &raw const there, 1, 0) };
    check(read as libc::c_long).map(|_| ())
}

/// `PTRACE_SEIZE`: the other is traced until this process ends.
///
/// # Errors
/// What the kernel answers.
pub fn ptrace(pid: i32) -> io::Result<()> {
    let nothing = std::ptr::null_mut::<libc::c_void>();
    // SAFETY: takes integers and null pointers.
    check(unsafe { libc::ptrace(libc::PTRACE_SEIZE, pid, nothing, nothing) }).map(|_| ())
}

/// `kill` with SIGWINCH, which does no harm.
///
/// # Errors
/// What the kernel answers.
pub fn kill(pid: i32) -> io::Result<()> {
    // SAFETY: takes integers only.
    check(unsafe { libc::kill(pid, libc::SIGWINCH) }.into()).map(|_| ())
}

/// `tgkill` with SIGABRT, the one signal that the filters know: the other dies.
///
/// # Errors
/// What the kernel answers.
pub fn abort(pid: i32) -> io::Result<()> {
    // SAFETY: takes integers only.
    check(unsafe { libc::syscall(libc::SYS_tgkill, pid, pid, libc::SIGABRT) }).map(|_| ())
}

/// `pidfd_open`.
///
/// # Errors
/// What the kernel answers.
pub fn open_process(pid: i32) -> io::Result<OwnedFd> {
    // SAFETY: takes integers only.
    owned(unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) })
}

/// `pidfd_getfd` of the other's descriptor `number`.
///
/// # Errors
/// What the kernel answers.
pub fn take_descriptor(process: BorrowedFd<'_>, number: i32) -> io::Result<OwnedFd> {
    // SAFETY: takes integers only.
    owned(unsafe { libc::syscall(libc::SYS_pidfd_getfd, process.as_raw_fd(), number, 0) })
}
