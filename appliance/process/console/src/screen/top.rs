//! The state of the box, to be read across a room; its name and the time beside it.

use super::{ALARM, ALARM_BIG, CALM, Canvas, LABEL, PLAIN, STRONG};
use crate::desk::Desk;
use crate::words::fill;
use guard::{Hold, Standing};

/// Where what stands beside the big word ends.
const RIGHT: u16 = 79;

/// The name of a hold, in one sentence.
pub(super) fn hold_words(desk: &Desk, hold: Hold) -> &'static str {
    let place = match hold {
        Hold::Starting => 0,
        Hold::CutOff => 1,
        Hold::Reset => 2,
        Hold::Resets => 3,
        Hold::PowerLoss => 4,
        Hold::Overdue => 5,
        Hold::Slots => 6,
        Hold::Zone => 7,
    };
    desk.words().holds[place]
}

pub(super) fn draw(desk: &Desk, canvas: &mut Canvas<'_>) {
    let words = desk.words();
    let (big, sentence, style) = match desk.state().map(|state| state.standing) {
        None => (words.big_unknown, words.guardian_away.to_owned(), ALARM),
        Some(Standing::Armed) => (words.big_armed, connected(desk), CALM),
        Some(Standing::Held { why: Hold::CutOff }) => (words.big_cut, hold_words(desk, Hold::CutOff).to_owned(), ALARM),
        Some(Standing::Held { why }) => (words.big_held, hold_words(desk, why).to_owned(), ALARM),
    };
    canvas.big(1, 0, if style == CALM { STRONG } else { ALARM_BIG }, big);
    let name = desk.view.as_ref().map(|(view, _)| view.name.to_string()).unwrap_or_default();
    canvas.right(RIGHT, 0, STRONG, &name);
    let zone = if desk.view.is_some() { String::new() } else { format!(" {}", words.utc) };
    let wall = desk.now.wall_ms;
    canvas.right(RIGHT, 1, PLAIN, &format!("{} {}{zone}", desk.date(wall), desk.clock(wall)));
    if let (Some(state), Some((_, at, heard))) = (desk.state(), &desk.state) {
        let for_ms = at.saturating_sub(state.since_ms) + desk.now.boot_ms.saturating_sub(*heard);
        let began = wall.saturating_sub(i64::try_from(for_ms).unwrap_or(i64::MAX));
        canvas.right(RIGHT, 2, LABEL, &fill(words.since, &[&desk.hour(began), &desk.span(for_ms)]));
    }
    canvas.bar(3, style, &sentence);
}

fn connected(desk: &Desk) -> String {
    let words = desk.words();
    let count = match (desk.view(), desk.state()) {
        (Some(view), _) => view.sessions.len() + usize::try_from(view.more).unwrap_or(0),
        (None, state) => state.map_or(0, |state| usize::from(state.sessions)),
    };
    match count {
        0 => words.armed_nobody.to_owned(),
        1 => words.armed_one.to_owned(),
        more => fill(words.armed_some, &[&more.to_string()]),
    }
}
