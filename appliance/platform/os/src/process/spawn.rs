//! fork and exec of one fixed executable, disarmed before its first instruction.

use super::rights::raw_keep;
use super::{Resource, wait};
use crate::check;
use std::ffi::CString;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// What is executed.
#[derive(Debug, Clone, Copy)]
pub enum Executable<'a> {
    /// An absolute path, looked up by the child with its new, small rights.
    Path(&'a Path),
    /// An opened file: nothing can swap it between check and start, and no directory on the way to
    /// it has to be open to the child.
    File(BorrowedFd<'a>),
}

/// One process to start. Its environment is empty, its directory `/`, its umask 077; it has
/// no-new-privileges and no capability.
#[derive(Debug)]
pub struct Spawn<'a> {
    /// What is executed.
    pub executable: Executable<'a>,
    /// Name and arguments as the process sees them; the first is `argv[0]`.
    pub arguments: &'a [&'a str],
    /// Descriptors and the numbers that the child has them under. 0, 1 and 2 are ours unless
    /// listed; every other one is closed.
    pub fds: Vec<(OwnedFd, i32)>,
    /// User of the child.
    pub uid: u32,
    /// Only group of the child.
    pub gid: u32,
    /// Opened `cgroup.procs` files that the child enters before anything else.
    pub cgroup_procs: Vec<BorrowedFd<'a>>,
    /// New, empty network, IPC and host-name namespaces, and a private copy of the mounts.
    pub namespaces: bool,
    /// Hard and soft limits.
    pub limits: Vec<(Resource, u64)>,
    /// Signal that the child gets if the thread that started it ends.
    pub parent_death_signal: Option<i32>,
}

/// A started child. Dropping it ends nothing.
#[derive(Debug)]
pub struct Spawned {
    /// Its process number, ours to reap.
    pub pid: i32,
    /// The process itself: never mistaken for a later one of the same number; readable when it ends.
    pub pidfd: OwnedFd,
}

/// The steps of the child, in order: what a failure is reported as.
const STEPS: [&str; 11] = [
    "enter its cgroup",
    "get its own namespaces",
    "make its mounts private",
    "place its descriptors",
    "set its limits",
    "drop its groups",
    "change its user",
    "drop its capabilities",
    "refuse new privileges",
    "outlive its parent",
    "execute the file",
];

/// Everything the child needs, prepared before the fork: it must not allocate.
struct Plan {
    path: Option<CString>,
    file: RawFd,
    arguments: Vec<*const libc::c_char>,
    /// (source, number): sources are all above every number.
    fds: Vec<(RawFd, RawFd)>,
    cgroups: Vec<RawFd>,
    limits: Vec<(libc::c_uint, libc::rlimit)>,
    report: RawFd,
    uid: u32,
    gid: u32,
    namespaces: bool,
    parent_death_signal: Option<i32>,
    parent: i32,
}

/// Starts a process and returns once the new executable runs.
///
/// # Errors
/// Names the step that failed; nothing is left running. `InvalidInput` for a relative path, a
/// number used twice or an argument with a NUL.
pub fn spawn(spawn: Spawn<'_>) -> io::Result<Spawned> {
    let arguments: Vec<CString> =
        spawn.arguments.iter().map(|text| CString::new(*text)).collect::<Result<_, _>>()?;
    let mut numbers: Vec<i32> = spawn.fds.iter().map(|(_, number)| *number).collect();
    numbers.sort_unstable();
    if arguments.is_empty() || numbers.windows(2).any(|two| two[0] == two[1]) {
        return Err(invalid("a process needs a name, and each descriptor number once"));
    }
    let floor = numbers.last().map_or(3, |last| last.saturating_add(1).max(3));
    let lift = |fd: RawFd| -> io::Result<OwnedFd> {
        // SAFETY: takes integers only.
        crate::owned(unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, floor) })
    };
    let mut ends: [RawFd; 2] = [-1; 2];
    // SAFETY: `ends` is valid for two numbers.
    check(unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) })?;
    // SAFETY: just made.
    let (reader, writer) =
        unsafe { (File::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1])) };
    let report = lift(writer.as_raw_fd())?;
    drop(writer);
    let mut held = Vec::new();
    for (fd, number) in &spawn.fds {
        held.push((lift(fd.as_raw_fd())?, *number));
    }
    let (path, file) = match spawn.executable {
        Executable::Path(path) if path.is_absolute() => {
            (Some(CString::new(path.as_os_str().as_bytes())?), None)
        }
        Executable::Path(_) => return Err(invalid("the executable needs an absolute path")),
        Executable::File(fd) => (None, Some(lift(fd.as_raw_fd())?)),
    };
    let mut pointers: Vec<_> = arguments.iter().map(|text| text.as_ptr()).collect();
    pointers.push(std::ptr::null());
    let plan = Plan {
        path,
        file: file.as_ref().map_or(-1, AsRawFd::as_raw_fd),
        arguments: pointers,
        fds: held.iter().map(|(fd, number)| (fd.as_raw_fd(), *number)).collect(),
        cgroups: spawn.cgroup_procs.iter().map(AsRawFd::as_raw_fd).collect(),
        limits: spawn
            .limits
            .iter()
            .map(|(what, value)| {
                (what.number(), libc::rlimit { rlim_cur: *value, rlim_max: *value })
            })
            .collect(),
        report: report.as_raw_fd(),
        uid: spawn.uid,
        gid: spawn.gid,
        namespaces: spawn.namespaces,
        parent_death_signal: spawn.parent_death_signal,
        // SAFETY: no arguments.
        parent: unsafe { libc::getpid() },
    };
    // SAFETY: the child runs `child` only, which makes async-signal-safe calls and never returns.
    let pid = check(unsafe { libc::fork() })?;
    if pid == 0 {
        child(&plan);
    }
    drop(report);
    finish(pid, reader)
}

