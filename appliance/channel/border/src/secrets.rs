//! A worker and the vault: the one place where secrets travel.

use crate::{Name, Row, row};
use codec::{Bytes, Text, wire_enum};

wire_enum! {
    /// Front or console to vault. The answer to `Check` goes to the broker, who tells the front.
    #[derive(Debug, Clone, PartialEq)]
    pub enum Request {
        /// The box's SSH host key.
        1 => HostKey,
        /// What the person typed.
        2 => Check {
            /// Who they say they are.
            person: Name,
            /// The password, where it is part of the login.
            password: Option<Bytes<256>>,
            /// The one-time code.
            code: Option<Text<16>>
        },
        /// From the console: the PIN of the person whom the broker named. The answer goes to the broker.
        3 => Pin { pin: Bytes<16> },
    }
}

wire_enum! {
    /// How to log in to the machine.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Kind {
        /// A password.
        1 => Password,
        /// A private key in OpenSSH's form.
        2 => Key,
    }
}

wire_enum! {
    /// Vault to worker.
    #[derive(Debug, Clone, PartialEq)]
    pub enum Answer {
        /// To a front: the host key, OpenSSH's private form.
        1 => HostKey { key: Bytes<8192> },
        /// To a back, unasked, once.
        2 => Credential { user: Text<64>, kind: Kind, secret: Bytes<16384> },
        /// To a back: there is none.
        3 => NoCredential { name: Name },
    }
}

/// A front's phase, or the console's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Before the host key was given.
    Start,
    /// It was given, once.
    Login,
    /// The console's: a PIN may come.
    Pin,
    /// It came: nothing more may.
    Given,
}

/// What a front, or the console, may ask of the vault.
pub const REQUESTS: &[Row<Phase>] = &[
    row(Phase::Start, "HostKey", Phase::Login),
    row(Phase::Login, "Check", Phase::Login),
    row(Phase::Pin, "Pin", Phase::Given),
];
