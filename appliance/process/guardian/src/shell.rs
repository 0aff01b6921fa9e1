//! The loop: feels, hears, asks the rules, does what they say and reads it back.

use crate::doors::{BYTES_MAX, CLIENTS, CLIENTS_MAX, DESK, Doors, Sent, Who, send};
use crate::hands::{self, Hands, Session};
use crate::senses::{CONTACTS, KEYBOARDS, Senses};
use crate::talk::{self, Broken};
use border::{desk, guardian, latch, zones};
use codec::Wire;
use guard::{Action, Guardian, Input, Now, Part, SESSIONS_MAX, What};
use os::poll::{Poll, Ready};
use os::seqpacket;
use os::signal::Terminated;
use std::io::{ErrorKind, PipeReader, PipeWriter};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::ExitCode;
use std::time::Duration;

const STOP: u64 = 4;
/// Messages of one peer that are taken before the next one's turn.
const TURN: usize = 32;
/// Events of one round at most.
const ROUND: usize = 64;
/// Bits of `guard::FAULTS`.
const LAMP: u16 = 4;
const FOOD: u16 = 32;

pub fn now() -> Now {
    let us = u64::try_from(os::clock::boottime().as_micros()).unwrap_or(u64::MAX);
    Now { us, wall_ms: os::clock::wall_ms() }
}

/// The guardian's process.
pub struct Shell {
    core: Guardian,
    hands: Hands,
    senses: Senses,
    doors: Doors,
    poll: Poll,
    stop: Terminated,
    sessions: Box<[Option<Session>]>,
    /// What came with the order that is being handled.
    incoming: [Option<OwnedFd>; 2],
    /// Whose other end is open while the guardian lives.
    lifeline: (PipeReader, PipeWriter),
    first_broker: Option<OwnedFd>,
    buffer: Box<[u8; BYTES_MAX]>,
    out: Vec<u8>,
    to_broker: Vec<u8>,
    /// A message that the broker did not take yet, and whether the lifeline goes with it.
    waiting: Option<bool>,
    done: bool,
}

impl Shell {
    pub fn new(core: Guardian, hands: Hands, senses: Senses, doors: Doors, broker: OwnedFd, poll: Poll) -> Result<Self, String> {
        let stop = Terminated::new().map_err(|e| format!("signals: {e}"))?;
        poll.add(&stop, STOP, true, false).map_err(|e| format!("epoll: {e}"))?;
        let sessions: Vec<Option<Session>> = std::iter::repeat_with(|| None).take(SESSIONS_MAX).collect();
        Ok(Self {
            core,
            hands,
            senses,
            doors,
            poll,
            stop,
            sessions: sessions.into_boxed_slice(),
            incoming: [None, None],
            lifeline: std::io::pipe().map_err(|e| format!("pipe: {e}"))?,
            first_broker: Some(broker),
            buffer: Box::new([0; BYTES_MAX]),
            out: Vec::with_capacity(BYTES_MAX),
            to_broker: Vec::with_capacity(BYTES_MAX),
            waiting: None,
            done: false,
        })
    }

    fn run(&mut self, ready: &mut Vec<Ready>) -> Result<(), String> {
        if let Some(missing) = self.senses.missing() {
            self.feel(missing);
        }
        if let Some(broker) = self.first_broker.take() {
            self.join(Who::Broker, broker);
        }
        while !self.done {
            let wake = self.core.wake_us().min(self.senses.wake_us().unwrap_or(u64::MAX));
            let wait = Duration::from_micros(wake.saturating_sub(now().us));
            self.poll.wait(ready, Some(wait)).map_err(|e| format!("epoll: {e}"))?;
            for event in ready.iter() {
                self.event(event.token);
            }
            let Self { senses, core, .. } = self;
            senses.sample(now().us, |input| core.on(input, now()));
            self.send_waiting();
            self.feel(Input::Time);
        }
        Ok(())
    }

    /// One input, and all that follows from it.
    fn feel(&mut self, input: Input) {
        self.core.on(input, now());
        while let Some(action) = self.core.step() {
            self.act(action);
            if self.done {
                return;
            }
        }
    }

