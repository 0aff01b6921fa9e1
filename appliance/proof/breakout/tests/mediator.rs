//! mediator, taken over.

use attempt::{ENETUNREACH, EPERM};
use breakout::table::Outcome::{Refused, Works};
use breakout::table::check;

#[test]
fn a_mediator_that_is_taken_over_gets_nowhere() {
    check(
        "mediator",
        &[
            ("sendmsg-udp", Refused(ENETUNREACH)), // a filter can't see the address; the socket has no network
            ("other-aborted", Refused(EPERM)),     // it may abort itself alone
            // What another process hands it, it can use: no more than bytes on its streams.
            ("connection-read", Works),
            ("connection-recvmsg", Works),
            ("connection-write", Works),
            ("connection-sendmsg", Works),
            ("connection-mapped", Works),
            ("three-freed", Works),
        ],
    );
}
