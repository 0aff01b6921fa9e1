//! Claims about the way back: what it needs, that what is written comes before what is opened, and that a
//! press at any moment of it wins.

mod common;

use common::{Helper, MS, Rig, SECOND};
use guard::{Action, Contact, Hold, Input, LACKS, Note, Part, RearmRefusal, Standing, What};

fn rearm(rig: &mut Rig, ticket: u64, contact: bool) -> Option<RearmRefusal> {
    rig.on(Input::Rearm { ticket, contact });
    rig.run(12 * SECOND);
    let answers: Vec<_> = rig.answers().into_iter().filter(|(t, _)| *t == ticket).collect();
    assert_eq!(answers.len(), 1, "answered once: {answers:?}");
    answers[0].1
}

fn contact(rig: &mut Rig, contact: Contact) {
    rig.on(Input::Contact { line: 0, contact });
    rig.run(SECOND);
}

#[test]
fn a_person_rearms_a_box_that_lacks_nothing() {
    let mut rig = Rig::cut(1);
    assert_eq!(rearm(&mut rig, 4, true), None);
    assert_eq!(rig.state().standing, Standing::Armed);
    assert!(!rig.kernel.ot_drops && rig.kernel.links_up == common::LINKS && rig.on_disk().is_none());
    assert_eq!(rig.noted(|note| matches!(note, Note::Rearmed { ticket: 4 })), 1);
    assert_eq!(rearm(&mut rig, 5, false), Some(RearmRefusal::Armed), "twice");
}

#[test]
fn nothing_ever_rearms_by_itself() {
    let mut rig = Rig::cut(1);
    rig.run(3_600 * SECOND);
    rig.restart();
    rig.run(60 * SECOND);
    assert!(rig.shut() && rig.hold() == Some(Hold::CutOff));
}

#[test]
fn an_open_or_missing_or_unread_contact_refuses() {
    let mut rig = Rig::cut(1);
    for state in [Contact::Open, Contact::Gone] {
        contact(&mut rig, state);
        assert_eq!(rearm(&mut rig, state as u64, false), Some(RearmRefusal::ContactOpen), "{state:?}");
    }
    rig.on(Input::Contact { line: 0, contact: Contact::Closed });
    rig.run(400 * MS);
    rig.on(Input::Rearm { ticket: 9, contact: false });
    assert_eq!(rig.answers().last(), Some(&(9, Some(RearmRefusal::ContactOpen))), "not released for long enough");
    rig.run(200 * MS);
    assert_eq!(rearm(&mut rig, 10, true), None);
    let mut bare = Rig::cut(0);
    assert_eq!(rearm(&mut bare, 1, true), Some(RearmRefusal::NoContact));
    assert_eq!(rearm(&mut bare, 2, false), None);
    let mut unread = Rig::cut(0);
    unread.start.contacts = 1;
    unread.guard = guard::Guardian::new(unread.start, guard::Now { us: unread.now, wall_ms: 0 });
    unread.joins(Part::Broker);
    unread.latch_joins();
    unread.run(SECOND);
    unread.on(Input::Rearm { ticket: 3, contact: false });
    assert_eq!(unread.answers().last(), Some(&(3, Some(RearmRefusal::ContactOpen))));
}

#[test]
fn each_thing_that_the_self_check_lacks_refuses() {
    type Spoil = fn(&mut Rig);
    let spoils: [(u16, Spoil); 7] = [
        (2, |rig| rig.zones = Helper::Gone),
        (4, |rig| rig.ready = false),
        (16, |rig| rig.kernel.blind = vec![What::UplinkDrops]),
        (32, |rig| rig.on(Input::Key { down: true })),
        (64, |rig| rig.vault_ms = 2_500),
        (128, |rig| rig.launcher_ms = 2_500),
        (256, |rig| rig.kernel.stuck = vec![What::TreesDead]),
    ];
    for (bit, spoil) in spoils {
        let mut rig = Rig::cut(0);
        spoil(&mut rig);
        match bit {
            2 => rig.on(Input::Left(Part::Zones)),
            256 => {
                // What was killed at the restart of the guardian does not die.
                rig.kernel.processes.push(common::Process { slot: None, front: false, immortal: true });
                rig.restart();
            }
            _ => {}
        }
        if bit != 32 {
            rig.run(3 * SECOND);
        }
        rig.on(Input::Rearm { ticket: 1, contact: false });
        rig.run(11 * SECOND);
        let answer = rig.answers();
        let zones = answer == [(1, Some(RearmRefusal::Zones))];
        let lacks = answer == [(1, Some(RearmRefusal::Lacks { what: bit }))];
        assert!(lacks || (bit == 2 && zones), "{bit}: {answer:?}");
        assert!(rig.shut() && rig.on_disk() == Some(Hold::CutOff), "{bit}");
    }
    let all = LACKS.iter().fold(0, |bits, (bit, _)| bits | bit);
    assert_eq!(all, 511, "1 is below, 8 is the contacts' own test: another bit needs its line here");
}

