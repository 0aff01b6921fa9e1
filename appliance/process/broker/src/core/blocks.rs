//! Blocks: whom an administrator keeps out, until a time or until it is released (NERC CIP-005-7 R3.2).
//!
//! One holds from the moment in which it is made, and is stored by the vault; one is lifted only once that
//! is stored.

use super::audit::Note;
use super::{Action, Core, access};
use border::admin::{BLOCKS_MAX, BlockRow, Reply, Whom};
use border::{Line, Name};
use codec::{List, Text};
use model::{Block, Blocks, PersonId, Scope, TargetId};
use session::{Reason, State};

const _: () = assert!(BLOCKS_MAX == model::BLOCKS_MAX, "all that stand fit into one listing");

/// No `dinlock` has this number: whoever asked at a console sees what came of it on its screen.
const NOBODY: u64 = 0;

/// What an administrator asks for.
pub(super) struct Asked {
    pub whom: Whom,
    pub until_ms: Option<i64>,
    pub for_s: Option<u32>,
    pub why: Line,
    pub end_sessions: bool,
}

fn whom(scope: &Scope) -> Whom {
    match scope {
        Scope::Person { person } => Whom::Person { person: Name::cut(person.as_str()) },
        Scope::Employer { employer } => Whom::Employer { employer: employer.clone() },
        Scope::Target { target } => Whom::Target { target: Name::cut(target.as_str()) },
        Scope::All => Whom::All,
    }
}

impl<F> Core<F> {
    /// As the vault has them; those that this broker knows already are as new.
    pub(super) fn blocks_stored(&mut self, blocks: Blocks) {
        if self.blocks.next == 0 {
            let (wall_ms, boot_ms) = (self.now.wall_ms, self.now.boot_ms);
            let standing = blocks.list.into_vec().into_iter().filter(|block| !block.over(wall_ms, boot_ms));
            self.blocks = Blocks { list: List::new(standing.collect::<Vec<_>>()).unwrap_or_default(), next: blocks.next };
        }
    }

    /// An administrator keeps somebody out.
    pub(super) fn block(&mut self, client: u64, by: &Line, asked: Asked) {
        match self.make_block(by, &asked) {
            Ok(done) => self.store_blocks(Some(client), done),
            Err(why) => self.refuse(client, &why),
        }
    }

    /// Somebody at the box keeps a person out until an administrator releases them.
    ///
    /// # Errors
    /// Why not.
    pub(super) fn block_person(&mut self, person: &Name, by: &Line) -> Result<(), String> {
        let whom = Whom::Person { person: person.clone() };
        let why = Line::cut("at the box's console");
        let done = self.make_block(by, &Asked { whom, until_ms: None, for_s: None, why, end_sessions: false })?;
        self.store_blocks(None, done);
        Ok(())
    }

    /// It holds from now on; the words that say so.
    fn make_block(&mut self, by: &Line, asked: &Asked) -> Result<String, String> {
        let (scope, until_ms) = (self.scope(&asked.whom)?, self.until(asked)?);
        let id = self.blocks.next.max(1);
        let (made_ms, made_boot_ms) = (self.now.wall_ms, self.now.boot_ms);
        let block = Block { id, scope, until_ms, made_ms, made_boot_ms, by: by.clone(), why: asked.why.clone() };
        let mut list = self.blocks.list.clone().into_vec();
        list.push(block.clone());
        let Ok(list) = List::new(list) else {
            let text = format!("{BLOCKS_MAX} blocks stand; `dinlock block release ID` lifts one, or block the employer or everybody");
            return Err(text);
        };
        self.blocks = Blocks { list, next: id + 1 };
        let until = self.until_words(until_ms);
        let mut note = Note::new("policy", "block.added", "ok", "CIP-005-7 R3.2");
        note.detail = format!("block {id}: {} {until}, by {by}: {}", block.scope, block.why);
        self.audit(note);
        let ended = if asked.end_sessions { self.end_blocked(&block) } else { 0 };
        let ends = if ended > 0 { format!("; {ended} sessions end") } else { String::new() };
        Ok(format!("block {id}: {} {until}{ends}; `dinlock block release {id}` lifts it", block.scope))
    }

    fn store_blocks(&mut self, client: Option<u64>, done: String) {
        let ticket = self.bare_ticket(client.unwrap_or(NOBODY), done);
        if let Some(waiting) = self.tickets.get_mut(&ticket) {
            waiting.failed = "it holds now, but could not be stored, and is lost when the box starts again".to_owned();
        }
        self.act(Action::StoreBlocks(ticket, Box::new(self.blocks.clone())));
    }

    fn until_words(&self, until_ms: Option<i64>) -> String {
        let zone = self.plant.as_ref().map_or("UTC", |plant| plant.box_facts.zone_time.as_str());
        until_ms.map_or_else(|| "until it is released".to_owned(), |at| format!("until {}", policy::local_words(zone, at)))
    }

    fn until(&self, asked: &Asked) -> Result<Option<i64>, String> {
        let until_ms = match (asked.until_ms, asked.for_s) {
            (Some(until_ms), _) => Some(until_ms),
            (None, Some(for_s)) => Some(self.now.wall_ms.saturating_add(i64::from(for_s) * 1000)),
            (None, None) => None,
        };
        match until_ms {
            Some(at) if at <= self.now.wall_ms => Err("that time is past; name one that comes, or none".to_owned()),
            Some(_) | None => Ok(until_ms),
        }
    }

