//! The latch's rule: two files, each a whole record or none, and never both being written.
//!
//! Numbers on disk are the latch's own: it also writes when the guardian is silent, and what the guardian
//! writes later has to count.

use crate::facts::{Mark, Slot};

/// Which of the two files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum File {
    A,
    B,
}

impl File {
    fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
}

/// A record, and the order in which it goes to the files: it is durable, and may be called written, once the
/// first of them is synced. Only then the second is begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    pub record: Slot,
    pub order: [File; 2],
}

/// What the latch knows.
#[derive(Debug, Clone, Copy)]
pub struct Keeper {
    /// The highest number on disk.
    number: u64,
    /// The file that does not hold the newest whole record, or the older of two.
    next: File,
    /// What the guardian wrote last.
    last: Option<Slot>,
    /// Its silence is on disk.
    silent: bool,
}

impl Keeper {
    /// After the files were read; none is one without a whole record.
    #[must_use]
    pub fn new(a: Option<Slot>, b: Option<Slot>) -> Self {
        let number = |slot: Option<Slot>| slot.map_or(0, |slot| slot.sequence);
        let next = if a.is_some() && (b.is_none() || number(a) >= number(b)) { File::B } else { File::A };
        Self { number: number(a).max(number(b)), next, last: None, silent: false }
    }

    /// The guardian writes.
    pub fn write(&mut self, slot: Slot) -> Plan {
        (self.last, self.silent) = (Some(slot), false);
        self.plan(slot)
    }

    /// The guardian fell silent, or is gone without having stopped in order. None if that is on disk, or there is
    /// nothing to say: it had not begun, had stopped, or says itself that it starves the watchdog.
    pub fn silence(&mut self) -> Option<Plan> {
        let last = self.last.filter(|slot| slot.mark == Mark::Running && !self.silent)?;
        self.silent = true;
        Some(self.plan(Slot { mark: Mark::Silent, ..last }))
    }

    /// It speaks again.
    pub fn heard(&mut self) -> Option<Plan> {
        let last = self.last.filter(|_| self.silent)?;
        self.silent = false;
        Some(self.plan(last))
    }

    /// Which of the plan's files, in its order, hold the record now. The next record goes first to the other.
    pub fn wrote(&mut self, plan: &Plan, done: [bool; 2]) {
        let [first, second] = plan.order;
        match done {
            [true, false] => self.next = second,
            [false, true] => self.next = first,
            [true, true] | [false, false] => {}
        }
    }

    fn plan(&mut self, slot: Slot) -> Plan {
        self.number = self.number.saturating_add(1);
        Plan { record: Slot { sequence: self.number, ..slot }, order: [self.next, self.next.other()] }
    }
}
