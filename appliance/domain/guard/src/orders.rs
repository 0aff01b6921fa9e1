//! The parts around the guardian: who is there, what the broker says, how it stands for those who ask.

use crate::facts::{Dog, FAULTS, Hold, LATE, Mark, Part, RearmRefusal, Standing, State};
use crate::guardian::{Action, Guardian, WAIT_US};
use crate::rearm::Return;

impl Guardian {
    pub(crate) fn joined(&mut self, part: Part) {
        match part {
            Part::Broker => self.broker_is(true),
            Part::Latch => (self.latch_here, self.latch_read, self.sent) = (true, false, 0),
            Part::Zones => {
                self.zones_here = true;
                // Whoever comes back has not laid for us: while it is armed nothing is laid under people's feet.
                self.lay = self.lay || self.laid != Some(true);
            }
            Part::Vault | Part::Launcher | Part::Desk => {}
        }
    }

    pub(crate) fn left(&mut self, part: Part) {
        match part {
            Part::Broker => self.broker_is(false),
            Part::Latch => self.latch_here = false,
            Part::Zones => self.zones_here = false,
            Part::Vault | Part::Launcher | Part::Desk => {}
        }
    }

    pub(crate) fn laid(&mut self, laid: bool) {
        self.laid = Some(laid);
        self.lay_again_us = (!laid).then(|| self.now.us.saturating_add(WAIT_US));
    }

    /// Zones that could not be laid are tried again: what they lacked may have come (a port, its driver).
    pub(crate) fn lay_settle(&mut self) {
        if self.lay_again_us.is_some_and(|at| at <= self.now.us) && !self.armed() {
            (self.lay, self.lay_again_us) = (true, None);
        }
    }

    pub(crate) fn beat(&mut self, ready: bool, vault_ms: u32, launcher_ms: u32, power_loss_holds: bool) {
        let now = self.now.us;
        // Longer ago than the box runs is never.
        let ago = |ms: u32| now.checked_sub(u64::from(ms).saturating_mul(1000));
        self.leases.broker_us = Some(now);
        (self.leases.vault_us, self.leases.launcher_us) = (ago(vault_ms), ago(launcher_ms));
        self.ready = ready;
        if ready {
            self.change_slot(|slot| slot.power_loss_holds = power_loss_holds);
        }
    }

    /// Only an armed box has sessions.
    pub(crate) fn watch(&mut self, session: u64, deadline_ms: u64) {
        let late = self.leases.late(self.now.us) != 0;
        let end_us = deadline_ms.saturating_mul(1000);
        let may = self.armed() && !late && !self.starving && self.stopping_us.is_none();
        let slot = if may { self.table.watch(session, end_us) } else { None };
        self.reply(match slot {
            Some(slot) => Action::Watching { session, slot },
            None => Action::NotWatching { session },
        });
    }

    /// An orderly stop: sessions end, OT goes down, and the mark says that it was in order.
    pub(crate) fn stop(&mut self) {
        if self.stopping_us.is_some() {
            return;
        }
        if self.cut.is_some_and(|cut| cut.drill.is_some()) {
            // Nobody pressed: the next boot finds the box as it was.
            self.back = Return::No;
        }
        self.give_up_return(RearmRefusal::CutOffGoesOn);
        self.drill_ends(RearmRefusal::CutOffGoesOn);
        self.stopping_us = Some(self.now.us);
        if self.armed() {
            (self.standing, self.since_us) = (Standing::Held { why: Hold::Starting }, self.now.us);
        }
        for effect in [&mut self.ot, &mut self.uplink, &mut self.trees, &mut self.links] {
            effect.force(true);
        }
        if !self.starving {
            self.change_slot(|slot| slot.mark = Mark::Clean);
        }
    }

    /// All is down and written, or can't be for longer than anybody waits.
    pub(crate) fn stopped(&self, since_us: u64) -> bool {
        let down = self.ot.holds() && self.uplink.holds() && self.trees.is == Some(true) && self.links.holds();
        let written = self.slot.is_none() || self.durable();
        (down && written) || self.now.us >= since_us.saturating_add(WAIT_US)
    }

    /// What is lit: what is enforced and read back, not what is wished.
    pub(crate) fn lamps_now(&self) -> (bool, bool, bool) {
        let connected = self.table.count() > 0 || self.sessions_live != Some(false);
        let cut = self.standing == (Standing::Held { why: Hold::CutOff }) && self.latched();
        let held_for_a_fault = match self.standing {
            Standing::Armed | Standing::Held { why: Hold::Starting | Hold::CutOff } => false,
            Standing::Held { .. } => true,
        };
        (connected, cut, self.faults != 0 || self.starving || held_for_a_fault || self.leases.late(self.now.us) != 0)
    }

    /// How it stands.
    #[must_use]
    pub fn state(&self) -> State {
        let here = [(Part::Latch, self.latch_here), (Part::Zones, self.zones_here)];
        let gone = LATE.into_iter().filter(|(_, part)| here.contains(&(*part, false))).fold(0, |bits, (bit, _)| bits | bit);
        State {
            standing: self.standing,
            since_ms: self.since_us.checked_div(1000).unwrap_or(0),
            report: self.report,
            lacks: self.lacks(),
            contacts: self.contacts.there(),
            open: self.contacts.not_closed(),
            key_ms: u16::try_from(self.key.held_us(self.now.us).checked_div(1000).unwrap_or(0)).unwrap_or(u16::MAX),
            ot_drops: self.ot.is == Some(true),
            uplink_drops: self.uplink.is == Some(true),
            links_up: self.links_up(),
            links: self.start.links,
            sessions: self.table.count(),
            late: self.leases.late(self.now.us) | gone,
            dog: if self.starving { Dog::Starving } else { self.start.dog },
            resets: self.resets(),
            faults: self.faults | if self.notes.lost { FAULTS.iter().fold(0, |_, (bit, _)| *bit) } else { 0 },
        }
    }
}
