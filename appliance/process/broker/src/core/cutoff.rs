//! Lifting a hold, and drills of the cut-off (NERC CIP-005-7 R3.2: the control is exercised, and recorded).

use super::audit::Note;
use super::notes::DRILL;
use super::{Action, Core, access, notes};
use border::admin::{DrillRow, Reply};
use border::guardian::Order;
use border::{Line, Name};
use codec::{List, Text};
use guard::{LACKS, RearmRefusal, Report};
use model::{DrillTime, Login, PersonId};
use policy::windows::{Opening, Window, Zone, opening};
use std::collections::{BTreeMap, VecDeque};

/// How long a person may take to type what they are asked for; ms.
const CHECK_MS_MAX: u64 = 120_000;
/// How long a drill may take until the box is as it was; ms.
const DRILL_MS_MAX: u64 = 20_000;
/// How long the guardian may take to lay the zones again; ms.
const REARM_MS_MAX: u64 = 30_000;
/// A weekly drill may begin within so many minutes.
const DRILL_WINDOW_MINUTES: u16 = 60;
/// How often the broker looks whether it is time for one; ms.
const DRILL_LOOK_MS: u64 = 10_000;
/// Drills that are listed.
const DRILLS_KEPT: usize = 32;
/// Orders of which the guardian may still speak.
const ORDERED_KEPT: usize = 64;

/// Who is being checked, for whom.
struct Check {
    client: u64,
    by: Line,
    person: PersonId,
    until_ms: u64,
}

/// Who ordered something of the guardian.
pub(super) struct Ordered {
    pub words: String,
    pub person: Option<Name>,
}

/// A drill that goes on.
struct Drill {
    ticket: u64,
    /// None: it was its time.
    client: Option<u64>,
    by: Line,
    until_ms: u64,
    /// The guardian said that the box is held.
    held: bool,
    ended: u32,
    refused: u32,
}

/// The weekly drill.
#[derive(Default)]
struct Weekly {
    look_at_ms: u64,
    /// The window that is open closes then, Unix s; none while it is closed.
    closes_s: Option<i64>,
    /// It was run in this window.
    done: bool,
}

/// All of it.
#[derive(Default)]
pub(super) struct Cutoff {
    checks: BTreeMap<u64, Check>,
    /// Whom the guardian's answer is for, and until when it is awaited.
    rearms: BTreeMap<u64, (Option<u64>, u64)>,
    pub ordered: BTreeMap<u64, Ordered>,
    drill: Option<Drill>,
    drills: VecDeque<DrillRow>,
    weekly: Weekly,
}

fn refusal(why: RearmRefusal) -> String {
    match why {
        RearmRefusal::Armed => "the box is armed already".to_owned(),
        RearmRefusal::ContactOpen => "a wired contact is open or its line is gone: release it, or mend its wire".to_owned(),
        RearmRefusal::NoContact => "the plant file wants a wired contact, released, and there is none".to_owned(),
        RearmRefusal::CutOffGoesOn => "the cut-off is not over: something of it was not read back yet; see `dinlock cutoff status`".to_owned(),
        RearmRefusal::Lacks { what } => {
            let words: Vec<_> = LACKS.iter().filter(|(bit, _)| what & bit != 0).map(|(_, words)| *words).collect();
            if words.is_empty() {
                // Starving, stopping, a session that has not died yet, or a drill of a box that is not armed.
                return "the guardian is not done with what went before; see `dinlock cutoff status`, and try again in a moment".to_owned();
            }
            format!("the self-check does not pass: {}", words.join("; "))
        }
        RearmRefusal::Zones => "the zones could not be laid again: see the box's log".to_owned(),
        RearmRefusal::NotDurable => "it could not be made durable: see the box's log, the latch's disk".to_owned(),
        RearmRefusal::CutAgain => "the box was cut off again meanwhile".to_owned(),
    }
}

