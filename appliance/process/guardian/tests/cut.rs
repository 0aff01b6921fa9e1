//! The real guardian cuts what is real: filters, ports and processes, as other tools see them.
#![allow(missing_docs, dead_code, reason = "a test's names say what it claims; its helpers are shared")]

mod common;

use border::desk::Request;
use common::{Box, World};
use guard::{Hold, Standing, Trigger};
use std::time::{Duration, Instant};

const F12: u16 = 88;

fn is_cut(state: guard::State) -> bool {
    state.standing == Standing::Held { why: Hold::CutOff }
}

#[test]
fn it_starts_held_and_arms_when_nothing_is_lacking() {
    let world = World::new("arm");
    let mut one = Box::start(&world);
    one.until("hello", |b| b.state.is_some());
    one.for_a_while(Duration::from_millis(400));
    let state = one.state.unwrap();
    assert_eq!(state.standing, Standing::Held { why: Hold::Starting }, "the latch was not read yet");
    assert_ne!(state.lacks & 1, 0);
    assert_eq!((world.drops("ot"), world.port_is_up()), (Some(true), false));
    one.armed();
    assert_eq!((world.drops("ot"), world.drops("up"), world.port_is_up()), (Some(false), Some(false), true));
}

#[test]
fn a_press_shuts_both_zones_kills_both_trees_and_takes_the_port_down() {
    let world = World::new("press");
    let mut one = Box::start(&world);
    one.armed();
    let (mut session, mut front) = (world.process("sessions", 1), world.process("fronts", 2));
    one.watch(1, Duration::from_secs(60), &session);
    one.until("watching", |b| b.watching.contains(&1));
    assert!(session.lives() && front.lives());
    let state = one.ask(&Request::Cut { console: false });
    let report = state.report.unwrap();
    assert!(is_cut(state) && report.trigger == Trigger::Command { uid: 0 } && report.sessions == 1, "{state:?}");
    one.until("dead", |_| !session.lives() && !front.lives());
    one.until("done", |b| b.state.and_then(|s| s.report).is_some_and(|r| r.steps.latched_us.is_some()));
    let steps = one.state.unwrap().report.unwrap().steps;
    println!("{steps:?}");
    assert!(steps.filters_us.is_some() && steps.dead_us.is_some() && steps.links_us.is_some());
    assert_eq!((world.drops("ot"), world.port_is_up()), (Some(true), false));
    assert_eq!(world.drops("up"), Some(false), "the uplink answers again: who comes is told");
    assert_eq!(one.slot.unwrap().held, Some(Hold::CutOff));
    one.until("the lamp", |b| b.lit.is_some_and(|lit| lit & 2 != 0));
}

#[test]
fn each_trigger_cuts_and_what_is_none_does_not() {
    let world = World::new("trig");
    let mut one = Box::start(&world);
    one.armed();
    one.key(30, 1);
    one.key(F12, 1);
    one.for_a_while(Duration::from_millis(200));
    one.key(F12, 0);
    one.contact(b'0');
    one.contact(b'1');
    one.for_a_while(Duration::from_millis(700));
    assert_eq!(one.state.unwrap().standing, Standing::Armed, "another key, a short press, a glitch");
    one.key(F12, 1);
    one.until("the bar", |b| b.state.is_some_and(|s| s.key_ms > 0));
    one.until("the key", |b| b.state.is_some_and(is_cut));
    assert_eq!(one.state.unwrap().report.unwrap().trigger, Trigger::Key);

    let world = World::new("trig2");
    let mut two = Box::start(&world);
    two.armed();
    two.contact(b'0');
    two.until("the contact", |b| b.state.is_some_and(is_cut));
    assert_eq!(two.state.unwrap().report.unwrap().trigger, Trigger::Contact { line: 0 });

    let world = World::new("trig3");
    let mut three = Box::start(&world);
    three.armed();
    three.contact = None;
    three.until("the wire is cut", |b| b.state.is_some_and(is_cut));
    assert_eq!(three.state.unwrap().report.unwrap().trigger, Trigger::ContactGone { line: 0 });
}

#[test]
fn a_session_past_its_end_is_killed_at_rung_3_and_another_is_not() {
    let world = World::new("rung");
    let mut one = Box::start(&world);
    one.armed();
    let (mut late, mut other) = (world.process("sessions", 1), world.process("sessions", 2));
    one.watch(1, Duration::ZERO, &late);
    one.watch(2, Duration::from_secs(60), &other);
    let begun = Instant::now();
    one.until("rung 3", |_| !late.lives());
    let took = begun.elapsed();
    assert!(took > Duration::from_millis(1_900), "{took:?}: the mediator and the broker come before");
    one.until("told", |b| b.told.contains(&guard::Note::Killed { session: 1 }));
    assert!(other.lives());
    assert_eq!(one.state.unwrap().standing, Standing::Armed);
}

