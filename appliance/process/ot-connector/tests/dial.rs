//! The real executable between a broker's socket and real TCP peers.

use border::connector::{Event, Order};
use os::process::{Start, start};
use os::seqpacket;
use std::fs::File;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

struct Running {
    child: Child,
    broker: Option<OwnedFd>,
    said: std::io::PipeReader,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn running() -> Running {
    let (broker, theirs) = seqpacket::pair().unwrap();
    let (said, log) = std::io::pipe().unwrap();
    let network = File::open("/proc/self/ns/net").unwrap();
    let child = start(Start {
        executable: Path::new(env!("CARGO_BIN_EXE_ot-connector")),
        arguments: &[],
        fds: vec![(theirs, 3)],
        network: network.as_fd(),
        uid: None,
        log: File::from(OwnedFd::from(log)),
    })
    .unwrap();
    Running { child, broker: Some(broker), said }
}

impl Running {
    fn broker(&self) -> &OwnedFd {
        self.broker.as_ref().unwrap()
    }

    fn order(&self, order: &Order, fds: &[&OwnedFd]) {
        let fds: Vec<_> = fds.iter().map(|fd| fd.as_fd()).collect();
        seqpacket::send(self.broker().as_fd(), &codec::encode(order), &fds).unwrap();
    }

    /// Orders a dial; the back's end.
    fn dial(&self, session: u64, address: SocketAddr, timeout_ms: u32) -> OwnedFd {
        let (back, end) = seqpacket::pair().unwrap();
        self.order(&Order::Dial { session, address, timeout_ms }, &[&end]);
        back
    }

    fn event_within(&self, time: Duration) -> Option<Event> {
        seqpacket::set_nonblocking(self.broker().as_fd(), true).unwrap();
        let until = Instant::now() + time;
        let mut buffer = [0; 1024];
        while Instant::now() < until {
            match seqpacket::recv(self.broker().as_fd(), &mut buffer) {
                Ok(got) if got.len > 0 => return Some(codec::decode(&buffer[..got.len]).unwrap()),
                Ok(_) => panic!("the connector has gone"),
                Err(_) => std::thread::sleep(Duration::from_millis(5)),
            }
        }
        None
    }

    fn event(&self) -> Event {
        self.event_within(Duration::from_secs(10)).expect("an event within 10 s")
    }

    fn failure(&self) -> (u64, String) {
        match self.event() {
            Event::Failed { session, why } => (session, why.as_str().to_owned()),
            other @ Event::HandedOn { .. } => panic!("{other:?}"),
        }
    }

