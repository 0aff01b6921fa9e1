//! Broker and the mediator of one session.

use crate::{Line, Name, Row, row};
use codec::{List, Text, wire_enum, wire_struct};

wire_enum! {
    /// What of the input is recorded.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum InputRecord {
        /// All of it, passwords too.
        1 => All,
        /// Time and length only.
        2 => None,
        /// On a terminal text if the machine echoed it within 1 s, else time and length; a byte stream's content.
        3 => Echoed,
    }
}

wire_enum! {
    /// What the deadline of a session is.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Bound {
        /// The end of its longest duration.
        1 => Longest,
        /// The end of its time window.
        2 => Window,
    }
}

wire_struct! {
    /// What the mediator enforces.
    #[derive(Debug, Clone, PartialEq)]
    pub struct Terms {
        /// The session.
        pub session: u64,
        /// Who.
        pub person: Name,
        /// Which machine.
        pub target: Name,
        /// When it ends, milliseconds of CLOCK_BOOTTIME.
        pub deadline_ms: u64,
        /// Why then.
        pub bound: Bound,
        /// How long the person may type nothing, in ms; 0 is no limit.
        pub idle_ms: u64,
        /// How long the recorder may stall before the session ends, in ms.
        pub recorder_grace_ms: u64,
        /// Input policy.
        pub input: InputRecord,
        /// Byte streams without a terminal: content, or (true) length and hash.
        pub bulk_hash_only: bool,
        /// Who can open the recording: age recipients.
        pub recipients: List<Text<2048>, 8>,
        /// Start, Unix ms.
        pub started_ms: i64,
    }
}

wire_enum! {
    /// Broker to mediator.
    #[derive(Debug, Clone, PartialEq)]
    pub enum Order {
        /// First message.
        1 => Start { terms: Terms },
        /// Freeze input; who asked.
        2 => Pause { by: Line },
        /// Give it back.
        3 => Resume { by: Line },
        /// End now; the reason as `session::Reason` codes it, and in words.
        4 => End { reason: Text<48>, text: Line },
        /// The deadline moved (never later than the policy's own).
        5 => Deadline { deadline_ms: u64, bound: Bound },
        /// Descriptor: an observer's socket; it receives `work::Up` and can send nothing.
        6 => Observe { by: Line },
        /// How long the person may type nothing, in ms; only ever less than before.
        7 => Idle { idle_ms: u64 },
    }
}

wire_enum! {
    /// Mediator to broker.
    #[derive(Debug, Clone, PartialEq)]
    pub enum Event {
        /// The recording's header is in the vault's hand.
        1 => Recording,
        /// Something to audit: kind and words.
        2 => Mark { kind: Text<48>, text: Line },
        /// It ends; kind as in `session::Reason`, and words. Its last messages follow, then its exit.
        3 => Ended { kind: Text<48>, text: Line },
        /// For the screen at the box, where it changed, and every 10 s at most: input messages within the last
        /// minute, and who watches, or empty.
        4 => Pace { input_per_minute: u32, watched_by: Line },
    }
}

/// Order of the conversation, seen from the mediator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Terms have not come.
    Start,
    /// They have.
    Live,
}

/// What the broker may order.
pub const ORDERS: &[Row<Phase>] = &[
    row(Phase::Start, "Start", Phase::Live),
    row(Phase::Live, "Pause", Phase::Live),
    row(Phase::Live, "Resume", Phase::Live),
    row(Phase::Live, "End", Phase::Live),
    row(Phase::Live, "Deadline", Phase::Live),
    row(Phase::Live, "Observe", Phase::Live),
    row(Phase::Live, "Idle", Phase::Live),
];
