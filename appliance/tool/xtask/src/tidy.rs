//! `cargo xtask tidy`: the rules of the house, read off the tree and the resolved graph.

use crate::run::{output, root};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Files longer than this need a seam.
const FILE_LINES_MAX: usize = 600;

/// Foreign crates that reach outside: a domain crate may depend on none of them.
const OUTSIDE: &[&str] = &["libc", "nix", "tokio", "russh", "rusqlite", "landlock", "seccompiler", "mio"];

/// Checks everything and lists all that is wrong.
pub fn tidy() -> Result<(), String> {
    let mut faults = Vec::new();
    dependency_rule(&mut faults)?;
    let files = tracked_files()?;
    for file in &files {
        let Ok(text) = fs::read_to_string(root().join(file)) else { continue };
        let name = file.to_string_lossy();
        if name.ends_with(".rs") {
            source(&name, &text, &mut faults);
        }
        if name.ends_with(".policy") {
            policy_reasons(&name, &text, &mut faults);
        }
        if name.ends_with(".md") {
            paths_exist(&name, &text, &mut faults);
        }
    }
    println!("tidy: {} files read, {} faults", files.len(), faults.len());
    if faults.is_empty() { Ok(()) } else { Err(format!("the house is not tidy:\n  {}", faults.join("\n  "))) }
}

fn tracked_files() -> Result<Vec<PathBuf>, String> {
    let listed = output(Command::new("git").args(["ls-files", "--cached", "--others", "--exclude-standard"]))?;
    Ok(listed.lines().map(PathBuf::from).collect())
}

fn source(name: &str, text: &str, faults: &mut Vec<String>) {
    let lines = text.lines().count();
    if lines > FILE_LINES_MAX {
        faults.push(format!("{name}: {lines} lines, at most {FILE_LINES_MAX}: split it by phase or job"));
    }
    // Written in two parts, so that this file does not find itself.
    let keyword = concat!("un", "safe ");
    let allow = concat!("allow(un", "safe_code");
    if !name.starts_with("appliance/platform/") && (text.contains(keyword) || text.contains(allow)) {
        let code = text.lines().find(|l| !l.trim_start().starts_with("//") && (l.contains(keyword) || l.contains(allow)));
        if code.is_some() {
            faults.push(format!("{name}: only appliance/platform may hold that keyword"));
        }
    }
    let is_crate = name.ends_with("/src/lib.rs") || name.ends_with("/src/main.rs");
    if is_crate && !text.starts_with("//!") {
        faults.push(format!("{name}: begins without saying what it is"));
    }
}

fn policy_reasons(name: &str, text: &str, faults: &mut Vec<String>) {
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        let needs = ["allow ", "fd ", "landlock ", "errno "].iter().any(|word| line.starts_with(word));
        if needs && line.split_once('#').is_none_or(|(_, reason)| reason.trim().is_empty()) {
            faults.push(format!("{name}:{}: no reason on the line", number + 1));
        }
    }
}

/// A path in backticks that begins with a folder of ours has to exist.
fn paths_exist(name: &str, text: &str, faults: &mut Vec<String>) {
    let folders = ["appliance/", "docs/", "image/", "systemd/", "yocto/", "hw-test/"];
    for (number, line) in text.lines().enumerate() {
        for quoted in line.split('`').skip(1).step_by(2) {
            let path = quoted.split_once('#').map_or(quoted, |(path, _)| path);
            let ours = folders.iter().any(|folder| path.starts_with(folder));
            let pattern = path.contains(['*', '<', '{', ' ', 'N']) && !Path::new(path).exists();
            if ours && !pattern && !root().join(path).exists() {
                faults.push(format!("{name}:{}: {path} does not exist", number + 1));
            }
        }
    }
}

/// The tier of a crate of ours: the folder it lies in.
fn tiers(metadata: &Value) -> BTreeMap<String, (String, Vec<String>)> {
    let mut crates = BTreeMap::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let manifest = package["manifest_path"].as_str().unwrap_or_default();
        let Some((_, below)) = manifest.split_once("/appliance/") else { continue };
        let tier = below.split('/').next().unwrap_or_default().to_owned();
        let needs = package["dependencies"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|d| d["kind"].is_null())
            .filter_map(|d| d["name"].as_str().map(str::to_owned))
            .collect();
        crates.insert(package["name"].as_str().unwrap_or_default().to_owned(), (tier, needs));
    }
    crates
}

/// domain ← channel, platform ← process ← proof, tool; no process on another.
fn dependency_rule(faults: &mut Vec<String>) -> Result<(), String> {
    let text = output(Command::new("cargo").args(["metadata", "--locked", "--format-version", "1"]))?;
    let metadata: Value = serde_json::from_str(&text).map_err(|e| format!("cargo metadata: {e}"))?;
    let crates = tiers(&metadata);
    for (name, (tier, needs)) in &crates {
        let may: &[&str] = match tier.as_str() {
            "domain" => &["domain"],
            "channel" => &["domain"],
            // The async link counts the credit that the work border defines.
            "platform" => &["domain", "channel", "platform"],
            "process" => &["domain", "channel", "platform"],
            _ => &["domain", "channel", "platform", "process", "proof", "tool"],
        };
        for need in needs {
            if let Some((other, _)) = crates.get(need)
                && !may.contains(&other.as_str())
            {
                faults.push(format!("{name} ({tier}) depends on {need} ({other})"));
            }
            if matches!(tier.as_str(), "domain" | "channel") && OUTSIDE.contains(&need.as_str()) {
                faults.push(format!("{name} ({tier}) depends on {need}, which reaches outside"));
            }
            if need == "attempt" && tier != "proof" {
                faults.push(format!("{name} depends on attempt, which is for the break-out tests alone"));
            }
            if matches!(name.as_str(), "broker" | "vault" | "launcher") && need == "plantfile" {
                faults.push(format!("{name} would parse TOML: only dinlock and fronts may"));
            }
        }
    }
    Ok(())
}