impl<F> Core<F> {
    /// Who ordered what the guardian names by this ticket.
    pub(super) fn who_ordered(&self, ticket: u64) -> String {
        let known = self.cutoff.ordered.get(&ticket).map(|ordered| ordered.words.clone());
        known.unwrap_or_else(|| format!("order {ticket} of a broker before this one"))
    }

    fn order(&mut self, words: String, person: Option<Name>) -> u64 {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.cutoff.ordered.insert(ticket, Ordered { words, person });
        while self.cutoff.ordered.len() > ORDERED_KEPT {
            self.cutoff.ordered.pop_first();
        }
        ticket
    }

    /// An administrator wants the hold lifted, in the name of this person, who is asked for their secrets.
    pub(super) fn rearm_asked(&mut self, client: u64, by: &Line, person: &Name) {
        if let Err(why) = self.may_rearm(person) {
            let mut note = Note::new("access", "cutoff.rearm_refused", "refused", "SR 2.1");
            note.person = Some(person.clone());
            note.detail = format!("asked by {by}: {why}");
            self.audit(note);
            return self.refuse(client, &why);
        }
        let known = self.plant.as_ref().and_then(|plant| access::person(plant, person));
        let Some((id, login)) = known.map(|p| (access::person_id(p), access::login(p))) else { return };
        let worker = self.next_worker;
        self.next_worker += 1;
        let until_ms = self.now.boot_ms + CHECK_MS_MAX;
        self.cutoff.checks.insert(worker, Check { client, by: by.clone(), person: id, until_ms });
        let (password, code) = (login == Login::PasswordTotp, true);
        self.act(Action::Check { client, worker, person: person.clone(), password, code });
    }

    fn may_rearm(&self, person: &Name) -> Result<(), String> {
        if !self.guarded() {
            return Err("the box starts its guardian again; ask again in a moment".to_owned());
        }
        if self.armed() {
            return Err(refusal(RearmRefusal::Armed));
        }
        let Some(plant) = self.plant.as_ref() else {
            return Err("no plant file was applied yet; `dinlock apply FILE` does it".to_owned());
        };
        if !plant.cutoff.rearm.by_person() {
            return Err("the plant file has the hold lifted at the box: with a PIN and the released contact".to_owned());
        }
        match access::person(plant, person).map(access::login) {
            None => Err(format!("no person {person} in the plant file; `dinlock person list` shows them")),
            Some(Login::Key) => {
                Err(format!("{person} logs in by key alone; who lifts a hold needs a second factor: name somebody who has one"))
            }
            Some(Login::KeyTotp | Login::PasswordTotp) => Ok(()),
        }
    }

    /// The vault's verdict, if it is one of these; whether it was.
    pub(super) fn rearm_checked(&mut self, worker: u64, password: bool, code: bool, why: &str) -> bool {
        let Some(check) = self.cutoff.checks.remove(&worker) else { return false };
        let person = Name::cut(check.person.to_string());
        let login = self.plant.as_ref().and_then(|p| access::person(p, &person)).map(access::login);
        let right = match login {
            Some(Login::KeyTotp) => code,
            Some(Login::PasswordTotp) => password && code,
            Some(Login::Key) | None => false,
        };
        let (kind, result) = if right { ("cutoff.rearm_ordered", "ok") } else { ("cutoff.rearm_refused", "refused") };
        let mut note = Note::new("access", kind, result, if right { "SR 2.1" } else { "SR 1.11" });
        note.person = Some(person.clone());
        note.detail = if right { format!("asked by {}", check.by) } else { format!("asked by {}: {why}", check.by) };
        self.audit(note);
        if !right {
            let why = if why.is_empty() { "what was typed is not right" } else { why };
            self.refuse(check.client, &format!("{why}; the box stays as it is"));
        } else if !self.guarded() {
            self.refuse(check.client, "the box starts its guardian again; ask again in a moment");
        } else {
            let ticket = self.order(format!("{person}, asked by {}", check.by), Some(person));
            self.cutoff.rearms.insert(ticket, (Some(check.client), self.now.boot_ms + REARM_MS_MAX));
            self.act(Action::ToGuardian(Order::Rearm { ticket, contact: false }, Vec::new()));
        }
        true
    }

