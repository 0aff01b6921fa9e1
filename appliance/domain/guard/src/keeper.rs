//! The latch's rule: two files, each a whole record or none, and never both in the making. What it has to do,
//! and why, stands in `border::latch`.

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

/// A record, and the order in which it goes to the files: it may be called written once the first of them is
/// synced. Only then the second is begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    pub record: Slot,
    pub order: [File; 2],
}

/// What the latch knows.
#[derive(Debug, Clone, Copy)]
pub struct Keeper {
    a: Option<Slot>,
    b: Option<Slot>,
    /// Whole, durable, and of the highest sequence; B where there is none.
    good: File,
    /// What the guardian wrote last.
    last: Option<Slot>,
    /// Its silence is on disk.
    silent: bool,
}

fn number(slot: Option<Slot>) -> u64 {
    slot.map_or(0, |slot| slot.sequence)
}

impl Keeper {
    /// After the files were read; none is one without a whole record.
    #[must_use]
    pub fn new(a: Option<Slot>, b: Option<Slot>) -> Self {
        let good = if a.is_some() && number(a) >= number(b) { File::A } else { File::B };
        Self { a, b, good, last: None, silent: false }
    }

    /// What the files hold.
    #[must_use]
    pub fn files(&self) -> (Option<Slot>, Option<Slot>) {
        (self.a, self.b)
    }

    fn highest(&self) -> u64 {
        number(self.a).max(number(self.b))
    }

    /// The guardian writes. None if that would not be above all that is on disk: it is told what is.
    pub fn write(&mut self, slot: Slot) -> Option<Plan> {
        if slot.sequence <= self.highest() {
            return None;
        }
        (self.last, self.silent) = (Some(slot), false);
        Some(self.plan(slot))
    }

    /// The guardian fell silent, or is gone without having stopped in order. None if that is on disk, or there is
    /// nothing to say: it had not begun, had stopped, or says itself that it starves the watchdog.
    pub fn silence(&mut self) -> Option<Plan> {
        let last = self.last.filter(|slot| slot.mark == Mark::Running && !self.silent)?;
        self.silent = true;
        Some(self.plan(Slot { mark: Mark::Silent, sequence: self.highest().saturating_add(1), ..last }))
    }

    /// The guardian was heard: whether it has to be told what is on disk, for its silence is.
    pub fn heard(&mut self) -> bool {
        std::mem::take(&mut self.silent)
    }

    fn plan(&self, record: Slot) -> Plan {
        let first = self.good.other();
        Plan { record, order: [first, first.other()] }
    }

    /// Which of the plan's files, in its order, were written and synced. Of the others nothing is known.
    pub fn wrote(&mut self, plan: &Plan, done: [bool; 2]) {
        for (file, done) in plan.order.into_iter().zip(done) {
            let held = done.then_some(plan.record);
            match file {
                File::A => self.a = held,
                File::B => self.b = held,
            }
            if done {
                self.good = file;
            }
        }
    }
}
