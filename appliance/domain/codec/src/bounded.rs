//! Text, bytes and lists whose limit is part of their type.

use crate::{Input, Malformed, Wire};
use std::{fmt, ops::Deref};

/// A value is longer than its type allows: the limit, and its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLong {
    /// The most that the type allows.
    pub limit: usize,
    /// What was given.
    pub length: usize,
}

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "length {} is above the limit of {}", self.length, self.limit)
    }
}

impl std::error::Error for TooLong {}

fn within(limit: usize, length: usize) -> Result<(), TooLong> {
    if length > limit { Err(TooLong { limit, length }) } else { Ok(()) }
}

/// UTF-8 text of at most `N` bytes.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Text<const N: usize>(String);

impl<const N: usize> Text<N> {
    /// Text that must fit.
    ///
    /// # Errors
    /// [`TooLong`] if it does not.
    pub fn new(text: impl Into<String>) -> Result<Self, TooLong> {
        let text = text.into();
        within(N, text.len())?;
        Ok(Self(text))
    }

    /// Text cut at a character border where it is too long: for what is only shown.
    pub fn cut(text: impl Into<String>) -> Self {
        let mut text = text.into();
        if text.len() > N {
            let end = (0..=N).rev().find(|&i| text.is_char_boundary(i)).unwrap_or(0);
            text.truncate(end);
        }
        Self(text)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<const N: usize> Deref for Text<N> {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl<const N: usize> fmt::Debug for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl<const N: usize> fmt::Display for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl<const N: usize> Wire for Text<N> {
    fn put(&self, out: &mut Vec<u8>) {
        put_count(self.0.len(), out);
        out.extend_from_slice(self.0.as_bytes());
    }

    fn take(input: &mut Input<'_>) -> Result<Self, Malformed> {
        let count = input.count(N)?;
        let text = std::str::from_utf8(input.bytes(count)?).map_err(|_| Malformed::NotText)?;
        Ok(Self(text.to_owned()))
    }
}

/// At most `N` bytes.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Bytes<const N: usize>(Vec<u8>);

impl<const N: usize> Bytes<N> {
    /// Bytes that must fit.
    ///
    /// # Errors
    /// [`TooLong`] if they do not.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Result<Self, TooLong> {
        let bytes = bytes.into();
        within(N, bytes.len())?;
        Ok(Self(bytes))
    }

    /// The bytes, taken out.
    pub fn into_vec(self) -> Vec<u8> {
        self.0
    }
}

impl<const N: usize> Deref for Bytes<N> {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.0
    }
}

/// Only the length: contents may be what a person typed.
impl<const N: usize> fmt::Debug for Bytes<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

impl<const N: usize> Wire for Bytes<N> {
    fn put(&self, out: &mut Vec<u8>) {
        put_count(self.0.len(), out);
        out.extend_from_slice(&self.0);
    }

    fn take(input: &mut Input<'_>) -> Result<Self, Malformed> {
        let count = input.count(N)?;
        Ok(Self(input.bytes(count)?.to_vec()))
    }
}

/// At most `N` values.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct List<T, const N: usize>(Vec<T>);

impl<T, const N: usize> Default for List<T, N> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T, const N: usize> List<T, N> {
    /// Values that must fit.
    ///
    /// # Errors
    /// [`TooLong`] if they do not.
    pub fn new(values: impl Into<Vec<T>>) -> Result<Self, TooLong> {
        let values = values.into();
        within(N, values.len())?;
        Ok(Self(values))
    }

    /// The values, taken out.
    pub fn into_vec(self) -> Vec<T> {
        self.0
    }
}

impl<T, const N: usize> Deref for List<T, N> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T: Wire, const N: usize> Wire for List<T, N> {
    fn put(&self, out: &mut Vec<u8>) {
        put_count(self.0.len(), out);
        for value in &self.0 {
            value.put(out);
        }
    }

    fn take(input: &mut Input<'_>) -> Result<Self, Malformed> {
        let count = input.count(N)?;
        // Grown as values arrive: a count alone reserves nothing.
        let mut values = Vec::new();
        for _ in 0..count {
            values.push(T::take(input)?);
        }
        Ok(Self(values))
    }
}

fn put_count(count: usize, out: &mut Vec<u8>) {
    let count = u32::try_from(count).expect("limits of bounded types are below 4 GiB");
    out.extend_from_slice(&count.to_le_bytes());
}
