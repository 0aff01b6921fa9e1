//! The cut-off: from the trigger to the last packet on OT's wire, as a tap there sees it.
//!
//! The trigger is a word at the guardian's desk, sent at the time that is counted from: what a held key or a
//! wired contact adds before it counts (500 ms, 5 ms) is not in the figures. Each session moves data for all it is
//! worth, half of them each way. The broker runs, or was stopped (SIGSTOP) a moment before.

use crate::Lab;
use crate::figures::{median, quantile};
use crate::lab::client_address;
use crate::report::{Report, Target};
use crate::way::Way;
use outside::{Desk, Load, Packet, Tap};
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Sessions, and presses for each state of the broker.
const LOOKS: [(usize, usize); 3] = [(1, 5), (20, 5), (100, 6)];
/// How long the sessions move data before the press.
const WARM: Duration = Duration::from_secs(2);
/// How long a stopped broker stands before the press: less than its lease, after which sessions end anyway.
const STOPPED: Duration = Duration::from_millis(300);
/// How long nothing may pass after the press.
const SILENCE: Duration = Duration::from_millis(1_500);
/// What has to be met with 100 sessions while the broker is stopped, ms.
const P99_MS: f64 = 10.0;
const WORST_MS: f64 = 50.0;

fn signal(name: &str, pid: u32) -> Result<(), String> {
    let status = Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status();
    status.map(drop).map_err(|e| format!("kill: {e}"))
}

fn now_ns() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
}

/// One press: ms from it to each session's last packet, of those that sent any after it; 0 for each that sent none.
fn press(lab: &Lab, count: usize, stop_broker: bool) -> Result<Vec<f64>, String> {
    let ssh = |client: usize, script: &str| lab.ssh(Way::Content, &["-b", &client_address(client)], &[script]);
    let load = Load::open(count, &lab.shared(""), &lab.file("clients"), ssh)?;
    let tap = Tap::begin(lab.machines(), "plant0", "10.99.2.1", &lab.file("tap.pcap"))?;
    std::thread::sleep(WARM);
    let desk = Desk::at(&lab.desk()).map_err(|e| format!("the guardian's desk: {e}"))?;
    let broker = lab.part("broker")?;
    if stop_broker {
        signal("STOP", broker)?;
        std::thread::sleep(STOPPED);
    }
    let pressed_ns = now_ns();
    let state = desk.cut().map_err(|e| format!("the guardian's desk: {e}"))?;
    std::thread::sleep(SILENCE);
    signal("CONT", broker)?;
    let packets = tap.end()?;
    let found = state.report.map_or(0, |report| usize::from(report.sessions));
    if found != count {
        return Err(format!("the guardian found {found} of {count} sessions"));
    }
    if !packets.iter().any(|packet| packet.at_ns < pressed_ns) {
        return Err("nothing passed before the press: the sessions moved no data".into());
    }
    drop(load);
    let last = Packet::last_of_each(&packets, pressed_ns);
    let mut times: Vec<f64> = last.into_values().map(|at| (at - pressed_ns) as f64 / 1e6).collect();
    times.resize(count.max(times.len()), 0.0);
    Ok(times)
}

pub(crate) fn measure(lab: &Lab, report: &mut Report) -> Result<(), String> {
    // The hand that presses is no part of the load: a broker that it stops longer than the lease would end them all.
    os::process::go_first().map_err(|e| format!("the bench can't go before its load: {e}"))?;
    for (count, presses) in LOOKS {
        for stop_broker in [false, true] {
            let mut times = Vec::new();
            let mut lasts = Vec::new();
            for _ in 0..presses {
                let one = press(lab, count, stop_broker)?;
                lasts.push(one.iter().copied().fold(0.0, f64::max));
                times.extend(one);
                lab.rearm()?;
            }
            let what = format!("{count} sessions, broker {}", if stop_broker { "stopped" } else { "running" });
            let goal = |most| if count == 100 && stop_broker { Target::AtMost(most) } else { Target::None };
            report.add("cutoff", format!("{what}: last packet of a session, median"), median(&times), "ms");
            report.aim("cutoff", format!("{what}: last packet of a session, p99"), quantile(&times, 0.99), "ms", goal(P99_MS));
            report.add("cutoff", format!("{what}: last packet of all, median of {presses}"), median(&lasts), "ms");
            report.aim("cutoff", format!("{what}: last packet of all, worst of {presses}"), quantile(&lasts, 1.0), "ms", goal(WORST_MS));
        }
    }
    Ok(())
}
