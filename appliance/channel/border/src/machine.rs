//! Broker and a back: which machine, and how the login to it went.

use crate::{KeyLine, Line, Name, Row, row};
use codec::{List, Text, wire_enum};

wire_enum! {
    /// The steps of reaching a machine, in their order.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Step {
        /// TCP.
        1 => Reach,
        /// Version exchange and key exchange.
        2 => KeyExchange,
        /// The pinned host key.
        3 => HostKey,
        /// The account.
        4 => Login,
    }
}

wire_enum! {
    /// Broker to back.
    #[derive(Debug, Clone, PartialEq)]
    pub enum Order {
        /// First message: what is pinned, and which old algorithms this target may use.
        1 => Setup { target: Name, host_keys: List<KeyLine, 8>, legacy: List<Text<64>, 16> },
    }
}

wire_enum! {
    /// Back to broker.
    #[derive(Debug, Clone, PartialEq)]
    pub enum Event {
        /// The host key that the machine showed.
        1 => HostKeySeen { key: KeyLine, fingerprint: Text<128>, pinned: bool },
        /// Logged in.
        2 => Ready,
        /// Not; at which step, the cause, and the mend.
        3 => Failed { step: Step, cause: Line, mend: Line },
    }
}

/// Order of the conversation, seen from the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Connecting.
    Connecting,
    /// The host key is known.
    Keyed,
    /// Logged in.
    Ready,
}

/// What a back may say.
pub const EVENTS: &[Row<Phase>] = &[
    row(Phase::Connecting, "HostKeySeen", Phase::Keyed),
    row(Phase::Connecting, "Failed", Phase::Ready),
    row(Phase::Keyed, "Ready", Phase::Ready),
    row(Phase::Keyed, "Failed", Phase::Ready),
];
