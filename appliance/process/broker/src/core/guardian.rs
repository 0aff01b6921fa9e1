//! The guardian: each other's pulse, the sessions in its table, and whether the box is armed.

use super::audit::Note;
use super::{Action, Core, Endpoint, Fixed, KILL_AFTER_MS, Session};
use border::guardian::{BEAT_MS, Event, LEASE_MS, Order};
use border::{Line, launcher};
use guard::{Hold, LACKS, Standing, State, Trigger};
use session::{Reason, State as Stage};
use std::collections::VecDeque;

/// Notes of the guardian that this broker remembers to have written down.
const NOTES_KEPT: usize = 4_096;
/// Who dies unannounced is taken for cut off if the guardian says so within this time; ms.
pub const DYING_MS: u64 = 100;

/// Whether the guardian would end a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Watched {
    /// It was not asked yet.
    No,
    /// It has not answered yet.
    Asked,
    /// It would.
    Yes,
}

/// What the broker knows of it.
#[derive(Default)]
pub(super) struct Guardian {
    /// As it last said; none before its first word.
    pub state: Option<State>,
    heard_ms: u64,
    /// Its lease has run out, or it is gone: everything was ended for that.
    lost: bool,
    beat_at_ms: u64,
    /// When the vault and the launcher were last heard of.
    vault_heard_ms: u64,
    launcher_heard_ms: u64,
    /// Number and time of the notes that were written down.
    pub written: VecDeque<(u64, i64)>,
    begun: bool,
}

impl Guardian {
    /// Its lease begins with this broker.
    pub fn begins(&mut self, now_ms: u64) {
        if !std::mem::replace(&mut self.begun, true) {
            (self.heard_ms, self.vault_heard_ms, self.launcher_heard_ms) = (now_ms, now_ms, now_ms);
        }
    }

    /// A part said something.
    pub fn heard(&mut self, part: Fixed, now_ms: u64) {
        match part {
            Fixed::Vault => self.vault_heard_ms = now_ms,
            Fixed::Launcher => self.launcher_heard_ms = now_ms,
            Fixed::Guardian => self.heard_ms = now_ms,
            Fixed::Listener | Fixed::Connector => {}
        }
    }

    /// Whether it was not written down yet; it is from now on.
    pub fn is_new(&mut self, number: u64, wall_ms: i64) -> bool {
        let new = !self.written.contains(&(number, wall_ms));
        if new {
            self.written.push_back((number, wall_ms));
            if self.written.len() > NOTES_KEPT {
                self.written.pop_front();
            }
        }
        new
    }
}

impl<F> Core<F> {
    /// Whether it is there, and would end what it is told to.
    pub(super) fn guarded(&self) -> bool {
        self.here.contains(&Fixed::Guardian) && self.guardian.state.is_some() && !self.guardian.lost
    }

    /// Whether the guardian says that OT is up.
    pub(super) fn armed(&self) -> bool {
        self.guarded() && self.guardian.state.is_some_and(|state| state.standing == Standing::Armed)
    }

    pub(super) fn on_guardian(&mut self, event: Event, fds: Vec<F>) {
        match event {
            Event::Hello { state } => match <[F; 1]>::try_from(fds) {
                Ok([lifeline]) => self.guardian_joined(state, lifeline),
                Err(_) => self.audit_out_of_turn(Endpoint::Lifeline, "the guardian came without its lifeline"),
            },
            _ if self.guardian.state.is_none() => {
                self.audit_out_of_turn(Endpoint::Lifeline, "the guardian spoke before it said hello");
            }
            Event::Beat { state } => self.guardian_says(state),
            Event::Watching { session } => self.guarding(session),
            Event::NotWatching { session } => self.not_watching(session),
            Event::Told { number, wall_ms, note } => self.told(number, wall_ms, note),
            Event::Rearmed { ticket } => self.rearmed(ticket),
            Event::NotRearmed { ticket, why } => self.not_rearmed(ticket, why),
        }
    }

