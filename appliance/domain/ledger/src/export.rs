//! A part of the ledger as one file that stands by itself.

use crate::event::At;
use crate::fault::{Fault, Problem};
use crate::json::{Object, Reader};
use crate::row::{Hash, clock, moment, signed};
use crate::verify::{Checker, Report, lines};
use crate::{hex, unhex};
use ed25519_dalek::{Signer, SigningKey, VerifyingKey};

const DOMAIN: &[u8] = b"dinlock ledger export 1\0";
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
        object.number("count", self.to - self.from + 1);
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

/// Rows `from` to `to` (numbers, both included) of a ledger file, under a header signed now.
///
/// # Errors
/// A [`Fault`] if the ledger is broken up to row `to`, or does not have these rows.
pub fn export(ledger: &[u8], from: u64, to: u64, at: At, key: &SigningKey) -> Result<Vec<u8>, Fault> {
    let box_key = key.verifying_key();
    let mut checker = Checker::new(&box_key);
    let mut previous = checker.report().head;
    let mut rows = Vec::new();
    for line in lines(ledger).0 {
        if checker.report().seq == to {
            break;
        }
        let before = checker.report().head;
        let row = checker.line(line)?;
        if row.seq == from {
            previous = before;
        }
        if row.seq >= from {
            rows.extend_from_slice(line);
            rows.push(b'\n');
        }
    }
    let report = checker.report();
    if from == 0 || from > to || report.seq != to {
        return Err(Problem::Range(report.seq).at(0));
    }
    let header = Header { from, to, previous, head: report.head, box_key: box_key.to_bytes(), at };
    let json = header.json();
    let signature = key.sign(&message(json.as_bytes())).to_bytes();
    let mut out = format!("{} {json}\n", hex(&signature)).into_bytes();
    out.extend_from_slice(&rows);
    Ok(out)
}

fn header(line: &[u8], key: &VerifyingKey) -> Result<Header, Problem> {
    let (digits, rest) = line.split_at_checked(128).ok_or(Problem::Form("no signature"))?;
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
