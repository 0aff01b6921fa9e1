//! The broker: the real core in a model of its shell.

use crate::fd::{Fd, Kind};
use crate::parts::front::FromBroker;
use crate::planted::Planted;
use crate::properties::Property;
use crate::world::{Part, World};
use border::admin::Reply;
use border::{launcher, mediation, vault};
use broker::core::{Action, Core, Endpoint, Fixed, Input};
use std::collections::{BTreeMap, VecDeque};

/// Messages of one peer that are taken before the next peer's turn, as in the shell.
const TURN_MESSAGES_MAX: usize = 64;

/// Who can speak to the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Peer {
    Part(Fixed),
    Admin(u64),
    Worker(Endpoint),
}

#[derive(Default)]
pub(crate) struct Broker {
    core: Core<Fd>,
    inbox: BTreeMap<Peer, VecDeque<Input<Fd>>>,
    pub held: BTreeMap<Endpoint, Fd>,
    pub alive: bool,
    /// Which start of each part it has joined.
    pub joined: BTreeMap<Fixed, u64>,
    /// Rows that wait for a vault.
    rows: VecDeque<vault::Request>,
    /// It is killed after so many more actions.
    pub crash_in: Option<u64>,
    /// What a broken variant keeps.
    kept: Vec<Fd>,
}

impl Broker {
    pub fn started() -> Self {
        Self { alive: true, ..Self::default() }
    }

    /// What lies in the workers' own sockets outlives it, since the launcher has spare ends of them.
    pub fn dies(&mut self) {
        let mut inbox = std::mem::take(&mut self.inbox);
        inbox.retain(|peer, _| matches!(peer, Peer::Worker(_)));
        *self = Self { inbox, ..Self::default() };
    }

    /// Ends that lie in the launcher's socket.
    pub fn unread_ends(&self) -> Vec<Kind> {
        let mut ends = Vec::new();
        for input in self.inbox.get(&Peer::Part(Fixed::Launcher)).into_iter().flatten() {
            if let Input::Launcher(_, fds) = input {
                ends.extend(fds.iter().map(|fd| fd.kind));
            }
        }
        ends
    }

    /// Nothing is due but the pulse, and nothing is waited for.
    pub fn idle(&self) -> bool {
        self.core.work_wake_ms().is_none() && self.rows.is_empty()
    }
}

impl World {
    /// A message lies in the broker's socket.
    pub fn tell_broker(&mut self, peer: Peer, input: Input<Fd>) {
        if !self.broker.alive && !matches!(peer, Peer::Worker(_)) {
            return;
        }
        self.broker.inbox.entry(peer).or_default().push_back(input);
        self.wake(Part::Broker);
    }

    fn heard(&self, peer: Peer) -> bool {
        match peer {
            Peer::Worker(endpoint) => self.broker.held.contains_key(&endpoint),
            Peer::Part(_) | Peer::Admin(_) => true,
        }
    }

    pub fn broker_turn(&mut self) {
        if !self.broker.alive {
            return;
        }
        let mut ready: Vec<Peer> =
            self.broker.inbox.iter().filter(|(peer, mail)| !mail.is_empty() && self.heard(**peer)).map(|(p, _)| *p).collect();
        self.shuffle(&mut ready);
        for peer in ready {
            for _ in 0..TURN_MESSAGES_MAX {
                if !self.heard(peer) {
                    break;
                }
                let Some(input) = self.broker.inbox.get_mut(&peer).and_then(VecDeque::pop_front) else { break };
                if !self.feed(input) {
                    return;
                }
            }
        }
        if self.feed(Input::Tick) {
            self.broker_sleeps();
        }
    }

    /// The core says until when it may sleep.
    fn broker_sleeps(&mut self) {
        self.flush_rows();
        if !self.broker.rows.is_empty() {
            self.wake_in(Part::Broker, 50_000);
        }
        let more = self.broker.inbox.iter().any(|(peer, mail)| !mail.is_empty() && self.heard(*peer));
        if more {
            self.wake(Part::Broker);
        }
        let Some(mut ms) = self.broker.core.next_wake_ms() else { return };
        if self.planted == Some(Planted::Spins) {
            ms = ms.min(self.boot_ms());
        }
        if self.planted == Some(Planted::StandingClock) {
            return self.wake_in(Part::Broker, 1_000_000);
        }
        if ms <= self.boot_ms() {
            self.broken(Property::Sleeps, format!("the broker wants to wake at {ms} ms, which is past"));
        }
        self.wake_at(Part::Broker, ms * 1000);
    }

