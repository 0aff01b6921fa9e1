//! A recording as plain text that is safe to show anywhere.

use crate::header::Header;
use crate::item::{Direction, Item, What};
use crate::utf8::{Utf8, json, moves};
use std::collections::BTreeMap;

/// Writes a transcript. What a machine sent stands behind `N| ` (N is the channel), what the box
/// says stands in lines that begin with `[`: no output can pass for the box's word.
#[derive(Debug)]
pub struct Transcript {
    streams: BTreeMap<(u32, u8), Stream>,
    /// The stream whose line is not finished yet.
    line: Option<(u32, u8)>,
}

#[derive(Debug, Default)]
struct Stream {
    utf8: Utf8,
    state: Escape,
    /// A carriage return was seen, and not yet what follows it.
    returned: bool,
}

/// Where in an escape sequence a stream is.
#[derive(Debug, Default, Clone, Copy)]
enum Escape {
    #[default]
    None,
    /// After ESC.
    Begun,
    /// In a control sequence, up to its final character.
    Control,
    /// In a string (a title, say), up to BEL or ESC \.
    Text,
    /// ESC inside such a string.
    TextEnd,
}

impl Stream {
    /// The character to show for this one, if any.
    fn step(&mut self, c: char) -> Option<char> {
        let (next, shown) = match (self.state, c) {
            (Escape::None | Escape::Begun | Escape::Control, '\u{1b}') => (Escape::Begun, None),
            (Escape::None, '\u{9b}') => (Escape::Control, None),
            (Escape::None, '\u{90}' | '\u{98}' | '\u{9d}'..='\u{9f}') => (Escape::Text, None),
            (Escape::None, c) => (Escape::None, (!moves(c) || matches!(c, '\n' | '\r' | '\t')).then_some(c)),
            (Escape::Begun, '[') => (Escape::Control, None),
            (Escape::Begun, ']' | 'P' | 'X' | '^' | '_') => (Escape::Text, None),
            (Escape::Begun, ' '..='/') => (Escape::Begun, None),
            (Escape::Begun, _) => (Escape::None, None),
            (Escape::Control, '@'..='~') => (Escape::None, None),
            (Escape::Control, _) => (Escape::Control, None),
            (Escape::Text, '\u{7}' | '\u{9c}') => (Escape::None, None),
            (Escape::Text, '\u{1b}') => (Escape::TextEnd, None),
            (Escape::Text, _) => (Escape::Text, None),
            (Escape::TextEnd, _) => (Escape::None, None),
        };
        self.state = next;
        shown
    }
}

impl Default for Transcript {
    fn default() -> Self {
        Self::new()
    }
}

impl Transcript {
    /// A transcript of all channels.
    pub fn new() -> Self {
        Self { streams: BTreeMap::new(), line: None }
    }

    /// The first line.
    pub fn begin(&self, header: &Header) -> String {
        let mut out = String::from("[session ");
        json(&header.session, &mut out);
        out.push_str(" person ");
        json(&header.person, &mut out);
        out.push_str(" target ");
        json(&header.target, &mut out);
        let clock = if header.clock_known { "" } else { ", clock unknown" };
        out.push_str(&format!(" started {} ms after 1970 UTC{clock}]\n", header.started_ms));
        out
    }

    /// The text for the next item.
    pub fn item(&mut self, item: &Item) -> String {
        let mut out = String::new();
        let mut said = String::new();
        match &item.what {
            What::Output { channel, stream, bytes } => {
                self.output((*channel, *stream), bytes, &mut out);
                return out;
            }
            What::Input { channel, bytes } => {
                said.push_str(&format!("channel {channel} input "));
                json(&String::from_utf8_lossy(bytes), &mut said);
            }
            What::InputHidden { channel, length } => {
                said.push_str(&format!("channel {channel} hidden input of {length} bytes"));
            }
            What::BulkHash { channel, direction, length, sha256 } => {
                let way = match direction {
                    Direction::ToTarget => "to",
                    Direction::FromTarget => "from",
                };
                let hash: String = sha256.iter().map(|byte| format!("{byte:02x}")).collect();
                said.push_str(&format!("channel {channel} {length} bytes {way} the target, sha256 {hash}"));
            }
            What::Resize { channel, cols, rows } => said.push_str(&format!("channel {channel} size {cols}x{rows}")),
            What::Opened { channel, pty, command } => {
                let kind = if *pty { "terminal" } else { "no terminal" };
                said.push_str(&format!("channel {channel} opened, {kind}"));
                if let Some(command) = command {
                    said.push_str(", command ");
                    json(command, &mut said);
                }
            }
            What::Closed { channel, code, signal } => {
                said.push_str(&format!("channel {channel} closed"));
                if let Some(code) = code {
                    said.push_str(&format!(", exit {code}"));
                }
                if let Some(signal) = signal {
                    said.push_str(", signal ");
                    json(signal, &mut said);
                }
            }
            What::Mark { kind, text } => {
                json(kind, &mut said);
                said.push(' ');
                json(text, &mut said);
            }
        }
        self.finish(&mut out);
        let (ms, s) = (item.at_us / 1000 % 1000, item.at_us / 1_000_000);
        out.push_str(&format!("[{:02}:{:02}:{:02}.{ms:03} {said}]\n", s / 3600, s / 60 % 60, s % 60));
        out
    }

    /// What is due when the items are over.
    pub fn end(mut self) -> String {
        let mut out = String::new();
        self.finish(&mut out);
        out
    }

    fn finish(&mut self, out: &mut String) {
        if self.line.take().is_some() {
            out.push('\n');
        }
    }

    fn output(&mut self, id: (u32, u8), bytes: &[u8], out: &mut String) {
        let mut stream = self.streams.remove(&id).unwrap_or_default();
        for c in stream.utf8.push(bytes).chars() {
            let Some(c) = stream.step(c) else { continue };
            if self.line.is_some_and(|line| line != id) {
                self.finish(out);
            }
            // A lone carriage return writes over its line; here, the next line shows what it wrote.
            if std::mem::replace(&mut stream.returned, c == '\r') && !matches!(c, '\n' | '\r') {
                self.finish(out);
            }
            if c == '\r' {
                continue;
            }
            if self.line.is_none() {
                out.push_str(&format!("{}| ", id.0));
                self.line = Some(id);
            }
            if c == '\n' {
                self.finish(out);
            } else {
                out.push(c);
            }
        }
        self.streams.insert(id, stream);
    }
}
