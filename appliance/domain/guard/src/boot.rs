//! What the latch's slots mean at a boot: who may arm, and how the boot before it ended.

use crate::facts::{Hold, Mark, Note, Slot, Standing};
use crate::guardian::{Guardian, RESETS_MAX, SLOT_FAULTS};
use crate::slot_file::SEQUENCE_MAX;

/// The slot that counts. None if nothing whole is there.
fn newest(a: Option<Slot>, b: Option<Slot>) -> Option<Slot> {
    match (a, b) {
        (Some(a), Some(b)) => Some(if a.sequence >= b.sequence { a } else { b }),
        (one, other) => one.or(other),
    }
}

impl Guardian {
    /// The latch's first word in this boot decides; a latch that was started again only hears what counts now.
    pub(crate) fn slots(&mut self, a: Option<Slot>, b: Option<Slot>, empty: bool) {
        self.latch_read = true;
        // Whatever was said to be durable is so again when this latch says it.
        (self.sent, self.written, self.on_disk) = (0, 0, None);
        let [a, b] = [a, b].map(|slot| slot.filter(|slot| slot.sequence <= SEQUENCE_MAX));
        let empty = empty && a.is_none() && b.is_none();
        for (slot, (number, bit)) in [a, b].into_iter().zip(SLOT_FAULTS) {
            let broken = slot.is_none() && !empty;
            self.faults = if broken { self.faults | bit } else { self.faults & !bit };
            if broken {
                self.note(Note::SlotFault { slot: number });
            }
        }
        if let Some(slot) = &mut self.slot {
            // Numbers on the disk that are higher than ours are nobody's whom we know: ours has to count.
            let highest = newest(a, b).map_or(0, |slot| slot.sequence);
            slot.sequence = slot.sequence.max(highest.saturating_add(1));
            return;
        }
        let fresh = Slot {
            sequence: 0,
            held: None,
            report: None,
            mark: Mark::Clean,
            boot: self.start.boot,
            resets: 0,
            power_loss_holds: false,
        };
        let before = newest(a, b);
        // Two contents under one number: nobody knows which of them is the later one.
        let two = a.zip(b).is_some_and(|(a, b)| a.sequence == b.sequence && a != b);
        let torn = two || (!empty && (a.is_none() || b.is_none()));
        let mut slot = before.unwrap_or(fresh);
        let other_boot = slot.boot != self.start.boot;
        let reset = other_boot && (matches!(slot.mark, Mark::Starving | Mark::Silent) || (slot.mark == Mark::Running && self.start.told_reset));
        if reset {
            slot.resets = slot.resets.saturating_add(1);
        }
        if other_boot && slot.mark != Mark::Clean {
            self.note(Note::Unclean { mark: slot.mark, resets: slot.resets });
        }
        // What a person has to lift already stays; the first of the others that applies comes after it.
        let new = [
            (torn, Hold::Slots),
            (reset && slot.resets >= RESETS_MAX, Hold::Resets),
            (reset, Hold::Reset),
            (other_boot && slot.mark == Mark::Running && slot.power_loss_holds, Hold::PowerLoss),
        ];
        let cause = new.into_iter().find(|(applies, _)| *applies).map(|(_, hold)| hold);
        // No slot of ours says that the box is held because it starts.
        let held = match (slot.held, cause) {
            // Three are more than one: that is what people are to read.
            (Some(Hold::Reset), Some(Hold::Resets)) => cause,
            (held, cause) => held.or(cause),
        };
        slot.held = held.map(|why| if why == Hold::Starting { Hold::Slots } else { why });
        // A guardian before this one in this boot stopped feeding: whatever made it do so may still be there.
        self.starving |= !other_boot && slot.mark == Mark::Starving;
        self.starving &= slot.resets < RESETS_MAX;
        slot.mark = if self.starving { Mark::Starving } else { Mark::Running };
        slot.boot = self.start.boot;
        slot.sequence = slot.sequence.saturating_add(1);
        // Somebody may have pressed before the disk was read: that counts, and has the later report.
        let pressed = self.cut.filter(|cut| cut.drill.is_none()).and(self.report);
        match (pressed, slot.report) {
            (Some(mut report), old) => {
                report.number = old.map_or(report.number, |old| old.number.saturating_add(report.number));
                self.report = Some(report);
                (slot.held, slot.report) = (Some(Hold::CutOff), Some(report));
            }
            (None, old) => self.report = old,
        }
        self.slot = Some(slot);
        if let (None, Some(why)) = (pressed, slot.held) {
            self.standing = Standing::Held { why };
            self.since_us = self.now.us;
            self.note(Note::Held { why });
        }
    }
}
