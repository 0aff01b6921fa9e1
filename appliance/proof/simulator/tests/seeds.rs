//! The seeds of CI; more of them by hand with `cargo xtask simulate --seeds COUNT`.

use simulator::run;

/// Stories in each run of the tests.
const SEEDS: u64 = 800;

#[test]
fn the_seeds_of_ci_hold_every_property() {
    let (mut live, mut releases, mut restarts, mut kept, mut rows) = (0, 0, 0, 0, 0);
    for seed in 0..SEEDS {
        let outcome = run(seed, None, 80);
        assert!(outcome.failure.is_none(), "{outcome}");
        let seen = outcome.seen;
        (live, releases, restarts) = (live + seen.live, releases + seen.releases, restarts + seen.restarts);
        (kept, rows) = (kept + seen.kept, rows + seen.rows);
    }
    println!("{live} live sessions, {releases} releases, {restarts} restarts, {kept} marks, {rows} rows");
    // Stories in which little happens would show little.
    assert!(live > SEEDS && releases > 10 * SEEDS && restarts > SEEDS / 10, "{live} {releases} {restarts}");
    assert!(kept > SEEDS && rows > 10 * SEEDS, "{kept} {rows}");
}

#[test]
fn a_seed_replays_exactly() {
    for seed in [1, 7, 23, 99] {
        assert_eq!(run(seed, None, 80), run(seed, None, 80));
    }
}
