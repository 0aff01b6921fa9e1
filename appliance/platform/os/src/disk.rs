//! Space on a file system.

use std::io;
use std::path::Path;

/// Bytes that an unprivileged process may still write on the file system of `path`.
///
/// # Errors
/// Those of the file system.
pub fn free_bytes(path: &Path) -> io::Result<u64> {
    let seen = nix::sys::statvfs::statvfs(path)?;
    Ok(seen.blocks_available().saturating_mul(seen.fragment_size()))
}
