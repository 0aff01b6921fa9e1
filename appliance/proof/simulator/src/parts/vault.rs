//! The vault: the real keeper, book and queue on a disk that loses writes, in a model of its threads.

use crate::disk::{FakeDisk, Random};
use crate::fd::{Fd, Kind};
use crate::parts::broker::Peer;
use crate::parts::session::Mail;
use crate::planted::Planted;
use crate::properties::{Property, Said};
use crate::world::{Part, SECOND, World};
use border::record::{self, Answer, Entry};
use border::vault::{Event, Request};
use border::{Guard, Line, Name, secrets};
use broker::core::{Fixed, Input};
use codec::Text;
use ledger::{At, Category, Outcome, SigningKey};
use model::{Plant, SessionId};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;
use vault::disk::{Disk, replace};
use vault::keeper::Keeper;
use vault::queue::{Job, Queue};

/// Time between two rounds of syncs, as in the vault.
const ROUND_US: u64 = 500_000;
/// Time between two looks at the free space, as in the vault.
const SPACE_US: u64 = SECOND;
/// What recordings leave free, as in the vault. Bytes.
const LEDGER_RESERVE: u64 = 8 << 20;
/// Tries of one front, as in the vault.
const TRIES_MAX: u8 = 6;
const MB: u64 = 1 << 20;
const PLANT: &str = "plant";

struct Front {
    secrets: Fd,
    guard: Guard<secrets::Phase>,
    tries: u8,
    expect: Option<(Name, bool, bool)>,
}

struct Record {
    socket: Fd,
    guard: Guard<record::Phase>,
    entries: u64,
    answered: u64,
    paused: bool,
    ended: bool,
}

/// What lies in the broker's socket: a request, its descriptor, its document.
type Asked = (Request, Option<Fd>, Option<Vec<u8>>);

/// What the disk thread tells the main thread.
enum Told {
    Event(Event),
    Failed { session: u64, why: String },
}

pub(crate) struct Vault {
    keeper: Option<Keeper<FakeDisk>>,
    inbox: VecDeque<Asked>,
    fronts: BTreeMap<u64, Front>,
    /// What fronts have sent.
    asked: BTreeMap<u64, VecDeque<secrets::Request>>,
    records: BTreeMap<u64, Record>,
    queue: Queue,
    jobs: usize,
    told: VecDeque<Told>,
    pub stalled_until: u64,
    pub disk_stalled_until: u64,
    round_at: u64,
    space_at: u64,
    free: u64,
    refuse_below_mb: u64,
    last_ms: u64,
    spare: Option<FakeDisk>,
    /// What each broker is told first: the plant that is stored, and a number that no session had.
    plant: Option<Plant>,
    /// Plants on their way to the disk, by ticket.
    storing: BTreeMap<u64, Plant>,
    next_session: u64,
}

/// The box's key in every story.
pub(crate) fn box_key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

impl Vault {
    pub fn new(without_syncs: bool) -> Self {
        Self {
            keeper: None,
            inbox: VecDeque::new(),
            fronts: BTreeMap::new(),
            asked: BTreeMap::new(),
            records: BTreeMap::new(),
            queue: Queue::default(),
            jobs: 0,
            told: VecDeque::new(),
            stalled_until: 0,
            disk_stalled_until: 0,
            round_at: 0,
            space_at: 0,
            free: u64::MAX,
            refuse_below_mb: 0,
            last_ms: 0,
            spare: Some(FakeDisk { without_syncs, ..FakeDisk::default() }),
            plant: None,
            storing: BTreeMap::new(),
            next_session: 1,
        }
    }

    /// What dies with its process: all but the disk.
    pub fn forget(&mut self) {
        *self = Self { spare: self.spare.take(), ..Self::new(false) };
    }

    /// Who logs in can't be answered any more; sessions that live are recorded on.
    pub fn broker_ended(&mut self) {
        self.fronts.clear();
    }

