//! What is left when all have gone: nothing.

use super::Property;
use crate::fd::Kind;
use crate::world::World;
use broker::core::Endpoint;

impl World {
    /// Granted, and never said to have ended. Of one that a dying broker had not begun there is no
    /// trace; and where broker and launcher are dead at once, nobody is left who knows who lives.
    fn sessions_without_end(&self) -> usize {
        let known = |(session, seen): &(&u64, &super::Seen)| {
            !seen.nobody_knew && (!seen.broker_died || self.sessions.contains_key(session))
        };
        self.watch.sessions.iter().filter(|(_, seen)| seen.ended == 0).filter(known).count()
    }

    /// At the end of a story that broke nothing.
    pub fn check_end(&mut self) {
        self.check_all_releases();
        let mut left = Vec::new();
        let mut leaks = |what: &str, count: usize| {
            if count > 0 {
                left.push(format!("{count} {what}"));
            }
        };
        leaks("fronts", self.fronts.len());
        leaks("mediators", self.sessions.values().filter(|s| s.mediator.is_some()).count());
        leaks("backs", self.sessions.values().filter(|s| s.back.is_some()).count());
        leaks("dials", self.connector.dials.len());
        leaks("waiting connections", self.listener.waiting.len());
        leaks("endpoints at the broker", self.broker.held.keys().filter(|held| **held != Endpoint::Lifeline).count());
        leaks("spares at the launcher", self.launcher.spares.len());
        leaks("open descriptors", self.ends.borrow().alive.keys().filter(|kind| **kind != Kind::Lifeline).count());
        leaks("things that the broker waits for", usize::from(!self.broker.idle()));
        leaks("things in the vault's hand", usize::from(!self.vault.idle()));
        leaks("sessions without an end", self.sessions_without_end());
        if !left.is_empty() {
            self.broken(Property::NothingLeaks, format!("when all have gone there are {}", left.join(", ")));
        }
        if !self.admins.asked.is_empty() {
            let whose: Vec<String> = self.admins.asked.iter().map(|(client, a)| format!("{client} {}", a.request.name())).collect();
            self.broken(Property::Answered, format!("nobody answered {}", whose.join(", ")));
        }
        let wrote = self.watch.written.len();
        let held = match self.vault.keeper() {
            Some(keeper) => self.watch.held(keeper),
            None => Err((Property::NothingLeaks, "there is no vault".to_owned())),
        };
        if let Err((property, what)) = held {
            self.broken(property, what);
        }
        if self.watch.written.len() < wrote {
            let what = format!("{} rows of the broker are not in the ledger", wrote - self.watch.written.len());
            self.broken(Property::Audited, what);
        }
    }
}
