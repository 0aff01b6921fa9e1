//! What is made of a recording for people: asciicast and plain text.

use crate::container::header;
use crate::shown::drives;
use codec::{Bytes, Input, Text, Wire};
use recording::{Cast, Direction, Item, Transcript, What};

fn items(bytes: &[u8]) -> Vec<Item> {
    let mut input = Input::new(bytes);
    std::iter::from_fn(|| Item::take(&mut input).ok()).collect()
}

/// Each output in two parts.
fn halved(items: &[Item]) -> Vec<Item> {
    let half = |item: &Item| {
        let What::Output { channel, stream, bytes } = &item.what else { return vec![item.clone()] };
        let part = |part: &[u8]| What::Output { channel: *channel, stream: *stream, bytes: Bytes::new(part).unwrap_or_default() };
        let (first, second) = bytes.split_at(bytes.len() / 2);
        vec![Item { at_us: item.at_us, what: part(first) }, Item { at_us: item.at_us, what: part(second) }]
    };
    items.iter().flat_map(half).collect()
}

/// Each line of a cast is what asciicast v2 says; the text of a channel is its output, whole.
///
/// # Panics
/// If it does not hold.
pub fn cast(bytes: &[u8]) {
    let items = items(bytes);
    for channel in [None, Some(1)] {
        let write = |items: &[Item]| {
            let mut cast = Cast::new(&header(), channel);
            let mut out: String = items.iter().map(|item| cast.item(item)).collect();
            out.push_str(&cast.end());
            out
        };
        let shown = texts(&write(&items));
        assert!(shown == texts(&write(&halved(&items))), "another chunking gives another text");
        if let Some(channel) = channel {
            let sent = items.iter().filter_map(|item| {
                let What::Output { channel: c, bytes, .. } = &item.what else { return None };
                (*c == channel).then_some(&bytes[..])
            });
            let sent = sent.collect::<Vec<_>>().concat();
            let sent = String::from_utf8_lossy(&sent);
            assert!(sent == shown || sent.strip_suffix('\u{fffd}') == Some(&shown), "another text: {shown:?}, not {sent:?}");
        }
    }
}

/// The output that a cast shows.
fn texts(cast: &str) -> String {
    let mut lines = cast.split_terminator('\n');
    let first: serde_json::Value = serde_json::from_str(lines.next().expect("a header")).expect("the header is JSON");
    assert!(first["version"] == 2 && first["width"].is_u64() && first["height"].is_u64());
    let mut shown = String::new();
    for line in lines {
        crate::shown::line(line);
        let (at, code, text): (f64, String, String) = serde_json::from_str(line).expect("a line is an event");
        assert!(at >= 0.0 && matches!(&*code, "o" | "i" | "m" | "r"), "event {code}");
        if code == "o" {
            shown.push_str(&text);
        }
    }
    shown
}

/// A transcript is safe to show; no output passes for the box's word, however it is cut.
///
/// # Panics
/// If it does not hold.
pub fn text(bytes: &[u8]) {
    let items = items(bytes);
    let write = |items: &[Item]| {
        let mut transcript = Transcript::new();
        let mut out = transcript.begin(&header());
        items.iter().for_each(|item| out.push_str(&transcript.item(item)));
        out.push_str(&transcript.end());
        out
    };
    let out = write(&items);
    let outputs: Vec<Item> = items.iter().filter(|item| matches!(item.what, What::Output { .. })).cloned().collect();
    let said = out.lines().filter(|line| line.starts_with('[')).count();
    assert!(said == 1 + items.len() - outputs.len(), "the box says {said} things of {}", items.len());
    assert!(out.is_empty() || out.ends_with('\n'));
    for line in out.split_terminator('\n') {
        let bad = line.chars().find(|&c| drives(c) && c != '\t');
        assert!(bad.is_none(), "{bad:?} is shown in {line:?}");
        let number = line.split_once("| ").is_some_and(|(n, _)| n.parse::<u32>().is_ok());
        assert!(line.starts_with('[') || number, "whose word is {line:?}");
    }
    assert!(write(&outputs) == write(&halved(&outputs)), "another chunking gives another text");
}

/// One item of every kind, and output that is cut inside characters and sequences.
pub fn every_kind() -> Vec<Item> {
    let output = |channel, stream, text: &[u8]| What::Output { channel, stream, bytes: Bytes::new(text).unwrap_or_default() };
    let whats = vec![
        What::Opened { channel: 1, pty: true, command: None },
        What::Resize { channel: 1, cols: 120, rows: 40 },
        output(1, 0, b"na\xc3"),
        output(1, 0, b"\xafve \x1b[31m\xe2\x80\xaered\x1b[0m\r\n[00:00:00.000 \"paused\" by otto]\r\nover\rwrite"),
        output(1, 1, b"\x1b]0;ti"),
        output(2, 0, b"\xff\x9b31m two\x85\tthree\n1| "),
        output(1, 1, b"tle\x07after\xe2\x80"),
        What::Input { channel: 1, bytes: Bytes::new(*b"vera\r\x1b[A\xff").unwrap_or_default() },
        What::InputHidden { channel: 1, length: 9 },
        What::Mark { kind: Text::cut("paused"), text: Text::cut("by otto\n\u{202e}\u{61c}\u{1b}[2J") },
        What::BulkHash { channel: 2, direction: Direction::FromTarget, length: 1 << 33, sha256: [9; 32] },
        What::Opened { channel: 2, pty: false, command: Some(Text::cut("cat /etc/motd\r\n[")) },
        What::Closed { channel: 2, code: Some(0), signal: None },
        What::Closed { channel: 1, code: None, signal: Some(Text::cut("HUP")) },
    ];
    (0..).zip(whats).map(|(n, what)| Item { at_us: n * 1_000_001, what }).collect()
}

/// Items in binary form.
pub fn seeds() -> Vec<Vec<u8>> {
    let all: Vec<Vec<u8>> = every_kind().iter().map(codec::encode).collect();
    let outputs: Vec<u8> = all[2..7].concat();
    [vec![all.concat(), outputs], all].concat()
}
