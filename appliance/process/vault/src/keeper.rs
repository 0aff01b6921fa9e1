//! Recordings and ledger together: what is written, and what may be called kept.
//!
//! A row that says "kept" is written only after the recording's bytes are durable, and counts only
//! when it is durable itself. Proof: `tests/power_cuts.rs`.

use crate::book::{Book, BookError};
use crate::disk::Disk;
use codec::Text;
use ledger::{At, Category, Event, Outcome, Row, SigningKey, marks};
use model::SessionId;
use recording::Marker;
use std::collections::BTreeMap;

/// The folder.
pub const FOLDER: &str = "recordings";

/// The name of a session's recording.
pub fn file_name(session: u64) -> String {
    format!("{}.dlr", SessionId(session))
}

fn path(session: u64) -> String {
    format!("{FOLDER}/{}", file_name(session))
}

/// A length, and SHA-256 of that much.
type Mark = (u64, [u8; 32]);

/// One recording that is being written.
#[derive(Debug, Default)]
struct Reel {
    marker: Marker,
    /// Bytes that a durable row may already call kept.
    kept: u64,
    dirty: bool,
    /// Its name is not durable yet.
    fresh: bool,
    failed: Option<String>,
    /// It is over; whether its end frame came.
    over: Option<bool>,
}

/// What one round made durable.
#[derive(Debug, Default)]
pub struct Round {
    /// Recordings, and how many of their bytes the ledger now calls kept.
    pub kept: Vec<(u64, u64)>,
    /// Recordings that can't be kept any more, and why. They are closed.
    pub failed: Vec<(u64, String)>,
    /// The rows that became durable.
    pub rows: Vec<Row>,
    /// Why the ledger is not durable, if it is not.
    pub ledger: Option<BookError>,
}

/// Writes both.
#[derive(Debug)]
pub struct Keeper<D> {
    /// The disk.
    pub disk: D,
    book: Book,
    reels: BTreeMap<u64, Reel>,
}

/// A keeper at its start.
#[derive(Debug)]
pub struct Opened<D> {
    /// It.
    pub keeper: Keeper<D>,
    /// The ledger as it was found.
    pub rows: Vec<Row>,
    /// The first session number that was never used.
    pub next_session: u64,
}

/// A row about a recording.
fn event(session: u64, kind: &str, result: Outcome, detail: &str) -> Event {
    let mut event = Event::new("vault", Category::Recording, kind, result, "SR 2.8");
    event.session = Some(Text::cut(SessionId(session).to_string()));
    event.detail = Text::cut(detail);
    event
}

fn mark_words(marker: &Marker) -> String {
    let (length, hash) = marker.mark();
    marks::words(length, &hash)
}

/// The session that a row is about.
pub fn session_of(row: &Row) -> Option<u64> {
    SessionId::parse(row.event.session.as_deref()?).ok().map(|id| id.0)
}

impl<D: Disk> Keeper<D> {
    /// Takes up the data disk: the ledger, and the recordings that were open when the power went.
    ///
    /// # Errors
    /// [`BookError`].
    pub fn open(mut disk: D, key: SigningKey, at: At) -> Result<Opened<D>, BookError> {
        disk.make_folder(FOLDER)?;
        let (book, rows) = Book::open(&mut disk, key, at)?;
        let mut known_marks: BTreeMap<u64, Option<Vec<Mark>>> = BTreeMap::new();
        for row in &rows {
            let Some(session) = session_of(row) else { continue };
            let known = known_marks.entry(session).or_insert_with(|| Some(Vec::new()));
            // Only the vault's own word counts.
            match (&*row.event.source, &*row.event.kind) {
                ("vault", marks::CLOSED) => *known = None,
                ("vault", marks::KEPT) => {
                    if let Some(known) = known {
                        known.extend(marks::of(row));
                    }
                }
                _ => {}
            }
        }
        let mut last = known_marks.keys().next_back().copied().unwrap_or(0);
        let mut keeper = Self { disk, book, reels: BTreeMap::new() };
        for name in keeper.disk.list(FOLDER)? {
            let Some(id) = name.strip_suffix(".dlr").and_then(|stem| SessionId::parse(stem).ok()) else { continue };
            last = last.max(id.0);
            if let Some(marks) = known_marks.get(&id.0).cloned().unwrap_or_else(|| Some(Vec::new())) {
                keeper.take_up(id.0, &marks, at)?;
            }
        }
        Ok(Opened { keeper, rows, next_session: last + 1 })
    }

