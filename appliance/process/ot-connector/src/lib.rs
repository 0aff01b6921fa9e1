//! Opens connections in the OT zone, each to the one address that the broker names, and hands them
//! to their backs unread.
//!
//! It must never read a byte of a connection, nor choose an address. Proof: `tests/dial.rs`.

use border::connector::{Event, ORDERS, Order, Phase};
use border::{Guard, Line, MESSAGE_BYTES_MAX};
use entry::{Descriptors, Process};
use os::poll::{Poll, Ready};
use os::{clock, seqpacket, tcp};
use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::process::ExitCode;
use std::time::Duration;

/// Dials at once.
pub const DIALS_MAX: usize = 64;
const BROKER: u64 = u64::MAX;

/// The whole process.
pub fn run() -> ExitCode {
    entry::run(Process { name: "ot-connector", policy: include_str!("../sandbox.policy") }, prepare, serve)
}

struct Dial {
    stream: OwnedFd,
    handover: OwnedFd,
    address: SocketAddr,
    timeout_ms: u32,
    until: Duration,
}

struct Connector {
    broker: OwnedFd,
    poll: Poll,
    dials: BTreeMap<u64, Dial>,
}

fn prepare(descriptors: &mut Descriptors) -> Result<Connector, String> {
    let connector = Connector {
        broker: descriptors.take("broker"),
        poll: Poll::new().map_err(|e| e.to_string())?,
        dials: BTreeMap::new(),
    };
    seqpacket::set_nonblocking(connector.broker.as_fd(), true).map_err(|e| e.to_string())?;
    connector.poll.add(&connector.broker, BROKER, true, false).map_err(|e| e.to_string())?;
    Ok(connector)
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
fn words(address: SocketAddr, error: &io::Error) -> String {
    let (ip, port) = (address.ip(), address.port());
    match error.kind() {
        ErrorKind::ConnectionRefused => format!("{ip} refused the connection: nothing listens on port {port}"),
        ErrorKind::HostUnreachable => format!("{ip} can't be reached: it does not answer on its network"),
        ErrorKind::NetworkUnreachable => format!("{ip} can't be reached: the OT zone has no such network"),
        _ => format!("{ip} port {port}: {error}"),
    }
}

impl Connector {
    fn run(&mut self) -> Result<(), String> {
        let mut ready: Vec<Ready> = Vec::new();
        let mut guard = Guard::new(ORDERS, Phase::Open);
        loop {
            let next = self.dials.values().map(|dial| dial.until).min();
            let timeout = next.map(|until| until.saturating_sub(clock::boottime()));
            self.poll.wait(&mut ready, timeout).map_err(|e| format!("epoll: {e}"))?;
            for event in &ready {
                if event.token == BROKER {
                    if !self.orders(&mut guard)? {
                        return Ok(());
                    }
                } else {
                    self.connected(event.token)?;
                }
            }
            self.late()?;
        }
    }

    fn tell(&self, event: &Event) -> Result<(), String> {
        seqpacket::send(self.broker.as_fd(), &codec::encode(event), &[]).map_err(|e| format!("the broker does not listen: {e}"))
    }

    fn failed(&self, session: u64, why: &str) -> Result<(), String> {
        self.tell(&Event::Failed { session, why: Line::cut(why) })
    }

    fn connected(&mut self, session: u64) -> Result<(), String> {
        let Some(dial) = self.dials.remove(&session) else { return Ok(()) };
        self.poll.remove(&dial.stream).ok();
        match tcp::connect_result(dial.stream.as_fd()) {
            Err(e) => self.failed(session, &words(dial.address, &e)),
            Ok(()) => match seqpacket::send(dial.handover.as_fd(), b"c", &[dial.stream.as_fd()]) {
                Ok(()) => self.tell(&Event::HandedOn { session }),
                Err(_) => self.failed(session, "the session's own process has gone"),
            },
        }
    }

    fn late(&mut self) -> Result<(), String> {
        let now = clock::boottime();
        let late: Vec<u64> = self.dials.iter().filter(|(_, d)| d.until <= now).map(|(session, _)| *session).collect();
        for session in late {
            if let Some(dial) = self.dials.remove(&session) {
                self.poll.remove(&dial.stream).ok();
                let seconds = f64::from(dial.timeout_ms) / 1000.0;
                let why = format!("{} port {} did not answer within {seconds} s", dial.address.ip(), dial.address.port());
                self.failed(session, &why)?;
            }
        }
        Ok(())
    }

    fn dial(&mut self, session: u64, address: SocketAddr, timeout_ms: u32, handover: OwnedFd) -> Result<(), String> {
        if self.dials.len() >= DIALS_MAX || self.dials.contains_key(&session) {
            return self.failed(session, "too many connections are being opened at once; try again");
        }
        match tcp::connect_start(address) {
            Err(e) => self.failed(session, &words(address, &e)),
            Ok(stream) => {
                self.poll.add(&stream, session, false, true).map_err(|e| format!("epoll: {e}"))?;
                let until = clock::boottime() + Duration::from_millis(u64::from(timeout_ms));
                self.dials.insert(session, Dial { stream, handover, address, timeout_ms, until });
                Ok(())
            }
        }
    }

    /// False when the broker is gone.
    fn orders(&mut self, guard: &mut Guard<Phase>) -> Result<bool, String> {
        let mut buffer = [0; MESSAGE_BYTES_MAX];
        let received = match seqpacket::recv(self.broker.as_fd(), &mut buffer) {
            Ok(received) if received.len == 0 => return Ok(false),
            Ok(received) => received,
            Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(true),
            Err(e) => return Err(format!("the broker's socket: {e}")),
        };
        let order: Order = codec::decode(&buffer[..received.len]).map_err(|e| format!("from the broker: {e}"))?;
        guard.pass(order.name()).map_err(|e| e.to_string())?;
        match order {
            Order::Dial { session, address, timeout_ms } => match received.fds.into_iter().next() {
                Some(handover) => self.dial(session, address, timeout_ms, handover)?,
                None => self.failed(session, "the broker named nobody to hand the connection to")?,
            },
            Order::Cancel { session } => {
                if let Some(dial) = self.dials.remove(&session) {
                    self.poll.remove(&dial.stream).ok();
                }
            }
        }
        Ok(true)
    }
}
