//! The sockets of one session: reads them, tells the room, does what it says. It decides nothing.

mod link;

use crate::Prepared;
use crate::room::{Act, Room};
use border::MESSAGE_BYTES_MAX;
use link::{Closed, Link, Observer};
use os::poll::{Poll, Ready};
use os::timer::Timer;
use std::collections::BTreeMap;
use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;
use zeroize::Zeroizing;

const CONTROL: u64 = 0;
const FRONT: u64 = 1;
const BACK: u64 = 2;
const RECORD: u64 = 3;
const TIMER: u64 = 4;
const LIFELINE: u64 = 5;
/// Observers' tokens begin here.
const OBSERVERS: u64 = 16;
/// Messages of one stream in one round, so that none keeps the clock or the others waiting.
const ROUND: usize = 16;
/// Events for the broker may wait up to so many; then the newest are dropped.
const CONTROL_QUEUE_MAX: usize = 256;
/// Messages of the room's own (credit, mostly) that may wait for a stream whose sender is still read.
const OWN_QUEUE_MAX: usize = 64;
/// The terms have to come within this.
const START_WITHIN: Duration = Duration::from_secs(600);
/// The last event may wait for a busy broker so long.
const LAST_WORD: Duration = Duration::from_millis(100);

fn now_us() -> u64 {
    u64::try_from(os::clock::boottime().as_micros()).expect("boot time fits for 500,000 years")
}

struct Shell {
    room: Room,
    poll: Poll,
    timer: Timer,
    armed: Option<u64>,
    control: Link,
    front: Link,
    back: Link,
    record: Link,
    /// None once it has ended.
    lifeline: Option<OwnedFd>,
    observers: BTreeMap<u64, Observer>,
    /// The descriptor that came with the order that is being handled.
    incoming: Option<OwnedFd>,
    buffer: Vec<u8>,
    left: bool,
}

/// Serves the session until it is over.
///
/// # Errors
/// In words, if the kernel refuses what every kernel gives, or the terms never come.
pub fn run(prepared: Prepared) -> Result<(), String> {
    run_in(prepared, Room::new)
}

/// The same in a room of the caller's making.
///
/// # Errors
/// As [`run`].
pub fn run_in(prepared: Prepared, room: fn(Box<Zeroizing<[u8; 32]>>) -> Room) -> Result<(), String> {
    let wrong = |what: &str, error: io::Error| format!("{what}: {error}");
    let poll = Poll::new().map_err(|error| wrong("cannot wait for its sockets", error))?;
    let timer = Timer::new().map_err(|error| wrong("cannot make its timer", error))?;
    let link = |fd, token| Link::new(fd, token).map_err(|error| wrong("cannot use its socket", error));
    let mut shell = Shell {
        room: room(prepared.key.0),
        control: link(prepared.control, CONTROL)?,
        front: link(prepared.front, FRONT)?,
        back: link(prepared.back, BACK)?,
        record: link(prepared.record, RECORD)?,
        lifeline: Some(prepared.lifeline),
        poll,
        timer,
        armed: None,
        observers: BTreeMap::new(),
        incoming: None,
        buffer: vec![0; MESSAGE_BYTES_MAX],
        left: false,
    };
    shell.poll.add(&shell.timer, TIMER, true, false).map_err(|error| wrong("cannot watch its timer", error))?;
    let watched = shell.lifeline.as_ref().map(|lifeline| shell.poll.add(lifeline, LIFELINE, true, false));
    watched.transpose().map_err(|error| wrong("cannot watch its guardian", error))?;
    shell.control.watch(&shell.poll, true).map_err(|error| wrong("cannot watch its broker", error))?;
    shell.serve().map_err(|error| wrong("cannot go on", error))
}

