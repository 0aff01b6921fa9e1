//! What the broker decides over one input, and whether it wrote that down.

use super::{Property, SeenFront};
use crate::fd::Fd;
use crate::plants::{key_of, permitted_until};
use crate::world::World;
use border::admin::{Reply, Request};
use border::guardian::{Event as Guards, Order};
use border::front::{Answer, Request as Asked, Step};
use border::vault::{Audit, Event, Request as ToVault};
use border::{connector, launcher, mediation};
use broker::core::{Action, Endpoint, Input};
use model::{Login, Plant};

/// What the input was, as far as its actions have to answer it.
#[derive(Default)]
pub(crate) struct Before {
    tick: bool,
    blamed: bool,
}

/// The rows that one input wrote.
fn rows(actions: &[Action<Fd>]) -> Vec<&Audit> {
    let mut rows = Vec::new();
    for action in actions {
        if let Action::ToVault(ToVault::Write { audit }, _) = action {
            rows.push(audit);
        }
    }
    rows
}

fn with_key(plant: &Plant, target: &str, key: &str) -> Plant {
    let mut plant = plant.clone();
    let mut targets = plant.targets.into_vec();
    if let Some(found) = targets.iter_mut().find(|t| t.id.as_str() == target) {
        let mut keys = found.host_keys.clone().into_vec();
        let same = |line: &str| line.split(' ').take(2).eq(key.split(' ').take(2));
        keys.retain(|known| !same(known));
        keys.push(codec::Text::cut(key));
        found.host_keys = codec::List::new(keys).unwrap_or_default();
    }
    plant.targets = codec::List::new(targets).unwrap_or_default();
    plant
}

impl World {
    /// Before the broker hears it.
    pub fn before(&mut self, input: &Input<Fd>) -> Before {
        let mut before = Before { tick: matches!(input, Input::Tick), ..Before::default() };
        self.asking = None;
        match input {
            Input::Launcher(launcher::Reply::SessionStarted { session, .. }, _) => {
                if let Some(seen) = self.watch.sessions.get_mut(session) {
                    seen.told_started = true;
                }
            }
            Input::Stored(plant) => self.counts_now(plant.clone()),
            Input::Vault(Event::Done { ticket }, _) => self.ticket_done(*ticket),
            Input::Vault(Event::Failed { ticket, .. }, _) => drop(self.watch.tickets.remove(ticket)),
            Input::Front(worker, Asked::KeySigned { person, key }) => self.saw_signature(*worker, person, key),
            Input::Gone(_, why) => before.blamed = why.is_some(),
            Input::Admin { client, uid, request, .. } => {
                self.asking = Some(*client);
                if let Request::End { session, .. } = &**request
                    && *uid != 1234
                    && let Some(seen) = self.watch.sessions.get_mut(session)
                {
                    seen.admin_ended = true;
                }
            }
            Input::Guardian(Guards::Watching { session }, _) => {
                if let Some(seen) = self.watch.sessions.get_mut(session) {
                    seen.guarded = true;
                }
            }
            Input::Joined(_) | Input::Lost(_) | Input::Guardian(..) | Input::StoredBlocks(_) => {}
            Input::Console { .. } | Input::ConsoleGone(_) => {}
            Input::Launcher(..) | Input::Listener(_) | Input::Connector(_) | Input::Vault(..) => {}
            Input::Front(..) | Input::Mediator(..) | Input::Back(..) | Input::Tick => {}
        }
        before
    }

    /// A plant is stored: it counts from here on.
    fn ticket_done(&mut self, ticket: u64) {
        let Some((client, plant)) = self.watch.tickets.remove(&ticket) else { return };
        let request = self.admins.asked.get(&client).map(|asked| asked.request.clone());
        if let (Some(Request::Trust { target, key }), Some(before)) = (request, self.watch.in_force.as_deref())
            && with_key(before, &target, &key) != plant
        {
            let what = format!("trusting a key of {target} brought back a plant that another had replaced");
            self.broken(Property::PlantCounts, what);
        }
        self.counts_now(Box::new(plant));
    }

    /// From here on this plant counts; another may follow before anybody looks again.
    fn counts_now(&mut self, plant: Box<Plant>) {
        let wall = self.wall_ms();
        for seen in self.watch.sessions.values_mut() {
            let to = (&*seen.target, &*seen.account);
            let permitted = permitted_until(&plant, &seen.person, to, &seen.conduit, wall).is_some();
            seen.ever_unpermitted |= !permitted;
        }
        self.watch.in_force = Some(plant);
    }

    fn saw_signature(&mut self, worker: u64, person: &str, key: &str) {
        if key == key_of(person) {
            self.watch.fronts.entry(worker).or_default().signed.insert(person.to_owned());
        }
    }

