//! Reading from bytes that nobody vouches for.

use std::fmt;

/// Why bytes are not a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Malformed {
    /// The bytes end inside a value.
    Short,
    /// Bytes are left after the value; the count of them.
    Trailing(usize),
    /// No variant has this tag; the type's name and the tag.
    Tag(&'static str, u8),
    /// A count is above its limit; the limit and what was asked.
    Limit(usize, usize),
    /// Text is not UTF-8.
    NotText,
    /// A second form of a value that has only one; the type's name.
    NotCanonical(&'static str),
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short => write!(f, "message ends inside a value"),
            Self::Trailing(n) => write!(f, "{n} bytes left after the message"),
            Self::Tag(name, tag) => write!(f, "{name} has no variant {tag}"),
            Self::Limit(limit, asked) => write!(f, "count {asked} is above the limit of {limit}"),
            Self::NotText => write!(f, "text is not UTF-8"),
            Self::NotCanonical(name) => write!(f, "{name} is not in its one canonical form"),
        }
    }
}

impl std::error::Error for Malformed {}

/// A cursor over received bytes.
#[derive(Debug)]
pub struct Input<'a> {
    rest: &'a [u8],
}

impl<'a> Input<'a> {
    /// A cursor at the front of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The next `count` bytes.
    ///
    /// # Errors
    /// [`Malformed::Short`] if fewer are left.
    pub fn bytes(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (head, tail) = self.rest.split_at_checked(count).ok_or(Malformed::Short)?;
        self.rest = tail;
        Ok(head)
    }

    /// The next `N` bytes as an array.
    ///
    /// # Errors
    /// [`Malformed::Short`] if fewer are left.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (head, tail) = self.rest.split_first_chunk::<N>().ok_or(Malformed::Short)?;
        self.rest = tail;
        Ok(*head)
    }

    /// A count that is at most `limit`, and whose elements can still be there (one byte each).
    ///
    /// # Errors
    /// [`Malformed::Limit`] above the limit, [`Malformed::Short`] if the bytes can't be there.
    pub fn count(&mut self, limit: usize) -> Result<usize, Malformed> {
        let asked = u32::from_le_bytes(self.array()?) as usize;
        if asked > limit {
            return Err(Malformed::Limit(limit, asked));
        }
        if asked > self.rest.len() {
            return Err(Malformed::Short);
        }
        Ok(asked)
    }

    /// Nothing may be left.
    ///
    /// # Errors
    /// [`Malformed::Trailing`] if anything is.
    pub fn end(&self) -> Result<(), Malformed> {
        match self.rest.len() {
            0 => Ok(()),
            left => Err(Malformed::Trailing(left)),
        }
    }
}
