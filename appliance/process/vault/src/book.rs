//! The ledger's files: `ledger/NNNNNN.rows`, which are one ledger when put together.
//!
//! At most one group of rows is ever on its way to the disk: it ends with a checkpoint and is synced
//! before the next begins. So a power cut can spoil the last group and nothing before it.

use crate::disk::Disk;
use ledger::{At, Category, Event, Fault, Outcome, Row, SigningKey, Writer};
use std::collections::VecDeque;
use std::{fmt, io};

/// The folder.
pub const FOLDER: &str = "ledger";
/// A file is full above this; the next group begins a new one. Bytes.
const FILE_BYTES: u64 = 8 * 1024 * 1024;
/// The most bytes of a group: what a power cut may spoil.
const GROUP_BYTES_MAX: usize = 256 * 1024;
/// Rows that wait in memory while the disk does not take them.
const WAITING_MAX: usize = 20_000;

/// Why the ledger can't be opened, or written.
#[derive(Debug)]
pub enum BookError {
    /// The disk.
    Disk(io::Error),
    /// A file of the row of files is missing; its name.
    Missing(String),
    /// Broken where no power cut can have broken it.
    Broken(Fault),
}

impl fmt::Display for BookError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disk(error) => write!(f, "the disk does not take the ledger: {error}"),
            Self::Missing(name) => write!(f, "{name} is missing: put the data disk back as it was"),
            Self::Broken(fault) => write!(f, "the ledger was changed: {fault}; keep the disk as evidence"),
        }
    }
}

impl std::error::Error for BookError {}

impl From<io::Error> for BookError {
    fn from(error: io::Error) -> Self {
        Self::Disk(error)
    }
}

/// The ledger on its disk.
#[derive(Debug)]
pub struct Book {
    key: SigningKey,
    writer: Writer,
    /// The file that grows, from 1.
    number: u64,
    /// Its durable length.
    length: u64,
    /// Whether its name is durable.
    named: bool,
    waiting: VecDeque<(Event, At)>,
    lost: u64,
    /// The file has to be read again before anything is written: a write failed.
    stale: bool,
}

fn name(number: u64) -> String {
    format!("{FOLDER}/{number:06}.rows")
}

/// The files in their order; none may be missing.
fn names(disk: &impl Disk) -> Result<Vec<String>, BookError> {
    let found = disk.list(FOLDER)?.into_iter().filter(|n| n.ends_with(".rows"));
    let files = (1..).zip(found).map(|(due, found)| {
        let due = name(due);
        if format!("{FOLDER}/{found}") == due { Ok(due) } else { Err(BookError::Missing(due)) }
    });
    files.collect()
}

fn read(disk: &impl Disk, name: &str) -> Result<Vec<u8>, BookError> {
    disk.read(name)?.ok_or_else(|| BookError::Missing(name.to_owned()))
}

/// All files, put together; the number of the last, and its length.
fn files(disk: &impl Disk) -> Result<(Vec<u8>, u64, u64), BookError> {
    let mut all = Vec::new();
    let (mut number, mut length) = (1, 0);
    for (due, name) in (1..).zip(names(disk)?) {
        let bytes = read(disk, &name)?;
        (number, length) = (due, bytes.len() as u64);
        all.extend_from_slice(&bytes);
    }
    Ok((all, number, length))
}

/// How many of the bytes stand; more may be gone than a torn last line, if all of it is one group.
fn resume(key: &SigningKey, bytes: &[u8]) -> Result<(Writer, usize, Option<String>), BookError> {
    let fault = match Writer::resume(key.clone(), bytes) {
        Ok(resumed) => {
            let cut = resumed.cut.map(|c| format!("{} bytes of line {}: {}", c.bytes, c.line, c.why));
            return Ok((resumed.writer, resumed.kept_len, cut));
        }
        Err(fault) => fault,
    };
    let lines = usize::try_from(fault.line.saturating_sub(1)).unwrap_or(usize::MAX);
    let kept: usize = bytes.split_inclusive(|b| *b == b'\n').take(lines).map(<[u8]>::len).sum();
    let spoiled = &bytes[kept..];
    let mut rest = spoiled.split(|b| *b == b'\n').filter(|line| !line.is_empty());
    let last = rest.next_back();
    // A group's only checkpoint is its last row: another one among these means two groups.
    let checkpoint = |line: &[u8]| ledger::parse(line).is_ok_and(|row| row.signature.is_some());
    if spoiled.len() > GROUP_BYTES_MAX || last.is_none() || rest.any(checkpoint) {
        return Err(BookError::Broken(fault));
    }
    let resumed = Writer::resume(key.clone(), &bytes[..kept]).map_err(BookError::Broken)?;
    let cut = format!("{} bytes from line {} on: {}", spoiled.len(), fault.line, fault.what);
    Ok((resumed.writer, kept, Some(cut)))
}

