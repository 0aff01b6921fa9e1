//! Starting the box's long-lived parts where no service manager does: the demo and the tests.
//!
//! Unlike `spawn`, the child keeps its starter's rights unless `uid` is given: zones and launcher
//! need them, and drop the rest by themselves.

use crate::check;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// The `nice` value of the box's long-lived parts; workers have 0.
const PART_RANK: i32 = -10;

/// One long-lived part to start.
#[derive(Debug)]
pub struct Start<'a> {
    /// Its executable.
    pub executable: &'a Path,
    /// Its arguments, without its name.
    pub arguments: &'a [String],
    /// Descriptors and the numbers that the child has them under, each 3 or above.
    pub fds: Vec<(OwnedFd, i32)>,
    /// The zone: an opened network namespace.
    pub network: BorrowedFd<'a>,
    /// User and only group, or the starter's own.
    pub uid: Option<u32>,
    /// Where its standard error goes.
    pub log: File,
}

/// Starts it.
///
/// # Errors
/// The system's, from the child too.
pub fn start(start: Start<'_>) -> io::Result<Child> {
    let floor = start.fds.iter().map(|(_, number)| *number).max().unwrap_or(2) + 1;
    let mut lifted: Vec<(OwnedFd, RawFd)> = Vec::new();
    for (fd, number) in &start.fds {
        // SAFETY: takes integers only; a new descriptor is ours alone.
        let copy = check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_DUPFD_CLOEXEC, floor) })?;
        // SAFETY: `copy` was made above and has no other owner.
        lifted.push((unsafe { OwnedFd::from_raw_fd(copy) }, *number));
    }
    let plan: Vec<(RawFd, RawFd)> = lifted.iter().map(|(fd, number)| (fd.as_raw_fd(), *number)).collect();
    let network = start.network.as_raw_fd();
    let mut command = Command::new(start.executable);
    command
        .args(start.arguments)
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(start.log.try_clone()?)
        .stderr(start.log)
        .process_group(0);
    let uid = start.uid;
    let settle = move || -> io::Result<()> {
        // SAFETY: takes integers only.
        check(unsafe { libc::setns(network, libc::CLONE_NEWNET) })?;
        // What the starter inherited itself is nothing for its children: one may take it for a descriptor that
        // may be missing.
        let (first, last, flags) = (3 as libc::c_uint, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC);
        // SAFETY: takes integers only; nothing is closed here.
        let marked = unsafe { libc::syscall(libc::SYS_close_range, first, last, flags) };
        if marked == -1 {
            return Err(io::Error::last_os_error());
        }
        // Before all workers: whoever decides, keeps and starts must not be called late because sessions keep the
        // processors busy. Without the right to, it has its starter's rank.
        // SAFETY: takes integers only.
        unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, PART_RANK) };
        for (from, to) in &plan {
            // SAFETY: takes integers only; `from` lies above every `to`.
            check(unsafe { libc::dup2(*from, *to) })?;
        }
        // The namespace came first: entering it needs root. Then the user, for good.
        if let Some(uid) = uid {
            // SAFETY: no list is read for a count of 0.
            check(unsafe { libc::setgroups(0, std::ptr::null()) })?;
            // SAFETY: takes integers only.
            check(unsafe { libc::setresgid(uid, uid, uid) })?;
            // SAFETY: takes integers only.
            check(unsafe { libc::setresuid(uid, uid, uid) })?;
        }
        Ok(())
    };
    // SAFETY: `settle` only makes system calls; it neither allocates nor takes locks.
    unsafe { command.pre_exec(settle) };
    command.spawn()
}
