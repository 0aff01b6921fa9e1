//! The rules of one session: events with their time in, actions out.
//!
//! No descriptor, clock or wait is here. All times are microseconds of `CLOCK_BOOTTIME`.

mod act;
mod channel;
mod clock;
mod down;
mod ending;
mod orders;
mod pace;
mod recorder;
mod up;

pub use act::{Act, Broken};
pub use channel::TAIL;
pub use ending::FLUSH_US;
pub use pace::PACE_US;
pub use recorder::STALL_US;

use border::mediation::{self, Bound, Event, InputRecord};
use border::record::{Answer, IN_FLIGHT_BYTES_MAX};
use border::work::{self, Up};
use border::{DATA_BYTES_MAX, Guard};
use channel::Channel;
use codec::Text;
use recorder::Recorder;
use recording::What;
use session::Reason;
use std::collections::{BTreeMap, VecDeque};
use zeroize::Zeroizing;

/// Channels that were closed lately: messages for them may still be on their way.
const GONE_MAX: usize = 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The terms have not come.
    Waiting,
    Live,
    /// The last messages are on their way, until this time at most.
    Ending { until_us: u64 },
    Over,
}

/// Which streams may be read now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reads {
    /// The operator's side.
    pub front: bool,
    /// The machine's side.
    pub back: bool,
}

/// Wraps a session key to the auditors: [`recording::wrap`], but where a seed has to replay.
pub type Wrap = fn(&[u8; 32], &[&str]) -> Result<Vec<u8>, recording::SealError>;

/// One session.
pub struct Room {
    stage: Stage,
    key: Option<Box<Zeroizing<[u8; 32]>>>,
    wrap: Wrap,
    orders: Guard<mediation::Phase>,
    downs: Guard<work::Phase>,
    ups: Guard<work::Phase>,
    recorder: Recorder,
    announced: bool,
    channels: BTreeMap<u32, Channel>,
    gone: VecDeque<u32>,
    /// By number: who they are.
    observers: BTreeMap<u64, String>,
    pace: pace::Pace,
    next_observer: u64,
    input: InputRecord,
    hash_only: bool,
    deadline_us: u64,
    bound: Bound,
    /// Index into the warnings of the next to give.
    warning: usize,
    idle_us: u64,
    last_input_us: u64,
    grace_us: u64,
    /// An order froze input.
    paused: bool,
    /// The recorder's stall froze input.
    frozen: bool,
    discarded: u64,
    back_gone_us: Option<u64>,
    scratch: Vec<u8>,
    acts: Vec<Act>,
    /// A fault that proof plants: no time ever comes.
    timeless: bool,
}

impl std::fmt::Debug for Room {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Room {:?} with {} channels", self.stage, self.channels.len())
    }
}

impl Room {
    /// A room that waits for its terms. `key` is fresh random bytes; it is wiped once it is in use.
    pub fn new(key: Box<Zeroizing<[u8; 32]>>) -> Self {
        Self::with_wrap(key, recording::wrap)
    }

    /// The same, with another way to wrap the key: the simulator's.
    pub fn with_wrap(key: Box<Zeroizing<[u8; 32]>>, wrap: Wrap) -> Self {
        Self {
            stage: Stage::Waiting,
            key: Some(key),
            wrap,
            orders: Guard::new(mediation::ORDERS, mediation::Phase::Start),
            downs: Guard::new(work::DOWN, work::Phase::Open),
            ups: Guard::new(work::UP, work::Phase::Open),
            recorder: Recorder::new(),
            announced: false,
            channels: BTreeMap::new(),
            gone: VecDeque::new(),
            observers: BTreeMap::new(),
            pace: pace::Pace::default(),
            next_observer: 1,
            input: InputRecord::Echoed,
            hash_only: false,
            deadline_us: u64::MAX,
            bound: Bound::Longest,
            warning: 0,
            idle_us: 0,
            last_input_us: 0,
            grace_us: 0,
            paused: false,
            frozen: false,
            discarded: 0,
            back_gone_us: None,
            scratch: Vec::with_capacity(DATA_BYTES_MAX),
            acts: Vec::new(),
            timeless: false,
        }
    }

    /// A room that never ends by its own clock: what the rungs behind it are for. Proof alone plants this; no
    /// shipped executable can.
    #[must_use]
    pub fn without_clock(mut self) -> Self {
        self.timeless = true;
        self
    }

