//! Giving up rights, for good.

use crate::check;
use std::io;

/// The highest capability number that we try to drop; kernels answer EINVAL above theirs.
pub const LAST_CAPABILITY: i32 = 63;

/// A resource limit that a policy can set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// Open descriptors (one above the highest number).
    Files,
    /// Core dump, bytes.
    Core,
    /// Locked memory, bytes.
    LockedMemory,
    /// Address space, bytes.
    AddressSpace,
    /// Size of a written file, bytes.
    FileSize,
    /// Processes of the user.
    Processes,
    /// Stack, bytes.
    Stack,
}

impl Resource {
    /// The resource that a policy file calls `name` (as in `limits.conf`).
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "nofile" => Self::Files,
            "core" => Self::Core,
            "memlock" => Self::LockedMemory,
            "as" => Self::AddressSpace,
            "fsize" => Self::FileSize,
            "nproc" => Self::Processes,
            "stack" => Self::Stack,
            _ => return None,
        })
    }

    pub(super) fn number(self) -> libc::c_uint {
        match self {
            Self::Files => libc::RLIMIT_NOFILE,
            Self::Core => libc::RLIMIT_CORE,
            Self::LockedMemory => libc::RLIMIT_MEMLOCK,
            Self::AddressSpace => libc::RLIMIT_AS,
            Self::FileSize => libc::RLIMIT_FSIZE,
            Self::Processes => libc::RLIMIT_NPROC,
            Self::Stack => libc::RLIMIT_STACK,
        }
    }
}

/// Sets both the soft and the hard limit.
///
/// # Errors
/// EPERM when raising a hard limit without the right to.
pub fn set_limit(resource: Resource, value: u64) -> io::Result<()> {
    let limit = libc::rlimit { rlim_cur: value, rlim_max: value };
    // SAFETY: `limit` is valid for reading.
    check(unsafe { libc::setrlimit(resource.number(), &raw const limit) }).map(|_| ())
}

/// No later `execve` of this process or its children gains a right.
///
/// # Errors
/// None on a kernel that we run on.
pub fn set_no_new_privs() -> io::Result<()> {
    // SAFETY: takes integers only.
    check(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) }).map(|_| ())
}

/// Whether the process may be dumped and looked into by its own user.
///
/// # Errors
/// None on a kernel that we run on.
pub fn set_dumpable(on: bool) -> io::Result<()> {
    // SAFETY: takes integers only.
    check(unsafe { libc::prctl(libc::PR_SET_DUMPABLE, libc::c_ulong::from(on), 0, 0, 0) })
        .map(|_| ())
}

/// The header and the two halves of capget(2) and capset(2), version 3.
#[repr(C)]
struct CapHeader {
    version: u32,
    pid: i32,
}

#[repr(C)]
#[derive(Default, Clone, Copy)]
struct CapHalf {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

const CAP_VERSION_3: u32 = 0x2008_0522;

/// The calling thread's effective capabilities, one bit each.
///
/// # Errors
/// None on a kernel that we run on.
pub fn capabilities() -> io::Result<u64> {
    let mut header = CapHeader { version: CAP_VERSION_3, pid: 0 };
    let mut halves = [CapHalf::default(); 2];
    // SAFETY: version 3 reads the header and writes two halves.
    let result =
        unsafe { libc::syscall(libc::SYS_capget, &raw mut header, halves.as_mut_ptr()) };
    if result == -1 {
        return Err(io::Error::last_os_error());
    }
    Ok(u64::from(halves[0].effective) | u64::from(halves[1].effective) << 32)
}

/// Drops every capability of the calling thread: bounding (where it may), ambient, effective,
/// permitted and inheritable. Call before other threads exist.
///
/// # Errors
/// If any is left effective afterwards.
pub fn drop_all_capabilities() -> io::Result<()> {
    keep_capabilities(0)
}

/// Drops every capability that is not in `mask`; those in it stay effective and permitted. No child
/// inherits any.
///
/// # Errors
/// If the process has not got one of them, or keeps another.
pub fn keep_capabilities(mask: u64) -> io::Result<()> {
    if raw_keep(mask) == -1 {
        return Err(io::Error::last_os_error());
    }
    let left = capabilities()?;
    if left == mask {
        Ok(())
    } else {
        Err(io::Error::other(format!("effective capabilities are {left:#x}, not {mask:#x}")))
    }
}

/// Async-signal-safe: used between fork and exec too. The bounding set needs `CAP_SETPCAP`; without
/// it, no-new-privileges and the empty permitted set hold all the same.
pub(super) fn raw_keep(mask: u64) -> libc::c_long {
    let mut header = CapHeader { version: CAP_VERSION_3, pid: 0 };
    let low = (mask & 0xffff_ffff) as u32;
    let high = (mask >> 32) as u32;
    let halves = [
        CapHalf { effective: low, permitted: low, inheritable: 0 },
        CapHalf { effective: high, permitted: high, inheritable: 0 },
    ];
    // SAFETY: integers, and structures of the sizes that version 3 wants.
    unsafe {
        for capability in 0..=LAST_CAPABILITY {
            if mask >> capability & 1 == 0 {
                libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0);
            }
        }
        libc::prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
        libc::syscall(libc::SYS_capset, &raw mut header, halves.as_ptr())
    }
}

/// How many threads this process has.
///
/// # Errors
/// If /proc is not there.
pub fn threads() -> io::Result<usize> {
    Ok(std::fs::read_dir("/proc/self/task")?.count())
}

/// Forgets every environment variable. For the start of a process only.
///
/// # Errors
/// If other threads run already: they might be reading it.
pub fn clear_environment() -> io::Result<()> {
    if threads()? != 1 {
        return Err(io::Error::other("the environment can be cleared by a lone thread only"));
    }
    // SAFETY: no other thread exists, and no reference into the environment is held here.
    check(unsafe { libc::clearenv() }).map(|_| ())
}

/// Real, effective and saved user of the process.
///
/// # Errors
/// None on a kernel that we run on.
pub fn user_ids() -> io::Result<[u32; 3]> {
    let seen = nix::unistd::getresuid()?;
    Ok([seen.real.as_raw(), seen.effective.as_raw(), seen.saved.as_raw()])
}
