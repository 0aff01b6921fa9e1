//! The limiter of failed logins.
//!
//! After each failure a person and a source wait, twice as long each time, up to a lockout. A
//! person's wait holds from wherever the next try comes, and a source's whoever it tries next. Both
//! tables are bounded, and filling one up cannot shorten a wait: an entry that waits is never
//! evicted, and of the others those with the fewest failures go first. If all of a table waits,
//! whoever is not in it waits too. The box's own console is never subject to any of this: who stands
//! at the box must not be locked out from afar.
//!
//! Names are counted whether they exist or not, so that waiting tells nothing about that. Ask, check
//! and report one login at a time: tries that are checked side by side would share one answer.

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// Most persons, and most sources, that are remembered.
pub const TABLE_LIMIT: usize = 10_000;
/// Names are told apart by this many bytes; longer ones share their entry.
const NAME_LIMIT: usize = 64;

/// How long failures make wait. Times are in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Wait after the first failure that counts; doubled by each further one.
    pub first_us: u64,
    /// The longest wait.
    pub lockout_us: u64,
    /// Failures of a source without a wait: many people may share an address.
    pub source_free: u32,
    /// An entry without failures for this long after its wait is forgotten.
    pub forget_us: u64,
}

impl Default for Limits {
    /// 1 s, doubled up to 15 min; 5 free for a source; forgotten after a day.
    fn default() -> Self {
        Self {
            first_us: 1_000_000,
            lockout_us: 900_000_000,
            source_free: 5,
            forget_us: 86_400_000_000,
        }
    }
}

/// Where somebody tries to log in from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The screen and keys of the box.
    Console,
    /// A PIN at the box: its person alone waits. Counted in a limiter of its own, which nothing from afar reaches.
    Pin,
    /// The network. Of an IPv6 address the /64 counts, since whoever has one has all of it.
    Network(IpAddr),
}

/// Too early: no try before `until_us`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait {
    /// The first moment for the next try, in microseconds.
    pub until_us: u64,
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "too many failed logins; try again later, or at the box's console")
    }
}

impl std::error::Error for Wait {}

#[derive(Clone, Copy)]
struct Entry {
    failures: u32,
    until_us: u64,
    last_us: u64,
}

struct Table<K> {
    entries: HashMap<K, Entry>,
    limit: usize,
}

impl<K: std::hash::Hash + Eq + Clone + Ord> Table<K> {
    fn new(limit: usize) -> Self {
        Self { entries: HashMap::new(), limit }
    }

    /// When `key` may try.
    fn until(&self, now_us: u64, key: &K) -> u64 {
        match self.entries.get(key) {
            Some(entry) => entry.until_us,
            None if self.entries.len() < self.limit => 0,
            // Could not be remembered while all entries wait: waits for the first of them.
            None => match self.entries.values().map(|e| e.until_us).min() {
                Some(first) if first > now_us => first,
                Some(_) | None => 0,
            },
        }
    }

    fn failed(&mut self, now_us: u64, key: K, free: u32, limits: &Limits) {
        let old =
            self.entries.get(&key).filter(|e| now_us < e.until_us.saturating_add(limits.forget_us));
        let failures = old.map_or(0, |e| e.failures).saturating_add(1);
        if !self.entries.contains_key(&key)
            && self.entries.len() >= self.limit
            && !self.evict(now_us)
        {
            return;
        }
        let until_us = match failures.checked_sub(free + 1) {
            None => now_us,
            Some(doublings) => {
                let factor = 1_u64.checked_shl(doublings).unwrap_or(u64::MAX);
                now_us.saturating_add(limits.first_us.saturating_mul(factor).min(limits.lockout_us))
            }
        };
        // A failure that was under way while another counted never shortens a wait.
        let until_us = until_us.max(self.entries.get(&key).map_or(0, |e| e.until_us));
        self.entries.insert(key, Entry { failures, until_us, last_us: now_us });
    }

    /// Makes room; false if every entry waits.
    fn evict(&mut self, now_us: u64) -> bool {
        let free = self.entries.iter().filter(|(_, e)| e.until_us <= now_us);
        // The key breaks ties, so that the same history always evicts the same.
        let Some(key) =
            free.min_by_key(|(k, e)| (e.failures, e.last_us, *k)).map(|(k, _)| k.clone())
        else {
            return false;
        };
        self.entries.remove(&key);
        true
    }
}