    pub fn saw_check(&mut self, worker: u64, person: &str, password: bool, code: bool) {
        self.watch.fronts.entry(worker).or_default().checked.push((person.to_owned(), password, code));
    }

    pub fn saw_lie(&mut self, worker: u64) {
        self.watch.fronts.entry(worker).or_default().lied = true;
        for seen in self.watch.sessions.values_mut().filter(|seen| seen.front == Some(worker)) {
            seen.front_lied = true;
        }
    }

    /// After the broker has decided, before the shell does it.
    pub fn after(&mut self, before: &Before, actions: &[Action<Fd>]) {
        let rows = rows(actions);
        let has = |kind: &str| rows.iter().any(|row| &*row.kind == kind);
        let mut missing = Vec::new();
        let mut need = |what: &str, kinds: &[&str]| {
            if !kinds.iter().any(|kind| has(kind)) {
                missing.push(format!("{what} without a row of {kinds:?}"));
            }
        };
        if before.blamed {
            need("an accusation", &["border.out_of_turn"]);
        }
        for action in actions {
            match action {
                Action::ToFront(_, Answer::Login { step: Step::Accepted }, _) => need("a login", &["login.accepted"]),
                Action::ToFront(_, Answer::Login { step: Step::Rejected }, _) => need("a refused login", &["login.refused"]),
                Action::ToFront(_, Answer::Denied { .. }, _) => need("a refusal", &["session.refused", "session.ending"]),
                Action::ToFront(_, Answer::Granted { .. }, _) => need("a session", &["session.started"]),
                Action::ToLauncher(launcher::Request::StartSession { .. }) => need("a start", &["session.granted", "target.tested"]),
                Action::ToMediator(_, mediation::Order::End { .. }) => need("an end", &["session.ending"]),
                Action::ToMediator(_, mediation::Order::Pause { .. }) => need("a pause", &["session.paused"]),
                Action::ToMediator(_, mediation::Order::Resume { .. }) => need("a resumption", &["session.resumed"]),
                Action::ToMediator(_, mediation::Order::Deadline { .. } | mediation::Order::Idle { .. }) => {
                    need("a shorter session", &["session.shortened"]);
                }
                Action::Observe { .. } => need("an observer", &["session.watched"]),
                Action::ToGuardian(Order::Rearm { .. }, _) => need("a way back", &["cutoff.rearm_ordered"]),
                Action::ToGuardian(Order::Drill { .. }, _) => need("a drill", &["cutoff.drill_ordered"]),
                Action::ToGuardian(..) | Action::StoreBlocks(..) | Action::Check { .. } => {}
                Action::ToConsole(..) | Action::AskPin { .. } => {}
                Action::StorePlant(..) => need("a plant", &["plant.applied"]),
                Action::ToVault(ToVault::SetSecret { .. }, _) => need("a secret", &["secret.set"]),
                Action::ToVault(ToVault::ExportAudit { .. }, _) => need("an export", &["audit.exported"]),
                Action::ToVault(ToVault::Recordings { .. }, _) => need("a list", &["recording.listed"]),
                Action::Kill(Endpoint::FrontKill(_)) if before.tick => need("a front's end", &["login.timeout", "front.overdue"]),
                Action::Kill(Endpoint::SessionKill(session)) => {
                    let ended = self.watch.sessions.get(session).is_none_or(|seen| seen.ended > 0);
                    if !ended {
                        need("a kill", &["session.ended"]);
                    }
                }
                Action::ToAdmin(client, Reply::Refused { .. }, _) => {
                    let stranger = self.admins.asked.get(client).is_some_and(|asked| asked.uid == 1234);
                    if stranger {
                        need("a stranger's question", &["admin.refused"]);
                    }
                }
                Action::ToFront(..) | Action::ToLauncher(_) | Action::ToMediator(..) | Action::ToVault(..) => {}
                Action::ToListener(..) | Action::ToConnector(..) | Action::ToBack(..) | Action::ToAdmin(..) => {}
                Action::ShowPlant(..) | Action::Hold(..) | Action::Hand(..) | Action::Close(_) | Action::Kill(_) => {}
            }
        }
        if let Some(what) = missing.pop() {
            self.broken(Property::Audited, what);
        }
    }

