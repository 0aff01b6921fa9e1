//! The menu of a person who named no target: what it shows, and what typing does. Pure.

use border::front::Choice;

/// What the person decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pick {
    /// The choice of this index.
    Choice(usize),
    /// Out.
    Leave,
}

/// The menu as lines for a terminal or for standard error.
pub fn render(choices: &[Choice]) -> Vec<String> {
    if choices.is_empty() {
        return vec!["There is no target that you may reach.".to_owned()];
    }
    let mut lines = vec!["Targets:".to_owned()];
    for (index, choice) in choices.iter().enumerate() {
        let account = if choice.account.is_empty() { String::new() } else { format!(".{}", choice.account) };
        let mut line = format!("{:>3}  {}{account}", index + 1, choice.target);
        if !choice.why_not.is_empty() {
            line.push_str(&format!("  (not now: {})", choice.why_not));
        }
        if !choice.warning.is_empty() {
            line.push_str(&format!("  [{}]", choice.warning));
        }
        lines.push(line);
    }
    lines
}

/// The line being typed.
#[derive(Debug, Default)]
pub struct Prompt {
    line: String,
}

/// Digits that can be typed: a list has at most 128 choices.
const DIGITS_MAX: usize = 3;

impl Prompt {
    /// Feeds typed bytes: what to echo, and a decision if there is one.
    pub fn typed(&mut self, bytes: &[u8], choices: &[Choice]) -> (String, Option<Pick>) {
        let mut echo = String::new();
        for &byte in bytes {
            match byte {
                3 | 4 | b'q' | b'Q' => return (echo + "\r\n", Some(Pick::Leave)),
                8 | 127 if self.line.pop().is_some() => echo.push_str("\x08 \x08"),
                b'0'..=b'9' if self.line.len() < DIGITS_MAX => {
                    self.line.push(char::from(byte));
                    echo.push(char::from(byte));
                }
                b'\r' | b'\n' => {
                    let line = std::mem::take(&mut self.line);
                    match choose(&line, choices) {
                        Ok(index) => return (echo + "\r\n", Some(Pick::Choice(index))),
                        Err(why) => echo.push_str(&format!("\r\n{why}\r\n> ")),
                    }
                }
                _ => {}
            }
        }
        (echo, None)
    }
}

fn choose(line: &str, choices: &[Choice]) -> Result<usize, String> {
    let number: usize = line.parse().map_err(|_| "type a number and Enter, or q to leave".to_owned())?;
    let choice = number.checked_sub(1).and_then(|index| choices.get(index));
    match choice {
        None => Err(format!("there is no {number}; type a number from 1 to {}", choices.len())),
        Some(choice) if !choice.why_not.is_empty() => {
            Err(format!("{} is not open now: {}", choice.target, choice.why_not))
        }
        Some(_) => Ok(number - 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use border::{Line, Name};

    fn choices() -> Vec<Choice> {
        let choice = |target: &str, why_not: &str, warning: &str| Choice {
            target: Name::new(target).unwrap(),
            account: Name::default(),
            why_not: Line::new(why_not).unwrap(),
            warning: Line::new(warning).unwrap(),
        };
        vec![choice("plc-gw", "", "old algorithms"), choice("hmi", "window opens at 08:00", "")]
    }

    #[test]
    fn the_menu_shows_numbers_reasons_and_warnings() {
        let text = render(&choices()).join("\n");
        assert!(text.contains("1  plc-gw  [old algorithms]"), "{text}");
        assert!(text.contains("2  hmi  (not now: window opens at 08:00)"), "{text}");
    }

    #[test]
    fn a_number_and_enter_choose() {
        let mut prompt = Prompt::default();
        assert_eq!(prompt.typed(b"1", &choices()), ("1".to_owned(), None));
        assert_eq!(prompt.typed(b"\r", &choices()).1, Some(Pick::Choice(0)));
    }

    #[test]
    fn what_is_closed_or_unknown_is_not_chosen() {
        let mut prompt = Prompt::default();
        for typed in [&b"2\r"[..], b"0\r", b"3\r", b"\r", b"999\r", b"x\x1b[A\r"] {
            assert_eq!(prompt.typed(typed, &choices()).1, None, "{typed:?}");
        }
    }

    #[test]
    fn q_and_control_c_and_d_leave() {
        for typed in [&b"q"[..], b"\x03", b"\x04", b"1\x7f\x03"] {
            assert_eq!(Prompt::default().typed(typed, &choices()).1, Some(Pick::Leave));
        }
    }
}
