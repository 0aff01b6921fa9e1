//! What `dinlock` may ask over the local socket, and what the vault answers to it.

use super::audit::Note;
use super::blocks::Asked;
use super::{Action, Core, Endpoint, Session, Ticket, access};
use border::admin::{Reply, Request, Space};
use border::{Line, Name, mediation, vault};
use codec::{List, Text};
use model::Plant;
use session::Reason;

/// How soon who follows the audit log asks for more, at the latest, in ms.
pub const READS_ON_MS_MAX: u64 = 5_000;
/// Rows of one listing.
const ROWS_MAX: usize = 256;

/// Whether only the vault can do it.
fn needs_vault(request: &Request) -> bool {
    match request {
        Request::Apply | Request::SetSecret { .. } | Request::SetPerson { .. } | Request::Trust { .. } => true,
        Request::SetPin { .. } | Request::Recordings | Request::ExportRecording { .. } | Request::ExportAudit { .. } => true,
        Request::Rearm { .. } | Request::Block { .. } | Request::Release { .. } => true,
        Request::Drill { .. } | Request::Drills | Request::Blocks => false,
        Request::Status | Request::Sessions { .. } | Request::Plant | Request::Test { .. } => false,
        Request::Pause { .. } | Request::Resume { .. } | Request::End { .. } | Request::Watch { .. } => false,
    }
}

impl<F> Core<F> {
    pub(super) fn on_admin(&mut self, client: u64, uid: u32, request: Request, plant: Option<Box<Plant>>) {
        let Some(by) = self.admin_name(uid) else {
            let mut note = Note::new("access", "admin.refused", "refused", "SR 2.1");
            note.detail = format!("uid {uid} asked {}", request.name());
            self.audit(note);
            let text = format!("uid {uid} is no administrator of this box; uid 0 is, and whoever has local_uid and admin = true in the plant file");
            return self.refuse(client, &text);
        };
        if self.box_key.is_none() && needs_vault(&request) {
            return self.refuse(client, "the box starts its vault; ask again in a moment");
        }
        match request {
            Request::Status => self.status(client),
            Request::Sessions { all } => {
                let mut rows = self.session_rows(all);
                let more = rows.len() > ROWS_MAX;
                rows.drain(..rows.len().saturating_sub(ROWS_MAX));
                let rows = List::new(rows).unwrap_or_default();
                self.act(Action::ToAdmin(client, Reply::Sessions { rows, more }, Vec::new()));
            }
            Request::Pause { session } => self.pause(client, session, &by, true),
            Request::Resume { session } => self.pause(client, session, &by, false),
            Request::End { session, why } => self.end_by_admin(client, session, &by, &why),
            Request::Watch { session } => self.watch(client, session, by),
            Request::Apply => self.apply(client, &by, plant),
            Request::Plant => match self.plant.clone() {
                Some(plant) => self.act(Action::ShowPlant(client, plant)),
                None => self.refuse(client, "no plant file was applied yet; `dinlock apply FILE` does it"),
            },
            Request::SetSecret { name, value } => {
                let done = format!("secret {name} is in the vault");
                let ticket = self.ticket(client, done, &by, "secret.set");
                self.act(Action::ToVault(vault::Request::SetSecret { ticket, name, value }, None));
            }
            Request::SetPerson { person, password, totp } => {
                let done = format!("login secrets of {person} are in the vault");
                let ticket = self.ticket(client, done, &by, "person.set");
                self.act(Action::ToVault(vault::Request::SetPerson { ticket, person, password, totp }, None));
            }
            Request::SetPin { person, pin } => self.set_pin(client, &by, person, pin),
            Request::Trust { target, key } => self.trust(client, &by, &target, &key),
            Request::Test { target, account } => self.test(client, &by, &target, &account),
            Request::Recordings => {
                let ticket = self.ticket(client, String::new(), &by, "recording.listed");
                self.act(Action::ToVault(vault::Request::Recordings { ticket }, None));
            }
            Request::ExportRecording { session } => {
                let ticket = self.ticket(client, String::new(), &by, &format!("recording.exported s-{session:06}"));
                self.act(Action::ToVault(vault::Request::ExportRecording { ticket, session }, None));
            }
            Request::ExportAudit { from, to } => {
                let request = if self.reads_on(uid, from, to) {
                    vault::Request::FollowAudit { ticket: self.bare_ticket(client, String::new()), from }
                } else {
                    let ticket = self.ticket(client, String::new(), &by, "audit.exported");
                    vault::Request::ExportAudit { ticket, from, to }
                };
                self.act(Action::ToVault(request, None));
            }
            Request::Rearm { person } => self.rearm_asked(client, &by, &person),
            Request::Drill { cut_live, canary } => self.drill_asked(client, &by, cut_live, canary),
            Request::Drills => self.drill_rows(client),
            Request::Block { whom, until_ms, for_s, why, end_sessions } => {
                self.block(client, &by, Asked { whom, until_ms, for_s, why, end_sessions });
            }
            Request::Blocks => self.block_rows(client),
            Request::Release { block } => self.release(client, &by, block),
        }
    }

