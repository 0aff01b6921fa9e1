//! What tests and bench bring to a running box from outside: a person's one-time codes, a tap on OT's wire, a
//! place at the guardian's desk.
//!
//! It must never send a packet. What it reads off the wire it reads with the kernel's own times.

mod desk;
mod one_time;
mod tap;

pub use desk::Desk;
pub use one_time::code;
pub use tap::{Packet, Tap};
