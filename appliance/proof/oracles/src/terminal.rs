//! The escape-sequence filter of a terminal's output.

use crate::chance::pieces;
use stream::filter::{Counts, Filter, STRING_LIMIT, TITLE_LIMIT};

/// What passes of output that came in these pieces.
pub fn filtered(pieces: &[&[u8]]) -> (Vec<u8>, Counts) {
    let mut filter = Filter::new();
    let mut out = Vec::new();
    for piece in pieces {
        filter.filter(piece, &mut out);
    }
    (out, filter.counts())
}

/// Any chunking gives the same; nothing that drives a terminal passes; what passed passes again as it
/// is; a sequence without an end does not hold output back for ever.
///
/// # Panics
/// If one of them does not hold.
pub fn holds(bytes: &[u8]) {
    let (out, counts) = filtered(&[bytes]);
    let single: Vec<&[u8]> = bytes.chunks(1).collect();
    for cut in [single, pieces(bytes)] {
        assert!(filtered(&cut) == (out.clone(), counts), "another chunking gives another output");
    }
    harmless(&out);
    let (again, removed) = filtered(&[&out]);
    assert!(again == out && removed.total() == 0, "what passed does not pass again");
    let rest = vec![b'x'; STRING_LIMIT + 2];
    let (longer, _) = filtered(&[bytes, &rest]);
    assert!(longer.starts_with(&out) && longer.ends_with(b"x"), "output is held back for ever");
}

/// An opinion of its own on what drives the terminal of who looks at it: a list of what must not pass,
/// where the filter has a list of what may (ECMA-48, xterm's control sequences).
///
/// # Panics
/// If `output` holds anything of it, or half of a sequence.
pub fn harmless(output: &[u8]) {
    let text = std::str::from_utf8(output).expect("output is UTF-8");
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            '\u{1b}' => rest = sequence(rest),
            '\u{80}'..='\u{9f}' => panic!("an eight-bit control passed: {c:?}"),
            '\0' | '\u{7}'..='\u{f}' => {}
            c if c < ' ' => panic!("a control passed: {c:?}"),
            _ => {}
        }
    }
}

/// What follows a sequence whose ESC was read.
fn sequence(rest: &str) -> &str {
    let end = |from: usize, last: fn(u8) -> bool| {
        rest.bytes().skip(from).position(last).map(|at| from + at).expect("a sequence is whole")
    };
    match rest.bytes().next().expect("a sequence is whole") {
        b'[' => {
            let last = end(1, |b| (0x40..=0x7e).contains(&b));
            control(&rest[1..last], rest.as_bytes()[last]);
            &rest[last + 1..]
        }
        b']' => {
            let last = end(1, |b| matches!(b, 0x07 | 0x1b));
            title(&rest[1..last]);
            let after = &rest[last..];
            after.strip_prefix('\u{7}').or(after.strip_prefix("\u{1b}\\")).expect("a title ends with BEL or ST")
        }
        c @ (b'P' | b'X' | b'^' | b'_' | b'k' | b'Z') => panic!("ESC {} passed", char::from(c)),
        _ => {
            let last = end(0, |b| !(0x20..=0x2f).contains(&b));
            let bad = matches!(&rest[..=last], "%@" | " F" | " G" | "#7");
            assert!(!bad && (0x30..=0x7e).contains(&rest.as_bytes()[last]), "ESC {:?} passed", &rest[..=last]);
            &rest[last + 1..]
        }
    }
}

fn title(text: &str) {
    let (number, title) = text.split_once(';').expect("a title has a number");
    assert!(matches!(number, "0" | "1" | "2"), "OSC {number:?} passed");
    assert!(title.len() <= TITLE_LIMIT && !title.contains(char::is_control), "a title passed: {title:?}");
}

/// Modes that resize, print, lock, report or raise; with `?` and without.
const NOT_MODES: [&[&str]; 2] =
    [&["18", "19", "38", "40", "1001", "1034", "1042", "1043", "2031", "2048"], &["2", "12"]];

