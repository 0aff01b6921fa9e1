//! Back to armed: by the self-check after a boot, by a person after a hold, at the end of a drill.

use crate::facts::{Hold, LACKS, Note, RearmRefusal, Standing};
use crate::guardian::{Action, Guardian, WAIT_US};

/// How far the way back is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Return {
    No,
    /// The zones are laid again.
    Laying { ticket: u64, until_us: u64 },
    /// "No longer held" is being made durable, before anything is opened.
    Writing { ticket: u64, until_us: u64 },
    /// Ports and filters are being opened.
    Opening { ticket: Option<u64>, until_us: u64 },
}

impl Return {
    pub fn until_us(self) -> Option<u64> {
        match self {
            Self::No => None,
            Self::Laying { until_us, .. } | Self::Writing { until_us, .. } | Self::Opening { until_us, .. } => Some(until_us),
        }
    }
}

impl Guardian {
    /// What the self-check lacks: the bits of [`LACKS`].
    pub(crate) fn lacks(&self) -> u16 {
        let late = self.leases.late(self.now.us);
        let read = self.ot.is.is_some() && self.links.is.is_some() && self.uplink.is.is_some();
        let lacks = [
            self.slot.is_none(),
            self.laid != Some(true),
            !self.ready || late & 1 != 0,
            self.contacts.not_closed() != 0,
            !read,
            self.key.down(),
            late & 2 != 0,
            late & 4 != 0,
            !self.trees.holds(),
        ];
        lacks.into_iter().zip(LACKS).filter(|(lacks, _)| *lacks).fold(0, |bits, (_, (bit, _))| bits | bit)
    }

    pub(crate) fn not_rearmed(&mut self, ticket: u64, why: RearmRefusal) {
        self.reply(Action::NotRearmed { ticket, why });
    }

    /// A person lifts the hold.
    pub(crate) fn rearm(&mut self, ticket: u64, contact: bool) {
        let until_us = self.now.us.saturating_add(WAIT_US);
        if let Some(why) = self.may_not(contact) {
            return self.not_rearmed(ticket, why);
        }
        self.lay = true;
        self.laid = None;
        self.back = Return::Laying { ticket, until_us };
    }

    fn may_not(&self, contact: bool) -> Option<RearmRefusal> {
        // They are laid anew.
        let lacks = self.lacks() & if self.zones_here { !2 } else { !0 };
        if self.armed() {
            Some(RearmRefusal::Armed)
        } else if self.contacts.not_closed() != 0 {
            Some(RearmRefusal::ContactOpen)
        } else if contact && self.contacts.there() == 0 {
            Some(RearmRefusal::NoContact)
        } else if self.cut.is_some_and(|cut| !cut.done() || cut.drill.is_some()) {
            Some(RearmRefusal::CutOffGoesOn)
        } else if lacks != 0 || self.starving || self.stopping_us.is_some() || self.table.count() > 0 {
            Some(RearmRefusal::Lacks { what: lacks })
        } else {
            (self.back != Return::No).then_some(RearmRefusal::CutOffGoesOn)
        }
    }

    /// A drill was read back as done.
    pub(crate) fn drill_returns(&mut self, ticket: u64) {
        if self.back == Return::No && self.stopping_us.is_none() {
            self.lay = true;
            self.laid = None;
            self.back = Return::Laying { ticket, until_us: self.now.us.saturating_add(WAIT_US) };
        }
    }

    /// Somebody pressed meanwhile, or the box goes down.
    pub(crate) fn give_up_return(&mut self, why: RearmRefusal) {
        match self.back {
            Return::Laying { ticket, .. } | Return::Writing { ticket, .. } => self.return_failed(Some(ticket), why),
            Return::Opening { ticket, .. } => self.return_failed(ticket, why),
            Return::No => {}
        }
    }

    pub(crate) fn return_settle(&mut self) {
        let late = self.back.until_us().is_some_and(|at| at <= self.now.us);
        match self.back {
            Return::No => self.arm_by_itself(),
            Return::Laying { ticket, .. } => match self.laid {
                Some(true) => self.laid_again(ticket),
                Some(false) => self.return_failed(Some(ticket), RearmRefusal::Zones),
                None if late => self.return_failed(Some(ticket), RearmRefusal::Zones),
                None => {}
            },
            Return::Writing { ticket, .. } if self.durable() => {
                self.open(Some(ticket));
            }
            Return::Writing { ticket, .. } if late => self.return_failed(Some(ticket), RearmRefusal::NotDurable),
            Return::Writing { .. } => {}
            Return::Opening { ticket, .. } => self.opening(ticket, late),
        }
    }

