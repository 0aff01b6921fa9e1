//! The escape-sequence filter on a terminal's output (ECMA-48, xterm's control sequences).
//!
//! Everything that is let through is on a list (`allow`); the rest is removed whole and counted. A
//! sequence is held until its last byte is there, so the operator's terminal never sees half of
//! one, and never is in another state than this filter believes: what comes out is valid UTF-8
//! without C1 controls (neither raw nor as U+0080..U+009F, which terminals obey too).
//!
//! Removed although honest programs use it: `CSI 6 n`, the question for the cursor's position, and
//! every other question. An answer is text that the terminal types in the operator's name, into
//! a stream that is recorded as the operator's input; programs that ask fall back after a time-out.

mod allow;
mod count;

pub use count::{Counts, Kind};

use allow::Decision;

/// Longest title that is let through, in bytes.
pub const TITLE_LIMIT: usize = 256;
/// Longest sequence that is let through, in bytes, without its introducer.
const SEQUENCE_LIMIT: usize = 256;
/// A control string or sequence without an end is given up after this many bytes.
pub const STRING_LIMIT: usize = 4096;
/// Kept of a string: its number, a `;`, a title, and one byte more to know that it is too long.
const KEPT: usize = TITLE_LIMIT + 3;
const ESC: u8 = 0x1b;
const BEL: u8 = 0x07;
const REPLACEMENT: &[u8] = "\u{fffd}".as_bytes();

/// Brings an operator's terminal back to plain use after a session that may have ended anywhere:
/// attributes, character sets, scroll region, alternate screen, mouse and paste modes.
/// (1047, not 1049: outside the alternate screen 1049 would move the cursor.)
pub const RESTORE: &[u8] = b"\x1b[?1047l\x1b[?1000;1002;1003;1004;1005;1006;1015;1016;2004;2026l\
\x1b[?1l\x1b>\x1b[?25h\x1b[!p\x1b(B\x0f\x1b[0m";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Str {
    /// `ESC ]`
    Osc,
    /// `ESC P`
    Dcs,
    /// `ESC X`, `ESC ^`, `ESC _`
    Other,
    /// `ESC k`, the window title of screen and tmux.
    Screen,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Ground,
    /// Inside a character: what is there so far is in `held`.
    Char,
    /// After ESC, with intermediates in `held`.
    Escape,
    /// After CSI, with parameters and intermediates in `held`.
    Csi,
    /// Inside a string; its first bytes are in `held`.
    Text(Str),
    /// ESC inside a string: its end, or a new sequence.
    TextEscape(Str),
}

/// The filter of one terminal. Its memory is bounded by [`TITLE_LIMIT`] and a few words.
#[derive(Debug)]
pub struct Filter {
    state: State,
    held: Vec<u8>,
    /// Bytes since the introducer, also those that were not kept.
    length: usize,
    counts: Counts,
}

impl Default for Filter {
    fn default() -> Self {
        Self::new()
    }
}

impl Filter {
    /// A filter at the start of a terminal's output.
    pub fn new() -> Self {
        let held = Vec::with_capacity(KEPT + 1);
        Self { state: State::Ground, held, length: 0, counts: Counts::default() }
    }

    /// What was removed until now.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Appends to `out` what of `input` may reach the operator's terminal. How the output is split
    /// into calls makes no difference; an unfinished character or sequence waits for its rest.
    pub fn filter(&mut self, input: &[u8], out: &mut Vec<u8>) {
        let mut rest = input;
        loop {
            if self.state == State::Ground {
                let run = plain_run(rest);
                out.extend_from_slice(&rest[..run]);
                rest = &rest[run..];
            }
            let Some((&byte, tail)) = rest.split_first() else { return };
            rest = tail;
            self.step(byte, out);
        }
    }

