//! Is a ledger whole?

use crate::event::At;
use crate::fault::{Fault, Problem};
use crate::row::{Hash, Row, chain, checkpoint_message, genesis, parse, signed};
use ed25519_dalek::VerifyingKey;

/// What an unbroken ledger, or a part of one, amounts to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Rows seen.
    pub rows: u64,
    /// The last row's number: with `head`, what is compared with the console and the SIEM.
    pub seq: u64,
    /// The last row's hash.
    pub head: Hash,
    /// Checkpoints among the rows, each signed by the box.
    pub checkpoints: u64,
    /// Rows after the last checkpoint: chained, but by nobody signed yet. Who holds the file could
    /// have written them anew.
    pub unsigned: u64,
    /// Rows written while the clock was not known to be right.
    pub unknown_clock: u64,
    /// The first row's moment.
    pub first: Option<At>,
    /// The last row's moment.
    pub last: Option<At>,
}

/// Holds one line after another against the chain; for files that are larger than memory.
#[derive(Debug, Clone)]
pub struct Checker {
    key: VerifyingKey,
    line: u64,
    report: Report,
}

impl Checker {
    /// A checker that expects row 1 of the box with this key.
    pub fn new(key: &VerifyingKey) -> Self {
        Self::after(key, 0, genesis(key))
    }

    /// A checker that expects the row after row `seq` with hash `head`.
    pub fn after(key: &VerifyingKey, seq: u64, head: Hash) -> Self {
        let report = Report {
            rows: 0,
            seq,
            head,
            checkpoints: 0,
            unsigned: 0,
            unknown_clock: 0,
            first: None,
            last: None,
        };
        Self { key: *key, line: 0, report }
    }

    /// Takes the next line, without its line end.
    ///
    /// # Errors
    /// The [`Fault`]; the checker then stays where it was.
    pub fn line(&mut self, line: &[u8]) -> Result<Row, Fault> {
        let number = self.line + 1;
        let row = self.next(line).map_err(|what| what.at(number))?;
        self.line = number;
        let report = &mut self.report;
        report.rows += 1;
        report.seq = row.seq;
        report.head = row.hash;
        report.first = report.first.or(Some(row.at));
        report.last = Some(row.at);
        report.unknown_clock += u64::from(!row.at.known);
        if row.signature.is_some() {
            report.checkpoints += 1;
            report.unsigned = 0;
        } else {
            report.unsigned += 1;
        }
        Ok(row)
    }

    fn next(&self, line: &[u8]) -> Result<Row, Problem> {
        let row = parse(line)?;
        let previous = &self.report.head;
        if chain(previous, &line[65..]) != row.hash {
            // A row that is missing says so more plainly by its number than by its hash.
            return Err(self.number(row.seq).err().unwrap_or(Problem::Hash));
        }
        self.number(row.seq)?;
        if let Some(signature) = &row.signature {
            let message = checkpoint_message(row.seq, previous, row.at);
            if !signed(&self.key, &message, signature) {
                return Err(Problem::Signature);
            }
        }
        Ok(row)
    }

    fn number(&self, found: u64) -> Result<(), Problem> {
        match self.report.seq.checked_add(1) {
            Some(due) if due == found => Ok(()),
            Some(due) => Err(Problem::Number { due, found }),
            None => Err(Problem::Form("seq")),
        }
    }

    /// What was seen so far.
    pub fn report(&self) -> &Report {
        &self.report
    }
}

/// Splits whole lines off: the lines without their ends, and what is left without one.
pub(crate) fn lines(bytes: &[u8]) -> (impl Iterator<Item = &[u8]>, &[u8]) {
    let whole = bytes.iter().rposition(|&b| b == b'\n').map_or(0, |i| i + 1);
    let (done, torn) = bytes.split_at(whole);
    (done.split_inclusive(|&b| b == b'\n').map(|line| &line[..line.len() - 1]), torn)
}

/// Holds a whole ledger file against the box's public key.
///
/// It finds every change inside; it cannot find that the newest rows were taken away, for which the
/// report's `seq` and `head` are compared with what the box or the SIEM says.
///
/// # Errors
/// The first [`Fault`].
pub fn verify(bytes: &[u8], key: &VerifyingKey) -> Result<Report, Fault> {
    let mut checker = Checker::new(key);
    let (lines, torn) = lines(bytes);
    for line in lines {
        checker.line(line)?;
    }
    let report = checker.report;
    if !torn.is_empty() {
        return Err(Problem::Unfinished.at(report.rows + 1));
    }
    if report.rows == 0 {
        return Err(Problem::Empty.at(0));
    }
    Ok(report)
}
