//! The mediator: the real room in a model of its shell.

use crate::fd::Kind;
use crate::parts::broker::Peer;
use crate::parts::session::Mail;
use crate::planted::Planted;
use crate::properties::Property;
use crate::world::{Part, World};
use border::launcher::Part as Worker;
use border::mediation::Order;
use broker::core::{Endpoint, Input};
use mediator::room::{Act, Room};
use std::collections::VecDeque;
use zeroize::Zeroizing;

/// Messages of one stream in one round, as in the shell.
const ROUND: usize = 16;

pub(crate) struct Mediator {
    pub room: Room,
    pub orders: VecDeque<(Order, Vec<u8>)>,
    control_closed: bool,
    /// The guardian is gone.
    pub lifeline_ended: bool,
    observers: Vec<u64>,
    /// Observers whose far end was closed.
    observers_left: usize,
    /// It does nothing any more, and does not end.
    pub stopped: bool,
    /// It dies after so many more acts.
    pub crash_in: Option<u64>,
    left: bool,
}

/// The key that a session of this number and chance has.
pub(crate) fn key(session: u64, chance: u64) -> [u8; 32] {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&session.to_le_bytes());
    key[8..16].copy_from_slice(&chance.to_le_bytes());
    key
}

/// Wraps to nobody: age draws randomness of its own, which no seed replays.
fn wrap(_: &[u8; 32], _: &[&str]) -> Result<Vec<u8>, recording::SealError> {
    Ok(vec![b'-'; 300])
}

impl Mediator {
    pub fn new(session: u64, chance: u64) -> Self {
        Self {
            room: Room::with_wrap(Box::new(Zeroizing::new(key(session, chance))), wrap),
            orders: VecDeque::new(),
            control_closed: false,
            lifeline_ended: false,
            observers: Vec::new(),
            observers_left: 0,
            stopped: false,
            crash_in: None,
            left: false,
        }
    }

    fn waiting(&self) -> bool {
        !self.room.live() && !self.room.ending() && !self.room.over()
    }
}

/// Which socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Socket {
    Record,
    Control,
    Front,
    Back,
}

impl World {
    fn mediator_mut(&mut self, session: u64) -> Option<&mut Mediator> {
        self.sessions.get_mut(&session)?.mediator.as_mut()
    }

    pub fn order_mediator(&mut self, session: u64, order: Order) {
        self.saw_order(session, &order);
        let bytes = codec::encode(&order);
        if let Some(mediator) = self.mediator_mut(session) {
            mediator.orders.push_back((order, bytes));
            self.wake(Part::Mediator(session));
        }
    }

    pub fn mediator_hears_close(&mut self, session: u64, kind: Kind) {
        let Some(found) = self.sessions.get_mut(&session) else { return };
        match kind {
            Kind::Record(_) => found.from_vault.push_back(Mail::Closed),
            Kind::Stream(_) => found.from_front.push_back(Mail::Closed),
            Kind::Observer(_) => found.mediator.iter_mut().for_each(|m| m.observers_left += 1),
            Kind::MediatorControl(_) => found.mediator.iter_mut().for_each(|m| m.control_closed = true),
            Kind::FrontControl(_) | Kind::FrontHandover(_) | Kind::FrontSecrets(_) | Kind::FrontKill(_) => {}
            Kind::BackControl(_) | Kind::BackHandover(_) | Kind::BackSecrets(_) | Kind::SessionKill(_) | Kind::SessionEvents(_) | Kind::Lifeline => {}
        }
        self.wake(Part::Mediator(session));
    }

    fn may_read(&self, session: u64, socket: Socket) -> bool {
        let Some(found) = self.sessions.get(&session) else { return false };
        let Some(mediator) = &found.mediator else { return false };
        let room = &mediator.room;
        match socket {
            Socket::Control => !room.over() && !mediator.orders.is_empty(),
            Socket::Record => (room.live() || room.ending()) && !found.from_vault.is_empty(),
            // A front that has hung up is read to its end.
            Socket::Front if found.from_front.back() == Some(&Mail::Closed) => room.live(),
            Socket::Front => room.reads().front && !found.from_front.is_empty(),
            Socket::Back => room.reads().back && !found.from_back.is_empty(),
        }
    }

    pub fn mediator_turn(&mut self, session: u64) {
        match self.mediator_mut(session) {
            Some(mediator) if !mediator.stopped => {}
            Some(_) | None => return,
        }
        let sockets = [Socket::Record, Socket::Control, Socket::Front, Socket::Back];
        for socket in sockets {
            for _ in 0..ROUND {
                if !self.may_read(session, socket) {
                    break;
                }
                self.mediator_reads(session, socket);
            }
        }
        let now = self.now_us;
        if let Some(mediator) = self.mediator_mut(session)
            && std::mem::take(&mut mediator.lifeline_ended)
        {
            mediator.room.guardian_gone(now);
            self.mediator_acts(session, &[]);
        }
        let steps: [fn(&mut Room, u64); 3] = [Room::tick, Room::settle, Room::drained];
        for step in steps {
            let Some(mediator) = self.mediator_mut(session) else { return };
            step(&mut mediator.room, now);
            self.mediator_acts(session, &[]);
        }
        self.observers_leave(session);
        self.mediator_sleeps(session, sockets.iter().any(|socket| self.may_read(session, *socket)));
    }

