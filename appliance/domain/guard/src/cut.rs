//! The cut-off: from the trigger to the last step that was read back.

use crate::facts::{Hold, Note, Report, Standing, Steps, Trigger};
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
}

impl Cut {
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
        match &mut self.cut {
            Some(cut) if cut.drill.is_some() => {
                // Somebody presses during a drill: from here on it is none.
                cut.drill = None;
                self.begin_cut(trigger, None);
            }
            Some(_) => {
                self.give_up_return();
                self.note(Note::CutAgain { trigger });
                self.enforce_cut();
            }
            None => self.begin_cut(trigger, None),
        }
    }

    pub(crate) fn begin_cut(&mut self, trigger: Trigger, drill: Option<u64>) {
        self.give_up_return();
        let number = self.report.map_or(1, |report| report.number.saturating_add(1));
        let (sessions, wall_ms) = (self.table.count(), self.now.wall_ms);
        let boot_ms = self.now.us.checked_div(1000).unwrap_or(0);
        let report = Report { number, trigger, wall_ms, boot_ms, sessions, steps: Steps::default() };
        self.report = Some(report);
        self.cut = Some(Cut { begun_us: self.now.us, steps: Steps::default(), drill, told: false, failed: false });
        self.standing = Standing::Held { why: Hold::CutOff };
        self.since_us = self.now.us;
        self.enforce_cut();
        self.table.over_all(self.now.us);
        self.note(Note::Cut { report });
        if drill.is_none() {
            self.change_slot(|slot| (slot.held, slot.report) = (Some(Hold::CutOff), Some(report)));
        }
    }

    /// All of it is done again, whatever was read back before.
    fn enforce_cut(&mut self) {
        for effect in [&mut self.ot, &mut self.uplink, &mut self.trees, &mut self.links] {
            effect.force(true);
        }
    }

    /// Notes when each step was read back.
    pub(crate) fn cut_settle(&mut self) {
        let Some(mut cut) = self.cut else { return };
        let after = Some(cut.after(self.now.us));
        let steps = &mut cut.steps;
        if self.ot.is == Some(true) && self.uplink.is == Some(true) {
            steps.filters_us = steps.filters_us.or(after);
        }
        if self.trees.is == Some(true) && steps.killed_us.is_some() {
            // No process of the box but a back holds a serial line: they end together.
            (steps.dead_us, steps.serial_us) = (steps.dead_us.or(after), steps.serial_us.or(after));
        }
        if self.links.is == Some(true) {
            steps.links_us = steps.links_us.or(after);
        }
        if cut.done() && cut.drill.is_none() && self.durable() && self.slot.is_some_and(|s| s.held == Some(Hold::CutOff)) {
            let steps = &mut cut.steps;
            steps.latched_us = steps.latched_us.or(after);
        }
        if let Some(report) = &mut self.report {
            report.steps = cut.steps;
        }
        if cut.done() && self.trees.holds() {
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
                Some(_) => self.change_slot(|slot| (slot.held, slot.report) = (Some(Hold::CutOff), Some(report))),
                None => self.starve(),
            }
        }
    }

    /// A drill: the real path, and back again.
    pub(crate) fn drill(&mut self, ticket: u64) {
        if !self.armed() || self.lacks() != 0 || !matches!(self.back, Return::No) {
            return self.not_rearmed(ticket, crate::facts::RearmRefusal::Lacks { what: self.lacks() });
        }
        self.begin_cut(Trigger::Drill { ticket }, Some(ticket));
    }
}
