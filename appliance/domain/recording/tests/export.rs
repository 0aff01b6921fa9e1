//! Claims of the exporters: common players can show a cast, and a transcript is safe and honest.

mod common;

use codec::{Bytes, Text};
use common::{every_kind, header, output};
use recording::{Cast, Item, Transcript, What};

fn cast(items: &[Item], channel: Option<u32>) -> String {
    let mut cast = Cast::new(&header(), channel);
    let body: String = items.iter().map(|item| cast.item(item)).collect();
    body + &cast.end()
}

fn transcript(items: &[Item]) -> String {
    let mut transcript = Transcript::new();
    let body: String = items.iter().map(|item| transcript.item(item)).collect();
    body + &transcript.end()
}

#[test]
fn a_cast_is_one_header_and_one_line_an_event() {
    assert_eq!(
        cast(&every_kind(), None),
        "{\"version\":2,\"width\":120,\"height\":40,\"timestamp\":1700000000,\
         \"title\":\"vera on plc-gw.root, session s-42\"}\n\
         [2.000002,\"o\",\"login: \"]\n\
         [3.000003,\"i\",\"vera\\u000d\"]\n\
         [4.000004,\"m\",\"hidden input: 9 bytes\"]\n\
         [5.000005,\"m\",\"paused: by otto\"]\n"
    );
    assert!(cast(&[], None).ends_with("}\n"));
}

#[test]
fn a_cast_holds_one_channel_alone() {
    let items = [output(1, 1, b"one"), output(2, 2, b"two"), output(3, 1, b"three")];
    assert!(!cast(&items, None).contains("two"));
    let second = cast(&items, Some(2));
    assert!(second.contains("two") && !second.contains("one"));
}

#[test]
fn a_character_split_between_items_is_joined_and_bad_bytes_are_marked() {
    let items = [output(1, 1, b"na\xc3"), output(2, 1, b"\xafve \xff\"\\\x1b[0m")];
    let text = cast(&items, None);
    assert!(text.contains("[0.000001,\"o\",\"na\"]\n"));
    assert!(text.contains("[0.000002,\"o\",\"ïve \u{fffd}\\\"\\\\\\u001b[0m\"]\n"), "{text}");
}

#[test]
fn a_transcript_tells_every_kind_of_item() {
    let hash = "09".repeat(32);
    assert_eq!(
        transcript(&every_kind()),
        format!(
            "[00:00:00.000 channel 1 opened, terminal]\n\
             [00:00:01.000 channel 1 size 120x40]\n\
             1| login: \n\
             [00:00:03.000 channel 1 input \"vera\\u000d\"]\n\
             [00:00:04.000 channel 1 hidden input of 9 bytes]\n\
             [00:00:05.000 \"paused\" \"by otto\"]\n\
             [00:00:06.000 channel 2 8589934592 bytes from the target, sha256 {hash}]\n\
             [00:00:07.000 channel 2 opened, no terminal, command \"cat /etc/motd\"]\n\
             [00:00:08.000 channel 2 closed, exit 0]\n\
             [00:00:09.000 channel 1 closed, signal \"HUP\"]\n"
        )
    );
    assert!(Transcript::new().begin(&header()).starts_with("[session \"s-42\" person \"vera\""));
}

#[test]
fn a_transcript_moves_no_terminal_and_no_output_passes_for_the_boxs_word() {
    let nasty = b"\x1b[2J\x1b]0;title\x07\x1b(Bok\x1b]8;;x\x1b\\y\xc2\x9b31mz\x08\x00\r\n[00:00:01.000 channel 9 closed]\r50%\r60%\n\xe2\x80\xaetxt";
    let text = transcript(&[
        output(1, 3, nasty),
        output(2, 4, b"other"),
        Item { at_us: 3, what: What::Input { channel: 3, bytes: Bytes::new(*b"\n[fake]\x1b").unwrap() } },
        Item { at_us: 4, what: What::Mark { kind: Text::new("a\nb").unwrap(), text: Text::default() } },
    ]);
    assert_eq!(
        text,
        "3| okyz\n3| [00:00:01.000 channel 9 closed]\n3| 50%\n3| 60%\n3| txt\n4| other\n\
         [00:00:00.000 channel 3 input \"\\u000a[fake]\\u001b\"]\n\
         [00:00:00.000 \"a\\u000ab\" \"\"]\n"
    );
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()));
}

#[test]
fn no_export_turns_text_around() {
    // Unicode's Bidi_Control characters.
    let turning = "\u{61c}\u{200e}\u{200f}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2066}\u{2067}\u{2068}\u{2069}";
    let mark = What::Mark { kind: Text::new("paused").unwrap(), text: Text::new(turning).unwrap() };
    let items = [output(1, 1, turning.as_bytes()), Item { at_us: 2, what: mark }];
    for text in [cast(&items, None), transcript(&items)] {
        assert!(!text.contains(|c| turning.contains(c)), "{text}");
    }
}
