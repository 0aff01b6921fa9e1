//! The operator's side: a model of `front-ssh` with a person before it.

use crate::disk::Random;
use crate::faults::Chaos;
use crate::fd::{Fd, Kind};
use crate::parts::broker::Peer;
use crate::parts::session::Mail;
use crate::plants::{PEOPLE, TARGETS, key_of};
use crate::world::{Part, SECOND, World};
use border::front::{Answer, Request, Step};
use border::launcher::Part as Worker;
use border::work::{CREDIT_AT_OPEN, Down, Pty, Up};
use border::{KeyLine, Name, secrets};
use broker::core::{Endpoint, Input};
use codec::{Bytes, List, Text};
use model::Login;
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;

/// A person who connects, and what they have in mind.
#[derive(Debug, Clone)]
pub(crate) struct Operator {
    pub peer: SocketAddr,
    person: &'static str,
    login: Login,
    /// Knows the secrets.
    right: bool,
    target: &'static str,
    work: u64,
    think_us: u64,
    pub hangs_up_us: u64,
    liar: bool,
}

pub(crate) struct Operators {
    left: u64,
    pause_us: u64,
}

impl Operators {
    pub fn new(random: &mut Random, chaos: &Chaos) -> Self {
        let (left, pause_us) = if chaos.crowd { (60, 100_000) } else { (4 + random.below(20), chaos.length_us / 8) };
        Self { left, pause_us }
    }
}

/// What comes on its control socket.
#[derive(Debug)]
pub(crate) enum FromBroker {
    Answer(Answer, Option<Fd>),
    Closed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Stage {
    #[default]
    Start,
    Login,
    Known,
    Asked,
    Live,
    Over,
}

/// The answer that the broker owes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Owed {
    #[default]
    Nothing,
    Key,
    Login,
    Choices,
}

struct Chan {
    credit: u32,
    got: u32,
    eof: bool,
    pty: bool,
}

#[derive(Default)]
pub(crate) struct Front {
    control: VecDeque<FromBroker>,
    host_key: Option<bool>,
    asked_host_key: bool,
    setup: bool,
    connection: Option<Option<Operator>>,
    stage: Stage,
    owed: Owed,
    keyed: bool,
    tries: u32,
    operator: Option<Operator>,
    stream: Option<Fd>,
    session: Option<u64>,
    channels: BTreeMap<u32, Chan>,
    next_channel: u32,
    act_at_us: u64,
    crash_in: Option<u64>,
}

impl Front {
    /// Whose connection it has.
    pub fn peer(&self) -> Option<SocketAddr> {
        self.connection.as_ref()?.as_ref().map(|operator| operator.peer)
    }
}

impl World {
    pub fn operators_turn(&mut self) {
        if self.draining || self.operators.left == 0 {
            return;
        }
        self.operators.left -= 1;
        let pause = self.random.below(self.operators.pause_us);
        self.wake_in(Part::Operators, pause);
        let (person, login) = self.pick(&PEOPLE);
        let source = self.random.below(3) as u8 + 2;
        let stays = self.pick(&[1, 5, 20, 60, 130]);
        let operator = Operator {
            peer: ([10, 99, 1, source], 1000 + self.random.below(60_000) as u16).into(),
            person: if self.one_in(12) { "nobody" } else { person },
            login,
            right: !self.one_in(6),
            target: if self.one_in(10) { "secret-plc" } else { self.pick(&TARGETS) },
            work: self.random.below(40),
            think_us: self.pick(&[10_000, 300_000, 2_000_000]),
            hangs_up_us: self.now_us + self.random.below(stays * SECOND),
            liar: self.chaos.liars && self.one_in(3),
        };
        self.connects(operator);
    }

    /// Everybody hangs up within a second.
    pub fn operators_leave(&mut self) {
        let now = self.now_us;
        for operator in self.listener.waiting.values_mut() {
            operator.hangs_up_us = operator.hangs_up_us.min(now);
        }
        self.wake(Part::Listener);
        let workers: Vec<u64> = self.fronts.keys().copied().collect();
        for worker in workers {
            if let Some(operator) = self.fronts.get_mut(&worker).and_then(|front| front.operator.as_mut()) {
                operator.hangs_up_us = operator.hangs_up_us.min(now);
            }
            self.wake(Part::Front(worker));
        }
    }

