//! The binary form of every typed message: bounded, canonical, without I/O.
//!
//! It must never allocate more than a message's own length, never accept two encodings of one
//! value, and never panic on any bytes. Proof: `tests/hostile.rs`.
//!
//! Integers are little-endian and fixed in width; text, bytes and lists carry a `u32` count that is
//! held against the type's own limit before anything is reserved.

mod bounded;
mod input;
mod macros;
mod plain;

pub use bounded::{Bytes, List, Text, TooLong};
pub use input::{Input, Malformed};

/// A value with exactly one binary form.
pub trait Wire: Sized {
    /// Appends this value's binary form.
    fn put(&self, out: &mut Vec<u8>);

    /// Reads one value from the front of `input`.
    ///
    /// # Errors
    /// [`Malformed`] names what was wrong; the caller ends the peer.
    fn take(input: &mut Input<'_>) -> Result<Self, Malformed>;
}

/// The binary form of `value`.
pub fn encode<T: Wire>(value: &T) -> Vec<u8> {
    let mut out = Vec::with_capacity(64);
    value.put(&mut out);
    out
}

/// Reads one value that must fill `bytes` whole.
///
/// # Errors
/// [`Malformed`] if the bytes are not one canonical value, or if any are left over.
pub fn decode<T: Wire>(bytes: &[u8]) -> Result<T, Malformed> {
    let mut input = Input::new(bytes);
    let value = T::take(&mut input)?;
    input.end()?;
    Ok(value)
}
