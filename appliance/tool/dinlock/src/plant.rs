//! `dinlock status`, `plan`, `apply`, `export`.

use crate::box_socket::{BoxSocket, unexpected};
use crate::table;
use border::admin::{Reply, Request, Space};
use model::Plant;
use serde_json::json;
use std::fs;
use std::path::Path;

/// How the box is.
pub fn status(socket: &BoxSocket, json: bool) -> Result<(), String> {
    match socket.ask(&Request::Status, None)?.0 {
        Reply::Status { name, box_key, armed, sessions, taking_sessions, space, held } => {
            let key = ledger::hex(&box_key);
            if json {
                println!("{}", json!({"name": name.as_str(), "box_key": key, "armed": armed, "sessions": sessions, "free_mb": space.free_mb, "warn_below_mb": space.warn_below_mb, "refuse_below_mb": space.refuse_below_mb, "days_left": space.days_left, "taking_sessions": taking_sessions, "held": held.as_str()}));
            } else {
                let yes = |value: bool| if value { "yes" } else { "no" }.to_owned();
                let rows = [("box", name.to_string()), ("box key", key), ("armed", if held.is_empty() { yes(armed) } else { format!("no: {held}") }), ("sessions", sessions.to_string()), ("free disk", format!("{} MB; the box warns below {} MB", space.free_mb, space.warn_below_mb)), ("space for sessions", lasts(&space)), ("takes new sessions", yes(taking_sessions))];
                table::print(&["what", "now"], &rows.map(|(what, now)| vec![what.to_owned(), now]));
            }
            Ok(())
        }
        other => Err(unexpected(&other)),
    }
}

/// How long the disk takes new sessions.
fn lasts(space: &Space) -> String {
    let until = format!("they are refused below {} MB", space.refuse_below_mb);
    match space.days_left {
        _ if space.free_mb < space.refuse_below_mb => format!("none: {until}; free the disk"),
        None => format!("nothing was recorded yet to reckon days from; {until}"),
        Some(1) => format!("about 1 day, as it was used since the start; {until}"),
        Some(days) => format!("about {days} days, as it was used since the start; {until}"),
    }
}

fn read(file: &Path) -> Result<Plant, String> {
    let text = fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()))?;
    plantfile::parse(&file.display().to_string(), &text)
        .map_err(|faults| faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}

/// The box's plant.
pub fn of_box(socket: &BoxSocket) -> Result<Plant, String> {
    codec::decode(&socket.documents(&Request::Plant)?.concat()).map_err(|e| format!("the box's plant: {e}"))
}

/// What a file would change.
pub fn plan(socket: &BoxSocket, file: &Path, json: bool) -> Result<(), String> {
    let new = read(file)?;
    let changes = match of_box(socket) {
        Ok(old) => Plant::changes(&old, &new).iter().map(ToString::to_string).collect(),
        Err(_) => vec!["everything: the box has no plant yet".to_owned()],
    };
    if json {
        println!("{}", json!(changes));
    } else if changes.is_empty() {
        println!("nothing would change");
    } else {
        changes.iter().for_each(|change| println!("{change}"));
    }
    Ok(())
}

/// Makes it so.
pub fn apply(socket: &BoxSocket, file: &Path) -> Result<(), String> {
    let plant = read(file)?;
    socket.order(&Request::Apply, Some(&codec::encode(&plant)))
}

/// Writes it.
pub fn export(socket: &BoxSocket) -> Result<(), String> {
    print!("{}", plantfile::render(&of_box(socket)?));
    Ok(())
}
