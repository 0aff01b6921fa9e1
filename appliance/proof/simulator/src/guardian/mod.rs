//! The guardian's real core in a box of its own: a kernel that can hang, be slow or lie, a latch whose disk loses
//! what was not synced, a broker that only beats, and people who press. One seed is one story, with a pair of
//! failures in it at times of their own; after every step its properties must hold, judged by what the kernel
//! double enforces and not by what the guardian says.

#[path = "../../../../domain/guard/tests/common/mod.rs"]
mod rig;
mod watch;

use crate::disk::Random;
use guard::{Action, Contact, Hold, Input, Part, Slot, Trigger, What};
use rig::{Helper, MS, Rig, SECOND};
use watch::Watch;

/// What goes wrong, and what people do, in a story: each pair of them is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// A session begins.
    SessionStarts,
    /// The broker is stopped.
    BrokerStopped,
    /// Every action takes its time.
    MachineSwaps,
    /// A wired contact bounces, and stays open in the end.
    Bounce,
    /// A person re-arms.
    Rearm,
    /// The wall clock jumps.
    ClockJump,
    /// The power goes, and comes back.
    PowerLoss,
    /// The latch hangs.
    LatchStuck,
    /// Another guardian in the same boot.
    GuardianRestarts,
    /// What lives now can not be killed.
    Immortal,
    /// A drill.
    Drill,
    /// Somebody else sets ports up.
    Ports,
}

impl Trouble {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::SessionStarts,
        Self::BrokerStopped,
        Self::MachineSwaps,
        Self::Bounce,
        Self::Rearm,
        Self::ClockJump,
        Self::PowerLoss,
        Self::LatchStuck,
        Self::GuardianRestarts,
        Self::Immortal,
        Self::Drill,
        Self::Ports,
    ];
}

/// A part that is broken on purpose, so that each property is shown to see one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    /// OT's filter is said to be set, and is not.
    LyingFilter,
    /// Somebody sets the ports up behind a shell that reads them as down.
    LyingPorts,
    /// What is killed lives on, and is read as dead.
    LyingKill,
    /// Somebody takes OT's filter away after a press, and it can't be set again.
    OpensBehind,
    /// The latch answers before it is durable.
    EarlyLatch,
    /// The shell gives the guardian the time every four seconds.
    LazyShell,
    /// The shell feeds whatever the guardian says.
    FeedsAnyway,
    /// The shell does not feed.
    NeverFeeds,
    /// What the shell is told of late parts is always in time.
    DeafToLeases,
    /// An answer to the broker gets lost.
    LostAnswer,
}

