//! Accepts connections of one uplink-side zone and hands each to its front, unread.
//!
//! It must never read a byte of a connection: its sandbox allows receiving on the broker's socket
//! alone. Proof: `tests/handover.rs`.

use border::listener::{Event, ORDERS, Order, Phase};
use border::{Guard, MESSAGE_BYTES_MAX};
use entry::{Descriptors, Process};
use os::poll::{Poll, Ready};
use os::{seqpacket, tcp};
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::process::ExitCode;

/// Connections that wait for their front; the rest wait unaccepted.
pub const WAITING_MAX: usize = 20;
const BROKER: u64 = u64::MAX;

/// The whole process.
pub fn run() -> ExitCode {
    entry::run(Process { name: "uplink-listener", policy: include_str!("../sandbox.policy") }, prepare, serve)
}

struct Listener {
    broker: OwnedFd,
    sockets: Vec<OwnedFd>,
    poll: Poll,
    waiting: BTreeMap<u64, OwnedFd>,
    next: u64,
    accepting: bool,
}

fn bound() -> Result<Vec<OwnedFd>, String> {
    let mut sockets = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("{name} takes a value"))?;
        match name.as_str() {
            "--bind" => {
                let address: SocketAddr = value.parse().map_err(|_| format!("--bind takes ADDRESS:PORT, not {value}"))?;
                sockets.push(tcp::listen(address).map_err(|e| format!("{address}: {e}"))?);
            }
            "--inherited" => {}
            other => return Err(format!("there is no option {other}; --bind and --inherited are known")),
        }
    }
    Ok(sockets)
}

fn prepare(descriptors: &mut Descriptors) -> Result<Listener, String> {
    let mut sockets = descriptors.take_all("listening");
    sockets.extend(bound()?);
    let mut listener = Listener {
        broker: descriptors.take("broker"),
        sockets,
        poll: Poll::new().map_err(|e| e.to_string())?,
        waiting: BTreeMap::new(),
        next: 1,
        accepting: false,
    };
    seqpacket::set_nonblocking(listener.broker.as_fd(), true).map_err(|e| e.to_string())?;
    for socket in &listener.sockets {
        seqpacket::set_nonblocking(socket.as_fd(), true).map_err(|e| e.to_string())?;
    }
    listener.poll.add(&listener.broker, BROKER, true, false).map_err(|e| e.to_string())?;
    listener.accept(true)?;
    Ok(listener)
}

fn serve(mut listener: Listener) -> ExitCode {
    match listener.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("uplink-listener: {why}");
            ExitCode::FAILURE
        }
    }
}

impl Listener {
    fn accept(&mut self, on: bool) -> Result<(), String> {
        if on == self.accepting {
            return Ok(());
        }
        self.accepting = on;
        for (token, socket) in self.sockets.iter().enumerate() {
            let changed = if on { self.poll.add(socket, token as u64, true, false) } else { self.poll.remove(socket) };
            changed.map_err(|e| format!("epoll: {e}"))?;
        }
        Ok(())
    }

    fn run(&mut self) -> Result<(), String> {
        let mut ready: Vec<Ready> = Vec::new();
        let mut guard = Guard::new(ORDERS, Phase::Open);
        loop {
            self.poll.wait(&mut ready, None).map_err(|e| format!("epoll: {e}"))?;
            for event in &ready {
                if event.token == BROKER {
                    if !self.orders(&mut guard)? {
                        return Ok(());
                    }
                } else {
                    self.accepted(event.token)?;
                }
            }
            self.accept(self.waiting.len() < WAITING_MAX)?;
        }
    }

    fn tell(&self, event: &Event) -> Result<(), String> {
        seqpacket::send(self.broker.as_fd(), &codec::encode(event), &[]).map_err(|e| format!("the broker does not listen: {e}"))
    }

    fn accepted(&mut self, token: u64) -> Result<(), String> {
        let Some(socket) = usize::try_from(token).ok().and_then(|at| self.sockets.get(at)) else { return Ok(()) };
        match tcp::accept_nonblocking(socket.as_fd()) {
            Ok((stream, peer)) => {
                let connection = self.next;
                self.next += 1;
                self.waiting.insert(connection, stream);
                self.tell(&Event::Accepted { connection, peer })
            }
            // The peer has gone, or a burst took all descriptors: the next turn tries again.
            Err(_) => Ok(()),
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
            Order::HandTo { connection } => match (self.waiting.remove(&connection), received.fds.first()) {
                (Some(stream), Some(front)) => {
                    let handed = seqpacket::send(front.as_fd(), b"c", &[stream.as_fd()]).is_ok();
                    self.tell(&if handed { Event::HandedOn { connection } } else { Event::Gone { connection } })?;
                }
                _ => self.tell(&Event::Gone { connection })?,
            },
            Order::Refuse { connection } => drop(self.waiting.remove(&connection)),
            Order::Accepting { on } => self.accept(on)?,
        }
        Ok(true)
    }
}
