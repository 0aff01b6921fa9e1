//! What must be true of every decoder of bytes that somebody else wrote: one oracle each.
//!
//! An oracle takes any bytes and states properties: no panic, one form of each value, a typed error
//! otherwise, bounded memory. Fuzz targets (`appliance/proof/fuzz`) and a seeded test call the same
//! oracles. It must never be part of the box, and never hold a rule of its own against the code: what
//! an oracle asserts is promised in that crate's comments or in `docs/formats`. Proof:
//! `tests/smoke.rs`, `tests/planted.rs` (oracles can fail), `tests/presence.rs` (none is missing).

pub mod chance;
pub mod chain;
pub mod container;
pub mod doors;
pub mod echo;
pub mod exports;
pub mod guardian;
pub mod keys;
pub mod messages;
pub mod names;
pub mod netlink;
pub mod plant;
pub mod shown;
pub mod ssh;
pub mod store;
mod table;
pub mod terminal;
pub mod turns;
pub mod windows;

pub use table::ALL;

/// Properties of one decoder.
#[derive(Debug)]
pub struct Oracle {
    /// Its name, and that of its fuzz target.
    pub name: &'static str,
    /// Panics if a property does not hold.
    pub holds: fn(&[u8]),
    /// Inputs to begin with, most of them valid.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Bytes of memory that it may take at once, whatever comes.
    pub memory: u64,
    /// And so many more for each byte of input.
    pub memory_per_byte: u64,
}

impl Oracle {
    /// Holds the decoder against its properties on these bytes.
    ///
    /// # Panics
    /// If one does not hold: that is a fault of the decoder, or of the oracle.
    pub fn check(&self, bytes: &[u8]) {
        within(self.memory + self.memory_per_byte * bytes.len() as u64, || (self.holds)(bytes));
    }
}

/// Runs `work`, which may take at most `limit` bytes of memory at once.
///
/// # Panics
/// If it took more.
pub fn within(limit: u64, work: impl FnOnce()) {
    let took = allocation_counter::measure(work).bytes_max;
    assert!(took <= limit, "it took {took} bytes of memory, at most {limit} are right");
}

/// The oracle of this name.
///
/// # Panics
/// If there is none.
pub fn named(name: &str) -> &'static Oracle {
    ALL.iter().find(|oracle| oracle.name == name).unwrap_or_else(|| panic!("there is no oracle {name}"))
}

/// The body of a fuzz target.
///
/// # Panics
/// If the oracle of this name finds a fault, or if there is no such oracle.
pub fn run(name: &str, bytes: &[u8]) {
    named(name).check(bytes);
}
