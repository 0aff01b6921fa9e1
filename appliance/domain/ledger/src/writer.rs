//! The next row.

use crate::event::{At, CHECKPOINT, Category, Event, Outcome};
use crate::fault::{Fault, Problem};
use crate::hex;
use crate::row::{Hash, chain, checkpoint_message, genesis, json};
use crate::verify::{Checker, lines};
use codec::Text;
use ed25519_dalek::{Signer, SigningKey, VerifyingKey};

/// Makes rows. The caller appends the bytes of each, in the order made, and syncs them.
///
/// Its memory is ahead of the disk: after a write that failed, throw it away and
/// [`resume`](Self::resume) from the file.
#[derive(Debug)]
pub struct Writer {
    key: SigningKey,
    seq: u64,
    head: Hash,
    unsigned: u64,
}

/// A ledger taken up again.
#[derive(Debug)]
pub struct Resumed {
    /// Writes the next row.
    pub writer: Writer,
    /// Bytes of the file to keep: the caller truncates it to this length before it appends.
    pub kept_len: usize,
    /// What was cut off; worth a row of its own.
    pub cut: Option<Cut>,
}

/// The end of a file that a power cut spoiled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// The line that was cut, counted from 1.
    pub line: u64,
    /// Its bytes.
    pub bytes: usize,
    /// Why it was no row.
    pub why: Problem,
}

impl Writer {
    /// A new ledger, whose first row will be number 1.
    pub fn new(key: SigningKey) -> Self {
        let head = genesis(&key.verifying_key());
        Self { key, seq: 0, head, unsigned: 0 }
    }

    /// Takes up a file as a power cut may have left it. Only the last line may be torn, with or
    /// without its line end: taking it away is no more than who has the file could do anyway.
    ///
    /// # Errors
    /// The [`Fault`] if a line before the last one is broken: that was no power cut.
    pub fn resume(key: SigningKey, bytes: &[u8]) -> Result<Resumed, Fault> {
        let mut checker = Checker::new(&key.verifying_key());
        let (lines, torn) = lines(bytes);
        let mut kept_len = 0;
        let mut cut = None;
        for line in lines {
            let length = line.len() + 1;
            match checker.line(line) {
                Ok(_) => kept_len += length,
                Err(fault) if kept_len + length == bytes.len() => {
                    cut = Some(Cut { line: fault.line, bytes: length, why: fault.what });
                }
                Err(fault) => return Err(fault),
            }
        }
        if !torn.is_empty() {
            cut = Some(Cut { line: checker.report().rows + 1, bytes: torn.len(), why: Problem::Unfinished });
        }
        let report = checker.report();
        let writer = Self { key, seq: report.seq, head: report.head, unsigned: report.unsigned };
        Ok(Resumed { writer, kept_len, cut })
    }

    /// The bytes of the next row, to be appended.
    pub fn row(&mut self, event: &Event, at: At) -> Vec<u8> {
        if *event.kind == *CHECKPOINT {
            let kind = Text::cut(format!("reserved.{CHECKPOINT}"));
            return self.append(&Event { kind, ..event.clone() }, at, None);
        }
        self.append(event, at, None)
    }

    /// The bytes of a checkpoint: from here on, no row before it can be changed without the box's
    /// key.
    pub fn checkpoint(&mut self, at: At) -> Vec<u8> {
        let message = checkpoint_message(self.seq + 1, &self.head, at);
        let signature = self.key.sign(&message).to_bytes();
        let event = Event::new("vault", Category::Audit, CHECKPOINT, Outcome::Ok, "SR 2.12");
        self.append(&event, at, Some(&signature))
    }

    fn append(&mut self, event: &Event, at: At, signature: Option<&[u8; 64]>) -> Vec<u8> {
        self.seq += 1;
        self.unsigned = if signature.is_some() { 0 } else { self.unsigned + 1 };
        let json = json(self.seq, at, event, signature);
        self.head = chain(&self.head, json.as_bytes());
        format!("{} {json}\n", hex(&self.head)).into_bytes()
    }

    /// The last row's number (0 before the first) and hash.
    pub fn head(&self) -> (u64, Hash) {
        (self.seq, self.head)
    }

    /// Rows since the last checkpoint.
    pub fn unsigned(&self) -> u64 {
        self.unsigned
    }

    /// The box's public key.
    pub fn box_key(&self) -> VerifyingKey {
        self.key.verifying_key()
    }

    /// The box's key, for exports and manifests.
    pub fn signing_key(&self) -> &SigningKey {
        &self.key
    }
}
