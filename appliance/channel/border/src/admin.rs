//! `dinlock` and the broker, over the local socket.

use crate::{KeyLine, Line, Name, Row, row};
use codec::{Bytes, List, Text, wire_enum, wire_struct};
use guard::Steps;

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

/// Blocks at once: they fit into one message.
pub const BLOCKS_MAX: usize = 64;

wire_enum! {
    /// Whom a block shall keep out.
    #[derive(Debug, Clone, PartialEq)]
    pub enum Whom {
        /// A person.
        1 => Person { person: Name },
        /// All people of an employer, as the plant file writes it.
        2 => Employer { employer: Text<128> },
        /// Everybody, from one machine.
        3 => Target { target: Name },
        /// Everybody.
        4 => All,
        /// The person of a session.
        5 => PersonOf { session: u64 },
        /// Their employer.
        6 => EmployerOf { session: u64 },
        /// Its machine.
        7 => TargetOf { session: u64 },
    }
}

wire_struct! {
    /// One block that stands.
    #[derive(Debug, Clone, PartialEq)]
    pub struct BlockRow {
        /// Its number.
        pub block: u64,
        /// Whom it keeps out; `PersonOf` and its like never stand here.
        pub whom: Whom,
        /// Until when, Unix ms; none is until somebody releases it.
        pub until_ms: Option<i64>,
        /// When it was made, Unix ms.
        pub made_ms: i64,
        /// Who made it.
        pub by: Line,
        /// Why.
        pub why: Line,
    }
}

wire_struct! {
    /// One drill of the cut-off.
    #[derive(Debug, Clone, PartialEq)]
    pub struct DrillRow {
        /// Unix ms.
        pub wall_ms: i64,
        /// Who ordered it, or that it was its time.
        pub by: Line,
        /// Sessions that lived.
        pub sessions: u32,
        /// Of these, ended by it.
        pub ended: u32,
        /// Wishes that were refused between the cut and the return; one of them is the broker's own.
        pub refused: u32,
        /// When each step was read back.
        pub steps: Steps,
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
        /// Lifts a hold. Answered by `Asked` with a socket to the vault; once the vault has checked what that
        /// person typed, and the guardian has armed the box, by `Done` or `Refused`.
        20 => Rearm { person: Name },
        /// The real path of the cut-off, and back. Answered by `Drilled` when the box is as it was.
        21 => Drill { cut_live: bool, canary: Option<u64> },
        /// Answered by `Drills`.
        22 => Drills,
        /// Keeps somebody out: until a time, for a time, or until it is released.
        23 => Block { whom: Whom, until_ms: Option<i64>, for_s: Option<u32>, why: Line, end_sessions: bool },
        /// Answered by `Blocks`.
        24 => Blocks,
        /// Lets them in again.
        25 => Release { block: u64 },
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
        /// How the box is. `held`: why it is not armed, and who can lift it; empty if it is.
        3 => Status { name: Name, box_key: [u8; 32], armed: bool, sessions: u32, taking_sessions: bool, space: Space, held: Line },
        /// Listing.
        4 => Sessions { rows: List<SessionRow, 256>, more: bool },
        /// Descriptor: the observer's socket.
        5 => Watching,
        /// Descriptors: sealed memfds.
        6 => Document,
        /// Outcome of a test: step by step.
        7 => Tested { steps: List<Line, 8>, ok: bool },
        /// Descriptor: a socket to the vault (`secrets`), for one check. `Done` or `Refused` follows.
        20 => Asked { password: bool, code: bool },
        /// The drill is over.
        21 => Drilled { drill: DrillRow },
        /// Those since the broker's start, the oldest first.
        22 => Drills { rows: List<DrillRow, 32> },
        /// Those that stand.
        23 => Blocks { rows: List<BlockRow, BLOCKS_MAX> },
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
    row(Phase::Open, "Rearm", Phase::Asked),
    row(Phase::Open, "Drill", Phase::Asked),
    row(Phase::Open, "Drills", Phase::Asked),
    row(Phase::Open, "Block", Phase::Asked),
    row(Phase::Open, "Blocks", Phase::Asked),
    row(Phase::Open, "Release", Phase::Asked),
];
