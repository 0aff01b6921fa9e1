//! `dinlock cutoff`: cuts everything off, says how it stands, lifts it, exercises it.
//!
//! The cut itself goes straight to the guardian, whatever became of the broker.

use crate::box_socket::{BoxSocket, unexpected};
use crate::people::{name, secret_line};
use crate::{blocks, sessions, table};
use border::admin::{DrillRow, Reply, Request};
use border::desk::{Reply as Told, Request as Ask};
use border::secrets;
use clap::{Args, Subcommand};
use codec::{Bytes, Text};
use guard::{FAULTS, Hold, LACKS, LATE, Standing, State, Steps, Trigger};
use os::seqpacket;
use serde_json::{Value, json};
use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use zeroize::{Zeroize, Zeroizing};

/// How long is waited for all of it to be read back and to be durable.
const WITHIN: Duration = Duration::from_secs(10);

/// Cuts the box off, or does what the verb says.
#[derive(Args)]
pub struct Cutoff {
    /// The guardian's socket; beside the box's local socket if not named.
    #[arg(long, env = "DINLOCK_GUARDIAN", global = true)]
    guardian: Option<PathBuf>,
    /// After the cut, keep out: all, person=ID, employer=NAME or target=ID.
    #[arg(long, value_name = "WHOM")]
    block: Option<String>,
    /// The block's time, as 4h or 30m; until it is released if not named.
    #[arg(long = "for", requires = "block", value_name = "DURATION")]
    lasts: Option<String>,
    /// The block's reason.
    #[arg(long, requires = "block", default_value = "with a cut-off")]
    why: String,
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Subcommand)]
enum Verb {
    /// How the box stands.
    Status,
    /// Lifts a hold, in the name of a person, who proves themselves.
    Rearm {
        /// Who.
        #[arg(long)]
        person: String,
        /// Their one-time code; asked for without echo if not given.
        #[arg(long)]
        code: Option<String>,
        /// A file with their password in one line; asked for without echo if not given.
        #[arg(long)]
        password_file: Option<PathBuf>,
    },
    /// Runs the real path, and goes back to armed.
    Drill {
        /// End the sessions that live.
        #[arg(long)]
        cut_live: bool,
        /// The one session that may live.
        #[arg(long, value_name = "SESSION")]
        canary: Option<String>,
    },
    /// The drills since the broker's start.
    Drills,
}

/// Does it.
pub fn cutoff(socket: &BoxSocket, admin: &Path, options: &Cutoff, json: bool) -> Result<(), String> {
    let guardian = options.guardian.clone().unwrap_or_else(|| admin.with_file_name("guardian.sock"));
    match &options.verb {
        None => {
            cut(&guardian, json)?;
            let Some(whom) = &options.block else { return Ok(()) };
            let for_s = options.lasts.as_deref().map(blocks::seconds).transpose()?;
            let why = border::Line::cut(options.why.clone());
            let whom = blocks::whom(whom)?;
            socket.order(&Request::Block { whom, until_ms: None, for_s, why, end_sessions: true }, None)
        }
        Some(Verb::Status) => status(&guardian, json),
        Some(Verb::Rearm { person, code, password_file }) => rearm(socket, person, code.as_deref(), password_file.as_deref()),
        Some(Verb::Drill { cut_live, canary }) => drill(socket, *cut_live, canary.as_deref(), json),
        Some(Verb::Drills) => drills(socket, json),
    }
}

/// The guardian's desk.
struct Desk(OwnedFd);

impl Desk {
    fn at(path: &Path) -> Result<Self, String> {
        let words = |e| format!("no guardian answers at {}: {e}; press the cut-off key or the wired contact", path.display());
        seqpacket::connect(path).map(Self).map_err(words)
    }

    fn ask(&self, ask: Ask) -> Result<(u64, State), String> {
        let wrong = |e: std::io::Error| format!("the guardian does not answer: {e}; press the cut-off key or the wired contact");
        seqpacket::send(self.0.as_fd(), &codec::encode(&ask), &[]).map_err(wrong)?;
        let mut buffer = [0; 1024];
        let got = seqpacket::recv(self.0.as_fd(), &mut buffer).map_err(wrong)?;
        match codec::decode(&buffer[..got.len]) {
            Ok(Told::Is { now_ms, state }) => Ok((now_ms, state)),
            Err(_) if got.len == 0 => Err("the guardian closed the connection; its log says why".to_owned()),
            Err(e) => Err(format!("the guardian's answer is not of this version: {e}")),
        }
    }
}

fn is_cut(state: &State) -> bool {
    state.standing == Standing::Held { why: Hold::CutOff }
}

/// Everything that a cut-off does was read back; whether a boot knows of it is another question.
fn is_done(steps: &Steps) -> bool {
    steps.filters_us.is_some() && steps.killed_us.is_some() && steps.dead_us.is_some() && steps.links_us.is_some()
}

