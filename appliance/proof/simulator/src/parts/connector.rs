//! The connector into the OT zone: it dials the one address that it is told.

use crate::fd::{Fd, Kind};
use crate::parts::broker::Peer;
use crate::world::{Part, World};
use border::connector::{Event, Order};
use broker::core::{Fixed, Input};
use codec::Text;
use std::collections::{BTreeMap, VecDeque};

/// How a dial will go, and when that is known.
pub(crate) struct Dial {
    pub handover: Option<Fd>,
    decided_us: u64,
    /// None: it hangs until its time is up.
    answers: Option<bool>,
}

#[derive(Default)]
pub(crate) struct Connector {
    pub inbox: VecDeque<(Order, Option<Fd>)>,
    pub dials: BTreeMap<u64, Dial>,
}

impl World {
    fn connector_says(&mut self, event: Event) {
        self.tell_broker(Peer::Part(Fixed::Connector), Input::Connector(event));
    }

    pub fn connector_turn(&mut self) {
        if !self.running.contains(&Fixed::Connector) {
            return;
        }
        while let Some((order, handover)) = self.connector.inbox.pop_front() {
            match order {
                Order::Dial { session, address: _, timeout_ms } => {
                    let answers = match self.random.below(16) {
                        0 => None,
                        1 => Some(false),
                        _ => Some(true),
                    };
                    let takes = if answers.is_none() { u64::from(timeout_ms) * 1000 } else { self.random.below(200_000) };
                    let decided_us = self.now_us + takes;
                    self.connector.dials.insert(session, Dial { handover, decided_us, answers });
                }
                Order::Cancel { session } => drop(self.connector.dials.remove(&session)),
            }
        }
        let now = self.now_us;
        let decided: Vec<u64> = self.connector.dials.iter().filter(|(_, d)| d.decided_us <= now).map(|(s, _)| *s).collect();
        for session in decided {
            let Some(dial) = self.connector.dials.remove(&session) else { continue };
            self.dial_decided(session, &dial);
        }
        if let Some(next) = self.connector.dials.values().map(|dial| dial.decided_us).min() {
            self.wake_at(Part::Connector, next);
        }
    }

    fn dial_decided(&mut self, session: u64, dial: &Dial) {
        let failed = |why| Event::Failed { session, why: Text::cut(why) };
        let event = match dial.answers {
            None => failed("did not answer within 8 s"),
            Some(false) => failed("refused the connection"),
            Some(true) => {
                let to = dial.handover.as_ref().map(|fd| fd.kind);
                let lives = self.sessions.get(&session).is_some_and(|s| s.back.is_some());
                self.saw_connection(session);
                if to == Some(Kind::BackHandover(session)) && lives {
                    self.back_gets_connection(session);
                    Event::HandedOn { session }
                } else {
                    failed("the session's own process has gone")
                }
            }
        };
        self.connector_says(event);
    }
}
