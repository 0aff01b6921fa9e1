//! What may be shown to a person by any pager or terminal.

/// Whether a character moves a cursor or turns text around: controls (C0, DEL, C1), Unicode's
/// `Bidi_Control` characters, line and paragraph separators.
pub fn drives(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// One line that is safe to show.
///
/// # Panics
/// If it is not.
pub fn line(text: &str) {
    let bad = text.chars().find(|&c| drives(c));
    assert!(bad.is_none(), "{bad:?} is shown in {text:?}");
}
