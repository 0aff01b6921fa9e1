//! Each property can fail: a broken variant of one part is found, by the property that it breaks.

use simulator::{Planted, Property, run};

/// Stories in which a planted fault has to show.
const SEEDS: u64 = 400;

/// A fault and the property that has to see it.
const FAULTS: &[(Planted, Property)] = &[
    (Planted::StandingClock, Property::EndsInTime),
    (Planted::DeafToPlants, Property::WorksByVerdict),
    (Planted::EasyVault, Property::LogsInAsAsked),
    (Planted::TwoEnds, Property::OneReason),
    (Planted::NoKill, Property::Killed),
    (Planted::Lingerers, Property::FrontsLeave),
    (Planted::NoPause, Property::PauseHolds),
    (Planted::NoCancel, Property::DialsEnd),
    (Planted::KeptHandovers, Property::PassesThrough),
    (Planted::EarlyOrders, Property::Borders),
    (Planted::MaskedSources, Property::Bounds),
    (Planted::EarlyInHand, Property::RecordedFirst),
    (Planted::NoSyncs, Property::KeptIsKept),
    (Planted::LostRows, Property::Audited),
    (Planted::PlantNotStored, Property::PlantCounts),
    (Planted::LostAnswers, Property::Answered),
    (Planted::LateWords, Property::ClosedStaysClosed),
    (Planted::NoClose, Property::NothingLeaks),
    (Planted::Spins, Property::Sleeps),
    (Planted::Panics, Property::NoPanic),
];

/// The first story in which the fault is seen by this property, and what was seen.
fn found(planted: Planted, expected: Property) -> (u64, String) {
    let mut others = Vec::new();
    for seed in 0..SEEDS {
        match run(seed, Some(planted), 0).failure {
            Some(failure) if failure.property == expected => return (seed, failure.what),
            Some(failure) => others.push((seed, failure)),
            None => {}
        }
    }
    panic!("{planted:?} is not seen by {} in {SEEDS} stories, but so: {others:?}", expected.name());
}

#[test]
fn every_property_sees_the_fault_that_is_planted_for_it() {
    for (planted, expected) in FAULTS {
        let (seed, what) = found(*planted, *expected);
        println!("{planted:?}: seed {seed}, {}: {what}", expected.name());
    }
}

#[test]
fn no_property_is_without_a_planted_fault() {
    let proven = |property: &Property| FAULTS.iter().any(|(_, expected)| expected == property);
    let missing: Vec<_> = Property::ALL.iter().filter(|property| !proven(property)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn a_failing_seed_replays_exactly_and_says_how() {
    let (seed, _) = found(Planted::TwoEnds, Property::OneReason);
    let (first, second) = (run(seed, Some(Planted::TwoEnds), 50), run(seed, Some(Planted::TwoEnds), 50));
    assert_eq!(first, second);
    let text = first.to_string();
    for part in [format!("--seed {seed}"), Property::OneReason.name().to_owned(), first.last[0].clone()] {
        assert!(text.contains(&part), "{part} is not in:\n{text}");
    }
}
