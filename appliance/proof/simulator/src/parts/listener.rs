//! The uplink listener: connections wait there, unread, until they are handed on.

use crate::fd::{Fd, Kind};
use crate::parts::broker::Peer;
use crate::parts::front::Operator;
use crate::planted::Planted;
use crate::world::{Part, World};
use border::listener::{Event, Order};
use broker::core::{Fixed, Input};
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;

#[derive(Default)]
pub(crate) struct Listener {
    pub inbox: VecDeque<(Order, Option<Fd>)>,
    pub waiting: BTreeMap<u64, Operator>,
    next: u64,
}

impl World {
    fn listener_says(&mut self, event: Event) {
        self.tell_broker(Peer::Part(Fixed::Listener), Input::Listener(event));
    }

    /// Somebody connects.
    pub fn connects(&mut self, operator: Operator) {
        // Nobody listens: the client is refused by the kernel.
        if !self.running.contains(&Fixed::Listener) {
            return;
        }
        self.listener.next += 1;
        let connection = self.listener.next;
        let mut peer: SocketAddr = operator.peer;
        if self.planted == Some(Planted::MaskedSources) {
            let last = (connection % 200) as u8;
            peer = ([10, 99, 7, last], peer.port()).into();
        }
        self.listener.waiting.insert(connection, operator);
        self.wake(Part::Listener);
        self.listener_says(Event::Accepted { connection, peer });
    }

    pub fn listener_turn(&mut self) {
        if !self.running.contains(&Fixed::Listener) {
            return;
        }
        let now = self.now_us;
        let gone: Vec<u64> = self.listener.waiting.iter().filter(|(_, o)| o.hangs_up_us <= now).map(|(c, _)| *c).collect();
        for connection in gone {
            self.listener.waiting.remove(&connection);
            self.listener_says(Event::Gone { connection });
        }
        while let Some((order, fd)) = self.listener.inbox.pop_front() {
            match order {
                Order::HandTo { connection } => self.hand_to(connection, fd),
                Order::Refuse { connection } => drop(self.listener.waiting.remove(&connection)),
                Order::Accepting { on: _ } => {}
            }
        }
        if let Some(next) = self.listener.waiting.values().map(|o| o.hangs_up_us).min() {
            self.wake_at(Part::Listener, next);
        }
    }

    fn hand_to(&mut self, connection: u64, fd: Option<Fd>) {
        // One that has gone was reported when it went.
        let Some(operator) = self.listener.waiting.remove(&connection) else { return };
        let worker = match fd.as_ref().map(|fd| fd.kind) {
            Some(Kind::FrontHandover(worker)) => Some(worker),
            Some(_) | None => None,
        };
        match worker.filter(|worker| self.fronts.contains_key(worker)) {
            Some(worker) => {
                self.front_gets_connection(worker, operator);
                self.listener_says(Event::HandedOn { connection });
            }
            None => self.listener_says(Event::Gone { connection }),
        }
    }
}