    fn event(&mut self, token: u64) {
        if let Some(who) = Who::ALL.into_iter().find(|who| who.token() == token) {
            return self.hear(who);
        }
        if let Some(who) = Who::ALL.into_iter().find(|who| who.door_token() == token) {
            if let Some(socket) = self.doors.accept(who) {
                self.join(who, socket);
            }
            return;
        }
        let clients = CLIENTS..CLIENTS.saturating_add(CLIENTS_MAX as u64);
        match token {
            DESK => self.doors.seat(&self.poll),
            STOP => self.feel(Input::Stop),
            token if clients.contains(&token) => self.desk(token),
            token if token >= CONTACTS => {
                if let Some(input) = self.senses.wire(token, &self.poll) {
                    self.feel(input);
                }
            }
            token if token >= KEYBOARDS => {
                for input in self.senses.key(token, &self.poll).into_iter().flatten().flatten() {
                    self.feel(input);
                }
            }
            _ => {}
        }
        if token == STOP {
            // It says so once: what follows is seen by time.
            self.poll.remove(&self.stop).ok();
        }
    }

    fn part(who: Who) -> Part {
        match who {
            Who::Broker => Part::Broker,
            Who::Latch => Part::Latch,
            Who::Zones => Part::Zones,
        }
    }

    fn join(&mut self, who: Who, socket: OwnedFd) {
        self.leave(who);
        if self.doors.join(who, socket, &self.poll) {
            self.feel(Input::Joined(Self::part(who)));
        }
    }

    fn leave(&mut self, who: Who) {
        if self.doors.socket(who).is_some() {
            self.doors.leave(who, &self.poll);
            if who == Who::Broker {
                self.waiting = None;
            }
            self.feel(Input::Left(Self::part(who)));
        }
    }

    /// Who closes, or says what it may not, is gone: whoever started it starts it again.
    fn hear(&mut self, who: Who) {
        if who == Who::Broker {
            self.send_waiting();
        }
        for _ in 0..TURN {
            let Some(socket) = self.doors.socket(who) else { return };
            match seqpacket::recv_few(socket, self.buffer.as_mut_slice(), &mut self.incoming) {
                Ok((0, _)) => return self.leave(who),
                Ok((length, fds)) => {
                    let bytes = self.buffer.get(..length).unwrap_or_default();
                    let input = match who {
                        Who::Broker => talk::broker(bytes, fds),
                        Who::Latch => talk::latch(bytes, fds),
                        Who::Zones => talk::zones(bytes, fds),
                    };
                    match input {
                        Ok(input) => self.feel(input),
                        Err(Broken) => {
                            self.feel(Input::OutOfTurn(Self::part(who)));
                            self.leave(who);
                        }
                    }
                    self.incoming = [None, None];
                }
                Err(e) if e.kind() == ErrorKind::WouldBlock => return,
                Err(_) => return self.leave(who),
            }
        }
    }

    fn desk(&mut self, token: u64) {
        let Some(client) = self.doors.client(token) else { return };
        let uid = client.uid;
        let received = seqpacket::recv_few(client.socket.as_fd(), self.buffer.as_mut_slice(), &mut self.incoming);
        self.incoming = [None, None];
        let asked = match received {
            Ok((0, _)) => return self.doors.unseat(token, &self.poll),
            Ok((length, fds)) => talk::desk(self.buffer.get(..length).unwrap_or_default(), fds, uid),
            Err(e) if e.kind() == ErrorKind::WouldBlock => return,
            Err(_) => Err(Broken),
        };
        let Ok(input) = asked else {
            self.doors.unseat(token, &self.poll);
            return self.feel(Input::OutOfTurn(Part::Desk));
        };
        if let Some(input) = input {
            self.feel(input);
        }
        let reply = desk::Reply::Is { now_ms: now().us / 1000, state: self.core.state() };
        Self::put(&mut self.out, &reply);
        let sent = self.doors.client(token).map(|client| send(client.socket.as_fd(), &self.out, &[]));
        if sent != Some(Sent::Yes) {
            self.doors.unseat(token, &self.poll);
        }
    }

