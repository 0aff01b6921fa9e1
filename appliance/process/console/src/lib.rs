//! The local screen: who is in, how the box stands, who waits to be admitted; the cut-off key on a terminal.
//!
//! It must never decide anything, keep a PIN, nor stop showing the guardian's state because the broker is
//! away. `desk` are its rules and `screen` its picture, both without I/O; `shell` is the loop around them.
//! Proof: `tests/desk.rs`, `tests/captures.rs`; its sandbox: `appliance/proof/breakout/tests/console.rs`.

pub mod desk;
pub mod keys;
pub mod paint;
pub mod screen;
mod shell;
pub mod words;

use entry::Process;
use std::process::ExitCode;

/// The exit code of a console that wants to be started again, with new sockets (EX_TEMPFAIL of sysexits.h).
pub const AGAIN: u8 = 75;

/// The whole process.
pub fn run() -> ExitCode {
    let process = Process { name: "console", policy: include_str!("../sandbox.policy") };
    entry::run(process, shell::prepare, shell::serve)
}
