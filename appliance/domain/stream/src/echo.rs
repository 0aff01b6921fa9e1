//! Which typed text a machine echoed: only that may be written down as text.
//!
//! Output counts as echo only if it begins with what was typed, in order, within [`WAIT_US`], and
//! does not turn into something else before all of it is there. Whatever is in doubt is hidden: a
//! recording that lacks a word is better than one that holds a password. Accident is possible for
//! single characters (other output that happens to be the very next character typed), not for words.
//!
//! Keys that are not text (arrows, Tab, Ctrl-C) need no echo of their own: they are called echoed
//! once anything comes from the machine, and never stand in the way of text. Enter waits for a new
//! line; text before it that is not there when the new line comes is hidden at once.

use std::collections::VecDeque;

/// Typed text waits this long for its echo, in microseconds.
pub const WAIT_US: u64 = 1_000_000;
/// Most typed bytes that wait; older ones are called hidden.
pub const LIMIT: usize = 64 * 1024;
const ESC: u8 = 0x1b;

/// What became of typed bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// The machine showed it.
    Echoed {
        /// When it was typed, in microseconds.
        at_us: u64,
        /// What was typed.
        bytes: Vec<u8>,
    },
    /// The machine did not show it: only time and length may be kept.
    Hidden {
        /// When it was typed, in microseconds.
        at_us: u64,
        /// How many bytes.
        len: usize,
    },
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Key {
    Text,
    Enter,
    Other,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Waiting,
    Echoed,
    Hidden,
}

struct Typed {
    at_us: u64,
    byte: u8,
    key: Key,
    fate: Fate,
}

/// Where a scan is inside an escape sequence.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scan {
    Plain,
    Escape,
    Csi,
    Ss3,
    Text,
    TextEscape,
}

/// The next place of the scan, and whether `byte` belongs to a sequence.
fn scan(state: Scan, byte: u8) -> (Scan, bool) {
    match (state, byte) {
        (_, ESC) if state != Scan::Text => (Scan::Escape, true),
        (Scan::Plain, _) => (Scan::Plain, false),
        (Scan::Escape, b'[') => (Scan::Csi, true),
        (Scan::Escape, b'O') => (Scan::Ss3, true),
        (Scan::Escape, b']' | b'P' | b'X' | b'^' | b'_') => (Scan::Text, true),
        (Scan::Escape, 0x20..=0x2f) => (Scan::Escape, true),
        (Scan::Csi, 0x20..=0x3f) => (Scan::Csi, true),
        (Scan::Text, ESC) => (Scan::TextEscape, true),
        (Scan::Text, 0x07) => (Scan::Plain, true),
        (Scan::Text, _) => (Scan::Text, true),
        (Scan::Escape | Scan::Csi | Scan::Ss3 | Scan::TextEscape, _) => (Scan::Plain, true),
    }
}

/// Holds typed bytes until it is known whether they were echoed. Times must not run backwards.
pub struct EchoWatch {
    queue: VecDeque<Typed>,
    /// Pushed out by newer bytes: when the first was typed, and how many.
    overflow: Option<(u64, usize)>,
    output: Scan,
}

impl Default for EchoWatch {
    fn default() -> Self {
        Self::new()
    }
}

impl EchoWatch {
    /// A watch with nothing typed.
    pub fn new() -> Self {
        Self { queue: VecDeque::new(), overflow: None, output: Scan::Plain }
    }

    /// Takes what was typed at `at_us`, after it was released to the machine.
    pub fn typed(&mut self, at_us: u64, bytes: &[u8]) {
        // A key's sequence arrives whole; ESC at the end of a call is the Escape key itself.
        let mut state = Scan::Plain;
        for &byte in bytes {
            let (next, inside) = match (state, byte) {
                // Alt and a letter; never a string, or a lone ESC would swallow a line.
                (Scan::Escape, b']' | b'P' | b'X' | b'^' | b'_' | 0x20..=0x2f) => {
                    (Scan::Plain, true)
                }
                _ => scan(state, byte),
            };
            state = next;
            let key = match byte {
                _ if inside => Key::Other,
                b'\r' | b'\n' => Key::Enter,
                0x00..=0x1f | 0x7f => Key::Other,
                0x20..=0x7e | 0x80..=0xff => Key::Text,
            };
            if self.queue.len() == LIMIT {
                self.push_out();
            }
            self.queue.push_back(Typed { at_us, byte, key, fate: Fate::Waiting });
        }
    }

    fn push_out(&mut self) {
        if let Some(oldest) = self.queue.pop_front() {
            self.overflow.get_or_insert((oldest.at_us, 0)).1 += 1;
        }
    }

