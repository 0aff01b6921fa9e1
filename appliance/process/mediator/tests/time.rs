//! What time does to a session: deadline, warnings, idle limit, a stalled recorder.

mod common;

use border::mediation::{Bound, Event, Order};
use border::record::Answer;
use border::work::{Down, Up};
use common::*;

#[test]
fn the_deadline_ends_it_at_once_and_it_leaves_within_the_bound() {
    let mut bench = Bench::start(terms());
    bench.open(true);
    bench.at(BEGIN + 60 * MINUTE);
    assert!(matches!(bench.up.last(), Some(Up::End { .. })));
    assert!(!bench.left, "the last messages are still on their way");
    assert!(!bench.events.is_empty(), "and the broker knows why before the operator can leave");
    assert_eq!(bench.events.iter().filter(|event| matches!(event, Event::Ended { .. })).count(), 1);
    bench.at(BEGIN + 60 * MINUTE + mediator::room::FLUSH_US);
    assert!(bench.left, "it leaves also if nobody takes its last messages");
    assert_eq!(bench.ended().as_deref(), Some("deadline"));
}

#[test]
fn nothing_ends_before_the_deadline() {
    let mut bench = Bench::start(terms());
    bench.open(true);
    bench.at(BEGIN + 60 * MINUTE - 1);
    assert_eq!(bench.ended(), None);
    assert!(bench.room.next_wake() <= Some(BEGIN + 60 * MINUTE));
}

#[test]
fn warnings_come_at_30_10_5_and_1_minutes_and_only_then() {
    let mut bench = Bench::start(terms());
    bench.open(true);
    for left in [31, 30, 29, 10, 9, 5, 4, 1] {
        bench.at(BEGIN + (60 - left) * MINUTE);
    }
    let said: Vec<String> = [30, 10, 5].iter().map(|n| format!("This session ends in {n} minutes (longest duration)")).collect();
    assert_eq!(bench.notices()[..3], said[..]);
    assert_eq!(bench.notices()[3..], ["This session ends in 1 minute (longest duration)"]);
}

#[test]
fn a_moved_deadline_counts_in_both_directions() {
    let mut bench = Bench::start(terms());
    bench.order(Order::Deadline { deadline_ms: (BEGIN + 90 * MINUTE) / 1000, bound: Bound::Longest });
    bench.at(BEGIN + 60 * MINUTE);
    assert_eq!(bench.ended(), None);
    bench.order(Order::Deadline { deadline_ms: BEGIN / 1000, bound: Bound::Longest });
    assert_eq!(bench.ended().as_deref(), Some("deadline"));
}

#[test]
fn the_end_of_a_window_is_told_as_such_and_its_warnings_follow_the_move() {
    let mut bench = Bench::start(terms());
    bench.open(true);
    bench.order(Order::Deadline { deadline_ms: (BEGIN + 12 * MINUTE) / 1000, bound: Bound::Window });
    for at in [1, 2, 7, 11] {
        bench.at(BEGIN + at * MINUTE);
    }
    let said = bench.notices();
    assert_eq!(said[0], "This session now ends in 12 minutes (its time window closes)");
    let left: Vec<&str> = said[1..].iter().map(|text| text.split(' ').nth(4).unwrap()).collect();
    assert_eq!(left, ["10", "5", "1"], "{said:?}");
    bench.at(BEGIN + 12 * MINUTE);
    assert_eq!(bench.ended().as_deref(), Some("window_closed"));
}

#[test]
fn a_deadline_that_a_clock_moves_a_little_is_kept_and_not_told() {
    let mut bench = Bench::start(terms());
    bench.open(true);
    let deadline = BEGIN + 60 * MINUTE - SECOND / 2;
    bench.order(Order::Deadline { deadline_ms: deadline / 1000, bound: Bound::Window });
    assert!(bench.notices().is_empty());
    bench.at(deadline);
    assert_eq!(bench.ended().as_deref(), Some("window_closed"));
}

#[test]
fn a_shorter_idle_limit_counts_from_the_last_typing() {
    let mut bench = Bench::start(terms());
    bench.open(true);
    bench.at(BEGIN + 50 * SECOND);
    bench.order(Order::Idle { idle_ms: 60_000 });
    assert_eq!(bench.ended(), None);
    bench.at(BEGIN + 60 * SECOND);
    assert_eq!(bench.ended().as_deref(), Some("idle"));
}

