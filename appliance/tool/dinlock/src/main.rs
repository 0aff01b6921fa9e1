//! `dinlock`: the administrator's and the auditor's command line.
//!
//! On a box it speaks over the local socket; `verify`, `recording play` and `recording export`
//! with files need no box at all. It is where TOML is read: the box only ever gets typed objects.
//! It must never hold a rule of its own: the broker decides. Proof: `tests/offline.rs`.

#![allow(clippy::wildcard_enum_match_arm, reason = "a reply or value of any other kind is one and the same error")]

mod auditor;
mod audit;
mod blocks;
mod box_socket;
mod console;
mod cutoff;
mod people;
mod plant;
mod private_key;
mod recordings;
mod screen;
mod sessions;
mod table;
mod targets;
mod verify;

use box_socket::BoxSocket;
use clap::{Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

/// Runs and audits a Dinlock box.
#[derive(Parser)]
#[command(name = "dinlock", version)]
struct Arguments {
    /// The box's local socket.
    #[arg(long, env = "DINLOCK_SOCKET", default_value = "/run/dinlock/admin.sock", global = true)]
    socket: PathBuf,
    /// Print JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// How the box is.
    Status,
    /// What a plant file would change.
    Plan {
        /// The plant file.
        file: PathBuf,
    },
    /// Makes a plant file so.
    Apply {
        /// The plant file.
        file: PathBuf,
    },
    /// Writes the box's plant file.
    Export,
    /// People's login secrets.
    #[command(subcommand)]
    Person(people::Person),
    /// Machines.
    #[command(subcommand)]
    Target(targets::Target),
    /// Machines' secrets.
    #[command(subcommand)]
    Secret(people::Secret),
    /// Sessions.
    #[command(subcommand)]
    Session(sessions::Session),
    /// Recordings.
    #[command(subcommand)]
    Recording(recordings::Recording),
    /// The audit log.
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Auditors' keys.
    #[command(subcommand)]
    Auditor(auditor::Auditor),
    /// Cuts everything off: straight to the guardian. Also: status, rearm, drill, drills.
    Cutoff(cutoff::Cutoff),
    /// Keeping people out.
    #[command(subcommand)]
    Block(blocks::Block),
    /// The box's screen, in this terminal. It needs root.
    Console(console::Console),
    /// Checks an exported recording or audit log, without a box.
    Verify {
        /// The box's public key: 64 hexadecimal digits, as its console shows it.
        #[arg(long = "box")]
        box_key: String,
        /// An export's folder, or one file.
        path: PathBuf,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let socket = BoxSocket::new(&arguments.socket);
    let json = arguments.json;
    let outcome = match arguments.verb {
        Verb::Status => plant::status(&socket, json),
        Verb::Plan { file } => plant::plan(&socket, &file, json),
        Verb::Apply { file } => plant::apply(&socket, &file),
        Verb::Export => plant::export(&socket),
        Verb::Person(verb) => people::person(&socket, verb, json),
        Verb::Target(verb) => targets::target(&socket, verb, json),
        Verb::Secret(verb) => people::secret(&socket, verb, json),
        Verb::Session(verb) => sessions::session(&socket, verb, json),
        Verb::Recording(verb) => recordings::recording(&socket, verb, json),
        Verb::Audit(verb) => audit::audit(&socket, verb, json),
        Verb::Auditor(verb) => auditor::auditor(verb),
        Verb::Cutoff(options) => cutoff::cutoff(&socket, &arguments.socket, &options, json),
        Verb::Block(verb) => blocks::block(&socket, verb, json),
        Verb::Console(options) => console::console(&arguments.socket, &options),
        Verb::Verify { box_key, path } => verify::verify(&box_key, &path, json),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("dinlock: {why}");
            ExitCode::FAILURE
        }
    }
}