fn control(held: &str, last: u8) {
    let say = || format!("CSI {held:?} {} passed", char::from(last));
    assert!(held.bytes().all(|b| (0x20..=0x3f).contains(&b)), "{}", say());
    let params = held.trim_end_matches(|c| (' '..='/').contains(&c));
    let intermediates = &held[params.len()..];
    let numbers: Vec<&str> = params.trim_start_matches(['?', '>', '=', '<']).split([';', ':']).collect();
    assert!(numbers.iter().all(|n| n.len() <= 5 || matches!(last, b'h' | b'l')), "{}", say());
    let answered = match (intermediates, last) {
        ("", b'c' | b'n' | b'x' | b'i') => true,
        ("", b't') => !matches!(numbers[0], "22" | "23"),
        ("", b'T') => numbers.len() > 1,
        ("", b'q') => params.starts_with('>'),
        ("", b'u' | b'S' | b'm' | b'g') => params.starts_with(['?', '>', '<', '=']),
        ("$", b'p' | b'w' | b'u') | ("*", b'y') | ("&", b'u') => true,
        ("'", b'|' | b'z' | b'{' | b'w') | ("#", b'|' | b'S' | b'R') => true,
        ("", b'h' | b'l') => {
            let not = NOT_MODES[usize::from(!params.starts_with('?'))];
            numbers.iter().any(|number| not.contains(&number.trim_start_matches('0')))
        }
        _ => false,
    };
    assert!(!answered, "{}", say());
}

/// Output as a hostile and as an honest machine sends it.
pub fn seeds() -> Vec<Vec<u8>> {
    let texts: &[&[u8]] = &[
        b"\x1b]0;title\x07\x1b[1;31mred\x1b[0m\x1b[2J\x1b[?1049h\x1b[5;10H\r\nplain text that fills more than thirty-two bytes\n",
        b"\x1b]52;c;aGk=\x07\x1b]8;;http://x\x1b\\link\x1b]8;;\x07\x1b[6n\x1b[c\x1b[>c\x1b[21t\x1b[22;0t\x1b[5i",
        b"\x1bP$qm\x1b\\\x1bP+q544e\x1b\\\x1bP1;1|17/68656c6c6f\x1b\\\x1b_G\x1b\\\x1b^pm\x1b\\\x1bXsos\x1b\\\x1bktitle\x1b\\",
        b"\x1b[?25;1042;7h\x1b[4;12;20h\x1b[?1001s\x1b[?1$p\x1b[1;1;1;1;1;1*y\x1b[>q\x1b[?u\x1b[=1u\x1b[<1u\x1b[!p\x1b[1 q",
        "häß €\u{9b}31m\u{1f600}\u{85}\u{fffd}".as_bytes(),
        b"\xc3(\x9b31m\xe2\x82\xf0\x9f\x98\xff\xed\xa0\x80\xc0\xaf\xf4\x90\x80\x80",
        b"\x1b%@\x1b G\x1b%G\x1b(0lqk\x1b(B\x0e\x0f\x1b#8\x1bc\x1b7\x1b8\x1b=\x1b>\x05\x18B00\x1b]P1234567\x1b]R",
        b"\x1b[\x1b[31m\x1b[3\x071m\x1b]0;a\x1bb\x1b[3\x181m\x1b[\x7f31m\x1b]2;\xc2\x9c\x07\x1b]2;\xe2\x80\xae\x1b\\",
        stream::filter::RESTORE,
    ];
    let mut out: Vec<Vec<u8>> = texts.iter().map(|text| text.to_vec()).collect();
    out.push([&b"\x1b]0;"[..], &[b'a'; TITLE_LIMIT + 1], b"\x07"].concat());
    out.push([&b"\x1b["[..], &[b'1'; 300], b"m"].concat());
    out
}