    fn step(&mut self, byte: u8, out: &mut Vec<u8>) {
        match self.state {
            State::Ground => self.ground(byte, out),
            State::Char => self.character(byte, out),
            State::Escape | State::Csi => self.sequence(byte, out),
            State::Text(kind) => self.string(kind, byte, out),
            State::TextEscape(kind) => {
                if byte == b'\\' {
                    self.string_end(kind, b"\x1b\\", out);
                } else {
                    // Terminals differ on whether the string goes on; nothing of it was sent.
                    self.remove(Kind::Unterminated);
                    self.begin(State::Escape);
                    self.step(byte, out);
                }
            }
        }
    }

    fn begin(&mut self, state: State) {
        self.state = state;
        self.held.clear();
        self.length = 0;
    }

    fn remove(&mut self, kind: Kind) {
        self.counts.add(kind);
        self.begin(State::Ground);
    }

    fn ground(&mut self, byte: u8, out: &mut Vec<u8>) {
        match byte {
            ESC => self.begin(State::Escape),
            0x20..=0x7f => out.push(byte),
            0x00..=0x1f if allow::control(byte) => out.push(byte),
            0x00..=0x1f => self.remove(allow::control_kind(byte)),
            0x80..=0x9f => self.remove(Kind::C1),
            0xc2..=0xf4 => {
                self.begin(State::Char);
                self.held.push(byte);
            }
            0xa0..=0xc1 | 0xf5..=0xff => self.not_text(out),
        }
    }

    fn not_text(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(REPLACEMENT);
        self.remove(Kind::NotText);
    }

    fn character(&mut self, byte: u8, out: &mut Vec<u8>) {
        if !continues(&self.held, byte) {
            self.not_text(out);
            self.ground(byte, out);
            return;
        }
        self.held.push(byte);
        if self.held.len() < char_length(self.held[0]) {
            return;
        }
        if is_c1(&self.held) {
            self.remove(Kind::C1);
        } else {
            out.extend_from_slice(&self.held);
            self.begin(State::Ground);
        }
    }

    /// Escape and control sequences share their grammar but for the bytes 0x30..0x3f.
    fn sequence(&mut self, byte: u8, out: &mut Vec<u8>) {
        self.length += 1;
        match byte {
            ESC => {
                self.remove(Kind::Unterminated);
                self.begin(State::Escape);
            }
            0x18 | 0x1a => self.remove(Kind::Unterminated),
            // Terminals obey controls inside a sequence at once: sent ahead, it means the same.
            0x00..=0x1f if allow::control(byte) => out.push(byte),
            0x00..=0x1f => self.counts.add(allow::control_kind(byte)),
            0x7f => {}
            0x80..=0xff => {
                self.remove(Kind::Unknown);
                self.ground(byte, out);
            }
            0x20..=0x2f => self.hold(byte, SEQUENCE_LIMIT),
            0x30..=0x3f if self.state == State::Csi => self.hold(byte, SEQUENCE_LIMIT),
            0x30..=0x7e if self.state == State::Csi => self.csi_end(byte, out),
            0x30..=0x7e => self.escape_end(byte, out),
        }
        if self.length > STRING_LIMIT {
            self.remove(Kind::Unterminated);
        }
    }

    fn hold(&mut self, byte: u8, limit: usize) {
        if self.held.len() <= limit {
            self.held.push(byte);
        }
    }

    fn escape_end(&mut self, last: u8, out: &mut Vec<u8>) {
        if self.held.is_empty() {
            match last {
                b'[' => return self.begin(State::Csi),
                b']' => return self.begin(State::Text(Str::Osc)),
                b'P' => return self.begin(State::Text(Str::Dcs)),
                b'X' | b'^' | b'_' => return self.begin(State::Text(Str::Other)),
                b'k' => return self.begin(State::Text(Str::Screen)),
                _ => {}
            }
        }
        match allow::escape(&self.held, last) {
            Decision::Pass => self.send(&[ESC], &[last], out),
            Decision::Only(_) => unreachable!("only mode lists are cut down"),
            Decision::Remove(kind) => self.remove(kind),
        }
    }

