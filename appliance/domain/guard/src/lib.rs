//! The guardian's rules: the cut-off and its latch, the deadlines and the ladder of rungs, leases, when to
//! feed the watchdog, when the box may be armed. Events and time in, actions out.
//!
//! It must never allocate, panic on anything that comes in, take an unknown state for a safe one, or arm
//! by itself after a cut-off. Proof: `tests/`, and the simulator's schedules.

#![allow(missing_docs, reason = "a message's own comment speaks of its fields, and their types carry the limits")]

mod facts;

pub use facts::{
    Contact, Dog, FAULTS, Hold, LACKS, LATE, Mark, Note, Part, RearmRefusal, Report, Slot, Standing, State, Steps, Trigger,
};
