//! `dinlock audit`: the ledger's rows.

use crate::box_socket::BoxSocket;
use crate::table;
use border::admin::Request;
use clap::Subcommand;
use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

/// What can be done with the audit log.
#[derive(Subcommand)]
pub enum Audit {
    /// Its rows.
    List {
        /// First row.
        #[arg(long, default_value_t = 1)]
        from: u64,
    },
    /// Its rows as they come.
    Follow,
    /// A signed export for `verify`.
    Export {
        /// The file to write.
        #[arg(long)]
        out: PathBuf,
        /// First row.
        #[arg(long, default_value_t = 1)]
        from: u64,
        /// Last row.
        #[arg(long, default_value_t = u64::MAX)]
        to: u64,
    },
}

/// Does it.
pub fn audit(socket: &BoxSocket, verb: Audit, json: bool) -> Result<(), String> {
    match verb {
        Audit::List { from } => {
            let rows = rows(socket, from)?;
            if json {
                println!("{}", Value::Array(rows));
            } else {
                show(&rows);
            }
            Ok(())
        }
        Audit::Follow => follow(socket, json),
        Audit::Export { out, from, to } => {
            let bytes = socket.documents(&Request::ExportAudit { from, to })?.concat();
            fs::write(&out, bytes).map_err(|e| format!("{}: {e}", out.display()))?;
            println!("{} holds the export; `dinlock verify --box KEY {}` checks it anywhere", out.display(), out.display());
            Ok(())
        }
    }
}

/// Rows of a signed export: the first line is its header, each other one `HASH JSON`.
fn rows(socket: &BoxSocket, from: u64) -> Result<Vec<Value>, String> {
    let bytes = socket.documents(&Request::ExportAudit { from, to: u64::MAX })?.concat();
    let text = String::from_utf8(bytes).map_err(|_| "the audit log is not text")?;
    let rows = text.lines().skip(1).filter_map(|line| line.split_once(' ')).map(|(_, json)| serde_json::from_str(json));
    rows.collect::<Result<_, _>>().map_err(|e| format!("audit row: {e}"))
}

fn show(rows: &[Value]) {
    let cell = |row: &Value, name: &str| match &row[name] {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Number(n) if name == "at" => table::moment(n.as_i64().unwrap_or_default()),
        other => other.to_string(),
    };
    let columns = ["seq", "at", "kind", "result", "person", "session", "target", "detail"];
    let rows: Vec<Vec<String>> = rows.iter().map(|row| columns.iter().map(|name| cell(row, name)).collect()).collect();
    table::print(&columns, &rows);
}

fn follow(socket: &BoxSocket, json: bool) -> Result<(), String> {
    let mut next = 1;
    loop {
        // An export of rows that do not exist yet is refused; that only means that nothing is new.
        let new = rows(socket, next).unwrap_or_default();
        if let Some(last) = new.last().and_then(|row| row["seq"].as_u64()) {
            next = last + 1;
            if json {
                for row in &new {
                    println!("{row}");
                }
            } else {
                show(&new);
            }
        }
        std::thread::sleep(Duration::from_secs(1));
    }
}
