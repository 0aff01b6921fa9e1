//! The plant file: TOML text to a `model::Plant` and back, with exact faults.
//!
//! It must never be linked into broker, vault or guardian: rich text is read where a person is, in
//! `dinlock`; nor say back what may be a secret. It finds every fault, not only the first. Proof:
//! `tests/faults.rs`, `tests/round.rs` and `tests/hostile.rs`.

mod node;
mod objects;
mod reading;
mod render;
mod words;

use model::Plant;
use reading::{Lines, Reading};
use std::fmt;

pub use render::render;

/// One thing that is wrong in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileFault {
    /// The file's name, as given.
    pub file: String,
    /// Its line, from 1.
    pub line: usize,
    /// The key, as `conduit.longest`, or empty.
    pub key: String,
    /// What is wrong.
    pub problem: String,
    /// What is allowed.
    pub allowed: String,
}

impl fmt::Display for FileFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.file, self.line)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        write!(f, "{}; {}", self.problem, self.allowed)
    }
}

/// The longest plant file, in bytes.
pub const FILE_BYTES_MAX: usize = 2 * 1024 * 1024;

/// Reads a plant file.
///
/// # Errors
/// Every fault with its line, key, and what is allowed, in the file's order. Text that is not TOML
/// gives that one fault: what follows it can't be read.
pub fn parse(file: &str, text: &str) -> Result<Plant, Vec<FileFault>> {
    let fault = |line: usize, problem: String, allowed: &str| FileFault {
        file: file.to_owned(),
        line,
        key: String::new(),
        problem,
        allowed: allowed.to_owned(),
    };
    if text.len() > FILE_BYTES_MAX {
        return Err(vec![fault(1, format!("the file has {} bytes", text.len()), "at most 2 MiB")]);
    }
    let lines = Lines::new(text);
    let document = toml_edit::Document::parse(text).map_err(|e| {
        let line = lines.of(e.span().map_or(0, |span| span.start));
        vec![fault(line, format!("not TOML: {}", e.message().replace('\n', ", ")), "correct this line")]
    })?;
    let mut reading = Reading::new(file, lines);
    let plant = objects::plant(&mut reading, document.as_table());
    reading.finish(plant)
}
