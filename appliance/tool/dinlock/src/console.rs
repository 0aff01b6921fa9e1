//! `dinlock console`: the box's screen in this terminal. The console itself is the box's own executable, in its
//! own sandbox; this only joins it with the terminal, the broker and the guardian.

use clap::Args;
use os::process::{Executable, Spawn, Status, spawn, wait};
use os::{seqpacket, tty};
use std::fs::File;
use std::io::{IsTerminal, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The user that it runs as: outside the workers' range, and nobody else's.
const CONSOLE_UID: u32 = 99_008;
/// It wants new sockets: `console::AGAIN`.
const AGAIN: i32 = 75;
/// Between two starts.
const PAUSE: Duration = Duration::from_millis(200);
/// How long a box may be away once it was there.
const AWAY_MAX: Duration = Duration::from_secs(10);
/// What the console leaves undone when it wants to be started again: `console::paint::END_WINDOW`.
const END_WINDOW: &str = "\x1b[0m\x1b[2J\x1b[?7h\x1b[?25h\x1b[?1049l";

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
    let mut shown = false;
    let outcome = again_and_again(socket, options, &mut shown);
    // Whatever became of it, this terminal is somebody's.
    tty::set_nonblocking(stdin.as_fd(), false).ok();
    if shown && outcome.is_err() {
        print!("{END_WINDOW}");
        std::io::stdout().flush().ok();
    }
    tty::set(stdin.as_fd(), &before).ok();
    outcome
}

fn again_and_again(socket: &Path, options: &Console, shown: &mut bool) -> Result<(), String> {
    let executable = match &options.executable {
        Some(path) => path.clone(),
        None => std::env::current_exe().map_err(|e| e.to_string())?.with_file_name("console"),
    };
    let folder = socket.parent().unwrap_or(Path::new("."));
    let connect = |name: &str| -> Result<OwnedFd, String> {
        let path = folder.join(name);
        seqpacket::connect(&path).map_err(|e| format!("no box answers at {}: {e}; is it running, and are you root?", path.display()))
    };
    let mut away_since = None;
    loop {
        let sockets = connect("console-door.sock").and_then(|broker| Ok((broker, connect("guardian.sock")?)));
        let (broker, guardian) = match sockets {
            Ok(sockets) => sockets,
            // It was there: it is being started again.
            Err(why) => {
                let since = *away_since.get_or_insert_with(Instant::now);
                if !*shown || since.elapsed() > AWAY_MAX {
                    return Err(why);
                }
                std::thread::sleep(PAUSE);
                continue;
            }
        };
        away_since = None;
        let terminal = std::io::stdin().as_fd().try_clone_to_owned().map_err(|e| format!("the terminal: {e}"))?;
        let fds = vec![(terminal, 3), (broker, 4), (guardian, 5)];
        let file = File::open(&executable).map_err(|e| format!("{}: {e}", executable.display()))?;
        let mut arguments = vec!["console", "--attached", "--language", &options.language];
        if *shown {
            arguments.push("--again");
        }
        let begun = spawn(Spawn {
            executable: Executable::File(file.as_fd()),
            arguments: &arguments,
            fds,
            uid: CONSOLE_UID,
            gid: CONSOLE_UID,
            cgroup_procs: Vec::new(),
            namespaces: true,
            limits: Vec::new(),
            parent_death_signal: Some(15),
        });
        let begun = begun.map_err(|e| format!("{}: {e}; it needs root", executable.display()))?;
        *shown = true;
        match wait(begun.pid).map_err(|e| format!("the console: {e}"))? {
            Status::Exited(0) => return Ok(()),
            Status::Exited(AGAIN) => std::thread::sleep(PAUSE),
            Status::Exited(code) => return Err(format!("the console ended with {code}")),
            Status::Killed(signal) => return Err(format!("the console was ended by signal {signal}")),
        }
    }
}
