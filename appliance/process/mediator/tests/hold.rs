//! Input waits for its record; pauses discard; recordings say what happened.

#![allow(clippy::wildcard_enum_match_arm)] // a test picks out what it is about

mod common;

use border::DATA_BYTES_MAX;
use border::mediation::{Event, InputRecord, Order};
use border::work::{CREDIT_AT_OPEN, Down, Up};
use common::*;
use recording::{Direction, What};
use sha2::{Digest, Sha256};

#[test]
fn input_is_released_only_when_its_record_is_in_hand() {
    let mut bench = Bench::start(terms());
    bench.open(true);
    bench.vault = false;
    bench.front(input(b"reboot\r"));
    assert!(bench.typed().is_empty());
    bench.in_hand();
    assert_eq!(bench.typed(), b"reboot\r");
    assert!(bench.recorded().iter().any(|what| matches!(what, What::Input { bytes, .. } if **bytes == *b"reboot\r")));
}

#[test]
fn a_command_is_input_too() {
    let mut bench = Bench::start(terms());
    bench.vault = false;
    bench.front(open(1, false));
    assert!(bench.down.is_empty());
    bench.in_hand();
    assert_eq!(bench.down, [open(1, false)]);
}

#[test]
fn output_does_not_wait_but_only_so_much_of_it_goes_unrecorded() {
    let mut bench = Bench::start(terms());
    bench.open(false);
    bench.vault = false;
    let block = vec![0xaa; DATA_BYTES_MAX];
    bench.back(output(&block));
    assert_eq!(bench.up.len(), 1);
    let mut sent = 1;
    while bench.room.reads().back {
        bench.front(Down::Credit { channel: 1, bytes: DATA_BYTES_MAX as u32 });
        bench.back(output(&block));
        sent += 1;
        assert!(sent * DATA_BYTES_MAX <= border::record::IN_FLIGHT_BYTES_MAX);
    }
    bench.in_hand();
    assert!(bench.room.reads().back);
}

#[test]
fn echoed_text_is_written_and_hidden_text_is_not() {
    let mut echoed = terms();
    echoed.input = InputRecord::Echoed;
    let mut bench = Bench::start(echoed);
    bench.open(true);
    bench.front(input(b"ls"));
    bench.back(output(b"ls"));
    bench.at(BEGIN + 2 * SECOND);
    bench.front(input(b"secret"));
    bench.at(BEGIN + 5 * SECOND);
    let recorded = bench.recorded();
    assert!(recorded.contains(&What::InputHidden { channel: 1, length: 6 }));
    let text = recorded.iter().filter_map(|what| match what {
        What::Input { bytes, .. } => Some(bytes.to_vec()),
        _ => None,
    });
    assert_eq!(text.flatten().collect::<Vec<u8>>(), b"ls");
    assert_eq!(bench.typed(), b"lssecret");
}

#[test]
fn policy_none_keeps_lengths_alone() {
    let mut none = terms();
    none.input = InputRecord::None;
    let mut bench = Bench::start(none);
    bench.open(true);
    bench.front(input(b"abc"));
    bench.back(output(b"abc"));
    assert!(bench.recorded().contains(&What::InputHidden { channel: 1, length: 3 }));
    assert!(!bench.recorded().iter().any(|what| matches!(what, What::Input { .. })));
}

#[test]
fn a_byte_stream_is_kept_whole_under_the_default_policy_and_hidden_only_where_input_is() {
    for (input_kept, kept) in [(InputRecord::Echoed, true), (InputRecord::All, true), (InputRecord::None, false)] {
        let mut stream = terms();
        stream.input = input_kept;
        let mut bench = Bench::start(stream);
        bench.open(false);
        bench.front(input(b"firmware image"));
        bench.at(BEGIN + 5 * SECOND);
        bench.front(Down::Close { channel: 1 });
        bench.back(Up::Close { channel: 1 });
        let recorded = bench.recorded();
        let text = What::Input { channel: 1, bytes: codec::Bytes::new(*b"firmware image").unwrap() };
        assert_eq!(recorded.iter().filter(|what| **what == text).count(), usize::from(kept), "{input_kept:?}");
        let hidden = What::InputHidden { channel: 1, length: 14 };
        assert_eq!(recorded.contains(&hidden), !kept, "{input_kept:?}");
        assert_eq!(bench.typed(), b"firmware image");
    }
}