    /// What is to be done now, in this order.
    pub fn acts(&mut self) -> std::vec::Drain<'_, Act> {
        self.acts.drain(..)
    }

    /// Which streams may be read.
    pub fn reads(&self) -> Reads {
        // The next message and its record still have to fit.
        let room = self.recorder.in_flight() + 2 * DATA_BYTES_MAX <= IN_FLIGHT_BYTES_MAX;
        let live = self.live() && room;
        Reads { front: live, back: live && self.back_gone_us.is_none() }
    }

    /// Whether the session runs.
    pub fn live(&self) -> bool {
        self.stage == Stage::Live
    }

    /// Whether it has ended and its last messages are on their way.
    pub fn ending(&self) -> bool {
        matches!(self.stage, Stage::Ending { .. })
    }

    /// Whether the last action was given out.
    pub fn over(&self) -> bool {
        self.stage == Stage::Over
    }

    /// The vault's answer came.
    pub fn record(&mut self, now: u64, message: &[u8], fds: usize) {
        if fds > 0 {
            return self.broken(now, "vault", &Broken::Descriptors(fds));
        }
        match codec::decode::<Answer>(message) {
            Err(error) => self.broken(now, "vault", &error.into()),
            Ok(Answer::InHand { entries }) => {
                if !self.recorder.in_hand(entries) {
                    return self.broken(now, "vault", &Broken::Acknowledged(entries));
                }
                if entries > 0 && !self.announced {
                    self.announced = true;
                    self.event(&Event::Recording);
                }
                self.thaw(now);
                self.release_all(now);
            }
            Ok(Answer::Failed { why }) => self.record_lost(now, &why),
        }
    }

    /// The vault's socket closed.
    pub fn record_closed(&mut self, now: u64) {
        self.record_lost(now, "the recorder is gone");
    }

    /// Nobody is left who could end this session: the broker is gone, and with the launcher the spare
    /// end by which its follower would have come. A broker that dies alone closes nothing here.
    pub fn control_closed(&mut self, now: u64) {
        self.end(now, "part_died", "the parts of the box that could end this session stopped");
    }

    /// The guardian died: nobody would be left to end this session in time, so it ends now.
    pub fn guardian_gone(&mut self, now: u64) {
        self.end(now, Reason::GuardianLost.code(), Reason::GuardianLost.words());
    }

    /// The guardian's lifeline says something, which it never does.
    pub fn guardian_spoke(&mut self, now: u64) {
        self.broken(now, "guardian", &Broken::Lifeline);
    }

    fn record_lost(&mut self, now: u64, why: &str) {
        self.recorder.lose();
        self.end(now, "recorder_lost", &format!("its recording could not be kept: {why}"));
    }

    /// Seals what this round of events left; call it before waiting.
    pub fn settle(&mut self, now: u64) {
        if self.live() {
            self.recorder.flush(now, &mut self.acts);
        }
    }

    /// A peer broke its border: the session ends.
    fn broken(&mut self, now: u64, peer: &'static str, why: &Broken) {
        self.acts.push(Act::Say(format!("{peer} out of turn: {why}")));
        let text = format!("a part of the session broke the rules between the parts ({peer}: {why})");
        self.end(now, "peer_out_of_turn", &text);
    }

    fn mark(&mut self, now: u64, kind: &str, text: &str) {
        let what = What::Mark { kind: Text::cut(kind), text: Text::cut(text) };
        self.recorder.item(now, what, &mut self.acts);
    }

    fn event(&mut self, event: &Event) {
        self.acts.push(Act::Control(codec::encode(event)));
    }

    /// Something that the broker audits.
    fn audit(&mut self, kind: &str, text: &str) {
        self.event(&Event::Mark { kind: Text::cut(kind), text: Text::cut(text) });
    }

    /// To the operator and all observers.
    fn say_up(&mut self, message: &Up) {
        let bytes = codec::encode(message);
        if !self.observers.is_empty() {
            self.acts.push(Act::Observers(bytes.clone()));
        }
        self.acts.push(Act::Front(bytes));
    }

    fn notice(&mut self, text: &str) {
        self.say_up(&Up::Notice { text: Text::cut(text) });
    }

    fn forget(&mut self, channel: u32) {
        self.channels.remove(&channel);
        self.gone.push_back(channel);
        if self.gone.len() > GONE_MAX {
            self.gone.pop_front();
        }
    }
}
