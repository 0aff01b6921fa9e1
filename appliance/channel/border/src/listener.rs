//! Broker and uplink listener: connections are handed on unread.

use crate::{Row, row};
use codec::wire_enum;
use std::net::SocketAddr;

wire_enum! {
    /// Listener to broker.
    #[derive(Debug, Clone, PartialEq)]
    pub enum Event {
        /// A connection waits, unread.
        1 => Accepted { connection: u64, peer: SocketAddr },
        /// It went to the front; the listener holds nothing of it any more.
        2 => HandedOn { connection: u64 },
        /// It is gone before it was handed on.
        3 => Gone { connection: u64 },
    }
}

wire_enum! {
    /// Broker to listener.
    #[derive(Debug, Clone, PartialEq)]
    pub enum Order {
        /// Descriptor: the listener's end of the front's handover pair.
        1 => HandTo { connection: u64 },
        /// Close it.
        2 => Refuse { connection: u64 },
        /// Accept (true), or leave new connections unaccepted (false).
        3 => Accepting { on: bool },
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
    row(Phase::Open, "HandTo", Phase::Open),
    row(Phase::Open, "Refuse", Phase::Open),
    row(Phase::Open, "Accepting", Phase::Open),
];
