//! The box in one process: its parts, their sockets, one clock, and whose turn it is.

use crate::disk::Random;
use crate::faults::Chaos;
use crate::fd::{Fd, Kind, Shared};
use crate::parts::admin::Admins;
use crate::parts::broker::Broker;
use crate::parts::connector::Connector;
use crate::parts::front::{Front, Operators};
use crate::parts::guardian::Guardian;
use crate::parts::launcher::Launcher;
use crate::parts::listener::Listener;
use crate::parts::session::Session;
use crate::parts::vault::Vault;
use crate::planted::Planted;
use crate::properties::{Property, Watch};
use crate::trace::Trace;
use broker::core::{Fixed, Now};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

/// Unix time at which every story begins: a Tuesday in 2026.
const WALL_MS: i64 = 1_790_000_000_000;
/// How long the last things may take once everybody has left.
const DRAIN_US: u64 = 200_000_000;
/// A second, in microseconds.
pub(crate) const SECOND: u64 = 1_000_000;

/// Whose turn it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    Broker,
    Launcher,
    Listener,
    Connector,
    Vault,
    Guardian,
    Disk,
    Front(u64),
    Mediator(u64),
    Back(u64),
    Operators,
    Admins,
    Faults,
    Restarts,
    End,
}

/// Everything.
pub(crate) struct World {
    pub random: Random,
    pub now_us: u64,
    pub jumped_ms: i64,
    heap: BinaryHeap<Reverse<(u64, u64, Part)>>,
    wakes: BTreeMap<Part, u64>,
    order: u64,
    pub steps: u64,
    pub trace: Trace,
    pub watch: Watch,
    pub planted: Option<Planted>,
    pub chaos: Chaos,
    pub ends: Shared,
    pub broker: Broker,
    pub launcher: Launcher,
    pub listener: Listener,
    pub connector: Connector,
    pub vault: Vault,
    pub guardian: Guardian,
    pub fronts: BTreeMap<u64, Front>,
    pub sessions: BTreeMap<u64, Session>,
    pub operators: Operators,
    pub admins: Admins,
    /// Nobody comes any more, and who is there leaves.
    pub draining: bool,
    pub over: bool,
    /// The parts that run, and how often each was started.
    pub running: BTreeSet<Fixed>,
    pub starts: BTreeMap<Fixed, u64>,
    /// Who is started again when: none is the broker.
    pub restarts: Vec<(u64, Option<Fixed>)>,
    /// From when on all parts of the box are there to enforce its rules.
    pub rules_from_us: u64,
    /// The `dinlock` whose request is being decided.
    pub asking: Option<u64>,
}

impl World {
    /// A box at its first start, and what will happen to it.
    pub fn new(seed: u64, planted: Option<Planted>, kept: usize) -> Self {
        let mut random = Random(seed);
        let chaos = Chaos::new(&mut random, planted);
        let mut world = Self {
            now_us: 1_000 * SECOND,
            jumped_ms: 0,
            heap: BinaryHeap::new(),
            wakes: BTreeMap::new(),
            order: 0,
            steps: 0,
            trace: Trace::new(kept),
            watch: Watch::default(),
            planted,
            ends: Shared::default(),
            broker: Broker::default(),
            launcher: Launcher::default(),
            listener: Listener::default(),
            connector: Connector::default(),
            vault: Vault::new(planted == Some(Planted::NoSyncs)),
            guardian: Guardian::default(),
            fronts: BTreeMap::new(),
            sessions: BTreeMap::new(),
            operators: Operators::new(&mut random, &chaos),
            admins: Admins::default(),
            draining: false,
            over: false,
            running: BTreeSet::new(),
            starts: BTreeMap::new(),
            restarts: Vec::new(),
            rules_from_us: 0,
            asking: None,
            random,
            chaos,
        };
        world.parts_start();
        world.vault_starts(true);
        for part in [Part::Operators, Part::Admins, Part::Faults] {
            world.wake_in(part, SECOND / 10);
        }
        let length = world.chaos.length_us;
        world.wake_in(Part::End, length);
        world
    }

    pub fn boot_ms(&self) -> u64 {
        self.now_us / 1000
    }

    pub fn wall_ms(&self) -> i64 {
        WALL_MS + i64::try_from(self.boot_ms()).expect("a story is short") + self.jumped_ms
    }

    pub fn now(&self) -> Now {
        Now { boot_ms: self.boot_ms(), wall_ms: self.wall_ms() }
    }

    pub fn one_in(&mut self, n: u64) -> bool {
        n > 0 && self.random.below(n) == 0
    }

