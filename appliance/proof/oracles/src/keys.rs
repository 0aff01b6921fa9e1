//! The console's keys: bytes of any terminal, or of none.

use console::keys::{Decoder, Key};

/// The cut-off key, as every terminal that we name sends it.
const CUT_OFF: &[u8] = b"\x1b[24~";

/// No bytes make the decoder fall or keep more than it needs; whatever came before, a pause and then the cut-off
/// key is the cut-off key; and no printable text is any key but its own.
///
/// # Panics
/// If it does not hold.
pub fn holds(bytes: &[u8]) {
    let mut decoder = Decoder::default();
    let mut pressed = 0;
    for byte in bytes {
        match decoder.byte(*byte) {
            Some(Key::Char(character)) => assert!(!character.is_control(), "{character:?} is no text"),
            Some(Key::Function(number)) => {
                assert!((1..=12).contains(&number), "F{number} is on no keyboard");
                pressed += usize::from(number == 12);
            }
            Some(Key::Enter | Key::Escape | Key::Backspace | Key::Up | Key::Down | Key::Redraw | Key::Other) | None => {}
        }
    }
    assert!(pressed <= bytes.iter().filter(|byte| **byte == 0x1b).count(), "a press out of nothing");
    decoder.silence();
    assert!(!decoder.waits(), "a pause ends what was begun");
    let keys: Vec<Key> = CUT_OFF.iter().filter_map(|byte| decoder.byte(*byte)).collect();
    assert!(keys == [Key::Function(12)], "a press was lost: {keys:?}");
    // Without a pause too: only what was begun may be in the way.
    let mut decoder = Decoder::default();
    let all: Vec<Key> = bytes.iter().chain(b"\x1b\x1b").chain(CUT_OFF).filter_map(|byte| decoder.byte(*byte)).collect();
    assert!(all.last() == Some(&Key::Function(12)), "a press was lost in noise");
}

/// Keys of each kind, broken ones, text.
pub fn seeds() -> Vec<Vec<u8>> {
    let keys: [&[u8]; 12] = [
        b"a", b"\r", b"\x1b", b"\x7f", b"\x1b[A", b"\x1bOP", b"\x1b[[A", b"\x1b[15~", b"\x1b[24;5~", b"\x1b[1;2;3;4;5;6~", b"\x0c\x03",
        "\u{e4}\u{20ac}\u{1f600}".as_bytes(),
    ];
    keys.iter().map(|key| key.to_vec()).chain([keys.concat()]).collect()
}
