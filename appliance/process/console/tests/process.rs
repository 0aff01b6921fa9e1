//! The real process in its sandbox, on a pseudo-terminal, with a broker and a guardian whose answers are written
//! here. Needs root, which gives it an unprivileged user and an empty network.

mod common;

use border::console::{Reply, Request};
use border::{desk, secrets};
use codec::Wire;
use common::{cut, state, three, view};
use guard::{Standing, State, Trigger};
use os::process::{Executable, Spawn, Spawned, Status, spawn, wait};
use os::{seqpacket, tty};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

/// Nothing here takes so long.
const PATIENCE: Duration = Duration::from_secs(20);
const USER: u32 = 99_008;

/// A terminal that shows what it is sent: cursor position, and text.
struct Screen {
    cells: Vec<Vec<char>>,
    at: (usize, usize),
    pending: Vec<u8>,
}

impl Screen {
    fn new() -> Self {
        Self { cells: vec![vec![' '; 80]; 25], at: (0, 0), pending: Vec::new() }
    }

    fn take(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
        loop {
            let text = String::from_utf8_lossy(&self.pending).into_owned();
            let mut chars = text.chars();
            let Some(first) = chars.next() else { return };
            if first == '\u{fffd}' {
                return;
            }
            let mut used = first.len_utf8();
            if first == '\x1b' {
                let Some(kind) = chars.next() else { return };
                let rest: String = chars.collect();
                used += kind.len_utf8();
                if kind == '[' {
                    let Some(end) = rest.find(|c: char| c.is_ascii_alphabetic()) else { return };
                    used += end + 1;
                    if rest.as_bytes()[end] == b'H' {
                        let mut numbers = rest[..end].split(';').map(|n| n.parse::<usize>().unwrap_or(1));
                        self.at = (numbers.next().unwrap_or(1) - 1, numbers.next().unwrap_or(1) - 1);
                    }
                } else {
                    used += rest.chars().next().map_or(0, char::len_utf8);
                }
            } else {
                if let Some(cell) = self.cells.get_mut(self.at.0).and_then(|row| row.get_mut(self.at.1)) {
                    *cell = first;
                }
                self.at.1 += 1;
            }
            self.pending.drain(..used);
        }
    }

    fn text(&self) -> String {
        self.cells.iter().map(|row| row.iter().collect::<String>() + "\n").collect()
    }
}

struct Rig {
    keys: File,
    bytes: Receiver<Vec<u8>>,
    screen: Screen,
    broker: Option<OwnedFd>,
    guardian: Option<OwnedFd>,
    child: Spawned,
    terminal: OwnedFd,
    /// What the guardian says.
    state: State,
    cuts: usize,
}

fn receive<T: Wire>(from: &OwnedFd) -> Option<T> {
    let mut buffer = vec![0; border::MESSAGE_BYTES_MAX];
    let got = seqpacket::recv(from.as_fd(), &mut buffer).ok().filter(|got| got.len > 0)?;
    Some(codec::decode(&buffer[..got.len]).unwrap())
}

fn send<T: Wire>(to: &OwnedFd, message: &T, fds: &[&OwnedFd]) {
    let fds: Vec<_> = fds.iter().map(|fd| fd.as_fd()).collect();
    seqpacket::send(to.as_fd(), &codec::encode(message), &fds).ok();
}

