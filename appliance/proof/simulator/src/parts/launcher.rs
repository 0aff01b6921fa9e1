//! The launcher: starts what it is asked for, and says what ended.

use crate::fd::{Fd, Kind};
use crate::parts::back::Back;
use crate::parts::broker::{Peer, part_of};
use crate::parts::front::Front;
use crate::parts::mediator::Mediator;
use crate::parts::session::Session;
use crate::world::{Part, World};
use border::launcher::{Note, Part as Worker, Reply, Request};
use broker::core::{Fixed, Input};
use codec::Text;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

#[derive(Default)]
pub(crate) struct Launcher {
    pub inbox: VecDeque<(Request, Vec<Fd>)>,
    /// Those that it started: kind and number.
    pub children: BTreeSet<(u8, u64)>,
    /// What outlives a broker: of a session (true) or a front, the note and the spare ends.
    pub spares: BTreeMap<(bool, u64), (Note, Vec<Fd>)>,
    /// What ended and was not reported yet: number, part, status.
    pub exits: VecDeque<(u64, Worker, u32)>,
}

impl World {
    pub fn launcher_turn(&mut self) {
        if !self.running.contains(&Fixed::Launcher) {
            return;
        }
        // Requests and children are watched by one poll, in no fixed order.
        while !(self.launcher.inbox.is_empty() && self.launcher.exits.is_empty()) {
            let exits = !self.launcher.exits.is_empty() && (self.launcher.inbox.is_empty() || self.random.coin());
            if exits {
                let Some((number, part, status)) = self.launcher.exits.pop_front() else { return };
                self.launched(Reply::Exited { number, part, status }, vec![]);
            } else if let Some((request, fds)) = self.launcher.inbox.pop_front() {
                self.launch(request, fds);
            }
        }
    }

    fn launched(&mut self, reply: Reply, kinds: Vec<Kind>) {
        let fds = kinds.into_iter().map(|kind| self.fd(kind)).collect();
        self.tell_broker(Peer::Part(Fixed::Launcher), Input::Launcher(reply, fds));
    }

    fn spare(&mut self, of: (bool, u64), note: Note, kinds: &[Kind]) {
        let fds = kinds.iter().map(|kind| self.fd(*kind)).collect();
        self.launcher.spares.insert(of, (note, fds));
    }

    fn launch(&mut self, request: Request, fds: Vec<Fd>) {
        let fails = self.chaos.no_starts && self.one_in(6);
        let failed = |number, session| Reply::StartFailed { number, session, why: Text::cut("no memory") };
        match request {
            Request::StartFront { worker } if fails => self.launched(failed(worker, false), vec![]),
            Request::StartSession { session } if fails => self.launched(failed(session, true), vec![]),
            Request::StartFront { worker } => {
                self.fronts.insert(worker, Front::default());
                self.front_begins(worker);
                self.launcher.children.insert((part_of(Worker::FrontSsh), worker));
                self.spare((false, worker), Note::default(), &[Kind::FrontControl(worker), Kind::FrontKill(worker)]);
                let kinds = [Kind::FrontControl, Kind::FrontHandover, Kind::FrontSecrets, Kind::FrontKill];
                self.launched(Reply::FrontStarted { worker, pid: 1 }, kinds.map(|kind| kind(worker)).to_vec());
            }
            Request::StartSession { session } => {
                let key = self.random.next();
                let started = Session { mediator: Some(Mediator::new(session, key)), back: Some(Back::default()), ..Session::default() };
                self.sessions.insert(session, started);
                self.watch.sessions.entry(session).or_default().releases.chance = key;
                self.session_begins(session);
                self.launcher.children.extend([Worker::Mediator, Worker::BackSsh].map(|part| (part_of(part), session)));
                let spares = [Kind::MediatorControl(session), Kind::BackControl(session), Kind::SessionKill(session), Kind::SessionEvents(session)];
                self.spare((true, session), Note::default(), &spares);
                self.wake(Part::Mediator(session));
                let kinds = [
                    Kind::MediatorControl,
                    Kind::BackControl,
                    Kind::BackHandover,
                    Kind::BackSecrets,
                    Kind::Record,
                    Kind::Stream,
                    Kind::SessionKill,
                    Kind::SessionEvents,
                ];
                let reply = Reply::SessionStarted { session, mediator: 2, back: 3 };
                self.launched(reply, kinds.map(|kind| kind(session)).to_vec());
            }
            Request::Adopt => {
                let living: Vec<((bool, u64), Note, Vec<Kind>)> =
                    self.launcher.spares.iter().map(|(of, (note, fds))| (*of, note.clone(), fds.iter().map(|fd| fd.kind).collect())).collect();
                for ((session, number), note, kinds) in living {
                    let reply = if session { Reply::Living { session: number, note } } else { Reply::LivingFront { worker: number } };
                    self.launched(reply, kinds);
                }
                self.launched(Reply::AdoptDone, vec![]);
            }
            Request::Keep { session, note } => {
                if let Some(spare) = self.launcher.spares.get_mut(&(true, session)) {
                    spare.0 = note;
                }
            }
            Request::Hold { session, note } => drop(self.launcher.spares.insert((true, session), (note, fds))),
            Request::HoldFront { worker } => drop(self.launcher.spares.insert((false, worker), (Note::default(), fds))),
            // The mediators hear of its end by themselves.
            Request::Lifeline => drop(fds),
            Request::Forget { number, session } => drop(self.launcher.spares.remove(&(session, number))),
        }
    }

    /// Chance decides how long this session's processes live, and whether its back lies.
    fn session_begins(&mut self, session: u64) {
        let (crash, liars) = (self.chaos.crash, self.chaos.liars);
        let mediator = if self.one_in(crash.min(4)) { Some(self.random.below(60)) } else { None };
        let back = if self.one_in(crash.min(4)) { Some(self.random.below(30)) } else { None };
        let lies = liars && self.one_in(3);
        let luck = self.random.below(16);
        let Some(found) = self.sessions.get_mut(&session) else { return };
        if let Some(process) = found.mediator.as_mut() {
            process.crash_in = mediator;
        }
        if let Some(process) = found.back.as_mut() {
            (process.crash_in, process.liar, process.luck) = (back, lies, luck);
        }
        found.back_lied = lies;
    }
}
