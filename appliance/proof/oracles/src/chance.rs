//! Seeded chance: inputs that are the same in every run, valid values of any wire type, and changes.

use codec::{Malformed, Wire};

/// Small, seeded, good enough (splitmix64).
#[derive(Debug, Clone)]
pub struct Dice(pub u64);

impl Dice {
    /// The next 64 bits.
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from 0 to before `end`, or 0.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.roll() % (end.max(1) as u64)).unwrap_or_default()
    }

    /// Any byte.
    pub fn byte(&mut self) -> u8 {
        self.roll().to_le_bytes()[3]
    }

    /// So many bytes.
    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.byte()).collect()
    }
}

/// Cuts `bytes` into pieces of chance lengths; the pieces together are `bytes`.
pub fn pieces(bytes: &[u8]) -> Vec<&[u8]> {
    let mut dice = Dice(bytes.iter().fold(bytes.len() as u64, |sum, &b| sum.rotate_left(5) ^ u64::from(b)));
    let (mut rest, mut out) = (bytes, Vec::new());
    while !rest.is_empty() {
        let (piece, tail) = rest.split_at(dice.below(7).min(rest.len()));
        out.push(piece);
        rest = tail;
    }
    out
}

/// Inputs for one oracle: its seeds as they are, then seeds with a few changes, and a tenth of random bytes.
pub fn inputs(seeds: Vec<Vec<u8>>, seed: u64, rounds: usize) -> impl Iterator<Item = Vec<u8>> {
    let mut dice = Dice(seed);
    let plain = seeds.clone().into_iter();
    plain.chain((0..rounds).map(move |_| {
        if seeds.is_empty() || dice.below(10) == 0 {
            let length = dice.below(64);
            return dice.bytes(length);
        }
        let other = dice.below(seeds.len());
        let mut bytes = seeds[dice.below(seeds.len())].clone();
        for _ in 0..=dice.below(4) {
            change(&mut dice, &mut bytes, &seeds[other]);
        }
        bytes
    }))
}

/// What a hostile hand would write in the place of a byte or a count.
const BYTES: [u8; 12] = [0, 1, 2, 0x7f, 0x80, 0xff, b'\n', b'"', b' ', 0x1b, b'0', b'{'];
const COUNTS: [u32; 8] = [0, 1, 0x100, 0xffff, 0x1_0000, 0x7fff_ffff, 0x8000_0000, u32::MAX];

fn change(dice: &mut Dice, bytes: &mut Vec<u8>, other: &[u8]) {
    let at = dice.below(bytes.len());
    let to = (at + dice.below(16)).min(bytes.len());
    match dice.below(9) {
        0 => bytes.truncate(at),
        1 => bytes.insert(at, BYTES[dice.below(BYTES.len())]),
        2 => drop(bytes.drain(at..to)),
        3 => drop(bytes.splice(at..at, bytes[at..to].to_vec())),
        4 => {
            let from = dice.below(other.len());
            let end = (from + dice.below(32)).min(other.len());
            drop(bytes.splice(at..to, other[from..end].to_vec()));
        }
        5 => {
            let count = COUNTS[dice.below(COUNTS.len())].to_le_bytes();
            for (byte, new) in bytes.iter_mut().skip(at).zip(count) {
                *byte = new;
            }
        }
        change => {
            let bit = 1 << dice.below(8);
            let new = [BYTES[dice.below(BYTES.len())], dice.byte()];
            if let Some(byte) = bytes.get_mut(at) {
                *byte = match change {
                    6 => *byte ^ bit,
                    7 => new[0],
                    _ => new[1],
                };
            }
        }
    }
}

/// A valid form of a `T` that begins with `first`: bytes are added until the decoder is content, and
/// put right where it says what is wrong. None if no value begins so.
pub fn grow<T: Wire>(first: &[u8], dice: &mut Dice) -> Option<Vec<u8>> {
    let mut bytes = first.to_vec();
    for _ in 0..3_000 {
        let end = bytes.len();
        match codec::decode::<T>(&bytes) {
            Ok(_) => return Some(bytes),
            Err(Malformed::Short) => bytes.push([0, 0, 0, 0, 0, 1, 2, 3, b'a'][dice.below(9)]),
            Err(_) if end <= first.len() => return None,
            // Only what was added last can be wrong: before it, the decoder wanted more.
            Err(Malformed::Tag(_, _)) => bytes[end - 1] = bytes[end - 1].checked_add(1)?,
            Err(Malformed::Limit(limit, asked)) => {
                let asked = if asked > 0xff { dice.below(4) } else { asked / 2 };
                let count = u32::try_from(asked.min(limit)).ok()?;
                let at = end.checked_sub(4)?;
                bytes[at..].copy_from_slice(&count.to_le_bytes());
            }
            // An id: its count is its last four bytes while it is empty, then its characters.
            Err(Malformed::NotCanonical(_)) => {
                let at = end.checked_sub(4)?;
                if bytes[at..] == [0; 4] {
                    bytes[at] = 1;
                } else {
                    let last = bytes[end - 1];
                    bytes[end - 1] = b'a';
                    if last == b'a' {
                        let wrong = (at..end).rev().find(|&i| !bytes[i].is_ascii_lowercase())?;
                        bytes[wrong] = b'a';
                    }
                }
            }
            Err(Malformed::Trailing(_) | Malformed::NotText) => return None,
        }
    }
    None
}

/// Some valid forms of a `T`: of an enum, several of each variant.
pub fn grown<T: Wire>(out: &mut Vec<Vec<u8>>) {
    let mut dice = Dice(1);
    let begin = out.len();
    for tag in 0..=64 {
        for _ in 0..3 {
            out.extend(grow::<T>(&[tag], &mut dice));
        }
    }
    if out.len() == begin {
        out.extend((0..8).filter_map(|_| grow::<T>(&[], &mut dice)));
    }
    out[begin..].sort();
    out.dedup();
}
