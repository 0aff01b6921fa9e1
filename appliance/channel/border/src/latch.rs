//! Guardian and latch: two slots on disk. The guardian never waits for it.
//!
//! Integers only: the guardian does not allocate.

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
