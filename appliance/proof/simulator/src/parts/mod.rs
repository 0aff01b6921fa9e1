//! The processes: the broker's core, the mediator's room and the vault's keeper are the real ones;
//! the rest, and all sockets, are models that say what the real ones say.

pub(crate) mod admin;
pub(crate) mod back;
pub(crate) mod broker;
pub(crate) mod connector;
pub(crate) mod front;
pub(crate) mod guardian;
pub(crate) mod launcher;
pub(crate) mod listener;
pub(crate) mod mediator;
pub(crate) mod restarts;
pub(crate) mod session;
pub(crate) mod vault;
