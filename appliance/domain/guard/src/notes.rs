//! What is to be written down, until the broker has handed it to the vault.

use crate::facts::Note;

/// So many wait for a broker that is away. Of what comes then, only what weighs more pushes older ones out.
const NOTES_MAX: usize = 64;

#[derive(Debug, Clone, Copy)]
struct Kept {
    number: u64,
    wall_ms: i64,
    note: Note,
    sent: bool,
}

#[derive(Debug)]
pub(crate) struct Notes {
    kept: [Option<Kept>; NOTES_MAX],
    next: u64,
    /// Some were lost.
    pub lost: bool,
}

/// Which notes give way when there is no room: those of the lowest weight, the oldest of them first.
fn weight(note: &Note) -> u8 {
    match note {
        Note::Cut { .. } | Note::CutDone { .. } | Note::CutFailed { .. } | Note::Rearmed { .. } | Note::Drilled { .. } => 2,
        Note::Held { .. } | Note::Starving { .. } | Note::Unclean { .. } => 2,
        // There are as many as there were sessions.
        Note::Killed { .. } => 1,
        Note::CutAgain { .. } | Note::Armed | Note::ContactIs { .. } | Note::Late { .. } | Note::Back { .. } => 0,
        Note::Unregistered | Note::SlotFault { .. } | Note::Fault { .. } | Note::OutOfTurn { .. } => 0,
    }
}

impl Notes {
    pub const fn new() -> Self {
        Self { kept: [None; NOTES_MAX], next: 1, lost: false }
    }

    /// Numbers of a boot lie above all of those before it.
    pub fn begin(&mut self, now_us: u64) {
        self.next = self.next.max(now_us.saturating_add(1));
    }

    pub fn add(&mut self, wall_ms: i64, note: Note) {
        let kept = Kept { number: self.next, wall_ms, note, sent: false };
        self.next = self.next.saturating_add(1);
        let weighed = |place: &Option<Kept>| place.map_or((0, 0), |kept| (weight(&kept.note).saturating_add(1), kept.number));
        let place = self.kept.iter_mut().min_by_key(|place| weighed(place));
        self.lost |= place.as_ref().is_some_and(|place| place.is_some());
        let place = place.filter(|place| place.is_none_or(|kept| weight(&kept.note) < weight(&note)));
        if let Some(place) = place {
            *place = Some(kept);
        }
    }

    /// The next that the broker has not been told.
    pub fn unsent(&mut self) -> Option<(u64, i64, Note)> {
        let unsent = self.kept.iter_mut().flatten().filter(|kept| !kept.sent).min_by_key(|kept| kept.number)?;
        unsent.sent = true;
        Some((unsent.number, unsent.wall_ms, unsent.note))
    }

    /// A broker has it.
    pub fn noted(&mut self, number: u64) {
        for place in &mut self.kept {
            if place.is_some_and(|kept| kept.number == number) {
                *place = None;
            }
        }
    }

    /// Another broker: it is told all that none has noted.
    pub fn again(&mut self) {
        self.kept.iter_mut().flatten().for_each(|kept| kept.sent = false);
    }
}
