//! What applying a plant would change.

use crate::{BoxFacts, Conduit, ConsoleRules, Cutoff, Limits, Person, Plant, RecordingRules, Target};
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
    /// Which table: `settings`, `person`, `target`, `conduit`.
    pub table: &'static str,
    /// Which object; of the settings, `box`, `recording`, `limits`, `console` or `cutoff`.
    pub id: String,
    /// The keys that differ, as the plant file names them; empty unless it is [`What::Changed`].
    pub keys: Vec<&'static str>,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match self.what {
            What::Added => "+",
            What::Removed => "-",
            What::Changed => "~",
        };
        write!(f, "{sign} {} {}", self.table, self.id)?;
        if self.keys.is_empty() { Ok(()) } else { write!(f, ": {}", self.keys.join(", ")) }
    }
}

/// An object that can be held against its former self.
trait Compared {
    /// The keys that differ.
    fn differing(&self, new: &Self) -> Vec<&'static str>;
}

/// The pattern names every field, so that a new field without a key does not compile.
macro_rules! compared {
    ($($type:ident { $($field:ident => $key:literal),* $(,)? })*) => {$(
        impl Compared for $type {
            fn differing(&self, new: &Self) -> Vec<&'static str> {
                let Self { $($field),* } = self;
                let mut keys = Vec::new();
                $(if *$field != new.$field { keys.push($key); })*
                keys
            }
        }
    )*};
}

compared! {
    BoxFacts { name => "name", banner => "banner", zone_time => "zone_time" }
    RecordingRules {
        auditors => "auditors", refuse_below_mb => "refuse_below_mb", warn_below_mb => "warn_below_mb",
        live_key_s => "live_key",
    }
    Limits { tries_before_lockout => "tries_before_lockout", lockout_s => "lockout" }
    ConsoleRules { language => "language", lock_after_s => "lock_after" }
    Cutoff { rearm => "rearm", power_loss => "power_loss", drill => "drill" }
    Person {
        id => "id", name => "name", employer => "employer", telephone => "telephone", roles => "roles",
        login => "login", keys => "keys", admin => "admin", local_uid => "local_uid", console => "console",
    }
    Target {
        id => "id", kind => "kind", address => "address", port => "port", host_keys => "host_keys",
        legacy_algorithms => "legacy_algorithms", accounts => "account",
    }
    Conduit {
        id => "id", people => "people", roles => "roles", targets => "targets", windows => "windows",
        longest_s => "longest", idle_s => "idle", approvals => "approvals", approvers => "approvers",
        input => "input", streams => "streams", recorder_grace_s => "recorder_grace",
        reconnect_grace_s => "reconnect_grace", presence => "presence",
    }
}

fn settings<T: Compared>(id: &str, old: &T, new: &T, out: &mut Vec<Change>) {
    let keys = old.differing(new);
    if !keys.is_empty() {
        out.push(Change { what: What::Changed, table: "settings", id: id.to_owned(), keys });
    }
}

fn compare<T: Compared>(table: &'static str, old: &[T], new: &[T], id: impl Fn(&T) -> &str, out: &mut Vec<Change>) {
    let index = |objects| -> BTreeMap<_, &T> { <[T]>::iter(objects).map(|object| (id(object), object)).collect() };
    let (old, new) = (index(old), index(new));
    for (id, object) in &new {
        let (what, keys) = match old.get(id) {
            None => (What::Added, Vec::new()),
            Some(before) => (What::Changed, before.differing(object)),
        };
        if what == What::Added || !keys.is_empty() {
            out.push(Change { what, table, id: (*id).to_owned(), keys });
        }
    }
    for id in old.keys().filter(|id| !new.contains_key(*id)) {
        out.push(Change { what: What::Removed, table, id: (*id).to_owned(), keys: Vec::new() });
    }
}

impl Plant {
    /// What going from `old` to `new` would change: settings, then people, targets and conduits by
    /// id. The order of objects in their list is no change.
    pub fn changes(old: &Self, new: &Self) -> Vec<Change> {
        let mut out = Vec::new();
        settings("box", &old.box_facts, &new.box_facts, &mut out);
        settings("recording", &old.recording, &new.recording, &mut out);
        settings("limits", &old.limits, &new.limits, &mut out);
        settings("console", &old.console, &new.console, &mut out);
        settings("cutoff", &old.cutoff, &new.cutoff, &mut out);
        compare("person", &old.people, &new.people, |p| p.id.as_str(), &mut out);
        compare("target", &old.targets, &new.targets, |t| t.id.as_str(), &mut out);
        compare("conduit", &old.conduits, &new.conduits, |c| c.id.as_str(), &mut out);
        out
    }
}