impl Shell {
    fn serve(&mut self) -> io::Result<()> {
        let begun = now_us();
        let mut ready = Vec::new();
        while !self.left {
            let more = self.watch()?;
            self.arm()?;
            self.poll.wait(&mut ready, more.then_some(Duration::ZERO))?;
            self.round(&ready)?;
            let now = now_us();
            self.room.tick(now);
            self.act();
            self.room.settle(now);
            self.act();
            if self.front.idle() && self.back.idle() && self.record.idle() {
                self.room.drained(now);
                self.act();
            }
            let waiting = self.waiting();
            let late = now.saturating_sub(begun) > START_WITHIN.as_micros() as u64;
            if waiting && (self.control.closed() || late) {
                return Err(io::Error::other("the terms of the session never came"));
            }
        }
        self.last_word()
    }

    /// Watches what the room wants read; whether something is known to be readable unwatched.
    fn watch(&mut self) -> io::Result<bool> {
        let (front, back) = (self.may_read(FRONT), self.may_read(BACK));
        self.control.watch(&self.poll, true)?;
        if self.waiting() {
            return Ok(self.control.unwatched());
        }
        self.record.watch(&self.poll, true)?;
        self.front.watch(&self.poll, front)?;
        self.back.watch(&self.poll, back)?;
        let must = self.control.unwatched() || self.record.unwatched();
        Ok(must || (front && self.front.unwatched()) || (back && self.back.unwatched()))
    }

    /// The terms have not come.
    fn waiting(&self) -> bool {
        !self.room.live() && !self.room.ending() && !self.room.over()
    }

    /// The timer is only moved to an earlier time: once it fires, the room says the next.
    fn arm(&mut self) -> io::Result<()> {
        let bound = self.waiting().then_some(now_us() + START_WITHIN.as_micros() as u64);
        let Some(next) = self.room.next_wake().or(bound.filter(|_| self.armed.is_none())) else { return Ok(()) };
        if self.armed.is_none_or(|armed| next < armed) {
            self.timer.arm(Duration::from_micros(next))?;
            self.armed = Some(next);
        }
        Ok(())
    }

    fn round(&mut self, ready: &[Ready]) -> io::Result<()> {
        for event in ready {
            match event.token {
                TIMER => {
                    self.timer.acknowledge()?;
                    self.armed = None;
                }
                CONTROL => self.control.note(*event),
                FRONT => self.front.note(*event),
                BACK => self.back.note(*event),
                RECORD => self.record.note(*event),
                LIFELINE => self.lifeline_moved(*event),
                token => self.observer(token, *event),
            }
        }
        for link in [&mut self.control, &mut self.front, &mut self.back, &mut self.record] {
            link.flush();
        }
        // The vault first: its answers release input, and let the others be read.
        self.read(RECORD);
        self.read(CONTROL);
        self.read(FRONT);
        self.read(BACK);
        Ok(())
    }

    /// The guardian died, or the pipe that nobody writes to holds something: either ends the session.
    fn lifeline_moved(&mut self, event: Ready) {
        if let Some(lifeline) = self.lifeline.take() {
            // Closing it takes it out of the set too, unless a copy lives elsewhere.
            drop(self.poll.remove(&lifeline));
        }
        let now = now_us();
        if event.readable {
            self.room.guardian_spoke(now);
        } else {
            self.room.guardian_gone(now);
        }
        self.act();
    }

    fn link(&mut self, token: u64) -> &mut Link {
        match token {
            CONTROL => &mut self.control,
            FRONT => &mut self.front,
            BACK => &mut self.back,
            RECORD => &mut self.record,
            _ => unreachable!("only the four links are read"),
        }
    }

    /// Whether this stream may be read just now: asked before each message.
    fn may_read(&self, token: u64) -> bool {
        let reads = self.room.reads();
        match token {
            CONTROL => !self.room.over(),
            RECORD => self.room.live() || self.room.ending(),
            // A front that has hung up is read to its end, which its credit bounds.
            FRONT if self.front.hung_up() => self.room.live(),
            // A full socket to one side stops the reading of the other, and a side that does not
            // take what the room answers it is not read either.
            FRONT => reads.front && self.back.idle() && self.front.waiting() < OWN_QUEUE_MAX,
            BACK => reads.back && self.front.idle() && self.back.waiting() < OWN_QUEUE_MAX,
            _ => false,
        }
    }

