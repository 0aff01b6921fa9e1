//! Claims of the escape-sequence filter.

use stream::filter::{Filter, Kind, RESTORE, STRING_LIMIT, TITLE_LIMIT};

fn run(input: &[u8]) -> (Vec<u8>, stream::filter::Counts) {
    let (mut filter, mut out) = (Filter::new(), Vec::new());
    filter.filter(input, &mut out);
    (out, filter.counts())
}

#[track_caller]
fn removed(input: &[u8], kind: Kind) {
    let framed = [b"a", input, b"b"].concat();
    let (out, counts) = run(&framed);
    assert_eq!(out, b"ab", "{}", framed.escape_ascii());
    assert_eq!((counts.of(kind), counts.total()), (1, 1), "{} {counts:?}", framed.escape_ascii());
}

#[track_caller]
fn kept(input: &[u8]) {
    let (out, counts) = run(input);
    assert_eq!(out, input, "{} became {}", input.escape_ascii(), out.escape_ascii());
    assert_eq!(counts.total(), 0);
}

struct Seed(u64);

impl Seed {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }
}

const PIECES: &[&[u8]] = &[
    b"\x1b",
    b"[",
    b"]",
    b"P",
    b"\\",
    b"\x07",
    b"52;c;aGk=",
    b"0;title",
    b"8;;http://x",
    b";",
    b"1",
    b"21t",
    b"\x1b[",
    b"\x1b]",
    b"\x1bP",
    b"\x1b_G",
    b"\x1b^",
    b"\x1bX",
    b"\x1bk",
    b"\x1b\\",
    b"?",
    b">",
    b"=",
    b"$q",
    b"+q544e",
    b"c",
    b"6n",
    b"5i",
    b"m",
    b"1;31m",
    b"?1049h",
    b"?25;1001;2048h",
    b"\x9b",
    b"\x9d52;",
    b"\x90",
    b"\xc2\x9b",
    b"\xc2",
    b"\xe2",
    b"\x9c",
    b"\xf0\x9f\x98\x80",
    b"\xe2\x82\xac",
    b"\xc3\xa9",
    b"\xff",
    b"\x05",
    b"\x18",
    b"\x1a",
    b"\x00",
    b"\r\n",
    b"plain text ",
    b"$p",
    b"*y",
    b"\x1b%@",
    b"\x1b%G",
    b"\x1b F",
    b"\x1b(0",
    b"\x1bZ",
    b"\x7f",
    b"\x0e",
    b"\x1b[3",
    b"\x1b[!p",
    b"\x1b[>0q",
    b"tmux;",
    b"999999999b",
    b"\x1b[2J",
    b"0123456789012345678901234567890123456789",
    b"\x1b[38;2;1;2;3m",
    b"\xed\xa0\x80",
    b"\xe0\x82\x9b",
];

fn hostile(seed: &mut Seed) -> Vec<u8> {
    let mut input = Vec::new();
    for _ in 0..seed.below(40) {
        if seed.below(8) == 0 {
            input.push(seed.below(256) as u8);
        } else {
            input.extend_from_slice(PIECES[seed.below(PIECES.len())]);
        }
    }
    input
}

/// A terminal of its own making: reads `output` as xterm in UTF-8 would, and names the first thing
/// that is dangerous or unfinished.
fn danger(output: &[u8]) -> Option<String> {
    let Ok(text) = std::str::from_utf8(output) else { return Some("not UTF-8".into()) };
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        if ('\u{80}'..='\u{9f}').contains(&c) || "\u{5}\u{1}\u{18}\u{1a}".contains(c) {
            return Some(format!("control {c:?}"));
        }
        if c != '\u{1b}' {
            continue;
        }
        match rest.next() {
            Some('[') => {
                let mut body = String::new();
                let last = loop {
                    match rest.next() {
                        Some(c @ ' '..='?') => body.push(c),
                        Some(c @ '@'..='~') => break c,
                        other => return Some(format!("CSI {body} broken by {other:?}")),
                    }
                };
                let bad = "cnixyR".contains(last)
                    || (last == 't' && !body.starts_with("22") && !body.starts_with("23"))
                    || (last == 'p' && !"!#".contains(body.chars().last().unwrap_or('x')))
                    || (last == 'q' && !body.ends_with([' ', '"', '#']))
                    || body.starts_with(['>', '<', '='])
                    || (last == 'u'
                        && !body.chars().all(|c| c.is_ascii_digit() || ";:".contains(c)))
                    || ("hlrs".contains(last)
                        && body.starts_with('?')
                        && body[1..]
                            .split(';')
                            .any(|m| ["38", "1001", "2048", "2031", "1034", ""].contains(&m)));
                if bad {
                    return Some(format!("CSI {body}{last}"));
                }
            }
            Some(']') => {
                let mut body = String::new();
                loop {
                    match rest.next() {
                        Some('\u{7}') => break,
                        Some('\u{1b}') if rest.next_if_eq(&'\\').is_some() => break,
                        Some(c) if !c.is_control() => body.push(c),
                        other => return Some(format!("OSC {body} broken by {other:?}")),
                    }
                }
                if !(body.starts_with("0;") || body.starts_with("1;") || body.starts_with("2;")) {
                    return Some(format!("OSC {body}"));
                }
            }
            Some('%') if rest.next_if_eq(&'G').is_some() => {}
            Some('(' | ')' | '*' | '+' | '-' | '.' | '/' | '#') => {
                rest.next_if(|c| "\"%&".contains(*c));
                match rest.next() {
                    Some('0'..='~') => {}
                    other => return Some(format!("charset broken by {other:?}")),
                }
            }
            Some(c) if "6789=>DEHMNOcno|}~".contains(c) => {}
            other => return Some(format!("ESC {other:?}")),
        }
    }
    None
}

