//! From cells to the bytes of a terminal: only what changed, in sequences that the Linux console, a VT100 over a
//! serial line and every terminal emulator know. No terminal database is read.

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier, Style};

/// Before the first frame: UTF-8, no cursor, and a last cell that does not scroll the screen.
pub const BEGIN: &[u8] = b"\x1b%G\x1b[?25l\x1b[?7l\x1b[0m";
/// The same in a window: what was in it comes back at the end.
pub const BEGIN_WINDOW: &[u8] = b"\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[0m";
/// After the last frame.
pub const END: &[u8] = b"\x1b[0m\x1b[2J\x1b[H\x1b[?7h\x1b[?25h";
/// The same in a window.
pub const END_WINDOW: &[u8] = b"\x1b[0m\x1b[2J\x1b[?7h\x1b[?25h\x1b[?1049l";

/// What a terminal shows.
#[derive(Debug, Default)]
pub struct Painter {
    shown: Option<Buffer>,
}

/// Of the eight colours that each has. Yellow is orange on the Linux console.
#[allow(clippy::wildcard_enum_match_arm, reason = "the library has colours that no terminal of ours shows: white")]
fn colour(colour: Color) -> u8 {
    match colour {
        Color::Black => 0,
        Color::Yellow | Color::LightYellow => 3,
        Color::Blue | Color::LightBlue => 4,
        _ => 7,
    }
}

/// Select Graphic Rendition (ECMA-48 8.3.117), from nothing.
fn rendition(out: &mut Vec<u8>, style: (Color, Color, Modifier)) {
    let (front, back, modifier) = style;
    let bright = modifier.contains(Modifier::BOLD) || matches!(front, Color::LightBlue | Color::LightYellow);
    let bold = if bright { ";1" } else { "" };
    out.extend_from_slice(format!("\x1b[0{bold};3{};4{}m", colour(front), colour(back)).as_bytes());
}

fn looks(cell: &Cell) -> (Color, Color, Modifier) {
    let style: Style = cell.style();
    (style.fg.unwrap_or(Color::White), style.bg.unwrap_or(Color::Black), style.add_modifier)
}

impl Painter {
    /// Draw every cell with the next frame: the terminal may show anything.
    pub fn forget(&mut self) {
        self.shown = None;
    }

    /// The bytes that turn what is shown into this frame.
    pub fn paint(&mut self, next: Buffer) -> Vec<u8> {
        let known = self.shown.as_ref().filter(|shown| shown.area == next.area);
        let mut out = Vec::new();
        let mut at = None;
        let mut style = None;
        for (place, cell) in next.content().iter().enumerate() {
            if known.is_some_and(|shown| shown.content().get(place) == Some(cell)) {
                continue;
            }
            let (x, y) = next.pos_of(place);
            if at != Some((x, y)) {
                // Cursor Position counts from 1.
                out.extend_from_slice(format!("\x1b[{};{}H", u32::from(y) + 1, u32::from(x) + 1).as_bytes());
            }
            if style != Some(looks(cell)) {
                rendition(&mut out, looks(cell));
                style = Some(looks(cell));
            }
            out.extend_from_slice(cell.symbol().as_bytes());
            // Where the cursor is after the last column differs between terminals.
            at = (x + 1 < next.area.right()).then_some((x + 1, y));
        }
        self.shown = Some(next);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::layout::Rect;

    fn frame(text: &str) -> Buffer {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 10, 2));
        buffer.set_string(0, 1, text, Style::new().fg(Color::White).bg(Color::Black));
        buffer
    }

    #[test]
    fn only_what_changed_is_sent_and_all_of_it_after_forgetting() {
        let mut painter = Painter::default();
        let first = painter.paint(frame("abc"));
        assert!(painter.paint(frame("abc")).is_empty(), "nothing changed");
        assert_eq!(painter.paint(frame("abd")), b"\x1b[2;3H\x1b[0;37;40md");
        painter.forget();
        assert_eq!(painter.paint(frame("abc")), first);
    }
}
