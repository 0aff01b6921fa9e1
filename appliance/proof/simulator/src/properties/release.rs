//! What reaches a machine, held against what the vault had in hand then.

use super::Property;
use crate::parts::mediator::key;
use crate::world::World;
use border::mediation::{InputRecord, Order};
use border::work::Down;
use mediator::wire;
use recording::{Direction, Reader, What};
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::rc::Rc;

/// Of one session: what the vault has, and what passed when.
#[derive(Default)]
pub(crate) struct Releases {
    pub chance: u64,
    /// The recording as the vault has it.
    bytes: Vec<u8>,
    /// The length after each entry.
    ends: Vec<usize>,
    /// Bytes of input that passed, by channel.
    passed: BTreeMap<u32, u64>,
    /// Channel, all its input that passed, and how much of the recording was in hand.
    steps: Vec<(u32, u64, usize)>,
    checked: bool,
}

/// Counts how far a reader has read.
struct Counted<'a> {
    bytes: &'a [u8],
    read: Rc<Cell<usize>>,
}

impl Read for Counted<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.bytes.read(into)?;
        self.read.set(self.read.get() + count);
        Ok(count)
    }
}

/// Input that the recording knows of, by channel: how many bytes after how much of the file.
fn recorded(releases: &Releases, session: u64, policy: InputRecord) -> Result<BTreeMap<u32, Vec<(usize, u64)>>, String> {
    let read = Rc::new(Cell::new(0));
    let source = Counted { bytes: &releases.bytes, read: Rc::clone(&read) };
    let reader = Reader::open_with_key(source, &key(session, releases.chance)).map_err(|error| error.to_string())?;
    let mut known: BTreeMap<u32, Vec<(usize, u64)>> = BTreeMap::new();
    let mut terminals = BTreeSet::new();
    for item in reader {
        let (channel, length) = match item.map_err(|error| error.to_string())?.what {
            What::Opened { channel, pty, .. } => {
                if pty {
                    terminals.insert(channel);
                }
                (channel, 0)
            }
            // What a terminal echoed comes a second time, as text.
            What::Input { channel, bytes } if policy == InputRecord::All || !terminals.contains(&channel) => {
                (channel, bytes.len() as u64)
            }
            What::InputHidden { channel, length } => (channel, u64::from(length)),
            What::BulkHash { channel, direction: Direction::ToTarget, length, .. } => {
                let before = known.get(&channel).and_then(|steps| steps.last()).map_or(0, |step| step.1);
                (channel, length.saturating_sub(before))
            }
            What::Input { .. } | What::BulkHash { .. } | What::Output { .. } => continue,
            What::Resize { .. } | What::Closed { .. } | What::Mark { .. } => continue,
        };
        let steps = known.entry(channel).or_default();
        let sum = steps.last().map_or(0, |step| step.1) + length;
        steps.push((read.get(), sum));
    }
    Ok(known)
}

impl World {
    pub fn saw_in_hand(&mut self, session: u64, bytes: &[u8]) {
        if let Some(seen) = self.watch.sessions.get_mut(&session) {
            seen.releases.bytes.extend_from_slice(bytes);
            seen.releases.ends.push(seen.releases.bytes.len());
        }
    }

    /// The mediator sends something to the machine's side.
    pub fn saw_release(&mut self, session: u64, message: &[u8]) {
        let Some(seen) = self.watch.sessions.get_mut(&session) else { return };
        let (channel, count, input) = match wire::down_data(message) {
            Some((channel, bytes)) => (channel, bytes.len() as u64, true),
            None => match codec::decode::<Down>(message) {
                Ok(Down::Open { channel, .. } | Down::Signal { channel, .. } | Down::Eof { channel }) => (channel, 0, true),
                Ok(Down::Resize { channel, .. } | Down::Close { channel }) => (channel, 0, false),
                Ok(Down::Credit { .. }) => return,
                Ok(Down::Data { .. }) | Err(_) => return self.broken(Property::Borders, "the back is sent nonsense".to_owned()),
            },
        };
        self.watch.seen.releases += 1;
        let passed = seen.releases.passed.entry(channel).or_insert(0);
        *passed += count;
        seen.releases.steps.push((channel, *passed, seen.releases.bytes.len()));
        if seen.paused && input {
            self.broken(Property::PauseHolds, format!("input passes in session {session}, which is paused"));
        }
    }

    /// The broker orders it.
    pub fn saw_order(&mut self, _session: u64, _order: &Order) {}

    /// The mediator has read an order.
    pub fn order_taken(&mut self, session: u64, order: &Order) {
        let Some(seen) = self.watch.sessions.get_mut(&session) else { return };
        match order {
            Order::Pause { .. } => seen.paused = true,
            Order::Resume { .. } => seen.paused = false,
            Order::Start { .. } | Order::End { .. } | Order::Deadline { .. } => {}
            Order::Observe { .. } | Order::Idle { .. } => {}
        }
    }

    /// The session's processes are gone: nothing more can pass.
    pub(super) fn check_releases(&mut self, session: u64) {
        let Some(seen) = self.watch.sessions.get_mut(&session) else { return };
        if std::mem::replace(&mut seen.releases.checked, true) || seen.releases.steps.is_empty() {
            return;
        }
        let policy = seen.terms.as_ref().map_or(InputRecord::None, |terms| terms.input);
        let known = match recorded(&seen.releases, session, policy) {
            Ok(known) => known,
            Err(error) => {
                return self.broken(Property::RecordedFirst, format!("the recording of session {session} can't be read: {error}"));
            }
        };
        for (channel, passed, in_hand) in &seen.releases.steps {
            let steps = known.get(channel).map(Vec::as_slice).unwrap_or_default();
            let had = steps.iter().take_while(|(at, _)| at <= in_hand).last().map(|step| step.1);
            if had.is_none_or(|had| had < *passed) {
                let what = format!("session {session}, channel {channel}: {passed} bytes passed, {had:?} were in the vault's hand");
                return self.broken(Property::RecordedFirst, what);
            }
        }
    }

    /// All sessions, before their processes are forgotten.
    pub fn check_all_releases(&mut self) {
        let sessions: Vec<u64> = self.watch.sessions.keys().copied().collect();
        for session in sessions {
            self.check_releases(session);
        }
    }
}
