//! Claims: a slot file holds one slot or nothing; any change of any byte makes it nothing; neither way allocates.

use guard::slot_file::{BYTES, SEQUENCE_MAX, decode, encode};
use guard::{Hold, Mark, Report, Slot, Steps, Trigger};

fn slot() -> Slot {
    let steps = Steps {
        filters_us: Some(1),
        killed_us: Some(2),
        dead_us: Some(3),
        serial_us: Some(4),
        links_us: Some(5),
        latched_us: Some(6),
    };
    let report =
        Report { number: 7, trigger: Trigger::Broker { ticket: 8 }, wall_ms: -9, boot_ms: 10, sessions: 11, steps };
    Slot {
        sequence: SEQUENCE_MAX,
        held: Some(Hold::CutOff),
        report: Some(report),
        mark: Mark::Running,
        boot: [12; 16],
        resets: 2,
        power_loss_holds: true,
    }
}

fn file(slot: &Slot) -> Vec<u8> {
    let mut out = Vec::new();
    encode(slot, &mut out);
    out
}

#[test]
fn a_slot_comes_back_from_its_file() {
    let small = Slot { sequence: 0, held: None, report: None, ..slot() };
    for slot in [slot(), small] {
        assert_eq!(file(&slot).len(), BYTES);
        assert_eq!(decode(&file(&slot)), Some(slot));
    }
    // The longest record leaves room in the file.
    assert_eq!(codec::encode(&slot()).len(), 95);
}

#[test]
fn what_was_in_the_buffer_before_does_not_matter() {
    let mut out = vec![0xff; 1000];
    encode(&slot(), &mut out);
    assert_eq!(out, file(&slot()));
}

#[test]
fn any_changed_bit_makes_it_nothing() {
    let whole = file(&slot());
    for at in 0..BYTES * 8 {
        let mut file = whole.clone();
        file[at / 8] ^= 1 << (at % 8);
        assert_eq!(decode(&file), None, "bit {at}");
    }
}

#[test]
fn any_mixture_of_two_files_is_nothing() {
    let (old, new) = (file(&slot()), file(&Slot { sequence: 3, held: None, ..slot() }));
    for at in 1..BYTES {
        for (front, back) in [(&old, &new), (&new, &old)] {
            let torn = [&front[..at], &back[at..]].concat();
            assert!(decode(&torn).is_none() || torn == old || torn == new, "torn at {at}");
        }
    }
    for short in 0..BYTES {
        assert_eq!(decode(&old[..short]), None);
    }
    assert_eq!(decode(&[&old[..], &[0]].concat()), None);
    assert_eq!(decode(&[0; BYTES]), None);
}

#[test]
fn a_number_that_nobody_can_have_reached_is_nothing() {
    assert_eq!(decode(&file(&Slot { sequence: SEQUENCE_MAX + 1, ..slot() })), None);
}

#[test]
fn neither_way_allocates() {
    let mut out = Vec::with_capacity(BYTES);
    let counted = allocation_counter::measure(|| {
        encode(&slot(), &mut out);
        assert!(decode(&out).is_some() && decode(&out[1..]).is_none());
    });
    assert_eq!(counted.count_total, 0);
    // The counter counts.
    assert_eq!(allocation_counter::measure(|| drop(std::hint::black_box(Box::new(slot())))).count_total, 1);
}
