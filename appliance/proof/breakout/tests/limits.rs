//! What a worker may use up: its cgroup's memory and processes, and nobody else's.

use breakout::attempts::Need;
use breakout::world::{Ending, World};

const SIGKILL: i32 = 9;

#[test]
fn a_worker_that_takes_too_much_memory_dies_alone() {
    let mut world = World::new("memory");
    for worker in ["front-ssh", "mediator", "back-ssh"] {
        assert_eq!(world.attempt(worker, "eat", Need::Nothing), Ending::Killed(SIGKILL), "{worker}: {}", world.log());
        assert!(world.victim_lives(), "another session goes on");
    }
    assert_eq!(world.attempt("outside", "eat", Need::Nothing), Ending::Done, "without a limit it is there");
}

#[test]
fn a_worker_that_has_not_shut_itself_in_yet_makes_no_crowd() {
    let mut world = World::new("crowd");
    // Itself and seven, of eight; a session's sixteen are shared with its other half.
    assert_eq!(world.attempt("front-ssh", "multiply", Need::Nothing), Ending::Refused(7), "{}", world.log());
    assert_eq!(world.attempt("mediator", "multiply", Need::Nothing), Ending::Refused(14), "{}", world.log());
    assert_eq!(world.attempt("outside", "multiply", Need::Nothing), Ending::Refused(32), "without a limit they are made");
}
