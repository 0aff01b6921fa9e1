//! front-ssh, taken over.

use attempt::ENETUNREACH;
use breakout::table::Outcome::{Refused, Works};
use breakout::table::check;

#[test]
fn a_front_that_is_taken_over_gets_nowhere() {
    check(
        "front-ssh",
        &[
            ("sendmsg-udp", Refused(ENETUNREACH)), // a filter can't see the address; the socket has no network
            ("other-aborted", Refused(attempt::EPERM)), // it may abort itself alone
            // Its own connection is its trade.
            ("connection-read", Works),
            ("connection-readv", Works),
            ("connection-recvfrom", Works),
            ("connection-recvmsg", Works),
            ("connection-write", Works),
            ("connection-sendmsg", Works),
            ("connection-mapped", Works),
            ("connection-zero-copy", Works),
            ("three-freed", Works),
        ],
    );
}