    fn guardian_joined(&mut self, state: State, lifeline: F) {
        self.guardian.lost = false;
        self.act(Action::Hold(Endpoint::Lifeline, lifeline));
        self.give_lifeline();
        self.audit(Note::new("system", "guardian.joined", "ok", "SR 7.4"));
        self.guardian.state = Some(state);
        self.guardian.beat_at_ms = self.now.boot_ms;
        if self.adopted() {
            self.guard_all();
        }
        self.guardian_says(state);
    }

    /// The launcher gives each mediator a copy.
    pub(super) fn give_lifeline(&mut self) {
        if self.here.contains(&Fixed::Launcher) && self.held.contains(&Endpoint::Lifeline) {
            self.act(Action::Hand(launcher::Request::Lifeline, vec![Endpoint::Lifeline]));
        }
    }

    /// How it stands. While the box is held nobody works, whoever killed them.
    pub(super) fn guardian_says(&mut self, state: State) {
        self.guardian.state = Some(state);
        if self.guardian.lost {
            self.guardian.lost = false;
            self.audit(Note::new("system", "guardian.back", "ok", "SR 7.4"));
        }
        match state.standing {
            Standing::Armed => {}
            Standing::Held { why } => self.held_now(why, state),
        }
    }

    fn held_now(&mut self, why: Hold, state: State) {
        self.drill_is_held();
        let reason = match why {
            Hold::CutOff | Hold::Slots | Hold::Zone | Hold::PowerLoss | Hold::Reset | Hold::Resets => Reason::CutOff,
            Hold::Overdue => Reason::Overdue,
            Hold::Starting => Reason::GuardianLost,
        };
        let cut_ms = state.report.map_or(state.since_ms, |report| report.boot_ms);
        let words = self.what_holds(why, &state);
        for session in self.sessions.keys().copied().collect::<Vec<_>>() {
            let Some(row) = self.sessions.get_mut(&session) else { continue };
            let exited = row.dying.take().is_some_and(|dying| dying.exited);
            if !matches!(row.life.state(), Stage::Ending | Stage::Ended) {
                self.end_session(session, reason, &words);
            } else if reason == Reason::CutOff && row.ended_by_a_cut_at(cut_ms) {
                row.life.was_cut();
                row.words.clone_from(&words);
            }
            if exited {
                self.session_over(session);
            }
        }
    }

    /// It died, or was silent for too long. The mediators hear of its death by themselves.
    fn guardian_is_lost(&mut self, words: &str) {
        self.guardian.lost = true;
        self.orders_fail("the box's guardian stopped; look at `dinlock cutoff status` in a moment");
        for session in self.sessions.keys().copied().collect::<Vec<_>>() {
            self.end_session(session, Reason::GuardianLost, words);
        }
    }

    /// Its socket closed.
    pub(super) fn guardian_gone(&mut self) {
        self.guardian.state = None;
        self.act(Action::Close(Endpoint::Lifeline));
        self.guardian_is_lost(Reason::GuardianLost.words());
    }

    pub(super) fn guardian_on_time(&mut self) {
        let now = self.now.boot_ms;
        if !self.guardian.lost && now.saturating_sub(self.guardian.heard_ms) >= LEASE_MS {
            let mut note = Note::new("system", "guardian.late", "failed", "SR 7.4");
            note.detail = format!("it was silent for {LEASE_MS} ms: sessions end");
            self.audit(note);
            self.guardian_is_lost("the box's guardian does not answer");
        }
        if self.guarded() && now >= self.guardian.beat_at_ms {
            self.guardian.beat_at_ms = now + BEAT_MS;
            let since = |heard: u64| u32::try_from(now.saturating_sub(heard)).unwrap_or(u32::MAX);
            let beat = Order::Beat {
                ready: self.box_key.is_some() && self.plant.is_some(),
                // A recorder that stalls has its sessions' grace first: their mediators keep it.
                vault_ms: since(self.guardian.vault_heard_ms).saturating_sub(self.recorder_grace_ms()),
                launcher_ms: since(self.guardian.launcher_heard_ms),
                power_loss_holds: self.plant.as_ref().is_some_and(|p| p.cutoff.power_loss == model::PowerLoss::Hold),
            };
            self.act(Action::ToGuardian(beat, Vec::new()));
        }
    }

