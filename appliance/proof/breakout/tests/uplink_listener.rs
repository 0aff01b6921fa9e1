//! uplink-listener, taken over.

use attempt::EPERM;
use breakout::table::Outcome::Refused;
use breakout::table::check;

#[test]
fn a_listener_that_is_taken_over_reads_nothing_and_gets_nowhere() {
    // Not one way into a connection, nor to free the number 3.
    check("uplink-listener", &[("other-aborted", Refused(EPERM))]);
}
