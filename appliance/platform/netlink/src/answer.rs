//! Which bytes of what the kernel sends answer a request, and where the answer ends.

use crate::Fault;
use crate::message::{ACK, CHANGED, DONE, DUMP, ERROR, Header, word};

/// What an answer has to look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question {
    sequence: u32,
    until: Until,
}

/// What ends an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Until {
    /// An acknowledgement.
    Acknowledged,
    /// The end of a list.
    Listed,
    /// The one message.
    Answered,
}

/// What one datagram is to an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// So many of its first bytes belong to the answer, whole messages.
    pub bytes: usize,
    /// Whether the answer ends with it.
    pub last: bool,
}

impl Question {
    /// What a complete request asks. None if it is none.
    #[must_use]
    pub fn of(request: &[u8]) -> Option<Self> {
        let (mut rest, mut sequence, mut until) = (request, None, Until::Answered);
        while let Some((header, _, next)) = Header::first(rest) {
            sequence.get_or_insert(header.sequence);
            if header.flags & ACK != 0 {
                until = Until::Acknowledged;
            } else if header.flags & DUMP == DUMP {
                until = Until::Listed;
            }
            rest = next;
        }
        if rest.is_empty() { Some(Self { sequence: sequence?, until }) } else { None }
    }

    /// Reads one datagram of the kernel. One that answers another request is nothing to this one.
    ///
    /// # Errors
    /// The kernel's refusal; [`Fault::CHANGED`] of a list that is not of one moment; [`Fault::Malformed`].
    pub fn read(&self, datagram: &[u8]) -> Result<Part, Fault> {
        let (mut rest, mut bytes) = (datagram, 0);
        while !rest.is_empty() {
            let (header, body, next) = Header::first(rest).ok_or(Fault::Malformed)?;
            if header.sequence != self.sequence {
                return Ok(Part { bytes, last: false });
            }
            match header.kind {
                ERROR => match word(body, 0).ok_or(Fault::Malformed)?.cast_signed() {
                    0 => return Ok(Part { bytes, last: self.until == Until::Acknowledged }),
                    code => return Err(Fault::Os(code.saturating_neg())),
                },
                DONE => match word(body, 0).map_or(0, u32::cast_signed) {
                    // A list that went wrong says so in its end.
                    code if code < 0 => return Err(Fault::Os(code.saturating_neg())),
                    _ => return Ok(Part { bytes, last: true }),
                },
                _ if header.flags & CHANGED != 0 && self.until == Until::Listed => return Err(Fault::CHANGED),
                _ => bytes = datagram.len() - next.len(),
            }
            if self.until == Until::Answered {
                return Ok(Part { bytes, last: true });
            }
            rest = next;
        }
        Ok(Part { bytes, last: false })
    }
}
