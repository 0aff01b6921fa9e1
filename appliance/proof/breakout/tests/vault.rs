//! vault, taken over.

use attempt::{EACCES, ENETUNREACH, ENOSYS, EPERM};
use breakout::table::Outcome::{Refused, Works};
use breakout::table::check;

#[test]
fn a_vault_that_is_taken_over_has_its_data_and_no_more() {
    check(
        "vault",
        &[
            ("open-data", Works), // its trade
            ("thread", Works),    // its trade
            ("make-memory-file", Works), // its trade: documents; never to be run
            // The filter lets it open and make files: Landlock says which.
            ("open-passwd", Refused(EACCES)),
            ("make-folder", Refused(EACCES)),
            ("other-memory-by-file", Refused(EACCES)),
            ("session-killed", Refused(EACCES)),
            ("foreign-cgroup-killed", Refused(EACCES)),
            ("cgroup-left", Refused(EACCES)),
            ("stat-passwd", Works), // Landlock knows no right to look at a name: THREATS
            // Its datagram socket for journald.
            ("sendto-udp", Refused(ENETUNREACH)),
            ("sendmsg-udp", Refused(ENETUNREACH)),
            ("sendto-abstract", Refused(EPERM)),
            ("sendto-path", Works), // any datagram socket on the disk that lets its user: THREATS
            ("clone3-users", Refused(ENOSYS)),
            ("other-aborted", Refused(EPERM)),
            // No connection ever comes its way.
            ("connection-read", Works),
            ("connection-recvmsg", Works),
            ("connection-write", Works),
            ("connection-sendmsg", Works),
            ("connection-mapped", Works),
            ("three-freed", Works),
        ],
    );
}
