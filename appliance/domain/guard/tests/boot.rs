//! Claims about what a boot makes of the latch's slots: marks, boot ids, torn slots, power losses, restarts.

mod common;

use common::{Process, Rig, SECOND, slot, start};
use guard::slot_file::SEQUENCE_MAX;
use guard::{Action, Dog, Hold, Input, Mark, Note, Part, Slot, Standing};

/// Boot 1 on these slots; the driver says that it reset the board, or not.
fn boots(slots: [Option<Slot>; 2], told_reset: bool) -> Rig {
    let mut rig = Rig::new(guard::Start { told_reset, ..start(1, 0) }, slots);
    rig.join();
    rig.run(20 * SECOND);
    rig
}

#[test]
fn how_the_boot_before_it_ended_decides_who_arms() {
    // Mark, told by the driver, power losses hold: what holds it, and resets.
    let cases = [
        (Mark::Clean, false, false, None, 0),
        (Mark::Clean, false, true, None, 0),
        (Mark::Clean, true, true, None, 0),
        (Mark::Running, false, false, None, 0),
        (Mark::Running, false, true, Some(Hold::PowerLoss), 0),
        (Mark::Running, true, false, Some(Hold::Reset), 1),
        (Mark::Running, true, true, Some(Hold::Reset), 1),
        (Mark::Starving, false, false, Some(Hold::Reset), 1),
        (Mark::Silent, false, false, Some(Hold::Reset), 1),
        (Mark::Silent, true, true, Some(Hold::Reset), 1),
    ];
    for (mark, told, power_loss_holds, hold, resets) in cases {
        let slot = Slot { power_loss_holds, ..slot(9, mark, None) };
        let mut rig = boots([Some(slot), Some(slot)], told);
        let name = format!("{mark:?} {told} {power_loss_holds}");
        assert_eq!((rig.hold(), rig.state().resets), (hold, resets), "{name}");
        assert_eq!(rig.shut(), hold.is_some(), "{name}");
        assert_eq!(rig.noted(|note| matches!(note, Note::Unclean { .. })) == 1, mark != Mark::Clean, "{name}: audited");
        assert_eq!(rig.slots[0].map(|slot| (slot.mark, slot.boot)), Some((Mark::Running, [1; 16])), "{name}");
        // A hold stays over the next boots, too.
        rig.boot(3, false);
        rig.run(SECOND);
        assert_eq!(rig.hold(), hold, "{name}");
    }
}

#[test]
fn the_same_boot_is_no_power_loss_and_no_reset() {
    for mark in [Mark::Running, Mark::Silent, Mark::Clean] {
        let slot = Slot { power_loss_holds: true, ..slot(1, mark, None) };
        let rig = boots([Some(slot), Some(slot)], true);
        assert_eq!((rig.state().standing, rig.state().resets), (Standing::Armed, 0), "{mark:?}");
    }
}

#[test]
fn a_box_that_starves_does_not_arm_by_itself() {
    let slot = slot(1, Mark::Starving, None);
    let rig = boots([Some(slot), Some(slot)], false);
    assert!(rig.shut() && rig.state().dog == Dog::Starving);
}

#[test]
fn a_torn_slot_holds_the_box_and_a_new_box_is_none() {
    let whole = Some(slot(9, Mark::Clean, None));
    for slots in [[whole, None], [None, whole]] {
        let rig = boots(slots, false);
        assert_eq!(rig.hold(), Some(Hold::Slots), "{slots:?}");
        assert!(rig.shut() && rig.lamps.2 && rig.noted(|note| matches!(note, Note::SlotFault { .. })) == 1);
        assert_eq!(rig.slots, [rig.slots[0]; 2], "both are written anew");
    }
    // Files were there, and hold nothing.
    let mut rig = Rig::new(start(1, 0), [None, None]);
    rig.joins(Part::Broker);
    rig.joins(Part::Zones);
    rig.joins(Part::Latch);
    rig.on(Input::Slots { a: None, b: None, empty: false });
    rig.run(20 * SECOND);
    assert_eq!(rig.hold(), Some(Hold::Slots));
    // "Empty" of something that is not.
    let mut rig = Rig::new(start(1, 0), [whole, None]);
    rig.joins(Part::Broker);
    rig.joins(Part::Zones);
    rig.joins(Part::Latch);
    rig.on(Input::Slots { a: whole, b: None, empty: true });
    rig.run(20 * SECOND);
    assert_eq!(rig.hold(), Some(Hold::Slots));
    assert_eq!(boots([None, None], false).state().standing, Standing::Armed);
    assert_eq!(boots([whole, whole], false).state().standing, Standing::Armed);
}

#[test]
fn a_torn_slot_does_not_hide_what_the_other_one_says() {
    let rig = boots([None, Some(slot(9, Mark::Clean, Some(Hold::CutOff)))], false);
    assert_eq!((rig.hold(), rig.lamps.1), (Some(Hold::CutOff), true));
}

