//! The decision point: who may do what when, from the accepted connection to the session's end.
//!
//! It must never hold a network descriptor, open a file, read foreign bytes or see a secret of a
//! machine. Its rules are `core`, which has no I/O; `shell` is the loop around it. Proof:
//! `tests/core.rs`; the whole box: `appliance/proof/testsuite`.

mod consoles;
pub mod core;
mod links;
mod peers;
mod shell;

use entry::Process;
use std::process::ExitCode;

/// The whole process.
pub fn run() -> ExitCode {
    let process = Process { name: "broker", policy: include_str!("../sandbox.policy") };
    entry::run(process, shell::prepare, shell::serve)
}
