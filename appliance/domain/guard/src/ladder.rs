//! The sessions and their ends, and the rungs that follow an end that was not one.

/// Sessions in the table: the broker's 256, and some that are just over.
pub const SESSIONS_MAX: usize = 288;
/// Rung 3: so long after its end a session is killed.
pub const RUNG3_US: u64 = 2_000_000;
/// So long after rung 3, OT is taken down.
pub const OVERDUE_US: u64 = 1_000_000;
/// Rung 4: so long after its end, the watchdog is no longer fed.
pub const RUNG4_US: u64 = 5_000_000;
/// How often it is looked at whether one that was killed is dead.
const LOOK_US: u64 = 50_000;
/// So many are looked at before all else gets its turn.
const LOOKS_MAX: u8 = 8;

/// One session.
#[derive(Debug, Clone, Copy)]
struct Entry {
    session: u64,
    end_us: u64,
    /// The broker says that it is over: it leaves the table when nothing of it lives.
    over: bool,
    killed_us: Option<u64>,
    looked_us: Option<u64>,
    told: bool,
    /// Its broker went: it stays while something of it lives, or another broker wants it watched.
    orphan: bool,
}

impl Entry {
    fn kill_us(&self) -> u64 {
        self.end_us.saturating_add(RUNG3_US)
    }

    /// Since when it wants to be looked at, if it does.
    fn look_since(&self, now_us: u64) -> Option<u64> {
        let since = self.looked_us.map_or(0, |at| at.saturating_add(LOOK_US));
        (self.watched() && since <= now_us).then_some(since)
    }

    fn watched(&self) -> bool {
        self.over || self.orphan || self.killed_us.is_some()
    }

    fn wake(&self) -> u64 {
        if self.watched() {
            let look = self.looked_us.map_or(0, |at| at.saturating_add(LOOK_US));
            return if self.killed_us.is_none() { look.min(self.kill_us()) } else { look };
        }
        self.kill_us()
    }
}

/// The table. A slot's number is also where the shell keeps its descriptors.
#[derive(Debug)]
pub(crate) struct Table {
    entries: [Option<Entry>; SESSIONS_MAX],
    /// In which round how many were looked at.
    looks: (u64, u8),
}

impl Table {
    pub const fn new() -> Self {
        Self { entries: [None; SESSIONS_MAX], looks: (0, 0) }
    }

    /// Takes a session in; the slot. One that is there already keeps its slot, and the earlier end.
    /// None if it is full, or if this one is over or killed.
    pub fn watch(&mut self, session: u64, end_us: u64) -> Option<u16> {
        if let Some((slot, entry)) = self.find(session) {
            if entry.over || entry.killed_us.is_some() {
                return None;
            }
            (entry.end_us, entry.orphan) = (entry.end_us.min(end_us), false);
            return Some(slot);
        }
        let (free, slot) = self.entries.iter_mut().zip(0_u16..).find(|(entry, _)| entry.is_none())?;
        let new = Entry {
            session,
            end_us,
            over: false,
            killed_us: None,
            looked_us: None,
            told: false,
            orphan: false,
        };
        *free = Some(new);
        Some(slot)
    }

    fn find(&mut self, session: u64) -> Option<(u16, &mut Entry)> {
        let mut slots = self.entries.iter_mut().zip(0_u16..);
        slots.find_map(|(entry, slot)| entry.as_mut().filter(|e| e.session == session).map(|e| (slot, e)))
    }

    /// Its end came nearer; it never goes further away.
    pub fn end(&mut self, session: u64, end_us: u64) {
        if let Some((_, entry)) = self.find(session) {
            entry.end_us = entry.end_us.min(end_us);
        }
    }

    /// The broker says that it is over: whatever still lives has to end now.
    pub fn over(&mut self, session: u64, now_us: u64) {
        if let Some((_, entry)) = self.find(session) {
            (entry.over, entry.end_us) = (true, entry.end_us.min(now_us));
        }
    }