impl Book {
    /// Takes the ledger up as the last power cut left it; with it, all its rows.
    ///
    /// # Errors
    /// [`BookError`]; a ledger that was changed is never written on.
    pub fn open(disk: &mut impl Disk, key: SigningKey, at: At) -> Result<(Self, Vec<Row>), BookError> {
        disk.make_folder(FOLDER)?;
        let writer = Writer::new(key.clone());
        let mut book = Self {
            key,
            writer,
            number: 1,
            length: 0,
            named: false,
            waiting: VecDeque::new(),
            lost: 0,
            stale: true,
        };
        let (cut, bytes) = book.take_up(disk)?;
        if let Some(cut) = cut {
            let mut event = Event::new("vault", Category::Audit, "ledger.cut", Outcome::Ok, "SR 2.10");
            event.detail = codec::Text::cut(format!("a power cut spoiled {cut}"));
            book.note(event, at);
        }
        let rows = bytes.split(|b| *b == b'\n').filter(|line| !line.is_empty());
        let rows = rows.map(|line| ledger::parse(line).expect("the writer has just accepted it"));
        Ok((book, rows.collect()))
    }

    /// Reads the files, cuts what is spoiled, and stands behind the last good row.
    fn take_up(&mut self, disk: &mut impl Disk) -> Result<(Option<String>, Vec<u8>), BookError> {
        let (mut bytes, number, length) = files(disk)?;
        let (writer, kept, cut) = resume(&self.key, &bytes)?;
        let gone = (bytes.len() - kept) as u64;
        let keeps = length.checked_sub(gone).ok_or_else(|| BookError::Missing(name(number)))?;
        if gone > 0 {
            disk.truncate(&name(number), keeps)?;
        }
        if !bytes.is_empty() {
            // What is read may not be on the disk yet: it is built upon only when it is.
            disk.sync(&name(number))?;
            disk.sync_folder(FOLDER)?;
        }
        self.named = !bytes.is_empty();
        bytes.truncate(kept);
        (self.writer, self.number, self.length, self.stale) = (writer, number, keeps, false);
        Ok((cut, bytes))
    }

    /// A row for the next group.
    pub fn note(&mut self, event: Event, at: At) {
        if self.waiting.len() >= WAITING_MAX {
            self.waiting.pop_front();
            self.lost += 1;
        }
        self.waiting.push_back((event, at));
    }

    /// Whether rows wait.
    pub fn waits(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// The last row's number and hash. Durable after a successful [`sync`](Self::sync).
    pub fn head(&self) -> (u64, ledger::Hash) {
        self.writer.head()
    }

    /// The box's key.
    pub fn key(&self) -> &SigningKey {
        &self.key
    }

    /// Gives the ledger's lines (their ends included, torn ones too) as they are on disk, until `take` wants no more. One
    /// file at a time is in memory.
    ///
    /// # Errors
    /// Those of the disk, and what `take` says.
    pub fn lines(
        &self,
        disk: &impl Disk,
        mut take: impl FnMut(&[u8]) -> Result<bool, String>,
    ) -> Result<(), String> {
        let words = |error: BookError| error.to_string();
        for name in names(disk).map_err(words)? {
            let bytes = read(disk, &name).map_err(words)?;
            for line in bytes.split_inclusive(|b| *b == b'\n') {
                if !take(line)? {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Makes all waiting rows durable, under a checkpoint, and gives them.
    ///
    /// # Errors
    /// [`BookError`]; the rows then wait on, and nothing that they say may be relied on.
    pub fn sync(&mut self, disk: &mut impl Disk, at: At) -> Result<Vec<Row>, BookError> {
        let mut rows = Vec::new();
        if self.stale {
            // The length that was durable counts, whatever the file seems to hold now.
            if self.named || disk.read(&name(self.number))?.is_some() {
                disk.truncate(&name(self.number), self.length)?;
            }
            self.take_up(disk)?;
        }
        if self.lost > 0 {
            let mut event = Event::new("vault", Category::Audit, "audit.lost", Outcome::Failed, "SR 2.10");
            event.detail = codec::Text::cut(format!("{} rows were lost while the disk failed", self.lost));
            self.waiting.push_front((event, at));
            self.lost = 0;
        }
        while !self.waiting.is_empty() {
            match self.group(disk, at) {
                Ok(more) => rows.extend(more),
                Err(error) => {
                    self.stale = true;
                    return Err(error.into());
                }
            }
        }
        Ok(rows)
    }

    fn group(&mut self, disk: &mut impl Disk, at: At) -> io::Result<Vec<Row>> {
        let mut bytes = Vec::new();
        let mut count = 0;
        for (event, at) in &self.waiting {
            // A row and a checkpoint are below 8 KiB together.
            if bytes.len() > GROUP_BYTES_MAX - 16 * 1024 {
                break;
            }
            bytes.extend_from_slice(&self.writer.row(event, *at));
            count += 1;
        }
        bytes.extend_from_slice(&self.writer.checkpoint(at));
        let file = name(self.number);
        disk.append(&file, &bytes)?;
        disk.sync(&file)?;
        if !self.named {
            disk.sync_folder(FOLDER)?;
            self.named = true;
        }
        self.waiting.drain(..count);
        self.length += bytes.len() as u64;
        if self.length > FILE_BYTES {
            disk.done(&file);
            (self.number, self.length, self.named) = (self.number + 1, 0, false);
        }
        let lines = bytes.split(|b| *b == b'\n').filter(|line| !line.is_empty());
        Ok(lines.map(|line| ledger::parse(line).expect("the writer has just made it")).collect())
    }
}
