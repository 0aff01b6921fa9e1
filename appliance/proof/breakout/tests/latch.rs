//! The latch, taken over.

use attempt::EPERM;
use breakout::table::Outcome::{Refused, Works};
use breakout::table::check;

#[test]
fn a_latch_that_is_taken_over_writes_its_two_files_and_no_more() {
    check(
        "latch",
        &[
            // A connection that somebody hands it; nobody does.
            ("connection-read", Works),
            ("connection-write", Works),
            ("other-aborted", Refused(EPERM)),
            ("three-freed", Works),
        ],
    );
}
