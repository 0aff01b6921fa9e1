//! What waits to be sent on a session's stream: in order within a channel, fair between channels.

use border::DATA_BYTES_MAX;
use border::work::CREDIT_AT_OPEN;
use std::collections::{BTreeMap, VecDeque};
use std::fmt;

/// Credit is given back in portions of this many bytes, so that it costs few messages.
const CREDIT_PORTION: u32 = CREDIT_AT_OPEN / 8;

/// The peer sent more data, or gave more credit, than the border allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OverCredit {
    /// The channel.
    pub channel: u32,
}

impl fmt::Display for OverCredit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the peer went beyond its credit on channel {}", self.channel)
    }
}

impl std::error::Error for OverCredit {}

/// The next thing to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next<M> {
    /// Bytes of a channel, within its credit and `DATA_BYTES_MAX`.
    Data {
        /// The channel.
        channel: u32,
        /// 0 standard output (or input), 1 standard error.
        stream: u8,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// Credit for the far side.
    Credit {
        /// The channel.
        channel: u32,
        /// How many bytes.
        bytes: u32,
    },
    /// Any other message.
    Say(M),
}

#[derive(Debug)]
enum Item<M> {
    Data { stream: u8, bytes: Vec<u8> },
    Say(M),
}

#[derive(Debug)]
struct Lane<M> {
    items: VecDeque<Item<M>>,
    /// Bytes that wait in `items`.
    waiting: usize,
    /// Bytes that the far side can still take.
    credit: u32,
    /// Bytes that the far side may still send.
    granted: u32,
    /// Bytes taken here and not yet given back as credit.
    owed: u32,
    closing: bool,
}

/// The queues of all channels of one session. `M` is the border's message type.
#[derive(Debug)]
pub struct Outbox<M> {
    lanes: BTreeMap<u32, Lane<M>>,
    /// Where the round starts next: after the channel that was served last.
    turn: u32,
}

impl<M> Default for Outbox<M> {
    fn default() -> Self {
        Self { lanes: BTreeMap::new(), turn: 0 }
    }
}

impl<M> Outbox<M> {
    /// A new channel with [`CREDIT_AT_OPEN`] on both sides.
    pub fn open(&mut self, channel: u32) {
        let lane = Lane {
            items: VecDeque::new(),
            waiting: 0,
            credit: CREDIT_AT_OPEN,
            granted: CREDIT_AT_OPEN,
            owed: 0,
            closing: false,
        };
        self.lanes.insert(channel, lane);
    }

    /// Queues a message behind what the channel already has to say.
    pub fn say(&mut self, channel: u32, message: M) {
        if let Some(lane) = self.lanes.get_mut(&channel).filter(|lane| !lane.closing) {
            lane.items.push_back(Item::Say(message));
        }
    }

    /// Replaces the channel's last waiting message if `same` says so, else queues behind it: of
    /// several sizes of a window only the last counts.
    pub fn say_latest(&mut self, channel: u32, message: M, same: impl Fn(&M) -> bool) {
        let Some(lane) = self.lanes.get_mut(&channel).filter(|lane| !lane.closing) else { return };
        match lane.items.back_mut() {
            Some(Item::Say(last)) if same(last) => *last = message,
            Some(Item::Say(_) | Item::Data { .. }) | None => {
                lane.items.push_back(Item::Say(message));
            }
        }
    }

    /// Queues bytes; small pieces of one stream are joined.
    pub fn data(&mut self, channel: u32, stream: u8, data: &[u8]) {
        let Some(lane) = self.lanes.get_mut(&channel).filter(|lane| !lane.closing) else { return };
        lane.waiting += data.len();
        for piece in data.chunks(DATA_BYTES_MAX) {
            match lane.items.back_mut() {
                Some(Item::Data { stream: last, bytes })
                    if *last == stream && bytes.len() + piece.len() <= DATA_BYTES_MAX =>
                {
                    bytes.extend_from_slice(piece);
                }
                Some(Item::Data { .. } | Item::Say(_)) | None => {
                    lane.items.push_back(Item::Data { stream, bytes: piece.to_vec() });
                }
            }
        }
    }

