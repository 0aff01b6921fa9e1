//! launcher, taken over: still root, and still no more than one who starts workers.

use attempt::{EACCES, ENETUNREACH, EPERM};
use breakout::table::Outcome::{Refused, Works};
use breakout::table::check;

#[test]
fn a_launcher_that_is_taken_over_starts_workers_and_does_no_more() {
    check(
        "taken-launcher",
        &[
            // Its trade: forks, workers' code, their ends, their cgroups.
            ("fork", Works),
            ("map-code", Works),
            ("other-opened", Works),
            ("session-killed", Works),
            ("connection-fcntl-copy", Works),
            ("socket-routes", Works), // a worker looks at its interfaces
            // Landlock, for it and all that it starts.
            ("open-passwd", Refused(EACCES)),
            ("open-data", Refused(EACCES)),
            ("make-folder", Refused(EACCES)),
            ("foreign-cgroup-killed", Refused(EACCES)),
            ("cgroup-left", Refused(EACCES)),
            ("bind-tcp", Refused(EACCES)),
            ("mount", Refused(EPERM)),
            ("other-aborted", Refused(EPERM)), // one of root's, like itself
            // No CAP_SYS_PTRACE, and nobody is dumpable.
            ("other-memory-by-file", Refused(EACCES)),
            ("sendmsg-udp", Refused(ENETUNREACH)),
            ("stat-passwd", Works),         // Landlock knows no right to look at a name: THREATS
            ("execute-memory-file", Works), // if a taken-over broker hands it one: THREATS
            // A connection that somebody hands it; nobody does.
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
