//! Broker and launcher: start the fixed workers. The launcher never decides who may work.

use crate::{Line, Row, row};
use codec::{Bytes, wire_enum};

/// What the broker notes down about one session, in bytes.
pub const NOTE_BYTES_MAX: usize = 2048;
/// The broker's own words about a session, kept by the launcher unread, given back after a restart.
pub type Note = Bytes<NOTE_BYTES_MAX>;

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
        /// A restarted broker asks for what still lives; `Living` and `LivingFront` follow.
        3 => Adopt,
        /// What a restarted broker will need to know of this session; it replaces what was kept.
        4 => Keep { session: u64, note: Note },
        /// To a restarted launcher: a living session. Descriptors as `Living`.
        5 => Hold { session: u64, note: Note },
        /// To a restarted launcher: a living front. Descriptors as `LivingFront`.
        6 => HoldFront { worker: u64 },
        /// It is over: nothing of it is kept any longer. `session` says which kind the number is of.
        7 => Forget { number: u64, session: bool },
        /// Descriptor: the reading end of the guardian's pipe. Each mediator gets a copy; it replaces the one
        /// before. No session starts before it came.
        8 => Lifeline,
    }
}

wire_enum! {
    /// Launcher to broker.
    #[derive(Debug, Clone, PartialEq)]
    pub enum Reply {
        /// Descriptors: control, handover (for the listener), secrets (for the vault), cgroup.kill.
        1 => FrontStarted { worker: u64, pid: u32 },
        /// Descriptors: mediator control, back control, handover (for the connector), secrets
        /// (for the vault), record (for the vault), stream (for the front), cgroup.kill, cgroup.events.
        2 => SessionStarted { session: u64, mediator: u32, back: u32 },
        /// Nothing of it runs; why.
        3 => StartFailed { number: u64, session: bool, why: Line },
        /// A worker ended: exit code, or 256 + signal.
        4 => Exited { number: u64, part: Part, status: u32 },
        /// The last living one has been named.
        5 => AdoptDone,
        /// A session that still lives. Descriptors: mediator control, back control, cgroup.kill, cgroup.events.
        6 => Living { session: u64, note: Note },
        /// A front that still lives. Descriptors: control, cgroup.kill.
        7 => LivingFront { worker: u64 },
        /// It lives; each 250 ms, from its main loop.
        8 => Beat,
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
    row(Phase::Open, "Keep", Phase::Open),
    row(Phase::Open, "Hold", Phase::Open),
    row(Phase::Open, "HoldFront", Phase::Open),
    row(Phase::Open, "Forget", Phase::Open),
    row(Phase::Open, "Lifeline", Phase::Open),
];