    /// Takes from an action what later checks need.
    pub fn learn(&mut self, action: &Action<Fd>) {
        match action {
            Action::ToVault(ToVault::Write { audit }, _) => self.saw_row(audit),
            Action::StorePlant(ticket, plant) => {
                if let Some(client) = self.asking {
                    self.watch.tickets.insert(*ticket, (client, (**plant).clone()));
                }
            }
            Action::ToFront(worker, answer, _) => self.saw_word(*worker, answer),
            Action::ToMediator(session, mediation::Order::Start { terms }) => self.saw_terms(*session, terms),
            Action::ToMediator(session, mediation::Order::End { .. }) => {
                if let Some(seen) = self.watch.sessions.get_mut(session) {
                    seen.end_ordered = true;
                }
            }
            Action::ToMediator(session, mediation::Order::Deadline { deadline_ms, .. }) => self.saw_deadline(*session, *deadline_ms),
            Action::ToMediator(session, mediation::Order::Idle { .. }) => {
                if let Some(seen) = self.watch.sessions.get_mut(session) {
                    seen.idle = true;
                }
            }
            Action::ToConnector(connector::Order::Dial { session, .. }, _) => {
                let over = self.watch.sessions.get(session).is_some_and(|seen| seen.ended > 0);
                if over {
                    self.broken(Property::DialsEnd, format!("session {session} is over, and its machine is dialled"));
                }
            }
            Action::ToMediator(..) | Action::ToConnector(..) | Action::ToVault(..) | Action::ToLauncher(_) => {}
            Action::ToListener(..) | Action::ToBack(..) | Action::ToAdmin(..) | Action::ShowPlant(..) => {}
            Action::ToConsole(..) | Action::AskPin { .. } => {}
            Action::Observe { .. } | Action::Hold(..) | Action::Close(_) | Action::Kill(_) | Action::Hand(..) => {}
            Action::ToGuardian(..) | Action::StoreBlocks(..) | Action::Check { .. } => {}
        }
    }

    fn saw_word(&mut self, worker: u64, answer: &Answer) {
        let now = self.now_us;
        let front: &mut SeenFront = self.watch.fronts.entry(worker).or_default();
        match answer {
            Answer::Login { step: Step::Accepted } => front.known = true,
            Answer::Denied { .. } | Answer::End { .. } => front.told_end_us = front.told_end_us.or(Some(now)),
            Answer::Granted { session } => {
                let lied = front.lied;
                self.watch.seen.live += 1;
                if let Some(seen) = self.watch.sessions.get_mut(session) {
                    (seen.live, seen.front, seen.front_lied) = (true, Some(worker), lied);
                }
            }
            Answer::Login { .. } | Answer::Setup { .. } | Answer::Key { .. } => {}
            Answer::Choices { .. } | Answer::Waiting { .. } => {}
        }
    }

    fn saw_terms(&mut self, session: u64, terms: &mediation::Terms) {
        let Some(seen) = self.watch.sessions.get_mut(&session) else { return };
        let latest = seen.latest_ms;
        seen.terms = Some(terms.clone());
        if terms.deadline_ms > latest {
            let what = format!("session {session} may last until {} ms, and its grant says {latest} ms", terms.deadline_ms);
            self.broken(Property::EndsInTime, what);
        }
    }

    /// A living session gets another end: only ever an earlier one.
    fn saw_deadline(&mut self, session: u64, deadline_ms: u64) {
        let Some(terms) = self.watch.sessions.get_mut(&session).and_then(|seen| seen.terms.as_mut()) else { return };
        let before = std::mem::replace(&mut terms.deadline_ms, deadline_ms);
        if deadline_ms > before {
            let what = format!("session {session} was to end at {before} ms, and now at {deadline_ms} ms");
            self.broken(Property::EndsInTime, what);
        }
    }

    /// A row of the broker's, as it goes to the vault.
    pub fn saw_row(&mut self, audit: &Audit) {
        self.watch.seen.rows += 1;
        match &*audit.kind {
            "session.granted" | "target.tested" => self.saw_grant(audit),
            "session.ended" => self.saw_end(audit),
            "login.accepted" => self.saw_login(audit),
            "border.out_of_turn" => self.saw_accusation(&audit.detail),
            _ => {}
        }
    }

    fn saw_grant(&mut self, audit: &Audit) {
        let Some(session) = audit.session else { return };
        let text = |name: &Option<border::Name>| name.as_ref().map(|n| n.to_string()).unwrap_or_default();
        let (person, target) = (text(&audit.person), text(&audit.target));
        let mut words = audit.detail.split([' ', ',']).filter(|word| !word.is_empty());
        let conduit = words.nth(1).unwrap_or_default().to_owned();
        let account = words.nth(1).unwrap_or_default().to_owned();
        let test = &*audit.kind == "target.tested";
        let (wall, boot) = (self.wall_ms(), self.boot_ms());
        let until = self.watch.in_force.as_ref().and_then(|p| permitted_until(p, &person, (&target, &account), &conduit, wall));
        if until.is_none() && !test {
            let what = format!("{person} got session {session} to {target}.{account} by {conduit}, which does not permit it");
            self.broken(Property::WorksByVerdict, what);
        }
        let latest_ms = boot + u64::try_from(until.unwrap_or(wall) - wall).unwrap_or(0);
        let seen = super::Seen { test, person, target, account, conduit, latest_ms, ..super::Seen::default() };
        self.watch.sessions.insert(session, seen);
    }

