//! Reading one table key by key, collecting faults with their lines.

use crate::FileFault;
use codec::{List, Text};
use model::{Fault, Plant};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::ops::Range;
use toml_edit::{Item, TableLike, Value};

/// The line of a byte, from 1.
pub(crate) fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|b| *b == b'\n').count() + 1
}

/// A whole file being read.
pub(crate) struct Reading<'a> {
    file: &'a str,
    text: &'a str,
    faults: Vec<FileFault>,
    /// Where each object's keys stand, for faults that are found only in the whole.
    places: BTreeMap<(String, String, String), usize>,
}

/// One table being read.
pub(crate) struct Node<'t> {
    pub table: &'t dyn TableLike,
    pub path: &'static str,
    pub line: usize,
    known: BTreeSet<&'static str>,
}

impl<'a> Reading<'a> {
    pub fn new(file: &'a str, text: &'a str) -> Self {
        Self { file, text, faults: Vec::new(), places: BTreeMap::new() }
    }

    pub fn line(&self, span: Option<Range<usize>>) -> usize {
        line_of(self.text, span.map_or(0, |span| span.start))
    }

    pub fn fault(&mut self, line: usize, key: impl Display, problem: String, allowed: impl Display) {
        self.faults.push(FileFault {
            file: self.file.to_owned(),
            line,
            key: key.to_string(),
            problem,
            allowed: allowed.to_string(),
        });
    }

    /// Remembers where an object's keys stand.
    pub fn place(&mut self, node: &Node<'_>, id: &str) {
        for (key, item) in node.table.iter() {
            let span = item.span().or_else(|| node.table.get_key_value(key).and_then(|(k, _)| k.span()));
            let line = span.map_or(node.line, |span| self.line(Some(span)));
            self.places.insert((node.path.to_owned(), id.to_owned(), key.to_owned()), line);
        }
        self.places.insert((node.path.to_owned(), id.to_owned(), String::new()), node.line);
    }

    /// The plant, if it is free of faults, those of the whole too.
    pub fn finish(mut self, plant: Option<Plant>) -> Result<Plant, Vec<FileFault>> {
        if let (Some(plant), true) = (&plant, self.faults.is_empty())
            && let Err(faults) = plant.check()
        {
            for fault in faults {
                let line = self.place_of(&fault);
                let key = format!("{}.{}", fault.table, fault.key);
                self.fault(line, key, fault.problem, fault.allowed);
            }
        }
        match plant {
            Some(plant) if self.faults.is_empty() => Ok(plant),
            _ => {
                self.faults.sort_by_key(|fault| fault.line);
                Err(self.faults)
            }
        }
    }

    fn place_of(&self, fault: &Fault) -> usize {
        let at = |key: &str| self.places.get(&(fault.table.to_owned(), fault.id.clone(), key.to_owned()));
        at(fault.key).or_else(|| at("")).copied().unwrap_or(1)
    }
}

impl<'t> Node<'t> {
    pub fn new(table: &'t dyn TableLike, path: &'static str, line: usize) -> Self {
        Self { table, path, line, known: BTreeSet::new() }
    }

    fn key(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// The item under `key`, and its line.
    pub fn item(&mut self, reading: &Reading<'_>, key: &'static str) -> Option<(&'t Item, usize)> {
        self.known.insert(key);
        let (name, item) = self.table.get_key_value(key)?;
        Some((item, reading.line(item.span().or_else(|| name.span()))))
    }

    /// A value that `parse` reads out of text; its error names what is allowed.
    pub fn parsed<T>(
        &mut self,
        reading: &mut Reading<'_>,
        key: &'static str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        let (item, line) = self.item(reading, key)?;
        let Some(text) = item.as_str() else {
            reading.fault(line, self.key(key), format!("a {} stands here", item.type_name()), "write a text in quotes");
            return None;
        };
        match parse(text) {
            Ok(value) => Some(value),
            Err(allowed) => {
                reading.fault(line, self.key(key), format!("{text:?} does not fit"), allowed);
                None
            }
        }
    }

    /// The same, for a key that must be there.
    pub fn required<T>(
        &mut self,
        reading: &mut Reading<'_>,
        key: &'static str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        if self.table.get(key).is_none() {
            self.known.insert(key);
            reading.fault(self.line, self.key(key), "it is missing".into(), format!("every {} has one", self.path));
            return None;
        }
        self.parsed(reading, key, parse)
    }

