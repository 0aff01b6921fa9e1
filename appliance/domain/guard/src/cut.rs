//! The cut-off: from the trigger to the last step that was read back.

use crate::facts::{Hold, Note, RearmRefusal, Report, Slot, Standing, Steps, Trigger};
use crate::guardian::{CUT_FAILED_US, Guardian};
use crate::rearm::Return;

/// One that goes on, or that stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cut {
    begun_us: u64,
    steps: Steps,
    /// A drill's: nobody pressed, and the box comes back by itself.
    pub drill: Option<u64>,
    told: bool,
    failed: bool,
    /// What it does was not yet read back since the last trigger.
    again: bool,
}

impl Cut {
    /// The uplink stays shut while it does; but those who ask are told in the end, even if it could not.
    pub fn cuts(&self) -> bool {
        self.again && !self.failed
    }

    pub fn dead(&self) -> bool {
        self.steps.filters_us.is_some() && self.steps.dead_us.is_some()
    }

    /// Every step was read back, but for the disk.
    pub fn done(&self) -> bool {
        self.dead() && self.steps.links_us.is_some()
    }

    pub fn killed(&mut self, now_us: u64) {
        let after = self.after(now_us);
        self.steps.killed_us.get_or_insert(after);
    }

    pub fn unlatch(&mut self) {
        self.steps.latched_us = None;
    }

    fn after(&self, now_us: u64) -> u32 {
        u32::try_from(now_us.saturating_sub(self.begun_us)).unwrap_or(u32::MAX)
    }

    pub fn failed_us(&self) -> u64 {
        self.begun_us.saturating_add(CUT_FAILED_US)
    }
}

impl Guardian {
    /// Whatever the box does: it is cut off now.
    pub(crate) fn cut_off(&mut self, trigger: Trigger) {
        // One that stands is done again. During a drill, or on the way back, it is a new press, to be latched anew.
        let stands = self.cut.is_some_and(|cut| cut.drill.is_none()) && self.back == Return::No;
        self.give_up_return(RearmRefusal::CutAgain);
        self.drill_ends(RearmRefusal::CutAgain);
        if !stands {
            return self.begin_cut(trigger, None);
        }
        self.note(Note::CutAgain { trigger });
        self.enforce_cut();
    }

    /// A drill that is none any more is answered.
    pub(crate) fn drill_ends(&mut self, why: RearmRefusal) {
        if let Some(ticket) = self.cut.as_mut().and_then(|cut| cut.drill.take()) {
            self.not_rearmed(ticket, why);
        }
    }

    pub(crate) fn begin_cut(&mut self, trigger: Trigger, drill: Option<u64>) {
        let number = self.report.map_or(1, |report| report.number.saturating_add(1));
        let (sessions, wall_ms) = (self.table.count(), self.now.wall_ms);
        let boot_ms = self.now.us.checked_div(1000).unwrap_or(0);
        let report = Report { number, trigger, wall_ms, boot_ms, sessions, steps: Steps::default() };
        self.report = Some(report);
        self.cut = Some(Cut { begun_us: self.now.us, steps: Steps::default(), drill, told: false, failed: false, again: true });
        self.standing = Standing::Held { why: Hold::CutOff };
        self.since_us = self.now.us;
        self.enforce_cut();
        self.note(Note::Cut { report });
        if drill.is_none() {
            self.change_slot(|slot| (slot.held, slot.report) = (Some(Hold::CutOff), Some(report)));
        }
    }

    /// All of it is done again, whatever was read back before.
    fn enforce_cut(&mut self) {
        if let Some(cut) = &mut self.cut {
            cut.again = true;
        }
        for effect in [&mut self.ot, &mut self.uplink, &mut self.trees, &mut self.links] {
            effect.force(true);
        }
    }

    /// This goes to the latch. Where it says something else of the press, what a boot would find is not
    /// known until it is written, whatever is wanted by then.
    pub(crate) fn written_over(&mut self, slot: &Slot) {
        let says = |slot: &Slot| (slot.held, slot.report.map(|report| report.number));
        self.on_disk = self.on_disk.filter(|on_disk| says(on_disk) == says(slot));
    }

    /// The press is on disk, and what is written next says so too.
    pub(crate) fn latched(&self) -> bool {
        let (Some(next), Some(on_disk)) = (self.slot, self.on_disk) else { return false };
        let number = |report: Option<Report>| report.map(|report| report.number);
        let held = [next.held, on_disk.held] == [Some(Hold::CutOff); 2];
        held && number(on_disk.report) == number(self.report)
    }

    /// Notes when each step was read back.
    pub(crate) fn cut_settle(&mut self) {
        let Some(mut cut) = self.cut else { return };
        let after = Some(cut.after(self.now.us));
        let steps = &mut cut.steps;
        if self.ot.is == Some(true) && self.uplink.is == Some(true) {
            steps.filters_us = steps.filters_us.or(after);
        }
        let all = [&self.ot, &self.uplink, &self.trees, &self.links];
        cut.again &= !all.into_iter().all(|effect| effect.is == Some(true));
        if self.trees.is == Some(true) && steps.killed_us.is_some() {
            if steps.dead_us.is_none() {
                // Whoever was in the table is looked for, and leaves it.
                self.table.all_over(self.now.us);
            }
            // No process of the box but a back holds a serial line: they end together.
            (steps.dead_us, steps.serial_us) = (steps.dead_us.or(after), steps.serial_us.or(after));
        }
        if self.links.is == Some(true) {
            steps.links_us = steps.links_us.or(after);
        }
        if cut.drill.is_none() && self.latched() {
            steps.latched_us = steps.latched_us.or(after);
        }
        if let Some(report) = &mut self.report {
            report.steps = cut.steps;
        }
        if cut.done() && !cut.again {
            // Nobody is left; those who come in next are told.
            self.trees.want(None);
        }
        self.tell_cut(&mut cut);
        self.cut = Some(cut);
        if let (Some(ticket), true) = (cut.drill, cut.done()) {
            self.drill_returns(ticket);
        }
    }

    fn tell_cut(&mut self, cut: &mut Cut) {
        let Some(report) = self.report else { return };
        let whole = cut.done() && (cut.drill.is_some() || cut.steps.latched_us.is_some());
        if whole && !cut.told {
            cut.told = true;
            if cut.drill.is_none() {
                self.note(Note::CutDone { report });
                // The steps' times are worth a place on the disk; the latch itself is there already.
                self.change_slot(|slot| slot.report = Some(report));
            }
        }
        if !cut.done() && !cut.failed && self.now.us >= cut.failed_us() {
            cut.failed = true;
            self.note(Note::CutFailed { report });
            match cut.drill.take() {
                // Nobody is in danger whom the drill did not put there: held, and a person looks.
                Some(ticket) => {
                    self.change_slot(|slot| (slot.held, slot.report) = (Some(Hold::CutOff), Some(report)));
                    self.not_rearmed(ticket, RearmRefusal::CutOffGoesOn);
                }
                None => self.starve(),
            }
        }
    }

    /// A drill: the real path, and back again.
    pub(crate) fn drill(&mut self, ticket: u64) {
        if !self.armed() || self.lacks() != 0 || self.starving || !matches!(self.back, Return::No) {
            return self.not_rearmed(ticket, crate::facts::RearmRefusal::Lacks { what: self.lacks() });
        }
        self.begin_cut(Trigger::Drill { ticket }, Some(ticket));
    }
}
