//! Cuts the box off when a person wants it, ends sessions that outlive their end, and feeds the watchdog while
//! all of that can be done.
//!
//! It must never wait for a disk, a person or another part, never allocate once it runs, parse nothing but
//! messages of a fixed size, and never take for done what it has not read back. Its rules are
//! `appliance/domain/guard`. Proof: `tests/`, `appliance/domain/guard/tests`, and the whole box under load in
//! `appliance/proof/testsuite/tests/cutoff.rs`.
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod doors;
mod hands;
mod prepare;
mod senses;
mod shell;
mod talk;

use entry::Process;
use std::process::ExitCode;

/// The whole process.
pub fn run() -> ExitCode {
    entry::run(Process { name: "guardian", policy: include_str!("../sandbox.policy") }, prepare::prepare, shell::serve)
}
