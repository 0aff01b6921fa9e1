//! The negative: outside every sandbox each attempt gets through.

use breakout::attempts::ATTEMPTS;
use breakout::world::{Ending, World};

#[test]
fn outside_a_sandbox_every_attempt_gets_through() {
    let mut world = World::new("outside");
    let seen = ATTEMPTS.iter().map(|(name, need, _)| (name, world.attempt("outside", name, *need)));
    let failed: Vec<_> = seen.filter(|(_, ending)| *ending != Ending::Done).collect();
    assert!(failed.is_empty(), "{failed:#?}\n{}", world.log());
}
