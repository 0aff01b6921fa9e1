//! What is wrong with a file, and where.

use std::fmt;

/// The first thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The line, counted from 1; 0 if it is the file as a whole.
    pub line: u64,
    /// What is wrong there.
    pub what: Problem,
}

/// Kinds of wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// There is nothing in it.
    Empty,
    /// The last line has no line end: it was cut, or the file is still being copied.
    Unfinished,
    /// The line is not in the one form that the format allows; the part that is not.
    Form(&'static str),
    /// The numbers do not follow each other: which was due, which is there.
    Number {
        /// The number that must come here.
        due: u64,
        /// The number that stands here.
        found: u64,
    },
    /// The hash is not that of the row and all rows before it: this or an earlier row was changed.
    Hash,
    /// The signature is not the box's over this.
    Signature,
    /// It was made by another box than the one asked for.
    OtherBox,
    /// The file does not have as many rows or files as it says.
    Count {
        /// What the signed header says.
        said: u64,
        /// What is there.
        found: u64,
    },
    /// The last row is not the one that the signed header names.
    Head,
    /// Rows were asked for that the ledger does not have; its last row.
    Range(u64),
    /// A file's name can't stand in a manifest.
    Name(String),
    /// A file is in the manifest and not in the directory.
    Missing(String),
    /// A file is in the directory and not in the manifest.
    Extra(String),
    /// A file's size or contents are not those of the manifest.
    Changed(String),
}

impl Problem {
    pub(crate) fn at(self, line: u64) -> Fault {
        Fault { line, what: self }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(f, "the file is empty: fetch it again from the box"),
            Self::Unfinished => write!(f, "the last line is cut: fetch the file again, or let the box recover it"),
            Self::Form(part) => write!(f, "not a canonical line: {part}"),
            Self::Number { due, found } => write!(f, "row {due} must come here, row {found} does"),
            Self::Hash => write!(f, "the hash does not match: this row or one before it was changed"),
            Self::Signature => write!(f, "the signature is not this box's"),
            Self::OtherBox => write!(f, "it was made by another box: compare the key with the box's console"),
            Self::Count { said, found } => write!(f, "the header says {said}, there are {found}"),
            Self::Head => write!(f, "the last row is not the one that the header names"),
            Self::Range(last) => write!(f, "the ledger has no such rows: choose from 1 to {last}"),
            Self::Name(name) => write!(f, "file name {name:?} can't stand in a manifest: use a-z A-Z 0-9 . _ - and /"),
            Self::Missing(name) => write!(f, "file {name} is missing"),
            Self::Extra(name) => write!(f, "file {name} is not in the manifest"),
            Self::Changed(name) => write!(f, "file {name} is not the one in the manifest"),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => self.what.fmt(f),
            line => write!(f, "line {line}: {}", self.what),
        }
    }
}

impl std::error::Error for Fault {}
impl std::error::Error for Problem {}
