//! The screen as a function of what the desk knows: 80 by 25 cells, and what fits of them.
//!
//! No colour says anything alone: there is always a word or a shape. An alarm never scrolls away: the
//! lines below the state are kept for them.

mod alarms;
mod bottom;
mod canvas;
mod cut;
mod dialogs;
mod lists;
mod time;
mod top;

pub use canvas::Canvas;

use crate::desk::Desk;
use guard::Standing;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};

/// Lines of the alarms, from this one on.
const ALARMS_TOP: u16 = 4;
/// Lines of the alarms.
const ALARMS: u16 = 3;
/// The lists, or what happened, begin here.
const BODY_TOP: u16 = 7;
/// Lines below the lists.
const BOTTOM: u16 = 6;
/// Lines below what happened.
const BOTTOM_DOWN: u16 = 3;

/// White on black.
pub(crate) const PLAIN: Style = Style::new().fg(Color::White).bg(Color::Black);
/// A name of something.
pub(crate) const LABEL: Style = Style::new().fg(Color::LightBlue).bg(Color::Black);
/// Heads and what counts.
pub(crate) const STRONG: Style = PLAIN.add_modifier(Modifier::BOLD);
/// All is as it should be.
pub(crate) const CALM: Style = Style::new().fg(Color::White).bg(Color::Blue).add_modifier(Modifier::BOLD);
/// Somebody has to look: orange, which the Linux console makes of yellow.
pub(crate) const ALARM: Style = Style::new().fg(Color::Black).bg(Color::Yellow);
/// The same as big letters.
pub(crate) const ALARM_BIG: Style = Style::new().fg(Color::LightYellow).bg(Color::Black).add_modifier(Modifier::BOLD);
/// The line that is chosen.
pub(crate) const CHOSEN: Style = Style::new().fg(Color::Black).bg(Color::White);

/// Draws it; the texts of ours that had to be cut are returned, for tests.
pub fn draw(desk: &Desk, buffer: &mut Buffer) -> Vec<String> {
    let area = buffer.area;
    let mut canvas = Canvas::new(buffer);
    canvas.fill(area, PLAIN);
    top::draw(desk, &mut canvas);
    alarms::draw(desk, &mut canvas);
    let body = |bottom: u16| Rect {
        x: 0,
        y: BODY_TOP.min(area.height),
        width: area.width,
        height: area.height.saturating_sub(BODY_TOP + bottom),
    };
    if desk.is_cut_off() {
        cut::draw(desk, &mut canvas, body(BOTTOM_DOWN));
        bottom::draw_down(desk, &mut canvas);
    } else if desk.state().is_some_and(|state| state.standing != Standing::Armed) {
        cut::draw(desk, &mut canvas, body(BOTTOM));
        bottom::draw(desk, &mut canvas, false);
    } else {
        let faults_shown = lists::draw(desk, &mut canvas, body(BOTTOM));
        bottom::draw(desk, &mut canvas, faults_shown);
    }
    dialogs::draw(desk, &mut canvas);
    canvas.cut
}
