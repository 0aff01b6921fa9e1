//! Stand-ins for what a board has and this machine has not: watchdog, wired contact, keyboard, lamps. Each is a
//! socket where the board has a device; the watchdog resets the demo's box as the real one resets a board.
//!
//! `cargo xtask demo --board "contact open"` works them; so do the tests, over `board.sock`.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

/// Without food for so long, the watchdog resets the board: what the guardian sets a real one to.
const WATCHDOG: Duration = Duration::from_secs(15);
/// F12, as the kernel numbers keys.
const F12: u16 = 88;

/// What each command does, for people.
const COMMANDS: &str = "contact open | contact closed | contact cut | key down | key up | lamps | food | power";

/// The guardian's numbers of the stand-ins.
const DOG_FD: i32 = 11;
const KEYBOARD_FD: i32 = 12;
const LAMPS_FD: i32 = 13;
const CONTACT_FD: i32 = 14;

struct Inner {
    log: File,
    contact: Option<UnixStream>,
    closed: bool,
    keyboard: Option<UnixStream>,
    lamps: u8,
    fed: u64,
    /// When it was fed last; none while it has not begun, or was stopped in order.
    fed_at: Option<Instant>,
    /// Why the board shall start anew.
    reset: Option<&'static str>,
    boot: String,
}

/// The board.
pub struct Board {
    inner: Arc<Mutex<Inner>>,
}

fn lock(inner: &Mutex<Inner>) -> MutexGuard<'_, Inner> {
    inner.lock().expect("nobody panics while holding this lock")
}

fn boot() -> String {
    let mut bytes = [0; 16];
    os::random(&mut bytes);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Where the board's commands come.
pub fn socket(state: &Path) -> PathBuf {
    state.join("board.sock")
}

impl Board {
    /// Takes commands from now on.
    pub fn new(state: &Path) -> Result<Self, String> {
        let path = socket(state);
        let error = |e: std::io::Error| format!("{}: {e}", path.display());
        fs::remove_file(&path).ok();
        let listener = UnixListener::bind(&path).map_err(error)?;
        let log = File::options().create(true).append(true).open(state.join("log/board.log")).map_err(error)?;
        let inner = Inner {
            log,
            contact: None,
            closed: true,
            keyboard: None,
            lamps: 0,
            fed: 0,
            fed_at: None,
            reset: None,
            boot: boot(),
        };
        let inner = Arc::new(Mutex::new(inner));
        let shared = Arc::clone(&inner);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                thread::spawn(move || serve(client, &shared));
            }
        });
        Ok(Self { inner })
    }

    /// The stand-ins of a guardian that starts, under its numbers, and the id of this boot.
    pub fn begin(&self) -> Result<(Vec<(OwnedFd, i32)>, String), String> {
        let pair = || UnixStream::pair().map_err(|e| format!("socketpair: {e}"));
        let ((dog, dog_end), (keyboard, keyboard_end)) = (pair()?, pair()?);
        let ((lamps, lamps_end), (contact, contact_end)) = (pair()?, pair()?);
        let mut inner = lock(&self.inner);
        (&contact).write_all(if inner.closed { b"1" } else { b"0" }).map_err(|e| e.to_string())?;
        (inner.contact, inner.keyboard) = (Some(contact), Some(keyboard));
        let boot = inner.boot.clone();
        drop(inner);
        let (shared, shared_too) = (Arc::clone(&self.inner), Arc::clone(&self.inner));
        thread::spawn(move || read_all(dog, |byte| eat(&mut lock(&shared), byte)));
        thread::spawn(move || read_all(lamps, |byte| light(&mut lock(&shared_too), byte)));
        let fds = [(dog_end, DOG_FD), (keyboard_end, KEYBOARD_FD), (lamps_end, LAMPS_FD), (contact_end, CONTACT_FD)];
        Ok((fds.into_iter().map(|(end, number)| (end.into(), number)).collect(), boot))
    }

    /// Why the board starts anew now, if it does. It then has a new boot.
    pub fn resets(&self) -> Option<&'static str> {
        let mut inner = lock(&self.inner);
        let starved = inner.fed_at.is_some_and(|at| at.elapsed() > WATCHDOG);
        let why = inner.reset.take().or(starved.then_some("the watchdog had no food for 15 s"))?;
        inner.fed_at = None;
        inner.boot = boot();
        inner.lamps = 0;
        let line = format!("reset: {why}");
        say(&mut inner, &line);
        Some(why)
    }
}

fn say(inner: &mut Inner, line: &str) {
    writeln!(inner.log, "{line}").ok();
}

fn read_all(mut from: UnixStream, mut each: impl FnMut(u8)) {
    let mut bytes = [0; 64];
    while let Ok(length @ 1..) = from.read(&mut bytes) {
        bytes[..length].iter().for_each(|byte| each(*byte));
    }
}

fn eat(inner: &mut Inner, byte: u8) {
    inner.fed += 1;
    inner.fed_at = (byte != b'V').then(Instant::now);
    if byte == b'V' {
        say(inner, "watchdog: stopped in order");
    }
}

fn light(inner: &mut Inner, byte: u8) {
    inner.lamps = byte;
    let line = format!("lamps: {}", lamps(byte));
    say(inner, &line);
}

fn lamps(byte: u8) -> String {
    let names = BTreeMap::from([(0, "connected"), (1, "cut"), (2, "fault")]);
    names.iter().map(|(bit, name)| format!("{name}={}", byte >> bit & 1)).collect::<Vec<_>>().join(" ")
}

fn serve(client: UnixStream, inner: &Mutex<Inner>) {
    let mut lines = BufReader::new(&client).lines();
    while let Some(Ok(line)) = lines.next() {
        let reply = command(&line, &mut lock(inner));
        if writeln!(&client, "{reply}").is_err() {
            return;
        }
    }
}

fn command(line: &str, inner: &mut Inner) -> String {
    let wrote = match line.trim() {
        "contact open" | "contact closed" => {
            inner.closed = line.contains("closed");
            let level: &[u8] = if inner.closed { b"1" } else { b"0" };
            inner.contact.as_ref().map(|mut contact| contact.write_all(level))
        }
        "contact cut" => inner.contact.take().map(|_| Ok(())),
        "key down" | "key up" => {
            let value = i32::from(line.contains("down"));
            let event = [&[0; 16][..], &1_u16.to_ne_bytes(), &F12.to_ne_bytes(), &value.to_ne_bytes()].concat();
            inner.keyboard.as_ref().map(|mut keyboard| keyboard.write_all(&event))
        }
        "lamps" => return lamps(inner.lamps),
        "food" => return format!("{} {}", inner.fed, inner.fed_at.map_or(-1, |at| i64::try_from(at.elapsed().as_millis()).unwrap_or(i64::MAX))),
        "power" => {
            inner.reset = Some("its power was cut");
            Some(Ok(()))
        }
        _ => return format!("no such command; {COMMANDS}"),
    };
    match wrote {
        Some(Ok(())) => "ok".into(),
        Some(Err(e)) => format!("{e}"),
        None => "there is none".into(),
    }
}

/// Sends one command to a running demo's board; its answer.
pub fn ask(state: &Path, line: &str) -> Result<String, String> {
    let path = socket(state);
    let error = |e: std::io::Error| format!("{}: {e}; is a demo running?", path.display());
    let mut board = UnixStream::connect(&path).map_err(error)?;
    writeln!(board, "{line}").map_err(error)?;
    let mut reply = String::new();
    BufReader::new(board).read_line(&mut reply).map_err(error)?;
    Ok(reply.trim().to_owned())
}