    pub fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.random.below(of.len() as u64) as usize]
    }

    pub fn shuffle<T>(&mut self, of: &mut [T]) {
        for last in (1..of.len()).rev() {
            of.swap(last, self.random.below(last as u64 + 1) as usize);
        }
    }

    pub fn fd(&self, kind: Kind) -> Fd {
        Fd::new(kind, &self.ends)
    }

    pub fn note(&mut self, text: String) {
        self.trace.note(self.now_us, text);
    }

    pub fn broken(&mut self, property: Property, what: String) {
        self.watch.broken(property, what);
    }

    /// Time until a part that has something to read gets to run.
    pub fn delay(&mut self) -> u64 {
        match self.random.below(64) {
            0 => self.random.below(40_000),
            1..=4 => self.random.below(5_000),
            _ => self.random.below(300),
        }
    }

    pub fn wake_at(&mut self, part: Part, at: u64) {
        let at = at.max(self.now_us);
        if self.wakes.get(&part).is_none_or(|due| at < *due) {
            self.wakes.insert(part, at);
            self.order += 1;
            self.heap.push(Reverse((at, self.order, part)));
        }
    }

    pub fn wake_in(&mut self, part: Part, us: u64) {
        self.wake_at(part, self.now_us + us);
    }

    /// Something came for this part.
    pub fn wake(&mut self, part: Part) {
        let delay = self.delay();
        self.wake_in(part, delay);
    }

    /// Runs the story to its end, or to the first property that does not hold.
    pub fn run(&mut self) {
        while !self.over && self.watch.failure.is_none() {
            let Some(Reverse((at, _, part))) = self.heap.pop() else { break };
            if self.wakes.get(&part) != Some(&at) {
                continue;
            }
            self.wakes.remove(&part);
            self.now_us = at;
            self.steps += 1;
            self.turn(part);
            self.hear_closed();
            self.check(part == Part::Broker);
        }
        if self.watch.failure.is_none() {
            self.check_end();
        }
    }

    fn turn(&mut self, part: Part) {
        match part {
            Part::Broker => self.broker_turn(),
            Part::Launcher => self.launcher_turn(),
            Part::Listener => self.listener_turn(),
            Part::Connector => self.connector_turn(),
            Part::Vault => self.vault_turn(),
            Part::Guardian => self.guardian_turn(),
            Part::Disk => self.disk_turn(),
            Part::Front(worker) => self.front_turn(worker),
            Part::Mediator(session) => self.mediator_turn(session),
            Part::Back(session) => self.back_turn(session),
            Part::Operators => self.operators_turn(),
            Part::Admins => self.admins_turn(),
            Part::Faults => self.faults_turn(),
            Part::Restarts => self.restarts_turn(),
            Part::End => self.end_turn(),
        }
    }

    /// Everybody leaves; some time after, nothing may be left.
    fn end_turn(&mut self) {
        if self.draining {
            self.over = true;
            return;
        }
        self.draining = true;
        self.note("everybody leaves".to_owned());
        self.heal();
        self.operators_leave();
        self.wake_in(Part::End, DRAIN_US);
    }

    /// Far ends hear that an end was closed.
    pub fn hear_closed(&mut self) {
        loop {
            let closed: Vec<Kind> = std::mem::take(&mut self.ends.borrow_mut().closed);
            if closed.is_empty() {
                return;
            }
            for kind in closed {
                self.end_closed(kind);
            }
        }
    }

    fn end_closed(&mut self, kind: Kind) {
        match kind {
            Kind::FrontControl(n) | Kind::FrontHandover(n) | Kind::FrontSecrets(n) => self.front_hears_close(n, kind),
            Kind::BackControl(s) | Kind::BackHandover(s) | Kind::BackSecrets(s) => self.back_hears_close(s, kind),
            Kind::MediatorControl(s) | Kind::Record(s) | Kind::Stream(s) | Kind::Observer(s) => {
                self.mediator_hears_close(s, kind);
            }
            Kind::FrontKill(_) | Kind::SessionKill(_) | Kind::SessionEvents(_) | Kind::Lifeline => {}
        }
    }

    /// All processes end at once, and all that was on its way between them is gone.
    pub fn all_die(&mut self) {
        self.broker = Broker::default();
        self.launcher = Launcher::default();
        self.listener = Listener::default();
        self.connector = Connector::default();
        self.guardian = Guardian::default();
        self.fronts.clear();
        self.sessions.clear();
        self.admins.forget();
        self.vault.forget();
        self.running.clear();
        self.restarts.clear();
        self.ends.borrow_mut().closed.clear();
        let lasting = [Part::Operators, Part::Admins, Part::Faults, Part::End];
        self.wakes.retain(|part, _| lasting.contains(part));
        self.watch.all_died();
    }
}