    /// Somebody at the box, whose PIN the vault has just found right, lifts the hold. The guardian wants its
    /// wired contact, released, too. The console's screen shows what comes of it.
    ///
    /// # Errors
    /// Why not, and who can.
    pub(super) fn rearm_by_pin(&mut self, person: &PersonId) -> Result<(), String> {
        if !self.guarded() {
            return Err("the box starts its guardian again; try again in a moment".to_owned());
        }
        if self.armed() {
            return Err(refusal(RearmRefusal::Armed));
        }
        if !self.plant.as_ref().is_some_and(|plant| plant.cutoff.rearm.by_pin()) {
            return Err("the plant file has the hold lifted by an administrator: `dinlock cutoff rearm`".to_owned());
        }
        let person = Name::cut(person.to_string());
        let mut note = Note::new("access", "cutoff.rearm_ordered", "ok", "SR 2.1");
        note.person = Some(person.clone());
        note.detail = "by PIN, at the box".to_owned();
        self.audit(note);
        let ticket = self.order(format!("{person}, by PIN at the box"), Some(person));
        self.cutoff.rearms.insert(ticket, (None, self.now.boot_ms + REARM_MS_MAX));
        self.act(Action::ToGuardian(Order::Rearm { ticket, contact: true }, Vec::new()));
        Ok(())
    }

    pub(super) fn rearmed(&mut self, ticket: u64) {
        if let Some((Some(client), _)) = self.cutoff.rearms.remove(&ticket) {
            let words = format!("the box is armed again, by {}", self.who_ordered(ticket));
            self.done(client, &words);
        }
    }

    pub(super) fn not_rearmed(&mut self, ticket: u64, why: RearmRefusal) {
        let Some((client, _)) = self.cutoff.rearms.remove(&ticket) else { return };
        let mut note = Note::new("access", "cutoff.not_rearmed", "refused", "SR 2.6");
        note.person = self.cutoff.ordered.get(&ticket).and_then(|ordered| ordered.person.clone());
        note.detail = refusal(why);
        self.audit(note);
        if let Some(client) = client {
            self.refuse(client, &format!("the box was not armed: {}", refusal(why)));
        }
    }

    /// Whether a drill goes on.
    pub(super) fn drills(&self) -> bool {
        self.cutoff.drill.is_some()
    }

    /// An administrator wants a drill.
    pub(super) fn drill_asked(&mut self, client: u64, by: &Line, cut_live: bool, canary: Option<u64>) {
        match self.may_drill(cut_live, canary) {
            Ok(()) => self.begin_drill(Some(client), by.clone()),
            Err(why) => self.refuse(client, &why),
        }
    }

    fn may_drill(&self, cut_live: bool, canary: Option<u64>) -> Result<(), String> {
        if !self.armed() {
            let why = self.held_text().unwrap_or_else(|| "the box starts its guardian again".to_owned());
            return Err(format!("a drill begins with an armed box: {why}"));
        }
        if self.drills() {
            return Err("a drill goes on already".to_owned());
        }
        let others: Vec<u64> = self.sessions.keys().copied().filter(|session| Some(*session) != canary).collect();
        if !cut_live && let Some(first) = others.first() {
            let text = format!(
                "{} sessions live, as s-{first:06}: a drill would end them; wait, or give `--cut-live`, or `--canary ID` where only that one lives",
                others.len()
            );
            return Err(text);
        }
        match canary {
            Some(canary) if !self.sessions.contains_key(&canary) => Err(format!("no living session has the id s-{canary:06}")),
            Some(_) | None => Ok(()),
        }
    }

