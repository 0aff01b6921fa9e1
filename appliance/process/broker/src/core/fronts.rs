//! Connections and logins: from an accepted connection to a known person.

use super::audit::Note;
use super::{
    Action, Core, Endpoint, FRONTS_UNKNOWN_MAX, FRONTS_UNKNOWN_PER_SOURCE_MAX, Front, LEAVE_MS_MAX, LOGIN_MS_MAX,
    access,
};
use border::front::{Answer, Phase, REQUESTS, Request, Step};
use border::{Guard, KeyLine, Line, Name, launcher, listener, vault};
use codec::Text;
use model::{Login, PersonId};
use std::net::SocketAddr;

impl<F> Core<F> {
    pub(super) fn on_listener(&mut self, event: listener::Event) {
        match event {
            listener::Event::Accepted { connection, peer } => {
                self.waiting.push_back((connection, peer));
                self.start_waiting();
            }
            listener::Event::HandedOn { connection: _ } => {}
            listener::Event::Gone { connection } => {
                self.waiting.retain(|(waiting, _)| *waiting != connection);
            }
        }
    }

    /// Starts fronts for the connections that wait, within the bounds on unknown people.
    pub(super) fn start_waiting(&mut self) {
        if !self.open() {
            return;
        }
        let mut held_back = std::collections::VecDeque::new();
        while let Some((connection, peer)) = self.waiting.pop_front() {
            let unknown = self.fronts.values().filter(|f| f.person.is_none()).map(|f| f.peer);
            let unknown: Vec<SocketAddr> = unknown.chain(self.starting.values().map(|(_, p)| *p)).collect();
            let same = unknown.iter().filter(|p| p.ip() == peer.ip()).count();
            if unknown.len() >= FRONTS_UNKNOWN_MAX || same >= FRONTS_UNKNOWN_PER_SOURCE_MAX {
                held_back.push_back((connection, peer));
                continue;
            }
            let worker = self.next_worker;
            self.next_worker += 1;
            self.starting.insert(worker, (connection, peer));
            self.act(Action::ToLauncher(launcher::Request::StartFront { worker }));
        }
        self.waiting = held_back;
    }

    /// Descriptors: control, handover, secrets, kill.
    pub(super) fn front_started(&mut self, worker: u64, fds: Vec<F>) {
        let Ok([control, handover, secrets, kill]) = <[F; 4]>::try_from(fds) else { return };
        let Some((connection, peer)) = self.starting.remove(&worker) else {
            // Its connection went with an earlier listener.
            return self.front_unwanted(worker, kill);
        };
        self.act(Action::Hold(Endpoint::Front(worker), control));
        self.act(Action::Hold(Endpoint::FrontKill(worker), kill));
        let banner = self.plant.as_ref().map(|plant| access::banner(plant)).unwrap_or_default();
        self.act(Action::ToFront(worker, Answer::Setup { banner, peer }, None));
        self.act(Action::ToVault(vault::Request::OpenFront { worker, source: peer.ip() }, Some(secrets)));
        self.act(Action::ToListener(listener::Order::HandTo { connection }, Some(handover)));
        let front = Front {
            connection,
            peer,
            guard: Guard::new(REQUESTS, Phase::Login),
            person: None,
            key_of: None,
            session: None,
            login_until_ms: self.now.boot_ms + LOGIN_MS_MAX,
            leave_by_ms: None,
        };
        self.fronts.insert(worker, front);
    }

    pub(super) fn front_not_started(&mut self, worker: u64, why: &str) {
        if let Some((connection, peer)) = self.starting.remove(&worker) {
            self.act(Action::ToListener(listener::Order::Refuse { connection }, None));
            let mut note = Note::new("system", "front.not_started", "failed", "SR 7.1");
            note.peer = Some(peer.to_string());
            note.detail = why.to_owned();
            self.audit(note);
            self.start_waiting();
        }
    }

