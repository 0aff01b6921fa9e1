//! What is on its way to the vault, and what of it the vault holds.

use super::Act;
use crate::wire;
use border::DATA_BYTES_MAX;
use codec::{Bytes, Wire};
use recording::{Item, Sealer, What};
use std::collections::VecDeque;
use zeroize::Zeroizing;

/// An entry without an answer for so long freezes input, in microseconds.
pub const STALL_US: u64 = 500_000;
/// Items wait for each other up to so many bytes (with the head and tag, one entry).
const FRAME_PLAIN: usize = DATA_BYTES_MAX + 2048;
/// Output of this size is sealed straight from where it was received.
const DIRECT: usize = 32 * 1024;

/// One recording, seen from the side that seals it.
pub(super) struct Recorder {
    sealer: Option<Sealer>,
    started_us: u64,
    /// Encoded items of the next frame. They never outlast one round of the loop.
    pending: Zeroizing<Vec<u8>>,
    pending_at_us: u64,
    sent: u64,
    held: u64,
    /// Entries without an answer: when they went, and what they weigh in bytes.
    flying: VecDeque<(u64, usize)>,
    in_flight: usize,
    lost: bool,
}

impl Recorder {
    pub(super) fn new() -> Self {
        Self {
            sealer: None,
            started_us: 0,
            pending: Zeroizing::default(),
            pending_at_us: 0,
            sent: 0,
            held: 0,
            flying: VecDeque::new(),
            in_flight: 0,
            lost: false,
        }
    }

    pub(super) fn begin(&mut self, now: u64, sealer: Sealer, header: &[u8], acts: &mut Vec<Act>) {
        self.sealer = Some(sealer);
        self.started_us = now;
        self.entry(now, wire::put_entry(wire::ENTRY_HEADER, header), 0, acts);
    }

    /// `plain` is what was sealed, in bytes: how well it compresses must not let more of it go
    /// without an answer.
    fn entry(&mut self, now: u64, message: Vec<u8>, plain: usize, acts: &mut Vec<Act>) {
        let weight = message.len().max(plain);
        self.sent += 1;
        self.in_flight += weight;
        self.flying.push_back((now, weight));
        acts.push(Act::Record(message));
    }

    /// Takes one item; the number of the entry that will hold it.
    pub(super) fn item(&mut self, now: u64, what: What, acts: &mut Vec<Act>) -> u64 {
        let at_us = now.saturating_sub(self.started_us);
        if let What::Input { bytes, .. } | What::Output { bytes, .. } = &what
            && self.pending.len() + bytes.len() + 64 > FRAME_PLAIN
        {
            // Ahead of it, rather than encoding it twice.
            self.flush(now, acts);
        }
        let before = self.pending.len();
        Item { at_us, what }.put(&mut self.pending);
        if self.pending.len() > FRAME_PLAIN && before > 0 {
            let last = Zeroizing::new(self.pending.split_off(before));
            self.flush(now, acts);
            self.pending.extend_from_slice(&last);
        }
        self.pending_at_us = at_us;
        self.sent + 1
    }

    /// Takes output of a channel, as the operator gets it.
    pub(super) fn output(&mut self, now: u64, channel: u32, stream: u8, bytes: &[u8], acts: &mut Vec<Act>) {
        for part in bytes.chunks(DATA_BYTES_MAX) {
            if part.len() < DIRECT {
                let bytes = Bytes::new(part).expect("a part is at most 64 KiB");
                self.item(now, What::Output { channel, stream, bytes }, acts);
                continue;
            }
            self.flush(now, acts);
            let at_us = now.saturating_sub(self.started_us);
            if let Some(sealer) = self.sealer.as_mut().filter(|_| !self.lost) {
                let frame = sealer.seal_output(at_us, channel, stream, part);
                self.entry(now, wire::put_entry(wire::ENTRY_FRAME, &frame), part.len(), acts);
            }
        }
    }

    /// Seals and sends what has gathered.
    pub(super) fn flush(&mut self, now: u64, acts: &mut Vec<Act>) {
        if self.pending.is_empty() {
            return;
        }
        if let Some(sealer) = self.sealer.as_mut().filter(|_| !self.lost) {
            let frame = sealer.seal_encoded(self.pending_at_us, &self.pending);
            self.entry(now, wire::put_entry(wire::ENTRY_FRAME, &frame), self.pending.len(), acts);
        }
        self.pending.clear();
    }

    /// Closes the recording.
    pub(super) fn end(&mut self, now: u64, acts: &mut Vec<Act>) {
        self.flush(now, acts);
        if let Some(sealer) = self.sealer.take().filter(|_| !self.lost) {
            self.entry(now, wire::put_entry(wire::ENTRY_END, &sealer.end()), 0, acts);
        }
    }

    /// The vault says how many entries it holds. False if that can't be.
    pub(super) fn in_hand(&mut self, entries: u64) -> bool {
        if entries < self.held || entries > self.sent {
            return false;
        }
        for _ in self.held..entries {
            let (_, bytes) = self.flying.pop_front().expect("each entry without an answer is listed");
            self.in_flight -= bytes;
        }
        self.held = entries;
        true
    }

    /// The vault takes nothing more.
    pub(super) fn lose(&mut self) {
        self.lost = true;
    }

    /// Entries that the vault holds.
    pub(super) fn held(&self) -> u64 {
        self.held
    }

    /// Nothing more will be answered, or all was.
    pub(super) fn quiet(&self) -> bool {
        self.lost || self.flying.is_empty()
    }

    /// When the entry that waits longest went.
    pub(super) fn oldest_us(&self) -> Option<u64> {
        self.flying.front().map(|(at, _)| *at)
    }

    /// Whether the vault owes an answer for too long.
    pub(super) fn stalled(&self, now: u64) -> bool {
        self.oldest_us().is_some_and(|at| at.saturating_add(STALL_US) <= now)
    }

    /// Bytes without an answer.
    pub(super) fn in_flight(&self) -> usize {
        self.in_flight
    }
}
