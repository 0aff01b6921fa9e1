//! Wired contacts and the cut-off key: what counts as pressed.
//!
//! A contact is closed while nobody presses. Open for 5 ms is pressed, and so is one that goes on bouncing;
//! it counts as closed again after 500 ms without a break. A line that vanishes is pressed at once. One that
//! was never read is neither: it can't arm the box, and is no press.

use crate::facts::Contact;

/// Wired contacts at most.
pub const CONTACTS_MAX: usize = 4;
/// A contact that is open for so long is pressed; one that closes for as long was a glitch.
pub const OPEN_US: u64 = 5_000;
/// A pressed contact is released when it was closed for so long.
pub const CLOSED_US: u64 = 500_000;
/// The cut-off key counts when it was held for so long.
pub const KEY_US: u64 = 500_000;

#[derive(Debug, Clone, Copy, Default)]
struct Line {
    there: bool,
    /// None until it was read.
    raw: Option<Contact>,
    raw_since_us: u64,
    open_since_us: Option<u64>,
    /// After debouncing; none until it was read for long enough.
    is: Option<Contact>,
}

impl Line {
    fn settled(&self, now_us: u64) -> Option<Contact> {
        let same_us = now_us.saturating_sub(self.raw_since_us);
        match (self.raw?, self.is) {
            (Contact::Gone, _) => Some(Contact::Gone),
            (Contact::Open, _) => {
                let open_us = now_us.saturating_sub(self.open_since_us.unwrap_or(now_us));
                (open_us >= OPEN_US).then_some(Contact::Open)
            }
            (Contact::Closed, Some(Contact::Closed)) => None,
            (Contact::Closed, Some(Contact::Open | Contact::Gone)) => (same_us >= CLOSED_US).then_some(Contact::Closed),
            (Contact::Closed, None) => (same_us >= OPEN_US).then_some(Contact::Closed),
        }
    }

    fn wake(&self) -> Option<u64> {
        let after = |us: u64| Some(self.raw_since_us.saturating_add(us));
        match (self.raw?, self.is) {
            (Contact::Gone, Some(Contact::Gone)) | (Contact::Open, Some(Contact::Open)) => None,
            (Contact::Gone, _) => Some(0),
            (Contact::Open, _) => self.open_since_us.map(|at| at.saturating_add(OPEN_US)),
            (Contact::Closed, Some(Contact::Closed)) => self.open_since_us.and_then(|_| after(OPEN_US)),
            (Contact::Closed, Some(Contact::Open | Contact::Gone)) => after(CLOSED_US),
            (Contact::Closed, None) => after(OPEN_US),
        }
    }
}

/// All of them.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Contacts {
    lines: [Line; CONTACTS_MAX],
}

impl Contacts {
    /// So many are wired, the first ones.
    pub fn new(count: usize) -> Self {
        let mut contacts = Self::default();
        contacts.lines.iter_mut().take(count).for_each(|line| line.there = true);
        contacts
    }

    /// A line was read.
    pub fn read(&mut self, line: u8, raw: Contact, now_us: u64) {
        let Some(line) = self.lines.get_mut(usize::from(line)) else { return };
        if line.raw == Some(raw) {
            return;
        }
        (line.raw, line.raw_since_us) = (Some(raw), now_us);
        if raw != Contact::Closed {
            line.open_since_us.get_or_insert(now_us);
        }
    }

    /// The next line that has become something else.
    pub fn changed(&mut self, now_us: u64) -> Option<(u8, Contact)> {
        for (line, number) in self.lines.iter_mut().zip(0_u8..) {
            let closed = line.raw == Some(Contact::Closed);
            let settled = line.settled(now_us);
            if closed && now_us.saturating_sub(line.raw_since_us) >= OPEN_US {
                line.open_since_us = None;
            }
            if let Some(contact) = settled.filter(|contact| line.is != Some(*contact)) {
                line.is = Some(contact);
                return Some((number, contact));
            }
        }
        None
    }

    /// Which there are, a bit each.
    pub fn there(&self) -> u8 {
        self.mask(|line| line.there)
    }

    /// Which of them do not count as closed, a bit each.
    pub fn not_closed(&self) -> u8 {
        self.mask(|line| line.there && line.is != Some(Contact::Closed))
    }

    fn mask(&self, counts: impl Fn(&Line) -> bool) -> u8 {
        let bits = [1_u8, 2, 4, 8];
        self.lines.iter().zip(bits).filter(|(line, _)| counts(line)).fold(0, |mask, (_, bit)| mask | bit)
    }

    /// When time alone changes one.
    pub fn wake(&self) -> Option<u64> {
        self.lines.iter().filter_map(Line::wake).min()
    }
}

/// The cut-off key.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Key {
    down_us: Option<u64>,
    counted: bool,
}

impl Key {
    /// It went down or up.
    pub fn is(&mut self, down: bool, now_us: u64) {
        match (down, self.down_us) {
            (true, None) => *self = Self { down_us: Some(now_us), counted: false },
            (false, _) => *self = Self::default(),
            (true, Some(_)) => {}
        }
    }

    /// True once when it has been held for long enough.
    pub fn pressed(&mut self, now_us: u64) -> bool {
        let held = self.wake().is_some_and(|at| at <= now_us);
        self.counted |= held;
        held
    }

    /// How long it has been held.
    pub fn held_us(&self, now_us: u64) -> u64 {
        self.down_us.map_or(0, |at| now_us.saturating_sub(at))
    }

    /// Whether it is down.
    pub fn down(&self) -> bool {
        self.down_us.is_some()
    }

    /// When it counts.
    pub fn wake(&self) -> Option<u64> {
        self.down_us.filter(|_| !self.counted).map(|at| at.saturating_add(KEY_US))
    }
}
