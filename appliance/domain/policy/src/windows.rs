//! Weekly windows of local wall time in an IANA zone.
//!
//! A window opens once on each of its days: at the first moment when that day's clock reads its
//! start or later, and closes at the first moment when the clock reads its end or later. So where
//! clocks go forward over a start it opens at the jump, over an end it closes at the jump, and over
//! both it does not open that day. Where clocks go back it counts the first of two equal readings,
//! and an open window is not opened twice. Windows that touch or overlap are one.

use jiff::civil::Date;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, ToSpan};
use std::fmt;

const DAY_MINUTES: u16 = 24 * 60;
/// Days looked back: a window may cross midnight.
const BACK: i64 = 2;
/// Days looked ahead: a week, and one more in which a change of clocks swallowed the only window.
const AHEAD: i64 = 16;

/// What is wrong with a window or a zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wrong {
    /// No day, or a bit above Sunday; the mask.
    Days(u8),
    /// A start outside 0..=1439; the minute.
    From(u16),
    /// An end outside 0..=1440, or the same as the start; the minute.
    To(u16),
    /// The zone data has no such zone; its name.
    Zone(String),
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Days(mask) => {
                write!(f, "window has day mask {mask:#x}; name at least one of Monday to Sunday")
            }
            Self::From(minute) => {
                write!(f, "window starts at minute {minute} of the day; use 0 to 1439")
            }
            Self::To(minute) => {
                write!(
                    f,
                    "window ends at minute {minute} of the day; use 0 to 1440, and not its start"
                )
            }
            Self::Zone(name) => {
                write!(f, "time zone {name:?} is unknown; use an IANA name such as Europe/Berlin")
            }
        }
    }
}

impl std::error::Error for Wrong {}

/// One weekly window. Ends on the next day if its end is below its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    days: u8,
    from_minute: u16,
    to_minute: u16,
}

impl Window {
    /// A window on the days of `days` (bit 0 is Monday, bit 6 Sunday; the day on which it starts),
    /// from `from_minute` (0..=1439) to before `to_minute` (0..=1440) of the local day.
    ///
    /// # Errors
    /// [`Wrong`] names the value that is out of its range.
    pub fn new(days: u8, from_minute: u16, to_minute: u16) -> Result<Self, Wrong> {
        if days == 0 || days > 0x7f {
            return Err(Wrong::Days(days));
        }
        if from_minute >= DAY_MINUTES {
            return Err(Wrong::From(from_minute));
        }
        if to_minute > DAY_MINUTES || to_minute == from_minute {
            return Err(Wrong::To(to_minute));
        }
        Ok(Self { days, from_minute, to_minute })
    }
}

/// A time zone by its IANA name, out of the data that is compiled in.
#[derive(Debug, Clone)]
pub struct Zone(TimeZone);

impl Zone {
    /// The zone called `name`.
    ///
    /// # Errors
    /// [`Wrong::Zone`] if the data has none of that name.
    pub fn named(name: &str) -> Result<Self, Wrong> {
        // The bundled data only, never files of the system that the process runs on.
        jiff::tz::TimeZoneDatabase::bundled()
            .get(name)
            .map(Self)
            .map_err(|_| Wrong::Zone(name.to_owned()))
    }

    /// How far east of UTC it is at `now_s` (Unix seconds), in seconds; 0 at a time that no calendar has.
    pub fn offset_s(&self, now_s: i64) -> i32 {
        Timestamp::from_second(now_s).map_or(0, |now| self.0.to_offset(now).seconds())
    }
}

/// A moment for people: day and time in the zone of this name, or in UTC where there is no such zone.
pub fn local_words(zone: &str, wall_ms: i64) -> String {
    let Ok(moment) = Timestamp::from_millisecond(wall_ms) else { return "at an unknown time".to_owned() };
    let (zone, name) = Zone::named(zone).map_or((TimeZone::UTC, "UTC"), |known| (known.0, zone));
    format!("{} ({name})", zone.to_datetime(moment).strftime("%a %Y-%m-%d %H:%M"))
}

/// Whether a set of windows is open. All times are Unix seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// Open now, until before `ends_s`; `None` if windows cover the whole week.
    Open {
        /// When it closes.
        ends_s: Option<i64>,
    },
    /// Closed now.
    Closed {
        /// When it next opens; `None` if it never does.
        opens_s: Option<i64>,
    },
}

/// Where `windows` stand at `now_s` (Unix seconds). No windows, or a time that no calendar has, is
/// closed: whoever means "always" says so with a window of the whole week.
pub fn opening(windows: &[Window], zone: &Zone, now_s: i64) -> Opening {
    let Ok(now) = Timestamp::from_second(now_s) else { return Opening::Closed { opens_s: None } };
    let today = zone.0.to_datetime(now).date();
    let mut spans: Vec<(i64, i64)> = Vec::new();
    for offset in -BACK..=AHEAD {
        let Ok(day) = today.checked_add(offset.days()) else { continue };
        spans.extend(windows.iter().filter_map(|window| span(window, zone, day)));
    }
    spans.sort_unstable();
    let mut joined: Vec<(i64, i64)> = Vec::new();
    for (from, to) in spans {
        match joined.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            Some(_) | None => joined.push((from, to)),
        }
    }
    match joined.iter().find(|(_, to)| now_s < *to) {
        Some(&(from, to)) if from <= now_s => {
            // A span that outlives a week has no end within the weekly pattern.
            let endless = to - now_s > 8 * 86_400;
            Opening::Open { ends_s: (!endless).then_some(to) }
        }
        Some(&(from, _)) => Opening::Closed { opens_s: Some(from) },
        None => Opening::Closed { opens_s: None },
    }
}

