//! Text out of bytes that come in pieces.

use std::fmt::Write;

/// Joins characters that are split between pieces; what is no UTF-8 becomes U+FFFD.
#[derive(Debug, Default)]
pub(crate) struct Utf8 {
    pending: Vec<u8>,
}

impl Utf8 {
    pub(crate) fn push(&mut self, bytes: &[u8]) -> String {
        self.pending.extend_from_slice(bytes);
        let mut out = String::new();
        let mut kept = 0;
        for chunk in self.pending.utf8_chunks() {
            out.push_str(chunk.valid());
            kept += chunk.valid().len();
            let bad = chunk.invalid();
            let last = kept + bad.len() == self.pending.len();
            if last && !bad.is_empty() && unfinished(bad) {
                break;
            }
            if !bad.is_empty() {
                out.push(char::REPLACEMENT_CHARACTER);
            }
            kept += bad.len();
        }
        self.pending.drain(..kept);
        out
    }
}

/// Whether more bytes could still make a character of this.
fn unfinished(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}

/// Whether a character could move a cursor or turn text around.
pub(crate) fn moves(c: char) -> bool {
    let bidi = matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    c.is_control() || bidi || c == '\u{feff}'
}

/// Appends a JSON string.
pub(crate) fn json(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if moves(c) => write!(out, "\\u{:04x}", u32::from(c)).expect("a string takes all"),
            c => out.push(c),
        }
    }
    out.push('"');
}
