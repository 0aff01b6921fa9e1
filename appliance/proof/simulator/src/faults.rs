//! What goes wrong, by the seed.

use crate::disk::Random;
use crate::planted::Planted;
use crate::world::{Part, SECOND, World};
use broker::core::Fixed;

/// What may go wrong in one story. Few things do in each: a story in which everything fails shows
/// little of the rest.
#[derive(Debug, Clone)]
pub(crate) struct Chaos {
    pub length_us: u64,
    /// Processes die: one in so many messages; 0 is never.
    pub crash: u64,
    /// Fronts and backs that lie.
    pub liars: bool,
    /// Mediators that are stopped.
    pub stops: bool,
    /// A vault or a disk that stalls.
    pub stalls: bool,
    /// A disk that is full, or fails.
    pub disk: bool,
    pub jumps: bool,
    pub cuts: bool,
    pub plants: bool,
    pub admins: bool,
    /// The launcher can't start some.
    pub no_starts: bool,
    /// Parts of the box that die and are started again.
    pub parts: bool,
    /// More people than the box takes.
    pub crowd: bool,
}

impl Chaos {
    pub fn new(random: &mut Random, planted: Option<Planted>) -> Self {
        let length = [4, 10, 20, 40, 90, 150][random.below(6) as usize];
        let mut chaos = Self {
            length_us: length * SECOND + random.below(SECOND),
            crash: [0, 0, 0, 300, 100, 30][random.below(6) as usize],
            liars: random.below(4) == 0,
            stops: random.below(4) == 0,
            stalls: random.below(4) == 0,
            disk: random.below(4) == 0,
            jumps: random.below(4) == 0,
            cuts: random.below(3) == 0,
            plants: random.below(2) == 0,
            admins: random.below(3) > 0,
            no_starts: random.below(4) == 0,
            parts: random.below(3) == 0,
            crowd: random.below(12) == 0,
        };
        chaos.for_planted(planted);
        chaos
    }

    /// A planted fault needs a story in which it shows, and nothing else that hides it.
    fn for_planted(&mut self, planted: Option<Planted>) {
        let Some(planted) = planted else { return };
        (self.crash, self.liars, self.stops, self.stalls, self.disk, self.jumps, self.cuts) =
            (0, false, false, false, false, false, false);
        (self.plants, self.admins, self.no_starts, self.parts, self.crowd) = (false, true, false, false, false);
        match planted {
            Planted::StandingClock => (self.stops, self.length_us) = (true, 150 * SECOND),
            Planted::DeafToPlants => self.plants = true,
            Planted::PlantNotStored => (self.plants, self.cuts, self.length_us) = (true, true, 40 * SECOND),
            Planted::NoSyncs => (self.cuts, self.length_us) = (true, 40 * SECOND),
            Planted::MaskedSources => self.crowd = true,
            Planted::Lingerers => (self.liars, self.length_us) = (true, 150 * SECOND),
            Planted::TwoEnds
            | Planted::EarlyInHand
            | Planted::LostRows
            | Planted::KeptHandovers
            | Planted::NoClose
            | Planted::EarlyOrders
            | Planted::NoCancel
            | Planted::LostAnswers
            | Planted::NoPause
            | Planted::NoKill
            | Planted::LateWords
            | Planted::EasyVault
            | Planted::Panics
            | Planted::Spins => {}
        }
    }
}

impl World {
    pub fn faults_turn(&mut self) {
        if self.draining {
            return;
        }
        let next = self.random.below(8 * SECOND);
        self.wake_in(Part::Faults, next);
        match self.random.below(8) {
            0 if self.chaos.stops => self.stop_a_mediator(),
            1 if self.chaos.stalls => {
                let until = self.now_us + self.random.below(15 * SECOND);
                self.note(format!("the vault stalls until {until}"));
                self.vault.stalled_until = until;
            }
            2 if self.chaos.stalls => {
                let until = self.now_us + self.random.below(40 * SECOND);
                self.note(format!("the disk stalls until {until}"));
                self.vault.disk_stalled_until = until;
            }
            3 if self.chaos.disk => self.disk_trouble(),
            4 if self.chaos.jumps => {
                let by = self.pick(&[-86_400_000, -3_600_000, -61_000, -1_000, 1_000, 61_000, 3_600_000, 86_400_000]);
                self.note(format!("the wall clock jumps by {by} ms"));
                self.jumped_ms += by;
            }
            5 if self.chaos.cuts => self.power_cut(),
            6 if self.chaos.cuts && self.one_in(2) => self.box_crash(),
            7 if self.chaos.parts => {
                let part = self.pick(&[None, None, Some(Fixed::Launcher), Some(Fixed::Listener), Some(Fixed::Connector), Some(Fixed::Vault), Some(Fixed::Guardian)]);
                match part {
                    None => self.broker.crash_in = Some(self.random.below(40)),
                    Some(part) => self.part_crash(part),
                }
            }
            _ => {}
        }
    }

    fn disk_trouble(&mut self) {
        let kind = self.random.below(5);
        self.note(format!("disk trouble of kind {kind}"));
        self.watch.disk_troubled = true;
        let Some(disk) = self.vault.disk() else { return };
        match kind {
            0 => disk.fails = true,
            1 => disk.space = Some(0),
            2 => disk.space = Some(3000),
            3 => disk.space = Some(12 << 20),
            _ => (disk.fails, disk.space) = (false, None),
        }
    }

    /// What stalls or is full is well again.
    pub fn heal(&mut self) {
        (self.vault.stalled_until, self.vault.disk_stalled_until) = (0, 0);
        self.broker.crash_in = None;
        if let Some(disk) = self.vault.disk() {
            (disk.fails, disk.space) = (false, None);
        }
        self.wake(Part::Vault);
        self.wake(Part::Disk);
    }

    fn stop_a_mediator(&mut self) {
        let living: Vec<u64> = self.sessions.iter().filter(|(_, s)| s.mediator.is_some()).map(|(id, _)| *id).collect();
        if living.is_empty() {
            return;
        }
        let session = self.pick(&living);
        self.note(format!("the mediator of session {session} is stopped"));
        if let Some(mediator) = self.sessions.get_mut(&session).and_then(|s| s.mediator.as_mut()) {
            mediator.stopped = true;
        }
    }

    /// All processes are killed; the disk has all that the kernel took.
    pub fn box_crash(&mut self) {
        self.note("all processes are killed".to_owned());
        self.restart(false);
    }

    fn power_cut(&mut self) {
        self.note("the power is cut".to_owned());
        if self.random.coin() {
            let fuse = self.random.below(12);
            self.vault_dies_in_a_round(fuse);
        }
        self.restart(true);
    }

    fn restart(&mut self, cut: bool) {
        self.check_all_releases();
        self.vault_loses(cut);
        self.all_die();
        self.now_us += self.random.below(3 * SECOND);
        self.parts_start();
        self.vault_starts(false);
    }
}
