//! What tests and bench bring to a running box from outside: a person's one-time codes, a tap on OT's wire, a
//! place at the guardian's desk, sessions that load it.
//!
//! It must never send a packet itself: its clients are `ssh`, in the namespace that the caller gives them. What it
//! reads off the wire it reads with the kernel's own times.

mod desk;
mod load;
mod one_time;
mod tap;

pub use desk::Desk;
pub use load::Load;
pub use one_time::code;
pub use tap::{Packet, Tap};
