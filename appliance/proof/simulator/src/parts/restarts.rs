//! Parts that die alone, and come back: what lives with them is lost, what lives beside them goes on.

use crate::parts::broker::{Broker, Peer};
use crate::world::{Part, SECOND, World};
use broker::core::{Fixed, Input};

/// From a part's return until the broker can have taken up everything, in microseconds.
const SETTLES_US: u64 = 1_500_000;

impl World {
    /// All parts of the box begin, and join the broker.
    pub fn parts_start(&mut self) {
        self.broker = Broker::started();
        for part in Fixed::ALL {
            self.part_joins(part);
        }
        self.rules_from_us = 0;
    }

    fn part_joins(&mut self, part: Fixed) {
        self.running.insert(part);
        *self.starts.entry(part).or_insert(0) += 1;
        self.tell_broker(Peer::Part(part), Input::Joined(part));
        if part == Fixed::Guardian {
            self.guardian_greets();
        }
    }

    /// Whether what the broker says to a part now gets there: the part lives, and is the one that the
    /// broker has joined.
    pub fn reaches(&self, part: Fixed) -> bool {
        self.running.contains(&part) && self.broker.joined.get(&part) == self.starts.get(&part)
    }

    fn comes_back(&mut self, part: Option<Fixed>) {
        let at = self.now_us + 50_000 + self.random.below(2 * SECOND);
        self.restarts.push((at, part));
        self.wake_at(Part::Restarts, at);
        self.rules_from_us = u64::MAX;
    }

    pub fn restarts_turn(&mut self) {
        let now = self.now_us;
        let (due, later) = std::mem::take(&mut self.restarts).into_iter().partition(|(at, _)| *at <= now);
        self.restarts = later;
        let due: Vec<(u64, Option<Fixed>)> = due;
        for (_, part) in due {
            match part {
                None => self.broker_returns(),
                Some(part) => self.part_returns(part),
            }
        }
        if let Some((at, _)) = self.restarts.iter().min() {
            let at = *at;
            self.wake_at(Part::Restarts, at);
        } else {
            self.rules_from_us = now + SETTLES_US;
        }
    }

    /// One part is killed.
    pub fn part_crash(&mut self, part: Fixed) {
        if !self.running.remove(&part) {
            return;
        }
        self.note(format!("the {} is killed", part.name()));
        match part {
            Fixed::Launcher => self.launcher = Default::default(),
            Fixed::Listener => self.listener = Default::default(),
            Fixed::Connector => self.connector = Default::default(),
            Fixed::Guardian => self.guardian_dies(),
            Fixed::Vault => {
                self.vault_loses(false);
                self.vault.forget();
            }
        }
        if part == Fixed::Launcher && !self.broker.alive {
            self.watch.nobody_knows();
        }
        self.tell_broker(Peer::Part(part), Input::Lost(part));
        self.comes_back(Some(part));
    }

    fn part_returns(&mut self, part: Fixed) {
        self.note(format!("the {} is back", part.name()));
        self.part_joins(part);
        match part {
            Fixed::Launcher => self.wake(Part::Launcher),
            Fixed::Listener => self.wake(Part::Listener),
            Fixed::Connector => self.wake(Part::Connector),
            Fixed::Vault => self.vault_starts(false),
            Fixed::Guardian => self.wake(Part::Guardian),
        }
    }

    /// The broker is killed. Listener and connector end with it; launcher and vault wait for the next.
    pub fn broker_crash(&mut self) {
        self.note("the broker is killed".to_owned());
        self.watch.broker_died();
        self.admins.forget();
        self.broker.dies();
        if !self.running.contains(&Fixed::Launcher) {
            self.watch.nobody_knows();
        }
        for part in [Fixed::Listener, Fixed::Connector] {
            self.part_crash(part);
        }
        self.vault.broker_ended();
        self.comes_back(None);
    }

    fn broker_returns(&mut self) {
        self.note("the broker is back".to_owned());
        self.broker.alive = true;
        self.launcher.inbox.clear();
        self.vault.unread_is_lost();
        for part in Fixed::ALL.into_iter().filter(|part| self.running.contains(part)).collect::<Vec<_>>() {
            self.tell_broker(Peer::Part(part), Input::Joined(part));
        }
        if self.running.contains(&Fixed::Guardian) {
            self.guardian_greets();
        }
        if self.running.contains(&Fixed::Vault) {
            self.vault_greets();
        }
        self.wake(Part::Broker);
    }
}