    /// A front process begins.
    pub fn front_begins(&mut self, worker: u64) {
        let crash = self.chaos.crash;
        let crash_in = if self.one_in(crash.min(4)) { Some(self.random.below(40)) } else { None };
        if let Some(front) = self.fronts.get_mut(&worker) {
            front.crash_in = crash_in;
        }
        self.wake(Part::Front(worker));
    }

    pub fn tell_front(&mut self, worker: u64, what: FromBroker) {
        if let Some(front) = self.fronts.get_mut(&worker) {
            front.control.push_back(what);
            self.wake(Part::Front(worker));
        }
    }

    pub fn front_gets_connection(&mut self, worker: u64, operator: Operator) {
        if let Some(front) = self.fronts.get_mut(&worker) {
            front.connection = Some(Some(operator));
            self.wake(Part::Front(worker));
        }
    }

    pub fn front_gets_host_key(&mut self, worker: u64) {
        if let Some(front) = self.fronts.get_mut(&worker) {
            front.host_key = Some(true);
            self.wake(Part::Front(worker));
        }
    }

    pub fn front_hears_close(&mut self, worker: u64, kind: Kind) {
        let Some(front) = self.fronts.get_mut(&worker) else { return };
        match kind {
            Kind::FrontControl(_) => front.control.push_back(FromBroker::Closed),
            Kind::FrontSecrets(_) => front.host_key = front.host_key.or(Some(false)),
            Kind::FrontHandover(_) => front.connection = Some(front.connection.take().flatten()),
            Kind::MediatorControl(_) | Kind::BackControl(_) | Kind::BackHandover(_) | Kind::BackSecrets(_) => {}
            Kind::Record(_) | Kind::Stream(_) | Kind::FrontKill(_) | Kind::SessionKill(_) | Kind::SessionEvents(_) | Kind::Lifeline => {}
            Kind::Observer(_) => {}
        }
        self.wake(Part::Front(worker));
    }

    pub fn front_dies(&mut self, worker: u64, status: u32) {
        let Some(front) = self.fronts.remove(&worker) else { return };
        if let Some(found) = front.session.and_then(|session| self.sessions.get_mut(&session)) {
            found.front = None;
        }
        drop(front);
        self.vault_front_closed(worker);
        self.process_ended(Endpoint::Front(worker), worker, Worker::FrontSsh, status);
    }

    /// Whether it may go on: a crash may come at any message.
    fn front_lives(&mut self, worker: u64) -> bool {
        let Some(front) = self.fronts.get_mut(&worker) else { return false };
        match front.crash_in.as_mut() {
            Some(0) => {
                self.note(format!("front {worker} crashes"));
                self.front_dies(worker, 256 + 6);
                return false;
            }
            Some(left) => *left -= 1,
            None => {}
        }
        true
    }

    fn front_asks(&mut self, worker: u64, request: Request) {
        if self.front_lives(worker) {
            self.tell_broker(Peer::Worker(Endpoint::Front(worker)), Input::Front(worker, request));
        }
    }

    pub fn front_turn(&mut self, worker: u64) {
        while let Some(what) = self.fronts.get_mut(&worker).and_then(|front| front.control.pop_front()) {
            if self.front_lives(worker) {
                self.front_hears(worker, what);
            }
        }
        self.front_reads(worker);
        let now = self.now_us;
        let Some(front) = self.fronts.get_mut(&worker) else { return };
        if front.stage == Stage::Start {
            self.front_starts(worker);
        } else if front.operator.as_ref().is_some_and(|operator| operator.hangs_up_us <= now) {
            self.note(format!("the operator at front {worker} hangs up"));
            self.front_leaves(worker);
        } else if front.act_at_us <= now {
            self.person_acts(worker);
        }
        let Some(front) = self.fronts.get(&worker).filter(|front| front.stage != Stage::Start) else { return };
        let hangs_up = front.operator.as_ref().map_or(u64::MAX, |operator| operator.hangs_up_us);
        let at = front.act_at_us.max(self.now_us + 1).min(hangs_up);
        self.wake_at(Part::Front(worker), at);
    }