    fn ended(mut self) -> (Option<i32>, String) {
        let code = self.child.wait().unwrap().code();
        let mut said = String::new();
        self.said.read_to_string(&mut said).unwrap();
        (code, said)
    }
}

/// Listens with a full queue: whoever connects now is not answered.
fn mute() -> (TcpListener, Vec<TcpStream>) {
    use nix::sys::socket::{Backlog, listen};
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listen(&listener, Backlog::new(0).unwrap()).unwrap();
    let address = listener.local_addr().unwrap();
    let mut queue = Vec::new();
    while let Ok(peer) = TcpStream::connect_timeout(&address, Duration::from_millis(200)) {
        queue.push(peer);
    }
    (listener, queue)
}

/// Accepts within 10 s: a connector that has died must fail the test, not hang it.
fn accept(machine: &TcpListener) -> TcpStream {
    machine.set_nonblocking(true).unwrap();
    let until = Instant::now() + Duration::from_secs(10);
    loop {
        match machine.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(false).unwrap();
                return stream;
            }
            Err(e) => assert!(Instant::now() < until, "nobody dialled: {e}"),
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_machine_is_dialled_and_handed_on_with_every_byte_that_it_wrote_first() {
    let connector = running();
    for address in ["127.0.0.1:0", "[::1]:0"] {
        let machine = TcpListener::bind(address).unwrap();
        let back = connector.dial(7, machine.local_addr().unwrap(), 5000);
        let mut accepted = accept(&machine);
        accepted.write_all(b"SSH-2.0-old-plc\r\n").unwrap();
        assert_eq!(connector.event(), Event::HandedOn { session: 7 });
        let mut buffer = [0; 17];
        let mut got = seqpacket::recv(back.as_fd(), &mut buffer).unwrap();
        let mut stream = TcpStream::from(got.fds.pop().expect("the connection"));
        assert_eq!(seqpacket::recv(back.as_fd(), &mut buffer).unwrap().len, 0, "its end is closed");
        stream.set_nonblocking(false).unwrap();
        stream.read_exact(&mut buffer).unwrap();
        assert_eq!(&buffer, b"SSH-2.0-old-plc\r\n");
        // The connector holds nothing of it: the back's end is the last.
        drop(stream);
        assert_eq!(accepted.read(&mut buffer).unwrap(), 0);
    }
}

#[test]
fn failures_are_told_in_words_for_an_operator() {
    let connector = running();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let _back = connector.dial(1, closed, 5000);
    let port = closed.port();
    let why = format!("127.0.0.1 port {port} refused the connection: nothing listens there");
    assert_eq!(connector.failure(), (1, why));
    let (machine, _queue) = mute();
    let address = machine.local_addr().unwrap();
    let _back = connector.dial(2, address, 300);
    let why = format!("127.0.0.1 port {} did not answer within 0.3 s", address.port());
    assert_eq!(connector.failure(), (2, why));
}

#[test]
fn a_back_that_has_gone_gets_no_connection() {
    let connector = running();
    let machine = TcpListener::bind("127.0.0.1:0").unwrap();
    drop(connector.dial(4, machine.local_addr().unwrap(), 5000));
    assert_eq!(connector.failure(), (4, "the session's own process has gone".to_owned()));
    let mut accepted = accept(&machine);
    assert_eq!(accepted.read(&mut [0; 1]).unwrap(), 0);
}

#[test]
fn a_cancelled_dial_is_silent_and_leaves_no_end_open() {
    let connector = running();
    let (machine, _queue) = mute();
    let back = connector.dial(5, machine.local_addr().unwrap(), 400);
    connector.order(&Order::Cancel { session: 5 }, &[]);
    assert_eq!(seqpacket::recv(back.as_fd(), &mut [0; 8]).unwrap().len, 0, "closed");
    assert_eq!(connector.event_within(Duration::from_millis(700)), None);
}

#[test]
fn the_dial_above_the_limit_is_refused_and_the_others_go_on() {
    let connector = running();
    let (machine, _queue) = mute();
    let address = machine.local_addr().unwrap();
    let _backs: Vec<_> =
        (0..=ot_connector::DIALS_MAX as u64).map(|n| connector.dial(n, address, 3000)).collect();
    let (session, why) = connector.failure();
    assert_eq!(session, ot_connector::DIALS_MAX as u64);
    assert!(why.contains("64 connections"), "{why}");
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    connector.order(&Order::Cancel { session: 0 }, &[]);
    let _back = connector.dial(100, free.local_addr().unwrap(), 5000);
    assert_eq!(connector.event(), Event::HandedOn { session: 100 });
}

#[test]
fn a_malformed_order_or_one_with_the_wrong_descriptors_ends_it() {
    let dial = Order::Dial { session: 1, address: ([127, 0, 0, 1], 1).into(), timeout_ms: 1 };
    for (bytes, what) in
        [(vec![9, 9, 9], "malformed order"), (codec::encode(&dial), "exactly one descriptor")]
    {
        let connector = running();
        seqpacket::send(connector.broker().as_fd(), &bytes, &[]).unwrap();
        let (code, said) = connector.ended();
        assert_eq!(code, Some(1), "{said}");
        assert!(said.starts_with("ot-connector: ") && said.contains(what), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

#[test]
fn without_its_broker_it_ends_well() {
    let mut connector = running();
    connector.broker = None;
    assert_eq!(connector.ended(), (Some(0), String::new()));
}
