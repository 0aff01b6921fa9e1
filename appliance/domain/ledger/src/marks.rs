//! What the vault's rows say of a recording: so many bytes with this hash are kept.
//!
//! The words are part of the format (`docs/formats/ledger.md`): verifiers read them back.

use crate::row::{Hash, Row};
use crate::{hex, unhex};

/// The kind of a row that says that a recording's bytes are durable.
pub const KEPT: &str = "recording.kept";
/// The kind of a recording's last row.
pub const CLOSED: &str = "recording.closed";
/// Only the vault's own word counts.
const SOURCE: &str = "vault";

/// How a row names a length and the hash of that many bytes.
pub fn words(length: u64, hash: &Hash) -> String {
    format!("length {length} sha256 {}", hex(hash))
}

/// The length and hash that a row names.
pub fn of(row: &Row) -> Option<(u64, Hash)> {
    let (_, rest) = row.event.detail.split_once("length ")?;
    let (length, rest) = rest.split_once(" sha256 ")?;
    Some((length.parse().ok()?, unhex(rest.get(..64)?.as_bytes())?))
}

/// How a recording's rows end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It was still being written.
    Running,
    /// It was closed with its end frame.
    Whole,
    /// It was closed without one: a power cut, a lost part.
    Open,
}

/// All that the rows say of one recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marks {
    /// Lengths and hashes, as they were written.
    pub kept: Vec<(u64, Hash)>,
    /// How it ended.
    pub end: End,
}

impl Marks {
    /// What `rows` say of the session with this id.
    pub fn of<'a>(rows: impl Iterator<Item = &'a Row>, session: &str) -> Self {
        let mut marks = Self { kept: Vec::new(), end: End::Running };
        let about = |row: &&Row| &*row.event.source == SOURCE && row.event.session.as_deref() == Some(session);
        for row in rows.filter(about) {
            match &*row.event.kind {
                KEPT => marks.kept.extend(of(row)),
                CLOSED => {
                    marks.kept.extend(of(row));
                    marks.end = if row.event.detail.starts_with("whole") { End::Whole } else { End::Open };
                }
                _ => {}
            }
        }
        marks
    }
}