    /// A front for which there is no work ends at once.
    pub(super) fn front_unwanted(&mut self, worker: u64, kill: F) {
        self.act(Action::Hold(Endpoint::FrontKill(worker), kill));
        self.act(Action::Kill(Endpoint::FrontKill(worker)));
        self.act(Action::Close(Endpoint::FrontKill(worker)));
        self.act(Action::ToLauncher(launcher::Request::Forget { number: worker, session: false }));
    }

    pub(super) fn front_gone(&mut self, worker: u64) {
        let Some(front) = self.fronts.remove(&worker) else { return };
        self.act(Action::Close(Endpoint::Front(worker)));
        self.act(Action::Kill(Endpoint::FrontKill(worker)));
        self.act(Action::Close(Endpoint::FrontKill(worker)));
        self.act(Action::ToLauncher(launcher::Request::Forget { number: worker, session: false }));
        if let Some(session) = front.session {
            self.operator_leaves(session);
        }
        self.start_waiting();
    }

    pub(super) fn fronts_on_time(&mut self) {
        let now = self.now.boot_ms;
        let stays = |front: &Front| front.leave_by_ms.is_some_and(|at| at <= now);
        let staying: Vec<u64> = self.fronts.iter().filter(|(_, f)| stays(f)).map(|(worker, _)| *worker).collect();
        for worker in staying {
            let mut note = Note::new("access", "front.overdue", "failed", "SR 2.6");
            self.about_front(worker, &mut note);
            note.detail = "it was told the end and stayed".to_owned();
            self.audit(note);
            self.front_gone(worker);
        }
        let late: Vec<u64> = self
            .fronts
            .iter()
            .filter(|(_, f)| f.person.is_none() && f.login_until_ms <= now)
            .map(|(worker, _)| *worker)
            .collect();
        for worker in late {
            let connection = self.fronts[&worker].connection;
            let mut note = Note::new("access", "login.timeout", "refused", "SR 1.11");
            note.peer = self.fronts.get(&worker).map(|f| f.peer.to_string());
            note.detail = format!("nobody logged in on connection {connection} within 30 s");
            self.audit(note);
            self.front_gone(worker);
        }
    }

    pub(super) fn on_front(&mut self, worker: u64, request: Request) {
        let Some(front) = self.fronts.get_mut(&worker) else { return };
        if let Err(why) = front.guard.pass(request.name()) {
            self.audit_out_of_turn(Endpoint::Front(worker), &why.to_string());
            return self.front_gone(worker);
        }
        match request {
            Request::KeyOffered { person, key } => {
                let acceptable = self.owner_of(&person, &key).is_some();
                self.act(Action::ToFront(worker, Answer::Key { acceptable }, None));
            }
            Request::KeySigned { person, key } => self.key_signed(worker, &person, &key),
            Request::Menu => self.menu(worker),
            Request::Want { target, account } => self.want(worker, &target, &account),
            Request::Refused { what } => {
                let mut note = Note::new("policy", "channel.refused", "refused", "SR 5.2");
                self.about_front(worker, &mut note);
                note.detail = format!("{what} was asked for; the box never does it");
                self.audit(note);
            }
        }
    }

    /// The person, if this key is theirs and counts in their way of logging in.
    fn owner_of(&self, person: &Name, key: &KeyLine) -> Option<(PersonId, Login)> {
        let plant = self.plant.as_ref()?;
        let person = access::person(plant, person)?;
        let counts = access::key_counts(person, key);
        counts.then(|| (access::person_id(person), access::login(person)))
    }

