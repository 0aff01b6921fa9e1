//! Times and spans as people read them.

use crate::desk::Desk;
use crate::words::fill;

/// Days before 1970-01-01 of the civil calendar's own start, 0000-03-01 (H. Hinnant, "chrono-compatible low-level
/// date algorithms").
const EPOCH_DAYS: i64 = 719_468;

/// Year, month and day of a day counted from 1970-01-01.
fn civil(day: i64) -> (i64, i64, i64) {
    let day = day + EPOCH_DAYS;
    let (era, of_era) = (day.div_euclid(146_097), day.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, of_year - (153 * month_from_march + 2) / 5 + 1)
}

impl Desk {
    fn local_s(&self, wall_ms: i64) -> i64 {
        let offset = self.view.as_ref().map_or(0, |(view, _)| view.utc_offset_s);
        wall_ms.div_euclid(1000).saturating_add(offset)
    }

    /// `04:51:07` in the plant's time.
    pub(crate) fn clock(&self, wall_ms: i64) -> String {
        let second = self.local_s(wall_ms).rem_euclid(86_400);
        format!("{:02}:{:02}:{:02}", second / 3_600, second / 60 % 60, second % 60)
    }

    /// `04:51`.
    pub(crate) fn hour(&self, wall_ms: i64) -> String {
        let mut clock = self.clock(wall_ms);
        clock.truncate(5);
        clock
    }

    /// `Wed 2026-11-25`.
    pub(crate) fn date(&self, wall_ms: i64) -> String {
        let day = self.local_s(wall_ms).div_euclid(86_400);
        let (year, month, of_month) = civil(day);
        // 1970-01-01 was a Thursday.
        let weekday = usize::try_from((day + 3).rem_euclid(7)).unwrap_or(0);
        format!("{} {year:04}-{month:02}-{of_month:02}", self.words().weekdays[weekday])
    }

    /// `42 s`, `4 min`, `2 h 5 min`.
    pub(crate) fn span(&self, ms: u64) -> String {
        let words = self.words();
        let seconds = ms / 1000;
        match seconds {
            0..120 => fill(words.seconds, &[&seconds.to_string()]),
            120..7_200 => fill(words.minutes, &[&(seconds / 60).to_string()]),
            _ => fill(words.hours, &[&(seconds / 3_600).to_string(), &(seconds / 60 % 60).to_string()]),
        }
    }

    /// `1.2 ms`.
    pub(crate) fn millis(&self, us: u32) -> String {
        fill(self.words().ms, &[&format!("{}.{}", us / 1000, us / 100 % 10)])
    }
}

#[cfg(test)]
mod tests {
    use super::civil;

    #[test]
    fn days_are_those_of_the_calendar() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(-1), (1969, 12, 31));
        assert_eq!(civil(20_782), (2026, 11, 25));
        assert_eq!(civil(11_016), (2000, 2, 29));
        assert_eq!(civil(11_017), (2000, 3, 1));
    }
}
