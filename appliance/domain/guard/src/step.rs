//! What the shell does next, and when it has to ask again.

use crate::effect::What;
use crate::guardian::{Action, BEAT_US, FEED_US, Guardian, LOOK_US};

impl Guardian {
    /// What to do next; none when there is nothing more to do now.
    pub fn step(&mut self) -> Option<Action> {
        let action = self.next();
        if action.is_none() {
            self.round = self.round.wrapping_add(1);
        }
        action
    }

    fn next(&mut self) -> Option<Action> {
        let (now, round) = (self.now.us, self.round);
        for what in [What::OtDrops, What::UplinkDrops, What::TreesDead, What::LinksDown] {
            if let Some(on) = self.effect(what).due(now, round) {
                return Some(Action::Set { what, on });
            }
        }
        if let Some(slot) = self.forget.take() {
            return Some(Action::Forget { slot });
        }
        if let Some(slot) = self.table.kill(now) {
            return Some(Action::Kill { slot });
        }
        self.step_writing(now).or_else(|| self.step_talk(now)).or_else(|| self.step_routine(now))
    }

    fn step_writing(&mut self, now: u64) -> Option<Action> {
        if !self.latch_here {
            return None;
        }
        if let Some(slot) = self.slot.filter(|slot| self.latch_read && slot.sequence > self.sent && self.retry_us.is_none()) {
            self.sent = slot.sequence;
            self.written_over(&slot);
            return Some(Action::Write { slot });
        }
        self.latch_beat.due(now, self.round, BEAT_US).then_some(Action::BeatLatch)
    }

    fn step_talk(&mut self, now: u64) -> Option<Action> {
        if self.lay && self.zones_here {
            self.lay = false;
            return Some(Action::Lay);
        }
        if !self.broker_here || !self.broker_reads {
            return None;
        }
        if std::mem::take(&mut self.hello) {
            return Some(Action::Hello { state: self.state() });
        }
        if let Some(reply) = self.replies.iter_mut().find_map(Option::take) {
            return Some(reply);
        }
        if let Some((number, wall_ms, note)) = self.notes.unsent() {
            return Some(Action::Tell { number, wall_ms, note });
        }
        // Where the box stands is no news that waits for the next beat.
        let news = self.told != Some(self.standing);
        (self.beat.due(now, self.round, BEAT_US) || news).then(|| {
            self.told = Some(self.standing);
            Action::Beat { state: self.state() }
        })
    }

    fn step_routine(&mut self, now: u64) -> Option<Action> {
        if !self.starving && self.feed.due(now, self.round, FEED_US) {
            return Some(Action::Feed);
        }
        let every = [LOOK_US, LOOK_US, BEAT_US, LOOK_US];
        let whats = [What::OtDrops, What::UplinkDrops, What::TreesDead, What::LinksDown];
        for ((look, every_us), what) in self.look.iter_mut().zip(every).zip(whats) {
            if look.due(now, self.round, every_us) {
                return Some(Action::Look { what });
            }
        }
        if let Some(slot) = self.table.look(now, self.round) {
            return Some(Action::LookAt { slot });
        }
        let lamps = self.lamps_now();
        if self.lamps != Some(lamps) {
            self.lamps = Some(lamps);
            let (connected, cut, fault) = lamps;
            return Some(Action::Lamps { connected, cut, fault });
        }
        if !self.exited && self.stopping_us.is_some_and(|at| self.stopped(at)) {
            self.exited = true;
            return Some(Action::Exit);
        }
        None
    }

    /// When time alone brings something: µs of CLOCK_BOOTTIME.
    #[must_use]
    pub fn wake_us(&self) -> u64 {
        let effects = [&self.ot, &self.uplink, &self.trees, &self.links].into_iter().filter_map(|effect| effect.wake());
        let others = [
            self.contacts.wake(),
            self.key.wake(),
            self.table.wake(),
            self.leases.wake(self.now.us),
            self.cut.map(|cut| cut.failed_us()).filter(|at| *at > self.now.us),
            self.retry_us,
            self.back.until_us(),
            Some(self.now.us.saturating_add(BEAT_US)),
        ];
        effects.chain(others.into_iter().flatten()).min().unwrap_or(0)
    }
}
