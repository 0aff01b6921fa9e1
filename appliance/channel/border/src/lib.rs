//! What may be said across each border between two processes, and in which order.
//!
//! One module a border: its messages with a limit on every field, and one table that says in which
//! phase which message is allowed and which phase follows. It must never do I/O, and never accept
//! what its table does not name. Proof: `tests/tables.rs` (every message in every phase).
//!
//! `A2b` in comments: from A to B. Descriptors that travel with a message are named in its comment,
//! in their order.

#![allow(missing_docs, reason = "a message's own comment speaks of its fields, and their types carry the limits")]

pub mod admin;
pub mod connector;
pub mod console;
pub mod desk;
pub mod front;
pub mod guardian;
pub mod latch;
pub mod launcher;
pub mod listener;
pub mod machine;
pub mod mediation;
pub mod record;
pub mod restart;
pub mod secrets;
mod table;
pub mod vault;
pub mod work;
pub mod zones;

pub use table::{Guard, OutOfTurn, Row, row};

use codec::Text;

/// The longest message, in bytes: one seqpacket, well under the socket buffer.
pub const MESSAGE_BYTES_MAX: usize = 96 * 1024;
/// The most bytes of a stream in one message: leaves room for the message's own fields.
pub const DATA_BYTES_MAX: usize = 64 * 1024;

/// An id of the plant file: `[a-z0-9_-]{1,32}`, checked by the model where it enters.
pub type Name = Text<32>;
/// One line for a person to read.
pub type Line = Text<512>;
/// A public key in OpenSSH's one-line form.
pub type KeyLine = Text<2048>;
