//! Opens connections in the OT zone, each to the one address that the broker names, and hands them
//! to their backs unread.
//!
//! It must never read or write a byte of a connection, nor choose an address. Proof:
//! `tests/dial.rs`, and `tests/unread.rs` for the negative.

use border::connector::{Event, ORDERS, Order, Phase};
use border::{Guard, Line, MESSAGE_BYTES_MAX};
use entry::{Descriptors, Process};
use os::poll::{Poll, Ready};
use os::{clock, seqpacket, tcp};
use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::ExitCode;
use std::time::Duration;

/// Dials at once.
pub const DIALS_MAX: usize = 64;
/// The longest that one dial may take, whatever the broker says, milliseconds.
pub const TIMEOUT_MS_MAX: u32 = 60_000;
const BROKER: u64 = u64::MAX;

/// The whole process.
pub fn run() -> ExitCode {
    let policy = include_str!("../sandbox.policy");
    entry::run(Process { name: "ot-connector", policy }, prepare, serve)
}

/// A connection that is being opened.
#[derive(Debug)]
struct Dial {
    session: u64,
    stream: OwnedFd,
    handover: OwnedFd,
    address: SocketAddr,
    timeout_ms: u32,
    until: Duration,
}

#[derive(Debug)]
struct Connector {
    /// Never closed, not even at the end: the sandbox kills who frees its number.
    broker: BorrowedFd<'static>,
    poll: Poll,
    /// By a number of their own: an event of a cancelled dial never meets a later one.
    dials: BTreeMap<u64, Dial>,
    next: u64,
}

fn prepare(descriptors: &mut Descriptors) -> Result<Connector, String> {
    let broker: &'static OwnedFd = Box::leak(Box::new(descriptors.take("broker")));
    if let Some(argument) = std::env::args().nth(1) {
        return Err(format!("it takes no arguments, and {argument} was given"));
    }
    let fault = |error: io::Error| format!("cannot watch the broker's socket: {error}");
    let poll = Poll::new().map_err(fault)?;
    seqpacket::set_nonblocking(broker.as_fd(), true).map_err(fault)?;
    poll.add(broker, BROKER, true, false).map_err(fault)?;
    Ok(Connector { broker: broker.as_fd(), poll, dials: BTreeMap::new(), next: 1 })
}

fn serve(mut connector: Connector) -> ExitCode {
    match connector.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("ot-connector: {why}");
            ExitCode::FAILURE
        }
    }
}

/// Why a dial failed, for an operator.
#[allow(clippy::wildcard_enum_match_arm)] // std may add kinds: the rest is told in the system's words
fn words(address: SocketAddr, error: &io::Error) -> String {
    let (ip, port) = (address.ip(), address.port());
    let what = match error.kind() {
        ErrorKind::ConnectionRefused => "refused the connection: nothing listens there".to_owned(),
        ErrorKind::HostUnreachable => {
            "can't be reached: no machine answers for this address".to_owned()
        }
        ErrorKind::NetworkUnreachable => "can't be reached: no route from the OT zone".to_owned(),
        ErrorKind::TimedOut => "did not answer".to_owned(),
        _ => format!("can't be connected to: {error}"),
    };
    format!("{ip} port {port} {what}")
}

/// "5 s", "0.3 s".
fn seconds(ms: u32) -> String {
    format!("{} s", f64::from(ms) / 1000.0)
}

impl Connector {
    fn run(&mut self) -> Result<(), String> {
        let mut ready: Vec<Ready> = Vec::new();
        let mut buffer = vec![0; MESSAGE_BYTES_MAX];
        let mut guard = Guard::new(ORDERS, Phase::Open);
        loop {
            let next = self.dials.values().map(|dial| dial.until).min();
            let timeout = next.map(|until| until.saturating_sub(clock::boottime()));
            self.poll.wait(&mut ready, timeout).map_err(|e| format!("epoll: {e}"))?;
            for event in &ready {
                if event.token != BROKER {
                    self.decided(event.token)?;
                } else if !self.order(&mut guard, &mut buffer)? {
                    return Ok(());
                }
            }
            self.late()?;
        }
    }

    fn tell(&self, event: &Event) -> Result<(), String> {
        seqpacket::send(self.broker, &codec::encode(event), &[])
            .map_err(|e| format!("the broker does not take messages: {e}"))
    }

    fn failed(&self, session: u64, why: &str) -> Result<(), String> {
        self.tell(&Event::Failed { session, why: Line::cut(why) })
    }