macro_rules! properties {
    ($($(#[$meta:meta])* $variant:ident = $name:literal;)*) => {
        /// What must hold in every story.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Property { $($(#[$meta])* $variant),* }

        impl Property {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// Its name.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }
        }
    };
}

properties! {
    /// A press shuts OT and kills what can die in the same moment.
    CutsAtOnce = "cuts-at-once";
    /// From a press on OT is shut until a person re-arms.
    StaysCut = "stays-cut";
    /// A press that was shown as latched is what the next boot knows.
    LatchedIsLatched = "latched-is-latched";
    /// Nothing lives past rung 3, and what can't die takes OT down and starves the watchdog.
    RungsInTime = "rungs-in-time";
    /// It is fed each second unless it starves for a reason, and then it is not.
    FedWhenDue = "fed-when-due";
    /// A silent broker's sessions end.
    LateEnds = "late-ends";
    /// Who asks for a re-arm or a drill is answered once.
    Answered = "answered";
    /// What the core says must never be is never so.
    NeverSo = "never-so";
}

/// How a story went.
#[derive(Debug, Clone, Default)]
pub struct Told {
    /// What did not hold, and what was seen.
    pub failure: Option<(Property, String)>,
    /// Presses.
    pub presses: u64,
    /// Power losses.
    pub power_losses: u64,
    /// Times that it was armed again by a person or after a drill.
    pub rearmed: u64,
    /// Resets by the watchdog.
    pub resets: u64,
    /// Looks at the properties.
    pub steps: u64,
}

struct Story {
    rig: Rig,
    random: Random,
    watch: Watch,
    broken: Option<Broken>,
    /// What is durable; what the latch has written and not yet synced.
    disk: [Option<Slot>; 2],
    unsynced: Option<Slot>,
    taken: usize,
    session: u64,
    ticket: u64,
    boot: u8,
    stuck_latch: bool,
}

/// Tells the story of a seed, with this pair in it.
pub fn tell(seed: u64, pair: (Trouble, Trouble), broken: Option<Broken>) -> Told {
    let mut rig = Rig::new(rig::start(1, 1), [None, None]);
    rig.latch = Helper::Stuck;
    let mut story = Story {
        rig,
        random: Random(seed),
        watch: Watch::default(),
        broken,
        disk: [None, None],
        unsynced: None,
        taken: 0,
        session: 1,
        ticket: 1,
        boot: 1,
        stuck_latch: false,
    };
    story.rig.lies = match broken {
        Some(Broken::LyingFilter) => vec![What::OtDrops],
        Some(Broken::LyingPorts) => vec![What::LinksDown],
        Some(Broken::LyingKill) => vec![What::TreesDead],
        Some(_) | None => vec![],
    };
    story.starts();
    story.pass(SECOND);
    story.watch.begins(&story.rig);
    story.does(Trouble::SessionStarts);
    for _ in 0..3 {
        let mut acts = [Some(pair.0), Some(pair.1), None];
        for last in (1..3).rev() {
            acts.swap(last, story.random.below(last as u64 + 1) as usize);
        }
        for act in acts {
            match act {
                Some(trouble) => story.does(trouble),
                None => story.press(),
            }
            let us = [0, 100, 5 * MS, 300 * MS, 3 * SECOND][story.random.below(5) as usize];
            let us = us + story.random.below(4 * MS);
            story.pass(us);
            if story.watch.told.failure.is_some() {
                return story.watch.told;
            }
        }
        if story.random.coin() {
            story.pass(6 * SECOND);
        }
        story.heals();
        story.pass(9 * SECOND);
        if story.rig.state().dog == guard::Dog::Starving {
            // The watchdog resets the board.
            story.watch.told.resets += 1;
            story.power_loss();
        }
        if story.random.coin() {
            story.does(Trouble::Rearm);
            story.pass(12 * SECOND);
        }
    }
    story.watch.ends();
    story.watch.told
}

impl Story {
    fn starts(&mut self) {
        self.rig.joins(Part::Broker);
        self.rig.joins(Part::Zones);
        self.rig.joins(Part::Latch);
        let [a, b] = self.disk;
        (self.unsynced, self.taken) = (None, self.rig.writes.len());
        self.rig.on(Input::Slots { a, b, empty: a.is_none() && b.is_none() });
        self.rig.on(Input::Contact { line: 0, contact: Contact::Closed });
        self.pass(MS);
    }

    /// Time passes in small steps; the latch does one of its own in each.
    fn pass(&mut self, us: u64) {
        let end = self.rig.now + us;
        let lazy = self.broken == Some(Broken::LazyShell);
        while self.rig.now < end {
            let step = if lazy { 4 * SECOND } else { 200 + self.random.below(40 * MS) };
            if lazy {
                self.rig.now += step;
                self.look();
                self.rig.on(Input::Time);
            } else {
                self.rig.run(step.min(end - self.rig.now));
            }
            self.latch();
            self.look();
        }
    }

    fn latch(&mut self) {
        if self.stuck_latch {
            return;
        }
        if let Some(slot) = self.unsynced.take() {
            let first = usize::from(self.disk[0].map_or(0, |s| s.sequence) >= self.disk[1].map_or(0, |s| s.sequence));
            self.disk[first] = Some(slot);
            self.rig.on(Input::Written { sequence: slot.sequence });
            self.disk[1 - first] = Some(slot);
        }
        if let Some(slot) = self.rig.writes.get(self.taken).copied() {
            self.taken += 1;
            self.unsynced = Some(slot);
            if self.broken == Some(Broken::EarlyLatch) {
                self.rig.on(Input::Written { sequence: slot.sequence });
            }
        }
    }

    fn look(&mut self) {
        match self.broken {
            Some(Broken::FeedsAnyway) => self.rig.log.push((self.rig.now, Action::Feed)),
            Some(Broken::OpensBehind) if self.watch.is_cut() => {
                self.rig.lies = vec![What::OtDrops];
                self.rig.kernel.ot_drops = false;
            }
            Some(Broken::NeverFeeds) => self.rig.log.retain(|(_, action)| *action != Action::Feed),
            Some(Broken::LostAnswer) => {
                let answer = |action: &Action| matches!(action, Action::Rearmed { .. } | Action::NotRearmed { .. });
                self.rig.log.retain(|(_, action)| !answer(action));
            }
            Some(_) | None => {}
        }
        self.watch.looks(&self.rig);
        self.watch.told.steps += 1;
    }

    fn press(&mut self) {
        let trigger = [Trigger::Console, Trigger::Break, Trigger::Command { uid: 0 }][self.random.below(3) as usize];
        self.watch.presses();
        self.rig.on(Input::Cut(trigger));
        self.watch.pressed(&self.rig);
        self.look();
    }

    fn does(&mut self, trouble: Trouble) {
        match trouble {
            Trouble::SessionStarts => {
                let us = SECOND + self.random.below(20 * SECOND);
                self.rig.session(self.session, us);
                self.watch.session(self.session, self.rig.now + us);
                self.session += 1;
            }
            Trouble::BrokerStopped => {
                self.rig.broker = self.broken == Some(Broken::DeafToLeases);
                self.watch.broker(false, self.rig.now);
            }
            Trouble::MachineSwaps => self.rig.cost_us = self.random.below(3 * MS),
            Trouble::Bounce => {
                self.watch.presses();
                for _ in 0..8 {
                    for contact in [Contact::Open, Contact::Closed] {
                        self.rig.on(Input::Contact { line: 0, contact });
                        self.rig.now += MS;
                    }
                }
                self.rig.on(Input::Contact { line: 0, contact: Contact::Open });
                self.rig.on(Input::Time);
                self.watch.pressed(&self.rig);
                self.rig.on(Input::Contact { line: 0, contact: Contact::Closed });
            }
            Trouble::Rearm => {
                self.watch.asks(self.ticket, true);
                self.rig.on(Input::Rearm { ticket: self.ticket, contact: self.random.coin() });
                self.ticket += 1;
            }
            Trouble::Drill => {
                self.watch.asks(self.ticket, false);
                self.rig.on(Input::Drill { ticket: self.ticket });
                self.ticket += 1;
            }
            Trouble::ClockJump => self.rig.wall_ms = self.random.next() as i64,
            Trouble::LatchStuck => self.stuck_latch = true,
            Trouble::Immortal => self.rig.immortal(),
            Trouble::Ports => self.rig.kernel.links_up = 1,
            Trouble::GuardianRestarts => {
                self.watch.restarts();
                self.rig.guard = guard::Guardian::new(self.rig.start, guard::Now { us: self.rig.now, wall_ms: 0 });
                self.starts();
            }
            Trouble::PowerLoss => self.power_loss(),
        }
        self.look();
    }

    fn power_loss(&mut self) {
        if let Some(slot) = self.unsynced.take() {
            let first = usize::from(self.disk[0].map_or(0, |s| s.sequence) >= self.disk[1].map_or(0, |s| s.sequence));
            match self.random.below(3) {
                0 => self.disk[first] = Some(slot),
                1 => self.disk[first] = None,
                _ => {}
            }
        }
        self.boot += 1;
        self.watch.power_lost();
        self.rig.start = rig::start(self.boot, 1);
        self.rig.kernel = rig::Kernel { links_up: rig::LINKS, ..rig::Kernel::default() };
        self.rig.now += rig::BEGIN_US;
        (self.rig.broker, self.rig.cost_us, self.stuck_latch) = (true, 0, false);
        self.rig.guard = guard::Guardian::new(self.rig.start, guard::Now { us: self.rig.now, wall_ms: 0 });
        self.starts();
        self.pass(2 * SECOND);
        let cut = self.rig.hold() == Some(Hold::CutOff);
        self.watch.booted(cut, &self.rig);
    }

    fn heals(&mut self) {
        self.rig.kernel.processes.iter_mut().for_each(|process| process.immortal = false);
        (self.rig.cost_us, self.stuck_latch, self.rig.broker) = (0, false, true);
        self.watch.broker(true, self.rig.now);
    }
}
