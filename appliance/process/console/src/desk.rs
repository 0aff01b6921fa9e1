//! The console's rules: keys, answers and time in, messages out. No I/O and no clock.
//!
//! The cut-off key works in every state of it: locked, in a dialog, with the broker away.

mod keys;
mod orders;

use crate::keys::Key;
use crate::words::{self, Words};
use border::console::{Keeper, Reply, Request, View};
use border::desk;
use guard::{Hold, Standing, State};
use zeroize::Zeroizing;

/// The broker is asked so often, in ms.
pub const BROKER_LOOK_MS: u64 = 500;
/// The guardian is asked so often, in ms.
pub const GUARDIAN_LOOK_MS: u64 = 500;
/// The same while something moves: the key is held, a cut-off is not over.
pub const GUARDIAN_FAST_MS: u64 = 100;
/// Who has not answered for so long does not answer, in ms.
pub const LATE_MS: u64 = 2_000;
/// The cut-off key has to come again within this, in ms, where a terminal tells of no release.
pub const AGAIN_MS: u64 = 2_000;
/// How long a line about what was done stays, in ms.
pub const NOTICE_MS: u64 = 8_000;
/// An order that the broker has not answered for so long is given up, in ms.
pub const ANSWER_MS: u64 = 10_000;
/// With new sockets it can begin anew: no sooner after its start, and after the last key, in ms.
pub const STAY_MS: u64 = 3_000;
/// Digits of a PIN.
pub const PIN_DIGITS: std::ops::RangeInclusive<usize> = 6..=12;

/// The time of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// CLOCK_BOOTTIME, ms.
    pub boot_ms: u64,
    /// Unix time, ms.
    pub wall_ms: i64,
}

/// What happened.
#[derive(Debug)]
pub enum Event {
    /// A key.
    Key(Key),
    /// The broker answered.
    Broker(Reply),
    /// Its socket closed, or it broke its border.
    BrokerGone,
    /// The guardian answered.
    Guardian(desk::Reply),
    /// Its socket closed, or it broke its border.
    GuardianGone,
    /// Time passed.
    Tick,
}

/// What the shell shall do.
#[derive(Debug, PartialEq, Eq)]
pub enum Act {
    /// Send.
    ToBroker(Ask),
    /// Send over the descriptor that came with the last `Asked`, and close it.
    Pin(Zeroizing<Vec<u8>>),
    /// Send.
    ToGuardian(desk::Request),
    /// Draw every cell anew.
    Redraw,
    /// Leave; `again`: to be started with new sockets.
    Leave {
        /// Whether to be started again.
        again: bool,
    },
}

/// A request, comparable.
#[derive(Debug, Clone, PartialEq)]
pub struct Ask(pub Request);

impl Eq for Ask {}

/// What a person wants to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Ends the session; `block` also keeps the person out.
    End {
        /// Which.
        session: u64,
        /// Whether to keep the person out.
        block: bool,
    },
    /// Freezes its input.
    Pause(u64),
    /// Gives it back.
    Resume(u64),
    /// Lets it begin.
    Admit(u64),
    /// Refuses it.
    Deny(u64),
    /// Arms the box.
    Rearm,
}

/// What lies over the screen.
#[derive(Debug, PartialEq, Eq)]
pub enum Dialog {
    /// Who unlocks.
    Who {
        /// Of the keepers.
        chosen: usize,
        /// What they wanted.
        then: Option<Order>,
    },
    /// Their PIN.
    Pin {
        /// Who.
        person: border::Name,
        /// Their full name.
        name: String,
        /// What they typed.
        digits: Zeroizing<Vec<u8>>,
        /// It is with the vault.
        checking: bool,
        /// What came of the one before.
        said: Option<String>,
        /// What they wanted.
        then: Option<Order>,
    },
    /// Really?
    Confirm {
        /// What.
        order: Order,
        /// The question.
        text: String,
        /// A second line.
        more: String,
    },
}

/// What the broker has to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    Unlock,
    Lock,
    Order(Order),
}

/// One of the two whom the console asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Line {
    /// When it was last heard.
    heard_ms: u64,
    /// When it was last asked.
    asked_ms: Option<u64>,
    /// An answer is owed.
    owes: bool,
    gone_ms: Option<u64>,
}

impl Line {
    fn new(now: u64) -> Self {
        Self { heard_ms: now, asked_ms: None, owes: false, gone_ms: None }
    }

