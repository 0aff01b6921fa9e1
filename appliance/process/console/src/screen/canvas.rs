//! Writing into the cells.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use std::collections::VecDeque;

/// A buffer, and which of our own texts did not fit into it.
pub struct Canvas<'b> {
    buffer: &'b mut Buffer,
    /// Texts that had to be cut.
    pub cut: Vec<String>,
}

/// Glyphs of the big letters: five rows of five cells, the left one highest.
const LETTERS: [(char, [u8; 5]); 21] = [
    ('A', [0b01110, 0b10001, 0b11111, 0b10001, 0b10001]),
    ('B', [0b11110, 0b10001, 0b11110, 0b10001, 0b11110]),
    ('C', [0b01111, 0b10000, 0b10000, 0b10000, 0b01111]),
    ('D', [0b11110, 0b10001, 0b10001, 0b10001, 0b11110]),
    ('E', [0b11111, 0b10000, 0b11110, 0b10000, 0b11111]),
    ('F', [0b11111, 0b10000, 0b11110, 0b10000, 0b10000]),
    ('G', [0b01111, 0b10000, 0b10011, 0b10001, 0b01111]),
    ('H', [0b10001, 0b10001, 0b11111, 0b10001, 0b10001]),
    ('I', [0b01110, 0b00100, 0b00100, 0b00100, 0b01110]),
    ('K', [0b10010, 0b10100, 0b11000, 0b10100, 0b10010]),
    ('L', [0b10000, 0b10000, 0b10000, 0b10000, 0b11111]),
    ('M', [0b10001, 0b11011, 0b10101, 0b10001, 0b10001]),
    ('N', [0b10001, 0b11001, 0b10101, 0b10011, 0b10001]),
    ('O', [0b01110, 0b10001, 0b10001, 0b10001, 0b01110]),
    ('P', [0b11110, 0b10001, 0b11110, 0b10000, 0b10000]),
    ('R', [0b11110, 0b10001, 0b11110, 0b10010, 0b10001]),
    ('S', [0b01111, 0b10000, 0b01110, 0b00001, 0b11110]),
    ('T', [0b11111, 0b00100, 0b00100, 0b00100, 0b00100]),
    ('U', [0b10001, 0b10001, 0b10001, 0b10001, 0b01110]),
    ('V', [0b10001, 0b10001, 0b10001, 0b01010, 0b00100]),
    ('W', [0b10001, 0b10001, 0b10101, 0b11011, 0b10001]),
];

fn glyph(letter: char) -> Option<[u8; 5]> {
    let found = LETTERS.iter().find(|(known, _)| *known == letter);
    found.map(|(_, rows)| *rows)
}

impl<'b> Canvas<'b> {
    /// On this buffer.
    pub fn new(buffer: &'b mut Buffer) -> Self {
        Self { buffer, cut: Vec::new() }
    }

    /// Its size.
    pub fn area(&self) -> Rect {
        self.buffer.area
    }

    /// Clears an area to blanks of this style.
    pub fn fill(&mut self, area: Rect, style: Style) {
        let area = area.intersection(self.buffer.area);
        for y in area.top()..area.bottom() {
            for x in area.left()..area.right() {
                self.buffer[(x, y)].set_char(' ').set_style(style);
            }
        }
    }

    /// A text of ours, at most `width` cells: what does not fit is noted. Where it ends.
    pub fn text(&mut self, x: u16, y: u16, width: u16, style: Style, text: &str) -> u16 {
        let room = usize::from(width.min(self.area().width.saturating_sub(x)));
        if text.chars().count() > room || y >= self.area().height {
            self.cut.push(text.to_owned());
        }
        self.data(x, y, width, style, text)
    }

