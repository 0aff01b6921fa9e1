//! Claim: a press that was shown as latched is never forgotten, and no boot after it arms by itself, wherever
//! the power goes and whatever of the unsynced writes is lost or torn. The latch here follows the rule in
//! `border::latch`, step by step; four that break it, each in another way, are found out.

mod common;

use common::{Helper, MS, Rig};
use guard::keeper::{File as Name, Keeper, Plan};
use guard::slot_file::{decode, encode};
use guard::{Hold, Input, Slot, Standing, Trigger};
use std::collections::{HashMap, HashSet, VecDeque};

/// How the latch breaks its rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Latch {
    Right,
    /// It answers before its sync.
    Early,
    /// It writes both files, and then syncs both.
    Both,
    /// The folder is not made durable after a file was made in it.
    NoFolder,
    /// After a restart it takes what it reads for durable.
    TrustsCache,
}

#[derive(Debug, Clone, Default)]
struct File {
    /// What a power cut leaves; none where it leaves no name.
    durable: Option<Vec<u8>>,
    /// What is read now.
    cache: Option<Vec<u8>>,
    /// The name is in the folder for good.
    named: bool,
}

type Slots = [Option<Slot>; 2];

#[derive(Debug, Clone, Default)]
struct Disk {
    files: [File; 2],
}

impl Disk {
    fn write(&mut self, file: usize, slot: &Slot) {
        let mut bytes = Vec::new();
        encode(slot, &mut bytes);
        self.files[file].cache = Some(bytes);
    }

    fn sync(&mut self, file: usize) {
        self.files[file].durable = self.files[file].cache.clone();
    }

    fn slots(&self) -> Slots {
        [0, 1].map(|file: usize| self.files[file].cache.as_deref().and_then(decode))
    }

    /// Each disk that a power cut can leave, read again: files that are there, and what they hold.
    fn cuts(&self) -> Vec<Disk> {
        let each = |file: &File| {
            let mut out = vec![file.durable.clone()];
            if file.cache != file.durable {
                out.push(file.cache.clone());
                // Torn: the decoder's own test tries every mixture, and this is one that is none of both.
                out.push(Some(vec![0xaa; 100]));
            }
            if !file.named {
                out.push(None);
            }
            out
        };
        let file = |bytes: &Option<Vec<u8>>| File { durable: bytes.clone(), cache: bytes.clone(), named: true };
        let (a, b) = (each(&self.files[0]), each(&self.files[1]));
        a.iter().flat_map(|a| b.iter().map(move |b| Disk { files: [file(a), file(b)] })).collect()
    }

    fn empty(&self) -> bool {
        self.files.iter().all(|file| file.cache.as_ref().is_none_or(Vec::is_empty))
    }
}

struct World {
    rig: Rig,
    disk: Disk,
    latch: Latch,
    orders: VecDeque<Slot>,
    /// What is being written, how far, and whether the guardian asked for it.
    now: Option<(Plan, u8, bool)>,
    keeper: Keeper,
    events: VecDeque<Input>,
    taken: usize,
    /// The last press that was shown as latched and that nobody has begun to lift.
    shown: Option<u64>,
    boots: u8,
}

impl World {
    fn new(latch: Latch, disk: Disk, boot: u8) -> Self {
        let mut rig = Rig::new(common::start(boot, 0), [None, None]);
        rig.latch = Helper::Stuck;
        let mut world = Self {
            rig,
            disk,
            latch,
            orders: VecDeque::new(),
            now: None,
            keeper: Keeper::new(None, None),
            events: VecDeque::new(),
            taken: 0,
            shown: None,
            boots: boot,
        };
        world.begin();
        world
    }

    /// The guardian and its latch start, or start again.
    fn begin(&mut self) {
        self.rig.joins(guard::Part::Broker);
        self.rig.joins(guard::Part::Zones);
        self.rig.joins(guard::Part::Latch);
        let empty = self.disk.empty();
        for file in &mut self.disk.files {
            file.cache.get_or_insert_default();
            if self.latch != Latch::TrustsCache {
                file.durable.clone_from(&file.cache);
            }
            if self.latch != Latch::NoFolder {
                (file.named, file.durable) = (true, file.durable.take().or(Some(vec![])));
            }
        }
        let [a, b] = self.disk.slots();
        self.keeper = Keeper::new(a, b);
        (self.orders, self.now, self.events) = (VecDeque::new(), None, VecDeque::new());
        self.events.push_back(Input::Slots { a, b, empty });
    }

    fn restart(&mut self) {
        let now = guard::Now { us: self.rig.now, wall_ms: 0 };
        self.rig.guard = guard::Guardian::new(self.rig.start, now);
        self.begin();
    }