    /// One input, and what follows; false if everything died over it.
    fn feed(&mut self, input: Input<Fd>) -> bool {
        if !matches!(input, Input::Tick) {
            let text = crate::words::of_input(&input);
            self.note(text);
        }
        if let Input::Joined(part) = &input {
            let start = self.starts.get(part).copied().unwrap_or(0);
            self.broker.joined.insert(*part, start);
        }
        if let Input::Lost(part) = &input {
            self.broker.joined.remove(part);
        }
        let mut now = self.now();
        if self.planted == Some(Planted::StandingClock) {
            now.boot_ms = 1_000_000;
        }
        let plants = self.watch.tickets_waiting();
        let before = self.before(&input);
        // A broken broker that goes on by the old plant.
        let deaf = self.planted == Some(Planted::DeafToPlants) && self.watch.tickets_waiting() < plants;
        let input = if deaf && let Input::Vault(vault::Event::Done { ticket }, _) = &input {
            Input::Vault(vault::Event::Failed { ticket: *ticket, why: border::Line::default() }, Vec::new())
        } else {
            input
        };
        let actions = self.broker.core.on(input, now);
        self.after(&before, &actions);
        for action in actions {
            if let Some(left) = self.broker.crash_in.as_mut() {
                if *left == 0 {
                    self.broker_crash();
                    return false;
                }
                *left -= 1;
            }
            self.act(action);
        }
        self.hear_closed();
        true
    }

    /// Does what the shell would do.
    fn act(&mut self, action: Action<Fd>) {
        if let Some(text) = crate::words::of_action(&action) {
            self.note(text);
        }
        let Some(action) = self.planted_action(action) else { return };
        self.saw_action(&action);
        self.learn(&action);
        match action {
            Action::ToLauncher(message) => self.tell_launcher(message, Vec::new()),
            Action::Hand(message, endpoints) => {
                let held = |endpoint: &Endpoint| self.broker.held.get(endpoint).map(|fd| self.fd(fd.kind));
                let copies: Option<Vec<Fd>> = endpoints.iter().map(held).collect();
                // One of it is gone already: its end is on the way.
                if let Some(copies) = copies {
                    self.tell_launcher(message, copies);
                }
            }
            Action::ToListener(order, fd) => {
                if self.reaches(Fixed::Listener) {
                    self.listener.inbox.push_back((order, fd));
                    self.wake(Part::Listener);
                }
            }
            Action::ToConnector(order, fd) => {
                if self.reaches(Fixed::Connector) {
                    self.connector.inbox.push_back((order, fd));
                    self.wake(Part::Connector);
                }
            }
            Action::ToVault(request @ vault::Request::Write { .. }, _) => {
                self.broker.rows.push_back(request);
                self.flush_rows();
            }
            Action::ToVault(request, fd) => self.tell_vault(request, fd, None),
            Action::ToGuardian(order, endpoints) => {
                let held = endpoints.iter().all(|endpoint| self.broker.held.contains_key(endpoint));
                if held && self.reaches(Fixed::Guardian) {
                    self.guardian.inbox.push_back(order);
                    self.wake(Part::Guardian);
                }
            }
            Action::StoreBlocks(ticket, blocks) => {
                let document = codec::encode(&*blocks);
                self.tell_vault(vault::Request::StoreBlocks { ticket }, None, Some(document));
            }
            // Nobody here lifts a hold.
            Action::Check { .. } => {}
            Action::ToFront(worker, answer, fd) => {
                if self.broker.held.contains_key(&Endpoint::Front(worker)) {
                    self.tell_front(worker, FromBroker::Answer(answer, fd));
                }
            }
            Action::ToMediator(session, order) => self.tell_mediator(session, order),
            Action::ToBack(session, order) => {
                if self.broker.held.contains_key(&Endpoint::Back(session)) {
                    self.tell_back(session, order);
                }
            }
            Action::ToAdmin(client, reply, fds) => self.admin_answered(client, &reply, fds),
            // No console stands in this box.
            Action::ToConsole(..) | Action::AskPin { .. } => {}
            Action::StorePlant(ticket, plant) => {
                let document = codec::encode(&*plant);
                self.tell_vault(vault::Request::StorePlant { ticket }, None, Some(document));
            }
            Action::ShowPlant(client, _) => self.admin_answered(client, &Reply::Document, Vec::new()),
            Action::Observe { session, client, by } => {
                self.tell_mediator(session, mediation::Order::Observe { by });
                let theirs = self.fd(Kind::Observer(session));
                self.act(Core::watching(client, theirs));
            }
            Action::Hold(endpoint, fd) => {
                self.broker.held.insert(endpoint, fd);
                self.wake(Part::Broker);
            }
            Action::Close(endpoint) => {
                self.broker.held.remove(&endpoint);
                self.broker.inbox.remove(&Peer::Worker(endpoint));
            }
            Action::Kill(endpoint) => {
                if self.broker.held.contains_key(&endpoint) {
                    self.kill(endpoint);
                }
            }
        }
    }

