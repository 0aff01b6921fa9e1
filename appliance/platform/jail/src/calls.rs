//! Names to numbers: the system calls, error codes, capabilities and constants that policies use.

/// Whether a system call of this name exists, and its number on this architecture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    /// It is here.
    Number(i64),
    /// Another architecture has it; nothing to allow here.
    Elsewhere,
}

macro_rules! table {
    ($($name:literal $value:ident,)*) => { &[$(($name, libc::$value as i64),)*] };
}

/// System calls that both of our architectures have.
const COMMON: &[(&str, i64)] = table! {
    "read" SYS_read, "write" SYS_write, "readv" SYS_readv, "writev" SYS_writev,
    "pread64" SYS_pread64, "pwrite64" SYS_pwrite64, "preadv" SYS_preadv, "pwritev" SYS_pwritev,
    "close" SYS_close, "close_range" SYS_close_range, "lseek" SYS_lseek,
    "ftruncate" SYS_ftruncate, "fallocate" SYS_fallocate, "fsync" SYS_fsync,
    "fdatasync" SYS_fdatasync, "sync_file_range" SYS_sync_file_range, "openat" SYS_openat,
    "newfstatat" SYS_newfstatat, "fstat" SYS_fstat, "statx" SYS_statx, "faccessat" SYS_faccessat,
    "faccessat2" SYS_faccessat2, "getdents64" SYS_getdents64, "unlinkat" SYS_unlinkat,
    "mkdirat" SYS_mkdirat, "renameat" SYS_renameat, "renameat2" SYS_renameat2,
    "linkat" SYS_linkat, "readlinkat" SYS_readlinkat, "fchmod" SYS_fchmod,
    "fchmodat" SYS_fchmodat, "fchown" SYS_fchown, "fchownat" SYS_fchownat, "flock" SYS_flock,
    "utimensat" SYS_utimensat, "getcwd" SYS_getcwd, "chdir" SYS_chdir, "fchdir" SYS_fchdir,
    "statfs" SYS_statfs, "fstatfs" SYS_fstatfs, "recvfrom" SYS_recvfrom, "sendto" SYS_sendto,
    "recvmsg" SYS_recvmsg, "sendmsg" SYS_sendmsg, "recvmmsg" SYS_recvmmsg,
    "sendmmsg" SYS_sendmmsg, "shutdown" SYS_shutdown, "socket" SYS_socket,
    "socketpair" SYS_socketpair, "connect" SYS_connect, "bind" SYS_bind, "listen" SYS_listen,
    "accept" SYS_accept, "accept4" SYS_accept4, "getsockopt" SYS_getsockopt,
    "setsockopt" SYS_setsockopt, "getpeername" SYS_getpeername, "getsockname" SYS_getsockname,
    "epoll_create1" SYS_epoll_create1, "epoll_ctl" SYS_epoll_ctl, "epoll_pwait" SYS_epoll_pwait,
    "epoll_pwait2" SYS_epoll_pwait2, "ppoll" SYS_ppoll, "pselect6" SYS_pselect6,
    "eventfd2" SYS_eventfd2, "timerfd_create" SYS_timerfd_create,
    "timerfd_settime" SYS_timerfd_settime, "timerfd_gettime" SYS_timerfd_gettime,
    "signalfd4" SYS_signalfd4, "pipe2" SYS_pipe2, "dup" SYS_dup, "dup3" SYS_dup3,
    "futex" SYS_futex, "mmap" SYS_mmap, "munmap" SYS_munmap, "mremap" SYS_mremap,
    "madvise" SYS_madvise, "brk" SYS_brk, "mprotect" SYS_mprotect, "mlock" SYS_mlock,
    "mlock2" SYS_mlock2, "munlock" SYS_munlock, "msync" SYS_msync,
    "memfd_create" SYS_memfd_create, "getrandom" SYS_getrandom, "clock_gettime" SYS_clock_gettime,
    "clock_getres" SYS_clock_getres, "clock_nanosleep" SYS_clock_nanosleep,
    "nanosleep" SYS_nanosleep, "gettimeofday" SYS_gettimeofday, "sched_yield" SYS_sched_yield,
    "sched_getaffinity" SYS_sched_getaffinity, "sched_setscheduler" SYS_sched_setscheduler,
    "sched_setattr" SYS_sched_setattr, "rt_sigreturn" SYS_rt_sigreturn,
    "rt_sigprocmask" SYS_rt_sigprocmask, "rt_sigaction" SYS_rt_sigaction,
    "rt_sigtimedwait" SYS_rt_sigtimedwait, "sigaltstack" SYS_sigaltstack, "exit" SYS_exit,
    "exit_group" SYS_exit_group, "getpid" SYS_getpid, "getppid" SYS_getppid, "gettid" SYS_gettid,
    "getuid" SYS_getuid, "geteuid" SYS_geteuid, "getgid" SYS_getgid, "getegid" SYS_getegid,
    "tgkill" SYS_tgkill, "kill" SYS_kill, "restart_syscall" SYS_restart_syscall, "rseq" SYS_rseq,
    "set_robust_list" SYS_set_robust_list, "get_robust_list" SYS_get_robust_list,
    "set_tid_address" SYS_set_tid_address, "fcntl" SYS_fcntl, "ioctl" SYS_ioctl,
    "prctl" SYS_prctl, "prlimit64" SYS_prlimit64, "membarrier" SYS_membarrier, "clone" SYS_clone,
    "clone3" SYS_clone3, "execve" SYS_execve, "execveat" SYS_execveat, "wait4" SYS_wait4,
    "waitid" SYS_waitid, "pidfd_open" SYS_pidfd_open, "pidfd_send_signal" SYS_pidfd_send_signal,
    "unshare" SYS_unshare, "setns" SYS_setns, "mount" SYS_mount, "umount2" SYS_umount2,
    "setgroups" SYS_setgroups, "getresuid" SYS_getresuid, "getresgid" SYS_getresgid,
    "getgroups" SYS_getgroups, "setpriority" SYS_setpriority, "setresuid" SYS_setresuid, "setresgid" SYS_setresgid,
    "capget" SYS_capget, "capset" SYS_capset, "umask" SYS_umask, "uname" SYS_uname,
    "sysinfo" SYS_sysinfo, "getrusage" SYS_getrusage, "reboot" SYS_reboot, "sync" SYS_sync,
    "splice" SYS_splice, "tee" SYS_tee, "sendfile" SYS_sendfile, "ptrace" SYS_ptrace,
    "seccomp" SYS_seccomp, "landlock_create_ruleset" SYS_landlock_create_ruleset,
    "landlock_add_rule" SYS_landlock_add_rule,
    "landlock_restrict_self" SYS_landlock_restrict_self, "fsetxattr" SYS_fsetxattr,
};

