//! Doors of the kernel that no process of the box needs.

use crate::{check, owned};
use std::io;

/// `io_uring_setup`.
///
/// # Errors
/// What the kernel answers.
pub fn io_uring() -> io::Result<()> {
    let mut parameters = [0_u8; 120]; // struct io_uring_params
    // SAFETY: the structure is valid for its size.
    owned(unsafe { libc::syscall(libc::SYS_io_uring_setup, 1, parameters.as_mut_ptr()) }).map(drop)
}

/// `bpf`: a small array.
///
/// # Errors
/// What the kernel answers.
pub fn bpf_map() -> io::Result<()> {
    let wanted: [u32; 5] = [2, 4, 4, 1, 0]; // BPF_MAP_TYPE_ARRAY; bytes of a key and of a value; entries; flags
    // SAFETY: BPF_MAP_CREATE (0) reads that many bytes.
    owned(unsafe { libc::syscall(libc::SYS_bpf, 0, wanted.as_ptr(), size_of_val(&wanted)) }).map(drop)
}

/// `perf_event_open`: a software clock over itself.
///
/// # Errors
/// What the kernel answers.
pub fn perf_event() -> io::Result<()> {
    let mut wanted = [0_u32; 16]; // struct perf_event_attr, 64 bytes
    wanted[0] = 1; // PERF_TYPE_SOFTWARE
    wanted[1] = 64; // its size; config 0 is PERF_COUNT_SW_CPU_CLOCK
    // SAFETY: the structure is valid for the size that it names.
    owned(unsafe { libc::syscall(libc::SYS_perf_event_open, wanted.as_ptr(), 0, -1, -1, 0) }).map(drop)
}

/// `keyctl`: the session's keyring.
///
/// # Errors
/// What the kernel answers.
pub fn keyring() -> io::Result<()> {
    // SAFETY: KEYCTL_GET_KEYRING_ID (0) of KEY_SPEC_PROCESS_KEYRING (-2), made if it is not there: integers.
    check(unsafe { libc::syscall(libc::SYS_keyctl, 0, -2, 1) }).map(|_| ())
}

/// `userfaultfd`.
///
/// # Errors
/// What the kernel answers.
pub fn userfault() -> io::Result<()> {
    // SAFETY: takes an integer only.
    owned(unsafe { libc::syscall(libc::SYS_userfaultfd, libc::O_CLOEXEC) }).map(drop)
}

/// `personality`: what is readable becomes executable.
///
/// # Errors
/// What the kernel answers.
pub fn personality() -> io::Result<()> {
    // SAFETY: takes an integer only; the process ends right after.
    check(unsafe { libc::personality(libc::READ_IMPLIES_EXEC as libc::c_ulong) }.into()).map(|_| ())
}

/// The kernel's 32-bit door, which counts its calls otherwise: a filter that looked at numbers alone
/// would be fooled. x86-64 alone has it.
///
/// # Errors
/// What the kernel answers.
#[cfg(target_arch = "x86_64")]
pub fn other_numbers() -> io::Result<()> {
    let getpid: u64 = 20; // in the 32-bit table; in the 64-bit one it is writev
    let answer: u64;
    // SAFETY: getpid takes nothing and changes nothing but the answer's register; those that the door
    // clears are named.
    unsafe {
        std::arch::asm!(
            "int 0x80",
            inlateout("rax") getpid => answer,
            out("r8") _, out("r9") _, out("r10") _, out("r11") _,
        );
    }
    if answer == u64::from(std::process::id()) { Ok(()) } else { Err(io::Error::other(format!("it answered {answer}"))) }
}

/// `shmget` of a segment that is not there: the answer that it is not counts as success.
///
/// # Errors
/// What else the kernel answers.
pub fn shared_segment() -> io::Result<()> {
    // SAFETY: takes integers only.
    match check(unsafe { libc::shmget(0x6469_6e6c, 4096, 0) }.into()) {
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(()),
        other => other.map(|_| ()),
    }
}
