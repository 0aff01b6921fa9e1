//! Lifting a hold needs a named person with a second factor; a drill runs the real path and is recorded.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test picks out what it is about")]

mod common;

use border::Name;
use border::admin::{DrillRow, Reply, Request as Ask};
use border::guardian::{Event, Order};
use border::vault;
use broker::core::{Action, Input};
use common::{Bench, KEY, armed, audited, denied, list, person, refused, report, row, started_session};
use guard::{Note, RearmRefusal, State, Trigger};
use model::{Cutoff, DrillTime, Login, Plant, PowerLoss, Rearm};

fn plant(cutoff: Cutoff) -> Plant {
    let mut plant = common::plant();
    plant.people = list(&[person("vera", Login::Key), person("otto", Login::KeyTotp), person("pia", Login::PasswordTotp)]);
    plant.cutoff = cutoff;
    plant
}

fn cut(cutoff: Cutoff) -> Bench {
    let mut bench = Bench::new();
    bench.on(Input::Stored(Box::new(plant(cutoff))));
    bench.cut(1, Trigger::Key);
    bench
}

fn rearm(bench: &mut Bench, who: &str) -> Vec<Action<u64>> {
    bench.ask(3, Ask::Rearm { person: Name::cut(who) })
}

/// The check that the vault is asked for: its number, password and code.
fn check(actions: &[Action<u64>]) -> Option<(u64, bool, bool)> {
    actions.iter().find_map(|a| match a {
        Action::Check { client: 3, worker, password, code, .. } => Some((*worker, *password, *code)),
        _ => None,
    })
}

fn ordered(actions: &[Action<u64>]) -> Option<(u64, bool)> {
    actions.iter().find_map(|a| match a {
        Action::ToGuardian(Order::Rearm { ticket, contact }, _) => Some((*ticket, *contact)),
        _ => None,
    })
}

fn verdict(bench: &mut Bench, worker: u64, who: &str, password: bool, code: bool) -> Vec<Action<u64>> {
    let (person, why) = (Name::cut(who), border::Line::cut(if code { "" } else { "the code is wrong" }));
    bench.on(Input::Vault(vault::Event::Checked { worker, person, password, code, why }, Vec::new()))
}

#[test]
fn a_hold_is_lifted_by_a_person_whose_second_factor_the_vault_has_checked() {
    let mut bench = cut(Cutoff::default());
    let asked = rearm(&mut bench, "otto");
    let (worker, password, code) = check(&asked).expect("the vault is asked");
    assert!((password, code) == (false, true) && ordered(&asked).is_none(), "nothing is ordered before the verdict");
    let (ticket, contact) = ordered(&verdict(&mut bench, worker, "otto", false, true)).expect("the guardian is told");
    assert!(!contact);
    let told = bench.says(Event::Told { number: 8, wall_ms: 1, note: Note::Rearmed { ticket } });
    let who = told.iter().any(|a| matches!(a, Action::ToVault(vault::Request::Write { audit }, _)
        if &*audit.kind == "cutoff.rearmed" && audit.person.as_deref() == Some("otto")));
    assert!(who, "the row names the person");
    let done = bench.says(Event::Rearmed { ticket });
    assert!(done.iter().any(|a| matches!(a, Action::ToAdmin(3, Reply::Done { text }, _) if text.contains("otto"))));
}

#[test]
fn nobody_lifts_it_without_their_second_factor() {
    let mut bench = cut(Cutoff::default());
    let key = rearm(&mut bench, "vera");
    assert!(check(&key).is_none() && refused(&key).unwrap().contains("second factor") && audited(&key, "cutoff.rearm_refused"));
    assert!(refused(&rearm(&mut bench, "nobody")).unwrap().contains("no person"));
    for (who, password, code) in [("otto", true, false), ("pia", true, false), ("pia", false, true), ("pia", false, false)] {
        let (worker, ..) = check(&rearm(&mut bench, who)).unwrap();
        let said = verdict(&mut bench, worker, who, password, code);
        assert!(ordered(&said).is_none() && refused(&said).is_some(), "{who} {password} {code}");
        assert!(audited(&said, "cutoff.rearm_refused"));
        assert!(ordered(&verdict(&mut bench, worker, who, true, true)).is_none(), "one verdict each");
    }
    let (worker, ..) = check(&rearm(&mut bench, "pia")).unwrap();
    assert!(ordered(&verdict(&mut bench, worker, "pia", true, true)).is_some());
}

