//! What the room wants done, and why it ends a peer.

use border::OutOfTurn;
use codec::Malformed;
use std::fmt;

/// One action, to be done in the order given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Send to the operator's side: an encoded `work::Up`.
    Front(Vec<u8>),
    /// Send the message that was just received to the operator's side.
    FrontSame,
    /// Send to the machine's side: an encoded `work::Down`.
    Back(Vec<u8>),
    /// Send to the vault: an encoded `record::Entry`.
    Record(Vec<u8>),
    /// Send to the broker: an encoded `mediation::Event`.
    Control(Vec<u8>),
    /// The descriptor that just came becomes the observer of this number.
    Admit(u64),
    /// Send to one observer: an encoded `work::Up`.
    Observer(u64, Vec<u8>),
    /// Send to all observers.
    Observers(Vec<u8>),
    /// Send the message that was just received to all observers.
    ObserversSame,
    /// One line for the log.
    Say(String),
    /// Everything is over: leave.
    Leave,
}

/// What a peer did that its border does not allow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Broken {
    /// Not a message.
    Malformed(Malformed),
    /// A message out of its phase.
    Table(OutOfTurn),
    /// Too many or too few descriptors: how many came.
    Descriptors(usize),
    /// Against a channel's own order.
    Channel {
        /// Which.
        channel: u32,
        /// What.
        what: &'static str,
    },
    /// An end whose reason is none of `session::Reason`.
    Reason,
    /// The vault acknowledged what was never sent, or took an acknowledgement back.
    Acknowledged(u64),
    /// Bytes in the guardian's pipe, to which nobody writes.
    Lifeline,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(error) => write!(f, "{error}"),
            Self::Table(error) => write!(f, "{error}"),
            Self::Descriptors(count) => write!(f, "{count} descriptors came where they may not"),
            Self::Channel { channel, what } => write!(f, "channel {channel}: {what}"),
            Self::Reason => write!(f, "an end for no known reason"),
            Self::Lifeline => write!(f, "its lifeline is no channel for messages"),
            Self::Acknowledged(entries) => write!(f, "{entries} entries can't be in hand"),
        }
    }
}

impl std::error::Error for Broken {}

impl From<Malformed> for Broken {
    fn from(error: Malformed) -> Self {
        Self::Malformed(error)
    }
}

impl From<OutOfTurn> for Broken {
    fn from(error: OutOfTurn) -> Self {
        Self::Table(error)
    }
}
