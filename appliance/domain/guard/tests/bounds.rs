//! Claims over long schedules of anything: nothing is allocated, nothing panics, each input comes to an end, and
//! what must never be is never so. The oracle `guardian` in `appliance/proof/oracles` looks further.

mod common;

use guard::{Action, Contact, Guardian, Hold, Input, Mark, Note, Now, Part, Report, Slot, Steps, Trigger, What};

/// Seeded chance (splitmix64), without memory of its own.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.roll() % end
    }

    fn coin(&mut self) -> bool {
        self.below(2) == 0
    }

    fn any(&mut self) -> u64 {
        match self.below(6) {
            0 => u64::MAX,
            1 => 0,
            2 => self.roll(),
            _ => self.below(400),
        }
    }

    fn maybe(&mut self) -> Option<bool> {
        [None, Some(true), Some(false)][self.below(3) as usize]
    }

    fn slot(&mut self) -> Option<Slot> {
        if self.below(4) == 0 {
            return None;
        }
        let report = Report {
            number: self.any(),
            trigger: Trigger::Key,
            wall_ms: i64::MAX,
            boot_ms: self.any(),
            sessions: 3,
            steps: Steps::default(),
        };
        Some(Slot {
            sequence: self.any(),
            held: [None, Some(Hold::CutOff), Some(Hold::Starting)][self.below(3) as usize],
            report: self.coin().then_some(report),
            mark: [Mark::Clean, Mark::Running, Mark::Starving, Mark::Silent][self.below(4) as usize],
            boot: [self.below(3) as u8; 16],
            resets: self.below(5) as u8,
            power_loss_holds: self.coin(),
        })
    }

    fn input(&mut self) -> Input {
        let part = [Part::Broker, Part::Vault, Part::Launcher, Part::Latch, Part::Zones][self.below(5) as usize];
        let what = [What::OtDrops, What::UplinkDrops, What::TreesDead, What::LinksDown][self.below(4) as usize];
        let contact = [Contact::Closed, Contact::Closed, Contact::Open, Contact::Gone][self.below(4) as usize];
        match self.below(64) {
            0..=9 => Input::Time,
            10..=12 => Input::Joined(part),
            13 => Input::Left(part),
            14 | 15 => Input::Slots { a: self.slot(), b: self.slot(), empty: self.coin() },
            16 => Input::Written { sequence: self.any() },
            17 => Input::NotWritten { sequence: self.any() },
            18 => Input::Laid(self.below(4) != 0),
            19..=21 => Input::Is { what, is: self.maybe() },
            22 => Input::Links { up: self.any() as u8 },
            23 => Input::Lives { fronts: self.maybe(), sessions: self.maybe() },
            24 => Input::SessionLives { slot: self.any() as u16, lives: self.coin() },
            25..=34 => Input::Beat { ready: self.below(8) != 0, vault_ms: 0, launcher_ms: self.below(16) as u32 * 150, power_loss_holds: false },
            35..=39 => Input::Watch { session: self.any(), deadline_ms: self.any().saturating_mul(1000) },
            40 => Input::Deadline { session: self.any(), deadline_ms: self.any() },
            41..=43 => Input::Over { session: self.any() },
            44 => Input::Cut(Trigger::Command { uid: 7 }),
            45..=50 => Input::Rearm { ticket: self.any(), contact: self.below(4) == 0 },
            51 | 52 => Input::Drill { ticket: self.any() },
            53..=55 => Input::Noted { number: self.any() },
            56..=60 => Input::Contact { line: self.below(5) as u8, contact },
            61 => Input::Key { down: self.coin() },
            62 => Input::Fault { bit: self.any() as u16, there: self.coin() },
            _ if self.below(400) == 0 => Input::Stop,
            _ => Input::Time,
        }
    }
}

/// What an honest kernel, latch and zones answer; some of the time.
fn answer(action: Action, dice: &mut Dice) -> Option<Input> {
    if dice.below(8) == 0 {
        return None;
    }
    if let Action::Set { what, on } = action {
        return Some(match what {
            What::LinksDown => Input::Links { up: if on { 0 } else { common::LINKS } },
            What::TreesDead => Input::Lives { fronts: Some(false), sessions: Some(false) },
            What::OtDrops | What::UplinkDrops => Input::Is { what, is: Some(on) },
        });
    }
    if let Action::LookAt { slot } = action {
        return Some(Input::SessionLives { slot, lives: false });
    }
    if let Action::Write { slot } = action {
        return Some(Input::Written { sequence: slot.sequence });
    }
    if let Action::Tell { number, note: Note::Cut { .. } | Note::Armed, .. } = action {
        return Some(Input::Noted { number });
    }
    (action == Action::Lay).then_some(Input::Laid(true))
}

#[derive(Default)]
struct Seen {
    inputs: u64,
    armed: u64,
    cut: u64,
    longest: u32,
}

fn story(seed: u64, inputs: u64, jumps: bool, seen: &mut Seen) {
    let mut dice = Dice(seed);
    let contacts = dice.below(6) as usize;
    let mut now = Now { us: common::BEGIN_US, wall_ms: 0 };
    let mut guard = Guardian::new(common::start(1, contacts), now);
    for _ in 0..inputs {
        now.us = match dice.below(if jumps { 300 } else { 200 }) {
            0..=150 => now.us.saturating_add(dice.below(30_000)),
            151..=199 => now.us.saturating_add(dice.below(900_000)),
            200..=297 => now.us.saturating_sub(dice.below(1_000)),
            298 => now.us.saturating_add(dice.roll()),
            _ => u64::MAX,
        };
        now.wall_ms = dice.roll() as i64;
        guard.on(dice.input(), now);
        seen.inputs += 1;
        let mut steps = 0;
        while let Some(action) = guard.step() {
            steps += 1;
            assert!(steps < 2_000, "seed {seed}: it does not come to an end: {action:?}");
            if let Some(input) = answer(action, &mut dice) {
                guard.on(input, now);
            }
        }
        seen.longest = seen.longest.max(steps);
        assert_eq!(guard.broken_invariant(), None, "seed {seed}");
        let state = guard.state();
        seen.armed += u64::from(state.standing == guard::Standing::Armed);
        seen.cut += u64::from(state.standing == (guard::Standing::Held { why: Hold::CutOff }));
        std::hint::black_box(guard.wake_us());
    }
}

#[test]
fn long_schedules_of_anything_allocate_nothing_and_come_to_their_ends() {
    let mut seen = Seen::default();
    for seed in 0..300 {
        let counted = allocation_counter::measure(|| story(seed, 1_000, seed % 3 == 0, &mut seen));
        assert_eq!(counted.count_total, 0, "seed {seed}");
    }
    println!("{} inputs, armed after {}, cut off after {}; at most {} actions an input", seen.inputs, seen.armed, seen.cut, seen.longest);
    assert!(seen.armed > 1_000 && seen.cut > 1_000, "schedules in which little happens show little");
}

#[test]
fn the_counter_counts() {
    assert_eq!(allocation_counter::measure(|| drop(std::hint::black_box(Box::new(7)))).count_total, 1);
}
