//! `cargo xtask`: the one command of everybody who builds, tests or tries the box.
//!
//! It must never be part of the box. Each verb is one module.

mod bench;
mod demo;
mod fuzz;
mod run;
mod setup;
mod simulate;
mod test;
mod tidy;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Builds, tests and tries Dinlock.
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Runs the box on this machine, with a small plant.
    Demo(demo::Options),
    /// Searches for bytes on which a decoder breaks its promises.
    Fuzz(fuzz::Options),
    /// Measures the box beside plain OpenSSH; needs root.
    Bench(bench::Choice),
    /// Installs what is missing and runs everything that CI runs.
    Test,
    /// Runs the box in one process through random stories, each from a seed.
    Simulate(simulate::Options),
    /// Checks the house: dependency rule, unsafe, reasons on policy lines, paths in docs.
    Tidy,
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().verb {
        Verb::Demo(options) => demo::demo(&options),
        Verb::Fuzz(options) => fuzz::fuzz(&options),
        Verb::Bench(choice) => bench::bench(&choice),
        Verb::Test => test::test(),
        Verb::Simulate(options) => simulate::simulate(&options),
        Verb::Tidy => tidy::tidy(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("xtask: {why}");
            ExitCode::FAILURE
        }
    }
}