/// System calls that only x86-64 has.
#[cfg(target_arch = "x86_64")]
const X86_ONLY: &[(&str, i64)] = table! {
    "epoll_wait" SYS_epoll_wait, "poll" SYS_poll, "select" SYS_select, "open" SYS_open,
    "stat" SYS_stat, "lstat" SYS_lstat, "access" SYS_access, "unlink" SYS_unlink,
    "mkdir" SYS_mkdir, "rename" SYS_rename, "readlink" SYS_readlink, "rmdir" SYS_rmdir,
    "pipe" SYS_pipe, "dup2" SYS_dup2, "fork" SYS_fork, "vfork" SYS_vfork,
    "arch_prctl" SYS_arch_prctl, "time" SYS_time,
};

/// The same names, where they have no number.
const X86_NAMES: &[&str] = &[
    "epoll_wait", "poll", "select", "open", "stat", "lstat", "access", "unlink", "mkdir",
    "rename", "readlink", "rmdir", "pipe", "dup2", "fork", "vfork", "arch_prctl", "time",
];

const ERRORS: &[(&str, i64)] = table! {
    "ENOSYS" ENOSYS, "EPERM" EPERM, "EACCES" EACCES, "EINVAL" EINVAL, "ENOENT" ENOENT,
    "EOPNOTSUPP" EOPNOTSUPP,
};

