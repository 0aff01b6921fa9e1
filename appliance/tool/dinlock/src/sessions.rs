//! `dinlock session`: who works, and ending, pausing and watching it.

use crate::box_socket::{BoxSocket, unexpected};
use crate::blocks;
use crate::screen::Screen;
use crate::table;
use border::admin::{Reply, Request, SessionRow};
use border::work::Up;
use border::{Line, MESSAGE_BYTES_MAX};
use clap::Subcommand;
use os::seqpacket;
use serde_json::{Value, json};
use std::io::{self, Write};
use std::os::fd::AsFd;

/// What can be done with sessions.
#[derive(Subcommand)]
pub enum Session {
    /// The living ones.
    List {
        /// The ended ones too.
        #[arg(long)]
        all: bool,
    },
    /// One of them.
    Show {
        /// Its id.
        id: String,
    },
    /// See what its person sees, as it happens.
    Watch {
        /// Its id.
        id: String,
    },
    /// Freeze its input.
    Pause {
        /// Its id.
        id: String,
    },
    /// Give its input back.
    Resume {
        /// Its id.
        id: String,
    },
    /// End it.
    End {
        /// Its id.
        id: String,
        /// Why; its person reads it.
        #[arg(long, default_value = "")]
        why: String,
        /// Also keep out its person, employer or target, or all.
        #[arg(long, value_name = "person|employer|target|all")]
        block: Option<String>,
        /// The block's time, as 4h or 30m; until it is released if not named.
        #[arg(long = "for", requires = "block", value_name = "DURATION")]
        lasts: Option<String>,
    },
}

/// `s-000042` or `42`.
pub fn number(text: &str) -> Result<u64, String> {
    let digits = text.strip_prefix("s-").unwrap_or(text);
    digits.parse().map_err(|_| format!("{text} is no session id; they look like s-000042"))
}

/// Does it.
pub fn session(socket: &BoxSocket, verb: Session, json: bool) -> Result<(), String> {
    match verb {
        Session::List { all } => {
            let rows = rows(socket, all)?;
            if json {
                println!("{}", Value::Array(rows.iter().map(as_json).collect()));
            } else {
                show(&rows);
            }
            Ok(())
        }
        Session::Show { id } => {
            let wanted = number(&id)?;
            let rows = rows(socket, true)?;
            let row = rows.iter().find(|row| row.session == wanted).ok_or_else(|| format!("no session {id} since this boot"))?;
            println!("{:#}", as_json(row));
            Ok(())
        }
        Session::Watch { id } => watch(socket, number(&id)?),
        Session::Pause { id } => socket.order(&Request::Pause { session: number(&id)? }, None),
        Session::Resume { id } => socket.order(&Request::Resume { session: number(&id)? }, None),
        Session::End { id, why, block, lasts } => {
            let session = number(&id)?;
            if let Some(kind) = block {
                let whom = blocks::whom_of(&kind, session)?;
                let for_s = lasts.as_deref().map(blocks::seconds).transpose()?;
                let why = Line::cut(format!("with the end of s-{session:06}; {why}"));
                socket.order(&Request::Block { whom, until_ms: None, for_s, why, end_sessions: false }, None)?;
            }
            socket.order(&Request::End { session, why: Line::cut(why) }, None)
        }
    }
}

fn rows(socket: &BoxSocket, all: bool) -> Result<Vec<SessionRow>, String> {
    match socket.ask(&Request::Sessions { all }, None)?.0 {
        Reply::Sessions { rows, more } => {
            if more {
                eprintln!("dinlock: only the newest are shown");
            }
            Ok(rows.into_vec())
        }
        other => Err(unexpected(&other)),
    }
}

fn as_json(row: &SessionRow) -> Value {
    json!({
        "id": format!("s-{:06}", row.session),
        "person": row.person.as_str(),
        "target": row.target.as_str(),
        "state": row.state.as_str(),
        "started": row.started_ms,
        "ended": row.ended_ms,
        "reason": if row.reason.is_empty() { Value::Null } else { json!(row.reason.as_str()) },
        "left_ms": row.left_ms,
    })
}

fn show(rows: &[SessionRow]) {
    let cells = rows.iter().map(|row| {
        let left = row.left_ms.map_or_else(|| "-".into(), |ms| format!("{} min", ms / 60_000));
        vec![
            format!("s-{:06}", row.session),
            row.person.to_string(),
            row.target.to_string(),
            row.state.to_string(),
            table::moment(row.started_ms),
            left,
            row.reason.to_string(),
        ]
    });
    table::print(&["id", "person", "target", "state", "started", "left", "reason"], &cells.collect::<Vec<_>>());
}

fn watch(socket: &BoxSocket, session: u64) -> Result<(), String> {
    let (reply, fds) = socket.ask(&Request::Watch { session }, None)?;
    let (Reply::Watching, Some(stream)) = (&reply, fds.first()) else {
        return Err(unexpected(&reply));
    };
    let mut out = io::stdout().lock();
    let (mut buffer, mut screen) = (vec![0; MESSAGE_BYTES_MAX], Screen::default());
    loop {
        let received = seqpacket::recv(stream.as_fd(), &mut buffer).map_err(|e| format!("the session's copy broke off: {e}"))?;
        if received.len == 0 {
            return Ok(());
        }
        let shown = match codec::decode::<Up>(&buffer[..received.len]).map_err(|e| e.to_string())? {
            Up::Data { channel, stream, bytes } => out.write_all(&screen.show(channel, stream, &bytes)),
            Up::Notice { text } => write!(out, "\r\n[dinlock] {text}\r\n"),
            Up::End { text } => {
                write!(out, "\r\n[dinlock] the session ended: {text}\r\n").map_err(|e| e.to_string())?;
                return Ok(());
            }
            Up::Opened { .. } | Up::OpenFailed { .. } | Up::Eof { .. } | Up::Exit { .. } => Ok(()),
            Up::ExitSignal { .. } | Up::Close { .. } | Up::Credit { .. } => Ok(()),
        };
        shown.and_then(|()| out.flush()).map_err(|e| e.to_string())?;
    }
}
