//! Who may do what when: rules as plain functions.
//!
//! It must never open what a clock or a limit keeps closed: doubt is closed. Proof: the tests of
//! each module.

mod checks;
mod decide;
pub mod tries;
pub mod windows;

pub use windows::local_words;
pub use decide::{Circumstances, Grant, Refusal, Wish, decide, decide_again};