    /// All of them are over.
    pub fn all_over(&mut self, now_us: u64) {
        for entry in self.entries.iter_mut().flatten() {
            (entry.over, entry.end_us) = (true, entry.end_us.min(now_us));
        }
    }

    /// The broker is gone, and what it would have said of ends with it.
    pub fn orphans(&mut self) {
        self.entries.iter_mut().flatten().for_each(|entry| entry.orphan = true);
    }

    /// Every session has to end at once, rung 3.
    pub fn end_all(&mut self, now_us: u64) {
        for entry in self.entries.iter_mut().flatten() {
            entry.end_us = entry.end_us.min(now_us.saturating_sub(RUNG3_US));
        }
    }

    /// The next one to kill.
    pub fn kill(&mut self, now_us: u64) -> Option<u16> {
        let mut slots = self.entries.iter_mut().zip(0_u16..);
        let due = |entry: &&mut Entry| entry.killed_us.is_none() && entry.kill_us() <= now_us;
        let (entry, slot) = slots.find_map(|(entry, slot)| Some((entry.as_mut().filter(due)?, slot)))?;
        entry.killed_us = Some(now_us);
        Some(slot)
    }

    /// The next one to look at, those who wait for longest first; a few a round: hundreds of slow looks may
    /// not keep the guardian from all else.
    pub fn look(&mut self, now_us: u64, round: u64) -> Option<u16> {
        if self.looks.0 != round {
            self.looks = (round, 0);
        }
        let slots = self.entries.iter_mut().zip(0_u16..);
        let due = slots.filter_map(|(entry, slot)| entry.as_mut().map(|e| (e.look_since(now_us), e, slot)));
        let due = due.filter_map(|(since, entry, slot)| since.map(|since| (since, entry, slot)));
        let (_, entry, slot) = due.min_by_key(|(since, _, _)| *since).filter(|_| self.looks.1 < LOOKS_MAX)?;
        self.looks.1 = self.looks.1.saturating_add(1);
        entry.looked_us = Some(now_us);
        Some(slot)
    }

    /// Whether something of it lives. One of which nothing does leaves the table: the session, and whether
    /// it was killed here.
    pub fn lives(&mut self, slot: u16, lives: bool, now_us: u64) -> Option<(u64, bool)> {
        let place = self.entries.get_mut(usize::from(slot))?;
        let entry = place.as_mut()?;
        entry.looked_us = Some(now_us);
        if lives {
            return None;
        }
        let gone = (entry.session, entry.killed_us.is_some());
        *place = None;
        Some(gone)
    }

    /// Whether a session outlives rung 3 for so long that OT has to be taken down.
    pub fn overdue(&self, now_us: u64) -> bool {
        let overdue = |entry: &Entry| entry.killed_us.is_some_and(|at| at.saturating_add(OVERDUE_US) <= now_us);
        self.entries.iter().flatten().any(overdue)
    }

    /// A session that has reached rung 4 and was not told of yet.
    pub fn starving(&mut self, now_us: u64) -> Option<u64> {
        let due = |entry: &&mut Entry| !entry.told && entry.killed_us.is_some() && entry.end_us.saturating_add(RUNG4_US) <= now_us;
        let entry = self.entries.iter_mut().flatten().find(due)?;
        entry.told = true;
        Some(entry.session)
    }

    /// Sessions.
    pub fn count(&self) -> u16 {
        self.entries.iter().flatten().fold(0, |count, _| count.saturating_add(1))
    }

    /// When the next thing is due.
    pub fn wake(&self) -> Option<u64> {
        let rung4 = |entry: &Entry| Some(entry.end_us.saturating_add(RUNG4_US)).filter(|_| entry.killed_us.is_some() && !entry.told);
        let entries = self.entries.iter().flatten();
        entries.clone().map(Entry::wake).chain(entries.filter_map(rung4)).min()
    }
}
