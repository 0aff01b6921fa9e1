//! What a row says.

use codec::{Text, wire_enum, wire_struct};

/// The kind that only the ledger itself writes. An [`Event`] that names it is written as
/// `reserved.checkpoint`: what a peer sends can neither pass for a checkpoint nor spoil the chain.
pub const CHECKPOINT: &str = "checkpoint";

wire_struct! {
    /// A moment of the box's wall clock.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct At {
        /// Milliseconds since 1970-01-01 UTC.
        pub unix_ms: u64,
        /// False while the box did not yet know that its clock is right (IEC 62443 SR 2.11).
        pub known: bool,
    }
}

wire_enum! {
    /// What an event is about.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Category {
        /// Logins, second factors, lock-outs.
        1 => Access,
        /// A session's life, cut-offs included.
        2 => Session,
        /// Decisions on conduits and approvals.
        3 => Policy,
        /// A change of the plant file, a secret, a person.
        4 => Configuration,
        /// Recordings: opened, marked, closed, exported, deleted.
        5 => Recording,
        /// The box itself: start, update, watchdog, disk, clock.
        6 => System,
        /// The ledger itself.
        7 => Audit,
    }
}

wire_enum! {
    /// How it ended (the `result` of a row).
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Outcome {
        /// It was done.
        1 => Ok,
        /// A rule said no.
        2 => Refused,
        /// It was allowed and did not work.
        3 => Failed,
    }
}

wire_struct! {
    /// One thing that happened (IEC 62443-3-3 SR 2.8). Everything in it may be read by an auditor
    /// in clear text: a secret never belongs here.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Event {
        /// The process that says so, such as `broker`.
        pub source: Text<32>,
        /// What it is about.
        pub category: Category,
        /// What it was, such as `session.started`.
        pub kind: Text<48>,
        /// How it ended.
        pub result: Outcome,
        /// The requirement that asks for this row, such as `SR 1.1`; empty if none does.
        pub requirement: Text<32>,
        /// The person, as known or as claimed.
        pub person: Option<Text<64>>,
        /// The target, or `target.account`.
        pub target: Option<Text<96>>,
        /// The session's id.
        pub session: Option<Text<64>>,
        /// Where it came from: address, or address and port.
        pub peer: Option<Text<64>>,
        /// The rest, for people.
        pub detail: Text<512>,
    }
}

impl Category {
    /// Every category, in the order of their tags.
    pub const ALL: [Self; 7] = [
        Self::Access,
        Self::Session,
        Self::Policy,
        Self::Configuration,
        Self::Recording,
        Self::System,
        Self::Audit,
    ];

    /// The word in a row.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::Session => "session",
            Self::Policy => "policy",
            Self::Configuration => "configuration",
            Self::Recording => "recording",
            Self::System => "system",
            Self::Audit => "audit",
        }
    }
}

impl Outcome {
    /// Every outcome, in the order of their tags.
    pub const ALL: [Self; 3] = [Self::Ok, Self::Refused, Self::Failed];

    /// The word in a row.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

impl Event {
    /// An event without person, target, session, peer or detail; texts that are too long are cut.
    pub fn new(source: &str, category: Category, kind: &str, result: Outcome, requirement: &str) -> Self {
        Self {
            source: Text::cut(source),
            category,
            kind: Text::cut(kind),
            result,
            requirement: Text::cut(requirement),
            person: None,
            target: None,
            session: None,
            peer: None,
            detail: Text::default(),
        }
    }
}
