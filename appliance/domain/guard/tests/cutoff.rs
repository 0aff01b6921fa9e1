//! Claims about the cut-off: its order, that every state gives way to it, that "latched" is said only of what
//! is durable, and that one that does not cut starves the watchdog.

mod common;

use common::{Helper, MS, Rig, SECOND};
use guard::{Action, Hold, Input, Note, RearmRefusal, Standing, Trigger, What};

const ORDER: [What; 4] = [What::OtDrops, What::UplinkDrops, What::TreesDead, What::LinksDown];

/// Presses, and holds the box against what a cut-off is: the four effects, first and in their order.
fn cuts(rig: &mut Rig, name: &str) {
    let from = rig.log.len();
    rig.press();
    let sets: Vec<_> = rig.since(from).take(4).collect();
    let wanted: Vec<_> = ORDER.into_iter().map(|what| Action::Set { what, on: true }).collect();
    assert_eq!(sets, wanted, "{name}: nothing comes before the effect, and it comes in order");
    assert_eq!(rig.hold(), Some(Hold::CutOff), "{name}");
    assert!(rig.shut() && rig.kernel.processes.is_empty(), "{name}");
    rig.run(2 * SECOND);
    assert!(rig.shut() && rig.hold() == Some(Hold::CutOff), "{name}: and it stays so");
}

#[test]
fn a_cut_off_comes_first_and_in_its_order_from_every_state() {
    let mut states: Vec<(&str, Rig)> = vec![("armed", Rig::armed(1)), ("cut off", Rig::cut(1))];
    let mut rig = Rig::new(common::start(1, 1), [None, None]);
    rig.on(Input::Time);
    states.push(("starting, alone", rig));
    let mut rig = Rig::armed(0);
    rig.session(7, 100 * SECOND);
    states.push(("with a session", rig));
    let mut rig = Rig::armed(0);
    rig.on(Input::Stop);
    states.push(("stopping", rig));
    for (name, mut rig) in states {
        cuts(&mut rig, name);
    }
}

#[test]
fn a_press_while_the_box_is_about_to_arm_by_itself_wins() {
    let mut rig = Rig::new(common::start(1, 0), [None, None]);
    rig.ready = false;
    rig.join();
    (rig.ready, rig.kernel.stuck) = (true, vec![What::LinksDown]);
    rig.run(SECOND);
    assert!(!rig.kernel.ot_drops && rig.hold() == Some(Hold::Starting), "it is opening, and the ports hang");
    rig.kernel.stuck.clear();
    cuts(&mut rig, "opening after a boot");
    assert_eq!(rig.on_disk(), Some(Hold::CutOff));
}

#[test]
fn a_press_during_a_drill_makes_it_a_cut_off_and_answers_the_drill() {
    for stuck in [vec![What::TreesDead], vec![]] {
        let mut rig = Rig::armed(0);
        rig.session(1, 100 * SECOND);
        // Either the cut goes on, or the way back.
        if stuck.is_empty() {
            rig.zones = Helper::Stuck;
        } else {
            rig.immortal();
        }
        rig.kernel.stuck = stuck;
        rig.on(Input::Drill { ticket: 5 });
        rig.run(SECOND / 10);
        assert_eq!(rig.on_disk(), None, "nobody pressed");
        (rig.kernel.stuck, rig.zones) = (vec![], Helper::Prompt);
        rig.kernel.processes.clear();
        cuts(&mut rig, "drill");
        assert_eq!(rig.on_disk(), Some(Hold::CutOff));
        assert_eq!(rig.report().trigger, Trigger::Console);
        assert_eq!(rig.answers(), [(5, Some(RearmRefusal::CutAgain))], "the drill is answered, once");
    }
}

