//! The disk thread: writes what is in hand, and says what is kept.

use crate::book::BookError;
use crate::disk::Disk;
use crate::index::Index;
use crate::keeper::{Keeper, Round, file_name};
use crate::queue::{Document, Job, Told};
use crate::secrets::{BLOCKS, PLANT, SealError, Secrets, StoreKey};
use crate::space;
use border::vault;
use codec::Text;
use ledger::manifest::{self, File, Manifest};
use ledger::{At, Category, Event, Exporter, Outcome, Row};
use model::{Blocks, Plant, SessionId};
use os::memfd;
use sha2::{Digest, Sha256};
use std::os::fd::OwnedFd;
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use zeroize::Zeroizing;

/// Free space below which sessions are refused, where no plant says it. MB.
const REFUSE_BELOW_MB: u64 = 64;
/// Free space below which the box warns, where no plant says it. MB.
const WARN_BELOW_MB: u64 = 256;
/// A megabyte.
const MB: u64 = 1024 * 1024;
/// Rows are written into an export in parts of about so many bytes.
const PART: usize = 64 * 1024;
/// What recordings leave free, so that the ledger can still say that the disk is full. Bytes.
const LEDGER_RESERVE: u64 = 8 * MB;

/// All that the disk thread works with.
pub struct Works<D> {
    keeper: Keeper<D>,
    index: Index,
    store: StoreKey,
    secrets: Arc<Mutex<Secrets>>,
    /// Refuse and warn below, MB.
    rules: (u64, u64),
    low: bool,
    /// Bytes that were free a moment ago, less what recordings took since.
    free: u64,
    /// Bytes that recordings took since the start, and when that was (boot time).
    taken: u64,
    begun: Duration,
    /// Rows that the index did not take.
    unindexed: Vec<Row>,
    /// The last row's moment: a clock behind it is not right.
    last_ms: u64,
    log: SyncSender<Row>,
}

impl<D> std::fmt::Debug for Works<D> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Works")
    }
}

/// Free space below which sessions are refused, and the box warns, in MB.
fn rules(plant: Option<&Plant>) -> (u64, u64) {
    plant.map_or((REFUSE_BELOW_MB, WARN_BELOW_MB), |p| (p.recording.refuse_below_mb, p.recording.warn_below_mb))
}

/// The box's wall clock. It is taken to be right unless it is behind the ledger's last row.
pub fn moment(last_ms: u64) -> At {
    let unix_ms = u64::try_from(os::clock::wall_ms()).unwrap_or(0);
    At { unix_ms, known: unix_ms >= last_ms }
}

fn line(text: impl Into<String>) -> border::Line {
    border::Line::cut(text)
}

impl<D: Disk> Works<D> {
    /// Works on an opened data disk.
    pub fn new(
        keeper: Keeper<D>,
        index: Index,
        store: StoreKey,
        secrets: Arc<Mutex<Secrets>>,
        plant: Option<&Plant>,
        log: SyncSender<Row>,
    ) -> Self {
        let free = keeper.disk.free_bytes().unwrap_or(0);
        let (rules, unindexed) = (rules(plant), Vec::new());
        let begun = os::clock::boottime();
        Self { keeper, index, store, secrets, rules, low: false, free, taken: 0, begun, unindexed, last_ms: 0, log }
    }

    fn now(&mut self) -> At {
        let at = moment(self.last_ms);
        self.last_ms = self.last_ms.max(at.unix_ms);
        at
    }

    fn note(&mut self, event: Event) {
        let at = self.now();
        self.keeper.note(event, at);
    }