/// Failed logins per person and per source. Times are microseconds of a clock that does not jump.
pub struct Tries {
    limits: Limits,
    persons: Table<String>,
    sources: Table<IpAddr>,
}

impl Tries {
    /// A limiter that has seen no failure.
    pub fn new(limits: Limits) -> Self {
        Self { limits, persons: Table::new(TABLE_LIMIT), sources: Table::new(TABLE_LIMIT) }
    }

    /// Whether a login of `person` from `origin` may be checked now.
    ///
    /// # Errors
    /// [`Wait`] says until when not. Never from the console.
    pub fn may_try(&self, now_us: u64, person: &str, origin: Origin) -> Result<(), Wait> {
        let address = match origin {
            Origin::Console => return Ok(()),
            Origin::Pin => None,
            Origin::Network(address) => Some(address),
        };
        let person = self.persons.until(now_us, &name(person));
        let source = address.map_or(0, |address| self.sources.until(now_us, &network(address)));
        let until_us = person.max(source);
        if until_us > now_us { Err(Wait { until_us }) } else { Ok(()) }
    }

    /// Counts a login that was checked and refused. At the console nothing is counted.
    pub fn failed(&mut self, now_us: u64, person: &str, origin: Origin) {
        let address = match origin {
            Origin::Console => return,
            Origin::Pin => return self.persons.failed(now_us, name(person), 0, &self.limits),
            Origin::Network(address) => address,
        };
        self.persons.failed(now_us, name(person), 0, &self.limits);
        self.sources.failed(now_us, network(address), self.limits.source_free, &self.limits);
    }

    /// Forgets the failures of a person who has logged in, from anywhere. Those of the source stay:
    /// else one good login of one's own would pay for guesses at others.
    pub fn succeeded(&mut self, person: &str) {
        self.persons.entries.remove(&name(person));
    }
}

fn name(person: &str) -> String {
    let end = (0..=NAME_LIMIT.min(person.len())).rev().find(|&i| person.is_char_boundary(i));
    person[..end.unwrap_or(0)].to_owned()
}

fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    const S: u64 = 1_000_000;

    fn from(n: u32) -> Origin {
        Origin::Network(IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + n)))
    }

    fn until(tries: &Tries, now: u64, person: &str, origin: Origin) -> Option<u64> {
        tries.may_try(now, person, origin).err().map(|wait| wait.until_us)
    }

    #[test]
    fn a_persons_wait_doubles_up_to_the_lockout_from_any_source() {
        let mut tries = Tries::new(Limits::default());
        let mut now = 10 * S;
        let mut waits = Vec::new();
        for n in 0..12 {
            assert_eq!(tries.may_try(now, "ann", from(n)), Ok(()));
            tries.failed(now, "ann", from(n));
            let end = until(&tries, now, "ann", from(1000 + n)).unwrap();
            assert!(tries.may_try(end - 1, "ann", from(2000)).is_err());
            waits.push((end - now) / S);
            now = end;
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]);
        assert_eq!(tries.may_try(0, "bob", from(5000)), Ok(()), "others do not wait");
    }

    #[test]
    fn a_source_waits_whoever_it_tries() {
        let mut tries = Tries::new(Limits::default());
        for n in 0..6 {
            assert_eq!(until(&tries, 0, "new", from(1)), None);
            tries.failed(0, &format!("p{n}"), from(1));
        }
        assert_eq!(until(&tries, 0, "new", from(1)), Some(S));
        assert_eq!(until(&tries, 0, "new", from(2)), None);
    }

    #[test]
    fn an_ipv6_source_is_its_64_and_a_mapped_ipv4_is_itself() {
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        assert_eq!(network(address("2001:db8::1")), network(address("2001:db8::ffff:1")));
        assert_ne!(network(address("2001:db8::1")), network(address("2001:db8:0:1::1")));
        assert_eq!(network(address("::ffff:10.0.0.1")), address("10.0.0.1"));
    }

    #[test]
    fn success_clears_the_person_but_not_the_source() {
        let mut tries = Tries::new(Limits::default());
        for n in 0..7 {
            tries.failed(0, if n == 0 { "ann" } else { "bob" }, from(1));
        }
        tries.succeeded("ann");
        assert_eq!(until(&tries, 0, "ann", from(2)), None);
        assert_eq!(until(&tries, 0, "ann", from(1)), Some(2 * S));
        assert!(until(&tries, 0, "bob", from(2)).is_some());
    }

    #[test]
    fn a_wrong_pin_makes_its_person_wait_and_nobody_else() {
        let mut tries = Tries::new(Limits::default());
        (0..20).for_each(|_| tries.failed(0, "ann", Origin::Pin));
        assert_eq!(until(&tries, 0, "ann", Origin::Pin), Some(900 * S));
        assert_eq!(until(&tries, 0, "bob", Origin::Pin), None, "the console has no source that waits");
    }

    #[test]
    fn the_console_never_waits_and_never_makes_wait() {
        let mut tries = Tries::new(Limits::default());
        for _ in 0..100 {
            tries.failed(0, "ann", from(1));
        }
        assert_eq!(tries.may_try(0, "ann", Origin::Console), Ok(()));
        for _ in 0..100 {
            tries.failed(0, "bob", Origin::Console);
        }
        assert_eq!(tries.may_try(0, "bob", from(2)), Ok(()));
    }

    #[test]
    fn failures_are_forgotten_after_their_time_and_not_before() {
        let limits = Limits::default();
        let mut tries = Tries::new(limits);
        tries.failed(0, "ann", from(1));
        tries.failed(S, "ann", from(1));
        let edge = 3 * S + limits.forget_us;
        tries.failed(edge - 1, "ann", from(1));
        assert_eq!(until(&tries, edge - 1, "ann", from(9)), Some(edge - 1 + 4 * S));
        let later = edge + 4 * S + limits.forget_us;
        tries.failed(later, "ann", from(1));
        assert_eq!(until(&tries, later, "ann", from(9)), Some(later + S));
    }

    #[test]
    fn flooding_the_table_unlocks_nobody() {
        // Small tables: the rule is the same, the test is quick.
        let (persons, sources) = (Table::new(300), Table::new(300));
        let mut tries = Tries { limits: Limits::default(), persons, sources };
        let mut now = 0;
        for _ in 0..10 {
            tries.failed(now, "victim", from(0));
            now = until(&tries, now, "victim", from(1)).unwrap();
        }
        let (locked, mut clock) = (now, now - 500 * S);
        for n in 0..1_500_u32 {
            clock += 200_000;
            tries.failed(clock, &format!("n{n}"), from(n));
        }
        assert!(tries.persons.entries.len() == 300 && tries.sources.entries.len() == 300);
        assert_eq!(until(&tries, clock, "victim", from(99_999)), Some(locked));
        // And after the wait the count is still there: the next failure locks for longest.
        for n in 0..1_100_u32 {
            tries.failed(locked + 2 * S * u64::from(n), &format!("m{n}"), from(n));
        }
        let end = locked + 2_201 * S;
        tries.failed(end, "victim", from(0));
        assert_eq!(until(&tries, end, "victim", from(99_999)), Some(end + 900 * S));
    }

    #[test]
    fn a_table_full_of_waiting_entries_makes_strangers_wait() {
        let mut tries = Tries::new(Limits::default());
        for n in 0..TABLE_LIMIT as u32 {
            tries.failed(0, &format!("n{n}"), from(n));
        }
        tries.failed(0, "late", from(1_000_000));
        assert_eq!(tries.persons.entries.len(), TABLE_LIMIT);
        assert_eq!(until(&tries, 0, "late", from(1_000_001)), Some(S));
        assert_eq!(until(&tries, S, "late", from(1_000_001)), None);
        assert_eq!(tries.may_try(0, "late", Origin::Console), Ok(()));
    }

    #[test]
    fn names_without_bounds_are_cut_at_a_character() {
        assert_eq!(name(&"ä".repeat(1000)).len(), 64);
        assert_eq!(name(&format!("a{}", "ä".repeat(1000))).len(), 63);
        assert_eq!(name("ann"), "ann");
    }
}