    pub(super) fn admin_name(&self, uid: u32) -> Option<Line> {
        if uid == 0 {
            return Some(Line::cut("the local administrator (uid 0)"));
        }
        let plant = self.plant.as_ref()?;
        access::admin_with_uid(plant, uid).map(|id| Line::cut(id.to_string()))
    }

    pub(super) fn refuse(&mut self, client: u64, text: &str) {
        self.act(Action::ToAdmin(client, Reply::Refused { text: Text::cut(text) }, Vec::new()));
    }

    pub(super) fn done(&mut self, client: u64, text: &str) {
        self.act(Action::ToAdmin(client, Reply::Done { text: Line::cut(text) }, Vec::new()));
    }

    fn status(&mut self, client: u64) {
        let Some(box_key) = self.box_key else {
            return self.refuse(client, "the box is starting: its vault is not open yet; ask again in a moment");
        };
        let reply = Reply::Status {
            name: self.plant.as_ref().map(|p| access::box_name(p)).unwrap_or_default(),
            box_key,
            armed: self.armed(),
            sessions: u32::try_from(self.sessions.len()).unwrap_or(u32::MAX),
            taking_sessions: self.plant.is_some() && !self.disk_refuses && self.not_now().is_none(),
            held: Line::cut(self.not_now().unwrap_or_default()),
            space: Space {
                free_mb: self.free_mb,
                warn_below_mb: self.plant.as_ref().map_or(0, |p| p.recording.warn_below_mb),
                refuse_below_mb: self.plant.as_ref().map_or(0, |p| p.recording.refuse_below_mb),
                days_left: self.days_left,
            },
        };
        self.act(Action::ToAdmin(client, reply, Vec::new()));
    }

    fn pause(&mut self, client: u64, session: u64, by: &Line, pause: bool) {
        match self.freeze(session, by, pause) {
            None => self.no_session(client, session),
            Some(Err(not_now)) => self.refuse(client, &not_now.to_string()),
            Some(Ok(())) => self.done(client, &format!("s-{session:06} is {}", if pause { "paused" } else { "live again" })),
        }
    }

    /// Freezes the input of a session, or gives it back; none if there is no such session.
    pub(super) fn freeze(&mut self, session: u64, by: &Line, pause: bool) -> Option<Result<(), session::NotNow>> {
        let row = self.sessions.get_mut(&session)?;
        let step = if pause { row.life.pause() } else { row.life.resume() };
        if step.is_err() {
            return Some(step);
        }
        let by_line = by.clone();
        let (order, kind) = if pause {
            (mediation::Order::Pause { by: by_line }, "session.paused")
        } else {
            (mediation::Order::Resume { by: by_line }, "session.resumed")
        };
        self.act(Action::ToMediator(session, order));
        self.keep(session);
        self.note_session(session, kind, "ok", "SR 2.5", format!("by {by}"));
        Some(Ok(()))
    }

