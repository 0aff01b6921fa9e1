//! The loop around the desk: keys and answers in, messages and cells out.

use crate::desk::{Act, Desk, Event, Now, Settings};
use crate::keys::{Decoder, SEQUENCE_MS};
use crate::paint::{BEGIN, BEGIN_WINDOW, END, END_WINDOW, Painter};
use crate::{AGAIN, screen};
use border::console::Reply;
use border::{MESSAGE_BYTES_MAX, desk, secrets};
use codec::{Bytes, Wire};
use os::poll::{Poll, Ready};
use os::{clock, seqpacket, tty};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::process::ExitCode;
use std::time::Duration;
use zeroize::Zeroize;

const TTY: u64 = 0;
const BROKER: u64 = 1;
const GUARDIAN: u64 = 2;
/// A serial line may have lost a byte: all is drawn anew this often, in ms.
const ANEW_MS: u64 = 10_000;
/// The screen, where nothing says how large it is.
const SIZE: (u16, u16) = (80, 25);
/// Larger than any screen that we draw on.
const SIZE_MAX: u16 = 300;
/// Keys that are taken before the next frame.
const KEYS_MAX: usize = 256;

/// All that it has.
pub struct Shell {
    tty: File,
    before: tty::Settings,
    broker: OwnedFd,
    guardian: OwnedFd,
    poll: Poll,
    size: Option<(u16, u16)>,
    settings: Settings,
}

fn now() -> Now {
    let boot_ms = u64::try_from(clock::boottime().as_millis()).unwrap_or(u64::MAX);
    Now { boot_ms, wall_ms: clock::wall_ms() }
}

fn size_of(text: &str) -> Option<(u16, u16)> {
    let (columns, rows) = text.split_once('x')?;
    let size = (columns.parse().ok()?, rows.parse().ok()?);
    [size.0, size.1].iter().all(|n| (1..=SIZE_MAX).contains(n)).then_some(size)
}

/// Takes the terminal and the sockets; the terminal is raw from here on.
pub fn prepare(descriptors: &mut entry::Descriptors) -> Result<Shell, String> {
    let mut settings = Settings::default();
    let mut size = None;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = |what: &str| arguments.next().ok_or(format!("{argument} wants {what}"));
        match argument.as_str() {
            "--attached" => settings.attached = true,
            "--again" => settings.again = true,
            "--language" => settings.german = value("en or de")? == "de",
            "--size" => size = Some(size_of(&value("columns x rows")?).ok_or("--size is written as 80x25")?),
            other => return Err(format!("there is no argument {other}; there are --size 80x25, --language en|de, --attached and --again")),
        }
    }
    let tty = descriptors.take("tty");
    let (broker, guardian) = (descriptors.take("broker"), descriptors.take("guardian"));
    let fault = |what: &'static str| move |error: std::io::Error| format!("{what}: {error}");
    let poll = Poll::new().map_err(fault("no epoll"))?;
    for (socket, token) in [(&broker, BROKER), (&guardian, GUARDIAN)] {
        seqpacket::set_nonblocking(socket.as_fd(), true).map_err(fault("a socket"))?;
        poll.add(socket, token, true, false).map_err(fault("a socket"))?;
    }
    if tty::is_virtual(tty.as_fd()) {
        settings.own_screen = true;
        if let Err(error) = tty::lock_switching(tty.as_fd()) {
            eprintln!("console: switching to other screens can't be locked: {error}; it needs CAP_SYS_TTY_CONFIG at its start");
            settings.unlocked_screens = true;
        }
    }
    poll.add(&tty, TTY, true, false).map_err(fault("the terminal"))?;
    tty::set_nonblocking(tty.as_fd(), true).map_err(fault("the terminal"))?;
    let before = tty::raw(tty.as_fd()).map_err(fault("the terminal"))?;
    Ok(Shell { tty: File::from(tty), before, broker, guardian, poll, size, settings })
}

/// Serves until its sockets are closed, its terminal is gone, or a person who attached it leaves.
pub fn serve(shell: Shell) -> ExitCode {
    let desk = Desk::new(shell.settings, now());
    Running {
        shell,
        desk,
        decoder: Decoder::default(),
        painter: Painter::default(),
        unsent: Vec::new(),
        pin: None,
        anew_ms: 0,
        buffer: vec![0; MESSAGE_BYTES_MAX],
        end: None,
    }
    .run()
}

struct Running {
    shell: Shell,
    desk: Desk,
    decoder: Decoder,
    painter: Painter,
    /// Bytes that the terminal has not taken yet: no frame is drawn before.
    unsent: Vec<u8>,
    /// Where a PIN goes to the vault.
    pin: Option<OwnedFd>,
    anew_ms: u64,
    buffer: Vec<u8>,
    end: Option<bool>,
}

impl Running {
    fn run(mut self) -> ExitCode {
        // Started again, it draws over the picture that the one before left.
        let begin = match self.shell.settings {
            Settings { again: true, .. } => &b""[..],
            Settings { attached: true, .. } => BEGIN_WINDOW,
            Settings { .. } => BEGIN,
        };
        self.unsent.extend_from_slice(begin);
        let mut ready: Vec<Ready> = Vec::new();
        self.feed(Event::Tick);
        while self.end.is_none() {
            self.draw();
            let wake = self.desk.next_wake_ms().saturating_sub(now().boot_ms);
            let wake = if self.decoder.waits() { wake.min(SEQUENCE_MS) } else { wake };
            if let Err(error) = self.shell.poll.wait(&mut ready, Some(Duration::from_millis(wake.max(1)))) {
                eprintln!("console: epoll: {error}");
                break;
            }
            if !ready.iter().any(|event| event.token == TTY)
                && let Some(key) = self.decoder.silence()
            {
                self.feed(Event::Key(key));
            }
            for event in &ready {
                match event.token {
                    TTY => self.keys(event.hangup),
                    BROKER => self.hear_broker(),
                    _ => self.hear_guardian(),
                }
            }
            self.feed(Event::Tick);
        }
        self.leave()
    }

