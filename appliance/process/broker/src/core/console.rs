//! The consoles at the box: what they show, who has unlocked them, and what that person may do there.
//!
//! A PIN never comes here: the console gives it to the vault, who says what came of it.

use super::audit::Note;
use super::{Action, Core, Fixed, Session, access};
use border::console::{Fault, Keeper, Reply, Request, SessionLine, View, WaitingLine, Why};
use border::{Line, Name, vault};
use codec::{Bytes, List};
use model::{Person, PersonId, Plant};
use policy::windows::Zone;
use session::Reason;

/// Faults that a console shows.
const FAULTS_MAX: usize = 4;
/// Sessions that a console shows; the rest is counted.
const SESSIONS_SHOWN_MAX: usize = 32;
/// How a session ended that whoever looks after the box should know of.
const BAD_ENDS: [Reason; 4] = [Reason::RecorderLost, Reason::PartDied, Reason::PeerOutOfTurn, Reason::Overdue];
/// Digits of a PIN.
pub const PIN_DIGITS: std::ops::RangeInclusive<usize> = 6..=12;

/// One console.
#[derive(Debug, Default)]
pub(super) struct Console {
    unlocked: Option<Unlocked>,
    /// Whose PIN the vault checks, under which ticket.
    asked: Option<(u64, PersonId)>,
}

/// Who has unlocked it, and until when if they do nothing; ms of CLOCK_BOOTTIME.
#[derive(Debug)]
struct Unlocked {
    person: PersonId,
    until_ms: u64,
}

fn may_unlock<'p>(plant: &'p Plant, person: &PersonId) -> Option<&'p Person> {
    plant.person(person).filter(|person| person.console)
}

fn name(id: &impl std::fmt::Display) -> Name {
    Name::cut(id.to_string())
}

impl<F> Core<F> {
    pub(super) fn on_console(&mut self, client: u64, request: Request) {
        self.consoles.entry(client).or_default();
        let done = match request {
            Request::Look => {
                let view = self.view(client);
                return self.act(Action::ToConsole(client, Reply::View { view }));
            }
            Request::Unlock { person } => match self.ask_pin(client, &person) {
                Ok(()) => return,
                Err(why) => Err(why),
            },
            Request::Lock => {
                self.lock(client, "by its key");
                Ok(())
            }
            Request::End { session, block } => self.by_keeper(client).and_then(|by| self.end_at_console(session, block, &by)),
            Request::Pause { session } => self.by_keeper(client).and_then(|by| self.freeze_at_console(session, &by, true)),
            Request::Resume { session } => self.by_keeper(client).and_then(|by| self.freeze_at_console(session, &by, false)),
            Request::Admit { session } => self.by_keeper(client).and_then(|by| self.admit(session, &by)),
            Request::Deny { session } => self.by_keeper(client).and_then(|by| self.not_admitted(session, &by)),
            Request::Rearm => self.by_keeper(client).and_then(|_| self.rearm_at_console(client)),
        };
        let reply = done.map_or_else(|why| Reply::Refused { why }, |()| Reply::Done);
        self.act(Action::ToConsole(client, reply));
    }

    pub(super) fn console_gone(&mut self, client: u64) {
        self.lock(client, "it is gone");
        self.consoles.remove(&client);
    }

    /// Who has unlocked this console, as audit rows name them; they stay so for another while.
    fn by_keeper(&mut self, client: u64) -> Result<Line, Why> {
        let until_ms = self.unlocked_until_ms();
        let (Some(plant), Some(console)) = (self.plant.as_ref(), self.consoles.get_mut(&client)) else { return Err(Why::Locked) };
        let unlocked = console.unlocked.as_mut().ok_or(Why::Locked)?;
        // The plant may have changed since.
        if may_unlock(plant, &unlocked.person).is_none() {
            console.unlocked = None;
            return Err(Why::Locked);
        }
        unlocked.until_ms = until_ms;
        Ok(Line::cut(format!("{} at the box's console", unlocked.person)))
    }

    fn unlocked_until_ms(&self) -> u64 {
        let after_s = self.plant.as_ref().map_or(0, |plant| plant.console.lock_after_s);
        self.now.boot_ms.saturating_add(u64::from(after_s) * 1000)
    }

    fn ask_pin(&mut self, client: u64, person: &Name) -> Result<(), Why> {
        if self.box_key.is_none() {
            return Err(Why::Away { part: Name::cut(Fixed::Vault.name()) });
        }
        let id = PersonId::parse(person).map_err(|_| Why::NoPin)?;
        let known = self.plant.as_ref().is_some_and(|plant| may_unlock(plant, &id).is_some());
        if !known {
            return Err(Why::NoPin);
        }
        if self.consoles.get(&client).is_some_and(|console| console.asked.is_some()) {
            return Err(Why::NotNow);
        }
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        if let Some(console) = self.consoles.get_mut(&client) {
            console.asked = Some((ticket, id));
        }
        self.act(Action::AskPin { ticket, person: person.clone(), client });
        Ok(())
    }