    fn end_by_admin(&mut self, client: u64, session: u64, by: &Line, why: &str) {
        if !self.sessions.contains_key(&session) {
            return self.no_session(client, session);
        }
        let words = if why.is_empty() { format!("ended by {by}") } else { format!("ended by {by}: {why}") };
        self.end_session(session, Reason::EndedByAdmin, &words);
        self.done(client, &format!("s-{session:06} is ending"));
    }

    fn no_session(&mut self, client: u64, session: u64) {
        self.refuse(client, &format!("no living session has the id s-{session:06}; `dinlock session list` shows them"));
    }

    fn watch(&mut self, client: u64, session: u64, by: Line) {
        match self.sessions.get(&session) {
            Some(row) if row.life.is_open() => {
                self.note_session(session, "session.watched", "ok", "SR 6.1", format!("by {by}"));
                self.act(Action::Observe { session, client, by });
            }
            Some(_) => self.refuse(client, "that session is not live"),
            None => self.no_session(client, session),
        }
    }

    /// The shell calls this when the observer's pair is made.
    pub fn watching(client: u64, observer: F) -> Action<F> {
        Action::ToAdmin(client, Reply::Watching, vec![observer])
    }

    fn apply(&mut self, client: u64, by: &Line, plant: Option<Box<Plant>>) {
        let Some(plant) = plant else {
            return self.refuse(client, "the plant did not arrive as a sealed document");
        };
        if let Err(faults) = plant.check() {
            let text: Vec<String> = faults.iter().map(ToString::to_string).collect();
            let mut note = Note::new("configuration", "plant.refused", "refused", "SR 3.5");
            note.detail = format!("by {by}; {}", text.join("; "));
            self.audit(note);
            return self.refuse(client, &text.join("\n"));
        }
        let ticket = self.ticket(client, "applied".into(), by, "plant.applied");
        if let Some(waiting) = self.tickets.get_mut(&ticket) {
            waiting.plant = Some(plant.clone());
        }
        self.act(Action::StorePlant(ticket, plant));
    }

    fn trust(&mut self, client: u64, by: &Line, target: &Name, key: &border::KeyLine) {
        // Built on a plant that is about to be replaced, it would bring that one back.
        if self.tickets.values().any(|waiting| waiting.plant.is_some()) {
            return self.refuse(client, "another change of the plant is being stored; ask again in a moment");
        }
        let changed = self.plant.as_ref().and_then(|plant| access::with_host_key(plant, target, key));
        match changed {
            Some(plant) => self.apply(client, by, Some(Box::new(plant))),
            None => self.refuse(client, &format!("no target {target}, or the key is not one OpenSSH public-key line")),
        }
    }

    fn test(&mut self, client: u64, by: &Line, target: &Name, account: &Name) {
        if let Some(why) = self.not_now() {
            return self.refuse(client, &why);
        }
        let found = self.plant.as_ref().and_then(|plant| access::account(plant, target, account));
        let Some((target, account)) = found else {
            return self.refuse(client, &format!("no target {target} with such an account; `dinlock target list` shows them"));
        };
        let session = self.next_session;
        self.next_session += 1;
        let row = Session { test_for: Some(client), ..Session::new(Name::cut("dinlock"), &target, &account, self.now) };
        self.sessions.insert(session, row);
        self.note_session(session, "target.tested", "ok", "SR 3.3", format!("by {by}"));
        self.start_session(session);
    }