    /// One step of the latch, or the delivery of what it said.
    fn latch_step(&mut self) {
        if let Some(event) = self.events.pop_front() {
            return self.on(event);
        }
        let Some((plan, step, asked)) = self.now.take() else {
            let Some(slot) = self.orders.pop_front() else { return };
            let woke = self.keeper.heard();
            let plan = self.keeper.write(slot);
            self.now = plan.map(|plan| (plan, 0, true));
            if woke || plan.is_none() {
                self.slots_again();
            }
            return;
        };
        let (record, [first, second]) = (plan.record, plan.order.map(|file| usize::from(file == Name::B)));
        let mut written = |now: bool| if now && asked { self.events.push_back(Input::Written { sequence: record.sequence }) };
        match step {
            0 => {
                self.disk.write(first, &record);
                written(self.latch == Latch::Early);
                if self.latch == Latch::Both {
                    self.disk.write(second, &record);
                }
            }
            1 => self.disk.sync(first),
            2 => written(self.latch != Latch::Early),
            3 => self.disk.write(second, &record),
            _ => {
                self.disk.sync(second);
                return self.keeper.wrote(&plan, [true, true]);
            }
        }
        self.now = Some((plan, step + 1, asked));
    }

    fn slots_again(&mut self) {
        let (a, b) = self.keeper.files();
        self.events.push_back(Input::Slots { a, b, empty: false });
    }

    /// The latch says that the guardian fell silent; it is heard again with its next word.
    fn silence(&mut self) {
        if self.now.is_none() {
            self.now = self.keeper.silence().map(|plan| (plan, 0, false));
        }
    }

    fn on(&mut self, input: Input) {
        if matches!(input, Input::Rearm { .. }) {
            self.shown = None;
        }
        self.rig.now += MS;
        self.rig.on(input);
        self.rig.beats();
        if self.now.is_none() && self.keeper.heard() {
            self.slots_again();
        }
        let new: Vec<_> = self.rig.writes.drain(self.taken..).collect();
        self.orders.extend(new);
        self.taken = self.rig.writes.len();
        let state = self.rig.state();
        let cut = state.standing == (Standing::Held { why: Hold::CutOff });
        if let Some(report) = state.report.filter(|report| report.steps.latched_us.is_some())
            && cut
            && (self.rig.lamps.1 || self.shown.is_some_and(|shown| shown < report.number))
        {
            self.shown = Some(report.number);
        }
    }

    fn idle(&self) -> bool {
        self.now.is_none() && self.orders.is_empty() && self.events.is_empty()
    }

    fn settle(&mut self) {
        for _ in 0..200 {
            if self.idle() {
                return;
            }
            self.latch_step();
        }
        panic!("latch and guardian talk for ever: {:?}", self.rig.writes.last());
    }
}

/// What a boot makes of a disk: whether it arms by itself, and the cut-off it knows of while held for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Boot {
    Arms,
    CutOff(u64),
    Held(Hold),
}

/// Every disk that was tried.
#[derive(Default)]
struct Boots {
    known: HashMap<String, Boot>,
    tried: u64,
}

impl Boots {
    fn of(&mut self, disk: &Disk) -> Boot {
        self.tried += 1;
        let key = format!("{:?} {}", disk.slots(), disk.empty());
        *self.known.entry(key).or_insert_with(|| {
            let mut world = World::new(Latch::Right, disk.clone(), 200);
            world.settle();
            world.rig.beats();
            world.settle();
            let state = world.rig.state();
            match state.standing {
                Standing::Armed => Boot::Arms,
                Standing::Held { why: Hold::CutOff } => Boot::CutOff(state.report.map_or(0, |report| report.number)),
                Standing::Held { why } => Boot::Held(why),
            }
        })
    }

    /// Loses the power here in every way.
    fn lose_power(&mut self, world: &World) -> Result<(), String> {
        let lit = world.rig.lamps.1;
        for disk in world.disk.cuts() {
            let boot = self.of(&disk);
            if lit && !matches!(boot, Boot::CutOff(_)) {
                return Err(format!("the lamp was lit, and a boot is {boot:?} on {:?}", disk.slots()));
            }
            if let Some(shown) = world.shown
                && !matches!(boot, Boot::CutOff(known) if known >= shown)
            {
                return Err(format!("press {shown} was shown as latched, and a boot is {boot:?} on {:?}", disk.slots()));
            }
        }
        Ok(())
    }
}

#[derive(Debug, Clone, Copy)]
enum Do {
    Press,
    Rearm,
    Drill,
    Stop,
    Silence,
    Restart,
    PowerLossHolds,
}

