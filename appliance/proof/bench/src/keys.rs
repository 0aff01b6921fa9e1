//! The round trip of one key: client, way, the machine's terminal, and back.

use crate::crowd::Crowd;
use crate::figures::{median, quantile};
use crate::report::{Report, Target};
use crate::terminal::Terminal;
use crate::way::Way;
use crate::Lab;
use std::collections::BTreeMap;
use std::time::Duration;

/// Keys on each way.
const KEYS: usize = 1000;
/// Between two keys of one way, at least; the ways take turns.
const PAUSE: Duration = Duration::from_millis(5);
/// Sessions on the box, the measured one among them.
const SESSIONS: usize = 16;
/// Keys that each of the other people types in a second.
const OTHERS_KEYS: u64 = 5;

pub(crate) fn measure(lab: &Lab, report: &mut Report) -> Result<(), String> {
    let alone = round(lab)?;
    add(report, "alone", &alone, false);
    let crowd = Crowd::open(lab, SESSIONS - 1)?;
    let crowd = crowd.keep_typing(Duration::from_millis(1000 / OTHERS_KEYS / (SESSIONS as u64 - 1)));
    let among = round(lab)?;
    crowd.stop()?;
    add(report, "at 16 sessions", &among, true);
    Ok(())
}

fn round(lab: &Lab) -> Result<BTreeMap<Way, Vec<f64>>, String> {
    let mut terminals = Vec::new();
    for way in Way::PATHS {
        let mut terminal = Terminal::start(lab.ssh(way, &["-tt"], &["stty raw -echo; echo ready; exec cat"]))?;
        terminal.wait_for("ready")?;
        terminal.wait_for("\n")?;
        terminals.push((way, terminal));
    }
    let mut times: BTreeMap<Way, Vec<f64>> = BTreeMap::new();
    for _ in 0..KEYS {
        for (way, terminal) in &mut terminals {
            std::thread::sleep(PAUSE);
            times.entry(*way).or_default().push(terminal.echo("k")?.as_secs_f64() * 1e3);
        }
    }
    Ok(times)
}

fn add(report: &mut Report, when: &str, times: &BTreeMap<Way, Vec<f64>>, aimed: bool) {
    let figure = |way: Way, part: f64| quantile(&times[&way], part);
    for way in Way::PATHS {
        let name = if way.is_box() { "box" } else { way.name() };
        report.add("keys", format!("{when}: {name}, median"), median(&times[&way]), "ms");
        report.add("keys", format!("{when}: {name}, p99"), figure(way, 0.99), "ms");
    }
    for (word, part, most) in [("median", 0.5, 0.5), ("p99", 0.99, 3.0)] {
        let added = figure(Way::Content, part) - figure(Way::Direct, part);
        let target = if aimed { Target::AtMost(most) } else { Target::None };
        report.aim("keys", format!("{when}: box adds to direct ssh, {word}"), added, "ms", target);
        let added = figure(Way::Jump, part) - figure(Way::Direct, part);
        report.add("keys", format!("{when}: ProxyJump adds, {word}"), added, "ms");
    }
}