#[test]
fn hidden_input_is_not_told_by_its_hash_either() {
    let mut hidden = terms();
    hidden.input = InputRecord::None;
    hidden.bulk_hash_only = true;
    let mut bench = Bench::start(hidden);
    bench.open(false);
    bench.front(input(b"1234"));
    bench.back(output(b"down"));
    bench.back(Up::Close { channel: 1 });
    let recorded = bench.recorded();
    assert!(recorded.contains(&What::InputHidden { channel: 1, length: 4 }));
    let hashed = |way| recorded.iter().any(|what| matches!(what, What::BulkHash { direction, .. } if *direction == way));
    assert!(!hashed(Direction::ToTarget) && hashed(Direction::FromTarget));
}

#[test]
fn a_pause_discards_and_counts_what_is_typed_and_gives_the_credit_back() {
    let mut bench = Bench::start(terms());
    bench.open(true);
    bench.order(Order::Pause { by: by("otto") });
    bench.front(input(b"stop"));
    assert!(bench.typed().is_empty());
    assert!(bench.up.contains(&Up::Credit { channel: 1, bytes: 4 }));
    bench.order(Order::Resume { by: by("otto") });
    assert_eq!(
        bench.notices(),
        ["Paused by otto: what you type is discarded", "Resumed by otto: 4 bytes that you typed were discarded"]
    );
    bench.front(input(b"go"));
    assert_eq!(bench.typed(), b"go");
    let kinds = bench.recorded().iter().filter(|what| matches!(what, What::Mark { .. })).count();
    assert_eq!(kinds, 2);
}

#[test]
fn a_byte_stream_waits_for_the_end_of_a_pause() {
    let mut bench = Bench::start(terms());
    bench.open(false);
    bench.order(Order::Pause { by: by("otto") });
    for _ in 0..200 {
        bench.front(input(b"data"));
    }
    bench.front(Down::Eof { channel: 1 });
    assert!(bench.down.is_empty());
    bench.order(Order::Resume { by: by("otto") });
    assert_eq!(bench.typed(), b"data".repeat(200));
    assert_eq!(bench.down.last(), Some(&Down::Eof { channel: 1 }));
}

#[test]
fn a_terminal_is_filtered_and_a_byte_stream_is_not() {
    for (terminal, wanted) in [(true, &b"ab"[..]), (false, &b"a\x1b]52;c;eA==\x07b"[..])] {
        let mut bench = Bench::start(terms());
        bench.open(terminal);
        bench.back(output(b"a\x1b]52;c;eA==\x07b"));
        assert_eq!(bench.up, [output(wanted)]);
        let told = bench.events.iter().any(|event| matches!(event, Event::Mark { kind, .. } if kind.as_str() == "filtered"));
        assert_eq!(told, terminal);
        bench.back(Up::Close { channel: 1 });
        let marked = bench.recorded().iter().any(|what| matches!(what, What::Mark { kind, .. } if kind.as_str() == "filtered"));
        assert_eq!(marked, terminal);
    }
}

#[test]
fn output_that_grows_in_the_filter_never_overdraws_the_front() {
    let mut bench = Bench::start(terms());
    bench.open(true);
    let block = vec![0xff; DATA_BYTES_MAX];
    (0..16).for_each(|_| bench.back(output(&block)));
    bench.back(Up::Close { channel: 1 });
    let got = |bench: &Bench| -> usize {
        bench.up.iter().map(|up| if let Up::Data { bytes, .. } = up { bytes.len() } else { 0 }).sum()
    };
    assert_eq!(got(&bench), CREDIT_AT_OPEN as usize);
    bench.front(Down::Credit { channel: 1, bytes: CREDIT_AT_OPEN });
    bench.front(Down::Credit { channel: 1, bytes: CREDIT_AT_OPEN });
    assert_eq!(got(&bench), 3 * CREDIT_AT_OPEN as usize);
    assert_eq!(bench.up.last(), Some(&Up::Close { channel: 1 }));
    assert_eq!(bench.ended(), None);
}