    /// The channel's last message; what waits before it still goes first, unless `discard`.
    pub fn close(&mut self, channel: u32, message: M, discard: bool) {
        let Some(lane) = self.lanes.get_mut(&channel).filter(|lane| !lane.closing) else { return };
        if discard {
            lane.items.clear();
            lane.waiting = 0;
        }
        lane.items.push_back(Item::Say(message));
        lane.closing = true;
    }

    /// The far side has closed the channel: nothing more can be said on it.
    pub fn forget(&mut self, channel: u32) {
        self.lanes.remove(&channel);
    }

    /// The far side can take `bytes` more.
    ///
    /// # Errors
    /// [`OverCredit`] if it never had so much to give.
    pub fn credit(&mut self, channel: u32, bytes: u32) -> Result<(), OverCredit> {
        // Credit for a channel that has just closed crosses its closing on the way.
        let Some(lane) = self.lanes.get_mut(&channel) else { return Ok(()) };
        let credit = lane.credit.checked_add(bytes).filter(|&sum| sum <= CREDIT_AT_OPEN);
        lane.credit = credit.ok_or(OverCredit { channel })?;
        Ok(())
    }

    /// Data came from the far side.
    ///
    /// # Errors
    /// [`OverCredit`] if it was more than was granted.
    pub fn received(&mut self, channel: u32, bytes: usize) -> Result<(), OverCredit> {
        let Some(lane) = self.lanes.get_mut(&channel) else { return Ok(()) };
        let bytes = u32::try_from(bytes).map_err(|_| OverCredit { channel })?;
        lane.granted = lane.granted.checked_sub(bytes).ok_or(OverCredit { channel })?;
        Ok(())
    }

    /// What came was taken by this side's client or machine, and may be given back as credit.
    pub fn taken(&mut self, channel: u32, bytes: usize) {
        let Some(lane) = self.lanes.get_mut(&channel) else { return };
        let bytes = u32::try_from(bytes).expect("a message is far below 4 GiB");
        lane.owed = lane.owed.saturating_add(bytes);
    }

    /// Bytes that wait on this channel.
    pub fn waiting(&self, channel: u32) -> usize {
        self.lanes.get(&channel).map_or(0, |lane| lane.waiting)
    }

    /// Bytes that wait on the fullest channel.
    pub fn fullest(&self) -> usize {
        self.lanes.values().map(|lane| lane.waiting).max().unwrap_or(0)
    }

    /// Messages (not bytes) that wait on this channel: a flood of them is an abuse.
    pub fn messages(&self, channel: u32) -> usize {
        self.lanes.get(&channel).map_or(0, |lane| lane.items.len())
    }

    /// True if nothing can be sent now and nothing waits for credit.
    pub fn is_empty(&self) -> bool {
        self.lanes.values().all(|lane| lane.items.is_empty())
    }

    /// Takes the next thing that may be sent now.
    pub fn take_next(&mut self) -> Option<Next<M>> {
        let after = self.lanes.range(self.turn..).map(|(&channel, _)| channel);
        let before = self.lanes.range(..self.turn).map(|(&channel, _)| channel);
        let order: Vec<u32> = after.chain(before).collect();
        for channel in order {
            if let Some(next) = self.next_of(channel) {
                self.turn = channel.wrapping_add(1);
                return Some(next);
            }
        }
        None
    }

    fn next_of(&mut self, channel: u32) -> Option<Next<M>> {
        let lane = self.lanes.get_mut(&channel)?;
        if lane.owed >= CREDIT_PORTION {
            let bytes = std::mem::take(&mut lane.owed);
            lane.granted = lane.granted.saturating_add(bytes);
            return Some(Next::Credit { channel, bytes });
        }
        match lane.items.pop_front()? {
            Item::Say(message) => {
                if lane.closing && lane.items.is_empty() {
                    self.lanes.remove(&channel);
                }
                Some(Next::Say(message))
            }
            Item::Data { stream, mut bytes } => {
                let credit = lane.credit as usize;
                if bytes.len() > credit {
                    let rest = bytes.split_off(credit);
                    lane.items.push_front(Item::Data { stream, bytes: rest });
                    if credit == 0 {
                        return None;
                    }
                }
                lane.waiting -= bytes.len();
                lane.credit -= u32::try_from(bytes.len()).expect("at most the credit, a u32");
                Some(Next::Data { channel, stream, bytes })
            }
        }
    }
}
