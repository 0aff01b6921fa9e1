//! The two clocks of the box.

use std::time::Duration;

fn read(clock: libc::clockid_t) -> libc::timespec {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` is a valid timespec for the kernel to fill.
    let result = unsafe { libc::clock_gettime(clock, &raw mut now) };
    assert!(result == 0, "clock {clock} is in every kernel that we run on");
    now
}

/// Time since power-on, sleep included. It never jumps; all durations are measured on it.
#[must_use]
pub fn boottime() -> Duration {
    let now = read(libc::CLOCK_BOOTTIME);
    let seconds = u64::try_from(now.tv_sec).expect("boot time is positive");
    let nanos = u32::try_from(now.tv_nsec).expect("nanoseconds are below 10^9");
    Duration::new(seconds, nanos)
}

/// Wall time in milliseconds since 1970-01-01 UTC. It may jump either way.
#[must_use]
pub fn wall_ms() -> i64 {
    let now = read(libc::CLOCK_REALTIME);
    now.tv_sec * 1000 + now.tv_nsec / 1_000_000
}