    /// A new broker: what the old one had said last and was not read is not read any more.
    pub fn unread_is_lost(&mut self) {
        self.inbox.clear();
        self.fronts.clear();
    }

    fn numbered(&mut self, session: Option<u64>) {
        self.next_session = self.next_session.max(session.map_or(0, |session| session + 1));
    }

    pub fn disk(&mut self) -> Option<&mut FakeDisk> {
        self.keeper.as_mut().map(|keeper| &mut keeper.disk)
    }

    pub fn keeper(&self) -> Option<&Keeper<FakeDisk>> {
        self.keeper.as_ref()
    }

    /// The ends that the vault has, read or not.
    pub fn ends(&self) -> Vec<Kind> {
        let unread = self.inbox.iter().filter_map(|(_, fd, _)| fd.as_ref());
        let fronts = self.fronts.values().map(|front| &front.secrets);
        unread.chain(fronts).chain(self.records.values().map(|record| &record.socket)).map(|fd| fd.kind).collect()
    }

    /// Nothing is in hand that is not written.
    pub fn idle(&self) -> bool {
        self.jobs == 0 && self.records.is_empty() && self.keeper.as_ref().is_none_or(|keeper| !keeper.waits())
    }

    fn push(&mut self, job: Job) {
        self.jobs += 1;
        self.queue.push(job);
    }
}

impl World {
    fn vault_moment(&mut self) -> At {
        let unix_ms = u64::try_from(self.wall_ms()).unwrap_or(0);
        let known = unix_ms >= self.vault.last_ms;
        self.vault.last_ms = self.vault.last_ms.max(unix_ms);
        At { unix_ms, known }
    }

    fn vault_says(&mut self, event: Event) {
        self.tell_broker(Peer::Part(Fixed::Vault), Input::Vault(event, Vec::new()));
    }

    pub fn tell_vault(&mut self, request: Request, fd: Option<Fd>, document: Option<Vec<u8>>) {
        if !self.reaches(Fixed::Vault) {
            return;
        }
        self.vault.inbox.push_back((request, fd, document));
        self.wake(Part::Vault);
    }

    pub fn front_tells_vault(&mut self, worker: u64, request: secrets::Request) {
        self.vault.asked.entry(worker).or_default().push_back(request);
        self.wake(Part::Vault);
    }

    pub fn vault_front_closed(&mut self, worker: u64) {
        self.vault.fronts.remove(&worker);
        self.vault.asked.remove(&worker);
    }

    /// Takes up the data disk, and says that it is ready.
    pub fn vault_starts(&mut self, first: bool) {
        let at = self.vault_moment();
        let disk = self.vault.spare.take().unwrap_or_default();
        let opened = match Keeper::open(disk, box_key(), at) {
            Ok(opened) => opened,
            Err(error) => return self.broken(Property::KeptIsKept, format!("the data disk does not open: {error}")),
        };
        self.watch.hold_disk(&opened.keeper, first);
        let stored = opened.keeper.disk.read(PLANT).ok().flatten();
        if first {
            let wall = self.wall_ms();
            let plant = crate::plants::plant(&mut self.random, wall, true);
            self.watch.plants.push(plant.clone());
            self.vault.keeper = Some(opened.keeper);
            self.store_plant(&codec::encode(&plant));
            self.stored_plant(plant, opened.next_session);
        } else {
            self.vault.keeper = Some(opened.keeper);
            match stored.as_deref().map(codec::decode::<Plant>) {
                Some(Ok(plant)) => {
                    if let Err(what) = self.watch.plant_found(&plant) {
                        self.broken(Property::PlantCounts, what);
                    }
                    self.stored_plant(plant, opened.next_session);
                }
                Some(Err(_)) | None => self.broken(Property::PlantCounts, "the stored plant is gone".to_owned()),
            }
        }
        for part in [Part::Vault, Part::Disk] {
            self.wake(part);
        }
    }