    fn csi_end(&mut self, last: u8, out: &mut Vec<u8>) {
        if self.held.len() > SEQUENCE_LIMIT {
            return self.remove(Kind::Unknown);
        }
        match allow::csi(&self.held, last) {
            Decision::Pass => self.send(b"\x1b[", &[last], out),
            Decision::Only(params) => {
                out.extend_from_slice(b"\x1b[");
                out.extend_from_slice(&params);
                out.push(last);
                self.remove(Kind::Mode);
            }
            Decision::Remove(kind) => self.remove(kind),
        }
    }

    fn send(&mut self, head: &[u8], tail: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(head);
        out.extend_from_slice(&self.held);
        out.extend_from_slice(tail);
        self.begin(State::Ground);
    }

    fn string(&mut self, kind: Str, byte: u8, out: &mut Vec<u8>) {
        match byte {
            ESC => self.state = State::TextEscape(kind),
            0x18 | 0x1a => self.remove(Kind::Unterminated),
            BEL if kind == Str::Osc => self.string_end(kind, &[BEL], out),
            _ => {
                self.length += 1;
                self.hold(byte, KEPT - 1);
                if kind == Str::Osc && allow::is_palette(&self.held) {
                    self.remove(Kind::Osc);
                } else if self.length >= STRING_LIMIT {
                    self.remove(Kind::Unterminated);
                }
            }
        }
    }

    fn string_end(&mut self, kind: Str, end: &[u8], out: &mut Vec<u8>) {
        let decision = match kind {
            Str::Osc => allow::osc(&self.held, self.length),
            Str::Dcs => Decision::Remove(allow::dcs_kind(&self.held)),
            Str::Other => Decision::Remove(Kind::ControlString),
            Str::Screen => Decision::Remove(Kind::Title),
        };
        match decision {
            Decision::Pass => self.send(b"\x1b]", end, out),
            Decision::Only(_) => unreachable!("only mode lists are cut down"),
            Decision::Remove(kind) => self.remove(kind),
        }
    }
}

/// Length of the front of `input` that needs no look: text, whole characters, plain controls.
fn plain_run(input: &[u8]) -> usize {
    let mut at = 0;
    loop {
        // Blocks without a branch a byte, which compilers turn into vector instructions.
        while let Some(block) = input[at..].first_chunk::<32>() {
            let plain = |b: u8| (0x20..0x80).contains(&b) | (b == b'\n') | (b == b'\r');
            if !block.iter().fold(true, |all, &b| all & plain(b)) {
                break;
            }
            at += 32;
        }
        let end = input.len().min(at + 32);
        while at < end {
            match input[at] {
                0x20..=0x7f => at += 1,
                byte @ 0x00..=0x1f if byte != ESC && allow::control(byte) => at += 1,
                0x00..=0x1f => return at,
                0x80..=0xff => match whole_char(&input[at..]) {
                    0 => return at,
                    length => at += length,
                },
            }
        }
        if at >= input.len() {
            return at;
        }
    }
}

/// Length of the character at the front, 0 if it is not one, not whole, or a control.
fn whole_char(input: &[u8]) -> usize {
    let length = char_length(input[0]);
    let Some(bytes) = input.get(..length) else { return 0 };
    let valid = length > 1 && (1..length).all(|i| continues(&bytes[..i], bytes[i]));
    if valid && !is_c1(bytes) { length } else { 0 }
}

/// Bytes of a character by its first; 1 where none begins (RFC 3629, section 4).
fn char_length(first: u8) -> usize {
    match first {
        0x00..=0xc1 | 0xf5..=0xff => 1,
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
    }
}

/// Whether `byte` may follow `held` in a character (RFC 3629, section 4).
fn continues(held: &[u8], byte: u8) -> bool {
    match held {
        [0xe0] => (0xa0..=0xbf).contains(&byte),
        [0xed] => (0x80..=0x9f).contains(&byte),
        [0xf0] => (0x90..=0xbf).contains(&byte),
        [0xf4] => (0x80..=0x8f).contains(&byte),
        _ => (0x80..=0xbf).contains(&byte),
    }
}

fn is_c1(character: &[u8]) -> bool {
    matches!(character, [0xc2, 0x80..=0x9f])
}