fn cut(guardian: &Path, json: bool) -> Result<(), String> {
    let desk = Desk::at(guardian)?;
    let begun = Instant::now();
    let (mut now_ms, mut state) = desk.ask(Ask::Cut { console: false })?;
    let steps = |state: &State| state.report.map(|report| report.steps).unwrap_or_default();
    let whole = |state: &State| is_done(&steps(state)) && steps(state).latched_us.is_some();
    while !(is_cut(&state) && whole(&state)) && begun.elapsed() < WITHIN {
        std::thread::sleep(Duration::from_millis(2));
        (now_ms, state) = desk.ask(Ask::Look)?;
    }
    if json {
        println!("{}", as_json(now_ms, &state));
    } else {
        said(&state);
    }
    match (is_cut(&state), whole(&state)) {
        (true, true) => Ok(()),
        (true, false) => Err("the box is cut off, but not all of it was read back or is durable: see `dinlock cutoff status`".to_owned()),
        (false, _) => Err("the box does not say that it is cut off: press the cut-off key or the wired contact".to_owned()),
    }
}

fn ms(us: Option<u32>) -> String {
    us.map_or_else(|| "not yet".to_owned(), |us| format!("{}.{:03} ms", us / 1000, us % 1000))
}

/// What a person who has just cut everything off wants to know.
fn said(state: &State) {
    let Some(report) = state.report else { return };
    let rows = [
        ("both zones drop everything", report.steps.filters_us),
        ("all sessions were told to die", report.steps.killed_us),
        ("nothing lives any more", report.steps.dead_us),
        ("OT's ports are down", report.steps.links_us),
        ("latched: a boot knows of it", report.steps.latched_us),
    ];
    println!("cut off: {} sessions ended", report.sessions);
    table::print(&["read back", "after"], &rows.map(|(what, us)| vec![what.to_owned(), ms(us)]));
    println!("`dinlock cutoff rearm --person ID` lifts it, where the plant file lets a person do so");
}

fn standing(state: &State) -> &'static str {
    match state.standing {
        Standing::Armed => "armed",
        Standing::Held { why } => match why {
            Hold::Starting => "held: its self-check has not passed",
            Hold::CutOff => "held: cut off",
            Hold::Reset => "held: its watchdog reset it",
            Hold::Resets => "held: its watchdog reset it three times in half an hour",
            Hold::PowerLoss => "held: it lost power",
            Hold::Overdue => "held: a session outlived its end",
            Hold::Slots => "held: its latch can't be read",
            Hold::Zone => "held: a port or a filter is not as it was set",
        },
    }
}

fn trigger(trigger: Trigger) -> String {
    match trigger {
        Trigger::Key => "the cut-off key".to_owned(),
        Trigger::Break => "BREAK on the serial console".to_owned(),
        Trigger::Contact { line } => format!("wired contact {line}"),
        Trigger::ContactGone { line } => format!("wired contact {line}, whose line vanished"),
        Trigger::Console => "the console's key".to_owned(),
        Trigger::Command { uid } => format!("`dinlock cutoff` by uid {uid}"),
        Trigger::Broker { .. } => "an administrator".to_owned(),
        Trigger::Drill { .. } => "a drill".to_owned(),
    }
}