/// The window on `day` in Unix seconds; `None` if it is not of that day or has no length there.
fn span(window: &Window, zone: &Zone, day: Date) -> Option<(i64, i64)> {
    let bit = u8::try_from(day.weekday().to_monday_zero_offset()).ok()?;
    if window.days & (1 << bit) == 0 {
        return None;
    }
    let from = first_reading(zone, day, window.from_minute)?;
    let end_day = if window.to_minute < window.from_minute { day.tomorrow().ok()? } else { day };
    let to = first_reading(zone, end_day, window.to_minute)?;
    (from < to).then_some((from, to))
}

/// The first moment when the clock reads `minute` of `day` or later, in Unix seconds.
fn first_reading(zone: &Zone, day: Date, minute: u16) -> Option<i64> {
    let (day, minute) =
        if minute == DAY_MINUTES { (day.tomorrow().ok()?, 0) } else { (day, minute) };
    let (hour, minute) = (i8::try_from(minute / 60).ok()?, i8::try_from(minute % 60).ok()?);
    let wall = day.at(hour, minute, 0, 0);
    let ambiguous = zone.0.to_ambiguous_timestamp(wall);
    let moment = match ambiguous.offset() {
        AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(wall).ok()?,
        AmbiguousOffset::Fold { before, .. } => before.to_timestamp(wall).ok()?,
        // Read with the later offset, the missing time lies before the jump: the jump comes next.
        AmbiguousOffset::Gap { after, .. } => {
            let before_jump = after.to_timestamp(wall).ok()?;
            zone.0.following(before_jump - 1.second()).next()?.timestamp()
        }
    };
    Some(moment.as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MON_FRI: u8 = 0b001_1111;
    const SUNDAY: u8 = 0b100_0000;

    fn berlin() -> Zone {
        Zone::named("Europe/Berlin").unwrap()
    }

    fn at(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_second()
    }

    fn window(days: u8, from: (u16, u16), to: (u16, u16)) -> Window {
        Window::new(days, from.0 * 60 + from.1, to.0 * 60 + to.1).unwrap()
    }

    #[track_caller]
    fn open(windows: &[Window], now: &str, ends: &str) {
        assert_eq!(
            opening(windows, &berlin(), at(now)),
            Opening::Open { ends_s: Some(at(ends)) },
            "{now}"
        );
    }

    #[track_caller]
    fn closed(windows: &[Window], now: &str, opens: &str) {
        assert_eq!(
            opening(windows, &berlin(), at(now)),
            Opening::Closed { opens_s: Some(at(opens)) },
            "{now}"
        );
    }

    #[test]
    fn a_window_is_open_from_its_start_to_before_its_end() {
        let work = [window(MON_FRI, (8, 0), (17, 0))];
        closed(&work, "2026-11-24T07:59:59+01:00", "2026-11-24T08:00:00+01:00");
        open(&work, "2026-11-24T08:00:00+01:00", "2026-11-24T17:00:00+01:00");
        open(&work, "2026-11-24T16:59:59+01:00", "2026-11-24T17:00:00+01:00");
        closed(&work, "2026-11-24T17:00:00+01:00", "2026-11-25T08:00:00+01:00");
        closed(&work, "2026-11-27T17:00:00+01:00", "2026-11-30T08:00:00+01:00");
    }

    #[test]
    fn a_window_over_midnight_belongs_to_the_day_it_starts_on() {
        let night = [window(0b001_0000, (22, 0), (6, 0))];
        open(&night, "2026-11-28T05:59:00+01:00", "2026-11-28T06:00:00+01:00");
        closed(&night, "2026-11-27T05:00:00+01:00", "2026-11-27T22:00:00+01:00");
        closed(&night, "2026-11-28T22:30:00+01:00", "2026-12-04T22:00:00+01:00");
    }

    #[test]
    fn windows_that_touch_or_overlap_are_one() {
        let two = [
            window(0b1, (20, 0), (24, 0)),
            window(0b10, (0, 0), (3, 0)),
            window(0b10, (2, 0), (4, 0)),
        ];
        open(&two, "2026-11-23T21:00:00+01:00", "2026-11-24T04:00:00+01:00");
    }

    #[test]
    fn a_whole_week_never_ends_and_no_window_never_opens() {
        let always = [window(0x7f, (0, 0), (24, 0))];
        assert_eq!(
            opening(&always, &berlin(), at("2026-03-29T02:30:00Z")),
            Opening::Open { ends_s: None }
        );
        assert_eq!(opening(&[], &berlin(), 0), Opening::Closed { opens_s: None });
        assert_eq!(opening(&always, &berlin(), i64::MAX), Opening::Closed { opens_s: None });
        assert_eq!(opening(&always, &berlin(), i64::MIN), Opening::Closed { opens_s: None });
    }

    #[test]
    fn six_days_end_on_the_seventh() {
        let six = [window(0b011_1111, (0, 0), (24, 0))];
        open(&six, "2026-11-23T00:00:00+01:00", "2026-11-29T00:00:00+01:00");
    }

    // On 2026-03-29 clocks in Berlin go from 02:00 to 03:00 (01:00 UTC).
    #[test]
    fn where_clocks_go_forward_a_start_in_the_gap_opens_at_the_jump() {
        let w = [window(SUNDAY, (2, 30), (4, 0))];
        closed(&w, "2026-03-29T00:59:59Z", "2026-03-29T01:00:00Z");
        open(&w, "2026-03-29T01:00:00Z", "2026-03-29T02:00:00Z");
    }

    #[test]
    fn where_clocks_go_forward_an_end_in_the_gap_closes_at_the_jump() {
        let w = [window(SUNDAY, (1, 0), (2, 30))];
        open(&w, "2026-03-29T00:59:59Z", "2026-03-29T01:00:00Z");
        closed(&w, "2026-03-29T01:00:00Z", "2026-04-05T01:00:00+02:00");
    }

    #[test]
    fn a_window_wholly_in_the_gap_waits_a_week() {
        let w = [window(SUNDAY, (2, 0), (3, 0))];
        closed(&w, "2026-03-29T00:30:00Z", "2026-04-05T02:00:00+02:00");
        closed(&w, "2026-03-29T01:00:00Z", "2026-04-05T02:00:00+02:00");
    }

    // On 2026-10-25 clocks in Berlin go from 03:00 back to 02:00 (01:00 UTC).
    #[test]
    fn where_clocks_go_back_a_window_opens_once_at_the_first_reading() {
        let hour = [window(SUNDAY, (2, 0), (3, 0))];
        closed(&hour, "2026-10-24T23:59:59Z", "2026-10-25T00:00:00Z");
        open(&hour, "2026-10-25T00:00:00Z", "2026-10-25T02:00:00Z");
        let early = [window(SUNDAY, (1, 30), (2, 30))];
        open(&early, "2026-10-25T00:29:59Z", "2026-10-25T00:30:00Z");
        // 02:10 for the second time: it closed at 02:30 already.
        closed(&early, "2026-10-25T01:10:00Z", "2026-11-01T01:30:00+01:00");
    }

    #[test]
    fn a_working_day_keeps_its_wall_time_through_changes() {
        let work = [window(0x7f, (8, 0), (17, 0))];
        open(&work, "2026-03-28T08:00:00+01:00", "2026-03-28T17:00:00+01:00");
        open(&work, "2026-03-29T08:00:00+02:00", "2026-03-29T17:00:00+02:00");
        open(&work, "2026-10-25T08:00:00+01:00", "2026-10-25T17:00:00+01:00");
    }

    #[test]
    fn a_day_that_a_zone_skipped_has_no_window() {
        // Samoa had no 2011-12-30, a Friday.
        let friday = [window(0b001_0000, (8, 0), (17, 0))];
        let apia = Zone::named("Pacific/Apia").unwrap();
        let state = opening(&friday, &apia, at("2011-12-30T09:00:00Z"));
        assert_eq!(state, Opening::Closed { opens_s: Some(at("2012-01-06T08:00:00+14:00")) });
    }

    #[test]
    fn brute_force_minutes_agree_with_wall_time_away_from_changes() {
        let windows = [window(MON_FRI, (7, 15), (12, 0)), window(0b010_0001, (23, 0), (1, 30))];
        let start = at("2026-06-01T00:00:00+02:00");
        for minute in 0..(8 * 1440) {
            let (day, of_day) = ((minute / 1440) % 7, minute % 1440);
            let noon = day < 5 && (435..720).contains(&of_day);
            let late = [0, 5].contains(&day) && of_day >= 1380;
            let early = [1, 6].contains(&day) && of_day < 90;
            let is_open =
                matches!(opening(&windows, &berlin(), start + minute * 60), Opening::Open { .. });
            assert_eq!(is_open, noon || late || early, "minute {minute}");
        }
    }

    #[test]
    fn wrong_values_are_refused_by_name() {
        assert_eq!(Window::new(0, 0, 60), Err(Wrong::Days(0)));
        assert_eq!(Window::new(0x80, 0, 60), Err(Wrong::Days(0x80)));
        assert_eq!(Window::new(1, 1440, 60), Err(Wrong::From(1440)));
        assert_eq!(Window::new(1, 0, 1441), Err(Wrong::To(1441)));
        assert_eq!(Window::new(1, 60, 60), Err(Wrong::To(60)));
        assert!(matches!(Zone::named("Mars/Olympus"), Err(Wrong::Zone(_))));
    }
}
