//! The lists of what is let through. What is not named here is removed.

use super::{Kind, TITLE_LIMIT};

/// What becomes of a finished sequence.
pub(super) enum Decision {
    Pass,
    /// Sent with these parameters instead: the modes of a list that are allowed.
    Only(Vec<u8>),
    Remove(Kind),
}

/// Largest count of digits in a parameter: larger numbers only serve to overrun or stall terminals.
const DIGITS: usize = 5;

/// Controls below 0x20 that are sent: NUL, BEL, BS, HT, LF, VT, FF, CR, SO, SI. Not among them: ENQ
/// (the terminal answers), CAN and SOH (with them begin ZMODEM and Kermit transfers, which some
/// terminals start by themselves), XON and XOFF.
pub(super) fn control(byte: u8) -> bool {
    matches!(byte, 0x00 | 0x07..=0x0f)
}

pub(super) fn control_kind(byte: u8) -> Kind {
    if byte == 0x05 { Kind::Report } else { Kind::Control }
}

/// `ESC intermediates last`. Not let through: `ESC % @`, which leaves UTF-8 and would turn parts of
/// characters into controls, and `ESC SP G`, which makes the terminal send eight-bit controls.
pub(super) fn escape(intermediates: &[u8], last: u8) -> Decision {
    let pass = match (intermediates, last) {
        // Save, restore, index, tab, single and locking shifts, keypad, reset.
        ([], b'6'..=b'9' | b'=' | b'>') => true,
        ([], b'D' | b'E' | b'H' | b'M' | b'N' | b'O' | b'c' | b'n' | b'o' | b'|' | b'}' | b'~') => {
            true
        }
        // Character sets.
        ([b'(' | b')' | b'*' | b'+' | b'-' | b'.' | b'/'], 0x30..=0x7e) => true,
        ([b'(' | b')' | b'*' | b'+', b'"' | b'%' | b'&'], 0x30..=0x7e) => true,
        // Double-size lines, alignment pattern.
        ([b'#'], b'3'..=b'6' | b'8') => true,
        // UTF-8, which is in use anyway.
        ([b'%'], b'G') => true,
        _ => false,
    };
    match (pass, last) {
        (true, _) => Decision::Pass,
        (false, b'Z') => Decision::Remove(Kind::Report),
        (false, _) => Decision::Remove(Kind::Unknown),
    }
}

/// `CSI held last`: private marker, parameters, intermediates, all in `held`.
pub(super) fn csi(held: &[u8], last: u8) -> Decision {
    let (marker, rest) = match held.split_first() {
        Some((&marker @ b'<'..=b'?', rest)) => (Some(marker), rest),
        _ => (None, held),
    };
    let split = rest.iter().position(|b| (0x20..=0x2f).contains(b)).unwrap_or(rest.len());
    let (params, intermediates) = rest.split_at(split);
    let plain = params.iter().all(|b| matches!(b, b'0'..=b';'))
        && intermediates.iter().all(|b| (0x20..=0x2f).contains(b));
    if plain {
        match (marker, intermediates, last) {
            (None, [], b'h' | b'l') => return modes("", params, ansi_mode),
            (Some(b'?'), [], b'h' | b'l' | b'r' | b's') => return modes("?", params, dec_mode),
            _ => {}
        }
        if bounded(params) && on_list(marker, params, intermediates, last) {
            return Decision::Pass;
        }
    }
    Decision::Remove(csi_kind(marker, intermediates, last))
}

fn bounded(params: &[u8]) -> bool {
    params.split(|b| matches!(b, b';' | b':')).all(|number| number.len() <= DIGITS)
}

fn on_list(marker: Option<u8>, params: &[u8], intermediates: &[u8], last: u8) -> bool {
    match (marker, intermediates) {
        (None, []) => match last {
            // Cursor, erase, insert, delete, scroll up, repeat, tabs.
            b'@'..=b'M' | b'P' | b'S' | b'X' | b'Z' | b'`' | b'a' | b'b' | b'd'..=b'g' => true,
            // With more parameters it would begin highlight tracking, which stops the terminal.
            b'T' => params.iter().all(u8::is_ascii_digit),
            // SGR, scroll region, save (or margins), restore.
            b'm' | b'r' | b's' | b'u' => true,
            // Push and pop the title: nothing is answered.
            b't' => matches!(params.split(|&b| b == b';').next(), Some(b"22" | b"23")),
            _ => false,
        },
        // Selective erase, tab stops.
        (Some(b'?'), []) => matches!(last, b'J' | b'K' | b'W'),
        // Cursor shape, shift columns.
        (None, b" ") => matches!(last, b'q' | b'@' | b'A'),
        // Soft reset; protection against erase.
        (None, b"!") => last == b'p',
        (None, b"\"") => last == b'q',
        // Insert and delete columns.
        (None, b"'") => matches!(last, b'}' | b'~'),
        // Fill and erase rectangles.
        (None, b"$") => matches!(last, b'x' | b'z' | b'{'),
        // Push and pop SGR.
        (None, b"#") => matches!(last, b'{' | b'}' | b'p' | b'q'),
        _ => false,
    }
}