    /// The longest time for which a living session may outlast a stalled recorder, by its conduit.
    fn recorder_grace_ms(&self) -> u32 {
        let conduits = self.plant.iter().flat_map(|plant| plant.conduits.iter());
        let lives = |id: &model::ConduitId| self.sessions.values().any(|row| row.conduit.as_ref() == Some(id));
        let graces = conduits.filter(|conduit| lives(&conduit.id)).map(|conduit| conduit.recorder_grace_s);
        graces.max().unwrap_or(0).saturating_mul(1_000)
    }

    /// When the pulse wants a `Tick`.
    pub(super) fn pulse_ms(&self) -> Option<u64> {
        let lease = (!self.guardian.lost).then_some(self.guardian.heard_ms + LEASE_MS);
        lease.into_iter().chain(self.guarded().then_some(self.guardian.beat_at_ms)).min()
    }

    /// Everything that lives, to a guardian that may know nothing of it.
    pub(super) fn guard_all(&mut self) {
        for session in self.sessions.keys().copied().collect::<Vec<_>>() {
            self.guard_session(session);
        }
    }

    /// Has the guardian take a session into its table, with the files that kill it and say whether it lives.
    pub(super) fn guard_session(&mut self, session: u64) {
        let known = self.here.contains(&Fixed::Guardian) && self.guardian.state.is_some();
        // What it has not got it can't be asked to end.
        let held = self.held.contains(&Endpoint::SessionKill(session));
        let Some(row) = self.sessions.get_mut(&session).filter(|_| known && held) else { return };
        if row.watched != Watched::Yes {
            row.watched = Watched::Asked;
        }
        let deadline_ms = row.end_ms();
        let ends = vec![Endpoint::SessionKill(session), Endpoint::SessionEvents(session)];
        self.act(Action::ToGuardian(Order::Watch { session, deadline_ms }, ends));
    }

    /// Its end moved.
    pub(super) fn end_moved(&mut self, session: u64) {
        let Some(row) = self.sessions.get(&session).filter(|row| row.watched != Watched::No) else { return };
        let deadline_ms = row.end_ms();
        self.act(Action::ToGuardian(Order::Deadline { session, deadline_ms }, Vec::new()));
    }

    fn guarding(&mut self, session: u64) {
        let Some(row) = self.sessions.get_mut(&session) else { return };
        row.watched = Watched::Yes;
        if let Some(parked) = row.parked.take() {
            self.connect_session(session, parked);
        }
    }

    fn not_watching(&mut self, session: u64) {
        let words = "the box's guardian has no room for one more session; try again when one has ended";
        self.end_session(session, Reason::GuardianLost, words);
        self.session_over(session);
    }

    /// Why nobody is granted anything now: what holds the box, since when, and who can lift it.
    pub(super) fn held_text(&self) -> Option<String> {
        let state = self.guardian.state?;
        let Standing::Held { why } = state.standing else { return None };
        let since_ms = self.now.boot_ms.saturating_sub(state.since_ms);
        let since_ms = self.now.wall_ms.saturating_sub(i64::try_from(since_ms).unwrap_or(0));
        let zone = self.plant.as_ref().map_or("UTC", |plant| plant.box_facts.zone_time.as_str());
        let since = policy::local_words(zone, since_ms);
        Some(format!("{}, since {since}; {}", self.what_holds(why, &state), self.who_lifts(why)))
    }

