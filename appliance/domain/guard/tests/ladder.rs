//! Claims about ends that are none: each rung at its stated time, late parts, and the watchdog.

mod common;

use common::{Helper, MS, Process, Rig, SECOND};
use guard::{Action, Dog, Hold, Input, Mark, Note, Part, Slot, Standing, What};

#[test]
fn the_rungs_come_at_their_times() {
    let mut rig = Rig::armed(0);
    rig.session(7, 10 * SECOND);
    rig.immortal();
    let (end, from) = (rig.now + 10 * SECOND, rig.log.len());
    rig.run(20 * SECOND);
    let at = |wanted: fn(&Action) -> bool| rig.first(from, wanted).map(|at| (at - end) / MS);
    assert_eq!(at(|action| matches!(action, Action::Kill { .. })), Some(2_000), "rung 3");
    let down = |action: &Action| matches!(action, Action::Set { what: What::OtDrops, on: true });
    assert_eq!(at(down), Some(3_000), "what is left takes OT down");
    assert_eq!(at(|action| matches!(action, Action::Tell { note: Note::Starving { session: 7 }, .. })), Some(5_000), "rung 4");
    let last = rig.log.iter().filter(|(_, action)| *action == Action::Feed).map(|(at, _)| *at).max();
    assert!(last.is_some_and(|at| at < end + 5 * SECOND && at >= end + 4 * SECOND));
    assert_eq!((rig.state().dog, rig.on_disk()), (Dog::Starving, Some(Hold::Overdue)));
    assert_eq!(rig.slots[0].map(|slot| slot.mark), Some(Mark::Starving));
}

#[test]
fn one_that_dies_when_killed_ends_at_rung_three() {
    let mut rig = Rig::armed(0);
    rig.session(7, 10 * SECOND);
    rig.run(13 * SECOND);
    assert!(rig.kernel.processes.is_empty() && rig.state().sessions == 0);
    assert_eq!(rig.noted(|note| *note == Note::Killed { session: 7 }), 1);
    rig.run(10 * SECOND);
    assert_eq!((rig.state().standing, rig.state().dog), (Standing::Armed, Dog::StandIn));
}

#[test]
fn one_that_ended_by_itself_is_no_business_of_the_ladder() {
    let mut rig = Rig::armed(0);
    rig.session(7, 10 * SECOND);
    rig.kernel.processes.clear();
    rig.on(Input::Over { session: 7 });
    rig.run(20 * SECOND);
    assert_eq!(rig.noted(|note| matches!(note, Note::Killed { .. } | Note::Starving { .. })), 0);
    assert!(rig.state().sessions == 0 && rig.since(0).any(|action| matches!(action, Action::Forget { .. })));
    assert_eq!(rig.state().standing, Standing::Armed);
}

#[test]
fn a_broker_that_says_over_of_what_lives_is_not_believed() {
    let mut rig = Rig::armed(0);
    rig.session(7, 1_000 * SECOND);
    rig.immortal();
    let (said, from) = (rig.now, rig.log.len());
    rig.on(Input::Over { session: 7 });
    rig.run(10 * SECOND);
    let killed = rig.first(from, |action| matches!(action, Action::Kill { .. }));
    assert_eq!(killed.map(|at| (at - said) / MS), Some(2_000));
    assert_eq!((rig.hold(), rig.state().dog), (Some(Hold::Overdue), Dog::Starving));
    // And it cannot say the same session alive again.
    let mut rig = Rig::armed(0);
    rig.session(7, 1_000 * SECOND);
    rig.on(Input::Over { session: 7 });
    rig.session(7, 1_000 * SECOND);
    assert!(rig.since(0).any(|action| action == Action::NotWatching { session: 7 }));
}

#[test]
fn an_end_only_ever_comes_nearer() {
    let mut rig = Rig::armed(0);
    rig.session(7, 10 * SECOND);
    let far = (rig.now + 1_000 * SECOND) / 1000;
    rig.on(Input::Deadline { session: 7, deadline_ms: far });
    rig.on(Input::Watch { session: 7, deadline_ms: u64::MAX });
    rig.kernel.processes.truncate(1);
    rig.run(13 * SECOND);
    assert!(rig.kernel.processes.is_empty());
    let mut rig = Rig::armed(0);
    rig.session(7, 1_000 * SECOND);
    let near = (rig.now + SECOND) / 1000;
    rig.on(Input::Deadline { session: 7, deadline_ms: near });
    rig.run(3 * SECOND + MS);
    assert!(rig.kernel.processes.is_empty());
}

