//! The phase tables: whatever is sent in whatever order, a guard lets pass what its table names.

use crate::chance::grown;
use border::{Guard, Row};
use codec::Wire;
use std::fmt::Debug;
use std::sync::LazyLock;

type Names = LazyLock<Vec<&'static str>>;

/// The names of all messages of a border, read off valid ones.
fn names<T: Wire>(name: fn(&T) -> &'static str) -> Vec<&'static str> {
    let mut forms = Vec::new();
    grown::<T>(&mut forms);
    let mut names: Vec<_> = forms.iter().filter_map(|form| codec::decode::<T>(form).ok()).map(|m| name(&m)).collect();
    names.push("Invented");
    names.dedup();
    names
}

/// Sends the messages that `bytes` choose; what passed, in order. Refused ones move nothing.
fn walk<P: Copy + PartialEq + Debug>(table: &'static [Row<P>], start: P, names: &Names, bytes: &[u8]) -> Vec<&'static str> {
    let mut guard = Guard::new(table, start);
    let mut passed = Vec::new();
    for &byte in bytes {
        let name = names[usize::from(byte) % names.len()];
        let before = guard.phase();
        match guard.pass(name) {
            Ok(()) => passed.push(name),
            Err(why) => {
                assert!(guard.phase() == before && why.message == name, "a refused message moves nothing");
                crate::shown::line(&why.to_string());
            }
        }
    }
    assert!(!passed.contains(&"Invented"), "a message passed that is none");
    passed
}

fn count(passed: &[&str], name: &str) -> usize {
    passed.iter().filter(|passed| **passed == name).count()
}

/// After `last`, of which one passes, only `may` passes.
fn ends(passed: &[&str], last: &str, may: &[&str]) {
    let mut after = passed.iter().skip_while(|name| **name != last).skip(1);
    assert!(after.all(|name| may.contains(name)), "more passed after {last}: {passed:?}");
}

/// No order of messages passes a guard that its border does not mean to allow: what comes once comes
/// once, what comes first comes first, and nothing follows what is last.
///
/// # Panics
/// If one does.
pub fn holds(bytes: &[u8]) {
    static FRONT: Names = LazyLock::new(|| names(border::front::Request::name));
    static RECORD: Names = LazyLock::new(|| names(border::record::Entry::name));
    static MEDIATION: Names = LazyLock::new(|| names(border::mediation::Order::name));
    static MACHINE: Names = LazyLock::new(|| names(border::machine::Event::name));
    static SECRETS: Names = LazyLock::new(|| names(border::secrets::Request::name));
    static ADMIN: Names = LazyLock::new(|| names(border::admin::Request::name));
    static UP: Names = LazyLock::new(|| names(border::work::Up::name));
    use border::{admin, front, machine, mediation, record, secrets, work};

    let login = walk(front::REQUESTS, front::Phase::Login, &FRONT, bytes);
    assert!(login.iter().all(|name| name.starts_with("Key")), "a front asks before its person is known: {login:?}");
    let known = walk(front::REQUESTS, front::Phase::Known, &FRONT, bytes);
    assert!(!known.iter().any(|name| name.starts_with("Key")), "a second login: {known:?}");
    assert!(count(&known, "Want") <= 1, "two sessions at once: {known:?}");
    ends(&known, "Want", &["Refused"]);

    let record = walk(record::ENTRIES, record::Phase::Start, &RECORD, bytes);
    assert!(record.first().is_none_or(|first| *first == "Header") && count(&record, "Header") <= 1, "{record:?}");
    ends(&record, "End", &[]);

    let orders = walk(mediation::ORDERS, mediation::Phase::Start, &MEDIATION, bytes);
    assert!(orders.first().is_none_or(|first| *first == "Start") && count(&orders, "Start") <= 1, "{orders:?}");

    let machine = walk(machine::EVENTS, machine::Phase::Connecting, &MACHINE, bytes);
    assert!(count(&machine, "HostKeySeen") <= 1 && count(&machine, "Ready") <= 1, "{machine:?}");
    assert!(machine.first().is_none_or(|first| *first != "Ready"), "logged in without a host key: {machine:?}");
    ends(&machine, "Ready", &[]);
    ends(&machine, "Failed", &[]);

    let secrets = walk(secrets::REQUESTS, secrets::Phase::Start, &SECRETS, bytes);
    assert!(secrets.first().is_none_or(|first| *first == "HostKey") && count(&secrets, "HostKey") <= 1, "{secrets:?}");

    let asked = walk(admin::REQUESTS, admin::Phase::Open, &ADMIN, bytes);
    assert!(asked.len() <= 1, "two requests on one connection: {asked:?}");
    let up = walk(work::UP, work::Phase::Open, &UP, bytes);
    assert!(!up.contains(&"Notice") && !up.contains(&"End"), "a back speaks as the box");
}

/// Each message alone, and rows of them.
pub fn seeds() -> Vec<Vec<u8>> {
    (0..16).map(|n| vec![n]).chain((0..16).map(|n: u8| (0..12).map(|k| k * n).collect())).collect()
}
