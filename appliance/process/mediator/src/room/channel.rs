//! One channel: how far it is, what it may still send, and what waits in it.

use border::work::CREDIT_AT_OPEN;
use recording::{Direction, What};
use sha2::{Digest, Sha256};
use std::collections::VecDeque;
use stream::echo::EchoWatch;
use stream::filter::Filter;

/// What a new observer gets of a terminal's last output, in bytes.
pub const TAIL: usize = 32 * 1024;
/// A running hash is written down each so many bytes.
pub(super) const HASH_EACH: u64 = 64 * 1024 * 1024;

/// A terminal's side of a channel.
pub(super) struct Screen {
    pub filter: Filter,
    pub echo: EchoWatch,
    tail: Vec<u8>,
}

impl Screen {
    pub(super) fn new() -> Self {
        Self { filter: Filter::new(), echo: EchoWatch::new(), tail: Vec::new() }
    }

    pub(super) fn remember(&mut self, bytes: &[u8]) {
        self.tail.extend_from_slice(bytes);
        if self.tail.len() > 2 * TAIL {
            self.tail.drain(..self.tail.len() - TAIL);
        }
    }

    pub(super) fn tail(&self) -> &[u8] {
        &self.tail[self.tail.len().saturating_sub(TAIL)..]
    }
}

/// A running hash of one direction of a byte stream.
#[derive(Default)]
pub(super) struct Running {
    hash: Sha256,
    length: u64,
    written: u64,
}

impl Running {
    /// Takes bytes; true when it is time to write the hash down.
    pub(super) fn update(&mut self, bytes: &[u8]) -> bool {
        self.hash.update(bytes);
        self.length += bytes.len() as u64;
        self.length - self.written >= HASH_EACH
    }

    /// Whether anything was hashed.
    pub(super) fn counted(&self) -> bool {
        self.length > 0
    }

    pub(super) fn item(&mut self, channel: u32, direction: Direction) -> What {
        self.written = self.length;
        let sha256 = self.hash.clone().finalize().into();
        What::BulkHash { channel, direction, length: self.length, sha256 }
    }
}

/// Something towards the machine that waits for its record.
pub(super) struct Held {
    /// The entry that has to be in the vault's hand.
    pub entry: u64,
    pub kind: HeldKind,
    /// The encoded message.
    pub message: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HeldKind {
    Data,
    /// Other input: waits while input is suspended.
    Input,
    /// The command or shell itself.
    Open,
    /// Size and close: pass while input is suspended.
    Other,
}

/// Something towards the operator that waits for credit, or behind what does.
pub(super) enum Late {
    Data { stream: u8, bytes: Vec<u8> },
    Say(Vec<u8>),
}

pub(super) struct Channel {
    /// None is a byte stream.
    pub screen: Option<Screen>,
    /// Hashes instead of content: towards the machine, from the machine.
    pub hashes: Option<Box<(Running, Running)>>,
    /// `Open` went to the back.
    pub released: bool,
    pub opened: bool,
    pub down_eof: bool,
    pub down_closed: bool,
    pub up_eof: bool,
    pub up_exit: bool,
    /// The back has closed it; it stays only until `late` is empty.
    pub up_closed: bool,
    /// What the front may still send.
    pub down_credit: u32,
    /// What went to the back and was not given back as credit.
    pub at_back: u32,
    /// What went to the front and was not given back as credit.
    pub front_out: u32,
    /// What the back sent and was not given back as credit.
    pub back_out: u32,
    pub held: VecDeque<Held>,
    /// The last entry that its input depends on.
    pub need: u64,
    pub late: VecDeque<Late>,
    pub late_bytes: usize,
    pub code: Option<u32>,
    pub signal: Option<String>,
    pub removals_told: bool,
}

impl Channel {
    pub(super) fn new(pty: bool, hash_only: bool) -> Self {
        Self {
            screen: pty.then(Screen::new),
            hashes: (!pty && hash_only).then(Box::default),
            released: false,
            opened: false,
            down_eof: false,
            down_closed: false,
            up_eof: false,
            up_exit: false,
            up_closed: false,
            down_credit: CREDIT_AT_OPEN,
            at_back: 0,
            front_out: 0,
            back_out: 0,
            held: VecDeque::new(),
            need: 0,
            late: VecDeque::new(),
            late_bytes: 0,
            code: None,
            signal: None,
            removals_told: false,
        }
    }

    /// What the front can still take.
    pub(super) fn room_at_front(&self) -> usize {
        (CREDIT_AT_OPEN - self.front_out) as usize
    }

    /// Credit that is due to the back: it sent more than is now unread. Filtering makes output
    /// shorter or longer, so this is not simply what the front gave.
    pub(super) fn due_to_back(&self) -> u32 {
        let unread = self.front_out as usize + self.late_bytes;
        (self.back_out as usize).saturating_sub(unread) as u32
    }
}
