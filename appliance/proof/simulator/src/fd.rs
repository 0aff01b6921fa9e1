//! A descriptor that is a name: what it would be, and whether somebody still holds it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Which end of which socket, as the launcher names them in its answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    FrontControl(u64),
    FrontHandover(u64),
    FrontSecrets(u64),
    FrontKill(u64),
    MediatorControl(u64),
    BackControl(u64),
    BackHandover(u64),
    BackSecrets(u64),
    Record(u64),
    Stream(u64),
    SessionKill(u64),
    SessionEvents(u64),
    Observer(u64),
    Lifeline,
}

impl Kind {
    /// Ends that carry a connection or a secret: the broker may only pass them on.
    pub fn passes_through(self) -> bool {
        match self {
            Self::FrontHandover(_) | Self::FrontSecrets(_) | Self::BackHandover(_) | Self::BackSecrets(_) | Self::Record(_) => true,
            Self::FrontControl(_)
            | Self::FrontKill(_)
            | Self::MediatorControl(_)
            | Self::BackControl(_)
            | Self::Stream(_)
            | Self::SessionKill(_)
            | Self::SessionEvents(_)
            | Self::Observer(_)
            | Self::Lifeline => false,
        }
    }
}

/// How many hold each end, and which were closed by the last who held them since somebody looked.
#[derive(Debug, Default)]
pub(crate) struct Ends {
    pub alive: BTreeMap<Kind, usize>,
    pub closed: Vec<Kind>,
}

/// The same, shared by every end.
pub(crate) type Shared = Rc<RefCell<Ends>>;

/// One end. When the last copy is dropped it is closed, and the far end hears of it.
#[derive(Debug)]
pub struct Fd {
    pub(crate) kind: Kind,
    ends: Shared,
}

impl Fd {
    pub(crate) fn new(kind: Kind, ends: &Shared) -> Self {
        *ends.borrow_mut().alive.entry(kind).or_insert(0) += 1;
        Self { kind, ends: Rc::clone(ends) }
    }
}

impl Drop for Fd {
    fn drop(&mut self) {
        let mut ends = self.ends.borrow_mut();
        let left = ends.alive.get_mut(&self.kind).map(|count| {
            *count -= 1;
            *count
        });
        if left == Some(0) {
            ends.alive.remove(&self.kind);
            ends.closed.push(self.kind);
        }
    }
}