#[test]
fn a_late_part_ends_sessions_and_not_the_box() {
    type Late = fn(&mut Rig);
    let late: [(Part, Late); 3] = [
        (Part::Broker, |rig| rig.broker = false),
        (Part::Vault, |rig| rig.vault_ms = 2_001),
        (Part::Launcher, |rig| rig.launcher_ms = 2_001),
    ];
    for (part, spoil) in late {
        let mut rig = Rig::armed(0);
        rig.session(1, 1_000 * SECOND);
        rig.session(2, 1_000 * SECOND);
        spoil(&mut rig);
        rig.run(1_700 * MS);
        assert!(part != Part::Broker || rig.kernel.processes.len() == 2, "{part:?}: a lease is two seconds");
        rig.run(600 * MS);
        assert!(rig.kernel.processes.is_empty(), "{part:?}");
        let from = rig.log.len();
        rig.run(30 * SECOND);
        assert!((29..=31).contains(&rig.feeds(from)), "{part:?}: the box is fed on");
        assert_eq!(rig.state().standing, Standing::Armed, "{part:?}");
        assert_eq!(rig.noted(|note| *note == Note::Late { part }), 1, "{part:?}");
        rig.session(3, SECOND);
        assert!(rig.since(from).any(|action| action == Action::NotWatching { session: 3 }), "{part:?}: no new one");
        (rig.broker, rig.vault_ms, rig.launcher_ms) = (true, 0, 0);
        rig.run(SECOND);
        rig.session(4, SECOND);
        assert!(rig.since(from).any(|action| matches!(action, Action::Watching { session: 4, .. })), "{part:?}");
        assert_eq!(rig.noted(|note| *note == Note::Back { part }), 1, "{part:?}");
    }
}

#[test]
fn a_part_that_is_in_time_is_not_late() {
    let mut rig = Rig::armed(0);
    rig.session(1, 1_000 * SECOND);
    (rig.vault_ms, rig.launcher_ms) = (1_700, 1_700);
    rig.run(60 * SECOND);
    assert_eq!((rig.kernel.processes.len(), rig.noted(|note| matches!(note, Note::Late { .. }))), (1, 0));
}

#[test]
fn who_was_never_heard_keeps_the_box_held_and_is_no_alarm() {
    let mut rig = Rig::new(common::start(1, 0), [None, None]);
    (rig.vault_ms, rig.launcher_ms) = (u32::MAX, u32::MAX);
    rig.join();
    rig.run(60 * SECOND);
    assert_eq!((rig.hold(), rig.state().lacks), (Some(Hold::Starting), 64 | 128));
    assert_eq!(rig.noted(|note| matches!(note, Note::Late { .. } | Note::Back { .. })), 0);
    assert!(rig.feeds(0) >= 60);
}

#[test]
fn a_broker_that_comes_back_in_time_takes_its_sessions_on() {
    let mut rig = Rig::armed(0);
    rig.session(1, 1_000 * SECOND);
    rig.session(2, 1_000 * SECOND);
    // One ends while no broker is there to say so.
    rig.on(Input::Left(Part::Broker));
    rig.kernel.processes.remove(1);
    rig.run(SECOND);
    assert_eq!(rig.state().sessions, 1, "what ended is seen to have ended");
    rig.joins(Part::Broker);
    rig.beats();
    let (from, deadline_ms) = (rig.log.len(), (rig.now + 900 * SECOND) / 1000);
    rig.on(Input::Watch { session: 1, deadline_ms });
    assert!(rig.since(from).any(|action| matches!(action, Action::Watching { session: 1, slot: 0 })));
    rig.run(60 * SECOND);
    assert_eq!((rig.state().sessions, rig.noted(|note| matches!(note, Note::Killed { .. }))), (1, 0));
}

#[test]
fn the_watchdog_is_fed_each_second() {
    let mut rig = Rig::armed(0);
    let from = rig.log.len();
    rig.run(60 * SECOND);
    assert!((59..=61).contains(&rig.feeds(from)), "{}", rig.feeds(from));
}