    fn read(&mut self, token: u64) {
        for _ in 0..ROUND {
            if !self.link(token).readable() || !self.may_read(token) {
                return;
            }
            let mut buffer = std::mem::take(&mut self.buffer);
            let got = self.link(token).recv(&mut buffer);
            let now = now_us();
            match got {
                Ok(None) => {}
                Ok(Some(received)) => {
                    let count = received.fds.len();
                    if token == CONTROL {
                        self.incoming = received.fds.into_iter().next();
                    }
                    let message = &buffer[..received.len];
                    match token {
                        CONTROL => self.room.order(now, message, count),
                        FRONT => self.room.front(now, message, count),
                        BACK => self.room.back(now, message, count),
                        _ => self.room.record(now, message, count),
                    }
                    self.act_on(message);
                    self.incoming = None;
                }
                Err(Closed) => self.closed(token, now),
            }
            self.buffer = buffer;
        }
    }

    fn closed(&mut self, token: u64, now: u64) {
        self.link(token).close();
        match token {
            FRONT => self.room.front_closed(now),
            BACK => self.room.back_closed(now),
            RECORD => self.room.record_closed(now),
            _ => self.room.control_closed(now),
        }
        self.act();
    }

    fn act(&mut self) {
        self.act_on(&[]);
    }

    /// Does what the room wants; `message` is what was just received.
    fn act_on(&mut self, message: &[u8]) {
        let mut refused = None;
        let Self { room, poll, control, front, back, record, observers, incoming, left, .. } = self;
        for act in room.acts() {
            match act {
                Act::Front(bytes) => front.send(bytes),
                Act::FrontSame => front.send_slice(message),
                Act::Back(bytes) => back.send(bytes),
                Act::Record(bytes) => record.send(bytes),
                Act::Control(bytes) => {
                    if control.waiting() < CONTROL_QUEUE_MAX {
                        control.send(bytes);
                    }
                }
                Act::Admit(id) => {
                    let made = incoming.take().map(|fd| Observer::new(fd, OBSERVERS + id, poll));
                    match made {
                        Some(Ok(observer)) => drop(observers.insert(id, observer)),
                        Some(Err(_)) | None => refused = Some(id),
                    }
                }
                Act::Observer(id, bytes) => {
                    if let Some(observer) = observers.get_mut(&id) {
                        observer.send(poll, &bytes);
                    }
                }
                Act::Observers(bytes) => observers.values_mut().for_each(|one| one.send(poll, &bytes)),
                Act::ObserversSame => observers.values_mut().for_each(|one| one.send(poll, message)),
                Act::Say(line) => eprintln!("mediator: {line}"),
                Act::Leave => *left = true,
            }
        }
        if let Some(id) = refused {
            room.observer_gone(id);
        }
    }

    fn observer(&mut self, token: u64, event: Ready) {
        let id = token - OBSERVERS;
        let Some(observer) = self.observers.get_mut(&id) else { return };
        // It may say nothing: whatever comes, its end included, ends it.
        if event.readable || event.hangup {
            // Closing it takes it out of the set, since nobody else holds this end.
            drop(self.poll.remove(observer.as_fd()));
            self.observers.remove(&id);
            self.room.observer_gone(id);
        } else if event.writable {
            observer.drained(&self.poll);
        }
    }

    /// Gives the broker a moment to take the last event.
    fn last_word(&mut self) -> io::Result<()> {
        let until = os::clock::boottime() + LAST_WORD;
        let mut ready = Vec::new();
        while !self.control.idle() && !self.control.closed() {
            let now = os::clock::boottime();
            if now >= until {
                return Ok(());
            }
            self.poll.wait(&mut ready, Some(until - now))?;
            self.control.flush();
        }
        Ok(())
    }
}
