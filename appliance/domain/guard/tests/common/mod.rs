//! A box around the real guardian: a kernel whose effects can fail and whose processes can be immortal, a
//! latch with two slots, zones that are laid or not, and a broker that beats. It says what the shell would.
#![allow(dead_code)]

use guard::{Action, Contact, Dog, Guardian, Hold, Input, Mark, Note, Now, Part, RearmRefusal, Report, Slot, Standing, Start};
use guard::{State, Trigger, What};

/// When each story begins, µs of CLOCK_BOOTTIME.
pub const BEGIN_US: u64 = 20_000_000;
pub const SECOND: u64 = 1_000_000;
pub const MS: u64 = 1_000;

/// What a helper does with what it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Helper {
    Prompt,
    Stuck,
    Fails,
    Gone,
}

/// A process of a session or a front.
#[derive(Debug, Clone, Copy)]
pub struct Process {
    /// None: a front, or a session that nobody registered.
    pub slot: Option<u16>,
    pub front: bool,
    pub immortal: bool,
}

#[derive(Debug, Clone, Default)]
pub struct Kernel {
    pub ot_drops: bool,
    pub uplink_drops: bool,
    pub links_up: u8,
    pub processes: Vec<Process>,
    /// What can't be set.
    pub stuck: Vec<What>,
    /// What can't be read.
    pub blind: Vec<What>,
}

pub struct Rig {
    pub guard: Guardian,
    pub start: Start,
    pub now: u64,
    pub wall_ms: i64,
    /// How long each action takes.
    pub cost_us: u64,
    pub kernel: Kernel,
    /// What is not set, and read as if it were.
    pub lies: Vec<What>,
    pub slots: [Option<Slot>; 2],
    pub latch: Helper,
    pub zones: Helper,
    /// Whether the broker beats; how late the others are.
    pub broker: bool,
    pub ready: bool,
    pub vault_ms: u32,
    pub launcher_ms: u32,
    pub power_loss_holds: bool,
    /// Whether notes are taken.
    pub noting: bool,
    beat_us: u64,
    pub writes: Vec<Slot>,
    pub log: Vec<(u64, Action)>,
    pub notes: Vec<Note>,
    pub lamps: (bool, bool, bool),
}

pub const LINKS: u8 = 2;

pub fn start(boot: u8, contacts: usize) -> Start {
    Start { boot: [boot; 16], told_reset: false, contacts, dog: Dog::StandIn, links: LINKS }
}

pub fn slot(boot: u8, mark: Mark, held: Option<Hold>) -> Slot {
    Slot { sequence: 9, held, report: None, mark, boot: [boot; 16], resets: 0, power_loss_holds: false }
}

impl Rig {
    pub fn new(start: Start, slots: [Option<Slot>; 2]) -> Self {
        let now = Now { us: BEGIN_US, wall_ms: 0 };
        Self {
            guard: Guardian::new(start, now),
            start,
            now: BEGIN_US,
            wall_ms: 1_790_000_000_000,
            cost_us: 0,
            kernel: Kernel { links_up: LINKS, ..Kernel::default() },
            lies: vec![],
            slots,
            latch: Helper::Prompt,
            zones: Helper::Prompt,
            broker: true,
            ready: true,
            vault_ms: 0,
            launcher_ms: 0,
            power_loss_holds: false,
            noting: true,
            beat_us: BEGIN_US,
            writes: vec![],
            log: vec![],
            notes: vec![],
            lamps: (false, false, false),
        }
    }

    /// A box with so many contacts, closed, on a disk with these slots; all parts have joined.
    pub fn joined(contacts: usize, slots: [Option<Slot>; 2]) -> Self {
        let mut rig = Self::new(start(1, contacts), slots);
        rig.join();
        rig
    }

    pub fn join(&mut self) {
        self.joins(Part::Broker);
        self.latch_joins();
        self.joins(Part::Zones);
        for line in 0..self.start.contacts {
            self.on(Input::Contact { line: line as u8, contact: Contact::Closed });
        }
        self.run(SECOND / 2);
    }

    /// An armed box.
    pub fn armed(contacts: usize) -> Self {
        let rig = Self::joined(contacts, [None, None]);
        assert_eq!(rig.state().standing, Standing::Armed, "lacks {:b}", rig.state().lacks);
        rig
    }

    /// A box that was cut off by a command, to the end, and durably.
    pub fn cut(contacts: usize) -> Self {
        let mut rig = Self::armed(contacts);
        rig.on(Input::Cut(Trigger::Command { uid: 0 }));
        rig.run(SECOND);
        assert_eq!(rig.hold(), Some(Hold::CutOff));
        assert!(rig.report().steps.latched_us.is_some(), "{:?}", rig.report());
        rig
    }