#[test]
fn steps_are_told_when_they_were_read_back_and_not_before() {
    let mut rig = Rig::armed(0);
    rig.session(1, 100 * SECOND);
    rig.immortal();
    rig.kernel.stuck = vec![What::UplinkDrops, What::LinksDown];
    rig.press();
    rig.run(100 * MS);
    let steps = rig.report().steps;
    assert_eq!((steps.filters_us, steps.dead_us, steps.serial_us, steps.links_us), (None, None, None, None));
    rig.kernel.stuck.clear();
    rig.run(100 * MS);
    let steps = rig.report().steps;
    assert!(steps.filters_us.is_some_and(|at| at >= 100_000) && steps.links_us.is_some_and(|at| at >= 100_000), "{steps:?}");
    assert_eq!((steps.dead_us, steps.serial_us), (None, None), "somebody lives");
    rig.kernel.processes.clear();
    rig.run(300 * MS);
    assert!(rig.report().steps.dead_us.is_some_and(|at| at >= 200_000), "{:?}", rig.report().steps);
}

#[test]
fn latched_is_said_only_of_what_is_durable() {
    for latch in [Helper::Stuck, Helper::Fails, Helper::Prompt] {
        let mut rig = Rig::armed(0);
        rig.latch = latch;
        rig.press();
        rig.run(3 * SECOND);
        let durable = latch == Helper::Prompt;
        assert_eq!(rig.report().steps.latched_us.is_some(), durable, "{latch:?}");
        assert_eq!(rig.lamps.1, durable, "{latch:?}: the lamp");
        assert_eq!(rig.noted(|note| matches!(note, Note::CutDone { .. })) == 1, durable, "{latch:?}");
        rig.latch_goes_on();
        rig.run(SECOND);
        assert!(rig.report().steps.latched_us.is_some() && rig.lamps.1, "{latch:?}");
    }
}

#[test]
fn a_press_before_the_disk_was_read_is_latched_when_it_can_be() {
    let before = common::slot(9, guard::Mark::Clean, None);
    let mut rig = Rig::new(common::start(1, 0), [Some(before), Some(before)]);
    rig.press();
    rig.run(SECOND);
    assert!(!rig.lamps.1 && rig.report().steps.latched_us.is_none() && rig.shut());
    rig.join();
    assert!(rig.lamps.1 && rig.report().steps.latched_us.is_some());
    assert_eq!(rig.on_disk(), Some(Hold::CutOff));
    rig.boot(2, false);
    rig.run(10 * SECOND);
    assert_eq!(rig.hold(), Some(Hold::CutOff));
}

#[test]
fn no_boot_after_a_latched_press_arms_by_itself() {
    let mut rig = Rig::cut(0);
    for boot in 2..6 {
        rig.boot(boot, boot == 4);
        rig.run(60 * SECOND);
        assert_eq!(rig.hold(), Some(Hold::CutOff), "boot {boot}");
        assert!(rig.shut() && rig.lamps.1, "boot {boot}");
    }
    // The negative: lifted, the next boot does.
    rig.on(Input::Rearm { ticket: 1, contact: false });
    rig.run(SECOND);
    rig.boot(7, false);
    assert_eq!(rig.state().standing, Standing::Armed);
}

#[test]
fn the_effect_needs_neither_broker_nor_latch_nor_zones() {
    let mut rig = Rig::armed(0);
    rig.session(1, 100 * SECOND);
    rig.kernel.processes.push(common::Process { slot: None, front: true, immortal: false });
    (rig.latch, rig.zones, rig.broker) = (Helper::Stuck, Helper::Stuck, false);
    rig.run(SECOND / 2);
    cuts(&mut rig, "all are stuck");
}

