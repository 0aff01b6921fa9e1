//! What outlives a broker: spare ends of each living worker's sockets, and the broker's own note.

use border::launcher::{Note, Reply};
use std::collections::BTreeMap;
use std::os::fd::OwnedFd;

/// Which worker or pair of workers: a session's number, or a front's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Of {
    pub session: bool,
    pub number: u64,
}

struct Spare {
    note: Note,
    fds: Vec<OwnedFd>,
}

/// All of them. The launcher never reads or writes on one.
#[derive(Default)]
pub(crate) struct Spares(BTreeMap<Of, Spare>);

impl Spares {
    /// Keeps the spare ends of one that lives; what was kept of it before goes.
    pub fn hold(&mut self, of: Of, note: Note, fds: Vec<OwnedFd>) {
        self.0.insert(of, Spare { note, fds });
    }

    /// Replaces the note; of one that has ended meanwhile there is nothing to note.
    pub fn note(&mut self, session: u64, note: Note) {
        if let Some(spare) = self.0.get_mut(&Of { session: true, number: session }) {
            spare.note = note;
        }
    }

    /// Closes its spare ends.
    pub fn forget(&mut self, of: Of) {
        self.0.remove(&of);
    }

    /// Each, as a restarted broker is told of it.
    pub fn living(&self) -> impl Iterator<Item = (Reply, &[OwnedFd])> {
        self.0.iter().map(|(of, spare)| {
            let reply = if of.session {
                Reply::Living { session: of.number, note: spare.note.clone() }
            } else {
                Reply::LivingFront { worker: of.number }
            };
            (reply, spare.fds.as_slice())
        })
    }
}
