//! A whole file being read: its lines, its faults, and where each object stands.

use crate::FileFault;
use model::{Fault, Plant};
use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::Range;

/// Where lines begin, so that a line is found without counting from the front each time.
pub(crate) struct Lines {
    begins: Vec<usize>,
}

impl Lines {
    pub fn new(text: &str) -> Self {
        let after = text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(at, _)| at + 1);
        Self { begins: std::iter::once(0).chain(after).collect() }
    }

    /// The line of a byte, from 1.
    pub fn of(&self, offset: usize) -> usize {
        self.begins.partition_point(|begin| *begin <= offset)
    }
}

/// Where one key stands, and the entries of its list.
#[derive(Debug, Clone, Default)]
pub(crate) struct KeyPlace {
    pub line: usize,
    pub entries: Vec<usize>,
}

/// Where one object stands.
#[derive(Debug, Clone, Default)]
pub(crate) struct Place {
    pub line: usize,
    pub keys: BTreeMap<String, KeyPlace>,
    /// Something in it could not be read: what the whole says of it would be hearsay.
    pub faulted: bool,
}

/// A whole file being read.
pub(crate) struct Reading<'a> {
    file: &'a str,
    lines: Lines,
    faults: Vec<FileFault>,
    /// The objects of each table, in the file's order, as the faults of the whole count them.
    places: BTreeMap<&'static str, Vec<Place>>,
}

impl<'a> Reading<'a> {
    pub fn new(file: &'a str, lines: Lines) -> Self {
        Self { file, lines, faults: Vec::new(), places: BTreeMap::new() }
    }

    pub fn line(&self, span: Option<Range<usize>>) -> usize {
        self.lines.of(span.map_or(0, |span| span.start))
    }

    pub fn fault(&mut self, line: usize, key: impl Display, problem: impl Into<String>, allowed: impl Into<String>) {
        let (file, key) = (self.file.to_owned(), key.to_string());
        self.faults.push(FileFault { file, line, key, problem: problem.into(), allowed: allowed.into() });
    }

    /// Remembers where the next object of a table stands.
    pub fn place(&mut self, path: &'static str, place: Place) {
        self.places.entry(path).or_default().push(place);
    }

    /// The plant, if it is free of faults, those of the whole too.
    pub fn finish(mut self, plant: Option<Plant>) -> Result<Plant, Vec<FileFault>> {
        if let Some(plant) = &plant {
            for fault in plant.check().err().unwrap_or_default() {
                self.of_the_whole(fault);
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

    /// Gives a fault its line, unless it only follows from one that was said already.
    fn of_the_whole(&mut self, fault: Fault) {
        let place = self.places.get(fault.table).and_then(|places| places.get(fault.index));
        let people_faulted = self.places.get("person").is_some_and(|people| people.iter().any(|p| p.faulted));
        let of_roles = fault.table == "conduit" && matches!(fault.key, "roles" | "approvers");
        if place.is_some_and(|p| p.faulted) || (of_roles && people_faulted) {
            return;
        }
        let line = place.map_or(1, |place| {
            place.keys.get(fault.key).map_or(place.line, |key| {
                fault.entry.and_then(|entry| key.entries.get(entry)).copied().unwrap_or(key.line)
            })
        });
        self.fault(line, format!("{}.{}", fault.table, fault.key), fault.problem, fault.allowed);
    }
}