#[test]
fn a_cut_off_that_does_not_cut_starves_the_watchdog_after_five_seconds() {
    for what in ORDER {
        let mut rig = Rig::armed(0);
        rig.session(1, 100 * SECOND);
        rig.kernel.stuck = vec![what];
        rig.press();
        rig.run(5 * SECOND - MS);
        assert_ne!(rig.state().dog, guard::Dog::Starving, "{what:?}");
        rig.run(2 * MS);
        assert_eq!(rig.state().dog, guard::Dog::Starving, "{what:?}");
        assert_eq!(rig.noted(|note| matches!(note, Note::CutFailed { .. })), 1, "{what:?}");
        let from = rig.log.len();
        rig.run(10 * SECOND);
        assert_eq!(rig.feeds(from), 0, "{what:?}");
        assert_eq!(rig.slots[0].map(|slot| slot.mark), Some(guard::Mark::Starving));
    }
}

#[test]
fn a_trigger_that_bounces_is_one_cut_off() {
    let mut rig = Rig::armed(0);
    for _ in 0..20 {
        rig.press();
        rig.run(3 * MS);
    }
    rig.run(SECOND);
    assert_eq!(rig.noted(|note| matches!(note, Note::Cut { .. })), 1);
    assert_eq!(rig.noted(|note| matches!(note, Note::CutDone { .. })), 1);
    assert_eq!(rig.report().number, 1);
    assert!(rig.shut() && rig.report().steps.latched_us.is_some());
}

#[test]
fn who_comes_after_it_can_be_told_and_who_was_there_is_gone() {
    let mut rig = Rig::armed(0);
    rig.kernel.processes.push(common::Process { slot: None, front: true, immortal: false });
    rig.press();
    rig.run(SECOND);
    assert!(rig.kernel.processes.is_empty() && !rig.kernel.uplink_drops, "the uplink is open again, to say so");
    rig.kernel.processes.push(common::Process { slot: None, front: true, immortal: false });
    rig.run(5 * SECOND);
    assert_eq!(rig.kernel.processes.len(), 1, "a front that came later lives");
    rig.session(3, SECOND);
    assert!(rig.since(0).any(|action| action == Action::NotWatching { session: 3 }), "but no session begins");
}

#[test]
fn sessions_that_were_cut_leave_the_table_without_a_broker() {
    let mut rig = Rig::armed(0);
    for session in 0..5 {
        rig.session(session, 10_000 * SECOND);
    }
    rig.broker = false;
    rig.press();
    rig.run(SECOND);
    assert_eq!(rig.report().sessions, 5);
    assert_eq!((rig.state().sessions, rig.lamps.0), (0, false), "nobody is connected, and nothing stands in a re-arm's way");
}

#[test]
fn a_drill_takes_the_real_path_and_comes_back() {
    let mut rig = Rig::armed(1);
    rig.session(1, 100 * SECOND);
    let from = rig.log.len();
    rig.on(Input::Drill { ticket: 9 });
    let sets: Vec<_> = rig.since(from).take(4).collect();
    assert_eq!(sets, ORDER.map(|what| Action::Set { what, on: true }));
    rig.run(SECOND);
    assert_eq!(rig.state().standing, Standing::Armed);
    assert_eq!(rig.answers(), [(9, None)]);
    assert!(rig.kernel.processes.is_empty() && rig.report().sessions == 1 && rig.on_disk().is_none());
    assert_eq!(rig.noted(|note| matches!(note, Note::Drilled { .. })), 1);
    // The negatives: not while it is held, and not twice at once.
    rig.press();
    rig.on(Input::Drill { ticket: 10 });
    assert!(matches!(rig.answers().last(), Some((10, Some(_)))));
}

#[test]
fn a_drill_that_does_not_cut_leaves_the_box_held_and_is_answered() {
    let mut rig = Rig::armed(0);
    rig.session(1, 100 * SECOND);
    rig.kernel.stuck = vec![What::LinksDown];
    rig.on(Input::Drill { ticket: 9 });
    rig.run(6 * SECOND);
    assert_eq!((rig.hold(), rig.on_disk()), (Some(Hold::CutOff), Some(Hold::CutOff)));
    assert!(matches!(rig.answers().as_slice(), [(9, Some(_))]), "{:?}", rig.answers());
}
