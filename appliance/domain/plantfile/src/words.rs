//! Single values: durations, windows, choices, destinations.

use model::{AccountId, Destination, TargetId, Window};

/// The days, Monday first, as bit numbers count them.
pub(crate) const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// "90s", "15m", "8h" in seconds.
pub(crate) fn duration(text: &str) -> Result<u32, String> {
    let allowed = || "write a number with s, m or h, as \"8h\"".to_owned();
    let split = text.len().checked_sub(1).filter(|at| text.is_char_boundary(*at)).ok_or_else(allowed)?;
    let (number, unit) = text.split_at(split);
    let number: u32 = number.parse().map_err(|_| allowed())?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return Err(allowed()),
    };
    number.checked_mul(seconds).ok_or_else(allowed)
}

/// The shortest text of a duration.
pub(crate) fn duration_text(seconds: u32) -> String {
    match seconds {
        0 => "0s".into(),
        s if s.is_multiple_of(3600) => format!("{}h", s / 3600),
        s if s.is_multiple_of(60) => format!("{}m", s / 60),
        s => format!("{s}s"),
    }
}

fn minute(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let (hours, minutes): (u16, u16) = (hours.parse().ok()?, minutes.parse().ok()?);
    (minutes < 60 && hours * 60 + minutes <= 1440).then_some(hours * 60 + minutes)
}

fn days(text: &str) -> Option<u8> {
    let mut mask = 0;
    for part in text.split(',') {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        let number = |name: &str| DAYS.iter().position(|day| *day == name);
        let (from, to) = (number(from)?, number(to)?);
        for step in 0..7 {
            let day = (from + step) % 7;
            mask |= 1 << day;
            if day == to {
                break;
            }
        }
    }
    Some(mask)
}

/// "mon-fri 08:00-18:00", "sat,sun 10:00-12:00", "daily 22:00-06:00".
pub(crate) fn window(text: &str) -> Result<Window, String> {
    let read = || {
        let (day, hours) = text.split_once(' ')?;
        let (from, to) = hours.trim().split_once('-')?;
        let days = if day == "daily" { 0x7f } else { days(day)? };
        let (from_minute, to_minute) = (minute(from)?, minute(to)?);
        (from_minute < 1440 && from_minute != to_minute).then_some(Window { days, from_minute, to_minute })
    };
    read().ok_or_else(|| "write days and hours, as \"mon-fri 08:00-18:00\"".to_owned())
}

/// The text of a window.
pub(crate) fn window_text(window: &Window) -> String {
    let names: Vec<&str> = DAYS.iter().enumerate().filter(|(i, _)| window.days >> i & 1 == 1).map(|(_, d)| *d).collect();
    let clock = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
    let days = if window.days == 0x7f { "daily".to_owned() } else { names.join(",") };
    format!("{days} {}-{}", clock(window.from_minute), clock(window.to_minute))
}

/// "plc-gw" or "plc-gw.maint".
pub(crate) fn destination(text: &str) -> Result<Destination, String> {
    let (target, account) = text.split_once('.').map_or((text, None), |(t, a)| (t, Some(a)));
    let target = TargetId::parse(target).map_err(|e| e.to_string())?;
    let account = account.map(AccountId::parse).transpose().map_err(|e| e.to_string())?;
    Ok(Destination { target, account })
}

/// One of several words.
pub(crate) fn choice<T: Copy>(choices: &'static [(&'static str, T)]) -> impl Fn(&str) -> Result<T, String> {
    move |text| {
        let found = choices.iter().find(|(word, _)| *word == text);
        found.map(|(_, value)| *value).ok_or_else(|| {
            let words: Vec<String> = choices.iter().map(|(word, _)| format!("\"{word}\"")).collect();
            format!("write {}", words.join(" or "))
        })
    }
}

/// The word of a value.
pub(crate) fn word_of<T: PartialEq>(choices: &'static [(&'static str, T)], value: &T) -> &'static str {
    choices.iter().find(|(_, v)| v == value).map_or("", |(word, _)| word)
}
