//! How much is typed, and who watches: told to the broker, for the screen at the box.

use super::{Act, Room};
use border::Line;
use border::mediation::Event;
use std::collections::{BTreeMap, VecDeque};

/// Told this often at most, µs.
pub const PACE_US: u64 = 10_000_000;
/// Spans of [`PACE_US`] that make the minute.
const SPANS: usize = 6;

/// Counts of the last minute.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// Finished spans, the newest last.
    spans: VecDeque<u32>,
    /// Input messages of the span that runs.
    now: u32,
    /// When it ends; none while nothing has to be told.
    due_us: Option<u64>,
    told: u32,
    watched_by: String,
}

impl Pace {
    /// One input message.
    pub(super) fn typed(&mut self, now: u64) {
        self.now = self.now.saturating_add(1);
        self.due_us.get_or_insert(now.saturating_add(PACE_US));
    }

    /// When it has something to tell.
    pub(super) fn due(&self) -> Option<u64> {
        self.due_us
    }

    fn sum(&self) -> u32 {
        self.spans.iter().fold(self.now, |sum, span| sum.saturating_add(*span))
    }

    /// Ends the span; whether the minute's count changed.
    fn turn(&mut self, now: u64) -> bool {
        self.spans.push_back(std::mem::take(&mut self.now));
        if self.spans.len() > SPANS {
            self.spans.pop_front();
        }
        let sum = self.sum();
        self.due_us = (sum > 0).then(|| now.saturating_add(PACE_US));
        std::mem::replace(&mut self.told, sum) != sum
    }
}

fn names(observers: &BTreeMap<u64, String>) -> String {
    let names: Vec<&str> = observers.values().map(String::as_str).collect();
    names.join(", ")
}

impl Room {
    pub(super) fn pace_due(&mut self, now: u64) {
        if self.pace.due().is_some_and(|at| at <= now) && self.pace.turn(now) {
            self.tell_pace();
        }
    }

    /// Somebody came to watch, or left.
    pub(super) fn watchers_changed(&mut self) {
        let watched_by = names(&self.observers);
        if self.live() && watched_by != self.pace.watched_by {
            self.pace.watched_by = watched_by;
            self.tell_pace();
        }
    }

    fn tell_pace(&mut self) {
        let watched_by = Line::cut(self.pace.watched_by.as_str());
        let event = Event::Pace { input_per_minute: self.pace.told, watched_by };
        self.acts.push(Act::Control(codec::encode(&event)));
    }
}