#[test]
fn the_higher_number_counts_and_one_that_makes_no_sense_holds() {
    let (armed, cut) = (slot(9, Mark::Clean, None), slot(9, Mark::Clean, Some(Hold::CutOff)));
    let later = |slot: Slot| Some(Slot { sequence: slot.sequence + 1, ..slot });
    assert_eq!(boots([Some(armed), later(cut)], false).hold(), Some(Hold::CutOff));
    assert_eq!(boots([later(armed), Some(cut)], false).hold(), None);
    // Two contents under one number; a number that nobody reached; one that no guardian writes.
    assert!(boots([Some(armed), Some(cut)], false).hold().is_some());
    assert!(boots([Some(cut), Some(armed)], false).hold().is_some());
    let far = Some(Slot { sequence: SEQUENCE_MAX + 1, ..armed });
    assert_eq!(boots([far, far], false).hold(), Some(Hold::Slots));
    assert_eq!(boots([Some(armed), far], false).hold(), Some(Hold::Slots));
    let starting = Some(slot(9, Mark::Clean, Some(Hold::Starting)));
    assert_eq!(boots([starting, starting], false).hold(), Some(Hold::Slots));
}

#[test]
fn a_guardian_that_is_restarted_keeps_what_was_held_and_kills_what_it_finds() {
    let mut rig = Rig::cut(0);
    rig.kernel.processes.push(Process { slot: None, front: true, immortal: false });
    rig.restart();
    assert!(rig.kernel.processes.is_empty() && rig.shut() && rig.lamps.1);
    assert_eq!(rig.hold(), Some(Hold::CutOff));
    let mut rig = Rig::armed(0);
    rig.session(1, 1_000 * SECOND);
    let from = rig.log.len();
    rig.restart();
    assert!(rig.kernel.processes.is_empty(), "sessions end with their guardian");
    assert!(rig.since(from).any(|action| matches!(action, Action::Set { what: guard::What::OtDrops, on: true })));
    assert_eq!(rig.state().standing, Standing::Armed, "and the box checks itself again");
    // What does not die keeps it held.
    rig.kernel.processes.push(Process { slot: None, front: false, immortal: true });
    rig.restart();
    rig.run(30 * SECOND);
    assert!(rig.shut() && rig.state().lacks == 256);
}

#[test]
fn a_latch_that_starts_again_hears_all_anew() {
    let mut rig = Rig::cut(0);
    // It marked the guardian as silent meanwhile, under the next number.
    let newest = rig.slots[0].expect("a slot");
    let silent = Some(Slot { sequence: newest.sequence + 1, mark: Mark::Silent, ..newest });
    rig.slots = [silent, silent];
    rig.on(Input::Left(Part::Latch));
    rig.latch_joins();
    rig.run(SECOND);
    let now = rig.slots[0].expect("a slot");
    assert!(now.sequence > newest.sequence + 1 && now.mark == Mark::Running, "{now:?}");
    assert_eq!((now.held, rig.lamps.1), (Some(Hold::CutOff), true));
}

#[test]
fn numbers_of_cut_offs_count_up_over_boots() {
    let mut rig = Rig::cut(0);
    for (boot, number) in [(2, 2), (3, 3)] {
        rig.on(Input::Rearm { ticket: 1, contact: false });
        rig.run(SECOND);
        rig.boot(boot, false);
        rig.press();
        rig.run(SECOND);
        assert_eq!(rig.report().number, number);
    }
    // Pressed before the disk was read.
    rig.start = start(4, 0);
    rig.guard = guard::Guardian::new(rig.start, guard::Now { us: rig.now, wall_ms: 0 });
    rig.press();
    rig.join();
    assert_eq!(rig.report().number, 4);
}

#[test]
fn the_plants_word_on_power_losses_is_on_disk_when_it_is_needed() {
    let mut rig = Rig::armed(0);
    rig.power_loss_holds = true;
    rig.run(SECOND);
    rig.boot(2, false);
    rig.run(SECOND);
    assert_eq!(rig.hold(), Some(Hold::PowerLoss));
    // A broker that is not ready does not know the plant.
    let mut rig = Rig::armed(0);
    (rig.power_loss_holds, rig.ready) = (true, false);
    rig.run(SECOND);
    assert_eq!(rig.slots[0].map(|slot| slot.power_loss_holds), Some(false));
}

#[test]
fn a_disk_that_cannot_be_read_does_not_stop_the_watchdog() {
    let mut rig = Rig::new(start(1, 0), [None, None]);
    rig.run(60 * SECOND);
    assert!(rig.feeds(0) >= 60 && rig.shut());
    assert_eq!((rig.hold(), rig.state().dog), (Some(Hold::Starting), Dog::StandIn));
}

#[test]
fn a_disk_that_fails_is_noted_once_and_tried_on() {
    let mut rig = Rig::armed(0);
    rig.latch = common::Helper::Fails;
    rig.press();
    rig.run(60 * SECOND);
    assert_eq!(rig.noted(|note| matches!(note, Note::SlotFault { .. })), 2, "of each slot once");
    assert!(rig.lamps.2 && rig.writes.len() > 50);
    rig.latch = common::Helper::Prompt;
    rig.run(SECOND);
    assert_eq!((rig.state().faults, rig.lamps.1), (0, true));
}