/// Waits for the report of the child: silence means that the executable runs.
fn finish(pid: i32, mut reader: File) -> io::Result<Spawned> {
    let mut report = Vec::new();
    let read = reader.read_to_end(&mut report);
    if read.is_ok() && report.is_empty() {
        // SAFETY: takes integers only; the child is not reaped yet, so the number is still its own.
        let opened = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
        let number = i32::try_from(opened).expect("a descriptor number");
        return Ok(Spawned { pid, pidfd: crate::owned(number)? });
    }
    wait(pid)?;
    read?;
    let Ok([step, rest @ ..]) = <[u8; 5]>::try_from(report.as_slice()) else {
        return Err(io::Error::other("the child died while it was being set up"));
    };
    let error = io::Error::from_raw_os_error(i32::from_ne_bytes(rest));
    let step = STEPS.get(usize::from(step)).copied().unwrap_or("start");
    Err(io::Error::new(error.kind(), format!("the child could not {step}: {error}")))
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, what)
}

/// The child's side. No allocation, no lock, no panic from here on.
fn child(plan: &Plan) -> ! {
    let step = child_steps(plan);
    // SAFETY: plain system calls on our own buffer; `_exit` runs no handlers of the parent.
    unsafe {
        let code = (*libc::__errno_location()).to_ne_bytes();
        let report = [step, code[0], code[1], code[2], code[3]];
        libc::write(plan.report, report.as_ptr().cast(), report.len());
        libc::_exit(127)
    }
}

/// Does all steps and execs; returns the number of the step that failed, errno says why.
fn child_steps(plan: &Plan) -> u8 {
    // SAFETY: system calls only, on values that were prepared before the fork. The raw numbers of
    // setgroups and set*id are used since glibc's functions talk to the other threads of the parent.
    unsafe {
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut());
        libc::signal(libc::SIGPIPE, libc::SIG_DFL);
        // A part goes before its workers. One whose own rank is lower can't raise theirs: they have its own.
        libc::setpriority(libc::PRIO_PROCESS, 0, 0);
        for cgroup in &plan.cgroups {
            if libc::write(*cgroup, c"0".as_ptr().cast(), 1) != 1 {
                return 0;
            }
        }
        if plan.namespaces {
            let all = libc::CLONE_NEWNET
                | libc::CLONE_NEWIPC
                | libc::CLONE_NEWUTS
                | libc::CLONE_NEWNS;
            if libc::unshare(all) == -1 {
                return 1;
            }
            let flags = libc::MS_REC | libc::MS_PRIVATE;
            let nothing = std::ptr::null();
            // A parent under Landlock may not change mounts at all (EPERM); then its children may not
            // either, and hearing of the host's later mounts gives them nothing.
            if libc::mount(nothing, c"/".as_ptr(), nothing, flags, std::ptr::null()) == -1
                && *libc::__errno_location() != libc::EPERM
            {
                return 2;
            }
        }
        // All above 2 close at exec; dup2 makes the listed ones stay. Sources lie above all numbers.
        if libc::syscall(libc::SYS_close_range, 3, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) == -1 {
            return 3;
        }
        for (source, number) in &plan.fds {
            if libc::dup2(*source, *number) == -1 {
                return 3;
            }
        }
        libc::umask(0o077);
        if libc::chdir(c"/".as_ptr()) == -1 {
            return 3;
        }
        for (resource, limit) in &plan.limits {
            if libc::setrlimit(*resource, limit) == -1 {
                return 4;
            }
        }
        rights_and_exec(plan)
    }
}

/// The second half of [`child_steps`].
///
/// # Safety
/// Only between fork and exec: it changes the rights of the whole process.
unsafe fn rights_and_exec(plan: &Plan) -> u8 {
    // SAFETY: as in `child_steps`.
    unsafe {
        if libc::syscall(libc::SYS_setgroups, 0, std::ptr::null::<libc::gid_t>()) == -1 {
            return 5;
        }
        // The bounding set can be emptied only while the capabilities are still there.
        for capability in 0..=super::LAST_CAPABILITY {
            libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0);
        }
        let (uid, gid) = (plan.uid, plan.gid);
        if libc::syscall(libc::SYS_setresgid, gid, gid, gid) == -1
            || libc::syscall(libc::SYS_setresuid, uid, uid, uid) == -1
        {
            return 6;
        }
        if raw_keep(0) == -1 {
            return 7;
        }
        if libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1 {
            return 8;
        }
        if let Some(signal) = plan.parent_death_signal {
            // After the change of user, which clears it. The parent may have died before.
            if libc::prctl(libc::PR_SET_PDEATHSIG, signal, 0, 0, 0) == -1 {
                return 9;
            }
            if libc::getppid() != plan.parent {
                *libc::__errno_location() = libc::ESRCH;
                return 9;
            }
        }
        let environment = [std::ptr::null::<libc::c_char>()];
        match &plan.path {
            Some(path) => {
                libc::execve(path.as_ptr(), plan.arguments.as_ptr(), environment.as_ptr());
            }
            None => {
                libc::syscall(
                    libc::SYS_execveat,
                    plan.file,
                    c"".as_ptr(),
                    plan.arguments.as_ptr(),
                    environment.as_ptr(),
                    libc::AT_EMPTY_PATH,
                );
            }
        }
        10
    }
}
