//! The audit ledger: a chain of rows that cannot be edited without being found out.
//!
//! Bytes in, bytes out: the vault owns the file and the disk. It must never accept a row whose hash,
//! number, form or signature is not exactly right, never write two forms of one row, and never
//! panic on a file's bytes. Proof: `tests/chain.rs`, `tests/export.rs`, `tests/manifest.rs`, `tests/marks.rs`.
//!
//! The format is `docs/formats/ledger.md`, and other programs read it from there: a change of a byte
//! here is a new version there. What a chain alone cannot show is a file rolled back to an older
//! head; for that, heads are compared ([`Report::seq`], [`Report::head`]).

mod event;
mod export;
mod fault;
mod hex;
mod json;
pub mod manifest;
pub mod marks;
mod row;
mod verify;
mod writer;

pub use ed25519_dalek::{SigningKey, VerifyingKey};
pub use event::{At, CHECKPOINT, Category, Event, Outcome};
pub use export::{ExportReport, Exporter, export, verify_export};
pub use fault::{Fault, Problem};
pub use hex::{hex, unhex};
pub use row::{Hash, Row, parse};
pub use verify::{Checker, Report, verify};
pub use writer::{Cut, Resumed, Writer};
