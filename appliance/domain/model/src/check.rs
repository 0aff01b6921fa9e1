//! Cross-references and ranges: what types alone can't hold.

use crate::keys::{is_public_key, is_recipient};
use crate::{Conduit, Person, PersonId, Plant, RecordingRules, RoleId, Target, Window};
use std::collections::BTreeSet;
use std::fmt::{self, Display};

/// One thing that is wrong: where, what, and what is allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The table: `box`, `recording`, `limits`, `console`, `cutoff`, `person`, `target`, `target.account`, `conduit`.
    pub table: &'static str,
    /// Which object of that table, from 0. Accounts count on over all targets, in their order.
    pub index: usize,
    /// The object's id (`target.account` for an account), or empty.
    pub id: String,
    /// The key, as the plant file names it.
    pub key: &'static str,
    /// Which entry, from 0, where the key holds a list and one entry is wrong.
    pub entry: Option<usize>,
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

/// Megabytes of disk that a rule may name: below this.
pub const MEGABYTES_END: u64 = 1 << 40;
/// The most failed tries before the longest wait.
pub const TRIES_MAX: u8 = 100;

struct Faults(Vec<Fault>);

/// The object that is being looked at.
struct At<'f> {
    faults: &'f mut Faults,
    table: &'static str,
    index: usize,
    id: String,
}

impl Faults {
    fn at(&mut self, table: &'static str, index: usize, id: impl Display) -> At<'_> {
        At { faults: self, table, index, id: id.to_string() }
    }

    /// Each id that stood before, in the table `table` whose first object has the index `first`.
    fn twice(&mut self, table: &'static str, first: usize, of: &str, ids: impl Iterator<Item = String>) {
        let mut seen = BTreeSet::new();
        for (offset, id) in ids.enumerate() {
            if !seen.insert(id.clone()) {
                let mut at = self.at(table, first + offset, format!("{of}{id}"));
                at.add("id", format!("{id} stands twice"), "give each one its own id");
            }
        }
    }
}

impl At<'_> {
    fn push(&mut self, key: &'static str, entry: Option<usize>, problem: String, allowed: &str) {
        let (table, index, id) = (self.table, self.index, self.id.clone());
        self.faults.0.push(Fault { table, index, id, key, entry, problem, allowed: allowed.to_owned() });
    }

    fn add(&mut self, key: &'static str, problem: String, allowed: &str) {
        self.push(key, None, problem, allowed);
    }

    fn entry(&mut self, key: &'static str, entry: usize, problem: String, allowed: &str) {
        self.push(key, Some(entry), problem, allowed);
    }

    /// Entries of a list that stood in it before.
    fn no_repeats<T: Display>(&mut self, key: &'static str, entries: &[T]) {
        let mut seen = BTreeSet::new();
        for (number, entry) in entries.iter().enumerate() {
            if !seen.insert(entry.to_string()) {
                self.entry(key, number, format!("{entry} stands twice"), "name each one once");
            }
        }
    }

    fn public_keys<T: AsRef<str>>(&mut self, key: &'static str, keys: impl Iterator<Item = T>) {
        for (number, _) in keys.enumerate().filter(|(_, line)| !is_public_key(line.as_ref())) {
            self.entry(key, number, "it is no whole public key".into(), "write one line of an OpenSSH public key: Ed25519, ECDSA or RSA, not cut short");
        }
    }
}

/// What conduits are held against, gathered once: a plant may have a thousand people.
struct Known<'p> {
    people: BTreeSet<&'p PersonId>,
    roles: BTreeSet<&'p RoleId>,
}

/// A name as the zone database has them: `Europe/Berlin`, `Etc/GMT+5`, `UTC`.
fn is_zone_name(text: &str) -> bool {
    let part = |p: &str| !p.is_empty() && p.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+-".contains(&b));
    text.as_bytes().first().is_some_and(u8::is_ascii_alphabetic) && text.split('/').all(part)
}

fn is_window(window: &Window) -> bool {
    let hours = window.from_minute < 1440 && window.to_minute <= 1440 && window.from_minute != window.to_minute;
    hours && (1..=0x7f).contains(&window.days)
}

