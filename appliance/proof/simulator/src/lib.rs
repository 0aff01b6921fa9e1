//! The whole box in one process, driven by one seed: any order, any timing, any part dying at any
//! message, and after every step the properties that must hold.
//!
//! The broker's core, the mediator's room, the vault's keeper, book and queue, and the domain crates
//! are the real ones; the disk is the one of the vault's power-cut tests. Sockets, processes, clocks
//! and people are models that say what the real ones say. It must never do I/O, read a clock or draw
//! randomness of its own: a seed replays exactly. Proof that it can fail: `tests/planted.rs`, one
//! broken variant for each property; `tests/seeds.rs` runs the seeds of CI.

#[path = "../../../process/vault/tests/common/mod.rs"]
mod disk;
mod faults;
mod fd;
pub mod guardian;
mod parts;
mod planted;
mod plants;
mod properties;
mod trace;
mod words;
mod world;

pub use planted::Planted;
pub use properties::{Failure, Property, Tally};

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use world::World;

/// How one story went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Its seed.
    pub seed: u64,
    /// Turns that parts took.
    pub steps: u64,
    /// The same for every replay.
    pub hash: u64,
    /// What did not hold, if anything.
    pub failure: Option<Failure>,
    /// The last events, oldest first.
    pub last: Vec<String>,
    /// What there was to see.
    pub seen: Tally,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.failure {
            None => write!(f, "seed {}: {} steps, all properties held", self.seed, self.steps),
            Some(Failure { property, what }) => {
                for line in &self.last {
                    writeln!(f, "{line}")?;
                }
                writeln!(f, "seed {}: property {} (truth {}) does not hold:", self.seed, property.name(), property.truth())?;
                writeln!(f, "  {what}")?;
                write!(f, "  replay: cargo xtask simulate --seed {}", self.seed)
            }
        }
    }
}

fn words_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without words").to_owned()
}

/// Runs the story of a seed, with a planted fault where one is given; keeps the last `kept` events.
pub fn run(seed: u64, planted: Option<Planted>, kept: usize) -> Outcome {
    let mut world = World::new(seed, planted, kept);
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| world.run())) {
        world.broken(Property::NoPanic, words_of(&*panic));
    }
    Outcome {
        seed,
        steps: world.steps,
        hash: world.trace.hash(),
        failure: world.watch.failure.clone(),
        last: world.trace.last(),
        seen: world.watch.seen,
    }
}
