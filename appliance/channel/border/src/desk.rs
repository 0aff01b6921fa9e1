//! The guardian's desk: the console and `dinlock cutoff` on the box, with the broker alive or not.
//!
//! Integers only: the guardian does not allocate. Who asks is what the kernel says.

use crate::{Row, row};
use codec::wire_enum;
use guard::State;

wire_enum! {
    /// To the guardian.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Request {
        /// How does it stand?
        1 => Look,
        /// Cut everything off. `console`: by the console's key, pressed twice.
        2 => Cut { console: bool },
    }
}

wire_enum! {
    /// From the guardian.
    #[derive(Debug, Clone, Copy, PartialEq)]
    pub enum Reply {
        /// To each request, after it was done: how it stands at `now_ms` of CLOCK_BOOTTIME.
        1 => Is { now_ms: u64, state: State },
    }
}

/// The one phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Serving.
    Open,
}

/// What may be asked.
pub const REQUESTS: &[Row<Phase>] = &[row(Phase::Open, "Look", Phase::Open), row(Phase::Open, "Cut", Phase::Open)];
