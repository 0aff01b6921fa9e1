//! How long a person waits for the shell's prompt.

use crate::figures::median;
use crate::report::{Report, Target};
use crate::terminal::Terminal;
use crate::way::Way;
use crate::Lab;
use std::collections::BTreeMap;
use std::time::Instant;

/// Logins on each way.
const ROUNDS: usize = 25;
/// The end of the shell's prompt.
pub(crate) const PROMPT: &str = "$ ";

pub(crate) fn measure(lab: &Lab, report: &mut Report) -> Result<(), String> {
    let mut times: BTreeMap<Way, Vec<f64>> = BTreeMap::new();
    for _ in 0..ROUNDS {
        for way in Way::PATHS {
            let begun = Instant::now();
            let mut terminal = Terminal::start(lab.ssh(way, &["-tt"], &[]))?;
            terminal.wait_for(PROMPT)?;
            times.entry(way).or_default().push(begun.elapsed().as_secs_f64() * 1e3);
        }
    }
    let median = |way: Way| median(&times[&way]);
    report.add("prompt", "direct ssh, median", median(Way::Direct), "ms");
    report.add("prompt", "ProxyJump, median", median(Way::Jump), "ms");
    let target = Target::AtMost(median(Way::Jump).round());
    report.aim("prompt", "box, median", median(Way::Content), "ms", target);
    Ok(())
}
