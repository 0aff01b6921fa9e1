//! `cargo xtask fuzz`: a guided search for bytes on which a decoder breaks its promises.
//!
//! libFuzzer finds its way by what the compiler counts: these flags are stable ones, so the box's own
//! toolchain does. Memory is held to the oracle's limit; what has no end is cut off after ten seconds.

use crate::run::{output, root, succeed};
use clap::Args;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Which targets, and for how long.
#[derive(Args)]
pub struct Options {
    /// The targets' names.
    names: Vec<String>,
    /// Lists the targets.
    #[arg(long)]
    list: bool,
    /// Takes every target, one after the other.
    #[arg(long, conflicts_with = "names")]
    all: bool,
    /// How long to search, for each target.
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// Runs the one target on this file alone: an input that was found before.
    #[arg(long)]
    input: Option<PathBuf>,
}

const FOLDER: &str = "appliance/proof/fuzz";
/// Named, so that these flags are for the box's code and not for build scripts.
const MACHINE: &str = "x86_64-unknown-linux-gnu";
/// Counts edges and watches comparisons (LLVM's SanitizerCoverage).
const FLAGS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";

/// Lists targets, or builds and runs them.
pub fn fuzz(options: &Options) -> Result<(), String> {
    let known = targets()?;
    if options.list {
        known.iter().for_each(|name| println!("{name}"));
        return Ok(());
    }
    let names = if options.all { &known } else { &options.names };
    if let Some(name) = names.iter().find(|name| !known.contains(name)) {
        return Err(format!("there is no fuzz target {name}: `cargo xtask fuzz --list` names them"));
    }
    if names.is_empty() {
        return Err("name a target, or give --all: `cargo xtask fuzz --list` names them".to_owned());
    }
    crate::setup::compiler_of_cxx()?;
    let target = target_folder()?;
    build(names, &target)?;
    if let Some(input) = &options.input {
        let input = fs::canonicalize(input).map_err(|e| format!("{}: {e}", input.display()))?;
        return succeed(Command::new(executable(&target, &names[0])).arg(input));
    }
    let failed: Vec<String> = names.iter().filter_map(|name| search(name, options.seconds, &target).err()).collect();
    if failed.is_empty() { Ok(()) } else { Err(failed.join("\n")) }
}

/// One file is one target.
fn targets() -> Result<Vec<String>, String> {
    let folder = root().join(FOLDER).join("src/bin");
    let entries = fs::read_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let name = |path: PathBuf| Some(path.file_stem()?.to_str()?.to_owned());
    let mut names: Vec<String> = entries.flatten().filter_map(|entry| name(entry.path())).collect();
    names.sort();
    Ok(names)
}

/// Where everything goes that a search makes: below the box's own target folder.
fn target_folder() -> Result<PathBuf, String> {
    let text = output(Command::new("cargo").args(["metadata", "--locked", "--no-deps", "--format-version", "1"]))?;
    let metadata: serde_json::Value = serde_json::from_str(&text).map_err(|e| format!("cargo metadata: {e}"))?;
    let folder = metadata["target_directory"].as_str().ok_or("cargo metadata names no target folder")?;
    Ok(Path::new(folder).join("fuzz"))
}

fn executable(target: &Path, name: &str) -> PathBuf {
    target.join(MACHINE).join("release").join(name)
}

/// Builds targets with the libraries of the box, and each one's seeds.
fn build(names: &[String], target: &Path) -> Result<(), String> {
    let (ours, lock) = (root().join("Cargo.lock"), root().join(FOLDER).join("Cargo.lock"));
    let written = |path: &Path| fs::metadata(path).and_then(|facts| facts.modified());
    if !written(&lock).is_ok_and(|fuzz| written(&ours).is_ok_and(|ours| ours < fuzz)) {
        fs::copy(&ours, &lock).map_err(|e| format!("{}: {e}", lock.display()))?;
    }
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--release", "--manifest-path", &format!("{FOLDER}/Cargo.toml"), "--target", MACHINE]);
    cargo.arg("--target-dir").arg(target).env("RUSTFLAGS", FLAGS);
    for name in names {
        cargo.args(["--bin", name]);
    }
    succeed(&mut cargo)?;
    for name in names {
        let mut seeds = Command::new("cargo");
        seeds.args(["run", "--locked", "--quiet", "--package", "oracles", "--example", "seeds", "--", name]);
        succeed(seeds.arg(target.join("corpus").join(name)))?;
    }
    Ok(())
}

/// Searches, and says in one line what came of it.
fn search(name: &str, seconds: u32, target: &Path) -> Result<(), String> {
    let (corpus, found) = (target.join("corpus").join(name), target.join("found").join(name));
    fs::create_dir_all(&found).map_err(|e| format!("{}: {e}", found.display()))?;
    let log = target.join(format!("{name}.log"));
    let file = fs::File::create(&log).map_err(|e| format!("{}: {e}", log.display()))?;
    let mut search = Command::new(executable(target, name));
    search.arg(format!("-max_total_time={seconds}")).arg(format!("-artifact_prefix={}/", found.display()));
    search.args(["-timeout=10", "-rss_limit_mb=1024", "-max_len=8192", "-use_value_profile=1", "-print_final_stats=1"]);
    let status = search.arg(&corpus).current_dir(target).stdout(Stdio::null()).stderr(file).status();
    let status = status.map_err(|e| format!("can't start the target {name}: {e}"))?;
    let text = String::from_utf8_lossy(&fs::read(&log).unwrap_or_default()).into_owned();
    let last = |word: &str| text.lines().rev().find_map(|line| line.split_once(word)).map_or("?", |(_, rest)| rest.trim());
    let first = |rest: &'_ str| rest.split(' ').next().unwrap_or_default().to_owned();
    let (units, edges) = (first(last("stat::number_of_executed_units:")), first(last(" cov: ")));
    if status.success() {
        println!("{name:20} {units:>10} inputs, {edges:>6} edges, nothing found");
        return Ok(());
    }
    let why = text.lines().skip_while(|line| !line.contains("panicked at")).take(2).collect::<Vec<_>>().join(": ");
    let why = if why.is_empty() { last("ERROR: libFuzzer: ").to_owned() } else { why };
    let input = last("Test unit written to ");
    println!("{name:20} {units:>10} inputs, {edges:>6} edges, FOUND {why}");
    Err(format!("{name}: {why}\n  again: cargo xtask fuzz {name} --input {input}\n  in full: {}", log.display()))
}