    fn stored_plant(&mut self, plant: Plant, next_session: u64) {
        self.vault.refuse_below_mb = plant.recording.refuse_below_mb;
        (self.vault.plant, self.vault.next_session) = (Some(plant), next_session);
        self.vault_greets();
    }

    /// What each broker is told first.
    pub fn vault_greets(&mut self) {
        let next_session = self.vault.next_session;
        if let Some(plant) = self.vault.plant.clone() {
            self.tell_broker(Peer::Part(Fixed::Vault), Input::Stored(Box::new(plant)));
            self.vault_says(Event::Ready { box_key: box_key().verifying_key().to_bytes(), plant: true, next_session });
        }
    }

    fn store_plant(&mut self, document: &[u8]) -> bool {
        let Some(disk) = self.vault.disk() else { return false };
        replace(disk, PLANT, document).is_ok()
    }

    /// The power goes while this many more operations on the disk are done.
    pub fn vault_dies_in_a_round(&mut self, fuse: u64) {
        let at = self.vault_moment();
        if let Some(keeper) = self.vault.keeper.as_mut() {
            keeper.disk.fuse = Some(fuse);
            // Nobody hears what it says.
            drop(keeper.round(at));
        }
    }

    /// The disk after the vault's end.
    pub fn vault_loses(&mut self, cut: bool) {
        let Some(keeper) = self.vault.keeper.take() else { return };
        let mut random = Random(self.random.next());
        let mut disk = keeper.disk;
        (disk.fuse, disk.fails, disk.space) = (None, false, None);
        self.watch.nothing_lost = !cut;
        self.vault.spare = Some(if cut { disk.cut(&mut random) } else { disk });
    }

    pub fn vault_turn(&mut self) {
        if !self.running.contains(&Fixed::Vault) {
            return;
        }
        let (now, stalled) = (self.now_us, self.vault.stalled_until);
        if stalled > now {
            return self.wake_at(Part::Vault, stalled);
        }
        // The broker first: what it says about a front must be known before the front speaks.
        while let Some((request, fd, document)) = self.vault.inbox.pop_front() {
            self.vault_does(request, fd, document);
        }
        let workers: Vec<u64> = self.vault.fronts.keys().copied().collect();
        for worker in workers {
            self.vault_hears_front(worker);
        }
        let records: Vec<u64> = self.vault.records.keys().copied().collect();
        for session in records {
            self.vault_hears_record(session);
        }
        while let Some(told) = self.vault.told.pop_front() {
            match told {
                Told::Event(event) => {
                    if let Event::Done { ticket } | Event::Failed { ticket, .. } = &event {
                        let stored = self.vault.storing.remove(ticket).filter(|_| matches!(event, Event::Done { .. }));
                        self.vault.plant = stored.or(self.vault.plant.take());
                    }
                    self.vault_says(event);
                }
                Told::Failed { session, why } => self.record_failed(session, &why),
            }
        }
        self.answer_records();
    }

