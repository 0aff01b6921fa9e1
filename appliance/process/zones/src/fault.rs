//! What could not be laid: the step for the guardian, the words for a person.

use border::zones::Step;
use std::fmt;

/// A step that failed.
#[derive(Debug)]
pub(crate) struct Fault {
    pub step: Step,
    pub zone: String,
    /// What, why, and the mend.
    pub words: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "zone {}, step {}: {}", self.zone, self.step.name(), self.words)
    }
}
