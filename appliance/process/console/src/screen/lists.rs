//! Who waits, and who works: two lines each, the chosen one always in sight.

use super::{ALARM, CHOSEN, Canvas, LABEL, PLAIN, STRONG};
use crate::desk::Desk;
use crate::words::fill;
use border::console::{SessionLine, View, WaitingLine};
use ratatui::layout::Rect;
use ratatui::style::Style;

/// Lines of one entry.
const LINES: u16 = 2;
/// Of those who wait, so many are shown at once.
const WAITING_MAX: usize = 3;

/// The entries from `first` on that fit, so that the chosen one is among them.
fn window(count: usize, room: usize, chosen: Option<usize>) -> usize {
    let chosen = chosen.unwrap_or(0);
    if count <= room || chosen < room { 0 } else { (chosen + 1 - room).min(count - room) }
}

fn who(name: &str, id: &str, employer: &str) -> String {
    let name = if name.is_empty() { id } else { name };
    if employer.is_empty() { name.to_owned() } else { format!("{name} ({employer})") }
}

/// Whether the faults found room below the lists.
pub(super) fn draw(desk: &Desk, canvas: &mut Canvas<'_>, area: Rect) -> bool {
    let words = desk.words();
    let Some(view) = desk.view() else {
        let counted = desk.state().map_or(0, |state| state.sessions).to_string();
        canvas.head(area.y, STRONG, words.sessions);
        canvas.wrapped(Rect { x: 1, y: area.y + 1, width: area.width.saturating_sub(2), height: 2 }, PLAIN, &fill(words.nobody_known, &[&counted]));
        return false;
    };
    let y = if view.waiting.is_empty() { area.y } else { waiting(desk, view, canvas, area) };
    let rest = Rect { y, height: area.bottom().saturating_sub(y), ..area };
    let used = sessions(desk, view, canvas, rest);
    faults(desk, view, canvas, Rect { y: used, height: area.bottom().saturating_sub(used), ..area })
}

/// A blank line, a head, and each of them on a line of its own: all or none.
fn faults(desk: &Desk, view: &View, canvas: &mut Canvas<'_>, area: Rect) -> bool {
    let lines = u16::try_from(view.faults.len()).unwrap_or(u16::MAX);
    if lines == 0 || area.height < lines.saturating_add(2) {
        return false;
    }
    let y = area.bottom() - lines - 1;
    canvas.head(y, STRONG, desk.words().last_faults);
    for (fault, y) in view.faults.iter().zip(y + 1..) {
        canvas.data(3, y, 76, PLAIN, &format!("{} {}", desk.hour(fault.wall_ms), &*fault.text));
    }
    true
}

/// Where the next list may begin.
fn waiting(desk: &Desk, view: &View, canvas: &mut Canvas<'_>, area: Rect) -> u16 {
    let rows = &view.waiting;
    let chosen = rows.iter().position(|row| Some(row.session) == desk.chosen);
    let first = window(rows.len(), WAITING_MAX, chosen);
    canvas.fill(Rect { height: 1, ..area }, ALARM);
    let text = head(desk, desk.words().waiting, first, WAITING_MAX, rows.len());
    canvas.text(1, area.y, area.width, ALARM, &format!("▲ {text}"));
    canvas.right(79, area.y, ALARM, desk.words().alarm_waiting);
    let mut y = area.y + 1;
    for row in rows.iter().skip(first).take(WAITING_MAX) {
        waiting_entry(desk, row, canvas, y);
        y += LINES;
    }
    y
}

fn head(desk: &Desk, name: &str, first: usize, room: usize, count: usize) -> String {
    if count <= room {
        return if count == 0 { name.to_owned() } else { format!("{name} ({count})") };
    }
    let (from, to) = ((first + 1).to_string(), (first + room).min(count).to_string());
    format!("{name} {}", fill(desk.words().range, &[&from, &to, &count.to_string()]))
}

/// The mark and the style of an entry's first line.
fn entry(desk: &Desk, session: u64, canvas: &mut Canvas<'_>, y: u16) -> Style {
    let chosen = desk.chosen == Some(session);
    let style = if chosen { CHOSEN } else { STRONG };
    canvas.fill(Rect { x: 0, y, width: canvas.area().width, height: 1 }, if chosen { CHOSEN } else { PLAIN });
    canvas.text(1, y, 1, style, if chosen { "►" } else { "•" });
    style
}

fn waiting_entry(desk: &Desk, row: &WaitingLine, canvas: &mut Canvas<'_>, y: u16) {
    let words = desk.words();
    let style = entry(desk, row.session, canvas, y);
    canvas.data(3, y, 36, style, &who(&row.name, &row.person, &row.employer));
    canvas.data(40, y, 21, style, &fill(words.wants, &[&row.target]));
    canvas.right(79, y, style, &fill(words.lapses, &[&desk.span(row.left_ms)]));
    canvas.data(3, y + 1, 76, PLAIN, &fill(words.telephone, &[&row.telephone]));
}

/// Where they end.
fn sessions(desk: &Desk, view: &View, canvas: &mut Canvas<'_>, area: Rect) -> u16 {
    let words = desk.words();
    let rows = &view.sessions;
    let room = usize::from(area.height.saturating_sub(1) / LINES);
    let count = rows.len() + usize::try_from(view.more).unwrap_or(0);
    let chosen = rows.iter().position(|row| Some(row.session) == desk.chosen);
    let first = window(rows.len(), room, chosen);
    canvas.head(area.y, STRONG, &head(desk, words.sessions, first, room, count));
    if rows.is_empty() {
        canvas.text(3, area.y + 1, 76, PLAIN, words.nobody);
    }
    for (row, place) in rows.iter().skip(first).take(room).zip(0_u16..) {
        session_entry(desk, row, canvas, area.y + 1 + place * LINES);
    }
    let shown = u16::try_from(rows.len().saturating_sub(first).min(room)).unwrap_or(u16::MAX);
    area.y + 1 + (shown * LINES).max(1)
}

fn session_entry(desk: &Desk, row: &SessionLine, canvas: &mut Canvas<'_>, y: u16) {
    let words = desk.words();
    let (state, open) = match row.state.as_str() {
        "live" => (words.live, true),
        "paused" => (words.paused, true),
        "ending" | "ended" => (words.ending, false),
        _ => (words.connecting, false),
    };
    let style = entry(desk, row.session, canvas, y);
    canvas.data(3, y, 36, style, &who(&row.name, &row.person, &row.employer));
    canvas.data(40, y, 14, style, &row.target);
    canvas.text(55, y, 10, style, state);
    if open {
        canvas.right(79, y, style, &fill(words.ends_in, &[&desk.span(row.left_ms)]));
    }
    canvas.data(3, y + 1, 26, PLAIN, &fill(words.telephone, &[&row.telephone]));
    canvas.text(30, y + 1, 12, LABEL, &fill(words.since_short, &[&desk.hour(row.started_ms)]));
    let inputs = fill(words.inputs, &[&row.input_per_minute.min(9_999).to_string()]);
    let end = canvas.text(42, y + 1, 18, LABEL, &inputs);
    if !row.watched_by.is_empty() {
        let x = end.max(57) + 1;
        canvas.data(x, y + 1, 79_u16.saturating_sub(x), LABEL, &fill(words.watched, &[&row.watched_by]));
    }
}
