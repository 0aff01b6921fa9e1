//! Broker and guardian: the sessions with their ends, each other's pulse, and what is to be written down.
//!
//! Integers only: the guardian does not allocate.

use crate::{Row, row};
use codec::wire_enum;
use guard::{Note, RearmRefusal, State};

/// Each tells the other that it lives this often, in ms.
pub const BEAT_MS: u64 = 250;
/// Who is silent for longer is late, in ms: sessions end.
pub const LEASE_MS: u64 = 2_000;

wire_enum! {
    /// Broker to guardian.
    #[derive(Debug, Clone, Copy, PartialEq)]
    pub enum Order {
        /// It lives. `ready`: vault and plant are there. How long it has heard nothing of vault and launcher, ms.
        1 => Beat { ready: bool, vault_ms: u32, launcher_ms: u32, power_loss_holds: bool },
        /// A session begins, or lives already: when it ends at the latest, ms of CLOCK_BOOTTIME.
        /// Descriptors: its `cgroup.kill` and `cgroup.events`. Answered by `Watching`.
        2 => Watch { session: u64, deadline_ms: u64 },
        /// Its end moved (never later than before).
        3 => Deadline { session: u64, deadline_ms: u64 },
        /// It is over.
        4 => Over { session: u64 },
        /// An administrator cuts the box off.
        5 => Cut { ticket: u64 },
        /// A person lifts a hold. `contact`: only with a wired contact that is there, and closed.
        6 => Rearm { ticket: u64, contact: bool },
        /// The real path, and back again when it was read back.
        7 => Drill { ticket: u64 },
        /// This note is in the vault's queue.
        8 => Noted { number: u64 },
    }
}

wire_enum! {
    /// Guardian to broker.
    #[derive(Debug, Clone, Copy, PartialEq)]
    pub enum Event {
        /// First message to each broker. Descriptor: the reading end of its lifeline.
        1 => Hello { state: State },
        /// It lives.
        2 => Beat { state: State },
        /// A session is in its table: it may begin.
        3 => Watching { session: u64 },
        /// It is not: no session begins.
        4 => NotWatching { session: u64 },
        /// Something to be written down, until `Noted`.
        5 => Told { number: u64, wall_ms: i64, note: Note },
        /// The box is armed again.
        6 => Rearmed { ticket: u64 },
        /// It is not; why.
        7 => NotRearmed { ticket: u64, why: RearmRefusal },
    }
}

/// The one phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Serving.
    Open,
}

/// What the broker may order.
pub const ORDERS: &[Row<Phase>] = &[
    row(Phase::Open, "Beat", Phase::Open),
    row(Phase::Open, "Watch", Phase::Open),
    row(Phase::Open, "Deadline", Phase::Open),
    row(Phase::Open, "Over", Phase::Open),
    row(Phase::Open, "Cut", Phase::Open),
    row(Phase::Open, "Rearm", Phase::Open),
    row(Phase::Open, "Drill", Phase::Open),
    row(Phase::Open, "Noted", Phase::Open),
];
