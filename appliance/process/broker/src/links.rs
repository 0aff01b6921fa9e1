//! The sockets to the box's parts: each part has a door, on which its follower comes when it died.

use crate::core::Fixed;
use os::poll::{Poll, Ready};
use os::seqpacket;
use std::collections::{BTreeMap, VecDeque};
use std::io::ErrorKind;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

/// Audit rows that wait for the vault, at most: a box whose vault is away grants nothing new.
const ROWS_MAX: usize = 16_384;

/// One part.
#[derive(Debug)]
struct Link {
    /// Listening.
    door: OwnedFd,
    /// None while the part is away.
    socket: Option<OwnedFd>,
    /// Since when, in ms of boot time.
    away_since_ms: u64,
}

/// All four.
#[derive(Debug)]
pub struct Links {
    /// Looks at one descriptor at a time.
    look: Poll,
    links: BTreeMap<Fixed, Link>,
    /// Encoded audit rows that the vault could not take yet.
    rows: VecDeque<Vec<u8>>,
}

impl Links {
    /// None yet.
    ///
    /// # Errors
    /// The kernel's.
    pub fn new() -> std::io::Result<Self> {
        Ok(Self { look: Poll::new()?, links: BTreeMap::new(), rows: VecDeque::new() })
    }

    /// Whether who came to a door has left again while it waited.
    pub fn has_left(&self, socket: &OwnedFd) -> bool {
        let mut seen: Vec<Ready> = Vec::new();
        let looked = self.look.add(socket, 0, true, false).and_then(|()| self.look.wait(&mut seen, Some(Duration::ZERO)));
        self.look.remove(socket).ok();
        looked.is_err() || seen.iter().any(|event| event.hangup)
    }

    /// Takes a part's door.
    ///
    /// # Errors
    /// The kernel's.
    pub fn door(&mut self, part: Fixed, door: OwnedFd, now_ms: u64) -> std::io::Result<()> {
        seqpacket::set_nonblocking(door.as_fd(), true)?;
        self.links.insert(part, Link { door, socket: None, away_since_ms: now_ms });
        Ok(())
    }

    /// The part is there.
    ///
    /// # Errors
    /// The kernel's.
    pub fn join(&mut self, part: Fixed, socket: OwnedFd) -> std::io::Result<()> {
        seqpacket::set_nonblocking(socket.as_fd(), true)?;
        if let Some(link) = self.links.get_mut(&part) {
            link.socket = Some(socket);
        }
        Ok(())
    }

    /// Closes the socket of a part that is gone.
    pub fn lose(&mut self, part: Fixed, now_ms: u64) -> Option<OwnedFd> {
        let link = self.links.get_mut(&part)?;
        link.away_since_ms = now_ms;
        link.socket.take()
    }

    /// Its door.
    pub fn at_door(&self, part: Fixed) -> Option<BorrowedFd<'_>> {
        self.links.get(&part).map(|link| link.door.as_fd())
    }

    /// Its socket, while it is there.
    pub fn socket(&self, part: Fixed) -> Option<BorrowedFd<'_>> {
        self.links.get(&part).and_then(|link| link.socket.as_ref()).map(AsFd::as_fd)
    }

    /// A part that has been away for longer than `ms`.
    pub fn away(&self, part: Fixed, ms: u64, now_ms: u64) -> bool {
        self.links.get(&part).is_some_and(|link| link.socket.is_none() && now_ms > link.away_since_ms + ms)
    }

    /// Sends. To a part that is away nothing is sent: its follower begins anew.
    ///
    /// # Errors
    /// A part that does not read. One that has just gone is none: its socket will say so.
    pub fn send(&self, part: Fixed, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> Result<(), String> {
        let Some(socket) = self.socket(part) else { return Ok(()) };
        match seqpacket::send(socket, bytes, fds) {
            Err(e) if e.kind() == ErrorKind::WouldBlock => Err(format!("the {} does not read what it is told", part.name())),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// An audit row: it waits for a vault that is away or busy, in order.
    ///
    /// # Errors
    /// More rows wait than a box can have while it grants nothing new.
    pub fn row(&mut self, bytes: Vec<u8>) -> Result<(), String> {
        if self.rows.len() >= ROWS_MAX {
            return Err(format!("{ROWS_MAX} audit rows wait for the vault"));
        }
        self.rows.push_back(bytes);
        self.flush();
        Ok(())
    }

    /// Sends the rows that wait; whether some still do.
    pub fn flush(&mut self) -> bool {
        while let (Some(row), Some(vault)) = (self.rows.front(), self.socket(Fixed::Vault)) {
            if seqpacket::send(vault, row, &[]).is_err() {
                break;
            }
            self.rows.pop_front();
        }
        !self.rows.is_empty()
    }
}
