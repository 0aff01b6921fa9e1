//! Namespaces, mounts and users.

use crate::check;
use std::ffi::CString;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Which namespace is wanted anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Space {
    /// None: a plain child.
    Same,
    /// Users.
    User,
    /// Network.
    Network,
}

impl Space {
    fn flag(self) -> libc::c_int {
        match self {
            Self::Same => 0,
            Self::User => libc::CLONE_NEWUSER,
            Self::Network => libc::CLONE_NEWNET,
        }
    }
}

fn text(path: &Path) -> io::Result<CString> {
    Ok(CString::new(path.as_os_str().as_bytes())?)
}

/// Mounts an empty tmpfs.
///
/// # Errors
/// What the kernel answers.
pub fn mount(folder: &Path) -> io::Result<()> {
    let folder = text(folder)?;
    let kind = c"tmpfs".as_ptr();
    // SAFETY: strings outlive the call; tmpfs takes no data.
    check(unsafe { libc::mount(kind, folder.as_ptr(), kind, 0, std::ptr::null()) }.into()).map(|_| ())
}

/// Unmounts, also what is busy.
///
/// # Errors
/// What the kernel answers.
pub fn unmount(folder: &Path) -> io::Result<()> {
    let folder = text(folder)?;
    // SAFETY: the string outlives the call.
    check(unsafe { libc::umount2(folder.as_ptr(), libc::MNT_DETACH) }.into()).map(|_| ())
}

/// `unshare` of one namespace.
///
/// # Errors
/// What the kernel answers.
pub fn leave(space: Space) -> io::Result<()> {
    // SAFETY: takes an integer only.
    check(unsafe { libc::unshare(space.flag()) }.into()).map(|_| ())
}

/// A child that was never meant to live ends; its parent does not wait for it, which would be one more
/// call, and perhaps the one that is refused.
fn settle(pid: i32) {
    if pid == 0 {
        // SAFETY: ends the child at once, with nothing of its parent's run.
        unsafe { libc::_exit(0) };
    }
}

/// A child by `clone`, with libc's flags of a fork and the namespace.
///
/// # Errors
/// What the kernel answers.
pub fn fork(space: Space) -> io::Result<()> {
    let mut word: libc::pid_t = 0;
    let flags = libc::CLONE_CHILD_SETTID | libc::CLONE_CHILD_CLEARTID | libc::SIGCHLD | space.flag();
    let (none, child) = (std::ptr::null_mut::<libc::c_void>(), &raw mut word);
    // The order of the last two differs: x86-64 takes the child's word fourth, others fifth.
    #[cfg(target_arch = "x86_64")]
    // SAFETY: without a new stack or shared memory it is a fork; the child ends at once.
    let pid = unsafe { libc::syscall(libc::SYS_clone, flags as libc::c_long, none, none, child, none) };
    #[cfg(not(target_arch = "x86_64"))]
    // SAFETY: as above.
    let pid = unsafe { libc::syscall(libc::SYS_clone, flags as libc::c_long, none, none, none, child) };
    check(pid).map(settle)
}

/// A child by `clone3` in a new user namespace.
///
/// # Errors
/// What the kernel answers.
pub fn fork_by_clone3() -> io::Result<()> {
    // SAFETY: all zeros is a valid clone_args.
    let mut wanted: libc::clone_args = unsafe { std::mem::zeroed() };
    wanted.flags = libc::CLONE_NEWUSER as u64;
    wanted.exit_signal = libc::SIGCHLD as u64;
    // SAFETY: as in `fork`; the structure outlives the call.
    let pid = unsafe { libc::syscall(libc::SYS_clone3, &raw const wanted, size_of::<libc::clone_args>()) };
    check(pid).map(settle)
}

/// `setns` into a network namespace.
///
/// # Errors
/// What the kernel answers.
pub fn enter(space: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: takes integers only.
    check(unsafe { libc::setns(space.as_raw_fd(), libc::CLONE_NEWNET) }.into()).map(|_| ())
}

/// `setresuid` of this thread.
///
/// # Errors
/// What the kernel answers.
pub fn become_user(uid: u32) -> io::Result<()> {
    // SAFETY: takes integers only. The raw call: libc's talks to other threads.
    check(unsafe { libc::syscall(libc::SYS_setresuid, uid, uid, uid) }).map(|_| ())
}

/// `chroot`.
///
/// # Errors
/// What the kernel answers.
pub fn change_root(folder: &Path) -> io::Result<()> {
    let folder = text(folder)?;
    // SAFETY: the string outlives the call.
    check(unsafe { libc::chroot(folder.as_ptr()) }.into()).map(|_| ())
}

/// Gives this thread mounts of its own, so that an attempt outside a sandbox changes nobody's.
///
/// # Errors
/// Needs root.
pub fn own_mounts() -> io::Result<()> {
    // SAFETY: takes an integer only.
    check(unsafe { libc::unshare(libc::CLONE_NEWNS) }.into())?;
    let (nothing, flags) = (std::ptr::null(), libc::MS_REC | libc::MS_PRIVATE);
    // SAFETY: the string outlives the call; the rest is null.
    check(unsafe { libc::mount(nothing, c"/".as_ptr(), nothing, flags, std::ptr::null()) }.into()).map(|_| ())
}

/// Puts this thread into a new network namespace with nothing but `lo`, up if `up`.
///
/// # Errors
/// Needs root.
pub fn own_network(up: bool) -> io::Result<()> {
    leave(Space::Network)?;
    if !up {
        return Ok(());
    }
    // SAFETY: takes integers only.
    let fd = check(unsafe { libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) }.into())?;
    // SAFETY: just made.
    let fd = unsafe { OwnedFd::from_raw_fd(fd) };
    // SAFETY: all zeros is a valid ifreq.
    let mut wanted: libc::ifreq = unsafe { std::mem::zeroed() };
    wanted.ifr_name[0] = b'l' as libc::c_char;
    wanted.ifr_name[1] = b'o' as libc::c_char;
    wanted.ifr_ifru.ifru_flags = libc::IFF_UP as libc::c_short;
    // SAFETY: an ifreq with name and flags, as SIOCSIFFLAGS reads it.
    check(unsafe { libc::ioctl(fd.as_raw_fd(), libc::SIOCSIFFLAGS, &raw const wanted) }.into()).map(|_| ())
}

/// A child that has ended, and counts until its parent waits for it: its number.
///
/// # Errors
/// What the kernel answers.
pub fn fork_unreaped() -> io::Result<i32> {
    // SAFETY: the child ends at once.
    let pid = check(unsafe { libc::fork() }.into())?;
    if pid == 0 {
        // SAFETY: ends the child, with nothing of its parent's run.
        unsafe { libc::_exit(0) };
    }
    Ok(pid)
}