    /// Closes a recording that a power cut or a crash left open: whole frames stay, and all that
    /// was called kept.
    fn take_up(&mut self, session: u64, marks: &[Mark], at: At) -> Result<(), BookError> {
        let name = path(session);
        let bytes = self.disk.read(&name)?.unwrap_or_default();
        let kept = marks.last().map_or(0, |mark| mark.0);
        let found = match recording::check(&bytes[..], marks, false) {
            Ok(report) => Ok((report.whole, report.closed)),
            // Broken after the last mark: a power cut may lose writes in any order.
            Err(_) if kept == 0 => Ok((0, false)),
            Err(_) => {
                let marked = usize::try_from(kept).ok().and_then(|kept| bytes.get(..kept));
                let check = recording::check(marked.unwrap_or(&bytes), marks, false);
                check.map(|report| (kept, report.closed)).map_err(|error| error.to_string())
            }
        };
        let (whole, closed) = match found {
            Ok(found) => found,
            Err(why) => {
                // Evidence stays as it is; the row says that it is not what it was.
                self.note(event(session, "recording.damaged", Outcome::Failed, &why), at);
                return Ok(());
            }
        };
        if whole < bytes.len() as u64 {
            self.disk.truncate(&name, whole)?;
        }
        self.disk.sync(&name)?;
        self.disk.sync_folder(FOLDER)?;
        self.disk.done(&name);
        let mut marker = Marker::new();
        marker.update(&bytes[..usize::try_from(whole).expect("it was read into memory")]);
        let state = if closed { "whole" } else { "open" };
        let cut = bytes.len() as u64 - whole;
        let words = format!("{state}, {}; found at start, {cut} torn bytes cut", mark_words(&marker));
        self.note(event(session, marks::CLOSED, Outcome::Ok, &words), at);
        Ok(())
    }

    /// A row for the next round.
    pub fn note(&mut self, event: Event, at: At) {
        self.book.note(event, at);
    }

    /// The ledger.
    pub fn book(&self) -> &Book {
        &self.book
    }

    /// The ledger's lines as they are on disk, until `take` wants no more.
    ///
    /// # Errors
    /// As [`Book::lines`].
    pub fn ledger(&self, take: impl FnMut(&[u8]) -> Result<bool, String>) -> Result<(), String> {
        self.book.lines(&self.disk, take)
    }

    /// Begins a recording.
    ///
    /// # Errors
    /// In words: there is one already, or the disk refuses.
    pub fn begin(&mut self, session: u64, person: &str, target: &str, at: At) -> Result<(), String> {
        let name = path(session);
        match self.disk.read(&name) {
            Ok(None) => {}
            Ok(Some(_)) => return Err(format!("{name} is there already: a session number is used once")),
            Err(error) => return Err(format!("the disk fails: {error}")),
        }
        self.disk.append(&name, &[]).map_err(|error| format!("the disk does not take {name}: {error}"))?;
        let mut opened = event(session, "recording.opened", Outcome::Ok, "");
        opened.person = Some(Text::cut(person));
        opened.target = Some(Text::cut(target));
        self.note(opened, at);
        self.reels.insert(session, Reel { fresh: true, dirty: true, ..Reel::default() });
        Ok(())
    }

    /// Writes whole entries at a recording's end. They are kept when a round says so.
    ///
    /// # Errors
    /// In words; the recording then takes nothing more.
    pub fn append(&mut self, session: u64, bytes: &[u8]) -> Result<(), String> {
        let Some(reel) = self.reels.get_mut(&session) else {
            return Err("this recording is not open".to_owned());
        };
        if let Some(why) = &reel.failed {
            return Err(why.clone());
        }
        let name = path(session);
        if let Err(error) = self.disk.append(&name, bytes) {
            let why = format!("the disk does not take {name}: {error}");
            // Half an entry is no entry.
            let (length, _) = reel.marker.mark();
            let _ = self.disk.truncate(&name, length);
            reel.failed = Some(why.clone());
            return Err(why);
        }
        reel.marker.update(bytes);
        reel.dirty = true;
        Ok(())
    }