    pub fn joins(&mut self, part: Part) {
        self.on(Input::Joined(part));
    }

    pub fn latch_joins(&mut self) {
        self.joins(Part::Latch);
        let [a, b] = self.slots;
        self.on(Input::Slots { a, b, empty: a.is_none() && b.is_none() });
    }

    /// Another guardian in the same boot, on what the first one left.
    pub fn restart(&mut self) {
        self.guard = Guardian::new(self.start, Now { us: self.now, wall_ms: self.wall_ms });
        self.beat_us = self.now;
        self.join();
    }

    /// Another boot on the same disk: nothing lives, and ports are as the kernel makes them.
    pub fn boot(&mut self, boot: u8, told_reset: bool) {
        self.start = Start { told_reset, ..start(boot, self.start.contacts) };
        self.kernel = Kernel { links_up: LINKS, ..Kernel::default() };
        self.now = BEGIN_US;
        (self.latch, self.zones, self.broker, self.ready) = (Helper::Prompt, Helper::Prompt, true, true);
        self.restart();
    }

    pub fn on(&mut self, input: Input) {
        let now = Now { us: self.now, wall_ms: self.wall_ms };
        self.guard.on(input, now);
        self.drain();
    }

    fn tell(&mut self, input: Input) {
        let now = Now { us: self.now, wall_ms: self.wall_ms };
        self.guard.on(input, now);
    }

