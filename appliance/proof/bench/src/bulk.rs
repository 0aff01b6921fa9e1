//! 2 GB each way through re-keys: what arrives is what was sent.

use crate::report::{Report, Target};
use crate::streams::content;
use crate::way::Way;
use crate::Lab;
use std::fs::File;
use std::io::{self, Read, Write};
use std::process::{Command, Stdio};
use std::time::Instant;

/// Bytes of the file, and how often it is sent.
const SIZE: usize = 250 * 1000 * 1000;
const TIMES: usize = 8;
/// The client asks for new keys after so much.
const REKEY: &str = "RekeyLimit=400M";

pub(crate) fn measure(lab: &Lab, report: &mut Report) -> Result<(), String> {
    let path = content(lab, "bulk", SIZE, false)?.display().to_string();
    let repeated = format!("for i in $(seq {TIMES}); do cat {path}; done");
    let wanted = hash(Command::new("sh").args(["-c", &format!("{{ {repeated}; }} | sha256sum")]))?;
    for way in [Way::Content, Way::Hash] {
        let begun = Instant::now();
        let up = push(lab, way, &path)?;
        let up = (up, begun.elapsed());
        let begun = Instant::now();
        let down = pull(lab, way, &repeated)?;
        let down = (down, begun.elapsed());
        for (direction, ((found, exchanges), time)) in [("up", up), ("down", down)] {
            if found != wanted {
                return Err(format!("{}, {direction}: sha256 {found} came, {wanted} was sent", way.name()));
            }
            let what = format!("{}, {direction}: 2 GB, equal hashes ({}), in", way.name(), &found[..12]);
            report.add("bulk", what, time.as_secs_f64(), "s");
            let what = format!("{}, {direction}: key exchanges in it", way.name());
            report.aim("bulk", what, exchanges as f64, "", Target::AtLeast(2.0));
        }
    }
    std::fs::remove_file(&path).map_err(|e| format!("{path}: {e}"))
}

fn hash(command: &mut Command) -> Result<String, String> {
    let out = command.stdin(Stdio::null()).output().map_err(|e| format!("can't start {command:?}: {e}"))?;
    first_word(&out.stdout)
}

fn first_word(bytes: &[u8]) -> Result<String, String> {
    let text = String::from_utf8_lossy(bytes);
    let word = text.split_whitespace().next().filter(|word| word.len() == 64);
    word.map(str::to_owned).ok_or_else(|| format!("this is no sha256: {text}"))
}

/// How often the client switched to new keys.
fn exchanges(errors: &str) -> usize {
    errors.lines().filter(|line| line.contains("SSH2_MSG_NEWKEYS sent")).count()
}

fn push(lab: &Lab, way: Way, path: &str) -> Result<(String, usize), String> {
    let mut command = lab.ssh(way, &["-v", "-o", "LogLevel=DEBUG1", "-o", REKEY], &["sha256sum"]);
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.map_err(|e| format!("can't start ssh: {e}"))?;
    let mut input = child.stdin.take().expect("it was asked for");
    let words = |e: io::Error| format!("{}: {e}", way.name());
    for _ in 0..TIMES {
        io::copy(&mut File::open(path).map_err(words)?, &mut input).map_err(words)?;
    }
    input.flush().map_err(words)?;
    drop(input);
    let out = child.wait_with_output().map_err(words)?;
    Ok((first_word(&out.stdout)?, exchanges(&String::from_utf8_lossy(&out.stderr))))
}

fn pull(lab: &Lab, way: Way, repeated: &str) -> Result<(String, usize), String> {
    let mut command = lab.ssh(way, &["-v", "-o", "LogLevel=DEBUG1", "-o", REKEY], &[repeated]);
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.map_err(|e| format!("can't start ssh: {e}"))?;
    let output = child.stdout.take().expect("it was asked for");
    let mut errors = child.stderr.take().expect("it was asked for");
    let hashed = Command::new("sha256sum").stdin(output).stdout(Stdio::piped()).spawn();
    let hashed = hashed.map_err(|e| format!("can't start sha256sum: {e}"))?;
    let mut text = String::new();
    errors.read_to_string(&mut text).map_err(|e| format!("{}: {e}", way.name()))?;
    let out = hashed.wait_with_output().map_err(|e| format!("sha256sum: {e}"))?;
    child.wait().map_err(|e| format!("{}: {e}", way.name()))?;
    Ok((first_word(&out.stdout)?, exchanges(&text)))
}
