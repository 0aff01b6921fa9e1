//! Starting, ending and disarming processes.

mod rights;
mod spawn;
mod starter;
mod urgency;

pub use rights::{
    LAST_CAPABILITY, Resource, capabilities, clear_environment, drop_all_capabilities, keep_capabilities, set_dumpable, set_limit,
    set_no_new_privs, threads, user_ids,
};
pub use spawn::{Executable, Spawn, Spawned, spawn};
pub use starter::{Start, start};
pub use urgency::{go_first, stay_in_memory};

use crate::check;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// By itself, with this code.
    Exited(i32),
    /// By this signal.
    Killed(i32),
}

impl Status {
    fn from_raw(raw: i32) -> Self {
        if libc::WIFSIGNALED(raw) {
            Self::Killed(libc::WTERMSIG(raw))
        } else {
            Self::Exited(libc::WEXITSTATUS(raw))
        }
    }
}

/// The children that have ended since the last call, each with how. Never waits.
///
/// # Errors
/// None; having no child at all is an empty list.
pub fn reap() -> io::Result<Vec<(i32, Status)>> {
    let mut ended = Vec::new();
    loop {
        let mut raw = 0;
        // SAFETY: `raw` is valid for the call.
        match check(unsafe { libc::waitpid(-1, &raw mut raw, libc::WNOHANG) }) {
            Ok(0) => return Ok(ended),
            Ok(pid) => ended.push((pid, Status::from_raw(raw))),
            Err(error) if error.raw_os_error() == Some(libc::ECHILD) => return Ok(ended),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Waits for one child.
///
/// # Errors
/// ECHILD if it is not ours, or already reaped.
pub fn wait(pid: i32) -> io::Result<Status> {
    loop {
        let mut raw = 0;
        // SAFETY: `raw` is valid for the call.
        match check(unsafe { libc::waitpid(pid, &raw mut raw, 0) }) {
            Ok(_) => return Ok(Status::from_raw(raw)),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Sends `number` (such as `libc`'s SIGKILL, 9) to exactly the process behind `pidfd`.
///
/// # Errors
/// ESRCH if it has ended.
pub fn signal(pidfd: BorrowedFd<'_>, number: i32) -> io::Result<()> {
    // SAFETY: takes integers and a null siginfo.
    let result = unsafe {
        libc::syscall(
            libc::SYS_pidfd_send_signal,
            pidfd.as_raw_fd(),
            number,
            std::ptr::null::<libc::siginfo_t>(),
            0,
        )
    };
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