impl Plant {
    /// Whether the plant makes sense as a whole.
    ///
    /// # Errors
    /// Every fault, not only the first.
    pub fn check(&self) -> Result<(), Vec<Fault>> {
        let mut faults = Faults(Vec::new());
        self.check_settings(&mut faults);
        faults.twice("person", 0, "", self.people.iter().map(|p| p.id.to_string()));
        faults.twice("target", 0, "", self.targets.iter().map(|t| t.id.to_string()));
        faults.twice("conduit", 0, "", self.conduits.iter().map(|c| c.id.to_string()));
        let mut users = BTreeSet::new();
        for (index, person) in self.people.iter().enumerate() {
            check_person(faults.at("person", index, &person.id), person, &mut users);
        }
        let mut accounts = 0;
        for (index, target) in self.targets.iter().enumerate() {
            check_target(faults.at("target", index, &target.id), target);
            let ids = target.accounts.iter().map(|a| a.id.to_string());
            faults.twice("target.account", accounts, &format!("{}.", target.id), ids);
            for (offset, account) in target.accounts.iter().enumerate().filter(|(_, a)| a.user.is_empty()) {
                let mut at = faults.at("target.account", accounts + offset, format!("{}.{}", target.id, account.id));
                at.add("user", "it is empty".into(), "write the user's name on the machine");
            }
            accounts += target.accounts.len();
        }
        let known = Known {
            people: self.people.iter().map(|p| &p.id).collect(),
            roles: self.people.iter().flat_map(|p| p.roles.iter()).collect(),
        };
        for (index, conduit) in self.conduits.iter().enumerate() {
            let mut at = faults.at("conduit", index, &conduit.id);
            check_people(&mut at, conduit, &known);
            self.check_destinations(&mut at, conduit);
            check_rules(&mut at, conduit, self.people.iter().any(|p| p.console));
        }
        if faults.0.is_empty() { Ok(()) } else { Err(faults.0) }
    }

    fn check_settings(&self, faults: &mut Faults) {
        let mut at = faults.at("box", 0, "");
        if PersonId::parse(&self.box_facts.name).is_err() {
            at.add("name", format!("{:?} is no name of a box", self.box_facts.name), "write 1 to 32 of a-z, 0-9, _ and -");
        }
        if !is_zone_name(&self.box_facts.zone_time) {
            let problem = format!("{:?} is no time zone", self.box_facts.zone_time);
            at.add("zone_time", problem, "write an IANA name, as \"Europe/Berlin\"");
        }
        check_recording(faults.at("recording", 0, ""), &self.recording);
        if !(1..=TRIES_MAX).contains(&self.limits.tries_before_lockout) {
            let problem = format!("{} is out of range", self.limits.tries_before_lockout);
            faults.at("limits", 0, "").add("tries_before_lockout", problem, "from 1 to 100");
        }
        if !(10..=3_600).contains(&self.console.lock_after_s) {
            let problem = format!("{} s is out of range", self.console.lock_after_s);
            faults.at("console", 0, "").add("lock_after", problem, "from 10 seconds to 1 hour");
        }
        if self.cutoff.drill.is_some_and(|at| at.day > 6 || at.minute >= 1440) {
            faults.at("cutoff", 0, "").add("drill", "it is no time of a week".into(), "write a day and a time, as \"mon 03:00\"");
        }
    }

    fn check_destinations(&self, at: &mut At<'_>, conduit: &Conduit) {
        if conduit.targets.is_empty() {
            at.add("targets", "it leads nowhere".into(), "name at least one target");
        }
        at.no_repeats("targets", &conduit.targets);
        for (number, to) in conduit.targets.iter().enumerate() {
            let Some(target) = self.target(&to.target) else {
                at.entry("targets", number, format!("there is no target {}", to.target), "name the id of a [[target]]");
                continue;
            };
            if let Some(account) = to.account.as_ref().filter(|a| target.account(a.as_str()).is_none()) {
                at.entry("targets", number, format!("{} has no account {account}", to.target), "name one of its accounts");
            }
        }
    }
}