    /// In the order of the real one: the broker's word, the host key, the connection.
    fn front_starts(&mut self, worker: u64) {
        let now = self.now_us;
        let Some(front) = self.fronts.get_mut(&worker) else { return };
        if !front.setup {
            return;
        }
        if !std::mem::replace(&mut front.asked_host_key, true) {
            return self.front_tells_vault(worker, secrets::Request::HostKey);
        }
        match (front.host_key, &front.connection) {
            (None, _) | (Some(true), None) => {}
            (Some(false), _) | (Some(true), Some(None)) => self.front_dies(worker, 1),
            (Some(true), Some(Some(operator))) => {
                front.act_at_us = now + operator.think_us;
                front.operator = Some(operator.clone());
                front.stage = Stage::Login;
            }
        }
    }

    /// A lying front stays where an honest one leaves.
    fn front_leaves(&mut self, worker: u64) {
        let lingers = !self.draining && self.fronts.get(&worker).is_some_and(|f| f.operator.as_ref().is_some_and(|o| o.liar));
        if let Some(front) = self.fronts.get_mut(&worker).filter(|_| lingers) {
            front.stage = Stage::Over;
            if let Some(operator) = front.operator.as_mut() {
                operator.hangs_up_us = u64::MAX;
            }
            return;
        }
        self.front_dies(worker, 0);
    }

    fn front_hears(&mut self, worker: u64, what: FromBroker) {
        let later = self.now_us + self.random.below(300_000);
        let Some(front) = self.fronts.get_mut(&worker) else { return };
        let (answer, fd) = match what {
            FromBroker::Answer(answer, fd) => (answer, fd),
            // A live session goes on without its broker.
            FromBroker::Closed if front.stage == Stage::Live => return,
            FromBroker::Closed => return self.front_leaves(worker),
        };
        let name = answer.name();
        let expected = match &answer {
            Answer::Setup { .. } => !std::mem::replace(&mut front.setup, true),
            Answer::Key { .. } => std::mem::take(&mut front.owed) == Owed::Key,
            Answer::Login { .. } => std::mem::take(&mut front.owed) == Owed::Login,
            Answer::Choices { .. } => std::mem::take(&mut front.owed) == Owed::Choices,
            Answer::Waiting { .. } => front.stage == Stage::Asked,
            Answer::Denied { .. } | Answer::Granted { .. } => matches!(front.stage, Stage::Asked | Stage::Over),
            Answer::End { .. } => true,
        };
        let liar = front.operator.as_ref().is_some_and(|operator| operator.liar);
        if !expected && !liar {
            return self.accused_front(worker, &format!("the broker sent {name} to a front that is {:?}", self.stage(worker)));
        }
        front.act_at_us = front.act_at_us.min(later);
        match answer {
            Answer::Setup { .. } | Answer::Key { .. } | Answer::Choices { .. } | Answer::Waiting { .. } => {}
            Answer::Login { step: Step::Accepted } => front.stage = Stage::Known,
            Answer::Login { step: Step::NeedCode } => front.keyed = true,
            Answer::Login { step: Step::Rejected } => front.tries += 1,
            Answer::Granted { session } => {
                (front.stream, front.session, front.stage) = (fd, Some(session), Stage::Live);
                if let Some(found) = self.sessions.get_mut(&session) {
                    found.front = Some(worker);
                }
            }
            Answer::Denied { .. } | Answer::End { .. } => {
                front.stage = Stage::Over;
                front.act_at_us = later;
            }
        }
    }

    fn stage(&self, worker: u64) -> Stage {
        self.fronts.get(&worker).map_or(Stage::Over, |front| front.stage)
    }