    fn put<T: Wire>(out: &mut Vec<u8>, message: &T) {
        out.clear();
        message.put(out);
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Set { what, on } => {
                match what {
                    What::OtDrops => self.hands.set_ot(on),
                    What::UplinkDrops => self.hands.set_uplinks(on),
                    // Life can't be set: what is not wanted dead is left alone.
                    What::TreesDead if on => self.hands.kill_trees(),
                    What::TreesDead => {}
                    What::LinksDown => self.hands.set_ports(!on),
                }
                self.look(what);
            }
            Action::Look { what } => self.look(what),
            Action::Kill { slot } => {
                if let Some(session) = self.session(slot) {
                    hands::kill(&session.kill);
                }
            }
            Action::LookAt { slot } => {
                // What can't be read counts as alive.
                let lives = self.session(slot).is_some_and(|session| hands::lives(&session.events).unwrap_or(true));
                self.core.on(Input::SessionLives { slot, lives }, now());
            }
            Action::Forget { slot } => {
                if let Some(place) = self.sessions.get_mut(usize::from(slot)) {
                    *place = None;
                }
            }
            Action::Write { slot } => self.tell(Who::Latch, &latch::Order::Write { slot }),
            Action::BeatLatch => self.tell(Who::Latch, &latch::Order::Beat),
            Action::Lay => self.tell(Who::Zones, &zones::Order::Lay),
            Action::Feed => {
                let fed = self.hands.feed();
                self.core.on(Input::Fault { bit: FOOD, there: !fed }, now());
            }
            Action::Lamps { connected, cut, fault } => {
                let lit = self.hands.light(connected, cut, fault);
                self.core.on(Input::Fault { bit: LAMP, there: !lit }, now());
            }
            Action::Hello { state } => self.tell_broker(&guardian::Event::Hello { state }, true),
            Action::Beat { state } => self.tell_broker(&guardian::Event::Beat { state }, false),
            Action::Watching { session, slot } => {
                let taken = self.take_session(slot);
                let event = if taken { guardian::Event::Watching { session } } else { guardian::Event::NotWatching { session } };
                self.tell_broker(&event, false);
            }
            Action::NotWatching { session } => self.tell_broker(&guardian::Event::NotWatching { session }, false),
            Action::Tell { number, wall_ms, note } => self.tell_broker(&guardian::Event::Told { number, wall_ms, note }, false),
            Action::Rearmed { ticket } => self.tell_broker(&guardian::Event::Rearmed { ticket }, false),
            Action::NotRearmed { ticket, why } => self.tell_broker(&guardian::Event::NotRearmed { ticket, why }, false),
            Action::Exit => {
                if let Some(dog) = &self.hands.watchdog {
                    dog.stop().ok();
                }
                self.done = true;
            }
        }
    }

    fn session(&self, slot: u16) -> Option<&Session> {
        self.sessions.get(usize::from(slot))?.as_ref()
    }

    fn take_session(&mut self, slot: u16) -> bool {
        let [kill, events] = std::mem::take(&mut self.incoming);
        let (Some(kill), Some(events)) = (kill, events) else { return false };
        let Some(place) = self.sessions.get_mut(usize::from(slot)) else { return false };
        *place = Some(Session::new(kill, events));
        true
    }

    /// Reads one thing back, and tells the rules.
    fn look(&mut self, what: What) {
        let input = match what {
            What::OtDrops => Input::Is { what, is: self.hands.ot() },
            What::UplinkDrops => Input::Is { what, is: self.hands.uplinks() },
            What::TreesDead => {
                let (fronts, sessions) = self.hands.trees();
                Input::Lives { fronts, sessions }
            }
            What::LinksDown => match self.hands.ports_up() {
                Some(up) => Input::Links { up },
                None => Input::Is { what, is: None },
            },
        };
        self.core.on(input, now());
    }

    /// To latch or zones. One that does not read is gone: it is started again, and hears anew what it missed.
    fn tell<T: Wire>(&mut self, who: Who, message: &T) {
        Self::put(&mut self.out, message);
        let sent = self.doors.socket(who).map_or(Sent::Gone, |socket| send(socket, &self.out, &[]));
        if sent != Sent::Yes && self.doors.socket(who).is_some() {
            self.doors.leave(who, &self.poll);
            self.core.on(Input::Left(Self::part(who)), now());
        }
    }

    /// To the broker. One that does not read is waited for: it may be stopped, and go on.
    fn tell_broker<T: Wire>(&mut self, message: &T, lifeline: bool) {
        Self::put(&mut self.to_broker, message);
        self.waiting = Some(lifeline);
        self.send_waiting();
    }

    fn send_waiting(&mut self) {
        let Some(lifeline) = self.waiting else { return };
        let Some(socket) = self.doors.socket(Who::Broker) else { return };
        let end: [BorrowedFd<'_>; 1] = [self.lifeline.0.as_fd()];
        let fds: &[BorrowedFd<'_>] = if lifeline { &end } else { &[] };
        match send(socket, &self.to_broker, fds) {
            Sent::Full => {}
            // The end of one that is gone shows itself where messages are received.
            Sent::Yes | Sent::Gone => self.waiting = None,
        }
        self.core.broker_reads(self.waiting.is_none());
    }
}

/// Serves until it is told to stop in order.
pub fn serve(mut shell: Shell) -> ExitCode {
    let mut ready: Vec<Ready> = Vec::with_capacity(ROUND);
    let before = heap::count();
    let outcome = shell.run(&mut ready);
    eprintln!("guardian: {} allocations while it served", heap::count().saturating_sub(before));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("guardian: {why}");
            ExitCode::FAILURE
        }
    }
}
