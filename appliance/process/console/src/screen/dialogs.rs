//! What is asked of the person at the keys. It lies over the lists, never over state, alarms or the last lines.

use super::{ALARMS, ALARMS_TOP, CHOSEN, Canvas, LABEL, PLAIN, STRONG};
use crate::desk::{Desk, Dialog, Order};
use crate::words::fill;
use ratatui::layout::Rect;

/// Keepers that are shown at once.
const SHOWN: usize = 5;

pub(super) fn draw(desk: &Desk, canvas: &mut Canvas<'_>) {
    let Some(dialog) = &desk.dialog else { return };
    let height = 9;
    let y = ALARMS_TOP + ALARMS + 1;
    let area = Rect { x: 6, y, width: 68, height }.intersection(canvas.area());
    frame(canvas, area);
    let inner = Rect { x: area.x + 3, y: area.y + 1, width: area.width.saturating_sub(6), height: area.height.saturating_sub(2) };
    match dialog {
        Dialog::Who { chosen, then: _ } => who(desk, *chosen, canvas, inner),
        Dialog::Pin { name, digits, checking, said, .. } => pin(desk, name, digits.len(), *checking, said.as_deref(), canvas, inner),
        Dialog::Confirm { order, text, more } => {
            let lines = canvas.wrapped(Rect { height: 3, ..inner }, STRONG, text);
            canvas.data(inner.x, inner.y + lines + 1, inner.width, PLAIN, more);
            let keys = if matches!(order, Order::End { .. }) { desk.words().yes_no_block } else { desk.words().yes_no };
            canvas.text(inner.x, inner.bottom().saturating_sub(1), inner.width, LABEL, keys);
        }
    }
}

fn frame(canvas: &mut Canvas<'_>, area: Rect) {
    canvas.fill(area, PLAIN);
    let (right, bottom) = (area.right().saturating_sub(1), area.bottom().saturating_sub(1));
    let line = "─".repeat(usize::from(area.width.saturating_sub(2)));
    canvas.text(area.x, area.y, area.width, STRONG, &format!("┌{line}┐"));
    canvas.text(area.x, bottom, area.width, STRONG, &format!("└{line}┘"));
    for y in area.y + 1..bottom {
        canvas.text(area.x, y, 1, STRONG, "│");
        canvas.text(right, y, 1, STRONG, "│");
    }
}

fn who(desk: &Desk, chosen: usize, canvas: &mut Canvas<'_>, area: Rect) {
    let words = desk.words();
    canvas.text(area.x, area.y, area.width, STRONG, words.who_unlocks);
    let keepers = desk.view().map(|view| &view.keepers[..]).unwrap_or_default();
    let first = (chosen + 1).saturating_sub(SHOWN);
    for ((place, keeper), y) in keepers.iter().enumerate().skip(first).take(SHOWN).zip(area.y + 1..) {
        let style = if place == chosen { CHOSEN } else { PLAIN };
        let mark = if place == chosen { "►" } else { " " };
        canvas.data(area.x, y, area.width, style, &format!("{mark} {}  {}", &*keeper.person, &*keeper.name));
    }
    canvas.text(area.x, area.bottom().saturating_sub(1), area.width, LABEL, words.choose_enter);
}

fn pin(desk: &Desk, name: &str, digits: usize, checking: bool, said: Option<&str>, canvas: &mut Canvas<'_>, area: Rect) {
    let words = desk.words();
    canvas.data(area.x, area.y, area.width, STRONG, &fill(words.pin_of, &[name]));
    let shown: String = (0..12).map(|place| if place < digits { "• " } else { "_ " }).collect();
    canvas.text(area.x, area.y + 2, area.width, STRONG, &shown);
    if let Some(said) = said {
        canvas.wrapped(Rect { y: area.y + 4, height: 2, ..area }, STRONG, said);
    }
    let hint = if checking { words.pin_checking } else { words.pin_hint };
    canvas.text(area.x, area.bottom().saturating_sub(1), area.width, LABEL, hint);
}
