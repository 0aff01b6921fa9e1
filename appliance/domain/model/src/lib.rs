//! What a plant is: its people, machines, conduits and rules, as typed objects.
//!
//! It must never parse TOML (that is `plantfile`'s), do I/O or know a clock. A value that came over
//! a border is checked again by [`Plant::check`]. Proof: `tests/check.rs`,
//! `tests/ids.rs`, `tests/blocks.rs` and `tests/changes.rs`.

mod block;
mod changes;
mod check;
mod cutoff;
mod ids;
mod keys;
mod plant;

pub use block::{BLOCKS_MAX, Block, Blocks, Scope};
pub use changes::{Change, What};
pub use check::{Fault, MEGABYTES_END, TRIES_MAX};
pub use cutoff::{Cutoff, DrillTime, PowerLoss, Rearm};
pub use ids::{AccountId, BadId, ConduitId, PersonId, RoleId, SecretId, SessionId, TargetId};
pub use keys::{is_public_key, is_recipient};
pub use plant::{
    Account, BoxFacts, Conduit, ConsoleRules, Destination, InputRecord, Kind, Language, Limits, Login, Person, Plant,
    RecordingRules, SecretKind, StreamRecord, Target, Window,
};
