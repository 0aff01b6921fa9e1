//! Broker and OT connector: one dial to one named address, handed on unread.

use crate::{Line, Row, row};
use codec::wire_enum;
use std::net::SocketAddr;

wire_enum! {
    /// Broker to connector.
    #[derive(Debug, Clone, PartialEq)]
    pub enum Order {
        /// Descriptor: the connector's end of the back's handover pair.
        1 => Dial { session: u64, address: SocketAddr, timeout_ms: u32 },
        /// The session ended while dialling.
        2 => Cancel { session: u64 },
    }
}

wire_enum! {
    /// Connector to broker.
    #[derive(Debug, Clone, PartialEq)]
    pub enum Event {
        /// The connection went to the back.
        1 => HandedOn { session: u64 },
        /// No connection; why, in words for the operator.
        2 => Failed { session: u64, why: Line },
    }
}

/// The one phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Serving.
    Open,
}

/// What the broker may order.
pub const ORDERS: &[Row<Phase>] =
    &[row(Phase::Open, "Dial", Phase::Open), row(Phase::Open, "Cancel", Phase::Open)];