#[test]
fn a_latch_that_was_never_read_refuses() {
    let mut rig = Rig::new(common::start(1, 0), [None, None]);
    rig.joins(Part::Broker);
    rig.joins(Part::Zones);
    rig.run(30 * SECOND);
    assert_eq!((rig.hold(), rig.state().lacks & 1), (Some(Hold::Starting), 1));
    rig.on(Input::Rearm { ticket: 1, contact: false });
    assert!(matches!(rig.answers().as_slice(), [(1, Some(RearmRefusal::Lacks { what }))] if what & 1 == 1));
}

#[test]
fn nothing_opens_before_not_held_is_durable() {
    let mut rig = Rig::cut(0);
    rig.latch = Helper::Stuck;
    let from = rig.log.len();
    rig.on(Input::Rearm { ticket: 1, contact: false });
    rig.run(5 * SECOND);
    assert!(rig.shut() && rig.answers().is_empty(), "it waits for the disk");
    assert!(!rig.since(from).any(|action| matches!(action, Action::Set { on: false, .. })));
    assert!(!rig.lamps.1, "what is on disk is no longer known");
    rig.latch_goes_on();
    assert!(!rig.shut());
    rig.run(SECOND);
    assert_eq!(rig.answers(), [(1, None)]);
}

#[test]
fn a_disk_that_does_not_take_it_refuses_and_the_hold_is_put_back() {
    for latch in [Helper::Stuck, Helper::Fails] {
        let mut rig = Rig::cut(0);
        rig.latch = latch;
        assert_eq!(rearm(&mut rig, 1, false), Some(RearmRefusal::NotDurable), "{latch:?}");
        assert!(rig.shut() && rig.writes.last().is_some_and(|slot| slot.held == Some(Hold::CutOff)));
        rig.latch_goes_on();
        rig.run(SECOND);
        assert!(rig.lamps.1 && rig.on_disk() == Some(Hold::CutOff));
    }
}

#[test]
fn what_was_sent_to_the_disk_counts_also_if_it_is_no_longer_wanted() {
    let mut rig = Rig::cut(0);
    rig.latch = Helper::Stuck;
    rig.on(Input::Rearm { ticket: 1, contact: false });
    // "Not held" is on its way to the disk, and nobody can call it back.
    rig.on(Input::Stop);
    rig.run(100 * MS);
    assert!(!rig.lamps.1 && rig.report().steps.latched_us.is_none());
    rig.latch_goes_on();
    rig.run(100 * MS);
    assert!(rig.lamps.1 && rig.on_disk() == Some(Hold::CutOff));
}

#[test]
fn zones_that_cannot_be_laid_refuse_and_can_be_tried_again() {
    let mut rig = Rig::cut(0);
    rig.zones = Helper::Fails;
    assert_eq!(rearm(&mut rig, 1, false), Some(RearmRefusal::Zones));
    assert!(rig.shut());
    rig.zones = Helper::Stuck;
    assert_eq!(rearm(&mut rig, 2, false), Some(RearmRefusal::Zones), "and does not wait for ever");
    rig.zones = Helper::Prompt;
    assert_eq!(rearm(&mut rig, 3, false), None, "nobody is stranded by it");
}

#[test]
fn zones_that_fail_at_a_boot_are_laid_when_they_can_be() {
    let mut rig = Rig::new(common::start(1, 0), [None, None]);
    rig.zones = Helper::Fails;
    rig.join();
    rig.run(15 * SECOND);
    assert_eq!((rig.hold(), rig.state().lacks), (Some(Hold::Starting), 2));
    rig.zones = Helper::Prompt;
    rig.run(15 * SECOND);
    assert_eq!(rig.state().standing, Standing::Armed);
}

/// Stops a re-arm at each of its stages.
fn at_each_stage(mut then: impl FnMut(&str, &mut Rig)) {
    type Hang = fn(&mut Rig);
    let stages: [(&str, Hang); 3] = [
        ("laying", |rig| rig.zones = Helper::Stuck),
        ("writing", |rig| rig.latch = Helper::Stuck),
        ("opening", |rig| rig.kernel.stuck = vec![What::LinksDown]),
    ];
    for (name, hang) in stages {
        let mut rig = Rig::cut(1);
        hang(&mut rig);
        rig.on(Input::Rearm { ticket: 3, contact: true });
        rig.run(100 * MS);
        assert!(rig.answers().is_empty(), "{name}");
        then(name, &mut rig);
    }
}

