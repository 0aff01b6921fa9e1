//! Sessions: from a wish, through the policy's verdict, to the end, whoever brings it about.

use super::audit::Note;
use super::guardian::Watched;
use super::{
    Action, Core, DIAL_MS_MAX, DYING_MS, Dying, ENDED_KEPT, Endpoint, KILL_AFTER_MS, SESSIONS_MAX, Session, access,
    limits,
};
use border::admin::SessionRow;
use border::front::Answer;
use border::guardian::Order;
use border::machine::Step;
use border::{Line, Name, connector, launcher, machine, mediation, vault};
use codec::Text;
use policy::{Circumstances, Grant, Refusal};
use session::{Reason, State};

/// How a process that was killed exits, as the launcher says it.
const KILLED: u32 = 256 + 9;
const BACK_KILLED: &str = "the machine's side was killed";

impl<F> Core<F> {
    pub(super) fn circumstances(&self) -> Circumstances<'_> {
        Circumstances {
            wall_ms: self.now.wall_ms,
            boot_ms: self.now.boot_ms,
            blocks: &self.blocks.list,
            disk_refuses: self.disk_refuses,
            sessions: self.sessions.len(),
            sessions_max: SESSIONS_MAX,
        }
    }

    /// A known person asks for a target.
    pub(super) fn want(&mut self, worker: u64, target: &Name, account: &Name) {
        let Some(plant) = self.plant.as_ref() else { return };
        let Some((person, peer)) = self.fronts.get(&worker).and_then(|f| f.person.clone().map(|p| (p, f.peer))) else {
            return;
        };
        if let Some(why) = self.not_now() {
            let mut note = Note::new("policy", "session.refused", "refused", "SR 2.1");
            self.about_front(worker, &mut note);
            note.target = Some(target.clone());
            note.detail.clone_from(&why);
            self.audit(note);
            self.drill_refused();
            return self.deny(worker, &why);
        }
        let wish = access::wish(&person, target, account);
        match policy::decide(plant, &wish, &self.circumstances()) {
            Err(refusal) => {
                let mut note = Note::new("policy", "session.refused", "refused", "SR 2.1");
                self.about_front(worker, &mut note);
                note.target = Some(target.clone());
                note.detail = refusal.audit();
                self.audit(note);
                self.deny(worker, &refusal.to_string());
            }
            Ok(grant) if grant.presence() && self.presence_is_full() => {
                let mut note = Note::new("policy", "session.refused", "refused", "SR 2.1");
                self.about_front(worker, &mut note);
                note.target = Some(target.clone());
                note.detail = "too many wait for somebody at the box".to_owned();
                self.audit(note);
                self.deny(worker, "too many people wait to be admitted at the box; try again in a few minutes");
            }
            Ok(grant) => {
                let session = self.next_session;
                self.next_session += 1;
                let (deadline_ms, bound) = limits::deadline(&grant, self.now.boot_ms, self.now);
                let row = Session {
                    front: Some(worker),
                    conduit: Some(grant.conduit().clone()),
                    peer: Some(peer),
                    deadline_ms,
                    bound,
                    ..Session::new(Name::cut(person.to_string()), grant.target(), grant.account(), self.now)
                };
                self.sessions.insert(session, row);
                if let Some(front) = self.fronts.get_mut(&worker) {
                    front.session = Some(session);
                }
                self.note_session(session, "session.granted", "ok", "SR 2.1", grant.audit());
                if grant.presence() {
                    self.await_presence(session);
                } else {
                    self.start_session(session);
                }
            }
        }
    }

    /// Has the processes started. The life's own rules hold: only a requested one is approved.
    pub(super) fn start_session(&mut self, session: u64) {
        let Some(row) = self.sessions.get_mut(&session) else { return };
        row.life.approve().expect("a new session is requested");
        self.act(Action::ToLauncher(launcher::Request::StartSession { session }));
    }

    pub(super) fn on_launcher(&mut self, reply: launcher::Reply, fds: Vec<F>) {
        match reply {
            launcher::Reply::FrontStarted { worker, pid: _ } => self.front_started(worker, fds),
            launcher::Reply::SessionStarted { session, mediator: _, back: _ } => self.session_started(session, fds),
            launcher::Reply::StartFailed { number, session, why } => {
                if session {
                    self.end_session(number, Reason::NotConnected, &format!("it could not be started: {why}"));
                    self.session_over(number);
                } else {
                    self.front_not_started(number, &why);
                }
            }
            launcher::Reply::Exited { number, part, status } => match part {
                launcher::Part::FrontSsh => self.front_gone(number),
                launcher::Part::Mediator | launcher::Part::BackSsh => self.part_exited(number, part, status),
            },
            launcher::Reply::Living { session, note } => self.found_session(session, &note, fds),
            launcher::Reply::LivingFront { worker } => self.found_front(worker, fds),
            launcher::Reply::AdoptDone => self.adopt(),
            launcher::Reply::Beat => {}
        }
    }

    /// Descriptors: mediator control, back control, handover, secrets, record, stream, kill, events.
    fn session_started(&mut self, session: u64, fds: Vec<F>) {
        let Ok([mediator, back, handover, secrets, record, stream, kill, events]) = <[F; 8]>::try_from(fds) else {
            return self.end_session(session, Reason::PartDied, "the launcher passed the wrong descriptors");
        };
        self.act(Action::Hold(Endpoint::SessionKill(session), kill));
        self.act(Action::Hold(Endpoint::SessionEvents(session), events));
        let (true, Some(row)) = (self.plant.is_some(), self.sessions.get_mut(&session)) else {
            self.act(Action::Kill(Endpoint::SessionKill(session)));
            self.act(Action::Close(Endpoint::SessionKill(session)));
            self.act(Action::Close(Endpoint::SessionEvents(session)));
            return self.act(Action::ToLauncher(launcher::Request::Forget { number: session, session: true }));
        };
        if row.life.state() != State::Approved {
            return self.session_over(session);
        }
        row.parked = Some([mediator, back, handover, secrets, record, stream]);
        if !self.guarded() {
            self.end_session(session, Reason::GuardianLost, "");
            return self.session_over(session);
        }
        self.guard_session(session);
    }

    /// The guardian would end it: it may reach for its machine.
    pub(super) fn connect_session(&mut self, session: u64, parked: [F; 6]) {
        let [mediator, back, handover, secrets, record, stream] = parked;
        let Some(row) = self.sessions.get_mut(&session) else { return };
        if row.life.connect().is_err() {
            return self.session_over(session);
        }
        row.stream = Some(stream);
        self.keep(session);
        let (Some(plant), Some(row)) = (self.plant.as_ref(), self.sessions.get(&session)) else { return };
        let facts = access::machine_facts(plant, &row.target, &row.account);
        let person = row.person.clone();
        let target = Name::cut(row.target.to_string());
        let test = row.test_for.is_some();
        let terms = row.conduit.as_ref().and_then(|conduit| access::terms(plant, session, row, conduit));
        let Some(facts) = facts else {
            self.end_session(session, Reason::NotConnected, "the target is no longer in the plant file");
            return self.session_over(session);
        };
        if !test && terms.is_none() {
            self.end_session(session, Reason::PermissionWithdrawn, "its conduit is no longer in the plant file");
            return self.session_over(session);
        }
        self.act(Action::Hold(Endpoint::Mediator(session), mediator));
        self.act(Action::Hold(Endpoint::Back(session), back));
        self.act(Action::ToVault(
            vault::Request::GiveCredential { session, secret: facts.secret, user: facts.user, key: facts.key },
            Some(secrets),
        ));
        if let Some(terms) = terms {
            if let Some(row) = self.sessions.get_mut(&session) {
                row.idle_ms = terms.idle_ms;
            }
            let open = vault::Request::OpenRecording { session, person, target: target.clone() };
            self.act(Action::ToVault(open, Some(record)));
            self.act(Action::ToMediator(session, mediation::Order::Start { terms }));
        }
        let setup = machine::Order::Setup { target, host_keys: facts.host_keys, legacy: facts.legacy };
        self.act(Action::ToBack(session, setup));
        let dial = connector::Order::Dial { session, address: facts.address, timeout_ms: DIAL_MS_MAX };
        self.act(Action::ToConnector(dial, Some(handover)));
        if let Some(row) = self.sessions.get_mut(&session) {
            row.dialling = true;
        }
    }

    pub(super) fn on_connector(&mut self, event: connector::Event) {
        match event {
            connector::Event::HandedOn { session } => {
                if let Some(row) = self.sessions.get_mut(&session) {
                    (row.reached, row.dialling) = (true, false);
                    row.steps.push("reach: ok".into());
                }
            }
            connector::Event::Failed { session, why } => {
                if let Some(row) = self.sessions.get_mut(&session) {
                    row.dialling = false;
                }
                self.not_connected(session, Step::Reach, &why, "check its power, its cable and its address in the plant file");
            }
        }
    }

    pub(super) fn not_connected(&mut self, session: u64, step: Step, cause: &str, mend: &str) {
        let step = match step {
            Step::Reach => "reach",
            Step::KeyExchange => "key exchange",
            Step::HostKey => "host key",
            Step::Login => "login",
        };
        let words = format!("{step}: {cause}; {mend}");
        if let Some(row) = self.sessions.get_mut(&session) {
            row.steps.push(format!("{step}: failed: {cause}; mend: {mend}"));
        }
        self.end_session(session, Reason::NotConnected, &words);
        self.session_over(session);
    }

    pub(super) fn on_back(&mut self, session: u64, event: machine::Event) {
        let Some(row) = self.sessions.get_mut(&session) else { return };
        let ending = matches!(row.life.state(), State::Ending | State::Ended);
        if let Err(why) = row.machine.pass(event.name()) {
            if ending {
                // It crossed the session's end on its way, perhaps that of a broker before this one.
                return;
            }
            self.audit_out_of_turn(Endpoint::Back(session), &why.to_string());
            self.end_session(session, Reason::PeerOutOfTurn, "the machine's side broke the border's rules");
            return;
        }
        match event {
            machine::Event::HostKeySeen { key, fingerprint, pinned } => {
                row.steps.push(format!("key exchange: ok; host key {fingerprint} {}", if pinned { "is pinned" } else { "is not pinned" }));
                if !pinned {
                    let detail = format!("{fingerprint}; {}", &*key);
                    self.note_session(session, "target.host_key_refused", "refused", "SR 1.2", detail);
                }
            }
            machine::Event::Ready => {
                row.machine_ready = true;
                row.steps.push("login: ok".into());
                self.maybe_live(session);
            }
            machine::Event::Failed { step, cause, mend } => self.not_connected(session, step, &cause, &mend),
        }
    }

    pub(super) fn on_mediator(&mut self, session: u64, event: mediation::Event) {
        match event {
            mediation::Event::Recording => {
                if let Some(row) = self.sessions.get_mut(&session) {
                    row.recording = true;
                }
                self.maybe_live(session);
            }
            mediation::Event::Mark { kind, text } => {
                self.note_session(session, &format!("session.{}", &*kind), "ok", "SR 2.8", text.to_string());
            }
            mediation::Event::Pace { input_per_minute, watched_by } => {
                if let Some(row) = self.sessions.get_mut(&session) {
                    row.pace = (input_per_minute, watched_by);
                }
            }
            mediation::Event::Ended { kind, text } => {
                let reason = Reason::from_code(&kind).unwrap_or(Reason::PartDied);
                if reason == Reason::MachineClosed && self.back_speaks_yet(session) {
                    return;
                }
                self.end_session(session, reason, &text);
                self.over_if_exited(session);
            }
        }
    }

    /// Whether a machine that did not let the box in is about to be named with its step: a mediator that
    /// sees its back leave may be heard first, and knows less.
    fn back_speaks_yet(&mut self, session: u64) -> bool {
        let unread = self.held.contains(&Endpoint::Back(session));
        let Some(row) = self.sessions.get_mut(&session) else { return false };
        row.left_early = unread && row.life.state() == State::Connecting && !row.machine_ready;
        row.left_early
    }

    /// Live needs both: the record in hand, and the machine.
    fn maybe_live(&mut self, session: u64) {
        let Some(row) = self.sessions.get_mut(&session) else { return };
        if let (true, Some(client)) = (row.machine_ready, row.test_for) {
            return self.test_done(session, client, true);
        }
        if !(row.recording && row.machine_ready) || row.life.go_live().is_err() {
            return;
        }
        let (front, stream) = (row.front, row.stream.take());
        // First: a broker that dies between the two lines leaves a session that its follower knows of.
        self.keep(session);
        if let (Some(front), Some(stream)) = (front, stream) {
            self.act(Action::ToFront(front, Answer::Granted { session }, Some(stream)));
        }
        self.note_session(session, "session.started", "ok", "SR 1.13", String::new());
    }

    /// Orders the end. The mediator does it at once; rung 2 kills what does not.
    pub(super) fn end_session(&mut self, session: u64, reason: Reason, words: &str) {
        let now = self.now.boot_ms;
        let Some(row) = self.sessions.get_mut(&session) else { return };
        if matches!(row.life.state(), State::Ending | State::Ended) {
            return;
        }
        let was_open = row.life.is_open();
        row.life.end(reason);
        row.words = if words.is_empty() { reason.words().to_owned() } else { words.to_owned() };
        row.kill_at_ms = Some(now + KILL_AFTER_MS);
        row.ending_since_ms = now;
        row.parked = None;
        self.end_moved(session);
        self.keep(session);
        let Some(row) = self.sessions.get(&session) else { return };
        let (text, front, was_test) = (Line::cut(row.words.clone()), row.front, row.test_for);
        // The mediator of a test has no terms, and so nothing to end.
        if was_test.is_none() {
            let order = mediation::Order::End { reason: Text::cut(reason.code()), text: text.clone() };
            self.act(Action::ToMediator(session, order));
        }
        self.note_session(session, "session.ending", "ok", "SR 2.6", format!("{}: {text}", reason.code()));
        if let Some(client) = was_test {
            self.test_done(session, client, false);
        } else if let (Some(front), false) = (front, was_open) {
            // The operator still waits: there is no stream yet on which the mediator could say it.
            self.deny(front, &text);
        }
    }

    /// A control socket of the session closed.
    pub(super) fn part_gone(&mut self, session: u64, endpoint: Endpoint, reason: Reason) {
        self.act(Action::Close(endpoint));
        if matches!(endpoint, Endpoint::Mediator(_)) && self.sessions.get(&session).is_some_and(|row| row.left_early) {
            return;
        }
        let exited = self.sessions.get(&session).is_some_and(|row| row.exited);
        if matches!(endpoint, Endpoint::Mediator(_)) && !exited && reason == Reason::PartDied && self.may_be_cut(session, reason, "", false) {
            return;
        }
        // A back that closed has more to say through the mediator, or by how it exits.
        if !(matches!(endpoint, Endpoint::Back(_)) && reason == Reason::PartDied) {
            self.end_session(session, reason, "");
            return self.over_if_exited(session);
        }
        if let Some(status) = self.sessions.get(&session).and_then(|row| row.back_status) {
            self.back_exited(session, status);
        }
    }

    /// Its last words were read, and its mediator has exited.
    fn over_if_exited(&mut self, session: u64) {
        if self.sessions.get(&session).is_some_and(|row| row.exited) {
            self.session_over(session);
        }
    }

    /// A process of the session exited. The mediator's exit ends the session for good. The launcher
    /// may say so before the process's own last words were read: they count.
    fn part_exited(&mut self, session: u64, part: launcher::Part, status: u32) {
        let kill_at_ms = self.now.boot_ms + KILL_AFTER_MS;
        let unread = |core: &Self, endpoint| core.held.contains(&endpoint);
        let words = (unread(self, Endpoint::Mediator(session)), unread(self, Endpoint::Back(session)));
        let Some(row) = self.sessions.get_mut(&session) else { return };
        let ending = matches!(row.life.state(), State::Ending | State::Ended);
        match part {
            launcher::Part::Mediator if status == 0 && row.left_early && !ending => {}
            launcher::Part::Mediator if status == 0 && words.0 && !ending => {
                row.exited = true;
                row.kill_at_ms = Some(kill_at_ms);
            }
            launcher::Part::Mediator => {
                let words = format!("its mediator stopped with status {status}");
                if status == KILLED && self.may_be_cut(session, Reason::PartDied, &words, true) {
                    return;
                }
                if status != 0 {
                    self.end_session(session, Reason::PartDied, &words);
                }
                self.end_session(session, Reason::PartDied, "");
                self.session_over(session);
            }
            launcher::Part::BackSsh if words.1 => row.back_status = Some(status),
            launcher::Part::BackSsh if status == KILLED && self.may_be_cut(session, Reason::NotConnected, BACK_KILLED, false) => {}
            launcher::Part::BackSsh => self.back_exited(session, status),
            launcher::Part::FrontSsh => {}
        }
    }

    /// The machine's side is gone, and all that it said was read.
    fn back_exited(&mut self, session: u64, status: u32) {
        let state = self.sessions.get(&session).map(|row| row.life.state());
        if matches!(state, Some(State::Connecting | State::Approved)) {
            let cause = format!("the machine's side stopped with status {status}");
            self.not_connected(session, Step::KeyExchange, &cause, "try again; if it stays so, read the box's log");
        }
    }

    /// Nothing of it may live any more: kill the cgroup, forget it, keep its row.
    pub(super) fn session_over(&mut self, session: u64) {
        let Some(mut row) = self.sessions.remove(&session) else { return };
        row.life.ended(Reason::PartDied);
        row.ended_ms = Some(self.now.wall_ms);
        self.act(Action::Kill(Endpoint::SessionKill(session)));
        let files = [Endpoint::SessionKill(session), Endpoint::SessionEvents(session)];
        for endpoint in files.into_iter().chain([Endpoint::Mediator(session), Endpoint::Back(session)]) {
            self.act(Action::Close(endpoint));
        }
        if row.dialling {
            self.act(Action::ToConnector(connector::Order::Cancel { session }, None));
        }
        if let Some(worker) = row.front {
            if let Some(front) = self.fronts.get_mut(&worker) {
                front.session = None;
            }
            self.end_front(worker, &row.words);
        }
        if row.watched != Watched::No {
            self.act(Action::ToGuardian(Order::Over { session }, Vec::new()));
        }
        if row.life.reason() == Some(Reason::CutOff) {
            self.drill_ended_one();
        }
        let reason = row.life.reason().map_or("", Reason::code);
        let mut note = Note::new("session", "session.ended", "ok", "SR 2.6");
        note.person = Some(row.person.clone());
        note.session = Some(session);
        note.target = Some(Name::cut(row.target.to_string()));
        note.peer = row.peer.map(|p| p.to_string());
        note.detail = format!("{reason}: {}", row.words);
        self.audit(note);
        if !row.awaits_presence {
            // Last: a broker that dies before this line leaves it to its follower.
            self.act(Action::ToLauncher(launcher::Request::Forget { number: session, session: true }));
        }
        if row.test_for.is_none() {
            self.ended.push_back(row_of(session, &row, self.now.boot_ms));
            if self.ended.len() > ENDED_KEPT {
                self.ended.pop_front();
            }
        }
    }

    /// Its front is gone.
    pub(super) fn operator_leaves(&mut self, session: u64) {
        if let Some(row) = self.sessions.get_mut(&session) {
            row.front = None;
        }
        if !self.may_be_cut(session, Reason::OperatorLeft, "", false) {
            self.operator_left(session);
        }
    }

    /// Whether what died unannounced may have been cut off: then the guardian's word is waited for.
    fn may_be_cut(&mut self, session: u64, reason: Reason, words: &str, exited: bool) -> bool {
        let (armed, now) = (self.armed(), self.now.boot_ms);
        let Some(row) = self.sessions.get_mut(&session).filter(|row| armed && !row.waits()) else { return false };
        let ending = matches!(row.life.state(), State::Ending | State::Ended);
        // Of one that was ending, only its last process's end can still be put down to a cut.
        if ending && (!exited || row.ending_since_ms + DYING_MS <= now) {
            return false;
        }
        let (words, until_ms) = (words.to_owned(), now + DYING_MS);
        let dying = row.dying.get_or_insert(Dying { until_ms, reason, words, exited: false });
        dying.exited |= exited;
        true
    }

    /// Nothing was said of a cut-off: it is what it looked like.
    fn dying_on_time(&mut self) {
        let now = self.now.boot_ms;
        let due = |row: &Session<F>| row.dying.as_ref().is_some_and(|dying| dying.until_ms <= now);
        for session in self.sessions.iter().filter(|(_, row)| due(row)).map(|(session, _)| *session).collect::<Vec<_>>() {
            let Some(dying) = self.sessions.get_mut(&session).and_then(|row| row.dying.take()) else { continue };
            if dying.reason == Reason::NotConnected {
                self.back_exited(session, KILLED);
            } else {
                self.end_session(session, dying.reason, &dying.words);
            }
            if dying.exited {
                self.session_over(session);
            }
        }
    }

    pub(super) fn operator_left(&mut self, session: u64) {
        if let Some(row) = self.sessions.get_mut(&session) {
            row.front = None;
            self.end_session(session, Reason::OperatorLeft, "");
        }
    }

    pub(super) fn sessions_on_time(&mut self) {
        self.dying_on_time();
        let now = self.now.boot_ms;
        let mut end = Vec::new();
        let mut shorter = Vec::new();
        for (&session, row) in &self.sessions {
            match row.kill_at_ms {
                Some(_) => {}
                None if row.life.is_open() && row.deadline_ms + KILL_AFTER_MS <= now => end.push((session, Reason::Overdue)),
                None if !row.life.is_open() && row.connect_until_ms <= now => {
                    end.push((session, if row.awaits_presence { Reason::NobodyAdmitted } else { Reason::NotConnected }));
                }
                None if row.life.is_open() && row.test_for.is_none() => match self.still_permitted(row) {
                    Ok(grant) => shorter.push((session, grant)),
                    Err(Refusal::WindowClosed { .. }) => end.push((session, Reason::WindowClosed)),
                    Err(_) => end.push((session, Reason::PermissionWithdrawn)),
                },
                None => {}
            }
        }
        for (session, grant) in shorter {
            self.shorten(session, &grant);
        }
        let mut over: Vec<u64> = end.iter().filter(|(_, reason)| *reason == Reason::Overdue).map(|(session, _)| *session).collect();
        for (session, reason) in end {
            if reason == Reason::NobodyAdmitted {
                self.presence_lapsed(session);
                continue;
            }
            let words = if reason == Reason::NotConnected { "the machine did not let the box in within 30 s" } else { "" };
            self.end_session(session, reason, words);
        }
        // After those: a test that ends has nothing to wait for.
        let due = |row: &Session<F>| row.kill_at_ms.is_some_and(|kill| kill <= now);
        over.extend(self.sessions.iter().filter(|(_, row)| due(row)).map(|(session, _)| *session));
        for session in over {
            self.session_over(session);
        }
    }

    fn still_permitted(&self, row: &Session<F>) -> Result<Grant, Refusal> {
        let (Some(plant), Some(granted)) = (self.plant.as_ref(), row.conduit.as_ref()) else {
            return Err(Refusal::NoConduit);
        };
        let wish = policy::Wish { person: access::person_named(&row.person), target: row.target.clone(), account: Some(row.account.clone()) };
        // Only what is withdrawn counts here: a full disk or the session limit refuses new ones.
        let now = Circumstances { disk_refuses: false, sessions: 0, blocks: &[], ..self.circumstances() };
        policy::decide_again(plant, &wish, granted, &now)
    }

    pub(super) fn note_session(&mut self, session: u64, kind: &str, result: &str, requirement: &str, detail: String) {
        let mut note = Note::new("session", kind, result, requirement);
        if let Some(row) = self.sessions.get(&session) {
            note.person = Some(row.person.clone());
            note.target = Some(Name::cut(row.target.to_string()));
            note.peer = row.peer.map(|p| p.to_string());
        }
        note.session = Some(session);
        note.detail = detail;
        self.audit(note);
    }

    /// The rows of a listing.
    pub(super) fn session_rows(&self, all: bool) -> Vec<SessionRow> {
        let living = self.sessions.iter().filter(|(_, row)| row.test_for.is_none());
        let mut rows: Vec<SessionRow> = if all { self.ended.iter().cloned().collect() } else { Vec::new() };
        rows.extend(living.map(|(id, row)| row_of(*id, row, self.now.boot_ms)));
        rows
    }
}

fn row_of<F>(session: u64, row: &Session<F>, boot_ms: u64) -> SessionRow {
    SessionRow {
        session,
        person: row.person.clone(),
        target: Name::cut(row.target.to_string()),
        state: Name::cut(row.life.state().name()),
        started_ms: row.started_ms,
        ended_ms: row.ended_ms,
        reason: Line::cut(match row.life.reason() {
            Some(reason) => format!("{}: {}", reason.code(), row.words),
            None => String::new(),
        }),
        left_ms: row.life.is_open().then(|| row.deadline_ms.saturating_sub(boot_ms)),
    }
}
