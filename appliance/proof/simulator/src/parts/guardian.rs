//! The guardian: a double, whose box is armed all the time. It answers and beats, and kills nobody.

use crate::fd::Kind;
use crate::parts::broker::Peer;
use crate::world::{Part, World};
use border::guardian::{BEAT_MS, Event, Order};
use broker::core::{Fixed, Input};
use guard::{Dog, Standing, State};
use std::collections::{BTreeSet, VecDeque};

#[derive(Default)]
pub(crate) struct Guardian {
    pub inbox: VecDeque<Order>,
    /// Sessions in its table.
    pub table: BTreeSet<u64>,
    beat_at: u64,
}

/// As it always stands.
fn armed() -> State {
    State {
        standing: Standing::Armed,
        since_ms: 0,
        report: None,
        lacks: 0,
        contacts: 0,
        open: 0,
        key_ms: 0,
        ot_drops: false,
        uplink_drops: false,
        links_up: 1,
        links: 1,
        sessions: 0,
        late: 0,
        dog: Dog::StandIn,
        resets: 0,
        faults: 0,
    }
}

impl World {
    /// What each broker is told first.
    pub fn guardian_greets(&mut self) {
        self.guardian.inbox.clear();
        let lifeline = self.fd(Kind::Lifeline);
        let hello = Input::Guardian(Event::Hello { state: armed() }, vec![lifeline]);
        self.tell_broker(Peer::Part(Fixed::Guardian), hello);
        self.guardian.beat_at = self.now_us;
        self.wake(Part::Guardian);
    }

    fn guardian_says(&mut self, event: Event) {
        self.tell_broker(Peer::Part(Fixed::Guardian), Input::Guardian(event, Vec::new()));
    }

    pub fn guardian_turn(&mut self) {
        if !self.running.contains(&Fixed::Guardian) {
            return;
        }
        while let Some(order) = self.guardian.inbox.pop_front() {
            match order {
                Order::Watch { session, .. } => {
                    self.guardian.table.insert(session);
                    self.guardian_says(Event::Watching { session });
                }
                Order::Over { session } => drop(self.guardian.table.remove(&session)),
                Order::Beat { .. } | Order::Deadline { .. } | Order::Noted { .. } => {}
                Order::Cut { .. } | Order::Rearm { .. } | Order::Drill { .. } => {}
            }
        }
        // A story's clock may step back a little when everything starts again.
        if self.now_us >= self.guardian.beat_at || self.guardian.beat_at > self.now_us + BEAT_MS * 1000 {
            self.guardian.beat_at = self.now_us + BEAT_MS * 1000;
            self.guardian_says(Event::Beat { state: armed() });
        }
        let at = self.guardian.beat_at;
        self.wake_at(Part::Guardian, at);
    }

    /// Its lifeline ends, and every mediator hears it.
    pub fn guardian_dies(&mut self) {
        self.guardian = Guardian::default();
        for session in self.sessions.keys().copied().collect::<Vec<_>>() {
            if let Some(mediator) = self.sessions.get_mut(&session).and_then(|found| found.mediator.as_mut()) {
                mediator.lifeline_ended = true;
            }
            self.wake(Part::Mediator(session));
        }
    }
}
