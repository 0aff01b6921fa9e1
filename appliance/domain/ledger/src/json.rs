//! The one canonical JSON form: keys in a fixed order, no spaces, one way to escape.
//!
//! The reader takes only members in the order that the caller asks for. It does not itself insist
//! on canonical escapes: callers write the value again and compare bytes, which settles all of it.

use crate::fault::Problem;

/// Writes one flat object.
pub(crate) struct Object {
    out: String,
}

impl Object {
    pub(crate) fn new() -> Self {
        Self { out: String::from("{") }
    }

    fn key(&mut self, key: &str) {
        if self.out.len() > 1 {
            self.out.push(',');
        }
        self.out.push('"');
        self.out.push_str(key);
        self.out.push_str("\":");
    }

    pub(crate) fn number(&mut self, key: &str, value: u64) {
        self.key(key);
        self.out.push_str(&value.to_string());
    }

    pub(crate) fn text(&mut self, key: &str, value: &str) {
        self.key(key);
        quote(value, &mut self.out);
    }

    pub(crate) fn option(&mut self, key: &str, value: Option<&str>) {
        match value {
            Some(text) => self.text(key, text),
            None => {
                self.key(key);
                self.out.push_str("null");
            }
        }
    }

    pub(crate) fn end(mut self) -> String {
        self.out.push('}');
        self.out
    }
}

/// A ledger may be shown by any pager: nothing in it may move a cursor or turn text around.
fn must_escape(c: char) -> bool {
    c.is_control()
        || matches!(c, '"' | '\\' | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

fn quote(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if must_escape(c) => {
                out.push_str("\\u");
                // All that must be escaped lies in the first plane.
                let code = u32::from(c);
                out.push_str(&crate::hex(&[(code >> 8) as u8, code as u8]));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// Reads one flat object, members in order.
pub(crate) struct Reader<'a> {
    rest: &'a str,
    first: bool,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Result<Self, Problem> {
        let text = std::str::from_utf8(bytes).map_err(|_| Problem::Form("not UTF-8"))?;
        let rest = text.strip_prefix('{').ok_or(Problem::Form("no object"))?;
        Ok(Self { rest, first: true })
    }

    fn skip(&mut self, prefix: &str, part: &'static str) -> Result<(), Problem> {
        self.rest = self.rest.strip_prefix(prefix).ok_or(Problem::Form(part))?;
        Ok(())
    }

    fn key(&mut self, key: &'static str) -> Result<(), Problem> {
        if !std::mem::replace(&mut self.first, false) {
            self.skip(",", key)?;
        }
        self.skip("\"", key)?;
        self.skip(key, key)?;
        self.skip("\":", key)
    }

    pub(crate) fn number(&mut self, key: &'static str) -> Result<u64, Problem> {
        self.key(key)?;
        let end = self.rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(self.rest.len());
        let (digits, rest) = self.rest.split_at(end);
        self.rest = rest;
        digits.parse().map_err(|_| Problem::Form(key))
    }

    pub(crate) fn text(&mut self, key: &'static str) -> Result<String, Problem> {
        self.key(key)?;
        self.string(key)
    }

    pub(crate) fn option(&mut self, key: &'static str) -> Result<Option<String>, Problem> {
        self.key(key)?;
        if let Some(rest) = self.rest.strip_prefix("null") {
            self.rest = rest;
            return Ok(None);
        }
        self.string(key).map(Some)
    }

    fn string(&mut self, key: &'static str) -> Result<String, Problem> {
        self.skip("\"", key)?;
        let mut out = String::new();
        let mut chars = self.rest.chars();
        loop {
            match chars.next().ok_or(Problem::Form(key))? {
                '"' => break,
                '\\' => match chars.next() {
                    Some('u') => {
                        let digits = chars.as_str().as_bytes().get(..4).and_then(crate::unhex::<2>);
                        let code = u16::from_be_bytes(digits.ok_or(Problem::Form(key))?);
                        out.push(char::from_u32(code.into()).ok_or(Problem::Form(key))?);
                        chars.nth(3);
                    }
                    Some(c @ ('"' | '\\')) => out.push(c),
                    Some(_) | None => return Err(Problem::Form(key)),
                },
                c => out.push(c),
            }
        }
        self.rest = chars.as_str();
        Ok(out)
    }

    /// Whether a further member comes.
    pub(crate) fn more(&self) -> bool {
        self.rest.starts_with(',')
    }

    pub(crate) fn end(self) -> Result<(), Problem> {
        if self.rest == "}" { Ok(()) } else { Err(Problem::Form("something after the last member")) }
    }
}
