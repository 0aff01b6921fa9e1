//! Broker and launcher: start the fixed workers. The launcher never decides who may work.

use crate::{Line, Row, row};
use codec::wire_enum;

wire_enum! {
    /// Which worker.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Part {
        /// Ends the operator's SSH.
        1 => FrontSsh,
        /// The room between the two doors.
        2 => Mediator,
        /// Speaks SSH to the machine.
        3 => BackSsh,
    }
}

wire_enum! {
    /// Broker to launcher.
    #[derive(Debug, Clone, PartialEq)]
    pub enum Request {
        /// A front for one accepted connection.
        1 => StartFront {
            /// The broker's number for it, not reused within a boot.
            worker: u64
        },
        /// Mediator and back of one session, in one cgroup.
        2 => StartSession {
            /// The session.
            session: u64
        },
        /// A restarted broker asks for the sessions that still live; each comes as `SessionStarted`.
        3 => Adopt,
    }
}

wire_enum! {
    /// Launcher to broker.
    #[derive(Debug, Clone, PartialEq)]
    pub enum Reply {
        /// Descriptors: control, handover (for the listener), secrets (for the vault), cgroup.kill.
        1 => FrontStarted { worker: u64, pid: u32 },
        /// Descriptors: mediator control, back control, handover (for the connector), secrets
        /// (for the vault), record (for the vault), stream (for the front), cgroup.kill.
        2 => SessionStarted { session: u64, mediator: u32, back: u32 },
        /// Nothing of it runs; why.
        3 => StartFailed { number: u64, session: bool, why: Line },
        /// A worker ended: exit code, or 256 + signal.
        4 => Exited { number: u64, part: Part, status: u32 },
        /// The last living session has been named.
        5 => AdoptDone,
    }
}

/// The border has one phase: the launcher keeps no conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Serving.
    Open,
}

/// What the broker may ask.
pub const REQUESTS: &[Row<Phase>] = &[
    row(Phase::Open, "StartFront", Phase::Open),
    row(Phase::Open, "StartSession", Phase::Open),
    row(Phase::Open, "Adopt", Phase::Open),
];
