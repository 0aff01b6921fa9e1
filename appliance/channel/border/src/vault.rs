//! Broker and vault.

use crate::{Line, Name, Row, row};
use codec::{Bytes, Text, wire_enum, wire_struct};
use std::net::IpAddr;

wire_struct! {
    /// One thing to audit, as `ledger::Event` (IEC 62443-3-3 SR 2.8 names the fields).
    #[derive(Debug, Clone, PartialEq)]
    pub struct Audit {
        /// Category, as the ledger names it.
        pub category: Name,
        /// What happened.
        pub kind: Text<48>,
        /// `ok`, `refused` or `failed`.
        pub result: Name,
        /// The requirement that it serves.
        pub requirement: Name,
        /// Who.
        pub person: Option<Name>,
        /// Which session.
        pub session: Option<u64>,
        /// Which target.
        pub target: Option<Name>,
        /// From where.
        pub peer: Option<Text<64>>,
        /// Words.
        pub detail: Line,
    }
}

wire_enum! {
    /// Broker to vault.
    #[derive(Debug, Clone, PartialEq)]
    pub enum Request {
        /// Descriptor: the vault's end of a front's secrets pair.
        1 => OpenFront { worker: u64, source: IpAddr },
        /// Descriptor: the vault's end of a back's secrets pair. Sends the credential and closes.
        2 => GiveCredential { session: u64, secret: Name, user: Text<64>, key: bool },
        /// Descriptor: the vault's end of a mediator's record pair.
        3 => OpenRecording { session: u64, person: Name, target: Name },
        /// One row.
        4 => Write { audit: Audit },
        /// Descriptor: a sealed memfd with the encoded plant. Answered by `Done` or `Failed`.
        5 => StorePlant { ticket: u64 },
        /// A target's secret. Answered by `Done` or `Failed`.
        6 => SetSecret { ticket: u64, name: Name, value: Bytes<16384> },
        /// A person's password and one-time seed. Answered by `Done` or `Failed`.
        7 => SetPerson { ticket: u64, person: Name, password: Option<Bytes<256>>, totp: Option<Bytes<64>> },
        /// Answered by `Document` with JSON lines: the recordings.
        8 => Recordings { ticket: u64 },
        /// Answered by `Document`: a recording's file as it stands, its ledger rows, its manifest.
        9 => ExportRecording { ticket: u64, session: u64 },
        /// Answered by `Document`: the ledger's rows `from..=to`, as a signed export.
        10 => ExportAudit { ticket: u64, from: u64, to: u64 },
        /// Which person logs in next at this front needs these checks (told after `KeySigned`).
        11 => Expect { worker: u64, person: Name, password: bool, code: bool },
        /// As `ExportAudit`, to the last row, for one who reads on where they stopped a moment ago: the row
        /// that says who reads is written already.
        12 => FollowAudit { ticket: u64, from: u64 },
        /// Descriptor: the vault's end of the console's pair. Answered by `PinChecked`.
        13 => OpenPin { ticket: u64, person: Name },
        /// A person's PIN for the console. Answered by `Done` or `Failed`.
        14 => SetPin { ticket: u64, person: Name, pin: Bytes<16> },
        /// Descriptor: a sealed memfd with the encoded `model::Blocks`. Answered by `Done` or `Failed`.
        20 => StoreBlocks { ticket: u64 },
        /// Descriptor: the vault's end of a pair whose other end `dinlock` on the box has: one person's
        /// password and code, as far as these are asked for. No host key passes it. Answered by `Checked`.
        21 => OpenCheck { worker: u64, source: IpAddr, person: Name, password: bool, code: bool },
    }
}

wire_enum! {
    /// What came of a PIN.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Pin {
        /// It is theirs.
        1 => Right,
        /// It is not.
        2 => Wrong,
        /// It was not looked at: this person's wrong ones make wait so long.
        3 => Wait { seconds: u32 },
        /// They have none.
        4 => None,
        /// The console closed without one, or broke its border.
        5 => NotGiven,
    }
}

wire_enum! {
    /// Vault to broker.
    #[derive(Debug, Clone, PartialEq)]
    pub enum Event {
        /// First message, but for `Blocks`. Descriptor, if `plant`: a sealed memfd with the stored plant.
        1 => Ready { box_key: [u8; 32], plant: bool, next_session: u64 },
        /// A front's secret was checked.
        2 => Checked { worker: u64, person: Name, password: bool, code: bool, why: Line },
        /// The front broke its border's rules.
        3 => FrontOutOfTurn { worker: u64, why: Line },
        /// The recording's file is open.
        4 => RecordingOpen { session: u64 },
        /// It can't be written.
        5 => RecordingFailed { session: u64, why: Line },
        /// A request was done.
        6 => Done { ticket: u64 },
        /// A request was not done.
        7 => Failed { ticket: u64, why: Line },
        /// Descriptors: sealed memfds, as the request says.
        8 => Document { ticket: u64 },
        /// Free space on the data disk, each second and on change.
        /// `days_left` is until new sessions are refused, at the pace of what was recorded; none is unknown.
        9 => Disk { free_mb: u64, refuse: bool, days_left: Option<u32> },
        /// To `OpenPin`.
        10 => PinChecked { ticket: u64, pin: Pin },
        /// It lives; each 250 ms, from its main loop.
        20 => Beat,
        /// Before `Ready`, if there are any: the stored blocks. Descriptor: a sealed memfd with them.
        21 => Blocks,
    }
}

/// The one phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Serving.
    Open,
}

/// What the broker may ask.
pub const REQUESTS: &[Row<Phase>] = &[
    row(Phase::Open, "OpenFront", Phase::Open),
    row(Phase::Open, "GiveCredential", Phase::Open),
    row(Phase::Open, "OpenRecording", Phase::Open),
    row(Phase::Open, "Write", Phase::Open),
    row(Phase::Open, "StorePlant", Phase::Open),
    row(Phase::Open, "SetSecret", Phase::Open),
    row(Phase::Open, "SetPerson", Phase::Open),
    row(Phase::Open, "Recordings", Phase::Open),
    row(Phase::Open, "ExportRecording", Phase::Open),
    row(Phase::Open, "ExportAudit", Phase::Open),
    row(Phase::Open, "FollowAudit", Phase::Open),
    row(Phase::Open, "Expect", Phase::Open),
    row(Phase::Open, "OpenPin", Phase::Open),
    row(Phase::Open, "SetPin", Phase::Open),
    row(Phase::Open, "StoreBlocks", Phase::Open),
    row(Phase::Open, "OpenCheck", Phase::Open),
];