#[test]
fn nothing_dangerous_survives_an_independent_parser() {
    let mut seed = Seed(0x9e37_79b9_7f4a_7c15);
    for round in 0..30_000 {
        let input = hostile(&mut seed);
        let (out, _) = run(&input);
        assert_eq!(
            danger(&out),
            None,
            "round {round}: {} became {}",
            input.escape_ascii(),
            out.escape_ascii()
        );
        assert_eq!(run(&out).0, out, "filtering again changes nothing");
    }
}

#[test]
fn the_independent_parser_finds_danger() {
    for bad in [
        "\x1b[6n",
        "\x1b]52;c;aGk=\x07",
        "\x1bPq",
        "\u{9b}",
        "\x1b[21t",
        "\x1b[5i",
        "\x1b[?1001h",
        "\x1bk",
    ] {
        assert!(danger(bad.as_bytes()).is_some(), "{bad:?}");
    }
}

#[test]
fn any_split_gives_the_same_output_and_counts() {
    let mut seed = Seed(77);
    for _ in 0..10_000 {
        let input = hostile(&mut seed);
        let whole = run(&input);
        let (mut filter, mut out) = (Filter::new(), Vec::new());
        for byte in &input {
            filter.filter(&[*byte], &mut out);
        }
        assert_eq!((out, filter.counts()), whole, "bytes of {}", input.escape_ascii());
        let (mut filter, mut out, mut rest) = (Filter::new(), Vec::new(), &input[..]);
        while !rest.is_empty() {
            let (head, tail) = rest.split_at(1 + seed.below(rest.len()));
            filter.filter(head, &mut out);
            rest = tail;
        }
        assert_eq!((out, filter.counts()), whole, "parts of {}", input.escape_ascii());
    }
}

#[test]
fn every_split_in_two_of_a_screen_is_the_same() {
    let screen = "\x1b[?1049h\x1b[1;31mé€😀\x1b]0;ö\x07\x1b]52;c;x\x1b\\\x1b[6n\x1bPtmux;\x1b\x1b[c\x1b\\z\u{9b}5n".as_bytes();
    let whole = run(screen);
    for at in 0..=screen.len() {
        let (mut filter, mut out) = (Filter::new(), Vec::new());
        filter.filter(&screen[..at], &mut out);
        filter.filter(&screen[at..], &mut out);
        assert_eq!((out, filter.counts()), whole, "split at {at}");
    }
}

#[test]
fn colours_cursor_screens_modes_and_text_are_untouched() {
    kept(b"\x1b[0m\x1b[1;4:3;38;2;10;20;30;48;5;200mred\x1b[m");
    kept(b"\x1b[H\x1b[10;20H\x1b[5A\x1b[2K\x1b[J\x1b[3J\x1b[2;20r\x1b[4P\x1b[2@\x1b[L\x1b[M\x1b[?25l\x1b[2 q");
    kept(b"\x1b[?1049h\x1b[?2004h\x1b[?1000;1002;1006h\x1b[?1049l\x1b[?1h\x1b=\x1b>\x1b7\x1b8\x1bM\x1bc\x1b[4h");
    kept(b"\x1b(0lqqk\x1b(B\x0e\x0f\x1b)0\x1b%G\x1b#8\x1b[22;0;0t\x1b[23;0;0t\x1b[!p\x1b[?7l");
    kept(b"\x1b]0;title\x07\x1b]2;\xc3\xa4\x1b\\tab\tbell\x07\x08\r\n");
    kept("ÄÖÜ ÀÛÝ ě œ 漢字 مرحبا 😀 \u{a0}\u{d7ff}\u{10ffff}".as_bytes());
    kept(RESTORE);
}

#[test]
fn text_of_every_character_is_untouched() {
    let text: String = ('\u{a0}'..=char::MAX).step_by(7).collect();
    kept(text.as_bytes());
}