    /// Somebody's words, of any length: cut where they must be, with a mark. Where they end.
    pub fn data(&mut self, x: u16, y: u16, width: u16, style: Style, text: &str) -> u16 {
        let area = self.area();
        if y >= area.height || x >= area.width {
            return x;
        }
        let width = usize::from(width.min(area.width - x));
        let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let long = ratatui::text::Span::raw(clean.as_str()).width() > width;
        let room = if long { width.saturating_sub(2) } else { width };
        let (mut end, _) = self.buffer.set_stringn(x, y, &clean, room, style);
        if long {
            (end, _) = self.buffer.set_stringn(end, y, "..", width.min(2), style);
        }
        end
    }

    /// The text at the right edge `right`, exclusive.
    pub fn right(&mut self, right: u16, y: u16, style: Style, text: &str) {
        let width = u16::try_from(text.chars().count()).unwrap_or(u16::MAX);
        self.text(right.saturating_sub(width), y, width, style, text);
    }

    /// A whole line of one style, with a text of ours.
    pub fn bar(&mut self, y: u16, style: Style, text: &str) {
        let area = Rect { x: 0, y, width: self.area().width, height: 1 };
        self.fill(area, style);
        self.text(1, y, area.width.saturating_sub(1), style, text);
    }

    /// A head over a list, ruled to the right edge.
    pub fn head(&mut self, y: u16, style: Style, text: &str) -> u16 {
        let end = self.text(1, y, self.area().width, style, text);
        for x in end + 1..self.area().width.saturating_sub(1) {
            if let Some(cell) = self.buffer.cell_mut((x, y)) {
                cell.set_char('─').set_style(super::LABEL);
            }
        }
        end
    }

    /// Big letters, three lines high.
    pub fn big(&mut self, x: u16, y: u16, style: Style, word: &str) {
        for (place, letter) in word.chars().enumerate() {
            let Some(rows) = glyph(letter) else { continue };
            let at = |row: usize, column: usize| rows.get(row).is_some_and(|bits| bits >> (4 - column) & 1 == 1);
            for line in 0..3 {
                for column in 0..5 {
                    let shape = match (at(2 * line, column), at(2 * line + 1, column)) {
                        (true, true) => '█',
                        (true, false) => '▀',
                        (false, true) => '▄',
                        (false, false) => ' ',
                    };
                    let (dx, dy) = (u16::try_from(place * 6 + column), u16::try_from(line));
                    let cell = (x.saturating_add(dx.unwrap_or(u16::MAX)), y.saturating_add(dy.unwrap_or(0)));
                    if let Some(cell) = self.buffer.cell_mut(cell) {
                        cell.set_char(shape).set_style(style);
                    }
                }
            }
        }
    }

    /// Words of ours over several lines; how many they took.
    pub fn wrapped(&mut self, area: Rect, style: Style, text: &str) -> u16 {
        let mut words: VecDeque<&str> = text.split(' ').collect();
        let mut y = area.y;
        while !words.is_empty() && y < area.bottom() {
            let mut line = String::new();
            while let Some(word) = words.front() {
                let length = line.chars().count() + word.chars().count() + usize::from(!line.is_empty());
                if !line.is_empty() && length > usize::from(area.width) {
                    break;
                }
                if !line.is_empty() {
                    line.push(' ');
                }
                line.push_str(word);
                words.pop_front();
            }
            self.text(area.x, y, area.width, style, &line);
            y += 1;
        }
        if !words.is_empty() {
            self.cut.push(text.to_owned());
        }
        y - area.y
    }
}

#[cfg(test)]
mod tests {
    use super::glyph;
    use crate::words::{DE, EN};

    #[test]
    fn the_big_words_have_their_letters_and_their_room() {
        for words in [&EN, &DE] {
            for word in [words.big_armed, words.big_cut, words.big_held, words.big_unknown] {
                assert!(word.chars().all(|letter| letter == ' ' || glyph(letter).is_some()), "{word}");
                assert!(word.chars().count() * 6 < 54, "{word} lies over the clock");
            }
        }
    }
}
