//! What the broker writes down: every decision, with the requirement that it serves.

use super::{Action, Core, Endpoint};
use border::vault::{Audit, Request};
use border::{Line, Name};
use codec::Text;

/// One row in the making; only what is known is filled in.
pub(super) struct Note<'a> {
    pub category: &'a str,
    pub kind: &'a str,
    pub result: &'a str,
    pub requirement: &'a str,
    pub person: Option<Name>,
    pub session: Option<u64>,
    pub target: Option<Name>,
    pub peer: Option<String>,
    pub detail: String,
}

impl<'a> Note<'a> {
    /// A row of this kind about nobody yet.
    pub fn new(category: &'a str, kind: &'a str, result: &'a str, requirement: &'a str) -> Self {
        Self {
            category,
            kind,
            result,
            requirement,
            person: None,
            session: None,
            target: None,
            peer: None,
            detail: String::new(),
        }
    }
}

impl<F> Core<F> {
    pub(super) fn audit(&mut self, note: Note<'_>) {
        self.remember_fault(&note);
        let audit = Audit {
            category: Name::cut(note.category),
            kind: Text::cut(note.kind),
            result: Name::cut(note.result),
            requirement: Name::cut(note.requirement),
            person: note.person,
            session: note.session,
            target: note.target,
            peer: note.peer.map(Text::cut),
            detail: Line::cut(note.detail),
        };
        self.act(Action::ToVault(Request::Write { audit }, None));
    }

    pub(super) fn audit_out_of_turn(&mut self, endpoint: Endpoint, why: &str) {
        let mut note = Note::new("system", "border.out_of_turn", "failed", "SR 3.5");
        note.detail = format!("{endpoint:?}: {why}");
        self.audit(note);
    }
}