    fn begin_drill(&mut self, client: Option<u64>, by: Line) {
        let ticket = self.order(by.to_string(), None);
        let mut note = Note::new("session", "cutoff.drill_ordered", "ok", DRILL);
        note.detail = format!("by {by}");
        self.audit(note);
        let until_ms = self.now.boot_ms + DRILL_MS_MAX;
        self.cutoff.drill = Some(Drill { ticket, client, by, until_ms, held: false, ended: 0, refused: 0 });
        self.act(Action::ToGuardian(Order::Drill { ticket }, Vec::new()));
    }

    /// The box is held: during a drill the broker tries by its own way whether it would let somebody in.
    pub(super) fn drill_is_held(&mut self) {
        let first = self.cutoff.drill.as_mut().is_some_and(|drill| !std::mem::replace(&mut drill.held, true));
        if first && self.not_now().is_some() {
            self.drill_refused();
        }
    }

    /// Somebody was refused.
    pub(super) fn drill_refused(&mut self) {
        if let Some(drill) = self.cutoff.drill.as_mut().filter(|drill| drill.held) {
            drill.refused += 1;
        }
    }

    /// A session was ended by a cut-off.
    pub(super) fn drill_ended_one(&mut self) {
        if let Some(drill) = self.cutoff.drill.as_mut() {
            drill.ended += 1;
        }
    }

    /// The guardian is back from it.
    pub(super) fn drilled(&mut self, report: Report) {
        let ours = self.cutoff.drill.take_if(|drill| report.trigger == guard::Trigger::Drill { ticket: drill.ticket });
        let Some(drill) = ours else { return };
        let sessions = u32::from(report.sessions);
        let Drill { client, by, ended, refused, .. } = drill;
        let row = DrillRow { wall_ms: report.wall_ms, by, sessions, ended, refused, steps: report.steps };
        let mut note = Note::new("session", "cutoff.drilled", "ok", DRILL);
        note.detail = format!(
            "by {}; {sessions} sessions found, {ended} ended; {refused} reconnects refused; {}",
            row.by, notes::steps_text(&row.steps)
        );
        self.audit(note);
        self.cutoff.drills.push_back(row.clone());
        if self.cutoff.drills.len() > DRILLS_KEPT {
            self.cutoff.drills.pop_front();
        }
        if let Some(client) = client {
            self.act(Action::ToAdmin(client, Reply::Drilled { drill: row }, Vec::new()));
        }
    }

    pub(super) fn drill_rows(&mut self, client: u64) {
        let rows = List::new(self.cutoff.drills.iter().cloned().collect::<Vec<_>>()).unwrap_or_default();
        self.act(Action::ToAdmin(client, Reply::Drills { rows }, Vec::new()));
    }

    /// The guardian answers none of it any more.
    pub(super) fn orders_fail(&mut self, words: &str) {
        for (client, _) in std::mem::take(&mut self.cutoff.rearms).into_values() {
            if let Some(client) = client {
                self.refuse(client, words);
            }
        }
        self.drill_fails(words);
    }

    fn drill_fails(&mut self, words: &str) {
        let Some(drill) = self.cutoff.drill.take() else { return };
        let mut note = Note::new("session", "cutoff.drill_failed", "failed", DRILL);
        note.detail = format!("by {}; {words}", drill.by);
        self.audit(note);
        if let Some(client) = drill.client {
            self.refuse(client, words);
        }
    }

    /// The vault checks nobody any more.
    pub(super) fn checks_fail(&mut self) {
        for check in std::mem::take(&mut self.cutoff.checks).into_values() {
            self.refuse(check.client, "the vault stopped before it answered, and is started again; ask again in a moment");
        }
    }

