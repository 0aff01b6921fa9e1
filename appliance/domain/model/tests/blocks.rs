//! Claims: a block keeps out whom it names and nobody else, and no clock that jumps lifts it early.

#[allow(dead_code, reason = "the others use more of it")]
mod common;

use codec::Text;
use common::person;
use model::{Block, PersonId, Scope, TargetId};

const WALL: i64 = 1_790_000_000_000;
const BOOT: u64 = 5_000_000;
const HOUR: i64 = 3_600_000;

fn target(id: &str) -> TargetId {
    TargetId::parse(id).unwrap()
}

fn block(until_ms: Option<i64>) -> Block {
    let (by, why) = (Text::cut("anna"), Text::cut("shift"));
    Block { id: 1, scope: Scope::All, until_ms, made_ms: WALL, made_boot_ms: BOOT, by, why }
}

#[test]
fn a_block_keeps_out_whom_it_names_and_nobody_else() {
    let (mut vera, mut otto) = (person("vera", &[]), person("otto", &[]));
    (vera.employer, otto.employer) = (Text::cut("ACME"), Text::cut("The Plant"));
    let covers = |scope: &Scope| {
        let pairs = [(&vera, "plc-gw"), (&vera, "hmi"), (&otto, "plc-gw"), (&otto, "hmi")];
        pairs.map(|(who, to)| scope.covers(who, &target(to)))
    };
    assert_eq!(covers(&Scope::Person { person: PersonId::parse("vera").unwrap() }), [true, true, false, false]);
    assert_eq!(covers(&Scope::Employer { employer: Text::cut("ACME") }), [true, true, false, false]);
    assert_eq!(covers(&Scope::Employer { employer: Text::cut("acme") }), [false; 4], "as the plant file writes it");
    assert_eq!(covers(&Scope::Target { target: target("hmi") }), [false, true, false, true]);
    assert_eq!(covers(&Scope::All), [true; 4]);
}

#[test]
fn it_ends_at_its_time_and_without_one_never() {
    let four = block(Some(WALL + 4 * HOUR));
    let after = |ms: i64| (WALL + ms, BOOT + ms.unsigned_abs());
    let over = |block: &Block, (wall, boot): (i64, u64)| block.over(wall, boot);
    assert!(!over(&four, after(0)) && !over(&four, after(4 * HOUR - 1)));
    assert!(over(&four, after(4 * HOUR)));
    assert!(!over(&block(None), after(1_000_000 * HOUR)));
}

#[test]
fn a_clock_that_jumps_does_not_lift_it_early() {
    let four = block(Some(WALL + 4 * HOUR));
    assert!(!four.over(WALL + 400 * HOUR, BOOT + 60_000), "ahead");
    assert!(!four.over(WALL - 400 * HOUR, BOOT + 5 * HOUR.unsigned_abs()), "back: wall time has to come too");
    assert!(four.over(WALL + 4 * HOUR, 60_000), "in the next boot wall time alone can say it");
    assert!(!four.over(WALL + 4 * HOUR - 1, 60_000));
}
