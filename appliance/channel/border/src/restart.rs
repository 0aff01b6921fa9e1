//! A broker and the one that follows it: what the launcher keeps of a session, unread.

use crate::mediation::Bound;
use crate::{Line, Name};
use codec::{wire_enum, wire_struct};
use std::net::SocketAddr;

wire_enum! {
    /// How far a session is, as far as a follower must know.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Stand {
        /// Nobody works in it yet.
        1 => Beginning,
        /// Somebody works in it.
        2 => Live,
        /// Its input is frozen.
        3 => Paused,
        /// It was told to end.
        4 => Ending,
    }
}

wire_struct! {
    /// What the launcher keeps of a session for a broker that comes back. Only a broker reads it.
    #[derive(Debug, Clone, PartialEq)]
    pub struct Card {
        /// How far it is.
        pub stand: Stand,
        /// The front of its operator.
        pub front: Option<u64>,
        /// Who.
        pub person: Name,
        /// Which machine.
        pub target: Name,
        /// As whom there.
        pub account: Name,
        /// What grants it.
        pub conduit: Name,
        /// From where.
        pub peer: Option<SocketAddr>,
        /// Unix ms.
        pub started_ms: i64,
        /// When it was granted, ms of CLOCK_BOOTTIME.
        pub begun_ms: u64,
        /// Ms of CLOCK_BOOTTIME.
        pub deadline_ms: u64,
        /// Why then.
        pub bound: Bound,
        /// The idle limit, ms; 0 is none.
        pub idle_ms: u64,
        /// Of one that was told to end: why, as `session::Reason` codes it.
        pub reason: Name,
        /// The same in words.
        pub words: Line,
    }
}
