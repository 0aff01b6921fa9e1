//! A part of the ledger as one file that stands by itself.

use crate::event::At;
use crate::fault::{Fault, Problem};
use crate::json::{Object, Reader};
use crate::row::{Hash, clock, moment, signed};
use crate::verify::{Checker, Report, lines};
use crate::{hex, unhex};
use ed25519_dalek::{Signer, SigningKey, VerifyingKey};

const DOMAIN: &[u8] = b"dinlock ledger export 1\0";
/// An Ed25519 signature in hexadecimal digits.
const SIGNATURE_DIGITS: usize = 128;
const FORMAT: &str = "dinlock ledger export 1";

/// What a whole export says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportReport {
    /// When the box made it.
    pub at: At,
    /// The first row's number.
    pub from: u64,
    /// The last row's number.
    pub to: u64,
    /// The rows; all of them are covered by the export's signature, whatever `unsigned` says.
    pub rows: Report,
}

struct Header {
    from: u64,
    to: u64,
    previous: Hash,
    head: Hash,
    box_key: [u8; 32],
    at: At,
}

impl Header {
    fn json(&self) -> String {
        let mut object = Object::new();
        object.text("format", FORMAT);
        object.number("from", self.from);
        object.number("to", self.to);
        object.number("count", self.to.saturating_sub(self.from).saturating_add(1));
        object.text("previous", &hex(&self.previous));
        object.text("head", &hex(&self.head));
        object.text("box_key", &hex(&self.box_key));
        object.number("at", self.at.unix_ms);
        object.text("clock", clock(self.at));
        object.end()
    }

    fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        fn hash(text: &str, part: &'static str) -> Result<Hash, Problem> {
            unhex(text.as_bytes()).ok_or(Problem::Form(part))
        }
        let mut reader = Reader::new(bytes)?;
        if reader.text("format")? != FORMAT {
            return Err(Problem::Form("format"));
        }
        let (from, to) = (reader.number("from")?, reader.number("to")?);
        let count = reader.number("count")?;
        if from == 0 || to < from || (to - from).checked_add(1) != Some(count) {
            return Err(Problem::Form("count"));
        }
        let previous = hash(&reader.text("previous")?, "previous")?;
        let head = hash(&reader.text("head")?, "head")?;
        let box_key = hash(&reader.text("box_key")?, "box_key")?;
        let unix_ms = reader.number("at")?;
        let at = moment(unix_ms, &reader.text("clock")?)?;
        reader.end()?;
        let header = Self { from, to, previous, head, box_key, at };
        if header.json().as_bytes() != bytes {
            return Err(Problem::Form("a second way to write the same header"));
        }
        Ok(header)
    }
}

fn message(json: &[u8]) -> Vec<u8> {
    [DOMAIN, json].concat()
}

/// Makes an export from a ledger's lines, one after another: for a ledger that is larger than memory.
#[derive(Debug)]
pub struct Exporter {
    checker: Checker,
    from: u64,
    to: u64,
    previous: Hash,
}

impl Exporter {
    /// An export of the rows `from` to `to` (numbers, both included) of the box with this key. It wants
    /// every line of the ledger from the first on.
    pub fn new(key: &VerifyingKey, from: u64, to: u64) -> Self {
        let checker = Checker::new(key);
        let previous = checker.report().head;
        Self { checker, from, to, previous }
    }

    /// Whether it needs no more lines.
    pub fn full(&self) -> bool {
        self.checker.report().seq >= self.to
    }

    /// Takes the next line, without its line end; whether the export holds it.
    ///
    /// # Errors
    /// The [`Fault`] that breaks the ledger here.
    pub fn line(&mut self, line: &[u8]) -> Result<bool, Fault> {
        let before = self.checker.report().head;
        let seq = self.checker.line(line)?.seq;
        if seq == self.from {
            self.previous = before;
        }
        Ok(seq >= self.from)
    }

    /// Bytes of the header's line, its end included: known before the rows are.
    pub fn header_length(&self, at: At) -> usize {
        self.json(at, [0; 32]).len() + SIGNATURE_DIGITS + 2
    }

    /// The header's line, signed now; the rows follow it as they were taken.
    ///
    /// # Errors
    /// A [`Fault`] if the ledger did not have all the rows.
    pub fn header(&self, at: At, key: &SigningKey) -> Result<Vec<u8>, Fault> {
        let seq = self.checker.report().seq;
        if self.from == 0 || self.from > self.to || seq != self.to {
            return Err(Problem::Range(seq).at(0));
        }
        let json = self.json(at, key.verifying_key().to_bytes());
        let signature = key.sign(&message(json.as_bytes())).to_bytes();
        Ok(format!("{} {json}\n", hex(&signature)).into_bytes())
    }

    fn json(&self, at: At, box_key: [u8; 32]) -> String {
        let (from, to, previous, head) = (self.from, self.to, self.previous, self.checker.report().head);
        Header { from, to, previous, head, box_key, at }.json()
    }
}

/// Rows `from` to `to` (numbers, both included) of a ledger file, under a header signed now.
///
/// # Errors
/// A [`Fault`] if the ledger is broken up to row `to`, or does not have these rows.
pub fn export(ledger: &[u8], from: u64, to: u64, at: At, key: &SigningKey) -> Result<Vec<u8>, Fault> {
    let mut exporter = Exporter::new(&key.verifying_key(), from, to);
    let mut rows = Vec::new();
    for line in lines(ledger).0 {
        if exporter.full() {
            break;
        }
        if exporter.line(line)? {
            rows.extend_from_slice(line);
            rows.push(b'\n');
        }
    }
    let mut out = exporter.header(at, key)?;
    out.append(&mut rows);
    Ok(out)
}

fn header(line: &[u8], key: &VerifyingKey) -> Result<Header, Problem> {
    let (digits, rest) = line.split_at_checked(SIGNATURE_DIGITS).ok_or(Problem::Form("no signature"))?;
    let signature = unhex(digits).ok_or(Problem::Form("no signature"))?;
    let json = rest.strip_prefix(b" ").ok_or(Problem::Form("no space after the signature"))?;
    let header = Header::parse(json)?;
    if header.box_key != key.to_bytes() {
        return Err(Problem::OtherBox);
    }
    if !signed(key, &message(json), &signature) {
        return Err(Problem::Signature);
    }
    Ok(header)
}

/// Holds an export against the box's public key: every byte of it is vouched for, or refused.
///
/// # Errors
/// The first [`Fault`].
pub fn verify_export(bytes: &[u8], key: &VerifyingKey) -> Result<ExportReport, Fault> {
    if bytes.is_empty() {
        return Err(Problem::Empty.at(0));
    }
    let (mut lines, torn) = lines(bytes);
    let first = lines.next().ok_or(Problem::Unfinished.at(1))?;
    let header = header(first, key).map_err(|what| what.at(1))?;
    let mut checker = Checker::after(key, header.from - 1, header.previous);
    for line in lines {
        // The header is line 1 of the file, the checker counts from the first row.
        checker.line(line).map_err(|fault| Fault { line: fault.line + 1, ..fault })?;
    }
    let rows = checker.report().clone();
    if !torn.is_empty() {
        return Err(Problem::Unfinished.at(rows.rows + 2));
    }
    let said = header.to - header.from + 1;
    if rows.rows != said {
        return Err(Problem::Count { said, found: rows.rows }.at(0));
    }
    if rows.head != header.head {
        return Err(Problem::Head.at(0));
    }
    Ok(ExportReport { at: header.at, from: header.from, to: header.to, rows })
}
