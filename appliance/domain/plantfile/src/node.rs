//! Reading one table key by key.

use crate::reading::{KeyPlace, Place, Reading};
use crate::words::Bad;
use codec::{List, Text};
use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use toml_edit::{Item, TableLike, Value};

/// One table being read.
pub(crate) struct Node<'t> {
    table: &'t dyn TableLike,
    path: &'static str,
    known: BTreeSet<&'static str>,
    place: Place,
}

/// What stands there instead, with its article.
fn stands(kind: &str) -> String {
    let article = if kind.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} {kind} stands here")
}

impl<'t> Node<'t> {
    pub fn new(table: &'t dyn TableLike, path: &'static str, line: usize) -> Self {
        let place = Place { line, ..Place::default() };
        Self { table, path, known: BTreeSet::new(), place }
    }

    /// The line on which it begins.
    pub fn line(&self) -> usize {
        self.place.line
    }

    fn fault(&mut self, reading: &mut Reading<'_>, line: usize, key: &str, problem: impl Into<String>, allowed: impl Into<String>) {
        self.place.faulted = true;
        let key = if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) };
        reading.fault(line, key, problem, allowed);
    }

    fn line_of(&self, reading: &Reading<'_>, key: &str, item: &Item) -> usize {
        let span = self.table.get_key_value(key).and_then(|(k, _)| k.span()).or_else(|| item.span());
        span.map_or(self.place.line, |span| reading.line(Some(span)))
    }

    /// The item under `key`, and the line of the key.
    fn item(&mut self, reading: &Reading<'_>, key: &'static str) -> Option<(&'t Item, usize)> {
        self.known.insert(key);
        let item = self.table.get(key)?;
        let line = self.line_of(reading, key, item);
        self.place.keys.insert(key.to_owned(), KeyPlace { line, entries: Vec::new() });
        Some((item, line))
    }

    /// A value that `parse` reads out of text.
    pub fn parsed<T>(&mut self, reading: &mut Reading<'_>, key: &'static str, parse: impl Fn(&str) -> Result<T, Bad>) -> Option<T> {
        let (item, line) = self.item(reading, key)?;
        let Some(text) = item.as_str() else {
            self.fault(reading, line, key, stands(item.type_name()), "write a text in quotes");
            return None;
        };
        parse(text).map_err(|bad| self.fault(reading, line, key, bad.problem, bad.allowed)).ok()
    }

    /// The same, for a key that must be there.
    pub fn required<T>(&mut self, reading: &mut Reading<'_>, key: &'static str, parse: impl Fn(&str) -> Result<T, Bad>) -> Option<T> {
        if self.table.get(key).is_none() {
            self.known.insert(key);
            let (line, allowed) = (self.place.line, format!("every {} has one", self.path));
            self.fault(reading, line, key, "it is missing", allowed);
            return None;
        }
        self.parsed(reading, key, parse)
    }

    /// Bounded text; empty where the key is not there.
    pub fn text<const N: usize>(&mut self, reading: &mut Reading<'_>, key: &'static str) -> Text<N> {
        self.parsed(reading, key, crate::words::bounded_text).unwrap_or_default()
    }

    /// A list of texts, each read by `parse`.
    pub fn list<T, const N: usize>(&mut self, reading: &mut Reading<'_>, key: &'static str, parse: impl Fn(&str) -> Result<T, Bad>) -> List<T, N> {
        let Some((item, line)) = self.item(reading, key) else { return List::default() };
        let Some(array) = item.as_array() else {
            self.fault(reading, line, key, stands(item.type_name()), "write a list of texts, as [\"a\", \"b\"]");
            return List::default();
        };
        if array.len() > N {
            self.fault(reading, line, key, format!("{} entries", array.len()), format!("at most {N}"));
            return List::default();
        }
        let mut values = Vec::new();
        let mut entries = Vec::new();
        for value in array.iter() {
            let line = value.span().map_or(line, |span| reading.line(Some(span)));
            entries.push(line);
            match value.as_str().map(&parse) {
                Some(Ok(value)) => values.push(value),
                Some(Err(bad)) => self.fault(reading, line, key, bad.problem, bad.allowed),
                None => self.fault(reading, line, key, stands(value.type_name()), "write texts in quotes"),
            }
        }
        self.place.keys.insert(key.to_owned(), KeyPlace { line, entries });
        List::new(values).unwrap_or_default()
    }

    /// A whole number within a range; none where the key is not there or wrong.
    pub fn number(&mut self, reading: &mut Reading<'_>, key: &'static str, range: RangeInclusive<i64>) -> Option<i64> {
        let (item, line) = self.item(reading, key)?;
        let allowed = format!("write a whole number from {} to {}", range.start(), range.end());
        match item.as_value().and_then(Value::as_integer) {
            Some(number) if range.contains(&number) => return Some(number),
            Some(number) => self.fault(reading, line, key, format!("{number} is out of range"), allowed),
            None => self.fault(reading, line, key, stands(item.type_name()), allowed),
        }
        None
    }

    /// Yes or no; no where the key is not there.
    pub fn yes(&mut self, reading: &mut Reading<'_>, key: &'static str) -> bool {
        let Some((item, line)) = self.item(reading, key) else { return false };
        item.as_bool().unwrap_or_else(|| {
            self.fault(reading, line, key, stands(item.type_name()), "write true or false");
            false
        })
    }

    /// The tables of `[[key]]`, each with its line.
    pub fn tables(&mut self, reading: &mut Reading<'_>, key: &'static str, path: &'static str) -> Vec<Node<'t>> {
        let Some((item, line)) = self.item(reading, key) else { return Vec::new() };
        match item.as_array_of_tables() {
            Some(tables) => tables.iter().map(|t| Node::new(t, path, reading.line(t.span()))).collect(),
            None => {
                self.fault(reading, line, key, stands(item.type_name()), format!("write [[{path}]]"));
                Vec::new()
            }
        }
    }

    /// The table `[key]`; none where it is not there.
    pub fn table(&mut self, reading: &mut Reading<'_>, key: &'static str) -> Option<Node<'t>> {
        let (item, line) = self.item(reading, key)?;
        let found = item.as_table_like().map(|table| Node::new(table, key, line));
        if found.is_none() {
            self.fault(reading, line, key, stands(item.type_name()), format!("write [{key}]"));
        }
        found
    }

    /// A table that must be there.
    pub fn required_table(&mut self, reading: &mut Reading<'_>, key: &'static str, allowed: &str) -> Option<Node<'t>> {
        if self.table.get(key).is_none() {
            self.known.insert(key);
            self.fault(reading, 1, key, "it is missing", allowed);
        }
        self.table(reading, key)
    }

    /// Keys that nobody asked for are faults; then the object has its place.
    pub fn end(mut self, reading: &mut Reading<'_>) {
        let keys = std::mem::take(&mut self.known);
        let known = keys.iter().copied().collect::<Vec<_>>().join(", ");
        let table = self.table;
        for (key, item) in table.iter().filter(|(key, _)| !keys.contains(key)) {
            let line = self.line_of(reading, key, item);
            let front: String = key.chars().take(40).flat_map(char::escape_debug).collect();
            self.fault(reading, line, &front, "there is no such key", format!("known here: {known}"));
        }
        reading.place(self.path, self.place);
    }
}
