//! A session's recording: one append-only file of sealed frames that only auditors can open.
//!
//! Bytes in, bytes out: the mediator seals, the vault appends what it cannot read, an auditor reads.
//! It must never write two frames under one nonce, never show an item that is not exactly what was
//! sealed, in its place, and never reserve more memory than the format's limits for bytes that
//! nobody vouches for. Proof: `tests/container.rs`, `tests/check.rs`, `tests/export.rs`.
//!
//! The format is `docs/formats/recording.md`, and other programs read it from there: a change of a
//! byte here is a new version there. What a recording alone cannot show is that its newest frames
//! were taken away while it was still open; the ledger's durable marks show that ([`check`]).

mod cast;
mod check;
mod error;
mod frame;
mod header;
mod item;
mod marker;
mod reader;
mod sealer;
mod text;
mod utf8;

pub use cast::Cast;
pub use check::{CheckReport, check};
pub use error::{CheckError, ReadError, SealError};
pub use frame::{MAX_OUTPUT, MAX_PLAIN};
pub use header::{Header, MAX_RECIPIENTS, peek, wrap};
pub use item::{Direction, Item, What};
pub use marker::Marker;
pub use reader::{End, Reader, read_closed};
pub use sealer::Sealer;
pub use text::Transcript;

/// The number of a channel inside a session.
pub type Channel = u32;