    pub(super) fn cutoff_on_time(&mut self) {
        let now = self.now.boot_ms;
        let late: Vec<u64> = self.cutoff.checks.iter().filter(|(_, c)| c.until_ms <= now).map(|(worker, _)| *worker).collect();
        for check in late.into_iter().filter_map(|worker| self.cutoff.checks.remove(&worker)).collect::<Vec<_>>() {
            self.refuse(check.client, "nothing was typed for two minutes; the box stays as it is");
        }
        let late: Vec<u64> = self.cutoff.rearms.iter().filter(|(_, r)| r.1 <= now).map(|(ticket, _)| *ticket).collect();
        for (client, _) in late.into_iter().filter_map(|ticket| self.cutoff.rearms.remove(&ticket)).collect::<Vec<_>>() {
            if let Some(client) = client {
                self.refuse(client, "the guardian has not answered; look at `dinlock cutoff status`");
            }
        }
        if self.cutoff.drill.as_ref().is_some_and(|drill| drill.until_ms <= now) {
            let stands = self.held_text().unwrap_or_else(|| "the box is armed".to_owned());
            self.drill_fails(&format!("the drill did not come to its end; {stands}"));
        }
        if self.cutoff.weekly.look_at_ms <= now {
            self.cutoff.weekly.look_at_ms = now + DRILL_LOOK_MS;
            self.weekly_drill();
        }
    }

    /// When it wants a `Tick`.
    pub(super) fn cutoff_wake_ms(&self) -> Option<u64> {
        let checks = self.cutoff.checks.values().map(|check| check.until_ms);
        let rearms = self.cutoff.rearms.values().map(|(_, until_ms)| *until_ms);
        let weekly = self.plant.as_ref().and_then(|plant| plant.cutoff.drill).map(|_| self.cutoff.weekly.look_at_ms);
        checks.chain(rearms).chain(self.cutoff.drill.as_ref().map(|drill| drill.until_ms)).chain(weekly).min()
    }

    /// Once in its window, when nobody is in; else it is written down that it was put off.
    fn weekly_drill(&mut self) {
        let Some(plant) = self.plant.as_ref() else { return };
        let Some(at) = plant.cutoff.drill else {
            self.cutoff.weekly.closes_s = None;
            return;
        };
        let closes_s = window_closes_s(at, &plant.box_facts.zone_time, self.now.wall_ms);
        let weekly = &mut self.cutoff.weekly;
        let closed = weekly.closes_s.is_some() && weekly.closes_s != closes_s;
        let put_off = closed && !weekly.done;
        if closed || weekly.closes_s.is_none() {
            weekly.done = false;
        }
        weekly.closes_s = closes_s;
        if put_off {
            let mut note = Note::new("session", "cutoff.drill_put_off", "failed", DRILL);
            note.detail = "nobody was out, or the box was held, for the whole of its hour; `dinlock cutoff drill` runs it".to_owned();
            self.audit(note);
        }
        let Some(closes_s) = closes_s else { return };
        // A broker before this one may have run it.
        let begins_ms = closes_s.saturating_sub(i64::from(DRILL_WINDOW_MINUTES) * 60).saturating_mul(1000);
        let last = self.guardian.state.and_then(|state| state.report);
        let ran = last.is_some_and(|r| matches!(r.trigger, guard::Trigger::Drill { .. }) && r.wall_ms >= begins_ms);
        self.cutoff.weekly.done |= ran;
        if !self.cutoff.weekly.done && self.may_drill(false, None).is_ok() {
            self.cutoff.weekly.done = true;
            self.begin_drill(None, Text::cut("the plant file: it was its time"));
        }
    }
}

/// When the window that is open now closes, Unix s; none while it is closed.
fn window_closes_s(at: DrillTime, zone: &str, wall_ms: i64) -> Option<i64> {
    let to_minute = (at.minute + DRILL_WINDOW_MINUTES) % 1440;
    let window = Window::new(1 << at.day.min(6), at.minute, to_minute).ok()?;
    match opening(&[window], &Zone::named(zone).ok()?, wall_ms.div_euclid(1000)) {
        Opening::Open { ends_s } => ends_s,
        Opening::Closed { .. } => None,
    }
}
