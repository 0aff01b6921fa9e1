//! The typed stream of a session: front to mediator, mediator to back, and an observer's copy.
//!
//! Flow control is by credit, per channel and direction: who sends `Data` needs credit from the far
//! end, so a stuck channel stops only itself.

use crate::{DATA_BYTES_MAX, Line, Name, Row, row};
use codec::{Bytes, List, Text, wire_enum, wire_struct};

/// Credit that each side of a channel has at its opening, in bytes.
pub const CREDIT_AT_OPEN: u32 = 1024 * 1024;
/// Channels of one session at once.
pub const CHANNELS_MAX: usize = 32;

wire_struct! {
    /// A terminal as the operator's client asked for it (RFC 4254 6.2).
    #[derive(Debug, Clone, PartialEq)]
    pub struct Pty {
        /// TERM.
        pub term: Text<64>,
        /// Columns.
        pub cols: u16,
        /// Rows.
        pub rows: u16,
        /// Modes: opcode and value (RFC 4254 8).
        pub modes: List<Mode, 128>,
    }
}

wire_struct! {
    /// One terminal mode.
    #[derive(Debug, Clone, Copy, PartialEq)]
    pub struct Mode {
        /// Opcode.
        pub opcode: u8,
        /// Value.
        pub value: u32,
    }
}

wire_struct! {
    /// One environment variable; only locale names pass.
    #[derive(Debug, Clone, PartialEq)]
    pub struct Variable {
        /// Name.
        pub name: Text<64>,
        /// Value.
        pub value: Text<256>,
    }
}

wire_enum! {
    /// Towards the machine.
    #[derive(Debug, Clone, PartialEq)]
    pub enum Down {
        /// A shell (no command) or a command.
        1 => Open { channel: u32, pty: Option<Pty>, command: Option<Text<32768>>, variables: List<Variable, 16> },
        /// What the person typed, or a byte stream.
        2 => Data { channel: u32, bytes: Bytes<DATA_BYTES_MAX> },
        /// No more data.
        3 => Eof { channel: u32 },
        /// A new size.
        4 => Resize { channel: u32, cols: u16, rows: u16 },
        /// A signal by name, without SIG (RFC 4254 6.9).
        5 => Signal { channel: u32, name: Name },
        /// The operator's side closed it.
        6 => Close { channel: u32 },
        /// The operator's side can take so many more bytes.
        7 => Credit { channel: u32, bytes: u32 },
    }
}

wire_enum! {
    /// Towards the operator.
    #[derive(Debug, Clone, PartialEq)]
    pub enum Up {
        /// It runs.
        1 => Opened { channel: u32 },
        /// It does not.
        2 => OpenFailed { channel: u32, text: Line },
        /// Output; `stream` 0 is standard output, 1 standard error.
        3 => Data { channel: u32, stream: u8, bytes: Bytes<DATA_BYTES_MAX> },
        /// No more data.
        4 => Eof { channel: u32 },
        /// Exit status.
        5 => Exit { channel: u32, status: u32 },
        /// Ended by a signal.
        6 => ExitSignal { channel: u32, name: Name, core: bool, message: Line },
        /// Nothing follows on this channel.
        7 => Close { channel: u32 },
        /// The machine's side can take so many more bytes.
        8 => Credit { channel: u32, bytes: u32 },
        /// A word of the box to the person.
        9 => Notice { text: Line },
        /// The session ended; why. Last message.
        10 => End { text: Line },
    }
}

/// One phase; each channel's own order is the mediator's to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Live.
    Open,
}

/// What a front may send.
pub const DOWN: &[Row<Phase>] = &[
    row(Phase::Open, "Open", Phase::Open),
    row(Phase::Open, "Data", Phase::Open),
    row(Phase::Open, "Eof", Phase::Open),
    row(Phase::Open, "Resize", Phase::Open),
    row(Phase::Open, "Signal", Phase::Open),
    row(Phase::Open, "Close", Phase::Open),
    row(Phase::Open, "Credit", Phase::Open),
];

/// What a back may send: `Notice` and `End` are the mediator's alone.
pub const UP: &[Row<Phase>] = &[
    row(Phase::Open, "Opened", Phase::Open),
    row(Phase::Open, "OpenFailed", Phase::Open),
    row(Phase::Open, "Data", Phase::Open),
    row(Phase::Open, "Eof", Phase::Open),
    row(Phase::Open, "Exit", Phase::Open),
    row(Phase::Open, "ExitSignal", Phase::Open),
    row(Phase::Open, "Close", Phase::Open),
    row(Phase::Open, "Credit", Phase::Open),
];
