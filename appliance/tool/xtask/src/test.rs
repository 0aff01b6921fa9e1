//! `cargo xtask test`: what CI runs.

use crate::run::{output, succeed};
use crate::{setup, tidy};
use std::process::Command;
use std::time::Instant;

/// Installs what is missing, then tidy, libraries, lints, the executables, and every test: the
/// simulator's fixed seeds are among them (`appliance/proof/simulator/tests/seeds.rs`).
pub fn test() -> Result<(), String> {
    let start = Instant::now();
    let step = |name: &str| println!("\n== {name} ({} s)", start.elapsed().as_secs());

    step("what is missing");
    setup::ensure()?;

    step("tidy");
    tidy::tidy()?;

    step("libraries");
    succeed(Command::new("cargo").args(["deny", "--log-level", "error", "check", "licenses", "bans", "sources"]))?;

    step("lints");
    let lints = ["clippy", "--locked", "--workspace", "--all-targets", "--", "--deny", "warnings"];
    succeed(Command::new("cargo").args(lints))?;

    step("executables, as the box runs them");
    succeed(Command::new("cargo").args(["build", "--locked", "--release", "--workspace", "--bins"]))?;

    step("tests that no run would run");
    all_run()?;

    step("tests");
    succeed(Command::new("cargo").args(["nextest", "run", "--locked", "--workspace", "--no-fail-fast"]))
}

/// Measures, which claim nothing: the only tests that are left out.
const MEASURES: [&str; 2] = ["mediator::sockets speed", "recording::container speed"];

/// A test that its runner takes for an ignored one is skipped without a word: that is an error.
fn all_run() -> Result<(), String> {
    let list = ["nextest", "list", "--locked", "--workspace", "--run-ignored", "only", "--message-format", "oneline"];
    let listed = output(Command::new("cargo").args(list))?;
    match listed.lines().find(|name| !MEASURES.contains(&name.trim())) {
        Some(name) => Err(format!("{name} is taken for an ignored test: mend how its executable answers --list --ignored")),
        None => Ok(()),
    }
}
