//! What the parts of one front share: who came, how far they got, and their channels.

use border::front::{Choice, Request};
use border::work::{CHANNELS_MAX, Down, Pty, Variable};
use seqpacket_tokio::{Link, Outbox, Throttle};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::JoinHandle;

/// Exit status of a channel that the box ended, as `ssh` itself gives for its own failures.
pub const STATUS_BOX: u32 = 255;
/// Refusals that wait for a channel that can say them.
const REFUSALS_MAX: usize = 8;
/// Messages that may wait on one channel; more is a flood.
const MESSAGES_MAX: usize = 4096;
/// Bytes of input that may wait on one channel before it is ended.
const INPUT_MAX: usize = 16 * 1024 * 1024;

/// Something for the operator's side of a channel, in order.
#[derive(Debug)]
pub enum ToClient {
    /// Output of the machine: counts against credit.
    Output { stream: u8, bytes: Vec<u8> },
    /// Text of the menu, as it is.
    Text(String),
    /// A word of the box amid a session.
    Notice(String),
    /// A line of the box on standard error.
    Line(String),
    /// No more output.
    Eof,
    /// Exit status.
    Exit(u32),
    /// Ended by a signal: name, core, message.
    ExitSignal(String, bool, String),
    /// The last.
    Close,
}

/// How far the connection got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// Nobody has logged in.
    Nobody,
    /// A person who named no target.
    Choosing,
    /// Asked; the last word on what is being waited for.
    Asked(Option<String>),
    /// The session is live.
    Live,
    /// It is over; why.
    Over(String),
}

/// The answer that the broker owes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owed {
    /// None.
    Nothing,
    /// To an offered key.
    Key,
    /// To a signature or a secret.
    Login,
}

/// One session channel.
#[derive(Debug)]
pub struct Chan {
    /// Its writer's queue.
    pub out: mpsc::UnboundedSender<ToClient>,
    /// Its writer.
    pub writer: tokio::task::AbortHandle,
    /// The terminal that was asked for.
    pub pty: Option<Pty>,
    /// Locale variables.
    pub variables: Vec<Variable>,
    /// A shell or a command was asked for.
    pub started: bool,
    /// An exit status or signal went out.
    pub status: bool,
    /// Typing goes to the menu.
    pub menu: Option<mpsc::UnboundedSender<Vec<u8>>>,
}

/// The shared state, under one lock that is never held over an await.
#[derive(Debug)]
pub struct State {
    /// How far.
    pub access: Access,
    /// What the broker owes.
    pub owed: Owed,
    /// Who waits for the menu's choices.
    pub choices: Option<oneshot::Sender<Vec<Choice>>>,
    /// Open channels by number.
    pub channels: BTreeMap<u32, Chan>,
    /// Writers that still run.
    pub writers: Vec<JoinHandle<()>>,
    /// Whether any channel ever started.
    pub started: bool,
    /// Refusals that no channel was there to say yet.
    pub refusals: Vec<String>,
    /// What waits for the mediator.
    pub outbox: Outbox<Down>,
}

/// What the tasks of one front share.
#[derive(Debug)]
pub struct Hall {
    state: Mutex<State>,
    /// To the broker.
    pub control: Link,
    /// To the vault.
    pub secrets: Link,
    /// The brake on the operator's connection.
    pub throttle: Throttle,
    /// Something may be sent to the mediator.
    pub wake: Notify,
    /// A person logged in.
    pub known: Notify,
    /// The connection is over.
    pub over: Notify,
}

impl Hall {
    /// A front to whom nobody has spoken.
    pub fn new(control: Link, secrets: Link, throttle: Throttle) -> Self {
        let state = State {
            access: Access::Nobody,
            owed: Owed::Nothing,
            choices: None,
            channels: BTreeMap::new(),
            writers: Vec::new(),
            started: false,
            refusals: Vec::new(),
            outbox: Outbox::default(),
        };
        Self {
            state: Mutex::new(state),
            control,
            secrets,
            throttle,
            wake: Notify::new(),
            known: Notify::new(),
            over: Notify::new(),
        }
    }

    /// The state.
    pub fn lock(&self) -> MutexGuard<'_, State> {
        // A panic aborts the process in the box's builds; in others the state is as good as before.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the connection: every channel gets the line, a status if it has none, and is closed.
    pub fn end(&self, text: &str) {
        let mut state = self.lock();
        if matches!(state.access, Access::Over(_)) {
            return;
        }
        let live = state.access == Access::Live;
        state.access = Access::Over(text.to_owned());
        // A channel that asked for nothing yet is answered when it does.
        for (_, chan) in state.channels.extract_if(.., |_, chan| chan.started).collect::<Vec<_>>() {
            let word = text.to_owned();
            tell(&chan, if live { ToClient::Notice(word) } else { ToClient::Line(word) });
            finish(&chan);
        }
        drop(state);
        self.over.notify_one();
    }

