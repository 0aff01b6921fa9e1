//! For the one process that others' load must not delay.

use crate::check;
use std::io;

/// Keeps all of this process's memory, now and later, where no swapping reaches it.
///
/// # Errors
/// The kernel's, above the limit of locked memory.
pub fn stay_in_memory() -> io::Result<()> {
    // SAFETY: takes integers only.
    check(unsafe { libc::mlockall(libc::MCL_CURRENT | libc::MCL_FUTURE) }).map(|_| ())
}

/// Runs this process before all that is not real-time (SCHED_FIFO, the lowest of its priorities).
/// Children do not inherit it. False where the system's cgroups leave it no real time: it then runs before
/// everything of the usual kind (nice -20).
///
/// # Errors
/// The kernel's, where neither is permitted.
pub fn go_first() -> io::Result<bool> {
    let parameters = libc::sched_param { sched_priority: 1 };
    // SAFETY: `parameters` is valid for the call.
    let real_time = unsafe { libc::sched_setscheduler(0, libc::SCHED_FIFO | libc::SCHED_RESET_ON_FORK, &raw const parameters) };
    if real_time == 0 {
        return Ok(true);
    }
    // SAFETY: takes integers only.
    check(unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, -20) })?;
    Ok(false)
}