    /// What the person before it does next.
    fn person_acts(&mut self, worker: u64) {
        let (now, dice) = (self.now_us, self.random.below(16));
        let Some(front) = self.fronts.get_mut(&worker) else { return };
        let Some(operator) = front.operator.clone() else { return };
        front.act_at_us = now + operator.think_us / 2 + dice * operator.think_us / 16 + 1;
        if operator.liar && dice < 5 {
            return self.front_lies(worker, dice);
        }
        match front.stage {
            Stage::Login if front.owed == Owed::Nothing => self.person_logs_in(worker, &operator),
            Stage::Known if dice == 0 && front.owed == Owed::Nothing => {
                front.owed = Owed::Choices;
                self.front_asks(worker, Request::Menu);
            }
            Stage::Known | Stage::Asked if dice == 1 => {
                self.front_asks(worker, Request::Refused { what: Name::cut("agent") });
            }
            Stage::Known if front.owed == Owed::Nothing => {
                front.stage = Stage::Asked;
                let account = Name::cut(if dice < 8 { "" } else { "view" });
                self.front_asks(worker, Request::Want { target: Name::cut(operator.target), account });
            }
            Stage::Live => self.person_works(worker, operator.work),
            // An honest front leaves by itself once it was told the end.
            Stage::Over if !operator.liar => self.front_dies(worker, 0),
            Stage::Over | Stage::Start | Stage::Login | Stage::Known | Stage::Asked => {}
        }
    }

    fn person_logs_in(&mut self, worker: u64, operator: &Operator) {
        let offers = self.random.coin();
        let Some(front) = self.fronts.get_mut(&worker) else { return };
        if front.tries >= 3 {
            return self.front_leaves(worker);
        }
        let person = Name::cut(operator.person);
        if operator.login == Login::PasswordTotp || front.keyed {
            front.owed = Owed::Login;
            let password = (!front.keyed).then(|| Bytes::new(b"word".to_vec()).expect("short"));
            let code = Some(Text::cut(if operator.right { "111111" } else { "000000" }));
            return self.front_tells_vault(worker, secrets::Request::Check { person, password, code });
        }
        let key = KeyLine::cut(key_of(if operator.right { operator.person } else { "mallory" }));
        if offers && front.tries == 0 {
            front.owed = Owed::Key;
            front.tries += 1;
            return self.front_asks(worker, Request::KeyOffered { person, key });
        }
        front.owed = Owed::Login;
        self.front_asks(worker, Request::KeySigned { person, key });
    }

    /// Whatever comes into the mind of who has taken a front over.
    fn front_lies(&mut self, worker: u64, dice: u64) {
        self.note(format!("front {worker} lies"));
        self.saw_lie(worker);
        let person = self.pick(&PEOPLE).0;
        let name = Name::cut(person);
        match dice {
            0 => self.front_asks(worker, Request::Menu),
            1 => self.front_asks(worker, Request::Want { target: Name::cut("plc-gw"), account: Name::default() }),
            2 => self.front_asks(worker, Request::KeySigned { person: name, key: KeyLine::cut(key_of(person)) }),
            3 => {
                let password = Some(Bytes::new(b"word".to_vec()).expect("short"));
                let code = Some(Text::cut(if self.one_in(2) { "111111" } else { "000000" }));
                self.front_tells_vault(worker, secrets::Request::Check { person: name, password, code });
            }
            _ => {
                let junk = match self.random.below(4) {
                    0 => vec![99, 1],
                    1 => codec::encode(&Down::Close { channel: 500 }),
                    2 => codec::encode(&Down::Data { channel: 1, bytes: Bytes::new(vec![7; 50_000]).expect("short") }),
                    _ => codec::encode(&Down::Credit { channel: 1, bytes: u32::MAX }),
                };
                self.front_sends_bytes(worker, junk);
            }
        }
    }

    fn front_sends(&mut self, worker: u64, down: &Down) {
        if self.front_lives(worker) {
            self.front_sends_bytes(worker, codec::encode(down));
        }
    }

    fn front_sends_bytes(&mut self, worker: u64, bytes: Vec<u8>) {
        let Some(session) = self.fronts.get(&worker).filter(|f| f.stream.is_some()).and_then(|f| f.session) else { return };
        if let Some(found) = self.sessions.get_mut(&session) {
            found.from_front.push_back(Mail::Message(bytes));
            self.wake(Part::Mediator(session));
        }
    }

