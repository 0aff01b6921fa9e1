//! Network namespaces, and their names in the file system as iproute2 keeps them (ip-netns(8)).

use crate::check;
use std::ffi::CString;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The calling thread's own, in its form as a file.
const OWN: &str = "/proc/thread-self/ns/net";

/// The network namespace of the calling thread.
///
/// # Errors
/// If /proc is not there.
pub fn current() -> io::Result<OwnedFd> {
    File::open(OWN).map(OwnedFd::from)
}

/// Puts the calling thread into this network namespace.
///
/// # Errors
/// EINVAL if it is none; EPERM without the right to.
pub fn enter(network: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: takes integers only.
    check(unsafe { libc::setns(network.as_raw_fd(), libc::CLONE_NEWNET) }).map(|_| ())
}

/// Puts the calling thread into a new network namespace, with nothing but a `lo` that is down.
///
/// # Errors
/// EPERM without the right to.
pub fn enter_new() -> io::Result<()> {
    // SAFETY: takes an integer only.
    check(unsafe { libc::unshare(libc::CLONE_NEWNET) }).map(|_| ())
}

fn text(path: &Path) -> io::Result<CString> {
    Ok(CString::new(path.as_os_str().as_bytes())?)
}

fn mount(from: &CString, to: &CString, flags: libc::c_ulong) -> io::Result<()> {
    // SAFETY: the strings outlive the call; none of these mounts takes data.
    check(unsafe { libc::mount(from.as_ptr(), to.as_ptr(), c"none".as_ptr(), flags, std::ptr::null()) }).map(|_| ())
}

/// Mounts the network namespace of the calling thread onto the file `path`: it lives as long as that.
///
/// # Errors
/// `NotFound` if the file is not there; EPERM without the right to mount.
pub fn pin(path: &Path) -> io::Result<()> {
    mount(&text(Path::new(OWN))?, &text(path)?, libc::MS_BIND)
}

/// Makes what is mounted in `folder` from now on be seen by everybody who looks at that folder, also from
/// other mount namespaces.
///
/// # Errors
/// `NotFound` if the folder is not there; EPERM without the right to mount.
pub fn share(folder: &Path) -> io::Result<()> {
    let (folder, shared) = (text(folder)?, libc::MS_SHARED | libc::MS_REC);
    match mount(&folder, &folder, shared) {
        // It is no mount of its own yet.
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {
            mount(&folder, &folder, libc::MS_BIND | libc::MS_REC)?;
            mount(&folder, &folder, shared)
        }
        other => other,
    }
}
