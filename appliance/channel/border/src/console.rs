//! Broker and the console at the box. The console asks, the broker answers each request once.
//!
//! PINs never pass here: they go from the console to the vault, over a socket that the broker arranges.

use crate::{Line, Name, Row, row};
use codec::{List, Text, wire_enum, wire_struct};

wire_struct! {
    /// A session, as a person at the box has to see it.
    #[derive(Debug, Clone, PartialEq)]
    pub struct SessionLine {
        /// Its number.
        pub session: u64,
        /// Their id.
        pub person: Name,
        /// Their full name.
        pub name: Text<128>,
        /// Their employer.
        pub employer: Text<128>,
        /// Their telephone.
        pub telephone: Text<64>,
        /// Which machine.
        pub target: Name,
        /// State, as `session::State` names it.
        pub state: Name,
        /// Unix ms.
        pub started_ms: i64,
        /// Ms until its deadline.
        pub left_ms: u64,
        /// Who watches, or empty.
        pub watched_by: Line,
        /// Input messages within the last minute.
        pub input_per_minute: u32,
    }
}

wire_struct! {
    /// A session that waits for somebody at the box to admit it.
    #[derive(Debug, Clone, PartialEq)]
    pub struct WaitingLine {
        /// The session's number.
        pub session: u64,
        /// Their id.
        pub person: Name,
        /// Their full name.
        pub name: Text<128>,
        /// Their employer.
        pub employer: Text<128>,
        /// Their telephone.
        pub telephone: Text<64>,
        /// Which machine.
        pub target: Name,
        /// Ms until the request lapses.
        pub left_ms: u64,
    }
}

wire_struct! {
    /// Somebody who may unlock the console with a PIN.
    #[derive(Debug, Clone, PartialEq)]
    pub struct Keeper {
        /// Their id.
        pub person: Name,
        /// Their full name.
        pub name: Text<128>,
    }
}

wire_struct! {
    /// Something that went wrong, as the audit log says it.
    #[derive(Debug, Clone, PartialEq)]
    pub struct Fault {
        /// Unix ms.
        pub wall_ms: i64,
        /// Words.
        pub text: Line,
    }
}

wire_struct! {
    /// All that the screen shows of the broker's knowledge.
    #[derive(Debug, Clone, PartialEq)]
    pub struct View {
        /// The box's name.
        pub name: Name,
        /// The box's public key.
        pub box_key: [u8; 32],
        /// Unix ms.
        pub wall_ms: i64,
        /// The plant's time zone now, in seconds east of UTC.
        pub utc_offset_s: i64,
        /// Living sessions, the oldest first; at most so many are sent, `more` counts the rest.
        pub sessions: List<SessionLine, 32>,
        /// Living sessions that are not sent.
        pub more: u32,
        /// Those who wait for admission.
        pub waiting: List<WaitingLine, 16>,
        /// Days until recordings fill the disk; none is unknown.
        pub days_left: Option<u32>,
        /// Free on the data disk, MB.
        pub free_mb: u64,
        /// The last faults, the newest first.
        pub faults: List<Fault, 4>,
        /// Who may unlock.
        pub keepers: List<Keeper, 32>,
        /// Who has unlocked, or none.
        pub unlocked: Option<Name>,
        /// The console locks after so many seconds without a key.
        pub lock_after_s: u32,
        /// Language of its texts: `en` or `de`.
        pub language: Name,
        /// Whether a person re-arms by `dinlock`, with their second factor.
        pub person_rearms: bool,
        /// Whether a PIN here re-arms (with a wired contact, closed).
        pub pin_rearms: bool,
    }
}

wire_enum! {
    /// Console to broker.
    #[derive(Debug, Clone, PartialEq)]
    pub enum Request {
        /// Answered by `View`.
        1 => Look,
        /// Somebody wants to unlock. Answered by `Asked` with the socket to the vault; after the vault has
        /// checked the PIN, by `Done` or `Refused`.
        2 => Unlock { person: Name },
        /// Locks.
        3 => Lock,
        /// Ends a session; `block` also refuses the person until somebody releases it.
        4 => End { session: u64, block: bool },
        /// Freezes its input.
        5 => Pause { session: u64 },
        /// Gives it back.
        6 => Resume { session: u64 },
        /// Lets a waiting session begin.
        7 => Admit { session: u64 },
        /// Refuses it.
        8 => Deny { session: u64 },
        /// Lifts the hold, where the plant file lets a PIN do so.
        9 => Rearm,
    }
}

wire_enum! {
    /// Why something was not done. The console has the words, in its language.
    #[derive(Debug, Clone, PartialEq)]
    pub enum Why {
        /// Nobody has unlocked.
        1 => Locked,
        /// The PIN is wrong.
        2 => WrongPin,
        /// Too many wrong PINs of this person: they wait.
        3 => Wait { seconds: u32 },
        /// They have no PIN yet, or may not unlock.
        4 => NoPin,
        /// No such session lives, or waits.
        5 => NoSession,
        /// What the session is does not allow it.
        6 => NotNow,
        /// A part of the box is away; it is started again.
        7 => Away { part: Name },
        /// The plant file does not let a PIN do it, or something else; in words.
        8 => Other { text: Line },
    }
}

wire_enum! {
    /// Broker to console.
    #[derive(Debug, Clone, PartialEq)]
    pub enum Reply {
        /// To `Look`.
        1 => View { view: View },
        /// To `Unlock`. Descriptor: a socket to the vault (`secrets`), for one PIN.
        2 => Asked,
        /// Done.
        3 => Done,
        /// Not done; why.
        4 => Refused { why: Why },
    }
}

/// Whose turn it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// A request may come.
    Open,
}

/// What the console may ask.
pub const REQUESTS: &[Row<Phase>] = &[
    row(Phase::Open, "Look", Phase::Open),
    row(Phase::Open, "Unlock", Phase::Open),
    row(Phase::Open, "Lock", Phase::Open),
    row(Phase::Open, "End", Phase::Open),
    row(Phase::Open, "Pause", Phase::Open),
    row(Phase::Open, "Resume", Phase::Open),
    row(Phase::Open, "Admit", Phase::Open),
    row(Phase::Open, "Deny", Phase::Open),
    row(Phase::Open, "Rearm", Phase::Open),
];