#[test]
fn a_broker_that_falls_silent_ends_all_sessions_and_the_dog_is_fed() {
    let world = World::new("late");
    let mut one = Box::start(&world);
    one.armed();
    let mut session = world.process("sessions", 1);
    one.watch(1, Duration::from_secs(60), &session);
    one.until("watching", |b| b.watching.contains(&1));
    one.beats = false;
    one.until("killed", |_| !session.lives());
    let food = one.food;
    one.for_a_while(Duration::from_millis(2_500));
    assert!(one.food > food, "the box is not reset");
    assert_eq!(one.state.unwrap().standing, Standing::Armed);
}

#[test]
fn a_guardian_that_dies_closes_its_lifeline() {
    let world = World::new("life");
    let mut one = Box::start(&world);
    one.until("hello", |b| b.lifeline.is_some());
    let mut end = std::fs::File::from(one.lifeline.take().unwrap());
    one.signal("KILL");
    let mut byte = [0];
    assert_eq!(std::io::Read::read(&mut end, &mut byte).unwrap(), 0, "end of file, at once");
}

#[test]
fn an_orderly_stop_leaves_a_clean_mark_and_everything_shut() {
    let world = World::new("stop");
    let mut one = Box::start(&world);
    one.armed();
    let mut session = world.process("sessions", 1);
    one.signal("TERM");
    let late = Instant::now() + Duration::from_secs(10);
    while one.guardian.try_wait().unwrap().is_none() {
        assert!(Instant::now() < late);
        one.play();
    }
    one.play();
    assert!(!session.lives());
    assert_eq!(one.slot.unwrap().mark, guard::Mark::Clean);
    assert_eq!((world.drops("ot"), world.port_is_up()), (Some(true), false));
}

/// Everything that it can do once it serves, and then the count that it says at its end.
#[test]
fn it_allocates_nothing_while_it_serves() {
    let world = World::new("heap");
    let mut one = Box::start(&world);
    one.armed();
    let works: Vec<_> = (1..=20).map(|number| (number, world.process("sessions", number))).collect();
    for (number, work) in &works {
        one.watch(*number, if *number < 3 { Duration::ZERO } else { Duration::from_secs(60) }, work);
    }
    one.until("rung 3", |b| b.told.contains(&guard::Note::Killed { session: 2 }));
    for _ in 0..20 {
        one.ask(&Request::Look);
    }
    one.key(F12, 1);
    one.until("the key", |b| b.state.is_some_and(is_cut));
    one.contact(b'0');
    one.for_a_while(Duration::from_millis(600));
    one.contact(b'1');
    one.key(F12, 0);
    one.for_a_while(Duration::from_millis(700));
    one.order(&border::guardian::Order::Rearm { ticket: 1, contact: true }, &[]);
    one.until("armed again", |b| b.state.is_some_and(|s| s.standing == Standing::Armed));
    one.order(&border::guardian::Order::Drill { ticket: 2 }, &[]);
    one.until("the drill is over", |b| b.answers.iter().any(|e| matches!(e, border::guardian::Event::Rearmed { ticket: 2 })));
    // Somebody who talks nonsense at the desk, and a broker who does.
    let nonsense = os::seqpacket::connect(&one.desk).unwrap();
    os::seqpacket::send(std::os::fd::AsFd::as_fd(&nonsense), &[9; 700], &[]).unwrap();
    let desk = guard::Note::OutOfTurn { part: guard::Part::Desk };
    one.until("who talks nonsense is sent away, and it is told", |b| b.told.contains(&desk));
    os::seqpacket::send(std::os::fd::AsFd::as_fd(&one.broker), &[77; 3], &[]).unwrap();
    std::thread::sleep(Duration::from_millis(50));
    one.beats = false;
    one.signal("TERM");
    let late = Instant::now() + Duration::from_secs(10);
    while one.guardian.try_wait().unwrap().is_none() {
        assert!(Instant::now() < late);
        one.play();
    }
    let said = std::fs::read_to_string(&one.log).unwrap();
    assert!(said.contains("guardian: 0 allocations while it served"), "{said}");
}
