//! One slot of the latch as a file: a fixed size, so that a write replaces all of it, and a checksum over
//! all of it, so that what was torn, cut short or rotted is nothing rather than something else.
//!
//! | bytes | what |
//! |---|---|
//! | 0..8 | [`MAGIC`] |
//! | 8..10 | [`VERSION`], little-endian |
//! | 10..12 | length of the record, little-endian |
//! | 12..224 | the record in its one binary form (`codec`), then zeroes |
//! | 224..256 | SHA-256 of bytes 0..224 |

use crate::facts::Slot;
use codec::Wire;
use sha2::{Digest, Sha256};

/// A slot file's length: less than the 512 bytes that a disk writes at once.
pub const BYTES: usize = 256;
/// How each begins.
pub const MAGIC: [u8; 8] = *b"DINLATCH";
/// The format's version.
pub const VERSION: u16 = 1;
/// The highest sequence that counts. No box gets there: a higher one was made by nobody whom we know, and
/// counting on from it would end in numbers that no longer grow.
pub const SEQUENCE_MAX: u64 = u64::MAX >> 1;

const HEAD: usize = 12;
const SUMMED: usize = BYTES - 32;

/// Replaces what is in `out` by the file. Allocates nothing where `out` can hold [`BYTES`] already.
pub fn encode(slot: &Slot, out: &mut Vec<u8>) {
    out.clear();
    out.extend_from_slice(&MAGIC);
    VERSION.put(out);
    0_u16.put(out);
    slot.put(out);
    // A record has at most 95 bytes (`tests/slot_file.rs`): the cast and the cut below lose nothing.
    let length = u16::try_from(out.len().saturating_sub(HEAD)).unwrap_or(u16::MAX);
    if let Some(place) = out.get_mut(HEAD - 2..HEAD) {
        place.copy_from_slice(&length.to_le_bytes());
    }
    out.resize(SUMMED, 0);
    let sum = Sha256::digest(out.as_slice());
    out.extend_from_slice(&sum);
}

/// The slot that a file holds; none if it holds nothing whole.
#[must_use]
pub fn decode(file: &[u8]) -> Option<Slot> {
    let file: &[u8; BYTES] = file.try_into().ok()?;
    let (summed, sum) = file.split_at_checked(SUMMED)?;
    if Sha256::digest(summed).as_slice() != sum {
        return None;
    }
    let mut input = codec::Input::new(summed);
    let (magic, version) = (input.array::<8>().ok()?, u16::take(&mut input).ok()?);
    let length = u16::take(&mut input).ok()?;
    let record = input.bytes(usize::from(length)).ok()?;
    let rest = summed.get(HEAD.checked_add(usize::from(length))?..)?;
    let slot: Slot = codec::decode(record).ok()?;
    let whole = magic == MAGIC && version == VERSION && rest.iter().all(|byte| *byte == 0) && slot.sequence <= SEQUENCE_MAX;
    whole.then_some(slot)
}