/// A box after so many resets.
fn after_resets(resets: u8) -> Rig {
    let slot = Slot { resets, ..common::slot(9, Mark::Starving, None) };
    let mut rig = Rig::new(common::start(1, 0), [Some(slot), Some(slot)]);
    rig.join();
    rig
}

#[test]
fn a_reset_is_held_and_the_third_one_in_half_an_hour_is_the_last() {
    let rig = after_resets(0);
    assert_eq!((rig.hold(), rig.state().resets), (Some(Hold::Reset), 1));
    let mut rig = after_resets(2);
    assert_eq!((rig.hold(), rig.state().resets), (Some(Hold::Resets), 3));
    // A cut-off that does not cut would starve it.
    rig.kernel.stuck = vec![What::LinksDown];
    rig.kernel.links_up = common::LINKS;
    rig.press();
    let from = rig.log.len();
    rig.run(60 * SECOND);
    assert!(rig.feeds(from) >= 59, "fed for ever");
    assert_ne!(rig.state().dog, Dog::Starving);
    let mut rig = after_resets(1);
    rig.kernel.stuck = vec![What::LinksDown];
    rig.kernel.links_up = common::LINKS;
    rig.press();
    rig.run(10 * SECOND);
    assert_eq!(rig.state().dog, Dog::Starving, "the negative: the second reset may come");
}

#[test]
fn resets_are_forgotten_when_a_boot_has_lasted_half_an_hour() {
    let mut rig = after_resets(1);
    rig.run(30 * 60 * SECOND - 2 * SECOND);
    assert_eq!(rig.state().resets, 2);
    rig.run(3 * SECOND);
    assert_eq!((rig.state().resets, rig.slots[0].map(|slot| slot.resets)), (0, Some(0)));
    assert_eq!(rig.hold(), Some(Hold::Reset), "but a person has to lift it");
}

#[test]
fn a_guardian_that_starved_and_was_restarted_starves_on() {
    let mut rig = Rig::armed(0);
    rig.session(7, SECOND);
    rig.immortal();
    rig.run(8 * SECOND);
    assert_eq!(rig.state().dog, Dog::Starving);
    rig.restart();
    let from = rig.log.len();
    rig.run(20 * SECOND);
    assert_eq!((rig.feeds(from), rig.state().dog), (0, Dog::Starving));
    assert_eq!(rig.slots[0].map(|slot| slot.mark), Some(Mark::Starving));
    rig.boot(2, false);
    assert_eq!((rig.state().resets, rig.state().dog), (1, Dog::StandIn));
}

#[test]
fn processes_that_nobody_registered_are_killed() {
    let mut rig = Rig::armed(0);
    rig.kernel.processes.push(Process { slot: None, front: false, immortal: false });
    rig.run(39 * SECOND);
    assert_eq!(rig.kernel.processes.len(), 1, "so long a session may take to begin");
    rig.run(3 * SECOND);
    assert!(rig.kernel.processes.is_empty());
    assert_eq!(rig.noted(|note| *note == Note::Unregistered), 1);
    rig.kernel.processes.push(Process { slot: None, front: true, immortal: false });
    rig.run(100 * SECOND);
    assert_eq!(rig.kernel.processes.len(), 1, "a front is none of them");
}

#[test]
fn somebody_else_who_changes_a_filter_or_a_port_while_it_is_armed_holds_it() {
    type Change = fn(&mut Rig);
    let changes: [(&str, Change); 3] = [
        ("filter", |rig| rig.kernel.ot_drops = true),
        ("ports", |rig| rig.kernel.links_up = 1),
        ("can't be read", |rig| rig.kernel.blind = vec![What::OtDrops]),
    ];
    for (name, change) in changes {
        let mut rig = Rig::armed(0);
        rig.session(1, 1_000 * SECOND);
        change(&mut rig);
        rig.run(1_100 * MS);
        assert_eq!(rig.hold(), Some(Hold::Zone), "{name}");
        rig.run(100 * MS);
        assert!(rig.shut() && rig.kernel.processes.is_empty(), "{name}");
        rig.boot(2, false);
        assert_eq!(rig.hold(), Some(Hold::Zone), "{name}: a person looks");
    }
    let mut rig = Rig::armed(0);
    rig.kernel.uplink_drops = true;
    rig.run(2 * SECOND);
    assert!(!rig.kernel.uplink_drops && rig.hold().is_none(), "the uplink is put right: nothing is in danger");
}

