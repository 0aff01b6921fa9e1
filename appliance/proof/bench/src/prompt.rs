//! How long a person waits for the shell's prompt.

use crate::figures::median;
use crate::report::{Report, Target};
use crate::terminal::Terminal;
use crate::way::Way;
use crate::Lab;
use std::collections::BTreeMap;
use std::process::Command;
use std::time::Instant;

/// Logins on each way.
const ROUNDS: usize = 25;
/// Milliseconds, by way.
type Times = BTreeMap<Way, Vec<f64>>;

/// The end of the shell's prompt.
pub(crate) const PROMPT: &str = "$ ";

pub(crate) fn measure(lab: &Lab, report: &mut Report) -> Result<(), String> {
    let (mut own, mut same) = (Times::new(), Times::new());
    for _ in 0..ROUNDS {
        // No way twice in a row: what ends the last session would meet the next login.
        for way in Way::PATHS {
            own.entry(way).or_default().push(login(lab.ssh(way, &["-tt"], &[]))?);
        }
        for way in Way::PATHS {
            same.entry(way).or_default().push(login(lab.ssh_same_kex(way, &["-tt"], &[]))?);
        }
    }
    for (kex, times) in [("each its best key exchange", own), ("curve25519 everywhere", same)] {
        let median = |way: Way| median(&times[&way]);
        report.add("prompt", format!("{kex}: direct ssh, median"), median(Way::Direct), "ms");
        report.add("prompt", format!("{kex}: ProxyJump, median"), median(Way::Jump), "ms");
        let target = Target::AtMost(median(Way::Jump).round());
        report.aim("prompt", format!("{kex}: box, median"), median(Way::Content), "ms", target);
    }
    Ok(())
}

/// Milliseconds until the prompt.
fn login(command: Command) -> Result<f64, String> {
    let begun = Instant::now();
    let mut terminal = Terminal::start(command)?;
    terminal.wait_for(PROMPT)?;
    Ok(begun.elapsed().as_secs_f64() * 1e3)
}
