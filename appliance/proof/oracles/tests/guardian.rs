//! Claim: the guardian's core holds its oracle over many inputs of any kind; `DINLOCK_INPUTS` says how many.

use oracles::chance::inputs;
use oracles::guardian::{holds, seeds};

#[test]
fn the_core_holds_over_many_inputs() {
    let count = std::env::var("DINLOCK_INPUTS").ok().and_then(|text| text.parse().ok()).unwrap_or(20_000);
    inputs(seeds(), 77, count).for_each(|input| holds(&input));
}
