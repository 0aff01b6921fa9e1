//! The real executable between a broker's socket and real TCP peers.

use border::listener::{Event, Order};
use os::process::{Start, start};
use os::seqpacket;
use std::fs::File;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

struct Running {
    child: Child,
    broker: OwnedFd,
    address: SocketAddr,
    said: std::io::PipeReader,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn running(bind: &[&str]) -> Running {
    let (broker, theirs) = seqpacket::pair().unwrap();
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let (said, log) = std::io::pipe().unwrap();
    let mut arguments = vec!["--inherited".to_owned(), "1".to_owned()];
    for address in bind {
        arguments.extend(["--bind".to_owned(), (*address).to_owned()]);
    }
    let network = File::open("/proc/self/ns/net").unwrap();
    let child = start(Start {
        executable: Path::new(env!("CARGO_BIN_EXE_uplink-listener")),
        arguments: &arguments,
        fds: vec![(theirs, 3), (socket.into(), 4)],
        network: network.as_fd(),
        uid: None,
        log: File::from(OwnedFd::from(log)),
    })
    .unwrap();
    seqpacket::set_nonblocking(broker.as_fd(), true).unwrap();
    Running { child, broker, address, said }
}

impl Running {
    fn order(&self, order: &Order, fds: &[&OwnedFd]) {
        let fds: Vec<_> = fds.iter().map(|fd| fd.as_fd()).collect();
        seqpacket::send(self.broker.as_fd(), &codec::encode(order), &fds).unwrap();
    }

    fn event_within(&self, time: Duration) -> Option<Event> {
        let until = Instant::now() + time;
        let mut buffer = [0; 1024];
        while Instant::now() < until {
            match seqpacket::recv(self.broker.as_fd(), &mut buffer) {
                Ok(got) if got.len > 0 => return Some(codec::decode(&buffer[..got.len]).unwrap()),
                Ok(_) => panic!("the listener has gone"),
                Err(_) => std::thread::sleep(Duration::from_millis(5)),
            }
        }
        None
    }

    fn event(&self) -> Event {
        self.event_within(Duration::from_secs(10)).expect("an event within 10 s")
    }

    fn quiet(&self) {
        assert_eq!(self.event_within(Duration::from_millis(300)), None);
    }

    fn accepted(&self) -> (u64, SocketAddr) {
        match self.event() {
            Event::Accepted { connection, peer } => (connection, peer),
            other @ (Event::HandedOn { .. } | Event::Gone { .. }) => panic!("{other:?}"),
        }
    }

    /// Hands a connection on, and what came at the front's end.
    fn hand_on(&self, connection: u64) -> TcpStream {
        let (front, end) = seqpacket::pair().unwrap();
        self.order(&Order::HandTo { connection }, &[&end]);
        drop(end);
        assert_eq!(self.event(), Event::HandedOn { connection });
        let mut buffer = [0; 16];
        let mut got = seqpacket::recv(front.as_fd(), &mut buffer).unwrap();
        let stream = TcpStream::from(got.fds.pop().expect("the connection"));
        stream.set_nonblocking(false).unwrap();
        assert_eq!(seqpacket::recv(front.as_fd(), &mut buffer).unwrap().len, 0, "its end is closed");
        stream
    }

