//! The phase table of a border, and the guard that holds a peer to it.

use std::fmt;

/// One permission: in `phase`, `message` may come, and `next` is the phase after it.
#[derive(Debug, Clone, Copy)]
pub struct Row<P: 'static> {
    /// The phase in which the message is allowed.
    pub phase: P,
    /// The message's name, as `name()` of its type gives it.
    pub message: &'static str,
    /// The phase that follows.
    pub next: P,
}

/// Writes one row of a table.
pub const fn row<P>(phase: P, message: &'static str, next: P) -> Row<P> {
    Row { phase, message, next }
}

/// A message that its phase does not allow. The receiver ends the peer and audits it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutOfTurn {
    /// What came.
    pub message: &'static str,
    /// The phase in which it came.
    pub phase: String,
}

impl fmt::Display for OutOfTurn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "message {} is not allowed in phase {}", self.message, self.phase)
    }
}

impl std::error::Error for OutOfTurn {}

/// Where one peer stands in its border's table.
#[derive(Debug, Clone)]
pub struct Guard<P: 'static> {
    table: &'static [Row<P>],
    phase: P,
}

impl<P: Copy + PartialEq + fmt::Debug> Guard<P> {
    /// A peer at the start of its border.
    pub fn new(table: &'static [Row<P>], start: P) -> Self {
        Self { table, phase: start }
    }

    /// The phase now.
    pub fn phase(&self) -> P {
        self.phase
    }

    /// Lets one message pass, or says that its peer must end.
    ///
    /// # Errors
    /// [`OutOfTurn`] if no row allows `message` in this phase.
    pub fn pass(&mut self, message: &'static str) -> Result<(), OutOfTurn> {
        let found = self.table.iter().find(|row| row.phase == self.phase && row.message == message);
        match found {
            Some(row) => {
                self.phase = row.next;
                Ok(())
            }
            None => Err(OutOfTurn { message, phase: format!("{:?}", self.phase) }),
        }
    }
}