    fn mediator_sleeps(&mut self, session: u64, more: bool) {
        let now = self.now_us;
        let Some(mediator) = self.mediator_mut(session) else { return };
        if mediator.left {
            return self.mediator_dies(session, 0);
        }
        if mediator.control_closed && mediator.orders.is_empty() {
            if mediator.waiting() {
                return self.mediator_dies(session, 1);
            }
            if mediator.room.live() {
                mediator.room.control_closed(now);
                self.wake(Part::Mediator(session));
                return self.mediator_acts(session, &[]);
            }
        }
        let next = mediator.room.next_wake();
        if let Some(at) = next {
            if at <= now {
                self.broken(Property::Sleeps, format!("the mediator of session {session} wants to wake in the past"));
            }
            self.wake_at(Part::Mediator(session), at);
        }
        if more {
            self.wake(Part::Mediator(session));
        }
    }

    fn observers_leave(&mut self, session: u64) {
        let Some(mediator) = self.mediator_mut(session) else { return };
        while mediator.observers_left > 0 {
            let Some(id) = mediator.observers.pop() else { return };
            mediator.observers_left -= 1;
            mediator.room.observer_gone(id);
        }
    }

    fn mediator_reads(&mut self, session: u64, socket: Socket) {
        let now = self.now_us;
        let deaf = self.planted == Some(Planted::NoPause);
        let Some(found) = self.sessions.get_mut(&session) else { return };
        let Some(mediator) = found.mediator.as_mut() else { return };
        let room = &mut mediator.room;
        let mail = match socket {
            Socket::Control => {
                let Some((order, bytes)) = mediator.orders.pop_front() else { return };
                let fds = usize::from(matches!(order, Order::Observe { .. }));
                if !(deaf && matches!(order, Order::Pause { .. })) {
                    room.order(now, &bytes, fds);
                }
                self.order_taken(session, &order);
                return self.mediator_acts(session, &[]);
            }
            Socket::Record => found.from_vault.pop_front(),
            Socket::Front => found.from_front.pop_front(),
            Socket::Back => found.from_back.pop_front(),
        };
        let message = match (mail, socket) {
            (None, _) | (_, Socket::Control) => return,
            (Some(Mail::Message(message)), Socket::Record) => {
                room.record(now, &message, 0);
                message
            }
            (Some(Mail::Message(message)), Socket::Front) => {
                room.front(now, &message, 0);
                message
            }
            (Some(Mail::Message(message)), Socket::Back) => {
                room.back(now, &message, 0);
                message
            }
            (Some(Mail::Closed), Socket::Record) => {
                room.record_closed(now);
                Vec::new()
            }
            (Some(Mail::Closed), Socket::Front) => {
                room.front_closed(now);
                Vec::new()
            }
            (Some(Mail::Closed), Socket::Back) => {
                room.back_closed(now);
                Vec::new()
            }
        };
        self.mediator_acts(session, &message);
    }

    fn mediator_acts(&mut self, session: u64, message: &[u8]) {
        let Some(mediator) = self.mediator_mut(session) else { return };
        let acts: Vec<Act> = mediator.room.acts().collect();
        for act in acts {
            let Some(mediator) = self.mediator_mut(session) else { return };
            if let Some(left) = mediator.crash_in.as_mut() {
                if *left == 0 {
                    self.note(format!("the mediator of session {session} crashes"));
                    return self.mediator_dies(session, 256 + 6);
                }
                *left -= 1;
            }
            self.mediator_act(session, act, message);
        }
    }

    fn mediator_act(&mut self, session: u64, act: Act, message: &[u8]) {
        match act {
            Act::Front(bytes) => self.front_is_sent(session, bytes),
            Act::FrontSame => self.front_is_sent(session, message.to_vec()),
            Act::Back(bytes) => {
                self.saw_release(session, &bytes);
                if let Some(found) = self.sessions.get_mut(&session) {
                    found.to_back.push_back(Mail::Message(bytes));
                }
                self.wake(Part::Back(session));
            }
            Act::Record(bytes) => {
                let early = self.planted == Some(Planted::EarlyInHand);
                if let Some(found) = self.sessions.get_mut(&session) {
                    found.to_vault.push_back(Mail::Message(bytes));
                    found.entries += 1;
                    if early {
                        let answer = border::record::Answer::InHand { entries: found.entries };
                        found.from_vault.push_back(Mail::Message(codec::encode(&answer)));
                    }
                }
                self.wake(Part::Vault);
            }
            Act::Control(bytes) => {
                let event = codec::decode(&bytes).expect("the room says what can be read");
                self.tell_broker(Peer::Worker(Endpoint::Mediator(session)), Input::Mediator(session, event));
            }
            Act::Admit(id) => {
                if let Some(mediator) = self.mediator_mut(session) {
                    mediator.observers.push(id);
                }
            }
            Act::Observer(..) | Act::Observers(_) | Act::ObserversSame => {}
            Act::Say(line) => self.accused(session, &line),
            Act::Leave => {
                if let Some(mediator) = self.mediator_mut(session) {
                    mediator.left = true;
                }
            }
        }
    }

    fn front_is_sent(&mut self, session: u64, bytes: Vec<u8>) {
        let Some(found) = self.sessions.get_mut(&session) else { return };
        found.to_front.push_back(Mail::Message(bytes));
        if let Some(worker) = found.front {
            self.wake(Part::Front(worker));
        }
    }

    pub fn mediator_dies(&mut self, session: u64, status: u32) {
        let Some(found) = self.sessions.get_mut(&session) else { return };
        if found.mediator.take().is_none() {
            return;
        }
        for mail in [&mut found.to_front, &mut found.to_back, &mut found.to_vault] {
            mail.push_back(Mail::Closed);
        }
        let front = found.front;
        self.wake(Part::Back(session));
        self.wake(Part::Vault);
        if let Some(worker) = front {
            self.wake(Part::Front(worker));
        }
        self.process_ended(Endpoint::Mediator(session), session, Worker::Mediator, status);
    }
}
