//! The sockets to the parts that speak with the guardian, and the doors on which they come.

use os::poll::Poll;
use os::seqpacket;
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// At the desk at once.
pub const CLIENTS_MAX: usize = 8;
/// The longest message in either direction, in bytes: integers only.
pub const BYTES_MAX: usize = 1024;
/// The first token of the desk's clients.
pub const CLIENTS: u64 = 32;

/// Who is on the other side of a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    Broker,
    Latch,
    Zones,
}

impl Who {
    pub fn token(self) -> u64 {
        match self {
            Self::Broker => 5,
            Self::Latch => 6,
            Self::Zones => 7,
        }
    }

    /// Of the door on which its follower comes.
    pub fn door_token(self) -> u64 {
        match self {
            Self::Broker => 0,
            Self::Latch => 1,
            Self::Zones => 2,
        }
    }

    pub const ALL: [Self; 3] = [Self::Broker, Self::Latch, Self::Zones];
}

/// The desk's door.
pub const DESK: u64 = 3;

/// One at the desk.
pub struct Client {
    pub socket: OwnedFd,
    /// As the kernel says.
    pub uid: u32,
}

/// One part: its door, and its socket while it is there.
struct Link {
    door: OwnedFd,
    socket: Option<OwnedFd>,
}

/// All of them.
pub struct Doors {
    broker: Link,
    latch: Link,
    zones: Link,
    desk: OwnedFd,
    clients: [Option<Client>; CLIENTS_MAX],
}

/// The doors as they were inherited, and the broker that started before us.
pub struct Given {
    pub broker: OwnedFd,
    pub again: OwnedFd,
    pub latch_door: OwnedFd,
    pub zones_door: OwnedFd,
    pub desk: OwnedFd,
}

impl Doors {
    /// Watches them all. The broker's socket joins when the loop begins.
    ///
    /// # Errors
    /// The kernel's.
    pub fn new(given: Given, poll: &Poll) -> io::Result<(Self, OwnedFd)> {
        let Given { broker, again, latch_door, zones_door, desk } = given;
        let doors = [(&again, 0), (&latch_door, 1), (&zones_door, 2), (&desk, DESK)];
        for (door, token) in doors {
            seqpacket::set_nonblocking(door.as_fd(), true)?;
            poll.add(door, token, true, false)?;
        }
        let link = |door| Link { door, socket: None };
        let clients = [const { None }; CLIENTS_MAX];
        Ok((Self { broker: link(again), latch: link(latch_door), zones: link(zones_door), desk, clients }, broker))
    }

    fn link(&mut self, who: Who) -> &mut Link {
        match who {
            Who::Broker => &mut self.broker,
            Who::Latch => &mut self.latch,
            Who::Zones => &mut self.zones,
        }
    }

    /// Its socket, while it is there.
    pub fn socket(&mut self, who: Who) -> Option<BorrowedFd<'_>> {
        self.link(who).socket.as_ref().map(AsFd::as_fd)
    }

    /// Who waits at its door.
    pub fn accept(&mut self, who: Who) -> Option<OwnedFd> {
        seqpacket::accept(self.link(who).door.as_fd()).ok()
    }

    /// Somebody is there: the newest counts.
    pub fn join(&mut self, who: Who, socket: OwnedFd, poll: &Poll) -> bool {
        self.leave(who, poll);
        let watched = seqpacket::set_nonblocking(socket.as_fd(), true).and_then(|()| poll.add(&socket, who.token(), true, false));
        if watched.is_ok() {
            self.link(who).socket = Some(socket);
        }
        watched.is_ok()
    }

    /// It is gone.
    pub fn leave(&mut self, who: Who, poll: &Poll) {
        if let Some(old) = self.link(who).socket.take() {
            poll.remove(&old).ok();
        }
    }

    /// Somebody comes to the desk. Where all places are taken, they are sent away.
    pub fn seat(&mut self, poll: &Poll) {
        let Ok(socket) = seqpacket::accept(self.desk.as_fd()) else { return };
        let Ok((_, uid, _)) = seqpacket::peer_credentials(socket.as_fd()) else { return };
        let free = self.clients.iter_mut().zip(CLIENTS..).find(|(place, _)| place.is_none());
        let Some((place, token)) = free else { return };
        let watched = seqpacket::set_nonblocking(socket.as_fd(), true).and_then(|()| poll.add(&socket, token, true, false));
        if watched.is_ok() {
            *place = Some(Client { socket, uid });
        }
    }

    /// Who has this token.
    pub fn client(&self, token: u64) -> Option<&Client> {
        let place = usize::try_from(token.checked_sub(CLIENTS)?).ok()?;
        self.clients.get(place)?.as_ref()
    }

    /// They leave, or have to.
    pub fn unseat(&mut self, token: u64, poll: &Poll) {
        let place = token.checked_sub(CLIENTS).and_then(|n| usize::try_from(n).ok());
        if let Some(client) = place.and_then(|n| self.clients.get_mut(n)).and_then(Option::take) {
            poll.remove(&client.socket).ok();
        }
    }
}

/// What came of sending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    Yes,
    /// It does not read: again later.
    Full,
    /// It is gone.
    Gone,
}

/// Sends one message.
pub fn send(socket: BorrowedFd<'_>, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> Sent {
    match seqpacket::send(socket, bytes, fds) {
        Ok(()) => Sent::Yes,
        Err(e) if e.kind() == ErrorKind::WouldBlock => Sent::Full,
        Err(_) => Sent::Gone,
    }
}
