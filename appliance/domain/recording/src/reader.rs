//! Frames in, items out, for who has the key.

use crate::error::ReadError;
use crate::frame::{HEAD, Head, Kind, MAX_PLAIN, Seal, TAG, drain, fill};
use crate::header::{Found, Header, read, unwrap};
use crate::item::Item;
use codec::{Input, Wire};
use std::collections::VecDeque;
use std::io::Read;
use zeroize::Zeroizing;
use zstd::bulk::Decompressor;

/// How a recording ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It was closed: nothing is missing.
    Closed {
        /// The last item's moment, in microseconds.
        last_at_us: u64,
    },
    /// It is still open, a power cut ended it, or its end was taken away: marks in the ledger tell.
    Open {
        /// Whole up to this moment, in microseconds.
        last_at_us: u64,
        /// Whole up to this byte.
        whole: u64,
        /// Bytes of a torn frame after it.
        torn: u64,
    },
}

/// Reads items in order; each is exactly what was sealed, in its place. After an error it yields
/// nothing more: items after a broken frame are not vouched for.
pub struct Reader<R> {
    source: R,
    header: Header,
    seal: Seal,
    zstd: Decompressor<'static>,
    sealed: Zeroizing<Vec<u8>>,
    plain: Zeroizing<Vec<u8>>,
    items: VecDeque<Item>,
    seq: u64,
    whole: u64,
    last_at_us: u64,
    end: Option<End>,
    failed: bool,
}

impl<R> std::fmt::Debug for Reader<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Reader of {} before frame {}", self.header.session, self.seq)
    }
}

enum Step {
    Frame(Head),
    Torn(u64),
}

impl<R: Read> Reader<R> {
    /// Opens a recording with the text of an auditor's age key file.
    ///
    /// # Errors
    /// [`ReadError`]; the wrong identity, or a header that was changed, opens nothing.
    pub fn open(mut source: R, identity: &str) -> Result<Self, ReadError> {
        let found = read(&mut source)?;
        let key = unwrap(&found.wrapped, identity)?;
        Self::begin(source, found, &key)
    }

    /// Opens a recording with its session key, for live watching.
    ///
    /// # Errors
    /// [`ReadError`]; another session's key opens nothing.
    pub fn open_with_key(mut source: R, key: &[u8; 32]) -> Result<Self, ReadError> {
        let found = read(&mut source)?;
        Self::begin(source, found, key)
    }

    fn begin(source: R, found: Found, key: &[u8; 32]) -> Result<Self, ReadError> {
        let mut reader = Self {
            source,
            header: found.header,
            seal: Seal::new(key, found.hash),
            zstd: Decompressor::new()?,
            sealed: Zeroizing::default(),
            plain: Zeroizing::default(),
            items: VecDeque::new(),
            seq: 0,
            whole: found.length,
            last_at_us: 0,
            end: None,
            failed: false,
        };
        match reader.step()? {
            Step::Torn(_) => Err(ReadError::HeaderCut),
            Step::Frame(head) => match reader.seal.open(head, &mut reader.sealed) {
                Some([]) => {
                    reader.accept(head);
                    Ok(reader)
                }
                Some(_) | None => Err(ReadError::HeaderChanged),
            },
        }
    }

    /// What the recording is of, vouched for by the session key.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// How it ends; known when the items are over without an error.
    pub fn end(&self) -> Option<End> {
        self.end
    }

    fn accept(&mut self, head: Head) {
        self.seq += 1;
        self.whole += HEAD as u64 + u64::from(head.length);
    }

    /// Reads the next frame's sealed bytes.
    fn step(&mut self) -> Result<Step, ReadError> {
        let mut bytes = [0; HEAD];
        let got = fill(&mut self.source, &mut bytes)?;
        if got < HEAD {
            return Ok(Step::Torn(got as u64));
        }
        if self.seq > 0 && bytes == [0; HEAD] {
            let (length, zero) = drain(&mut self.source)?;
            if zero {
                return Ok(Step::Torn(HEAD as u64 + length));
            }
        }
        let head = Head::parse(&bytes, self.seq)?;
        self.sealed.resize(head.length as usize, 0);
        let got = fill(&mut self.source, &mut self.sealed)?;
        if got < self.sealed.len() {
            return Ok(Step::Torn((HEAD + got) as u64));
        }
        Ok(Step::Frame(head))
    }

    fn advance(&mut self) -> Result<(), ReadError> {
        let head = match self.step()? {
            Step::Torn(torn) => {
                self.end = Some(End::Open { last_at_us: self.last_at_us, whole: self.whole, torn });
                return Ok(());
            }
            Step::Frame(head) => head,
        };
        let plain = self.seal.open(head, &mut self.sealed).ok_or(ReadError::Changed(head.seq))?;
        debug_assert!(plain.len() + TAG == head.length as usize);
        match head.kind {
            Kind::Start => return Err(ReadError::Kind(head.seq)),
            Kind::Items if head.packed => {
                self.plain.clear();
                self.plain.reserve(MAX_PLAIN);
                self.zstd
                    .decompress_to_buffer(plain, &mut *self.plain)
                    .map_err(|_| ReadError::Expand(head.seq))?;
                if self.plain.len() > MAX_PLAIN {
                    return Err(ReadError::Expand(head.seq));
                }
                take(&self.plain, head.seq, &mut self.items)?;
            }
            Kind::Items => take(plain, head.seq, &mut self.items)?,
            Kind::End => {
                let last: u64 = codec::decode(plain).map_err(|why| ReadError::Content(head.seq, why))?;
                return self.close(head, last);
            }
        }
        self.accept(head);
        self.last_at_us = self.items.back().map_or(self.last_at_us, |item| item.at_us);
        Ok(())
    }

    fn close(&mut self, head: Head, last_at_us: u64) -> Result<(), ReadError> {
        if last_at_us != self.last_at_us {
            return Err(ReadError::EndDisagrees);
        }
        if fill(&mut self.source, &mut [0])? != 0 {
            return Err(ReadError::AfterEnd);
        }
        self.accept(head);
        self.end = Some(End::Closed { last_at_us });
        Ok(())
    }
}

fn take(plain: &[u8], frame: u64, items: &mut VecDeque<Item>) -> Result<(), ReadError> {
    let mut input = Input::new(plain);
    while input.end().is_err() {
        items.push_back(Item::take(&mut input).map_err(|why| ReadError::Content(frame, why))?);
    }
    Ok(())
}

impl<R: Read> Iterator for Reader<R> {
    type Item = Result<Item, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if self.failed {
                return None;
            }
            if let Some(item) = self.items.pop_front() {
                return Some(Ok(item));
            }
            if self.end.is_some() {
                return None;
            }
            if let Err(error) = self.advance() {
                self.failed = true;
                self.items.clear();
                return Some(Err(error));
            }
        }
    }
}

/// All items of a recording that must be closed and whole.
///
/// # Errors
/// [`ReadError`]; [`ReadError::NotClosed`] if the end is missing.
pub fn read_closed(source: impl Read, identity: &str) -> Result<(Header, Vec<Item>), ReadError> {
    let mut reader = Reader::open(source, identity)?;
    let items = reader.by_ref().collect::<Result<Vec<_>, _>>()?;
    match reader.end() {
        Some(End::Closed { .. }) => Ok((reader.header.clone(), items)),
        Some(End::Open { last_at_us, .. }) => Err(ReadError::NotClosed(last_at_us)),
        None => unreachable!("a reader that yields nothing more has failed or ended"),
    }
}