    fn vault_does(&mut self, request: Request, fd: Option<Fd>, document: Option<Vec<u8>>) {
        match request {
            Request::OpenFront { worker, source: _ } => {
                let guard = Guard::new(secrets::REQUESTS, secrets::Phase::Start);
                if let Some(secrets) = fd.filter(|_| self.fronts.contains_key(&worker)) {
                    self.vault.fronts.insert(worker, Front { secrets, guard, tries: 0, expect: None });
                }
            }
            Request::GiveCredential { session, .. } => {
                drop(fd);
                self.back_gets_credential(session);
                let mut event = ledger::Event::new("vault", Category::Access, "credential.given", Outcome::Ok, "SR 1.5");
                event.session = Some(Text::cut(SessionId(session).to_string()));
                self.vault_job(Job::Note(event));
            }
            Request::OpenRecording { session, person, target } => {
                self.vault.numbered(Some(session));
                self.open_record(session, person, target, fd);
            }
            Request::Write { audit } => {
                self.vault.numbered(audit.session);
                self.watch.written.push(audit.kind.to_string());
                if !(self.planted == Some(Planted::LostRows) && &*audit.result == "refused") {
                    self.vault_job(Job::Note(vault::event_of(&audit)));
                }
            }
            Request::StorePlant { ticket } => {
                let bytes = document.unwrap_or_default();
                if let Ok(plant) = codec::decode(&bytes) {
                    self.vault.storing.insert(ticket, plant);
                }
                self.vault_job(Job::Plant { ticket, bytes });
            }
            Request::StoreBlocks { ticket } => {
                let bytes = document.unwrap_or_default();
                self.vault_job(Job::Blocks { ticket, bytes });
            }
            // Nobody here lifts a hold.
            Request::OpenCheck { .. } => drop(fd),
            Request::SetSecret { ticket, name, value } => self.vault_job(Job::Target { ticket, name, value }),
            Request::SetPerson { ticket, person, password: _, totp } => {
                self.vault_job(Job::Person { ticket, person, password: None, totp });
            }
            // No console stands in this box.
            Request::OpenPin { ticket, person: _ } => {
                self.vault_says(Event::PinChecked { ticket, pin: border::vault::Pin::NotGiven });
            }
            Request::SetPin { ticket, person, pin: _ } => {
                self.vault_job(Job::Person { ticket, person, password: None, totp: None });
            }
            Request::Recordings { ticket } => self.vault_job(Job::List { ticket }),
            Request::ExportRecording { ticket, session } => self.vault_job(Job::ExportRecording { ticket, session }),
            Request::ExportAudit { ticket, from, to } => {
                self.vault_job(Job::ExportAudit { ticket, from, to, follows: false });
            }
            Request::FollowAudit { ticket, from } => {
                self.vault_job(Job::ExportAudit { ticket, from, to: u64::MAX, follows: true });
            }
            Request::Expect { worker, person, password, code } => {
                if let Some(front) = self.vault.fronts.get_mut(&worker) {
                    front.expect = Some((person, password, code));
                }
            }
        }
    }

    fn vault_job(&mut self, job: Job) {
        self.vault.push(job);
        self.wake(Part::Disk);
    }

    fn vault_hears_front(&mut self, worker: u64) {
        while let Some(request) = self.vault.asked.get_mut(&worker).and_then(VecDeque::pop_front) {
            let Some(front) = self.vault.fronts.get_mut(&worker) else { return };
            let checked = match front.guard.pass(request.name()) {
                Err(why) => Err(why.to_string()),
                Ok(()) => match request {
                    secrets::Request::HostKey => {
                        self.front_gets_host_key(worker);
                        continue;
                    }
                    secrets::Request::Pin { .. } => Err("a front asked as the console".to_owned()),
                    secrets::Request::Check { person, password, code } => {
                        front.tries += 1;
                        let (password, code) = (password.is_some(), code.is_some_and(|code| &*code == "111111"));
                        if front.tries > TRIES_MAX { Err("too many tries".to_owned()) } else { Ok((person, password, code)) }
                    }
                },
            };
            let (person, password, code) = match checked {
                Ok(checked) => checked,
                Err(why) => {
                    self.vault.fronts.remove(&worker);
                    return self.vault_says(Event::FrontOutOfTurn { worker, why: Line::cut(why) });
                }
            };
            // Without a word of the broker about this person, nothing less than both will do.
            let (wants_password, wants_code) = match &front.expect {
                Some((expected, password, code)) if *expected == person => (*password, *code),
                Some(_) | None => (true, true),
            };
            let easy = self.planted == Some(Planted::EasyVault);
            let right = &*person != "nobody" && (password || !wants_password) && (code || !wants_code);
            self.saw_check(worker, &person, right && wants_password, right && wants_code);
            let (password, code) = (easy || (right && wants_password), easy || (right && wants_code));
            let why = Line::cut(if right { "" } else { "the name, the password or the code is wrong" });
            self.vault_says(Event::Checked { worker, person, password, code, why });
        }
    }

