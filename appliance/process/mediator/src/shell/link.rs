//! One non-blocking message socket with its queue, and an observer's, which has none.

use border::work::Up;
use codec::Text;
use os::poll::{Poll, Ready};
use os::seqpacket::{self, Received};
use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// The peer has closed its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Closed;

/// A socket to one peer. What it queues is bounded by the rules of who sends: a full one stops the
/// reading of what feeds it.
pub(super) struct Link {
    fd: Option<OwnedFd>,
    token: u64,
    queue: VecDeque<Vec<u8>>,
    /// Asked of the poll: reading, writing; none if it is not in the set.
    watched: Option<(bool, bool)>,
    readable: bool,
    hung_up: bool,
    /// The peer takes nothing more; what it sent can still be read.
    deaf: bool,
}

impl Link {
    pub(super) fn new(fd: OwnedFd, token: u64) -> io::Result<Self> {
        seqpacket::set_nonblocking(fd.as_fd(), true)?;
        let queue = VecDeque::new();
        Ok(Self { fd: Some(fd), token, queue, watched: None, readable: false, hung_up: false, deaf: false })
    }

    /// Watches for reading (as asked) and writing (if something waits).
    pub(super) fn watch(&mut self, poll: &Poll, read: bool) -> io::Result<()> {
        let Some(fd) = &self.fd else { return Ok(()) };
        // Hang-up is reported always: who is not read any more has to leave the set.
        let wanted = (!self.hung_up).then_some((read, !self.queue.is_empty()));
        match (self.watched, wanted) {
            (old, new) if old == new => {}
            (None, Some((read, write))) => poll.add(fd, self.token, read, write)?,
            (Some(_), Some((read, write))) => poll.modify(fd, self.token, read, write)?,
            (Some(_), None) => poll.remove(fd)?,
            (None, None) => {}
        }
        self.watched = wanted;
        Ok(())
    }

    /// What the poll saw.
    pub(super) fn note(&mut self, event: Ready) {
        self.readable |= event.readable || event.hangup;
        self.hung_up |= event.hangup;
    }

    pub(super) fn readable(&self) -> bool {
        self.readable && self.fd.is_some()
    }

    pub(super) fn hung_up(&self) -> bool {
        self.hung_up
    }

    /// It has to be read without the poll's help.
    pub(super) fn unwatched(&self) -> bool {
        self.hung_up && self.readable()
    }

    /// One message; none if there is none now.
    pub(super) fn recv(&mut self, buffer: &mut [u8]) -> Result<Option<Received>, Closed> {
        let fd = self.fd.as_ref().ok_or(Closed)?;
        match seqpacket::recv(fd.as_fd(), buffer) {
            Ok(received) if received.len == 0 => Err(Closed),
            Ok(received) => Ok(Some(received)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.readable = false;
                // Nothing more can come from a peer that has gone.
                if self.hung_up { Err(Closed) } else { Ok(None) }
            }
            // Too large is no message: the room sees bytes that can't be one.
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                buffer[0] = u8::MAX;
                Ok(Some(Received { len: 1, fds: Vec::new() }))
            }
            Err(_) => Err(Closed),
        }
    }

    pub(super) fn close(&mut self) {
        self.fd = None;
        self.watched = None;
        self.queue.clear();
    }

    pub(super) fn closed(&self) -> bool {
        self.fd.is_none()
    }

    /// Nothing waits.
    pub(super) fn idle(&self) -> bool {
        self.queue.is_empty()
    }

    /// Messages that wait.
    pub(super) fn waiting(&self) -> usize {
        self.queue.len()
    }

    pub(super) fn send(&mut self, bytes: Vec<u8>) {
        if !self.sent(&bytes) {
            self.queue.push_back(bytes);
        }
    }

    pub(super) fn send_slice(&mut self, bytes: &[u8]) {
        if !self.sent(bytes) {
            self.queue.push_back(bytes.to_vec());
        }
    }

    /// Whether nothing is left to be done for this message.
    fn sent(&mut self, bytes: &[u8]) -> bool {
        let Some(fd) = self.fd.as_ref().filter(|_| !self.deaf) else { return true };
        if !self.queue.is_empty() {
            return false;
        }
        match seqpacket::send(fd.as_fd(), bytes, &[]) {
            Ok(()) => true,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => false,
            Err(_) => {
                self.deaf = true;
                true
            }
        }
    }

    pub(super) fn flush(&mut self) {
        while let Some(bytes) = self.queue.pop_front() {
            if !self.sent_first(&bytes) {
                self.queue.push_front(bytes);
                return;
            }
        }
    }

    fn sent_first(&mut self, bytes: &[u8]) -> bool {
        let rest = std::mem::take(&mut self.queue);
        let done = self.sent(bytes);
        self.queue = if self.deaf { VecDeque::new() } else { rest };
        done
    }
}

/// Someone who looks on. It never makes anyone wait: what does not fit is left out, and said.
pub(super) struct Observer {
    fd: OwnedFd,
    token: u64,
    /// Bytes of messages left out since it fell behind.
    left_out: u64,
}

impl Observer {
    pub(super) fn new(fd: OwnedFd, token: u64, poll: &Poll) -> io::Result<Self> {
        seqpacket::set_nonblocking(fd.as_fd(), true)?;
        poll.add(&fd, token, true, false)?;
        Ok(Self { fd, token, left_out: 0 })
    }

    pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    pub(super) fn send(&mut self, poll: &Poll, bytes: &[u8]) {
        if self.left_out == 0 && seqpacket::send(self.as_fd(), bytes, &[]).is_ok() {
            return;
        }
        if self.left_out == 0 {
            // A refusal here is its end too, which the poll reports.
            drop(poll.modify(&self.fd, self.token, true, true));
        }
        self.left_out += bytes.len() as u64;
    }

    /// It can take something again.
    pub(super) fn drained(&mut self, poll: &Poll) {
        let text = Text::cut(format!("{} bytes left out", self.left_out));
        if seqpacket::send(self.as_fd(), &codec::encode(&Up::Notice { text }), &[]).is_ok() {
            self.left_out = 0;
            drop(poll.modify(&self.fd, self.token, true, false));
        }
    }
}
