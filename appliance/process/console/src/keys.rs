//! From the bytes of a terminal to keys: the Linux console, xterm and the serial terminals that follow them.
//!
//! Bytes of any kind are read: what is no key is swallowed. Proof: the oracle `console_keys`.

/// The longest parameters of a sequence that is looked at.
const PARAMETERS_MAX: usize = 8;
/// After so long without a byte, what was begun is over, in ms: a lone ESC is the key itself.
pub const SEQUENCE_MS: u64 = 60;

/// One key, as far as the console wants to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// A printable character.
    Char(char),
    /// Enter.
    Enter,
    /// Escape.
    Escape,
    /// Backspace or Delete.
    Backspace,
    /// Arrow.
    Up,
    /// Arrow.
    Down,
    /// F1 to F12.
    Function(u8),
    /// Ctrl-L: draw everything anew.
    Redraw,
    /// Any other: Ctrl-C, Ctrl-Z and the like do nothing.
    Other,
}

/// Where the decoder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Ground,
    Escape,
    /// ESC O.
    Ss3,
    /// ESC [ and its parameters.
    Csi { parameters: [u8; PARAMETERS_MAX], count: usize },
    /// ESC [ [: F1 to F5 of the Linux console.
    Linux,
    /// A character of several bytes: what is known of it, and how many bytes are missing.
    Utf8 { code: u32, missing: u8, least: u32 },
}

/// The decoder. It never allocates.
#[derive(Debug, Clone)]
pub struct Decoder {
    at: At,
}

impl Default for Decoder {
    fn default() -> Self {
        Self { at: At::Ground }
    }
}

fn control(byte: u8) -> Key {
    match byte {
        b'\r' | b'\n' => Key::Enter,
        0x08 | 0x7f => Key::Backspace,
        0x0c => Key::Redraw,
        _ => Key::Other,
    }
}

/// By the number of ESC [ number ~ (VT220; the gaps are of old).
fn tilde(parameters: &[u8]) -> Key {
    let digits = parameters.split(|byte| *byte == b';').next().unwrap_or_default();
    let number = std::str::from_utf8(digits).ok().and_then(|text| text.parse::<u8>().ok());
    match number {
        Some(3) => Key::Backspace,
        Some(n @ 11..=15) => Key::Function(n - 10),
        Some(n @ 17..=21) => Key::Function(n - 11),
        Some(n @ 23..=24) => Key::Function(n - 12),
        Some(_) | None => Key::Other,
    }
}

fn letter(byte: u8) -> Key {
    match byte {
        b'A' => Key::Up,
        b'B' => Key::Down,
        b'M' => Key::Enter,
        b'P'..=b'S' => Key::Function(byte - b'P' + 1),
        _ => Key::Other,
    }
}

impl Decoder {
    /// One byte; the key that it ends, if it does.
    pub fn byte(&mut self, byte: u8) -> Option<Key> {
        let at = std::mem::replace(&mut self.at, At::Ground);
        match at {
            At::Ground => self.first(byte),
            At::Escape => match byte {
                b'[' => self.go(At::Csi { parameters: [0; PARAMETERS_MAX], count: 0 }),
                b'O' => self.go(At::Ss3),
                // ESC twice: the first was the key.
                0x1b => {
                    self.at = At::Escape;
                    Some(Key::Escape)
                }
                // With Alt: the key alone would do something else.
                _ => Some(Key::Other),
            },
            At::Ss3 => Some(letter(byte)),
            At::Linux => Some(match byte {
                b'A'..=b'E' => Key::Function(byte - b'A' + 1),
                _ => Key::Other,
            }),
            At::Csi { count: 0, .. } if byte == b'[' => self.go(At::Linux),
            At::Csi { parameters, count } => self.csi(byte, parameters, count),
            At::Utf8 { code, missing, least } => self.utf8(byte, code, missing, least),
        }
    }

    /// Nothing came for [`SEQUENCE_MS`].
    pub fn silence(&mut self) -> Option<Key> {
        match std::mem::replace(&mut self.at, At::Ground) {
            At::Escape => Some(Key::Escape),
            At::Ground | At::Ss3 | At::Csi { .. } | At::Linux | At::Utf8 { .. } => None,
        }
    }