    fn open_record(&mut self, session: u64, person: Name, target: Name, fd: Option<Fd>) {
        let Some(socket) = fd.filter(|_| !self.vault.records.contains_key(&session)) else {
            let why = Line::cut("it is being recorded already");
            return self.vault_says(Event::RecordingFailed { session, why });
        };
        self.vault_job(Job::Begin { session, person, target });
        let guard = Guard::new(record::ENTRIES, record::Phase::Start);
        let record = Record { socket, guard, entries: 0, answered: 0, paused: false, ended: false };
        self.vault.records.insert(session, record);
    }

    fn vault_hears_record(&mut self, session: u64) {
        loop {
            let Some(record) = self.vault.records.get_mut(&session).filter(|record| !record.paused) else { return };
            let Some(mail) = self.sessions.get_mut(&session).and_then(|s| s.to_vault.pop_front()) else { return };
            let Mail::Message(bytes) = mail else {
                let whole = record.ended;
                self.vault.records.remove(&session);
                return self.vault_job(Job::Close { session, whole });
            };
            let entry: Result<Entry, _> = codec::decode(&bytes);
            let passed = entry.map_err(|e| e.to_string()).and_then(|entry| {
                record.guard.pass(entry.name()).map_err(|e| e.to_string())?;
                Ok(entry)
            });
            match passed {
                Ok(entry) => self.vault_takes(session, entry),
                Err(why) => return self.accused(session, &format!("the mediator's record: {why}")),
            }
        }
    }

    fn vault_takes(&mut self, session: u64, entry: Entry) {
        let (bytes, end) = match entry {
            Entry::Header { bytes } | Entry::Frame { bytes } => (bytes, false),
            Entry::End { bytes } => (bytes, true),
        };
        self.saw_in_hand(session, &bytes);
        self.vault_job(Job::Append { session, bytes: bytes.into_vec() });
        if end {
            self.vault_job(Job::Close { session, whole: true });
        }
        let room = self.vault.queue.room(session);
        if let Some(record) = self.vault.records.get_mut(&session) {
            record.entries += 1;
            record.ended |= end;
            record.paused = !room;
        }
    }

    fn answer_records(&mut self) {
        let sessions: Vec<u64> = self.vault.records.keys().copied().collect();
        for session in sessions {
            let room = self.vault.queue.room(session);
            let early = self.planted == Some(Planted::EarlyInHand);
            let Some(record) = self.vault.records.get_mut(&session).filter(|_| room && !early) else { continue };
            let resumed = std::mem::take(&mut record.paused);
            let entries = record.entries;
            if record.answered < entries {
                record.answered = entries;
                self.vault_answers(session, &Answer::InHand { entries });
            }
            if resumed {
                self.wake(Part::Vault);
            }
        }
    }

    fn vault_answers(&mut self, session: u64, answer: &Answer) {
        if let Some(found) = self.sessions.get_mut(&session) {
            found.from_vault.push_back(Mail::Message(codec::encode(answer)));
            self.wake(Part::Mediator(session));
        }
    }

    fn record_failed(&mut self, session: u64, why: &str) {
        let Some(record) = self.vault.records.remove(&session) else { return };
        self.vault_answers(session, &Answer::Failed { why: Line::cut(why) });
        drop(record);
        self.vault_says(Event::RecordingFailed { session, why: Line::cut(why) });
    }

