//! What the kernel says about processes and files: memory, processor time, sizes.

use std::fs;
use std::path::Path;

/// Clock ticks of a second in `/proc/PID/stat`: the same on every Linux that we run on.
const TICKS: f64 = 100.0;

/// Processes whose first argument is this word.
pub(crate) fn named(name: &str) -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().filter_map(Result::ok);
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let is = |pid: &u32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        line.split(|byte| *byte == 0).next() == Some(name.as_bytes())
    };
    pids.filter(is).collect()
}

/// A process's proportional share of memory, in KiB.
///
/// # Errors
/// In words, if it is gone.
pub(crate) fn pss_kib(pid: u32) -> Result<f64, String> {
    let path = format!("/proc/{pid}/smaps_rollup");
    let text = fs::read_to_string(&path).map_err(|e| format!("{path}: {e}"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
    let value = line.and_then(|rest| rest.trim().trim_end_matches("kB").trim().parse().ok());
    value.ok_or_else(|| format!("{path} has no line Pss"))
}

/// Processor time of a process and of its children that it has waited for, in seconds.
///
/// # Errors
/// In words, if it is gone.
pub(crate) fn cpu_s(pid: u32) -> Result<f64, String> {
    let path = format!("/proc/{pid}/stat");
    let text = fs::read_to_string(&path).map_err(|e| format!("{path}: {e}"))?;
    // The name in brackets may hold spaces; utime, stime, cutime and cstime are fields 14 to 17.
    let rest = text.rsplit_once(')').map(|(_, rest)| rest).unwrap_or_default();
    let ticks: Vec<f64> = rest.split_whitespace().skip(11).take(4).filter_map(|field| field.parse().ok()).collect();
    if ticks.len() == 4 { Ok(ticks.iter().sum::<f64>() / TICKS) } else { Err(format!("{path} is not as expected")) }
}

/// Bytes of all files below a folder.
pub(crate) fn folder_bytes(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    entries
        .map(|entry| match entry.metadata() {
            Ok(meta) if meta.is_dir() => folder_bytes(&entry.path()),
            Ok(meta) => meta.len(),
            Err(_) => 0,
        })
        .sum()
}

/// Processor model and count, and the load before the run.
pub fn describe() -> String {
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let of = |key: &str| cpus.lines().filter(|line| line.starts_with(key)).collect::<Vec<_>>();
    let models = of("model name");
    let model = models.first().and_then(|line| line.split(": ").nth(1)).unwrap_or("unknown");
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or("?");
    format!("{} cores, {model}, load {load} at the start", of("processor").len())
}
