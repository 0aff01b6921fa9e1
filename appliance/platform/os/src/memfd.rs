//! Bytes that can be passed on and that nobody can change any more.

use crate::{check, owned};
use std::ffi::CString;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;

/// How much is read at once, bytes.
const CHUNK: usize = 64 * 1024;

const SEALS: libc::c_int =
    libc::F_SEAL_WRITE | libc::F_SEAL_SHRINK | libc::F_SEAL_GROW | libc::F_SEAL_SEAL;

/// A memory file with `bytes`, sealed against writing and resizing. `name` is for /proc only.
///
/// # Errors
/// The kernel's, when memory or descriptors run out; `InvalidInput` for a name with a NUL.
pub fn sealed(bytes: &[u8], name: &str) -> io::Result<OwnedFd> {
    // Plain write: not every sandbox that makes documents allows more.
    let mut growing = Growing::new(name)?;
    growing.0.write_all(bytes)?;
    growing.seal()
}

/// A memory file that is written piece by piece (pwrite64), and then sealed.
#[derive(Debug)]
pub struct Growing(File);

impl Growing {
    /// An empty one. `name` is for /proc only.
    ///
    /// # Errors
    /// As [`sealed`].
    pub fn new(name: &str) -> io::Result<Self> {
        create(name).map(|fd| Self(File::from(fd)))
    }

    /// Writes all of `bytes` at this place.
    ///
    /// # Errors
    /// The kernel's, when memory runs out.
    pub fn put(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all_at(bytes, offset)
    }

    /// Seals it against writing and resizing.
    ///
    /// # Errors
    /// None that a file made here gives.
    pub fn seal(self) -> io::Result<OwnedFd> {
        // SAFETY: takes integers only.
        check(unsafe { libc::fcntl(self.0.as_raw_fd(), libc::F_ADD_SEALS, SEALS) })?;
        Ok(self.0.into())
    }
}

fn create(name: &str) -> io::Result<OwnedFd> {
    let name = CString::new(name)?;
    // SAFETY: `name` is a valid C string.
    owned(unsafe {
        libc::memfd_create(
            name.as_ptr(),
            libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING | libc::MFD_NOEXEC_SEAL,
        )
    })
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
    // Plain pread: the sandboxes allow neither a copy of the descriptor nor a look at its size.
    let mut bytes = Vec::new();
    let mut chunk = vec![0_u8; CHUNK.min(limit.saturating_add(1))];
    loop {
        let offset = libc::off_t::try_from(bytes.len()).map_err(|_| bad("the limit is absurd"))?;
        // SAFETY: `chunk` is valid for its length.
        let got = unsafe {
            libc::pread(fd.as_raw_fd(), chunk.as_mut_ptr().cast(), chunk.len(), offset)
        };
        let got = usize::try_from(got).map_err(|_| io::Error::last_os_error())?;
        if got == 0 {
            return Ok(bytes);
        }
        if got > limit - bytes.len() {
            return Err(bad("the memory file is larger than this border allows"));
        }
        bytes.extend_from_slice(&chunk[..got]);
    }
}
