//! What a machine sent, made safe for the terminal of who looks on or back: byte streams pass the box
//! as they are, and may hold what drives a terminal.

use std::collections::BTreeMap;
use stream::filter::Filter;

/// One filter for each stream of each channel: a sequence may be split between two parts.
#[derive(Default)]
pub struct Screen {
    streams: BTreeMap<(u32, u8), Filter>,
}

impl Screen {
    /// The bytes to show.
    pub fn show(&mut self, channel: u32, stream: u8, bytes: &[u8]) -> Vec<u8> {
        let mut shown = Vec::with_capacity(bytes.len());
        self.streams.entry((channel, stream)).or_default().filter(bytes, &mut shown);
        shown
    }
}
