//! What a taken-over process is told and given.

use super::{World, Taken};
use crate::attempts::{ABSTRACT, Need};
use os::{seqpacket, tcp};
use std::fs::{self, File};
use std::io::Write;
use std::net::TcpStream;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixListener};
use std::time::{Duration, Instant};

/// Somebody of this namespace, outside every sandbox, who listens on the abstract names.
pub(super) struct Listening(#[expect(dead_code, reason = "held open")] (UnixListener, UnixDatagram));

impl Listening {
    pub(super) fn new() -> Self {
        let [stream, datagrams] = ABSTRACT.map(|name| SocketAddr::from_abstract_name(name).expect("a short name"));
        let bound = "nobody else has the name in a fresh namespace";
        Self((UnixListener::bind_addr(&stream).expect(bound), UnixDatagram::bind_addr(&datagrams).expect(bound)))
    }
}

/// A message within this time.
pub(super) fn receive(fd: &OwnedFd, patience: Duration) -> Option<(Vec<u8>, Vec<OwnedFd>)> {
    seqpacket::set_nonblocking(fd.as_fd(), true).expect("a socket");
    let until = Instant::now() + patience;
    let mut buffer = [0; 4096];
    loop {
        match seqpacket::recv(fd.as_fd(), &mut buffer) {
            Ok(got) if got.len == 0 => return None,
            Ok(got) => return Some((buffer[..got.len].to_vec(), got.fds)),
            Err(_) if Instant::now() >= until => return None,
            Err(_) => std::thread::sleep(Duration::from_millis(1)),
        }
    }
}

impl World {
    /// Tells it what to try, and gives it two connections of the zone and what else it needs.
    pub(super) fn order(&self, taken: &Taken, process: &str, name: &str, need: Need) {
        let (mut near, near_end) = self.connection();
        near.write_all(b"foreign bytes").expect("loopback");
        let (far, far_end) = self.connection();
        attempt::reset_on_close(far.as_fd()).expect("a socket");
        drop(far);
        let text = format!("{name}\n{}", self.facts.to_text());
        let given = self.given(process, need);
        let fds: Vec<BorrowedFd<'_>> = [&near_end, &far_end].into_iter().chain(&given).map(AsFd::as_fd).collect();
        seqpacket::send(taken.control.as_fd(), text.as_bytes(), &fds).expect("it takes its order");
        // Its peer stays until the zone ends.
        std::mem::forget(near);
    }

    pub(super) fn given(&self, process: &str, need: Need) -> Option<OwnedFd> {
        let given = match need {
            Need::Nothing => return None,
            Need::Socket(kind) if self.lives_in_zone(process) => attempt::socket(kind),
            Need::Socket(kind) => std::thread::scope(|scope| {
                let make = || attempt::enter(self.empty.as_fd()).and_then(|()| attempt::socket(kind));
                scope.spawn(make).join().expect("a socket")
            }),
            Need::Victim => attempt::open_process(self.facts.victim),
            Need::Sleeper => attempt::open_process(self.facts.sleeper),
            Need::Code => fs::read(&self.facts.executable).and_then(|code| attempt::memory_file(&code)),
            Need::Program => File::open(&self.facts.executable).map(OwnedFd::from),
            Need::Pipe => std::io::pipe().map(|(reader, writer)| {
                std::mem::forget(reader);
                writer.into()
            }),
            Need::Space => self.zone.try_clone().map(OwnedFd::from),
        };
        Some(given.expect("the test runs as root"))
    }

    pub(super) fn lives_in_zone(&self, process: &str) -> bool {
        ["uplink-listener", "ot-connector", "outside"].contains(&process)
    }

    /// A connection to a machine, as the connector makes it: the machine's end, and ours.
    pub(super) fn connection(&self) -> (TcpStream, OwnedFd) {
        self.machine.set_nonblocking(true).expect("a socket");
        while self.machine.accept().is_ok() {}
        self.machine.set_nonblocking(false).expect("a socket");
        let ours = tcp::connect_start(self.facts.machine.into()).expect("loopback");
        (self.machine.accept().expect("loopback").0, ours)
    }
}