fn check_recording(mut at: At<'_>, rules: &RecordingRules) {
    if rules.auditors.is_empty() {
        at.add("auditors", "no auditor is named".into(), "name at least one age recipient, as \"age1...\"");
    }
    at.no_repeats("auditors", &rules.auditors);
    for (number, recipient) in rules.auditors.iter().enumerate().filter(|(_, r)| !is_recipient(r)) {
        // Somebody may have pasted the identity: it is not said back.
        let secret = recipient.to_ascii_uppercase().contains("SECRET");
        let problem = if secret { "a secret key stands here".into() } else { format!("{recipient:?} is no whole age recipient") };
        at.entry("auditors", number, problem, "write the public half, as \"age1...\"");
    }
    for (key, megabytes) in [("refuse_below_mb", rules.refuse_below_mb), ("warn_below_mb", rules.warn_below_mb)] {
        if megabytes >= MEGABYTES_END {
            at.add(key, format!("{megabytes} MB is out of range"), "fewer than 1099511627776");
        }
    }
    if rules.warn_below_mb < rules.refuse_below_mb {
        at.add("warn_below_mb", "it is below refuse_below_mb".into(), "warn before refusing");
    }
}

fn check_person(mut at: At<'_>, person: &Person, users: &mut BTreeSet<u32>) {
    at.no_repeats("roles", &person.roles);
    at.public_keys("keys", person.keys.iter().map(|k| k.as_str()));
    at.no_repeats_of_keys(person);
    if let Some(uid) = person.local_uid.filter(|uid| !users.insert(*uid)) {
        at.add("local_uid", format!("{uid} is another person's too"), "one user of the box is one person");
    }
}

impl At<'_> {
    /// Not named in the message: a key line is long, and its place says which.
    fn no_repeats_of_keys(&mut self, person: &Person) {
        let mut seen = BTreeSet::new();
        for (number, _) in person.keys.iter().enumerate().filter(|(_, line)| !seen.insert(line.as_str())) {
            self.entry("keys", number, "this key stands twice".into(), "name each one once");
        }
    }
}

fn check_target(mut at: At<'_>, target: &Target) {
    if target.port == 0 {
        at.add("port", "0 is no port".into(), "from 1 to 65535");
    }
    if target.address.is_unspecified() || target.address.is_multicast() {
        at.add("address", format!("{} is no machine's address", target.address), "write the address of one machine");
    }
    at.public_keys("host_keys", target.host_keys.iter().map(|k| k.as_str()));
    if target.accounts.is_empty() {
        at.add("account", "it has no account".into(), "name at least one [[target.account]]");
    }
}

fn check_people(at: &mut At<'_>, conduit: &Conduit, known: &Known<'_>) {
    at.no_repeats("people", &conduit.people);
    at.no_repeats("roles", &conduit.roles);
    at.no_repeats("approvers", &conduit.approvers);
    if conduit.people.is_empty() && conduit.roles.is_empty() {
        at.add("people", "it names nobody".into(), "name people or roles");
    }
    for (number, person) in conduit.people.iter().enumerate().filter(|(_, p)| !known.people.contains(p)) {
        at.entry("people", number, format!("there is no person {person}"), "name the id of a [[person]]");
    }
    // A role that is empty for now may stand beside others; a conduit that lets nobody in is a slip.
    let somebody = !conduit.people.is_empty() || conduit.roles.iter().any(|role| known.roles.contains(role));
    if !somebody && !conduit.roles.is_empty() {
        at.add("roles", "nobody has one of these roles".into(), "name a role of a [[person]]");
    }
    if conduit.approvals > 0 && conduit.approvers.is_empty() {
        at.add("approvers", "nobody may approve".into(), "name at least one role");
    }
    for (number, role) in conduit.approvers.iter().enumerate().filter(|(_, r)| !known.roles.contains(r)) {
        at.entry("approvers", number, format!("nobody has the role {role}"), "name a role of a [[person]]");
    }
}

fn check_rules(at: &mut At<'_>, conduit: &Conduit, somebody_unlocks: bool) {
    for (number, _) in conduit.windows.iter().enumerate().filter(|(_, w)| !is_window(w)) {
        at.entry("windows", number, "a window is empty".into(), "write days and hours, as \"mon-fri 08:00-18:00\"");
    }
    if !(60..=86_400).contains(&conduit.longest_s) {
        at.add("longest", format!("{} s is out of range", conduit.longest_s), "from 1 minute to 24 hours");
    }
    if conduit.presence && !somebody_unlocks {
        let allowed = "write console = true for a [[person]] who may unlock the console at the box";
        at.add("presence", "nobody could admit its sessions".into(), allowed);
    }
    if conduit.approvals > 2 {
        at.add("approvals", format!("{} are too many", conduit.approvals), "0, 1 or 2");
    }
}
