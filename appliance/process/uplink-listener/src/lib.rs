//! Accepts connections of one uplink-side zone and hands each to its front, unread.
//!
//! It must never read or write a byte of a connection: its sandbox allows receiving on the broker's
//! socket alone. Proof: `tests/handover.rs`, and `tests/unread.rs` for the negative.

pub mod rate;

use border::listener::{Event, ORDERS, Order, Phase};
use border::{Guard, MESSAGE_BYTES_MAX};
use entry::{Descriptors, Process};
use os::poll::{Poll, Ready};
use os::{clock, seqpacket, tcp};
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::ExitCode;
use std::time::Duration;

/// Connections that wait for their front; the rest wait unaccepted.
pub const WAITING_MAX: usize = 20;
/// Those of one source; its others are held back until one of these has its front.
pub const WAITING_PER_SOURCE_MAX: usize = 4;
/// Connections that are held back, of which the broker knows nothing yet; the rest wait unaccepted.
pub const HELD_MAX: usize = 128;
/// Those of one source; more are closed, so that no source takes every place.
pub const HELD_PER_SOURCE_MAX: usize = 32;
/// Connections that are accepted before the broker gets its turn.
const TURN_ACCEPTS_MAX: usize = 16;
/// How long it rests when the system has no room for one more connection.
const REST: Duration = Duration::from_millis(100);
const BROKER: u64 = u64::MAX;
/// Tokens of listening sockets; below it are the numbers of connections.
const SOCKETS: u64 = 1 << 62;

/// The whole process.
pub fn run() -> ExitCode {
    let policy = include_str!("../sandbox.policy");
    entry::run(Process { name: "uplink-listener", policy }, prepare, serve)
}

/// An accepted connection that nobody has read.
#[derive(Debug)]
struct Waiting {
    stream: OwnedFd,
    peer: SocketAddr,
    source: IpAddr,
    /// Whether the broker knows of it; until then it is held back.
    told: bool,
}

#[derive(Debug)]
struct Listener {
    /// Never closed, not even at the end: the sandbox kills who frees its number.
    broker: BorrowedFd<'static>,
    sockets: Vec<OwnedFd>,
    poll: Poll,
    waiting: BTreeMap<u64, Waiting>,
    rates: rate::Rates,
    /// The number of the next connection.
    next: u64,
    /// What the broker wants.
    wanted: bool,
    /// Whether the listening sockets are watched.
    watched: bool,
    /// No connection is taken before this boot time.
    rest_until: Option<Duration>,
}

/// Binds what the arguments name; checks how many sockets were inherited.
fn bound(inherited: usize) -> Result<Vec<OwnedFd>, String> {
    let mut sockets = Vec::new();
    let mut expected = 0;
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("{name} takes a value"))?;
        match name.as_str() {
            "--bind" => {
                let address: SocketAddr =
                    value.parse().map_err(|_| format!("--bind takes ADDRESS:PORT, not {value}"))?;
                let socket = tcp::listen(address);
                sockets.push(socket.map_err(|e| format!("cannot listen on {address}: {e}"))?);
            }
            "--inherited" => {
                expected = value
                    .parse()
                    .map_err(|_| format!("--inherited takes how many sockets, not {value}"))?;
            }
            other => {
                return Err(format!("there is no option {other}; --bind and --inherited are known"));
            }
        }
    }
    if inherited != expected {
        return Err(format!(
            "{inherited} listening sockets were inherited and --inherited names {expected}"
        ));
    }
    if sockets.len() + inherited == 0 {
        return Err("it has nowhere to listen: give --bind ADDRESS:PORT or --inherited N".to_owned());
    }
    Ok(sockets)
}