#[test]
fn the_plant_file_says_which_way_it_is_lifted_and_an_armed_box_is_not_armed_again() {
    let mut bench = cut(Cutoff { rearm: Rearm::PinAndContact, ..Cutoff::default() });
    assert!(refused(&rearm(&mut bench, "otto")).unwrap().contains("PIN"));
    let mut bench = cut(Cutoff { rearm: Rearm::Either, ..Cutoff::default() });
    assert!(check(&rearm(&mut bench, "otto")).is_some());
    let mut bench = Bench::new();
    assert!(refused(&rearm(&mut bench, "otto")).unwrap().contains("armed already"));
}

#[test]
fn why_the_guardian_does_not_arm_it_is_said() {
    let mut bench = cut(Cutoff::default());
    let (worker, ..) = check(&rearm(&mut bench, "otto")).unwrap();
    let (ticket, _) = ordered(&verdict(&mut bench, worker, "otto", false, true)).unwrap();
    let said = bench.says(Event::NotRearmed { ticket, why: RearmRefusal::ContactOpen });
    assert!(refused(&said).unwrap().contains("contact is open") && audited(&said, "cutoff.not_rearmed"));
    // The guardian goes, and with it the answer.
    let (worker, ..) = check(&rearm(&mut bench, "otto")).unwrap();
    verdict(&mut bench, worker, "otto", false, true);
    assert!(refused(&bench.on(Input::Lost(broker::core::Fixed::Guardian))).is_some());
}

#[test]
fn who_types_nothing_is_asked_no_longer() {
    let mut bench = cut(Cutoff::default());
    let (worker, ..) = check(&rearm(&mut bench, "otto")).unwrap();
    assert!(refused(&bench.pass(120_000)).unwrap().contains("nothing was typed"));
    assert!(ordered(&verdict(&mut bench, worker, "otto", false, true)).is_none(), "and a late verdict lifts nothing");
}

#[test]
fn power_losses_are_as_the_plant_file_says() {
    let holds = |actions: &[Action<u64>]| {
        actions.iter().find_map(|a| match a {
            Action::ToGuardian(Order::Beat { power_loss_holds, .. }, _) => Some(*power_loss_holds),
            _ => None,
        })
    };
    let mut bench = Bench::new();
    assert_eq!(holds(&bench.pass(250)), Some(false));
    bench.on(Input::Stored(Box::new(plant(Cutoff { power_loss: PowerLoss::Hold, ..Cutoff::default() }))));
    assert_eq!(holds(&bench.pass(250)), Some(true));
}

fn drill(actions: &[Action<u64>]) -> Option<u64> {
    actions.iter().find_map(|a| if let Action::ToGuardian(Order::Drill { ticket }, _) = a { Some(*ticket) } else { None })
}

fn drilled(actions: &[Action<u64>]) -> Option<DrillRow> {
    actions.iter().find_map(|a| if let Action::ToAdmin(3, Reply::Drilled { drill }, _) = a { Some(drill.clone()) } else { None })
}

/// The guardian goes the real way and back; a wish comes meanwhile.
fn drills(bench: &mut Bench, ticket: u64, waiting: u64) -> Vec<Action<u64>> {
    let report = report(7, Trigger::Drill { ticket }, bench.now);
    let mut actions = bench.cut(7, Trigger::Drill { ticket });
    assert!(denied(&bench.want(waiting, "plc-gw")).unwrap().contains("a drill"));
    actions.extend(bench.pass(1_000));
    bench.state = State { report: Some(report), ..armed() };
    actions.extend(bench.says(Event::Beat { state: bench.state }));
    actions.extend(bench.says(Event::Told { number: 8, wall_ms: 5, note: Note::Drilled { report } }));
    actions
}

