//! The users of workers: a ring, so that one comes back only after all the others. Who still lives is
//! passed over.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

/// First and last.
pub const RANGE: RangeInclusive<u32> = 100_000..=119_999;

/// Whose turn it is.
#[derive(Debug)]
pub struct Uids {
    next: u32,
    living: BTreeSet<u32>,
}

impl Uids {
    /// Goes on where the mark says that the last launcher stopped; `living` are the users of processes
    /// that are there already, its workers.
    ///
    /// # Errors
    /// If the mark is none that a launcher writes.
    pub fn new(mark: Option<&[u8]>, living: BTreeSet<u32>) -> Result<Self, String> {
        let next = match mark {
            None => Some(*RANGE.start()),
            Some(bytes) => str::from_utf8(bytes).ok().and_then(|text| text.parse().ok()),
        };
        match next.filter(|uid| RANGE.contains(uid)) {
            Some(next) => Ok(Self { next, living }),
            None => Err(format!("names no user of {}..={}", RANGE.start(), RANGE.end())),
        }
    }

    /// A user that nobody has, nor had within the last 10,000 starts. Nothing if all of them live.
    pub fn take(&mut self) -> Option<u32> {
        for _ in RANGE {
            let uid = self.next;
            self.next = if uid == *RANGE.end() { *RANGE.start() } else { uid + 1 };
            if self.living.insert(uid) {
                return Some(uid);
            }
        }
        None
    }

    /// What the next launcher has to know.
    #[must_use]
    pub fn mark(&self) -> String {
        self.next.to_string()
    }

    /// Its process has ended.
    pub fn ended(&mut self, uid: u32) {
        self.living.remove(&uid);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{HashMap, VecDeque};

    const APART: usize = 10_000;

    /// Fewest starts between two uses of one user, over 50,000 starts of workers of which `lives` live
    /// at once, with a launcher that is restarted after each `every`.
    fn nearest(lives: usize, every: usize, with_mark: bool) -> usize {
        let mut uids = Uids::new(None, BTreeSet::new()).unwrap();
        let mut alive = VecDeque::new();
        let mut last: HashMap<u32, usize> = HashMap::new();
        let mut nearest = usize::MAX;
        for start in 0..50_000 {
            if start % every == every - 1 {
                let mark = uids.mark();
                let mark = with_mark.then_some(mark.as_bytes());
                uids = Uids::new(mark, alive.iter().copied().collect()).unwrap();
            }
            let uid = uids.take().unwrap();
            assert!(!alive.contains(&uid), "{uid} lives");
            if let Some(before) = last.insert(uid, start) {
                nearest = nearest.min(start - before);
            }
            alive.push_back(uid);
            if alive.len() > lives {
                uids.ended(alive.pop_front().unwrap());
            }
        }
        nearest
    }

    #[test]
    fn a_user_is_not_used_again_within_ten_thousand_starts() {
        assert!(nearest(576, usize::MAX, true) >= APART);
        assert!(nearest(576, 7, true) >= APART, "nor over restarts");
        assert!(nearest(576, 7, false) < APART, "the mark is what keeps them apart over restarts");
    }

    #[test]
    fn a_user_that_lives_is_passed_over() {
        let (first, second) = (*RANGE.start(), RANGE.start() + 1);
        let mut uids = Uids::new(None, BTreeSet::from([first])).unwrap();
        assert_eq!(uids.take(), Some(second));
        assert_eq!(Uids::new(None, BTreeSet::new()).unwrap().take(), Some(first), "one that does not is not");
        let mut full = Uids::new(None, RANGE.collect()).unwrap();
        assert_eq!(full.take(), None);
        full.ended(second);
        assert_eq!(full.take(), Some(second));
    }

    #[test]
    fn a_mark_of_somebody_else_is_an_error() {
        for mark in [&b"0"[..], b"120000", b"", b"\xff", b"-1"] {
            assert!(Uids::new(Some(mark), BTreeSet::new()).is_err(), "{mark:?}");
        }
        assert_eq!(Uids::new(Some(b"119999"), BTreeSet::new()).unwrap().take(), Some(119_999));
    }
}