    /// Whether a sequence was begun.
    pub fn waits(&self) -> bool {
        self.at != At::Ground
    }

    fn go(&mut self, at: At) -> Option<Key> {
        self.at = at;
        None
    }

    fn first(&mut self, byte: u8) -> Option<Key> {
        match byte {
            0x1b => self.go(At::Escape),
            0x20..=0x7e => Some(Key::Char(char::from(byte))),
            0xc2..=0xdf => self.go(At::Utf8 { code: u32::from(byte & 0x1f), missing: 1, least: 0x80 }),
            0xe0..=0xef => self.go(At::Utf8 { code: u32::from(byte & 0x0f), missing: 2, least: 0x800 }),
            0xf0..=0xf4 => self.go(At::Utf8 { code: u32::from(byte & 0x07), missing: 3, least: 0x1_0000 }),
            _ => Some(control(byte)),
        }
    }

    fn csi(&mut self, byte: u8, mut parameters: [u8; PARAMETERS_MAX], count: usize) -> Option<Key> {
        match byte {
            b'~' => Some(tilde(parameters.get(..count).unwrap_or_default())),
            0x40..=0x7e => Some(letter(byte)),
            0x20..=0x3f => {
                // What is too long to be known is read to its end, and is no key.
                if let Some(place) = parameters.get_mut(count) {
                    *place = byte;
                } else {
                    parameters = [b'?'; PARAMETERS_MAX];
                }
                self.go(At::Csi { parameters, count: (count + 1).min(PARAMETERS_MAX) })
            }
            // A new sequence, or a key, in the middle of a broken one: a press is never lost to noise.
            _ => self.first(byte),
        }
    }

    fn utf8(&mut self, byte: u8, code: u32, missing: u8, least: u32) -> Option<Key> {
        if byte & 0xc0 != 0x80 {
            return self.first(byte);
        }
        let code = code << 6 | u32::from(byte & 0x3f);
        if missing > 1 {
            return self.go(At::Utf8 { code, missing: missing - 1, least });
        }
        let character = char::from_u32(code).filter(|c| code >= least && !c.is_control());
        Some(character.map_or(Key::Other, Key::Char))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(bytes: &[u8]) -> Vec<Key> {
        let mut decoder = Decoder::default();
        let mut keys: Vec<Key> = bytes.iter().filter_map(|byte| decoder.byte(*byte)).collect();
        keys.extend(decoder.silence());
        keys
    }

    #[test]
    fn the_cut_off_key_is_known_from_each_terminal_that_we_name() {
        for sequence in ["\x1b[24~", "\x1b[24;2~"] {
            assert_eq!(keys(sequence.as_bytes()), [Key::Function(12)]);
        }
        assert_eq!(keys(b"\x1b[23~"), [Key::Function(11)], "its neighbour is another key");
        assert_eq!(keys(b"\x1b[[A\x1bOQ\x1b[13~"), [Key::Function(1), Key::Function(2), Key::Function(3)]);
    }

    #[test]
    fn a_press_is_not_lost_in_noise() {
        assert_eq!(keys(b"\x1b[2\x1b[24~"), [Key::Function(12)]);
        assert_eq!(keys(b"\xe2\x82\x1b[24~"), [Key::Function(12)]);
        assert_eq!(keys(b"\x1b[999999999999~\x1b[24~"), [Key::Other, Key::Function(12)]);
    }

    #[test]
    fn a_lone_escape_is_the_key_once_nothing_follows() {
        let mut decoder = Decoder::default();
        assert_eq!(decoder.byte(0x1b), None);
        assert!(decoder.waits());
        assert_eq!(decoder.silence(), Some(Key::Escape));
        assert!(!decoder.waits());
    }

    #[test]
    fn what_stops_other_programs_does_nothing() {
        assert_eq!(keys(&[0x03, 0x1a, 0x1c, 0x04, 0x11, 0x13]), [Key::Other; 6]);
        assert_eq!(keys("ä".as_bytes()), [Key::Char('ä')]);
    }
}
