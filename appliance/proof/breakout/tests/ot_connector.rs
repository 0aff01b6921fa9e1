//! ot-connector, taken over.

use attempt::EPERM;
use breakout::table::Outcome::{Refused, Works};
use breakout::table::check;

#[test]
fn a_connector_that_is_taken_over_reads_nothing_and_gets_nowhere() {
    check(
        "ot-connector",
        &[
            ("socket-tcp", Works),  // its trade
            ("socket-tcp6", Works), // its trade
            ("connect-tcp", Works), // its trade, in its own zone
            ("connection-sendmsg", Works), // descriptors are sent so; a filter can't tell the sockets apart: THREATS
            ("connect-path", Works), // with a Unix socket, which it can't make and nobody hands it
            ("connect-abstract", Refused(EPERM)),
            ("other-aborted", Refused(EPERM)),
        ],
    );
}
