//! The guardian's rules: the cut-off and its latch, the deadlines and the ladder of rungs, leases, when to
//! feed the watchdog, when the box may be armed. Inputs and time in, the next action out.
//!
//! It must never allocate, panic on anything that comes in, take an unknown state for a safe one, or arm
//! by itself after a cut-off. What is enforced is what was read back, not what was wished. Proof: `tests/`,
//! and the simulator's schedules.

#![allow(missing_docs, reason = "a message's own comment speaks of its fields, and their types carry the limits")]
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::arithmetic_side_effects)]

mod boot;
mod contacts;
mod cut;
mod effect;
mod facts;
mod guardian;
pub mod keeper;
mod ladder;
mod leases;
mod notes;
mod orders;
mod rearm;
pub mod slot_file;
mod step;

pub use contacts::{CLOSED_US, CONTACTS_MAX, KEY_US, OPEN_US};
pub use effect::What;
pub use facts::{
    Contact, Dog, FAULTS, Hold, LACKS, LATE, Mark, Note, Part, RearmRefusal, Report, Slot, Standing, State, Steps, Trigger,
};
pub use guardian::{Action, CUT_FAILED_US, FEED_US, Guardian, Input, LEASE_US, Now, RESETS_FORGOTTEN_US, RESETS_MAX, Start};
pub use ladder::{OVERDUE_US, RUNG3_US, RUNG4_US, SESSIONS_MAX};