    /// Ends the connection without a word: the person chose to leave.
    pub fn leave(&self, status: u32) {
        let mut state = self.lock();
        state.access = Access::Over("left".to_owned());
        for (_, chan) in std::mem::take(&mut state.channels) {
            if !chan.status {
                tell(&chan, ToClient::Exit(status));
            }
            tell(&chan, ToClient::Eof);
            tell(&chan, ToClient::Close);
        }
        drop(state);
        self.over.notify_one();
    }

    /// Says a refusal where SSH has no words for it: on a channel that runs, or on the next that does.
    pub fn say_refused(&self, what: &str) {
        let mut state = self.lock();
        if let Some(chan) = state.channels.values().find(|chan| chan.started) {
            tell(chan, ToClient::Line(never(what)));
        } else if state.refusals.len() < REFUSALS_MAX {
            state.refusals.push(never(what));
        }
    }

    /// Has something audited that the box never does.
    pub async fn refuse(&self, what: &str) {
        if self.lock().access == Access::Nobody {
            return;
        }
        let request = Request::Refused { what: border::Name::cut(what) };
        // A broker that is gone has nothing to audit any more.
        drop(self.control.send(&request).await);
    }

    /// Whether one more channel may open.
    pub fn has_room(&self) -> bool {
        self.lock().channels.len() < CHANNELS_MAX
    }

    /// Input of the operator.
    pub fn input(&self, number: u32, bytes: &[u8]) {
        let mut state = self.lock();
        let Some(chan) = state.channels.get(&number) else { return };
        if let Some(menu) = &chan.menu {
            drop(menu.send(bytes.to_vec()));
            return;
        }
        let typing = chan.pty.is_some();
        match &state.access {
            Access::Asked(_) if typing => {
                // Nothing typed before the session is live may reach a machine; leaving must work.
                if bytes.iter().any(|byte| matches!(byte, 3 | 4)) {
                    drop(state);
                    self.leave(130);
                }
                return;
            }
            Access::Asked(_) | Access::Live => {}
            Access::Nobody | Access::Choosing | Access::Over(_) => return,
        }
        state.outbox.data(number, 0, bytes);
        let full = state.outbox.waiting(number) > INPUT_MAX;
        drop(state);
        if full {
            self.drop_channel(number, "the machine took no input for too long");
        }
        self.wake.notify_one();
    }

    /// Queues a message of a channel; a flood of them ends it.
    pub fn say(&self, number: u32, message: Down) {
        let mut state = self.lock();
        if !state.channels.get(&number).is_some_and(|chan| chan.started) {
            return;
        }
        let size = |waiting: &Down| matches!(waiting, Down::Resize { .. });
        if size(&message) {
            state.outbox.say_latest(number, message, size);
        } else {
            state.outbox.say(number, message);
        }
        let flood = state.outbox.messages(number) > MESSAGES_MAX;
        drop(state);
        if flood {
            self.drop_channel(number, "too many requests");
        }
        self.wake.notify_one();
    }

    fn drop_channel(&self, number: u32, why: &str) {
        let mut state = self.lock();
        state.outbox.close(number, Down::Close { channel: number }, true);
        if let Some(chan) = state.channels.remove(&number) {
            tell(&chan, ToClient::Line(why.to_owned()));
            finish(&chan);
        }
    }

    /// The operator's side closed a channel.
    pub fn closed(&self, number: u32) {
        let mut state = self.lock();
        let Some(chan) = state.channels.remove(&number) else { return };
        // Its writer may wait for a window that never opens again.
        chan.writer.abort();
        state.outbox.close(number, Down::Close { channel: number }, true);
        let menu = chan.menu.is_some();
        drop(state);
        self.wake.notify_one();
        if menu {
            self.leave(0);
        }
    }
}

/// The one line of a refusal that nobody can lift.
pub fn never(what: &str) -> String {
    format!("{what} is refused: this box never does it, and no setting changes that")
}

/// Queues something for a channel's writer; one that has ended takes nothing more.
pub fn tell(chan: &Chan, what: ToClient) {
    drop(chan.out.send(what));
}

/// Status, end of data, close.
pub fn finish(chan: &Chan) {
    if !chan.status {
        tell(chan, ToClient::Exit(STATUS_BOX));
    }
    tell(chan, ToClient::Eof);
    tell(chan, ToClient::Close);
}
