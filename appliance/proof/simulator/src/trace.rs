//! The last things that happened, for people, and a hash of all of them, for replays.

use std::collections::VecDeque;

/// See above.
pub(crate) struct Trace {
    last: VecDeque<String>,
    kept: usize,
    hash: u64,
}

impl Trace {
    /// Keeps so many lines.
    pub fn new(kept: usize) -> Self {
        Self { last: VecDeque::new(), kept, hash: 0xcbf2_9ce4_8422_2325 }
    }

    pub fn note(&mut self, at_us: u64, text: String) {
        // FNV-1a: only equal stories have to have equal hashes.
        for byte in at_us.to_le_bytes().iter().chain(text.as_bytes()) {
            self.hash = (self.hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
        if self.kept == 0 {
            return;
        }
        if self.last.len() == self.kept {
            self.last.pop_front();
        }
        self.last.push_back(format!("{:>12.6} s  {text}", at_us as f64 / 1e6));
    }

    pub fn hash(&self) -> u64 {
        self.hash
    }

    pub fn last(&self) -> Vec<String> {
        self.last.iter().cloned().collect()
    }
}
