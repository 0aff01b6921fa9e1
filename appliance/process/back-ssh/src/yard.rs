//! What the parts of one back share: the machine's channels and what waits for the mediator.

use border::work::{Down, Up};
use border::{KeyLine, Name};
use codec::Bytes;
use russh::keys::PublicKey;
use seqpacket_tokio::{Link, Next, Outbox, Throttle};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, mpsc};

/// Output that may wait when only one channel is open, in bytes: its own window.
const WAITING_ALONE: usize = 2 * 1024 * 1024;
/// Output that one channel may have waiting before the others have to stop too. The library gives a
/// channel's window back as data arrives (russh issue 770), so stopping one alone is not possible.
const WAITING_AMONG: usize = 32 * 1024 * 1024;

/// What the broker said about the machine.
#[derive(Debug)]
pub struct Setup {
    /// The target's id.
    pub target: Name,
    /// Its pinned host keys.
    pub pins: Vec<PublicKey>,
}

/// A host key that is not pinned.
#[derive(Debug)]
pub struct Unpinned {
    /// In one line.
    pub key: KeyLine,
    /// Both fingerprints, in words.
    pub cause: String,
}

/// One channel on the machine.
#[derive(Debug)]
pub struct Chan {
    /// What its task has to do, in order.
    pub queue: mpsc::UnboundedSender<Down>,
    /// Closed by the operator's side.
    pub closing: Arc<Notify>,
    /// `Opened` was said.
    pub opened: bool,
}

/// The shared state.
#[derive(Debug, Default)]
pub struct State {
    /// By the mediator's number.
    pub channels: BTreeMap<u32, Chan>,
    /// The mediator's number of each of the library's.
    pub numbers: BTreeMap<u32, u32>,
    /// What waits for the mediator.
    pub outbox: Outbox<Up>,
    /// Set when the host key was refused.
    pub unpinned: Option<Unpinned>,
}

/// What the tasks of one back share.
#[derive(Debug)]
pub struct Yard {
    state: Mutex<State>,
    /// To the broker.
    pub control: Link,
    /// To the mediator.
    pub link: Link,
    /// The brake on the machine's connection.
    pub throttle: Throttle,
    /// What the broker said.
    pub setup: Setup,
    /// Something may be sent to the mediator.
    pub wake: Notify,
    /// The machine is gone.
    pub gone: Notify,
}

impl Yard {
    /// Before the machine spoke.
    pub fn new(control: Link, link: Link, throttle: Throttle, setup: Setup) -> Self {
        let (wake, gone) = (Notify::new(), Notify::new());
        Self { state: Mutex::default(), control, link, throttle, setup, wake, gone }
    }

    /// The state, never held over an await.
    pub fn lock(&self) -> MutexGuard<'_, State> {
        // A panic aborts the process in the box's builds; in others the state is as good as before.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Output of the machine.
    pub fn output(&self, library: u32, stream: u8, bytes: &[u8]) {
        let mut state = self.lock();
        let Some(&number) = state.numbers.get(&library) else { return };
        opened(&mut state, number);
        state.outbox.data(number, stream, bytes);
        self.brake(&state);
        drop(state);
        self.wake.notify_one();
    }

    /// A message about one of the machine's channels.
    pub fn say(&self, library: u32, message: impl FnOnce(u32) -> Up) {
        let mut state = self.lock();
        let Some(&number) = state.numbers.get(&library) else { return };
        opened(&mut state, number);
        state.outbox.say(number, message(number));
        drop(state);
        self.wake.notify_one();
    }

    /// The machine closed a channel.
    pub fn closed(&self, library: u32) {
        let mut state = self.lock();
        let Some(number) = state.numbers.remove(&library) else { return };
        if state.channels.remove(&number).is_some() {
            state.outbox.close(number, Up::Close { channel: number }, false);
        }
        drop(state);
        self.wake.notify_one();
    }

    /// All of them.
    pub fn close_all(&self) {
        let mut state = self.lock();
        for (number, _) in std::mem::take(&mut state.channels) {
            state.outbox.close(number, Up::Close { channel: number }, false);
        }
        state.numbers.clear();
        drop(state);
        self.wake.notify_one();
    }

    fn brake(&self, state: &State) {
        let limit = if state.channels.len() > 1 { WAITING_AMONG } else { WAITING_ALONE };
        let fullest = state.outbox.fullest();
        if fullest > limit {
            self.throttle.pause();
        } else if fullest < limit / 2 {
            self.throttle.resume();
        }
    }
}

/// Says `Opened` before the first that follows from it.
pub fn opened(state: &mut State, number: u32) {
    if let Some(chan) = state.channels.get_mut(&number).filter(|chan| !chan.opened) {
        chan.opened = true;
        state.outbox.say(number, Up::Opened { channel: number });
    }
}

/// Sends what may be sent, until the mediator is gone.
pub async fn send(yard: Arc<Yard>) {
    loop {
        let next = {
            let mut state = yard.lock();
            let next = state.outbox.take_next();
            yard.brake(&state);
            next
        };
        let message = match next {
            None => {
                yard.wake.notified().await;
                continue;
            }
            Some(Next::Data { channel, stream, bytes }) => {
                let bytes = Bytes::new(bytes).expect("the outbox keeps to DATA_BYTES_MAX");
                Up::Data { channel, stream, bytes }
            }
            Some(Next::Credit { channel, bytes }) => Up::Credit { channel, bytes },
            Some(Next::Say(message)) => message,
        };
        if yard.link.send(&message).await.is_err() {
            return;
        }
    }
}