fn csi_kind(marker: Option<u8>, intermediates: &[u8], last: u8) -> Kind {
    match (marker, intermediates, last) {
        (_, [], b'i') => Kind::MediaCopy,
        (None, [], b't') | (Some(b'>'), [], b't' | b'T') => Kind::Window,
        // DA, DSR, DECREQTPARM; XTVERSION; XTSMGRAPHICS, XTQMODKEYS; the kitty keyboard.
        (_, [], b'c' | b'n' | b'x') | (Some(b'>'), [], b'q') => Kind::Report,
        (Some(b'?'), [], b'S' | b'm' | b'g' | b'u') => Kind::Report,
        // DECRQM, DECRQPSR, DECRQTSR, DECRQCRA, DECRQUPSS, locator, reports of SGR and colours.
        (_, b"$", b'p' | b'w' | b'u') | (_, b"*", b'y') | (_, b"&", b'u') => Kind::Report,
        (_, b"'", b'|' | b'z' | b'{' | b'w') | (_, b"#", b'|' | b'S' | b'R') => Kind::Report,
        (_, [], b'h' | b'l') | (Some(b'?'), [], b'r' | b's') => Kind::Mode,
        _ => Kind::Unknown,
    }
}

fn modes(marker: &str, params: &[u8], allowed: fn(&[u8]) -> bool) -> Decision {
    let list = || params.split(|&b| b == b';');
    if list().all(allowed) {
        return Decision::Pass;
    }
    let kept: Vec<&[u8]> = list().filter(|number| allowed(number)).collect();
    if kept.is_empty() {
        return Decision::Remove(Kind::Mode);
    }
    Decision::Only([marker.as_bytes(), &kept.join(&b';')].concat())
}

/// Insert mode, automatic newline. Not: keyboard lock (2), local echo (12).
fn ansi_mode(number: &[u8]) -> bool {
    matches!(number, b"4" | b"20")
}

/// Not on the list, on purpose: Tektronix (38), printing (18, 19), column switching that resizes
/// (40), eight-bit meta (1034), highlight tracking (1001), raising the window on a bell (1042,
/// 1043), reports of colour scheme and size (2031, 2048).
fn dec_mode(number: &[u8]) -> bool {
    matches!(
        number,
        b"1" | b"3"
            | b"4"
            | b"5"
            | b"6"
            | b"7"
            | b"12"
            | b"25"
            | b"45"
            | b"47"
            | b"66"
            | b"69"
            | b"9"
            | b"1000"
            | b"1002"
            | b"1003"
            | b"1004"
            | b"1005"
            | b"1006"
            | b"1007"
            | b"1015"
            | b"1016"
            | b"1047"
            | b"1048"
            | b"1049"
            | b"2004"
            | b"2026"
    )
}

/// `ESC ] R` and `ESC ] P` with seven digits are the Linux console's palette and have no end.
pub(super) fn is_palette(held: &[u8]) -> bool {
    held == b"R" || (held.len() == 8 && held[0] == b'P')
}

/// `held` is the front of a string of `length` bytes.
pub(super) fn osc(held: &[u8], length: usize) -> Decision {
    let (number, text) = match held.iter().position(|&b| b == b';') {
        Some(at) => (&held[..at], &held[at + 1..]),
        None => (held, &held[held.len()..]),
    };
    match number {
        b"0" | b"1" | b"2" => {
            let whole = length == held.len() && text.len() <= TITLE_LIMIT && number.len() < length;
            match std::str::from_utf8(text) {
                Ok(text) if whole && !text.chars().any(char::is_control) => Decision::Pass,
                Ok(_) | Err(_) => Decision::Remove(Kind::Title),
            }
        }
        b"52" => Decision::Remove(Kind::Clipboard),
        b"8" => Decision::Remove(Kind::Hyperlink),
        _ => Decision::Remove(Kind::Osc),
    }
}

/// Whether a DCS was a question, keys, or something else.
pub(super) fn dcs_kind(held: &[u8]) -> Kind {
    let start = held.iter().position(|b| !matches!(b, b'0'..=b';')).unwrap_or(held.len());
    match &held[start..] {
        [b'$' | b'+', b'q', ..] => Kind::Report,
        [b'|', ..] => Kind::UserKeys,
        _ => Kind::ControlString,
    }
}
