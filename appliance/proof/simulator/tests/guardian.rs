//! Every pair of failures around the guardian's real core, and for each property a fault that it sees.

use simulator::guardian::{Broken, Property, Told, Trouble, tell};

/// Stories of each pair in each run of the tests.
const SEEDS: u64 = 8;

fn pairs() -> impl Iterator<Item = (Trouble, Trouble)> {
    Trouble::ALL.into_iter().flat_map(|one| Trouble::ALL.into_iter().map(move |other| (one, other)))
}

#[test]
fn every_pair_of_failures_holds_every_property() {
    let mut sum = Told::default();
    for (number, pair) in pairs().enumerate() {
        for seed in 0..SEEDS {
            let told = tell(number as u64 * 1_000 + seed, pair, None);
            if let Some((property, what)) = told.failure {
                panic!("{pair:?}, seed {}: {} does not hold: {what}", number as u64 * 1_000 + seed, property.name());
            }
            sum.presses += told.presses;
            sum.power_losses += told.power_losses;
            sum.rearmed += told.rearmed;
            sum.resets += told.resets;
            sum.steps += told.steps;
        }
    }
    println!("{sum:?}");
    assert!(sum.presses > 3_000 && sum.power_losses > 500 && sum.rearmed > 500 && sum.resets > 20, "{sum:?}");
}

const FAULTS: &[(Broken, Property)] = &[
    (Broken::LyingPorts, Property::CutsAtOnce),
    (Broken::LyingFilter, Property::CutsAtOnce),
    (Broken::EarlyLatch, Property::LatchedIsLatched),
    (Broken::LyingKill, Property::RungsInTime),
    (Broken::OpensBehind, Property::StaysCut),
    (Broken::LazyShell, Property::FedWhenDue),
    (Broken::FeedsAnyway, Property::FedWhenDue),
    (Broken::NeverFeeds, Property::FedWhenDue),
    (Broken::DeafToLeases, Property::LateEnds),
    (Broken::LostAnswer, Property::Answered),
];

#[test]
fn every_property_has_a_fault_that_it_sees() {
    let proven = |property: &Property| FAULTS.iter().any(|(_, expected)| expected == property);
    let missing: Vec<_> = Property::ALL.iter().filter(|property| !proven(property)).collect();
    // What only the core itself could break: no double can plant that.
    assert_eq!(missing, [&Property::NeverSo]);
}

#[test]
fn each_fault_is_seen_by_the_property_that_it_breaks() {
    for (broken, expected) in FAULTS {
        let mut others = Vec::new();
        let found = pairs().flat_map(|pair| (0..SEEDS).map(move |seed| (seed, pair))).any(|(seed, pair)| {
            match tell(seed, pair, Some(*broken)).failure {
                Some((property, _)) if property == *expected => true,
                Some(other) => {
                    others.push(other);
                    false
                }
                None => false,
            }
        });
        assert!(found, "{broken:?} is not seen by {}: {:?}", expected.name(), others.first());
    }
}