    fn key_signed(&mut self, worker: u64, person: &Name, key: &KeyLine) {
        let step = match self.owner_of(person, key) {
            None => Step::Rejected,
            Some((id, Login::Key)) => {
                self.logged_in(worker, id, "key");
                Step::Accepted
            }
            Some((id, Login::KeyTotp)) => {
                let person = person.clone();
                let expect = vault::Request::Expect { worker, person, password: false, code: true };
                self.act(Action::ToVault(expect, None));
                if let Some(front) = self.fronts.get_mut(&worker) {
                    front.key_of = Some(id);
                }
                Step::NeedCode
            }
            Some((_, Login::PasswordTotp)) => Step::Rejected,
        };
        if step == Step::Rejected {
            self.login_failed(worker, person, "the key is not theirs, or does not count for them");
        }
        self.act(Action::ToFront(worker, Answer::Login { step }, None));
    }

    /// The vault checked what was typed.
    pub(super) fn checked(&mut self, worker: u64, person: &Name, password: bool, code: bool, why: &str) {
        if self.rearm_checked(worker, password, code, why) {
            return;
        }
        let Some(front) = self.fronts.get(&worker) else { return };
        if front.person.is_some() {
            return;
        }
        let key_of = front.key_of.clone();
        let known = self.plant.as_ref().and_then(|plant| access::person(plant, person));
        let known = known.map(|p| (access::person_id(p), access::login(p)));
        let accepted = match known {
            Some((id, Login::KeyTotp)) if code && key_of.as_ref() == Some(&id) => Some((id, "key and one-time code")),
            Some((id, Login::PasswordTotp)) if password && code => Some((id, "password and one-time code")),
            _ => None,
        };
        let step = match accepted {
            Some((id, how)) => {
                self.logged_in(worker, id, how);
                Step::Accepted
            }
            None => {
                self.login_failed(worker, person, why);
                Step::Rejected
            }
        };
        self.act(Action::ToFront(worker, Answer::Login { step }, None));
    }

    fn logged_in(&mut self, worker: u64, person: PersonId, how: &str) {
        let Some(front) = self.fronts.get_mut(&worker) else { return };
        front.guard = Guard::new(REQUESTS, Phase::Known);
        front.person = Some(person);
        let mut note = Note::new("access", "login.accepted", "ok", "SR 1.1");
        self.about_front(worker, &mut note);
        note.detail = format!("by {how}");
        self.audit(note);
        self.start_waiting();
    }

    fn login_failed(&mut self, worker: u64, person: &Name, why: &str) {
        let mut note = Note::new("access", "login.refused", "refused", "SR 1.11");
        self.about_front(worker, &mut note);
        note.person = Some(person.clone());
        note.detail = why.to_owned();
        self.audit(note);
    }

    pub(super) fn about_front(&self, worker: u64, note: &mut Note<'_>) {
        if let Some(front) = self.fronts.get(&worker) {
            note.person = front.person.as_ref().map(|id| Name::cut(id.to_string()));
            note.session = front.session;
            note.peer = Some(front.peer.to_string());
        }
    }

    fn menu(&mut self, worker: u64) {
        let (Some(plant), Some(front)) = (&self.plant, self.fronts.get(&worker)) else { return };
        let Some(person) = &front.person else { return };
        let choices = access::choices(plant, person, &self.circumstances(), self.not_now().as_deref());
        self.act(Action::ToFront(worker, Answer::Choices { choices }, None));
    }

    /// Says no, once, and lets the front show it.
    pub(super) fn deny(&mut self, worker: u64, text: &str) {
        self.act(Action::ToFront(worker, Answer::Denied { text: Line::cut(text) }, None));
        self.leaves(worker);
    }

    /// It was told the end: it has some time to show it, and then goes.
    fn leaves(&mut self, worker: u64) {
        if let Some(front) = self.fronts.get_mut(&worker) {
            front.leave_by_ms.get_or_insert(self.now.boot_ms + LEAVE_MS_MAX);
        }
    }

    /// Ends a front with a line.
    pub(super) fn end_front(&mut self, worker: u64, text: &str) {
        if self.fronts.contains_key(&worker) {
            self.act(Action::ToFront(worker, Answer::End { text: Text::cut(text) }, None));
            self.leaves(worker);
        }
    }
}
