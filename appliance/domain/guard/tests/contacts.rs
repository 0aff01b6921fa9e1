//! Claims about wired contacts and the cut-off key: what counts as pressed, and what does not.

mod common;

use common::{MS, Rig, SECOND};
use guard::{Contact, Hold, Input, Note, Standing, Trigger};

fn read(rig: &mut Rig, contact: Contact) {
    rig.on(Input::Contact { line: 0, contact });
}

fn armed(rig: &Rig) -> bool {
    rig.state().standing == Standing::Armed
}

#[test]
fn open_for_five_milliseconds_is_pressed_and_for_less_is_not() {
    let mut rig = Rig::armed(1);
    read(&mut rig, Contact::Open);
    rig.run(4 * MS + 999);
    assert!(armed(&rig));
    rig.run(1);
    assert_eq!(rig.hold(), Some(Hold::CutOff));
    assert_eq!(rig.report().trigger, Trigger::Contact { line: 0 });
}

#[test]
fn the_shell_is_woken_in_time_for_it() {
    let mut rig = Rig::armed(1);
    read(&mut rig, Contact::Open);
    let wake = rig.guard.wake_us();
    assert!(wake <= rig.now + 5 * MS, "{wake} {}", rig.now);
    let mut rig = Rig::armed(0);
    rig.on(Input::Key { down: true });
    rig.run(300 * MS);
    assert!(rig.guard.wake_us() <= rig.now + 200 * MS);
}

#[test]
fn a_glitch_of_two_milliseconds_is_none_however_often() {
    let mut rig = Rig::armed(1);
    for _ in 0..100 {
        read(&mut rig, Contact::Open);
        rig.run(2 * MS);
        read(&mut rig, Contact::Closed);
        rig.run(20 * MS);
    }
    assert!(armed(&rig));
}

#[test]
fn glitches_that_are_all_read_late_are_none() {
    let mut rig = Rig::armed(1);
    for _ in 0..10 {
        read(&mut rig, Contact::Open);
        rig.now += 2 * MS;
        read(&mut rig, Contact::Closed);
        // Nobody gave the guardian the time in between.
        rig.now += 20 * MS;
    }
    assert!(armed(&rig));
}

#[test]
fn a_press_that_was_over_before_anybody_gave_it_the_time_counts() {
    let mut rig = Rig::armed(1);
    read(&mut rig, Contact::Open);
    rig.now += 10 * MS;
    read(&mut rig, Contact::Closed);
    assert_eq!(rig.hold(), Some(Hold::CutOff));
    let mut rig = Rig::armed(0);
    rig.on(Input::Key { down: true });
    rig.now += 600 * MS;
    rig.on(Input::Key { down: false });
    assert_eq!(rig.report().trigger, Trigger::Key);
}

#[test]
fn one_that_bounces_for_ever_is_pressed() {
    let mut rig = Rig::armed(1);
    for _ in 0..10 {
        read(&mut rig, Contact::Open);
        rig.run(MS);
        read(&mut rig, Contact::Closed);
        rig.run(MS);
    }
    assert_eq!(rig.hold(), Some(Hold::CutOff));
    assert_eq!(rig.noted(|note| matches!(note, Note::Cut { .. })), 1);
}

#[test]
fn it_is_released_after_half_a_second_without_a_break() {
    let mut rig = Rig::cut(1);
    read(&mut rig, Contact::Open);
    rig.run(SECOND);
    read(&mut rig, Contact::Closed);
    rig.run(499 * MS);
    assert_eq!(rig.state().open, 1);
    read(&mut rig, Contact::Open);
    read(&mut rig, Contact::Closed);
    rig.run(499 * MS);
    assert_eq!(rig.state().open, 1, "a break begins it anew");
    rig.run(2 * MS);
    assert_eq!(rig.state().open, 0);
}

#[test]
fn a_vanished_line_is_pressed_at_once() {
    let mut rig = Rig::armed(1);
    read(&mut rig, Contact::Gone);
    assert_eq!(rig.hold(), Some(Hold::CutOff));
    assert_eq!(rig.report().trigger, Trigger::ContactGone { line: 0 });
    assert!(rig.shut());
}

#[test]
fn open_at_a_boot_is_a_press_and_never_read_is_neither() {
    for raw in [Contact::Open, Contact::Gone] {
        let mut rig = Rig::new(common::start(1, 1), [None, None]);
        read(&mut rig, raw);
        rig.run(6 * MS);
        assert_eq!(rig.hold(), Some(Hold::CutOff), "{raw:?}");
    }
    let mut rig = Rig::armed(0);
    rig.start.contacts = 1;
    rig.guard = guard::Guardian::new(rig.start, guard::Now { us: rig.now, wall_ms: 0 });
    rig.joins(guard::Part::Broker);
    rig.latch_joins();
    rig.joins(guard::Part::Zones);
    rig.run(60 * SECOND);
    assert_eq!((rig.hold(), rig.state().open, rig.state().lacks), (Some(Hold::Starting), 1, 8));
    read(&mut rig, Contact::Closed);
    rig.run(SECOND);
    assert!(armed(&rig));
}

#[test]
fn each_of_four_contacts_counts() {
    for line in 0..4 {
        let mut rig = Rig::armed(4);
        rig.on(Input::Contact { line, contact: Contact::Open });
        rig.run(5 * MS);
        assert_eq!(rig.report().trigger, Trigger::Contact { line });
        assert_eq!(rig.state().open, 1 << line);
    }
}

#[test]
fn the_key_counts_once_when_it_was_held_for_half_a_second() {
    let mut rig = Rig::armed(0);
    rig.on(Input::Key { down: true });
    rig.run(499 * MS);
    // Autorepeat.
    rig.on(Input::Key { down: true });
    assert!(armed(&rig) && rig.state().key_ms == 499);
    rig.run(MS);
    assert_eq!(rig.report().trigger, Trigger::Key);
    rig.run(5 * SECOND);
    assert_eq!(rig.noted(|note| matches!(note, Note::CutAgain { .. })), 0, "held on is no second press");
}

#[test]
fn a_key_that_was_let_go_in_time_or_lost_is_none() {
    let mut rig = Rig::armed(0);
    for _ in 0..20 {
        rig.on(Input::Key { down: true });
        rig.run(450 * MS);
        // Released, or the kernel dropped events and it was read as up.
        rig.on(Input::Key { down: false });
        rig.run(10 * MS);
    }
    assert!(armed(&rig) && rig.state().key_ms == 0);
}
