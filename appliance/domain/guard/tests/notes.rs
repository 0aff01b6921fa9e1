//! Claims about what is to be written down: nothing that matters is lost to lighter notes, and each broker hears
//! all that none has noted.

mod common;

use common::{MS, Rig, SECOND};
use guard::{Action, Contact, Input, Note, Part, Trigger};

fn told(rig: &Rig, from: usize) -> Vec<(u64, Note)> {
    let told = |action: Action| if let Action::Tell { number, note, .. } = action { Some((number, note)) } else { None };
    rig.since(from).filter_map(told).collect()
}

#[test]
fn a_note_waits_until_it_is_noted() {
    let mut rig = Rig::armed(0);
    rig.noting = false;
    let from = rig.log.len();
    rig.press();
    rig.run(SECOND);
    let first = told(&rig, from);
    assert!(matches!(first.as_slice(), [(_, Note::Cut { .. }), (_, Note::CutDone { .. })]), "{first:?}");
    rig.on(Input::Left(Part::Broker));
    let from = rig.log.len();
    rig.joins(Part::Broker);
    assert_eq!(told(&rig, from), first, "another broker hears all of it, under the same numbers");
    rig.on(Input::Noted { number: first[0].0 });
    rig.on(Input::Noted { number: 12_345_678_901 });
    rig.on(Input::Left(Part::Broker));
    let from = rig.log.len();
    rig.joins(Part::Broker);
    assert_eq!(told(&rig, from), first[1..], "but what was noted");
}

#[test]
fn numbers_grow_over_a_restart_of_the_guardian() {
    let mut rig = Rig::armed(0);
    rig.press();
    rig.run(SECOND);
    let last = told(&rig, 0).last().map(|(number, _)| *number);
    let from = rig.log.len();
    rig.restart();
    rig.on(Input::Fault { bit: 1, there: true });
    rig.run(SECOND);
    let new = told(&rig, from);
    assert!(!new.is_empty() && new.iter().all(|(number, _)| Some(*number) > last), "{new:?}");
}

#[test]
fn no_number_of_lighter_notes_pushes_a_cut_off_out() {
    let mut rig = Rig::armed(1);
    for session in 0..200 {
        rig.session(session, 10_000 * SECOND);
    }
    // The broker is stopped, and with its lease two hundred sessions end.
    (rig.broker, rig.noting) = (false, false);
    rig.on(Input::Left(Part::Broker));
    rig.run(10 * SECOND);
    assert_eq!(rig.state().sessions, 0);
    rig.press();
    rig.run(SECOND);
    for _ in 0..200 {
        rig.on(Input::Contact { line: 0, contact: Contact::Open });
        rig.run(10 * MS);
        rig.on(Input::Contact { line: 0, contact: Contact::Closed });
        rig.run(600 * MS);
    }
    let from = rig.log.len();
    rig.joins(Part::Broker);
    let told = told(&rig, from);
    let cut = told.iter().find(|(_, note)| matches!(note, Note::Cut { report } if report.trigger == Trigger::Console));
    assert!(cut.is_some(), "{} notes, and the press is not one of them", told.len());
    assert!(told.iter().any(|(_, note)| matches!(note, Note::CutDone { .. })));
    assert!(told.is_sorted_by_key(|(number, _)| *number), "in their order");
    assert!(rig.state().faults & 64 != 0, "and it is said that some were lost");
}

#[test]
fn a_drill_leaves_its_notes() {
    let mut rig = Rig::armed(0);
    rig.on(Input::Drill { ticket: 3 });
    rig.run(SECOND);
    let drilled = |note: &Note| matches!(note, Note::Drilled { report } if report.trigger == (Trigger::Drill { ticket: 3 }));
    assert_eq!(rig.noted(drilled), 1);
    assert_eq!(rig.noted(|note| matches!(note, Note::CutDone { .. } | Note::Rearmed { .. })), 0);
}
