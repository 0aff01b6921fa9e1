//! `dinlock target`: machines, their pinned keys, and a try step by step.

use crate::box_socket::{BoxSocket, unexpected};
use crate::people::name;
use crate::{plant, table};
use border::KeyLine;
use border::admin::{Reply, Request};
use clap::Subcommand;
use serde_json::json;

/// What can be done with machines.
#[derive(Subcommand)]
pub enum Target {
    /// The machines of the plant file.
    List,
    /// Pins a host key.
    Trust {
        /// The target.
        target: String,
        /// The key, as one OpenSSH public-key line.
        key: Vec<String>,
    },
    /// Tries a machine: reach, key exchange, host key, login.
    Test {
        /// The target.
        target: String,
        /// The account; the first where none is named.
        #[arg(default_value = "")]
        account: String,
    },
}

/// Does it.
pub fn target(socket: &BoxSocket, verb: Target, json: bool) -> Result<(), String> {
    match verb {
        Target::List => {
            let plant = plant::of_box(socket)?;
            let old = |t: &model::Target| t.legacy_algorithms.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
            if json {
                let rows = plant.targets.iter().map(|t| json!({"id": t.id.to_string(), "address": t.address.to_string(), "port": t.port, "old_algorithms": old(t)}));
                println!("{}", serde_json::Value::Array(rows.collect()));
            } else {
                let rows = plant.targets.iter().map(|t| {
                    let warning = if t.legacy_algorithms.is_empty() { String::new() } else { format!("old algorithms: {}", old(t)) };
                    vec![t.id.to_string(), t.address.to_string(), t.port.to_string(), warning]
                });
                table::print(&["id", "address", "port", "warning"], &rows.collect::<Vec<_>>());
            }
            Ok(())
        }
        Target::Trust { target, key } => {
            let key = KeyLine::new(key.join(" ")).map_err(|e| format!("key: {e}"))?;
            socket.order(&Request::Trust { target: name(&target)?, key }, None)
        }
        Target::Test { target, account } => {
            match socket.ask(&Request::Test { target: name(&target)?, account: name(&account)? }, None)?.0 {
                Reply::Tested { steps, ok } => {
                    for step in steps.iter() {
                        println!("{step}");
                    }
                    if ok { Ok(()) } else { Err(format!("{target} can't be worked on yet")) }
                }
                other => Err(unexpected(&other)),
            }
        }
    }
}
