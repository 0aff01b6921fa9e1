//! The running hash of a file, for durable marks.

use sha2::{Digest, Sha256};

/// Hashes a file as it grows; a mark of it in the ledger says what was on disk at that time.
#[derive(Clone, Default)]
pub struct Marker {
    length: u64,
    hash: Sha256,
}

impl std::fmt::Debug for Marker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Marker at {} bytes", self.length)
    }
}

impl Marker {
    /// A marker at the file's first byte.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes of the file.
    pub fn update(&mut self, bytes: &[u8]) {
        self.length += bytes.len() as u64;
        self.hash.update(bytes);
    }

    /// The file's length so far, without the cost of its hash.
    pub(crate) fn mark_length(&self) -> u64 {
        self.length
    }

    /// The file's length so far, and SHA-256 of all of it.
    pub fn mark(&self) -> (u64, [u8; 32]) {
        (self.length, self.hash.clone().finalize().into())
    }
}
