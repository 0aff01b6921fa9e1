//! What is in hand: work for the disk, bounded, so that nothing else waits for it.

use crate::secrets::Password;
use codec::{Bytes, Text};
use ledger::Event;
use std::collections::{HashMap, VecDeque};
use std::os::fd::OwnedFd;
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// The most bytes of recordings in hand.
pub const TOTAL_MAX: usize = 64 * 1024 * 1024;
/// The most bytes of one recording in hand.
pub const EACH_MAX: usize = 8 * 1024 * 1024;

/// Entries below this length, in bytes, wait a moment for others before the disk thread is woken.
const SMALL: usize = 16 * 1024;
/// How long they wait. A key's record is answered within tens of microseconds; a thread that woke at
/// once would take its processor from those who carry the key on.
const MOMENT: Duration = Duration::from_millis(2);

/// Work for the disk, done in order. Fields are those of the border's messages.
#[allow(missing_docs)] // each field is named and documented in border::vault
#[derive(Debug)]
pub enum Job {
    /// A recording begins.
    Begin { session: u64, person: Text<32>, target: Text<32> },
    /// A whole entry of it.
    Append { session: u64, bytes: Vec<u8> },
    /// It is over; whether its end frame came.
    Close { session: u64, whole: bool },
    /// One row.
    Note(Event),
    /// A new plant, encoded.
    Plant { ticket: u64, bytes: Vec<u8> },
    /// The blocks, encoded.
    Blocks { ticket: u64, bytes: Vec<u8> },
    /// A target's secret.
    Target { ticket: u64, name: Text<32>, value: Bytes<16384> },
    /// A person's secrets.
    Person { ticket: u64, person: Text<32>, password: Option<Password>, totp: Option<Bytes<64>> },
    /// A person's new PIN.
    Pin { ticket: u64, person: Text<32>, pin: Password },
    /// A one-time code was used.
    Used { person: Text<32>, step: u64 },
    /// The list of recordings.
    List { ticket: u64 },
    /// One recording, with its rows and manifest.
    ExportRecording { ticket: u64, session: u64 },
    /// Rows.
    ExportAudit { ticket: u64, from: u64, to: u64, follows: bool },
    /// Write what is there, and end.
    End,
}

/// A document for the broker.
#[derive(Debug)]
pub enum Document {
    /// To be sealed when it is sent.
    Bytes(Zeroizing<Vec<u8>>),
    /// Sealed already: it was written piece by piece.
    Sealed(OwnedFd),
}

/// What the main thread is told.
#[allow(missing_docs)] // as above
#[derive(Debug)]
pub enum Told {
    /// A message to the broker, with documents.
    Event(border::vault::Event, Vec<Document>),
    /// A recording can't be kept.
    Failed { session: u64, why: String },
    /// A new plant counts: its limits of failed logins.
    Limits(policy::tries::Limits),
    /// The disk thread has ended.
    Ended,
}

#[derive(Debug, Default)]
struct State {
    jobs: VecDeque<Job>,
    total: usize,
    each: HashMap<u64, usize>,
    /// Since when small entries wait of which the disk thread was not told.
    untold: Option<Instant>,
}

/// Jobs in order, and how many bytes of recordings they hold.
#[derive(Debug, Default)]
pub struct Queue {
    state: Mutex<State>,
    more: Condvar,
}

impl Queue {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics while holding the queue")
    }

    /// Puts work at the end. Never waits. Small entries are the caller's to tell of: [`tell`](Self::tell).
    pub fn push(&self, job: Job) {
        let mut state = self.state();
        let mut small = false;
        if let Job::Append { session, bytes } = &job {
            state.total += bytes.len();
            *state.each.entry(*session).or_default() += bytes.len();
            small = bytes.len() < SMALL;
        }
        state.jobs.push_back(job);
        if small {
            state.untold.get_or_insert_with(Instant::now);
            return;
        }
        state.untold = None;
        drop(state);
        self.more.notify_one();
    }

    /// Wakes the disk thread if small entries have waited their moment; if they still wait, how long
    /// they will.
    pub fn tell(&self) -> Option<Duration> {
        let mut state = self.state();
        let left = MOMENT.saturating_sub(state.untold?.elapsed());
        if !left.is_zero() {
            return Some(left);
        }
        state.untold = None;
        drop(state);
        self.more.notify_one();
        None
    }

    /// Whether more of this recording may be called in hand.
    pub fn room(&self, session: u64) -> bool {
        let state = self.state();
        state.total <= TOTAL_MAX && state.each.get(&session).is_none_or(|bytes| *bytes <= EACH_MAX)
    }

    /// The next job; waits for it this long at most.
    pub fn take(&self, wait: Duration) -> Option<Job> {
        let state = self.state();
        let waited = self.more.wait_timeout_while(state, wait, |state| state.jobs.is_empty());
        let mut state = waited.expect("nobody panics while holding the queue").0;
        let job = state.jobs.pop_front();
        if state.jobs.is_empty() {
            state.untold = None;
        }
        job
    }

    /// So many bytes of a recording are with the kernel, or given up.
    pub fn written(&self, session: u64, count: usize) {
        let mut state = self.state();
        state.total -= count;
        let left = state.each.get_mut(&session).map(|bytes| {
            *bytes -= count;
            *bytes
        });
        if left == Some(0) {
            state.each.remove(&session);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn append(queue: &Queue, session: u64, count: usize) {
        queue.push(Job::Append { session, bytes: vec![0; count] });
    }

    #[test]
    fn small_entries_are_told_of_after_a_moment_and_all_else_at_once() {
        let queue = Queue::default();
        assert_eq!(queue.tell(), None, "nothing waits");
        append(&queue, 1, 10);
        assert!(queue.tell().is_some_and(|left| left <= MOMENT));
        std::thread::sleep(MOMENT);
        assert_eq!(queue.tell(), None, "told now");
        append(&queue, 1, 10);
        append(&queue, 1, SMALL);
        assert_eq!(queue.tell(), None, "told with the large one");
        append(&queue, 1, 10);
        while queue.take(Duration::ZERO).is_some() {}
        assert_eq!(queue.tell(), None, "taken without being told");
    }

    #[test]
    fn a_sleeping_disk_thread_gets_small_entries_too() {
        let queue = std::sync::Arc::new(Queue::default());
        let disk = std::sync::Arc::clone(&queue);
        let taken = std::thread::spawn(move || disk.take(Duration::from_secs(60)).is_some());
        append(&queue, 1, 10);
        while let Some(left) = queue.tell() {
            std::thread::sleep(left);
        }
        assert!(taken.join().expect("it does not panic"));
    }

    #[test]
    fn over_a_limit_there_is_no_room_until_it_is_written() {
        let queue = Queue::default();
        append(&queue, 1, EACH_MAX);
        assert!(queue.room(1));
        append(&queue, 1, 1);
        assert!(!queue.room(1) && queue.room(2), "one that is stuck does not stop the others");
        for session in 2..=8 {
            append(&queue, session, EACH_MAX);
        }
        assert!(!queue.room(2) && !queue.room(99), "all of it together has a limit too");
        queue.written(1, 1);
        assert!(queue.room(1) && queue.room(2));
        for _ in 0..9 {
            assert!(queue.take(Duration::ZERO).is_some(), "what is in hand is not dropped");
        }
        assert!(queue.take(Duration::ZERO).is_none());
    }
}