    pub(super) fn test_done(&mut self, session: u64, client: u64, ok: bool) {
        let Some(row) = self.sessions.get_mut(&session) else { return };
        row.life.end(Reason::Tested);
        let mut steps: Vec<Line> = row.steps.iter().map(|s| Line::cut(s.clone())).collect();
        if !ok && steps.is_empty() {
            steps.push(Line::cut(row.words.clone()));
        }
        let steps = List::new(steps).unwrap_or_default();
        self.act(Action::ToAdmin(client, Reply::Tested { steps, ok }, Vec::new()));
        if let Some(row) = self.sessions.get_mut(&session) {
            row.kill_at_ms = Some(self.now.boot_ms);
        }
    }

    /// Whether this only goes on with a reading that was begun, and written down, a moment ago: who
    /// follows the log would otherwise read of nothing but their own reading.
    fn reads_on(&mut self, uid: u32, from: u64, to: u64) -> bool {
        let now = self.now.boot_ms;
        let before = self.readings.insert(uid, (from, now));
        to == u64::MAX && before.is_some_and(|(earlier, at)| from > 1 && from >= earlier && now - at <= READS_ON_MS_MAX)
    }

    pub(super) fn bare_ticket(&mut self, client: u64, done: String) -> u64 {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.tickets.insert(ticket, Ticket { client, done, plant: None, released: None, failed: String::new() });
        ticket
    }

    pub(super) fn ticket(&mut self, client: u64, done: String, by: &Line, kind: &str) -> u64 {
        let ticket = self.bare_ticket(client, done.clone());
        let category = if kind.starts_with("audit") || kind.starts_with("recording") { "audit" } else { "configuration" };
        let mut note = Note::new(category, kind, "ok", "SR 2.8");
        note.detail = format!("by {by}; {done}");
        self.audit(note);
        ticket
    }

    pub(super) fn on_vault(&mut self, event: vault::Event, fds: Vec<F>) {
        match event {
            vault::Event::Ready { box_key, plant: _, next_session } => {
                self.box_key = Some(box_key);
                self.vault_ready(next_session);
            }
            vault::Event::Checked { worker, person, password, code, why } => {
                self.checked(worker, &person, password, code, &why);
            }
            vault::Event::FrontOutOfTurn { worker, why } => {
                self.audit_out_of_turn(Endpoint::Front(worker), &why);
                self.front_gone(worker);
            }
            vault::Event::PinChecked { ticket, pin } => self.pin_checked(ticket, pin),
            vault::Event::RecordingOpen { session: _ } => {}
            vault::Event::RecordingFailed { session, why } => {
                self.end_session(session, Reason::RecorderLost, &format!("its recording could not be kept: {why}"));
            }
            vault::Event::Done { ticket } => {
                if let Some(waiting) = self.tickets.remove(&ticket) {
                    if let Some(plant) = waiting.plant {
                        self.plant = Some(plant);
                    }
                    if let Some((id, by)) = waiting.released {
                        self.released(id, &by);
                    }
                    self.done(waiting.client, &waiting.done);
                }
            }
            vault::Event::Failed { ticket, why } => {
                if let Some(waiting) = self.tickets.remove(&ticket) {
                    let meaning = if waiting.failed.is_empty() { String::new() } else { format!("{}: ", waiting.failed) };
                    self.refuse(waiting.client, &format!("{meaning}{why}"));
                }
            }
            vault::Event::Beat | vault::Event::Blocks => {}
            vault::Event::Document { ticket } => {
                if let Some(waiting) = self.tickets.remove(&ticket) {
                    self.act(Action::ToAdmin(waiting.client, Reply::Document, fds));
                }
            }
            vault::Event::Disk { free_mb, refuse, days_left } => {
                if refuse != self.disk_refuses {
                    let kind = if refuse { "disk.refusing_sessions" } else { "disk.taking_sessions" };
                    let mut note = Note::new("system", kind, "ok", "SR 2.9");
                    note.detail = format!("{free_mb} MB free");
                    self.audit(note);
                }
                self.free_mb = free_mb;
                self.days_left = days_left;
                self.disk_refuses = refuse;
            }
        }
    }
}
