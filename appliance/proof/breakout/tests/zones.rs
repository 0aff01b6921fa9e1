//! zones, taken over: what it has open, and nothing else.

use attempt::EPERM;
use breakout::table::Outcome::{Refused, Works};
use breakout::table::check;

#[test]
fn zones_that_is_taken_over_has_its_open_sockets_and_settings_and_no_more() {
    check(
        "zones",
        &[
            // A connection that somebody hands it; nobody does.
            ("connection-read", Works),
            ("connection-recvfrom", Works),
            ("connection-write", Works), // under the number of `ready`, which nobody gave it here
            ("other-aborted", Refused(EPERM)),
            ("three-freed", Works),
        ],
    );
}