    /// The disk thread.
    pub fn disk_turn(&mut self) {
        if !self.running.contains(&Fixed::Vault) {
            return;
        }
        let (now, stalled) = (self.now_us, self.vault.disk_stalled_until);
        if stalled > now {
            return self.wake_at(Part::Disk, stalled);
        }
        for _ in 0..8 {
            if self.vault.jobs == 0 {
                break;
            }
            let Some(job) = self.vault.queue.take(Duration::ZERO) else { break };
            self.vault.jobs -= 1;
            let bytes = if let Job::Append { session, bytes } = &job { Some((*session, bytes.len())) } else { None };
            self.disk_job(job);
            if let Some((session, count)) = bytes {
                self.vault.queue.written(session, count);
            }
        }
        if now >= self.vault.round_at {
            self.disk_round();
            self.vault.round_at = now + ROUND_US;
        }
        if now >= self.vault.space_at {
            let free = self.vault.disk().and_then(|disk| disk.free_bytes().ok()).unwrap_or(0);
            self.vault.free = free;
            let refuse = free / MB < self.vault.refuse_below_mb;
            self.tell_main(Told::Event(Event::Disk { free_mb: free / MB, refuse, days_left: None }));
            self.vault.space_at = now + SPACE_US;
        }
        let next = if self.vault.jobs > 0 { now + 50 } else { self.vault.round_at.min(self.vault.space_at) };
        self.wake_at(Part::Disk, next);
    }

    fn tell_main(&mut self, told: Told) {
        self.vault.told.push_back(told);
        self.wake(Part::Vault);
    }

    fn disk_round(&mut self) {
        let at = self.vault_moment();
        let Some(keeper) = self.vault.keeper.as_mut().filter(|keeper| keeper.waits()) else { return };
        let round = keeper.round(at);
        let (rows, head) = keeper.book().head();
        if round.ledger.is_none() {
            self.watch.said(Said { rows, head, kept: round.kept });
        }
        for (session, why) in round.failed {
            self.tell_main(Told::Failed { session, why });
        }
    }

    fn disk_job(&mut self, job: Job) {
        let at = self.vault_moment();
        let free = self.vault.free;
        let Some(keeper) = self.vault.keeper.as_mut() else { return };
        match job {
            Job::Begin { session, person, target } => {
                let told = match keeper.begin(session, &person, &target, at) {
                    Ok(()) => Told::Event(Event::RecordingOpen { session }),
                    Err(why) => Told::Failed { session, why },
                };
                self.tell_main(told);
            }
            Job::Append { session, bytes } => {
                self.vault.free = free.saturating_sub(bytes.len() as u64);
                let taken = if self.vault.free < LEDGER_RESERVE {
                    keeper.give_up(session, "the disk is full");
                    Err("the disk is full".to_owned())
                } else {
                    keeper.append(session, &bytes)
                };
                match taken {
                    Ok(()) => self.watch.appended(session, &bytes),
                    Err(why) => self.tell_main(Told::Failed { session, why }),
                }
            }
            Job::Close { session, whole } => keeper.close(session, whole),
            Job::Note(event) => keeper.note(event, at),
            Job::Plant { ticket, bytes } => self.plant_job(ticket, &bytes),
            Job::Target { ticket, .. } | Job::Person { ticket, .. } | Job::Blocks { ticket, .. } | Job::Pin { ticket, .. } => {
                self.tell_main(Told::Event(Event::Done { ticket }));
            }
            Job::List { ticket } | Job::ExportRecording { ticket, .. } | Job::ExportAudit { ticket, .. } => {
                // Nothing is given out before its row.
                self.disk_round();
                self.tell_main(Told::Event(Event::Document { ticket }));
            }
            Job::Used { .. } | Job::End => {}
        }
    }

    fn plant_job(&mut self, ticket: u64, bytes: &[u8]) {
        if let Ok(plant) = codec::decode::<Plant>(bytes) {
            self.watch.plants.push(plant);
        }
        let skipped = self.planted == Some(Planted::PlantNotStored);
        let stored = skipped || self.store_plant(bytes);
        let event = if stored {
            self.watch.plant_done();
            Event::Done { ticket }
        } else {
            Event::Failed { ticket, why: Line::cut("the disk does not take it") }
        };
        self.tell_main(Told::Event(event));
    }
}
