//! How much goes through in a second, what it costs the processor, and what of it is on the disk.

use crate::figures::median;
use crate::machine::{cpu_s, folder_bytes, named};
use crate::report::{Report, Target};
use crate::terminal::PATIENCE;
use crate::way::Way;
use crate::Lab;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{ChildStdout, Stdio};
use std::time::Instant;

/// Turns that each way has.
const ROUNDS: usize = 5;
/// Bytes of one stream.
const SIZE: usize = 256 * 1000 * 1000;
/// A megabyte, as in MB/s.
const MB: f64 = 1e6;

/// What is sent, and whether it compresses.
const CONTENTS: [(&str, bool); 2] = [("random", false), ("log text", true)];

/// Figures of one stream.
struct Sample {
    mb_s: f64,
    cpu_s_mb: f64,
    hop_cpu_s_mb: f64,
    record_bytes_mb: f64,
}

/// A small generator of numbers (xorshift64*), the same in each run.
struct Seed(u64);

impl Seed {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
}

fn random(seed: &mut Seed, out: &mut Vec<u8>) {
    out.extend_from_slice(&seed.next().to_le_bytes());
}

fn text(seed: &mut Seed, out: &mut Vec<u8>) {
    const WORDS: [&str; 8] = ["pump", "valve", "pressure", "flow", "alarm", "setpoint", "station", "level"];
    let number = seed.next();
    let word = |shift: u32| WORDS[(number >> shift) as usize % WORDS.len()];
    let line = format!(
        "2026-11-25T08:{:02}:{:02} {} {}: {} is {}.{} at {}\n",
        (number >> 32) % 60, (number >> 40) % 60, word(0), word(8), word(16), number % 1000, (number >> 48) % 10, word(24),
    );
    out.extend_from_slice(line.as_bytes());
}

/// A file of this content that both sides can read.
pub(crate) fn content(lab: &Lab, name: &str, size: usize, compressible: bool) -> Result<std::path::PathBuf, String> {
    let path = lab.shared(name);
    let make = if compressible { text } else { random };
    let (mut seed, mut bytes) = (Seed(0x9e37_79b9_7f4a_7c15), Vec::with_capacity(size + 256));
    while bytes.len() < size {
        make(&mut seed, &mut bytes);
    }
    bytes.truncate(size);
    std::fs::write(&path, &bytes).map_err(|e| format!("{}: {e}", path.display()))?;
    Ok(path)
}

pub(crate) fn measure(lab: &Lab, report: &mut Report) -> Result<(), String> {
    for (name, compressible) in CONTENTS {
        let path = content(lab, "stream", SIZE, compressible)?;
        let path = path.display().to_string();
        for down in [false, true] {
            let mut samples: BTreeMap<Way, Vec<Sample>> = BTreeMap::new();
            for _ in 0..ROUNDS {
                for way in Way::ALL {
                    samples.entry(way).or_default().push(one(lab, way, &path, down)?);
                }
            }
            add(report, &format!("{} {name}", if down { "down" } else { "up" }), &samples);
        }
        std::fs::remove_file(&path).ok();
    }
    Ok(())
}

fn add(report: &mut Report, what: &str, samples: &BTreeMap<Way, Vec<Sample>>) {
    let figure = |way: Way, of: fn(&Sample) -> f64| median(&samples[&way].iter().map(of).collect::<Vec<_>>());
    let speed = |way: Way| figure(way, |sample| sample.mb_s);
    for way in Way::ALL {
        report.add("streams", format!("{what}: {}", way.name()), speed(way), "MB/s");
    }
    for (way, least) in [(Way::Content, 0.8), (Way::Hash, 1.0)] {
        let ratio = speed(way) / speed(Way::Jump);
        report.aim("streams", format!("{what}: {} to ProxyJump", way.name()), ratio, "ratio", Target::AtLeast(least));
    }
    let hop = figure(Way::Jump, |sample| sample.hop_cpu_s_mb);
    report.add("streams", format!("{what}: processor, the jump host"), hop * 1e3, "ms/MB");
    for way in [Way::Content, Way::Hash] {
        report.add("streams", format!("{what}: processor, {}", way.name()), figure(way, |s| s.cpu_s_mb) * 1e3, "ms/MB");
    }
    for way in [Way::Content, Way::Hash] {
        let bytes = figure(way, |sample| sample.record_bytes_mb);
        report.add("streams", format!("{what}: recording, {}", way.name()), bytes, "bytes/MB");
    }
}

