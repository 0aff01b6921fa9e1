//! What has to hold after every step, each with the truth of the design that it serves.
//!
//! A new property is a variant here with its words, and a place that watches: `batch.rs` for what
//! the broker decides, `living.rs` for what holds at any moment, `release.rs` for what reaches a
//! machine, `disk.rs` for what a restart finds, `end.rs` for what is left when all have gone.

mod batch;
mod disk;
mod end;
mod living;
mod reasons;
mod release;

pub(crate) use disk::Said;

use border::mediation::Terms;
use broker::core::Endpoint;
use model::Plant;
use release::Releases;
use std::collections::{BTreeMap, BTreeSet};

macro_rules! properties {
    ($($(#[$meta:meta])* $variant:ident = $name:literal, $truth:literal;)*) => {
        /// A property.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Property { $($(#[$meta])* $variant),* }

        impl Property {
            /// Every property.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// Its name.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// The truth of DESIGN that it serves, 1 to 5; 0 is the house's own order.
            pub fn truth(self) -> u8 {
                match self { $(Self::$variant => $truth),* }
            }
        }
    };
}

properties! {
    /// No session is open past its deadline, nor, stopped, past the second of rung 2.
    EndsInTime = "ends-in-time", 3;
    /// Nobody works without a grant that is in force; a withdrawn one ends within a second.
    WorksByVerdict = "works-by-verdict", 3;
    /// Nobody is in without what the plant asks of them.
    LogsInAsAsked = "logs-in-as-asked", 3;
    /// A session that ended has one reason, and it is the true one.
    OneReason = "one-reason", 3;
    /// A session that ended has no process left.
    Killed = "killed", 3;
    /// A front that was told the end does not stay.
    FrontsLeave = "fronts-leave", 3;
    /// While input is frozen, none passes.
    PauseHolds = "pause-holds", 3;
    /// No machine is dialled for a session that is over.
    DialsEnd = "dials-end", 1;
    /// Ends that carry connections or secrets do not stay with the broker.
    PassesThrough = "passes-through", 1;
    /// No honest part is accused, and no part is told what its border's table does not name.
    Borders = "borders", 1;
    /// Unknown fronts and sessions keep to their bounds.
    Bounds = "bounds", 3;
    /// No input reaches the machine before its record is in the vault's hand.
    RecordedFirst = "recorded-first", 4;
    /// After a power cut ledger and recordings are whole, and hold all that was called kept.
    KeptIsKept = "kept-is-kept", 4;
    /// Every decision has its row, and every row gets into the ledger.
    Audited = "audited", 4;
    /// The plant that counts is the one that was last said to be applied.
    PlantCounts = "plant-counts", 3;
    /// Whoever asks is answered, once.
    Answered = "answered", 5;
    /// Nothing is said to an endpoint that is not held.
    ClosedStaysClosed = "closed-stays-closed", 0;
    /// When all have gone, nothing is held, waited for or unwritten.
    NothingLeaks = "nothing-leaks", 0;
    /// Nobody asks to be woken in the past.
    Sleeps = "sleeps", 5;
    /// No rule panics.
    NoPanic = "no-panic", 3;
}

/// What did not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Which property.
    pub property: Property,
    /// What was seen.
    pub what: String,
}

/// What is known of one session from outside.
#[derive(Default)]
pub(crate) struct Seen {
    pub test: bool,
    pub person: String,
    pub target: String,
    pub account: String,
    pub conduit: String,
    pub front: Option<u64>,
    /// The latest end that the plant allowed when it was granted, ms of boot time.
    pub latest_ms: u64,
    pub terms: Option<Terms>,
    pub live: bool,
    pub told_started: bool,
    /// The broker has heard that the guardian would end it.
    pub guarded: bool,
    pub end_ordered: bool,
    pub ended: u32,
    pub ended_us: u64,
    pub unpermitted_us: Option<u64>,
    pub ever_unpermitted: bool,
    pub admin_ended: bool,
    /// It got an idle limit while it lived.
    pub idle: bool,
    pub failed_step: Option<&'static str>,
    pub front_lied: bool,
    /// A broker died while it lived.
    pub broker_died: bool,
    /// Broker and launcher were dead at once while it lived.
    pub nobody_knew: bool,
    pub paused: bool,
    pub releases: Releases,
}

/// What is known of one front.
#[derive(Default)]
pub(crate) struct SeenFront {
    pub lied: bool,
    pub known: bool,
    pub signed: BTreeSet<String>,
    /// Person, password, code: what was right.
    pub checked: Vec<(String, bool, bool)>,
    pub told_end_us: Option<u64>,
}

/// The watcher.
#[derive(Default)]
pub(crate) struct Watch {
    pub failure: Option<Failure>,
    pub sessions: BTreeMap<u64, Seen>,
    pub fronts: BTreeMap<u64, SeenFront>,
    endpoints: BTreeSet<Endpoint>,
    in_force: Option<Box<Plant>>,
    /// Plants on their way to the vault: who asked, and the plant.
    tickets: BTreeMap<u64, (u64, Plant)>,
    pub plants: Vec<Plant>,
    plants_done: usize,
    /// Rows of the broker that the vault has read, and how many of them a restart found.
    pub written: Vec<String>,
    said: Said,
    appended: BTreeMap<u64, Vec<u8>>,
    pub nothing_lost: bool,
    pub disk_troubled: bool,
    answers: u64,
    broker_deaths: u64,
    /// How often something worth showing was seen: a story that shows nothing proves nothing.
    pub seen: Tally,
}

/// Counts over a story.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Sessions that went live.
    pub live: u64,
    /// Messages that reached a machine.
    pub releases: u64,
    /// Restarts, by power cut or crash.
    pub restarts: u64,
    /// Recordings of which something was called kept.
    pub kept: u64,
    /// Rows of the broker.
    pub rows: u64,
}

impl Watch {
    /// Only the first fault counts: others follow from it.
    pub fn broken(&mut self, property: Property, what: String) {
        if self.failure.is_none() {
            self.failure = Some(Failure { property, what });
        }
    }

    /// Plants that are on their way to the disk.
    pub fn tickets_waiting(&self) -> usize {
        self.tickets.len()
    }

    /// The broker died alone: what was asked of it is forgotten, what it held is held anew.
    pub fn broker_died(&mut self) {
        self.endpoints.clear();
        self.tickets.clear();
        self.broker_deaths += 1;
        self.seen.restarts += 1;
        for seen in self.sessions.values_mut() {
            seen.broker_died = true;
        }
    }

    /// Broker and launcher are dead at once.
    pub fn nobody_knows(&mut self) {
        for seen in self.sessions.values_mut() {
            seen.nobody_knew = true;
        }
    }

    /// What lives in processes is gone.
    pub fn all_died(&mut self) {
        self.sessions.clear();
        self.fronts.clear();
        self.endpoints.clear();
        self.tickets.clear();
        self.in_force = None;
        self.seen.restarts += 1;
    }
}