impl Rig {
    fn start(arguments: &[&str]) -> Self {
        let size = nix::pty::Winsize { ws_row: 25, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
        let pair = nix::pty::openpty(Some(&size), None).unwrap();
        let (broker, for_broker) = seqpacket::pair().unwrap();
        let (guardian, for_guardian) = seqpacket::pair().unwrap();
        for socket in [&broker, &guardian] {
            seqpacket::set_nonblocking(socket.as_fd(), true).unwrap();
        }
        let executable = File::open(env!("CARGO_BIN_EXE_console")).unwrap();
        let arguments: Vec<&str> = std::iter::once("console").chain(arguments.iter().copied()).collect();
        let child = spawn(Spawn {
            executable: Executable::File(executable.as_fd()),
            arguments: &arguments,
            fds: vec![(pair.slave.try_clone().unwrap(), 3), (for_broker, 4), (for_guardian, 5)],
            uid: USER,
            gid: USER,
            cgroup_procs: vec![],
            namespaces: true,
            limits: vec![],
            parent_death_signal: Some(9),
        })
        .unwrap();
        let mut reader = File::from(pair.master.try_clone().unwrap());
        let (sender, bytes) = channel();
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count) = reader.read(&mut buffer) {
                if count == 0 || sender.send(buffer[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self {
            keys: File::from(pair.master),
            bytes,
            screen: Screen::new(),
            broker: Some(broker),
            guardian: Some(guardian),
            child,
            terminal: pair.slave,
            state: state(Standing::Armed),
            cuts: 0,
        }
    }

    fn press(&mut self, bytes: &[u8]) {
        self.keys.write_all(bytes).unwrap();
    }

    /// Answers both until the screen shows `what`.
    fn until(&mut self, what: &str) {
        self.until_seen(what, |rig| rig.screen.text().contains(what));
    }

    fn until_seen(&mut self, what: &str, seen: impl Fn(&Self) -> bool) {
        let begun = Instant::now();
        while !seen(self) {
            assert!(begun.elapsed() < PATIENCE, "{what} never came:\n{}", self.screen.text());
            self.answer();
            if let Ok(bytes) = self.bytes.recv_timeout(Duration::from_millis(5)) {
                self.screen.take(&bytes);
            }
        }
    }

    fn answer(&mut self) {
        if let Some(guardian) = &self.guardian {
            while let Some(request) = receive::<desk::Request>(guardian) {
                if request == (desk::Request::Cut { console: true }) {
                    self.cuts += 1;
                    self.state = cut(Trigger::Console, true);
                }
                send(guardian, &desk::Reply::Is { now_ms: 2_400_000, state: self.state }, &[]);
            }
        }
        if let Some(broker) = &self.broker {
            while let Some(request) = receive::<Request>(broker) {
                let sessions = codec::List::new(three()).unwrap();
                let reply = match request {
                    Request::Look => Reply::View { view: border::console::View { sessions, ..view() } },
                    Request::Unlock { .. } => {
                        let (vault, theirs) = seqpacket::pair().unwrap();
                        send(broker, &Reply::Asked, &[&theirs]);
                        drop(theirs);
                        let pin: secrets::Request = receive(&vault).expect("a PIN");
                        let right = matches!(&pin, secrets::Request::Pin { pin } if pin[..] == *b"482913");
                        if right { Reply::Done } else { Reply::Refused { why: border::console::Why::WrongPin } }
                    }
                    Request::Lock | Request::Rearm => Reply::Done,
                    Request::End { .. } | Request::Pause { .. } | Request::Resume { .. } => Reply::Done,
                    Request::Admit { .. } | Request::Deny { .. } => Reply::Done,
                };
                send(broker, &reply, &[]);
            }
        }
    }

    fn end(mut self) -> Status {
        drop(self.broker.take());
        drop(self.guardian.take());
        let status = wait(self.child.pid).unwrap();
        drop(self.terminal);
        status
    }
}

#[test]
fn the_cut_off_key_reaches_the_guardian_also_when_the_broker_is_dead() {
    let mut rig = Rig::start(&[]);
    rig.until("Vera Lindqvist");
    assert!(tty::settings(rig.terminal.as_fd()).is_ok());
    rig.press(b"\x1b[24~");
    rig.until("PRESS IT AGAIN");
    assert_eq!(rig.cuts, 0);
    drop(rig.broker.take());
    rig.until("THE BROKER DOES NOT ANSWER");
    rig.press(b"\x1b[24~");
    rig.until("WHAT HAPPENED");
    assert_eq!(rig.cuts, 1);
    rig.until("Latched: a restart does not undo this");
    rig.until_seen("its end", |rig| zombie(rig.child.pid));
    assert_eq!(rig.end(), Status::Exited(75), "it wants to be started again, with new sockets");
}

fn zombie(pid: i32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).map_or(true, |stat| stat.contains(") Z "))
}

#[test]
fn keys_that_stop_other_programs_do_nothing_and_a_person_who_attached_it_leaves() {
    let mut rig = Rig::start(&["--attached"]);
    rig.until("Vera Lindqvist");
    rig.press(b"\x03\x1a\x1c\x04");
    rig.press(b"u");
    rig.until("Who are you?");
    rig.press(b"\r111111\r");
    rig.until("The PIN is wrong.");
    rig.press(b"482913\r");
    rig.until("Unlocked.");
    rig.press(b"\x1b[21~");
    rig.until_seen("its end", |rig| zombie(rig.child.pid));
    let after = format!("{:?}", nix::sys::termios::tcgetattr(rig.terminal.as_fd()).unwrap().local_flags);
    assert_eq!(rig.end(), Status::Exited(0));
    assert!(after.contains("ICANON") && after.contains("ISIG"), "the terminal is as it was: {after}");
}

#[test]
fn a_guardian_that_goes_is_said_at_once() {
    let mut rig = Rig::start(&["--size", "80x25", "--language", "de"]);
    rig.until("Vera Lindqvist");
    drop(rig.guardian.take());
    rig.until("UNPLUG OT");
    rig.end();
}