    /// The shell calls this when the pair is made.
    pub fn pin_asked(ticket: u64, person: Name, ours: F) -> Action<F> {
        Action::ToVault(vault::Request::OpenPin { ticket, person }, Some(ours))
    }

    pub(super) fn pin_checked(&mut self, ticket: u64, pin: vault::Pin) {
        let asked = |console: &Console| console.asked.as_ref().is_some_and(|(of, _)| *of == ticket);
        let Some((&client, console)) = self.consoles.iter_mut().find(|(_, console)| asked(console)) else { return };
        let Some((_, person)) = console.asked.take() else { return };
        let still = self.plant.as_ref().is_some_and(|plant| may_unlock(plant, &person).is_some());
        let answer = match pin {
            vault::Pin::Right if still => Ok(()),
            vault::Pin::Right | vault::Pin::None => Err(Why::NoPin),
            vault::Pin::Wrong => Err(Why::WrongPin),
            vault::Pin::Wait { seconds } => Err(Why::Wait { seconds }),
            vault::Pin::NotGiven => Err(Why::NotNow),
        };
        let (kind, result, requirement) = match answer {
            Ok(()) => ("console.unlocked", "ok", "SR 1.1"),
            Err(_) => ("console.unlock_refused", "refused", "SR 1.11"),
        };
        let mut note = Note::new("access", kind, result, requirement);
        note.person = Some(name(&person));
        note.detail = format!("PIN {}", pin.name());
        self.audit(note);
        let until_ms = self.unlocked_until_ms();
        if let (Ok(()), Some(console)) = (&answer, self.consoles.get_mut(&client)) {
            console.unlocked = Some(Unlocked { person, until_ms });
        }
        let reply = answer.map_or_else(|why| Reply::Refused { why }, |()| Reply::Done);
        self.act(Action::ToConsole(client, reply));
    }

    /// The vault went before it had checked.
    pub(super) fn pins_unanswered(&mut self) {
        let asked: Vec<u64> = self.consoles.iter_mut().filter_map(|(client, c)| c.asked.take().map(|_| *client)).collect();
        for client in asked {
            let why = Why::Away { part: Name::cut(Fixed::Vault.name()) };
            self.act(Action::ToConsole(client, Reply::Refused { why }));
        }
    }

    fn lock(&mut self, client: u64, why: &str) {
        let Some(unlocked) = self.consoles.get_mut(&client).and_then(|console| console.unlocked.take()) else { return };
        let mut note = Note::new("access", "console.locked", "ok", "SR 2.5");
        note.person = Some(name(&unlocked.person));
        note.detail = why.to_owned();
        self.audit(note);
    }

    pub(super) fn consoles_on_time(&mut self) {
        let now = self.now.boot_ms;
        let idle = |console: &Console| console.unlocked.as_ref().is_some_and(|unlocked| unlocked.until_ms <= now);
        let locked: Vec<u64> = self.consoles.iter().filter(|(_, console)| idle(console)).map(|(client, _)| *client).collect();
        for client in locked {
            self.lock(client, "nothing was done for a while");
        }
    }

    pub(super) fn consoles_wake_ms(&self) -> Option<u64> {
        self.consoles.values().filter_map(|console| console.unlocked.as_ref().map(|unlocked| unlocked.until_ms)).min()
    }

    fn end_at_console(&mut self, session: u64, block: bool, by: &Line) -> Result<(), Why> {
        let row = self.sessions.get(&session).ok_or(Why::NoSession)?;
        if block {
            let person = row.person.clone();
            self.block_at_console(&person, by)?;
        }
        self.end_session(session, Reason::EndedByAdmin, &format!("ended by {by}"));
        Ok(())
    }

    fn freeze_at_console(&mut self, session: u64, by: &Line, pause: bool) -> Result<(), Why> {
        self.freeze(session, by, pause).ok_or(Why::NoSession)?.map_err(|_| Why::NotNow)
    }

    /// A block that lasts until an administrator releases it.
    fn block_at_console(&mut self, person: &Name, by: &Line) -> Result<(), Why> {
        self.block_person(person, by).map_err(|text| Why::Other { text: Line::cut(text) })
    }

    fn rearm_at_console(&mut self, client: u64) -> Result<(), Why> {
        let unlocked = self.consoles.get(&client).and_then(|console| console.unlocked.as_ref());
        let person = unlocked.map(|unlocked| unlocked.person.clone()).ok_or(Why::Locked)?;
        self.rearm_by_pin(&person).map_err(|text| Why::Other { text: Line::cut(text) })
    }

    /// `dinlock person set --pin`.
    pub(super) fn set_pin(&mut self, client: u64, by: &Line, person: Name, pin: Bytes<16>) {
        let known = PersonId::parse(&person).ok();
        let known = known.and_then(|id| self.plant.as_ref().and_then(|plant| plant.person(&id)).map(|person| person.console));
        match known {
            None => return self.refuse(client, &format!("the plant file has no person {person}")),
            Some(false) => return self.refuse(client, &format!("{person} may not unlock the console: write console = true for them")),
            Some(true) => {}
        }
        if !PIN_DIGITS.contains(&pin.len()) || !pin.iter().all(u8::is_ascii_digit) {
            return self.refuse(client, "a PIN has 6 to 12 digits");
        }
        let ticket = self.ticket(client, format!("the PIN of {person} is in the vault"), by, "person.set");
        self.act(Action::ToVault(vault::Request::SetPin { ticket, person, pin }, None));
    }