    fn what_holds(&self, why: Hold, state: &State) -> String {
        match (why, state.report) {
            (Hold::Starting, _) => {
                let lacks = LACKS.iter().filter(|(bit, _)| state.lacks & bit != 0).map(|(_, words)| *words);
                format!("the box is not armed yet: {}", lacks.collect::<Vec<_>>().join("; "))
            }
            (Hold::CutOff, Some(report)) => format!("the box is cut off from its machines by {}", what_triggered(report.trigger)),
            (Hold::CutOff, None) => "the box is cut off from its machines".to_owned(),
            (Hold::Reset, _) => "the box is held: its watchdog reset it".to_owned(),
            (Hold::Resets, _) => "the box is held: its watchdog reset it three times in half an hour".to_owned(),
            (Hold::PowerLoss, _) => "the box is held: it lost power".to_owned(),
            (Hold::Overdue, _) => "the box is held: a session outlived its end".to_owned(),
            (Hold::Slots, _) => "the box is held: its latch can't be read".to_owned(),
            (Hold::Zone, _) => "the box is held: a port or a filter is not as it was set".to_owned(),
        }
    }

    fn who_lifts(&self, why: Hold) -> String {
        let rules = self.plant.as_ref().map_or_else(Default::default, |plant| plant.cutoff);
        let drill = self.guardian.state.and_then(|s| s.report).is_some_and(|r| matches!(r.trigger, Trigger::Drill { .. }));
        if why == Hold::Starting || (drill && self.drills()) {
            return "it lifts itself; try again in a moment".to_owned();
        }
        match (rules.rearm.by_person(), rules.rearm.by_pin()) {
            (true, false) => "an administrator can lift it with `dinlock cutoff rearm`".to_owned(),
            (false, _) => "a person at the box can lift it, with their PIN and the released contact".to_owned(),
            (true, true) => {
                "an administrator can lift it with `dinlock cutoff rearm`, or a person at the box with their PIN".to_owned()
            }
        }
    }

    /// The same for a person of the plant, who need not know by whose hand.
    pub(super) fn admin_of(&self, uid: u32) -> Line {
        self.admin_name(uid).unwrap_or_else(|| Line::cut(format!("uid {uid}, who is no administrator")))
    }
}

/// By what, without anybody's name.
fn what_triggered(trigger: Trigger) -> String {
    match trigger {
        Trigger::Key => "the cut-off key".to_owned(),
        Trigger::Break => "BREAK on its serial console".to_owned(),
        Trigger::Contact { line } => format!("wired contact {line}"),
        Trigger::ContactGone { line } => format!("wired contact {line}, whose line vanished"),
        Trigger::Console => "the key of its console".to_owned(),
        Trigger::Command { .. } | Trigger::Broker { .. } => "an administrator".to_owned(),
        Trigger::Drill { .. } => "a drill".to_owned(),
    }
}

impl<F> Session<F> {
    /// When it ends at the latest, as far as the guardian counts: an ordered end is then now.
    pub(super) fn end_ms(&self) -> u64 {
        self.kill_at_ms.map_or(self.deadline_ms, |kill| self.deadline_ms.min(kill.saturating_sub(KILL_AFTER_MS)))
    }

    /// Whether its end may have followed from a cut-off at this time, and names only what followed.
    fn ended_by_a_cut_at(&self, cut_ms: u64) -> bool {
        let follows = self.life.reason().is_some_and(|reason| match reason {
            Reason::OperatorLeft | Reason::MachineClosed | Reason::NotConnected | Reason::PartDied => true,
            Reason::Deadline | Reason::WindowClosed | Reason::PermissionWithdrawn | Reason::Idle | Reason::EndedByAdmin => false,
            Reason::RecorderLost | Reason::Refused | Reason::NobodyAdmitted | Reason::PeerOutOfTurn | Reason::Overdue | Reason::Tested => false,
            Reason::GuardianLost | Reason::CutOff | Reason::Blocked | Reason::LostInRestart => false,
        });
        follows && self.ending_since_ms >= cut_ms
    }
}
