//! `dinlock` and the broker, over the local socket.

use crate::{KeyLine, Line, Name, Row, row};
use codec::{Bytes, List, Text, wire_enum, wire_struct};

wire_struct! {
    /// One session, as listings show it.
    #[derive(Debug, Clone, PartialEq)]
    pub struct SessionRow {
        /// Number.
        pub session: u64,
        /// Who.
        pub person: Name,
        /// Which machine.
        pub target: Name,
        /// State, as `session::State` names it.
        pub state: Name,
        /// Unix ms.
        pub started_ms: i64,
        /// Unix ms.
        pub ended_ms: Option<i64>,
        /// Why it ended, or empty.
        pub reason: Line,
        /// Milliseconds until its deadline, where it lives.
        pub left_ms: Option<u64>,
    }
}

wire_enum! {
    /// `dinlock` to broker; one request a connection, but for `Watch`.
    #[derive(Debug, Clone, PartialEq)]
    pub enum Request {
        /// How the box is.
        1 => Status,
        /// The living, or all since boot.
        2 => Sessions { all: bool },
        /// Freeze its input.
        3 => Pause { session: u64 },
        /// Give it back.
        4 => Resume { session: u64 },
        /// End it.
        5 => End { session: u64, why: Line },
        /// Answered by `Watching` with the observer's socket.
        6 => Watch { session: u64 },
        /// Descriptor: a sealed memfd with the encoded plant.
        7 => Apply,
        /// Answered by `Document`: the encoded plant.
        8 => Plant,
        /// A target's secret.
        9 => SetSecret { name: Name, value: Bytes<16384> },
        /// A person's password and one-time seed.
        10 => SetPerson { person: Name, password: Option<Bytes<256>>, totp: Option<Bytes<64>> },
        /// Pin a host key.
        11 => Trust { target: Name, key: KeyLine },
        /// Try a target step by step.
        12 => Test { target: Name, account: Name },
        /// Answered by `Document`: JSON lines.
        13 => Recordings,
        /// Answered by `Document` with several descriptors: file, ledger rows, manifest.
        14 => ExportRecording { session: u64 },
        /// Answered by `Document`: a signed export.
        15 => ExportAudit { from: u64, to: u64 },
        /// A person's PIN for the console at the box.
        30 => SetPin { person: Name, pin: Bytes<16> },
    }
}

wire_struct! {
    /// The data disk.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
    pub struct Space {
        /// Free, MB.
        pub free_mb: u64,
        /// Below this the box warns, MB.
        pub warn_below_mb: u64,
        /// Below this new sessions are refused, MB.
        pub refuse_below_mb: u64,
        /// Days until that, at the pace of what was recorded since the vault's start; none is unknown.
        pub days_left: Option<u32>,
    }
}

wire_enum! {
    /// Broker to `dinlock`.
    #[derive(Debug, Clone, PartialEq)]
    pub enum Reply {
        /// Done; words.
        1 => Done { text: Line },
        /// Not done; why, who can lift it, and how.
        2 => Refused { text: Text<4096> },
        /// How the box is.
        3 => Status { name: Name, box_key: [u8; 32], armed: bool, sessions: u32, taking_sessions: bool, space: Space },
        /// Listing.
        4 => Sessions { rows: List<SessionRow, 256>, more: bool },
        /// Descriptor: the observer's socket.
        5 => Watching,
        /// Descriptors: sealed memfds.
        6 => Document,
        /// Outcome of a test: step by step.
        7 => Tested { steps: List<Line, 8>, ok: bool },
    }
}

/// The one phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// A request may come.
    Open,
    /// It came; the reply ends the connection.
    Asked,
}

/// What `dinlock` may ask.
pub const REQUESTS: &[Row<Phase>] = &[
    row(Phase::Open, "Status", Phase::Asked),
    row(Phase::Open, "Sessions", Phase::Asked),
    row(Phase::Open, "Pause", Phase::Asked),
    row(Phase::Open, "Resume", Phase::Asked),
    row(Phase::Open, "End", Phase::Asked),
    row(Phase::Open, "Watch", Phase::Asked),
    row(Phase::Open, "Apply", Phase::Asked),
    row(Phase::Open, "Plant", Phase::Asked),
    row(Phase::Open, "SetSecret", Phase::Asked),
    row(Phase::Open, "SetPerson", Phase::Asked),
    row(Phase::Open, "Trust", Phase::Asked),
    row(Phase::Open, "Test", Phase::Asked),
    row(Phase::Open, "Recordings", Phase::Asked),
    row(Phase::Open, "ExportRecording", Phase::Asked),
    row(Phase::Open, "ExportAudit", Phase::Asked),
    row(Phase::Open, "SetPin", Phase::Asked),
];
