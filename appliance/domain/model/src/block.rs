//! Blocks: whom an administrator keeps out, whatever the conduits say (NERC CIP-005-7 R3.2).

use crate::{Person, PersonId, TargetId};
use codec::{List, Text, wire_enum, wire_struct};
use std::fmt;

/// Blocks at once: they fit into one message.
pub const BLOCKS_MAX: usize = 64;

wire_enum! {
    /// Whom a block keeps out.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum Scope {
        /// A person.
        1 => Person {
            /// Their id.
            person: PersonId,
        },
        /// All people of an employer, as the plant file writes it.
        2 => Employer {
            /// Its name.
            employer: Text<128>,
        },
        /// Everybody, from one machine.
        3 => Target {
            /// Its id.
            target: TargetId,
        },
        /// Everybody.
        4 => All,
    }
}

wire_struct! {
    /// One block.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Block {
        /// Its number; not given again while it stands.
        pub id: u64,
        /// Whom it keeps out.
        pub scope: Scope,
        /// Until when, Unix ms; none is until somebody releases it.
        pub until_ms: Option<i64>,
        /// When it was made, Unix ms.
        pub made_ms: i64,
        /// The same, ms of CLOCK_BOOTTIME of the boot that made it.
        pub made_boot_ms: u64,
        /// Who made it.
        pub by: Text<512>,
        /// Why.
        pub why: Text<512>,
    }
}

wire_struct! {
    /// All that stand.
    #[derive(Debug, Clone, PartialEq, Eq, Default)]
    pub struct Blocks {
        /// In the order of their numbers.
        pub list: List<Block, BLOCKS_MAX>,
        /// The next number.
        pub next: u64,
    }
}

impl Scope {
    /// Whether it keeps this person from this machine.
    pub fn covers(&self, person: &Person, target: &TargetId) -> bool {
        match self {
            Self::Person { person: blocked } => *blocked == person.id,
            Self::Employer { employer } => *employer == person.employer,
            Self::Target { target: blocked } => blocked == target,
            Self::All => true,
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person { person } => write!(f, "person {person}"),
            Self::Employer { employer } => write!(f, "employer {employer:?}"),
            Self::Target { target } => write!(f, "target {target}"),
            Self::All => f.write_str("everybody"),
        }
    }
}

impl Block {
    /// Whether its time is over. Wall time says so, and a clock that jumped ahead does not: in the boot
    /// that made it, as much time has to have passed. In a later boot that has run for longer than the
    /// first one had when it was made, the same is asked, which can only be late.
    pub fn over(&self, wall_ms: i64, boot_ms: u64) -> bool {
        let Some(until_ms) = self.until_ms else { return false };
        let lasts_ms = u64::try_from(until_ms.saturating_sub(self.made_ms)).unwrap_or(0);
        let passed = boot_ms.checked_sub(self.made_boot_ms).is_none_or(|passed_ms| passed_ms >= lasts_ms);
        passed && wall_ms >= until_ms
    }
}
