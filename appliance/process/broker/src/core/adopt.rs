//! What a restarted broker takes up again: sessions and their fronts that the launcher kept.

use super::audit::Note;
use super::{Action, Core, Endpoint, Fixed, Front, Session};
use border::front::{Phase, REQUESTS};
use border::restart::{Card, Stand};
use border::{Guard, Line, Name, launcher, machine};
use codec::Bytes;
use model::{AccountId, ConduitId, PersonId, TargetId};
use session::{Life, Reason, State};
use std::collections::BTreeMap;

/// One session that the launcher named.
pub(super) struct Found<F> {
    card: Option<Card>,
    mediator: F,
    back: F,
    kill: F,
    events: F,
}

/// How far the taking up is.
pub(super) enum Adoption<F> {
    /// The launcher was not asked yet, or died while it answered.
    NotAsked,
    /// It answers.
    Asked {
        sessions: BTreeMap<u64, Found<F>>,
        fronts: BTreeMap<u64, (F, F)>,
    },
    /// This broker knows of all that lives.
    Done,
}

impl<F> Core<F> {
    pub(super) fn adopted(&self) -> bool {
        matches!(self.adoption, Adoption::Done)
    }

    /// Asks once both are there: the launcher that knows who lives, and the vault that writes it down.
    pub(super) fn ask_for_the_living(&mut self) {
        let ready = self.here.contains(&Fixed::Launcher) && self.box_key.is_some();
        if ready && matches!(self.adoption, Adoption::NotAsked) {
            self.adoption = Adoption::Asked { sessions: BTreeMap::new(), fronts: BTreeMap::new() };
            self.act(Action::ToLauncher(launcher::Request::Adopt));
        }
    }

    /// Descriptors: mediator control, back control, kill, events.
    pub(super) fn found_session(&mut self, session: u64, note: &launcher::Note, fds: Vec<F>) {
        match (&mut self.adoption, <[F; 4]>::try_from(fds)) {
            (Adoption::Asked { sessions, .. }, Ok([mediator, back, kill, events])) => {
                let card = codec::decode(note).ok();
                sessions.insert(session, Found { card, mediator, back, kill, events });
            }
            (Adoption::Asked { .. } | Adoption::NotAsked | Adoption::Done, _) => {
                self.audit_out_of_turn(Endpoint::Mediator(session), "the launcher named it unasked, or without its descriptors");
            }
        }
    }

    /// Descriptors: control, kill.
    pub(super) fn found_front(&mut self, worker: u64, fds: Vec<F>) {
        match (&mut self.adoption, <[F; 2]>::try_from(fds)) {
            (Adoption::Asked { fronts, .. }, Ok([control, kill])) => drop(fronts.insert(worker, (control, kill))),
            (Adoption::Asked { .. } | Adoption::NotAsked | Adoption::Done, _) => {
                self.audit_out_of_turn(Endpoint::Front(worker), "the launcher named it unasked, or without its descriptors");
            }
        }
    }

    /// All that lives was named: what people work in goes on, what was only beginning ends.
    pub(super) fn adopt(&mut self) {
        let Adoption::Asked { sessions, mut fronts } = std::mem::replace(&mut self.adoption, Adoption::Done) else {
            return;
        };
        for (session, found) in sessions {
            self.next_session = self.next_session.max(session.saturating_add(1));
            let front = found.card.as_ref().and_then(|card| card.front);
            let front = front.and_then(|worker| Some((worker, fronts.remove(&worker)?)));
            match found.card.as_ref().and_then(|card| row_of(card)) {
                Some(row) => self.adopt_one(session, row, found, front),
                None => {
                    self.end_unadopted(session, found);
                    if let Some((worker, (_, kill))) = front {
                        self.front_unwanted(worker, kill);
                    }
                }
            }
        }
        for (worker, (_, kill)) in fronts {
            self.front_unwanted(worker, kill);
        }
        self.start_waiting();
    }

