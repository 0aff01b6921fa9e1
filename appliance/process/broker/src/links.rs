//! The sockets to the box's parts: each part has a door, on which its follower comes when it died.

use crate::core::Fixed;
use os::poll::{Poll, Ready};
use os::seqpacket;
use std::collections::{BTreeMap, VecDeque};
use std::io::ErrorKind;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

/// Messages that wait for the vault, at most: a box whose vault is away grants nothing new.
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

/// Something that the vault could not take yet.
#[derive(Debug)]
struct Waiting {
    bytes: Vec<u8>,
    fds: Vec<OwnedFd>,
    /// An audit row: it waits for the vault's follower too.
    row: bool,
}

/// All of them.
#[derive(Debug)]
pub struct Links {
    /// Looks at one descriptor at a time.
    look: Poll,
    links: BTreeMap<Fixed, Link>,
    /// For the vault, in order.
    rows: VecDeque<Waiting>,
    /// How many of these came, and how many went.
    came: u64,
    went: u64,
    /// For the guardian, each once so many went.
    receipts: VecDeque<(u64, Vec<u8>)>,
}

impl Links {
    /// None yet.
    ///
    /// # Errors
    /// The kernel's.
    pub fn new() -> std::io::Result<Self> {
        Ok(Self { look: Poll::new()?, links: BTreeMap::new(), rows: VecDeque::new(), came: 0, went: 0, receipts: VecDeque::new() })
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
        if part == Fixed::Vault {
            let before = self.rows.len();
            self.rows.retain(|waiting| waiting.row);
            self.went += (before - self.rows.len()) as u64;
        }
        if part == Fixed::Guardian {
            self.receipts.clear();
        }
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
        self.wait(Waiting { bytes, fds: Vec::new(), row: true })
    }

    /// Anything else for the vault: it waits for one that is busy, behind the rows that wait. To one that
    /// is away nothing is sent: its follower begins anew.
    ///
    /// # Errors
    /// As [`row`](Self::row).
    pub fn tell_vault(&mut self, bytes: Vec<u8>, fds: Vec<OwnedFd>) -> Result<(), String> {
        match self.socket(Fixed::Vault) {
            None => Ok(()),
            Some(_) => self.wait(Waiting { bytes, fds, row: false }),
        }
    }

    /// To the guardian, once the vault has all that was for it until now.
    pub fn after_rows(&mut self, receipt: Vec<u8>) {
        self.receipts.push_back((self.came, receipt));
        self.flush();
    }

    fn wait(&mut self, waiting: Waiting) -> Result<(), String> {
        if self.rows.len() >= ROWS_MAX {
            return Err(format!("{ROWS_MAX} messages wait for the vault"));
        }
        self.rows.push_back(waiting);
        self.came += 1;
        self.flush();
        Ok(())
    }

    /// Sends the rows that wait; whether some still do.
    pub fn flush(&mut self) -> bool {
        while let (Some(first), Some(vault)) = (self.rows.front(), self.socket(Fixed::Vault)) {
            let fds: Vec<BorrowedFd<'_>> = first.fds.iter().map(AsFd::as_fd).collect();
            if seqpacket::send(vault, &first.bytes, &fds).is_err() {
                break;
            }
            self.rows.pop_front();
            self.went += 1;
        }
        while let Some((_, receipt)) = self.receipts.pop_front_if(|(after, _)| *after <= self.went) {
            // One that it does not take is asked for again.
            self.send(Fixed::Guardian, &receipt, &[]).ok();
        }
        !self.rows.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A vault that takes nothing yet, and its end.
    fn stalled() -> (Links, OwnedFd) {
        let (ours, theirs) = seqpacket::pair().unwrap();
        let (door, _) = seqpacket::pair().unwrap();
        let mut links = Links::new().unwrap();
        links.door(Fixed::Vault, door, 0).unwrap();
        links.join(Fixed::Vault, ours).unwrap();
        (links, theirs)
    }

    fn message(number: u32) -> Vec<u8> {
        [&number.to_le_bytes()[..], &[7; 16 * 1024]].concat()
    }

    #[test]
    fn what_a_stalled_vault_does_not_take_follows_in_its_order() {
        let (mut links, vault) = stalled();
        for number in 0..1_000 {
            let said = if number % 2 == 0 { links.row(message(number)) } else { links.tell_vault(message(number), vec![]) };
            said.unwrap();
        }
        assert!(links.flush(), "the socket is full, and nobody is ended by that");
        let mut buffer = vec![0; 32 * 1024];
        for number in 0..1_000 {
            let got = seqpacket::recv(vault.as_fd(), &mut buffer).unwrap();
            assert!(buffer[..got.len] == message(number), "{number}");
            links.flush();
        }
        assert!(!links.flush());
    }

    #[test]
    fn of_what_waits_for_a_vault_that_died_only_rows_go_to_its_follower() {
        let (mut links, vault) = stalled();
        (0..1_000).for_each(|number| links.row(message(number)).unwrap());
        links.tell_vault(message(5_000), vec![]).unwrap();
        drop(vault);
        links.lose(Fixed::Vault, 1);
        links.tell_vault(message(6_000), vec![]).unwrap();
        assert!(links.rows.iter().all(|waiting| waiting.row) && !links.rows.is_empty());
    }

    #[test]
    fn a_note_is_receipted_to_the_guardian_once_the_vault_has_its_row() {
        let (mut links, vault) = stalled();
        let (ours, guardian) = seqpacket::pair().unwrap();
        links.door(Fixed::Guardian, seqpacket::pair().unwrap().0, 0).unwrap();
        links.join(Fixed::Guardian, ours).unwrap();
        seqpacket::set_nonblocking(guardian.as_fd(), true).unwrap();
        let mut buffer = vec![0; 32 * 1024];
        links.row(message(0)).unwrap();
        links.after_rows(b"first".to_vec());
        assert_eq!(seqpacket::recv(guardian.as_fd(), &mut buffer).unwrap().len, 5, "at once, where nothing waits");
        (1..1_000).for_each(|number| links.row(message(number)).unwrap());
        links.after_rows(b"second".to_vec());
        assert!(seqpacket::recv(guardian.as_fd(), &mut buffer).is_err(), "its row waits still");
        for _ in 0..1_000 {
            seqpacket::recv(vault.as_fd(), &mut buffer).unwrap();
            links.flush();
        }
        assert_eq!(seqpacket::recv(guardian.as_fd(), &mut buffer).unwrap().len, 6);
    }

    #[test]
    fn a_vault_that_never_listens_is_an_error_in_the_end() {
        let (mut links, _vault) = stalled();
        let refused = (0..100_000).find_map(|_| links.row(vec![0; 64]).err());
        assert!(refused.is_some_and(|why| why.contains("messages wait for the vault")));
    }
}