fn act(world: &mut World, act: Do) {
    match act {
        Do::Press => world.on(Input::Cut(Trigger::Console)),
        Do::Rearm => world.on(Input::Rearm { ticket: 1, contact: false }),
        Do::Drill => world.on(Input::Drill { ticket: 2 }),
        Do::Stop => world.on(Input::Stop),
        Do::Silence => world.silence(),
        Do::Restart => world.restart(),
        Do::PowerLossHolds => {
            world.rig.power_loss_holds ^= true;
            world.on(Input::Time);
        }
    }
}

/// Every way to lay these acts between the latch's steps, with the power lost after each of them.
fn all(latch: Latch, acts: &[Do], boots: &mut Boots) -> Result<u64, String> {
    const GAP: usize = 12;
    let mut schedules = 0;
    for choice in 0..GAP.pow(acts.len() as u32) {
        let mut world = World::new(latch, Disk::default(), 1);
        world.settle();
        world.on(Input::Time);
        world.settle();
        assert_eq!(world.rig.state().standing, Standing::Armed);
        let mut rest = choice;
        let mut redundant = false;
        for step in acts {
            act(&mut world, *step);
            boots.lose_power(&world).map_err(|why| format!("{acts:?} {choice}: {why}"))?;
            for _ in 0..rest % GAP {
                redundant |= world.idle();
                world.latch_step();
                boots.lose_power(&world).map_err(|why| format!("{acts:?} {choice}: {why}"))?;
            }
            rest /= GAP;
            if redundant {
                break;
            }
        }
        schedules += u64::from(!redundant);
    }
    Ok(schedules)
}

const SHORT: &[&[Do]] = &[
    &[Do::Press, Do::Rearm, Do::Press],
    &[Do::Drill, Do::Press, Do::Restart],
    &[Do::Press, Do::Rearm, Do::Restart],
    &[Do::Press, Do::Restart, Do::Press],
    &[Do::Press, Do::Silence, Do::Press],
    &[Do::PowerLossHolds, Do::Press, Do::Stop],
    &[Do::Press, Do::Rearm, Do::Stop],
    &[Do::PowerLossHolds, Do::Press, Do::Rearm],
];

#[test]
fn a_latched_press_outlives_every_power_loss_in_every_short_schedule() {
    let (mut boots, mut schedules) = (Boots::default(), 0);
    for acts in SHORT {
        schedules += all(Latch::Right, acts, &mut boots).unwrap_or_else(|why| panic!("{why}"));
    }
    println!("{schedules} schedules, {} power losses, {} disks", boots.tried, boots.known.len());
    assert!(schedules > 1_000 && boots.tried > 10_000, "{schedules} {}", boots.tried);
    let kinds: HashSet<_> = boots.known.values().map(std::mem::discriminant).collect();
    assert_eq!(kinds.len(), 3, "boots of every kind were seen");
}

/// Long stories, from their seeds.
fn long(latch: Latch, seeds: u64, boots: &mut Boots) -> Result<u64, String> {
    let mut latched = 0;
    for seed in 0..seeds {
        let mut state = seed;
        let mut below = |n: u64| {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            (z ^ (z >> 31)) % n
        };
        let mut world = World::new(latch, Disk::default(), 1);
        for step in 0..150 {
            match below(24) {
                0 | 1 => act(&mut world, Do::Press),
                2 => act(&mut world, Do::Rearm),
                3 => act(&mut world, Do::Drill),
                4 => act(&mut world, Do::Silence),
                5 => act(&mut world, Do::Restart),
                6 => act(&mut world, Do::PowerLossHolds),
                7 if step > 20 => {
                    // It boots again, on one of the disks that there can be.
                    let cuts = world.disk.cuts();
                    let disk = cuts[below(cuts.len() as u64) as usize].clone();
                    world = World::new(latch, disk, world.boots.wrapping_add(1));
                }
                8 => world.on(Input::Time),
                _ => world.latch_step(),
            }
            latched += u64::from(world.rig.lamps.1);
            boots.lose_power(&world).map_err(|why| format!("seed {seed}, step {step}: {why}"))?;
        }
    }
    Ok(latched)
}

#[test]
fn a_latched_press_outlives_every_power_loss_in_long_stories() {
    let mut boots = Boots::default();
    let latched = long(Latch::Right, 400, &mut boots).unwrap_or_else(|why| panic!("{why}"));
    println!("{} power losses, {} disks, {latched} steps with a lit lamp", boots.tried, boots.known.len());
    assert!(latched > 3_000 && boots.tried > 80_000, "{latched} {}", boots.tried);
}

#[test]
fn a_latch_that_breaks_its_rule_is_found_out() {
    for latch in [Latch::Early, Latch::Both, Latch::NoFolder, Latch::TrustsCache] {
        let mut boots = Boots::default();
        let found = long(latch, 300, &mut boots).expect_err(&format!("{latch:?}"));
        println!("{latch:?}: {found}");
    }
}