const CONSTANTS: &[(&str, i64)] = table! {
    "PROT_EXEC" PROT_EXEC, "MSG_FASTOPEN" MSG_FASTOPEN, "F_DUPFD_CLOEXEC" F_DUPFD_CLOEXEC,
    "F_GETFD" F_GETFD, "F_SETFD" F_SETFD, "F_GETFL" F_GETFL, "F_SETFL" F_SETFL, "F_GETLK" F_GETLK,
    "F_SETLK" F_SETLK, "F_SETLKW" F_SETLKW, "F_OFD_SETLK" F_OFD_SETLK, "F_OFD_GETLK" F_OFD_GETLK,
    "F_ADD_SEALS" F_ADD_SEALS, "F_GET_SEALS" F_GET_SEALS, "SIGABRT" SIGABRT, "SIGKILL" SIGKILL,
    "SIGTERM" SIGTERM, "FIONBIO" FIONBIO, "FIONREAD" FIONREAD, "TCGETS" TCGETS, "TCSETS" TCSETS,
    "TIOCEXCL" TIOCEXCL, "TIOCNXCL" TIOCNXCL, "TIOCGWINSZ" TIOCGWINSZ, "TIOCMGET" TIOCMGET,
    "TIOCGICOUNT" TIOCGICOUNT, "IPPROTO_TCP" IPPROTO_TCP,
    "TCP_NODELAY" TCP_NODELAY, "TCP_KEEPIDLE" TCP_KEEPIDLE, "TCP_KEEPINTVL" TCP_KEEPINTVL,
    "TCP_KEEPCNT" TCP_KEEPCNT, "TCP_USER_TIMEOUT" TCP_USER_TIMEOUT, "SOL_SOCKET" SOL_SOCKET,
    "SO_KEEPALIVE" SO_KEEPALIVE, "SO_ERROR" SO_ERROR, "SO_PEERCRED" SO_PEERCRED,
    "SO_SNDBUF" SO_SNDBUF, "SO_SNDBUFFORCE" SO_SNDBUFFORCE, "SO_REUSEADDR" SO_REUSEADDR,
    "IPPROTO_IPV6" IPPROTO_IPV6, "IPV6_V6ONLY" IPV6_V6ONLY, "PR_SET_NAME" PR_SET_NAME,
    "PR_SET_VMA" PR_SET_VMA, "CLONE_THREAD" CLONE_THREAD, "AF_UNIX" AF_UNIX, "AF_INET" AF_INET,
    "AF_INET6" AF_INET6, "AF_NETLINK" AF_NETLINK, "LOCK_EX" LOCK_EX,
    "MADV_DONTNEED" MADV_DONTNEED, "PR_SET_NO_NEW_PRIVS" PR_SET_NO_NEW_PRIVS,
    "PR_SET_DUMPABLE" PR_SET_DUMPABLE, "PR_CAPBSET_DROP" PR_CAPBSET_DROP,
    "PR_CAP_AMBIENT" PR_CAP_AMBIENT, "PR_CAP_AMBIENT_CLEAR_ALL" PR_CAP_AMBIENT_CLEAR_ALL,
    "AT_EMPTY_PATH" AT_EMPTY_PATH, "AT_REMOVEDIR" AT_REMOVEDIR, "O_CLOEXEC" O_CLOEXEC,
    "SECCOMP_SET_MODE_FILTER" SECCOMP_SET_MODE_FILTER, "NETLINK_ROUTE" NETLINK_ROUTE,
};

/// In the order of their numbers, from 0 (linux/capability.h).
const CAPABILITIES: &[&str] = &[
    "chown", "dac_override", "dac_read_search", "fowner", "fsetid", "kill", "setgid", "setuid",
    "setpcap", "linux_immutable", "net_bind_service", "net_broadcast", "net_admin", "net_raw",
    "ipc_lock", "ipc_owner", "sys_module", "sys_rawio", "sys_chroot", "sys_ptrace", "sys_pacct",
    "sys_admin", "sys_boot", "sys_nice", "sys_resource", "sys_time", "sys_tty_config", "mknod",
    "lease", "audit_write", "audit_control", "setfcap", "mac_override", "mac_admin", "syslog",
    "wake_alarm", "block_suspend", "audit_read", "perfmon", "bpf", "checkpoint_restore",
];

/// All bits of `clone` that make a namespace, and the one that makes a thread: a thread start has
/// only the latter.
const THREAD_OR_NEW: u64 = (libc::CLONE_THREAD
    | libc::CLONE_NEWNS
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUSER
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET
    | libc::CLONE_NEWCGROUP) as u64;

fn find(table: &[(&str, i64)], name: &str) -> Option<i64> {
    table.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
}

/// The system call of this name.
pub(crate) fn call(name: &str) -> Option<Call> {
    #[cfg(target_arch = "x86_64")]
    let own = find(X86_ONLY, name);
    #[cfg(not(target_arch = "x86_64"))]
    let own = None;
    if let Some(number) = find(COMMON, name).or(own) {
        return Some(Call::Number(number));
    }
    X86_NAMES.contains(&name).then_some(Call::Elsewhere)
}

/// The error code of this name.
pub(crate) fn error(name: &str) -> Option<u32> {
    find(ERRORS, name).and_then(|code| u32::try_from(code).ok())
}

/// The number of this capability (`net_admin`).
pub(crate) fn capability(name: &str) -> Option<usize> {
    CAPABILITIES.iter().position(|known| *known == name)
}

/// A decimal or 0x number, or the constant of this name.
pub(crate) fn value(text: &str) -> Option<u64> {
    if text == "CLONE_THREAD_OR_NEW" {
        return Some(THREAD_OR_NEW);
    }
    if let Some(known) = find(CONSTANTS, text) {
        return u64::try_from(known).ok();
    }
    match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}
