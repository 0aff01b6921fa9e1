//! `dinlock`: what administrators ask, when it suits nobody.

use crate::fd::Fd;
use crate::parts::broker::Peer;
use crate::planted::Planted;
use crate::plants::{ADMIN_UID, TARGETS, plant};
use crate::world::{Part, SECOND, World};
use border::admin::{Reply, Request};
use border::{KeyLine, Name};
use broker::core::Input;
use codec::{Bytes, Text};
use std::collections::BTreeMap;

/// One connection.
pub(crate) struct Client {
    pub request: Request,
    pub uid: u32,
}

#[derive(Default)]
pub(crate) struct Admins {
    next: u64,
    pub asked: BTreeMap<u64, Client>,
    observers: Vec<Fd>,
}

impl Admins {
    /// Their connections are gone with the broker.
    pub fn forget(&mut self) {
        self.asked.clear();
        self.observers.clear();
    }
}

impl World {
    pub fn admins_turn(&mut self) {
        if self.draining {
            self.admins.observers.clear();
            return;
        }
        let pause = self.random.below(3 * SECOND);
        self.wake_in(Part::Admins, pause);
        if self.one_in(3) {
            self.admins.observers.pop();
        }
        if self.chaos.plants && self.one_in(4) {
            return self.admin_asks(Request::Apply);
        }
        if !self.chaos.admins {
            return;
        }
        let newest = self.sessions.keys().next_back().copied().unwrap_or(1);
        let session = newest.saturating_sub(self.random.below(3));
        let target = Name::cut(self.pick(&TARGETS));
        let request = match self.random.below(14) {
            0 => Request::Status,
            1 => Request::Sessions { all: true },
            2 | 3 => Request::Pause { session },
            4 | 5 => Request::Resume { session },
            6 => Request::End { session, why: Text::cut("enough") },
            7 => Request::Watch { session },
            8 if self.trusts() => Request::Trust { target, key: KeyLine::cut(crate::plants::key_of(&format!("m{session}"))) },
            9 | 10 => Request::Test { target, account: Name::cut("maint") },
            11 => Request::SetSecret { name: Name::cut("some-secret"), value: Bytes::new(vec![1]).expect("short") },
            12 => Request::ExportAudit { from: 0, to: u64::MAX },
            _ => Request::Recordings,
        };
        self.admin_asks(request);
        // Two at once, so that they race.
        if self.trusts() && self.one_in(6) {
            self.admin_asks(Request::Apply);
            let target = Name::cut(self.pick(&TARGETS));
            self.admin_asks(Request::Trust { target, key: KeyLine::cut(crate::plants::key_of("new")) });
        }
    }

    /// A deaf broker would trust a key of an old plant, and be found by that.
    fn trusts(&self) -> bool {
        self.chaos.plants && self.planted != Some(Planted::DeafToPlants)
    }

    fn admin_asks(&mut self, request: Request) {
        // Nobody listens.
        if !self.broker.alive {
            return;
        }
        self.admins.next += 1;
        let client = self.admins.next;
        let uid = self.pick(&[0, ADMIN_UID, ADMIN_UID, 1234]);
        let wall = self.wall_ms();
        let wide = self.one_in(3);
        let plant = matches!(request, Request::Apply).then(|| Box::new(plant(&mut self.random, wall, wide)));
        self.admins.asked.insert(client, Client { request: request.clone(), uid });
        self.tell_broker(Peer::Admin(client), Input::Admin { client, uid, request: Box::new(request), plant });
    }

    /// An answer; the connection ends with it.
    pub fn admin_answered(&mut self, client: u64, reply: &Reply, fds: Vec<Fd>) {
        self.saw_answer(client, reply);
        self.admins.asked.remove(&client);
        self.admins.observers.extend(fds);
    }
}