    fn due(&self, every_ms: u64) -> Option<u64> {
        let may = !self.owes && self.gone_ms.is_none();
        may.then(|| self.asked_ms.map_or(0, |at| at + every_ms))
    }

    fn late(&self, now: u64) -> bool {
        self.gone_ms.is_some() || now >= self.heard_ms + LATE_MS
    }
}

/// How the console was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Settings {
    /// A person attached it, and may leave it by F10.
    pub attached: bool,
    /// The terminal is the box's own screen: the guardian reads its keyboard.
    pub own_screen: bool,
    /// Switching to other screens could not be locked.
    pub unlocked_screens: bool,
    /// The one before left its picture.
    pub again: bool,
    /// German rather than English, until the broker says.
    pub german: bool,
}

/// The console.
#[derive(Debug)]
pub struct Desk {
    pub(crate) settings: Settings,
    pub(crate) now: Now,
    begun_ms: u64,
    last_key_ms: u64,
    broker: Line,
    guardian: Line,
    /// The last view, and when it came.
    pub(crate) view: Option<(View, u64)>,
    /// The last state, the guardian's time in it, and when it came.
    pub(crate) state: Option<(State, u64, u64)>,
    /// The session that is chosen.
    pub(crate) chosen: Option<u64>,
    pub(crate) dialog: Option<Dialog>,
    asked: Option<(Asked, u64)>,
    pub(crate) notice: Option<(String, u64)>,
    /// When the cut-off key was pressed once.
    pub(crate) pressed_ms: Option<u64>,
    acts: Vec<Act>,
}

impl Desk {
    /// One that has heard of nobody yet.
    pub fn new(settings: Settings, now: Now) -> Self {
        let at = now.boot_ms;
        Self {
            settings,
            now,
            begun_ms: at,
            last_key_ms: at,
            broker: Line::new(at),
            guardian: Line::new(at),
            view: None,
            state: None,
            chosen: None,
            dialog: None,
            asked: None,
            notice: None,
            pressed_ms: None,
            acts: Vec::new(),
        }
    }

    /// One event in, what is to be done out.
    pub fn on(&mut self, event: Event, now: Now) -> Vec<Act> {
        self.now = now;
        match event {
            Event::Key(key) => {
                self.last_key_ms = now.boot_ms;
                self.key(key);
            }
            Event::Broker(reply) => self.broker_said(reply),
            Event::BrokerGone => {
                self.broker.gone_ms.get_or_insert(now.boot_ms);
                self.broker_silent();
            }
            Event::Guardian(desk::Reply::Is { now_ms, state }) => self.guardian_said(now_ms, state),
            Event::GuardianGone => {
                self.guardian.gone_ms.get_or_insert(now.boot_ms);
            }
            Event::Tick => {}
        }
        self.on_time();
        std::mem::take(&mut self.acts)
    }

    /// When it wants a `Tick` at the latest, ms of CLOCK_BOOTTIME. The clock on the screen moves each second.
    pub fn next_wake_ms(&self) -> u64 {
        let second = self.now.boot_ms + 1_000 - u64::try_from(self.now.wall_ms.rem_euclid(1_000)).unwrap_or(0);
        let looks = [self.broker.due(BROKER_LOOK_MS), self.guardian.due(self.guardian_every_ms())];
        looks.into_iter().flatten().fold(second, u64::min).max(self.now.boot_ms)
    }