fn prepare(descriptors: &mut Descriptors) -> Result<Listener, String> {
    let mut sockets = descriptors.take_all("listening");
    let broker: &'static OwnedFd = Box::leak(Box::new(descriptors.take("broker")));
    sockets.extend(bound(sockets.len())?);
    let fault = |error: std::io::Error| format!("cannot watch its sockets: {error}");
    let mut listener = Listener {
        broker: broker.as_fd(),
        sockets,
        poll: Poll::new().map_err(fault)?,
        waiting: BTreeMap::new(),
        rates: rate::Rates::default(),
        next: 1,
        wanted: true,
        watched: false,
        rest_until: None,
    };
    seqpacket::set_nonblocking(listener.broker, true).map_err(fault)?;
    for socket in &listener.sockets {
        seqpacket::set_nonblocking(socket.as_fd(), true).map_err(fault)?;
    }
    listener.poll.add(listener.broker, BROKER, true, false).map_err(fault)?;
    listener.watch()?;
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
    fn run(&mut self) -> Result<(), String> {
        let mut ready: Vec<Ready> = Vec::new();
        let mut buffer = vec![0; MESSAGE_BYTES_MAX];
        let mut guard = Guard::new(ORDERS, Phase::Open);
        loop {
            let rest = self.rest_until.map(|until| until.saturating_sub(clock::boottime()));
            // Who is held back by the rate has its turn when its bucket has filled a little.
            let turn = (self.count(false) > 0).then(|| Duration::from_millis(rate::REFILL_MS));
            let timeout = [rest, turn].into_iter().flatten().min();
            self.poll.wait(&mut ready, timeout).map_err(|e| format!("epoll: {e}"))?;
            for event in &ready {
                if event.token == BROKER {
                    if !self.order(&mut guard, &mut buffer)? {
                        return Ok(());
                    }
                } else if event.token >= SOCKETS {
                    self.accept(event.token - SOCKETS)?;
                } else if event.hangup {
                    self.gone(event.token)?;
                }
            }
            if self.rest_until.is_some_and(|until| until <= clock::boottime()) {
                self.rest_until = None;
            }
            self.promote()?;
            self.watch()?;
        }
    }

    /// Connections of which the broker knows, or of which it does not.
    fn count(&self, told: bool) -> usize {
        self.waiting.values().filter(|waiting| waiting.told == told).count()
    }

    fn has_room(&self) -> bool {
        self.wanted && self.rest_until.is_none() && self.count(true) < WAITING_MAX && self.count(false) < HELD_MAX
    }

    /// Watches the listening sockets while there is room: what is not watched waits in the kernel.
    fn watch(&mut self) -> Result<(), String> {
        let on = self.has_room();
        if on == self.watched {
            return Ok(());
        }
        self.watched = on;
        for (token, socket) in (SOCKETS..).zip(&self.sockets) {
            let changed =
                if on { self.poll.add(socket, token, true, false) } else { self.poll.remove(socket) };
            changed.map_err(|e| format!("epoll: {e}"))?;
        }
        Ok(())
    }

    fn tell(&self, event: &Event) -> Result<(), String> {
        seqpacket::send(self.broker, &codec::encode(event), &[])
            .map_err(|e| format!("the broker does not take messages: {e}"))
    }

    fn accept(&mut self, socket: u64) -> Result<(), String> {
        let socket = usize::try_from(socket).expect("a token is the index of a socket");
        for _ in 0..TURN_ACCEPTS_MAX {
            if !self.has_room() {
                return Ok(());
            }
            match tcp::accept_nonblocking(self.sockets[socket].as_fd()) {
                Ok((stream, peer)) => self.accepted(stream, peer)?,
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(e) if e.kind() == ErrorKind::ConnectionAborted => {}
                Err(e) => {
                    // Out of memory or descriptors: the connections wait, and so does it.
                    eprintln!("uplink-listener: cannot accept now: {e}");
                    self.rest_until = Some(clock::boottime() + REST);
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn accepted(&mut self, stream: OwnedFd, peer: SocketAddr) -> Result<(), String> {
        let source = rate::source(peer.ip());
        if self.of(source, false) >= HELD_PER_SOURCE_MAX {
            return Ok(()); // closed by dropping it
        }
        let connection = self.next;
        self.next += 1;
        // Only hang-up is watched: its bytes are not ours.
        self.poll.add(&stream, connection, false, false).map_err(|e| format!("epoll: {e}"))?;
        self.waiting.insert(connection, Waiting { stream, peer, source, told: false });
        self.promote()
    }

    fn of(&self, source: IpAddr, told: bool) -> usize {
        self.waiting.values().filter(|waiting| waiting.source == source && waiting.told == told).count()
    }

    /// Tells the broker of those that were held back and have their turn, in the order in which they came.
    fn promote(&mut self) -> Result<(), String> {
        let held: Vec<(u64, IpAddr, SocketAddr)> =
            self.waiting.iter().filter(|(_, w)| !w.told).map(|(number, w)| (*number, w.source, w.peer)).collect();
        for (connection, source, peer) in held {
            if self.count(true) >= WAITING_MAX {
                break;
            }
            let turn = self.of(source, true) < WAITING_PER_SOURCE_MAX && self.rates.pass(source, clock::boottime());
            if let Some(waiting) = self.waiting.get_mut(&connection).filter(|_| turn) {
                waiting.told = true;
                self.tell(&Event::Accepted { connection, peer })?;
            }
        }
        Ok(())
    }

    /// Takes a connection out of the waiting ones, and out of the watch.
    fn release(&mut self, connection: u64) -> Result<Option<OwnedFd>, String> {
        let Some(waiting) = self.waiting.remove(&connection) else { return Ok(None) };
        self.poll.remove(&waiting.stream).map_err(|e| format!("epoll: {e}"))?;
        Ok(Some(waiting.stream))
    }

    fn gone(&mut self, connection: u64) -> Result<(), String> {
        let told = self.waiting.get(&connection).is_some_and(|waiting| waiting.told);
        match self.release(connection)? {
            Some(_) if told => self.tell(&Event::Gone { connection }),
            Some(_) | None => Ok(()),
        }
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
            Order::HandTo { connection } => match (fds.pop(), fds.is_empty()) {
                (Some(front), true) => self.hand_on(connection, &front)?,
                _ => return Err("order HandTo comes with exactly one descriptor".to_owned()),
            },
            Order::Refuse { .. } | Order::Accepting { .. } if !fds.is_empty() => {
                return Err(format!("order {} comes without a descriptor", order.name()));
            }
            Order::Refuse { connection } => drop(self.release(connection)?),
            Order::Accepting { on } => self.wanted = on,
        }
        Ok(true)
    }

    fn hand_on(&mut self, connection: u64, front: &OwnedFd) -> Result<(), String> {
        if connection == 0 || connection >= self.next {
            return Err(format!("order HandTo names connection {connection}, which never was"));
        }
        // One that has gone was reported when it went.
        let Some(stream) = self.release(connection)? else { return Ok(()) };
        // A full or closed front must not stop the others.
        let sent = seqpacket::set_nonblocking(front.as_fd(), true)
            .and_then(|()| seqpacket::send(front.as_fd(), b"c", &[stream.as_fd()]));
        drop(stream);
        match sent {
            Ok(()) => self.tell(&Event::HandedOn { connection }),
            Err(_) => self.tell(&Event::Gone { connection }),
        }
    }
}
