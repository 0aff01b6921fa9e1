//! The guardian, taken over.

use attempt::{ENETUNREACH, EPERM};
use breakout::table::Outcome::{Refused, Works};
use breakout::table::check;

#[test]
fn a_guardian_that_is_taken_over_has_its_zones_and_its_kills_and_gets_no_further() {
    check(
        "guardian",
        &[
            // A connection that somebody hands it; nobody does.
            ("connection-read", Works),
            ("connection-recvfrom", Works), // the kernel's answers come so
            ("connection-recvmsg", Works),
            ("connection-write", Works),
            ("connection-sendmsg", Works),
            ("sendmsg-udp", Refused(ENETUNREACH)), // its own namespace is empty
            ("other-aborted", Refused(EPERM)),
            ("three-freed", Works),
        ],
    );
}
