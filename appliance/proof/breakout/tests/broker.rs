//! broker, taken over.

use attempt::{ENETUNREACH, EPERM};
use breakout::table::Outcome::{Refused, Works};
use breakout::table::check;

#[test]
fn a_broker_that_is_taken_over_decides_and_does_no_more() {
    check(
        "broker",
        &[
            ("sendmsg-udp", Refused(ENETUNREACH)), // a filter can't see the address; the socket has no network
            ("other-aborted", Refused(EPERM)),
            ("make-memory-file", Works), // its trade: the plant as a sealed document; never to be run
            // A connection that it kept a handover end for: THREATS.
            ("connection-read", Works),
            ("connection-recvmsg", Works),
            ("connection-write", Works),
            ("connection-sendmsg", Works),
            ("connection-mapped", Works),
            ("three-freed", Works),
        ],
    );
}