    /// Takes what the machine sent at `at_us`, and marks what of the typed text it echoes.
    pub fn output(&mut self, at_us: u64, bytes: &[u8]) {
        self.expire(at_us);
        if bytes.is_empty() || self.queue.is_empty() {
            // Keeps its place inside sequences even when nobody types.
            self.output = bytes.iter().fold(self.output, |state, &byte| scan(state, byte).0);
            return;
        }
        for typed in
            self.queue.iter_mut().filter(|t| t.key == Key::Other && t.fate == Fate::Waiting)
        {
            typed.fate = Fate::Echoed;
        }
        let mut next = self.first_waiting(0);
        let mut from = next;
        let (mut strayed, mut erased) = (false, false);
        for &byte in bytes {
            let (state, inside) = scan(self.output, byte);
            self.output = state;
            match byte {
                _ if inside => {}
                b'\n' => {
                    next = self.new_line(next);
                    from = next;
                }
                0x08 => erased = true,
                // The blank of "back, blank, back", which erases a character.
                b' ' if erased => erased = false,
                0x00..=0x1f | 0x7f => {}
                _ if strayed => {}
                _ => {
                    erased = false;
                    match self.queue.get_mut(next) {
                        Some(t) if t.key == Key::Text && t.byte == byte => {
                            t.fate = Fate::Echoed;
                            next = self.first_waiting(next);
                        }
                        Some(t) if t.key == Key::Text => {
                            strayed = true;
                            self.take_back(from, next);
                            next = from;
                        }
                        // Nothing waits, or Enter does: what comes is the machine's own.
                        Some(_) | None => strayed = true,
                    }
                }
            }
        }
    }

    /// Index of the first byte at or after `from` that waits; the queue's length if none does.
    fn first_waiting(&self, from: usize) -> usize {
        let waiting = |t: &Typed| t.fate == Fate::Waiting;
        self.queue.range(from..).position(waiting).map_or(self.queue.len(), |i| from + i)
    }

    /// The output began like the typed text but went on otherwise: it was no echo.
    fn take_back(&mut self, from: usize, to: usize) {
        for typed in
            self.queue.range_mut(from..to).filter(|t| t.key == Key::Text && t.fate == Fate::Echoed)
        {
            typed.fate = Fate::Waiting;
        }
    }

    /// A new line answers the first Enter that waits, and hides the text before it.
    fn new_line(&mut self, next: usize) -> usize {
        let enters = |t: &Typed| t.key == Key::Enter && t.fate == Fate::Waiting;
        let Some(enter) = self.queue.range(next..).position(enters).map(|i| next + i) else {
            return next;
        };
        for typed in self.queue.range_mut(next..enter).filter(|t| t.fate == Fate::Waiting) {
            typed.fate = Fate::Hidden;
        }
        self.queue[enter].fate = Fate::Echoed;
        self.first_waiting(enter)
    }

    fn expire(&mut self, now_us: u64) {
        for typed in &mut self.queue {
            if typed.at_us.saturating_add(WAIT_US) > now_us {
                break;
            }
            if typed.fate == Fate::Waiting {
                typed.fate = Fate::Hidden;
            }
        }
    }

    /// When [`due`](Self::due) has something to say at the latest, in microseconds.
    pub fn next_due(&self) -> Option<u64> {
        if let Some((at_us, _)) = self.overflow {
            return Some(at_us);
        }
        let front = self.queue.front()?;
        Some(match front.fate {
            Fate::Waiting => front.at_us.saturating_add(WAIT_US),
            Fate::Echoed | Fate::Hidden => front.at_us,
        })
    }

    /// Verdicts that are final at `now_us`, in the order of typing. Later text waits for earlier.
    pub fn due(&mut self, now_us: u64) -> Vec<Verdict> {
        self.expire(now_us);
        let mut verdicts = Vec::new();
        if let Some((at_us, len)) = self.overflow.take() {
            verdicts.push(Verdict::Hidden { at_us, len });
        }
        while let Some(typed) = self.queue.pop_front_if(|t| t.fate != Fate::Waiting) {
            add(&mut verdicts, &typed);
        }
        verdicts
    }

    /// The session ended: everything that still waits is hidden.
    pub fn end(&mut self) -> Vec<Verdict> {
        self.due(u64::MAX)
    }
}

/// Joins a byte to the last verdict if both were typed together and share their fate.
fn add(verdicts: &mut Vec<Verdict>, typed: &Typed) {
    let echoed = typed.fate == Fate::Echoed;
    match verdicts.last_mut() {
        Some(Verdict::Echoed { at_us, bytes }) if echoed && *at_us == typed.at_us => {
            bytes.push(typed.byte)
        }
        Some(Verdict::Hidden { at_us, len }) if !echoed && *at_us == typed.at_us => *len += 1,
        Some(_) | None if echoed => {
            verdicts.push(Verdict::Echoed { at_us: typed.at_us, bytes: vec![typed.byte] })
        }
        Some(_) | None => verdicts.push(Verdict::Hidden { at_us: typed.at_us, len: 1 }),
    }
}