    fn drain(&mut self) {
        let mut count = 0;
        while let Some(action) = self.guard.step() {
            count += 1;
            assert!(count < 5_000, "it does not come to an end: {action:?}");
            self.log.push((self.now, action));
            self.now += self.cost_us;
            self.act(action);
        }
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Set { what, on } => {
                if self.lies.contains(&what) {
                    return self.lie(what, on);
                }
                if !self.kernel.stuck.contains(&what) {
                    self.set(what, on);
                }
                self.read(what);
            }
            Action::Look { what } => self.read(what),
            Action::Kill { .. } if self.lies.contains(&What::TreesDead) => {}
            Action::Kill { slot } => self.kernel.processes.retain(|p| p.immortal || p.slot != Some(slot)),
            Action::LookAt { slot } => {
                let lives = self.kernel.processes.iter().any(|p| p.slot == Some(slot));
                let lives = lives && !self.lies.contains(&What::TreesDead);
                self.tell(Input::SessionLives { slot, lives });
            }
            Action::Write { slot } => {
                self.writes.push(slot);
                self.write(slot);
            }
            Action::Lay => match self.zones {
                Helper::Prompt => self.tell(Input::Laid(true)),
                Helper::Fails => self.tell(Input::Laid(false)),
                Helper::Stuck | Helper::Gone => {}
            },
            Action::Tell { number, note, .. } => {
                self.notes.push(note);
                if self.noting {
                    self.tell(Input::Noted { number });
                }
            }
            Action::Lamps { connected, cut, fault } => self.lamps = (connected, cut, fault),
            Action::Watching { session, slot } => {
                let _ = session;
                self.kernel.processes.push(Process { slot: Some(slot), front: false, immortal: false });
            }
            Action::Forget { .. } | Action::BeatLatch | Action::Feed | Action::Hello { .. } | Action::Beat { .. } => {}
            Action::NotWatching { .. } | Action::Rearmed { .. } | Action::NotRearmed { .. } | Action::Exit => {}
        }
    }

    /// The latch's rule, on a disk that is durable at once.
    fn write(&mut self, slot: Slot) {
        let sequence = slot.sequence;
        match self.latch {
            Helper::Prompt => {
                self.slots = [Some(slot), Some(slot)];
                self.tell(Input::Written { sequence });
            }
            Helper::Fails => self.tell(Input::NotWritten { sequence }),
            Helper::Stuck | Helper::Gone => {}
        }
    }

    /// A latch that was stuck goes on.
    pub fn latch_goes_on(&mut self) {
        self.latch = Helper::Prompt;
        if let Some(last) = self.writes.last().copied() {
            self.slots = [Some(last), Some(last)];
            self.on(Input::Written { sequence: last.sequence });
        }
    }

    fn lie(&mut self, what: What, on: bool) {
        match what {
            What::LinksDown => self.tell(Input::Links { up: if on { 0 } else { LINKS } }),
            What::TreesDead => self.tell(Input::Lives { fronts: Some(false), sessions: Some(false) }),
            What::OtDrops | What::UplinkDrops => self.tell(Input::Is { what, is: Some(on) }),
        }
    }

    fn set(&mut self, what: What, on: bool) {
        match what {
            What::OtDrops => self.kernel.ot_drops = on,
            What::UplinkDrops => self.kernel.uplink_drops = on,
            What::TreesDead => self.kernel.processes.retain(|p| p.immortal),
            What::LinksDown => self.kernel.links_up = if on { 0 } else { LINKS },
        }
    }

    fn read(&mut self, what: What) {
        let blind = self.kernel.blind.contains(&what);
        let lives = |front: bool| Some(self.kernel.processes.iter().any(|p| p.front == front)).filter(|_| !blind);
        let input = match what {
            What::OtDrops => Input::Is { what, is: Some(self.kernel.ot_drops).filter(|_| !blind) },
            What::UplinkDrops => Input::Is { what, is: Some(self.kernel.uplink_drops).filter(|_| !blind) },
            What::TreesDead => Input::Lives { fronts: lives(true), sessions: lives(false) },
            What::LinksDown if blind => Input::Is { what, is: None },
            What::LinksDown => Input::Links { up: self.kernel.links_up },
        };
        self.tell(input);
    }

    /// Time passes, with the broker's beats, and the shell wakes when the guardian asked for it.
    pub fn run(&mut self, us: u64) {
        let end = self.now + us;
        while self.now < end {
            let wake = self.guard.wake_us().max(self.now + 1);
            let beat = if self.broker { self.beat_us } else { u64::MAX };
            self.now = wake.min(beat).min(end).max(self.now);
            if beat <= self.now {
                self.beat_us = self.now + 250 * MS;
                self.beats();
            } else {
                self.on(Input::Time);
            }
        }
    }

    pub fn beats(&mut self) {
        let (ready, vault_ms, launcher_ms) = (self.ready, self.vault_ms, self.launcher_ms);
        self.on(Input::Beat { ready, vault_ms, launcher_ms, power_loss_holds: self.power_loss_holds });
    }

    pub fn state(&self) -> State {
        self.guard.state()
    }

    pub fn report(&self) -> Report {
        self.state().report.expect("there was a cut-off")
    }

    pub fn hold(&self) -> Option<Hold> {
        match self.state().standing {
            Standing::Held { why } => Some(why),
            Standing::Armed => None,
        }
    }

    /// All of OT is shut, in the kernel.
    pub fn shut(&self) -> bool {
        self.kernel.ot_drops && self.kernel.links_up == 0
    }

    /// A session, with its process.
    pub fn session(&mut self, session: u64, ends_in_us: u64) {
        let deadline_ms = (self.now + ends_in_us) / 1000;
        self.on(Input::Watch { session, deadline_ms });
    }

    pub fn immortal(&mut self) {
        self.kernel.processes.iter_mut().for_each(|p| p.immortal = true);
    }

    /// What was done since `from` in the log.
    pub fn since(&self, from: usize) -> impl Iterator<Item = Action> {
        self.log.iter().skip(from).map(|(_, action)| *action)
    }

    /// When it was last done, µs after `from_us`.
    pub fn first(&self, from: usize, wanted: impl Fn(&Action) -> bool) -> Option<u64> {
        self.log.iter().skip(from).find(|(_, action)| wanted(action)).map(|(at, _)| *at)
    }

    pub fn feeds(&self, from: usize) -> usize {
        self.since(from).filter(|action| matches!(action, Action::Feed)).count()
    }

    /// How a ticket was answered, all of them in order.
    pub fn answers(&self) -> Vec<(u64, Option<RearmRefusal>)> {
        let answer = |action: &Action| {
            if let Action::Rearmed { ticket } = action {
                return Some((*ticket, None));
            }
            if let Action::NotRearmed { ticket, why } = action { Some((*ticket, Some(*why))) } else { None }
        };
        self.log.iter().filter_map(|(_, action)| answer(action)).collect()
    }

    pub fn noted(&self, wanted: impl Fn(&Note) -> bool) -> usize {
        self.notes.iter().filter(|note| wanted(note)).count()
    }

    pub fn press(&mut self) {
        self.on(Input::Cut(Trigger::Console));
    }

    /// What the newest whole slot on the disk says is held.
    pub fn on_disk(&self) -> Option<Hold> {
        self.slots.into_iter().flatten().max_by_key(|slot| slot.sequence).and_then(|slot| slot.held)
    }
}
