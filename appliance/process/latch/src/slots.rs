//! The two files.

use guard::keeper::File as Which;
use guard::{Slot, slot_file};
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

/// Both, opened.
pub(crate) struct Slots {
    a: File,
    b: File,
}

/// What they held.
pub(crate) struct Found {
    pub a: Option<Slot>,
    pub b: Option<Slot>,
    /// Neither was there: a new box.
    pub empty: bool,
}

impl Slots {
    /// Opens them, and makes those that are not there.
    ///
    /// # Errors
    /// In words, if the folder can't be written.
    pub fn open(folder: &Path) -> Result<(Self, Found), String> {
        let mend = |path: &Path, e: &io::Error| format!("{}: {e}; the latch's user has to own this folder", path.display());
        let one = |name: &str| -> Result<(File, Option<Vec<u8>>), String> {
            let path = folder.join(name);
            let old = match fs::read(&path) {
                Ok(bytes) => Some(bytes),
                Err(e) if e.kind() == ErrorKind::NotFound => None,
                Err(e) => return Err(mend(&path, &e)),
            };
            let file = File::options().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
            Ok((file.map_err(|e| mend(&path, &e))?, old))
        };
        let ((a, old_a), (b, old_b)) = (one("slot-a")?, one("slot-b")?);
        // What a latch before this one wrote and did not sync is read, and is not on the disk: it would take the
        // one that is for the other (the latch that trusts what it reads, in the guard's `tests/power_loss.rs`).
        let files = a.sync_data().and_then(|()| b.sync_data());
        let synced = files.and_then(|()| File::open(folder)).and_then(|folder| folder.sync_all());
        synced.map_err(|e| mend(folder, &e))?;
        let empty = old_a.as_ref().is_none_or(Vec::is_empty) && old_b.as_ref().is_none_or(Vec::is_empty);
        let read = |old: Option<Vec<u8>>| old.and_then(|bytes| slot_file::decode(&bytes));
        Ok((Self { a, b }, Found { a: read(old_a), b: read(old_b), empty }))
    }

    /// Writes one and waits until the disk has it.
    ///
    /// # Errors
    /// The disk's.
    pub fn write(&self, which: Which, slot: &Slot) -> io::Result<()> {
        let file = match which {
            Which::A => &self.a,
            Which::B => &self.b,
        };
        let mut bytes = Vec::with_capacity(slot_file::BYTES);
        slot_file::encode(slot, &mut bytes);
        file.write_all_at(&bytes, 0)?;
        file.sync_data()
    }
}