    /// Each front is told once that its person is in; the plant says what that takes.
    fn saw_login(&mut self, audit: &Audit) {
        let person = audit.person.as_ref().map(|p| p.to_string()).unwrap_or_default();
        let login = self.watch.in_force.as_ref().and_then(|p| p.people.iter().find(|k| k.id.as_str() == person)).map(|p| p.login);
        let fits = |front: &SeenFront| {
            let signed = front.signed.contains(&person);
            let checked = |password: bool| front.checked.iter().any(|c| c.0 == person && c.2 && (c.1 || !password));
            match login {
                Some(Login::Key) => signed,
                Some(Login::KeyTotp) => signed && checked(false),
                Some(Login::PasswordTotp) => checked(true),
                None => false,
            }
        };
        // The row does not name the front; one that has what it takes must be there.
        if !self.watch.fronts.values().any(|front| !front.known && fits(front)) {
            self.broken(Property::LogsInAsAsked, format!("{person} is in, and no front showed what {login:?} asks"));
        }
    }

    fn saw_accusation(&mut self, detail: &str) {
        let number = detail.split(['(', ')']).nth(1).and_then(|n| n.parse::<u64>().ok()).unwrap_or(0);
        let lied = if detail.starts_with("Front") {
            self.watch.fronts.get(&number).is_some_and(|front| front.lied)
        } else {
            self.sessions.get(&number).is_some_and(|session| session.back_lied)
        };
        if !lied {
            self.broken(Property::Borders, format!("an honest part is accused: {detail}"));
        }
    }

    /// A part was told, or says that it was told, what its border does not allow.
    pub fn accused(&mut self, session: u64, what: &str) {
        let lied = self.sessions.get(&session).is_some_and(|s| s.back_lied)
            || self.watch.sessions.get(&session).is_some_and(|seen| seen.front_lied);
        if !lied || what.starts_with("broker") {
            self.broken(Property::Borders, format!("session {session}: {what}"));
        }
    }

    pub fn accused_front(&mut self, worker: u64, what: &str) {
        self.broken(Property::Borders, format!("front {worker}: {what}"));
    }

    pub fn saw_answer(&mut self, client: u64, reply: &Reply) {
        self.watch.answers += 1;
        if !self.admins.asked.contains_key(&client) {
            self.broken(Property::Answered, format!("admin {client} is answered a second time: {}", reply.name()));
        }
    }

    /// What the shell is asked to do: nothing for an endpoint that is not held.
    pub fn saw_action(&mut self, action: &Action<Fd>) {
        let endpoint = match action {
            Action::Hold(endpoint, fd) => {
                if fd.kind.passes_through() {
                    self.broken(Property::PassesThrough, format!("the broker holds {:?}", fd.kind));
                }
                self.watch.endpoints.insert(*endpoint);
                return;
            }
            Action::Close(endpoint) => {
                let was = self.watch.endpoints.remove(endpoint);
                if !was {
                    self.broken(Property::ClosedStaysClosed, format!("{endpoint:?} is closed, and is not held"));
                }
                return;
            }
            Action::Kill(endpoint) => *endpoint,
            Action::ToFront(worker, ..) => Endpoint::Front(*worker),
            Action::ToMediator(session, _) | Action::Observe { session, .. } => Endpoint::Mediator(*session),
            Action::ToBack(session, _) => Endpoint::Back(*session),
            Action::ToLauncher(_) | Action::ToListener(..) | Action::ToConnector(..) | Action::ToVault(..) => return,
            Action::ToAdmin(..) | Action::StorePlant(..) | Action::ShowPlant(..) | Action::Hand(..) => return,
            Action::ToGuardian(_, endpoints) => match endpoints.first() {
                Some(endpoint) => *endpoint,
                None => return,
            },
            Action::StoreBlocks(..) | Action::Check { .. } => return,
            Action::ToConsole(..) | Action::AskPin { .. } => return,
        };
        if !self.watch.endpoints.contains(&endpoint) {
            let what = crate::words::of_action(action).unwrap_or_else(|| "an observer".to_owned());
            self.broken(Property::ClosedStaysClosed, format!("{} for {endpoint:?}, which is not held", what.trim()));
        }
    }
}
