//! What both SSH workers need around their sockets: typed messages over a seqpacket in async code,
//! queues that keep each channel within its credit, and a stream whose reading can pause.
//!
//! It must never interpret a message, never send a channel's data beyond its credit, and never let
//! one channel's full queue hold back another's. Proof: `tests/outbox.rs`, `tests/gate.rs`, `tests/link.rs`.

mod gate;
mod link;
mod outbox;

pub use gate::{Gate, Throttle, gate};
pub use link::{Buffer, Link, LinkError};
pub use outbox::{Next, Outbox, OverCredit};