/// Processor time of the whole box once no session is left: the launcher's has its workers' in it.
fn box_cpu_s(lab: &Lab) -> Result<f64, String> {
    let begun = Instant::now();
    while ["front-ssh", "mediator", "back-ssh"].iter().any(|name| !named(name).is_empty()) {
        if begun.elapsed() > PATIENCE {
            return Err("a session does not end".to_owned());
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    lab.parts().map(cpu_s).sum()
}

fn one(lab: &Lab, way: Way, path: &str, down: bool) -> Result<Sample, String> {
    let (cpu, hop) = (box_cpu_s(lab)?, lab.hop_cpu_s()?);
    let recorded = folder_bytes(&lab.recordings());
    let seconds = if down { pull(lab, way, path)? } else { push(lab, way, path)? };
    let mb = SIZE as f64 / MB;
    let cpu = box_cpu_s(lab)? - cpu;
    let hop = lab.hop_cpu_s()? - hop;
    let recorded = folder_bytes(&lab.recordings()).saturating_sub(recorded);
    Ok(Sample { mb_s: mb / seconds, cpu_s_mb: cpu / mb, hop_cpu_s_mb: hop / mb, record_bytes_mb: recorded as f64 / mb })
}

/// Seconds from the first byte to the last, counted.
fn pull(lab: &Lab, way: Way, path: &str) -> Result<f64, String> {
    let mut command = lab.ssh(way, &[], &[&format!("cat {path}")]);
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    let mut child = child.map_err(|e| format!("can't start ssh: {e}"))?;
    let mut output = child.stdout.take().expect("it was asked for");
    let words = |e: io::Error| format!("{}: {e}", way.name());
    let mut first = [0; 1];
    output.read_exact(&mut first).map_err(words)?;
    let begun = Instant::now();
    let mut sink = File::create("/dev/null").map_err(words)?;
    let count = io::copy(&mut output, &mut sink).map_err(words)? + 1;
    let seconds = begun.elapsed().as_secs_f64();
    let status = child.wait().map_err(words)?;
    if count != SIZE as u64 || !status.success() {
        return Err(format!("{}: {count} of {SIZE} bytes came, and ssh ended with {status}", way.name()));
    }
    Ok(seconds)
}

/// Seconds from the start of sending until the machine has counted all.
fn push(lab: &Lab, way: Way, path: &str) -> Result<f64, String> {
    let mut command = lab.ssh(way, &[], &["echo ready; wc -c"]);
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    let mut child = child.map_err(|e| format!("can't start ssh: {e}"))?;
    let mut input = child.stdin.take().expect("it was asked for");
    let mut output = BufReader::new(child.stdout.take().expect("it was asked for"));
    let words = |e: io::Error| format!("{}: {e}", way.name());
    line(&mut output, way)?;
    let begun = Instant::now();
    let mut source = File::open(path).map_err(words)?;
    io::copy(&mut source, &mut input).and_then(|_| input.flush()).map_err(words)?;
    drop(input);
    let count = line(&mut output, way)?;
    let seconds = begun.elapsed().as_secs_f64();
    let status = child.wait().map_err(words)?;
    if count.trim() != SIZE.to_string() || !status.success() {
        return Err(format!("{}: {} of {SIZE} bytes came, and ssh ended with {status}", way.name(), count.trim()));
    }
    Ok(seconds)
}

fn line(output: &mut BufReader<ChildStdout>, way: Way) -> Result<String, String> {
    let mut line = String::new();
    match output.read_line(&mut line) {
        Ok(0) => Err(format!("{}: ssh ended early", way.name())),
        Ok(_) => Ok(line),
        Err(e) => Err(format!("{}: {e}", way.name())),
    }
}
