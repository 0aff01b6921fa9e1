//! Mediator and vault: one recording, sealed before it comes here.

use crate::{DATA_BYTES_MAX, Line, Row, row};
use codec::{Bytes, wire_enum};

/// Frames that may be on their way without `InHand`, in bytes.
pub const IN_FLIGHT_BYTES_MAX: usize = 2 * 1024 * 1024;
/// A sealed frame: data, its own fields and the tag.
pub const FRAME_BYTES_MAX: usize = DATA_BYTES_MAX + 8 * 1024;

wire_enum! {
    /// Mediator to vault.
    #[derive(Debug, Clone, PartialEq)]
    pub enum Entry {
        /// The container's header; first.
        1 => Header { bytes: Bytes<FRAME_BYTES_MAX> },
        /// One sealed frame.
        2 => Frame { bytes: Bytes<FRAME_BYTES_MAX> },
        /// The container's end frame; last.
        3 => End { bytes: Bytes<FRAME_BYTES_MAX> },
    }
}

wire_enum! {
    /// Vault to mediator.
    #[derive(Debug, Clone, PartialEq)]
    pub enum Answer {
        /// So many entries (header included) are in the vault's memory.
        1 => InHand { entries: u64 },
        /// The disk failed; nothing more will be taken.
        2 => Failed { why: Line },
    }
}

/// Order of the entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Nothing yet.
    Start,
    /// Header is here.
    Open,
    /// Ended.
    Closed,
}

/// What a mediator may send.
pub const ENTRIES: &[Row<Phase>] = &[
    row(Phase::Start, "Header", Phase::Open),
    row(Phase::Open, "Frame", Phase::Open),
    row(Phase::Open, "End", Phase::Closed),
];
