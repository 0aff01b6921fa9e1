//! Cross-references and ranges: what types alone can't hold.

use crate::{Conduit, Plant};
use std::collections::BTreeSet;
use std::fmt::{self, Display};

/// One thing that is wrong: where, what, and what is allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The table: `person`, `target`, `conduit`, `recording`, `box`, `limits`.
    pub table: &'static str,
    /// The object's id, or empty.
    pub id: String,
    /// The key.
    pub key: &'static str,
    /// What is wrong.
    pub problem: String,
    /// What is allowed.
    pub allowed: String,
}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = if self.id.is_empty() { String::new() } else { format!(" {}", self.id) };
        write!(f, "{}{id}.{}: {}; {}", self.table, self.key, self.problem, self.allowed)
    }
}

struct Faults(Vec<Fault>);

impl Faults {
    fn add(&mut self, table: &'static str, id: impl Display, key: &'static str, problem: String, allowed: &str) {
        self.0.push(Fault { table, id: id.to_string(), key, problem, allowed: allowed.to_owned() });
    }

    fn twice(&mut self, table: &'static str, ids: impl Iterator<Item = String>) {
        let mut seen = BTreeSet::new();
        for id in ids {
            if !seen.insert(id.clone()) {
                self.add(table, &id, "id", format!("{id} stands twice"), "give each one its own id");
            }
        }
    }
}

impl Plant {
    /// Whether the plant makes sense as a whole.
    ///
    /// # Errors
    /// Every fault, not only the first.
    pub fn check(&self) -> Result<(), Vec<Fault>> {
        let mut faults = Faults(Vec::new());
        faults.twice("person", self.people.iter().map(|p| p.id.to_string()));
        faults.twice("target", self.targets.iter().map(|t| t.id.to_string()));
        faults.twice("conduit", self.conduits.iter().map(|c| c.id.to_string()));
        if self.recording.auditors.is_empty() {
            faults.add("recording", "", "auditors", "no auditor is named".into(), "name at least one age recipient, as \"age1...\"");
        }
        for recipient in self.recording.auditors.iter().filter(|r| !r.starts_with("age1")) {
            faults.add("recording", "", "auditors", format!("{recipient:?} is no age recipient"), "recipients begin with \"age1\"");
        }
        if self.recording.warn_below_mb < self.recording.refuse_below_mb {
            faults.add("recording", "", "warn_below_mb", "it is below refuse_below_mb".into(), "warn before refusing");
        }
        for target in self.targets.iter() {
            faults.twice("target.account", target.accounts.iter().map(|a| a.id.to_string()));
            if target.accounts.is_empty() {
                faults.add("target", &target.id, "account", "it has no account".into(), "name at least one [[target.account]]");
            }
        }
        for conduit in self.conduits.iter() {
            self.check_conduit(conduit, &mut faults);
        }
        if faults.0.is_empty() { Ok(()) } else { Err(faults.0) }
    }

    fn check_conduit(&self, conduit: &Conduit, faults: &mut Faults) {
        let id = &conduit.id;
        let mut add = |key, problem: String, allowed: &str| faults.add("conduit", id, key, problem, allowed);
        if conduit.people.is_empty() && conduit.roles.is_empty() {
            add("people", "it names nobody".into(), "name people or roles");
        }
        for person in conduit.people.iter().filter(|p| self.person(p).is_none()) {
            add("people", format!("there is no person {person}"), "name the id of a [[person]]");
        }
        if conduit.targets.is_empty() {
            add("targets", "it leads nowhere".into(), "name at least one target");
        }
        for to in conduit.targets.iter() {
            match self.target(&to.target) {
                None => add("targets", format!("there is no target {}", to.target), "name the id of a [[target]]"),
                Some(target) => {
                    if let Some(account) = to.account.as_ref().filter(|a| target.account(a.as_str()).is_none()) {
                        add("targets", format!("{} has no account {account}", to.target), "name one of its accounts");
                    }
                }
            }
        }
        for window in conduit.windows.iter() {
            if window.days == 0 || window.days > 0x7f || window.from_minute == window.to_minute || window.from_minute >= 1440 || window.to_minute > 1440 {
                add("windows", "a window is empty".into(), "write days and hours, as \"mon-fri 08:00-18:00\"");
            }
        }
        if !(60..=86_400).contains(&conduit.longest_s) {
            add("longest", format!("{} s is out of range", conduit.longest_s), "from 1 minute to 24 hours");
        }
        if conduit.approvals > 2 {
            add("approvals", format!("{} are too many", conduit.approvals), "0, 1 or 2");
        }
        if conduit.approvals > 0 && conduit.approvers.is_empty() {
            add("approvers", "nobody may approve".into(), "name at least one role");
        }
    }
}
