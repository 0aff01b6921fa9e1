//! Guardian and latch: two slots on disk. The guardian never waits for it.
//!
//! Integers only: the guardian does not allocate.
//!
//! # What the latch does
//!
//! Each slot is one file of `guard::slot_file::BYTES` bytes, written in place and whole, never renamed. It
//! remembers which of the two is *good*: whole, durable, and of the highest sequence.
//!
//! - **At its start**: opens both files, making what is not there, reads them, and makes both files and then the
//!   folder durable (fsync) before its first word: a name that a power cut loses takes the press with it, and what
//!   is read after another latch died may be in memory alone, while it is not the good one on disk. A file
//!   without a byte was never written, and counts as not there. `empty` needs both to be so.
//! - **`Write`** of a sequence that is not above all that it has on disk: it writes nothing, and says `Slots`
//!   again; the guardian counts on from there. Two contents under one number would be a lottery after a boot.
//! - **`Write`** otherwise: into the file that is not the good one, fdatasync; only then is that one the good
//!   one, and only then is it `Written`. Then the same into the other, fdatasync. What failed in one file is
//!   tried in the other at once; `Failed` means in neither. A sync that failed is never simply tried again (the
//!   kernel may have dropped what it could not write): the whole record is written again.
//! - **Silence**: a guardian that was not heard for longer than 3 s is marked so, with the highest sequence
//!   plus one. When it is heard again the latch says `Slots`, and what the guardian then writes replaces that.
//!
//! Proof: `appliance/domain/guard/tests/power_loss.rs`, which loses the power between any two of these steps.

use crate::{Row, row};
use codec::wire_enum;
use guard::Slot;

wire_enum! {
    /// Guardian to latch.
    #[derive(Debug, Clone, Copy, PartialEq)]
    pub enum Order {
        /// The guardian lives; each 250 ms. One who is silent for longer than 3 s is marked so.
        1 => Beat,
        /// Write it to the slot that is not the newest, make it durable, and then the other one too.
        2 => Write { slot: Slot },
    }
}

wire_enum! {
    /// Latch to guardian.
    #[derive(Debug, Clone, Copy, PartialEq)]
    pub enum Event {
        /// First message: what the slots say. None is a slot that holds nothing whole; `empty` says that
        /// neither file was there: a new box.
        1 => Slots { a: Option<Slot>, b: Option<Slot>, empty: bool },
        /// It is durable in one slot at least.
        2 => Written { sequence: u64 },
        /// It is in neither.
        3 => Failed { sequence: u64, errno: u32 },
    }
}

/// The one phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Serving.
    Open,
}

/// What the guardian may order.
pub const ORDERS: &[Row<Phase>] = &[row(Phase::Open, "Beat", Phase::Open), row(Phase::Open, "Write", Phase::Open)];
/// What the latch may say.
pub const EVENTS: &[Row<Phase>] = &[
    row(Phase::Open, "Slots", Phase::Open),
    row(Phase::Open, "Written", Phase::Open),
    row(Phase::Open, "Failed", Phase::Open),
];
