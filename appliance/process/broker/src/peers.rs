//! The sockets that the shell holds, under the tokens of its poll.

use crate::core::{Endpoint, Fixed};
use border::{Guard, admin, console};
use std::collections::BTreeMap;
use std::os::fd::OwnedFd;

/// What a token stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Peer {
    /// A part of the box.
    Part(Fixed),
    /// The socket on which that part, started again, connects.
    Door(Fixed),
    /// The socket on which `dinlock` connects.
    AdminSocket,
    /// One `dinlock`.
    Admin(u64),
    /// The socket on which consoles connect.
    ConsoleDoor,
    /// One console.
    Console(u64),
    /// A worker's control socket.
    Worker(Endpoint),
}

/// One connection of `dinlock`.
pub struct AdminPeer {
    /// Its socket.
    pub socket: OwnedFd,
    /// Who, as the kernel says.
    pub uid: u32,
    /// One request each.
    pub guard: Guard<admin::Phase>,
}

/// One console.
pub struct ConsolePeer {
    /// Its socket.
    pub socket: OwnedFd,
    /// What it may ask.
    pub guard: Guard<console::Phase>,
}

/// Tokens and peers, both ways.
#[derive(Default)]
pub struct Peers {
    tokens: BTreeMap<u64, Peer>,
    by_peer: BTreeMap<Peer, u64>,
    next: u64,
}

impl Peers {
    /// A new token for `peer`.
    pub fn token(&mut self, peer: Peer) -> u64 {
        let token = self.next;
        self.next += 1;
        self.tokens.insert(token, peer);
        self.by_peer.insert(peer, token);
        token
    }

    /// What `token` stands for.
    pub fn peer(&self, token: u64) -> Option<Peer> {
        self.tokens.get(&token).copied()
    }

    /// Forgets `peer`.
    pub fn forget(&mut self, peer: Peer) {
        if let Some(token) = self.by_peer.remove(&peer) {
            self.tokens.remove(&token);
        }
    }
}