    /// Does one job.
    pub fn job(&mut self, job: Job, told: &mut Vec<Told>) {
        match job {
            Job::Begin { session, person, target } => {
                let at = self.now();
                told.push(match self.keeper.begin(session, &person, &target, at) {
                    Ok(()) => Told::Event(vault::Event::RecordingOpen { session }, vec![]),
                    Err(why) => Told::Failed { session, why },
                });
            }
            Job::Append { session, bytes } => {
                self.free = self.free.saturating_sub(bytes.len() as u64);
                self.taken = self.taken.saturating_add(bytes.len() as u64);
                let taken = if self.free < LEDGER_RESERVE {
                    let why = "the disk is full: export recordings and free space".to_owned();
                    self.keeper.give_up(session, &why);
                    Err(why)
                } else {
                    self.keeper.append(session, &bytes)
                };
                if let Err(why) = taken {
                    told.push(Told::Failed { session, why });
                }
            }
            Job::Close { session, whole } => self.keeper.close(session, whole),
            Job::Note(event) => self.note(event),
            Job::Plant { ticket, bytes } => self.plant(ticket, &bytes, told),
            Job::Blocks { ticket, bytes } => self.blocks(ticket, &bytes, told),
            Job::Target { ticket, name, value } => {
                let detail = format!("secret {name} was set");
                self.change(ticket, "secret.set", detail, told, |secrets| secrets.set_target(&name, value));
            }
            Job::Person { ticket, person, password, totp } => {
                let words = |there, word| if there { word } else { "" };
                let (pass, code) = (words(password.is_some(), " password"), words(totp.is_some(), " one-time-seed"));
                let detail = format!("of {person} were set:{pass}{code}");
                self.change(ticket, "person.secrets", detail, told, |s| s.set_person(&person, password, totp));
            }
            Job::Pin { ticket, person, pin } => {
                let detail = format!("of {person} were set: PIN");
                self.change(ticket, "person.secrets", detail, told, |s| s.set_pin(&person, pin));
            }
            Job::Used { person, step } => self.used(&person, step),
            Job::List { ticket } => {
                self.note(read("recording.listed", None, ""));
                let listed = self.durable(told).and_then(|()| self.index.recordings());
                told.push(answer(ticket, listed.map(|text| vec![text.into_bytes()])));
            }
            Job::ExportRecording { ticket, session } => {
                let documents = self.export_recording(session, told);
                told.push(answer(ticket, documents));
            }
            Job::ExportAudit { ticket, from, to, follows } => {
                if !follows {
                    self.note(read("audit.exported", None, &format!("rows {from} to {to}")));
                }
                let document = self.durable(told).and_then(|()| self.ledger_document(from, to));
                told.push(match document {
                    Ok(fd) => Told::Event(vault::Event::Document { ticket }, vec![Document::Sealed(fd)]),
                    Err(why) => Told::Event(vault::Event::Failed { ticket, why: line(why) }, vec![]),
                });
            }
            Job::End => {}
        }
    }

    /// Rows as a signed export; `put` writes bytes at a place, and the header comes last, to the front.
    fn rows(&mut self, from: u64, to: u64, mut put: impl FnMut(u64, &[u8]) -> Result<(), String>) -> Result<(), String> {
        let at = self.now();
        // "All" is asked for as 0 to the largest number.
        let (from, to) = (from.max(1), to.min(self.keeper.book().head().0));
        let key = self.keeper.book().key();
        let mut exporter = Exporter::new(&key.verifying_key(), from, to);
        let mut end = exporter.header_length(at) as u64;
        let mut part = Vec::with_capacity(PART);
        self.keeper.ledger(|line| {
            if exporter.full() {
                return Ok(false);
            }
            if exporter.line(line.trim_ascii_end()).map_err(|fault| fault.to_string())? {
                part.extend_from_slice(line);
            }
            if part.len() >= PART {
                put(end, &part)?;
                end += part.len() as u64;
                part.clear();
            }
            Ok(true)
        })?;
        put(end, &part)?;
        put(0, &exporter.header(at, key).map_err(|fault| fault.to_string())?)
    }

    /// An export in a memory file of its own: the vault itself holds one file of the ledger at a time.
    fn ledger_document(&mut self, from: u64, to: u64) -> Result<OwnedFd, String> {
        let words = |error: std::io::Error| format!("no memory for the document: {error}");
        let document = memfd::Growing::new("document").map_err(words)?;
        self.rows(from, to, |place, bytes| document.put(place, bytes).map_err(words))?;
        document.seal().map_err(words)
    }