#[test]
fn a_drill_says_what_it_found_ended_and_refused_and_the_box_is_as_it_was() {
    let mut bench = Bench::new();
    let waiting = bench.front(8, 40_001);
    bench.sign(waiting, "vera", KEY);
    let (_, session) = bench.live();
    assert!(refused(&bench.ask(3, Ask::Drill { cut_live: false, canary: None })).unwrap().contains("--cut-live"));
    assert!(refused(&bench.ask(3, Ask::Drill { cut_live: false, canary: Some(session + 5) })).is_some());
    let ticket = drill(&bench.ask(3, Ask::Drill { cut_live: false, canary: Some(session) })).expect("it begins");
    assert!(refused(&bench.ask(4, Ask::Drill { cut_live: true, canary: None })).unwrap().contains("already"));
    let actions = drills(&mut bench, ticket, waiting);
    assert!(row(&actions, "session.ended").unwrap().starts_with("cut_off"));
    let row_of = drilled(&actions).expect("it is answered");
    assert_eq!((row_of.sessions, row_of.ended, row_of.refused), (1, 1, 2), "the wish, and the broker's own");
    let detail = row(&actions, "cutoff.drilled").unwrap();
    assert!(detail.contains("1 sessions found, 1 ended; 2 reconnects refused; filters 90 µs"), "{detail}");
    let listed = bench.ask(5, Ask::Drills);
    assert!(listed.iter().any(|a| matches!(a, Action::ToAdmin(5, Reply::Drills { rows }, _) if **rows == [row_of.clone()])));
    let next = bench.front(9, 40_002);
    bench.sign(next, "vera", KEY);
    assert!(started_session(&bench.want(next, "plc-gw")).is_some());
}

#[test]
fn a_drill_that_does_not_come_back_or_of_a_held_box_is_refused_and_written_down() {
    let mut bench = Bench::new();
    bench.ask(3, Ask::Drill { cut_live: true, canary: None });
    bench.cut(7, Trigger::Key);
    let late = bench.pass(20_000);
    assert!(refused(&late).unwrap().contains("did not come to its end") && audited(&late, "cutoff.drill_failed"));
    assert!(refused(&bench.ask(3, Ask::Drill { cut_live: true, canary: None })).unwrap().contains("cut off"));
}

/// 2026-09-21 is a Monday; the box's clock stands at 14:13:20 of it.
fn weekly() -> Plant {
    plant(Cutoff { drill: Some(DrillTime { day: 0, minute: 15 * 60 }), ..Cutoff::default() })
}

#[test]
fn the_weekly_drill_runs_once_in_its_hour_when_nobody_is_in() {
    let mut bench = Bench::new();
    bench.on(Input::Stored(Box::new(weekly())));
    assert_eq!(drill(&bench.pass(30 * 60_000)), None, "before its hour");
    let ticket = drill(&bench.pass(20 * 60_000)).expect("in its hour");
    let report = report(7, Trigger::Drill { ticket }, bench.now);
    bench.says(Event::Told { number: 8, wall_ms: 5, note: Note::Drilled { report } });
    assert_eq!(drill(&bench.pass(10 * 60_000)), None, "once");
    let after = bench.pass(60 * 60_000);
    assert!(drill(&after).is_none() && !audited(&after, "cutoff.drill_put_off"));
    let next_week = bench.pass(7 * 24 * 3_600_000 - 60 * 60_000);
    assert!(drill(&next_week).is_some(), "and in the next week again");
}

#[test]
fn a_weekly_drill_that_somebody_works_through_is_put_off_and_written_down() {
    let mut bench = Bench::new();
    let mut longer = weekly();
    let mut conduit = longer.conduits[0].clone();
    conduit.longest_s = 24 * 3_600;
    longer.conduits = list(&[conduit]);
    bench.on(Input::Stored(Box::new(longer)));
    bench.live();
    assert_eq!(drill(&bench.pass(50 * 60_000)), None);
    assert_eq!(drill(&bench.pass(40 * 60_000)), None);
    let after = bench.pass(20 * 60_000);
    assert!(audited(&after, "cutoff.drill_put_off") && drill(&after).is_none());
    assert!(!audited(&bench.pass(10 * 60_000), "cutoff.drill_put_off"), "said once");
}
