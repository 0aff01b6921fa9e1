//! `dinlock console`: the box's screen in this terminal. The console itself is the box's own executable, in its
//! own sandbox; this only joins it with the terminal, the broker and the guardian.

use clap::Args;
use os::process::{Executable, Spawn, Status, spawn, wait};
use os::{seqpacket, tty};
use std::fs::File;
use std::io::IsTerminal;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The user that it runs as: outside the workers' range, and nobody else's.
const CONSOLE_UID: u32 = 99_008;
/// It wants new sockets: `console::AGAIN`.
const AGAIN: i32 = 75;
/// Between two starts.
const PAUSE: Duration = Duration::from_millis(200);

/// How to attach it.
#[derive(Args)]
pub struct Console {
    /// The console's executable; beside dinlock itself if not named.
    #[arg(long)]
    executable: Option<PathBuf>,
    /// Until the box says which: en or de.
    #[arg(long, default_value = "en")]
    language: String,
}

/// Runs it until the person leaves by F10.
pub fn console(socket: &Path, options: &Console) -> Result<(), String> {
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        return Err("the console needs a terminal on standard input".into());
    }
    let before = tty::settings(stdin.as_fd()).map_err(|e| format!("the terminal: {e}"))?;
    let outcome = again_and_again(socket, options);
    // Whatever became of it, this terminal is somebody's.
    tty::set_nonblocking(stdin.as_fd(), false).ok();
    tty::set(stdin.as_fd(), &before).ok();
    outcome
}

fn again_and_again(socket: &Path, options: &Console) -> Result<(), String> {
    let executable = match &options.executable {
        Some(path) => path.clone(),
        None => std::env::current_exe().map_err(|e| e.to_string())?.with_file_name("console"),
    };
    let folder = socket.parent().unwrap_or(Path::new("."));
    let connect = |name: &str| -> Result<OwnedFd, String> {
        let path = folder.join(name);
        seqpacket::connect(&path).map_err(|e| format!("no box answers at {}: {e}; is it running, and are you root?", path.display()))
    };
    loop {
        let terminal = std::io::stdin().as_fd().try_clone_to_owned().map_err(|e| format!("the terminal: {e}"))?;
        let fds = vec![(terminal, 3), (connect("console-door.sock")?, 4), (connect("guardian.sock")?, 5)];
        let file = File::open(&executable).map_err(|e| format!("{}: {e}", executable.display()))?;
        let begun = spawn(Spawn {
            executable: Executable::File(file.as_fd()),
            arguments: &["console", "--attached", "--language", &options.language],
            fds,
            uid: CONSOLE_UID,
            gid: CONSOLE_UID,
            cgroup_procs: Vec::new(),
            namespaces: true,
            limits: Vec::new(),
            parent_death_signal: Some(15),
        });
        let begun = begun.map_err(|e| format!("{}: {e}; it needs root", executable.display()))?;
        match wait(begun.pid).map_err(|e| format!("the console: {e}"))? {
            Status::Exited(0) => return Ok(()),
            Status::Exited(AGAIN) => std::thread::sleep(PAUSE),
            Status::Exited(code) => return Err(format!("the console ended with {code}")),
            Status::Killed(signal) => return Err(format!("the console was ended by signal {signal}")),
        }
    }
}