    fn rows_in_memory(&mut self, from: u64, to: u64) -> Result<Vec<u8>, String> {
        let mut out = Vec::new();
        self.rows(from, to, |place, bytes| {
            let from = usize::try_from(place).map_err(|error| error.to_string())?;
            out.resize(out.len().max(from + bytes.len()), 0);
            out[from..from + bytes.len()].copy_from_slice(bytes);
            Ok(())
        })?;
        Ok(out)
    }

    fn export_recording(&mut self, session: u64, told: &mut Vec<Told>) -> Result<Vec<Vec<u8>>, String> {
        // The row stands before the file is given out.
        self.note(read("recording.exported", Some(session), ""));
        self.durable(told)?;
        let file = self.keeper.recording(session)?;
        let range = self.index.range(session)?;
        let (from, to) = range.ok_or_else(|| format!("there is no row about {}", SessionId(session)))?;
        let rows = self.rows_in_memory(from, to)?;
        let at = self.now();
        let (ledger_seq, ledger_head) = self.keeper.book().head();
        let listed = |name: &str, bytes: &[u8]| File {
            name: name.to_owned(),
            size: bytes.len() as u64,
            sha256: Sha256::digest(bytes).into(),
        };
        let files = vec![listed(&file_name(session), &file), listed("ledger.rows", &rows)];
        let manifest = Manifest { at, ledger_seq, ledger_head, files };
        let manifest = manifest::sign(&manifest, self.keeper.book().key()).map_err(|e| e.to_string())?;
        Ok(vec![file, rows, manifest])
    }

    fn plant(&mut self, ticket: u64, bytes: &[u8], told: &mut Vec<Told>) {
        let plant: Plant = match codec::decode(bytes) {
            Ok(plant) => plant,
            Err(why) => {
                let why = line(format!("the plant is not in the box's form: {why}"));
                return told.push(Told::Event(vault::Event::Failed { ticket, why }, vec![]));
            }
        };
        let stored = self.store.store(&mut self.keeper.disk, PLANT, bytes);
        if stored.is_ok() {
            self.rules = rules(Some(&plant));
            told.push(Told::Limits(crate::checks::limits(&plant.limits)));
        }
        self.changed(ticket, "plant.stored", String::new(), stored, told);
    }

    fn blocks(&mut self, ticket: u64, bytes: &[u8], told: &mut Vec<Told>) {
        if let Err(why) = codec::decode::<Blocks>(bytes) {
            let why = line(format!("the blocks are not in the box's form: {why}"));
            return told.push(Told::Event(vault::Event::Failed { ticket, why }, vec![]));
        }
        let stored = self.store.store(&mut self.keeper.disk, BLOCKS, bytes);
        self.changed(ticket, "blocks.stored", String::new(), stored, told);
    }

    /// Changes the secrets: first the file, then what counts.
    fn change(
        &mut self,
        ticket: u64,
        kind: &str,
        detail: String,
        told: &mut Vec<Told>,
        change: impl FnOnce(&mut Secrets),
    ) {
        let stored = self.change_file(change);
        self.changed(ticket, kind, detail, stored, told);
    }

    fn change_file(&mut self, change: impl FnOnce(&mut Secrets)) -> Result<(), SealError> {
        // The checks thread marks codes as used meanwhile; all else is changed here alone.
        let mut next = self.secrets.lock().expect("nobody panics while holding the secrets").clone();
        change(&mut next);
        next.store(&self.store, &mut self.keeper.disk)?;
        let mut now = self.secrets.lock().expect("nobody panics while holding the secrets");
        next.keep_used(&now);
        *now = next;
        Ok(())
    }

