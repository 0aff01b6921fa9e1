//! The parts around the broker: what becomes of its work when one of them dies, and when it is back.

use super::audit::Note;
use super::{Action, Core, Endpoint, Fixed, adopt};
use border::machine::Step;
use border::{launcher, listener};
use session::{Reason, State};

impl<F> Core<F> {
    /// Whether people may come in: everything that a login needs is there.
    pub(super) fn open(&self) -> bool {
        self.box_key.is_some() && self.here.contains(&Fixed::Launcher) && self.adopted()
    }

    /// The part for want of which no session can begin now.
    pub(super) fn missing(&self) -> Option<Fixed> {
        let needed = [Fixed::Vault, Fixed::Launcher, Fixed::Connector, Fixed::Guardian];
        let away = |part: &Fixed| match part {
            Fixed::Vault => !self.here.contains(part) || self.box_key.is_none(),
            Fixed::Guardian => !self.guarded(),
            Fixed::Launcher | Fixed::Listener | Fixed::Connector => !self.here.contains(part),
        };
        needed.into_iter().find(away)
    }

    /// Why no session can begin now, and who can lift it. Conduits and blocks are asked elsewhere.
    pub(super) fn not_now(&self) -> Option<String> {
        let missing = self.missing().map(|part| format!("the box starts its {} again; try again in a moment", part.name()));
        missing.or_else(|| self.held_text())
    }

    pub(super) fn joined(&mut self, part: Fixed) {
        self.here.insert(part);
        if part == Fixed::Launcher {
            self.give_lifeline();
            if self.adopted() {
                self.hand_over();
                self.start_waiting();
            } else {
                self.ask_for_the_living();
            }
        }
    }

    pub(super) fn lost(&mut self, part: Fixed) {
        self.here.remove(&part);
        let mut note = Note::new("system", "part.lost", "failed", "SR 7.4");
        note.detail = format!("the {} stopped; it is started again", part.name());
        self.audit(note);
        match part {
            Fixed::Launcher => self.launcher_lost(),
            // The numbers of connections were the listener's own: the fronts for them are not wanted.
            Fixed::Listener => {
                self.waiting.clear();
                self.starting.clear();
            }
            Fixed::Connector => {
                let dialled = |row: &super::Session<F>| row.life.state() == State::Connecting && !row.reached;
                for session in self.sessions_where(dialled) {
                    let (cause, mend) = ("the box's connector stopped", "try again in a moment");
                    self.not_connected(session, Step::Reach, cause, mend);
                }
            }
            Fixed::Vault => self.vault_lost(),
            Fixed::Guardian => self.guardian_gone(),
        }
    }

    fn sessions_where(&self, wanted: impl Fn(&super::Session<F>) -> bool) -> Vec<u64> {
        self.sessions.iter().filter(|(_, row)| wanted(row)).map(|(session, _)| *session).collect()
    }

    /// What it had not started yet will never come.
    fn launcher_lost(&mut self) {
        for (connection, _) in std::mem::take(&mut self.starting).into_values() {
            self.act(Action::ToListener(listener::Order::Refuse { connection }, None));
        }
        for session in self.sessions_where(|row| row.life.state() == State::Approved) {
            self.end_session(session, Reason::NotConnected, "the box's launcher stopped; try again in a moment");
            self.session_over(session);
        }
        if !self.adopted() {
            self.adoption = adopt::Adoption::NotAsked;
        }
    }

    /// To a launcher that knows of nothing: what lives, so that it keeps it for a broker after this one.
    fn hand_over(&mut self) {
        for session in self.sessions_where(|row| row.life.state() != State::Approved) {
            // An administrator's test has no card: a follower finds it without one, and ends it.
            let note = self.card(session).unwrap_or_default();
            let files = [Endpoint::SessionKill(session), Endpoint::SessionEvents(session)];
            let ends = [Endpoint::Mediator(session), Endpoint::Back(session)].into_iter().chain(files).collect();
            self.act(Action::Hand(launcher::Request::Hold { session, note }, ends));
        }
        for worker in self.fronts.keys().copied().collect::<Vec<_>>() {
            let ends = vec![Endpoint::Front(worker), Endpoint::FrontKill(worker)];
            self.act(Action::Hand(launcher::Request::HoldFront { worker }, ends));
        }
    }

    /// Nothing can be promised without it. Sessions that work end by their own recorder.
    fn vault_lost(&mut self) {
        self.box_key = None;
        self.checks_fail();
        for ticket in std::mem::take(&mut self.tickets).into_values() {
            self.refuse(ticket.client, "the vault stopped before it answered, and is started again; ask again in a moment");
        }
        self.pins_unanswered();
        for session in self.sessions_where(|row| row.life.state() == State::Connecting) {
            self.end_session(session, Reason::RecorderLost, "the box's vault stopped; try again in a moment");
            self.session_over(session);
        }
    }

    pub(super) fn vault_ready(&mut self, next_session: u64) {
        self.next_session = self.next_session.max(next_session);
        // Above all numbers that a broker before this one gave within this boot.
        let first = self.now.boot_ms.saturating_mul(1024).max(1);
        self.next_worker = self.next_worker.max(first);
        self.next_ticket = self.next_ticket.max(first);
        let kind = if self.adopted() { "vault.back" } else { "broker.started" };
        self.audit(Note::new("system", kind, "ok", "SR 2.8"));
        self.ask_for_the_living();
        self.start_waiting();
    }
}
