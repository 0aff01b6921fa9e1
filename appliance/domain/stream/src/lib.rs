//! The terminal stream's rules: what a machine's output may do to an operator's terminal, and
//! which typed text may be written down.
//!
//! It must never let a machine drive the terminal of the person who looks at it (read its
//! clipboard, make it type, resize, print), and never call typed text echoed that the machine did
//! not show. Proof: `tests/filter.rs` and `tests/echo.rs`.

pub mod echo;
pub mod filter;
