//! Claims of the echo watch. Times are in microseconds.

use stream::echo::{EchoWatch, LIMIT, Verdict, WAIT_US};

fn echoed(at_us: u64, text: &str) -> Verdict {
    Verdict::Echoed { at_us, bytes: text.as_bytes().to_vec() }
}

fn hidden(at_us: u64, len: usize) -> Verdict {
    Verdict::Hidden { at_us, len }
}

/// All text that came out as echoed.
fn shown(verdicts: &[Verdict]) -> String {
    let mut all = Vec::new();
    for verdict in verdicts {
        match verdict {
            Verdict::Echoed { bytes, .. } => all.extend_from_slice(bytes),
            Verdict::Hidden { .. } => {}
        }
    }
    String::from_utf8_lossy(&all).into_owned()
}

#[test]
fn a_password_typed_without_echo_is_hidden() {
    let mut watch = EchoWatch::new();
    watch.output(0, b"Password: ");
    for (i, byte) in b"hunter2".iter().enumerate() {
        watch.typed(i as u64 * 100_000, &[*byte]);
    }
    watch.typed(700_000, b"\r");
    watch.output(750_000, b"\r\nhunter2? Welcome\r\n$ ");
    let verdicts = watch.due(750_000);
    assert_eq!(shown(&verdicts), "\r");
    assert_eq!(verdicts.iter().filter(|v| **v != echoed(700_000, "\r")).count(), 7);
}

#[test]
fn a_pasted_password_is_hidden_after_a_second_and_not_before() {
    let mut watch = EchoWatch::new();
    watch.typed(5, b"hunter2");
    assert_eq!(watch.next_due(), Some(5 + WAIT_US));
    assert_eq!(watch.due(4 + WAIT_US), []);
    assert_eq!(watch.due(5 + WAIT_US), [hidden(5, 7)]);
    watch.output(6 + WAIT_US, b"hunter2");
    assert_eq!(watch.end(), []);
}

#[test]
fn output_that_only_begins_like_a_password_is_no_echo() {
    let mut watch = EchoWatch::new();
    watch.typed(0, b"hunter2");
    watch.output(10, b"hundreds of lines of a log: hunter");
    watch.output(20, b"kernel: hunter2");
    assert_eq!(watch.end(), [hidden(0, 7)]);
}

#[test]
fn a_masked_password_is_hidden() {
    let mut watch = EchoWatch::new();
    for (i, byte) in b"s3cr*t".iter().enumerate() {
        watch.typed(i as u64, &[*byte]);
        watch.output(i as u64, b"*");
    }
    assert_eq!(shown(&watch.end()), "");
}

#[test]
fn echo_key_by_key_is_told_at_once() {
    let mut watch = EchoWatch::new();
    for (i, text) in ["l", "s", "ä"].iter().enumerate() {
        let at = i as u64 * 1000;
        watch.typed(at, text.as_bytes());
        watch.output(at + 10, text.as_bytes());
        assert_eq!(watch.due(at + 10), [echoed(at, text)]);
    }
    watch.typed(9000, b"\r");
    watch.output(9010, b"\r\n");
    assert_eq!(watch.due(9010), [echoed(9000, "\r")]);
}

#[test]
fn echo_by_line_and_typed_ahead_lines_are_echoed() {
    let mut watch = EchoWatch::new();
    watch.typed(1, b"show version\r");
    watch.typed(2, b"exit\r");
    watch.output(50, b"show version\r\nexit\r\nVersion 7\r\n");
    assert_eq!(watch.due(50), [echoed(1, "show version\r"), echoed(2, "exit\r")]);
}

#[test]
fn echo_in_colour_split_over_chunks_is_echoed() {
    let mut watch = EchoWatch::new();
    watch.typed(1, b"echo");
    watch.output(2, b"\x1b[1;3");
    watch.output(3, b"2mec\x1b]0;ho\x07");
    watch.output(4, b"ho\x1b[K");
    assert_eq!(watch.due(4), [echoed(1, "echo")]);
}

#[test]
fn arrows_and_controls_need_no_echo_of_their_own_but_some_answer() {
    let mut watch = EchoWatch::new();
    watch.typed(1, b"\x1b[A");
    watch.output(2, b"previous command");
    assert_eq!(watch.due(2), [echoed(1, "\x1b[A")]);
    watch.typed(3, b"\x03");
    assert_eq!(watch.due(3 + WAIT_US), [hidden(3, 1)]);
    watch.typed(2_000_000, b"a\x7fb");
    watch.output(2_000_001, b"a\x08 \x08b");
    assert_eq!(watch.end(), [echoed(2_000_000, "a\x7fb")]);
}

#[test]
fn enter_without_a_new_line_is_hidden() {
    let mut watch = EchoWatch::new();
    watch.typed(1, b"\r");
    watch.output(2, b"\x1b[5;1Hredrawn");
    assert_eq!(watch.due(1 + WAIT_US), [hidden(1, 1)]);
}

#[test]
fn what_waits_is_bounded() {
    let mut watch = EchoWatch::new();
    watch.typed(1, &vec![b'x'; LIMIT]);
    watch.typed(2, b"yyy");
    assert_eq!(watch.due(2), [hidden(1, 3)]);
    assert_eq!(watch.end(), [hidden(1, LIMIT - 3), hidden(2, 3)]);
}
