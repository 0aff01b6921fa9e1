//! Is a recording whole? Without any key: structure, and the ledger's marks.

use crate::error::{CheckError, ReadError};
use crate::frame::{HEAD, Head, Kind, fill};
use crate::header::read;
use crate::marker::Marker;
use std::io::{self, Read};

/// A length of the file, and SHA-256 of that much of it.
type Mark = (u64, [u8; 32]);

/// What was found without a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckReport {
    /// Bytes of the file.
    pub length: u64,
    /// Bytes up to the end of the last whole frame: after a power cut, cut the file here.
    pub whole: u64,
    /// Whole frames, the first (which seals the header) and the end frame included.
    pub frames: u64,
    /// Whether the end frame is there.
    pub closed: bool,
    /// Bytes that the marks cover: no byte before this was changed since the ledger has it.
    pub marked: u64,
}

/// Reads a source, hashes it, and holds each mark against the hash as it is passed.
struct Marked<'a, R> {
    source: R,
    marker: Marker,
    marks: &'a [Mark],
    marked: u64,
    bad: Option<u64>,
}

impl<R> Marked<'_, R> {
    fn pass(&mut self) {
        while let Some((&(length, hash), rest)) = self.marks.split_first() {
            let (at, now) = self.marker.mark();
            if at != length {
                return;
            }
            if now == hash {
                self.marked = at;
            } else {
                self.bad = self.bad.or(Some(at));
            }
            self.marks = rest;
        }
    }
}

impl<R: Read> Read for Marked<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let left = self.marks.first().map_or(u64::MAX, |mark| mark.0 - self.marker.mark_length());
        let most = into.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let count = self.source.read(&mut into[..most])?;
        self.marker.update(&into[..count]);
        if self.marks.first().is_some_and(|mark| mark.0 == self.marker.mark_length()) {
            self.pass();
        }
        Ok(count)
    }
}

/// Holds a recording's structure against the format, and its bytes against marks of the ledger, in
/// the order of their lengths. `last` says that the last mark is the one of the closed file: then
/// all of it must be there, and nothing else.
///
/// Without marks, only the structure is checked, which who has the file can imitate.
///
/// # Errors
/// [`CheckError`], the first thing that is wrong.
pub fn check(source: impl Read, marks: &[(u64, [u8; 32])], last: bool) -> Result<CheckReport, CheckError> {
    if let Some(pair) = marks.windows(2).find(|pair| pair[0].0 > pair[1].0) {
        return Err(CheckError::MarkOrder(pair[1].0));
    }
    let mut source = Marked { source, marker: Marker::new(), marks, marked: 0, bad: None };
    source.pass();
    let structure = walk(&mut source);
    // Marks come first in what is said: they tell which bytes were changed, and not only that.
    io::copy(&mut source, &mut io::sink()).map_err(ReadError::Io)?;
    if let Some(length) = source.bad {
        return Err(CheckError::Mark(length));
    }
    let found = source.marker.mark_length();
    if let Some(&(marked, _)) = source.marks.last() {
        return Err(CheckError::Short { marked, found });
    }
    let (whole, frames, closed) = structure?;
    let marked = source.marked;
    if last && !closed {
        return Err(CheckError::NotClosed(whole));
    }
    if last && marked != found {
        return Err(CheckError::NotCovered { marked, found });
    }
    Ok(CheckReport { length: found, whole, frames, closed, marked })
}

/// Walks the frames: whole bytes, whole frames, and whether it was closed.
fn walk(source: &mut impl Read) -> Result<(u64, u64, bool), ReadError> {
    let mut whole = read(source)?.length;
    let mut frames = 0;
    let mut body = Vec::new();
    loop {
        let mut bytes = [0; HEAD];
        if fill(source, &mut bytes)? < HEAD {
            break;
        }
        if frames > 0 && bytes == [0; HEAD] && crate::frame::drain(source)?.1 {
            break;
        }
        let head = Head::parse(&bytes, frames)?;
        body.resize(head.length as usize, 0);
        if fill(source, &mut body)? < body.len() {
            break;
        }
        whole += HEAD as u64 + u64::from(head.length);
        frames += 1;
        if head.kind == Kind::End {
            let more = fill(source, &mut [0])?;
            return if more == 0 { Ok((whole, frames, true)) } else { Err(ReadError::AfterEnd) };
        }
    }
    if frames == 0 { Err(ReadError::HeaderCut) } else { Ok((whole, frames, false)) }
}
