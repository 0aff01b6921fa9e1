//! `dinlock block`: keeping people out, whatever the conduits say.

use crate::box_socket::{BoxSocket, unexpected};
use crate::people::name;
use crate::table;
use border::Line;
use border::admin::{BlockRow, Reply, Request, Whom};
use clap::{ArgGroup, Args, Subcommand};
use codec::Text;
use serde_json::{Value, json};

/// What can be done with blocks.
#[derive(Subcommand)]
pub enum Block {
    /// Keeps somebody out.
    Add(Add),
    /// Those that stand.
    List,
    /// Lets them in again.
    Release {
        /// Its number.
        id: u64,
    },
}

/// Whom, how long, why.
#[derive(Args)]
#[command(group(ArgGroup::new("whom").required(true).args(["person", "employer", "target", "all"])))]
pub struct Add {
    /// A person, by id.
    #[arg(long)]
    person: Option<String>,
    /// All people of an employer, as the plant file writes it.
    #[arg(long)]
    employer: Option<String>,
    /// Everybody from one machine, by id.
    #[arg(long)]
    target: Option<String>,
    /// Everybody.
    #[arg(long)]
    all: bool,
    /// Until this moment, with its offset, as 2026-11-26T06:00:00+01:00.
    #[arg(long, conflicts_with = "lasts")]
    until: Option<String>,
    /// For so long, as 4h or 30m; until it is released if neither is named.
    #[arg(long = "for", value_name = "DURATION")]
    lasts: Option<String>,
    /// Why.
    #[arg(long)]
    why: String,
    /// End the sessions that it covers, too.
    #[arg(long)]
    end_sessions: bool,
}

/// "90s", "30m", "4h", "2d" in seconds.
pub fn seconds(text: &str) -> Result<u32, String> {
    let wrong = || format!("{text} is no duration; write it as 90s, 30m, 4h or 2d");
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(wrong)?;
    let each = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(wrong()),
    };
    number.parse::<u32>().ok().and_then(|number| number.checked_mul(each)).filter(|s| *s > 0).ok_or_else(wrong)
}

/// "all", "person=vera", "employer=Pumpworks", "target=plc-gw".
pub fn whom(text: &str) -> Result<Whom, String> {
    match text.split_once('=') {
        None if text == "all" => Ok(Whom::All),
        Some(("person", id)) => Ok(Whom::Person { person: name(id)? }),
        Some(("employer", of)) => Ok(Whom::Employer { employer: Text::new(of).map_err(|e| format!("{of}: {e}"))? }),
        Some(("target", id)) => Ok(Whom::Target { target: name(id)? }),
        _ => Err(format!("{text} names nobody; write all, person=ID, employer=NAME or target=ID")),
    }
}

/// Of a session: its person, employer or machine, or everybody.
pub fn whom_of(kind: &str, session: u64) -> Result<Whom, String> {
    match kind {
        "person" => Ok(Whom::PersonOf { session }),
        "employer" => Ok(Whom::EmployerOf { session }),
        "target" => Ok(Whom::TargetOf { session }),
        "all" => Ok(Whom::All),
        other => Err(format!("{other} is nobody; write person, employer, target or all")),
    }
}

/// Does it.
pub fn block(socket: &BoxSocket, verb: Block, json: bool) -> Result<(), String> {
    match verb {
        Block::Add(add) => {
            let whom = match (&add.person, &add.employer, &add.target) {
                (Some(person), _, _) => whom(&format!("person={person}"))?,
                (_, Some(employer), _) => whom(&format!("employer={employer}"))?,
                (_, _, Some(target)) => whom(&format!("target={target}"))?,
                (None, None, None) => Whom::All,
            };
            let moment = |text: &String| text.parse::<jiff::Timestamp>().map(|t| t.as_millisecond());
            let until_ms = add.until.as_ref().map(moment).transpose().map_err(|e| format!("--until: {e}"))?;
            let for_s = add.lasts.as_deref().map(seconds).transpose()?;
            let (why, end_sessions) = (Line::cut(add.why), add.end_sessions);
            socket.order(&Request::Block { whom, until_ms, for_s, why, end_sessions }, None)
        }
        Block::List => match socket.ask(&Request::Blocks, None)?.0 {
            Reply::Blocks { rows } => {
                if json {
                    println!("{}", Value::Array(rows.iter().map(as_json).collect()));
                } else {
                    let until = |row: &BlockRow| row.until_ms.map_or_else(|| "it is released".to_owned(), table::moment);
                    let cells = rows.iter().map(|row| {
                        let (kind, of) = parts(&row.whom);
                        let whom = format!("{kind} {of}").trim_end().to_owned();
                        vec![row.block.to_string(), whom, until(row), table::moment(row.made_ms), row.by.to_string(), row.why.to_string()]
                    });
                    table::print(&["id", "keeps out", "until (UTC)", "since (UTC)", "by", "why"], &cells.collect::<Vec<_>>());
                }
                Ok(())
            }
            other => Err(unexpected(&other)),
        },
        Block::Release { id } => socket.order(&Request::Release { block: id }, None),
    }
}

fn parts(whom: &Whom) -> (&'static str, String) {
    match whom {
        Whom::Person { person } => ("person", person.to_string()),
        Whom::Employer { employer } => ("employer", employer.to_string()),
        Whom::Target { target } => ("target", target.to_string()),
        Whom::All => ("all", String::new()),
        Whom::PersonOf { session } => ("person of session", session.to_string()),
        Whom::EmployerOf { session } => ("employer of session", session.to_string()),
        Whom::TargetOf { session } => ("target of session", session.to_string()),
    }
}

fn as_json(row: &BlockRow) -> Value {
    let (kind, of) = parts(&row.whom);
    let of = if of.is_empty() { Value::Null } else { json!(of) };
    json!({
        "id": row.block, "kind": kind, "of": of, "until": row.until_ms, "since": row.made_ms,
        "by": row.by.as_str(), "why": row.why.as_str(),
    })
}

#[cfg(test)]
mod tests {
    use super::{seconds, whom};

    #[test]
    fn durations_and_people_are_read_and_nonsense_is_told() {
        assert_eq!(["90s", "30m", "4h", "2d"].map(|text| seconds(text).unwrap()), [90, 1_800, 14_400, 172_800]);
        for bad in ["", "4", "h", "4w", "-4h", "0m", "99999999d", "4 h", "é"] {
            assert!(seconds(bad).unwrap_err().contains("no duration"), "{bad}");
        }
        assert!(whom("person=vera").is_ok() && whom("all").is_ok() && whom("employer=Pump works").is_ok());
        for bad in ["", "vera", "everybody=1", "all=1"] {
            assert!(whom(bad).unwrap_err().contains("names nobody"), "{bad}");
        }
    }
}