    /// Exit code and what it said.
    fn ended(mut self) -> (Option<i32>, String) {
        let code = self.child.wait().unwrap().code();
        let mut said = String::new();
        self.said.read_to_string(&mut said).unwrap();
        (code, said)
    }
}

#[test]
fn a_connection_is_handed_on_with_every_byte_that_its_peer_wrote_before() {
    let listener = running(&[]);
    let mut peer = TcpStream::connect(listener.address).unwrap();
    peer.write_all(b"SSH-2.0-early\r\n").unwrap();
    let (connection, from) = listener.accepted();
    assert_eq!(from, peer.local_addr().unwrap());
    std::thread::sleep(Duration::from_millis(100));
    let mut front = listener.hand_on(connection);
    let mut bytes = [0; 15];
    front.read_exact(&mut bytes).unwrap();
    assert_eq!(&bytes, b"SSH-2.0-early\r\n");
    // The listener holds nothing of it: the front's end is the last.
    drop(front);
    assert_eq!(peer.read(&mut bytes).unwrap(), 0);
}

#[test]
fn addresses_of_both_families_are_bound_before_the_jail() {
    let free = |any: &str| TcpListener::bind(any).unwrap().local_addr().unwrap().to_string();
    let (v4, v6) = (free("127.0.0.1:0"), free("[::1]:0"));
    let listener = running(&[&v4, &v6]);
    for address in [v4, v6] {
        let until = Instant::now() + Duration::from_secs(10);
        let peer = loop {
            match TcpStream::connect(&address) {
                Ok(peer) => break peer,
                Err(e) => assert!(Instant::now() < until, "{address}: {e}"),
            }
        };
        let (connection, from) = listener.accepted();
        assert_eq!(from, peer.local_addr().unwrap());
        listener.hand_on(connection);
    }
}

#[test]
fn a_refused_connection_is_closed_and_a_gone_one_is_told() {
    let listener = running(&[]);
    let mut refused = TcpStream::connect(listener.address).unwrap();
    let (connection, _) = listener.accepted();
    listener.order(&Order::Refuse { connection }, &[]);
    assert_eq!(refused.read(&mut [0; 1]).unwrap(), 0);
    let gone = TcpStream::connect(listener.address).unwrap();
    let (connection, _) = listener.accepted();
    gone.shutdown(Shutdown::Both).unwrap();
    drop(gone);
    assert_eq!(listener.event(), Event::Gone { connection });
    // Handing on what has gone is no fault: the two crossed.
    let (_front, end) = seqpacket::pair().unwrap();
    listener.order(&Order::HandTo { connection }, &[&end]);
    listener.quiet();
}

#[test]
fn a_source_has_four_waiting_and_its_fifth_has_its_turn_when_one_is_handed_on() {
    let listener = running(&[]);
    let peers: Vec<_> = (0..5).map(|_| TcpStream::connect(listener.address).unwrap()).collect();
    let first = listener.accepted().0;
    for _ in 1..4 {
        listener.accepted();
    }
    listener.quiet();
    listener.hand_on(first);
    assert_eq!(listener.accepted().1, peers[4].local_addr().unwrap(), "it was held back, not closed");
}

#[test]
fn a_source_that_floods_is_closed_beyond_its_places_and_others_still_come_in() {
    use uplink_listener::{HELD_PER_SOURCE_MAX, WAITING_PER_SOURCE_MAX};
    let listener = running(&[]);
    let places = WAITING_PER_SOURCE_MAX + HELD_PER_SOURCE_MAX;
    let mut peers: Vec<_> = (0..=places).map(|_| TcpStream::connect(listener.address).unwrap()).collect();
    for _ in 0..WAITING_PER_SOURCE_MAX {
        listener.accepted();
    }
    assert_eq!(peers[places].read(&mut [0; 1]).unwrap(), 0, "the one too many");
    let other = from("127.0.9.1", listener.address);
    assert_eq!(listener.accepted().1, other.local_addr().unwrap());
    // One that leaves while it is held back was never there for the broker.
    drop(peers.remove(WAITING_PER_SOURCE_MAX));
    listener.quiet();
}

#[test]
fn what_the_broker_does_not_want_yet_waits_unaccepted() {
    let listener = running(&[]);
    listener.order(&Order::Accepting { on: false }, &[]);
    std::thread::sleep(Duration::from_millis(300));
    let _peer = TcpStream::connect(listener.address).unwrap();
    listener.quiet();
    listener.order(&Order::Accepting { on: true }, &[]);
    listener.accepted();
}

/// Connects from a source of its own.
fn from(source: &str, to: SocketAddr) -> TcpStream {
    use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrIn, bind, connect, socket};
    use std::os::fd::AsRawFd;
    let SocketAddr::V4(to) = to else { panic!("{to}") };
    let fd = socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None).unwrap();
    let source = std::net::SocketAddrV4::new(source.parse().unwrap(), 0);
    bind(fd.as_raw_fd(), &SockaddrIn::from(source)).unwrap();
    connect(fd.as_raw_fd(), &SockaddrIn::from(to)).unwrap();
    TcpStream::from(fd)
}

#[test]
fn twenty_wait_in_all_and_the_rest_wait_unaccepted() {
    let listener = running(&[]);
    let address = listener.address;
    let peers: Vec<_> = (1..=7)
        .flat_map(|source| (0..3).map(move |_| from(&format!("127.0.9.{source}"), address)))
        .collect();
    let first = listener.accepted().0;
    for _ in 1..uplink_listener::WAITING_MAX {
        listener.accepted();
    }
    listener.quiet();
    listener.hand_on(first);
    let (_, peer) = listener.accepted();
    assert_eq!(peer, peers[20].local_addr().unwrap(), "it had waited, it was not closed");
}

#[test]
fn a_malformed_order_or_one_with_the_wrong_descriptors_ends_it() {
    for (bytes, what) in [
        (vec![9, 9, 9], "malformed order"),
        (codec::encode(&Order::HandTo { connection: 1 }), "exactly one descriptor"),
    ] {
        let listener = running(&[]);
        seqpacket::send(listener.broker.as_fd(), &bytes, &[]).unwrap();
        let (code, said) = listener.ended();
        assert_eq!(code, Some(1), "{said}");
        assert!(said.starts_with("uplink-listener: ") && said.contains(what), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

#[test]
fn without_its_broker_it_ends_well() {
    let mut listener = running(&[]);
    let (other, _) = seqpacket::pair().unwrap();
    listener.broker = other;
    assert_eq!(listener.ended(), (Some(0), String::new()));
}
