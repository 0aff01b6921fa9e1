//! What has to hold, judged by the kernel double and the log of what was done.

use super::rig::{MS, Rig, SECOND};
use super::{Property, Told};
use guard::{Action, Dog};
use std::collections::BTreeMap;

/// How late a step of a story may see what the guardian did in time.
const SLACK: u64 = 500 * MS;

#[derive(Default)]
pub struct Watch {
    pub told: Told,
    /// A person pressed, and nobody has begun to lift it since.
    cut: bool,
    shown: bool,
    ends: BTreeMap<u64, u64>,
    silent_us: Option<u64>,
    fed_us: u64,
    starved_us: Option<u64>,
    read: usize,
    /// Tickets, and how often each was answered.
    asked: BTreeMap<u64, u32>,
}

impl Watch {
    fn broken(&mut self, property: Property, what: String) {
        self.told.failure.get_or_insert((property, what));
    }

    pub fn begins(&mut self, rig: &Rig) {
        self.fed_us = rig.now;
    }

    pub fn is_cut(&self) -> bool {
        self.cut
    }

    pub fn session(&mut self, session: u64, end_us: u64) {
        self.ends.insert(session, end_us);
    }

    pub fn broker(&mut self, beats: bool, now_us: u64) {
        self.silent_us = if beats { None } else { self.silent_us.or(Some(now_us)) };
    }

    pub fn asks(&mut self, ticket: u64, lifts: bool) {
        if lifts {
            (self.cut, self.shown) = (false, false);
        }
        self.asked.insert(ticket, 0);
    }

    pub fn presses(&mut self) {
        self.told.presses += 1;
    }

    pub fn pressed(&mut self, rig: &Rig) {
        self.cut = true;
        let lives = rig.kernel.processes.iter().filter(|process| !process.immortal).count();
        if !rig.shut() || lives > 0 {
            self.broken(Property::CutsAtOnce, format!("{lives} live, and {:?}", rig.kernel));
        }
    }

    pub fn restarts(&mut self) {
        // A press that nobody was shown as latched may go with its guardian.
        self.cut = self.shown;
        // Its descriptors, and what was asked over them, are gone.
        self.asked.clear();
        self.starved_us = None;
    }

    pub fn power_lost(&mut self) {
        self.told.power_losses += 1;
        self.cut = self.shown;
        self.ends.clear();
        self.asked.clear();
        (self.silent_us, self.starved_us) = (None, None);
    }

    pub fn booted(&mut self, cut: bool, rig: &Rig) {
        self.fed_us = rig.now;
        if self.shown && !cut {
            self.broken(Property::LatchedIsLatched, format!("after the boot: {:?} {:?}", rig.state().standing, rig.state().report));
        }
    }

    /// After every step.
    pub fn looks(&mut self, rig: &Rig) {
        if let Some(words) = rig.guard.broken_invariant() {
            self.broken(Property::NeverSo, words.to_owned());
        }
        if self.cut && !rig.kernel.ot_drops {
            self.broken(Property::StaysCut, format!("{:?}", rig.kernel));
        }
        self.shown |= self.cut && rig.lamps.1;
        self.feeds(rig);
        self.rungs(rig);
    }

    fn feeds(&mut self, rig: &Rig) {
        let starving = rig.state().dog == Dog::Starving;
        self.read = self.read.min(rig.log.len());
        for (at, action) in rig.log.iter().skip(self.read) {
            if let Action::Rearmed { ticket } | Action::NotRearmed { ticket, .. } = action {
                *self.asked.entry(*ticket).or_default() += 1;
            }
            self.told.rearmed += u64::from(matches!(action, Action::Rearmed { .. }));
            if *action == Action::Feed {
                self.fed_us = *at;
                if self.starved_us.is_some_and(|since| since < *at) && starving {
                    self.told.failure.get_or_insert((Property::FedWhenDue, "fed while it starves".to_owned()));
                }
            }
        }
        self.read = rig.log.len();
        self.starved_us = if starving { self.starved_us.or(Some(rig.now)) } else { None };
        if !starving && rig.now > self.fed_us + 2 * SECOND {
            self.broken(Property::FedWhenDue, format!("not fed for {} ms", (rig.now - self.fed_us) / MS));
        }
        if let Some((ticket, count)) = self.asked.iter().find(|(_, count)| **count > 1) {
            self.broken(Property::Answered, format!("ticket {ticket} was answered {count} times"));
        }
    }

    fn rungs(&mut self, rig: &Rig) {
        let mortal = rig.kernel.processes.iter().any(|process| !process.immortal);
        let last = self.ends.values().copied().max();
        if mortal && last.is_some_and(|end| rig.now > end + 2 * SECOND + SLACK) {
            self.broken(Property::RungsInTime, format!("it lives {} ms past its end", (rig.now - last.unwrap_or(0)) / MS));
        }
        let lives = !rig.kernel.processes.is_empty();
        if lives && last.is_some_and(|end| rig.now > end + 3 * SECOND + SLACK) && !rig.kernel.ot_drops {
            self.broken(Property::RungsInTime, "it can't be killed, and OT is open".to_owned());
        }
        if mortal && self.silent_us.is_some_and(|since| rig.now > since + 2 * SECOND + SLACK) {
            self.broken(Property::LateEnds, "the broker is silent, and its sessions live".to_owned());
        }
    }

    /// All have had their time.
    pub fn ends(&mut self) {
        if let Some((ticket, _)) = self.asked.iter().find(|(_, count)| **count == 0) {
            self.broken(Property::Answered, format!("ticket {ticket} was never answered"));
        }
    }
}
