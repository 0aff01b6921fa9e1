//! requested → approved → connecting → live ⇄ paused → ending → ended.

use crate::Reason;
use std::fmt;

/// Where a session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Asked for; approvals may be missing.
    Requested,
    /// Permitted; its processes are being started.
    Approved,
    /// The machine is being reached.
    Connecting,
    /// The person works.
    Live,
    /// Input is frozen.
    Paused,
    /// Told to end; its processes still live.
    Ending,
    /// Over.
    Ended,
}

impl State {
    /// Every state, in the order of a life.
    pub const ALL: &[Self] = &[
        Self::Requested,
        Self::Approved,
        Self::Connecting,
        Self::Live,
        Self::Paused,
        Self::Ending,
        Self::Ended,
    ];

    /// The name in listings and audit.
    pub fn name(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Approved => "approved",
            Self::Connecting => "connecting",
            Self::Live => "live",
            Self::Paused => "paused",
            Self::Ending => "ending",
            Self::Ended => "ended",
        }
    }
}

/// An event that this state does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotNow {
    /// What was tried.
    pub event: &'static str,
    /// In which state.
    pub state: State,
}

impl fmt::Display for NotNow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a session that is {} can't {}", self.state.name(), self.event)
    }
}

impl std::error::Error for NotNow {}

/// One session's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Life {
    state: State,
    reason: Option<Reason>,
}

impl Default for Life {
    fn default() -> Self {
        Self { state: State::Requested, reason: None }
    }
}

impl Life {
    /// Where it stands.
    pub fn state(&self) -> State {
        self.state
    }

    /// Why it ends or ended.
    pub fn reason(&self) -> Option<Reason> {
        self.reason
    }

    /// Whether a person may be working in it.
    pub fn is_open(&self) -> bool {
        matches!(self.state, State::Live | State::Paused)
    }

    fn step(&mut self, event: &'static str, from: &[State], to: State) -> Result<(), NotNow> {
        if !from.contains(&self.state) {
            return Err(NotNow { event, state: self.state });
        }
        self.state = to;
        Ok(())
    }

    /// All approvals are there.
    ///
    /// # Errors
    /// [`NotNow`] unless it is requested.
    pub fn approve(&mut self) -> Result<(), NotNow> {
        self.step("be approved", &[State::Requested], State::Approved)
    }

    /// Its processes run; the machine is being dialled.
    ///
    /// # Errors
    /// [`NotNow`] unless it is approved.
    pub fn connect(&mut self) -> Result<(), NotNow> {
        self.step("connect", &[State::Approved], State::Connecting)
    }

    /// The machine let the box in.
    ///
    /// # Errors
    /// [`NotNow`] unless it is connecting.
    pub fn go_live(&mut self) -> Result<(), NotNow> {
        self.step("go live", &[State::Connecting], State::Live)
    }

    /// Input is frozen.
    ///
    /// # Errors
    /// [`NotNow`] unless it is live.
    pub fn pause(&mut self) -> Result<(), NotNow> {
        self.step("be paused", &[State::Live], State::Paused)
    }

    /// Input is given back.
    ///
    /// # Errors
    /// [`NotNow`] unless it is paused.
    pub fn resume(&mut self) -> Result<(), NotNow> {
        self.step("be resumed", &[State::Paused], State::Live)
    }

    /// It is told to end. The first reason stays; a second order changes nothing.
    pub fn end(&mut self, reason: Reason) {
        if !matches!(self.state, State::Ending | State::Ended) {
            self.state = State::Ending;
            self.reason = Some(reason);
        }
    }

    /// The cut-off came first, and is only heard of now: it is the reason, not what followed from it.
    pub fn was_cut(&mut self) {
        self.end(Reason::CutOff);
        self.reason = Some(Reason::CutOff);
    }

    /// Its last process is gone.
    pub fn ended(&mut self, otherwise: Reason) {
        self.end(otherwise);
        self.state = State::Ended;
    }
}
