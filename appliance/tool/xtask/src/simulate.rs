//! `cargo xtask simulate`: the box in one process, by seeds (`appliance/proof/simulator`).

use crate::run::succeed;
use std::process::Command;

/// Which stories.
#[derive(clap::Args)]
pub struct Options {
    /// Replays one story and shows its events.
    #[arg(long, conflicts_with_all = ["seeds", "from"])]
    seed: Option<u64>,
    /// Runs so many.
    #[arg(long, default_value_t = 1000)]
    seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Goes on after a story that fails, and counts what failed.
    #[arg(long)]
    survey: bool,
}

/// Builds the simulator with what the tests are built with, so that a seed means the same, and runs it.
pub fn simulate(options: &Options) -> Result<(), String> {
    let mut command = Command::new("cargo");
    command.args(["run", "--quiet", "--locked", "--package", "simulator", "--"]);
    match options.seed {
        Some(seed) => command.args(["--seed", &seed.to_string()]),
        None => command.args(["--seeds", &options.seeds.to_string(), "--from", &options.from.to_string()]),
    };
    if options.survey {
        command.arg("--survey");
    }
    succeed(&mut command)
}
