//! What can be wrong.

use codec::Malformed;
use std::{fmt, io};

/// Why a recording can't be begun. The session must not start then.
#[derive(Debug)]
pub enum SealError {
    /// Nobody could ever read it.
    NoRecipient,
    /// More recipients than a header holds: the limit, and how many were given.
    TooManyRecipients(usize, usize),
    /// This is no `age1...` recipient.
    BadRecipient(String),
    /// The key could not be wrapped; what the age library said.
    Wrap(String),
}

/// Why a recording, or the rest of it, can't be read.
#[derive(Debug)]
pub enum ReadError {
    /// The source failed.
    Io(io::Error),
    /// It does not begin like a recording.
    NotARecording,
    /// A version that this program does not know.
    Version(u16),
    /// It ends inside the header: the box lost power at the session's first moment.
    HeaderCut,
    /// The header says it is longer than a header can be: bytes.
    HeaderLength(u32),
    /// The header's fields can't be read.
    Header(Malformed),
    /// The header is not the one that the frames were sealed under.
    HeaderChanged,
    /// There is no identity in the text.
    NoIdentity,
    /// The identity in this line (from 1) can't be read.
    BadIdentity(usize),
    /// None of the identities is an auditor's of this recording.
    WrongIdentity,
    /// The wrapped key is damaged; what the age library said.
    WrappedKey(String),
    /// A frame is missing, doubled or in a wrong place: which was due, which is there.
    OutOfOrder {
        /// The frame that must come here.
        due: u64,
        /// The frame that stands here.
        found: u64,
    },
    /// A frame's length is impossible: frame, bytes.
    Length(u64, u32),
    /// A frame's kind or flags are not of this version: frame.
    Kind(u64),
    /// A frame is not as it was sealed: frame.
    Changed(u64),
    /// A frame was sealed with contents that are no items: frame, and what is wrong.
    Content(u64, Malformed),
    /// A frame's compressed contents can't be expanded within the limit: frame.
    Expand(u64),
    /// Something follows the end of the recording.
    AfterEnd,
    /// The end frame does not agree with the frames before it.
    EndDisagrees,
    /// The recording was not closed, and a closed one was asked for: whole up to this microsecond.
    NotClosed(u64),
}

/// Why a recording fails a check without a key.
#[derive(Debug)]
pub enum CheckError {
    /// Its structure is broken.
    Structure(ReadError),
    /// The marks given are not in the order of their lengths: a length that goes back.
    MarkOrder(u64),
    /// The bytes up to this length are not those that the ledger marked.
    Mark(u64),
    /// The ledger marked more bytes than there are.
    Short {
        /// What the ledger marked.
        marked: u64,
        /// What is there.
        found: u64,
    },
    /// It must be closed, and is whole only up to this length.
    NotClosed(u64),
    /// Its last mark does not cover all of it.
    NotCovered {
        /// What the last mark covers.
        marked: u64,
        /// What is there.
        found: u64,
    },
}

impl fmt::Display for SealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRecipient => write!(f, "no auditor recipient: name at least one in the plant file"),
            Self::TooManyRecipients(limit, found) => {
                write!(f, "{found} auditor recipients, at most {limit} fit: name fewer in the plant file")
            }
            Self::BadRecipient(text) => write!(f, "auditor recipient {text:?} is not an age1... key"),
            Self::Wrap(why) => write!(f, "the session key can't be wrapped: {why}"),
        }
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "the recording can't be read: {error}"),
            Self::NotARecording => write!(f, "this is not a recording"),
            Self::Version(found) => write!(f, "recording version {found} is not known: use a newer dinlock"),
            Self::HeaderCut => write!(f, "the recording ends inside its header: nothing was recorded"),
            Self::HeaderLength(found) => write!(f, "a header of {found} bytes is impossible"),
            Self::Header(why) => write!(f, "the header can't be read: {why}"),
            Self::HeaderChanged => write!(f, "the header was changed after the recording was made"),
            Self::NoIdentity => write!(f, "no identity: give a file with an AGE-SECRET-KEY-1 line"),
            Self::BadIdentity(line) => write!(f, "the identity in line {line} can't be read"),
            Self::WrongIdentity => write!(f, "the identity is not one of this recording's auditors"),
            Self::WrappedKey(why) => write!(f, "the wrapped session key is damaged: {why}"),
            Self::OutOfOrder { due, found } => write!(f, "frame {due} must come here, frame {found} does"),
            Self::Length(frame, found) => write!(f, "frame {frame} says an impossible length of {found} bytes"),
            Self::Kind(frame) => write!(f, "frame {frame} is of an unknown kind"),
            Self::Changed(frame) => write!(f, "frame {frame} was changed after it was sealed"),
            Self::Content(frame, why) => write!(f, "frame {frame} holds something else than items: {why}"),
            Self::Expand(frame) => write!(f, "frame {frame} can't be expanded"),
            Self::AfterEnd => write!(f, "something follows the recording's end"),
            Self::EndDisagrees => write!(f, "the end frame does not agree with the frames before it"),
            Self::NotClosed(us) => write!(f, "the recording was not closed: whole up to {us} us"),
        }
    }
}

impl fmt::Display for CheckError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Structure(error) => error.fmt(f),
            Self::MarkOrder(length) => write!(f, "the mark at {length} bytes comes after a longer one"),
            Self::Mark(length) => write!(f, "the first {length} bytes are not those that the ledger marked"),
            Self::Short { marked, found } => write!(f, "{found} bytes are there, the ledger marked {marked}"),
            Self::NotClosed(whole) => write!(f, "the recording was not closed: whole up to byte {whole}"),
            Self::NotCovered { marked, found } => {
                write!(f, "the last mark covers {marked} bytes, {found} are there")
            }
        }
    }
}

impl std::error::Error for SealError {}
impl std::error::Error for ReadError {}
impl std::error::Error for CheckError {}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<ReadError> for CheckError {
    fn from(error: ReadError) -> Self {
        Self::Structure(error)
    }
}