    fn used(&mut self, person: &Text<32>, step: u64) {
        if let Err(error) = self.change_file(|secrets| secrets.set_used(person, step)) {
            let mut event = Event::new("vault", Category::Access, "code.not_remembered", Outcome::Failed, "SR 1.5");
            event.person = Some(Text::cut(person.as_str()));
            event.detail = Text::cut(format!("a restart would accept the code again: {error}"));
            self.note(event);
        }
    }

    fn changed(&mut self, ticket: u64, kind: &str, detail: String, done: Result<(), SealError>, told: &mut Vec<Told>) {
        let (result, detail, reply) = match done {
            Ok(()) => (Outcome::Ok, detail, vault::Event::Done { ticket }),
            Err(error) => {
                let why = error.to_string();
                (Outcome::Failed, format!("{detail} {why}"), vault::Event::Failed { ticket, why: line(why) })
            }
        };
        let mut event = Event::new("vault", Category::Configuration, kind, result, "SR 2.8");
        event.detail = Text::cut(detail.trim());
        self.note(event);
        told.push(Told::Event(reply, vec![]));
    }

    /// Makes everything durable; for an answer that must not come before its row.
    fn durable(&mut self, told: &mut Vec<Told>) -> Result<(), String> {
        match self.round(told) {
            None => Ok(()),
            Some(error) => Err(format!("nothing is given out without its row: {error}")),
        }
    }

    /// One round of syncs, if there is anything to sync.
    pub fn round(&mut self, told: &mut Vec<Told>) -> Option<BookError> {
        if !self.keeper.waits() {
            return None;
        }
        let at = self.now();
        let Round { kept: _, failed, rows, ledger } = self.keeper.round(at);
        told.extend(failed.into_iter().map(|(session, why)| Told::Failed { session, why }));
        self.unindexed.extend_from_slice(&rows);
        match self.index.apply(&self.unindexed) {
            Ok(()) => self.unindexed.clear(),
            // Lists are late; the next round, or the next start, makes up for it.
            Err(why) => eprintln!("vault: {why}"),
        }
        for row in rows.into_iter().filter(|row| row.signature.is_none()) {
            // A log that does not keep up loses lines; the ledger does not.
            let _ = self.log.try_send(row);
        }
        ledger
    }

    /// Looks at the free space; for once a second.
    pub fn space(&mut self, told: &mut Vec<Told>) {
        // A disk that does not even say this is no disk for a new session.
        self.free = self.keeper.disk.free_bytes().unwrap_or(0);
        let free_mb = self.free / MB;
        let (refuse_below, warn_below) = self.rules;
        let low = free_mb < warn_below;
        if low != self.low {
            self.low = low;
            let kind = if low { "disk.low" } else { "disk.enough" };
            let mut event = Event::new("vault", Category::System, kind, Outcome::Ok, "SR 2.9");
            event.detail = Text::cut(format!("{free_mb} MB free; the box warns below {warn_below} MB"));
            self.note(event);
        }
        let spare = self.free.saturating_sub(refuse_below.saturating_mul(MB));
        let days_left = space::days_left(spare, self.taken, os::clock::boottime().saturating_sub(self.begun));
        told.push(Told::Event(vault::Event::Disk { free_mb, refuse: free_mb < refuse_below, days_left }, vec![]));
    }
}

/// A row that says that something was given out.
fn read(kind: &str, session: Option<u64>, detail: &str) -> Event {
    let mut event = Event::new("vault", Category::Recording, kind, Outcome::Ok, "SR 6.1");
    event.session = session.map(|id| Text::cut(SessionId(id).to_string()));
    event.detail = Text::cut(detail);
    event
}

fn answer(ticket: u64, documents: Result<Vec<Vec<u8>>, String>) -> Told {
    match documents {
        Ok(documents) => {
            let documents = documents.into_iter().map(|bytes| Document::Bytes(Zeroizing::new(bytes))).collect();
            Told::Event(vault::Event::Document { ticket }, documents)
        }
        Err(why) => Told::Event(vault::Event::Failed { ticket, why: line(why) }, vec![]),
    }
}