    /// Bounded text; empty where the key is not there.
    pub fn text<const N: usize>(&mut self, reading: &mut Reading<'_>, key: &'static str) -> Text<N> {
        self.parsed(reading, key, |text| Text::new(text).map_err(|_| format!("at most {N} bytes"))).unwrap_or_default()
    }

    /// A list of texts, each read by `parse`.
    pub fn list<T: Clone, const N: usize>(
        &mut self,
        reading: &mut Reading<'_>,
        key: &'static str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> List<T, N> {
        let Some((item, line)) = self.item(reading, key) else { return List::default() };
        let Some(array) = item.as_array() else {
            let problem = format!("a {} stands here", item.type_name());
            reading.fault(line, self.key(key), problem, "write a list of texts, as [\"a\", \"b\"]");
            return List::default();
        };
        let mut values = Vec::new();
        for value in array.iter() {
            let line = reading.line(value.span());
            match value.as_str().map(&parse) {
                Some(Ok(value)) => values.push(value),
                Some(Err(allowed)) => {
                    let shown = value.as_str().unwrap_or_default();
                    reading.fault(line, self.key(key), format!("{shown:?} does not fit"), allowed);
                }
                None => {
                    let problem = format!("a {} stands in the list", value.type_name());
                    reading.fault(line, self.key(key), problem, "write texts in quotes");
                }
            }
        }
        let count = values.len();
        List::new(values).unwrap_or_else(|_| {
            reading.fault(line, self.key(key), format!("{count} entries"), format!("at most {N}"));
            List::default()
        })
    }

    /// A whole number within a range.
    pub fn number(&mut self, reading: &mut Reading<'_>, key: &'static str, range: Range<i64>, otherwise: i64) -> i64 {
        let Some((item, line)) = self.item(reading, key) else { return otherwise };
        match item.as_integer() {
            Some(number) if range.contains(&number) => number,
            _ => {
                let shown = item.as_value().map(Value::to_string).unwrap_or_default();
                let allowed = format!("a whole number from {} to {}", range.start, range.end - 1);
                reading.fault(line, self.key(key), format!("{} does not fit", shown.trim()), allowed);
                otherwise
            }
        }
    }

    /// Yes or no.
    pub fn yes(&mut self, reading: &mut Reading<'_>, key: &'static str) -> bool {
        let Some((item, line)) = self.item(reading, key) else { return false };
        item.as_bool().unwrap_or_else(|| {
            reading.fault(line, self.key(key), format!("a {} stands here", item.type_name()), "true or false");
            false
        })
    }

    /// The tables of `[[key]]`, each with its line.
    pub fn tables(&mut self, reading: &mut Reading<'_>, key: &'static str, path: &'static str) -> Vec<Node<'t>> {
        let Some((item, line)) = self.item(reading, key) else { return Vec::new() };
        match item.as_array_of_tables() {
            Some(tables) => tables.iter().map(|t| Node::new(t, path, reading.line(t.span()))).collect(),
            None => {
                reading.fault(line, self.key(key), "it is no list of tables".into(), format!("write [[{path}]]"));
                Vec::new()
            }
        }
    }

    /// The table `[key]`; none where it is not there.
    pub fn table(&mut self, reading: &mut Reading<'_>, key: &'static str) -> Option<Node<'t>> {
        let (item, line) = self.item(reading, key)?;
        match item.as_table_like() {
            Some(table) => Some(Node::new(table, key, line)),
            None => {
                reading.fault(line, key, "it is no table".into(), format!("write [{key}]"));
                None
            }
        }
    }

    /// Keys that nobody asked for are faults.
    pub fn end(self, reading: &mut Reading<'_>) {
        let known: Vec<&str> = self.known.iter().copied().collect();
        for (key, item) in self.table.iter().filter(|(key, _)| !self.known.contains(key)) {
            let span = self.table.get_key_value(key).and_then(|(k, _)| k.span()).or_else(|| item.span());
            let line = span.map_or(self.line, |span| reading.line(Some(span)));
            reading.fault(line, self.key(key), "there is no such key".into(), format!("known here: {}", known.join(", ")));
        }
    }
}