#[test]
fn while_it_is_held_a_port_that_somebody_sets_up_goes_down_again() {
    let mut rig = Rig::cut(0);
    (rig.kernel.links_up, rig.kernel.ot_drops) = (1, false);
    rig.run(1_100 * MS);
    assert!(rig.shut());
}

#[test]
fn the_connected_lamp_says_what_lives_and_not_what_is_wished() {
    let mut rig = Rig::armed(0);
    assert!(!rig.lamps.0);
    rig.session(1, 1_000 * SECOND);
    assert!(rig.lamps.0);
    rig.on(Input::Over { session: 1 });
    rig.immortal();
    rig.run(SECOND);
    assert!(rig.lamps.0, "the broker says over, and it lives");
    rig.kernel.processes.clear();
    rig.run(SECOND);
    assert!(!rig.lamps.0);
    rig.kernel.processes.push(Process { slot: None, front: false, immortal: false });
    rig.run(SECOND);
    assert!(rig.lamps.0, "nobody registered it, and it lives");
    rig.kernel.processes.clear();
    rig.run(SECOND);
    rig.kernel.blind = vec![What::TreesDead];
    rig.run(SECOND);
    assert!(rig.lamps.0, "nobody knows");
}

#[test]
fn an_orderly_stop_ends_all_writes_clean_and_ends_once() {
    let mut rig = Rig::armed(0);
    rig.session(1, 1_000 * SECOND);
    rig.on(Input::Stop);
    rig.run(SECOND);
    assert!(rig.shut() && rig.kernel.processes.is_empty() && rig.kernel.uplink_drops);
    assert_eq!(rig.slots[0].map(|slot| slot.mark), Some(Mark::Clean));
    assert_eq!(rig.since(0).filter(|action| *action == Action::Exit).count(), 1);
    // The negatives: not while something lives, and in the end anyway.
    let mut rig = Rig::armed(0);
    rig.session(1, 1_000 * SECOND);
    rig.immortal();
    rig.latch = Helper::Stuck;
    rig.on(Input::Stop);
    rig.run(9 * SECOND);
    assert_eq!(rig.since(0).filter(|action| *action == Action::Exit).count(), 0);
    rig.run(2 * SECOND);
    assert_eq!(rig.since(0).filter(|action| *action == Action::Exit).count(), 1);
}

#[test]
fn a_wall_clock_that_jumps_changes_nothing() {
    let story = |jump: i64| {
        let mut rig = Rig::armed(1);
        rig.session(1, 10 * SECOND);
        rig.wall_ms += jump;
        rig.run(5 * SECOND);
        rig.wall_ms -= jump / 2;
        rig.run(20 * SECOND);
        rig.press();
        rig.run(SECOND);
        let silent = |action: &Action| !matches!(action, Action::Tell { .. } | Action::Beat { .. } | Action::Write { .. });
        rig.log.into_iter().filter(|(_, action)| silent(action)).map(|(at, action)| format!("{at} {action:?}")).collect::<Vec<_>>()
    };
    let calm = story(0);
    for jump in [i64::MAX / 2, i64::MIN / 2, -86_400_000, 86_400_000] {
        assert_eq!(story(jump), calm, "{jump}");
    }
}

#[test]
fn a_kernel_that_takes_its_time_does_not_keep_the_guardian_from_the_rest() {
    let mut rig = Rig::armed(0);
    for session in 0..100 {
        rig.session(session, 1_000 * SECOND);
        rig.on(Input::Over { session });
    }
    rig.immortal();
    rig.kernel.stuck = vec![What::OtDrops, What::UplinkDrops, What::TreesDead, What::LinksDown];
    rig.press();
    // Each answer takes longer than what is done again waits for.
    rig.cost_us = 300 * MS;
    let (from, writes) = (rig.log.len(), rig.writes.len());
    rig.run(4 * SECOND);
    assert!(rig.feeds(from) > 0 && rig.writes.len() > writes, "it is fed while it still may be");
    assert!(rig.since(from).any(|action| matches!(action, Action::Tell { .. })), "and says so");
}
