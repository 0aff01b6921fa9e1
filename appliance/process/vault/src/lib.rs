//! The vault: audit ledger, recordings, secrets and keys; it checks what people type.
//!
//! It must never call kept what the disk does not durably hold, never let its answers wait for the
//! disk, never give a recording or the ledger out without a row that says so (who follows the log is one
//! reader, written down as they begin), and never tell a wrong name from a wrong secret. Proof:
//! `tests/power_cuts.rs` (with its negative: without syncs it fails), `tests/logins.rs`, `tests/secrets.rs`,
//! `tests/process.rs` (the real process, a full disk).
//!
//! Threads: `main` answers and never touches the disk; `disk` writes what is in hand, in order;
//! `checks` hashes passwords; `log` copies rows to the system's log.

pub mod book;
pub mod checks;
pub mod disk;
pub mod keeper;
pub mod keys;
pub mod secrets;
pub mod totp;
pub mod index;
mod log;
pub mod queue;
pub mod space;
pub mod works;
mod checking;
mod hall;
mod pins;
mod rooms;
mod start;

pub use hall::event_of;
pub use start::{Prepared, prepare, serve};