    fn tell_launcher(&mut self, message: launcher::Request, fds: Vec<Fd>) {
        if self.reaches(Fixed::Launcher) {
            self.launcher.inbox.push_back((message, fds));
            self.wake(Part::Launcher);
        }
    }

    /// Rows wait, in order, while the vault is away.
    fn flush_rows(&mut self) {
        while self.reaches(Fixed::Vault) {
            let Some(row) = self.broker.rows.pop_front() else { return };
            self.tell_vault(row, None, None);
        }
    }

    fn tell_mediator(&mut self, session: u64, order: mediation::Order) {
        if self.broker.held.contains_key(&Endpoint::Mediator(session)) {
            self.order_mediator(session, order);
        }
    }

    /// What a broken shell would make of it.
    fn planted_action(&mut self, action: Action<Fd>) -> Option<Action<Fd>> {
        let Some(planted) = self.planted else { return Some(action) };
        match (planted, action) {
            (Planted::Panics, Action::Kill(endpoint)) => panic!("a rule that could not kill {endpoint:?}"),
            (Planted::NoKill, Action::Kill(_)) | (Planted::NoClose, Action::Close(Endpoint::Front(_))) => None,
            (Planted::NoCancel, Action::ToConnector(border::connector::Order::Cancel { .. }, _)) => None,
            (Planted::LostAnswers, Action::ToAdmin(..)) if self.one_in(3) => None,
            (Planted::TwoEnds, Action::ToVault(vault::Request::Write { audit }, _)) if &*audit.kind == "session.ended" => {
                self.saw_row(&audit);
                self.broker.rows.push_back(vault::Request::Write { audit: audit.clone() });
                Some(Action::ToVault(vault::Request::Write { audit }, None))
            }
            (Planted::KeptHandovers, Action::ToListener(order, Some(fd))) => {
                self.broker.kept.push(fd);
                Some(Action::ToListener(order, None))
            }
            (Planted::LateWords, Action::Close(Endpoint::Mediator(session))) => {
                self.saw_action(&Action::Close(Endpoint::Mediator(session)));
                Some(Action::ToMediator(session, mediation::Order::Resume { by: border::Line::default() }))
            }
            (Planted::Lingerers, Action::Kill(Endpoint::FrontKill(_)) | Action::Close(Endpoint::Front(_))) => None,
            (Planted::EarlyOrders, Action::ToMediator(session, order @ mediation::Order::Start { .. })) => {
                self.tell_mediator(session, mediation::Order::Pause { by: border::Line::default() });
                Some(Action::ToMediator(session, order))
            }
            (_, action) => Some(action),
        }
    }

    fn kill(&mut self, endpoint: Endpoint) {
        match endpoint {
            Endpoint::FrontKill(worker) => self.front_dies(worker, 256 + 9),
            Endpoint::SessionKill(session) => {
                self.mediator_dies(session, 256 + 9);
                self.back_dies(session, 256 + 9);
            }
            Endpoint::Front(_) | Endpoint::Mediator(_) | Endpoint::Back(_) | Endpoint::SessionEvents(_) | Endpoint::Lifeline => {}
        }
    }

    /// A process of the broker's ended: its control socket says so, and the launcher hears of it.
    pub fn process_ended(&mut self, endpoint: Endpoint, number: u64, part: launcher::Part, status: u32) {
        self.tell_broker(Peer::Worker(endpoint), Input::Gone(endpoint, None));
        // A launcher that was started again is not the parent, and hears nothing.
        if self.launcher.children.remove(&(part_of(part), number)) {
            self.launcher.exits.push_back((number, part, status));
            self.wake(Part::Launcher);
        }
    }
}

/// A number for each kind of worker.
pub(crate) fn part_of(part: launcher::Part) -> u8 {
    match part {
        launcher::Part::FrontSsh => 0,
        launcher::Part::Mediator => 1,
        launcher::Part::BackSsh => 2,
    }
}
