//! console, taken over.

use attempt::EPERM;
use breakout::table::Outcome::{Refused, Works};
use breakout::table::check;

#[test]
fn a_console_that_is_taken_over_shows_what_it_likes_and_does_no_more() {
    check(
        "console",
        &[
            ("other-aborted", Refused(EPERM)),
            // No connection ever comes its way.
            ("connection-sendmsg", Works),
            ("three-freed", Works),
        ],
    );
}
