//! `cargo xtask test`: what CI runs.

use crate::{run::succeed, setup, tidy};
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

    step("tests");
    succeed(Command::new("cargo").args(["nextest", "run", "--locked", "--workspace", "--no-fail-fast"]))
}
