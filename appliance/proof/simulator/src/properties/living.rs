//! What holds at any moment.

use super::Property;
use crate::fd::Kind;
use crate::plants::permitted_until;
use crate::world::{SECOND, World};
use broker::core::{FRONTS_UNKNOWN_MAX, FRONTS_UNKNOWN_PER_SOURCE_MAX, KILL_AFTER_MS, SESSIONS_MAX};
use std::collections::{BTreeMap, BTreeSet};

/// How late a part may get to run in these stories, in microseconds: more than any delay.
const SLACK_US: u64 = 100_000;
/// A front that was told the end and stays is stopped within this.
const LEAVES_US: u64 = 40 * SECOND;

impl World {
    /// After every step; `broker` if it was the broker's.
    pub fn check(&mut self, broker: bool) {
        let sessions: Vec<u64> = self.watch.sessions.keys().copied().collect();
        for session in sessions {
            self.check_session(session);
        }
        self.check_bounds();
        self.check_fronts();
        self.check_dials();
        if broker {
            self.check_passed_on();
        }
    }

    /// Whether a person can work in it: its mediator passes things on, or was stopped while it did.
    fn works(&self, session: u64) -> Option<bool> {
        let mediator = self.sessions.get(&session)?.mediator.as_ref()?;
        (mediator.room.live()).then_some(mediator.stopped)
    }

    fn check_session(&mut self, session: u64) {
        let (now, wall) = (self.now_us, self.wall_ms());
        let works = self.works(session);
        let living = self.sessions.get(&session).is_some_and(|s| s.mediator.is_some() || s.back.is_some());
        let Some(seen) = self.watch.sessions.get_mut(&session) else { return };
        if seen.ended > 0 && seen.told_started && living {
            return self.broken(Property::Killed, format!("session {session} has ended, and its processes live"));
        }
        if !living {
            // Before they were started nothing is known to be over.
            return if self.sessions.contains_key(&session) { self.check_releases(session) };
        }
        let (Some(stopped), true, Some(terms)) = (works, seen.live, &seen.terms) else { return };
        // Without its parts the box can't enforce more than mediators do by themselves.
        let rules_us = self.rules_from_us;
        let rung_us = if stopped { KILL_AFTER_MS * 1000 } else { 0 };
        let due_us = if stopped { (terms.deadline_ms * 1000).max(rules_us) } else { terms.deadline_ms * 1000 };
        if now > due_us.saturating_add(rung_us + SLACK_US) {
            return self.broken(Property::EndsInTime, format!("session {session} is open past its deadline"));
        }
        let to = (&*seen.target, &*seen.account);
        let plant = self.watch.in_force.as_ref();
        if plant.and_then(|p| permitted_until(p, &seen.person, to, &seen.conduit, wall)).is_some() {
            seen.unpermitted_us = None;
            return;
        }
        seen.ever_unpermitted = true;
        let since = (*seen.unpermitted_us.get_or_insert(now)).max(rules_us);
        if now > since.saturating_add(SECOND + rung_us + SLACK_US) {
            let what = format!("{} works in session {session} without permission since {since} us", seen.person);
            self.broken(Property::WorksByVerdict, what);
        }
    }

    fn check_bounds(&mut self) {
        let unknown = |worker: &u64| self.watch.fronts.get(worker).is_none_or(|front| !front.known);
        let unknown: Vec<u64> = self.fronts.keys().copied().filter(unknown).collect();
        let mut sources = BTreeMap::new();
        for peer in unknown.iter().filter_map(|worker| self.fronts.get(worker)?.peer()) {
            *sources.entry(peer.ip()).or_insert(0) += 1;
        }
        if unknown.len() > FRONTS_UNKNOWN_MAX {
            self.broken(Property::Bounds, format!("{} fronts know nobody", unknown.len()));
        }
        if let Some((source, count)) = sources.into_iter().find(|(_, count)| *count > FRONTS_UNKNOWN_PER_SOURCE_MAX) {
            self.broken(Property::Bounds, format!("{count} fronts of {source} know nobody"));
        }
        let open = self.watch.sessions.values().filter(|seen| seen.ended == 0 && !seen.test).count();
        if open > SESSIONS_MAX {
            self.broken(Property::Bounds, format!("{open} sessions live"));
        }
    }

    fn check_fronts(&mut self) {
        let now = self.now_us;
        let stays = |(worker, front): (&u64, &super::SeenFront)| {
            let late = front.told_end_us.is_some_and(|at| at + LEAVES_US < now);
            (late && self.fronts.contains_key(worker)).then_some(*worker)
        };
        if let Some(worker) = self.watch.fronts.iter().find_map(stays) {
            self.broken(Property::FrontsLeave, format!("front {worker} was told the end, and stays"));
        }
    }

    fn check_dials(&mut self) {
        let now = self.now_us;
        let over = |session: &&u64| {
            let seen = self.watch.sessions.get(session);
            seen.is_some_and(|seen| seen.ended > 0 && seen.ended_us + SLACK_US < now)
        };
        if let Some(session) = self.connector.dials.keys().find(over) {
            let what = format!("session {session} is over, and its machine is still being dialled");
            self.broken(Property::DialsEnd, what);
        }
    }

    /// A connection into the OT zone was made.
    pub fn saw_connection(&mut self, session: u64) {
        let now = self.now_us;
        let over = self.watch.sessions.get(&session).is_some_and(|seen| seen.ended > 0 && seen.ended_us + SLACK_US < now);
        if over {
            self.broken(Property::DialsEnd, format!("session {session} is over, and its machine was connected to"));
        }
    }

    /// Ends that carry connections or secrets lie in sockets or with those they are for.
    fn check_passed_on(&mut self) {
        let mut elsewhere: BTreeSet<Kind> = BTreeSet::new();
        elsewhere.extend(self.listener.inbox.iter().filter_map(|(_, fd)| fd.as_ref()).map(|fd| fd.kind));
        elsewhere.extend(self.connector.inbox.iter().filter_map(|(_, fd)| fd.as_ref()).map(|fd| fd.kind));
        elsewhere.extend(self.connector.dials.values().filter_map(|dial| dial.handover.as_ref()).map(|fd| fd.kind));
        elsewhere.extend(self.vault.ends());
        elsewhere.extend(self.broker.unread_ends());
        // Those of a session that waits for the guardian's word wait with it.
        let waits = |kind: &Kind| match kind {
            Kind::BackHandover(s) | Kind::BackSecrets(s) | Kind::Record(s) => {
                self.watch.sessions.get(s).is_some_and(|seen| !seen.guarded)
            }
            Kind::FrontControl(_) | Kind::FrontHandover(_) | Kind::FrontSecrets(_) | Kind::FrontKill(_) => false,
            Kind::MediatorControl(_) | Kind::BackControl(_) | Kind::Stream(_) | Kind::SessionKill(_) | Kind::SessionEvents(_) => false,
            Kind::Observer(_) | Kind::Lifeline => false,
        };
        let stays = |kind: &&Kind| kind.passes_through() && !elsewhere.contains(kind) && !waits(kind);
        let found = self.ends.borrow().alive.keys().find(stays).copied();
        if let Some(kind) = found {
            self.broken(Property::PassesThrough, format!("{kind:?} stays with the broker"));
        }
    }
}
