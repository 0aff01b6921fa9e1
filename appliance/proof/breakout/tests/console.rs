//! console, taken over.

use attempt::{ENETUNREACH, EPERM};
use breakout::table::Outcome::{Refused, Works};
use breakout::table::check;

#[test]
fn a_console_that_is_taken_over_shows_what_it_likes_and_does_no_more() {
    check(
        "console",
        &[
            ("sendmsg-udp", Refused(ENETUNREACH)), // a filter can't see the address; the socket has no network
            ("other-aborted", Refused(EPERM)),
            // No connection ever comes its way.
            ("connection-mapped", Works),
            ("connection-sendmsg", Works),
            ("three-freed", Works),
        ],
    );
}
