//! `cargo xtask bench [NAME…]`: starts a box, measures it beside plain OpenSSH, prints and keeps the figures.

use crate::demo::{self, Options};
use crate::run::{output, root};
use bench::{CASES, Lab, Report};
use clap::Args;
use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// Options of the bench.
#[derive(Args)]
pub struct Choice {
    /// What to measure: ssh for streams, prompt, keys and crowd, or one of these; cutoff; bulk.
    #[arg(default_value = "ssh")]
    names: Vec<String>,
}

/// Measures, and says which figures miss their targets.
pub fn bench(choice: &Choice) -> Result<(), String> {
    let cases = bench::cases(&choice.names)?;
    let state = root().join("target/bench");
    let options = Options::detached(state.clone());
    fs::remove_dir_all(&state).ok();
    let mut report = Report::default();
    report.fact("commit", output(Command::new("git").args(["describe", "--always", "--dirty"]))?.trim());
    report.fact("machine", bench::machine());
    demo::demo(&options)?;
    let measured = fs::read_to_string(state.join("demo.json"))
        .map_err(|e| format!("demo.json: {e}"))
        .and_then(|text| serde_json::from_str::<Value>(&text).map_err(|e| format!("demo.json: {e}")))
        .and_then(|facts| measure(&facts, &cases, &mut report));
    let stopped = demo::stop(&state);
    // Gigabytes of recordings; its logs stay for whoever wonders.
    fs::remove_dir_all(state.join("data")).ok();
    let file = keep(&report)?;
    println!("\n{}\n{} figures miss their targets; all are in {}", report.table(), report.missed(), file.display());
    measured.and(stopped)
}

fn measure(facts: &Value, cases: &[&'static str], report: &mut Report) -> Result<(), String> {
    let lab = Lab::lay(facts)?;
    for case in cases {
        let what = CASES.iter().find(|(name, _)| name == case).map_or("", |(_, what)| what);
        println!("measuring {case}: {what}");
        bench::measure(&lab, case, report).map_err(|why| format!("{case}: {why}"))?;
        keep(report)?;
    }
    Ok(())
}

/// Writes what was found so far.
fn keep(report: &Report) -> Result<PathBuf, String> {
    let file = root().join("target/bench.json");
    let text = serde_json::to_string_pretty(&report.json()).map_err(|e| e.to_string())?;
    fs::write(&file, text + "\n").map_err(|e| format!("{}: {e}", file.display()))?;
    Ok(file)
}
