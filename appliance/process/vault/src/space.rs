//! How long the free space will last, by how fast recordings took it.

use std::time::Duration;

/// A box that has just started is not taken to go on as in its first minutes.
const AT_LEAST: Duration = Duration::from_secs(3600);
/// More than this is told as this much.
pub const DAYS_MAX: u32 = 3650;

const DAY_S: u128 = 86_400;

/// Days until `spare` bytes are used, if what `taken` bytes took in `elapsed` goes on; none if nothing
/// was taken yet.
pub fn days_left(spare: u64, taken: u64, elapsed: Duration) -> Option<u32> {
    if taken == 0 {
        return None;
    }
    let seconds = u128::from(elapsed.max(AT_LEAST).as_secs());
    let days = u128::from(spare) * seconds / (u128::from(taken) * DAY_S);
    Some(u32::try_from(days).unwrap_or(u32::MAX).min(DAYS_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GB: u64 = 1 << 30;
    const DAY: Duration = Duration::from_secs(86_400);

    #[test]
    fn what_went_on_goes_on() {
        assert_eq!(days_left(70 * GB, 10 * GB, DAY), Some(7));
        assert_eq!(days_left(70 * GB, 10 * GB, 2 * DAY), Some(14));
        assert_eq!(days_left(GB, 2 * GB, DAY), Some(0));
    }

    #[test]
    fn nothing_is_told_of_nothing_and_no_number_is_absurd() {
        assert_eq!(days_left(GB, 0, DAY), None);
        assert_eq!(days_left(u64::MAX, 1, Duration::MAX), Some(DAYS_MAX));
        assert_eq!(days_left(24 * GB, GB, Duration::from_secs(1)), Some(1), "the first hour counts as one");
    }
}