    fn person_works(&mut self, worker: u64, work: u64) {
        let (what, size) = (self.random.below(20), 1 + self.random.below(30));
        let size = if what == 19 { 40_000 } else { size as usize };
        let Some(front) = self.fronts.get_mut(&worker) else { return };
        let done = front.operator.as_mut().is_some_and(|o| {
            o.work = work.saturating_sub(1);
            work == 0
        });
        if done {
            return self.front_leaves(worker);
        }
        let open: Vec<u32> = front.channels.iter().filter(|(_, c)| !c.eof).map(|(number, _)| *number).collect();
        if open.is_empty() || (what == 0 && front.channels.len() < 4) {
            let channel = front.next_channel;
            front.next_channel += 1;
            let terminal = what < 12;
            let pty = terminal.then(|| Pty { term: Text::cut("xterm"), cols: 80, rows: 24, modes: List::default() });
            front.channels.insert(channel, Chan { credit: CREDIT_AT_OPEN, got: 0, eof: false, pty: terminal });
            return self.front_sends(worker, &Down::Open { channel, pty, command: None, variables: List::default() });
        }
        let channel = self.pick(&open);
        let Some(chan) = self.fronts.get_mut(&worker).and_then(|f| f.channels.get_mut(&channel)) else { return };
        let (pty, size) = (chan.pty, size.min(chan.credit as usize));
        match what {
            1 if pty => self.front_sends(worker, &Down::Resize { channel, cols: 100, rows: 40 }),
            2 => self.front_sends(worker, &Down::Signal { channel, name: Name::cut("INT") }),
            3 => {
                chan.eof = true;
                self.front_sends(worker, &Down::Eof { channel });
            }
            4 => {
                if let Some(front) = self.fronts.get_mut(&worker) {
                    front.channels.remove(&channel);
                }
                self.front_sends(worker, &Down::Close { channel });
            }
            _ if size > 0 => {
                chan.credit -= u32::try_from(size).expect("input is short");
                self.front_sends(worker, &Down::Data { channel, bytes: Bytes::new(vec![b'i'; size]).expect("input is short") });
            }
            _ => {}
        }
    }

    /// What the mediator says to the operator.
    fn front_reads(&mut self, worker: u64) {
        loop {
            let Some(front) = self.fronts.get(&worker).filter(|front| front.stream.is_some()) else { return };
            let Some(session) = front.session else { return };
            let Some(mail) = self.sessions.get_mut(&session).and_then(|s| s.to_front.pop_front()) else { return };
            if !self.front_lives(worker) {
                return;
            }
            match mail {
                Mail::Closed => self.front_over(worker),
                Mail::Message(bytes) => match codec::decode::<Up>(&bytes) {
                    Ok(up) => self.front_takes(worker, session, up),
                    Err(error) => self.accused(session, &format!("the mediator sent the front nonsense: {error}")),
                },
            }
        }
    }

    fn front_over(&mut self, worker: u64) {
        let later = self.now_us + self.random.below(500_000);
        if let Some(front) = self.fronts.get_mut(&worker) {
            (front.stage, front.act_at_us) = (Stage::Over, later);
        }
    }

    fn front_takes(&mut self, worker: u64, session: u64, up: Up) {
        let gives = self.random.coin();
        let Some(front) = self.fronts.get_mut(&worker) else { return };
        match up {
            Up::Data { channel, stream: _, bytes } => {
                let Some(chan) = front.channels.get_mut(&channel) else { return };
                chan.got += u32::try_from(bytes.len()).expect("output is short");
                let got = chan.got;
                if got > CREDIT_AT_OPEN {
                    self.accused(session, "the mediator sent more than the front can take");
                } else if gives {
                    chan.got = 0;
                    self.front_sends(worker, &Down::Credit { channel, bytes: got });
                }
            }
            Up::Credit { channel, bytes } => {
                let Some(chan) = front.channels.get_mut(&channel) else { return };
                chan.credit += bytes;
                if chan.credit > CREDIT_AT_OPEN {
                    self.accused(session, "the mediator gave more credit than the front had used");
                }
            }
            Up::OpenFailed { channel, .. } | Up::Close { channel } => drop(front.channels.remove(&channel)),
            Up::End { .. } => self.front_over(worker),
            Up::Opened { .. } | Up::Eof { .. } | Up::Exit { .. } | Up::ExitSignal { .. } | Up::Notice { .. } => {}
        }
    }
}