    /// Takes a dial out, and out of the watch.
    fn release(&mut self, dial: u64) -> Result<Option<Dial>, String> {
        let Some(dial) = self.dials.remove(&dial) else { return Ok(None) };
        self.poll.remove(&dial.stream).map_err(|e| format!("epoll: {e}"))?;
        Ok(Some(dial))
    }

    /// A dial may have ended: the kernel knows how.
    fn decided(&mut self, number: u64) -> Result<(), String> {
        let Some(dial) = self.dials.get(&number) else { return Ok(()) };
        let outcome = tcp::connect_result(dial.stream.as_fd());
        if outcome.as_ref().is_err_and(|e| e.kind() == ErrorKind::WouldBlock) {
            return Ok(());
        }
        let Some(dial) = self.release(number)? else { return Ok(()) };
        match outcome {
            Ok(()) => self.hand_on(dial),
            Err(e) => self.failed(dial.session, &words(dial.address, &e)),
        }
    }

    fn hand_on(&mut self, dial: Dial) -> Result<(), String> {
        let session = dial.session;
        // A full or closed back must not stop the others.
        let sent = seqpacket::set_nonblocking(dial.handover.as_fd(), true)
            .and_then(|()| seqpacket::send(dial.handover.as_fd(), b"c", &[dial.stream.as_fd()]));
        drop(dial);
        match sent {
            Ok(()) => self.tell(&Event::HandedOn { session }),
            Err(_) => self.failed(session, "the session's own process has gone"),
        }
    }

    /// Ends the dials whose time is up.
    fn late(&mut self) -> Result<(), String> {
        let now = clock::boottime();
        let late: Vec<u64> =
            self.dials.iter().filter(|(_, d)| d.until <= now).map(|(number, _)| *number).collect();
        for number in late {
            if let Some(Dial { session, address, timeout_ms, .. }) = self.release(number)? {
                let (ip, port) = (address.ip(), address.port());
                let time = seconds(timeout_ms);
                self.failed(session, &format!("{ip} port {port} did not answer within {time}"))?;
            }
        }
        Ok(())
    }

    fn dial(
        &mut self,
        session: u64,
        address: SocketAddr,
        timeout_ms: u32,
        handover: OwnedFd,
    ) -> Result<(), String> {
        if self.dials.values().any(|dial| dial.session == session) {
            return Err(format!("order Dial for session {session}, which is being dialled"));
        }
        if self.dials.len() >= DIALS_MAX {
            let why = format!("{DIALS_MAX} connections are being opened already: try again soon");
            return self.failed(session, &why);
        }
        let stream = match tcp::connect_start(address) {
            Ok(stream) => stream,
            Err(e) => return self.failed(session, &words(address, &e)),
        };
        let number = self.next;
        self.next += 1;
        self.poll.add(&stream, number, false, true).map_err(|e| format!("epoll: {e}"))?;
        let timeout_ms = timeout_ms.min(TIMEOUT_MS_MAX);
        let until = clock::boottime() + Duration::from_millis(u64::from(timeout_ms));
        let dial = Dial { session, stream, handover, address, timeout_ms, until };
        self.dials.insert(number, dial);
        Ok(())
    }

    /// Takes one order. False when the broker is gone.
    fn order(&mut self, guard: &mut Guard<Phase>, buffer: &mut [u8]) -> Result<bool, String> {
        let received = match seqpacket::recv(self.broker, buffer) {
            Ok(received) if received.len == 0 => return Ok(false),
            Ok(received) => received,
            Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(true),
            Err(e) if e.kind() == ErrorKind::ConnectionReset => return Ok(false),
            Err(e) => return Err(format!("the broker's socket: {e}")),
        };
        let order: Order = codec::decode(&buffer[..received.len])
            .map_err(|e| format!("malformed order from the broker: {e}"))?;
        guard.pass(order.name()).map_err(|e| format!("from the broker: {e}"))?;
        let mut fds = received.fds;
        match order {
            Order::Dial { session, address, timeout_ms } => match (fds.pop(), fds.is_empty()) {
                (Some(handover), true) => self.dial(session, address, timeout_ms, handover)?,
                _ => return Err("order Dial comes with exactly one descriptor".to_owned()),
            },
            Order::Cancel { .. } if !fds.is_empty() => {
                return Err("order Cancel comes without a descriptor".to_owned());
            }
            Order::Cancel { session } => {
                let found = self.dials.iter().find(|(_, dial)| dial.session == session);
                if let Some(number) = found.map(|(number, _)| *number) {
                    drop(self.release(number)?);
                }
            }
        }
        Ok(true)
    }
}