    /// The texts.
    pub fn words(&self) -> &'static Words {
        match &self.view {
            Some((view, _)) => words::of(&view.language),
            None => words::of(if self.settings.german { "de" } else { "en" }),
        }
    }

    /// Whether the broker does not answer.
    pub fn broker_away(&self) -> bool {
        self.broker.late(self.now.boot_ms)
    }

    /// Whether the guardian does not answer.
    pub fn guardian_away(&self) -> bool {
        self.guardian.late(self.now.boot_ms)
    }

    /// The guardian's state, while it answers.
    pub fn state(&self) -> Option<&State> {
        self.state.as_ref().map(|(state, ..)| state).filter(|_| !self.guardian_away())
    }

    /// The view, while the broker answers.
    pub fn view(&self) -> Option<&View> {
        self.view.as_ref().map(|(view, _)| view).filter(|_| !self.broker_away())
    }

    /// Who has unlocked.
    pub fn unlocked(&self) -> Option<&str> {
        self.view().and_then(|view| view.unlocked.as_ref()).map(|name| name.as_str())
    }

    /// Whether the guardian measures the cut-off key itself: then a held key is its business alone.
    pub fn guardian_reads_key(&self) -> bool {
        self.settings.own_screen && self.state().is_some_and(|state| state.faults & 1 == 0)
    }

    /// Whether the box is cut off.
    pub fn is_cut_off(&self) -> bool {
        self.state().is_some_and(|state| state.standing == (Standing::Held { why: Hold::CutOff }))
    }

    /// Whether the key is held, or a cut-off is not read back as done yet.
    fn moves(&self) -> bool {
        let going_on = |state: &State| {
            let steps = state.report.map(|report| report.steps);
            self.is_cut_off() && steps.is_some_and(|steps| steps.links_us.is_none() || steps.latched_us.is_none())
        };
        self.pressed_ms.is_some() || self.state().is_some_and(|state| state.key_ms > 0 || going_on(state))
    }

    fn guardian_every_ms(&self) -> u64 {
        if self.moves() { GUARDIAN_FAST_MS } else { GUARDIAN_LOOK_MS }
    }

    fn on_time(&mut self) {
        let now = self.now.boot_ms;
        if self.broker.due(BROKER_LOOK_MS).is_some_and(|at| at <= now) {
            self.ask_broker(Request::Look);
        }
        if self.guardian.due(self.guardian_every_ms()).is_some_and(|at| at <= now) {
            self.look_at_guardian();
        }
        if self.pressed_ms.is_some_and(|at| now > at + AGAIN_MS) {
            self.pressed_ms = None;
        }
        if self.notice.as_ref().is_some_and(|(_, until)| now >= *until) {
            self.notice = None;
        }
        if self.asked.is_some_and(|(_, at)| now >= at + ANSWER_MS) || (self.asked.is_some() && self.broker_away()) {
            self.broker_silent();
        }
        self.lock_when_idle();
        self.begin_anew();
    }

    fn lock_when_idle(&mut self) {
        let after_ms = self.view().map(|view| u64::from(view.lock_after_s) * 1000);
        let idle = after_ms.is_some_and(|after| self.now.boot_ms >= self.last_key_ms + after);
        if !idle {
            return;
        }
        self.dialog = None;
        if self.unlocked().is_some() && self.asked.is_none() {
            self.asked = Some((Asked::Lock, self.now.boot_ms));
            self.ask_broker(Request::Lock);
        }
    }

    /// The other end of a closed socket is a process that was started again: its door is reached with new
    /// sockets only. Not while somebody is at the keys.
    fn begin_anew(&mut self) {
        let gone = self.broker.gone_ms.or(self.guardian.gone_ms);
        let quiet = [self.begun_ms, self.last_key_ms].iter().all(|at| self.now.boot_ms >= at + STAY_MS);
        if gone.is_some() && quiet && self.pressed_ms.is_none() {
            self.acts.push(Act::Leave { again: true });
        }
    }

    fn ask_broker(&mut self, request: Request) {
        if self.broker.gone_ms.is_some() {
            return;
        }
        if request == Request::Look {
            (self.broker.asked_ms, self.broker.owes) = (Some(self.now.boot_ms), true);
        }
        self.acts.push(Act::ToBroker(Ask(request)));
    }

    fn look_at_guardian(&mut self) {
        if self.guardian.gone_ms.is_none() {
            (self.guardian.asked_ms, self.guardian.owes) = (Some(self.now.boot_ms), true);
            self.acts.push(Act::ToGuardian(desk::Request::Look));
        }
    }

    fn say(&mut self, text: String) {
        self.notice = Some((text, self.now.boot_ms + NOTICE_MS));
    }

    fn guardian_said(&mut self, now_ms: u64, state: State) {
        let was_cut = self.is_cut_off();
        (self.guardian.heard_ms, self.guardian.owes) = (self.now.boot_ms, false);
        self.state = Some((state, now_ms, self.now.boot_ms));
        if self.is_cut_off() && !was_cut {
            // What happened must not lie under a question.
            self.dialog = None;
            self.notice = None;
        }
    }

    fn keepers(&self) -> &[Keeper] {
        self.view().map(|view| &view.keepers[..]).unwrap_or_default()
    }
}
