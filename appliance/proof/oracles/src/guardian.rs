//! The guardian's core: a script of inputs and times, answered by a kernel that does as it is told, or does not.

use guard::{Action, Contact, Dog, Guardian, Hold, Input, Mark, Now, Part, Slot, Start, Trigger, What};

/// What one input may set off at most: every session killed and looked at, every note told, and the routine.
const ACTIONS_MAX: usize = 2_000;

/// A script that is read value by value; zeroes behind its end.
struct Script<'a>(&'a [u8]);

impl Script<'_> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    /// Small ones, and those at the end of numbers.
    fn number(&mut self) -> u64 {
        match self.byte() {
            255 => u64::MAX,
            254 => u64::MAX >> 1,
            253 => u64::from_le_bytes([0; 8].map(|_: u8| self.byte())),
            small => u64::from(small),
        }
    }

    fn truth(&mut self) -> bool {
        self.byte() % 2 == 1
    }

    fn maybe(&mut self) -> Option<bool> {
        [None, Some(true), Some(false)][usize::from(self.byte() % 3)]
    }

    fn what(&mut self) -> What {
        [What::OtDrops, What::UplinkDrops, What::TreesDead, What::LinksDown][usize::from(self.byte() % 4)]
    }

    fn part(&mut self) -> Part {
        [Part::Broker, Part::Vault, Part::Launcher, Part::Latch, Part::Zones, Part::Desk][usize::from(self.byte() % 6)]
    }

    fn slot(&mut self) -> Option<Slot> {
        self.truth().then(|| Slot {
            sequence: self.number(),
            held: self.truth().then_some(Hold::CutOff),
            report: None,
            mark: [Mark::Clean, Mark::Running, Mark::Starving, Mark::Silent][usize::from(self.byte() % 4)],
            boot: [self.byte() % 2; 16],
            resets: self.byte(),
            power_loss_holds: self.truth(),
        })
    }

    fn input(&mut self) -> Input {
        match self.byte() % 24 {
            0 => Input::Joined(self.part()),
            1 => Input::Left(self.part()),
            2 => Input::Slots { a: self.slot(), b: self.slot(), empty: self.truth() },
            3 => Input::Written { sequence: self.number() },
            4 => Input::NotWritten { sequence: self.number() },
            5 => Input::Laid(self.truth()),
            6 => Input::Is { what: self.what(), is: self.maybe() },
            7 => Input::Links { up: self.byte() },
            8 => Input::Lives { fronts: self.maybe(), sessions: self.maybe() },
            9 => Input::SessionLives { slot: u16::from(self.byte()), lives: self.truth() },
            10 | 11 => Input::Beat {
                ready: self.truth(),
                vault_ms: u32::from(self.byte()) * 16,
                launcher_ms: u32::from(self.byte()) * 16,
                power_loss_holds: self.truth(),
            },
            12 => Input::Watch { session: self.number(), deadline_ms: self.number().saturating_mul(1000) },
            13 => Input::Deadline { session: self.number(), deadline_ms: self.number() },
            14 => Input::Over { session: self.number() },
            15 => Input::Cut(Trigger::Command { uid: 0 }),
            16 => Input::Rearm { ticket: self.number(), contact: self.truth() },
            17 => Input::Drill { ticket: self.number() },
            18 => Input::Noted { number: self.number() },
            19 => Input::Contact {
                line: self.byte() % 5,
                contact: [Contact::Closed, Contact::Open, Contact::Gone][usize::from(self.byte() % 3)],
            },
            20 => Input::Key { down: self.truth() },
            21 => Input::Fault { bit: u16::from(self.byte()), there: self.truth() },
            22 if self.byte() == 7 => Input::Stop,
            _ => Input::Time,
        }
    }
}

fn answer(action: Action) -> Option<Input> {
    if let Action::Set { what, on } = action {
        return Some(match what {
            What::LinksDown => Input::Links { up: if on { 0 } else { 1 } },
            What::TreesDead => Input::Lives { fronts: Some(false), sessions: Some(false) },
            What::OtDrops | What::UplinkDrops => Input::Is { what, is: Some(on) },
        });
    }
    if let Action::Write { slot } = action {
        return Some(Input::Written { sequence: slot.sequence });
    }
    if let Action::LookAt { slot } = action {
        return Some(Input::SessionLives { slot, lives: slot % 2 == 1 });
    }
    (action == Action::Lay).then_some(Input::Laid(true))
}

/// Whatever comes, and whenever: it does not panic, allocates nothing, each input comes to an end, and what must
/// never be is never so.
///
/// # Panics
/// If one of them does not hold.
pub fn holds(bytes: &[u8]) {
    let mut script = Script(bytes);
    let start = Start {
        boot: [1; 16],
        told_reset: script.truth(),
        contacts: usize::from(script.byte() % 6),
        dog: Dog::StandIn,
        links: script.byte() % 3,
    };
    let mut now = Now { us: script.number(), wall_ms: 0 };
    let mut guardian = Guardian::new(start, now);
    let honest = script.byte();
    while !script.0.is_empty() {
        now.us = match script.byte() {
            250.. => script.number(),
            step => now.us.saturating_add(u64::from(step).pow(3)),
        };
        now.wall_ms = i64::from(script.byte()) << 48;
        guardian.on(script.input(), now);
        let mut actions = 0;
        while let Some(action) = guardian.step() {
            actions += 1;
            assert!(actions < ACTIONS_MAX, "one input does not come to an end: {action:?}");
            let does = honest >> (actions % 8) & 1 == 1 || honest > 200;
            if let Some(input) = answer(action).filter(|_| does) {
                guardian.on(input, now);
            }
        }
        assert_eq!(guardian.broken_invariant(), None);
        assert!(guardian.wake_us() <= guardian.now_us().saturating_add(1_000_000), "it sleeps for too long");
    }
}

/// A box that is armed, cut off, re-armed, drilled and stopped.
pub fn seeds() -> Vec<Vec<u8>> {
    let open: &[u8] = &[0, 0, 1, 100, 255];
    // A step in time, the wall, the input and its values.
    let armed: &[&[u8]] = &[&[9, 0, 0, 0], &[9, 0, 0, 3], &[9, 0, 0, 4], &[9, 0, 2, 0, 0, 1], &[9, 0, 10, 1, 0, 0, 0], &[99, 0, 23]];
    let beat: &[u8] = &[99, 0, 10, 1, 0, 0, 0];
    let acts: &[&[u8]] = &[&[9, 0, 12, 7, 60], &[9, 0, 15], &[9, 0, 16, 3, 0], &[9, 0, 17, 4], &[9, 0, 14, 7], &[9, 0, 22, 7], &[9, 0, 20, 1]];
    let begun = [open, &armed.concat(), beat].concat();
    let mut seeds = vec![begun.clone()];
    for one in acts {
        for other in acts {
            seeds.push([&begun[..], one, beat, other, beat, beat].concat());
        }
    }
    seeds
}
