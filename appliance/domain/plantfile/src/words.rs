//! Single values: durations, windows, choices, destinations, keys.

use codec::Text;
use model::{AccountId, BadId, Destination, DrillTime, TargetId, Window};

/// The days, Monday first, as bit numbers count them.
pub(crate) const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// Why a text is no value: what is wrong, and what is allowed.
pub(crate) struct Bad {
    pub problem: String,
    pub allowed: String,
}

impl Bad {
    /// `text` is not `what`.
    pub fn not(text: &str, what: &str, allowed: impl Into<String>) -> Self {
        Self { problem: format!("{} is not {what}", shown(text)), allowed: allowed.into() }
    }

    /// The same, without saying the text back: it may be a secret.
    pub fn unsaid(problem: &str, allowed: &str) -> Self {
        Self { problem: problem.to_owned(), allowed: allowed.to_owned() }
    }
}

/// The front of a text in quotes: a message is one line that a person reads.
fn shown(text: &str) -> String {
    let front: String = text.chars().take(40).collect();
    if front.len() < text.len() { format!("{:?}", front + "...") } else { format!("{front:?}") }
}

/// An id of any kind.
pub(crate) fn id<T>(parse: impl Fn(&str) -> Result<T, BadId>) -> impl Fn(&str) -> Result<T, Bad> {
    move |text| parse(text).map_err(|_| Bad::not(text, "an id", "write 1 to 32 of a-z, 0-9, _ and -"))
}

/// Text of at most `N` bytes.
pub(crate) fn bounded_text<const N: usize>(text: &str) -> Result<Text<N>, Bad> {
    Text::new(text).map_err(|e| Bad { problem: format!("it has {} bytes", e.length), allowed: format!("at most {N}") })
}

/// One line of an OpenSSH public key, without spaces around.
pub(crate) fn public_key(text: &str) -> Result<Text<2048>, Bad> {
    let allowed = "paste one line of an OpenSSH public key, as \"ssh-ed25519 AAAA...\", not cut short";
    if text.contains("PRIVATE KEY") {
        return Err(Bad::unsaid("a private key stands here", allowed));
    }
    if !model::is_public_key(text.trim()) {
        return Err(Bad::not(text, "a whole public key", allowed));
    }
    bounded_text(text.trim())
}

/// The name of a secret. What stands in its place may be the secret itself, so it is not said back.
pub(crate) fn secret(text: &str) -> Result<model::SecretId, Bad> {
    let allowed = "write its name, 1 to 32 of a-z, 0-9, _ and -; the secret itself is given with `dinlock secret set`";
    model::SecretId::parse(text).map_err(|_| Bad::unsaid("it is not the name of a secret", allowed))
}

/// A number without a sign.
fn digits<T: std::str::FromStr>(text: &str) -> Option<T> {
    let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

/// "90s", "15m", "8h" in seconds.
pub(crate) fn duration(text: &str) -> Result<u32, Bad> {
    let read = || {
        let units = [("s", 1), ("m", 60), ("h", 3600)];
        let (number, seconds) = units.iter().find_map(|(unit, s)| Some((text.strip_suffix(unit)?, *s)))?;
        digits::<u32>(number)?.checked_mul(seconds)
    };
    read().ok_or_else(|| Bad::not(text, "a duration", "write a number with s, m or h, as \"8h\""))
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

/// "08:00" to "24:00" as the minute of the day.
fn minute(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':').filter(|(h, m)| h.len() <= 2 && m.len() == 2)?;
    // At most two digits each, so that this can't overflow.
    let (hours, minutes): (u16, u16) = (digits(hours)?, digits(minutes)?);
    Some(hours * 60 + minutes).filter(|of_day| minutes < 60 && *of_day <= 1440)
}

fn days(text: &str) -> Option<u8> {
    if text == "daily" {
        return Some(0x7f);
    }
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
pub(crate) fn window(text: &str) -> Result<Window, Bad> {
    let read = || {
        let (day, hours) = text.split_once(' ')?;
        let (from, to) = hours.trim().split_once('-')?;
        let (from_minute, to_minute) = (minute(from)?, minute(to)?);
        let days = days(day)?;
        (from_minute < 1440 && from_minute != to_minute).then_some(Window { days, from_minute, to_minute })
    };
    read().ok_or_else(|| Bad::not(text, "a window", "write days and hours, as \"mon-fri 08:00-18:00\""))
}

/// "mon 03:00".
pub(crate) fn drill_time(text: &str) -> Result<DrillTime, Bad> {
    let read = || {
        let (day, time) = text.split_once(' ')?;
        let day = DAYS.iter().position(|known| *known == day)?;
        let minute = minute(time).filter(|minute| *minute < 1440)?;
        Some(DrillTime { day: u8::try_from(day).ok()?, minute })
    };
    read().ok_or_else(|| Bad::not(text, "a time of the week", "write a day and a time, as \"mon 03:00\""))
}

/// Its text.
pub(crate) fn drill_text(at: DrillTime) -> String {
    let day = DAYS.get(usize::from(at.day)).unwrap_or(&"no day");
    format!("{day} {:02}:{:02}", at.minute / 60, at.minute % 60)
}

/// The text of a window; three or more days in a row as a span.
pub(crate) fn window_text(window: &Window) -> String {
    let on: Vec<usize> = (0..7).filter(|day| window.days >> day & 1 == 1).collect();
    let clock = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
    let days = match (on.first(), on.last()) {
        _ if on.len() == 7 => "daily".to_owned(),
        (Some(first), Some(last)) if on.len() > 2 && last - first + 1 == on.len() => format!("{}-{}", DAYS[*first], DAYS[*last]),
        _ => on.iter().map(|day| DAYS[*day]).collect::<Vec<_>>().join(","),
    };
    format!("{days} {}-{}", clock(window.from_minute), clock(window.to_minute))
}

/// "plc-gw" or "plc-gw.maint".
pub(crate) fn destination(text: &str) -> Result<Destination, Bad> {
    let read = || {
        let (target, account) = text.split_once('.').map_or((text, None), |(t, a)| (t, Some(a)));
        let account = account.map(AccountId::parse).transpose().ok()?;
        Some(Destination { target: TargetId::parse(target).ok()?, account })
    };
    read().ok_or_else(|| Bad::not(text, "a target", "write a target's id, or one of its accounts as \"target.account\""))
}

/// One of several words.
pub(crate) fn choice<T: Copy>(what: &'static str, choices: &'static [(&'static str, T)]) -> impl Fn(&str) -> Result<T, Bad> {
    move |text| {
        let found = choices.iter().find(|(word, _)| *word == text);
        found.map(|(_, value)| *value).ok_or_else(|| {
            let words: Vec<String> = choices.iter().map(|(word, _)| format!("\"{word}\"")).collect();
            Bad::not(text, what, format!("write {}", words.join(" or ")))
        })
    }
}

/// The word of a value.
pub(crate) fn word_of<T: PartialEq>(choices: &'static [(&'static str, T)], value: &T) -> &'static str {
    choices.iter().find(|(_, v)| v == value).map_or("", |(word, _)| word)
}
