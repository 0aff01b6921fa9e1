//! uplink-listener, taken over.

use attempt::EPERM;
use breakout::table::Outcome::{Refused, Works};
use breakout::table::check;

#[test]
fn a_listener_that_is_taken_over_reads_nothing_and_gets_nowhere() {
    // Not one way into a connection, nor to free the number 3.
    check(
        "uplink-listener",
        &[
            ("connection-sendmsg", Works), // descriptors are sent so; a filter can't tell the sockets apart: THREATS
            ("other-aborted", Refused(EPERM)),
        ],
    );
}