#[test]
fn a_press_at_each_stage_wins_and_is_latched_anew() {
    at_each_stage(|name, rig| {
        let number = rig.report().number;
        rig.kernel.stuck.clear();
        rig.press();
        assert!(rig.shut(), "{name}");
        assert_eq!(rig.answers(), [(3, Some(RearmRefusal::CutAgain))], "{name}");
        let report = rig.report();
        assert_eq!(report.number, number + 1, "{name}: it is a press of its own");
        assert_eq!(report.steps.latched_us.is_none(), rig.latch == Helper::Stuck, "{name}: not before it is durable");
        (rig.latch, rig.zones) = (Helper::Prompt, Helper::Prompt);
        rig.latch_goes_on();
        rig.run(20 * SECOND);
        assert_eq!((rig.hold(), rig.on_disk()), (Some(Hold::CutOff), Some(Hold::CutOff)), "{name}");
        assert!(rig.shut() && rig.lamps.1 && rig.report().steps.latched_us.is_some(), "{name}");
        rig.boot(2, false);
        rig.run(10 * SECOND);
        assert_eq!(rig.hold(), Some(Hold::CutOff), "{name}: no boot after it arms by itself");
    });
}

#[test]
fn a_contact_that_opens_at_each_stage_wins() {
    at_each_stage(|name, rig| {
        rig.kernel.stuck.clear();
        rig.on(Input::Contact { line: 0, contact: Contact::Open });
        rig.run(6 * MS);
        assert!(rig.shut(), "{name}");
        assert_eq!(rig.answers(), [(3, Some(RearmRefusal::CutAgain))], "{name}");
    });
}

#[test]
fn a_box_that_stops_at_any_stage_is_held_at_its_next_boot() {
    at_each_stage(|name, rig| {
        rig.kernel.stuck.clear();
        rig.on(Input::Stop);
        rig.latch_goes_on();
        rig.run(SECOND);
        assert!(matches!(rig.answers().as_slice(), [(3, Some(_))]), "{name}");
        assert_eq!(rig.on_disk(), Some(Hold::CutOff), "{name}: nobody was told that it is lifted");
    });
}

#[test]
fn two_who_rearm_are_both_answered() {
    at_each_stage(|name, rig| {
        rig.on(Input::Rearm { ticket: 4, contact: false });
        (rig.latch, rig.zones) = (Helper::Prompt, Helper::Prompt);
        rig.kernel.stuck.clear();
        if name == "laying" {
            rig.on(Input::Laid(true));
        } else {
            rig.latch_goes_on();
        }
        rig.run(SECOND);
        let mut answers = rig.answers();
        answers.sort_by_key(|(ticket, _)| *ticket);
        assert!(matches!(answers.as_slice(), [(3, None), (4, Some(_))]), "{name}: {answers:?}");
    });
}

#[test]
fn an_answer_is_not_lost_to_another_one_of_the_same_moment() {
    let mut rig = Rig::cut(0);
    rig.kernel.stuck = vec![What::LinksDown];
    rig.on(Input::Rearm { ticket: 3, contact: false });
    rig.run(MS);
    // The ports are up by the time that the next one asks: one input, two answers.
    rig.kernel.links_up = common::LINKS;
    rig.guard.on(Input::Links { up: common::LINKS }, guard::Now { us: rig.now, wall_ms: 0 });
    rig.on(Input::Rearm { ticket: 4, contact: false });
    let mut answers = rig.answers();
    answers.sort_by_key(|(ticket, _)| *ticket);
    assert_eq!(answers, [(3, None), (4, Some(RearmRefusal::Armed))]);
}

#[test]
fn a_cut_off_that_goes_on_refuses() {
    let mut rig = Rig::armed(0);
    rig.kernel.stuck = vec![What::LinksDown];
    rig.press();
    rig.run(SECOND);
    assert_eq!(rearm(&mut rig, 1, false), Some(RearmRefusal::CutOffGoesOn));
}

#[test]
fn ports_that_do_not_come_up_end_in_held() {
    let mut rig = Rig::cut(0);
    rig.kernel.stuck = vec![What::LinksDown];
    assert_eq!(rearm(&mut rig, 1, false), Some(RearmRefusal::Lacks { what: 16 }));
    assert!(rig.shut() && rig.on_disk() == Some(Hold::CutOff));
    // Some up and some down, for a moment, is none of these.
    rig.kernel.stuck.clear();
    rig.on(Input::Rearm { ticket: 2, contact: false });
    rig.run(SECOND);
    assert_eq!(rig.state().standing, Standing::Armed);
}

#[test]
fn every_other_hold_is_lifted_in_the_same_way() {
    let mut rig = Rig::armed(0);
    rig.kernel.ot_drops = true;
    rig.run(2 * SECOND);
    assert_eq!((rig.hold(), rig.on_disk()), (Some(Hold::Zone), Some(Hold::Zone)));
    assert_eq!(rearm(&mut rig, 1, false), None);
    assert_eq!(rig.state().standing, Standing::Armed);
}
