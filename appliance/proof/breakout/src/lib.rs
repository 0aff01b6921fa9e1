//! Every process taken over: code under its real policy, started by its real starter, tries to get out.
//!
//! The executable plays a taken-over process by the name that it is started under; the tests hold one
//! table a process: what every attempt comes to. What no table names must kill the process. The same
//! attempts outside a sandbox must all succeed (`tests/outside.rs`), or they would show nothing. It must
//! never touch a network but those that it makes, nor a process that it did not start. Needs root.

pub mod attempts;
pub mod facts;
pub mod inside;
pub mod table;
pub mod world;
