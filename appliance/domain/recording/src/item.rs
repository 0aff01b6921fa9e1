//! What happened in a session, and when.

use codec::{Bytes, Text, wire_enum, wire_struct};

wire_struct! {
    /// One thing that happened.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Item {
        /// Microseconds since the session began, on a clock that never jumps.
        pub at_us: u64,
        /// What it was.
        pub what: What,
    }
}

wire_enum! {
    /// Which way bytes went.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Direction {
        /// From the operator to the target.
        1 => ToTarget,
        /// From the target to the operator.
        2 => FromTarget,
    }
}

wire_enum! {
    /// Kinds of things that happen. The tags are part of the format.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum What {
        /// Bytes that the target sent to the operator.
        1 => Output {
            /// The channel.
            channel: u32,
            /// 0 is output, 1 is error output.
            stream: u8,
            /// The bytes, as the operator got them.
            bytes: Bytes<65536>,
        },
        /// What the operator typed, and the target echoed or the policy records.
        2 => Input {
            /// The channel.
            channel: u32,
            /// The bytes, as the target got them.
            bytes: Bytes<65536>,
        },
        /// Input whose text is not recorded, such as a password.
        3 => InputHidden {
            /// The channel.
            channel: u32,
            /// How many bytes.
            length: u32,
        },
        /// Bulk bytes (a file, a forwarded stream) that are recorded by their hash alone.
        4 => BulkHash {
            /// The channel.
            channel: u32,
            /// Which way they went.
            direction: Direction,
            /// How many bytes.
            length: u64,
            /// SHA-256 of them.
            sha256: [u8; 32],
        },
        /// The terminal's size changed.
        5 => Resize {
            /// The channel.
            channel: u32,
            /// Columns.
            cols: u16,
            /// Rows.
            rows: u16,
        },
        /// A channel was opened.
        6 => Opened {
            /// The channel.
            channel: u32,
            /// Whether it has a terminal.
            pty: bool,
            /// The command; none is a shell.
            command: Option<Text<4096>>,
        },
        /// A channel was closed.
        7 => Closed {
            /// The channel.
            channel: u32,
            /// The exit status, where there was one.
            code: Option<u32>,
            /// The signal that ended it, where one did.
            signal: Option<Text<32>>,
        },
        /// Something that the box did or saw: a pause, a takeover, a warning.
        8 => Mark {
            /// What it was, such as `paused`.
            kind: Text<32>,
            /// The rest, for people.
            text: Text<512>,
        },
    }
}

impl What {
    /// The channel that it belongs to; none for what concerns the whole session.
    pub fn channel(&self) -> Option<u32> {
        match self {
            Self::Output { channel, .. }
            | Self::Input { channel, .. }
            | Self::InputHidden { channel, .. }
            | Self::BulkHash { channel, .. }
            | Self::Resize { channel, .. }
            | Self::Opened { channel, .. }
            | Self::Closed { channel, .. } => Some(*channel),
            Self::Mark { .. } => None,
        }
    }
}