#[test]
fn output_that_vanishes_in_the_filter_gives_its_credit_back() {
    let mut bench = Bench::start(terms());
    bench.open(true);
    let block = b"\x1b[6n".repeat(DATA_BYTES_MAX / 4);
    (0..100).for_each(|_| bench.back(output(&block)));
    assert_eq!(bench.ended(), None);
}

#[test]
fn bulk_is_hashed_where_the_terms_say_so() {
    let mut hashed = terms();
    hashed.bulk_hash_only = true;
    let mut bench = Bench::start(hashed);
    bench.open(false);
    bench.front(input(b"up"));
    bench.back(output(b"down"));
    bench.back(Up::Close { channel: 1 });
    let recorded = bench.recorded();
    for (direction, bytes) in [(Direction::ToTarget, &b"up"[..]), (Direction::FromTarget, b"down")] {
        let sha256 = Sha256::digest(bytes).into();
        let length = bytes.len() as u64;
        assert!(recorded.contains(&What::BulkHash { channel: 1, direction, length, sha256 }));
    }
    assert!(!recorded.iter().any(|what| matches!(what, What::Input { .. } | What::Output { .. })));
    assert_eq!(bench.typed(), b"up");
}

#[test]
fn a_hashed_stream_too_is_released_only_when_its_hash_is_in_hand() {
    let mut hashed = terms();
    hashed.bulk_hash_only = true;
    let mut bench = Bench::start(hashed);
    bench.open(false);
    bench.front(input(b"first "));
    bench.vault = false;
    bench.front(input(b"second"));
    assert_eq!(bench.typed(), b"first ", "its hash is not in hand");
    bench.vault = true;
    bench.in_hand();
    assert_eq!(bench.typed(), b"first second");
}

#[test]
fn a_new_observer_sees_the_last_screenful_and_what_follows() {
    let mut bench = Bench::start(terms());
    bench.open(true);
    bench.back(output(b"before"));
    bench.order(Order::Observe { by: by("otto") });
    bench.back(output(b"after"));
    assert_eq!(bench.observed[..2], [Up::Opened { channel: 1 }, output(b"before")]);
    assert_eq!(bench.observed.last(), Some(&output(b"after")));
}

#[test]
fn the_ends_have_their_kinds() {
    type Ending = (fn(&mut Bench), &'static str);
    let kinds: [Ending; 4] = [
        (|bench| bench.room.front_closed(BEGIN), "operator_left"),
        (|bench| bench.room.back_closed(BEGIN), "machine_closed"),
        (|bench| bench.order(end(session::Reason::EndedByAdmin, "enough")), "ended_by_admin"),
        (|bench| bench.order(end(session::Reason::PermissionWithdrawn, "enough")), "permission_withdrawn"),
    ];
    for (act, kind) in kinds {
        let mut bench = Bench::start(terms());
        bench.open(true);
        act(&mut bench);
        let _ = bench.ended();
        bench.in_hand();
        assert_eq!(bench.ended().as_deref(), Some(kind));
        assert!(bench.left);
        // The recording says what the listing and the ledger say.
        let said = format!("{kind}: ");
        assert!(matches!(bench.recorded().last(), Some(What::Mark { kind, text }) if kind.as_str() == "ended" && text.starts_with(&said)));
        assert!(matches!(bench.entries.last(), Some(border::record::Entry::End { .. })));
    }
}

#[test]
fn a_recording_that_nobody_could_open_does_not_begin() {
    let mut nobody = terms();
    nobody.recipients = codec::List::default();
    let mut bench = Bench::start(nobody);
    assert_eq!(bench.ended().as_deref(), Some("recorder_lost"));
    assert!(bench.entries.is_empty());
    assert!(!bench.events.contains(&Event::Recording));
}

#[test]
fn a_pause_also_discards_what_was_typed_and_not_yet_released() {
    let mut bench = Bench::start(terms());
    bench.open(true);
    bench.vault = false;
    bench.front(input(b"late"));
    bench.order(Order::Pause { by: by("otto") });
    bench.vault = true;
    bench.in_hand();
    bench.order(Order::Resume { by: by("otto") });
    assert!(bench.typed().is_empty());
    assert_eq!(bench.notices()[1], "Resumed by otto: 4 bytes that you typed were discarded");
}