    fn scope(&self, whom: &Whom) -> Result<Scope, String> {
        let plant = self.plant.as_ref().ok_or("no plant file was applied yet; `dinlock apply FILE` does it")?;
        let of_session = |session: &u64| {
            let words = || format!("no living session has the id s-{session:06}; `dinlock session list` shows them");
            self.sessions.get(session).ok_or_else(words)
        };
        let known = |name: &str| {
            let words = || format!("no person {name} in the plant file; `dinlock person list` shows them");
            access::person(plant, name).ok_or_else(words)
        };
        match whom {
            Whom::Person { person } => Ok(Scope::Person { person: access::person_id(known(person)?) }),
            Whom::PersonOf { session } => {
                let person = PersonId::parse(&of_session(session)?.person).map_err(|e| e.to_string())?;
                Ok(Scope::Person { person })
            }
            Whom::EmployerOf { session } => {
                let employer = known(&of_session(session)?.person)?.employer.clone();
                if employer.is_empty() {
                    return Err("the plant file names no employer of theirs; block the person".to_owned());
                }
                Ok(Scope::Employer { employer })
            }
            Whom::Employer { employer } => {
                let somebody = plant.people.iter().any(|person| person.employer == *employer);
                let words = || format!("nobody in the plant file has the employer {employer:?}; `dinlock person list` shows them");
                somebody.then(|| Scope::Employer { employer: employer.clone() }).ok_or_else(words)
            }
            Whom::Target { target } => {
                let found = TargetId::parse(target).ok().filter(|id| plant.target(id).is_some());
                let words = || format!("no target {target} in the plant file; `dinlock target list` shows them");
                found.map(|target| Scope::Target { target }).ok_or_else(words)
            }
            Whom::TargetOf { session } => Ok(Scope::Target { target: of_session(session)?.target.clone() }),
            Whom::All => Ok(Scope::All),
        }
    }

    /// Ends whom it covers; how many.
    fn end_blocked(&mut self, block: &Block) -> usize {
        let Some(plant) = self.plant.as_ref() else { return 0 };
        let covered: Vec<u64> = self
            .sessions
            .iter()
            .filter(|(_, row)| row.test_for.is_none() && !matches!(row.life.state(), State::Ending | State::Ended))
            .filter(|(_, row)| match access::person(plant, &row.person) {
                Some(person) => block.scope.covers(person, &row.target),
                None => block.scope == Scope::All,
            })
            .map(|(session, _)| *session)
            .collect();
        for session in &covered {
            self.end_session(*session, Reason::Blocked, &format!("an administrator ended it and blocked {}", block.scope));
        }
        covered.len()
    }

    pub(super) fn block_rows(&mut self, client: u64) {
        let row = |block: &Block| BlockRow {
            block: block.id,
            whom: whom(&block.scope),
            until_ms: block.until_ms,
            made_ms: block.made_ms,
            by: block.by.clone(),
            why: block.why.clone(),
        };
        let rows = List::new(self.blocks.list.iter().map(row).collect::<Vec<_>>()).unwrap_or_default();
        self.act(Action::ToAdmin(client, Reply::Blocks { rows }, Vec::new()));
    }

    /// Lets them in again, once that is stored.
    pub(super) fn release(&mut self, client: u64, by: &Line, id: u64) {
        let Some(block) = self.blocks.list.iter().find(|block| block.id == id) else {
            return self.refuse(client, &format!("no block {id} stands; `dinlock block list` shows them"));
        };
        let scope = block.scope.to_string();
        let rest: Vec<Block> = self.blocks.list.iter().filter(|block| block.id != id).cloned().collect();
        let rest = Blocks { list: List::new(rest).unwrap_or_default(), next: self.blocks.next };
        let ticket = self.bare_ticket(client, format!("block {id} is lifted: {scope}"));
        if let Some(waiting) = self.tickets.get_mut(&ticket) {
            waiting.failed = "it still stands".to_owned();
            waiting.released = Some((id, by.clone()));
        }
        self.act(Action::StoreBlocks(ticket, Box::new(rest)));
    }

    /// It is stored that a block stands no more.
    pub(super) fn released(&mut self, id: u64, by: &Line) {
        let Some(block) = self.take_block(id) else { return };
        let mut note = Note::new("policy", "block.released", "ok", "CIP-005-7 R3.2");
        note.detail = format!("block {id}: {}, by {by}", block.scope);
        self.audit(note);
    }

    fn take_block(&mut self, id: u64) -> Option<Block> {
        let mut list = std::mem::take(&mut self.blocks.list).into_vec();
        let at = list.iter().position(|block| block.id == id);
        let taken = at.map(|at| list.remove(at));
        self.blocks.list = List::new(list).unwrap_or_default();
        taken
    }

    /// Those whose time is over. The vault forgets them with the next one that it stores.
    pub(super) fn blocks_on_time(&mut self) {
        let (wall_ms, boot_ms) = (self.now.wall_ms, self.now.boot_ms);
        let over = |block: &&Block| block.over(wall_ms, boot_ms);
        for id in self.blocks.list.iter().filter(over).map(|block| block.id).collect::<Vec<_>>() {
            let Some(block) = self.take_block(id) else { continue };
            let mut note = Note::new("policy", "block.expired", "ok", "CIP-005-7 R3.2");
            note.detail = Text::<512>::cut(format!("block {id}: {}", block.scope)).to_string();
            self.audit(note);
        }
    }
}