fn words(bits: u16, of: &[(u16, &'static str)]) -> Vec<&'static str> {
    of.iter().filter(|(bit, _)| bits & bit != 0).map(|(_, words)| *words).collect()
}

fn late(state: &State) -> Vec<String> {
    LATE.iter().filter(|(bit, _)| state.late & bit != 0).map(|(_, part)| part.name().to_lowercase()).collect()
}

fn steps_json(steps: &Steps) -> Value {
    json!({
        "filters_us": steps.filters_us, "killed_us": steps.killed_us, "dead_us": steps.dead_us,
        "serial_us": steps.serial_us, "links_us": steps.links_us, "latched_us": steps.latched_us,
    })
}

fn as_json(now_ms: u64, state: &State) -> Value {
    let last = state.report.map(|report| {
        json!({
            "number": report.number, "trigger": trigger(report.trigger), "at": report.wall_ms,
            "sessions": report.sessions, "steps": steps_json(&report.steps),
        })
    });
    json!({
        "armed": state.standing == Standing::Armed, "standing": standing(state),
        "for_ms": now_ms.saturating_sub(state.since_ms), "last": last, "lacks": words(state.lacks, &LACKS),
        "faults": words(state.faults, &FAULTS), "late": late(state), "contacts": state.contacts, "contacts_open": state.open,
        "ot_drops": state.ot_drops, "uplink_drops": state.uplink_drops, "links_up": state.links_up, "links": state.links,
        "sessions": state.sessions, "watchdog": state.dog.name(), "resets": state.resets,
    })
}

fn status(guardian: &Path, json: bool) -> Result<(), String> {
    let (now_ms, state) = Desk::at(guardian)?.ask(Ask::Look)?;
    if json {
        println!("{}", as_json(now_ms, &state));
        return Ok(());
    }
    let list = |of: Vec<&str>| if of.is_empty() { "-".to_owned() } else { of.join("; ") };
    let last = state.report.map_or_else(
        || "none".to_owned(),
        |r| format!("{} UTC by {}; latched after {}", table::moment(r.wall_ms), trigger(r.trigger), ms(r.steps.latched_us)),
    );
    let late = late(&state);
    let rows = [
        ("the box", standing(&state).to_owned()),
        ("since", format!("{} s", now_ms.saturating_sub(state.since_ms) / 1000)),
        ("last cut-off", last),
        ("lacks", list(words(state.lacks, &LACKS))),
        ("late", list(late.iter().map(String::as_str).collect())),
        ("faults", list(words(state.faults, &FAULTS))),
        ("OT's ports up", format!("{} of {}", state.links_up, state.links)),
        ("watchdog", watchdog(state.dog).to_owned()),
    ];
    table::print(&["what", "now"], &rows.map(|(what, now)| vec![what.to_owned(), now]));
    Ok(())
}

fn rearm(socket: &BoxSocket, person: &str, code: Option<&str>, password_file: Option<&Path>) -> Result<(), String> {
    let id = name(person)?;
    let asked = socket.open(&Request::Rearm { person: id.clone() })?;
    let (reply, fds) = asked.reply()?;
    let (Reply::Asked { password, code: wants_code }, Some(vault)) = (&reply, fds.first()) else {
        return Err(unexpected(&reply));
    };
    let password = match (password, password_file) {
        (false, _) => None,
        (true, None) => Some(secret_line(&format!("password of {person}: "))?),
        (true, Some(file)) => {
            let text = Zeroizing::new(fs::read(file).map_err(|e| format!("{}: {e}", file.display()))?);
            let line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
            Some(Zeroizing::new(line.strip_suffix(b"\r").unwrap_or(line).to_vec()))
        }
    };
    let code = match (wants_code, code) {
        (false, _) => None,
        (true, Some(code)) => Some(Text::new(code).map_err(|e| format!("--code: {e}"))?),
        (true, None) => {
            let typed = secret_line(&format!("one-time code of {person}: "))?;
            Some(Text::new(String::from_utf8_lossy(&typed)).map_err(|e| format!("the code: {e}"))?)
        }
    };
    let password = password.map(|typed| Bytes::new(typed.to_vec())).transpose().map_err(|e| format!("the password: {e}"))?;
    let check = secrets::Request::Check { person: id, password, code };
    let bytes = Zeroizing::new(codec::encode(&check));
    if let secrets::Request::Check { password: Some(password), .. } = check {
        password.into_vec().zeroize();
    }
    seqpacket::send(vault.as_fd(), &bytes, &[]).map_err(|e| format!("the vault does not listen: {e}"))?;
    match asked.reply()?.0 {
        Reply::Done { text } => {
            println!("{text}");
            Ok(())
        }
        other => Err(unexpected(&other)),
    }
}

fn drill_json(drill: &DrillRow) -> Value {
    json!({
        "at": drill.wall_ms, "by": drill.by.as_str(), "sessions": drill.sessions, "ended": drill.ended,
        "reconnects_refused": drill.refused, "steps": steps_json(&drill.steps),
    })
}

fn drill(socket: &BoxSocket, cut_live: bool, canary: Option<&str>, json: bool) -> Result<(), String> {
    let canary = canary.map(sessions::number).transpose()?;
    match socket.ask(&Request::Drill { cut_live, canary }, None)?.0 {
        Reply::Drilled { drill } => {
            if json {
                println!("{}", drill_json(&drill));
            } else {
                show(std::slice::from_ref(&drill));
            }
            Ok(())
        }
        other => Err(unexpected(&other)),
    }
}

fn drills(socket: &BoxSocket, json: bool) -> Result<(), String> {
    match socket.ask(&Request::Drills, None)?.0 {
        Reply::Drills { rows } => {
            if json {
                println!("{}", Value::Array(rows.iter().map(drill_json).collect()));
            } else {
                show(&rows);
                println!("since the broker's start; the audit log has all of them, as cutoff.drilled");
            }
            Ok(())
        }
        other => Err(unexpected(&other)),
    }
}

fn show(rows: &[DrillRow]) {
    let cells = rows.iter().map(|row| {
        let steps = &row.steps;
        let all = [steps.filters_us, steps.killed_us, steps.dead_us, steps.links_us];
        let mut cells = vec![table::moment(row.wall_ms), row.sessions.to_string(), row.ended.to_string()];
        cells.extend(all.map(ms));
        cells.extend([row.refused.to_string(), row.by.to_string()]);
        cells
    });
    let headings = ["at", "sessions", "ended", "filters", "kill", "dead", "ports down", "refused", "by"];
    table::print(&headings, &cells.collect::<Vec<_>>());
}

fn watchdog(dog: guard::Dog) -> &'static str {
    match dog {
        guard::Dog::Device => "fed",
        guard::Dog::StandIn => "fed: a stand-in, for a demo",
        guard::Dog::Starving => "no longer fed: it will reset the box",
    }
}