    /// Takes nothing more of a recording; the next round says so.
    pub fn give_up(&mut self, session: u64, why: &str) {
        if let Some(reel) = self.reels.get_mut(&session) {
            reel.failed.get_or_insert_with(|| why.to_owned());
        }
    }

    /// Nothing more comes for this recording; `whole` if its end frame did.
    pub fn close(&mut self, session: u64, whole: bool) {
        if let Some(reel) = self.reels.get_mut(&session) {
            reel.over = Some(whole);
        }
    }

    /// Whether a round has anything to do.
    pub fn waits(&self) -> bool {
        self.book.waits() || self.reels.values().any(|r| r.dirty || r.over.is_some() || r.failed.is_some())
    }

    /// One recording as it stands: whole entries only.
    ///
    /// # Errors
    /// In words.
    pub fn recording(&self, session: u64) -> Result<Vec<u8>, String> {
        let name = path(session);
        let read = self.disk.read(&name).map_err(|error| format!("{name}: {error}"))?;
        let mut bytes = read.ok_or_else(|| format!("there is no recording {}", SessionId(session)))?;
        if let Some(reel) = self.reels.get(&session) {
            bytes.truncate(usize::try_from(reel.marker.mark().0).unwrap_or(usize::MAX));
        }
        Ok(bytes)
    }

    /// Makes everything durable: first the recordings, then the rows that say so.
    pub fn round(&mut self, at: At) -> Round {
        let mut round = Round::default();
        let named = if self.reels.values().any(|reel| reel.fresh) {
            self.disk.sync_folder(FOLDER).map_err(|error| error.to_string())
        } else {
            Ok(())
        };
        let mut notes = Vec::new();
        for (&session, reel) in &mut self.reels {
            if reel.dirty {
                let synced = self.disk.sync(&path(session)).map_err(|error| error.to_string());
                let synced = synced.and(if reel.fresh { named.clone() } else { Ok(()) });
                match synced {
                    Ok(()) => {
                        (reel.dirty, reel.fresh, reel.kept) = (false, false, reel.marker.mark().0);
                        if reel.kept > 0 {
                            notes.push(event(session, marks::KEPT, Outcome::Ok, &mark_words(&reel.marker)));
                            round.kept.push((session, reel.kept));
                        }
                    }
                    Err(why) => {
                        reel.failed.get_or_insert_with(|| format!("the disk does not keep it: {why}"));
                    }
                }
            }
            if let Some(why) = &reel.failed {
                let words = format!("{why}; {} bytes are kept", reel.kept);
                notes.push(event(session, "recording.failed", Outcome::Failed, &words));
                round.failed.push((session, why.clone()));
            } else if let Some(whole) = reel.over {
                let state = if whole { "whole" } else { "open" };
                let words = format!("{state}, {}", mark_words(&reel.marker));
                notes.push(event(session, marks::CLOSED, Outcome::Ok, &words));
            }
        }
        for note in notes {
            self.book.note(note, at);
        }
        let done = |reel: &Reel| reel.failed.is_some() || reel.over.is_some();
        for (&session, _) in self.reels.iter().filter(|(_, reel)| done(reel)) {
            self.disk.done(&path(session));
        }
        self.reels.retain(|_, reel| !done(reel));
        match self.book.sync(&mut self.disk, at) {
            Ok(rows) => round.rows = rows,
            Err(error) => {
                // Without its row nothing is kept.
                round.kept.clear();
                let why = error.to_string();
                for (session, _) in std::mem::take(&mut self.reels) {
                    self.disk.done(&path(session));
                    self.book.note(event(session, "recording.failed", Outcome::Failed, &why), at);
                    round.failed.push((session, why.clone()));
                }
                round.ledger = Some(error);
            }
        }
        round
    }
}
