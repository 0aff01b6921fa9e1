//! What still holds where a worker had no filter and no Landlock at all: its user, its namespaces, and
//! that nobody is dumpable.

use attempt::{EACCES, ENETUNREACH, EPERM};
use breakout::table::Outcome::Refused;
use breakout::table::check_these;

#[test]
fn a_worker_without_a_filter_gets_at_no_other_process_file_or_network() {
    check_these(
        "stranger",
        &[
            ("other-memory-by-file", Refused(EACCES)),
            ("other-memory-by-call", Refused(EPERM)),
            ("other-traced", Refused(EPERM)),
            ("other-descriptor", Refused(EPERM)),
            ("other-signalled", Refused(EPERM)),
            ("other-aborted", Refused(EPERM)),
            ("other-killed-by-descriptor", Refused(EPERM)),
            ("session-killed", Refused(EACCES)),
            ("cgroup-left", Refused(EACCES)),
            ("open-data", Refused(EACCES)),
            ("connect-tcp", Refused(ENETUNREACH)),
            ("sendto-udp", Refused(ENETUNREACH)),
            ("socket-packet", Refused(EPERM)),
            ("mount", Refused(EPERM)),
            ("unmount", Refused(EPERM)),
            ("chroot", Refused(EPERM)),
            ("setns", Refused(EPERM)),
            ("unshare-network", Refused(EPERM)),
            ("become-root", Refused(EPERM)),
            ("become-vault", Refused(EPERM)),
            ("bpf", Refused(EPERM)),
        ],
    );
}
