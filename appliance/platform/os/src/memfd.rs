//! Bytes that can be passed on and that nobody can change any more.

use crate::{check, owned};
use std::ffi::CString;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;

const SEALS: libc::c_int =
    libc::F_SEAL_WRITE | libc::F_SEAL_SHRINK | libc::F_SEAL_GROW | libc::F_SEAL_SEAL;

/// A memory file with `bytes`, sealed against writing and resizing. `name` is for /proc only.
///
/// # Errors
/// The kernel's, when memory or descriptors run out; `InvalidInput` for a name with a NUL.
pub fn sealed(bytes: &[u8], name: &str) -> io::Result<OwnedFd> {
    let name = CString::new(name)?;
    // SAFETY: `name` is a valid C string.
    let fd = owned(unsafe {
        libc::memfd_create(
            name.as_ptr(),
            libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING | libc::MFD_NOEXEC_SEAL,
        )
    })?;
    let mut file = File::from(fd);
    file.write_all(bytes)?;
    // SAFETY: takes integers only.
    check(unsafe { libc::fcntl(file.as_raw_fd(), libc::F_ADD_SEALS, SEALS) })?;
    Ok(file.into())
}

/// The contents of a sealed memory file of at most `limit` bytes.
///
/// # Errors
/// `InvalidData` if a seal is missing or it is larger than `limit`.
pub fn read_sealed(fd: BorrowedFd<'_>, limit: usize) -> io::Result<Vec<u8>> {
    let bad = |what| io::Error::new(io::ErrorKind::InvalidData, what);
    // SAFETY: takes integers only.
    let seals = check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GET_SEALS) })
        .map_err(|_| bad("the descriptor is not a sealed memory file"))?;
    if seals & SEALS != SEALS {
        return Err(bad("the memory file is not sealed against writing and resizing"));
    }
    let file = File::from(fd.try_clone_to_owned()?);
    let size = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
    if size > limit {
        return Err(bad("the memory file is larger than this border allows"));
    }
    let mut bytes = vec![0; size];
    file.read_exact_at(&mut bytes, 0)?;
    Ok(bytes)
}