    /// What goes wrong is remembered for the screen, too.
    pub(super) fn remember_fault(&mut self, note: &Note<'_>) {
        let bad_end = |reason: &Reason| note.detail.starts_with(reason.code());
        let counts = note.result == "failed"
            || matches!(note.kind, "target.host_key_refused" | "cutoff.not_rearmed")
            || (note.kind == "session.ended" && BAD_ENDS.iter().any(bad_end));
        if counts {
            let about = note.target.as_ref().map(|target| format!(" {target}")).unwrap_or_default();
            let text = Line::cut(format!("{}{about}: {}", note.kind, note.detail));
            self.faults.push_front(Fault { wall_ms: self.now.wall_ms, text });
            self.faults.truncate(FAULTS_MAX);
        }
    }

    fn view(&self, client: u64) -> View {
        let plant = self.plant.as_deref();
        let shown = |row: &Session<F>| row.test_for.is_none() && !row.awaits_presence;
        let living: Vec<_> = self.sessions.iter().filter(|(_, row)| shown(row)).collect();
        let more = living.len().saturating_sub(SESSIONS_SHOWN_MAX);
        let sessions = living.into_iter().take(SESSIONS_SHOWN_MAX).map(|(session, row)| self.session_line(*session, row));
        let waiting = self.waiting_rows().take(16).map(|(session, row)| self.waiting_line(session, row));
        let keepers = plant.into_iter().flat_map(|plant| plant.people.iter()).filter(|person| person.console).take(32);
        let keepers = keepers.map(|person| Keeper { person: name(&person.id), name: person.name.clone() });
        let unlocked = self.consoles.get(&client).and_then(|console| console.unlocked.as_ref());
        let zone = plant.and_then(|plant| Zone::named(&plant.box_facts.zone_time).ok());
        View {
            name: plant.map(access::box_name).unwrap_or_default(),
            box_key: self.box_key.unwrap_or_default(),
            wall_ms: self.now.wall_ms,
            utc_offset_s: zone.map_or(0, |zone| i64::from(zone.offset_s(self.now.wall_ms.div_euclid(1000)))),
            sessions: List::new(sessions.collect::<Vec<_>>()).unwrap_or_default(),
            more: u32::try_from(more).unwrap_or(u32::MAX),
            waiting: List::new(waiting.collect::<Vec<_>>()).unwrap_or_default(),
            days_left: self.days_left,
            free_mb: self.free_mb,
            faults: List::new(self.faults.iter().cloned().collect::<Vec<_>>()).unwrap_or_default(),
            keepers: List::new(keepers.collect::<Vec<_>>()).unwrap_or_default(),
            unlocked: unlocked.map(|unlocked| name(&unlocked.person)),
            lock_after_s: plant.map_or(0, |plant| plant.console.lock_after_s),
            language: Name::cut(match plant.map(|plant| plant.console.language) {
                Some(model::Language::German) => "de",
                Some(model::Language::English) | None => "en",
            }),
            person_rearms: plant.is_none_or(|plant| plant.cutoff.rearm.by_person()),
            pin_rearms: plant.is_some_and(|plant| plant.cutoff.rearm.by_pin()),
        }
    }

    fn person_of(&self, row: &Session<F>) -> Option<&Person> {
        self.plant.as_ref()?.person(&access::person_named(&row.person))
    }

    fn session_line(&self, session: u64, row: &Session<F>) -> SessionLine {
        let person = self.person_of(row);
        SessionLine {
            session,
            person: row.person.clone(),
            name: person.map(|p| p.name.clone()).unwrap_or_default(),
            employer: person.map(|p| p.employer.clone()).unwrap_or_default(),
            telephone: person.map(|p| p.telephone.clone()).unwrap_or_default(),
            target: name(&row.target),
            state: Name::cut(row.life.state().name()),
            started_ms: row.started_ms,
            left_ms: row.deadline_ms.saturating_sub(self.now.boot_ms),
            watched_by: row.pace.1.clone(),
            input_per_minute: row.pace.0,
        }
    }

    fn waiting_line(&self, session: u64, row: &Session<F>) -> WaitingLine {
        let person = self.person_of(row);
        WaitingLine {
            session,
            person: row.person.clone(),
            name: person.map(|p| p.name.clone()).unwrap_or_default(),
            employer: person.map(|p| p.employer.clone()).unwrap_or_default(),
            telephone: person.map(|p| p.telephone.clone()).unwrap_or_default(),
            target: name(&row.target),
            left_ms: row.connect_until_ms.saturating_sub(self.now.boot_ms),
        }
    }
}
