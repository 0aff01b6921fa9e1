//! Broker and a front: login, then one target.

use crate::{KeyLine, Line, Name, Row, row};
use codec::{List, Text, wire_enum, wire_struct};
use std::net::SocketAddr;

wire_struct! {
    /// One line of the menu.
    #[derive(Debug, Clone, PartialEq)]
    pub struct Choice {
        /// The target.
        pub target: Name,
        /// The account, where the target has several.
        pub account: Name,
        /// Why not now, or empty.
        pub why_not: Line,
        /// What to know before choosing, or empty: old algorithms, approvals.
        pub warning: Line,
    }
}

wire_enum! {
    /// What the login still needs.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Step {
        /// In.
        1 => Accepted,
        /// The key counts; a one-time code is still needed.
        2 => NeedCode,
        /// Not accepted; the same for a wrong name and a wrong secret.
        3 => Rejected,
    }
}

wire_enum! {
    /// Front to broker.
    #[derive(Debug, Clone, PartialEq)]
    pub enum Request {
        /// May this key log this person in, if it signs?
        1 => KeyOffered { person: Name, key: KeyLine },
        /// The SSH library saw this key's signature. The one claim that a front is trusted with.
        2 => KeySigned { person: Name, key: KeyLine },
        /// What may this person reach?
        3 => Menu,
        /// Open the session.
        4 => Want { target: Name, account: Name },
        /// The operator asked for what the box never does (agent, X11, forward, tunnel, SFTP).
        5 => Refused { what: Name },
    }
}

wire_enum! {
    /// Broker to front.
    #[derive(Debug, Clone, PartialEq)]
    pub enum Answer {
        /// First message.
        1 => Setup { banner: Text<4096>, peer: SocketAddr },
        /// To `KeyOffered`.
        2 => Key { acceptable: bool },
        /// To `KeySigned`, and after the vault checked a secret.
        3 => Login { step: Step },
        /// To `Menu`.
        4 => Choices { choices: List<Choice, 128> },
        /// To `Want`: what is being waited for (approval, connection); more follows.
        5 => Waiting { text: Line },
        /// To `Want`: no, and who can lift it.
        6 => Denied { text: Line },
        /// To `Want`: the session is live. Descriptor: the stream to the mediator.
        7 => Granted { session: u64 },
        /// Ends the connection with this line.
        8 => End { text: Line },
    }
}

/// Before and after login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Nobody yet.
    Login,
    /// A person.
    Known,
    /// A session was asked for.
    Asked,
}

/// What a front may say. The step from `Login` to `Known` is the broker's own, not a message.
pub const REQUESTS: &[Row<Phase>] = &[
    row(Phase::Login, "KeyOffered", Phase::Login),
    row(Phase::Login, "KeySigned", Phase::Login),
    row(Phase::Known, "Menu", Phase::Known),
    row(Phase::Known, "Want", Phase::Asked),
    row(Phase::Known, "Refused", Phase::Known),
    row(Phase::Asked, "Refused", Phase::Asked),
];