#[test]
fn questions_are_removed_even_the_cursor_position() {
    for question in [
        "[6n",
        "[5n",
        "[?6n",
        "[c",
        "[0c",
        "[>c",
        "[=c",
        "[?1$p",
        "[4$p",
        "[x",
        "[>0q",
        "[?u",
        "[1$w",
        "[1;1;1;1;1;1*y",
        "[?2;1S",
        "Z",
        "P$qm\x1b\\",
        "P+q544e\x1b\\",
        "['|",
    ] {
        removed(format!("\x1b{question}").as_bytes(), Kind::Report);
    }
    removed(b"\x05", Kind::Report);
}

#[test]
fn clipboard_links_strings_keys_printing_windows_are_removed() {
    removed(b"\x1b]52;c;aGVsbG8=\x07", Kind::Clipboard);
    removed(b"\x1b]52;c;?\x1b\\", Kind::Clipboard);
    removed(b"\x1b]8;;http://evil/\x1b\\", Kind::Hyperlink);
    for osc in [
        "4;1;?",
        "10;?",
        "11;#000",
        "7;file://x",
        "9;note",
        "777;notify;a;b",
        "1337;File=:AA",
        "99;;x",
        "50;?",
    ] {
        removed(format!("\x1b]{osc}\x07").as_bytes(), Kind::Osc);
    }
    removed(b"\x1bP1;1|17/0d\x1b\\", Kind::UserKeys);
    removed(b"\x1bPq#0;2;0;0;0\x1b\\", Kind::ControlString);
    removed(b"\x1b_Gf=24;AAAA\x1b\\", Kind::ControlString);
    removed(b"\x1b^privacy\x1b\\", Kind::ControlString);
    removed(b"\x1bXsos\x1b\\", Kind::ControlString);
    removed(b"\x1bkname\x1b\\", Kind::Title);
    removed(b"\x1b[5i", Kind::MediaCopy);
    removed(b"\x1b[?4i", Kind::MediaCopy);
    for window in ["21", "20", "18", "14", "8;24;80", "3;0;0", "1"] {
        removed(format!("\x1b[{window}t").as_bytes(), Kind::Window);
    }
    removed(b"\x1b[2h", Kind::Mode);
    removed(b"\x1b[?38h", Kind::Mode);
    removed(b"\x1b%@", Kind::Unknown);
    removed(b"\x1b G", Kind::Unknown);
    removed(b"\x18", Kind::Control);
    removed(b"\x1b[9999999b", Kind::Unknown);
    removed(b"\x1b]P7ff0000", Kind::Osc);
}

#[test]
fn forbidden_modes_are_cut_out_of_a_list() {
    let (out, counts) = run(b"\x1b[?25;1001;1049h");
    assert_eq!((&out[..], counts.of(Kind::Mode)), (&b"\x1b[?25;1049h"[..], 1));
}

#[test]
fn highlight_tracking_does_not_begin_whatever_parts_its_parameters() {
    kept(b"\x1b[3T\x1b[T");
    for tracking in [&b"\x1b[1;2;3;4;5T"[..], b"\x1b[1:2:3:4:5T", b"\x1b[:T"] {
        removed(tracking, Kind::Unknown);
    }
}

#[test]
fn c1_controls_are_removed_raw_and_as_characters_but_not_inside_characters() {
    removed(b"\x9b", Kind::C1);
    removed("\u{9b}".as_bytes(), Kind::C1);
    removed("\u{9d}".as_bytes(), Kind::C1);
    kept("ě\u{6db}\u{2edb}".as_bytes());
    assert_eq!(run(b"\xe2\x9b6n").0, "\u{fffd}6n".as_bytes());
    assert_eq!(
        run(b"\xe9t\xe9").0,
        "\u{fffd}t".as_bytes(),
        "the last may still become a character"
    );
}

#[test]
fn titles_are_bounded_and_plain() {
    let title = |n: usize| [b"\x1b]2;".as_slice(), &vec![b't'; n], b"\x07"].concat();
    kept(&title(TITLE_LIMIT));
    removed(&title(TITLE_LIMIT + 1), Kind::Title);
    removed(b"\x1b]2;a\nb\x07", Kind::Title);
    removed(b"\x1b]2;a\x9bb\x07", Kind::Title);
}

#[test]
fn strings_without_an_end_are_given_up() {
    for start in ["\x1b]0;", "\x1bP", "\x1b_", "\x1bk"] {
        let input = [start.as_bytes(), &vec![b'x'; 2 * STRING_LIMIT], b"end"].concat();
        let (out, counts) = run(&input);
        assert!(out.ends_with(b"xend") && out.len() > STRING_LIMIT, "{start:?}");
        assert_eq!((counts.of(Kind::Unterminated), counts.total()), (1, 1));
    }
    let (out, counts) =
        run(&[b"\x1b[".as_slice(), &vec![b'1'; 2 * STRING_LIMIT], b"mend"].concat());
    assert!(out.ends_with(b"1mend"));
    assert_eq!(counts.of(Kind::Unterminated), 1);
}
