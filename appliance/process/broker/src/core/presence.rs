//! Local presence: a session that somebody at the box has to admit waits for them, and nothing of it is
//! started before. Who admits has unlocked the console by their PIN.

use super::{Action, CONNECT_MS_MAX, Core, Session, access, limits};
use border::console::Why;
use border::front::Answer;
use border::Line;
use policy::{Circumstances, Grant, Refusal};
use session::{Reason, State};

/// How long a session waits to be admitted.
pub const PRESENCE_MS_MAX: u64 = 5 * 60 * 1000;
/// Sessions that wait at once: all of them are on the console's list.
pub const PRESENCE_WAITING_MAX: usize = 16;

impl<F> Session<F> {
    /// Whether the console shows it as one that waits.
    pub(super) fn waits(&self) -> bool {
        self.awaits_presence && self.life.state() == State::Requested
    }
}

impl<F> Core<F> {
    pub(super) fn presence_is_full(&self) -> bool {
        self.sessions.values().filter(|row| row.waits()).count() >= PRESENCE_WAITING_MAX
    }

    /// A session that was granted, but for the person at the box.
    pub(super) fn await_presence(&mut self, session: u64) {
        let until = self.now.boot_ms + PRESENCE_MS_MAX;
        let Some(row) = self.sessions.get_mut(&session) else { return };
        (row.awaits_presence, row.connect_until_ms) = (true, until);
        let front = row.front;
        self.note_session(session, "session.awaits_presence", "ok", "SR 1.13", String::new());
        let text = "waiting for somebody at the box to admit you, for 5 minutes at most; they see your name, your \
                    employer, your telephone and the machine; if nobody comes, call the plant";
        if let Some(front) = front {
            self.act(Action::ToFront(front, Answer::Waiting { text: Line::cut(text) }, None));
        }
    }

    /// Lets it begin, if its conduit still permits it.
    pub(super) fn admit(&mut self, session: u64, by: &Line) -> Result<(), Why> {
        let row = self.sessions.get(&session).filter(|row| row.waits()).ok_or(Why::NoSession)?;
        if let Some(part) = self.missing() {
            return Err(Why::Away { part: border::Name::cut(part.name()) });
        }
        if let Some(text) = self.held_text() {
            return Err(Why::Other { text: Line::cut(text) });
        }
        match self.permitted_yet(row) {
            Ok(grant) => {
                let (deadline_ms, bound) = limits::deadline(&grant, self.now.boot_ms, self.now);
                let now = self.now;
                let Some(row) = self.sessions.get_mut(&session) else { return Err(Why::NoSession) };
                row.awaits_presence = false;
                (row.begun_ms, row.started_ms) = (now.boot_ms, now.wall_ms);
                (row.deadline_ms, row.bound) = (deadline_ms, bound);
                row.connect_until_ms = now.boot_ms + CONNECT_MS_MAX;
                self.note_session(session, "session.admitted", "ok", "SR 1.13", format!("by {by}"));
                self.start_session(session);
                Ok(())
            }
            Err(refusal) => {
                self.note_session(session, "session.not_admitted", "refused", "SR 1.13", format!("by {by}; {}", refusal.audit()));
                self.drop_waiting(session, Reason::PermissionWithdrawn, &refusal.to_string());
                Err(Why::Other { text: Line::cut(refusal.to_string()) })
            }
        }
    }

    fn permitted_yet(&self, row: &Session<F>) -> Result<Grant, Refusal> {
        let (Some(plant), Some(granted)) = (self.plant.as_ref(), row.conduit.as_ref()) else {
            return Err(Refusal::NoConduit);
        };
        let wish = policy::Wish { person: access::person_named(&row.person), target: row.target.clone(), account: Some(row.account.clone()) };
        // It is one of those that are counted.
        let now = Circumstances { sessions: 0, ..self.circumstances() };
        policy::decide_again(plant, &wish, granted, &now)
    }

    /// Somebody at the box says no.
    pub(super) fn not_admitted(&mut self, session: u64, by: &Line) -> Result<(), Why> {
        self.sessions.get(&session).filter(|row| row.waits()).ok_or(Why::NoSession)?;
        self.note_session(session, "session.not_admitted", "refused", "SR 1.13", format!("by {by}"));
        self.drop_waiting(session, Reason::Refused, "the person at the box did not admit you; ask the plant why");
        Ok(())
    }

    pub(super) fn presence_lapsed(&mut self, session: u64) {
        self.note_session(session, "session.not_admitted", "refused", "SR 1.13", "nobody answered at the box".to_owned());
        let words = "nobody at the box admitted you within 5 minutes; call the plant, and ask again when somebody is there";
        self.drop_waiting(session, Reason::NobodyAdmitted, words);
    }

    fn drop_waiting(&mut self, session: u64, reason: Reason, words: &str) {
        self.end_session(session, reason, words);
        self.session_over(session);
    }

    /// Those who wait, the oldest first.
    pub(super) fn waiting_rows(&self) -> impl Iterator<Item = (u64, &Session<F>)> {
        self.sessions.iter().filter(|(_, row)| row.waits()).map(|(session, row)| (*session, row))
    }
}
