//! What applying a plant would change.

use crate::Plant;
use codec::{Wire, encode};
use std::collections::BTreeMap;
use std::fmt;

/// What happens to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// It is new.
    Added,
    /// It goes.
    Removed,
    /// It stays, with other contents.
    Changed,
}

/// One object that changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What happens.
    pub what: What,
    /// Which table.
    pub table: &'static str,
    /// Which object, or empty.
    pub id: String,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match self.what {
            What::Added => "+",
            What::Removed => "-",
            What::Changed => "~",
        };
        write!(f, "{sign} {} {}", self.table, self.id)
    }
}

/// Objects by id, in their one binary form.
fn index<'a, T: Wire + 'a>(objects: impl Iterator<Item = &'a T>, id: impl Fn(&T) -> String) -> BTreeMap<String, Vec<u8>> {
    objects.map(|object| (id(object), encode(object))).collect()
}

fn compare(table: &'static str, old: &BTreeMap<String, Vec<u8>>, new: &BTreeMap<String, Vec<u8>>, out: &mut Vec<Change>) {
    for (id, bytes) in new {
        let what = match old.get(id) {
            None => What::Added,
            Some(before) if before != bytes => What::Changed,
            Some(_) => continue,
        };
        out.push(Change { what, table, id: id.clone() });
    }
    for id in old.keys().filter(|id| !new.contains_key(*id)) {
        out.push(Change { what: What::Removed, table, id: id.clone() });
    }
}

impl Plant {
    /// What going from `old` to `new` would change.
    pub fn changes(old: &Self, new: &Self) -> Vec<Change> {
        let mut out = Vec::new();
        let whole = |plant: &Self| {
            BTreeMap::from([
                ("box".to_owned(), encode(&plant.box_facts)),
                ("recording".to_owned(), encode(&plant.recording)),
                ("limits".to_owned(), encode(&plant.limits)),
            ])
        };
        compare("settings", &whole(old), &whole(new), &mut out);
        let people = |plant: &Self| index(plant.people.iter(), |p| p.id.to_string());
        compare("person", &people(old), &people(new), &mut out);
        let targets = |plant: &Self| index(plant.targets.iter(), |t| t.id.to_string());
        compare("target", &targets(old), &targets(new), &mut out);
        let conduits = |plant: &Self| index(plant.conduits.iter(), |c| c.id.to_string());
        compare("conduit", &conduits(old), &conduits(new), &mut out);
        out
    }
}
