//! Why the box is down: what happened, what to do now, what to do if it was a mistake.

use super::{Canvas, LABEL, PLAIN, STRONG};
use crate::desk::Desk;
use crate::words::fill;
use guard::{Hold, LACKS, Report, Standing, State, Trigger};
use ratatui::layout::Rect;

/// A line writer.
struct Lines<'c, 'b> {
    canvas: &'c mut Canvas<'b>,
    y: u16,
    bottom: u16,
}

impl Lines<'_, '_> {
    fn head(&mut self, text: &str) {
        self.canvas.head(self.y, STRONG, text);
        self.y += 1;
    }

    fn line(&mut self, text: &str) {
        self.canvas.text(3, self.y, 76, PLAIN, text);
        self.y += 1;
    }
}

pub(super) fn draw(desk: &Desk, canvas: &mut Canvas<'_>, area: Rect) {
    let Some(state) = desk.state() else { return };
    let lines = Lines { canvas, y: area.y, bottom: area.bottom() };
    match (state.standing, &state.report) {
        (Standing::Held { why: Hold::CutOff }, Some(report)) => cut_off(desk, report, lines),
        (Standing::Held { why }, _) => held(desk, state, why, lines),
        (Standing::Armed, _) => {}
    }
}

fn trigger(desk: &Desk, trigger: Trigger) -> String {
    let words = desk.words().triggers;
    match trigger {
        Trigger::Key => words[0].to_owned(),
        Trigger::Break => words[1].to_owned(),
        Trigger::Contact { line } => fill(words[2], &[&(u16::from(line) + 1).to_string()]),
        Trigger::ContactGone { line } => fill(words[3], &[&(u16::from(line) + 1).to_string()]),
        Trigger::Console => words[4].to_owned(),
        Trigger::Command { uid } => fill(words[5], &[&uid.to_string()]),
        Trigger::Broker { ticket: _ } => words[6].to_owned(),
        Trigger::Drill { ticket: _ } => words[7].to_owned(),
    }
}

/// The steps that were read back, two to a line.
fn steps(desk: &Desk, report: &Report, lines: &mut Lines<'_, '_>) {
    let words = desk.words();
    let steps = report.steps;
    let times = [steps.filters_us, steps.killed_us, steps.dead_us, steps.serial_us, steps.links_us, steps.latched_us];
    for (place, (name, time)) in words.steps.iter().zip(times).enumerate() {
        let x = if place % 2 == 0 { 3 } else { 42 };
        lines.canvas.text(x, lines.y, 26, LABEL, name);
        let value = time.map_or_else(|| words.not_yet.to_owned(), |us| desk.millis(us));
        lines.canvas.right(x + 37, lines.y, if time.is_some() { PLAIN } else { STRONG }, &value);
        lines.y += u16::try_from(place % 2).unwrap_or(0);
    }
}

fn cut_off(desk: &Desk, report: &Report, mut lines: Lines<'_, '_>) {
    let words = desk.words();
    lines.head(words.happened);
    let lived = match report.sessions {
        0 => words.lived_none.to_owned(),
        1 => words.lived_one.to_owned(),
        more => fill(words.lived_some, &[&more.to_string()]),
    };
    lines.line(&fill(words.happened_at, &[&desk.clock(report.wall_ms), &trigger(desk, report.trigger)]));
    steps(desk, report, &mut lines);
    if matches!(report.trigger, Trigger::Drill { .. }) {
        return lines.line(words.drill);
    }
    let latched = if report.steps.latched_us.is_some() { words.latched } else { words.not_latched };
    lines.line(&lived);
    lines.line(latched);
    lines.head(words.to_do);
    lines.line(words.do_safe);
    lines.line(words.do_tell);
    lines.line(words.do_clear);
    lines.head(words.mistake);
    lines.line(words.mistake_harm);
    rearm(desk, &mut lines);
}

/// Who may re-arm, and how, by the plant's rule as it was last known.
fn rearm(desk: &Desk, lines: &mut Lines<'_, '_>) {
    let words = desk.words();
    // What is not known is said too: a broker that is away forbids nobody to come.
    if desk.view.as_ref().is_none_or(|(view, _)| view.person_rearms) {
        lines.line(words.rearm_person);
    }
    if desk.view.as_ref().is_some_and(|(view, _)| view.pin_rearms) {
        lines.line(if desk.unlocked().is_some() { words.rearm_pin } else { words.rearm_pin_locked });
    }
}

fn held(desk: &Desk, state: &State, why: Hold, mut lines: Lines<'_, '_>) {
    let words = desk.words();
    lines.head(words.why_held);
    lines.line(super::top::hold_words(desk, why));
    let alone = why == Hold::Starting;
    lines.line(if alone { words.held_self } else { words.held_person });
    lines.y += 1;
    lines.head(words.lacking);
    let lacking: Vec<&str> = LACKS.iter().zip(words.lacks).filter(|((bit, _), _)| state.lacks & bit != 0).map(|(_, text)| text).collect();
    if lacking.is_empty() {
        lines.line(words.nothing_lacking);
    }
    // What does not fit waits for what does: each that is mended makes room.
    let room = usize::from(lines.bottom.saturating_sub(lines.y)).saturating_sub(if alone { 1 } else { 3 });
    lacking.iter().take(room).for_each(|text| lines.line(text));
    if lacking.len() > room {
        lines.line(&fill(words.alarm_more, &[&(lacking.len() - room).to_string()]));
    }
    if !alone {
        rearm(desk, &mut lines);
    }
}
