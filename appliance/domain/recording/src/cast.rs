//! One terminal of a recording as asciicast v2, which common players show.

use crate::header::Header;
use crate::item::{Item, What};
use crate::utf8::{Utf8, json};
use std::fmt::Write;

/// Writes asciicast v2: a header line, then a line for each event. Only one channel fits into one.
#[derive(Debug)]
pub struct Cast {
    title: String,
    started_s: u64,
    channel: Option<u32>,
    begun: bool,
    output: Utf8,
    input: Utf8,
}

impl Cast {
    /// A cast of one channel; with none given, the first that shows anything.
    pub fn new(header: &Header, channel: Option<u32>) -> Self {
        Self {
            title: format!("{} on {}, session {}", header.person, header.target, header.session),
            started_s: header.started_ms / 1000,
            channel,
            begun: false,
            output: Utf8::default(),
            input: Utf8::default(),
        }
    }

    /// The lines for the next item; often none.
    pub fn item(&mut self, item: &Item) -> String {
        let mut out = String::new();
        let at = item.at_us;
        match &item.what {
            What::Mark { kind, text } => self.event(at, 'm', &format!("{kind}: {text}"), &mut out),
            What::Resize { channel, cols, rows } if self.mine(*channel) => {
                if self.begun {
                    self.event(at, 'r', &format!("{cols}x{rows}"), &mut out);
                } else {
                    self.begin(*cols, *rows, &mut out);
                }
            }
            What::Output { channel, stream: _, bytes } if self.mine(*channel) => {
                let text = self.output.push(bytes);
                self.event(at, 'o', &text, &mut out);
            }
            What::Input { channel, bytes } if self.mine(*channel) => {
                let text = self.input.push(bytes);
                self.event(at, 'i', &text, &mut out);
            }
            What::InputHidden { channel, length } if self.mine(*channel) => {
                self.event(at, 'm', &format!("hidden input: {length} bytes"), &mut out);
            }
            What::Resize { .. }
            | What::Output { .. }
            | What::Input { .. }
            | What::InputHidden { .. }
            | What::BulkHash { .. }
            | What::Opened { .. }
            | What::Closed { .. } => {}
        }
        out
    }

    /// What is due when the items are over: the header, if nothing was ever shown.
    pub fn end(mut self) -> String {
        let mut out = String::new();
        if !self.begun {
            self.begin(80, 24, &mut out);
        }
        out
    }

    fn mine(&mut self, channel: u32) -> bool {
        *self.channel.get_or_insert(channel) == channel
    }

    fn begin(&mut self, cols: u16, rows: u16, out: &mut String) {
        self.begun = true;
        let started = self.started_s;
        write!(out, "{{\"version\":2,\"width\":{cols},\"height\":{rows},\"timestamp\":{started},\"title\":")
            .expect("a string takes all");
        json(&self.title, out);
        out.push_str("}\n");
    }

    fn event(&mut self, at_us: u64, code: char, text: &str, out: &mut String) {
        if !self.begun {
            self.begin(80, 24, out);
        }
        if text.is_empty() {
            return;
        }
        write!(out, "[{}.{:06},\"{code}\",", at_us / 1_000_000, at_us % 1_000_000).expect("a string takes all");
        json(text, out);
        out.push_str("]\n");
    }
}