    fn adopt_one(&mut self, session: u64, row: Session<F>, found: Found<F>, front: Option<(u64, (F, F))>) {
        self.act(Action::Hold(Endpoint::SessionKill(session), found.kill));
        self.act(Action::Hold(Endpoint::SessionEvents(session), found.events));
        self.act(Action::Hold(Endpoint::Mediator(session), found.mediator));
        self.act(Action::Hold(Endpoint::Back(session), found.back));
        let ending = found.card.filter(|card| card.stand == Stand::Ending);
        let (person, peer) = (PersonId::parse(&row.person).ok(), row.peer);
        let row = Session { front: front.as_ref().map(|(worker, _)| *worker), ..row };
        self.sessions.insert(session, row);
        self.note_session(session, "session.adopted", "ok", "SR 7.4", String::new());
        self.guard_session(session);
        let has_front = front.is_some();
        if let (Some((worker, (control, kill))), Some(peer)) = (front, peer) {
            self.act(Action::Hold(Endpoint::Front(worker), control));
            self.act(Action::Hold(Endpoint::FrontKill(worker), kill));
            let guard = Guard::new(REQUESTS, Phase::Asked);
            let until = self.now.boot_ms;
            let session = Some(session);
            let (key_of, leave_by_ms) = (None, None);
            let row = Front { connection: 0, peer, guard, person, key_of, session, login_until_ms: until, leave_by_ms };
            self.fronts.insert(worker, row);
        }
        if let Some(card) = ending {
            let reason = Reason::from_code(&card.reason).unwrap_or(Reason::LostInRestart);
            self.end_session(session, reason, &card.words);
        } else if !has_front {
            self.operator_left(session);
        }
    }

    /// Nobody worked in it: its end is all that it needs.
    fn end_unadopted(&mut self, session: u64, found: Found<F>) {
        self.act(Action::Hold(Endpoint::SessionKill(session), found.kill));
        self.act(Action::Kill(Endpoint::SessionKill(session)));
        self.act(Action::Close(Endpoint::SessionKill(session)));
        let mut note = Note::new("session", "session.ended", "ok", "SR 2.6");
        note.session = Some(session);
        if let Some(card) = found.card {
            note.person = Some(card.person);
            note.target = Some(card.target);
            note.peer = card.peer.map(|peer| peer.to_string());
        }
        note.detail = format!("{}: it was not live yet when the broker stopped", Reason::LostInRestart.code());
        self.audit(note);
        // Last: a broker that dies before this line leaves it to its follower.
        self.act(Action::ToLauncher(launcher::Request::Forget { number: session, session: true }));
    }

    /// Has the launcher keep what a follower of this broker must know.
    pub(super) fn keep(&mut self, session: u64) {
        if let Some(note) = self.card(session) {
            self.act(Action::ToLauncher(launcher::Request::Keep { session, note }));
        }
    }

    /// None for an administrator's test: it ends with the broker that runs it.
    pub(super) fn card(&self, session: u64) -> Option<launcher::Note> {
        let row = self.sessions.get(&session).filter(|row| !row.awaits_presence)?;
        let stand = match row.life.state() {
            State::Requested | State::Approved | State::Connecting => Stand::Beginning,
            State::Live => Stand::Live,
            State::Paused => Stand::Paused,
            State::Ending | State::Ended => Stand::Ending,
        };
        let card = Card {
            stand,
            front: row.front,
            person: row.person.clone(),
            target: Name::cut(row.target.as_str()),
            account: Name::cut(row.account.as_str()),
            conduit: Name::cut(row.conduit.as_ref()?.as_str()),
            peer: row.peer,
            started_ms: row.started_ms,
            begun_ms: row.begun_ms,
            deadline_ms: row.deadline_ms,
            bound: row.bound,
            idle_ms: row.idle_ms,
            reason: Name::cut(row.life.reason().map_or("", Reason::code)),
            words: Line::cut(row.words.clone()),
        };
        Bytes::new(codec::encode(&card)).ok()
    }
}

/// The row of a session in which somebody worked; none for one that was only beginning, nor for a card
/// that no broker wrote.
fn row_of<F>(card: &Card) -> Option<Session<F>> {
    let mut life = Life::default();
    if card.stand == Stand::Beginning {
        return None;
    }
    life.approve().and_then(|()| life.connect()).and_then(|()| life.go_live()).expect("the order of a life");
    if card.stand == Stand::Paused {
        life.pause().expect("a live session can be paused");
    }
    let (target, account) = (TargetId::parse(&card.target).ok()?, AccountId::parse(&card.account).ok()?);
    let conduit = ConduitId::parse(&card.conduit).ok()?;
    PersonId::parse(&card.person).ok()?;
    let now = super::Now { boot_ms: 0, wall_ms: card.started_ms };
    Some(Session {
        conduit: Some(conduit),
        peer: Some(card.peer?),
        life,
        begun_ms: card.begun_ms,
        deadline_ms: card.deadline_ms,
        bound: card.bound,
        idle_ms: card.idle_ms,
        recording: true,
        reached: true,
        machine_ready: true,
        machine: Guard::new(machine::EVENTS, machine::Phase::Ready),
        ..Session::new(card.person.clone(), &target, &account, now)
    })
}