    /// To be started again it leaves its last picture, which says what does not answer, and the terminal raw.
    fn leave(mut self) -> ExitCode {
        let again = self.end.unwrap_or(false);
        self.draw();
        if !again {
            self.unsent.extend_from_slice(if self.shell.settings.attached { END_WINDOW } else { END });
            self.flush();
            tty::set(self.shell.tty.as_fd(), &self.shell.before).ok();
        }
        tty::set_nonblocking(self.shell.tty.as_fd(), false).ok();
        if again { ExitCode::from(AGAIN) } else { ExitCode::SUCCESS }
    }

    fn feed(&mut self, event: Event) {
        for act in self.desk.on(event, now()) {
            match act {
                // Who does not take it will be late, and is shown so.
                Act::ToBroker(ask) => self.send(BROKER, &ask.0),
                Act::ToGuardian(request) => self.send(GUARDIAN, &request),
                Act::Pin(digits) => self.give_pin(&digits),
                Act::Redraw => self.painter.forget(),
                Act::Leave { again } => self.end = Some(again),
            }
        }
    }

    fn send<T: Wire>(&self, to: u64, message: &T) {
        let socket = if to == BROKER { &self.shell.broker } else { &self.shell.guardian };
        seqpacket::send(socket.as_fd(), &codec::encode(message), &[]).ok();
    }

    /// The socket closes with it, whatever the vault says to the broker.
    fn give_pin(&mut self, digits: &[u8]) {
        let (Some(socket), Ok(pin)) = (self.pin.take(), Bytes::new(digits.to_vec())) else { return };
        let mut message = codec::encode(&secrets::Request::Pin { pin });
        seqpacket::send(socket.as_fd(), &message, &[]).ok();
        message.zeroize();
    }

    fn keys(&mut self, hangup: bool) {
        let mut bytes = [0; KEYS_MAX];
        let count = match self.shell.tty.read(&mut bytes) {
            Ok(0) => return self.end = Some(false),
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::WouldBlock && !hangup => return,
            Err(_) => return self.end = Some(false),
        };
        for byte in &bytes[..count] {
            if let Some(key) = self.decoder.byte(*byte) {
                self.feed(Event::Key(key));
            }
        }
        // They may be a PIN.
        bytes.zeroize();
    }

    /// One message of a peer: none while there is none, an error when it is gone or broke its border.
    fn receive<T: Wire>(&mut self, from: u64) -> Option<Result<(T, Vec<OwnedFd>), ()>> {
        let socket = if from == BROKER { &self.shell.broker } else { &self.shell.guardian };
        match seqpacket::recv(socket.as_fd(), &mut self.buffer) {
            Ok(got) if got.len > 0 => {
                let message = codec::decode(&self.buffer[..got.len]).map_err(|error| {
                    eprintln!("console: {}: {error}", if from == BROKER { "broker" } else { "guardian" });
                });
                Some(message.map(|message| (message, got.fds)))
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => None,
            Ok(_) | Err(_) => Some(Err(())),
        }
    }

    fn hear_broker(&mut self) {
        while let Some(message) = self.receive::<Reply>(BROKER) {
            match message {
                Ok((reply, mut fds)) => {
                    if reply == Reply::Asked {
                        self.pin = fds.pop();
                    }
                    self.feed(Event::Broker(reply));
                }
                Err(()) => {
                    self.shell.poll.remove(&self.shell.broker).ok();
                    return self.feed(Event::BrokerGone);
                }
            }
        }
    }

    fn hear_guardian(&mut self) {
        while let Some(message) = self.receive::<desk::Reply>(GUARDIAN) {
            match message {
                Ok((reply, _)) => self.feed(Event::Guardian(reply)),
                Err(()) => {
                    self.shell.poll.remove(&self.shell.guardian).ok();
                    return self.feed(Event::GuardianGone);
                }
            }
        }
    }

    fn flush(&mut self) {
        while !self.unsent.is_empty() {
            match self.shell.tty.write(&self.unsent) {
                Ok(count) => drop(self.unsent.drain(..count)),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // A line that takes nothing now, or is gone: what is read tells the two apart.
                Err(_) => break,
            }
        }
        let waits = !self.unsent.is_empty();
        self.shell.poll.modify(&self.shell.tty, TTY, true, waits).ok();
    }

    fn draw(&mut self) {
        self.flush();
        if !self.unsent.is_empty() {
            return;
        }
        let at = now().boot_ms;
        if at >= self.anew_ms {
            self.anew_ms = at + ANEW_MS;
            self.painter.forget();
        }
        let asked = || tty::size(self.shell.tty.as_fd()).ok().filter(|(columns, rows)| *columns > 0 && *rows > 0);
        let (columns, rows) = self.shell.size.or_else(asked).unwrap_or(SIZE);
        let mut cells = Buffer::empty(Rect::new(0, 0, columns.min(SIZE_MAX), rows.min(SIZE_MAX)));
        screen::draw(&self.desk, &mut cells);
        self.unsent = self.painter.paint(cells);
        self.flush();
    }
}