    fn laid_again(&mut self, ticket: u64) {
        if self.lacks() != 0 {
            return self.return_failed(Some(ticket), RearmRefusal::Lacks { what: self.lacks() });
        }
        if self.cut.is_some_and(|cut| cut.drill.is_some()) {
            return self.open(Some(ticket));
        }
        self.change_slot(|slot| slot.held = None);
        self.back = Return::Writing { ticket, until_us: self.now.us.saturating_add(WAIT_US) };
    }

    fn open(&mut self, ticket: Option<u64>) {
        self.ot.want(Some(false));
        self.links.want(Some(false));
        self.back = Return::Opening { ticket, until_us: self.now.us.saturating_add(WAIT_US) };
    }

    fn opening(&mut self, ticket: Option<u64>, late: bool) {
        // What can't be read while ports come up may be read in the end.
        let lacks = self.lacks() & !16;
        if lacks != 0 {
            return self.return_failed(ticket, RearmRefusal::Lacks { what: lacks });
        }
        if !(self.ot.holds() && self.links.holds() && self.uplink.holds()) {
            if late {
                self.return_failed(ticket, RearmRefusal::Lacks { what: 16 });
            }
            return;
        }
        self.back = Return::No;
        self.standing = Standing::Armed;
        self.since_us = self.now.us;
        let drilled = self.cut.take().is_some_and(|cut| cut.drill.is_some());
        match (ticket, self.report) {
            (Some(_), Some(report)) if drilled => self.note(Note::Drilled { report }),
            (Some(ticket), _) => self.note(Note::Rearmed { ticket }),
            (None, _) => {}
        }
        self.note(Note::Armed);
        // Routes through a gateway want ports that are up.
        self.lay = true;
        if let Some(ticket) = ticket {
            self.reply(Action::Rearmed { ticket });
        }
    }

    /// The latest time that it was told: µs of CLOCK_BOOTTIME.
    #[must_use]
    pub fn now_us(&self) -> u64 {
        self.now.us
    }

    /// What must never be, in words; none while all is well. For tests, fuzzing and the simulator: nothing
    /// decides by it.
    #[must_use]
    pub fn broken_invariant(&self) -> Option<&'static str> {
        let opening = matches!(self.back, Return::Opening { .. });
        let open = [self.ot.want, self.links.want].contains(&Some(false));
        let held = self.slot.is_some_and(|slot| slot.held.is_some());
        let broken = [
            (self.armed() && self.cut.is_some(), "armed while it is cut off"),
            (self.armed() && self.slot.is_none(), "armed, and no slot was read"),
            (self.armed() && held, "armed, and the latch shall hold it"),
            (self.armed() && self.back != Return::No, "armed, and on its way to it"),
            (self.armed() && !(self.ot.holds() && self.links.holds()), "armed, and not as it is enforced"),
            (self.armed() && self.stopping_us.is_some(), "armed while it stops"),
            (open && !self.armed() && !opening, "OT is wanted open, and it is neither armed nor opening"),
            (opening && held, "it opens what the latch shall hold"),
            (opening && self.starving, "it opens while it starves"),
            (opening && self.cut.is_some_and(|cut| !cut.done()), "it opens while a cut-off goes on"),
        ];
        broken.into_iter().find_map(|(is, words)| is.then_some(words))
    }

    /// It stays held. What a person has lifted on disk is put back there.
    fn return_failed(&mut self, ticket: Option<u64>, why: RearmRefusal) {
        self.back = Return::No;
        self.ot.force(true);
        self.links.force(true);
        if let Standing::Held { why } = self.standing
            && why != Hold::Starting
        {
            let report = self.report;
            self.change_slot(|slot| (slot.held, slot.report) = (Some(why), report));
        }
        if let Some(cut) = &mut self.cut {
            cut.drill = None;
        }
        self.unlatch();
        if let Some(ticket) = ticket {
            self.not_rearmed(ticket, why);
        }
    }

    /// What was said to be latched may no longer be: it is said again when it is.
    fn unlatch(&mut self) {
        if !self.latched()
            && let Some(cut) = &mut self.cut
        {
            cut.unlatch();
        }
    }

    /// After a boot that nothing holds, once nothing is lacking; and back to held where what is enforced
    /// is no longer what was wanted.
    fn arm_by_itself(&mut self) {
        match self.standing {
            Standing::Held { why: Hold::Starting } => {
                let held = self.slot.is_none_or(|slot| slot.held.is_some());
                if !held && !self.starving && self.lacks() == 0 && self.durable() && self.stopping_us.is_none() && self.uplink.is == Some(false) {
                    self.open(None);
                }
            }
            Standing::Held { .. } => {}
            // Something else changed what only the guardian may change.
            Standing::Armed if !(self.ot.holds() && self.links.holds()) => self.hold(Hold::Zone),
            Standing::Armed => {}
        }
    }
}