#[test]
fn the_idle_limit_counts_what_the_person_types_alone() {
    let mut limited = terms();
    limited.idle_ms = 60_000;
    let mut bench = Bench::start(limited);
    bench.open(true);
    bench.at(BEGIN + 50 * SECOND);
    bench.front(input(b"x"));
    bench.at(BEGIN + 100 * SECOND);
    assert_eq!(bench.ended(), None, "typing keeps it");
    bench.front(Down::Resize { channel: 1, cols: 100, rows: 30 });
    bench.back(output(b"noise"));
    bench.front(Down::Credit { channel: 1, bytes: 5 });
    bench.at(BEGIN + 110 * SECOND);
    assert_eq!(bench.ended().as_deref(), Some("idle"), "sizes, credits and output do not");
}

#[test]
fn a_stalled_recorder_freezes_input_and_ends_the_session_after_its_grace() {
    let mut bench = Bench::start(terms());
    bench.open(true);
    bench.vault = false;
    bench.front(input(b"a"));
    bench.at(BEGIN + 499_999);
    assert_eq!(bench.notices().len(), 0);
    bench.at(BEGIN + 500_000);
    assert!(bench.notices()[0].starts_with("The recorder does not answer: input is frozen"));
    bench.at(BEGIN + 2_499_999);
    assert_eq!(bench.ended(), None);
    bench.at(BEGIN + 2_500_000);
    bench.at(BEGIN + 3_000_000);
    assert_eq!(bench.ended().as_deref(), Some("recorder_lost"));
    assert!(bench.typed().is_empty(), "what it never had in hand was never released");
}

#[test]
fn a_recorder_that_comes_back_within_its_grace_gives_input_back() {
    let mut bench = Bench::start(terms());
    bench.open(true);
    bench.vault = false;
    bench.front(input(b"abc"));
    bench.at(BEGIN + SECOND);
    bench.vault = true;
    bench.in_hand();
    assert_eq!(bench.notices()[1], "The recorder answers again: 3 bytes that you typed were discarded");
    bench.front(input(b"d"));
    assert_eq!(bench.typed(), b"d", "what was typed into the stall is never replayed");
    assert_eq!(bench.ended(), None);
}

#[test]
fn a_failed_disk_ends_it_at_once() {
    let mut bench = Bench::start(terms());
    bench.open(true);
    bench.answer(Answer::Failed { why: by("disk full") });
    assert_eq!(bench.ended().as_deref(), Some("recorder_lost"));
}

fn paces(bench: &Bench) -> Vec<(u32, String)> {
    let pace = |event: &Event| match event {
        Event::Pace { input_per_minute, watched_by } => Some((*input_per_minute, watched_by.to_string())),
        Event::Recording | Event::Mark { .. } | Event::Ended { .. } => None,
    };
    bench.events.iter().filter_map(pace).collect()
}

#[test]
fn how_much_is_typed_is_told_every_ten_seconds_at_most_and_only_where_it_changed() {
    use mediator::room::PACE_US;
    let mut bench = Bench::start(terms());
    bench.open(true);
    bench.at(BEGIN + PACE_US);
    assert!(paces(&bench).is_empty(), "nothing was typed");
    for _ in 0..5 {
        bench.front(common::input(b"x"));
    }
    bench.at(BEGIN + 2 * PACE_US - 1);
    assert!(paces(&bench).is_empty(), "not at once");
    assert!(bench.room.next_wake() <= Some(BEGIN + 2 * PACE_US), "it wakes for it");
    for spans in 2..=7 {
        bench.at(BEGIN + spans * PACE_US);
    }
    assert_eq!(paces(&bench), [(5, String::new())], "once, while it stays the same");
    bench.at(BEGIN + 8 * PACE_US);
    assert_eq!(paces(&bench).last(), Some(&(0, String::new())), "a minute later it is over");
    let told = paces(&bench).len();
    bench.at(BEGIN + 20 * PACE_US);
    assert_eq!(paces(&bench).len(), told, "and nothing more is said");
}

#[test]
fn who_watches_is_told_when_they_come_and_when_they_leave() {
    let mut bench = Bench::start(terms());
    bench.open(true);
    bench.order(Order::Observe { by: by("anna") });
    assert_eq!(paces(&bench), [(0, "anna".to_owned())]);
    bench.room.observer_gone(1);
    bench.at(BEGIN + 1);
    assert_eq!(paces(&bench).last(), Some(&(0, String::new())));
}
