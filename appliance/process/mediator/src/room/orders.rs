//! What the broker orders: terms, pause, end, another deadline, an observer.

use super::clock::first_warning;
use super::{Act, Broken, Room, Stage};
use crate::wire;
use border::mediation::{Order, Terms};
use border::work::Up;
use border::DATA_BYTES_MAX;
use codec::Text;
use recording::{Header, Sealer};
use session::Reason;

/// The most observers of one session.
pub const OBSERVERS_MAX: usize = 8;

impl Room {
    /// An order came, with so many descriptors.
    pub fn order(&mut self, now: u64, message: &[u8], fds: usize) {
        if let Err(why) = self.obey(now, message, fds) {
            self.broken(now, "broker", &why);
        }
    }

    fn obey(&mut self, now: u64, message: &[u8], fds: usize) -> Result<(), Broken> {
        let order: Order = codec::decode(message)?;
        self.orders.pass(order.name())?;
        let wanted = usize::from(matches!(order, Order::Observe { .. }));
        if fds != wanted {
            return Err(Broken::Descriptors(fds));
        }
        if !self.live() && !matches!(order, Order::Start { .. }) {
            // It crossed the session's end on its way.
            return Ok(());
        }
        match order {
            Order::Start { terms } => self.start(now, &terms),
            Order::Pause { by } => self.pause(now, &by),
            Order::Resume { by } => self.resume(now, &by),
            Order::End { reason, text } => {
                let reason = Reason::from_code(&reason).ok_or(Broken::Reason)?;
                self.end(now, reason.code(), &text);
            }
            Order::Deadline { deadline_ms, bound } => self.move_deadline(now, deadline_ms, bound),
            Order::Idle { idle_ms } => {
                self.idle_us = idle_ms.saturating_mul(1000);
                self.tick(now);
            }
            Order::Observe { by } => self.observe(now, &by),
        }
        Ok(())
    }

    fn start(&mut self, now: u64, terms: &Terms) {
        let header = Header {
            session: Text::cut(terms.session.to_string()),
            person: Text::cut(terms.person.as_str()),
            target: Text::cut(terms.target.as_str()),
            started_ms: u64::try_from(terms.started_ms).unwrap_or(0),
            clock_known: terms.started_ms > 0,
        };
        let recipients: Vec<&str> = terms.recipients.iter().map(Text::as_str).collect();
        let key = self.key.take().expect("the table lets one Start pass");
        match (self.wrap)(&key, &recipients).map(|wrapped| Sealer::with_wrapped(&header, &key, wrapped)) {
            Ok((sealer, bytes)) => self.recorder.begin(now, sealer, &bytes, &mut self.acts),
            Err(error) => {
                self.recorder.lose();
                self.stage = Stage::Live;
                return self.end(now, "recorder_lost", &format!("its recording can't begin: {error}"));
            }
        }
        self.stage = Stage::Live;
        self.input = terms.input;
        self.hash_only = terms.bulk_hash_only;
        self.deadline_us = terms.deadline_ms.saturating_mul(1000);
        self.bound = terms.bound;
        self.warning = first_warning(self.deadline_us.saturating_sub(now));
        self.idle_us = terms.idle_ms.saturating_mul(1000);
        self.last_input_us = now;
        self.grace_us = terms.recorder_grace_ms.saturating_mul(1000);
    }

    fn pause(&mut self, now: u64, by: &str) {
        if self.paused {
            return;
        }
        self.paused = true;
        self.mark(now, "paused", by);
        self.notice(&format!("Paused by {by}: what you type is discarded"));
        self.discard_held();
    }

    fn resume(&mut self, now: u64, by: &str) {
        if !self.paused {
            return;
        }
        self.paused = false;
        let count = self.discarded_text();
        self.mark(now, "resumed", &format!("{by}; {count}"));
        self.notice(&format!("Resumed by {by}: {count}"));
        self.release_all(now);
    }

    /// The recorder stalls: nothing more is typed into the machine until it answers.
    pub(super) fn freeze(&mut self, now: u64) {
        if self.frozen {
            return;
        }
        self.frozen = true;
        self.mark(now, "frozen", "the recorder does not answer");
        self.audit("recorder_slow", "the recorder does not answer: input is frozen");
        self.notice("The recorder does not answer: input is frozen, what you type is discarded");
        self.discard_held();
    }

    pub(super) fn thaw(&mut self, now: u64) {
        if !self.frozen || self.recorder.stalled(now) || !self.live() {
            return;
        }
        self.frozen = false;
        let count = self.discarded_text();
        self.mark(now, "thawed", &count);
        self.audit("recorder_back", "the recorder answers again");
        self.notice(&format!("The recorder answers again: {count}"));
    }

    pub(super) fn suspended(&self) -> bool {
        self.paused || self.frozen
    }

    fn discarded_text(&mut self) -> String {
        format!("{} bytes that you typed were discarded", std::mem::take(&mut self.discarded))
    }

    fn observe(&mut self, now: u64, by: &str) {
        if self.observers.len() == OBSERVERS_MAX {
            return self.audit("observer_refused", &format!("{by}: {OBSERVERS_MAX} observe already"));
        }
        let id = self.next_observer;
        self.next_observer += 1;
        self.observers.insert(id, by.to_owned());
        self.acts.push(Act::Admit(id));
        for (&channel, state) in &self.channels {
            if state.opened {
                self.acts.push(Act::Observer(id, codec::encode(&Up::Opened { channel })));
            }
            let Some(screen) = &state.screen else { continue };
            for part in screen.tail().chunks(DATA_BYTES_MAX) {
                self.acts.push(Act::Observer(id, wire::put_up_data(channel, 0, part)));
            }
        }
        self.mark(now, "observed", by);
        self.notice(&format!("{by} observes this session"));
        self.watchers_changed();
    }

    /// An observer left, or said something, which ends it.
    pub fn observer_gone(&mut self, id: u64) {
        self.observers.remove(&id);
        self.watchers_changed();
    }
}
