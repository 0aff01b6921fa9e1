//! Claim: what a border's table does not name, in that phase, does not pass; every row can happen.

use border::{Guard, Row};
use std::fmt::Debug;

fn every_message_in_every_phase<P: Copy + PartialEq + Debug>(
    border: &str,
    table: &'static [Row<P>],
    phases: &[P],
    names: &[&'static str],
) {
    for &phase in phases {
        for &name in names {
            let rows: Vec<_> = table.iter().filter(|r| r.phase == phase && r.message == name).collect();
            assert!(rows.len() <= 1, "{border}: {name} in {phase:?} stands twice");
            let mut guard = Guard::new(table, phase);
            match rows.first() {
                Some(row) => {
                    guard.pass(name).expect("a row allows it");
                    assert_eq!(guard.phase(), row.next);
                }
                None => {
                    let refused = guard.pass(name).expect_err("no row allows it");
                    assert_eq!(refused.message, name);
                    assert_eq!(guard.phase(), phase, "a refused message moves nothing");
                }
            }
        }
    }
    for row in table {
        assert!(names.contains(&row.message), "{border}: {} is no message of it", row.message);
    }
}

#[test]
fn front() {
    use border::front::{Phase, REQUESTS};
    let names = ["KeyOffered", "KeySigned", "Menu", "Want", "Refused", "Invented"];
    every_message_in_every_phase("front", REQUESTS, &[Phase::Login, Phase::Known, Phase::Asked], &names);
}

#[test]
fn record() {
    use border::record::{ENTRIES, Phase};
    let names = ["Header", "Frame", "End", "Invented"];
    every_message_in_every_phase("record", ENTRIES, &[Phase::Start, Phase::Open, Phase::Closed], &names);
}

#[test]
fn mediation() {
    use border::mediation::{ORDERS, Phase};
    let names = ["Start", "Pause", "Resume", "End", "Deadline", "Observe", "Idle", "Invented"];
    every_message_in_every_phase("mediation", ORDERS, &[Phase::Start, Phase::Live], &names);
}

#[test]
fn machine() {
    use border::machine::{EVENTS, Phase};
    let names = ["HostKeySeen", "Ready", "Failed", "Invented"];
    every_message_in_every_phase("machine", EVENTS, &[Phase::Connecting, Phase::Keyed, Phase::Ready], &names);
}

#[test]
fn secrets() {
    use border::secrets::{Phase, REQUESTS};
    every_message_in_every_phase("secrets", REQUESTS, &[Phase::Start, Phase::Login, Phase::Pin, Phase::Given], &["HostKey", "Check", "Pin", "Invented"]);
}

#[test]
fn zones() {
    use border::zones::{EVENTS, ORDERS, Phase};
    every_message_in_every_phase("zones", ORDERS, &[Phase::Open], &["Lay", "Invented"]);
    every_message_in_every_phase("zones", EVENTS, &[Phase::Open], &["Laid", "Failed", "Invented"]);
}

#[test]
fn work_keeps_the_words_of_the_box_for_the_mediator() {
    use border::work::{Phase, UP};
    for name in ["Notice", "End"] {
        assert!(Guard::new(UP, Phase::Open).pass(name).is_err());
    }
}
