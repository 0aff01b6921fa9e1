//! The life of a session: which state follows which, and why each one ended.
//!
//! It must never know a clock, a descriptor or a protocol. A session ends once, with one reason,
//! and never lives again. Proof: `tests/life.rs` walks every event in every state.

mod life;
mod reason;

pub use life::{Life, NotNow, State};
pub use reason::Reason;
